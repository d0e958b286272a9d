//! `fovea study`: what transfer learning is worth, measured.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use clap::Args;

use super::device::DeviceFlags;
use super::progress::Terminal;
use super::{output, quoted};
use crate::counted::counted;
use crate::photo::Preprocessing;
use crate::study::cell::{self, Bench};
use crate::study::{
    Cell, Grid, Plan, Preset, Shard, TestPhotos, collect, markdown, page, plan, plot,
};
use crate::training::augment::Augmentation;
use crate::training::balance::Balance;
use crate::training::export::write_whole;
use crate::training::keep::Keep;
use crate::training::objective::Objective;
use crate::training::optimizer::Optimizer;
use crate::training::{TrainConfig, TrainError, Watch, before};

/// Measure what transfer learning is worth on your photos
///
/// One network from random weights (Ref) and from ImageNet's (TL) is trained on
/// ever smaller shares of the photos, validation and test photos fixed, with
/// several seeds. Every run has a folder in --out; a run with a result is not
/// done again and a broken one goes on from its last epoch, so type the same
/// command, or only `fovea study --out DIR`, after an interruption.
#[derive(Args)]
pub struct Arguments {
    /// Folder of labelled photos; may be given several times
    #[arg(long, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// ImageNet weights for TL: torchvision's (.pth or .safetensors, packed with xz or not)
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// MedMNIST's archive (.npz) instead of --data: its own parts, 28 px, 100 epochs, no preset
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "quick"])]
    retinamnist: Option<PathBuf>,
    /// Folder of the study
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A small study in minutes: 64 px, 100, 40 and 10 %, one seed, three epochs, no preset
    #[arg(long)]
    quick: bool,
    /// Do only the INDEX-th of COUNT parts of the runs, counted from 0: one job of an array
    #[arg(long, value_name = "INDEX/COUNT")]
    shard: Option<Shard>,
    /// Do no run: merge whatever results there are
    #[arg(long, conflicts_with = "shard")]
    collect: bool,
    /// Only list the runs and which of them are done
    #[arg(long, conflicts_with = "collect")]
    list: bool,
    /// Leave the trained weights of every run in its folder
    #[arg(long)]
    keep_weights: bool,
    #[command(flatten)]
    device: DeviceFlags,
    #[command(flatten, next_help_heading = "What is run")]
    grid: GridFlags,
    #[command(flatten, next_help_heading = "How each run is trained")]
    training: TrainingFlags,
}

#[derive(Args)]
struct GridFlags {
    /// Percent of the training photos [default: 100,80,60,40,20,10]
    #[arg(long, value_name = "PERCENT", value_delimiter = ',')]
    fractions: Vec<u32>,
    /// Runs of each kind, with seeds 1, 2, … [default: 3]
    #[arg(long)]
    seeds: Option<u64>,
    /// Other systems on all photos: pratt2016, sallam2020, head-only, all-at-once, or none
    /// [default: all four]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    presets: Option<Vec<String>>,
}

#[derive(Args)]
struct TrainingFlags {
    /// Side of the prepared pictures in pixels [default: 224]
    #[arg(long)]
    size: Option<u32>,
    /// Epochs of the whole network, on every share alike [default: 8]
    #[arg(long)]
    epochs: Option<usize>,
    /// TL's epochs of the head alone, before [default: 10]
    #[arg(long)]
    head_epochs: Option<usize>,
    /// Pictures a step [default: 32]
    #[arg(long)]
    batch: Option<usize>,
    /// Highest learning rate of the head, and of all layers of Ref [default: 0.001]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Share of the photos for validation [default: 0.15]
    #[arg(long)]
    validation: Option<f64>,
    /// Share of the photos to measure on [default: 0.15]
    #[arg(long)]
    test: Option<f64>,
    /// Seed of the split that all runs share [default: 1]
    #[arg(long)]
    split_seed: Option<u64>,
}

/// What a study is where no flag says otherwise.
struct Defaults {
    percents: &'static [u32],
    seeds: u64,
    presets: &'static [Preset],
    size: u32,
    epochs: usize,
    batch: usize,
}

const WHOLE: Defaults = Defaults {
    percents: &[100, 80, 60, 40, 20, 10],
    seeds: 3,
    presets: &Preset::ALL,
    size: 224,
    epochs: 8,
    batch: 32,
};

