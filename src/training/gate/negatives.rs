//! What is no photograph of a retina: everyday photos, as they are and disguised
//! as one, and drawn things that resemble one.

use image::{Rgb, RgbImage};
use rand::Rng;

/// A photo of an everyday thing in disguise: a random part of it, seen through a
/// round stop or filling the frame, and often tinted, faded or softened.
pub fn disguise(everyday: &RgbImage, random: &mut impl Rng) -> RgbImage {
    let side = everyday.width().min(everyday.height());
    let least = (0.35 * side as f32) as u32;
    let size = random.random_range(least.max(16)..=side.max(17)).min(side);
    let x = random.random_range(0..=everyday.width() - size);
    let y = random.random_range(0..=everyday.height() - size);
    let part = image::imageops::crop_imm(everyday, x, y, size, size).to_image();
    let shown = image::imageops::resize(&part, 256, 256, image::imageops::FilterType::CatmullRom);
    let softened = match random.random_range(0..3) {
        0 => image::imageops::blur(&shown, random.random_range(0.8..5.0f32)),
        _ => shown,
    };
    let tint: [f32; 3] = [
        random.random_range(0.8..1.0),
        random.random_range(0.4..0.7),
        random.random_range(0.1..0.4),
    ];
    let how = random.random_range(0..5);
    // A fade keeps the mean and takes contrast, as the even light of a fundus
    // camera would.
    let fade = random.random_range(0.15..1.0f32);
    let round = random.random_range(0..4) > 0;
    let radius = random.random_range(0.88..1.02f32) * 128.0;
    let exposure = random.random_range(0.5..1.2f32);
    RgbImage::from_fn(256, 256, |x, y| {
        let away = (x as f32 - 127.5).hypot(y as f32 - 127.5);
        if round && away > radius {
            return Rgb([0, 0, 0]);
        }
        let rgb = softened.get_pixel(x, y).0.map(f32::from);
        let grey = 0.3 * rgb[0] + 0.6 * rgb[1] + 0.1 * rgb[2];
        let faded = 128.0 + fade * (grey - 128.0);
        Rgb([0, 1, 2].map(|channel| {
            let level = match how {
                0 => rgb[channel],
                1 => grey,
                2 => 128.0 + fade * (rgb[channel] - 128.0),
                _ => 1.6 * faded * tint[channel],
            };
            (level * exposure).clamp(0.0, 255.0) as u8
        }))
    })
}

/// The things that are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A page of text.
    Page,
    /// Noise through a round stop.
    Noise,
    /// A colour gradient.
    Gradient,
    /// A disc of one colour, lit from one side.
    Ball,
    /// An orange: a ball with pores and a highlight.
    Orange,
    /// A coin: rings and an embossed pattern.
    Coin,
    /// The sun over a horizon.
    Sunset,
    /// An X-ray picture: pale bones on grey.
    Xray,
    /// The front of the eye: pupil, iris, sclera, skin.
    FrontOfEye,
    /// Round cells or bubbles on a pale ground.
    Cells,
}

impl Thing {
    pub const ALL: [Self; 10] = [
        Self::Page,
        Self::Noise,
        Self::Gradient,
        Self::Ball,
        Self::Orange,
        Self::Coin,
        Self::Sunset,
        Self::Xray,
        Self::FrontOfEye,
        Self::Cells,
    ];

