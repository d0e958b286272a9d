//! `fovea evaluate`: a bundle's figures on folders of labelled photos.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};

use super::bundle_file;
use super::command_line;
use super::measured::{Measured, Photos, doubt_of, measure, read};
use super::mistakes::{self, Shown};
use super::output;
use crate::bundle::{Manifest, OperatingPoint};
use crate::counted::counted;
use crate::evaluation::bootstrap::Bootstrap;
use crate::evaluation::model_card::ModelCard;
use crate::evaluation::outcome::{Evaluation, Request, Threshold};
use crate::evaluation::predictions::REFERABLE_FROM;
use crate::evaluation::report::{self, Report, Section};
use crate::evaluation::{comparison, table};
use crate::grading::{self, Lines, PointName};
use crate::training::export::{can_write, write_whole};
use crate::training::split::Part;
use crate::training::{opinions, terms};

/// Measure a model on labelled photos
///
/// Every photo of --data is measured, unless --split and --part name a side of
/// a training's split.csv: figures on photos that were trained on mean nothing.
/// Intervals are 95 %, from 2,000 bootstraps over patients. Photos that `fovea
/// grade` would refuse are measured with the others; `fovea gate measure --list`
/// tells which those are.
#[derive(Args)]
pub struct Arguments {
    /// Folder of labelled photos; may be given several times
    #[arg(long, required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// The model: its model.json or the folder of it [default: the shipped one]
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// Another model, measured on the same photos: a paired bootstrap of the differences
    #[arg(long, value_name = "PATH")]
    compare: Option<PathBuf>,
    /// A training's split.csv
    #[arg(long, value_name = "FILE", requires = "part")]
    split: Option<PathBuf>,
    /// Which side of the split to measure
    #[arg(long, value_enum, requires = "split")]
    part: Option<PartName>,
    /// How to print the figures
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write one self-contained HTML page with plots, mistakes and the model card
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    report: Option<PathBuf>,
    /// Write what the model makes of each photo, a row a photo: `fovea train --opinions` hears
    /// such tables
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    predictions: Option<PathBuf>,
    /// Measure also what leaving the unsure photos to a person gains
    #[arg(long, conflicts_with = "compare")]
    doubt: bool,
    /// Share of all patients who have the disease, for which predictive values are stated
    #[arg(long, default_value_t = 0.1)]
    prevalence: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum PartName {
    Train,
    Validation,
    Test,
}

impl From<PartName> for Part {
    fn from(name: PartName) -> Self {
        match name {
            PartName::Train => Self::Train,
            PartName::Validation => Self::Validation,
            PartName::Test => Self::Test,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For reading
    Text,
    /// One object
    Json,
}

/// Measures and prints.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if !(0.0..=1.0).contains(&arguments.prevalence) {
        bail!("--prevalence is a share between 0 and 1");
    }
    for file in [&arguments.report, &arguments.predictions]
        .into_iter()
        .flatten()
    {
        can_write(file).map_err(|error| anyhow!(error))?;
    }
    let path = arguments
        .bundle
        .clone()
        .unwrap_or_else(bundle_file::default_path);
    let bundle = bundle_file::open(&path)?;
    let other = match &arguments.compare {
        Some(path) => Some(bundle_file::open(path)?),
        None => None,
    };
    if arguments.doubt {
        doubt_of(&bundle.manifest)?;
    }
    let side = arguments.split.as_deref().zip(arguments.part);
    let photos = read(
        &arguments.data,
        side.map(|(file, part)| (file, part.into())),
    )?;
    let mut caution = None;
    if side.is_none() {
        for model in [Some(&bundle), other.as_ref()].into_iter().flatten() {
            let known = known_to(&model.manifest, &photos.datasets);
            if let Some(sentence) = &known {
                output::aside(sentence);
            }
            caution = caution.or(known);
        }
    }
    let measured = measure(&bundle, &photos)?;
    if let Some(other) = other {
        return compare(arguments, &photos, &measured, &measure(&other, &photos)?);
    }

