//! Matrix products for WebAssembly's processor: registers of four numbers, and
//! sixteen of them, of which a browser keeps one for itself. General libraries
//! cut their tiles for more.
//!
//! A tile of [`TALL`] rows and [`WIDE`] columns stays in registers while it is
//! summed up (Goto & van de Geijn 2008, "Anatomy of high-performance matrix
//! multiplication"). Of the right matrix, [`DEEP`] rows at a time are laid out as
//! a tile reads them; the left one is read as it lies. Every number is summed up
//! in one order, whatever its place.

use std::cell::RefCell;

use super::Matrix;

/// Rows of a tile.
const TALL: usize = 4;
/// Columns of a tile: two registers.
const WIDE: usize = 8;
/// Terms summed up before the next part of the right matrix is laid out: as many as
/// leave a tile's share of both matrices in the first cache.
const DEEP: usize = 256;

#[cfg(target_arch = "wasm32")]
mod four {
    use core::arch::wasm32::{f32x4_add, f32x4_splat, v128, v128_load, v128_store};

    /// Four numbers in a register.
    #[derive(Clone, Copy)]
    pub struct Four(v128);

    impl Four {
        #[inline(always)]
        pub fn of(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        /// # Safety
        /// `from` is valid for four numbers.
        #[inline(always)]
        pub unsafe fn read(from: *const f32) -> Self {
            // SAFETY: promised; this load asks for no alignment.
            Self(unsafe { v128_load(from.cast()) })
        }

        /// # Safety
        /// `to` is valid for four numbers.
        #[inline(always)]
        pub unsafe fn write(self, to: *mut f32) {
            // SAFETY: promised; this store asks for no alignment.
            unsafe { v128_store(to.cast(), self.0) }
        }

        #[inline(always)]
        pub fn plus(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }

        /// `self + a · b`, rounded twice.
        #[cfg(not(feature = "web-relaxed"))]
        #[inline(always)]
        pub fn plus_product(self, a: Self, b: Self) -> Self {
            Self(f32x4_add(self.0, core::arch::wasm32::f32x4_mul(a.0, b.0)))
        }

        /// `self + a · b`, rounded once or twice, as the processor does it faster.
        #[cfg(feature = "web-relaxed")]
        #[inline]
        #[target_feature(enable = "relaxed-simd")]
        pub fn plus_product(self, a: Self, b: Self) -> Self {
            Self(core::arch::wasm32::f32x4_relaxed_madd(a.0, b.0, self.0))
        }
    }
}

/// The same without such registers, for the tests.
#[cfg(not(target_arch = "wasm32"))]
mod four {
    #[derive(Clone, Copy)]
    pub struct Four([f32; 4]);

    impl Four {
        pub fn of(value: f32) -> Self {
            Self([value; 4])
        }

        pub unsafe fn read(from: *const f32) -> Self {
            // SAFETY: as promised there.
            Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
        }

        pub unsafe fn write(self, to: *mut f32) {
            // SAFETY: as promised there.
            unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
        }

        pub fn plus(self, other: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
        }

        pub fn plus_product(self, a: Self, b: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] + a.0[i] * b.0[i]))
        }
    }
}

use four::Four;

/// `to = to + left · right`, or without what `to` held where `add` is false. The
/// numbers of a row lie side by side in all three; those of `to` start `stride` apart.
/// There is something to sum up: `inner` is not nought.
///
/// # Safety
/// `to` is valid for a `rows x columns` matrix of that stride, and nobody else's
/// meanwhile; `left` and `right` reach over `rows x inner` and `inner x columns`.
pub(super) unsafe fn multiply(
    [rows, inner, columns]: [usize; 3],
    to: *mut f32,
    stride: usize,
    left: Matrix<'_>,
    right: Matrix<'_>,
    add: bool,
) {
    thread_local! {
        static LAID_OUT: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    }
    let apart = left.strides[0];
    LAID_OUT.with_borrow_mut(|laid_out| {
        for first in (0..inner).step_by(DEEP) {
            let deep = DEEP.min(inner - first);
            lay_out(right, first, [deep, columns], laid_out);
            let tile = |row: usize, column: usize| {
                let left = &left.values[row * apart + first..];
                let right = &laid_out[column * deep..][..deep * WIDE];
                let place = Place {
                    // SAFETY: a corner inside `to`.
                    to: unsafe { to.add(row * stride + column) },
                    stride,
                    columns: WIDE.min(columns - column),
                    add: add || first > 0,
                };
                // SAFETY: no more rows and columns than are left of `to`.
                unsafe {
                    match rows - row {
                        1 => place.fill::<1>(left, apart, right),
                        2 => place.fill::<2>(left, apart, right),
                        3 => place.fill::<3>(left, apart, right),
                        _ => place.fill::<TALL>(left, apart, right),
                    }
                }
            };
            // The smaller matrix is gone through again and again: it stays in the
            // second cache.
            if rows < columns {
                for column in (0..columns).step_by(WIDE) {
                    (0..rows).step_by(TALL).for_each(|row| tile(row, column));
                }
            } else {
                for row in (0..rows).step_by(TALL) {
                    (0..columns)
                        .step_by(WIDE)
                        .for_each(|column| tile(row, column));
                }
            }
        }
    });
}

