//! The network of Pratt et al. 2016, "Convolutional Neural Networks for Diabetic
//! Retinopathy", figure 2: ten 3x3 convolutions in pairs of 32, 64, 128, 256 and
//! 512 channels, each with batch norm and a leaky rectifier, max-pooling after
//! every pair, two dense layers of 1024 with dropout, and the grades.
//!
//! Its dense layers see every place of the last map, so the network belongs to
//! one size of picture; the paper's is 512, smaller ones are the same network
//! with fewer places.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{
    BatchNorm, Dropout, DropoutConfig, Initializer, Linear, LinearConfig, PaddingConfig2d,
};
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Tensor};

use super::block::{convolution, convolve, fold, normalisation, normalise};

/// Channels of each pair of convolutions.
const WIDTHS: [usize; 5] = [32, 64, 128, 256, 512];
/// Units of each dense layer.
const DENSE: usize = 1024;
const DROPOUT: f64 = 0.5;
/// Slope of the rectifier below nothing.
const LEAK: f64 = 0.01;

/// A convolution, its batch norm and the leaky rectifier.
#[derive(Module, Debug)]
struct Layer {
    conv: Conv2d,
    bn: Option<BatchNorm>,
}

impl Layer {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        leaky_relu(normalise(&self.bn, convolve(&self.conv, x)), LEAK)
    }
}

/// Pratt's network for pictures of one size.
#[derive(Module, Debug)]
pub struct Pratt2016 {
    convolutions: Vec<Layer>,
    maxpool: MaxPool2d,
    dropout: Dropout,
    fc1: Linear,
    fc2: Linear,
    fc: Linear,
    pub(super) fc_beside: Option<Linear>,
}

impl Pratt2016 {
    /// Fresh weights for pictures of `size` x `size` pixels, drawn from Gaussians
    /// as the paper has it, each as wide as its layer asks for (He et al. 2015).
    pub fn init(classes: usize, size: usize, device: &Device) -> Self {
        let mut input = 3;
        let convolutions = WIDTHS
            .iter()
            .flat_map(|&width| [width, width])
            .map(|width| {
                let conv = convolution([input, width], 3, 1, device);
                input = width;
                Layer {
                    conv,
                    bn: Some(normalisation(width, device)),
                }
            })
            .collect();
        // Every pooling leaves half, rounded up.
        let side = WIDTHS.iter().fold(size, |side, _| side.div_ceil(2));
        let dense = |from: usize, to: usize| {
            LinearConfig::new(from, to)
                .with_initializer(Initializer::KaimingNormal {
                    gain: std::f64::consts::SQRT_2,
                    fan_out_only: false,
                })
                .init(device)
        };
        Self {
            convolutions,
            maxpool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            dropout: DropoutConfig::new(DROPOUT).init(),
            fc1: dense(input * side * side, DENSE),
            fc2: dense(DENSE, DENSE),
            fc: LinearConfig::new(DENSE, classes).init(device),
            fc_beside: None,
        }
    }

    /// Pictures `[batch, 3, size, size]` to what the last layer sees,
    /// `[batch, 1024]`.
    pub fn penultimate(&self, pictures: Tensor<4>) -> Tensor<2> {
        let mut x = pictures;
        for pair in self.convolutions.chunks(2) {
            for layer in pair {
                x = layer.forward(x);
            }
            x = self.maxpool.forward(x);
        }
        let x = self.dropout.forward(x.flatten(1, 3));
        let x = leaky_relu(self.fc1.forward(x), LEAK);
        let x = self.dropout.forward(x);
        leaky_relu(self.fc2.forward(x), LEAK)
    }

    /// What the last layer sees to logits `[batch, classes]`.
    pub fn classify(&self, penultimate: Tensor<2>) -> Tensor<2> {
        self.fc.forward(penultimate)
    }

    /// The same network with another last layer.
    pub fn with_head(mut self, head: Linear) -> Self {
        self.fc = head;
        self
    }

    /// Number of classes the last layer tells apart.
    pub fn classes(&self) -> usize {
        self.fc.weight.dims()[1]
    }

    /// Numbers the last layer sees of a picture.
    pub(super) fn width(&self) -> usize {
        self.fc.weight.dims()[0]
    }

    /// The same function with every batch norm folded into its convolution. For
    /// inference only.
    pub fn folded(mut self) -> Self {
        for layer in &mut self.convolutions {
            fold(&mut layer.conv, &mut layer.bn);
        }
        self
    }
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use burn::module::Module;
    use burn::tensor::TensorData;

    use super::*;
    use crate::network::{Architecture, load, state_dict};

    fn picture(size: usize, device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (0..2 * 3 * size * size)
            .map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, [2, 3, size, size]), device)
    }

    fn numbers(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[test]
    fn its_parameters_are_those_of_the_paper() {
        let device = Device::flex();
        // Batch norm has four numbers a channel, two of them running statistics.
        let convolutions: usize = [3, 32, 32, 64, 64, 128, 128, 256, 256, 512]
            .into_iter()
            .zip([32, 32, 64, 64, 128, 128, 256, 256, 512, 512])
            .map(|(input, output)| 9 * input * output + 4 * output)
            .sum();
        let dense =
            |side: usize| (512 * side * side + 1) * 1024 + (1024 + 1) * 1024 + (1024 + 1) * 5;
        for (size, side) in [(128, 4), (96, 3), (28, 1)] {
            let network = Pratt2016::init(5, size, &device);
            assert_eq!(
                network.num_params(),
                convolutions + dense(side),
                "{size} px"
            );
        }
    }

    #[test]
    fn folding_and_saving_leave_the_answer_and_dropout_only_training() {
        let device = Device::flex().autodiff();
        device.seed(5);
        let network = Architecture::Pratt2016.init(5, 32, &device);
        let x = picture(32, &device);
        let twice = [0, 1].map(|_| numbers(network.forward(x.clone())));
        assert_ne!(twice[0], twice[1], "dropout draws anew");
        let inference = network.valid();
        let x = x.inner();
        let plain = numbers(inference.forward(x.clone()));
        assert_eq!(plain, numbers(inference.forward(x.clone())));
        assert_eq!(plain.len(), 10);
        let weights = state_dict(&inference);
        assert!(weights.0.contains_key("convolutions.9.bn.running_var"));
        assert!(weights.0.contains_key("fc.weight"));
        let other = Architecture::Pratt2016.init(5, 32, &Device::flex());
        let loaded = load(other, &weights).unwrap();
        for network in [loaded.clone(), loaded.folded()] {
            for (a, b) in numbers(network.forward(x.clone())).iter().zip(&plain) {
                assert!((a - b).abs() < 1e-4, "{a} against {b}");
            }
        }
        // Its dense layers belong to one size of picture.
        let larger = Architecture::Pratt2016.init(5, 64, &Device::flex());
        let fault = load(larger, &weights).unwrap_err().to_string();
        assert!(fault.contains("fc1.weight"), "{fault}");
    }
}
