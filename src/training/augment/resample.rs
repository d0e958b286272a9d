//! A drawn change made to a picture, in a single resampling.

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use super::Change;
use crate::photo::Preprocessing;

impl Change {
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
    /// `picture` was prepared by [`Augmentation::source`] of `settings`. What comes
    /// from outside it, and the ground round the disc, stays black.
    pub fn apply(&self, picture: &RgbImage, settings: &Preprocessing, out: &mut Vec<f32>) {
        let worsened = self.worsened(picture);
        let source = Source {
            picture: worsened.as_ref().unwrap_or(picture),
            half: (picture.width() as f32 - 1.0) / 2.0,
            reaches: self.cut * settings.disc_radius() as f32 * self.oversampling as f32,
        };
        let size = settings.size as usize;
        let fine = self.oversampling as usize;
        let (half, side) = ((fine * size) as f32 / 2.0 - 0.5, (fine * size) as f32);
        let [a, b, c, d] = self.matrix;
        let share = 1.0 / (fine * fine) as f32;
        let start = out.len();
        out.resize(start + 3 * size * size, 0.0);
        let planes = &mut out[start..];
        for y in 0..size {
            for x in 0..size {
                let mut sum = [0.0f32; 3];
                for within in 0..fine * fine {
                    let dx = (x * fine + within % fine) as f32 - half;
                    let dy = (y * fine + within / fine) as f32 - half;
                    source.add(
                        a * dx + b * dy + source.half + self.shift[0] * side,
                        c * dx + d * dy + source.half + self.shift[1] * side,
                        share,
                        &mut sum,
                    );
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

/// The picture that a change reads from.
struct Source<'a> {
    picture: &'a RgbImage,
    /// Its centre along either side.
    half: f32,
    /// How far above and below the centre anything is seen.
    reaches: f32,
}

impl Source<'_> {
    /// Adds a share of the colour at a place between pixels, black beyond the
    /// picture and where it is cut.
    fn add(&self, x: f32, y: f32, share: f32, sum: &mut [f32; 3]) {
        if (y - self.half).abs() > self.reaches {
            return;
        }
        let (width, height) = (self.picture.width() as i32, self.picture.height() as i32);
        let raw = self.picture.as_raw();
        let (fx, fy) = (x.floor(), y.floor());
        let (tx, ty) = (x - fx, y - fy);
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
                    sum[channel] += weight * share * f32::from(raw[at + channel]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Augmentation;
    use super::super::draw::{BLUR, QUALITY};
    use super::super::tests::EVERYTHING;
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

    /// A photo of a retina with marks as small as lesions.
    fn drawn() -> RgbImage {
        crate::synth::draw(3, 7, 500)
    }

    fn apart(a: &[f32], b: &[f32]) -> f32 {
        let sum: f32 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
        sum / a.len() as f32
    }

    #[test]
    fn a_larger_source_unchanged_is_the_picture_shown() {
        for margin in [0.0, -0.16, -0.3, 0.1] {
            let shown = Preprocessing {
                margin,
                ..Preprocessing::imagenet(64)
            };
            let reach = Augmentation {
                shift: 1e-6,
                oversampling: 2,
                ..Augmentation::NONE
            };
            let prepared = |settings: &Preprocessing| {
                crate::photo::prepare(&drawn(), settings).unwrap().picture
            };
            let mut changed = Vec::new();
            let mut rng = StdRng::seed_from_u64(3);
            Change::draw(&reach, &mut rng).apply(
                &prepared(&reach.source(&shown)),
                &shown,
                &mut changed,
            );
            let plain = crate::photo::to_tensor(&prepared(&shown), &shown);
            let off = apart(&changed, &plain);
            assert!(off < 0.06, "margin {margin}: {off}");
            let flat = plain.iter().sum::<f32>() / plain.len() as f32;
            assert!(apart(&plain, &vec![flat; plain.len()]) > 0.5);
        }
    }

    #[test]
    fn a_turn_of_a_larger_source_stays_sharp() {
        let shown = Preprocessing::imagenet(96);
        let sharpness = |oversampling: u32| {
            let reach = Augmentation {
                rotate: true,
                oversampling,
                ..Augmentation::NONE
            };
            let source = crate::photo::prepare(&drawn(), &reach.source(&shown)).unwrap();
            let mut rng = StdRng::seed_from_u64(5);
            let mut planes = Vec::new();
            Change::draw(&reach, &mut rng).apply(&source.picture, &shown, &mut planes);
            detail(&planes)
        };
        let picture = crate::photo::prepare(&drawn(), &shown).unwrap().picture;
        let plain = detail(&crate::photo::to_tensor(&picture, &shown));
        let (once, twice) = (sharpness(1), sharpness(2));
        assert!(once < 0.9 * plain, "{once} of {plain}");
        assert!(
            twice > 1.05 * once,
            "{twice} against {once}, {plain} as shown"
        );
    }

    #[test]
    fn a_turned_middle_of_the_disc_shows_what_lay_around_it() {
        let shown = Preprocessing {
            margin: -0.2,
            ..Preprocessing::imagenet(64)
        };
        let reach = Augmentation {
            rotate: true,
            ..Augmentation::NONE
        };
        let source = reach.source(&shown);
        assert_eq!((source.size, source.size % 2), (80, shown.size % 2));
        assert!((source.disc_radius() - shown.disc_radius()).abs() < 1e-4);
        let quarters = Augmentation {
            quarter_turns: true,
            ..reach
        };
        assert_eq!(quarters.source(&shown), shown);
        let white = RgbImage::from_pixel(source.size, source.size, image::Rgb([255; 3]));
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..8 {
            let mut planes = Vec::new();
            Change::draw(&reach, &mut rng).apply(&white, &shown, &mut planes);
            // The middle of a side lies inside the disc however it is turned.
            let white = (1.0 - shown.mean[0]) / shown.std[0];
            assert!((planes[32] - white).abs() < 1e-3, "{}", planes[32]);
        }
    }

    /// A pixel's colour as the network is shown it, on the scale of the picture.
    fn level(planes: &[f32], settings: &Preprocessing, x: usize, y: usize) -> [f32; 3] {
        let size = settings.size as usize;
        [0, 1, 2].map(|channel| {
            let value = planes[channel * size * size + y * size + x];
            (value * settings.std[channel] + settings.mean[channel]) * 255.0
        })
    }

    #[test]
    fn light_is_multiplied_and_added_and_the_dark_ground_left_as_it_is() {
        let settings = Preprocessing::imagenet(8);
        let mut picture = RgbImage::from_pixel(8, 8, image::Rgb([100, 60, 20]));
        picture.put_pixel(0, 0, image::Rgb([8, 8, 8]));
        picture.put_pixel(1, 0, image::Rgb([0, 0, 25]));
        picture.put_pixel(2, 0, image::Rgb([250, 2, 2]));
        let change = Change {
            gain: [1.2, 0.5, 2.0],
            offset: -6.0,
            ..Change::NONE
        };
        let mut planes = Vec::new();
        change.apply(&picture, &settings, &mut planes);
        for ((x, y), expected) in [
            ((4, 4), [114.0, 24.0, 34.0]),
            ((0, 0), [8.0, 8.0, 8.0]),
            ((1, 0), [0.0, 0.0, 44.0]),
            ((2, 0), [255.0, 0.0, 0.0]),
        ] {
            let found = level(&planes, &settings, x, y);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 0.01, "({x}, {y}): {found}");
            }
        }
    }

    #[test]
    fn a_shift_is_a_share_of_the_side_at_every_oversampling() {
        let settings = Preprocessing::imagenet(16);
        for oversampling in [1, 2] {
            let mut picture = RgbImage::new(16 * oversampling, 16 * oversampling);
            let mark = image::Rgb([200, 100, 50]);
            for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let place = |at: u32, within: u32| at * oversampling + within % oversampling;
                picture.put_pixel(place(11, x), place(6, y), mark);
            }
            let change = Change {
                shift: [0.25, -0.125],
                oversampling,
                ..Change::NONE
            };
            let mut planes = Vec::new();
            change.apply(&picture, &settings, &mut planes);
            // Read four to the right and two above: it appears so much further back.
            let found = level(&planes, &settings, 7, 8);
            assert!((found[0] - 200.0).abs() < 0.1, "{found:?}");
            assert!(level(&planes, &settings, 11, 6)[0].abs() < 0.1);
        }
    }

    #[test]
    fn a_cut_disc_reaches_as_far_in_a_picture_that_shows_its_middle_or_is_larger() {
        let white = image::Rgb([255; 3]);
        for (margin, oversampling) in [(0.0, 1), (0.25, 1), (0.0, 2), (-0.2, 2)] {
            let settings = Preprocessing {
                margin,
                ..Preprocessing::imagenet(80)
            };
            let picture = RgbImage::from_pixel(80 * oversampling, 80 * oversampling, white);
            let change = Change {
                cut: 0.6,
                oversampling,
                ..Change::NONE
            };
            let mut planes = Vec::new();
            change.apply(&picture, &settings, &mut planes);
            let lit = (0..80).filter(|&y| level(&planes, &settings, 40, y)[0] > 128.0);
            // The disc's radius is half of 80 pixels, less the margin's share.
            let expected = 2.0 * 0.6 * 40.0 / (1.0 + margin);
            let off = (lit.count() as f32 - expected).abs();
            assert!(off <= 1.0, "margin {margin}, {oversampling} times: {off}");
        }
    }
}