    /// Draws one of the kind, 320 pixels wide.
    pub fn draw(self, random: &mut impl Rng) -> RgbImage {
        const WIDTH: u32 = 320;
        const HEIGHT: u32 = 280;
        let mut between = |from: f32, to: f32| random.random_range(from..to);
        let (x0, y0) = (between(130.0, 190.0), between(120.0, 160.0));
        let radius = between(85.0, 135.0);
        let warm = [
            between(180.0, 255.0),
            between(80.0, 170.0),
            between(10.0, 90.0),
        ];
        let pale = between(120.0, 255.0);
        let ground = [0.0, 8.0, 30.0, pale][between(0.0, 4.0) as usize];
        let turn = between(0.0, std::f32::consts::TAU);
        let fine = between(3.0, 12.0);
        let seed = between(0.0, 60_000.0) as u32;
        let spots: Vec<(f32, f32, f32)> = (0..40)
            .map(|_| (between(0.0, 320.0), between(0.0, 280.0), between(4.0, 26.0)))
            .collect();
        let iris = [
            [110.0, 70.0, 35.0],
            [90.0, 120.0, 150.0],
            [80.0, 105.0, 70.0],
        ][between(0.0, 3.0) as usize];

        let ball = |x: f32, y: f32| -> Option<(f32, f32, f32)> {
            let (u, v) = ((x - x0) / radius, (y - y0) / radius);
            let out = u.hypot(v);
            (out <= 1.0).then_some((u, v, out))
        };
        let shade = |u: f32, v: f32| 0.75 + 0.25 * (u * turn.cos() + v * turn.sin());
        let picture = RgbImage::from_fn(WIDTH, HEIGHT, |column, row| {
            let (x, y) = (column as f32, row as f32);
            let grain = scatter(column, row, seed);
            let level: [f32; 3] = match self {
                Self::Page => {
                    let line = row % 14 < 7 && column > 24 && column < 296;
                    let letter = scatter(column / 3, row / 14, seed) > 0.45
                        && scatter(column / 2, row / 3, seed) > 0.4;
                    [if line && letter { 25.0 } else { pale }; 3]
                }
                Self::Noise => match ball(x, y) {
                    Some(_) => warm.map(|c| c * (0.4 + 1.0 * grain)),
                    None => [ground; 3],
                },
                Self::Gradient => {
                    let along = (x * turn.cos() + y * turn.sin()) / 400.0;
                    warm.map(|c| c * (0.7 + along))
                }
                Self::Ball => match ball(x, y) {
                    Some((u, v, out)) => {
                        warm.map(|c| c * shade(u, v) * (1.0 - 0.3 * out * out) + 4.0 * grain)
                    }
                    None => [ground; 3],
                },
                Self::Orange => match ball(x, y) {
                    Some((u, v, out)) => {
                        let pores = scatter(column / 3, row / 3, seed);
                        let shine = (1.0 - 5.0 * (u + 0.3).hypot(v + 0.3)).max(0.0);
                        let lit = shade(u, v) * (1.0 - 0.5 * out.powi(3)) * (0.9 + 0.2 * pores);
                        warm.map(|c| c * lit + 200.0 * shine)
                    }
                    None => [ground; 3],
                },
                Self::Coin => match ball(x, y) {
                    Some((u, v, out)) => {
                        let rings = f32::from(u8::from((0.85..0.9).contains(&out)));
                        let relief = (fine * 2.0 * (u * u - v)).sin() * (fine * v).cos();
                        let metal = 0.55 + 0.35 * relief * shade(u, v) - 0.3 * rings;
                        [1.0, 0.85, 0.6].map(|c| 210.0 * c * metal)
                    }
                    None => [ground; 3],
                },
                Self::Sunset => match ball(x, y) {
                    Some((_, v, _)) if y < y0 + 0.6 * radius => [255.0, 200.0 - 60.0 * v, 80.0],
                    _ => {
                        let sea = y > y0 + 0.6 * radius;
                        let wave = if sea {
                            30.0 * (y / 3.0 + 4.0 * grain).sin()
                        } else {
                            0.0
                        };
                        let fall = 1.0 - (y - y0).abs() / 400.0;
                        warm.map(|c| 0.5 * c * fall + wave)
                    }
                },
                Self::Xray => {
                    let body = (1.0 - ((x - x0) / 150.0).powi(2)).max(0.0);
                    let ribs = (y / fine + 3.0 * ((x - x0) / 90.0).powi(2)).sin().max(0.0);
                    let spine = (1.0 - ((x - x0) / 22.0).powi(2)).max(0.0);
                    [body * (70.0 + 50.0 * ribs + 110.0 * spine) + 6.0 * grain; 3]
                }
                Self::FrontOfEye => match ball(x, y) {
                    Some((_, _, out)) if out < 0.35 => [12.0 + 4.0 * grain; 3],
                    Some((u, v, out)) if out < 0.85 => {
                        let spoke = (v.atan2(u) * fine * 6.0).sin() * 0.2 + 0.9;
                        iris.map(|c| c * spoke + 10.0 * grain)
                    }
                    _ => {
                        let lid = ((y - y0) / radius).abs() > 0.8 - ((x - x0) / 260.0).powi(2);
                        if lid {
                            [200.0, 145.0, 120.0].map(|c: f32| c * (0.85 + 0.15 * grain))
                        } else {
                            [225.0, 215.0, 208.0]
                        }
                    }
                },
                Self::Cells => {
                    let inside = spots.iter().map(|&(sx, sy, size)| {
                        let away = (x - sx).hypot(y - sy) / size;
                        (1.0 - (6.0 * (away - 0.8)).powi(2)).max(0.0)
                    });
                    let wall = inside.fold(0.0, f32::max);
                    let through = ball(x, y).is_some() || ground > 100.0;
                    let light = if through { 1.0 } else { 0.0 };
                    [235.0, 190.0, 215.0].map(|c| light * c * (1.0 - 0.5 * wall))
                }
            };
            Rgb(level.map(|level| level.clamp(0.0, 255.0) as u8))
        });
        // Lenses soften what is drawn.
        image::imageops::blur(&picture, 0.8)
    }
}

/// A number from 0 to 1 for every place.
fn scatter(x: u32, y: u32, seed: u32) -> f32 {
    let mut z = x
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(y.wrapping_mul(0x85eb_ca77))
        .wrapping_add(seed.wrapping_mul(0xc2b2_ae3d));
    z = (z ^ (z >> 15)).wrapping_mul(0x2c1b_3c6d);
    z = (z ^ (z >> 12)).wrapping_mul(0x297a_2d39);
    (z ^ (z >> 15)) as f32 / u32::MAX as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn one_seed_is_one_picture() {
        for thing in Thing::ALL {
            let draw = |seed| thing.draw(&mut StdRng::seed_from_u64(seed));
            assert_eq!(draw(1), draw(1), "{thing:?}");
            assert_ne!(draw(1), draw(2), "{thing:?}");
        }
        let photo = Thing::Coin.draw(&mut StdRng::seed_from_u64(1));
        let disguised = |seed| disguise(&photo, &mut StdRng::seed_from_u64(seed));
        assert_eq!(disguised(3), disguised(3));
        assert_ne!(disguised(3), disguised(4));
    }
}
