//! 3x3 convolutions of stride 1 by minimal filtering, F(4x4, 3x3) (Lavin & Gray
//! 2016, "Fast algorithms for convolutional neural networks", after Winograd
//! 1980): a quarter of the multiplications of the plain way.
//!
//! The output is cut into tiles of 4x4. Tile `y`, the 6x6 input `d` it depends
//! on and the kernel `g` meet as `y = Aᵀ[(G g Gᵀ) ∘ (Bᵀ d B)]A`, summed over the
//! channels inside the brackets: for each of the 36 places there it is a matrix
//! product over channels. The gradients are the adjoints of the same three
//! linear maps. Tiles are worked on in blocks, so that what lies between the
//! stages stays in the cache, and eight at once, which is what the processor can
//! do. Results do not depend on the number of threads.
//!
//! Rounding is a little coarser than the plain way's: the maps' largest factor
//! is 8, and in `f32` some six digits stay.

use std::ops::{Add, Mul, Range, Sub};

use rayon::prelude::*;

use super::geometry::Geometry;
use super::product::{Matrix, multiply};
use super::shared::{Shared, filled};

/// Outputs along a side of a tile.
const TILE: usize = 4;
/// Inputs along the side of what a tile depends on.
const REACH: usize = 6;
/// Products a tile and pair of channels takes, against `9 · TILE²`.
const POINTS: usize = REACH * REACH;
/// Tiles (or channels of a kernel) worked on at once.
const LANES: usize = 8;
/// Tiles in a block.
const BLOCK: usize = 128;

/// Whether `g` is a convolution for this way, and one that gains by it: small
/// outputs leave most of their tiles empty, and few tiles most lanes.
pub(super) fn suits(g: &Geometry) -> bool {
    let [height, width] = g.output_size();
    let columns = Grid::of(g).all.next_multiple_of(LANES);
    g.kernel == [3, 3]
        && g.stride == [1, 1]
        && g.padding.iter().all(|padding| *padding < 3)
        && g.inputs.is_multiple_of(LANES)
        && g.outputs.is_multiple_of(LANES)
        && 2 * columns * POINTS <= g.batch * height * width * 9
}

/// A number of each of several tiles.
#[derive(Clone, Copy)]
struct Lanes([f32; LANES]);

impl Lanes {
    const NONE: Self = Self([0.0; LANES]);

    #[inline(always)]
    fn zip(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }

