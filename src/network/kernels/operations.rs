//! The kernels as operations of burn's, by its extension mechanism.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, backend_extension};
use burn::tensor::TensorData;

use super::geometry::Geometry;
use super::{pool, unfold};

/// What a network does most of its work in. Convolutions are without
/// groups or dilation.
#[backend_extension(Flex, Cube: cfg(feature = "cuda"))]
pub trait Answer: Backend {
    /// A convolution without bias, rectified or not.
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: [usize; 2],
        padding: [usize; 2],
        rectify: bool,
    ) -> FloatTensor<Self>;

    /// A convolution with its bias, rectified or not.
    fn convolve_with_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: [usize; 2],
        padding: [usize; 2],
        rectify: bool,
    ) -> FloatTensor<Self>;

    /// A convolution with its bias, plus a shortcut, rectified.
    fn close(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shortcut: FloatTensor<Self>,
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> FloatTensor<Self>;

    /// The largest of 3x3 places, every second one, one place of padding.
    fn pool(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

pub type Values = FloatTensor<Flex>;

pub fn tensor(values: Vec<f32>, shape: &[usize]) -> Values {
    Values::from_data(TensorData::new(values, shape))
}

pub fn sizes(of: &Values) -> [usize; 4] {
    let shape = of.layout().shape();
    shape.to_vec().try_into().expect("four dimensions")
}

pub fn geometry(x: &Values, weight: &Values, stride: [usize; 2], padding: [usize; 2]) -> Geometry {
    let ([batch, inputs, height, width], [outputs, _, down, right]) = (sizes(x), sizes(weight));
    Geometry {
        batch,
        inputs,
        outputs,
        size: [height, width],
        kernel: [down, right],
        stride,
        padding,
    }
}

/// A convolution of tensors; `finish` is given the output, `[batch, outputs,
/// height, width]`, and the numbers in a plane of it, before it becomes one.
pub fn convolved(
    x: &Values,
    weight: &Values,
    stride: [usize; 2],
    padding: [usize; 2],
    finish: impl FnOnce(&mut [f32], usize),
) -> Values {
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    let geometry = geometry(&x, &weight, stride, padding);
    let [height, width] = geometry.output_size();
    let mut output = unfold::forward(&geometry, x.storage(), weight.storage());
    finish(&mut output, height * width);
    tensor(output, &[geometry.batch, geometry.outputs, height, width])
}

/// What is no number stays none, so that it is found at the end.
fn rectified(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}

/// Adds each channel's bias to its planes, and rectifies where asked for.
fn add_bias(output: &mut [f32], bias: &[f32], plane: usize, rectify: bool) {
    for (plane, bias) in output.chunks_exact_mut(plane).zip(bias.iter().cycle()) {
        match rectify {
            true => plane.iter_mut().for_each(|v| *v = rectified(*v + bias)),
            false => plane.iter_mut().for_each(|v| *v += bias),
        }
    }
}

impl Answer for Flex {
    fn convolve(
        x: Values,
        weight: Values,
        stride: [usize; 2],
        padding: [usize; 2],
        rectify: bool,
    ) -> Values {
        convolved(&x, &weight, stride, padding, |output, _| {
            if rectify {
                output.iter_mut().for_each(|v| *v = rectified(*v));
            }
        })
    }

    fn convolve_with_bias(
        x: Values,
        weight: Values,
        bias: Values,
        stride: [usize; 2],
        padding: [usize; 2],
        rectify: bool,
    ) -> Values {
        let bias = bias.to_contiguous();
        convolved(&x, &weight, stride, padding, |output, plane| {
            add_bias(output, bias.storage(), plane, rectify);
        })
    }

    fn close(
        x: Values,
        weight: Values,
        bias: Values,
        shortcut: Values,
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Values {
        let (bias, shortcut) = (bias.to_contiguous(), shortcut.to_contiguous());
        convolved(&x, &weight, stride, padding, |output, plane| {
            let biases = bias.storage::<f32>().iter().cycle();
            let planes = output.chunks_exact_mut(plane);
            let added = shortcut.storage::<f32>().chunks_exact(plane);
            for ((output, shortcut), bias) in planes.zip(added).zip(biases) {
                for (value, added) in output.iter_mut().zip(shortcut) {
                    *value = rectified(*value + bias + added);
                }
            }
        })
    }

    fn pool(x: Values) -> Values {
        let [batch, channels, height, width] = sizes(&x);
        let output = pool::maximum(x.to_contiguous().storage(), [height, width]);
        let [tall, wide] = [height, width].map(pool::output_size);
        tensor(output, &[batch, channels, tall, wide])
    }
}
