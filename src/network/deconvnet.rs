//! From a place in the network back to the pixels it answered to: the
//! deconvolutional network of Zeiler and Fergus 2014, "Visualizing and
//! Understanding Convolutional Networks", section 2.1.
//!
//! Every layer is walked backwards: a convolution by its own weights transposed,
//! a maximum by putting its value back where it was found, a ReLU by a ReLU on
//! the way back. A residual block (not yet known in 2014) sends the signal back
//! along both its ways.

use burn::nn::conv::Conv2d;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv_transpose2d, max_pool2d_with_indices};
use burn::tensor::ops::{ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData};

use super::block::{Block, normalise};
use super::resnet::ResNet;
use super::values;

/// What a channel saw where it answered most.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// The channel's highest activation.
    pub value: f32,
    /// Where, as column and row of the stage's feature map.
    pub at: (usize, usize),
    /// Back to pixels: planar `[3, height, width]`, of either sign.
    pub pixels: Vec<f32>,
}

impl ResNet {
    /// The weights of the first convolution, `[filters, 3, height, width]`.
    pub fn first_filters(&self) -> Tensor<4> {
        self.conv1.weight.val()
    }

    /// Projects the strongest activation of one channel after stage 1 to 4 back to
    /// the pixels of `picture`, `[1, 3, height, width]`. The network must be
    /// [folded](ResNet::folded), so that its weights are all there is.
    ///
    /// # Errors
    /// A sentence where there is no such stage or channel, or the backend's words.
    pub async fn project(
        &self,
        picture: Tensor<4>,
        stage: usize,
        channel: usize,
    ) -> Result<Projection, String> {
        let layers = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        let Some(layers) = (stage > 0).then(|| layers.get(..stage)).flatten() else {
            return Err(format!("there is no stage {stage}; choose 1 to 4"));
        };
        let pixels = side(&picture);
        let first = relu(normalise(&self.bn1, self.conv1.forward(picture)));
        let before_pool = first.dims();
        let (mut x, switches) = max_pool2d_with_indices(first, pool());
        let mut way: Vec<(&Block, [usize; 2])> = Vec::new();
        for block in layers.iter().flat_map(|layer| layer.iter()) {
            way.push((block, side(&x)));
            x = block.forward(x);
        }

        let [_, channels, height, width] = x.dims();
        let device = x.device();
        if channel >= channels {
            return Err(format!(
                "stage {stage} has {channels} channels, no {channel}"
            ));
        }
        let activations = values(x).await?;
        let places = height * width;
        let own = &activations[channel * places..][..places];
        let strongest = (0..places).max_by(|a, b| own[*a].total_cmp(&own[*b]).then(b.cmp(a)));
        let strongest = strongest.unwrap_or(0);
        let value = own[strongest];
        let mut alone = vec![0.0; activations.len()];
        alone[channel * places + strongest] = value;

        let alone = TensorData::new(alone, [1, channels, height, width]);
        let mut signal = Tensor::<4>::from_data(alone, &device);
        for (block, input) in way.into_iter().rev() {
            signal = deconvolve(block, signal, input);
        }
        let signal = relu(unpool(relu(signal), switches, before_pool));
        Ok(Projection {
            value,
            at: (strongest % width, strongest / width),
            pixels: values(transposed(&self.conv1, signal, pixels)).await?,
        })
    }
}

fn side(x: &Tensor<4>) -> [usize; 2] {
    let [_, _, height, width] = x.dims();
    [height, width]
}

/// The pooling of every residual network.
fn pool() -> MaxPoolOptions<2> {
    MaxPoolOptions::new([3, 3])
        .with_stride([2, 2])
        .with_padding([1, 1])
}

/// Each value back where the maximum was found; windows overlap, so that one
/// place can get several.
fn unpool(signal: Tensor<4>, switches: Tensor<4, Int>, shape: [usize; 4]) -> Tensor<4> {
    let [batch, channels, height, width] = shape;
    let pooled = signal.dims()[2] * signal.dims()[3];
    let device = signal.device();
    Tensor::<3>::zeros([batch, channels, height * width], &device)
        .scatter(
            2,
            switches.reshape([batch, channels, pooled]),
            signal.reshape([batch, channels, pooled]),
            IndexingUpdateOp::Add,
        )
        .reshape(shape)
}

/// A block walked backwards, to a map of `input` height and width.
fn deconvolve(block: &Block, signal: Tensor<4>, input: [usize; 2]) -> Tensor<4> {
    let signal = relu(signal);
    let shortcut = match &block.downsample {
        Some(down) => transposed(&down.conv, signal.clone(), input),
        None => signal.clone(),
    };
    let after_first = output_side(&block.conv1, input);
    let mut back = signal;
    if let Some(conv3) = &block.conv3 {
        let after_second = output_side(&block.conv2, after_first);
        back = relu(transposed(conv3, back, after_second));
    }
    back = relu(transposed(&block.conv2, back, after_first));
    transposed(&block.conv1, back, input) + shortcut
}

/// Height and width after a convolution.
fn output_side(convolution: &Conv2d, input: [usize; 2]) -> [usize; 2] {
    std::array::from_fn(|axis| {
        let kernel = convolution.kernel_size[axis];
        (input[axis] + 2 * (kernel / 2) - kernel) / convolution.stride[axis] + 1
    })
}

