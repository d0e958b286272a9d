//! `fovea gate`: fitting the gate before the grader, and measuring it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::grade::files::Files;
use super::photos::{self, Divided, MadeOf};
use super::progress::bar;
use super::{command_line, output};
use crate::bundle::sha256_hex;
use crate::photo::PhotoError;
use crate::quality::{Figure, Gate};
use crate::training::export::{can_write, write_whole};
use crate::training::gate::{self, samples};

/// The gate that refuses what is no retina, or too badly photographed to grade
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Fit(FitArguments),
    Measure(MeasureArguments),
}

/// Fit the gate to good photos, bad shots made of them, and everyday photos
///
/// Training photos fit it, validation photos measure it, test photos are not opened. The program
/// compiles src/quality/gate.json in: run this in the repository, and build it again after.
#[derive(Args)]
struct FitArguments {
    /// Folder of labelled photos; may be given several times
    #[arg(long, required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// The model's split of them
    #[arg(long, default_value = "docs/model-split.csv", value_name = "FILE")]
    split: PathBuf,
    /// Folder of everyday photos
    #[arg(long, value_name = "DIR")]
    natural: PathBuf,
    /// The gate to write
    #[arg(long, default_value = "src/quality/gate.json", value_name = "FILE")]
    out: PathBuf,
    /// Keep the pictures' measures in this file, and start from it where it is there
    #[arg(long, value_name = "FILE")]
    measures: Option<PathBuf>,
    /// The same seed makes the same bad shots
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to print the figures
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Count the photos in folders that the gate refuses, and why
#[derive(Args)]
struct MeasureArguments {
    /// Photos, or folders that hold some, at any depth
    #[arg(required = true, value_name = "PATH")]
    photos: Vec<PathBuf>,
    /// Name every photo that is refused
    #[arg(long)]
    list: bool,
    /// How to print the figures
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For reading
    Text,
    /// An array with an object a kind of picture
    Json,
}

/// Fits or measures, and prints the figures.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::Fit(arguments) => fit(arguments),
        Command::Measure(arguments) => measure(arguments),
    }
}

fn fit(arguments: &FitArguments) -> Result<ExitCode> {
    let plan = samples::Plan {
        seed: arguments.seed,
        ..samples::Plan::default()
    };
    can_write(&arguments.out).map_err(|error| anyhow!(error))?;
    let divided = Divided::read(&arguments.data, &arguments.split)?;
    let everyday = files(&arguments.natural)?;
    let samples = photos::kept(
        arguments.measures.as_deref(),
        &made_of(&divided, &everyday, &plan),
        || gather(&divided, &everyday, &plan),
    )?;
    let gate = gate::fit(&samples, plan.folds, plan.seed, &command_line());
    let json = serde_json::to_string_pretty(&gate)? + "\n";
    write_whole(&arguments.out, json.as_bytes()).map_err(|error| anyhow!(error))?;
    output::aside(arguments.out.display());
    print(&gate.record.figures, arguments.format)?;
    Ok(ExitCode::SUCCESS)
}

/// What decides which pictures are measured.
fn made_of(divided: &Divided, everyday: &[PathBuf], plan: &samples::Plan) -> MadeOf {
    let names: Vec<_> = everyday.iter().map(|path| path.file_name()).collect();
    let mut made_of = divided.made_of();
    made_of.insert("--natural", sha256_hex(format!("{names:?}").as_bytes()));
    made_of.insert("--seed", plan.seed.to_string());
    made_of
}

fn gather(
    Divided { records, split }: &Divided,
    everyday: &[PathBuf],
    plan: &samples::Plan,
) -> Result<Vec<samples::Sample>> {
    let total = samples::count(records, split, everyday.len(), plan);
    let progress = bar("Measuring", total);
    let samples = samples::gather(records, split, everyday, plan, &|done| {
        progress.set_position(done as u64);
    })?;
    progress.finish_and_clear();
    Ok(samples)
}

fn measure(arguments: &MeasureArguments) -> Result<ExitCode> {
    let mut figures = Vec::new();
    for path in &arguments.photos {
        let photos = Files::find(std::slice::from_ref(path))?.photos;
        let progress = bar("Measuring", photos.len());
        let (figure, refused) = gate::of_files(Gate::shipped(), path, &photos, &|done| {
            progress.set_position(done as u64);
        })?;
        progress.finish_and_clear();
        if arguments.list {
            for (photo, why) in refused {
                output::aside(format_args!("{}: {why}", photo.display()));
            }
        }
        figures.push(figure);
    }
    print(&figures, arguments.format)?;
    Ok(ExitCode::SUCCESS)
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let named = || folder.display().to_string();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(named)? {
        let path = entry.with_context(named)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("{}: it holds no file; name a folder of photos", named());
    }
    Ok(files)
}

fn print(figures: &[Figure], format: Format) -> Result<()> {
    if matches!(format, Format::Json) {
        output::line(serde_json::to_string_pretty(figures)?)?;
        return Ok(());
    }
    for figure in figures {
        output::line(line(figure))?;
    }
    Ok(())
}

/// A figure for a reader, its reasons as many as were refused.
fn line(figure: &Figure) -> String {
    let given: usize = figure.reasons.values().sum();
    let unfound = figure.refused - given;
    let reasons: Vec<String> = figure
        .reasons
        .iter()
        .map(|(reason, n)| (reason.code(), *n))
        .chain((unfound > 0).then_some((PhotoError::NoRetina.code(), unfound)))
        .map(|(reason, n)| format!("{reason} {n}"))
        .collect();
    format!(
        "{:<55} {:>5} of {:>5} refused, {:>5.1} %   {}",
        figure.pictures,
        figure.refused,
        figure.n,
        100.0 * figure.refused as f64 / figure.n.max(1) as f64,
        reasons.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::Reason;

    #[test]
    fn the_reasons_are_as_many_as_were_refused() {
        let figure = Figure {
            pictures: "everyday".to_owned(),
            n: 8,
            refused: 6,
            reasons: [(Reason::NotFundus, 3), (Reason::Blurred, 1)].into(),
        };
        let words = line(&figure);
        for reason in ["not-fundus 3", "blurred 1", "no-retina 2"] {
            assert!(words.contains(reason), "{words}");
        }
        let all_said = Figure {
            refused: 4,
            ..figure
        };
        assert!(!line(&all_said).contains("no-retina"));
    }
}
