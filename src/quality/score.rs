//! The fitted part of the gate: logistic regressions over the measures and their
//! squares, which let a measure be wrong by too little and by too much.

use serde::{Deserialize, Serialize};

use super::measures::COUNT;

/// A measure further than this many standard deviations from the mean counts as
/// that far: what no photo of the fit showed says no more than the oddest did.
const FARTHEST: f64 = 4.0;

/// Terms of a score: a constant, the measures and their squares.
pub const TERMS: usize = 1 + 2 * COUNT;

/// What the measures are brought to before they are weighed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// Mean of each measure over good photos.
    pub mean: Vec<f64>,
    /// Standard deviation of each.
    pub deviation: Vec<f64>,
}

impl Scaling {
    /// A constant 1, the measures in standard deviations, and their squares.
    pub fn terms(&self, values: &[f32; COUNT]) -> [f64; TERMS] {
        let mut terms = [1.0; TERMS];
        for (index, value) in values.iter().enumerate() {
            let off = (f64::from(*value) - self.mean[index]) / self.deviation[index];
            let off = if off.is_finite() { off } else { FARTHEST };
            let off = off.clamp(-FARTHEST, FARTHEST);
            terms[1 + index] = off;
            terms[1 + COUNT + index] = off * off / FARTHEST;
        }
        terms
    }

    pub(super) fn is_sound(&self) -> bool {
        let finite = |v: &[f64]| v.len() == COUNT && v.iter().all(|v| v.is_finite());
        finite(&self.mean) && finite(&self.deviation) && self.deviation.iter().all(|d| *d > 0.0)
    }
}

/// One regression: a photo scores above `threshold`, or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// One weight a term.
    pub weights: Vec<f64>,
    /// On the weighted sum, which is the log of the odds.
    pub threshold: f64,
}

impl Score {
    /// Log-odds above the threshold; negative below.
    pub fn margin(&self, terms: &[f64; TERMS]) -> f64 {
        let sum: f64 = self.weights.iter().zip(terms).map(|(w, t)| w * t).sum();
        sum - self.threshold
    }

    pub(super) fn is_sound(&self) -> bool {
        self.weights.len() == TERMS
            && self.weights.iter().all(|w| w.is_finite())
            && self.threshold.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_counts_in_deviations_and_no_further_than_the_oddest() {
        let scaling = Scaling {
            mean: vec![10.0; COUNT],
            deviation: vec![2.0; COUNT],
        };
        let mut values = [10.0; COUNT];
        for (value, odd) in values.iter_mut().zip([13.0, 7.0, 30.0, -30.0, f32::NAN]) {
            *value = odd;
        }
        let terms = scaling.terms(&values);
        assert_eq!(terms[0], 1.0);
        assert_eq!(terms[1..7], [1.5, -1.5, 4.0, -4.0, 4.0, 0.0]);
        let squares = [0.5625, 0.5625, 4.0, 4.0, 4.0, 0.0];
        assert_eq!(terms[1 + COUNT..7 + COUNT], squares);
    }

    #[test]
    fn a_margin_is_the_weighted_sum_less_the_threshold() {
        let mut weights = vec![0.0; TERMS];
        (weights[0], weights[2], weights[TERMS - 1]) = (0.5, 2.0, -1.0);
        let score = Score {
            weights,
            threshold: 0.25,
        };
        let mut terms = [7.0; TERMS];
        (terms[0], terms[2], terms[TERMS - 1]) = (1.0, 3.0, 4.0);
        assert_eq!(score.margin(&terms), 0.5 + 6.0 - 4.0 - 0.25);
    }
}
