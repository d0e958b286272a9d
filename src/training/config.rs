//! A training's settings: flags resolved into one checked configuration,
//! saved beside the weights so that the run can be repeated.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::network::Architecture;
use crate::photo::Preprocessing;

/// Everything that decides a training's outcome on a given machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Folders of labelled photos.
    pub data: Vec<PathBuf>,
    /// torchvision weights (`.pth`, `.safetensors`) to start from; none: random.
    pub from: Option<PathBuf>,
    pub architecture: Architecture,
    pub preprocessing: Preprocessing,
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
    pub weight_decay: f32,
    pub label_smoothing: f32,
    /// Share of the photos kept for validation.
    pub validation: f64,
    /// Share kept aside entirely.
    pub test: f64,
    pub seed: u64,
}

impl TrainConfig {
    /// Checks what can be checked before a photo is touched.
    ///
    /// # Errors
    /// A sentence that names the flag and the fix.
    pub fn validate(&self) -> Result<(), String> {
        let faults = [
            (self.data.is_empty(), "name at least one folder with --data"),
            (
                self.batch < 2,
                "--batch must be at least 2: batch norm needs company",
            ),
            (
                self.epochs + self.head_epochs == 0,
                "--epochs 0 and --head-epochs 0 train nothing",
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
                !(0.0..1.0).contains(&self.label_smoothing),
                "--label-smoothing must lie between 0 and 1",
            ),
            (
                !(self.validation > 0.0 && self.test >= 0.0 && self.validation + self.test < 1.0),
                "--validation and --test must leave photos to train on",
            ),
        ];
        if let Some((_, sentence)) = faults.iter().find(|(wrong, _)| *wrong) {
            return Err((*sentence).to_owned());
        }
        self.preprocessing.validate().map_err(|e| e.to_string())
    }

    /// Reads a configuration that a run saved.
    ///
    /// # Errors
    /// A sentence naming the file.
    pub fn read(path: &std::path::Path) -> Result<Self, String> {
        let named = |error: String| format!("{}: {error}", path.display());
        let json = std::fs::read(path).map_err(|e| named(e.to_string()))?;
        let config: Self = serde_json::from_slice(&json).map_err(|e| named(e.to_string()))?;
        config.validate().map_err(named)?;
        Ok(config)
    }
}
