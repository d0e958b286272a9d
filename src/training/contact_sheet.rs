//! One picture that shows what a data set looks like: a row a grade, the same
//! photos each time. A person sees in seconds what no count tells: mirrored
//! folders, masks among photos, a grade that is all of one camera.

use image::{Rgb, RgbImage, imageops};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::dataset::{GRADES, Record};
use crate::photo::{self, DecodeLimits};

/// Pixels between pictures.
const GAP: u32 = 4;
/// Width of the column with the grades.
const MARGIN: u32 = 40;
const GROUND: Rgb<u8> = Rgb([24, 24, 24]);
const INK: Rgb<u8> = Rgb([235, 235, 235]);

/// The digits 0 to 4, three pixels wide and five high, a row an octal digit.
const DIGITS: [[u8; 5]; GRADES] = [
    [0o7, 0o5, 0o5, 0o5, 0o7],
    [0o2, 0o6, 0o2, 0o2, 0o7],
    [0o7, 0o1, 0o7, 0o4, 0o7],
    [0o7, 0o1, 0o3, 0o1, 0o7],
    [0o5, 0o5, 0o7, 0o1, 0o1],
];

/// Up to `columns` photos of each grade, each fitted into a square of `side`
/// pixels. Photos that cannot be decoded are passed over.
pub fn draw(records: &[Record], columns: u32, side: u32) -> RgbImage {
    let rows: Vec<Vec<RgbImage>> = (0..GRADES)
        .into_par_iter()
        .map(|grade| pictures(records, grade, columns as usize, side))
        .collect();
    let step = side + GAP;
    let mut sheet = RgbImage::from_pixel(
        MARGIN + columns * step + GAP,
        GRADES as u32 * step + GAP,
        GROUND,
    );
    for (grade, row) in rows.iter().enumerate() {
        let top = GAP + grade as u32 * step;
        write_digit(&mut sheet, grade, 12, top + side / 2);
        for (column, picture) in row.iter().enumerate() {
            let left = MARGIN + column as u32 * step + (side - picture.width()) / 2;
            let top = top + (side - picture.height()) / 2;
            imageops::replace(&mut sheet, picture, i64::from(left), i64::from(top));
        }
    }
    sheet
}

/// The first decodable photos of a grade in an order that looks random and is
/// always the same.
fn pictures(records: &[Record], grade: usize, wanted: usize, side: u32) -> Vec<RgbImage> {
    let mut chosen: Vec<&Record> = records
        .iter()
        .filter(|record| usize::from(record.grade) == grade)
        .collect();
    chosen.sort_by_cached_key(|record| Sha256::digest(&record.name));
    let limits = DecodeLimits {
        min_side: 1,
        ..DecodeLimits::default()
    };
    chosen
        .into_iter()
        .filter_map(|record| {
            let picture = photo::decode(&record.bytes().ok()?, &limits).ok()?;
            Some(photo::thumbnail(&picture, side))
        })
        .take(wanted)
        .collect()
}

/// Draws a digit with its middle at the height `middle`.
fn write_digit(sheet: &mut RgbImage, digit: usize, left: u32, middle: u32) {
    const SCALE: u32 = 5;
    for (row, bits) in (0u32..).zip(DIGITS[digit]) {
        for column in 0..3u32 {
            if bits >> (2 - column) & 1 == 0 {
                continue;
            }
            for (dx, dy) in (0..SCALE).flat_map(|dy| (0..SCALE).map(move |dx| (dx, dy))) {
                let x = left + column * SCALE + dx;
                let y = (middle + row * SCALE + dy).saturating_sub(5 * SCALE / 2);
                if x < sheet.width() && y < sheet.height() {
                    sheet.put_pixel(x, y, INK);
                }
            }
        }
    }
}
