//! Checked predictions: one row of probabilities and one true grade a photo.
//!
//! Built once, measured many times (a bootstrap measures it thousands of
//! times), so everything that does not depend on the sample is prepared here.

use thiserror::Error;

use super::ranking::Ranking;
use crate::grading::{self, most_probable};

/// The lowest ICDR grade that is referred (moderate; Gulshan et al. 2016).
pub const REFERABLE_FROM: usize = grading::REFERABLE_FROM as usize;
/// The lowest ICDR grade that threatens sight (severe).
pub const SIGHT_THREATENING_FROM: usize = grading::SIGHT_THREATENING_FROM as usize;

/// Why logits or probabilities and labels cannot be measured together.
#[derive(Debug, Error, PartialEq)]
pub enum InputError {
    #[error("there is nothing to measure: no prediction was given")]
    Empty,
    #[error("{predictions} predictions do not go with {labels} labels: give one label a photo")]
    Lengths { predictions: usize, labels: usize },
    #[error("prediction {row} has {found} classes where the first has {expected}")]
    Ragged {
        row: usize,
        found: usize,
        expected: usize,
    },
    #[error("label {label} of photo {row} is outside the scale of {classes} classes")]
    Label {
        row: usize,
        label: u8,
        classes: usize,
    },
    #[error("prediction {row} holds a number that is not finite: the network diverged")]
    NotFinite { row: usize },
    #[error("prediction {row} is no distribution: its probabilities are negative or sum to {sum}")]
    NotADistribution { row: usize, sum: f64 },
}

/// Checks the shape of a table of predictions; returns the number of classes.
pub(super) fn check(rows: &[Vec<f64>], labels: &[u8]) -> Result<usize, InputError> {
    let classes = rows.first().ok_or(InputError::Empty)?.len();
    if rows.len() != labels.len() {
        return Err(InputError::Lengths {
            predictions: rows.len(),
            labels: labels.len(),
        });
    }
    for (row, (values, &label)) in rows.iter().zip(labels).enumerate() {
        if values.len() != classes {
            return Err(InputError::Ragged {
                row,
                found: values.len(),
                expected: classes,
            });
        }
        if usize::from(label) >= classes {
            return Err(InputError::Label {
                row,
                label,
                classes,
            });
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(InputError::NotFinite { row });
        }
    }
    Ok(classes)
}

/// Natural logarithms of the softmax of `logits`, without overflow.
pub fn log_softmax(logits: &[f64]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logits.iter().map(|z| (z - highest).exp()).sum();
    let shift = highest + total.ln();
    logits.iter().map(|z| z - shift).collect()
}

/// Probabilities that sum to one from `logits`.
pub fn softmax(logits: &[f64]) -> Vec<f64> {
    log_softmax(logits).into_iter().map(f64::exp).collect()
}

/// The probability of grade `from` or worse, which rounding in the sum does not
/// take above 1.
pub fn at_least(probabilities: &[f64], from: usize) -> f64 {
    let sum: f64 = probabilities.iter().skip(from).sum();
    // Not `min`, which would make a probability of what is no number.
    if sum > 1.0 { 1.0 } else { sum }
}

/// Predictions for `n` photos over `classes` grades, with the true grades.
#[derive(Debug, Clone)]
pub struct Predictions {
    pub(super) classes: usize,
    pub(super) probabilities: Vec<Vec<f64>>,
    pub(super) labels: Vec<usize>,
    pub(super) predicted: Vec<usize>,
    /// Minus the logarithm of the probability given to the true grade, in nats.
    pub(super) losses: Vec<f64>,
    pub(super) by_class: Vec<Ranking>,
    pub(super) by_referable: Ranking,
    pub(super) by_sight_threatening: Ranking,
}

impl Predictions {
    /// From logits `[n][classes]` and labels `[n]` in `0..classes`.
    pub fn from_logits(logits: &[Vec<f64>], labels: &[u8]) -> Result<Self, InputError> {
        let classes = check(logits, labels)?;
        let log_probabilities: Vec<Vec<f64>> = logits.iter().map(|row| log_softmax(row)).collect();
        let losses = log_probabilities
            .iter()
            .zip(labels)
            .map(|(row, &label)| -row[usize::from(label)])
            .collect();
        let probabilities = log_probabilities
            .into_iter()
            .map(|row| row.into_iter().map(f64::exp).collect())
            .collect();
        Ok(Self::new(classes, probabilities, labels, losses))
    }

    /// From probabilities `[n][classes]` and labels `[n]`. A probability of
    /// zero for the true grade counts as `f64::EPSILON`, as in scikit-learn's
    /// `log_loss`: cross-entropy stays finite.
    pub fn from_probabilities(
        probabilities: &[Vec<f64>],
        labels: &[u8],
    ) -> Result<Self, InputError> {
        let classes = check(probabilities, labels)?;
        for (row, values) in probabilities.iter().enumerate() {
            let sum: f64 = values.iter().sum();
            if (sum - 1.0).abs() > 1e-3 || values.iter().any(|&p| p < 0.0) {
                return Err(InputError::NotADistribution { row, sum });
            }
        }
        let losses = probabilities
            .iter()
            .zip(labels)
            .map(|(row, &label)| -row[usize::from(label)].clamp(f64::EPSILON, 1.0).ln())
            .collect();
        Ok(Self::new(classes, probabilities.to_vec(), labels, losses))
    }

