//! A step's loss and gradients, the batch divided among devices.
//!
//! Every device has its own copy of the network and a part of the batch; burn's
//! optimiser sums the gradients ([`burn::optim::ModuleOptimizer::step_multi`]).
//! Batch norm sees a part at a time, as in PyTorch's `DistributedDataParallel`,
//! and the running statistics are those of the first part.

use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use burn::module::Module;
use burn::optim::{GradientsParams, MultiGradientsParams};
use burn::tensor::{Device, Tensor, TensorData};

use super::batches::Batch;
use super::config::TrainConfig;
use super::devices::Devices;
use super::objective::Targets;
use crate::network::Classifier;

/// What a batch came to.
pub struct Step {
    /// Mean loss, `[1]`, still on the first device.
    pub loss: Tensor<1>,
    pub gradients: MultiGradientsParams,
}

/// Takes a batch of pictures of `size` forwards and backwards through `network`.
///
/// `weights` are the loss weights of the grades over all photos.
pub fn take(
    network: &Classifier,
    batch: Batch,
    size: usize,
    weights: &[f32],
    config: &TrainConfig,
    devices: &Devices,
) -> Step {
    let Batch {
        pictures,
        grades,
        opinions,
        overlays,
    } = batch;
    let weights = config.balance.in_batch(weights, &grades);
    let targets = |photos: Range<usize>| {
        let opinions = opinions.get(photos.clone()).unwrap_or_default();
        Targets {
            overlays: overlays.get(photos.clone()).unwrap_or_default(),
            ..config.targets(&grades[photos], &weights, opinions)
        }
    };
    let weight = |targets: &Targets<'_>| -> f32 { targets.weight_of_each().iter().sum() };
    let of_batch = weight(&targets(0..grades.len()));
    let part = |network: &Classifier, part: Part, device: &Device| {
        let pictures = TensorData::new(part.pictures, [part.photos.len(), 3, size, size]);
        let outputs = network.forward(Tensor::from_data(pictures, device));
        let targets = targets(part.photos);
        // A part's loss is a mean: it counts by what its photos weigh in the batch's.
        let share = weight(&targets) / of_batch;
        let loss = config.objective.loss(outputs, &targets, device) * share;
        let value = loss.clone().inner();
        (value, GradientsParams::from_grads(loss.backward(), network))
    };
    let plain = devices.first().clone().inner();
    let mut parts = divide(pictures, grades.len(), devices.iter().count()).into_iter();
    let Some(first) = parts.next() else {
        unreachable!("a batch is one part at least")
    };
    if parts.len() == 0 {
        let (loss, gradients) = part(network, first, devices.first());
        return Step {
            loss,
            gradients: MultiGradientsParams {
                grads: vec![(gradients, plain)],
            },
        };
    }
    // The last step left each parameter on the device that summed its gradients.
    let own = network.clone().fork(devices.first());
    let copies: Vec<(Classifier, Part, &Device)> = parts
        .zip(devices.iter().skip(1))
        .map(|(photos, device)| (copy(network, device), photos, device))
        .collect();
    let (mut loss, gradients, helped) = thread::scope(|scope| {
        let part = &part;
        let helpers: Vec<_> = copies
            .into_iter()
            .map(|(copy, photos, device)| {
                let plain = device.clone().inner();
                scope.spawn(move || (part(&copy, photos, device), plain))
            })
            .collect();
        let (loss, gradients) = part(&own, first, devices.first());
        let helped: Vec<_> = helpers
            .into_iter()
            .map(|helper| helper.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect();
        (loss, gradients, helped)
    });
    let mut grads = vec![(gradients, plain.clone())];
    for ((value, gradients), device) in helped {
        loss = loss + value.to_device(&plain);
        grads.push((gradients, device));
    }
    Step {
        loss,
        gradients: MultiGradientsParams { grads },
    }
}

/// What one device sees of a batch.
struct Part {
    /// Which of the batch's photos.
    photos: Range<usize>,
    /// `[photos, 3, size, size]`.
    pictures: Vec<f32>,
}

/// A batch of `count` photos divided as evenly as can be, two or more a part:
/// batch norm cannot use one.
fn divide(mut pictures: Vec<f32>, count: usize, devices: usize) -> Vec<Part> {
    let numbers = pictures.len() / count.max(1);
    let parts = devices.min(count / 2).max(1);
    let mut divided: Vec<Part> = (0..parts)
        .rev()
        .map(|part| {
            let photos = part * count / parts..(part + 1) * count / parts;
            let pictures = pictures.split_off(photos.start * numbers);
            Part { photos, pictures }
        })
        .collect();
    divided.reverse();
    divided
}

/// The network on another device, with running statistics of its own: a clone
/// would share them with the network it was cloned from.
fn copy(network: &Classifier, device: &Device) -> Classifier {
    network.valid().train().fork(device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{self, StateDict};
    use crate::training::config::EARLIER;
    use crate::training::schedule::constant;

    const SIZE: usize = 32;
    const NUMBERS: usize = 3 * SIZE * SIZE;

    fn batch(grades: &[u8]) -> Batch {
        Batch {
            pictures: (0..grades.len() * NUMBERS)
                .map(|i| (i as f32 * 0.37).sin())
                .collect(),
            grades: grades.to_vec(),
            opinions: Vec::new(),
            overlays: Vec::new(),
        }
    }

    fn config() -> TrainConfig {
        serde_json::from_str(EARLIER).unwrap()
    }

    fn two() -> Devices {
        Devices::new(Device::flex(), vec![Device::flex()]).autodiff()
    }

    fn one() -> Devices {
        Devices::from(Device::flex()).autodiff()
    }

    /// The losses of two steps that start from `weights`, and the network's numbers after them.
    fn train(
        weights: &StateDict,
        batch: &dyn Fn() -> Batch,
        devices: &Devices,
    ) -> (Vec<f32>, StateDict) {
        let config = config();
        let network = config.network(devices.first());
        let mut network = network::load(network, weights).unwrap();
        let mut optimizer = config.optimizer.init(config.weight_decay);
        let mut losses = Vec::new();
        for _ in 0..2 {
            let step = take(&network, batch(), SIZE, &[1.0; 5], &config, devices);
            losses.push(step.loss.into_scalar::<f32>());
            let rates = constant(1e-3, 0.5).unwrap().step();
            network = optimizer.step_multi(rates, network, step.gradients);
        }
        (losses, network::state_dict(&network.valid()))
    }

    #[test]
    fn two_devices_that_see_the_same_photos_train_as_one_that_sees_them_once() {
        let once = || batch(&[0, 2, 3, 4]);
        let twice = || Batch {
            pictures: once().pictures.repeat(2),
            grades: once().grades.repeat(2),
            opinions: Vec::new(),
            overlays: Vec::new(),
        };
        let start = network::state_dict(&config().network(&Device::flex()));
        let (losses, weights) = train(&start, &once, &one());
        let (divided, on_two) = train(&start, &twice, &two());
        for (loss, divided) in losses.iter().zip(divided) {
            assert!((loss - divided).abs() < 1e-6, "{loss} {divided}");
        }
        assert!(losses[1] < losses[0], "{losses:?}");
        // Running statistics are among them.
        for (name, entry) in &weights.0 {
            for (a, b) in entry.values.iter().zip(&on_two.0[name].values) {
                assert!((a - b).abs() <= 1e-5 * a.abs().max(1.0), "{name}: {a} {b}");
            }
        }
    }

    #[test]
    fn earlier_layers_take_the_smaller_steps_that_their_rates_allow() {
        let mut config = config();
        config.weight_decay = 0.0;
        let network = config.network(one().first());
        let before = network::state_dict(&network);
        let step = take(
            &network,
            batch(&[0, 2, 3, 4]),
            SIZE,
            &[1.0; 5],
            &config,
            &one(),
        );
        let rates = constant(1e-3, 0.5).unwrap().step();
        let mut optimizer = config.optimizer.init(config.weight_decay);
        let network = optimizer.step_multi(rates, network, step.gradients);
        let after = network::state_dict(&network);
        // AdamW's first step is as long as the rate, whatever the gradient.
        for (name, rate) in [
            ("fc.weight", 1e-3),
            ("layer4.1.conv2.weight", 5e-4),
            ("layer3.0.bn1.bias", 5e-4),
            ("layer2.0.conv1.weight", 2.5e-4),
            ("layer1.0.bn2.weight", 2.5e-4),
            ("conv1.weight", 2.5e-4),
        ] {
            let (before, after) = (&before.0[name].values, &after.0[name].values);
            let moved = before.iter().zip(after).map(|(a, b)| (a - b).abs());
            let longest = moved.fold(0.0, f32::max);
            assert!((longest / rate - 1.0).abs() < 0.01, "{name}: {longest}");
        }
    }

    #[test]
    fn a_divided_batch_has_the_weighted_mean_of_its_parts_losses() {
        let weights = [1.0, 2.0, 4.0, 8.0, 16.0];
        let network = config().network(one().first());
        let loss = |grades: &[u8], from: usize, devices: &Devices| -> f32 {
            let mut all = batch(&[0; 5]);
            all.pictures.drain(..from * NUMBERS);
            all.pictures.truncate(grades.len() * NUMBERS);
            all.grades = grades.to_vec();
            take(&network, all, SIZE, &weights, &config(), devices)
                .loss
                .into_scalar()
        };
        let (first, second) = (loss(&[0, 3], 0, &one()), loss(&[1, 4, 4], 2, &one()));
        let divided = loss(&[0, 3, 1, 4, 4], 0, &two());
        let mean = (first * 9.0 + second * 34.0) / 43.0;
        assert!((divided - mean).abs() < 1e-5, "{divided} {mean}");
        assert!((first - second).abs() > 1e-3, "the parts differ");
    }

    #[test]
    fn no_device_gets_a_lone_photo_and_none_is_lost() {
        let of = |count: usize, devices| -> Vec<usize> {
            let parts = divide((0..count * 6).map(|i| i as f32).collect(), count, devices);
            for part in &parts {
                assert_eq!(part.pictures.len(), part.photos.len() * 6);
                assert_eq!(part.pictures[0], (part.photos.start * 6) as f32);
            }
            parts.iter().map(|part| part.photos.len()).collect()
        };
        assert_eq!(of(32, 1), [32]);
        assert_eq!(of(32, 3), [10, 11, 11]);
        assert_eq!(of(5, 4), [2, 3]);
        assert_eq!(of(3, 4), [3]);
        assert_eq!(of(1, 2), [1]);
    }
}
