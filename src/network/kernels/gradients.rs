//! A convolution's gradients on a CPU.
//!
//! burn-flex expresses them as other convolutions: that of a 3x3 weight as a
//! convolution whose kernel is the whole output, with nine numbers to a row. Here
//! each is the matrix product it is. Results do not depend on the number of
//! threads.

use rayon::prelude::*;

use super::geometry::{Geometry, Tile};
use super::product::{Matrix, multiply};
use super::shared::{Shared, filled};
use super::unfold::{COLUMNS, forward, met, pairs, room, unfold};
use super::winograd;

/// Places summed over in one product of a weight's gradient.
const INNER: usize = 512;
/// Rows of the unfolded input in one task of a weight's gradient.
const BLOCK: usize = 144;
/// Tasks a weight's gradient is at least cut into, where its sizes allow it.
const TASKS: usize = 16;

/// The gradient of the input from that of the output.
pub fn input_gradient(g: &Geometry, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    assert_eq!(
        [gradient.len(), weight.len()],
        [g.output_len(), g.weight_len()]
    );
    let reachable = (0..2).all(|i| g.padding[i] < g.kernel[i]);
    if g.stride == [1, 1] && reachable {
        // With stride 1 it is a convolution with the turned kernel.
        let turned = turn(g, weight);
        let back = Geometry {
            inputs: g.outputs,
            outputs: g.inputs,
            size: g.output_size(),
            padding: [0, 1].map(|i| g.kernel[i] - 1 - g.padding[i]),
            ..*g
        };
        return forward(&back, gradient, &turned);
    }
    let inner = g.inputs * g.taps();
    let [plane, small] = g.planes();
    let together = g.pictures(COLUMNS / 2);
    let mut x = vec![0.0; g.input_len()];
    let left = Matrix {
        values: weight,
        strides: [1, inner],
    };
    x.par_chunks_mut(together * g.inputs * plane)
        .enumerate()
        .for_each_init(
            || (Vec::new(), Vec::new()),
            |(gathered, folded), (chunk, x)| {
                let pictures = x.len() / (g.inputs * plane);
                let columns = pictures * small;
                let gathered = room(gathered, g.outputs * columns);
                let source = &gradient[chunk * together * g.outputs * small..];
                gather(source, pictures, g.outputs, small, gathered);
                let folded = room(folded, inner * columns);
                let right = Matrix {
                    values: gathered,
                    strides: [columns, 1],
                };
                // SAFETY: `folded` is of just this size.
                unsafe {
                    multiply(
                        [inner, g.outputs, columns],
                        folded.as_mut_ptr(),
                        [columns, 1],
                        left,
                        right,
                        false,
                    );
                }
                fold(g, folded, pictures, x);
            },
        );
    x
}

/// `[pictures, channels, plane]` to `[channels, pictures, plane]`.
fn gather(from: &[f32], pictures: usize, channels: usize, plane: usize, to: &mut [f32]) {
    for (channel, picture) in pairs(channels, pictures) {
        to[(channel * pictures + picture) * plane..][..plane]
            .copy_from_slice(&from[(picture * channels + channel) * plane..][..plane]);
    }
}

/// `[outputs, inputs, taps]` to `[inputs, outputs, taps]`, the taps in reverse.
fn turn(g: &Geometry, weight: &[f32]) -> Vec<f32> {
    let taps = g.taps();
    let mut turned = vec![0.0; weight.len()];
    turned
        .par_chunks_mut(g.outputs * taps)
        .enumerate()
        .for_each(|(input, turned)| {
            for (output, to) in turned.chunks_exact_mut(taps).enumerate() {
                let from = &weight[(output * g.inputs + input) * taps..][..taps];
                to.iter_mut()
                    .zip(from.iter().rev())
                    .for_each(|(to, from)| *to = *from);
            }
        });
    turned
}