const QUICK: Defaults = Defaults {
    percents: &[100, 40, 10],
    seeds: 1,
    presets: &[],
    size: 64,
    epochs: 3,
    batch: 32,
};

/// Size, epochs and batch are those of Yang et al. 2023, "MedMNIST v2".
const RETINAMNIST: Defaults = Defaults {
    percents: &[100],
    seeds: 3,
    presets: &[],
    size: 28,
    epochs: 100,
    batch: 128,
};

impl Arguments {
    /// Whether any flag says what the study is, and not only what to do with it.
    fn describe(&self) -> bool {
        let (grid, training) = (&self.grid, &self.training);
        let numbers = [
            training.size.is_some(),
            training.epochs.is_some(),
            training.head_epochs.is_some(),
            training.batch.is_some(),
            training.learning_rate.is_some(),
            training.validation.is_some(),
            training.test.is_some(),
            training.split_seed.is_some(),
            grid.seeds.is_some(),
            grid.presets.is_some(),
            !grid.fractions.is_empty(),
        ];
        let photos = self.retinamnist.is_some() || !self.data.is_empty();
        self.quick || photos || self.from.is_some() || numbers.contains(&true)
    }

    /// `is_there`: whether the folder holds a study.
    fn plan(&self, is_there: bool) -> Result<Plan> {
        let data: Vec<PathBuf> = self.data.iter().chain(&self.retinamnist).cloned().collect();
        if is_there && (data.is_empty() || self.from.is_none()) {
            bail!(
                "{} holds a study, of which these flags tell a part: go on with it by \
                 `fovea study --out {}` alone, or describe all of it, with --data and --from",
                self.out.display(),
                quoted(&self.out)
            );
        }
        if data.is_empty() || self.from.is_none() {
            bail!(
                "{} holds no study to go on with: name photos with --data and ImageNet weights \
                 with --from",
                self.out.display()
            );
        }
        let (grid, training) = (&self.grid, &self.training);
        let defaults = if self.retinamnist.is_some() {
            &RETINAMNIST
        } else if self.quick {
            &QUICK
        } else {
            &WHOLE
        };
        let presets = match &grid.presets {
            Some(names) if names.iter().any(|name| name == "none") => Vec::new(),
            Some(names) => names
                .iter()
                .map(|name| name.parse())
                .collect::<Result<_, String>>()
                .map_err(|fault| anyhow!(fault))?,
            None => defaults.presets.to_vec(),
        };
        let plan = Plan {
            grid: Grid {
                percents: if grid.fractions.is_empty() {
                    defaults.percents.to_vec()
                } else {
                    grid.fractions.clone()
                },
                seeds: grid.seeds.unwrap_or(defaults.seeds),
                presets,
            },
            transfer: TrainConfig {
                data,
                from: self.from.clone(),
                mean_with: Vec::new(),
                architecture: crate::network::Architecture::ResNet18,
                preprocessing: Preprocessing::imagenet(training.size.unwrap_or(defaults.size)),
                smaller_first: Vec::new(),
                head_epochs: training.head_epochs.unwrap_or(10),
                epochs: training.epochs.unwrap_or(defaults.epochs),
                batch: training.batch.unwrap_or(defaults.batch),
                learning_rate: training.learning_rate.unwrap_or(1e-3),
                discrimination: 0.5,
                optimizer: Optimizer::Adamw,
                weight_decay: 0.01,
                objective: Objective::CrossEntropy,
                label_smoothing: 0.0,
                balance: Balance::Neither,
                opinions: None,
                augmentation: Augmentation::AT_ANY_ANGLE,
                mixup: 0.0,
                average_epochs: 0.5,
                keep: Keep::default(),
                test_time_flips: false,
                validation: training.validation.unwrap_or(0.15),
                test: training.test.unwrap_or(0.15),
                split: None,
                published_parts: false,
                share: 1.0,
                seed: training.split_seed.unwrap_or(1),
            },
            test_photos: match self.retinamnist {
                Some(_) => TestPhotos::PublishedPart,
                None => TestPhotos::Drawn,
            },
        };
        plan.validate().map_err(|fault| anyhow!(fault))?;
        Ok(plan)
    }
}

