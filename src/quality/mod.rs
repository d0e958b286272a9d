//! The gate before grading: is this a photograph of the retina at all, and is it
//! good enough to be graded?
//!
//! It knows nothing of the network and its weights: [`Measures`] are taken of
//! the photo and of the retina found in it, a few fitted [`Score`]s weigh them,
//! and three rules of geometry need no fit. The fit is `gate.json`, written by
//! `fovea gate fit` and compiled in: it belongs to no bundle, so a model that is
//! trained again, or brought along by a user, keeps the same gate.

mod measures;
mod planes;
mod ridges;
mod score;
mod surround;
mod view;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use image::RgbImage;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use measures::{COUNT, Measures, NAMES};
pub use score::{Scaling, Score, TERMS};

use crate::photo::Retina;

/// Why a photo is not graded, said to the person who took it: what is wrong, and
/// what to do on the next shot.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Error, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    #[error(
        "this does not look like a retina; choose a photo of the back of the eye with its round edge"
    )]
    NotFundus,
    #[error("the photo is blurred; focus on the vessels, let the eye rest, and photograph again")]
    Blurred,
    #[error("the retina is too dark; use more flash or a wider pupil, and photograph again")]
    TooDark,
    #[error(
        "too much light or a reflection hides the retina; use less flash, realign, photograph again"
    )]
    Glare,
    #[error("a haze lies over the retina; clean the lens, have the eye blink, photograph again")]
    Hazy,
    #[error("too much of the retina is cut off; centre it in the frame and photograph again")]
    CutOff,
    #[error("the retina is too small in the picture; move closer, or use the original photo")]
    TooSmall,
}

impl Reason {
    /// Every reason, the one that comes first winning where several hold.
    pub const ALL: [Self; 7] = [
        Self::NotFundus,
        Self::TooSmall,
        Self::CutOff,
        Self::Blurred,
        Self::TooDark,
        Self::Glare,
        Self::Hazy,
    ];

    /// A name that never changes, for programs and for the page's translations.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFundus => "not-fundus",
            Self::Blurred => "blurred",
            Self::TooDark => "too-dark",
            Self::Glare => "glare",
            Self::Hazy => "hazy",
            Self::CutOff => "cut-off",
            Self::TooSmall => "too-small",
        }
    }
}

/// Fewer pixels across than these, and the smallest lesions are gone: of a
/// 45 degree field, some 13 mm wide, a pixel then shows 0.13 mm, more than a
/// microaneurysm measures.
pub const LEAST_DIAMETER: f32 = 100.0;

/// A fault of the shot and the score that tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub reason: Reason,
    pub score: Score,
}

/// The fitted gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The measures' names, so that a gate fitted to other measures is noticed.
    pub measures: Vec<String>,
    pub scaling: Scaling,
    /// Below its threshold, the picture is no photograph of a retina.
    pub fundus: Score,
    /// What is below it: above this threshold it is a retina all the same, spoilt
    /// beyond recognition.
    pub ruined: Score,
    /// Above its threshold, the shot has the fault.
    pub faults: Vec<Fault>,
    /// Least part of the retina's disc that must be in the frame.
    pub least_visible: f32,
    /// How the gate was made and what it does, for the model card.
    pub record: Record,
}

/// How a gate was made, and the figures it reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The command that fitted it.
    pub command: String,
    pub seed: u64,
    /// Photos of retinas it was fitted on.
    pub photos: usize,
    pub figures: Vec<Figure>,
}

/// How many pictures of one kind were refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The pictures, in words.
    pub pictures: String,
    pub n: usize,
    /// Not graded, whatever the reason.
    pub refused: usize,
    /// The reasons given; without one, no retina was found at all.
    pub reasons: BTreeMap<Reason, usize>,
}

/// Why a gate's file cannot be used.
#[derive(Debug, Error)]
pub enum GateError {
    #[error("the gate's file is no JSON of a gate ({0}); fit it again with `fovea gate fit`")]
    Json(#[from] serde_json::Error),
    #[error("the gate was fitted to other measures; fit it again with `fovea gate fit`")]
    OtherMeasures,
    #[error("the gate's numbers cannot be right; fit it again with `fovea gate fit`")]
    Unsound,
}

impl Gate {
    /// The gate that is compiled in.
    pub fn shipped() -> &'static Self {
        static GATE: OnceLock<Gate> = OnceLock::new();
        // A test opens the very same text: it cannot fail where the tests passed.
        GATE.get_or_init(|| {
            Self::from_json(include_str!("gate.json")).expect("the compiled-in gate is sound")
        })
    }

    /// Reads a gate and checks that it can be used.
    ///
    /// # Errors
    /// [`GateError`], with the remedy.
    pub fn from_json(json: &str) -> Result<Self, GateError> {
        let gate: Self = serde_json::from_str(json)?;
        if gate.measures != NAMES {
            return Err(GateError::OtherMeasures);
        }
        let sound = gate.scaling.is_sound()
            && gate.fundus.is_sound()
            && gate.ruined.is_sound()
            && gate.faults.iter().all(|fault| fault.score.is_sound())
            && (0.0..=1.0).contains(&gate.least_visible);
        if sound {
            Ok(gate)
        } else {
            Err(GateError::Unsound)
        }
    }

