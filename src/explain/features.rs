//! What the network has learnt to see, as pictures: its first filters, and the
//! pixels that a channel answered to.

use image::{Rgb, RgbImage};

/// Filters `[count, 3, side, side]` as one picture, eight a row, a pixel apart;
/// each scaled to its own largest weight, grey being nothing.
pub fn filters(weights: &[f32], side: usize) -> RgbImage {
    const COLUMNS: usize = 8;
    let each = 3 * side * side;
    let count = weights.len() / each;
    let step = side + 1;
    let mut sheet = RgbImage::from_pixel(
        (COLUMNS.min(count) * step + 1) as u32,
        (count.div_ceil(COLUMNS) * step + 1) as u32,
        Rgb([255; 3]),
    );
    for (index, filter) in weights.chunks_exact(each).enumerate() {
        let left = 1 + (index % COLUMNS) * step;
        let top = 1 + (index / COLUMNS) * step;
        let picture = signed(filter, side);
        image::imageops::replace(&mut sheet, &picture, left as i64, top as i64);
    }
    sheet
}

/// Planar numbers `[3, side, side]` of either sign as a picture, scaled to the
/// largest of them, grey being nothing.
pub fn signed(values: &[f32], side: usize) -> RgbImage {
    let largest = values.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
    let plane = side * side;
    RgbImage::from_fn(side as u32, side as u32, |x, y| {
        let at = y as usize * side + x as usize;
        let level = |channel: usize| {
            let value = values.get(channel * plane + at).copied().unwrap_or(0.0);
            (128.0 + 127.0 * value / largest).round().clamp(0.0, 255.0) as u8
        };
        Rgb([level(0), level(1), level(2)])
    })
}

/// Part of a square picture: column, row and side in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    pub left: u32,
    pub top: u32,
    pub side: u32,
}

/// The smallest square, within the picture, that holds everything of a projection
/// above a fiftieth of its largest number; at least eight pixels wide.
pub fn patch(values: &[f32], side: usize) -> Patch {
    let largest = values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let plane = side * side;
    let (mut low, mut high) = ([side, side], [0, 0]);
    for (index, value) in values.iter().enumerate() {
        if value.abs() * 50.0 > largest {
            let at = [index % plane % side, index % plane / side];
            for axis in 0..2 {
                low[axis] = low[axis].min(at[axis]);
                high[axis] = high[axis].max(at[axis] + 1);
            }
        }
    }
    if high[0] == 0 {
        (low, high) = ([0, 0], [side, side]);
    }
    let longer = (high[0] - low[0]).max(high[1] - low[1]).max(8).min(side);
    let start = |axis: usize| {
        let middle = (low[axis] + high[axis]) / 2;
        middle.saturating_sub(longer / 2).min(side - longer) as u32
    };
    Patch {
        left: start(0),
        top: start(1),
        side: longer as u32,
    }
}

impl Patch {
    /// The part itself.
    pub fn of(self, picture: &RgbImage) -> RgbImage {
        image::imageops::crop_imm(picture, self.left, self.top, self.side, self.side).to_image()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_grey_and_the_largest_is_as_bright_or_dark_as_can_be() {
        let mut values = vec![0.0; 3 * 4];
        values[0] = 2.0;
        values[4 + 3] = -2.0;
        let picture = signed(&values, 2);
        assert_eq!(picture.get_pixel(0, 0).0, [255, 128, 128]);
        assert_eq!(picture.get_pixel(1, 1).0, [128, 1, 128]);
        assert_eq!(picture.get_pixel(1, 0).0, [128, 128, 128]);
    }

    #[test]
    fn filters_stand_eight_a_row() {
        let sheet = filters(&vec![0.5; 10 * 3 * 9], 3);
        assert_eq!(sheet.dimensions(), (8 * 4 + 1, 2 * 4 + 1));
        assert_eq!(sheet.get_pixel(0, 0).0, [255; 3]);
        assert_eq!(sheet.get_pixel(5, 5).0, [255; 3]);
        assert_eq!(signed(&[1.0; 27], 3).get_pixel(1, 1).0, [255; 3]);
    }

    #[test]
    fn a_patch_holds_what_lights_up_and_stays_within_the_picture() {
        let mut values = vec![0.0; 3 * 40 * 40];
        values[1600 + 10 * 40 + 30] = 1.0;
        values[3 * 40 + 38] = -0.5;
        values[39] = 0.001;
        let found = patch(&values, 40);
        assert_eq!((found.left, found.top, found.side), (30, 3, 9));
        let none = patch(&[0.0; 3 * 16], 4);
        assert_eq!((none.left, none.top, none.side), (0, 0, 4));
    }
}