/// Runs what is left and, unless it is one job's part, merges the results.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let out = &arguments.out;
    let said = |fault: String| anyhow!(fault);
    let plan = match Plan::read(out).map_err(said)? {
        Some(there) if !arguments.describe() => there,
        there => {
            let plan = arguments.plan(there.is_some())?;
            plan.keep(out).map_err(said)?;
            plan
        }
    };
    if arguments.list {
        for cell in plan.grid.cells() {
            let state = if cell::is_done(out, cell) {
                "done"
            } else {
                "to do"
            };
            output::line(format_args!("{cell}\t{state}"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let failed = if arguments.collect {
        0
    } else {
        run_cells(arguments, &plan)?
    };
    if arguments.shard.is_none() {
        write(out, &plan)?;
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Does every run of this job that has no result; the number that failed.
fn run_cells(arguments: &Arguments, plan: &Plan) -> Result<usize> {
    let out = &arguments.out;
    let mine = arguments
        .shard
        .unwrap_or(Shard::WHOLE)
        .of(&plan.grid.cells());
    let left: Vec<_> = mine
        .iter()
        .copied()
        .filter(|&cell| !cell::is_done(out, cell))
        .collect();
    output::aside(format_args!(
        "{}: {} done, {} to do",
        counted(mine.len(), "run"),
        mine.len() - left.len(),
        left.len()
    ));
    if left.is_empty() {
        return Ok(0);
    }
    if !arguments.describe() {
        let seen = plan.transfer.in_sight(&out.join(plan::FILE));
        seen.map_err(|fault| anyhow!(fault))?;
    }
    let watch = Terminal::listening();
    check_weights(plan, out, &left)?;
    let command = super::command_line();
    let mut bench = Bench::set_up(plan, out, arguments.device.open()?, &command, &watch)?;
    bench.keep_weights = arguments.keep_weights;
    let mut failed = Vec::new();
    for (place, &cell) in left.iter().enumerate() {
        watch.say(&format!("run {} of {}: {cell}", place + 1, left.len()));
        match bench.run(cell, &watch) {
            Ok(result) => watch.say(&format!(
                "{cell}: test accuracy {:.1} %, kappa {:.3}, cross-entropy {:.3}, {:.0} s",
                result.after.accuracy * 100.0,
                result.after.kappa_quadratic.unwrap_or(f64::NAN),
                result.after.cross_entropy,
                result.seconds
            )),
            Err(TrainError::Finetune(fault)) => {
                // One run that diverged or met a photo gone is no reason to give up the rest.
                watch.say(&format!("{cell} failed: {fault}"));
                failed.push(cell.to_string());
            }
            Err(TrainError::Interrupted(_)) => bail!(
                "stopped in {cell}; go on from its last whole epoch with `fovea study --out {}`",
                quoted(out)
            ),
            Err(fault) => return Err(fault.into()),
        }
    }
    if !failed.is_empty() {
        watch.say(&format!("failed: {}", failed.join(", ")));
    }
    Ok(failed.len())
}

/// Whether the weights that the runs begin with can be read: the first that does may
/// come hours after those that begin with none.
fn check_weights(plan: &Plan, out: &Path, left: &[Cell]) -> Result<()> {
    let mut seen = Vec::new();
    for &cell in left {
        let config = plan.config(cell, out);
        let asked = (config.from.clone(), config.architecture);
        if !seen.contains(&asked) {
            before::weights(&config)?;
            seen.push(asked);
        }
    }
    Ok(())
}

/// Writes the study's files and tells the answers.
fn write(out: &Path, plan: &Plan) -> Result<()> {
    let said = |fault: String| anyhow!(fault);
    let study = collect::collect(out, plan).map_err(said)?;
    let plot = plot::draw(&study).map_err(said)?;
    let json = serde_json::to_vec_pretty(&study)?;
    let page_file = out.join("study.html");
    for (file, bytes) in [
        (out.join("study.json"), json),
        (out.join("study.md"), markdown::of(&study).into_bytes()),
        (out.join("study.csv"), page::csv(&study).map_err(said)?),
        (out.join("study.svg"), plot.clone().into_bytes()),
        (
            page_file.clone(),
            page::html(&study, &plot, &super::command_line()).into_bytes(),
        ),
    ] {
        write_whole(&file, &bytes).map_err(said)?;
    }
    output::aside(page::text(&study).trim_end());
    output::line(page_file.display())?;
    Ok(())
}
