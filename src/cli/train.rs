//! `fovea train`: flags to a checked configuration, and the run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, ValueEnum};

use super::device::DeviceFlags;
use super::margin::MarginFlag;
use super::output;
use super::progress::Terminal;
use crate::network::Architecture;
use crate::photo::{LocalMean, Preprocessing};
use crate::training::TrainConfig;
use crate::training::augment::Augmentation;
use crate::training::balance::Balance;
use crate::training::config::SizeStage;
use crate::training::devices::Devices;
use crate::training::keep::Keep;
use crate::training::objective::Objective;
use crate::training::opinions::Opinions;
use crate::training::optimizer::Optimizer;
use crate::training::run::{self, Destination};

/// Fine-tune a network on labelled photos and write a bundle
///
/// The new head is trained alone first, then the whole network, earlier layers
/// more slowly. Photos are split by patient and by duplicate; the epoch that did
/// best on validation (--keep) is kept, calibrated, and written with its manifest
/// to --out, where `fovea grade --bundle` and the page can use it.
#[derive(Args)]
pub struct Arguments {
    /// Folder of labelled photos, as `fovea data check --help` tells; may be given several times
    #[arg(long, value_name = "DIR", required_unless_present_any = ["config", "resume"])]
    data: Vec<PathBuf>,
    /// Weights to start from: torchvision's (.pth or .safetensors, packed with xz or not) or
    /// a bundle's model.json; without it the network starts from random weights
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// More weights of the same kind of network: the training starts from the mean of all
    /// ("model soup"), such as several trainings that began with one network
    #[arg(long, value_name = "FILE", value_delimiter = ',', requires = "from")]
    mean_with: Vec<PathBuf>,
    /// Folder for the bundle and the records of the run
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Repeat a run from the config.json it saved; no other flag of the recipe goes with it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "from"])]
    config: Option<PathBuf>,
    /// Go on from the last checkpoint in --out, to the weights an unbroken run would have given; no
    /// flag of the recipe goes with it
    #[arg(long, conflicts_with_all = ["data", "from", "config"])]
    resume: bool,
    /// Try learning rates from 1e-6 to 1 instead of training, plot the loss and suggest one
    #[arg(long, conflicts_with = "resume")]
    find_learning_rate: bool,
    /// Name of the model in its manifest [default: the name it has where a run is repeated or gone
    /// on with, else fovea- and its network's]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    device: DeviceFlags,
    #[command(flatten, next_help_heading = "Network and photos")]
    network: NetworkFlags,
    #[command(flatten, next_help_heading = "Optimisation")]
    optimisation: OptimisationFlags,
    #[command(flatten, next_help_heading = "Augmentation of training photos")]
    augmentation: AugmentationFlags,
    #[command(flatten, next_help_heading = "Split")]
    split: SplitFlags,
}

#[derive(Args)]
struct NetworkFlags {
    /// resnet18, resnet34, resnet50 or pratt2016
    #[arg(long, default_value = "resnet18")]
    arch: Architecture,
    /// Side of the prepared pictures in pixels
    #[arg(long, default_value_t = 224)]
    size: u32,
    #[command(flatten)]
    margin: MarginFlag,
    /// Train the first epochs on smaller pictures, as 128:5 or 96:2,160:3 (progressive resizing)
    #[arg(long, value_name = "SIZE:EPOCHS", value_delimiter = ',')]
    smaller_first: Vec<SizeStage>,
    /// Subtract the Gaussian local mean from every photo (Graham 2015, Sallam 2020)
    #[arg(long)]
    local_mean: bool,
    /// Let the finished network judge a photo in its four flips: steadier, four times the work
    #[arg(long)]
    test_time_flips: bool,
}

