//! `fovea edema`: teaching a model the risk of macular oedema beside the grade.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use burn::tensor::Device;
use clap::{Args, Subcommand};

use super::bundle_file;
use super::photos::{self, Divided};
use super::progress::Terminal;
use super::{output, quoted};
use crate::bundle::{Bundle, Edema, Manifest};
use crate::counted::counted;
use crate::grader::Grader;
use crate::network::{self, Views};
use crate::training::dataset::Record;
use crate::training::edema::{self, Labelled, Pupil, Taught};
use crate::training::export;
use crate::training::split::Part;

/// The risk of macular oedema beside the grade
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Fit(FitArguments),
}

/// Teach a model the risk of macular oedema and write it into its files
///
/// Photos whose table has that risk (IDRiD's has) teach a layer beside the last one: those of
/// the split's training side its weights, those of validation its temperature and its line of
/// referral. Every grade stays as it was. A training does this by itself where its photos have
/// such labels. The model gets a new weights file; the old one goes. `fovea evaluate` measures
/// it.
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
}

/// Teaches, prints the figures and writes weights and manifest.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Command::Fit(arguments) = &arguments.command;
    let path = arguments
        .bundle
        .clone()
        .unwrap_or_else(bundle_file::default_path);
    let bundle = without_head(bundle_file::open(&path)?);
    let file = bundle_file::manifest_path(&path);
    export::can_write(&file).map_err(|error| anyhow!(error))?;
    let split = match &arguments.split {
        Some(named) => named.clone(),
        None => photos::split_of(&path)?,
    };
    let taught = teach(arguments, &split, &bundle)?;
    let printed = print(&taught.edema);

    let former = bundle.manifest.weights.file.clone();
    let weights = network::with_beside(&bundle.weights, taught.weight, taught.bias);
    let (weights, bytes) =
        export::packed(&bundle.manifest.name, &weights).map_err(|error| anyhow!(error))?;
    let manifest = Manifest {
        intended_use: intended_use(&bundle.manifest.intended_use),
        edema: Some(taught.edema),
        weights,
        ..bundle.manifest
    };
    export::put(&file, &manifest, &bytes).map_err(|error| anyhow!(error))?;
    // A site would publish weights that no manifest speaks of.
    if manifest.weights.file != former {
        let former = file.with_file_name(former);
        std::fs::remove_file(&former).with_context(|| former.display().to_string())?;
    }
    output::aside(file.display());
    printed?;
    Ok(ExitCode::SUCCESS)
}

/// The model before it was taught, where it was.
fn without_head(bundle: Bundle) -> Bundle {
    Bundle {
        weights: network::without_beside(&bundle.weights),
        manifest: Manifest {
            edema: None,
            ..bundle.manifest
        },
    }
}

fn teach(arguments: &FitArguments, split: &Path, bundle: &Bundle) -> Result<Taught> {
    let divided = Divided::read(&arguments.data, split)?;
    let train = edema::labelled(&divided.taught()?);
    let validation = edema::labelled(&divided.part(Part::Validation));
    edema::enough(&train, &validation).map_err(|error| anyhow!(error))?;
    let manifest = &bundle.manifest;
    let settings = &manifest.preprocessing;
    let prepared = |records: &[Record]| -> Result<Labelled> {
        Ok(Labelled::of(records, photos::prepare(records, settings)?))
    };
    let (train, validation) = (prepared(&train)?, prepared(&validation)?);
    let device = Device::flex();
    let grader = Grader::new(bundle, device.clone(), "cpu")?;
    let pupil = Pupil {
        network: grader.network(),
        settings,
        views: Views::of(manifest.test_time_flips),
        device: &device,
    };
    let command = command(arguments, split);
    edema::teach(&pupil, &train, &validation, &command, &Terminal::showing())
        .map_err(|error| anyhow!(error))
}

/// This command as it would be typed again; which folder the model lies in is not
/// the reader's.
fn command(arguments: &FitArguments, split: &Path) -> String {
    let mut words = vec!["fovea edema fit".to_owned()];
    for folder in &arguments.data {
        words.push(format!("--data {}", quoted(folder)));
    }
    words.push(format!("--split {}", quoted(split)));
    words.join(" ")
}

/// What the maker said the model is for, the part about oedema brought up to date
/// where it is as a training writes it.
fn intended_use(said: &str) -> String {
    if said == export::intended_use(false) {
        export::intended_use(true)
    } else {
        said.to_owned()
    }
}

fn print(edema: &Edema) -> Result<()> {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
    let of = &edema.figures;
    output::line(format_args!(
        "taught by {}, penalty {}",
        edema.taught_by, edema.penalty
    ))?;
    output::line(format_args!(
        "{}, {}: accuracy {:.3}, quadratic kappa {}, cross-entropy {:.3}, AUC of any risk \
         {}, ECE {:.3}, temperature {:.3}",
        of.dataset,
        counted(of.n, "photo"),
        of.accuracy,
        number(of.kappa_quadratic),
        of.cross_entropy,
        number(of.referable_auc),
        of.ece,
        edema.temperature
    ))?;
    let line = &edema.referable;
    output::line(format_args!(
        "any risk is referred from {:.3}: sensitivity {:.3}, specificity {:.3} on {}",
        line.threshold, line.sensitivity, line.specificity, line.fixed_on
    ))
}
