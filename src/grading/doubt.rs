//! How far an answer is to be doubted: what several looks at the photo say, the
//! chance of being wrong as validation photos taught it, and the reason in words.

use serde::{Deserialize, Serialize};

use super::assessment::percent;
use super::decision::most_probable;
use super::phrase::Phrase;
use super::scale::Grade;
use crate::bundle::{Doubt, Looks};

/// What each look at a photo (as it is, mirrored, turned) says beside the answer,
/// which is their mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// The grade of each look, of the photo as it is first.
    pub grades: Vec<Grade>,
    /// The share of them that is the answer's grade.
    pub same_grade: f64,
    /// How far the expected grade, `Σ grade · probability`, of a look is from the
    /// answer's at most, in grades.
    pub grade_shift: f64,
    /// The same of the probability of grade 2 or above.
    pub referable_shift: f64,
    /// The same of the share of the probability that lies on other grades (the total
    /// variation distance).
    pub moved: f64,
}

impl Agreement {
    /// Of calibrated probabilities, one a grade; `None` of fewer than two looks.
    pub fn of(answer: &[f64], looks: &[Vec<f64>]) -> Option<Self> {
        if looks.len() < 2 {
            return None;
        }
        let grades: Vec<Grade> = looks.iter().map(|look| most_probable(look)).collect();
        let same = grades
            .iter()
            .filter(|grade| **grade == most_probable(answer))
            .count();
        let largest = |apart: &dyn Fn(&[f64]) -> f64| {
            looks.iter().map(|look| apart(look)).fold(0.0, f64::max)
        };
        Some(Self {
            same_grade: same as f64 / grades.len() as f64,
            grades,
            grade_shift: largest(&|look| (expected(look) - expected(answer)).abs()),
            referable_shift: largest(&|look| (referable(look) - referable(answer)).abs()),
            moved: largest(&|look| {
                let apart = look.iter().zip(answer).map(|(a, b)| (a - b).abs());
                apart.sum::<f64>() / 2.0
            }),
        })
    }
}

fn expected(probabilities: &[f64]) -> f64 {
    let weighed = probabilities.iter().enumerate();
    weighed.map(|(grade, p)| grade as f64 * p).sum()
}

fn referable(probabilities: &[f64]) -> f64 {
    probabilities.iter().skip(2).sum()
}

/// The terms of a photo's doubt, each 0 to 1, in the order of
/// [`DoubtWeights`](crate::bundle::DoubtWeights) after the constant:
///
/// - what the most probable grade falls short of certainty;
/// - how close the probability of grade 2 or above is to `threshold`: 1 at the
///   line, 0 where referral is certain one way or the other;
/// - how far the probabilities of a look are from the answer's; 0 without further
///   looks.
pub fn terms(probabilities: &[f64], threshold: f64, agreement: Option<&Agreement>) -> [f64; 3] {
    let highest = probabilities.iter().copied().fold(0.0, f64::max);
    let score = referable(probabilities);
    let (room, to_line) = if score >= threshold {
        (1.0 - threshold, 1.0 - score)
    } else {
        (threshold, score)
    };
    // A threshold of 0 or 1 leaves one side only, and nobody near the line.
    let line = if room > 0.0 { to_line / room } else { 0.0 };
    [
        1.0 - highest,
        line.clamp(0.0, 1.0),
        agreement.map_or(0.0, |agreement| agreement.moved),
    ]
}

impl Doubt {
    /// The chance that grade or referral is wrong, by the regression fitted to
    /// validation photos; see [`terms`] for what goes into it.
    pub fn chance(
        &self,
        probabilities: &[f64],
        threshold: f64,
        agreement: Option<&Agreement>,
    ) -> f64 {
        let [guess, line, moved] = terms(probabilities, threshold, agreement);
        let w = &self.weights;
        let sum = w.constant + w.guess * guess + w.line * line + w.moved * moved;
        1.0 / (1.0 + (-sum).exp())
    }

    /// Whether a photo with this first answer is looked at again. Where it is not,
    /// it would hardly have changed grade or referral.
    pub fn looks_again(&self, probabilities: &[f64], threshold: f64) -> bool {
        match self.looks {
            Looks::FirstAlone => false,
            Looks::MeanOfQuarterTurns => {
                self.chance(probabilities, threshold, None) >= self.look_again_from
            }
        }
    }
}

