//! What follows from the order of scores alone: the areas under the ROC and the
//! precision-recall curve, ties counted as scikit-learn counts them.

use serde::{Deserialize, Serialize};

/// Photos in ascending order of score, in runs of equal scores.
///
/// Sorting once and reusing the order makes a bootstrap sample cost one pass.
#[derive(Debug, Clone)]
pub struct Ranking {
    order: Vec<usize>,
    /// Where each run of equal scores ends, exclusive.
    run_ends: Vec<usize>,
}

/// A point of the ROC or precision-recall curve: calling positive every photo
/// with this score or more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Sensitivity, or recall.
    pub true_positive_rate: f64,
    /// One minus specificity.
    pub false_positive_rate: f64,
    pub precision: f64,
}

impl Ranking {
    /// Orders scores, which must be finite.
    pub fn of(scores: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let mut run_ends = Vec::new();
        for end in 1..=order.len() {
            if end == order.len() || scores[order[end]] != scores[order[end - 1]] {
                run_ends.push(end);
            }
        }
        Self { order, run_ends }
    }

    /// Positives and negatives of each run of equal scores, ascending.
    fn runs<'a>(
        &'a self,
        positive: &'a dyn Fn(usize) -> bool,
        weights: Option<&'a [u32]>,
    ) -> impl DoubleEndedIterator<Item = (f64, f64)> + 'a {
        (0..self.run_ends.len()).map(move |run| {
            let start = if run == 0 { 0 } else { self.run_ends[run - 1] };
            let (mut positives, mut negatives) = (0.0, 0.0);
            for &i in &self.order[start..self.run_ends[run]] {
                let weight = weights.map_or(1.0, |w| f64::from(w[i]));
                if positive(i) {
                    positives += weight;
                } else {
                    negatives += weight;
                }
            }
            (positives, negatives)
        })
    }

    /// The area under the ROC curve as the Mann-Whitney statistic: the chance
    /// that a random positive scores above a random negative, a tie counting
    /// half. `None` unless there are both.
    pub fn auc(&self, positive: &dyn Fn(usize) -> bool, weights: Option<&[u32]>) -> Option<f64> {
        let (mut pairs, mut positives, mut negatives) = (0.0, 0.0, 0.0);
        for (p, n) in self.runs(positive, weights) {
            pairs += p * (negatives + n / 2.0);
            positives += p;
            negatives += n;
        }
        (positives > 0.0 && negatives > 0.0).then(|| pairs / (positives * negatives))
    }

    /// Average precision, `Σ (Rₙ − Rₙ₋₁) Pₙ` over falling thresholds, without
    /// interpolation (as in scikit-learn). `None` unless there are both
    /// positives and negatives.
    pub fn average_precision(
        &self,
        positive: &dyn Fn(usize) -> bool,
        weights: Option<&[u32]>,
    ) -> Option<f64> {
        let (mut sum, mut positives, mut negatives) = (0.0, 0.0, 0.0);
        for (p, n) in self.runs(positive, weights).rev() {
            positives += p;
            negatives += n;
            if p > 0.0 {
                sum += p * positives / (positives + negatives);
            }
        }
        (positives > 0.0 && negatives > 0.0).then(|| sum / positives)
    }

    /// The curve from "nobody is positive" to "everybody is"; empty unless
    /// there are both positives and negatives.
    pub fn curve(&self, positive: &dyn Fn(usize) -> bool) -> Vec<CurvePoint> {
        let (all_positives, all_negatives) = self
            .runs(positive, None)
            .fold((0.0, 0.0), |(p, n), (dp, dn)| (p + dp, n + dn));
        if all_positives == 0.0 || all_negatives == 0.0 {
            return Vec::new();
        }
        let mut points = vec![CurvePoint {
            true_positive_rate: 0.0,
            false_positive_rate: 0.0,
            precision: 1.0,
        }];
        let (mut positives, mut negatives) = (0.0, 0.0);
        for (p, n) in self.runs(positive, None).rev() {
            positives += p;
            negatives += n;
            points.push(CurvePoint {
                true_positive_rate: positives / all_positives,
                false_positive_rate: negatives / all_negatives,
                precision: positives / (positives + negatives),
            });
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_between_a_positive_and_a_negative_counts_half() {
        let ranking = Ranking::of(&[0.5, 0.5]);
        assert_eq!(ranking.auc(&|i| i == 0, None), Some(0.5));
    }

    #[test]
    fn one_class_alone_has_no_area() {
        let ranking = Ranking::of(&[0.1, 0.9]);
        assert_eq!(ranking.auc(&|_| true, None), None);
        assert_eq!(ranking.average_precision(&|_| false, None), None);
        assert!(ranking.curve(&|_| true).is_empty());
    }

    #[test]
    fn the_curve_leads_from_nobody_to_everybody_over_its_own_area() {
        let ranking = Ranking::of(&[0.9, 0.2, 0.6, 0.4, 0.6]);
        let positive = |i: usize| [0, 2, 3].contains(&i);
        let rates: Vec<(f64, f64, f64)> = ranking
            .curve(&positive)
            .iter()
            .map(|p| (p.true_positive_rate, p.false_positive_rate, p.precision))
            .collect();
        let third = 1.0 / 3.0;
        let expected = [
            (0.0, 0.0, 1.0),
            (third, 0.0, 1.0),
            (2.0 * third, 0.5, 2.0 / 3.0),
            (1.0, 0.5, 0.75),
            (1.0, 1.0, 0.6),
        ];
        assert_eq!(rates, expected);
        let area: f64 = rates
            .windows(2)
            .map(|pair| (pair[1].1 - pair[0].1) * (pair[0].0 + pair[1].0) / 2.0)
            .sum();
        assert!((area - ranking.auc(&positive, None).unwrap()).abs() < 1e-12);
        assert!(ranking.curve(&|_| false).is_empty());
        assert_eq!(ranking.average_precision(&|_| true, None), None);
    }

    #[test]
    fn weights_equal_repetition() {
        let scores = [0.1, 0.4, 0.35, 0.8];
        let positive = |i: usize| i >= 2;
        let weighted = Ranking::of(&scores).auc(&positive, Some(&[1, 2, 0, 3]));
        let repeated = Ranking::of(&[0.1, 0.4, 0.4, 0.8, 0.8, 0.8]).auc(&|i| i >= 3, None);
        assert_eq!(weighted, repeated);
    }
}
