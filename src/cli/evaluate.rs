//! `fovea evaluate`: a bundle's figures on a folder of labelled photos.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use clap::{Args, ValueEnum};

use super::bundle_file;
use super::progress::bar;
use crate::evaluation::{Metrics, Predictions, temperature};
use crate::grader::Grader;
use crate::training::dataset::{self, Record};
use crate::training::split::{Part, Split};
use crate::training::{pictures, predict};

/// Measure a model on labelled photos
///
/// Every photo of --data is measured, unless --split and --part name a side of
/// a training's split.csv: figures on photos that were trained on mean nothing.
#[derive(Args)]
pub struct Arguments {
    /// Folder of labelled photos; may be given several times
    #[arg(long, required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// The model: its model.json or the folder of it [default: the shipped one]
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// A training's split.csv
    #[arg(long, value_name = "FILE", requires = "part")]
    split: Option<PathBuf>,
    /// Which side of the split to measure
    #[arg(long, value_enum, requires = "split")]
    part: Option<PartName>,
    /// How to print the figures
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum PartName {
    Train,
    Validation,
    Test,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Measures and prints.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = arguments
        .bundle
        .clone()
        .unwrap_or_else(bundle_file::default_path);
    let bundle = bundle_file::open(&path)?;
    let mut records: Vec<Record> = Vec::new();
    for dir in &arguments.data {
        records.extend(dataset::read(dir)?.records);
    }
    if let (Some(file), Some(part)) = (&arguments.split, arguments.part) {
        let split = Split::read(&records, file)?;
        let part = match part {
            PartName::Train => Part::Train,
            PartName::Validation => Part::Validation,
            PartName::Test => Part::Test,
        };
        records = split
            .part(part)
            .iter()
            .map(|index| records[*index].clone())
            .collect();
    }
    if records.is_empty() {
        bail!("there is no photo to measure; check --data, --split and --part");
    }

    let settings = &bundle.manifest.preprocessing;
    let progress = bar("Preparing", records.len());
    let (prepared, rejected) = pictures::prepare(&records, settings, &|done| {
        progress.set_position(done as u64)
    });
    progress.finish_and_clear();
    for photo in &rejected {
        eprintln!("{}: left out: {}", photo.path.display(), photo.reason);
    }
    let (pictures, grades): (Vec<_>, Vec<u8>) = prepared
        .into_iter()
        .zip(&records)
        .filter_map(|(picture, record)| Some((Arc::new(picture?), record.grade)))
        .unzip();
    let device = Device::flex();
    let grader = Grader::new(&bundle, device.clone(), "cpu")?;
    let progress = bar("Grading", pictures.len());
    let rows = predict::logits(grader.network(), &pictures, settings, &device, &|done| {
        progress.set_position(done as u64);
    });
    progress.finish_and_clear();
    let logits: Vec<Vec<f64>> = rows
        .into_iter()
        .map(|row| row.into_iter().map(f64::from).collect())
        .collect();
    let scaled = temperature::scale(&logits, bundle.manifest.calibration.temperature);
    let predictions =
        Predictions::from_logits(&scaled, &grades).context("the figures cannot be computed")?;
    let metrics = Metrics::of(&predictions);
    match arguments.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&metrics)?),
        Format::Text => print_text(&metrics),
    }
    Ok(ExitCode::SUCCESS)
}

fn print_text(m: &Metrics) {
    let or_dash = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    println!("photos                  {}", m.n);
    println!("accuracy                {:.3}", m.accuracy);
    println!("kappa, quadratic        {}", or_dash(m.kappa_quadratic));
    println!("cross-entropy           {:.3}", m.cross_entropy);
    println!("macro recall            {}", or_dash(m.macro_recall));
    println!("macro specificity       {}", or_dash(m.macro_specificity));
    println!("referable AUC           {}", or_dash(m.referable_auc));
    println!("calibration error (ECE) {:.3}", m.ece);
    println!("confusion, true grade down, predicted across:");
    for row in &m.confusion {
        let cells: Vec<String> = row.iter().map(|n| format!("{n:>6}")).collect();
        println!("{}", cells.concat());
    }
}
