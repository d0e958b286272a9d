//! The sizes of a convolution, and how its outputs are divided into tiles.
//!
//! Layouts are PyTorch's: pictures `[batch, channels, height, width]`, weights
//! `[outputs, inputs, height, width]`, row-major.

use std::ops::Range;

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
    pub(in crate::network) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    pub(super) fn input_len(&self) -> usize {
        self.batch * self.inputs * self.planes()[0]
    }

    pub(super) fn output_len(&self) -> usize {
        self.batch * self.outputs * self.planes()[1]
    }

    pub(super) fn weight_len(&self) -> usize {
        self.outputs * self.inputs * self.taps()
    }

    /// Whole pictures to a tile of at least `columns`, or 1 where one has more.
    pub(super) fn pictures(&self, columns: usize) -> usize {
        columns
            .div_ceil(self.planes()[1])
            .clamp(1, self.batch.max(1))
    }

    /// Tiles that cover every output: ranges of rows of one picture, or of
    /// whole pictures where these are small.
    pub(super) fn tiles(&self, columns: usize) -> Vec<Tile> {
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
pub(super) struct Tile {
    pub(super) pictures: Range<usize>,
    /// Of the output; all of them where there are several pictures.
    pub(super) rows: Range<usize>,
}

impl Tile {
    pub(super) fn columns(&self, width: usize) -> usize {
        self.pictures.len() * self.rows.len() * width
    }
}
