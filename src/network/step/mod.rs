//! A training step's heavy parts, faster than by tensor operations: here on the CPU,
//! on an NVIDIA GPU by `super::cuda`.
//!
//! burn-flex has a generic answer to a convolution's gradients and takes batch
//! norm apart into a dozen passes over memory. These do both in one go, by
//! burn's own extension mechanism, and give the same numbers to within rounding.
//! [`suits`] tells where they are.

mod normalisation;
pub(super) mod operations;
pub(super) mod update;

use burn::backend::Dispatch;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{DType, Tensor};

use super::kernels;
use operations::{Norm, Settings, TrainingStep};

/// Whether `x` lies where these operations are, and is recorded for a backward pass.
pub fn suits(x: &Tensor<4>) -> bool {
    let device = x.device();
    device.is_autodiff() && x.dtype() == DType::F32 && kernels::reach(&device.inner())
}

/// `convolution` applied to `x`, which [`suits`], with the padding [`kernels::plain`](super::kernels::plain) gave.
pub fn convolve(convolution: &Conv2d, x: Tensor<4>, padding: [usize; 2]) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as TrainingStep>::convolve(
        x.into_dispatch(),
        convolution.weight.val().into_dispatch(),
        convolution.stride,
        padding,
    ))
}

/// Batch norm with the batch's statistics, which go into the running ones; then
/// the rectifier, where asked for.
pub fn normalise(norm: &BatchNorm, x: Tensor<4>, rectify: bool) -> Tensor<4> {
    let parts = parts(norm, &x);
    let made = <Dispatch as TrainingStep>::normalise(x.into_dispatch(), parts, rectify);
    let (output, mean, variance) = made;
    remember(norm, [mean, variance].map(Tensor::from_dispatch));
    Tensor::from_dispatch(output)
}

/// The end of a residual block: batch norm as above, plus `shortcut`, rectified.
pub fn join(norm: &BatchNorm, x: Tensor<4>, shortcut: Tensor<4>) -> Tensor<4> {
    let parts = parts(norm, &x);
    let (x, shortcut) = (x.into_dispatch(), shortcut.into_dispatch());
    let (output, mean, variance) = <Dispatch as TrainingStep>::join(x, shortcut, parts);
    remember(norm, [mean, variance].map(Tensor::from_dispatch));
    Tensor::from_dispatch(output)
}

/// What a batch norm is made of, where `x` is.
fn parts(norm: &BatchNorm, x: &Tensor<4>) -> Norm<Dispatch> {
    let [running_mean, running_variance] = [&norm.running_mean, &norm.running_var]
        .map(|running| running.value_sync().to_device(&x.device()).into_dispatch());
    Norm {
        gamma: norm.gamma.val().into_dispatch(),
        beta: norm.beta.val().into_dispatch(),
        running_mean,
        running_variance,
        settings: Settings {
            epsilon: norm.epsilon,
            momentum: norm.momentum,
        },
    }
}

