//! An exponential mean of the weights along the training: it forgets the last
//! batches' noise and generalises better than the point where the training
//! happens to stand (Polyak & Juditsky 1992; Tarvainen & Valpola 2017).

use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::network::{self, Classifier, StateDict, WeightsError};

/// Most steps between two updates: a pass over 11 million numbers costs a share of a
/// step, and the mean does not notice.
const EVERY: usize = 4;

/// The mean of a network's weights, batch norm's running statistics included.
#[derive(Clone, Debug)]
pub struct Average {
    /// On the device of the network, so that no weight has to leave it.
    mean: Classifier,
    /// Steps over which the mean reaches back.
    horizon: f64,
    /// Steps between two updates.
    every: usize,
}

impl Average {
    /// Begins at `network`; the mean will reach back `epochs` of `steps` steps each.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn starting_at(
        network: &Classifier,
        epochs: f64,
        steps: usize,
    ) -> Result<Self, WeightsError> {
        Self::of(network, &network::state_dict(network), epochs, steps)
    }

    /// Goes on from a mean that a checkpoint kept of `network`.
    ///
    /// # Errors
    /// Where the weights are of another network.
    pub fn of(
        network: &Classifier,
        weights: &StateDict,
        epochs: f64,
        steps: usize,
    ) -> Result<Self, WeightsError> {
        // Loaded anew: a clone would share the running statistics.
        let mean = network::load(network.valid(), weights)?;
        Ok(Self {
            mean,
            horizon: epochs * steps as f64,
            // An epoch of few steps is one update, or it would leave no trace.
            every: EVERY.min(steps).max(1),
        })
    }

    /// Takes in the network after `step` (from 1, over all epochs).
    pub fn update(&mut self, network: &Classifier, step: usize) {
        if step.is_multiple_of(self.every) {
            let mut newest = Newest::default();
            network.valid().visit(&mut newest);
            let kept = kept(self.horizon, step, self.every);
            self.mean = self.mean.clone().map(&mut Blend { newest, kept });
        }
    }

    /// The mean so far.
    pub fn weights(&self) -> StateDict {
        network::state_dict(&self.mean)
    }
}

/// The share of the mean that an update leaves, `every` steps after the last.
fn kept(horizon: f64, step: usize, every: usize) -> f32 {
    // Early on the mean reaches back no further than the training does,
    // or it would remember the start for the whole horizon.
    let reach = horizon.min(step as f64 / 2.0).max(1.0);
    (1.0 - 1.0 / reach).powi(every as i32) as f32
}

/// All tensors of a network, flat, in their order.
#[derive(Default)]
struct Newest(VecDeque<Tensor<1>>);

impl ModuleVisitor for Newest {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push_back(param.val().flatten(0, D - 1));
    }
}

struct Blend {
    newest: Newest,
    kept: f32,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let newest = self.newest.0.pop_front().expect("both are one network");
        let kept = self.kept;
        param.map(|mean| {
            let shape = mean.dims();
            network::blend(mean.flatten(0, D - 1), newest, kept).reshape(shape)
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::Device;

    use super::*;
    use crate::network::Architecture;

    fn network() -> Classifier {
        Architecture::ResNet18.init(5, 32, &Device::flex().autodiff())
    }

    /// The network with every number the same.
    fn all(value: f32) -> Classifier {
        struct Same(f32);
        impl ModuleMapper for Same {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                param.map(|tensor| tensor.zeros_like() + self.0)
            }
        }
        network().map(&mut Same(value))
    }

    /// The numbers of the mean, which must all be one.
    fn value(average: &Average) -> f32 {
        let weights = average.weights();
        let mut values = weights.0.values().flat_map(|entry| entry.values.iter());
        let first = *values.next().expect("there are weights");
        assert!(values.all(|value| *value == first));
        first
    }

    #[test]
    fn the_mean_of_one_thing_is_that_thing() {
        let network = all(2.0);
        let mut average = Average::starting_at(&network, 0.5, 100).unwrap();
        for step in 1..=12 {
            average.update(&network, step);
        }
        assert!((value(&average) - 2.0).abs() < 1e-5);
    }

    #[test]
    fn a_step_in_four_is_taken_in_running_statistics_and_all() {
        let network = all(1.0);
        let mut average = Average::starting_at(&all(0.0), 1.0, 100).unwrap();
        for step in 10_001..=10_003 {
            average.update(&network, step);
        }
        assert_eq!(value(&average), 0.0);
        average.update(&network, 10_004);
        let expected = 1.0 - 0.99f32.powi(4);
        assert!(
            (value(&average) - expected).abs() < 1e-6,
            "{}",
            value(&average)
        );
        assert_eq!(
            network::state_dict(&network),
            network::state_dict(&all(1.0))
        );
    }

    #[test]
    fn an_epoch_of_fewer_steps_is_taken_in_too() {
        let mut average = Average::starting_at(&all(0.0), 4.0, 3).unwrap();
        let network = all(1.0);
        for step in 1..=3 {
            average.update(&network, step);
        }
        // Three steps that reach back over one and a half: a third, to the power of three.
        let expected = 1.0 - (1.0f32 / 3.0).powi(3);
        assert!((value(&average) - expected).abs() < 1e-6);
    }

    #[test]
    fn a_late_jump_is_taken_in_over_the_horizon() {
        // 25 updates of four steps each are one horizon: 1 - 1/e of the jump.
        let left = kept(100.0, 10_000, EVERY).powi(25);
        assert!((left - (-1f32).exp()).abs() < 0.01, "{left}");
    }

    #[test]
    fn the_start_is_soon_forgotten() {
        let left: f32 = (4..=400)
            .step_by(4)
            .map(|step| kept(10_000.0, step, EVERY))
            .product();
        assert!(left < 1e-3, "{left}");
    }
}
