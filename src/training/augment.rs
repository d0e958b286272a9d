//! Random changes that leave a grade as it is: a retina has no up, cameras
//! differ in exposure, colour, focus and compression, and no two frame it alike.

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::photo::Preprocessing;

/// How far training photos are changed. Ranges are symmetric about no change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Mirror half of the photos.
    pub flip: bool,
    /// Turn by any angle.
    pub rotate: bool,
    /// Turn by quarters only, each pixel moved whole: a turn by any other angle
    /// reads between pixels, which dims the smallest lesions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quarter_turns: bool,
    /// Zoom of each side by up to this share.
    pub zoom: f32,
    /// Shift by up to this share of the side.
    pub shift: f32,
    /// Brightness by up to this share of the scale.
    pub brightness: f32,
    /// Contrast by up to this share.
    pub contrast: f32,
    /// Gain of each channel by up to this share.
    pub colour: f32,
    /// Share of the photos blurred, as out of focus.
    pub blur: f64,
    /// Share of the photos put through a coarse JPEG.
    pub jpeg: f64,
    /// Share of the photos whose disc is cut above and below, as many cameras
    /// frame it. Where a data set's framing tells its grade, the network learns
    /// the framing; cutting at random takes that away.
    pub framing: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            flip: true,
            rotate: true,
            quarter_turns: false,
            zoom: 0.1,
            shift: 0.03,
            brightness: 0.05,
            contrast: 0.2,
            colour: 0.07,
            blur: 0.1,
            jpeg: 0.1,
            framing: 0.3,
        }
    }
}

impl Augmentation {
    /// Photos as they are.
    pub const NONE: Self = Self {
        flip: false,
        rotate: false,
        quarter_turns: false,
        zoom: 0.0,
        shift: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        colour: 0.0,
        blur: 0.0,
        jpeg: 0.0,
        framing: 0.0,
    };

    /// # Errors
    /// A sentence that names the flag.
    pub fn validate(&self) -> Result<(), String> {
        let ranges = [
            ("--zoom", self.zoom),
            ("--shift", self.shift),
            ("--brightness", self.brightness),
            ("--contrast", self.contrast),
            ("--colour", self.colour),
        ];
        if let Some((flag, _)) = ranges.iter().find(|(_, v)| !(0.0..=0.9).contains(v)) {
            return Err(format!("{flag} must lie between 0 and 0.9"));
        }
        let shares = [
            ("--blur", self.blur),
            ("--jpeg", self.jpeg),
            ("--framing", self.framing),
        ];
        match shares.iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            Some((flag, _)) => Err(format!("{flag} is a share of the photos, between 0 and 1")),
            None => Ok(()),
        }
    }
}

/// Standard deviations of the blur, as a share of the picture's side: from just
/// visible to where microaneurysms begin to go.
const BLUR: std::ops::Range<f32> = 0.002..0.008;
/// Qualities of the JPEG.
const QUALITY: std::ops::Range<u8> = 25..90;
/// How far above and below its centre a cut disc reaches, as a share of its
/// radius: the frames of the usual cameras.
const CUT: std::ops::Range<f32> = 0.65..0.97;

/// Sine and cosine of the quarter turns, to the last bit: those of a rounded
/// angle would read a little of the neighbours.
const QUARTERS: [(f32, f32); 4] = [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)];

/// One drawn change. The geometry and the light are applied in a single
/// resampling; blur and compression, rarely drawn, come before it.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Inverse map: picture coordinates relative to the centre → source coordinates.
    matrix: [f32; 4],
    shift: [f32; 2],
    gain: [f32; 3],
    offset: f32,
    blur: Option<f32>,
    quality: Option<u8>,
    cut: f32,
}

/// A number between `-reach` and `reach`.
fn about(rng: &mut impl Rng, reach: f32) -> f32 {
    if reach > 0.0 {
        rng.random_range(-reach..reach)
    } else {
        0.0
    }
}

