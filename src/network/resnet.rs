//! ResNet-18, 34 and 50 (He et al. 2016, table 1), generic in classes, with
//! torchvision's layout and field names.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::block::{Block, fold, layer, normalisation, normalise};
use super::kernels;
use super::state_dict::StateDict;

/// How deep a residual network is: the columns of table 1 of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    D18,
    D34,
    D50,
}

impl Depth {
    /// Blocks in each of the four stages.
    fn blocks(self) -> [usize; 4] {
        match self {
            Self::D18 => [2, 2, 2, 2],
            Self::D34 | Self::D50 => [3, 4, 6, 3],
        }
    }

    fn is_bottleneck(self) -> bool {
        matches!(self, Self::D50)
    }

    /// Whether weights have the layers of such a network, and no more of them.
    pub(super) fn built(self, weights: &StateDict) -> bool {
        let first = |layer: usize, block: usize| {
            let name = format!("layer{layer}.{block}.conv1.weight");
            weights.0.get(&name).map(|entry| entry.shape.as_slice())
        };
        // Wider networks have layers of the same names.
        let kernel = if self.is_bottleneck() { 1 } else { 3 };
        let narrow = first(1, 0).is_some_and(|shape| shape == [64, 64, kernel, kernel]);
        let ends =
            |(layer, blocks)| first(layer, blocks - 1).is_some() && first(layer, blocks).is_none();
        narrow && (1..).zip(self.blocks()).all(ends)
    }

    /// Channels that reach the last, fully connected layer.
    fn features(self) -> usize {
        if self.is_bottleneck() { 2048 } else { 512 }
    }
}

/// A residual network; build one with [`ResNet::init`].
#[derive(Module, Debug)]
pub struct ResNet {
    pub(super) conv1: Conv2d,
    pub(super) bn1: Option<BatchNorm>,
    maxpool: MaxPool2d,
    pub(super) layer1: Vec<Block>,
    pub(super) layer2: Vec<Block>,
    pub(super) layer3: Vec<Block>,
    pub(super) layer4: Vec<Block>,
    fc: Linear,
    pub(super) fc_beside: Option<Linear>,
}

/// What leaves each part of the network, for parity checks and for explanations.
pub struct Activations {
    /// `[batch, 64, height/2, width/2]`, before batch norm.
    pub conv1: Tensor<4>,
    /// The same after batch norm, before the ReLU.
    pub bn1: Tensor<4>,
    /// After each of the four stages; the last is `[batch, features, height/32, width/32]`.
    pub layers: [Tensor<4>; 4],
    /// `[batch, classes]`.
    pub logits: Tensor<2>,
}

impl ResNet {
    /// Builds the network with fresh random weights.
    pub fn init(depth: Depth, classes: usize, device: &Device) -> Self {
        let mut input = 64;
        let mut stage = |index: usize| -> Vec<Block> {
            let width = 64 << index;
            (0..depth.blocks()[index])
                .map(|block| {
                    let stride = if block == 0 && index > 0 { 2 } else { 1 };
                    if depth.is_bottleneck() {
                        let made = Block::bottleneck(input, width, stride, device);
                        input = 4 * width;
                        made
                    } else {
                        let made = Block::basic(input, width, stride, device);
                        input = width;
                        made
                    }
                })
                .collect()
        };
        let (layer1, layer2, layer3, layer4) = (stage(0), stage(1), stage(2), stage(3));
        Self {
            conv1: Conv2dConfig::new([3, 64], [7, 7])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(3, 3, 3, 3))
                .with_bias(false)
                .with_initializer(Initializer::KaimingNormal {
                    gain: std::f64::consts::SQRT_2,
                    fan_out_only: true,
                })
                .init(device),
            bn1: Some(normalisation(64, device)),
            maxpool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            layer1,
            layer2,
            layer3,
            layer4,
            fc: LinearConfig::new(depth.features(), classes).init(device),
            fc_beside: None,
        }
    }

    /// Pictures `[batch, 3, height, width]` to logits `[batch, classes]`.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        self.head(self.features(pictures))
    }

    /// Pictures to the last feature map `[batch, features, height/32, width/32]`.
    pub fn features(&self, pictures: Tensor<4>) -> Tensor<4> {
        let x = layer(&self.conv1, &self.bn1, pictures);
        let mut x = kernels::pool(&self.maxpool, x);
        for layer in [&self.layer1, &self.layer2, &self.layer3, &self.layer4] {
            x = stage(layer, x);
        }
        x
    }

    /// Global average pooling and the last layer: a feature map to logits.
    pub fn head(&self, features: Tensor<4>) -> Tensor<2> {
        self.classify(Self::pool(features))
    }

    /// Global average pooling: `[batch, features, h, w]` to `[batch, features]`.
    pub fn pool(features: Tensor<4>) -> Tensor<2> {
        let [batch, channels, height, width] = features.dims();
        features
            .reshape([batch, channels, height * width])
            .mean_dim(2)
            .reshape([batch, channels])
    }

    /// The last layer: pooled features to logits `[batch, classes]`.
    pub fn classify(&self, pooled: Tensor<2>) -> Tensor<2> {
        self.fc.forward(pooled)
    }

    /// What each place of a feature map adds to each logit:
    /// `[batch, features, h, w]` to `[batch, classes, h, w]`. A logit is the sum
    /// over its places, plus the last layer's bias, because pooling is a mean.
    pub fn evidence(&self, features: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = features.dims();
        let places = height * width;
        let by_place = features
            .reshape([batch, channels, places])
            .swap_dims(1, 2)
            .reshape([batch * places, channels]);
        let added = by_place.matmul(self.fc.weight.val()) / places as f64;
        added
            .reshape([batch, places, self.classes()])
            .swap_dims(1, 2)
            .reshape([batch, self.classes(), height, width])
    }

    /// The forward pass with everything on its way kept.
    pub fn activations(&self, pictures: Tensor<4>) -> Activations {
        let conv1 = self.conv1.forward(pictures);
        let bn1 = normalise(&self.bn1, conv1.clone());
        let x = kernels::pool(&self.maxpool, relu(bn1.clone()));
        let one = stage(&self.layer1, x);
        let two = stage(&self.layer2, one.clone());
        let three = stage(&self.layer3, two.clone());
        let four = stage(&self.layer4, three.clone());
        let logits = self.head(four.clone());
        Activations {
            conv1,
            bn1,
            layers: [one, two, three, four],
            logits,
        }
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

    /// The same function with every batch norm folded into its convolution:
    /// a third fewer passes over memory. For inference only.
    pub fn folded(mut self) -> Self {
        fold(&mut self.conv1, &mut self.bn1);
        for layer in [
            &mut self.layer1,
            &mut self.layer2,
            &mut self.layer3,
            &mut self.layer4,
        ] {
            layer.iter_mut().for_each(Block::fold);
        }
        self
    }
}

fn stage(blocks: &[Block], x: Tensor<4>) -> Tensor<4> {
    blocks.iter().fold(x, |x, block| block.forward(x))
}