    fn new(classes: usize, probabilities: Vec<Vec<f64>>, labels: &[u8], losses: Vec<f64>) -> Self {
        let at_least = |from| {
            let scores: Vec<f64> = probabilities
                .iter()
                .map(|row| at_least(row, from))
                .collect();
            Ranking::of(&scores)
        };
        let by_class = (0..classes)
            .map(|class| {
                let scores: Vec<f64> = probabilities.iter().map(|row| row[class]).collect();
                Ranking::of(&scores)
            })
            .collect();
        let by_referable = at_least(REFERABLE_FROM);
        let by_sight_threatening = at_least(SIGHT_THREATENING_FROM);
        Self {
            classes,
            labels: labels.iter().map(|&label| usize::from(label)).collect(),
            predicted: probabilities.iter().map(|row| most_probable(row)).collect(),
            losses,
            by_class,
            by_referable,
            by_sight_threatening,
            probabilities,
        }
    }

    /// The number of photos.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never true: an empty table is refused.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    pub fn classes(&self) -> usize {
        self.classes
    }

    pub fn probabilities(&self) -> &[Vec<f64>] {
        &self.probabilities
    }

    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The most probable grade of each photo.
    pub fn predicted(&self) -> &[usize] {
        &self.predicted
    }

    /// The probability of grade `from` or worse, for each photo.
    pub fn scores_at_least(&self, from: usize) -> Vec<f64> {
        self.probabilities
            .iter()
            .map(|row| at_least(row, from))
            .collect()
    }

    /// The same as it is said of those who are referred: of a photo whose probability
    /// of referable disease is below `line` nothing is, which no threshold reaches.
    pub fn scores_among_referred(&self, from: usize, line: f64) -> Vec<f64> {
        std::iter::zip(
            self.scores_at_least(REFERABLE_FROM),
            self.scores_at_least(from),
        )
        .map(|(referred, score)| {
            if referred >= line {
                score
            } else {
                f64::NEG_INFINITY
            }
        })
        .collect()
    }

    /// Whether each photo's true grade is `from` or worse.
    pub fn truth_at_least(&self, from: usize) -> Vec<bool> {
        self.labels.iter().map(|&label| label >= from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_the_grade_that_grading_tells() {
        let rows = [
            vec![0.2, 0.4, 0.4],
            vec![0.5, 0.5, 0.0],
            vec![0.6, 0.2, 0.2],
        ];
        let predictions = Predictions::from_probabilities(&rows, &[0, 0, 0]).unwrap();
        assert_eq!(predictions.predicted, [2, 1, 0]);
    }

    #[test]
    fn what_cannot_be_measured_is_refused_with_its_row() {
        let good = vec![0.5, 0.5];
        let of = |second: Vec<f64>, labels: &[u8]| {
            Predictions::from_probabilities(&[good.clone(), second], labels).unwrap_err()
        };
        let row = 1;
        assert_eq!(
            of(vec![f64::NAN, 0.5], &[0, 0]),
            InputError::NotFinite { row }
        );
        for bad in [vec![0.5, 0.49], vec![0.5, 0.51], vec![-0.1, 1.1]] {
            let refused = of(bad.clone(), &[0, 0]);
            let no_distribution = matches!(refused, InputError::NotADistribution { row: 1, .. });
            assert!(no_distribution, "{bad:?}: {refused}");
        }
        assert!(matches!(
            of(good.clone(), &[0, 2]),
            InputError::Label { label: 2, .. }
        ));
        let logits = [vec![1.0, 2.0], vec![f64::INFINITY, 0.0]];
        let refused = Predictions::from_logits(&logits, &[0, 0]).unwrap_err();
        assert_eq!(refused, InputError::NotFinite { row });
        // What was held impossible costs much, and not everything.
        let sure = Predictions::from_probabilities(&[vec![1.0, 0.0]], &[1]).unwrap();
        assert_eq!(sure.losses, [-f64::EPSILON.ln()]);
    }

    #[test]
    fn a_threat_is_scored_from_the_line_of_referral_on() {
        let rows = [vec![0.4, 0.1, 0.3, 0.2, 0.0], vec![0.7, 0.2, 0.0, 0.1, 0.0]];
        let predictions = Predictions::from_probabilities(&rows, &[0, 0]).unwrap();
        let scores = predictions.scores_among_referred(3, 0.4);
        assert_eq!(scores, [0.2, f64::NEG_INFINITY]);
    }

    #[test]
    fn rounding_takes_no_probability_above_one() {
        let row = [0.0, 0.0, 0.33, 0.56, 0.11];
        assert!(row.iter().sum::<f64>() > 1.0);
        assert_eq!(at_least(&row, 2), 1.0);
        assert!(at_least(&[f64::NAN; 5], 2).is_nan());
    }
}
