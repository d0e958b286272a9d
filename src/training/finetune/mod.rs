//! fast.ai's second step: the whole network, earlier layers more slowly.

use burn::module::Module;
use serde::{Deserialize, Serialize};

use super::album::{Album, Sized};
use super::batches;
use super::checkpoint::{CheckpointError, Checkpoints};
use super::config::TrainConfig;
use super::devices::Devices;
use super::journal::Journal;
use super::schedule::discriminative;
use crate::evaluation::Metrics;
use crate::network::{self, Classifier};

#[cfg(test)]
mod drawn;
mod epoch;
mod state;

/// What an epoch came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EpochFigures {
    /// From 1; 0 is the network that the first begins with.
    pub epoch: usize,
    /// Side of its pictures, in pixels.
    pub size: u32,
    /// Mean loss over the training batches, with augmentation and smoothing.
    pub training_loss: Option<f64>,
    /// Measured on validation.
    pub validation: Metrics,
    /// Cross-entropy on validation after temperature scaling; none in what was
    /// written before it was measured.
    #[serde(default)]
    pub scaled_cross_entropy: Option<f64>,
    /// Whether it is the best so far at the full size, its weights therefore kept.
    pub best: bool,
}

/// Tells the caller how far the training is.
pub enum Progress<'a> {
    Step {
        epoch: usize,
        step: usize,
        steps: usize,
        /// Smoothed over the last steps.
        loss: f64,
    },
    /// Every epoch so far, the newest last.
    Epoch(&'a [EpochFigures]),
}

/// How a training ended.
pub enum Outcome {
    /// The network with the best epoch's weights, in inference mode.
    Finished(Box<Classifier>),
    /// Asked to stop; the last checkpoint is whole.
    Interrupted,
}

/// Why a training broke off.
#[derive(Debug, thiserror::Error)]
pub enum FinetuneError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(
        "{0}; the last checkpoint is whole, but start again with a lower --learning-rate and \
         another --out"
    )]
    Diverged(String),
    /// By what can be mended.
    #[error("{fault}; {remedy}")]
    Broken { fault: String, remedy: &'static str },
    #[error("{0}")]
    Other(String),
}

/// What a training needs beside the network.
pub struct Finetune<'a> {
    pub album: &'a Album<'a>,
    pub config: &'a TrainConfig,
    /// With autodiff.
    pub devices: &'a Devices,
    pub checkpoints: &'a Checkpoints,
    pub journal: &'a Journal,
    /// Asked between steps whether to stop.
    pub stop: &'a dyn Fn() -> bool,
}

impl Finetune<'_> {
    /// Trains `network` for the configured epochs, or goes on from the last
    /// checkpoint where there is one, and returns the epoch that its configuration
    /// keeps: the best on validation at the full size.
    ///
    /// `photos` are those of the first epoch, if they are prepared already.
    ///
    /// # Errors
    /// [`FinetuneError`]; checkpoints already written stay.
    pub fn run(
        &self,
        network: Classifier,
        photos: Option<Sized>,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Outcome, FinetuneError> {
        let config = self.config;
        let steps = batches::batches_in_epoch(self.album.train.len(), config.batch);
        let total = (steps * config.epochs).max(1);
        let mut schedule = discriminative(config.learning_rate, config.discrimination, total)
            .map_err(FinetuneError::Other)?;
        let (mut state, done) = self.begin(network)?;
        let mut photos = match photos {
            Some(photos) => photos,
            None => self.photos(config.size_at(done + 1))?,
        };
        if state.history.is_empty() {
            self.judge(&mut state, 0, None, &photos, observe)?;
            self.save(&state, 0)?;
        }
        // The schedule is a function of the step alone: walk it to where it was.
        for _ in 0..done * steps {
            schedule.step();
        }
        for epoch in done + 1..=config.epochs {
            if config.size_at(epoch) != photos.size {
                if (self.stop)() {
                    return Ok(Outcome::Interrupted);
                }
                photos = self.photos(config.size_at(epoch))?;
            }
            let loss;
            (state, loss) = self.epoch(state, &mut schedule, epoch, steps, &photos, observe)?;
            let Some(loss) = loss else {
                return Ok(Outcome::Interrupted);
            };
            self.judge(&mut state, epoch, Some(loss), &photos, observe)?;
            self.save(&state, epoch)?;
        }
        let weights = state
            .best
            .ok_or_else(|| FinetuneError::Other("no epoch was measured".to_owned()))?;
        let network = network::load(state.network.valid(), &weights)
            .map_err(|e| FinetuneError::Other(e.to_string()))?;
        Ok(Outcome::Finished(Box::new(network)))
    }

    fn photos(&self, size: u32) -> Result<Sized, FinetuneError> {
        let prepared = self.album.at(size);
        prepared.map_err(|fault| self.broken(fault.to_string()))
    }

    fn broken(&self, fault: String) -> FinetuneError {
        FinetuneError::Broken {
            fault,
            remedy: self.checkpoints.remedy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::drawn::{Set, WHOLE, config, start, train};
    use super::*;
    use crate::training::config::SizeStage;

    #[test]
    fn a_photo_that_is_gone_before_the_next_size_ends_it_until_it_is_back() {
        let mut config = config();
        config.smaller_first = vec![SizeStage {
            size: 24,
            epochs: 1,
        }];
        let (set, start) = (Set::drawn(), start());
        let photo = set.train[3].path();
        let away = photo.with_extension("away");
        let words = set.broken(&config, &start, &|| {
            std::fs::rename(photo, &away).unwrap();
        });
        assert!(
            words.contains("3.png: ") && words.contains(WHOLE),
            "{words}"
        );
        assert!(words.ends_with("go on with --resume"), "{words}");
        assert_eq!(set.checkpoints().epochs(), Some(1));
        std::fs::rename(&away, photo).unwrap();
        let mut history = Vec::new();
        let mut observe = |progress: Progress<'_>| {
            if let Progress::Epoch(epochs) = progress {
                history = epochs.to_vec();
            }
        };
        set.run(&config, &start, &|| false, &mut observe).unwrap();
        let unbroken = train(&config, &start).history;
        let figures = |history: &[EpochFigures]| serde_json::to_string(history).unwrap();
        assert_eq!(figures(&history), figures(&unbroken));
    }
}