/// Keeps the running statistics that came of a batch.
fn remember(norm: &BatchNorm, moved: [Tensor<1>; 2]) {
    for (running, moved) in [&norm.running_mean, &norm.running_var]
        .into_iter()
        .zip(moved)
    {
        running.update(moved.detach());
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::conv::Conv2dConfig;
    use burn::nn::{BatchNormConfig, PaddingConfig2d};
    use burn::tensor::activation::relu;
    use burn::tensor::{TensorData, Tolerance};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use burn::tensor::Device;

    use super::*;

    /// Where the operations are tried, and how far they may be off there: the processor,
    /// and with `FOVEA_TEST_DEVICE=cuda` a GPU, whose matrix units round what they
    /// multiply to 10 bits (TensorFloat-32).
    fn devices() -> Vec<(Device, Tolerance<f32>)> {
        let processor = (Device::flex(), Tolerance::rel_abs(1e-3, 1e-3));
        let named = match std::env::var("FOVEA_TEST_DEVICE").as_deref() {
            #[cfg(feature = "cuda")]
            Ok("cuda") => Some((Device::cuda(0), Tolerance::rel_abs(3e-2, 3e-2))),
            Ok(other) => panic!("this build knows no {other}"),
            Err(_) => None,
        };
        let recording = |(device, tolerance): (Device, _)| (device.autodiff(), tolerance);
        let all = [Some(processor), named].into_iter().flatten();
        all.map(recording).collect()
    }

    /// Numbers of mean 0.3 and deviation 1, the same in every run: the device's own
    /// are drawn by all tests of the process in whatever order they come.
    fn random(shape: [usize; 4], seed: u64, device: &Device) -> Tensor<4> {
        let mut rng = StdRng::seed_from_u64(seed);
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| rng.random_range(-1.43..2.03))
            .collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn close(name: &str, ours: &TensorData, burns: &TensorData, tolerance: Tolerance<f32>) {
        println!("{name}");
        ours.assert_approx_eq::<f32>(burns, tolerance);
    }

    #[test]
    fn a_convolution_and_its_gradients_are_burns() {
        for (device, tolerance) in devices() {
            convolutions_are_burns(&device, tolerance);
        }
    }

    fn convolutions_are_burns(device: &Device, tolerance: Tolerance<f32>) {
        // Channels in and out, size, kernel, stride, padding, batch: every kind
        // ResNet has, odd sizes, more pictures than a tile takes.
        for (inputs, outputs, [height, width], kernel, stride, padding, batch) in [
            (3, 8, [33, 20], 7, 2, 3, 2),
            (5, 4, [12, 9], 3, 1, 1, 3),
            (16, 6, [40, 40], 3, 1, 1, 2),
            (6, 5, [9, 8], 3, 2, 1, 3),
            (4, 7, [9, 9], 1, 2, 0, 2),
            (4, 7, [5, 6], 1, 1, 0, 2),
            (18, 3, [4, 4], 3, 1, 1, 70),
            (2, 3, [3, 3], 3, 1, 0, 1),
            (32, 48, [11, 10], 3, 1, 1, 4),
            (32, 16, [14, 14], 3, 2, 1, 2),
        ] {
            let run = |device: &Device, ours: bool| {
                let mut layer = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
                    .with_stride([stride, stride])
                    .with_padding(PaddingConfig2d::Explicit(
                        padding, padding, padding, padding,
                    ))
                    .with_bias(false)
                    .init(device);
                // As large as they are when a network begins.
                let spread = 1.0 / ((inputs * kernel * kernel) as f32).sqrt();
                layer.weight = layer
                    .weight
                    .map(|drawn| (random(drawn.dims(), 1, device) * spread).require_grad());
                let x = random([batch, inputs, height, width], 2, device).require_grad();
                assert!(suits(&x));
                let padding = kernels::plain(&layer).expect("it is a plain one");
                let y = match ours {
                    true => convolve(&layer, x.clone(), padding),
                    false => layer.forward(x.clone()),
                };
                // Every output weighs differently.
                let weights = random(y.dims(), 6, device);
                let gradients = (y.clone() * y.clone() * weights).sum().backward();
                [
                    y.into_data(),
                    x.grad(&gradients).expect("x is tracked").into_data(),
                    layer
                        .weight
                        .val()
                        .grad(&gradients)
                        .expect("so is the weight")
                        .into_data(),
                ]
            };
            let burns = run(&Device::flex().autodiff(), false);
            let layer = format!("{inputs} to {outputs}, {kernel} wide, every {stride}");
            for ((name, ours), burns) in ["output", "input", "weight"]
                .into_iter()
                .zip(run(device, true))
                .zip(burns)
            {
                close(&format!("{name}: {layer}"), &ours, &burns, tolerance);
            }
        }
    }

    #[test]
    fn batch_norm_rectifier_and_sum_are_burns() {
        for (device, tolerance) in devices() {
            normalisations_are_burns(&device, tolerance);
        }
    }

    fn normalisations_are_burns(device: &Device, tolerance: Tolerance<f32>) {
        // Few numbers, and more than are summed in one go.
        let shapes = [[3, 5, 7, 5], [4, 40, 33, 30]];
        let kinds = [(false, false), (true, false), (true, true)];
        for (shape, (rectify, added)) in shapes.iter().flat_map(|s| kinds.map(|k| (*s, k))) {
            let channels = shape[1];
            let run = |device: &Device, ours: bool| {
                let of_channels = |values: [f32; 5]| {
                    let values: Vec<f32> = values.into_iter().cycle().take(channels).collect();
                    Tensor::<1>::from_data(TensorData::new(values, [channels]), device)
                        .require_grad()
                };
                let mut norm = BatchNormConfig::new(channels).init(device);
                norm.gamma = norm.gamma.map(|_| of_channels([1.0, 0.5, -0.7, 2.0, 0.1]));
                norm.beta = norm.beta.map(|_| of_channels([0.0, 0.3, -0.2, 1.0, 0.4]));
                let x = random(shape, 3, device).require_grad();
                let shortcut = random(shape, 4, device).require_grad();
                let y = match (ours, added) {
                    (true, true) => join(&norm, x.clone(), shortcut.clone()),
                    (true, false) => normalise(&norm, x.clone(), rectify),
                    (false, true) => relu(norm.forward(x.clone()) + shortcut.clone()),
                    (false, false) if rectify => relu(norm.forward(x.clone())),
                    (false, false) => norm.forward(x.clone()),
                };
                let weights = random(shape, 6, device);
                let gradients = (y.clone() * y.clone() * weights).sum().backward();
                let mut all = vec![
                    ("output", y.into_data()),
                    ("x", x.grad(&gradients).expect("x is tracked").into_data()),
                    (
                        "gamma",
                        norm.gamma
                            .val()
                            .grad(&gradients)
                            .expect("so is gamma")
                            .into_data(),
                    ),
                    (
                        "beta",
                        norm.beta
                            .val()
                            .grad(&gradients)
                            .expect("so is beta")
                            .into_data(),
                    ),
                    ("mean", norm.running_mean.value_sync().into_data()),
                    ("variance", norm.running_var.value_sync().into_data()),
                ];
                if added {
                    let of = shortcut.grad(&gradients).expect("so is the shortcut");
                    all.push(("shortcut", of.into_data()));
                }
                all
            };
            let burns = run(&Device::flex().autodiff(), false);
            for ((name, ours), (_, burns)) in run(device, true).into_iter().zip(burns) {
                close(
                    &format!("{name}, {shape:?}, rectified {rectify}, added {added}"),
                    &ours,
                    &burns,
                    tolerance,
                );
            }
        }
    }

    #[test]
    fn what_is_frozen_gets_no_gradient_and_what_is_before_it_does() {
        let device = Device::flex().autodiff();
        let layer = Conv2dConfig::new([2, 3], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .init(&device);
        let frozen = burn::module::Module::no_grad(layer);
        let x = random([2, 2, 6, 6], 5, &device).require_grad();
        let gradients = convolve(&frozen, x.clone(), [1, 1]).sum().backward();
        assert!(x.grad(&gradients).is_some());
        assert!(frozen.weight.val().grad(&gradients).is_none());
    }
}
