//! A training's settings: flags resolved into one checked configuration,
//! saved beside the weights so that the run can be repeated.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::augment::Augmentation;
use super::balance::Balance;
use super::batches::Drawing;
use super::keep::Keep;
use super::mixup;
use super::objective::{Objective, Targets};
use super::opinions::{Opinion, Opinions};
use super::optimizer::Optimizer;
use burn::tensor::Device;

use crate::network::{Architecture, Classifier};
use crate::photo::{PhotoError, Preprocessing};

/// Everything that decides a training's outcome on a given machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Folders of labelled photos.
    pub data: Vec<PathBuf>,
    /// Weights to start from: torchvision's (`.pth`, `.safetensors`) or a
    /// bundle's `model.json`; none: random.
    pub from: Option<PathBuf>,
    /// More such weights: the training starts from the mean of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean_with: Vec<PathBuf>,
    pub architecture: Architecture,
    /// As the finished network is fed.
    pub preprocessing: Preprocessing,
    /// First epochs on smaller pictures, in order; the rest at the full size.
    pub smaller_first: Vec<SizeStage>,
    /// Epochs of the new head alone, over features computed once.
    pub head_epochs: usize,
    /// Epochs of the whole network.
    pub epochs: usize,
    pub batch: usize,
    /// Highest learning rate of the head; earlier layers get a part of it.
    pub learning_rate: f64,
    /// Rate of each earlier group of layers relative to the next (fast.ai's
    /// discriminative rates): head 1, layer 3-4 `d`, stem and layer 1-2 `d²`.
    pub discrimination: f64,
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Decoupled from the gradient in AdamW, an L2 penalty in SGD.
    pub weight_decay: f32,
    pub objective: Objective,
    pub label_smoothing: f32,
    pub balance: Balance,
    /// What other networks make of the photos, mixed into their grades.
    #[serde(default)]
    pub opinions: Option<Opinions>,
    pub augmentation: Augmentation,
    /// How evenly two photos are mixed, as [`mixup::mix`] has it; 0: not at all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mixup: f64,
    /// Epochs over which an exponential mean of the weights reaches back; 0: none.
    pub average_epochs: f64,
    /// Which epoch becomes the model.
    #[serde(default, skip_serializing_if = "Keep::is_usual")]
    pub keep: Keep,
    /// Whether the finished network judges a photo in its four flips.
    pub test_time_flips: bool,
    /// Share of the photos kept for validation.
    pub validation: f64,
    /// Share kept aside entirely.
    pub test: f64,
    /// A split.csv to divide the photos by, instead of drawing a split.
    #[serde(default)]
    pub split: Option<PathBuf>,
    /// Whether the parts that data sets were published in stay apart where a split is
    /// drawn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub published_parts: bool,
    /// Share of the training side to train on. The seed draws it; the photos of
    /// a smaller share are among those of a larger one.
    #[serde(default = "whole")]
    pub share: f64,
    pub seed: u64,
}

/// What configurations saved before [`TrainConfig::share`] existed trained on.
fn whole() -> f64 {
    1.0
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// Epochs on pictures of one size: progressive resizing, as fast.ai teaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeStage {
    /// Side of the pictures, in pixels.
    pub size: u32,
    pub epochs: usize,
}

impl std::str::FromStr for SizeStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once(':')
            .and_then(|(size, epochs)| {
                Some(Self {
                    size: size.trim().parse().ok()?,
                    epochs: epochs.trim().parse().ok()?,
                })
            })
            .ok_or_else(|| format!("{text:?} is not SIZE:EPOCHS, such as 128:6"))
    }
}

impl TrainConfig {
    /// Side of the pictures that `epoch` (from 1; 0: the head alone) trains on.
    pub fn size_at(&self, epoch: usize) -> u32 {
        if self.epochs == 0 {
            return self.preprocessing.size;
        }
        let mut last = 0;
        for stage in &self.smaller_first {
            last += stage.epochs;
            if epoch <= last {
                return stage.size;
            }
        }
        self.preprocessing.size
    }

    /// The preprocessing at another size.
    pub fn preprocessing_at(&self, size: u32) -> Preprocessing {
        Preprocessing {
            size,
            ..self.preprocessing.clone()
        }
    }