/// The gradient of the weight from the input and the output's gradient.
pub fn weight_gradient(g: &Geometry, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    assert_eq!([x.len(), gradient.len()], [g.input_len(), g.output_len()]);
    if winograd::suits(g) {
        return winograd::weight_gradient(g, x, gradient);
    }
    let (taps, plane) = (g.taps(), g.planes()[1]);
    let wide = g.output_size()[1];
    // The product's inner direction runs over pictures and places, which lie
    // together in `[batch, places, outputs]`.
    let turned = places_first(g, gradient);
    let tiles = g.tiles(INNER);
    // A task takes some channels of some tiles; sums of tiles are added up below.
    let block = (BLOCK / taps).clamp(1, g.inputs);
    let blocks = g.inputs.div_ceil(block);
    let share = tiles.len().div_ceil((TASKS / blocks).max(1));
    let tasks: Vec<(&[Tile], usize)> = tiles
        .chunks(share)
        .flat_map(|tiles| (0..blocks).map(move |block| (tiles, block)))
        .collect();
    let parts: Vec<Vec<f32>> = tasks
        .par_iter()
        .map_init(Vec::new, |unfolded, (tiles, first)| {
            let channels = first * block..((first + 1) * block).min(g.inputs);
            let columns = channels.len() * taps;
            // `[columns, outputs]`: the product's fast direction is along the outputs.
            let mut sum = vec![0.0; columns * g.outputs];
            for (index, tile) in tiles.iter().enumerate() {
                let inner = tile.columns(wide);
                let unfolded = room(unfolded, columns * inner);
                unfold(g, x, channels.clone(), tile, unfolded);
                let first = tile.pictures.start * plane + tile.rows.start * wide;
                // SAFETY: `sum` is of just this size.
                unsafe {
                    multiply(
                        [g.outputs, inner, columns],
                        sum.as_mut_ptr(),
                        [1, g.outputs],
                        Matrix {
                            values: &turned[first * g.outputs..],
                            strides: [1, g.outputs],
                        },
                        Matrix {
                            values: unfolded,
                            strides: [1, inner],
                        },
                        index > 0,
                    );
                }
            }
            sum
        })
        .collect();
    let mut weight = vec![0.0; g.weight_len()];
    let whole = g.inputs * taps;
    // As many outputs at once as share a line of the cache.
    let rows = weight.par_chunks_mut(SIDE * whole).enumerate();
    rows.for_each(|(group, rows)| {
        for ((_, first), part) in tasks.iter().zip(&parts) {
            for (column, sums) in part.chunks_exact(g.outputs).enumerate() {
                let places = rows[first * block * taps + column..].iter_mut();
                for (to, from) in places.step_by(whole).zip(&sums[group * SIDE..]) {
                    *to += from;
                }
            }
        }
    });
    weight
}

/// Side of the squares a matrix is turned in: both sides stay in the cache.
const SIDE: usize = 16;

/// `[batch, outputs, places]` to `[batch, places, outputs]`.
fn places_first(g: &Geometry, gradient: &[f32]) -> Vec<f32> {
    let plane = g.planes()[1];
    let whole = g.outputs * plane;
    let fill = |target: Shared| {
        let pictures = gradient.par_chunks(whole).enumerate();
        pictures.for_each(|(picture, from)| {
            // SAFETY: a whole picture, which is this task's alone.
            let to = unsafe { target.slice(picture * whole, whole) };
            for (down, right) in pairs(g.outputs.div_ceil(SIDE), plane.div_ceil(SIDE)) {
                let (output, place) = (down * SIDE, right * SIDE);
                if output + SIDE <= g.outputs && place + SIDE <= plane {
                    // Read in rows, so that the processor loads many numbers at once.
                    let mut square = [[0.0; SIDE]; SIDE];
                    for (row, line) in square.iter_mut().enumerate() {
                        line.copy_from_slice(&from[(output + row) * plane + place..][..SIDE]);
                    }
                    for column in 0..SIDE {
                        let to = &mut to[(place + column) * g.outputs + output..][..SIDE];
                        for row in 0..SIDE {
                            to[row].write(square[row][column]);
                        }
                    }
                    continue;
                }
                for place in place..(place + SIDE).min(plane) {
                    for output in output..(output + SIDE).min(g.outputs) {
                        to[place * g.outputs + output].write(from[output * plane + place]);
                    }
                }
            }
        });
    };
    // SAFETY: the squares and what is left at the edges cover every place.
    unsafe { filled(gradient.len(), fill) }
}

/// Adds every row of `folded` (as [`unfold`] makes them) to where it came from.
fn fold(g: &Geometry, folded: &[f32], pictures: usize, to: &mut [f32]) {
    let [height, width] = g.size;
    let [tall, wide] = g.output_size();
    let columns = pictures * tall * wide;
    let mut lines = folded.chunks_exact(columns);
    for channel in 0..g.inputs {
        for down in 0..g.kernel[0] {
            let (top, bottom) = met(down, g.stride[0], g.padding[0], height, tall);
            for right in 0..g.kernel[1] {
                let line = lines.next().expect("there is a row for every tap");
                let (from, until) = met(right, g.stride[1], g.padding[1], width, wide);
                if from == until {
                    continue;
                }
                for picture in 0..pictures {
                    let plane = &mut to[(picture * g.inputs + channel) * height * width..]
                        [..height * width];
                    for row in top..bottom {
                        let y = row * g.stride[0] + down - g.padding[0];
                        let piece = &line[(picture * tall + row) * wide..][from..until];
                        let first = y * width + from * g.stride[1] + right - g.padding[1];
                        let target = &mut plane[first..(y + 1) * width];
                        for (to, value) in target.iter_mut().step_by(g.stride[1]).zip(piece) {
                            *to += value;
                        }
                    }
                }
            }
        }
    }
}
