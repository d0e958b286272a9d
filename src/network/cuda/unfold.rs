//! A convolution and its gradients as products of unfolded patches.

use burn::backend::DType;
use burn::tensor::Shape;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

use super::factors;
use super::kernels::{self, StepsLaunch, WindowLaunch};
use super::product::{element, multiply};
use crate::network::kernels::geometry::Geometry;

/// Columns are filled up to a multiple of this, so that kernels fetch several numbers
/// at once.
const ALIGNED: usize = 16;
/// Fewer channels than this are unfolded a unit to a number.
const FEW: usize = 16;
/// Tiles of a weight's gradient that a GPU should have to work at, and their side.
const BUSY: usize = 264;
const TILE: usize = 128;

/// What is convolved, `x` and `weight` being of four dimensions.
pub fn geometry(
    x: &CubeTensor,
    weight: &CubeTensor,
    stride: [usize; 2],
    padding: [usize; 2],
) -> Geometry {
    let ([batch, inputs, height, width], [outputs, _, down, right]) = (dims(x), dims(weight));
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

/// A convolution as a product: `[places, columns]` times `[columns, outputs]`.
trait Product {
    /// Places of the output, over all pictures.
    fn places(&self) -> usize;
    /// Taps times inputs, filled up.
    fn columns(&self) -> usize;
    fn window(&self) -> WindowLaunch;
}

impl Product for Geometry {
    fn places(&self) -> usize {
        self.batch * self.output_size().iter().product::<usize>()
    }

    fn columns(&self) -> usize {
        (self.taps() * self.inputs).next_multiple_of(ALIGNED)
    }

    fn window(&self) -> WindowLaunch {
        let [tall, wide] = self.output_size();
        WindowLaunch::new(
            self.inputs,
            self.size[0],
            self.size[1],
            tall,
            wide,
            self.kernel[0],
            self.kernel[1],
            self.stride[0],
            self.stride[1],
            self.padding[0],
            self.padding[1],
            self.columns(),
        )
    }
}

pub fn dims(of: &CubeTensor) -> [usize; 4] {
    let shape = of.meta.shape();
    [shape[0], shape[1], shape[2], shape[3]]
}

/// Room for a matrix beside `near`.
pub fn room(near: &CubeTensor, shape: impl Into<Shape>, kind: DType) -> CubeTensor {
    empty_device_contiguous_dtype(near.client.clone(), near.device.clone(), shape.into(), kind)
}

/// A launch of a unit for each of `len` numbers.
pub fn units(client: &Client, len: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(256);
    (
        burn_cubecl::cubecl::calculate_cube_count_elemwise(client, len, dim),
        dim,
    )
}

/// The same memory under another shape, in rows.
fn reshaped(mut tensor: CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let shape = shape.into();
    let strides = burn_cubecl::cubecl::zspace::Strides::from(contiguous(&shape));
    *tensor.meta = burn_cubecl::cubecl::zspace::metadata::Metadata::new(shape, strides);
    tensor
}

fn contiguous(shape: &Shape) -> Vec<usize> {
    let mut strides = vec![1; shape.num_dims()];
    for i in (1..strides.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}

/// `[places, channels]` as pictures `[batch, channels, height, width]`.
pub fn pictures(places: CubeTensor, batch: usize, [height, width]: [usize; 2]) -> CubeTensor {
    let channels = places.meta.num_elements() / (batch * height * width);
    let laid = reshaped(places, [batch, height, width, channels]);
    burn_cubecl::ops::permute_nhwc_to_nchw(laid)
}

/// The other way; copied where it does not lie so already.
pub fn places(pictures: CubeTensor) -> CubeTensor {
    let [batch, channels, height, width] = dims(&pictures);
    let laid = burn_cubecl::ops::permute_nchw_to_nhwc(pictures);
    let laid = burn_cubecl::kernel::into_contiguous(laid);
    reshaped(laid, [batch * height * width, channels])
}

/// The patches of `x` as rows `[places, columns]`.
fn unfold(g: &Geometry, x: &CubeTensor) -> CubeTensor {
    let unfolded = room(x, [g.places(), g.columns()], factors());
    let strides = x.meta.strides();
    let steps = StepsLaunch::new(strides[0], strides[1], strides[2], strides[3]);
    let client = &x.client;
    let kinds = [element(x.dtype), element(unfolded.dtype)];
    let (from, to) = (
        x.clone().into_buffer_arg(),
        unfolded.clone().into_buffer_arg(),
    );
    // SAFETY: no unit beyond the last number does anything, and a place outside the
    // picture is not read.
    unsafe {
        if g.inputs < FEW || g.columns() != g.taps() * g.inputs {
            let (count, dim) = units(client, g.places() * g.columns());
            kernels::unfold_taps::launch_unchecked(
                client,
                count,
                dim,
                from,
                to,
                g.window(),
                steps,
                g.places(),
                g.columns(),
                g.inputs,
                g.kernel[1],
                g.taps() * g.inputs,
                kinds,
            );
        } else {
            let (count, dim) = units(client, g.places() * g.inputs);
            kernels::unfold_channels::launch_unchecked(
                client,
                count,
                dim,
                from,
                to,
                g.window(),
                steps,
                g.places(),
                kinds,
            );
        }
    }
    unfolded
}

/// A weight as `[outputs, columns]`.
fn arrange(g: &Geometry, weight: &CubeTensor) -> CubeTensor {
    let arranged = room(weight, [g.outputs, g.columns()], factors());
    let len = g.outputs * g.columns();
    let (count, dim) = units(&weight.client, len);
    // SAFETY: no unit beyond the last number does anything.
    unsafe {
        kernels::arrange::launch_unchecked(
            &weight.client,
            count,
            dim,
            burn_cubecl::kernel::into_contiguous(weight.clone()).into_buffer_arg(),
            arranged.clone().into_buffer_arg(),
            g.inputs,
            g.taps(),
            g.columns(),
            len,
            element(arranged.dtype),
        );
    }
    arranged
}

/// What is multiplied, in its precision.
pub fn factor(values: CubeTensor) -> CubeTensor {
    if values.dtype == factors() {
        return values;
    }
    let converted = room(&values, values.meta.shape().clone(), factors());
    let len = values.meta.num_elements();
    let (count, dim) = units(&values.client, len);
    // SAFETY: no unit beyond the last number does anything.
    unsafe {
        kernels::convert::launch_unchecked(
            &values.client.clone(),
            count,
            dim,
            values.into_buffer_arg(),
            converted.clone().into_buffer_arg(),
            len,
            element(converted.dtype),
        );
    }
    converted
}

fn turned(mut matrix: CubeTensor) -> CubeTensor {
    let rank = matrix.meta.num_dims();
    matrix.meta.swap(rank - 2, rank - 1);
    matrix
}

/// The convolution, `[places, outputs]`.
pub fn forward(g: &Geometry, x: &CubeTensor, weight: &CubeTensor) -> CubeTensor {
    multiply(unfold(g, x), turned(arrange(g, weight)))
}

/// Its output as pictures.
pub fn as_pictures(g: &Geometry, places: CubeTensor) -> CubeTensor {
    pictures(places, g.batch, g.output_size())
}

/// The gradient of the input from that of the output, `[places, outputs]`, which is a
/// [`factor`].
pub fn input_gradient(g: &Geometry, weight: &CubeTensor, gradient: &CubeTensor) -> CubeTensor {
    let unfolded = multiply(gradient.clone(), arrange(g, weight));
    let [height, width] = g.size;
    let x = room(gradient, [g.batch * height * width, g.inputs], DType::F32);
    let len = x.meta.num_elements();
    let (count, dim) = units(&x.client, len);
    // SAFETY: no unit beyond the last number does anything, and places that the
    // output does not have are not read.
    unsafe {
        kernels::fold::launch_unchecked(
            &x.client,
            count,
            dim,
            unfolded.clone().into_buffer_arg(),
            x.clone().into_buffer_arg(),
            g.window(),
            len,
            element(unfolded.dtype),
        );
    }
    pictures(x, g.batch, g.size)
}

/// How many parts a sum over `places` is taken in, so that a weight `[outputs,
/// columns]` gives the whole GPU work: a number that divides it.
fn parts(g: &Geometry) -> usize {
    let tiles = g.outputs.div_ceil(TILE) * g.columns().div_ceil(TILE);
    let wanted = BUSY.div_ceil(tiles);
    let places = g.places();
    (1..=wanted)
        .rev()
        .find(|parts| places.is_multiple_of(*parts) && (places / parts).is_multiple_of(8))
        .unwrap_or(1)
}

/// The gradient of the weight from that of the output, which is as above.
pub fn weight_gradient(g: &Geometry, x: &CubeTensor, gradient: &CubeTensor) -> CubeTensor {
    let parts = parts(g);
    let share = g.places() / parts;
    let unfolded = reshaped(unfold(g, x), [parts, share, g.columns()]);
    let gradient = reshaped(gradient.clone(), [parts, share, g.outputs]);
    let products = multiply(turned(gradient), unfolded);
    let weight = room(
        x,
        [g.outputs, g.inputs, g.kernel[0], g.kernel[1]],
        DType::F32,
    );
    let len = weight.meta.num_elements();
    let (count, dim) = units(&weight.client, len);
    // SAFETY: no unit beyond the last number does anything.
    unsafe {
        kernels::gather::launch_unchecked(
            &weight.client,
            count,
            dim,
            products.into_buffer_arg(),
            weight.clone().into_buffer_arg(),
            g.inputs,
            g.taps(),
            g.columns(),
            parts,
            len,
        );
    }
    weight
}
