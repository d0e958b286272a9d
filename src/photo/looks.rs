//! A prepared picture as another photographer might have framed it: mirrored,
//! and turned a little either way. A retina has no up, and no two photographs of
//! it stand at the same angle, so a grade that changes with these was not sure.

use image::RgbImage;

/// How far a look is turned, in degrees: about as far as heads and hand-held
/// cameras tilt.
pub const TURN: f64 = 10.0;

/// How many further looks there are.
pub const LOOKS: usize = 3;

/// Further looks at a prepared picture, beside the picture itself: mirrored left
/// to right, turned one way, turned the other.
pub fn looks(picture: &RgbImage) -> [RgbImage; LOOKS] {
    [
        image::imageops::flip_horizontal(picture),
        turned(picture, TURN),
        turned(picture, -TURN),
    ]
}

/// The picture turned clockwise about its centre by `degrees`, bilinearly; what
/// comes from beyond its edges is black.
pub fn turned(picture: &RgbImage, degrees: f64) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (sin, cos) = degrees.to_radians().sin_cos();
    let centre = |side: u32| (f64::from(side) - 1.0) / 2.0;
    let (across, down) = (centre(width), centre(height));
    RgbImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (f64::from(x) - across, f64::from(y) - down);
        // Where this pixel was before the turn.
        let from_x = cos * dx + sin * dy + across;
        let from_y = cos * dy - sin * dx + down;
        image::Rgb(between(picture, from_x, from_y))
    })
}

/// The colour at a place between pixels.
fn between(picture: &RgbImage, x: f64, y: f64) -> [u8; 3] {
    let (left, top) = (x.floor(), y.floor());
    let (right, below) = (x - left, y - top);
    let mut sum = [0.0; 3];
    for (dx, dy, weight) in [
        (0, 0, (1.0 - right) * (1.0 - below)),
        (1, 0, right * (1.0 - below)),
        (0, 1, (1.0 - right) * below),
        (1, 1, right * below),
    ] {
        let place = (left as i64 + dx, top as i64 + dy);
        let (Ok(x), Ok(y)) = (u32::try_from(place.0), u32::try_from(place.1)) else {
            continue;
        };
        if let Some(pixel) = picture.get_pixel_checked(x, y) {
            for (sum, value) in sum.iter_mut().zip(pixel.0) {
                *sum += weight * f64::from(value);
            }
        }
    }
    sum.map(|value| value.round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::{Preprocessing, prepare};

    fn disc() -> RgbImage {
        let settings = Preprocessing::imagenet(96);
        prepare(&crate::synth::draw(3, 5, 300), &settings)
            .unwrap()
            .picture
    }

    /// Mean difference of two pictures' levels.
    fn apart(a: &RgbImage, b: &RgbImage) -> f64 {
        let sum: u64 = a
            .as_raw()
            .iter()
            .zip(b.as_raw())
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        sum as f64 / a.as_raw().len() as f64
    }

    #[test]
    fn no_turn_and_quarter_turns_are_exact() {
        let picture = disc();
        assert_eq!(turned(&picture, 0.0), picture);
        assert_eq!(turned(&picture, 90.0), image::imageops::rotate90(&picture));
        assert_eq!(
            turned(&picture, -90.0),
            image::imageops::rotate270(&picture)
        );
    }

    #[test]
    fn a_turn_and_the_turn_back_give_the_picture_again() {
        let picture = disc();
        let [_, one_way, other_way] = looks(&picture);
        let back = turned(&one_way, -TURN);
        // Two interpolations soften it; a turn the wrong way would double it.
        assert!(apart(&back, &picture) < 0.5 * apart(&one_way, &picture));
        assert!(apart(&one_way, &other_way) > apart(&one_way, &picture));
    }

    #[test]
    fn the_ground_stays_black() {
        let picture = disc();
        for look in looks(&picture) {
            assert_eq!(look.dimensions(), picture.dimensions());
            assert_eq!(look.get_pixel(0, 0).0, [0, 0, 0]);
            assert_eq!(look.get_pixel(95, 95).0, [0, 0, 0]);
        }
    }
}