#[derive(Args)]
struct OptimisationFlags {
    /// Epochs of the new head alone, over the frozen features of --from
    #[arg(long, default_value_t = 10)]
    head_epochs: usize,
    /// Epochs of the whole network; 0 leaves all but the head frozen, and with --head-epochs 0
    /// calibrates a bundle's weights anew
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
    /// What turns gradients into steps
    #[arg(long, value_enum, default_value = "adamw")]
    optimizer: OptimizerName,
    /// Momentum of --optimizer nesterov-sgd
    #[arg(long, default_value_t = Optimizer::MOMENTUM, requires = "optimizer")]
    momentum: f64,
    /// Weight decay of AdamW, L2 penalty of SGD
    #[arg(long, default_value_t = 0.01)]
    weight_decay: f32,
    /// What is made small: cross-entropy, focal loss, or the squared error of one number on the
    /// scale of the grades, whose cut points validation fixes
    #[arg(long, value_enum, default_value = "cross-entropy")]
    loss: LossName,
    /// Focal loss: how much less an easy photo counts
    #[arg(long, default_value_t = 2.0, requires = "loss")]
    focal_gamma: f32,
    /// Share of the truth spread over all grades
    #[arg(long, default_value_t = 0.0)]
    label_smoothing: f32,
    /// What other networks make of the training photos, mixed into their grades: predictions.csv of
    /// trainings that saw other photos (`fovea data folds` divides photos for them), or what `fovea
    /// evaluate --part train --predictions` wrote of finished models
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    opinions: Vec<PathBuf>,
    /// How much of the truth is those opinions; the grade keeps the rest
    #[arg(long, default_value_t = 0.5, requires = "opinions")]
    opinion_share: f32,
    /// Rare grades: draw them more often, weigh them more (over all photos, or in each batch), or
    /// neither
    #[arg(long, value_enum, default_value = "neither")]
    balance: BalanceName,
    /// How far --balance goes: 1 makes all grades equal, 0.5 goes half the way
    #[arg(long, default_value_t = 1.0, requires = "balance")]
    balance_strength: f64,
    /// Keep an exponential mean of the weights over so many epochs; 0 keeps none
    #[arg(long, value_name = "EPOCHS", default_value_t = 0.5)]
    average: f64,
    /// The epoch that becomes the model: of the lowest cross-entropy on validation after
    /// temperature scaling, or of the highest quadratic kappa, which jumps more from epoch to epoch
    #[arg(long, value_enum, default_value = "cross-entropy")]
    keep: KeepName,
}

#[derive(Args)]
struct AugmentationFlags {
    /// Leave the photos as they are, whatever else is said here
    #[arg(long)]
    no_augmentation: bool,
    /// No mirrored photos
    #[arg(long)]
    no_flips: bool,
    /// No turned photos
    #[arg(long)]
    no_rotation: bool,
    /// Photos turned by quarters only, no pixel mixed with its neighbours [the default]
    #[arg(long, conflicts_with = "no_rotation")]
    quarter_turns: bool,
    /// Photos turned by any angle; sharper with --oversampling 2
    #[arg(long, conflicts_with_all = ["no_rotation", "quarter_turns"])]
    any_angle: bool,
    /// Zoom of each side by up to this share
    #[arg(long, default_value_t = Augmentation::default().zoom)]
    zoom: f32,
    /// Shift by up to this share of the side
    #[arg(long, default_value_t = Augmentation::default().shift)]
    shift: f32,
    /// Brightness by up to this share of the scale
    #[arg(long, default_value_t = Augmentation::default().brightness)]
    brightness: f32,
    /// Contrast by up to this share
    #[arg(long, default_value_t = Augmentation::default().contrast)]
    contrast: f32,
    /// Gain of each colour channel by up to this share
    #[arg(long, default_value_t = Augmentation::default().colour)]
    colour: f32,
    /// Share of the photos blurred
    #[arg(long, default_value_t = Augmentation::default().blur)]
    blur: f64,
    /// Share of the photos compressed coarsely
    #[arg(long, default_value_t = Augmentation::default().jpeg)]
    jpeg: f64,
    /// Share of the photos cut above and below, as many cameras frame the retina
    #[arg(long, default_value_t = Augmentation::default().framing)]
    framing: f64,
    /// Change photos at so many times the size and shrink them after: sharper when turned and
    /// zoomed, for that many squared times the memory
    #[arg(long, value_name = "TIMES", default_value_t = Augmentation::default().oversampling)]
    oversampling: u32,
    /// Lay another photo over each, and mix their grades by the same share: no label is learnt by
    /// heart. 0 mixes none, 0.4 a sixth of another on average, 1 a quarter
    #[arg(long, value_name = "SHAPE", default_value_t = 0.0)]
    mixup: f64,
}

