//! What the answers are worth as fewer photos are answered and the more
//! doubtful ones are left to a person, who counts as a referral.

use super::bootstrap::{Bootstrap, interval};
use super::confusion::{Confusion, KappaWeights};
use super::operating_point::weighted_rates;
use super::predictions::{InputError, Predictions, REFERABLE_FROM};
use crate::bundle::{AtCoverage, Estimate};

/// Answers to photos, and how much each is doubted.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    pub predictions: &'a Predictions,
    /// Whether each photo is called referable.
    pub referred: &'a [bool],
    pub doubt: &'a [f64],
    /// Whose photo each is.
    pub clusters: &'a [usize],
}

impl Answers<'_> {
    /// # Errors
    /// [`InputError::Lengths`] where the lists do not go together, and
    /// [`InputError::NotFinite`] for a doubt that is no number.
    pub fn check(&self) -> Result<(), InputError> {
        let n = self.predictions.len();
        for found in [self.referred.len(), self.doubt.len(), self.clusters.len()] {
            if found != n {
                return Err(InputError::Lengths {
                    predictions: found,
                    labels: n,
                });
            }
        }
        match self.doubt.iter().position(|doubt| !doubt.is_finite()) {
            Some(row) => Err(InputError::NotFinite { row }),
            None => Ok(()),
        }
    }

    /// The doubt from which photos are left to a person so that about `coverage`
    /// of them are answered, or none where all are. Equally doubtful photos stay
    /// together and are left together, unless nobody would be answered.
    pub fn left_from(&self, coverage: f64) -> Option<f64> {
        let mut sorted = self.doubt.to_vec();
        sorted.sort_by(f64::total_cmp);
        let answered = (coverage * sorted.len() as f64).round() as usize;
        let first_left = *sorted.get(answered)?;
        (first_left > sorted[0]).then_some(first_left)
    }

    /// Measures answering the photos whose doubt is below `left_from`, or all.
    pub fn at(&self, left_from: Option<f64>, bootstrap: Bootstrap) -> AtCoverage {
        let samples = bootstrap.run(self.clusters, |weights| {
            self.values(left_from, Some(weights))
        });
        let values = self.values(left_from, None);
        let estimate = |place: usize| {
            let sampled: Vec<Option<f64>> = samples.iter().map(|sample| sample[place]).collect();
            let interval = values[place].and(interval(&sampled));
            Estimate {
                value: values[place],
                low: interval.map(|interval| interval.low),
                high: interval.map(|interval| interval.high),
            }
        };
        AtCoverage {
            left_from,
            coverage: estimate(0),
            accuracy: estimate(1),
            kappa_quadratic: estimate(2),
            answered_sensitivity: estimate(3),
            answered_specificity: estimate(4),
            sensitivity: estimate(5),
            specificity: estimate(6),
        }
    }

    /// In the order of [`Self::at`].
    fn values(&self, left_from: Option<f64>, weights: Option<&[u32]>) -> [Option<f64>; 7] {
        let n = self.predictions.len();
        let weight = |i: usize| weights.map_or(1, |weights| weights[i]);
        let left = |i: usize| left_from.is_some_and(|from| self.doubt[i] >= from);
        let answered: Vec<u32> = (0..n)
            .map(|i| if left(i) { 0 } else { weight(i) })
            .collect();
        let total: u64 = (0..n).map(|i| u64::from(weight(i))).sum();
        let kept: u64 = answered.iter().copied().map(u64::from).sum();
        let truth = self.predictions.truth_at_least(REFERABLE_FROM);
        let score = |referred: bool| f64::from(u8::from(referred));
        let own: Vec<f64> = self.referred.iter().map(|r| score(*r)).collect();
        let seen: Vec<f64> = (0..n).map(|i| score(self.referred[i] || left(i))).collect();
        let rates = weighted_rates(&own, &truth, 0.5, Some(&answered));
        let safe = weighted_rates(&seen, &truth, 0.5, weights);
        let confusion = (kept > 0).then(|| {
            Confusion::count(
                self.predictions.classes,
                &self.predictions.labels,
                &self.predictions.predicted,
                Some(&answered),
            )
        });
        [
            (total > 0).then(|| kept as f64 / total as f64),
            confusion.as_ref().map(Confusion::accuracy),
            confusion
                .as_ref()
                .and_then(|confusion| confusion.kappa(KappaWeights::Quadratic)),
            rates.sensitivity,
            rates.specificity,
            safe.sensitivity,
            safe.specificity,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTSTRAP: Bootstrap = Bootstrap {
        samples: 200,
        seed: 3,
    };

    /// Five photos: a missed grade 2 and a false alarm, both more doubtful than
    /// the three that are right.
    fn predictions() -> Predictions {
        let certain = |grade: usize| {
            let mut row = vec![0.0; 5];
            row[grade] = 1.0;
            row
        };
        let rows = [0, 2, 4, 1, 2].map(certain);
        Predictions::from_probabilities(&rows, &[0, 2, 4, 2, 1]).unwrap()
    }

    #[test]
    fn whoever_is_left_to_a_person_counts_as_referred() {
        let predictions = predictions();
        let answers = Answers {
            predictions: &predictions,
            referred: &[false, true, true, false, true],
            doubt: &[0.1, 0.2, 0.1, 0.8, 0.9],
            clusters: &[0, 1, 2, 3, 4],
        };
        answers.check().unwrap();
        let all = answers.at(answers.left_from(1.0), BOOTSTRAP);
        assert_eq!(all.coverage.value, Some(1.0));
        assert_eq!(all.sensitivity.value, Some(2.0 / 3.0));
        assert_eq!(all.answered_sensitivity.value, all.sensitivity.value);
        assert_eq!(all.specificity.value, Some(0.5));

        let most = answers.at(answers.left_from(0.8), BOOTSTRAP);
        assert_eq!(most.coverage.value, Some(0.8));
        // The false alarm is left to a person: still a referral.
        assert_eq!(most.specificity.value, Some(0.5));
        assert_eq!(most.answered_specificity.value, Some(1.0));
        assert_eq!(most.sensitivity.value, Some(2.0 / 3.0));

        let fewer = answers.at(answers.left_from(0.6), BOOTSTRAP);
        assert_eq!(fewer.coverage.value, Some(0.6));
        assert_eq!(fewer.sensitivity.value, Some(1.0));
        assert_eq!(fewer.answered_sensitivity.value, Some(1.0));
        assert_eq!(fewer.accuracy.value, Some(1.0));
        assert_eq!(fewer.kappa_quadratic.value, Some(1.0));
        let (low, high) = (fewer.coverage.low.unwrap(), fewer.coverage.high.unwrap());
        assert!(low < 0.6 && 0.6 < high, "{low} to {high}");
    }

    /// A figure in another's place would go unnoticed where all are alike.
    #[test]
    fn each_figure_stands_in_its_own_place_in_whatever_order_photos_come() {
        let certain = |grade: usize| {
            let mut row = vec![0.0; 5];
            row[grade] = 1.0;
            row
        };
        let rows = [1, 0, 4, 2, 3, 0].map(certain);
        let predictions = Predictions::from_probabilities(&rows, &[0, 0, 4, 4, 2, 2]).unwrap();
        let answers = Answers {
            predictions: &predictions,
            referred: &[false, false, true, true, true, false],
            doubt: &[0.9, 0.1, 0.3, 0.2, 0.4, 0.8],
            clusters: &[0, 1, 2, 3, 4, 5],
        };
        // Rounded to the nearest number of photos: 0.75 of six are five.
        assert_eq!(answers.left_from(0.75), Some(0.9));
        let found = answers.at(answers.left_from(0.75), BOOTSTRAP);
        assert_eq!(found.coverage.value, Some(5.0 / 6.0));
        assert_eq!(found.accuracy.value, Some(0.4));
        // Of grades 0, 4, 4, 2, 2 called 0, 4, 2, 3, 0: squares of 9 apart where the
        // margins alone give 25.8.
        assert!((found.kappa_quadratic.value.unwrap() - (1.0 - 9.0 / 25.8)).abs() < 1e-12);
        assert_eq!(found.answered_sensitivity.value, Some(0.75));
        assert_eq!(found.answered_specificity.value, Some(1.0));
        assert_eq!(found.sensitivity.value, Some(0.75));
        assert_eq!(found.specificity.value, Some(0.5));
    }

    #[test]
    fn equally_doubtful_photos_are_left_together_and_somebody_is_answered() {
        let predictions = predictions();
        let answers = |doubt| Answers {
            predictions: &predictions,
            referred: &[false; 5],
            doubt,
            clusters: &[0; 5],
        };
        let tied = answers(&[0.1, 0.5, 0.5, 0.5, 0.9]);
        assert_eq!(
            tied.at(tied.left_from(0.6), BOOTSTRAP).coverage.value,
            Some(0.2)
        );
        let alike = answers(&[0.5; 5]);
        assert_eq!(alike.left_from(0.5), None);
    }

    #[test]
    fn a_doubt_that_is_no_number_is_refused() {
        let predictions = predictions();
        let answers = Answers {
            predictions: &predictions,
            referred: &[false; 5],
            doubt: &[0.1, f64::NAN, 0.1, 0.1, 0.1],
            clusters: &[0; 5],
        };
        assert_eq!(answers.check(), Err(InputError::NotFinite { row: 1 }));
    }
}
