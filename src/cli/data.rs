//! `fovea data`: looking photos over before an hour is spent on training.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use image::ImageFormat;
use serde::Serialize;

use super::margin::MarginFlag;
use super::output;
use super::progress::bar;
use crate::counted::counted;
use crate::photo::{LocalMean, Preprocessing};
use crate::training::dataset::{self, Record};
use crate::training::export::can_write;
use crate::training::split::Split;
use crate::training::{check, contact_sheet, gate, pictures, prepared_folder};

/// Look over folders of labelled photos, and divide them
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(CheckArguments),
    Folds(FoldsArguments),
    Prepare(PrepareArguments),
}

/// Write photos as the network is shown them: the retina a disc on black
///
/// Each data set gets a folder with its pictures and a labels.csv, which this
/// program and others can read; photos keep their names, so that a split.csv of
/// the photos divides the pictures too.
#[derive(Args)]
struct PrepareArguments {
    /// Folders of labelled photos
    #[arg(required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Side of the pictures in pixels
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(8..=i64::from(Preprocessing::MAX_SIZE)))]
    size: u32,
    #[command(flatten)]
    margin: MarginFlag,
    /// Subtract the Gaussian local mean from every photo
    #[arg(long)]
    local_mean: bool,
    /// Folder for the pictures
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Divide the training photos of a split into folds, each a split.csv of its own
///
/// A training by each of them leaves its predictions.csv, answers to photos that
/// it did not train on; together they are what `fovea train --opinions` hears.
#[derive(Args)]
struct FoldsArguments {
    /// Folders of labelled photos
    #[arg(required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// The split.csv whose training photos are divided; all others are kept aside
    #[arg(long, value_name = "FILE")]
    split: PathBuf,
    /// How many folds
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=20))]
    folds: u8,
    /// Draws the folds
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for fold-1.csv, fold-2.csv, …
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Read every table and photo and list every fault in one go
///
/// A folder of labelled photos has a table of them, or a folder a grade, 0 to 4. The table is
/// labels.csv with the columns “image” and “grade”, “patient” where that is known, and “edema”
/// for a risk of macular oedema, 0 to 2; those of APTOS, EyePACS, IDRiD, Messidor-2, DDR and
/// DeepDRiD are read as they come. It may lie in a workbook (.xlsx, .xls, .ods), and a MedMNIST
/// .npz stands for a folder. The command fails where something must be mended.
#[derive(Args)]
struct CheckArguments {
    /// Folders of labelled photos
    #[arg(required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// A split.csv to check for patients on two sides
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Write a contact sheet of each grade's photos (PNG or JPEG)
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What JSON tells.
#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(flatten)]
    found: &'a check::Check,
    /// Photos that the gate before grading would refuse.
    suspects: usize,
}

/// Ends with a failure code where something must be mended.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::Check(arguments) => check(arguments),
        Command::Folds(arguments) => folds(arguments),
        Command::Prepare(arguments) => prepare(arguments),
    }
}

/// Ends with a failure code where a photo had to be left out.
fn prepare(arguments: &PrepareArguments) -> Result<ExitCode> {
    let settings = Preprocessing {
        margin: arguments.margin.margin,
        local_mean: arguments.local_mean.then(LocalMean::default),
        ..Preprocessing::imagenet(arguments.size)
    };
    let records: Vec<Record> = dataset::read_all(&arguments.data)?
        .into_iter()
        .flat_map(|set| set.records)
        .collect();
    let out = &arguments.out;
    let progress = bar("Preparing", records.len());
    let rejected = prepared_folder::write(&records, &settings, out, &|| progress.inc(1))
        .map_err(|error| anyhow!(error))?;
    progress.finish_and_clear();
    output::line(format_args!(
        "{}: {} of {} x {} pixels",
        out.display(),
        counted(records.len() - rejected.len(), "picture"),
        settings.size,
        settings.size
    ))?;
    if rejected.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::aside(format_args!(
        "{} could not be prepared and left out:\n{}",
        counted(rejected.len(), "photo"),
        pictures::list(&rejected)
    ));
    Ok(ExitCode::FAILURE)
}

fn folds(arguments: &FoldsArguments) -> Result<ExitCode> {
    let records: Vec<Record> = dataset::read_all(&arguments.data)?
        .into_iter()
        .flat_map(|set| set.records)
        .collect();
    let split = Split::read(&records, &arguments.split)?;
    let folds = split.folds(&records, usize::from(arguments.folds), arguments.seed);
    if folds.iter().any(|fold| fold.validation.is_empty()) {
        bail!(
            "--folds {}: some would have no photo to answer; lower it",
            arguments.folds
        );
    }
    let out = &arguments.out;
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    for (number, fold) in (1..).zip(folds) {
        let file = out.join(format!("fold-{number}.csv"));
        fold.write(&records, &file)?;
        output::line(format_args!(
            "{}: {} to train on, {} to answer",
            file.display(),
            counted(fold.train.len(), "photo"),
            fold.validation.len()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(arguments: &CheckArguments) -> Result<ExitCode> {
    if let Some(file) = &arguments.sheet {
        if !matches!(
            ImageFormat::from_path(file),
            Ok(ImageFormat::Png | ImageFormat::Jpeg)
        ) {
            bail!(
                "--sheet {}: its name must end in .png or .jpg",
                file.display()
            );
        }
        can_write(file).map_err(|error| anyhow!(error))?;
    }
    let progress = bar("Reading", 0);
    let found = check::check(
        &arguments.data,
        arguments.split.as_deref(),
        |done, total| {
            progress.set_length(total as u64);
            progress.set_position(done as u64);
        },
    );
    progress.finish_and_clear();
    let progress = bar("Looking at quality", found.records.len());
    let suspects = gate::suspects(&found.records, &|done| progress.set_position(done as u64));
    progress.finish_and_clear();
    match arguments.format {
        Format::Json => {
            let outcome = Outcome {
                found: &found,
                suspects,
            };
            output::line(serde_json::to_string_pretty(&outcome)?)?;
        }
        Format::Text => print_text(&found, suspects)?,
    }
    if let Some(file) = &arguments.sheet {
        contact_sheet::draw(&found.records, 10, 160)
            .save(file)
            .with_context(|| file.display().to_string())?;
    }
    Ok(if found.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print_text(found: &check::Check, suspects: usize) -> Result<()> {
    for set in &found.datasets {
        output::line(format_args!(
            "{}: {} of {}, by grade {:?}",
            set.name,
            counted(set.photos, "photo"),
            counted(set.patients, "patient"),
            set.grades
        ))?;
        for sentence in &set.remarks {
            output::line(format_args!("  {sentence}"))?;
        }
    }
    for (title, list) in [
        ("To mend before training", &found.faults),
        ("Worth knowing", &found.warnings),
    ] {
        if list.is_empty() {
            continue;
        }
        output::line(format_args!("\n{title} ({}):", list.len()))?;
        for fault in list {
            let line = fault
                .line
                .map_or_else(String::new, |line| format!(", line {line}"));
            output::line(format_args!(
                "  {}{line}: {}; {}",
                fault.file.display(),
                fault.what.trim_end_matches('.'),
                fault.remedy
            ))?;
        }
    }
    if suspects > 0 {
        output::line(format_args!(
            "\n{} would not be graded: no retina, or too badly photographed (`fovea gate measure \
             --list` tells which). A training uses them all the same.",
            counted(suspects, "photo")
        ))?;
    }
    if found.passed() {
        output::line("\nNothing stands in the way of training.")?;
    }
    Ok(())
}
