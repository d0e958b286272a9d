//! What one photo is changed by, drawn within an [`Augmentation`].

use rand::Rng;

use super::Augmentation;

/// Standard deviations of the blur, as a share of the picture's side: from just
/// visible to where microaneurysms begin to go.
pub(super) const BLUR: std::ops::Range<f32> = 0.002..0.008;
/// Qualities of the JPEG.
pub(super) const QUALITY: std::ops::Range<u8> = 25..90;
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
    pub(super) matrix: [f32; 4],
    pub(super) shift: [f32; 2],
    pub(super) gain: [f32; 3],
    pub(super) offset: f32,
    pub(super) blur: Option<f32>,
    pub(super) quality: Option<u8>,
    pub(super) cut: f32,
    pub(super) oversampling: u32,
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
        oversampling: 1,
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
            oversampling: reach.oversampling,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    /// The least and the most of what 2,000 draws come to.
    fn drawn_between(reach: &Augmentation, of: impl Fn(&Change) -> f32) -> (f32, f32) {
        let mut rng = StdRng::seed_from_u64(9);
        (0..2000).map(|_| of(&Change::draw(reach, &mut rng))).fold(
            (f32::INFINITY, f32::NEG_INFINITY),
            |(least, most), value| (least.min(value), most.max(value)),
        )
    }

    fn assert_between(drawn: (f32, f32), least: f32, most: f32) {
        let slack = 0.03 * (most - least);
        let (low, high) = drawn;
        assert!(low >= least - 1e-4 && low < least + slack, "{drawn:?}");
        assert!(high <= most + 1e-4 && high > most - slack, "{drawn:?}");
    }

    #[test]
    fn every_change_is_drawn_from_its_whole_range() {
        let none = Augmentation::NONE;
        let colour = Augmentation {
            colour: 0.2,
            ..none
        };
        for channel in 0..3 {
            let drawn = drawn_between(&colour, |change| change.gain[channel]);
            assert_between(drawn, 0.8, 1.2);
        }
        // Each channel its own, or it would be exposure.
        let apart = drawn_between(&colour, |change| change.gain[0] - change.gain[1]);
        assert!(apart.0 < -0.3 && apart.1 > 0.3, "{apart:?}");
        let contrast = Augmentation {
            contrast: 0.3,
            ..none
        };
        assert_between(drawn_between(&contrast, |c| c.gain[1]), 0.7, 1.3);
        // About the mean level of a retina, which stays where it is.
        let mean = drawn_between(&contrast, |c| 60.0 * c.gain[1] + c.offset);
        assert!((mean.0 - 60.0).abs() < 1e-3 && (mean.1 - 60.0).abs() < 1e-3);
        let brightness = Augmentation {
            brightness: 0.2,
            ..none
        };
        assert_between(drawn_between(&brightness, |c| c.offset), -51.0, 51.0);
        let zoom = Augmentation { zoom: 0.25, ..none };
        assert_between(drawn_between(&zoom, |c| c.matrix[0]), 0.8, 1.0 / 0.75);
        assert_between(drawn_between(&zoom, |c| c.matrix[3]), 0.8, 1.0 / 0.75);
        let shift = Augmentation { shift: 0.1, ..none };
        for axis in 0..2 {
            assert_between(drawn_between(&shift, |c| c.shift[axis]), -0.1, 0.1);
        }
        let framing = Augmentation {
            framing: 1.0,
            ..none
        };
        assert_between(drawn_between(&framing, |c| c.cut), 0.65, 0.97);
        // A share is a share.
        let some = Augmentation {
            blur: 0.3,
            jpeg: 0.1,
            framing: 0.5,
            ..none
        };
        let mut rng = StdRng::seed_from_u64(9);
        let changes: Vec<Change> = (0..2000).map(|_| Change::draw(&some, &mut rng)).collect();
        let share = |of: &dyn Fn(&Change) -> bool| {
            changes.iter().filter(|change| of(change)).count() as f64 / 2000.0
        };
        assert!((share(&|c| c.blur.is_some()) - 0.3).abs() < 0.04);
        assert!((share(&|c| c.quality.is_some()) - 0.1).abs() < 0.03);
        assert!((share(&|c| c.cut.is_finite()) - 0.5).abs() < 0.05);
    }

    #[test]
    fn a_turn_is_a_turn_and_a_flip_mirrors_left_and_right() {
        let turned = Augmentation {
            rotate: true,
            ..Augmentation::NONE
        };
        let mut rng = StdRng::seed_from_u64(9);
        for _ in 0..50 {
            let [a, b, c, d] = Change::draw(&turned, &mut rng).matrix;
            assert!((a * d - b * c - 1.0).abs() < 1e-5 && (a * a + c * c - 1.0).abs() < 1e-5);
        }
        let flipped = Augmentation {
            flip: true,
            ..Augmentation::NONE
        };
        let mut seen = [0; 2];
        for _ in 0..200 {
            match Change::draw(&flipped, &mut rng).matrix {
                [1.0, _, _, 1.0] => seen[0] += 1,
                [-1.0, _, _, 1.0] => seen[1] += 1,
                matrix => panic!("{matrix:?}"),
            }
        }
        assert!(seen.iter().all(|count| *count > 70), "{seen:?}");
    }
}
