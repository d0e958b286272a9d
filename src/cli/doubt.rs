//! `fovea doubt`: teaching a model when its answer is not to be relied on.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use burn::tensor::Device;
use clap::{Args, Subcommand};

use super::bundle_file;
use super::photos::{self, Divided, MadeOf};
use super::progress::bar;
use super::{output, quoted};
use crate::bundle::{Bundle, Manifest};
use crate::evaluation::table;
use crate::grader::Grader;
use crate::network::Views;
use crate::training::doubt::{COVERAGE, Looked};
use crate::training::export::{can_write, write_whole};
use crate::training::objective::Objective;
use crate::training::predict;
use crate::training::settle::{self, Wanted};
use crate::training::split::{self, Part};

/// When a model's answer is unsure and a person has to read the photo
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Fit(FitArguments),
}

/// Fit a model's doubt to its validation photos and write it into its model.json
///
/// Each photo is looked at again, mirrored and turned. What tells wrong answers from
/// right ones goes into the manifest, and with it the temperature and the lines that
/// fit what is answered then; the weights stay as they are. `fovea evaluate --doubt`
/// measures it.
#[derive(Args)]
struct FitArguments {
    /// Folder of labelled photos; may be given several times
    #[arg(long, required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// The model's split of them [default: the split.csv beside it; docs/model-split.csv for the
    /// shipped one]
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// The model: its model.json or the folder of it [default: the shipped one]
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// Share of these photos that are to be answered; the others are unsure
    #[arg(long, default_value_t = COVERAGE)]
    coverage: f64,
    /// Keep what the network gives in this file, and start from it where it is there
    #[arg(long, value_name = "FILE")]
    outputs: Option<PathBuf>,
}

/// Fits, prints the figures and writes the manifest.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Command::Fit(arguments) = &arguments.command;
    if !(0.0..=1.0).contains(&arguments.coverage) {
        bail!("--coverage is a share between 0 and 1");
    }
    let path = arguments
        .bundle
        .clone()
        .unwrap_or_else(bundle_file::default_path);
    let bundle = bundle_file::open(&path)?;
    let file = bundle_file::manifest_path(&path);
    can_write(&file).map_err(|error| anyhow!(error))?;
    let split = match &arguments.split {
        Some(named) => named.clone(),
        None => photos::split_of(&path)?,
    };
    let divided = Divided::read(&arguments.data, &split)?;
    let looked = photos::kept(
        arguments.outputs.as_deref(),
        &made_of(&divided, &bundle.manifest)?,
        || look(&divided, &bundle),
    )?;
    let manifest = bundle.manifest;
    let settled = settle::settle(
        &looked,
        Wanted {
            objective: match manifest.calibration.cumulative_link {
                Some(_) => Objective::Ordinal,
                None => Objective::CrossEntropy,
            },
            views: Views::of(manifest.test_time_flips),
            coverage: arguments.coverage,
            command: &command(arguments, &split),
        },
        &|sentence| output::aside(sentence),
    )
    .map_err(|error| anyhow!(error))?;
    let Some(fitted) = settled.calibrated.doubt else {
        bail!("{} stays as it was", path.display());
    };
    let mut figures = fitted.figures.iter();
    let printed = figures.try_for_each(|set| output::line(table::doubt(set)));
    let manifest = Manifest {
        calibration: settled.calibrated.calibration,
        thresholds: settled.calibrated.thresholds,
        doubt: Some(fitted),
        figures: settled.figures,
        ..manifest
    };
    let json = manifest.to_json();
    Manifest::from_json(json.as_bytes())?;
    write_whole(&file, json.as_bytes()).map_err(|error| anyhow!(error))?;
    output::aside(file.display());
    printed?;
    Ok(ExitCode::SUCCESS)
}

/// This command as it would be typed again: what is kept in a file changes
/// nothing, and which folder the model lies in is not the reader's.
fn command(arguments: &FitArguments, split: &Path) -> String {
    let mut words = vec!["fovea doubt fit".to_owned()];
    for folder in &arguments.data {
        words.push(format!("--data {}", quoted(folder)));
    }
    words.push(format!("--split {}", quoted(split)));
    words.push(format!("--coverage {}", arguments.coverage));
    words.join(" ")
}

/// What decides what the network gives.
fn made_of(divided: &Divided, manifest: &Manifest) -> Result<MadeOf> {
    let shown = serde_json::to_string(&(&manifest.preprocessing, manifest.test_time_flips))?;
    let model = format!("{} {shown}", manifest.weights.sha256);
    let mut made_of = divided.made_of();
    made_of.insert("--bundle", model);
    Ok(made_of)
}

/// Looks at every validation photo, once as the grader does and again.
fn look(divided: &Divided, bundle: &Bundle) -> Result<Vec<Looked>> {
    let records = divided.part(Part::Validation);
    let settings = &bundle.manifest.preprocessing;
    let pictures = photos::prepare(&records, settings)?;
    let device = Device::flex();
    let grader = Grader::new(bundle, device.clone(), "cpu")?;
    let progress = bar("Grading", pictures.len());
    let done = |done| progress.set_position(done as u64);
    let views = Views::of(bundle.manifest.test_time_flips);
    let first = predict::outputs(grader.network(), &pictures, settings, views, &device, &done);
    progress.finish_and_clear();
    let progress = bar("Looking again", pictures.len());
    let done = |done| progress.set_position(done as u64);
    let further = predict::further(grader.network(), &pictures, settings, &device, &done);
    progress.finish_and_clear();
    let patients = split::patients(&records);
    Ok(records
        .into_iter()
        .zip(patients)
        .zip(first.into_iter().zip(further))
        .map(|((record, patient), (first, further))| Looked {
            dataset: record.dataset,
            grade: record.grade,
            patient,
            first,
            further,
        })
        .collect())
}
