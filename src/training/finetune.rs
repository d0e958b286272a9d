//! fast.ai's second step: the whole network, earlier layers more slowly.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::batches::{self, Example};
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
    Epoch(&'a EpochFigures),
    /// The weights of the epoch just reported, the best so far.
    Best(&'a StateDict),
}

/// The best epoch's network and the way there.
pub struct Outcome {
    pub network: ResNet,
    pub history: Vec<EpochFigures>,
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

/// Trains `network` (on an autodiff `device`) for `config.epochs` and returns
/// the epoch with the highest quadratic kappa on validation.
///
/// # Errors
/// A sentence where a rate is out of range or the loss stops being a number.
pub fn run(
    mut network: ResNet,
    examples: &Arc<Vec<Example>>,
    validation: &Validation,
    config: &TrainConfig,
    device: &Device,
    observe: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome, String> {
    let plain = device.clone().inner();
    let size = config.preprocessing.size as usize;
    let steps = batches::batches_in_epoch(examples.len(), config.batch);
    let total = steps * config.epochs;
    let mut schedule = discriminative(config.learning_rate, config.discrimination, total.max(1))?;
    let mut optimizer = AdamWConfig::new()
        .with_weight_decay(config.weight_decay)
        .init();
    let loss = CrossEntropyLossConfig::new()
        .with_smoothing(Some(config.label_smoothing).filter(|s| *s > 0.0))
        .init(device);

    let mut history = Vec::new();
    let mut best: Option<(f64, StateDict)> = None;
    let mut judge = |network: &ResNet,
                     epoch: usize,
                     training_loss: Option<f64>,
                     observe: &mut dyn FnMut(Progress<'_>)|
     -> Result<(), String> {
        let inference = network.valid();
        let (_, metrics) = validation.measure(&inference, config, &plain)?;
        let kappa = metrics.kappa_quadratic.unwrap_or(f64::NEG_INFINITY);
        let better = best.as_ref().is_none_or(|(highest, _)| kappa > *highest);
        let kept = better.then(|| network::state_dict(&inference));
        let figures = EpochFigures {
            epoch,
            training_loss,
            validation: metrics,
            best: better,
        };
        observe(Progress::Epoch(&figures));
        history.push(figures);
        if let Some(weights) = kept {
            observe(Progress::Best(&weights));
            best = Some((kappa, weights));
        }
        Ok(())
    };

    judge(&network, 0, None, observe)?;
    for epoch in 1..=config.epochs {
        let mut sum = 0.0;
        let mut smoothed = None;
        let received = batches::epoch(
            examples,
            &config.preprocessing,
            config.batch,
            config.seed,
            epoch,
        );
        for (step, batch) in received.into_iter().enumerate() {
            let count = batch.grades.len();
            let pictures = TensorData::new(batch.pictures, [count, 3, size, size]);
            let grades = TensorData::new(batch.grades, [count]);
            let logits = network.forward(Tensor::from_data(pictures, device));
            let value = loss.forward(logits, Tensor::<1, Int>::from_data(grades, device));
            let number = f64::from(value.clone().into_scalar::<f32>());
            if !number.is_finite() {
                return Err(format!(
                    "the loss became {number} in epoch {epoch}, step {}; \
                     lower --learning-rate and start again",
                    step + 1
                ));
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
        judge(&network, epoch, Some(sum / steps as f64), observe)?;
    }

    let (_, weights) = best.ok_or("no epoch was measured")?;
    let network = network::load(network.valid(), &weights).map_err(|e| e.to_string())?;
    Ok(Outcome { network, history })
}
