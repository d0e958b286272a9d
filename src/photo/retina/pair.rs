//! A picture of two retinas, as a clinic's program may put a patient's eyes side by side.

use image::RgbImage;
use image::imageops::crop_imm;

use super::light::Light;
use super::{Sought, search};

/// Whether each half of a long picture holds a disc in its middle. Of one retina the
/// halves hold halves, whose discs have their middle where the picture is parted.
pub fn shows_two(small: &RgbImage) -> bool {
    let (width, height) = small.dimensions();
    let is_wide = width > height;
    let (longer, shorter) = (width.max(height), width.min(height));
    // Two photos as wide as cameras take them, one above the other, are this long.
    if 4 * longer < 5 * shorter {
        return false;
    }
    let half = longer / 2;
    let discs = [0, longer - half].map(|from| {
        let part = match is_wide {
            true => crop_imm(small, from, 0, half, height),
            false => crop_imm(small, 0, from, width, half),
        };
        let part = part.to_image();
        let light = Light::of(&part);
        let disc = match search(&light, &part)? {
            Sought::Disc(disc) => disc,
            Sought::Within(_) => return None,
        };
        let (middle, radius) = match is_wide {
            true => (disc.x, disc.rx),
            false => (disc.y, disc.ry),
        };
        let side = f64::from(half);
        let is_amid = (0.3 * side..0.7 * side).contains(&middle);
        // One that reaches into the corners is a picture without a ground.
        let corner = side.hypot(f64::from(shorter)) / 2.0;
        let is_disc = radius > 0.2 * side && disc.mean_radius() < 0.95 * corner;
        (is_amid && is_disc && light.ends_at(&disc)).then_some(radius)
    });
    match discs {
        [Some(first), Some(second)] => first.max(second) < 1.25 * first.min(second),
        _ => false,
    }
}
