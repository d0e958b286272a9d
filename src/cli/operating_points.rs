//! `fovea operating-points`: the lines of a bundle's operating points, fixed anew
//! on its validation photos, by the same rule a training fixes them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::{bundle_file, measured, output};
use crate::bundle::{OperatingPoint, Thresholds};
use crate::grading::{Lines, PointName, REFERABLE_FROM, SIGHT_THREATENING_FROM};
use crate::training::export::{self, can_write, write_whole};
use crate::training::split::Part;

/// Fix a model's operating points on its validation photos
///
/// A training does this by itself; it is for a model that was made before there
/// were several points, and, with --anew, for photos of a camera that the model
/// never learnt from. Weights, calibration and doubt stay as they are;
/// `fovea doubt fit` fixes all of them but the weights.
#[derive(Args)]
pub struct Arguments {
    /// Folder of labelled photos; may be given several times
    #[arg(long, required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// The split.csv of the model's training, or one of other photos: those it calls validation
    /// fix the lines
    #[arg(long, value_name = "FILE")]
    split: PathBuf,
    /// The model: its model.json or the folder of it [default: the shipped one]
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// Write them into the model's model.json, instead of only printing them
    #[arg(long)]
    write: bool,
    /// Write the line for screening, too, which other photos fix elsewhere
    #[arg(long, requires = "write")]
    anew: bool,
}

/// A line that the model has already may be fixed again this far from where it is.
const SAME: f64 = 1e-3;

/// Measures and prints, and writes where asked.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = arguments
        .bundle
        .clone()
        .unwrap_or_else(bundle_file::default_path);
    let bundle = bundle_file::open(&path)?;
    let file = bundle_file::manifest_path(&path);
    if arguments.write {
        can_write(&file).map_err(|error| anyhow!(error))?;
    }
    let photos = measured::read(&arguments.data, Some((&arguments.split, Part::Validation)))?;
    let answers = measured::measure(&bundle, &photos)?;
    let predictions = answers.predictions(&photos)?;
    let names: Vec<&str> = photos.datasets.iter().map(String::as_str).collect();
    let found = export::thresholds(&predictions, &names).map_err(|error| anyhow!(error))?;
    print(&found)?;

    let old = &bundle.manifest.thresholds.referable;
    let new = &found.referable;
    let moved = (old.threshold - new.threshold).abs();
    output::line(format_args!(
        "the model's own line for screening: {:.6}, {moved:.6} away",
        old.threshold
    ))?;
    if !arguments.write {
        return Ok(ExitCode::SUCCESS);
    }
    let mut manifest = bundle.manifest.clone();
    if arguments.anew {
        manifest.thresholds = found;
    } else if moved > SAME {
        bail!(
            "nothing is written: the line for screening came out elsewhere than the model has it, \
             so these are not the photos it was fixed on; check --data and --split, or fix the \
             model's lines on these photos instead with --anew"
        );
    } else {
        // The line in use stays to the last digit; the others join it.
        manifest.thresholds.further = found.further;
    }
    write_whole(&file, manifest.to_json().as_bytes()).map_err(|error| anyhow!(error))?;
    bundle_file::open(&path).context("the model does not open any more")?;
    output::line(file.display())?;
    Ok(ExitCode::SUCCESS)
}

fn print(thresholds: &Thresholds) -> Result<()> {
    let line = |name: PointName, from_grade: u8, point: &OperatingPoint| {
        output::line(format_args!(
            "{:<30} {:.6}  sensitivity {:.4}  specificity {:.4}",
            name.line(from_grade),
            point.threshold,
            point.sensitivity,
            point.specificity
        ))
    };
    output::line(&thresholds.referable.fixed_on)?;
    for lines in Lines::offered(thresholds) {
        line(lines.name, REFERABLE_FROM, lines.referable)?;
        if let Some(point) = lines.sight_threatening {
            line(lines.name, SIGHT_THREATENING_FROM, point)?;
        }
    }
    Ok(())
}
