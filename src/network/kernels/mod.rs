//! A network's answer, faster than by burn's own convolutions: here on the CPU, on an
//! NVIDIA GPU by `super::cuda`.
//!
//! burn-flex turns every picture and every kernel into another layout and back,
//! and knows one way for all kernels. These keep PyTorch's layout, take 3x3
//! kernels by minimal filtering, and add bias and shortcut and rectify while the
//! result is still in the cache. Same numbers to within rounding. Training's step
//! (`super::step`) convolves by them too.

pub(super) mod geometry;
#[cfg(feature = "train")]
pub(super) mod gradients;
pub(super) mod operations;
mod pool;
mod product;
pub(super) mod shared;
mod unfold;
mod winograd;

use burn::backend::Dispatch;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::tensor::{DType, Device, Tensor};

use operations::Answer;

/// Whether these operations are there for what lies on `device`.
pub(super) fn reach(device: &Device) -> bool {
    #[cfg(feature = "cuda")]
    if matches!(
        device.as_dispatch(),
        burn::backend::DispatchDevice::Cube(burn_cubecl::CubeDevice::Cuda(_))
    ) {
        return true;
    }
    // A device that records compares as the one it records for.
    *device == Device::flex()
}

/// Whether `x` lies where these operations are, and nothing is recorded of it.
fn suits(x: &Tensor<4>) -> bool {
    let device = x.device();
    x.dtype() == DType::F32 && !device.is_autodiff() && reach(&device)
}

/// The padding of both axes, where `convolution` is one these can do.
pub fn plain(convolution: &Conv2d) -> Option<[usize; 2]> {
    let simple = convolution.groups == 1 && convolution.dilation == [1, 1];
    match convolution.padding {
        PaddingConfig2d::Explicit(top, left, bottom, right)
            if simple && top == bottom && left == right =>
        {
            Some([top, left])
        }
        _ => None,
    }
}

/// `convolution` applied to `x`, its bias with it, then the rectifier where asked
/// for; none where burn has to do it.
pub fn convolve(convolution: &Conv2d, x: &Tensor<4>, rectify: bool) -> Option<Tensor<4>> {
    let padding = plain(convolution).filter(|_| suits(x))?;
    let weight = convolution.weight.val().into_dispatch();
    let (x, stride) = (x.clone().into_dispatch(), convolution.stride);
    Some(Tensor::from_dispatch(match &convolution.bias {
        None => <Dispatch as Answer>::convolve(x, weight, stride, padding, rectify),
        Some(bias) => {
            let bias = bias.val().into_dispatch();
            <Dispatch as Answer>::convolve_with_bias(x, weight, bias, stride, padding, rectify)
        }
    }))
}

/// The end of a residual block whose batch norm is folded away: `convolution`
/// applied to `x`, its bias and `shortcut` added, rectified; none where burn has
/// to do it.
pub fn close(convolution: &Conv2d, x: &Tensor<4>, shortcut: &Tensor<4>) -> Option<Tensor<4>> {
    let padding = plain(convolution).filter(|_| suits(x) && suits(shortcut))?;
    let bias = convolution.bias.as_ref()?;
    Some(Tensor::from_dispatch(<Dispatch as Answer>::close(
        x.clone().into_dispatch(),
        convolution.weight.val().into_dispatch(),
        bias.val().into_dispatch(),
        shortcut.clone().into_dispatch(),
        convolution.stride,
        padding,
    )))
}

