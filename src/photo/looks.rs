//! A prepared picture as another photographer might have framed it: mirrored,
//! and turned by a quarter. A retina has no up, so a grade that changes with
//! these was not sure, and the mean of what a network makes of them is steadier
//! than what it makes of any. Each pixel is moved whole: nothing is blurred, and
//! nothing comes from beyond the edges.

use image::RgbImage;
use image::imageops::{flip_horizontal, rotate90};

/// How many further looks there are.
pub const LOOKS: usize = 3;

/// Further looks at a prepared picture, which is square, beside the picture
/// itself: mirrored left to right, turned by a quarter and mirrored, and turned by a
/// quarter.
pub fn looks(picture: &RgbImage) -> [RgbImage; LOOKS] {
    let turned = rotate90(picture);
    [flip_horizontal(picture), flip_horizontal(&turned), turned]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::{Preprocessing, prepare};

    #[test]
    fn every_look_has_each_pixel_once_in_another_place() {
        let settings = Preprocessing::imagenet(96);
        let picture = prepare(&crate::synth::draw(3, 5, 300), &settings)
            .unwrap()
            .picture;
        let sorted = |picture: &RgbImage| {
            let mut pixels: Vec<[u8; 3]> = picture.pixels().map(|pixel| pixel.0).collect();
            pixels.sort_unstable();
            pixels
        };
        let mut seen = vec![picture.clone()];
        for look in looks(&picture) {
            assert_eq!(sorted(&look), sorted(&picture));
            assert!(!seen.contains(&look), "each look is another");
            seen.push(look);
        }
    }

    #[test]
    fn a_look_puts_a_corner_where_its_words_say() {
        let mut picture = RgbImage::new(4, 4);
        let mark = image::Rgb([255, 0, 0]);
        // Near the upper left: one to the right of the corner.
        picture.put_pixel(1, 0, mark);
        let at = |look: &RgbImage| {
            look.enumerate_pixels()
                .find(|(_, _, pixel)| **pixel == mark)
                .map(|(x, y, _)| (x, y))
        };
        let [mirrored, turned_and_mirrored, turned] = looks(&picture);
        assert_eq!(at(&mirrored), Some((2, 0)));
        assert_eq!(at(&turned), Some((3, 1)), "clockwise");
        assert_eq!(at(&turned_and_mirrored), Some((0, 1)));
    }
}