#[derive(Args)]
struct SplitFlags {
    /// Share of the photos for validation
    #[arg(long, default_value_t = 0.15)]
    validation: f64,
    /// Share of the photos kept aside, for `fovea evaluate --part test`
    #[arg(long, default_value_t = 0.0)]
    test: f64,
    /// Divide the photos by an earlier training's split.csv instead of drawing a split
    #[arg(long, value_name = "FILE", conflicts_with_all = ["validation", "test"])]
    split: Option<PathBuf>,
    /// Keep apart the parts that data sets were published in: what was for testing is kept aside,
    /// what was for validation validates. --validation and --test divide what has no such part
    #[arg(long, conflicts_with = "split")]
    published_parts: bool,
    /// Train on a share of the training photos only; a smaller share lies inside a larger one
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// The same seed, data and machine give the same weights
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum LossName {
    CrossEntropy,
    Focal,
    Ordinal,
}

#[derive(Clone, Copy, ValueEnum)]
enum KeepName {
    CrossEntropy,
    Kappa,
}

#[derive(Clone, Copy, ValueEnum)]
enum BalanceName {
    Neither,
    Sampler,
    Weights,
    BatchWeights,
}

#[derive(Clone, Copy, ValueEnum)]
enum OptimizerName {
    Adamw,
    NesterovSgd,
}

impl Arguments {
    fn config(&self) -> TrainConfig {
        let (network, optimisation, split) = (&self.network, &self.optimisation, &self.split);
        TrainConfig {
            data: self.data.clone(),
            from: self.from.clone(),
            mean_with: self.mean_with.clone(),
            architecture: network.arch,
            preprocessing: Preprocessing {
                margin: network.margin.margin,
                local_mean: network.local_mean.then(LocalMean::default),
                ..Preprocessing::imagenet(network.size)
            },
            smaller_first: network.smaller_first.clone(),
            head_epochs: if self.from.is_some() {
                optimisation.head_epochs
            } else {
                0
            },
            epochs: optimisation.epochs,
            batch: optimisation.batch,
            learning_rate: optimisation.learning_rate,
            discrimination: optimisation.discrimination,
            optimizer: optimisation.optimizer(),
            weight_decay: optimisation.weight_decay,
            objective: optimisation.objective(),
            label_smoothing: optimisation.label_smoothing,
            balance: optimisation.balance(),
            opinions: optimisation.opinions(),
            augmentation: self.augmentation.resolve(),
            mixup: self.augmentation.mixup(),
            average_epochs: optimisation.average,
            keep: match optimisation.keep {
                KeepName::Kappa => Keep::Kappa,
                KeepName::CrossEntropy => Keep::CrossEntropy,
            },
            test_time_flips: network.test_time_flips,
            validation: split.validation,
            test: split.test,
            split: split.split.clone(),
            published_parts: split.published_parts,
            share: split.share,
            seed: split.seed,
        }
    }
}

impl OptimisationFlags {
    fn objective(&self) -> Objective {
        match self.loss {
            LossName::CrossEntropy => Objective::CrossEntropy,
            LossName::Focal => Objective::Focal {
                gamma: self.focal_gamma,
            },
            LossName::Ordinal => Objective::Ordinal,
        }
    }

    fn opinions(&self) -> Option<Opinions> {
        (!self.opinions.is_empty()).then(|| Opinions {
            files: self.opinions.clone(),
            share: self.opinion_share,
        })
    }

