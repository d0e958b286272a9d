//! Other systems the talk stands on, each trained on all photos of the same
//! split.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::talk;
use crate::network::Architecture;
use crate::photo::LocalMean;
use crate::training::TrainConfig;
use crate::training::augment::Augmentation;
use crate::training::balance::Balance;
use crate::training::objective::Objective;
use crate::training::optimizer::Optimizer;

/// Highest learning rate of Pratt's network, and its L2 penalty, which the paper
/// does not give.
const PRATT_RATE: f64 = 1e-3;
const PRATT_L2: f32 = 5e-4;

/// A system by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Pratt et al. 2016: their own network from random weights, by Nesterov SGD,
    /// the grades of a batch weighing the same.
    Pratt2016,
    /// Sallam et al. 2020: ResNet-18 from ImageNet, Gaussian filtering, every
    /// grade drawn equally often.
    Sallam2020,
    /// The first of fast.ai's two steps alone: a new head on frozen features.
    HeadOnly,
    /// Neither step: the whole network from the start, at one rate.
    AllAtOnce,
}

impl Preset {
    pub const ALL: [Self; 4] = [
        Self::Pratt2016,
        Self::Sallam2020,
        Self::HeadOnly,
        Self::AllAtOnce,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pratt2016 => "pratt2016",
            Self::Sallam2020 => "sallam2020",
            Self::HeadOnly => "head-only",
            Self::AllAtOnce => "all-at-once",
        }
    }

    /// What it is, for a reader.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pratt2016 => {
                "Pratt et al. 2016: ten convolutions and two dense layers from random weights, \
                 Nesterov SGD, grades weighing the same in each batch"
            }
            Self::Sallam2020 => {
                "Sallam et al. 2020: ResNet-18 from ImageNet, local mean subtracted, \
                 imbalanced sampler"
            }
            Self::HeadOnly => "From ImageNet, the new head alone (fast.ai’s first step)",
            Self::AllAtOnce => {
                "From ImageNet, the whole network at once at one rate (neither of fast.ai’s steps)"
            }
        }
    }

    /// What its authors measured, on other photos, by the names of
    /// [`crate::evaluation::Metrics::named`].
    pub fn published(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Pratt2016 => &talk::PRATT,
            Self::Sallam2020 => &talk::SALLAM,
            Self::HeadOnly | Self::AllAtOnce => &[],
        }
    }

    /// Its training, from that of TL: fast.ai's two steps.
    pub fn config(self, two_steps: &TrainConfig) -> TrainConfig {
        let config = two_steps.clone();
        match self {
            Self::Pratt2016 => TrainConfig {
                from: None,
                mean_with: Vec::new(),
                architecture: Architecture::Pratt2016,
                smaller_first: Vec::new(),
                head_epochs: 0,
                // Theirs was 0.0003 for 120 epochs; one cycle of a few has to go
                // faster. At 0.01 the loss of the first epochs explodes.
                learning_rate: PRATT_RATE,
                discrimination: 1.0,
                optimizer: Optimizer::NesterovSgd {
                    momentum: Optimizer::MOMENTUM,
                },
                weight_decay: PRATT_L2,
                objective: Objective::CrossEntropy,
                label_smoothing: 0.0,
                balance: Balance::BatchWeights,
                augmentation: Augmentation {
                    flip: true,
                    rotate: true,
                    shift: Augmentation::AT_ANY_ANGLE.shift,
                    ..Augmentation::NONE
                },
                mixup: 0.0,
                average_epochs: 0.0,
                ..config
            },
            Self::Sallam2020 => TrainConfig {
                architecture: Architecture::ResNet18,
                preprocessing: crate::photo::Preprocessing {
                    local_mean: Some(LocalMean::default()),
                    ..config.preprocessing.clone()
                },
                balance: Balance::Sampler { strength: 1.0 },
                ..config
            },
            Self::HeadOnly => TrainConfig {
                head_epochs: config.head_epochs + config.epochs,
                epochs: 0,
                smaller_first: Vec::new(),
                ..config
            },
            Self::AllAtOnce => TrainConfig {
                head_epochs: 0,
                discrimination: 1.0,
                ..config
            },
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::name).join(", ");
                format!("no preset is called {name:?}; choose among {known}")
            })
    }
}
