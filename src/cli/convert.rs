//! `fovea convert`: weights from one file format to another, names unchanged.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;

use super::output;
use crate::network::Precision;
use crate::training::{export, weights_file};

/// Convert torchvision weights (.pth, .safetensors, packed with xz or not) to safetensors
#[derive(Args)]
pub struct Arguments {
    /// Weights to read
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// Safetensors file to write; torchvision and timm load it unchanged
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Store half-precision numbers: half the size
    #[arg(long)]
    half: bool,
}

/// Converts, whole or not at all.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let weights = weights_file::read(&arguments.from)?;
    let precision = if arguments.half {
        Precision::Half
    } else {
        Precision::Full
    };
    let bytes = weights.to_safetensors(precision)?;
    export::write_whole(&arguments.to, &bytes).map_err(|error| anyhow!(error))?;
    output::line(arguments.to.display())?;
    Ok(ExitCode::SUCCESS)
}
