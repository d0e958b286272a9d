//! Random changes that leave a grade as it is: a retina has no up, cameras
//! differ in exposure, colour, focus and compression, and no two frame it alike.

mod draw;
mod resample;

use serde::{Deserialize, Serialize};

use crate::photo::Preprocessing;

pub use draw::Change;

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
    /// How many pixels of the picture a change reads from make one that is shown,
    /// along each side. From two on, a turn by any angle leaves small lesions as
    /// sharp as the page shows them; see [`Augmentation::source`].
    #[serde(default = "shown_as_kept", skip_serializing_if = "is_shown_as_kept")]
    pub oversampling: u32,
}

fn shown_as_kept() -> u32 {
    1
}

fn is_shown_as_kept(oversampling: &u32) -> bool {
    *oversampling == shown_as_kept()
}

/// Light and framing change, and each pixel is moved whole: what blurs photos, or
/// takes turns and zooms between their pixels, is learnt from more slowly than a
/// training of a few epochs can make up for (`docs/trainings.md`).
impl Default for Augmentation {
    fn default() -> Self {
        Self {
            quarter_turns: true,
            zoom: 0.0,
            shift: 0.0,
            blur: 0.0,
            jpeg: 0.0,
            ..Self::AT_ANY_ANGLE
        }
    }
}

impl Augmentation {
    /// Photos turned by any angle, zoomed, shifted, and some of them blurred or
    /// compressed: the default until quarter turns took its place, and what
    /// `fovea study` keeps, so that its runs are those of the published ones.
    pub const AT_ANY_ANGLE: Self = Self {
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
        oversampling: 1,
    };

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
        oversampling: 1,
    };

    /// The settings by which the pictures that changes read from are prepared,
    /// where the network is shown those of `shown`: as many times larger as
    /// `oversampling` says, and, where changes move pictures and `shown` is the
    /// middle of the disc, with the rest of the disc around it.
    pub fn source(&self, shown: &Preprocessing) -> Preprocessing {
        let size = shown.size * self.oversampling;
        let moves = (self.rotate && !self.quarter_turns) || self.zoom > 0.0 || self.shift > 0.0;
        let beyond = if moves && shown.margin < 0.0 {
            // As much on both sides, so that pixels stay where they were; a
            // margin's last bit makes no further pixel.
            let whole = f64::from(size) / (1.0 + f64::from(shown.margin));
            ((whole - f64::from(size)) / 2.0 - 1e-3).ceil() as u32
        } else {
            0
        };
        let wide = size + 2 * beyond;
        let margin = f64::from(wide) / f64::from(size) * (1.0 + f64::from(shown.margin)) - 1.0;
        Preprocessing {
            size: wide,
            margin: if beyond > 0 {
                margin as f32
            } else {
                shown.margin
            },
            ..shown.clone()
        }
    }

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
        if let Some((flag, _)) = shares.iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Err(format!("{flag} is a share of the photos, between 0 and 1"));
        }
        if !OVERSAMPLING.contains(&self.oversampling) {
            return Err("--oversampling must lie between 1 and 4".to_owned());
        }
        Ok(())
    }
}

/// Beyond four times there is nothing left to gain, and much memory to lose.
const OVERSAMPLING: std::ops::RangeInclusive<u32> = 1..=4;

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const EVERYTHING: Augmentation = Augmentation {
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
        oversampling: 1,
    };

    #[test]
    fn what_cannot_be_drawn_is_refused_by_its_flag() {
        let good = Augmentation::AT_ANY_ANGLE;
        good.validate().unwrap();
        Augmentation::default().validate().unwrap();
        assert!(Augmentation::default().quarter_turns && !good.quarter_turns);
        let wrong: [(&str, Augmentation); 10] = [
            ("--zoom", Augmentation { zoom: 0.95, ..good }),
            ("--shift", Augmentation { shift: 1.0, ..good }),
            (
                "--brightness",
                Augmentation {
                    brightness: -0.1,
                    ..good
                },
            ),
            (
                "--contrast",
                Augmentation {
                    contrast: f32::NAN,
                    ..good
                },
            ),
            (
                "--colour",
                Augmentation {
                    colour: 2.0,
                    ..good
                },
            ),
            ("--blur", Augmentation { blur: 1.1, ..good }),
            ("--jpeg", Augmentation { jpeg: -0.1, ..good }),
            (
                "--framing",
                Augmentation {
                    framing: f64::NAN,
                    ..good
                },
            ),
            (
                "--oversampling",
                Augmentation {
                    oversampling: 0,
                    ..good
                },
            ),
            (
                "--oversampling",
                Augmentation {
                    oversampling: 5,
                    ..good
                },
            ),
        ];
        for (flag, augmentation) in wrong {
            let said = augmentation.validate().unwrap_err();
            assert!(said.starts_with(flag), "{flag}: {said}");
        }
    }

    #[test]
    fn a_configuration_keeps_every_change_and_an_earlier_one_is_read_as_it_was() {
        let all = Augmentation {
            quarter_turns: true,
            oversampling: 3,
            ..EVERYTHING
        };
        for augmentation in [all, EVERYTHING, Augmentation::default()] {
            let json = serde_json::to_string(&augmentation).unwrap();
            let read: Augmentation = serde_json::from_str(&json).unwrap();
            assert_eq!(read, augmentation);
        }
        // Written before there were quarter turns and oversampling.
        let json = serde_json::to_string(&EVERYTHING).unwrap();
        assert!(!json.contains("quarter") && !json.contains("oversampling"));
    }
}