    let mut evaluation = evaluate(arguments, &photos, &measured)?;
    evaluation.by_dataset = measured.by_dataset(&photos)?;
    evaluation.edema = measured.edema(&photos)?;
    if arguments.doubt {
        evaluation.doubt = measured.doubt(&photos)?;
    }
    let printed = match arguments.format {
        Format::Json => output::line(serde_json::to_string_pretty(&evaluation)?),
        Format::Text => output::text(table::evaluation(&evaluation)),
    };
    if let Some(file) = &arguments.predictions {
        let answers = measured.predictions(&photos)?;
        let answered = measured.records(&photos);
        let teacher = terms::of_model(&measured.manifest);
        opinions::write(file, &answered, answers.probabilities(), &teacher)
            .map_err(|e| anyhow!(e))?;
        output::aside(file.display());
    }
    if let Some(file) = &arguments.report {
        let page = page(&photos, &measured, &evaluation, caution.as_deref())?;
        write_whole(file, page.as_bytes()).map_err(|error| anyhow!(error))?;
        output::aside(file.display());
    }
    // What was measured is in its files by now, whether it could be printed or not.
    printed?;
    Ok(ExitCode::SUCCESS)
}

/// A sentence where data sets are called as those that a model was trained on, and no
/// side of a split is there to leave the photos of its training out.
fn known_to(manifest: &Manifest, measured: &[String]) -> Option<String> {
    let trained_on = &manifest.training.data;
    let known: Vec<&str> = measured
        .iter()
        .map(String::as_str)
        .filter(|name| trained_on.iter().any(|set| set.name == *name))
        .collect();
    (!known.is_empty()).then(|| {
        format!(
            "{} was trained on photos of {}: figures on all of them look better than it is. \
             Measure what it was not trained on, with --split, its training's split.csv, and \
             --part.",
            manifest.id(),
            known.join(", ")
        )
    })
}

/// The lines of every operating point of a model.
fn lines(manifest: &Manifest, prevalence: f64) -> Vec<Threshold> {
    let thresholds = &manifest.thresholds;
    let offered = Lines::offered(thresholds);
    // What threatens sight is said of those who are referred at the same point.
    let referred_from = |name: &str| {
        let is_its_point =
            |lines: &&Lines<'_>| lines.name.line(grading::SIGHT_THREATENING_FROM) == name;
        Some(offered.iter().find(is_its_point)?.referable.threshold)
    };
    let threshold = |name: &str, from_grade, point: &OperatingPoint| Threshold {
        name: name.to_owned(),
        from_grade,
        threshold: point.threshold,
        referred_from: referred_from(name),
        prevalence,
    };
    let first = threshold(
        &PointName::Screening.line(grading::REFERABLE_FROM),
        REFERABLE_FROM,
        &thresholds.referable,
    );
    let further = thresholds.further.iter().map(|further| {
        threshold(
            &further.name,
            usize::from(further.from_grade),
            &further.point,
        )
    });
    std::iter::once(first).chain(further).collect()
}

fn evaluate(arguments: &Arguments, photos: &Photos, measured: &Measured) -> Result<Evaluation> {
    Evaluation::of(&Request {
        logits: &measured.logits,
        labels: &measured.grades(photos),
        clusters: &measured.patients(photos),
        temperature: measured.manifest.calibration.temperature,
        thresholds: &lines(&measured.manifest, arguments.prevalence),
        bootstrap: Bootstrap::default(),
    })
    .context("the figures cannot be computed")
}

fn compare(
    arguments: &Arguments,
    photos: &Photos,
    one: &Measured,
    other: &Measured,
) -> Result<ExitCode> {
    if one.used != other.used {
        bail!("the two models could not prepare the same photos; mend or remove those named above");
    }
    let patients = one.patients(photos);
    let bootstrap = Bootstrap::default();
    let differences = comparison::compare(
        comparison::Grader {
            predictions: &one.predictions(photos)?,
            thresholds: &lines(&one.manifest, arguments.prevalence),
        },
        comparison::Grader {
            predictions: &other.predictions(photos)?,
            thresholds: &lines(&other.manifest, arguments.prevalence),
        },
        &patients,
        bootstrap,
    )?;
    match arguments.format {
        Format::Json => output::line(serde_json::to_string_pretty(&differences)?)?,
        Format::Text => {
            let distinct: HashSet<usize> = patients.iter().copied().collect();
            output::line(format_args!(
                "{} of {}; in brackets 95 % intervals from {} bootstraps of patients, the same for \
                 both\n\nA: {}\nB: {}\n",
                counted(patients.len(), "photo"),
                counted(distinct.len(), "patient"),
                bootstrap.samples,
                one.manifest.id(),
                other.manifest.id()
            ))?;
            output::text(table::comparison(&differences))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn page(
    photos: &Photos,
    measured: &Measured,
    evaluation: &Evaluation,
    caution: Option<&str>,
) -> Result<String> {
    let shown: Vec<Shown> = measured
        .used
        .iter()
        .zip(&measured.pictures)
        .map(|(record, picture)| Shown {
            name: &photos.records[*record].name,
            picture,
        })
        .collect();
    let (mistakes, map_words) =
        mistakes::worst(&measured.predictions(photos)?, &shown, &measured.grader)?;
    let command = command_line();
    let report = Report {
        model: &ModelCard::of(&measured.manifest),
        sections: &[Section {
            dataset: &photos.name,
            evaluation,
            mistakes: &mistakes,
            map_words: &map_words,
        }],
        caution,
        command: &command,
    };
    Ok(report::render(&report)?)
}