    fn optimizer(&self) -> Optimizer {
        match self.optimizer {
            OptimizerName::Adamw => Optimizer::Adamw,
            OptimizerName::NesterovSgd => Optimizer::NesterovSgd {
                momentum: self.momentum,
            },
        }
    }

    fn balance(&self) -> Balance {
        let strength = self.balance_strength;
        match self.balance {
            BalanceName::Neither => Balance::Neither,
            BalanceName::Sampler => Balance::Sampler { strength },
            BalanceName::Weights => Balance::Weights { strength },
            BalanceName::BatchWeights => Balance::BatchWeights,
        }
    }
}

impl AugmentationFlags {
    fn mixup(&self) -> f64 {
        if self.no_augmentation {
            0.0
        } else {
            self.mixup
        }
    }

    fn resolve(&self) -> Augmentation {
        if self.no_augmentation {
            return Augmentation::NONE;
        }
        Augmentation {
            flip: !self.no_flips,
            rotate: !self.no_rotation,
            quarter_turns: self.quarter_turns || !(self.any_angle || self.no_rotation),
            zoom: self.zoom,
            shift: self.shift,
            brightness: self.brightness,
            contrast: self.contrast,
            colour: self.colour,
            blur: self.blur,
            jpeg: self.jpeg,
            framing: self.framing,
            oversampling: self.oversampling,
        }
    }
}

/// The name of a model that was given none.
fn usual_name(network: Architecture) -> String {
    format!("fovea-{network}")
}

/// What goes with a saved configuration: everything else is of the recipe.
const BESIDE_THE_RECIPE: [&str; 8] = [
    "out",
    "config",
    "resume",
    "find_learning_rate",
    "name",
    "device",
    "devices",
    "precision",
];

/// The flags of the recipe among those that were typed.
fn of_the_recipe(given: &ArgMatches) -> Vec<String> {
    Arguments::augment_args(Command::new("train"))
        .get_arguments()
        .filter(|flag| !BESIDE_THE_RECIPE.contains(&flag.get_id().as_str()))
        .filter(|flag| given.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine))
        .filter_map(|flag| flag.get_long())
        .map(|name| format!("--{name}"))
        .collect()
}

/// A typed flag of which nothing would be made, with what it belongs to.
fn idle(arguments: &Arguments, typed: &[String]) -> Option<(&'static str, &'static str)> {
    let of = &arguments.optimisation;
    let weighs = matches!(of.balance, BalanceName::Sampler | BalanceName::Weights);
    let a_head = arguments.from.is_some() || of.head_epochs == 0;
    let flags = [
        (
            "--momentum",
            matches!(of.optimizer, OptimizerName::NesterovSgd),
            "--optimizer nesterov-sgd",
        ),
        (
            "--focal-gamma",
            matches!(of.loss, LossName::Focal),
            "--loss focal",
        ),
        (
            "--balance-strength",
            weighs,
            "--balance sampler or --balance weights",
        ),
        ("--head-epochs", a_head, "--from"),
    ];
    let (flag, _, with) = flags
        .into_iter()
        .find(|(flag, used, _)| !used && typed.iter().any(|typed| typed == flag))?;
    Some((flag, with))
}

