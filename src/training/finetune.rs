//! fast.ai's second step: the whole network, earlier layers more slowly.

use std::sync::Arc;

use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Int, Tensor, TensorData};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::batches::{self, Example};
use super::checkpoint::{CheckpointError, Checkpoints};
use super::config::TrainConfig;
use super::predict;
use super::schedule::discriminative;
use crate::evaluation::{Metrics, Predictions};
use crate::network::{self, ResNet, StateDict};

/// What an epoch came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EpochFigures {
    /// From 1; 0 is the head alone.
    pub epoch: usize,
    /// Mean loss over the training batches, with augmentation and smoothing.
    pub training_loss: Option<f64>,
    /// Measured on validation.
    pub validation: Metrics,
    /// Whether it is the best so far, and its weights therefore kept.
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
    Finished(Box<ResNet>),
    /// Asked to stop; the last checkpoint is whole.
    Interrupted,
}

/// Photos the best epoch is chosen on.
pub struct Validation {
    pub pictures: Vec<Arc<RgbImage>>,
    pub grades: Vec<u8>,
}

impl Validation {
    /// Logits of every picture and the figures they come to.
    pub fn measure(
        &self,
        network: &ResNet,
        config: &TrainConfig,
        device: &Device,
    ) -> Result<(Vec<Vec<f64>>, Metrics), String> {
        let rows = predict::logits(
            network,
            &self.pictures,
            &config.preprocessing,
            device,
            &|_| {},
        );
        let logits: Vec<Vec<f64>> = rows
            .into_iter()
            .map(|row| row.into_iter().map(f64::from).collect())
            .collect();
        let predictions =
            Predictions::from_logits(&logits, &self.grades).map_err(|e| e.to_string())?;
        Ok((logits, Metrics::of(&predictions)))
    }
}

/// Why a training broke off.
#[derive(Debug, thiserror::Error)]
pub enum FinetuneError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(
        "the loss became {loss} in epoch {epoch}, step {step}; the last checkpoint is whole, \
         but start again with a lower --learning-rate"
    )]
    Diverged {
        loss: f64,
        epoch: usize,
        step: usize,
    },
    #[error("{0}")]
    Other(String),
}

/// What a training needs beside the network.
pub struct Finetune<'a> {
    pub examples: &'a Arc<Vec<Example>>,
    pub validation: &'a Validation,
    pub config: &'a TrainConfig,
    /// With autodiff.
    pub device: &'a Device,
    pub checkpoints: &'a Checkpoints,
    /// Asked between steps whether to stop.
    pub stop: &'a dyn Fn() -> bool,
}

/// Network and memory of a training under way.
struct State {
    network: ResNet,
    optimizer: ModuleOptimizer,
    history: Vec<EpochFigures>,
    best: Option<StateDict>,
}

