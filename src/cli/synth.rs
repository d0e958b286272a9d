//! `fovea synth`: drawn photographs, for trying things out.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::output;

/// Draw photographs of retinas with the lesions that define each grade
///
/// Each is called drawn-GRADE-SEED.png. A seed is one eye: its pictures of two grades differ by
/// the lesions alone.
#[derive(Args)]
pub struct Arguments {
    /// Folder to write into, made if need be
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Grades to draw, 0 to 4 [default: all five]
    #[arg(long, value_name = "GRADE", value_parser = clap::value_parser!(u8).range(0..=4))]
    grade: Vec<u8>,
    /// Pictures of each grade
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// The same seed draws the same pictures
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Side of the square pictures in pixels
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(64..=4096))]
    size: u32,
}

/// Draws `drawn-GRADE-SEED.png` files.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let all = [0, 1, 2, 3, 4];
    let grades: &[u8] = if arguments.grade.is_empty() {
        &all
    } else {
        &arguments.grade
    };
    for grade in grades {
        for seed in (arguments.seed..).take(arguments.count as usize) {
            let picture = crate::synth::draw(*grade, seed, arguments.size);
            let path = folder.join(format!("drawn-{grade}-{seed}.png"));
            picture
                .save(&path)
                .with_context(|| path.display().to_string())?;
            output::line(path.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