    /// # Safety
    /// `from` is valid for [`LANES`] numbers.
    #[inline(always)]
    unsafe fn read(from: *const f32) -> Self {
        // SAFETY: promised; the type has the layout of its array.
        Self(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }

    /// # Safety
    /// As [`read`](Self::read), and they are nobody else's.
    #[inline(always)]
    unsafe fn write(self, to: *mut f32) {
        // SAFETY: promised.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }
}

impl Add for Lanes {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl Sub for Lanes {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl Mul<Lanes> for f32 {
    type Output = Lanes;
    #[inline(always)]
    fn mul(self, lanes: Lanes) -> Lanes {
        lanes.zip(lanes, |a, _| self * a)
    }
}

/// `Bᵀ d`: from a line of inputs.
#[inline(always)]
fn of_input(d: [Lanes; REACH]) -> [Lanes; REACH] {
    let (even, odd) = (d[4] - 4.0 * d[2], d[3] - 4.0 * d[1]);
    let (outer, inner) = (d[4] - d[2], 2.0 * (d[3] - d[1]));
    [
        4.0 * d[0] - 5.0 * d[2] + d[4],
        even + odd,
        even - odd,
        outer + inner,
        outer - inner,
        4.0 * d[1] - 5.0 * d[3] + d[5],
    ]
}

/// `G g`: from a line of a kernel.
#[inline(always)]
fn of_kernel(g: [Lanes; 3]) -> [Lanes; REACH] {
    let ends = (-1.0 / 6.0) * (g[0] + g[2]);
    let middle = (-1.0 / 6.0) * g[1];
    let (far, near) = (
        (1.0 / 24.0) * g[0] + (1.0 / 6.0) * g[2],
        (1.0 / 12.0) * g[1],
    );
    [
        0.25 * g[0],
        ends + middle,
        ends - middle,
        far + near,
        far - near,
        g[2],
    ]
}

/// `Aᵀ m`: to a line of a tile.
#[inline(always)]
fn to_output(m: [Lanes; REACH]) -> [Lanes; TILE] {
    let (one, ones) = (m[1] - m[2], m[1] + m[2]);
    let (two, twos) = (m[3] - m[4], m[3] + m[4]);
    [
        m[0] + ones + twos,
        one + 2.0 * two,
        ones + 4.0 * twos,
        one + 8.0 * two + m[5],
    ]
}

/// `A y`, the adjoint of [`to_output`]: from a line of a tile's gradient.
#[cfg(feature = "train")]
#[inline(always)]
fn of_output(y: [Lanes; TILE]) -> [Lanes; REACH] {
    let (even, odd) = (y[0] + y[2], y[1] + y[3]);
    let (far, near) = (y[0] + 4.0 * y[2], 2.0 * y[1] + 8.0 * y[3]);
    [y[0], even + odd, even - odd, far + near, far - near, y[3]]
}

/// `Gᵀ u`, the adjoint of [`of_kernel`]: to a line of a kernel's gradient.
#[cfg(feature = "train")]
#[inline(always)]
fn to_kernel(u: [Lanes; REACH]) -> [Lanes; 3] {
    let (near, far) = ((1.0 / 6.0) * (u[1] + u[2]), u[3] + u[4]);
    [
        0.25 * u[0] - near + (1.0 / 24.0) * far,
        (1.0 / 12.0) * (u[3] - u[4]) - (1.0 / 6.0) * (u[1] - u[2]),
        (1.0 / 6.0) * far - near + u[5],
    ]
}

/// A map of lines applied to both axes of a square.
#[inline(always)]
fn both<const FROM: usize, const TO: usize>(
    square: &[[Lanes; FROM]; FROM],
    map: impl Fn([Lanes; FROM]) -> [Lanes; TO],
) -> [[Lanes; TO]; TO] {
    let mut half = [[Lanes::NONE; TO]; FROM];
    for (to, row) in half.iter_mut().zip(square) {
        *to = map(*row);
    }
    let mut whole = [[Lanes::NONE; TO]; TO];
    for column in 0..TO {
        let line = map(std::array::from_fn(|row| half[row][column]));
        for row in 0..TO {
            whole[row][column] = line[row];
        }
    }
    whole
}

/// Tiles of all pictures, numbered picture by picture and row by row.
#[derive(Clone, Copy)]
struct Grid {
    /// Down and across a picture.
    tiles: [usize; 2],
    all: usize,
}

impl Grid {
    fn of(g: &Geometry) -> Self {
        let tiles = g.output_size().map(|side| side.div_ceil(TILE));
        Self {
            tiles,
            all: g.batch * tiles[0] * tiles[1],
        }
    }

    fn blocks(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.all)
            .step_by(BLOCK)
            .map(move |first| first..(first + BLOCK).min(self.all))
    }

    /// Picture, and place of the tile's first output in it.
    #[inline(always)]
    fn place(self, tile: usize) -> (usize, [usize; 2]) {
        let [down, across] = self.tiles;
        let (picture, tile) = (tile / (down * across), tile % (down * across));
        (picture, [tile / across * TILE, tile % across * TILE])
    }
}

/// Columns that hold a block: whole lanes.
fn columns(block: &Range<usize>) -> usize {
    block.len().next_multiple_of(LANES)
}

/// Takes from `plane` the square whose upper left corner lies at `place` minus
/// `padding`, into one lane of `square`; what lies outside is nought, and stays
/// what it is in `square`.
#[inline(always)]
fn take<const SIDE: usize>(
    plane: &[f32],
    size: [usize; 2],
    place: [usize; 2],
    padding: [usize; 2],
    lane: usize,
    square: &mut [[Lanes; SIDE]; SIDE],
) {
    let [height, width] = size;
    let inside = (0..2).all(|i| place[i] >= padding[i] && place[i] - padding[i] + SIDE <= size[i]);
    if inside {
        let first = (place[0] - padding[0]) * width + place[1] - padding[1];
        for (row, to) in square.iter_mut().enumerate() {
            let line = &plane[first + row * width..][..SIDE];
            for column in 0..SIDE {
                to[column].0[lane] = line[column];
            }
        }
        return;
    }
    let from = padding[1].saturating_sub(place[1]);
    let until = (width + padding[1]).saturating_sub(place[1]).min(SIDE);
    for (row, to) in square.iter_mut().enumerate() {
        let Some(y) = (place[0] + row).checked_sub(padding[0]) else {
            continue;
        };
        if y >= height || from >= until {
            continue;
        }
        let line = &plane[y * width + place[1] + from - padding[1]..][..until - from];
        for (to, value) in to[from..until].iter_mut().zip(line) {
            to.0[lane] = *value;
        }
    }
}

/// Brings the squares of a block's tiles, of every channel of `values`
/// (`[batch, channels, height, width]`), to the 36 points: `[36, channels, columns]`.
fn spread<const SIDE: usize>(
    values: &[f32],
    channels: usize,
    size: [usize; 2],
    padding: [usize; 2],
    (grid, block): (Grid, &Range<usize>),
    map: impl Fn([Lanes; SIDE]) -> [Lanes; REACH] + Sync,
    to: Shared,
) {
    let plane = size[0] * size[1];
    let columns = columns(block);
    (0..channels).into_par_iter().for_each(|channel| {
        for first in (0..columns).step_by(LANES) {
            let mut square = [[Lanes::NONE; SIDE]; SIDE];
            let tiles = (block.start + first..block.end).take(LANES);
            for (lane, tile) in tiles.enumerate() {
                let (picture, place) = grid.place(tile);
                let plane = &values[(picture * channels + channel) * plane..][..plane];
                take(plane, size, place, padding, lane, &mut square);
            }
            let points = both(&square, &map);
            for (point, lanes) in points.as_flattened().iter().enumerate() {
                // SAFETY: a row of this channel, which is this task's alone.
                unsafe {
                    lanes.write(to.at((point * channels + channel) * columns + first));
                }
            }
        }
    });
}

/// Room for a block's numbers: `[36, channels, columns]`.
fn room(channels: usize, grid: Grid) -> Vec<f32> {
    vec![0.0; POINTS * channels * BLOCK.min(grid.all.next_multiple_of(LANES))]
}

/// Kernels at the 36 points: `[36, outputs, inputs]`.
fn filters(g: &Geometry, weight: &[f32]) -> Vec<f32> {
    let fill = |target: Shared| {
        let kernels = weight.par_chunks(g.inputs * 9).enumerate();
        kernels.for_each(|(output, kernels)| {
            for (group, kernels) in kernels.chunks_exact(LANES * 9).enumerate() {
                let mut square = [[Lanes::NONE; 3]; 3];
                for (lane, kernel) in kernels.chunks_exact(9).enumerate() {
                    for (tap, value) in kernel.iter().enumerate() {
                        square[tap / 3][tap % 3].0[lane] = *value;
                    }
                }
                let points = both(&square, of_kernel);
                for (point, lanes) in points.as_flattened().iter().enumerate() {
                    let row = (point * g.outputs + output) * g.inputs;
                    // SAFETY: a part of this output's rows, which are this task's alone.
                    unsafe { lanes.write(target.at(row + group * LANES)) };
                }
            }
        });
    };
    // SAFETY: every point of every pair of channels is written; their numbers
    // are whole lanes.
    unsafe { filled(POINTS * g.outputs * g.inputs, fill) }
}

/// `[batch, outputs, height, width]` from input and weight.
pub(super) fn forward(g: &Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let filters = filters(g, weight);
    let grid = Grid::of(g);
    let mut spread_out = room(g.inputs, grid);
    let mut products = room(g.outputs, grid);
    let fill = |target: Shared| {
        for block in grid.blocks() {
            let columns = columns(&block);
            spread(
                x,
                g.inputs,
                g.size,
                g.padding,
                (grid, &block),
                of_input,
                Shared::of(&mut spread_out),
            );
            let each = products.par_chunks_exact_mut(g.outputs * columns);
            each.take(POINTS).enumerate().for_each(|(point, product)| {
                let left = Matrix {
                    values: &filters[point * g.outputs * g.inputs..][..g.outputs * g.inputs],
                    strides: [g.inputs, 1],
                };
                let right = Matrix {
                    values: &spread_out[point * g.inputs * columns..][..g.inputs * columns],
                    strides: [columns, 1],
                };
                let sizes = [g.outputs, g.inputs, columns];
                // SAFETY: `product` is of just this size.
                unsafe {
                    let to = product.as_mut_ptr();
                    multiply(sizes, to, [columns, 1], left, right, false);
                }
            });
            gather(g, grid, &block, &products, target);
        }
    };
    // SAFETY: the tiles cover every output.
    unsafe { filled(g.output_len(), fill) }
}

/// Brings a block's products back to outputs.
fn gather(g: &Geometry, grid: Grid, block: &Range<usize>, products: &[f32], target: Shared) {
    let [height, width] = g.output_size();
    let columns = columns(block);
    (0..g.outputs).into_par_iter().for_each(|output| {
        for first in (0..columns).step_by(LANES) {
            let mut points = [[Lanes::NONE; REACH]; REACH];
            for (point, lanes) in points.as_flattened_mut().iter_mut().enumerate() {
                let row = &products[(point * g.outputs + output) * columns..][..columns];
                // SAFETY: `first` starts whole lanes of the row.
                *lanes = unsafe { Lanes::read(row[first..][..LANES].as_ptr()) };
            }
            let square = both(&points, to_output);
            let tiles = (block.start + first..block.end).take(LANES);
            for (lane, tile) in tiles.enumerate() {
                let (picture, [top, left]) = grid.place(tile);
                let plane = (picture * g.outputs + output) * height * width;
                let across = TILE.min(width - left);
                for (row, line) in square.iter().enumerate().take(height - top) {
                    let values: [f32; TILE] = std::array::from_fn(|column| line[column].0[lane]);
                    let at = plane + (top + row) * width + left;
                    // SAFETY: outputs of this tile and channel, which no other task has.
                    unsafe {
                        std::ptr::copy_nonoverlapping(values.as_ptr(), target.at(at), across);
                    }
                }
            }
        }
    });
}

/// The gradient of the weight from the input and the output's gradient.
#[cfg(feature = "train")]
pub(super) fn weight_gradient(g: &Geometry, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    let grid = Grid::of(g);
    let mut inputs = room(g.inputs, grid);
    let mut gradients = room(g.outputs, grid);
    let mut sums = vec![0.0; POINTS * g.outputs * g.inputs];
    for (index, block) in grid.blocks().enumerate() {
        let columns = columns(&block);
        let place = (grid, &block);
        let to = Shared::of(&mut inputs);
        spread(x, g.inputs, g.size, g.padding, place, of_input, to);
        let to = Shared::of(&mut gradients);
        let size = g.output_size();
        spread(gradient, g.outputs, size, [0, 0], place, of_output, to);
        let each = sums.par_chunks_exact_mut(g.outputs * g.inputs);
        each.enumerate().for_each(|(point, sum)| {
            let left = Matrix {
                values: &gradients[point * g.outputs * columns..][..g.outputs * columns],
                strides: [columns, 1],
            };
            let right = Matrix {
                values: &inputs[point * g.inputs * columns..][..g.inputs * columns],
                strides: [1, columns],
            };
            let sizes = [g.outputs, columns, g.inputs];
            // SAFETY: `sum` is of just this size.
            unsafe {
                let to = sum.as_mut_ptr();
                multiply(sizes, to, [g.inputs, 1], left, right, index > 0);
            }
        });
    }
    let mut weight = vec![0.0; g.weight_len()];
    let kernels = weight.par_chunks_exact_mut(g.inputs * 9).enumerate();
    kernels.for_each(|(output, kernels)| {
        for (group, kernels) in kernels.chunks_exact_mut(LANES * 9).enumerate() {
            let mut points = [[Lanes::NONE; REACH]; REACH];
            for (point, lanes) in points.as_flattened_mut().iter_mut().enumerate() {
                let row = &sums[(point * g.outputs + output) * g.inputs..][..g.inputs];
                // SAFETY: the group's whole lanes of the row.
                *lanes = unsafe { Lanes::read(row[group * LANES..][..LANES].as_ptr()) };
            }
            let square = both(&points, to_kernel);
            for (lane, kernel) in kernels.chunks_exact_mut(9).enumerate() {
                for (tap, value) in kernel.iter_mut().enumerate() {
                    *value = square[tap / 3][tap % 3].0[lane];
                }
            }
        }
    });
    weight
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::network::kernels::{gradients, unfold};

    /// Of the largest sum of magnitudes that is added up to one number: rounding
    /// follows what was added, not what large numbers leave when they cancel. A
    /// wrong tap or sign is off by some hundredths of it.
    const ROUNDING: f64 = 2e-6;

    fn numbers(rng: &mut StdRng, len: usize) -> Vec<f32> {
        (0..len).map(|_| rng.random_range(-1.0..1.3)).collect()
    }

    /// What each of the three maps sums up, in `f64`: `visit` is given places of
    /// output, input and weight that meet.
    fn meet(g: &Geometry, mut visit: impl FnMut(usize, usize, usize)) {
        let ([height, width], [tall, wide]) = (g.size, g.output_size());
        for picture in 0..g.batch {
            for output in 0..g.outputs {
                for (row, column) in (0..tall).flat_map(|r| (0..wide).map(move |c| (r, c))) {
                    let to = ((picture * g.outputs + output) * tall + row) * wide + column;
                    for (input, tap) in (0..g.inputs).flat_map(|i| (0..9).map(move |t| (i, t))) {
                        let y = (row + tap / 3).wrapping_sub(g.padding[0]);
                        let x = (column + tap % 3).wrapping_sub(g.padding[1]);
                        if y < height && x < width {
                            let from = ((picture * g.inputs + input) * height + y) * width + x;
                            visit(to, from, (output * g.inputs + input) * 9 + tap);
                        }
                    }
                }
            }
        }
    }

    fn close(name: &str, g: &Geometry, found: &[f32], exact: &[(f64, f64)]) {
        assert_eq!(found.len(), exact.len(), "{name} of {g:?}");
        let most = exact.iter().fold(0.0, |most: f64, (_, sum)| most.max(*sum));
        let off = std::iter::zip(found, exact)
            .map(|(found, (exact, _))| (f64::from(*found) - exact).abs() / most)
            .fold(0.0, |worst: f64, off| {
                if off.is_nan() {
                    f64::NAN
                } else {
                    worst.max(off)
                }
            });
        println!("{name} of {g:?}: {off:.1e}");
        assert!(off < ROUNDING, "{name} of {g:?} is {off:.1e} off");
    }

    #[test]
    fn outputs_and_gradients_are_those_of_plain_sums_in_double_precision() {
        let mut rng = StdRng::seed_from_u64(1);
        // Whole tiles and cut ones, more than a block takes, every padding.
        for (inputs, outputs, size, padding, batch) in [
            (8, 16, [8, 8], 1, 2),
            (24, 8, [13, 10], 1, 11),
            (16, 8, [7, 40], 1, 3),
            (8, 8, [10, 9], 0, 2),
            (8, 8, [6, 7], 2, 3),
            (64, 64, [12, 12], 1, 2),
        ] {
            let g = Geometry {
                batch,
                inputs,
                outputs,
                size,
                kernel: [3, 3],
                stride: [1, 1],
                padding: [padding; 2],
            };
            assert!(suits(&g), "{g:?}");
            let x = numbers(&mut rng, batch * inputs * size[0] * size[1]);
            let weight = numbers(&mut rng, g.weight_len());
            let gradient = numbers(&mut rng, g.output_len());
            let mut of_output = vec![(0.0, 0.0); gradient.len()];
            let mut of_input = vec![(0.0, 0.0); x.len()];
            let mut of_weight = vec![(0.0, 0.0); weight.len()];
            meet(&g, |to, from, tap| {
                let add = |sum: &mut (f64, f64), a: f32, b: f32| {
                    let product = f64::from(a) * f64::from(b);
                    *sum = (sum.0 + product, sum.1 + product.abs());
                };
                add(&mut of_output[to], x[from], weight[tap]);
                add(&mut of_input[from], gradient[to], weight[tap]);
                add(&mut of_weight[tap], gradient[to], x[from]);
            });
            // By the door all of them come through.
            let found = unfold::forward(&g, &x, &weight);
            close("output", &g, &found, &of_output);
            let found = gradients::input_gradient(&g, &weight, &gradient);
            close("input's gradient", &g, &found, &of_input);
            let found = gradients::weight_gradient(&g, &x, &gradient);
            close("weight's gradient", &g, &found, &of_weight);
        }
    }
}
