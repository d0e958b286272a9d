//! Maps in colour, laid over pictures.
//!
//! The colours are Viridis (van der Walt and Smith 2015): even steps to the eye,
//! in grey and to the colour blind too, and unlike a retina's own.

use image::{DynamicImage, ImageFormat, RgbImage, Rgba, RgbaImage, imageops};

use super::Map;
use crate::photo::Prepared;

/// How opaque the brightest place is, of 255: what lies below must stay visible.
const MOST_OPAQUE: f32 = 217.0;

/// The colour of a share of the map's highest number: none at nothing, yellow
/// and nearly opaque at 1.
pub fn colour(share: f32) -> Rgba<u8> {
    let share = share.clamp(0.0, 1.0);
    let colorous::Color { r, g, b } = colorous::VIRIDIS.eval_continuous(f64::from(share));
    Rgba([r, g, b, (share * MOST_OPAQUE).round() as u8])
}

/// The map over the prepared picture, `side` pixels square.
pub fn over_prepared(map: &Map, side: u32) -> RgbaImage {
    let pixels = side.max(1) as f32;
    let share = shares(map);
    RgbaImage::from_fn(side, side, |x, y| {
        colour(share((x as f32 + 0.5) / pixels, (y as f32 + 0.5) / pixels))
    })
}

/// The map over the photo, at `width` x `height` pixels for a photo of
/// `photo_size`; clear where the photo shows more than the network saw.
pub fn over_photo(
    map: &Map,
    prepared: &Prepared,
    photo_size: (u32, u32),
    (width, height): (u32, u32),
) -> RgbaImage {
    let side = prepared.picture.width() as f32;
    let across = photo_size.0 as f32 / width.max(1) as f32;
    let down = photo_size.1 as f32 / height.max(1) as f32;
    let share = shares(map);
    RgbaImage::from_fn(width, height, |x, y| {
        let (x, y) = prepared.from_photo((x as f32 + 0.5) * across, (y as f32 + 0.5) * down);
        let seen = (0.0..=side).contains(&x) && (0.0..=side).contains(&y);
        colour(if seen { share(x / side, y / side) } else { 0.0 })
    })
}

/// The map's number at a point as a share of its highest; nothing where none is
/// above nothing.
fn shares(map: &Map) -> impl Fn(f32, f32) -> f32 {
    let highest = map.highest();
    move |x, y| {
        if highest > 0.0 {
            map.at(x, y) / highest
        } else {
            0.0
        }
    }
}

/// How strongly a map is laid over a picture where nobody can choose.
const STRENGTH: f32 = 0.6;

/// The overlay on a picture of its size, faint enough to see through.
pub fn blend(picture: &RgbImage, overlay: &RgbaImage) -> RgbImage {
    let mut overlay = overlay.clone();
    for pixel in overlay.pixels_mut() {
        pixel.0[3] = (f32::from(pixel.0[3]) * STRENGTH).round() as u8;
    }
    let mut under = DynamicImage::ImageRgb8(picture.clone()).into_rgba8();
    imageops::overlay(&mut under, &overlay, 0, 0);
    DynamicImage::ImageRgba8(under).into_rgb8()
}

/// A picture as the bytes of a PNG file.
///
/// # Errors
/// The encoder's own; none where memory suffices.
pub fn png(picture: impl Into<DynamicImage>) -> image::ImageResult<Vec<u8>> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::{Preprocessing, prepare};

    fn map() -> Map {
        Map::new(2, 1, vec![-1.0, 2.0]).unwrap()
    }

    #[test]
    fn nothing_is_clear_and_the_highest_is_viridis_yellow() {
        assert_eq!(colour(0.0).0[3], 0);
        assert_eq!(colour(-3.0), colour(0.0));
        assert_eq!(colour(1.0), Rgba([253, 231, 37, 217]));
        assert_eq!(colour(7.0), colour(1.0));
    }

    #[test]
    fn the_map_covers_the_prepared_picture_left_to_right() {
        let over = over_prepared(&map(), 40);
        assert_eq!(over.dimensions(), (40, 40));
        assert_eq!(over.get_pixel(3, 20).0[3], 0);
        assert_eq!(*over.get_pixel(36, 20), colour(1.0));
    }

    #[test]
    fn a_map_without_evidence_is_clear_everywhere() {
        let none = Map::new(1, 1, vec![0.0]).unwrap();
        assert!(over_prepared(&none, 8).pixels().all(|p| p.0[3] == 0));
    }

    #[test]
    fn over_the_photo_it_lies_where_the_retina_is() {
        // The drawing is set off-centre on a wide black ground.
        let drawn = crate::synth::draw(2, 5, 300);
        let mut photo = RgbImage::new(600, 300);
        imageops::replace(&mut photo, &drawn, 280, 0);
        let settings = Preprocessing::imagenet(64);
        let prepared = prepare(&photo, &settings).unwrap();
        let over = over_photo(&map(), &prepared, (600, 300), (300, 150));
        let (left, right) = (prepared.to_photo(8.0, 32.0), prepared.to_photo(56.0, 32.0));
        let at = |(x, y): (f32, f32)| over.get_pixel((x / 2.0) as u32, (y / 2.0) as u32).0[3];
        assert_eq!(at(left), 0);
        assert_eq!(at(right), 217);
        // Outside what was prepared there is no map, however bright its edge.
        assert_eq!(over.get_pixel(100, 75).0[3], 0);
        assert_eq!(over.get_pixel(299, 75).0[3], 0);
    }

    #[test]
    fn a_point_comes_back_from_the_photo_where_it_was() {
        let photo = crate::synth::draw(1, 2, 300);
        let prepared = prepare(&photo, &Preprocessing::imagenet(64)).unwrap();
        for (x, y) in [(0.0, 0.0), (10.5, 40.25), (64.0, 32.0)] {
            let (px, py) = prepared.to_photo(x, y);
            let (bx, by) = prepared.from_photo(px, py);
            assert!((bx - x).abs() < 1e-3 && (by - y).abs() < 1e-3, "{bx} {by}");
        }
    }

    #[test]
    fn blending_leaves_clear_places_as_they_were() {
        let picture = RgbImage::from_pixel(40, 40, image::Rgb([10, 20, 30]));
        let blended = blend(&picture, &over_prepared(&map(), 40));
        assert_eq!(blended.get_pixel(2, 2).0, [10, 20, 30]);
        let [r, g, b] = blended.get_pixel(38, 2).0;
        // 217 of 255, and of that 60 per cent: just over half of the yellow.
        assert!(
            r.abs_diff(134) < 3 && g.abs_diff(128) < 3 && b.abs_diff(34) < 3,
            "{r} {g} {b}"
        );
    }
}
