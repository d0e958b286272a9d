//! Any of this project's networks, as training and grading use them.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;

use super::pratt::Pratt2016;
use super::resnet::ResNet;

/// What the variants of [`Classifier`] are called in a parameter's path.
pub(super) const VARIANTS: [&str; 2] = ["ResNet", "Pratt2016"];

/// A network that grades; build one with [`super::Architecture::init`].
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // There is one of it, or a few.
pub enum Classifier {
    ResNet(ResNet),
    Pratt2016(Pratt2016),
}

impl Classifier {
    /// Pictures `[batch, 3, height, width]` to logits `[batch, classes]`.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        self.classify(self.penultimate(pictures))
    }

    /// Pictures to what the last layer sees, `[batch, features]`.
    pub fn penultimate(&self, pictures: Tensor<4>) -> Tensor<2> {
        match self {
            Self::ResNet(network) => ResNet::pool(network.features(pictures)),
            Self::Pratt2016(network) => network.penultimate(pictures),
        }
    }

    /// The last layer: [`Self::penultimate`] to logits `[batch, classes]`.
    pub fn classify(&self, penultimate: Tensor<2>) -> Tensor<2> {
        match self {
            Self::ResNet(network) => network.classify(penultimate),
            Self::Pratt2016(network) => network.classify(penultimate),
        }
    }

    /// The residual network, where it is one: only those are looked into.
    pub fn residual(&self) -> Option<&ResNet> {
        match self {
            Self::ResNet(network) => Some(network),
            Self::Pratt2016(_) => None,
        }
    }

    /// The same network with another last layer.
    pub fn with_head(self, head: Linear) -> Self {
        match self {
            Self::ResNet(network) => Self::ResNet(network.with_head(head)),
            Self::Pratt2016(network) => Self::Pratt2016(network.with_head(head)),
        }
    }

    /// Number of classes the last layer tells apart.
    pub fn classes(&self) -> usize {
        match self {
            Self::ResNet(network) => network.classes(),
            Self::Pratt2016(network) => network.classes(),
        }
    }

    /// The same function with every batch norm folded into its convolution. For
    /// inference only.
    pub fn folded(self) -> Self {
        match self {
            Self::ResNet(network) => Self::ResNet(network.folded()),
            Self::Pratt2016(network) => Self::Pratt2016(network.folded()),
        }
    }
}