impl Change {
    /// Nothing changes.
    pub const NONE: Self = Self {
        matrix: [1.0, 0.0, 0.0, 1.0],
        shift: [0.0, 0.0],
        gain: [1.0, 1.0, 1.0],
        offset: 0.0,
        blur: None,
        quality: None,
        cut: f32::INFINITY,
    };

    /// Draws a change within `reach`.
    pub fn draw(reach: &Augmentation, rng: &mut impl Rng) -> Self {
        let (sin, cos) = if reach.quarter_turns {
            QUARTERS[rng.random_range(0..QUARTERS.len())]
        } else if reach.rotate {
            rng.random_range(0.0..std::f32::consts::TAU).sin_cos()
        } else {
            QUARTERS[0]
        };
        let flip = if reach.flip && rng.random_bool(0.5) {
            -1.0
        } else {
            1.0
        };
        let mut zoom = || 1.0 / (1.0 + about(rng, reach.zoom));
        let (zx, zy) = (zoom(), zoom());
        let matrix = [cos * zx * flip, -sin * zy, sin * zx * flip, cos * zy];
        let shift = [about(rng, reach.shift), about(rng, reach.shift)];
        let contrast = 1.0 + about(rng, reach.contrast);
        let gain = std::array::from_fn(|_| contrast * (1.0 + about(rng, reach.colour)));
        // Contrast turns about the mean level of a retina.
        let offset = about(rng, reach.brightness) * 255.0 + 60.0 * (1.0 - contrast);
        Self {
            matrix,
            shift,
            gain,
            offset,
            blur: rng.random_bool(reach.blur).then(|| rng.random_range(BLUR)),
            quality: rng
                .random_bool(reach.jpeg)
                .then(|| rng.random_range(QUALITY)),
            cut: if rng.random_bool(reach.framing) {
                rng.random_range(CUT)
            } else {
                f32::INFINITY
            },
        }
    }

    /// The picture as a worse camera would have written it; `None` where this
    /// change leaves focus and compression alone.
    fn worsened(&self, picture: &RgbImage) -> Option<RgbImage> {
        let blurred = self
            .blur
            .map(|share| image::imageops::blur(picture, share * picture.width() as f32));
        let Some(quality) = self.quality else {
            return blurred;
        };
        let mut jpeg = std::io::Cursor::new(Vec::new());
        JpegEncoder::new_with_quality(&mut jpeg, quality)
            .encode_image(blurred.as_ref().unwrap_or(picture))
            .ok()?;
        image::load_from_memory(jpeg.get_ref())
            .ok()
            .map(|picture| picture.to_rgb8())
    }

