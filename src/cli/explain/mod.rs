//! `fovea explain`: where a grade came from, as pictures and as figures.

mod features;
mod page;
mod photos;
mod pointing;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use burn::tensor::Device;
use clap::{ArgGroup, Args, ValueEnum};

use super::{bundle_file, output};
use crate::evaluation::pointing::TOLERANCE;
use crate::grader::Grader;

/// Show where in a photo a grade came from
///
/// Of each PHOTO: what the network saw, and a map of the evidence for the grade
/// it gave, as pictures and on one page. --pointing measures how well such maps
/// point at lesions that an expert marked. --features shows what the network's
/// channels answer to in a folder of labelled photos.
///
/// A map shows where the network's evidence lay, not where lesions are.
#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["photos", "features", "pointing"])))]
pub struct Arguments {
    /// Photos: JPEG, PNG, WebP, TIFF, BMP or DICOM
    #[arg(value_name = "PHOTO", requires = "out")]
    photos: Vec<PathBuf>,
    /// Folder for the pictures and index.html, made if need be
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also cover the picture patch by patch and see what the answer loses: slower.
    /// A number of cells a side other than 16 is given as --occlusion=CELLS
    #[arg(long, requires = "photos", value_name = "CELLS", num_args = 0..=1,
          require_equals = true, default_missing_value = "16",
          value_parser = clap::value_parser!(u32).range(2..=64))]
    occlusion: Option<u32>,
    /// Folder of labelled photos: show what excites the network's channels in them
    #[arg(long, value_name = "DIR", requires = "out")]
    features: Option<PathBuf>,
    /// Photos of --features to look through, spread evenly over the folder
    #[arg(
        long,
        default_value_t = 300,
        requires = "features",
        value_name = "COUNT"
    )]
    look_through: usize,
    /// Channels to show of each stage, those that tell photos apart most
    #[arg(long, default_value_t = 4, requires = "features", value_name = "COUNT")]
    channels: usize,
    /// Folder with images/NAME.jpg and masks/NAME_KIND.png, lesions white on black
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pointing: Option<PathBuf>,
    /// How far from a lesion the peak may fall and count, in radii of the retina
    #[arg(long, default_value_t = TOLERANCE, requires = "pointing", value_name = "RADII")]
    tolerance: f64,
    /// How to print the figures of --pointing
    #[arg(long, value_enum, default_value = "text", requires = "pointing")]
    format: Format,
    /// The model: its model.json or the folder of it [default: the shipped one]
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For reading
    Text,
    /// One object
    Json,
}

/// Explains or measures, whatever was asked for.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = arguments
        .bundle
        .clone()
        .unwrap_or_else(bundle_file::default_path);
    let bundle = bundle_file::open(&path)?;
    let grader = Grader::new(&bundle, Device::flex(), "cpu")?;
    let Some(out) = &arguments.out else {
        let Some(folder) = &arguments.pointing else {
            anyhow::bail!("name a folder for the pictures with --out");
        };
        let measured = pointing::measure(&grader, folder, arguments.tolerance)?;
        match arguments.format {
            Format::Text => output::text(measured.table())?,
            Format::Json => output::line(serde_json::to_string_pretty(&measured)?)?,
        }
        return Ok(ExitCode::SUCCESS);
    };
    match &arguments.features {
        Some(data) => {
            let wanted = features::Wanted {
                photos: arguments.look_through.max(1),
                channels: arguments.channels.max(1),
            };
            features::show(&grader, data, out, &wanted)?;
            Ok(ExitCode::SUCCESS)
        }
        None => photos::explain(&grader, &arguments.photos, out, arguments.occlusion),
    }
}
