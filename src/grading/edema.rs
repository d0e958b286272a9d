//! The risk of macular oedema in words, and whether it is referred for.
//!
//! Oedema itself is a thickening, which one photo does not show: hard exudates
//! near the macula stand for it, on IDRiD's scale of risks.

use super::assessment::percent;
use super::calibration::most_probable;
use super::phrase::Phrase;
use crate::bundle::{Edema, RISKS};

/// The lowest risk that is referred.
pub const EDEMA_FROM: usize = 1;

pub(super) const NOT_ASSESSED: Phrase =
    Phrase::new("edema-not-assessed", "Macular oedema: not assessed.");

/// What is said of a risk, the chance of any risk at the place of `{chance}`, in
/// the sentences and in their translations.
const NONE: Phrase = Phrase::new(
    "edema-none",
    "Macular oedema: no sign of a risk (chance {chance}).",
);
const NOT_RULED_OUT: Phrase = Phrase::new(
    "edema-not-ruled-out",
    "Macular oedema: a risk cannot be ruled out (chance {chance}).",
);
const POSSIBLE: Phrase = Phrase::new(
    "edema-possible",
    "Macular oedema: risk possible (chance {chance}), as of hard exudates away from the centre.",
);
const LIKELY: Phrase = Phrase::new(
    "edema-likely",
    "Macular oedema: risk likely (chance {chance}), as of hard exudates near the centre.",
);

pub(super) const SAID: [Phrase; 5] = [NOT_ASSESSED, NONE, NOT_RULED_OUT, POSSIBLE, LIKELY];

/// The risk of macular oedema of one photo.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Risk {
    /// Whether the chance of any risk reaches the line.
    pub referable: bool,
    pub code: &'static str,
    pub sentence: String,
    /// The chance of any risk in whole per cent.
    pub label: String,
}

/// Whether the probability of any risk reaches the head's line.
pub(super) fn is_referable(edema: &Edema, probabilities: &[f64]) -> bool {
    chance(probabilities) >= edema.referable.threshold
}

fn chance(probabilities: &[f64]) -> f64 {
    probabilities.iter().skip(EDEMA_FROM).sum()
}

/// Whether numbers may be what a head says: from a file, or from a page.
pub(super) fn are_probabilities(numbers: &[f64]) -> bool {
    numbers.len() == RISKS && numbers.iter().all(|p| (0.0..=1.0).contains(p))
}

impl Risk {
    /// Of calibrated probabilities, one a risk.
    pub fn of(edema: &Edema, probabilities: &[f64]) -> Self {
        let referable = is_referable(edema, probabilities);
        // Below the line, which lies at one half at most, none is most probable.
        let Phrase { code, text } = match (referable, most_probable(probabilities)) {
            (false, _) => NONE,
            (true, 0) => NOT_RULED_OUT,
            (true, 1) => POSSIBLE,
            (true, _) => LIKELY,
        };
        let label = percent(chance(probabilities));
        Self {
            referable,
            code,
            sentence: text.replace("{chance}", &label),
            label,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{EdemaFigures, OperatingPoint};

    fn head(threshold: f64) -> Edema {
        Edema {
            temperature: 1.0,
            referable: OperatingPoint {
                threshold,
                sensitivity: 0.9,
                specificity: 0.8,
                fixed_on: "ten photos".to_owned(),
            },
            taught_by: "ten others".to_owned(),
            penalty: 1.0,
            figures: EdemaFigures {
                dataset: "ten photos".to_owned(),
                n: 10,
                accuracy: 0.9,
                kappa_quadratic: None,
                cross_entropy: 0.3,
                referable_auc: None,
                ece: 0.1,
            },
            command: "none".to_owned(),
        }
    }

    #[test]
    fn the_line_decides_and_the_words_follow_it() {
        for (probabilities, code, referable) in [
            ([0.9, 0.05, 0.05], "edema-none", false),
            ([0.7, 0.1, 0.2], "edema-not-ruled-out", true),
            ([0.2, 0.5, 0.3], "edema-possible", true),
            ([0.2, 0.4, 0.4], "edema-likely", true),
        ] {
            let risk = Risk::of(&head(0.25), &probabilities);
            assert_eq!((risk.code, risk.referable), (code, referable));
            assert!(risk.sentence.contains(&risk.label), "{}", risk.sentence);
        }
        assert!(Risk::of(&head(0.25), &[0.75, 0.25, 0.0]).referable, "on it");
        let risk = Risk::of(&head(0.25), &[0.7, 0.1, 0.2]);
        assert_eq!(
            risk.sentence,
            "Macular oedema: a risk cannot be ruled out (chance 30\u{a0}%)."
        );
    }
}
