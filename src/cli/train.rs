//! `fovea train`: flags to a checked configuration, and the run.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use burn::tensor::Device;
use clap::Args;

use super::progress::Terminal;
use crate::network::Architecture;
use crate::photo::Preprocessing;
use crate::training::{TrainConfig, run};

/// Fine-tune a network on labelled photos and write a bundle
///
/// The new head is trained alone first, then the whole network, earlier layers
/// more slowly. Photos are split by patient and by duplicate; the epoch with the
/// best quadratic kappa on validation is kept, calibrated, and written with its
/// manifest to --out, where `fovea grade --bundle` and the page can use it.
#[derive(Args)]
pub struct Arguments {
    /// Folder of labelled photos; may be given several times
    #[arg(long, value_name = "DIR", required_unless_present_any = ["config", "resume"])]
    data: Vec<PathBuf>,
    /// torchvision weights to start from (.pth or .safetensors, packed with xz or not);
    /// without it the network starts from random weights
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Folder for the bundle and the records of the run
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Repeat a run from the config.json it saved; no other flag of the recipe goes with it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "from"])]
    config: Option<PathBuf>,
    /// Go on from the last checkpoint in --out, to the weights an unbroken run would have given
    #[arg(long, conflicts_with_all = ["data", "from", "config"])]
    resume: bool,
    /// Name of the model in its manifest
    #[arg(long, default_value = "fovea-resnet18")]
    name: String,
    /// resnet18, resnet34 or resnet50
    #[arg(long, default_value = "resnet18")]
    arch: Architecture,
    /// Side of the prepared pictures in pixels
    #[arg(long, default_value_t = 224)]
    size: u32,
    /// Epochs of the head alone, over frozen features
    #[arg(long, default_value_t = 10)]
    head_epochs: usize,
    /// Epochs of the whole network
    #[arg(long, default_value_t = 8)]
    epochs: usize,
    /// Pictures a step
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Highest learning rate of the head
    #[arg(long, default_value_t = 1e-3)]
    learning_rate: f64,
    /// Rate of each earlier group of layers relative to the next
    #[arg(long, default_value_t = 0.5)]
    discrimination: f64,
    /// AdamW's weight decay
    #[arg(long, default_value_t = 0.01)]
    weight_decay: f32,
    /// Share of the truth spread over all grades
    #[arg(long, default_value_t = 0.0)]
    label_smoothing: f32,
    /// Share of the photos for validation
    #[arg(long, default_value_t = 0.15)]
    validation: f64,
    /// Share of the photos kept aside, for `fovea evaluate --part test`
    #[arg(long, default_value_t = 0.0)]
    test: f64,
    /// The same seed, data and machine give the same weights
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Arguments {
    fn config(&self) -> TrainConfig {
        TrainConfig {
            data: self.data.clone(),
            from: self.from.clone(),
            architecture: self.arch,
            preprocessing: Preprocessing::imagenet(self.size),
            head_epochs: if self.from.is_some() {
                self.head_epochs
            } else {
                0
            },
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            discrimination: self.discrimination,
            weight_decay: self.weight_decay,
            label_smoothing: self.label_smoothing,
            validation: self.validation,
            test: self.test,
            seed: self.seed,
        }
    }
}

/// Trains and names the bundle.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let saved = if arguments.resume {
        Some(arguments.out.join("config.json"))
    } else {
        arguments.config.clone()
    };
    let config = match saved {
        Some(path) => TrainConfig::read(&path).map_err(|fault| anyhow!(fault))?,
        None => {
            let config = arguments.config();
            config.validate().map_err(|fault| anyhow!(fault))?;
            config
        }
    };
    let manifest = run::run(
        &config,
        &arguments.name,
        &arguments.out,
        &super::command_line(),
        &Device::flex(),
        arguments.resume,
        &Terminal::listening(),
    )?;
    println!("{}", manifest.display());
    Ok(ExitCode::SUCCESS)
}
