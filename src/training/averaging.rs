//! An exponential mean of the weights along the training: it forgets the last
//! batches' noise and generalises better than the point where the training
//! happens to stand (Polyak & Juditsky 1992; Tarvainen & Valpola 2017).

use crate::network::{self, Classifier, StateDict};

/// Steps between two updates: reading 11 million numbers off the device costs
/// a share of a step, and the mean does not notice.
const EVERY: usize = 4;

/// The mean of a network's weights, batch norm's running statistics included.
#[derive(Clone, Debug)]
pub struct Average {
    weights: StateDict,
    /// Steps over which the mean reaches back.
    horizon: f64,
}

impl Average {
    /// Begins at `network`; the mean will reach back `horizon` steps.
    pub fn starting_at(network: &Classifier, horizon: f64) -> Self {
        Self::of(network::state_dict(network), horizon)
    }

    /// Goes on from a mean that a checkpoint kept.
    pub fn of(weights: StateDict, horizon: f64) -> Self {
        Self { weights, horizon }
    }

    /// Takes in the network after `step` (from 1, over all epochs).
    pub fn update(&mut self, network: &Classifier, step: usize) {
        if step.is_multiple_of(EVERY) {
            self.blend(&network::state_dict(network), step);
        }
    }

    fn blend(&mut self, newest: &StateDict, step: usize) {
        // Early on the mean reaches back no further than the training does,
        // or it would remember the start for the whole horizon.
        let reach = self.horizon.min(step as f64 / 2.0).max(1.0);
        let keep = (1.0 - 1.0 / reach).powi(EVERY as i32) as f32;
        for (name, mean) in &mut self.weights.0 {
            let Some(new) = newest.0.get(name) else {
                continue;
            };
            for (mean, new) in mean.values.iter_mut().zip(&new.values) {
                *mean = keep * *mean + (1.0 - keep) * new;
            }
        }
    }

    /// The mean so far.
    pub fn weights(&self) -> &StateDict {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Entry;

    fn single(value: f32) -> StateDict {
        let entry = Entry {
            shape: vec![1],
            values: vec![value],
        };
        StateDict([("weight".to_owned(), entry)].into())
    }

    fn value(average: &Average) -> f32 {
        average.weights().0["weight"].values[0]
    }

    #[test]
    fn the_mean_of_one_thing_is_that_thing() {
        let mut average = Average::of(single(2.0), 50.0);
        for step in 1..200 {
            average.blend(&single(2.0), step);
        }
        assert!((value(&average) - 2.0).abs() < 1e-5);
    }

    #[test]
    fn a_late_jump_is_taken_in_over_the_horizon() {
        let mut average = Average::of(single(0.0), 100.0);
        // 25 updates of four steps each are one horizon: 1 - 1/e of the jump.
        for _ in 0..25 {
            average.blend(&single(1.0), 10_000);
        }
        let expected = 1.0 - (-1f32).exp();
        assert!(
            (value(&average) - expected).abs() < 0.01,
            "{}",
            value(&average)
        );
    }

    #[test]
    fn the_start_is_soon_forgotten() {
        let mut average = Average::of(single(100.0), 10_000.0);
        for step in (4..=400).step_by(4) {
            average.blend(&single(1.0), step);
        }
        assert!((value(&average) - 1.0).abs() < 0.1, "{}", value(&average));
    }
}
