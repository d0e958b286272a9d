//! A training step's heavy parts on the CPU, faster than by tensor operations.
//!
//! burn-flex has a generic answer to a convolution's gradients and takes batch
//! norm apart into a dozen passes over memory. These do both in one go, by
//! burn's own extension mechanism, and give the same numbers to within rounding.
//! Only training on the CPU takes this way; [`suits`] tells.

mod normalisation;
mod operations;

use burn::backend::Dispatch;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{DType, Device, Tensor};

use operations::TrainingStep;

/// Whether `x` lies where these operations are, and is recorded for a backward pass.
pub fn suits(x: &Tensor<4>) -> bool {
    let device = x.device();
    device.is_autodiff() && x.dtype() == DType::F32 && device.inner() == Device::flex()
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
    let (output, mean, variance) = <Dispatch as TrainingStep>::normalise(
        x.into_dispatch(),
        norm.gamma.val().into_dispatch(),
        norm.beta.val().into_dispatch(),
        norm.epsilon,
        rectify,
    );
    remember(
        norm,
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(variance),
    );
    Tensor::from_dispatch(output)
}

/// The end of a residual block: batch norm as above, plus `shortcut`, rectified.
pub fn join(norm: &BatchNorm, x: Tensor<4>, shortcut: Tensor<4>) -> Tensor<4> {
    let (output, mean, variance) = <Dispatch as TrainingStep>::join(
        x.into_dispatch(),
        shortcut.into_dispatch(),
        norm.gamma.val().into_dispatch(),
        norm.beta.val().into_dispatch(),
        norm.epsilon,
    );
    remember(
        norm,
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(variance),
    );
    Tensor::from_dispatch(output)
}

/// Moves the running statistics towards the batch's, as burn's batch norm does.
fn remember(norm: &BatchNorm, mean: Tensor<1>, variance: Tensor<1>) {
    for (running, batch) in [(&norm.running_mean, mean), (&norm.running_var, variance)] {
        let kept = running.value_sync().to_device(&batch.device());
        let moved = kept.mul_scalar(1.0 - norm.momentum) + batch.mul_scalar(norm.momentum);
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

    use super::*;
    use crate::network::kernels;

    fn device() -> Device {
        Device::flex().autodiff()
    }

    /// Numbers of mean 0.3 and deviation 1, the same in every run: the device's own
    /// are drawn by all tests of the process in whatever order they come.
    fn random(shape: [usize; 4], seed: u64) -> Tensor<4> {
        let mut rng = StdRng::seed_from_u64(seed);
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| rng.random_range(-1.43..2.03))
            .collect();
        Tensor::from_data(TensorData::new(values, shape), &device())
    }

    fn close(name: &str, ours: &TensorData, burns: &TensorData) {
        println!("{name}");
        ours.assert_approx_eq::<f32>(burns, Tolerance::rel_abs(1e-4, 1e-4));
    }

    #[test]
    fn a_convolution_and_its_gradients_are_burns() {
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
        ] {
            let mut layer = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(
                    padding, padding, padding, padding,
                ))
                .with_bias(false)
                .init(&device());
            // As large as they are when a network begins.
            let spread = 1.0 / ((inputs * kernel * kernel) as f32).sqrt();
            layer.weight = layer
                .weight
                .map(|drawn| (random(drawn.dims(), 1) * spread).require_grad());
            let x = random([batch, inputs, height, width], 2).require_grad();
            assert!(suits(&x));
            let padding = kernels::plain(&layer).expect("it is a plain one");
            let run = |ours: bool| {
                let y = match ours {
                    true => convolve(&layer, x.clone(), padding),
                    false => layer.forward(x.clone()),
                };
                // Every output weighs differently.
                let gradients = (y.clone() * y.clone().sin()).sum().backward();
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
            for ((name, ours), burns) in ["output", "input", "weight"]
                .into_iter()
                .zip(run(true))
                .zip(run(false))
            {
                close(&format!("{name} of {layer:?}"), &ours, &burns);
            }
        }
    }

    #[test]
    fn batch_norm_rectifier_and_sum_are_burns() {
        for (rectify, added) in [(false, false), (true, false), (true, true)] {
            let norm = || {
                let mut norm = BatchNormConfig::new(5).init(&device());
                norm.gamma = norm.gamma.map(|_| {
                    Tensor::from_floats([1.0, 0.5, -0.7, 2.0, 0.1], &device()).require_grad()
                });
                norm.beta = norm.beta.map(|_| {
                    Tensor::from_floats([0.0, 0.3, -0.2, 1.0, 0.4], &device()).require_grad()
                });
                norm
            };
            let x = random([3, 5, 7, 5], 3).require_grad();
            let shortcut = random([3, 5, 7, 5], 4).require_grad();
            let run = |ours: bool| {
                let norm = norm();
                let y = match (ours, added) {
                    (true, true) => join(&norm, x.clone(), shortcut.clone()),
                    (true, false) => normalise(&norm, x.clone(), rectify),
                    (false, true) => relu(norm.forward(x.clone()) + shortcut.clone()),
                    (false, false) if rectify => relu(norm.forward(x.clone())),
                    (false, false) => norm.forward(x.clone()),
                };
                let gradients = (y.clone() * y.clone().sin()).sum().backward();
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
            for ((name, ours), (_, burns)) in run(true).into_iter().zip(run(false)) {
                close(
                    &format!("{name}, rectified {rectify}, added {added}"),
                    &ours,
                    &burns,
                );
            }
        }
    }

    #[test]
    fn what_is_frozen_gets_no_gradient_and_what_is_before_it_does() {
        let layer = Conv2dConfig::new([2, 3], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .init(&device());
        let frozen = burn::module::Module::no_grad(layer);
        let x = random([2, 2, 6, 6], 5).require_grad();
        let gradients = convolve(&frozen, x.clone(), [1, 1]).sum().backward();
        assert!(x.grad(&gradients).is_some());
        assert!(frozen.weight.val().grad(&gradients).is_none());
    }
}
