//! Bad shots made from good ones. No photo at hand is labelled for its quality,
//! so what a gate must refuse is made: everything here is drawn from a seed and
//! scaled by the retina's radius, whatever the photo's size.
//!
//! The kinds are those of "Modeling and enhancing low-quality retinal fundus
//! images" (Shen et al., IEEE TMI 2021; 40:996: uneven or wrong light, spots and
//! artefacts, blur), with haze, motion and a frame that cuts the retina off.

use image::{Rgb, RgbImage};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::photo::Retina;

/// What goes wrong with a shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Out of focus.
    Blur,
    /// The eye or the camera moved.
    Motion,
    /// Too little flash, or a small pupil.
    Darkness,
    /// Too much flash.
    Overexposure,
    /// A reflection over a part of the retina.
    Glare,
    /// A cataract, or a dirty lens.
    Haze,
    /// The eye was not centred.
    Crop,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Blur,
        Self::Motion,
        Self::Darkness,
        Self::Overexposure,
        Self::Glare,
        Self::Haze,
        Self::Crop,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Blur => "blur",
            Self::Motion => "motion",
            Self::Darkness => "darkness",
            Self::Overexposure => "overexposure",
            Self::Glare => "glare",
            Self::Haze => "haze",
            Self::Crop => "crop",
        }
    }

    /// The amounts of the five severities, from harmless to hopeless.
    fn amounts(self) -> [f32; 5] {
        match self {
            // Standard deviation, over the retina's radius.
            Self::Blur => [0.004, 0.008, 0.016, 0.032, 0.064],
            // Length, over the radius.
            Self::Motion => [0.02, 0.04, 0.08, 0.16, 0.32],
            // Light that is left.
            Self::Darkness => [0.7, 0.45, 0.27, 0.15, 0.08],
            // Times the light.
            Self::Overexposure => [1.15, 1.45, 1.9, 2.7, 4.5],
            // Radius of the reflection, over the retina's.
            Self::Glare => [0.15, 0.3, 0.5, 0.75, 1.1],
            // Part of the light that is veil.
            Self::Haze => [0.12, 0.25, 0.42, 0.62, 0.82],
            // Part of the disc's width left out.
            Self::Crop => [0.05, 0.15, 0.3, 0.48, 0.65],
        }
    }
}

/// Severities: 1 is harmless, 5 is hopeless.
pub const SEVERITIES: std::ops::RangeInclusive<usize> = 1..=5;

/// The photo as a bad shot of `kind`; `severity` is brought within
/// [`SEVERITIES`].
pub fn degrade(
    photo: &RgbImage,
    retina: &Retina,
    kind: Kind,
    severity: usize,
    random: &mut impl Rng,
) -> RgbImage {
    let amount = kind.amounts()[severity.clamp(1, 5) - 1];
    let radius = (retina.radius_x * retina.radius_y).sqrt();
    match kind {
        Kind::Blur => image::imageops::blur(photo, (amount * radius).max(0.05)),
        Kind::Motion => smear(
            photo,
            amount * radius,
            random.random_range(0.0..std::f32::consts::PI),
        ),
        Kind::Darkness => darken(photo, amount, random),
        Kind::Overexposure => each(photo, |_, _, level, _| level * amount),
        Kind::Glare => glare(photo, retina, amount, random),
        Kind::Haze => haze(photo, retina, amount, random),
        Kind::Crop => crop(photo, retina, amount, random.random_range(0..4)),
    }
}

/// Every pixel's channels anew, from its place, its level and its channel.
fn each(photo: &RgbImage, mut level: impl FnMut(u32, u32, f32, usize) -> f32) -> RgbImage {
    RgbImage::from_fn(photo.width(), photo.height(), |x, y| {
        let old = photo.get_pixel(x, y).0;
        Rgb([0, 1, 2].map(|channel| {
            level(x, y, f32::from(old[channel]), channel)
                .round()
                .clamp(0.0, 255.0) as u8
        }))
    })
}

/// The mean along a straight line.
fn smear(photo: &RgbImage, length: f32, angle: f32) -> RgbImage {
    let steps = length.ceil().max(1.0) as i32;
    let (sin, cos) = angle.sin_cos();
    let offsets: Vec<(i64, i64)> = (0..=steps)
        .map(|step| {
            let along = length * (step as f32 / steps as f32 - 0.5);
            ((along * cos).round() as i64, (along * sin).round() as i64)
        })
        .collect();
    let inside = |at: i64, side: u32| at.clamp(0, i64::from(side) - 1) as u32;
    each(photo, |x, y, _, channel| {
        let sum: f32 = offsets
            .iter()
            .map(|(dx, dy)| {
                let x = inside(i64::from(x) + dx, photo.width());
                let y = inside(i64::from(y) + dy, photo.height());
                f32::from(photo.get_pixel(x, y).0[channel])
            })
            .sum();
        sum / offsets.len() as f32
    })
}

/// Less light, and the sensor's noise that was always there.
fn darken(photo: &RgbImage, left: f32, random: &mut impl Rng) -> RgbImage {
    let noise = 1.5 * (1.0 - left);
    each(photo, |_, _, level, _| {
        level * left + noise * random.random_range(-1.0..1.0f32)
    })
}

fn place(retina: &Retina, x: u32, y: u32) -> (f32, f32) {
    (
        (x as f32 + 0.5 - retina.center_x) / retina.radius_x,
        (y as f32 + 0.5 - retina.center_y) / retina.radius_y,
    )
}