    /// What a batch of these grades, weights and second opinions is held to, where
    /// nothing is mixed.
    pub fn targets<'a>(
        &self,
        grades: &'a [u8],
        weights: &'a [f32],
        opinions: &'a [Option<Opinion>],
    ) -> Targets<'a> {
        Targets {
            grades,
            weights,
            smoothing: self.label_smoothing,
            opinions,
            overlays: &[],
            opinion_share: self.opinions.as_ref().map_or(0.0, |heard| heard.share),
        }
    }

    /// The network with fresh random weights.
    pub fn network(&self, device: &Device) -> Classifier {
        self.architecture
            .init(self.objective.outputs(), self.preprocessing.size, device)
    }

    /// How batches of pictures of `size` are drawn.
    pub fn drawing(&self, size: u32) -> Drawing {
        Drawing {
            preprocessing: self.preprocessing_at(size),
            augmentation: self.augmentation,
            balance: self.balance,
            mixup: self.mixup,
            batch: self.batch,
            seed: self.seed,
        }
    }

    /// Whether weights stay as they came, to be calibrated and described anew.
    pub fn trains_nothing(&self) -> bool {
        self.epochs == 0 && self.head_epochs == 0
    }

    /// Checks what can be checked before a photo is touched.
    ///
    /// # Errors
    /// A sentence that names the flag and the fix.
    pub fn validate(&self) -> Result<(), String> {
        let stages = self.smaller_first.iter().map(|stage| stage.epochs);
        let small = stages.fold(0, usize::saturating_add);
        let faults = [
            (self.data.is_empty(), "name at least one folder with --data"),
            (
                self.batch < 2,
                "--batch must be at least 2: batch norm needs company",
            ),
            (
                self.trains_nothing() && self.from.is_none(),
                "without --from, --epochs 0 trains nothing; with it a new head is trained, and with \
                 --from a bundle and --head-epochs 0 that is calibrated anew",
            ),
            (
                !self.mean_with.is_empty() && self.from.is_none(),
                "--mean-with takes the mean with the weights of --from; name them, too",
            ),
            (
                small > 0 && small >= self.epochs,
                "--smaller-first leaves no epoch at the full --size; raise --epochs",
            ),
            (
                (self.smaller_first.iter()).any(|stage| stage.size >= self.preprocessing.size),
                "--smaller-first begins on pictures smaller than --size; lower its sizes",
            ),
            (
                !self.smaller_first.is_empty() && !self.architecture.takes_any_size(),
                "--smaller-first needs a network that takes pictures of any size, such as resnet18",
            ),
            (
                !(self.learning_rate > 0.0 && self.learning_rate <= 1.0),
                "--learning-rate must lie above 0 and at most at 1",
            ),
            (
                !(self.discrimination > 0.0 && self.discrimination <= 1.0),
                "--discrimination must lie above 0 and at most at 1",
            ),
            (
                !(0.0..1.0).contains(&self.weight_decay),
                "--weight-decay must lie between 0 and 1",
            ),
            (
                !(0.0..1.0).contains(&self.label_smoothing),
                "--label-smoothing must lie between 0 and 1",
            ),
            (
                self.label_smoothing > 0.0 && self.objective == Objective::Ordinal,
                "--label-smoothing spreads the truth over grades, which --loss ordinal has none of; \
                 leave one of them out",
            ),
            (
                self.opinions.is_some() && self.objective == Objective::Ordinal,
                "--opinions are probabilities of grades, which --loss ordinal has none of; leave \
                 one of them out",
            ),
            (
                !(0.0..=100.0).contains(&self.average_epochs),
                "--average must lie between 0 and 100 epochs",
            ),
            (
                self.validation.is_nan() || self.validation <= 0.0,
                "--validation must lie above 0: its photos choose epoch, temperature and threshold",
            ),
            (
                self.test.is_nan() || self.test < 0.0,
                "--test must not lie below 0; 0 keeps no photo aside",
            ),
            (
                self.validation + self.test >= 1.0,
                "--validation and --test must leave photos to train on",
            ),
            (
                !(self.share > 0.0 && self.share <= 1.0),
                "--share is a share of the training photos, above 0 and at most 1",
            ),
        ];
        if let Some((_, sentence)) = faults.iter().find(|(wrong, _)| *wrong) {
            return Err((*sentence).to_owned());
        }
        self.objective.validate()?;
        self.opinions.iter().try_for_each(Opinions::validate)?;
        self.balance.validate()?;
        self.optimizer.validate()?;
        self.augmentation.validate()?;
        mixup::validate(self.mixup)?;
        let sizes = self.smaller_first.iter().map(|stage| stage.size);
        for size in sizes.chain([self.preprocessing.size]) {
            let shown = self.preprocessing_at(size);
            shown.validate().map_err(|error| match error {
                PhotoError::Settings { reason } => {
                    format!("{reason}; choose another --size, --smaller-first or --margin")
                }
                other => other.to_string(),
            })?;
            let source = self.augmentation.source(&shown);
            if source.size > Preprocessing::MAX_SIZE {
                return Err(format!(
                    "--oversampling {} makes pictures of {} pixels to a side, more than {}; \
                     lower it or --size",
                    self.augmentation.oversampling,
                    source.size,
                    Preprocessing::MAX_SIZE
                ));
            }
        }
        Ok(())
    }

    /// Reads a configuration that a run saved.
    ///
    /// # Errors
    /// A sentence naming the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let named = |error: String| format!("{}: {error}", path.display());
        let json = std::fs::read(path).map_err(|e| named(e.to_string()))?;
        let config: Self = serde_json::from_slice(&json).map_err(|e| named(e.to_string()))?;
        config.validate().map_err(named)?;
        Ok(config)
    }

    /// Whether what this configuration, read from `file`, names is there, as seen from here.
    ///
    /// # Errors
    /// A sentence where it was written down as seen from another folder.
    pub fn in_sight(&self, file: &Path) -> Result<(), String> {
        let opinions = self.opinions.iter().flat_map(|heard| &heard.files);
        // A training that goes on needs its first weights no more, but a bundle's terms.
        let bundles = (self.from.iter().chain(&self.mean_with))
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"));
        let mut named = (self.data.iter().chain(bundles))
            .chain(&self.split)
            .chain(opinions);
        match named.find(|path| path.is_relative() && !path.exists()) {
            None => Ok(()),
            Some(path) => Err(format!(
                "{} names {} as seen from the folder that it was begun in, and seen from here \
                 nothing is there; type this in that folder, or put it back where it was",
                file.display(),
                path.display()
            )),
        }
    }
}