/// Rows `first` to `first + deep` of `right` as tiles read them: [`WIDE`] columns
/// after another, each row by row, the last filled up with noughts.
fn lay_out(right: Matrix<'_>, first: usize, [deep, columns]: [usize; 2], to: &mut Vec<f32>) {
    let len = columns.next_multiple_of(WIDE) * deep;
    if to.len() < len {
        to.resize(len, 0.0);
    }
    for (part, column) in to
        .chunks_exact_mut(WIDE * deep)
        .zip((0..columns).step_by(WIDE))
    {
        let (lines, _) = part.as_chunks_mut::<WIDE>();
        for (line, row) in lines.iter_mut().zip(first..) {
            let from = &right.values[row * right.strides[0] + column..];
            match from
                .first_chunk::<WIDE>()
                .filter(|_| column + WIDE <= columns)
            {
                Some(whole) => *line = *whole,
                None => {
                    let (some, rest) = line.split_at_mut(columns - column);
                    some.copy_from_slice(&from[..some.len()]);
                    rest.fill(0.0);
                }
            }
        }
    }
}

/// Where a tile's numbers go.
struct Place {
    to: *mut f32,
    stride: usize,
    columns: usize,
    add: bool,
}

impl Place {
    /// Fills a tile with `left · right`: `ROWS` rows of `left`, `apart` from each
    /// other, and the columns in `right` as [`lay_out`] leaves them.
    ///
    /// # Safety
    /// The place is valid for so many rows, and nobody else's.
    #[cfg_attr(
        all(target_arch = "wasm32", feature = "web-relaxed"),
        target_feature(enable = "relaxed-simd")
    )]
    unsafe fn fill<const ROWS: usize>(&self, left: &[f32], apart: usize, right: &[f32]) {
        let deep = right.len() / WIDE;
        let mut rows: [*const f32; ROWS] =
            std::array::from_fn(|row| left[row * apart..][..deep].as_ptr());
        let mut line = right.as_ptr();
        let mut sums = [[Four::of(0.0); WIDE / 4]; ROWS];
        // A term at a time: of several at once compilers want more registers than
        // there are.
        for _ in 0..deep {
            // SAFETY: `left` and `right` have `deep` terms each.
            unsafe {
                let halves = [Four::read(line), Four::read(line.add(4))];
                line = line.add(WIDE);
                for (sums, row) in sums.iter_mut().zip(&mut rows) {
                    let factor = Four::of(**row);
                    *row = row.add(1);
                    sums[0] = sums[0].plus_product(factor, halves[0]);
                    sums[1] = sums[1].plus_product(factor, halves[1]);
                }
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            // SAFETY: a row of the place.
            unsafe { self.write(row, sums) }
        }
    }

    /// # Safety
    /// As [`fill`](Self::fill) for this row.
    #[inline(always)]
    unsafe fn write(&self, row: usize, sums: [Four; WIDE / 4]) {
        // SAFETY: promised.
        let to = unsafe { self.to.add(row * self.stride) };
        if self.columns == WIDE {
            for (half, sum) in sums.into_iter().enumerate() {
                // SAFETY: a whole row of the tile is the place's.
                unsafe {
                    let to = to.add(half * 4);
                    let sum = if self.add {
                        Four::read(to).plus(sum)
                    } else {
                        sum
                    };
                    sum.write(to);
                }
            }
            return;
        }
        let mut line = [0.0; WIDE];
        for (half, sum) in line.chunks_exact_mut(4).zip(sums) {
            // SAFETY: four numbers.
            unsafe { sum.write(half.as_mut_ptr()) }
        }
        // SAFETY: of the row, the columns that are the place's.
        let to = unsafe { std::slice::from_raw_parts_mut(to, self.columns) };
        for (to, sum) in to.iter_mut().zip(line) {
            *to = if self.add { *to + sum } else { sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn products_are_those_of_plain_sums_in_double_precision() {
        let mut rng = StdRng::seed_from_u64(1);
        // Whole tiles and cut ones, one part of the right matrix and several, either
        // matrix the smaller.
        for [rows, inner, columns] in [
            [4, 4, 8],
            [1, 1, 1],
            [2, 3, 5],
            [3, 256, 9],
            [7, 257, 30],
            [64, 147, 12],
            [8, 600, 100],
        ] {
            for add in [false, true] {
                let [apart, between, stride] = [inner + 2, columns + 1, columns + 3];
                let mut numbers = |len: usize| -> Vec<f32> {
                    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
                };
                let [left, right] = [numbers(rows * apart), numbers(inner * between + columns)];
                let before = numbers(rows * stride);
                let mut to = before.clone();
                let left = Matrix {
                    values: &left,
                    strides: [apart, 1],
                };
                let right = Matrix {
                    values: &right,
                    strides: [between, 1],
                };
                // SAFETY: all are of these sizes.
                unsafe {
                    let to = to.as_mut_ptr();
                    multiply([rows, inner, columns], to, stride, left, right, add);
                }
                for (place, (found, before)) in to.iter().zip(before).enumerate() {
                    let (row, column) = (place / stride, place % stride);
                    let mut exact = f64::from(if add { before } else { 0.0 });
                    if column >= columns {
                        exact = f64::from(before);
                    } else {
                        exact += (0..inner)
                            .map(|k| {
                                let (a, b) = (
                                    left.values[row * apart + k],
                                    right.values[k * between + column],
                                );
                                f64::from(a) * f64::from(b)
                            })
                            .sum::<f64>();
                    }
                    let off = (f64::from(*found) - exact).abs();
                    assert!(
                        off < 1e-4,
                        "{rows}x{inner}x{columns}, {add}: {off} off at {row}, {column}"
                    );
                }
            }
        }
    }
}
