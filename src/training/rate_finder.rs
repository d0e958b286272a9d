//! The learning-rate finder of Smith (2017, "Cyclical Learning Rates for
//! Training Neural Networks") and fast.ai: raise the rate step by step, watch
//! the loss fall, flatten and explode, and choose from the curve.

use std::path::{Path, PathBuf};

use super::album::{Sized, grades};
use super::batches;
use super::config::TrainConfig;
use super::devices::Devices;
use super::export::write_whole;
use super::schedule::constant;
use super::step;
use crate::evaluation::plots;
use crate::network::Classifier;

/// Rates tried, from the first to the last by equal factors.
const FROM: f64 = 1e-6;
const TO: f64 = 1.0;
const STEPS: usize = 100;
/// The loss shown is an exponential mean, as fast.ai's.
const SMOOTHING: f64 = 0.9;
/// A smoothed loss this many times the lowest ends the search.
const EXPLODED: f64 = 4.0;

/// A learning rate and the smoothed loss it was met with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    pub rate: f64,
    pub loss: f64,
}

/// What the curve suggests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// A tenth of the rate with the lowest loss: the highest that is safe.
    pub tenth_of_lowest: f64,
    /// Where the loss falls fastest.
    pub steepest: f64,
}

/// Trains a copy of `network` at rising rates; the network itself is not changed.
///
/// # Errors
/// burn's words where a rate is out of its range; a sentence where the photos cannot be
/// had any more.
pub fn search(
    mut network: Classifier,
    photos: &Sized,
    config: &TrainConfig,
    devices: &Devices,
    tried: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Tried>, String> {
    let weights = config.balance.loss_weights(&grades(&photos.train));
    let mut optimizer = config.optimizer.init(config.weight_decay);
    let drawing = config.drawing(photos.size);
    let size = photos.size as usize;
    let mut curve: Vec<Tried> = Vec::new();
    let mut mean = 0.0;
    // As many epochs as it takes: a small folder has few steps in one.
    let steps = batches::batches_in_epoch(photos.train.len(), config.batch);
    let batches = (1..).flat_map(|epoch| {
        let received = batches::epoch(&photos.train, &photos.opinions, &drawing, epoch);
        (0..steps).map(move |_| received.recv())
    });
    for (number, batch) in batches.take(STEPS).enumerate() {
        // What makes them died of a fault, and would of the next epoch's, too.
        let batch = batch.map_err(|_| {
            "photos ran out, for the reason above; mend that and search again".to_owned()
        })?;
        let rate = FROM * (TO / FROM).powf(number as f64 / (STEPS - 1) as f64);
        let taken = step::take(&network, batch, size, &weights, config, devices);
        let loss = f64::from(taken.loss.into_scalar::<f32>());
        mean = SMOOTHING * mean + (1.0 - SMOOTHING) * loss;
        let smoothed = mean / (1.0 - SMOOTHING.powi(number as i32 + 1));
        let lowest = curve.iter().map(|t| t.loss).fold(smoothed, f64::min);
        if !smoothed.is_finite() || smoothed > EXPLODED * lowest {
            break;
        }
        curve.push(Tried {
            rate,
            loss: smoothed,
        });
        tried(number + 1, STEPS);
        let rates = constant(rate, config.discrimination)?.step();
        network = optimizer.step_multi(rates, network, taken.gradients);
    }
    Ok(curve)
}

/// Reads the curve; `None` where it is too short to say anything.
pub fn suggest(curve: &[Tried]) -> Option<Suggestion> {
    // The first steps only settle the mean.
    let curve = curve.get(5..)?;
    let lowest = curve
        .iter()
        .enumerate()
        .min_by(|a, b| a.1.loss.total_cmp(&b.1.loss))?
        .0;
    let steepest = curve[..=lowest]
        .windows(2)
        .min_by(|a, b| (a[1].loss - a[0].loss).total_cmp(&(b[1].loss - b[0].loss)))?[0]
        .rate;
    Some(Suggestion {
        tenth_of_lowest: curve[lowest].rate / 10.0,
        steepest,
    })
}

/// Writes the curve as a table and a plot into `out`; returns the plot's path.
///
/// # Errors
/// A sentence naming the file.
pub fn write(out: &Path, curve: &[Tried]) -> Result<PathBuf, String> {
    let mut csv = String::from("learning_rate,loss\n");
    for tried in curve {
        csv.push_str(&format!("{:e},{}\n", tried.rate, tried.loss));
    }
    write_whole(&out.join("learning-rate.csv"), csv.as_bytes())?;
    let points: Vec<(f64, f64)> = curve.iter().map(|t| (t.rate, t.loss)).collect();
    let svg = plots::learning_rate(&points).map_err(|error| error.to_string())?;
    let path = out.join("learning-rate.svg");
    write_whole(&path, svg.as_bytes())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use burn::tensor::Device;
    use image::RgbImage;

    use super::*;
    use crate::training::config::EARLIER;
    use crate::training::picture::Picture;

    /// Flat, then down to a bottom at 1e-2, then up.
    fn curve() -> Vec<Tried> {
        (0..60)
            .map(|i| {
                let rate = 1e-6 * 10f64.powf(i as f64 / 10.0);
                let decade = rate.log10();
                Tried {
                    rate,
                    loss: 1.0 + (decade + 2.0).powi(2).min(4.0) / 4.0,
                }
            })
            .collect()
    }

    #[test]
    fn the_curve_suggests_a_tenth_of_its_bottom_and_its_steepest_fall() {
        let suggestion = suggest(&curve()).unwrap();
        assert!((suggestion.tenth_of_lowest.log10() + 3.0).abs() < 0.01);
        // The parabola is steepest where it begins, two decades before the bottom.
        assert!((suggestion.steepest.log10() + 4.0).abs() < 0.2);
    }

    #[test]
    fn photos_that_cannot_be_had_any_more_end_the_search() {
        let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        config.preprocessing.size = 32;
        let lost = Picture::from(RgbImage::new(32, 32)).through(|_| panic!("the disk fails"));
        let photos = Sized {
            size: 32,
            train: Arc::new(vec![(lost, 0); 20]),
            opinions: Arc::default(),
            validation: Arc::default(),
        };
        let devices = Devices::from(Device::flex()).autodiff();
        let network = config.network(devices.first());
        let ended = search(network, &photos, &config, &devices, &mut |_, _| {});
        assert!(ended.unwrap_err().starts_with("photos ran out"));
    }

    #[test]
    fn a_curve_too_short_suggests_nothing() {
        assert_eq!(suggest(&curve()[..3]), None);
    }

    #[test]
    fn the_plot_and_the_table_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let plot = write(folder.path(), &curve()).unwrap();
        let svg = std::fs::read_to_string(plot).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("learning rate"));
        let csv = std::fs::read_to_string(folder.path().join("learning-rate.csv")).unwrap();
        assert_eq!(csv.lines().count(), 61);
    }
}