/// Trains and names the bundle; `given` is what was typed of the flags.
pub fn run(arguments: &Arguments, given: Option<&ArgMatches>) -> Result<ExitCode> {
    let saved = if arguments.resume {
        Some(arguments.out.join(run::CONFIG))
    } else {
        arguments.config.clone()
    };
    let typed = given.map(of_the_recipe).unwrap_or_default();
    if saved.is_some() && !typed.is_empty() {
        let by = if arguments.resume {
            "--resume goes on by the recipe that the run began with"
        } else {
            "--config repeats the recipe that it names"
        };
        bail!(
            "{by}, so nothing of it is asked anew: leave out {}",
            typed.join(", ")
        );
    }
    if arguments.resume {
        run::check_destination(&arguments.out, true)?;
    }
    let kept = saved.as_deref().and_then(run::name_beside);
    let name = arguments.name.clone().or(kept);
    let config = match saved {
        Some(path) => {
            let config = TrainConfig::read(&path).map_err(|fault| anyhow!(fault))?;
            config.in_sight(&path).map_err(|fault| anyhow!(fault))?;
            config
        }
        None => {
            if let Some((flag, with)) = idle(arguments, &typed) {
                bail!("{flag} does something with {with} alone: name that, or leave {flag} out");
            }
            let config = arguments.config();
            config.validate().map_err(|fault| anyhow!(fault))?;
            config
        }
    };
    let devices = arguments.device.open()?;
    let watch = Terminal::listening();
    if arguments.find_learning_rate {
        return find_learning_rate(&config, &arguments.out, &devices, watch);
    }
    let destination = Destination {
        name: &name.unwrap_or_else(|| usual_name(config.architecture)),
        out: &arguments.out,
        command: &super::command_line(),
    };
    let manifest = run::run(&config, &destination, &devices, arguments.resume, &watch)?;
    // Its last bar goes before the result comes.
    drop(watch);
    output::line(manifest.display())?;
    Ok(ExitCode::SUCCESS)
}

fn find_learning_rate(
    config: &TrainConfig,
    out: &Path,
    devices: &Devices,
    watch: Terminal,
) -> Result<ExitCode> {
    let (plot, suggestion) = run::find_learning_rate(config, out, devices, &watch)?;
    drop(watch);
    match suggestion {
        Some(suggestion) => output::aside(format_args!(
            "the loss falls fastest at {:.1e}; a tenth of the rate where it is lowest is {:.1e}: \
             --learning-rate between the two is a good start",
            suggestion.steepest, suggestion.tenth_of_lowest
        )),
        None => output::aside(format_args!(
            "the loss exploded at once; look at the photos and their grades first"
        )),
    }
    output::line(plot.display())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn a_model_is_called_by_its_network() {
        assert_eq!(usual_name(Architecture::ResNet18), "fovea-resnet18");
        assert_eq!(usual_name(Architecture::Pratt2016), "fovea-pratt2016");
    }

    #[test]
    fn a_flag_that_would_change_nothing_is_refused() {
        let train = |flags: &str| {
            let line = format!("train --data photos --out run {flags}");
            Arguments::augment_args(Command::new("train"))
                .try_get_matches_from(line.split_whitespace())
        };
        for (alone, with) in [
            ("--balance-strength 0.5", "--balance sampler"),
            ("--focal-gamma 3", "--loss focal"),
            ("--momentum 0.8", "--optimizer nesterov-sgd"),
        ] {
            let words = train(alone).unwrap_err().to_string();
            let needed = with.split(' ').next().unwrap_or_default();
            assert!(words.contains(needed), "{words}");
            assert!(train(&format!("{with} {alone}")).is_ok(), "{with} {alone}");
        }
        let idle = |flags: &str| {
            let given = train(flags).unwrap();
            let arguments = Arguments::from_arg_matches(&given).unwrap();
            idle(&arguments, &of_the_recipe(&given)).map(|(flag, _)| flag)
        };
        for (flags, flag) in [
            ("--optimizer adamw --momentum 0.8", "--momentum"),
            ("--loss ordinal --focal-gamma 3", "--focal-gamma"),
            (
                "--balance neither --balance-strength 0.5",
                "--balance-strength",
            ),
            (
                "--balance batch-weights --balance-strength 0.5",
                "--balance-strength",
            ),
            ("--head-epochs 5", "--head-epochs"),
        ] {
            assert_eq!(idle(flags), Some(flag), "{flags}");
        }
        for flags in [
            "",
            "--optimizer nesterov-sgd --momentum 0.8 --head-epochs 0",
            "--from a.pth --head-epochs 5 --balance weights --balance-strength 0.5",
            "--loss focal --focal-gamma 3",
        ] {
            assert_eq!(idle(flags), None, "{flags}");
        }
    }
}