/// `pool` applied to `x`.
pub fn pool(pool: &MaxPool2d, x: Tensor<4>) -> Tensor<4> {
    let ours = pool.kernel_size == [3, 3]
        && pool.stride == [2, 2]
        && matches!(pool.padding, PaddingConfig2d::Explicit(1, 1, 1, 1))
        && pool.dilation == [1, 1]
        && !pool.ceil_mode;
    match ours && suits(&x) {
        true => Tensor::from_dispatch(<Dispatch as Answer>::pool(x.into_dispatch())),
        false => pool.forward(x),
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::conv::Conv2dConfig;
    use burn::nn::pool::MaxPool2dConfig;
    use burn::tensor::activation::relu;
    use burn::tensor::{TensorData, Tolerance};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// Numbers between -1 and 1.
    fn random<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
        let mut rng = StdRng::seed_from_u64(seed);
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| rng.random_range(-1.0..1.0))
            .collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn layer([inputs, outputs]: [usize; 2], kernel: usize, stride: usize, bias: bool) -> Conv2d {
        let padding = kernel / 2;
        let mut layer = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(
                padding, padding, padding, padding,
            ))
            .with_bias(bias)
            .init(&Device::flex());
        let spread = 1.0 / ((inputs * kernel * kernel) as f32).sqrt();
        layer.weight = layer.weight.map(|drawn| random(drawn.dims(), 1) * spread);
        layer.bias = layer.bias.map(|bias| bias.map(|_| random([outputs], 2)));
        layer
    }

    fn same(what: &str, ours: Option<Tensor<4>>, burns: Tensor<4>) {
        println!("{what}");
        let ours = ours.expect("it is one of ours").into_data();
        ours.assert_approx_eq::<f32>(&burns.into_data(), Tolerance::rel_abs(1e-4, 1e-5));
    }

    #[test]
    fn a_layer_is_burns_with_bias_shortcut_and_rectifier() {
        // Channels in and out, size, kernel, stride, batch: the layers of a ResNet
        // at small sizes, one picture or several, odd sizes.
        for (channels, size, kernel, stride, batch) in [
            ([3, 16], [37, 30], 7, 2, 1),
            ([16, 16], [20, 17], 3, 1, 1),
            ([8, 24], [48, 48], 3, 1, 4),
            ([16, 32], [13, 14], 3, 2, 1),
            ([16, 32], [13, 14], 1, 2, 3),
            ([32, 8], [3, 3], 3, 1, 1),
            ([5, 7], [9, 8], 3, 1, 2),
        ] {
            let x = random([batch, channels[0], size[0], size[1]], 3);
            for bias in [false, true] {
                let layer = layer(channels, kernel, stride, bias);
                let burns = layer.forward(x.clone());
                let name = format!("{layer:?}");
                same(&name, convolve(&layer, &x, false), burns.clone());
                same(&name, convolve(&layer, &x, true), relu(burns.clone()));
                let shortcut = random(burns.dims(), 4);
                let closed = close(&layer, &x, &shortcut);
                match bias {
                    true => same(&name, closed, relu(burns + shortcut)),
                    // Its batch norm still stands between them.
                    false => assert!(closed.is_none()),
                }
            }
        }
    }

    #[test]
    fn the_largest_of_nine_is_burns() {
        let pool = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init();
        for shape in [[2, 3, 16, 16], [1, 2, 7, 10], [1, 1, 1, 1]] {
            let x = random(shape, 6) - 0.5;
            let ours = super::pool(&pool, x.clone()).into_data();
            ours.assert_eq(&pool.forward(x).into_data(), true);
        }
        for place in 0..9 {
            let x: [f32; 9] = std::array::from_fn(|i| if i == place { f32::NAN } else { 1.0 });
            let x = Tensor::<1>::from_floats(x, &Device::flex()).reshape([1, 1, 3, 3]);
            let y = super::pool(&pool, x).into_data();
            assert!(y.iter::<f32>().any(f32::is_nan), "at {place}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_rectified_away() {
        let layer = layer([8, 8], 3, 1, true);
        let x = Tensor::full([1, 8, 16, 16], f32::NAN, &Device::flex());
        let y = convolve(&layer, &x, true).unwrap().into_data();
        assert!(y.iter::<f32>().all(f32::is_nan));
    }

    #[test]
    #[cfg(feature = "train")]
    fn what_is_recorded_is_left_to_burn() {
        let device = Device::flex().autodiff();
        let x = Tensor::<4>::ones([1, 8, 16, 16], &device).require_grad();
        let layer = Conv2dConfig::new([8, 8], [3, 3]).init(&device);
        assert!(convolve(&layer, &x, true).is_none());
        let shape = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        let gradients = pool(&shape.init(), x.clone()).sum().backward();
        assert!(x.grad(&gradients).is_some());
    }

    #[test]
    fn other_kinds_of_convolution_are_left_to_burn() {
        let x = random([1, 8, 16, 16], 5);
        for config in [
            Conv2dConfig::new([8, 8], [3, 3]).with_groups(2),
            Conv2dConfig::new([8, 8], [3, 3]).with_dilation([2, 2]),
        ] {
            assert!(convolve(&config.init(&Device::flex()), &x, false).is_none());
        }
    }
}