    /// Lets a photo through, or says why it is not to be graded.
    ///
    /// # Errors
    /// The first [`Reason`] that holds.
    pub fn check(&self, photo: &RgbImage, retina: &Retina) -> Result<(), Reason> {
        // Next to nothing of the disc is lit.
        let measures = Measures::of(photo, retina).map_err(|_| Reason::NotFundus)?;
        self.judge(&measures)
    }

    /// The same of measures already taken.
    ///
    /// # Errors
    /// The first [`Reason`] that holds.
    pub fn judge(&self, measures: &Measures) -> Result<(), Reason> {
        let terms = self.scaling.terms(&measures.values);
        let worst = self
            .faults
            .iter()
            .map(|fault| (fault.score.margin(&terms), fault.reason))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if self.fundus.margin(&terms) < 0.0 {
            // A shot of an eye in which nothing can be seen is one to repeat or to
            // refer; a picture of something else concerns nobody's eye.
            let ruined = self.ruined.margin(&terms) > 0.0;
            return Err(match worst {
                Some((_, reason)) if ruined => reason,
                _ => Reason::NotFundus,
            });
        }
        if measures.diameter < LEAST_DIAMETER {
            return Err(Reason::TooSmall);
        }
        if measures.visible < self.least_visible {
            return Err(Reason::CutOff);
        }
        match worst {
            Some((margin, reason)) if margin > 0.0 => Err(reason),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_fit_the_room_a_card_reserves() {
        for reason in Reason::ALL {
            let words = reason.to_string();
            assert!(words.len() <= 110, "{} characters: {words}", words.len());
            assert!(words.contains(';'), "what to do is missing: {words}");
        }
    }

    #[test]
    fn the_compiled_in_gate_is_sound() {
        let gate = Gate::from_json(include_str!("gate.json")).expect("sound");
        assert_eq!(&gate, Gate::shipped());
        let looked_for: Vec<Reason> = gate.faults.iter().map(|fault| fault.reason).collect();
        for reason in [
            Reason::Blurred,
            Reason::TooDark,
            Reason::Glare,
            Reason::Hazy,
        ] {
            assert!(looked_for.contains(&reason), "{reason:?}");
        }
    }

    #[test]
    fn a_gate_for_other_measures_or_of_nonsense_is_refused() {
        let text = include_str!("gate.json");
        let renamed = text.replacen("\"red-share\"", "\"ruddiness\"", 1);
        assert!(matches!(
            Gate::from_json(&renamed),
            Err(GateError::OtherMeasures)
        ));
        let mut gate = Gate::shipped().clone();
        gate.fundus.weights.pop();
        let cut = serde_json::to_string(&gate).expect("written");
        assert!(matches!(Gate::from_json(&cut), Err(GateError::Unsound)));
        let spoil: [fn(&mut Gate); 8] = [
            |gate| gate.ruined.weights.push(0.0),
            |gate| gate.faults[3].score.weights.clear(),
            |gate| gate.scaling.mean.truncate(3),
            |gate| gate.scaling.deviation.push(1.0),
            |gate| gate.scaling.deviation[7] = 0.0,
            |gate| gate.scaling.deviation[7] = -1.0,
            |gate| gate.least_visible = 1.1,
            |gate| gate.least_visible = -0.1,
        ];
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut gate = Gate::shipped().clone();
            spoil(&mut gate);
            let json = serde_json::to_string(&gate).expect("written");
            let read = Gate::from_json(&json);
            assert!(matches!(read, Err(GateError::Unsound)), "{number}");
        }
        let mut gate = Gate::shipped().clone();
        gate.ruined.threshold = f64::NEG_INFINITY;
        assert!(!gate.ruined.is_sound());
        assert!(matches!(Gate::from_json("{}"), Err(GateError::Json(_))));
    }

    /// A gate whose margins are four measures as they come: how much of a retina it is,
    /// how ruined, how blurred and how hazy.
    fn simple() -> Gate {
        let score = |measure: usize| {
            let mut weights = vec![0.0; TERMS];
            weights[1 + measure] = 1.0;
            Score {
                weights,
                threshold: 0.0,
            }
        };
        Gate {
            scaling: Scaling {
                mean: vec![0.0; COUNT],
                deviation: vec![1.0; COUNT],
            },
            fundus: score(0),
            ruined: score(1),
            faults: [(Reason::Blurred, 2), (Reason::Hazy, 3)]
                .map(|(reason, measure)| Fault {
                    reason,
                    score: score(measure),
                })
                .to_vec(),
            least_visible: 0.75,
            ..Gate::shipped().clone()
        }
    }

    #[test]
    fn the_first_reason_that_holds_is_given() {
        let good = ([1.0, -1.0, -1.0, -1.0], 0.9, 300.0);
        let judge = |(margins, visible, diameter): ([f32; 4], f32, f32)| {
            let mut values = [0.0; COUNT];
            values[..4].copy_from_slice(&margins);
            simple().judge(&Measures {
                values,
                visible,
                diameter,
            })
        };
        assert_eq!(judge(good), Ok(()));
        // On each line it passes still.
        assert_eq!(judge(([0.0; 4], 0.75, LEAST_DIAMETER)), Ok(()));
        let (fine, visible, diameter) = good;
        for (margins, visible, diameter, reason) in [
            (fine, visible, 99.9, Reason::TooSmall),
            (fine, 0.74, diameter, Reason::CutOff),
            ([1.0, 1.0, 0.1, -1.0], visible, diameter, Reason::Blurred),
            ([1.0, 1.0, -1.0, 0.1], visible, diameter, Reason::Hazy),
            // The worse of two faults, and geometry before either.
            ([1.0, -1.0, 0.2, 0.3], visible, diameter, Reason::Hazy),
            ([1.0, -1.0, 0.3, 0.2], visible, diameter, Reason::Blurred),
            ([1.0, -1.0, 0.3, 0.2], 0.5, diameter, Reason::CutOff),
            ([1.0, -1.0, 0.3, 0.2], 0.5, 99.0, Reason::TooSmall),
            // What is no retina is none, whatever else it is,
            ([-0.1, -0.1, 3.0, 2.0], 0.5, 99.0, Reason::NotFundus),
            ([-0.1, 0.0, 3.0, 2.0], visible, diameter, Reason::NotFundus),
            // but for a shot in which nothing can be seen: the fault it has most of.
            ([-0.1, 0.1, 3.0, 2.0], 0.5, 99.0, Reason::Blurred),
            ([-0.1, 0.1, -3.0, -2.0], visible, diameter, Reason::Hazy),
        ] {
            let judged = judge((margins, visible, diameter));
            assert_eq!(judged, Err(reason), "{margins:?} {visible} {diameter}");
        }
    }

    #[test]
    fn what_is_not_lit_is_no_retina() {
        let photo = crate::synth::draw(0, 1, 300);
        let retina = crate::photo::find(&photo).expect("found");
        let black = RgbImage::new(300, 300);
        let verdict = Gate::shipped().check(&black, &retina);
        assert_eq!(verdict, Err(Reason::NotFundus));
    }

    #[test]
    fn drawn_photographs_pass_at_every_size() {
        for grade in 0..5 {
            for size in [160, 256, 768] {
                let photo = crate::synth::draw(grade, 11 + u64::from(grade), size);
                let retina = crate::photo::find(&photo).expect("found");
                let verdict = Gate::shipped().check(&photo, &retina);
                assert_eq!(verdict, Ok(()), "grade {grade}, {size} pixels");
            }
        }
    }

    fn verdict(photo: &RgbImage) -> Result<(), Reason> {
        let retina = crate::photo::find(photo).expect("found");
        Gate::shipped().check(photo, &retina)
    }

    #[test]
    fn each_fault_of_a_shot_is_named() {
        let photo = crate::synth::draw(1, 3, 400);
        // However much the blur grows, it stays a blurred photo of an eye.
        let blurred = [1.0, 2.0, 3.0, 4.0, 6.0, 10.0]
            .map(|sigma| verdict(&image::imageops::blur(&photo, sigma)));
        let refused = blurred.iter().position(Result::is_err).expect("refused");
        for verdict in &blurred[refused..] {
            assert_eq!(*verdict, Err(Reason::Blurred), "{blurred:?}");
        }

        let mut dark = photo.clone();
        dark.iter_mut().for_each(|level| *level /= 9);
        assert_eq!(verdict(&dark), Err(Reason::TooDark));

        let mut bright = photo.clone();
        bright
            .iter_mut()
            .for_each(|level| *level = level.saturating_mul(4));
        assert_eq!(verdict(&bright), Err(Reason::Glare));

        let third = image::imageops::crop_imm(&photo, 0, 0, 150, 400).to_image();
        assert_eq!(verdict(&third), Err(Reason::CutOff));

        let mut frame = RgbImage::new(400, 400);
        let tiny = crate::photo::thumbnail(&photo, 90);
        image::imageops::replace(&mut frame, &tiny, 120, 120);
        assert_eq!(verdict(&frame), Err(Reason::TooSmall));
    }

    #[test]
    fn a_page_and_a_ball_are_no_retina() {
        let page = RgbImage::from_fn(400, 300, |x, y| {
            let ink = y % 16 < 8 && (x / 5 * 7 + y / 16 * 3) % 5 < 3;
            image::Rgb(if ink { [30, 20, 10] } else { [240, 215, 180] })
        });
        let ball = RgbImage::from_fn(400, 300, |x, y| {
            let away = (x as f32 - 200.0).hypot(y as f32 - 150.0);
            let lit = (1.0 - away / 400.0) * f32::from(u8::from(away < 130.0));
            image::Rgb([230.0, 120.0, 40.0].map(|level: f32| (level * lit) as u8))
        });
        for picture in [page, ball] {
            let refused = match crate::photo::find(&picture) {
                Ok(retina) => Gate::shipped().check(&picture, &retina).is_err(),
                Err(_) => true,
            };
            assert!(refused);
        }
    }
}
