//! Random changes that leave a grade as it is: a retina has no up, cameras
//! differ in exposure and colour, and no two frame it alike.

use image::RgbImage;
use rand::Rng;

use crate::photo::Preprocessing;

/// One drawn change, applied in a single resampling.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Inverse map: picture coordinates relative to the centre → source coordinates.
    matrix: [f32; 4],
    shift: [f32; 2],
    gain: [f32; 3],
    offset: f32,
}

impl Change {
    /// Nothing changes.
    pub const NONE: Self = Self {
        matrix: [1.0, 0.0, 0.0, 1.0],
        shift: [0.0, 0.0],
        gain: [1.0, 1.0, 1.0],
        offset: 0.0,
    };

    /// Draws a flip, any rotation, up to 10 % of zoom and stretch, 3 % of shift,
    /// 20 % of brightness and contrast, 7 % of colour.
    pub fn draw(rng: &mut impl Rng) -> Self {
        let angle = rng.random_range(0.0..std::f32::consts::TAU);
        let flip = if rng.random_bool(0.5) { -1.0 } else { 1.0 };
        let mut zoom = || 1.0 / rng.random_range(0.9..1.1_f32);
        let (zx, zy) = (zoom(), zoom());
        let (sin, cos) = angle.sin_cos();
        let matrix = [cos * zx * flip, -sin * zy, sin * zx * flip, cos * zy];
        let shift = [
            rng.random_range(-0.03..0.03_f32),
            rng.random_range(-0.03..0.03_f32),
        ];
        let contrast = rng.random_range(0.8..1.2_f32);
        let gain = std::array::from_fn(|_| contrast * rng.random_range(0.93..1.07_f32));
        let offset = rng.random_range(-0.1..0.1_f32) * 255.0 * 0.5 + 60.0 * (1.0 - contrast);
        Self {
            matrix,
            shift,
            gain,
            offset,
        }
    }

    /// Applies the change and normalises: planar `[3, size, size]` appended to `out`.
    /// What comes from outside the picture, and the ground round the disc, stays black.
    pub fn apply(&self, picture: &RgbImage, settings: &Preprocessing, out: &mut Vec<f32>) {
        let size = picture.width() as usize;
        let (width, height) = (picture.width() as i32, picture.height() as i32);
        let half = (size as f32 - 1.0) / 2.0;
        let [a, b, c, d] = self.matrix;
        let raw = picture.as_raw();
        let start = out.len();
        out.resize(start + 3 * size * size, 0.0);
        let planes = &mut out[start..];
        for y in 0..size {
            for x in 0..size {
                let (dx, dy) = (x as f32 - half, y as f32 - half);
                let sx = a * dx + b * dy + half + self.shift[0] * size as f32;
                let sy = c * dx + d * dy + half + self.shift[1] * size as f32;
                let (fx, fy) = (sx.floor(), sy.floor());
                let (tx, ty) = (sx - fx, sy - fy);
                let mut sum = [0.0f32; 3];
                for (ox, oy, weight) in [
                    (0, 0, (1.0 - tx) * (1.0 - ty)),
                    (1, 0, tx * (1.0 - ty)),
                    (0, 1, (1.0 - tx) * ty),
                    (1, 1, tx * ty),
                ] {
                    let (px, py) = (fx as i32 + ox, fy as i32 + oy);
                    if px >= 0 && py >= 0 && px < width && py < height {
                        let at = 3 * (py * width + px) as usize;
                        for channel in 0..3 {
                            sum[channel] += weight * f32::from(raw[at + channel]);
                        }
                    }
                }
                // The black ground is no part of the exposure.
                let lit = sum[0] + sum[1] + sum[2] > 24.0;
                for channel in 0..3 {
                    let value = if lit {
                        (sum[channel] * self.gain[channel] + self.offset).clamp(0.0, 255.0)
                    } else {
                        sum[channel]
                    };
                    planes[channel * size * size + y * size + x] =
                        (value / 255.0 - settings.mean[channel]) / settings.std[channel];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn picture(size: u32) -> RgbImage {
        RgbImage::from_fn(size, size, |x, y| {
            image::Rgb([
                (x * 7 % 256) as u8,
                (y * 5 % 256) as u8,
                ((x + y) % 256) as u8,
            ])
        })
    }

    #[test]
    fn no_change_is_exactly_what_the_grader_sees() {
        let settings = Preprocessing::imagenet(32);
        let picture = picture(32);
        let mut changed = Vec::new();
        Change::NONE.apply(&picture, &settings, &mut changed);
        let plain = crate::photo::to_tensor(&picture, &settings);
        assert_eq!(changed.len(), plain.len());
        for (a, b) in changed.iter().zip(&plain) {
            assert!((a - b).abs() < 1e-5, "{a} against {b}");
        }
    }

    #[test]
    fn a_change_keeps_the_ground_black() {
        let settings = Preprocessing::imagenet(32);
        let black = RgbImage::new(32, 32);
        let mut rng = StdRng::seed_from_u64(3);
        let expected = crate::photo::to_tensor(&black, &settings);
        for _ in 0..20 {
            let mut changed = Vec::new();
            Change::draw(&mut rng).apply(&black, &settings, &mut changed);
            assert_eq!(changed, expected);
        }
    }
}