/// A white reflection somewhere on the retina, its edge soft.
fn glare(photo: &RgbImage, retina: &Retina, size: f32, random: &mut impl Rng) -> RgbImage {
    let angle = random.random_range(0.0..std::f32::consts::TAU);
    let far = random.random_range(0.2..0.7f32);
    let (at_x, at_y) = (far * angle.cos(), far * angle.sin());
    let white = [
        255.0,
        random.random_range(235.0..255.0),
        random.random_range(205.0..255.0),
    ];
    each(photo, |x, y, level, channel| {
        let (u, v) = place(retina, x, y);
        if u.hypot(v) > 1.0 {
            return level;
        }
        let away = (u - at_x).hypot(v - at_y) / size;
        let cover = ((1.15 - away) / 0.35).clamp(0.0, 1.0);
        let cover = cover * cover * (3.0 - 2.0 * cover);
        level + cover * (white[channel] - level).max(0.0)
    })
}

/// A pale veil, a little thicker on one side, over a picture it softens.
fn haze(photo: &RgbImage, retina: &Retina, veil: f32, random: &mut impl Rng) -> RgbImage {
    let radius = (retina.radius_x * retina.radius_y).sqrt();
    let soft = image::imageops::blur(photo, 0.012 * veil * radius + 0.05);
    let mut levels: Vec<f32> = photo
        .enumerate_pixels()
        .filter(|(x, y, _)| {
            let (u, v) = place(retina, *x, *y);
            u.hypot(v) < 0.9
        })
        .map(|(_, _, pixel)| f32::from(pixel.0[0].max(pixel.0[1])))
        .collect();
    levels.sort_by(f32::total_cmp);
    let bright = levels.get(levels.len() * 3 / 4).copied().unwrap_or(128.0);
    let bright = (bright * random.random_range(0.85..1.15f32)).clamp(20.0, 235.0);
    let tint = [
        1.0,
        random.random_range(0.72..0.95),
        random.random_range(0.5..0.9),
    ];
    let angle = random.random_range(0.0..std::f32::consts::TAU);
    let (lean_x, lean_y) = (0.15 * angle.cos(), 0.15 * angle.sin());
    each(&soft, |x, y, level, channel| {
        let (u, v) = place(retina, x, y);
        if u.hypot(v) > 1.0 {
            return level;
        }
        let thick = (veil * (1.0 + lean_x * u + lean_y * v)).clamp(0.0, 0.95);
        level * (1.0 - thick) + bright * tint[channel] * thick
    })
}

/// The frame moved until it leaves out `part` of the disc's width at one of four
/// sides.
fn crop(photo: &RgbImage, retina: &Retina, part: f32, side: u32) -> RgbImage {
    let (width, height) = (photo.width() as f32, photo.height() as f32);
    let cut_x = |edge: f32| edge.clamp(0.0, width) as u32;
    let cut_y = |edge: f32| edge.clamp(0.0, height) as u32;
    let (across, down) = (2.0 * part * retina.radius_x, 2.0 * part * retina.radius_y);
    let (left, right) = (
        cut_x(retina.center_x - retina.radius_x + across),
        cut_x(retina.center_x + retina.radius_x - across),
    );
    let (top, bottom) = (
        cut_y(retina.center_y - retina.radius_y + down),
        cut_y(retina.center_y + retina.radius_y - down),
    );
    let (x, y, w, h) = match side {
        0 => (left, 0, photo.width() - left, photo.height()),
        1 => (0, 0, right, photo.height()),
        2 => (0, top, photo.width(), photo.height() - top),
        _ => (0, 0, photo.width(), bottom),
    };
    image::imageops::crop_imm(photo, x, y, w.max(1), h.max(1)).to_image()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn spoilt(kind: Kind, severity: usize, seed: u64) -> (RgbImage, RgbImage) {
        let photo = crate::synth::draw(2, 7, 256);
        let retina = crate::photo::find(&photo).expect("found");
        let mut random = StdRng::seed_from_u64(seed);
        let spoilt = degrade(&photo, &retina, kind, severity, &mut random);
        (photo, spoilt)
    }

    #[test]
    fn one_seed_is_one_bad_shot() {
        for kind in Kind::ALL {
            let (_, first) = spoilt(kind, 4, 3);
            assert_eq!(first, spoilt(kind, 4, 3).1, "{kind:?}");
        }
        assert_ne!(spoilt(Kind::Glare, 4, 3).1, spoilt(Kind::Glare, 4, 4).1);
    }

    #[test]
    fn the_severer_the_further_from_the_good_shot() {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Crop) {
            let mut before = 0.0;
            for severity in SEVERITIES {
                let (photo, spoilt) = spoilt(kind, severity, 5);
                let apart: f64 = photo
                    .iter()
                    .zip(spoilt.iter())
                    .map(|(a, b)| f64::from(a.abs_diff(*b)))
                    .sum();
                assert!(apart > before, "{kind:?} {severity}");
                before = apart;
            }
        }
    }

    #[test]
    fn a_crop_leaves_out_what_it_says() {
        let (photo, half) = spoilt(Kind::Crop, 4, 1);
        let parts = [
            f64::from(half.width()) / f64::from(photo.width()),
            f64::from(half.height()) / f64::from(photo.height()),
        ];
        let least = parts[0].min(parts[1]);
        assert!((0.45..0.57).contains(&least), "{parts:?}");
    }
}
