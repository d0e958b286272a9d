//! Convolutions for training on a CPU: unfold and multiply (Chellapilla et al.
//! 2006, "High performance convolutional neural networks for document
//! processing"), a tile at a time, so that what is unfolded stays in the cache.
//!
//! burn-flex expresses the gradients as other convolutions: that of a 3x3
//! weight as a convolution whose kernel is the whole output, with nine numbers
//! to a row. Here each is the matrix product it is; 3x3 kernels of stride 1 go
//! by way of `winograd`. Results do not depend on the number of threads.
//!
//! Layouts are PyTorch's: pictures `[batch, channels, height, width]`, weights
//! `[outputs, inputs, height, width]`, row-major.

use std::ops::Range;

use rayon::prelude::*;

use super::product::{Matrix, multiply};
use super::shared::{Shared, filled};
use super::winograd;

/// Columns of a tile: enough for the product to run at full speed.
const COLUMNS: usize = 256;
/// Places summed over in one product of a weight's gradient.
const INNER: usize = 512;
/// Rows of the unfolded input in one task of a weight's gradient.
const BLOCK: usize = 144;
/// Tasks a weight's gradient is at least cut into, where its sizes allow it.
const TASKS: usize = 16;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// The same on both sides.
    pub padding: [usize; 2],
}

impl Geometry {
    /// Height and width of the output.
    pub fn output_size(&self) -> [usize; 2] {
        [0, 1].map(|i| (self.size[i] + 2 * self.padding[i] - self.kernel[i]) / self.stride[i] + 1)
    }

    /// Numbers in a picture's plane, and in an output's.
    pub(super) fn planes(&self) -> [usize; 2] {
        [self.size, self.output_size()].map(|[height, width]| height * width)
    }

    /// Rows of the unfolded input a channel takes.
    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    fn input_len(&self) -> usize {
        self.batch * self.inputs * self.planes()[0]
    }

    pub(super) fn output_len(&self) -> usize {
        self.batch * self.outputs * self.planes()[1]
    }

    pub(super) fn weight_len(&self) -> usize {
        self.outputs * self.inputs * self.taps()
    }

    /// Whole pictures to a tile of at least `columns`, or 1 where one has more.
    fn pictures(&self, columns: usize) -> usize {
        columns
            .div_ceil(self.planes()[1])
            .clamp(1, self.batch.max(1))
    }

    /// Tiles that cover every output: ranges of rows of one picture, or of
    /// whole pictures where these are small.
    fn tiles(&self, columns: usize) -> Vec<Tile> {
        let [height, width] = self.output_size();
        let together = self.pictures(columns / 2);
        let rows = (columns / width).clamp(1, height);
        let mut tiles = Vec::new();
        for first in (0..self.batch).step_by(together) {
            let pictures = first..(first + together).min(self.batch);
            if pictures.len() > 1 {
                tiles.push(Tile {
                    pictures,
                    rows: 0..height,
                });
                continue;
            }
            for row in (0..height).step_by(rows) {
                tiles.push(Tile {
                    pictures: pictures.clone(),
                    rows: row..(row + rows).min(height),
                });
            }
        }
        tiles
    }
}

/// Outputs computed together.
#[derive(Clone, Debug)]
struct Tile {
    pictures: Range<usize>,
    /// Of the output; all of them where there are several pictures.
    rows: Range<usize>,
}

impl Tile {
    fn columns(&self, width: usize) -> usize {
        self.pictures.len() * self.rows.len() * width
    }
}

/// Writes to `to` one row for every channel of `channels` and place in the
/// kernel, and in it, for every output of `tile`, the input that meets there.
fn unfold(g: &Geometry, x: &[f32], channels: Range<usize>, tile: &Tile, to: &mut [f32]) {
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
fn met(tap: usize, stride: usize, padding: usize, size: usize, outputs: usize) -> (usize, usize) {
    let from = padding.saturating_sub(tap).div_ceil(stride).min(outputs);
    let until = (size + padding)
        .saturating_sub(tap)
        .div_ceil(stride)
        .min(outputs);
    (from, until.max(from))
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

/// Grows `buffer` where it is too short; what it holds is of no interest.
fn room(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
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

fn pairs(first: usize, second: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..first).flat_map(move |a| (0..second).map(move |b| (a, b)))
}

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