impl Finetune<'_> {
    /// Trains `network` for the configured epochs, or goes on from the last
    /// checkpoint where there is one, and returns the epoch with the highest
    /// quadratic kappa on validation.
    ///
    /// # Errors
    /// [`FinetuneError`]; checkpoints already written stay.
    pub fn run(
        &self,
        network: ResNet,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Outcome, FinetuneError> {
        let config = self.config;
        let steps = batches::batches_in_epoch(self.examples.len(), config.batch);
        let total = (steps * config.epochs).max(1);
        let mut schedule = discriminative(config.learning_rate, config.discrimination, total)
            .map_err(FinetuneError::Other)?;
        let (mut state, done) = self.begin(network, observe)?;
        // The schedule is a function of the step alone: walk it to where it was.
        for _ in 0..done * steps {
            schedule.step();
        }
        for epoch in done + 1..=config.epochs {
            let loss;
            (state, loss) = self.epoch(state, &mut schedule, epoch, steps, observe)?;
            let Some(loss) = loss else {
                return Ok(Outcome::Interrupted);
            };
            self.judge(&mut state, epoch, Some(loss), observe)?;
            self.save(&state, epoch)?;
        }
        let weights = state
            .best
            .ok_or_else(|| FinetuneError::Other("no epoch was measured".to_owned()))?;
        let network = network::load(state.network.valid(), &weights)
            .map_err(|e| FinetuneError::Other(e.to_string()))?;
        Ok(Outcome::Finished(Box::new(network)))
    }

    /// The state to start from, and the epochs it has behind it.
    fn begin(
        &self,
        network: ResNet,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(State, usize), FinetuneError> {
        let optimizer = AdamWConfig::new()
            .with_weight_decay(self.config.weight_decay)
            .init();
        if self.checkpoints.any()
            && let Some(saved) = self.checkpoints.load(network.clone(), optimizer.clone())?
        {
            let state = State {
                network: saved.network,
                optimizer: saved.optimizer,
                history: saved.history,
                best: Some(saved.best),
            };
            return Ok((state, saved.epoch));
        }
        let mut state = State {
            network,
            optimizer,
            history: Vec::new(),
            best: None,
        };
        self.judge(&mut state, 0, None, observe)?;
        self.save(&state, 0)?;
        Ok((state, 0))
    }

    /// One epoch; its mean loss, or `None` where asked to stop.
    fn epoch(
        &self,
        state: State,
        schedule: &mut ModuleLrScheduler,
        epoch: usize,
        steps: usize,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(State, Option<f64>), FinetuneError> {
        let State {
            mut network,
            mut optimizer,
            history,
            best,
        } = state;
        let mut stopped = false;
        let config = self.config;
        let size = config.preprocessing.size as usize;
        let loss = CrossEntropyLossConfig::new()
            .with_smoothing(Some(config.label_smoothing).filter(|s| *s > 0.0))
            .init(self.device);
        let mut sum = 0.0;
        let mut smoothed = None;
        let received = batches::epoch(
            self.examples,
            &config.preprocessing,
            config.batch,
            config.seed,
            epoch,
        );
        for (step, batch) in received.into_iter().enumerate() {
            if (self.stop)() {
                stopped = true;
                break;
            }
            let count = batch.grades.len();
            let pictures = TensorData::new(batch.pictures, [count, 3, size, size]);
            let grades = TensorData::new(batch.grades, [count]);
            let logits = network.forward(Tensor::from_data(pictures, self.device));
            let targets = Tensor::<1, Int>::from_data(grades, self.device);
            let value = loss.forward(logits, targets);
            let number = f64::from(value.clone().into_scalar::<f32>());
            if !number.is_finite() {
                return Err(FinetuneError::Diverged {
                    loss: number,
                    epoch,
                    step: step + 1,
                });
            }
            let gradients = GradientsParams::from_grads(value.backward(), &network);
            network = optimizer.step(schedule.step(), network, gradients);
            sum += number;
            let shown = smoothed.map_or(number, |s: f64| 0.95 * s + 0.05 * number);
            smoothed = Some(shown);
            observe(Progress::Step {
                epoch,
                step: step + 1,
                steps,
                loss: shown,
            });
        }
        let state = State {
            network,
            optimizer,
            history,
            best,
        };
        Ok((state, (!stopped).then_some(sum / steps as f64)))
    }

    /// Measures the network on validation and keeps it if it is the best so far.
    fn judge(
        &self,
        state: &mut State,
        epoch: usize,
        training_loss: Option<f64>,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), FinetuneError> {
        let plain = self.device.clone().inner();
        let inference = state.network.valid();
        let (_, metrics) = self
            .validation
            .measure(&inference, self.config, &plain)
            .map_err(FinetuneError::Other)?;
        let kappa = |metrics: &Metrics| metrics.kappa_quadratic.unwrap_or(f64::NEG_INFINITY);
        let highest = state
            .history
            .iter()
            .map(|figures| kappa(&figures.validation))
            .fold(f64::NEG_INFINITY, f64::max);
        let better = state.best.is_none() || kappa(&metrics) > highest;
        if better {
            state.best = Some(network::state_dict(&inference));
        }
        let figures = EpochFigures {
            epoch,
            training_loss,
            validation: metrics,
            best: better,
        };
        state.history.push(figures);
        observe(Progress::Epoch(&state.history));
        Ok(())
    }

    fn save(&self, state: &State, epoch: usize) -> Result<(), FinetuneError> {
        let Some(best) = &state.best else {
            return Ok(());
        };
        self.checkpoints.save(
            epoch,
            &state.network,
            &state.optimizer,
            &state.history,
            best,
        )?;
        Ok(())
    }
}
