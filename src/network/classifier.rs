//! Any of this project's networks, as training and grading use them.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

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
    /// Pictures `[batch, 3, height, width]` to logits `[batch, classes]`, followed
    /// by those of the layer beside the last where there is one.
    ///
    /// That one is a product of its own: the logits before it are, bit for bit,
    /// those of a network without it, whatever a backend makes of a matrix's width.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        let penultimate = self.penultimate(pictures);
        match self.beside() {
            None => self.classify(penultimate),
            Some(layer) => {
                let logits = self.classify(penultimate.clone());
                Tensor::cat(vec![logits, layer.forward(penultimate)], 1)
            }
        }
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

    /// The same network with a fresh layer beside the last, which answers another
    /// question about the same picture with `outputs` numbers. Like the last layer
    /// it is called in a file of weights: `fc_beside.weight` and `fc_beside.bias`.
    pub fn with_beside(mut self, outputs: usize, device: &Device) -> Self {
        let layer = |width| Some(LinearConfig::new(width, outputs).init(device));
        match &mut self {
            Self::ResNet(network) => network.fc_beside = layer(network.width()),
            Self::Pratt2016(network) => network.fc_beside = layer(network.width()),
        }
        self
    }

    fn beside(&self) -> Option<&Linear> {
        match self {
            Self::ResNet(network) => network.fc_beside.as_ref(),
            Self::Pratt2016(network) => network.fc_beside.as_ref(),
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