/// Whether a probability reads as at least `level`: compared as it is shown, so
/// that a result of "50 %" is never said not to reach 50 %.
fn reaches(probability: f64, level: f64) -> bool {
    (probability * 100.0).round() >= (level * 100.0).round()
}

/// Below this the most probable grade is a guess among neighbours.
const SURE: f64 = 0.5;

/// From this share of the most probable grade's probability on another is nearly as
/// likely.
const NEARLY: f64 = 0.75;

const GUESS: &str = "unsure-guess";
const LOOKS: Phrase = Phrase::new(
    "unsure-looks",
    "Unsure, have it read: mirrored or turned, the same photo is graded otherwise.",
);
const NEAR_LINE: Phrase = Phrase::new(
    "unsure-near-line",
    "Unsure, have it read: close to the line between refer and not.",
);
const RIVAL: Phrase = Phrase::new(
    "unsure-rival",
    "Unsure, have it read: another grade is nearly as likely.",
);
const OFTEN_WRONG: Phrase = Phrase::new(
    "unsure-often-wrong",
    "Unsure, have it read: in the model’s validation, answers like this were too often wrong.",
);
const BETWEEN: &str = "unsure-between";

pub(super) const SAID: [Phrase; 4] = [LOOKS, NEAR_LINE, RIVAL, OFTEN_WRONG];
pub(super) const DOUBTS: [&str; 2] = [GUESS, BETWEEN];

/// Whether grade and referral contradict each other: the most probable grade is
/// on one side of the line, the probability of grade 2 or above on the other.
pub fn torn(probabilities: &[f64], threshold: f64) -> bool {
    (referable(probabilities) >= threshold) != most_probable(probabilities).is_referable()
}

/// What is said of an answer that is not to be relied on.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsure {
    /// The key of the reason's translation.
    pub code: &'static str,
    /// The reason and the two grades, in sentences.
    pub sentence: String,
    /// The two grades it wavers between, the lower first.
    pub between: [Grade; 2],
}

/// Whether an answer is unsure, and why. `referable` is what the line at
/// `threshold` says. A bundle without `settings` is unsure where no grade reaches
/// one half; where grade and referral contradict each other, every bundle is.
pub fn judge(
    probabilities: &[f64],
    threshold: f64,
    settings: Option<&Doubt>,
    agreement: Option<&Agreement>,
) -> Option<Unsure> {
    let grade = most_probable(probabilities);
    let guess = !reaches(probabilities[usize::from(grade.number())], SURE);
    let torn = torn(probabilities, threshold);
    let doubtful = match settings {
        Some(settings) => {
            settings.chance(probabilities, threshold, agreement) >= settings.unsure_from
        }
        None => guess,
    };
    if !doubtful && !torn {
        return None;
    }
    let near_line = torn
        || settings.is_some_and(|settings| {
            let [guess, line, _] = terms(probabilities, threshold, agreement);
            settings.weights.line * line >= settings.weights.guess * guess
        });
    let (code, reason) = if guess {
        let reason = format!("Unsure, have it read: no grade reaches {}.", percent(SURE));
        (GUESS, reason)
    } else {
        let phrase = if agreement.is_some_and(|agreement| agreement.same_grade < 1.0) {
            LOOKS
        } else if near_line {
            NEAR_LINE
        } else if is_rivalled(probabilities, grade) {
            RIVAL
        } else {
            OFTEN_WRONG
        };
        (phrase.code, phrase.text.to_owned())
    };
    let between = between(probabilities, grade, agreement);
    let [lower, higher] = between.map(Grade::label);
    Some(Unsure {
        code,
        sentence: format!("{reason} It wavers between {lower} and {higher}."),
        between,
    })
}

/// Whether some other grade is nearly as likely as `grade`.
fn is_rivalled(probabilities: &[f64], grade: Grade) -> bool {
    let highest = probabilities[usize::from(grade.number())];
    Grade::ALL
        .into_iter()
        .filter(|other| *other != grade)
        .any(|other| probabilities[usize::from(other.number())] >= NEARLY * highest)
}