    /// Applies the change and normalises: planar `[3, size, size]` appended to `out`.
    /// What comes from outside the picture, and the ground round the disc, stays black.
    pub fn apply(&self, picture: &RgbImage, settings: &Preprocessing, out: &mut Vec<f32>) {
        let worsened = self.worsened(picture);
        let picture = worsened.as_ref().unwrap_or(picture);
        let size = picture.width() as usize;
        let (width, height) = (picture.width() as i32, picture.height() as i32);
        let half = (size as f32 - 1.0) / 2.0;
        let [a, b, c, d] = self.matrix;
        let raw = picture.as_raw();
        let reaches = self.cut * size as f32 / 2.0;
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
                let framed = (sy - half).abs() <= reaches;
                for (ox, oy, weight) in [
                    (0, 0, (1.0 - tx) * (1.0 - ty)),
                    (1, 0, tx * (1.0 - ty)),
                    (0, 1, (1.0 - tx) * ty),
                    (1, 1, tx * ty),
                ] {
                    let (px, py) = (fx as i32 + ox, fy as i32 + oy);
                    if framed && px >= 0 && py >= 0 && px < width && py < height {
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

    const EVERYTHING: Augmentation = Augmentation {
        flip: true,
        rotate: true,
        quarter_turns: false,
        zoom: 0.2,
        shift: 0.05,
        brightness: 0.2,
        contrast: 0.3,
        colour: 0.2,
        blur: 1.0,
        jpeg: 1.0,
        framing: 1.0,
    };

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
            Change::draw(&EVERYTHING, &mut rng).apply(&black, &settings, &mut changed);
            // A JPEG's black is a level off.
            for (found, black) in changed.iter().zip(&expected) {
                assert!((found - black).abs() < 0.03, "{found} against {black}");
            }
        }
    }

    #[test]
    fn no_augmentation_draws_no_change() {
        let settings = Preprocessing::imagenet(32);
        let picture = picture(32);
        let mut rng = StdRng::seed_from_u64(3);
        let (mut drawn, mut none) = (Vec::new(), Vec::new());
        Change::draw(&Augmentation::NONE, &mut rng).apply(&picture, &settings, &mut drawn);
        Change::NONE.apply(&picture, &settings, &mut none);
        assert_eq!(drawn, none);
    }

    #[test]
    fn quarter_turns_and_flips_are_the_eight_views_of_a_square_and_move_pixels_whole() {
        use image::imageops::{flip_horizontal, rotate90, rotate180, rotate270};
        let settings = Preprocessing::imagenet(32);
        let picture = picture(32);
        let views = [&picture, &flip_horizontal(&picture)].map(|seen| {
            [
                seen.clone(),
                rotate90(seen),
                rotate180(seen),
                rotate270(seen),
            ]
        });
        let views: Vec<Vec<f32>> = views
            .iter()
            .flatten()
            .map(|view| {
                let mut planes = Vec::new();
                Change::NONE.apply(view, &settings, &mut planes);
                planes
            })
            .collect();
        let reach = Augmentation {
            flip: true,
            quarter_turns: true,
            ..Augmentation::NONE
        };
        let mut rng = StdRng::seed_from_u64(3);
        let mut seen = [0; 8];
        for _ in 0..160 {
            let mut planes = Vec::new();
            Change::draw(&reach, &mut rng).apply(&picture, &settings, &mut planes);
            let view = views.iter().position(|view| *view == planes);
            seen[view.expect("one of the eight")] += 1;
        }
        assert!(seen.iter().all(|count| *count > 8), "{seen:?}");
    }

    /// Variance of the differences between neighbours: what blur takes away.
    fn detail(planes: &[f32]) -> f32 {
        planes
            .windows(2)
            .map(|w| (w[1] - w[0]).powi(2))
            .sum::<f32>()
            / planes.len() as f32
    }

    #[test]
    fn blur_takes_detail_and_a_coarse_jpeg_changes_the_picture() {
        let settings = Preprocessing::imagenet(128);
        let picture = picture(128);
        let planes = |change: Change| {
            let mut planes = Vec::new();
            change.apply(&picture, &settings, &mut planes);
            planes
        };
        let plain = planes(Change::NONE);
        let blurred = planes(Change {
            blur: Some(BLUR.end),
            ..Change::NONE
        });
        assert!(detail(&blurred) < 0.9 * detail(&plain));
        let compressed = planes(Change {
            quality: Some(QUALITY.start),
            ..Change::NONE
        });
        assert_ne!(compressed, plain);
    }

    #[test]
    fn framing_cuts_above_and_below_and_leaves_the_middle() {
        let settings = Preprocessing::imagenet(64);
        let white = RgbImage::from_pixel(64, 64, image::Rgb([255; 3]));
        let mut planes = Vec::new();
        let cut = Change {
            cut: 0.5,
            ..Change::NONE
        };
        cut.apply(&white, &settings, &mut planes);
        let black = |row: usize| planes[row * 64..(row + 1) * 64].iter().all(|v| *v < 0.0);
        let lit = |row: usize| planes[row * 64..(row + 1) * 64].iter().all(|v| *v > 0.0);
        assert!(black(0) && black(15) && black(48) && black(63));
        assert!(lit(17) && lit(32) && lit(46));
    }
}