/// As a run saved it before shares and given splits existed.
#[cfg(test)]
pub(super) const EARLIER: &str = r#"{
    "data": ["photos"], "from": null, "architecture": "resnet18",
    "preprocessing": {"size": 64, "margin": 0.0, "local_mean": null,
        "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]},
    "smaller_first": [], "head_epochs": 0, "epochs": 2, "batch": 8,
    "learning_rate": 0.001, "discrimination": 0.5, "weight_decay": 0.01,
    "objective": {"kind": "cross-entropy"}, "label_smoothing": 0.0,
    "balance": {"kind": "neither"},
    "augmentation": {"flip": true, "rotate": true, "zoom": 0.1, "shift": 0.03,
        "brightness": 0.05, "contrast": 0.2, "colour": 0.07, "blur": 0.1,
        "jpeg": 0.1, "framing": 0.3},
    "average_epochs": 0.5, "test_time_flips": false,
    "validation": 0.15, "test": 0.0, "seed": 1
}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_configuration_trains_on_the_whole_of_a_drawn_split() {
        let config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        assert_eq!(config.share, 1.0);
        assert_eq!(config.split, None);
        config.validate().unwrap();
    }

    #[test]
    fn each_part_of_the_split_is_told_its_own_trouble() {
        for (validation, test, trouble) in [
            (0.0, 0.1, "--validation must lie above 0"),
            (f64::NAN, 0.1, "--validation must lie above 0"),
            (0.2, -0.1, "--test must not"),
            (0.5, 0.5, "leave photos to train on"),
        ] {
            let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
            (config.validation, config.test) = (validation, test);
            let said = config.validate().unwrap_err();
            assert!(said.contains(trouble), "{said}");
        }
    }

    #[test]
    fn more_epochs_than_can_be_counted_are_no_fault_of_ours() {
        let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        (config.epochs, config.head_epochs) = (usize::MAX, 1);
        assert!(!config.trains_nothing());
        let stage = SizeStage {
            size: 32,
            epochs: usize::MAX,
        };
        config.smaller_first = vec![stage; 2];
        let said = config.validate().unwrap_err();
        assert!(said.contains("--smaller-first"), "{said}");
    }

    #[test]
    fn pictures_of_no_size_are_refused_by_the_flag() {
        let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        config.preprocessing.size = 7;
        let said = config.validate().unwrap_err();
        assert!(said.starts_with("size is 7, not 8 to 4096; choose another --size"));
    }

    #[test]
    fn smaller_pictures_come_first_or_none() {
        let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        for (size, taken) in [(32, true), (64, false), (96, false)] {
            config.smaller_first = vec![SizeStage { size, epochs: 1 }];
            let said = config.validate();
            assert_eq!(said.is_ok(), taken, "{size}");
            assert!(
                said.err()
                    .is_none_or(|said| said.contains("--smaller-first"))
            );
        }
    }

    #[test]
    fn weights_that_were_gone_on_from_may_be_gone() {
        let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        config.data = vec!["src".into()];
        for (from, taken) in [("no/such.pth", true), ("no/such/model.json", false)] {
            config.from = Some(from.into());
            assert_eq!(config.in_sight(Path::new("config.json")).is_ok(), taken);
        }
    }

    #[test]
    fn a_share_of_nothing_or_of_more_than_all_is_refused() {
        for share in [0.0, -0.1, 1.1, f64::NAN] {
            let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
            config.share = share;
            assert!(
                config.validate().unwrap_err().contains("--share"),
                "{share}"
            );
        }
    }
}
