//! The residual blocks of He et al. 2016, "Deep Residual Learning for Image
//! Recognition", figure 5: two 3x3 convolutions (basic), or 1x1, 3x3, 1x1
//! (bottleneck, with the stride on the 3x3 as torchvision has it).

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::kernels;
#[cfg(feature = "train")]
use super::step;

/// A convolution without bias, initialised as torchvision does (Kaiming normal, fan out).
pub(super) fn convolution(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    device: &Device,
) -> Conv2d {
    let padding = kernel / 2;
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(
            padding, padding, padding, padding,
        ))
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: true,
        })
        .init(device)
}

pub(super) fn normalisation(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).init(device)
}

/// A convolution applied: on the CPU by `step` in training, by `kernels` in what
/// answers, elsewhere by burn.
pub(super) fn convolve(convolution: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "train")]
    if let Some(padding) = kernels::plain(convolution)
        && convolution.bias.is_none()
        && step::suits(&x)
    {
        return step::convolve(convolution, x, padding);
    }
    match kernels::convolve(convolution, &x, false) {
        Some(y) => y,
        None => convolution.forward(x),
    }
}

/// A convolution, its batch norm where it is not folded away, and the rectifier.
pub(super) fn layer(convolution: &Conv2d, norm: &Option<BatchNorm>, x: Tensor<4>) -> Tensor<4> {
    if norm.is_none()
        && let Some(y) = kernels::convolve(convolution, &x, true)
    {
        return y;
    }
    rectified(norm, convolve(convolution, x))
}

/// A block's last convolution, its batch norm, plus the shortcut, rectified.
fn close(
    convolution: &Conv2d,
    norm: &Option<BatchNorm>,
    x: Tensor<4>,
    shortcut: Tensor<4>,
) -> Tensor<4> {
    if norm.is_none()
        && let Some(y) = kernels::close(convolution, &x, &shortcut)
    {
        return y;
    }
    join(norm, convolve(convolution, x), shortcut)
}

/// Whether `step` has a batch norm to compute: a layer in training, on the CPU.
#[cfg(feature = "train")]
fn trained<'a>(norm: &'a Option<BatchNorm>, x: &Tensor<4>) -> Option<&'a BatchNorm> {
    norm.as_ref()
        .filter(|norm| norm.training.is_enabled() && step::suits(x))
}

/// Batch norm, or nothing once it has been folded into the convolution before it.
pub(super) fn normalise(norm: &Option<BatchNorm>, x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "train")]
    if let Some(norm) = trained(norm, &x) {
        return step::normalise(norm, x, false);
    }
    match norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}

/// Batch norm as [`normalise`] has it, then the rectifier.
fn rectified(norm: &Option<BatchNorm>, x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "train")]
    if let Some(norm) = trained(norm, &x) {
        return step::normalise(norm, x, true);
    }
    relu(normalise(norm, x))
}

/// The end of a block: batch norm as [`normalise`] has it, plus the shortcut,
/// rectified.
fn join(norm: &Option<BatchNorm>, x: Tensor<4>, shortcut: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "train")]
    if let Some(norm) = trained(norm, &x) {
        return step::join(norm, x, shortcut);
    }
    relu(normalise(norm, x) + shortcut)
}

/// Folds a batch norm in inference mode into the convolution before it:
/// `w' = w·γ/√(σ²+ε)`, `b' = β − μ·γ/√(σ²+ε)`. Exact up to rounding.
pub(super) fn fold(convolution: &mut Conv2d, norm: &mut Option<BatchNorm>) {
    let Some(norm) = norm.take() else { return };
    let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
    let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
    let channels = scale.dims()[0];
    let weight = convolution.weight.val() * scale.reshape([channels, 1, 1, 1]);
    convolution.weight = Param::from_tensor(weight);
    convolution.bias = Some(Param::from_tensor(shift));
}

/// The projection shortcut (option B of the paper).
#[derive(Module, Debug)]
pub struct Downsample {
    pub(super) conv: Conv2d,
    bn: Option<BatchNorm>,
}

/// One residual block; `conv3` makes it a bottleneck.
#[derive(Module, Debug)]
pub struct Block {
    pub(super) conv1: Conv2d,
    bn1: Option<BatchNorm>,
    pub(super) conv2: Conv2d,
    bn2: Option<BatchNorm>,
    pub(super) conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    pub(super) downsample: Option<Downsample>,
}

impl Block {
    /// Two 3x3 convolutions, `input` to `width` channels.
    pub(super) fn basic(input: usize, width: usize, stride: usize, device: &Device) -> Self {
        Self {
            conv1: convolution([input, width], 3, stride, device),
            bn1: Some(normalisation(width, device)),
            conv2: convolution([width, width], 3, 1, device),
            bn2: Some(normalisation(width, device)),
            conv3: None,
            bn3: None,
            downsample: Self::shortcut(input, width, stride, device),
        }
    }

    /// 1x1, 3x3, 1x1 convolutions, `input` to `4 * width` channels.
    pub(super) fn bottleneck(input: usize, width: usize, stride: usize, device: &Device) -> Self {
        let output = 4 * width;
        Self {
            conv1: convolution([input, width], 1, 1, device),
            bn1: Some(normalisation(width, device)),
            conv2: convolution([width, width], 3, stride, device),
            bn2: Some(normalisation(width, device)),
            conv3: Some(convolution([width, output], 1, 1, device)),
            bn3: Some(normalisation(output, device)),
            downsample: Self::shortcut(input, output, stride, device),
        }
    }

    fn shortcut(input: usize, output: usize, stride: usize, device: &Device) -> Option<Downsample> {
        (stride != 1 || input != output).then(|| Downsample {
            conv: convolution([input, output], 1, stride, device),
            bn: Some(normalisation(output, device)),
        })
    }

    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.downsample {
            Some(down) => normalise(&down.bn, convolve(&down.conv, x.clone())),
            None => x.clone(),
        };
        let y = layer(&self.conv1, &self.bn1, x);
        match &self.conv3 {
            None => close(&self.conv2, &self.bn2, y, shortcut),
            Some(conv3) => {
                let y = layer(&self.conv2, &self.bn2, y);
                close(conv3, &self.bn3, y, shortcut)
            }
        }
    }

    pub(super) fn fold(&mut self) {
        fold(&mut self.conv1, &mut self.bn1);
        fold(&mut self.conv2, &mut self.bn2);
        if let Some(conv3) = &mut self.conv3 {
            fold(conv3, &mut self.bn3);
        }
        if let Some(down) = &mut self.downsample {
            fold(&mut down.conv, &mut down.bn);
        }
    }
}