/// The transpose of a convolution, without its bias, to a map of `side`.
fn transposed(convolution: &Conv2d, signal: Tensor<4>, side: [usize; 2]) -> Tensor<4> {
    let [_, _, height, width] = signal.dims();
    let padding = convolution.kernel_size.map(|kernel| kernel / 2);
    // What a stride left over at the far edge.
    let left_over = std::array::from_fn(|axis| {
        let reached =
            ([height, width][axis] - 1) * convolution.stride[axis] + convolution.kernel_size[axis];
        (side[axis] + 2 * padding[axis]).saturating_sub(reached)
    });
    conv_transpose2d(
        signal,
        convolution.weight.val(),
        None,
        ConvTransposeOptions::new(convolution.stride, padding, left_over, [1, 1], 1),
    )
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::super::Depth;
    use super::super::block::convolution;
    use super::*;

    fn sum(x: Tensor<4>) -> f32 {
        x.sum().into_data().iter::<f32>().next().unwrap()
    }

    #[test]
    fn a_convolution_is_walked_back_by_its_transpose() {
        let device = Device::flex();
        device.seed(1);
        for (kernel, stride, height, width) in
            [(7, 2, 12, 13), (3, 2, 8, 7), (1, 2, 6, 5), (3, 1, 5, 4)]
        {
            let layer = convolution([3, 4], kernel, stride, &device);
            let x = Tensor::<4>::random([1, 3, height, width], Distribution::Default, &device);
            let y = layer.forward(x.clone());
            assert_eq!(side(&y), output_side(&layer, [height, width]));
            let other = Tensor::<4>::random(y.dims(), Distribution::Default, &device);
            let back = transposed(&layer, other.clone(), [height, width]);
            assert_eq!(back.dims(), x.dims());
            // What makes one the other's transpose: <Ax, y> = <x, Aᵀy>.
            let (there, again) = (sum(y * other), sum(x * back));
            assert!(
                (there - again).abs() < 1e-4 * there.abs().max(1.0),
                "{there} {again}"
            );
        }
    }

    #[test]
    fn a_maximum_goes_back_to_where_it_was_found() {
        let device = Device::flex();
        let mut values = vec![0.0; 36];
        values[2 * 6 + 3] = 5.0;
        let x = Tensor::<4>::from_data(TensorData::new(values.clone(), [1, 1, 6, 6]), &device);
        let (pooled, switches) = max_pool2d_with_indices(x, pool());
        let back = unpool(pooled, switches, [1, 1, 6, 6]).into_data();
        let found: Vec<f32> = back.iter::<f32>().collect();
        // Row 2 lies in one window, column 3 in two.
        let hot: Vec<usize> = (0..36).filter(|i| found[*i] != 0.0).collect();
        assert_eq!(hot, [15]);
        assert_eq!(found[15], 10.0);
    }

    #[test]
    fn a_projection_lies_within_what_the_place_can_see() {
        let device = Device::flex();
        for depth in [Depth::D18, Depth::D50] {
            device.seed(2);
            let network = ResNet::init(depth, 5, &device).folded();
            let picture = Tensor::<4>::random([1, 3, 96, 96], Distribution::Default, &device);
            let stage = network.activations(picture.clone()).layers[0].clone();
            // Weights are drawn in whatever order tests run, and some channels of
            // such a network see nothing anywhere: one that does is asked about.
            let stage = stage.into_data().iter::<f32>().collect::<Vec<_>>();
            let most = |plane: &[f32]| plane.iter().copied().fold(0.0, f32::max);
            let peaks: Vec<f32> = stage.chunks(24 * 24).map(most).collect();
            let expected = most(&peaks);
            let channel = peaks.iter().position(|peak| *peak == expected).unwrap();
            let found = pollster::block_on(network.project(picture.clone(), 1, channel)).unwrap();
            assert!(expected > 0.0);
            assert_eq!(found.value, expected);
            assert_eq!(found.pixels.len(), 3 * 96 * 96);
            // Stage 1 of ResNet-18 sees 43 pixels, of ResNet-50 35, around a place
            // every fourth pixel.
            let (x, y) = (4 * found.at.0 as i32, 4 * found.at.1 as i32);
            let mut lit = 0;
            for (index, value) in found.pixels.iter().enumerate() {
                let (row, column) = ((index / 96 % 96) as i32, (index % 96) as i32);
                let within = (row - y).abs() <= 24 && (column - x).abs() <= 24;
                assert!(*value == 0.0 || within, "{value} at {column}, {row}");
                lit += usize::from(*value != 0.0);
            }
            assert!(lit > 50, "{lit}");
            for stage in 2..=4 {
                let found = pollster::block_on(network.project(picture.clone(), stage, 0));
                assert!(found.unwrap().pixels.iter().all(|v| v.is_finite()));
            }
            let error = pollster::block_on(network.project(picture.clone(), 5, 0)).unwrap_err();
            assert!(error.contains("1 to 4"), "{error}");
            let error = pollster::block_on(network.project(picture, 1, 9999)).unwrap_err();
            assert!(error.contains("9999"), "{error}");
        }
    }
}
