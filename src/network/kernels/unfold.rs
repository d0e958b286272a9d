//! Convolutions on a CPU: unfold and multiply (Chellapilla et al. 2006, "High
//! performance convolutional neural networks for document processing"), a tile
//! at a time, so that what is unfolded stays in the cache; 3x3 kernels of stride
//! 1 go by way of `winograd`. Results do not depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::{Geometry, Tile};
use super::product::{Matrix, multiply};
use super::shared::{Shared, filled};
use super::winograd;

/// Columns of a tile: enough for the product to run at full speed.
pub(super) const COLUMNS: usize = 256;

/// Writes to `to` one row for every channel of `channels` and place in the
/// kernel, and in it, for every output of `tile`, the input that meets there.
pub(super) fn unfold(g: &Geometry, x: &[f32], channels: Range<usize>, tile: &Tile, to: &mut [f32]) {
    let [height, width] = g.size;
    let wide = g.output_size()[1];
    let mut lines = to.chunks_exact_mut(tile.columns(wide));
    for (channel, tap) in channels.flat_map(|c| (0..g.taps()).map(move |tap| (c, tap))) {
        let line = lines.next().expect("the caller made room for every row");
        let tap = [tap / g.kernel[1], tap % g.kernel[1]];
        let parts = line.chunks_exact_mut(tile.rows.len() * wide);
        for (part, picture) in parts.zip(tile.pictures.clone()) {
            let plane = &x[(picture * g.inputs + channel) * height * width..][..height * width];
            if g.stride == [1, 1] && wide == width {
                shift(g, plane, tap, tile.rows.clone(), part);
            } else {
                sample(g, plane, tap, tile.rows.clone(), part);
            }
        }
    }
}

/// One picture's part of a line of [`unfold`], row by row.
fn sample(g: &Geometry, plane: &[f32], tap: [usize; 2], rows: Range<usize>, to: &mut [f32]) {
    let [height, width] = g.size;
    let wide = g.output_size()[1];
    let (from, until) = met(tap[1], g.stride[1], g.padding[1], width, wide);
    for (row, piece) in rows.zip(to.chunks_exact_mut(wide)) {
        let inside = (row * g.stride[0] + tap[0])
            .checked_sub(g.padding[0])
            .filter(|y| *y < height && from < until);
        let Some(y) = inside else {
            piece.fill(0.0);
            continue;
        };
        piece[..from].fill(0.0);
        piece[until..].fill(0.0);
        let first = y * width + from * g.stride[1] + tap[1] - g.padding[1];
        let source = &plane[first..(y + 1) * width];
        let inside = &mut piece[from..until];
        // The stride ResNet has, spelt out: several are then moved at once.
        if g.stride[1] == 2 {
            let (pairs, rest) = source.as_chunks::<2>();
            for (to, pair) in inside.iter_mut().zip(pairs) {
                *to = pair[0];
            }
            if let ([last], true) = (rest, inside.len() > pairs.len()) {
                inside[pairs.len()] = *last;
            }
            continue;
        }
        for (to, from) in inside.iter_mut().zip(source.iter().step_by(g.stride[1])) {
            *to = *from;
        }
    }
}

/// [`sample`] where output and input are of one width and the stride is 1: the
/// rows then lie as they do in the picture, and move in one piece.
fn shift(g: &Geometry, plane: &[f32], tap: [usize; 2], rows: Range<usize>, to: &mut [f32]) {
    let [height, width] = g.size;
    // Rows whose input lies inside the picture, counted within the tile.
    let top = g.padding[0]
        .saturating_sub(rows.start + tap[0])
        .min(rows.len());
    let below = (rows.end + tap[0]).saturating_sub(height + g.padding[0]);
    let bottom = (rows.len() - below.min(rows.len())).max(top);
    to[..top * width].fill(0.0);
    to[bottom * width..].fill(0.0);
    if top == bottom {
        return;
    }
    let inside = &mut to[top * width..bottom * width];
    let first = (rows.start + top + tap[0] - g.padding[0]) * width;
    // What comes in from the neighbouring row at either side is cleared below.
    let (right, left) = (
        tap[1].saturating_sub(g.padding[1]),
        g.padding[1].saturating_sub(tap[1]),
    );
    let source = first + right;
    let count = inside.len().min(plane.len() - source);
    if left == 0 {
        inside[..count].copy_from_slice(&plane[source..source + count]);
    } else {
        let count = inside.len() - left;
        inside[left..].copy_from_slice(&plane[first..first + count]);
    }
    for row in inside.chunks_exact_mut(width) {
        row[..left].fill(0.0);
        row[width - right..].fill(0.0);
    }
}

/// The outputs along an axis whose input for tap `tap` lies inside the picture.
pub(super) fn met(
    tap: usize,
    stride: usize,
    padding: usize,
    size: usize,
    outputs: usize,
) -> (usize, usize) {
    let from = padding.saturating_sub(tap).div_ceil(stride).min(outputs);
    let until = (size + padding)
        .saturating_sub(tap)
        .div_ceil(stride)
        .min(outputs);
    (from, until.max(from))
}

/// Grows `buffer` where it is too short; what it holds is of no interest.
pub(super) fn room(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// `[batch, outputs, height, width]` from input and weight.
pub fn forward(g: &Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
    assert_eq!([x.len(), weight.len()], [g.input_len(), g.weight_len()]);
    if winograd::suits(g) {
        return winograd::forward(g, x, weight);
    }
    let inner = g.inputs * g.taps();
    let plane = g.planes()[1];
    let wide = g.output_size()[1];
    let weight = Matrix {
        values: weight,
        strides: [inner, 1],
    };
    let fill = |target: Shared| {
        g.tiles(COLUMNS).par_iter().for_each_init(
            || (Vec::new(), Vec::new()),
            |(unfolded, product), tile| {
                let columns = tile.columns(wide);
                let unfolded = room(unfolded, inner * columns);
                unfold(g, x, 0..g.inputs, tile, unfolded);
                let right = Matrix {
                    values: unfolded,
                    strides: [columns, 1],
                };
                let sizes = [g.outputs, inner, columns];
                let first = tile.pictures.start * g.outputs * plane + tile.rows.start * wide;
                if tile.pictures.len() == 1 {
                    // SAFETY: rows of one picture, in no other tile.
                    unsafe { multiply(sizes, target.at(first), [plane, 1], weight, right, false) };
                    return;
                }
                let product = room(product, g.outputs * columns);
                // SAFETY: `product` is of just this size.
                unsafe {
                    multiply(
                        sizes,
                        product.as_mut_ptr(),
                        [columns, 1],
                        weight,
                        right,
                        false,
                    )
                };
                for (picture, channel) in pairs(tile.pictures.len(), g.outputs) {
                    let from = &product[channel * columns + picture * plane..][..plane];
                    // SAFETY: whole pictures, in no other tile.
                    unsafe {
                        let to = target.at(first + (picture * g.outputs + channel) * plane);
                        std::ptr::copy_nonoverlapping(from.as_ptr(), to, plane);
                    }
                }
            },
        )
    };
    // SAFETY: the tiles cover every output.
    unsafe { filled(g.output_len(), fill) }
}

pub(super) fn pairs(first: usize, second: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..first).flat_map(move |a| (0..second).map(move |b| (a, b)))
}