/// The grade and its rival: what looks said most often instead, the more probable
/// of two; else the next most probable.
fn between(probabilities: &[f64], grade: Grade, agreement: Option<&Agreement>) -> [Grade; 2] {
    let looks = agreement.map_or(&[][..], |agreement| &agreement.grades);
    let said = |rival: &Grade| looks.iter().filter(|look| *look == rival).count();
    let probable = |rival: &Grade| probabilities[usize::from(rival.number())];
    let rival = Grade::ALL
        .into_iter()
        .filter(|rival| *rival != grade)
        .max_by(|a, b| {
            said(a)
                .cmp(&said(b))
                .then(probable(a).total_cmp(&probable(b)))
        })
        .unwrap_or(grade);
    [grade.min(rival), grade.max(rival)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::DoubtWeights;

    fn settings() -> Doubt {
        Doubt {
            looks: Looks::MeanOfQuarterTurns,
            weights: DoubtWeights {
                constant: -3.0,
                guess: 4.0,
                line: 2.0,
                moved: 3.0,
            },
            unsure_from: 0.5,
            look_again_from: 0.2,
            fixed_on: "nothing".to_owned(),
            command: "none".to_owned(),
            figures: Vec::new(),
        }
    }

    const CLEAR: [f64; 5] = [0.97, 0.02, 0.01, 0.0, 0.0];
    const MILD: [f64; 5] = [0.1, 0.75, 0.1, 0.05, 0.0];

    #[test]
    fn what_reads_as_half_reaches_half() {
        assert!(reaches(0.4987, 0.5) && percent(0.4987) == percent(0.5));
        assert!(!reaches(0.494, 0.5) && percent(0.494) != percent(0.5));
    }

    #[test]
    fn looks_that_agree_move_nothing_and_others_tell_how_far() {
        assert_eq!(Agreement::of(&MILD, &[]), None);
        let same = Agreement::of(&MILD, &[MILD.to_vec(), MILD.to_vec()]).unwrap();
        assert_eq!((same.same_grade, same.moved), (1.0, 0.0));
        assert_eq!((same.grade_shift, same.referable_shift), (0.0, 0.0));
        let apart_look = vec![0.1, 0.25, 0.6, 0.05, 0.0];
        assert_eq!(Agreement::of(&MILD, &[MILD.to_vec()]), None, "one look");
        let apart = Agreement::of(&MILD, &[MILD.to_vec(), apart_look.clone()]).unwrap();
        assert_eq!(apart.grades, [Grade::Mild, Grade::Moderate]);
        assert_eq!(apart.same_grade, 0.5);
        let apart_downwards = Agreement::of(&apart_look, &[apart_look.clone(), MILD.to_vec()]);
        for apart in [apart, apart_downwards.unwrap()] {
            for found in [apart.moved, apart.grade_shift, apart.referable_shift] {
                assert!((found - 0.5).abs() < 1e-12, "{apart:?}");
            }
        }
    }

    #[test]
    fn a_term_is_whole_at_the_line_and_nothing_far_from_it() {
        let line =
            |score: f64, threshold| terms(&[1.0 - score, 0.0, score, 0.0, 0.0], threshold, None)[1];
        assert_eq!(
            (line(0.2, 0.2), line(1.0, 0.2), line(0.0, 0.2)),
            (1.0, 0.0, 0.0)
        );
        assert!((line(0.1, 0.2) - 0.5).abs() < 1e-12);
        assert!((line(0.6, 0.2) - 0.5).abs() < 1e-12);
        assert_eq!((line(0.3, 0.0), line(1.0, 1.0)), (0.7, 0.0));
    }

    #[test]
    fn the_chance_is_that_of_the_logistic_model() {
        // -3 + 4 x 0.25 for the guess + 2 x 1 on the line: even odds.
        let on_the_line = [0.25, 0.0, 0.75, 0.0, 0.0];
        let chance = settings().chance(&on_the_line, 0.75, None);
        assert!((chance - 0.5).abs() < 1e-12, "{chance}");
        // Without anything to doubt, the constant's odds, e^-3.
        let certain = settings().chance(&[1.0, 0.0, 0.0, 0.0, 0.0], 0.75, None);
        assert!((certain / (1.0 - certain) - (-3f64).exp()).abs() < 1e-12);
        // At its line an answer is unsure, and from its own on looked at again.
        let exactly = Doubt {
            look_again_from: chance,
            unsure_from: chance,
            ..settings()
        };
        assert!(exactly.looks_again(&on_the_line, 0.75));
        assert!(judge(&on_the_line, 0.75, Some(&exactly), None).is_some());
    }

    #[test]
    fn a_clear_answer_is_neither_unsure_nor_looked_at_again() {
        let settings = settings();
        assert!(!settings.looks_again(&CLEAR, 0.2));
        assert_eq!(judge(&CLEAR, 0.2, Some(&settings), None), None);
    }

    #[test]
    fn looks_that_disagree_make_an_answer_unsure_that_was_not() {
        let settings = settings();
        assert!(settings.looks_again(&MILD, 0.3));
        let once = Doubt {
            looks: Looks::FirstAlone,
            ..settings.clone()
        };
        assert!(!once.looks_again(&MILD, 0.3));
        assert_eq!(judge(&MILD, 0.3, Some(&settings), None), None);
        let severe = vec![0.0, 0.1, 0.1, 0.8, 0.0];
        let none = vec![0.6, 0.4, 0.0, 0.0, 0.0];
        let agreement = Agreement::of(&MILD, &[severe, none]).unwrap();
        let unsure = judge(&MILD, 0.3, Some(&settings), Some(&agreement)).unwrap();
        assert_eq!(unsure.code, "unsure-looks");
        // Of two rivals named once each the more probable.
        assert_eq!(unsure.between, [Grade::None, Grade::Mild]);
        assert!(unsure.sentence.contains("between 0 · None and 1 · Mild"));
    }

    #[test]
    fn the_reason_is_the_one_that_weighs_most() {
        let settings = settings();
        let code =
            |p: [f64; 5], threshold| judge(&p, threshold, Some(&settings), None).map(|u| u.code);
        assert_eq!(code([0.4, 0.3, 0.2, 0.1, 0.0], 0.2), Some("unsure-guess"));
        assert_eq!(
            code([0.2, 0.54, 0.26, 0.0, 0.0], 0.27),
            Some("unsure-near-line")
        );
        assert_eq!(
            code([0.0, 0.1, 0.5, 0.4, 0.0], 0.95),
            Some("unsure-near-line")
        );
        let heavy = Doubt {
            unsure_from: 0.2,
            ..settings.clone()
        };
        let rival = judge(&[0.0, 0.0, 0.55, 0.45, 0.0], 0.2, Some(&heavy), None).unwrap();
        assert_eq!(rival.code, "unsure-rival");
        assert_eq!(rival.between, [Grade::Moderate, Grade::Severe]);
        let looked_at = [0.0, 0.0, 0.58, 0.12, 0.3];
        let alone = judge(&looked_at, 0.2, Some(&heavy), None).unwrap();
        assert_eq!(alone.code, "unsure-often-wrong", "no rival to be named");
        // Looks that grade it alike are not said to grade it otherwise.
        let alike = Agreement::of(&looked_at, &[looked_at.to_vec(), looked_at.to_vec()]);
        let alike = judge(&looked_at, 0.2, Some(&heavy), alike.as_ref()).unwrap();
        assert_eq!(alike.code, "unsure-often-wrong");
    }

    #[test]
    fn grade_and_referral_that_contradict_each_other_are_unsure_for_every_bundle() {
        let torn = [0.6, 0.05, 0.3, 0.05, 0.0];
        let lenient = Doubt {
            unsure_from: 1.0,
            ..settings()
        };
        for settings in [None, Some(&lenient)] {
            assert!(judge(&torn, 0.2, settings, None).is_some());
        }
        // Without a fit: one half, as before.
        assert_eq!(judge(&MILD, 0.3, None, None), None);
        assert!(judge(&[0.45, 0.4, 0.1, 0.05, 0.0], 0.3, None, None).is_some());
    }
}
