//! Where to put the threshold of referral, and what it does there.
//!
//! A threshold is chosen on validation alone and then applied, unchanged, to
//! whatever is measured.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a threshold must reach on validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Miss few: the highest threshold with at least this sensitivity.
    Sensitivity(f64),
    /// Raise few false alarms: the lowest threshold with at least this
    /// specificity.
    Specificity(f64),
    /// Weigh both alike: the highest sum of the two (Youden 1950).
    Balanced,
}

/// A threshold with what it achieved on the photos it was chosen on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    pub target: Target,
    /// A score of at least this is called positive.
    pub threshold: f64,
    /// Achieved on validation.
    pub achieved: Rates,
}

/// Counts and rates of calling every score of at least a threshold positive.
/// A rate without photos to define it is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    pub true_positives: u64,
    pub false_positives: u64,
    pub true_negatives: u64,
    pub false_negatives: u64,
    pub sensitivity: Option<f64>,
    pub specificity: Option<f64>,
    /// Predictive values among these photos as they are.
    pub positive_predictive_value: Option<f64>,
    pub negative_predictive_value: Option<f64>,
}

/// Predictive values among patients of whom `prevalence` have the disease.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PredictiveValues {
    pub prevalence: f64,
    pub positive: Option<f64>,
    pub negative: Option<f64>,
}

/// Why no threshold could be chosen.
#[derive(Debug, Error, PartialEq)]
pub enum OperatingPointError {
    #[error("{scores} scores do not go with {truths} labels: give one label a photo")]
    Lengths { scores: usize, truths: usize },
    #[error("a score is not finite: the network diverged")]
    NotFinite,
    #[error("{0} is no rate: name a target between 0 and 1")]
    Target(f64),
    #[error(
        "validation has {positives} diseased and {negatives} healthy photos; both are needed to \
         place a threshold: put more photos into validation"
    )]
    OneSided { positives: u64, negatives: u64 },
}

/// Chooses the threshold on `scores` that reaches `target` with the least loss
/// on the other side. It lies midway between two scores, so that no photo's
/// call hangs on its last bit. Scores are probabilities, and so is the threshold:
/// where healthy photos have a score of 1, a specificity may be out of reach, and
/// what is achieved says so.
pub fn choose(
    scores: &[f64],
    positive: &[bool],
    target: Target,
) -> Result<OperatingPoint, OperatingPointError> {
    if scores.len() != positive.len() {
        return Err(OperatingPointError::Lengths {
            scores: scores.len(),
            truths: positive.len(),
        });
    }
    if scores.iter().any(|score| !score.is_finite()) {
        return Err(OperatingPointError::NotFinite);
    }
    if let Target::Sensitivity(wanted) | Target::Specificity(wanted) = target
        && !(0.0..=1.0).contains(&wanted)
    {
        return Err(OperatingPointError::Target(wanted));
    }
    let positives = positive.iter().filter(|&&p| p).count() as u64;
    let negatives = positive.len() as u64 - positives;
    if positives == 0 || negatives == 0 {
        return Err(OperatingPointError::OneSided {
            positives,
            negatives,
        });
    }

    let mut distinct = scores.to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    // Calling everybody positive, then one run of equal scores fewer each time.
    let mut candidates = vec![distinct[0]];
    candidates.extend(distinct.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0));
    // Only this one calls nobody positive. No probability lies above a score of 1,
    // and no line does.
    let highest = distinct[distinct.len() - 1];
    if highest < 1.0 {
        candidates.push(highest.next_up());
    }

    let at = |threshold: f64| rates(scores, positive, threshold);
    // Sensitivity falls and specificity rises along the candidates.
    let chosen = match target {
        Target::Sensitivity(rate) => {
            let beyond = candidates.partition_point(|&t| at(t).sensitivity >= Some(rate));
            // The first candidate always reaches any sensitivity.
            candidates[beyond.max(1) - 1]
        }
        Target::Specificity(rate) => {
            let first = candidates.partition_point(|&t| at(t).specificity < Some(rate));
            // The last one reaches any specificity, or comes closest where a healthy
            // photo has a score of 1.
            candidates[first.min(candidates.len() - 1)]
        }
        Target::Balanced => {
            let sum = |t: f64| {
                let rates = at(t);
                rates.sensitivity.unwrap_or(0.0) + rates.specificity.unwrap_or(0.0)
            };
            // Of equal sums the lowest threshold: it misses fewer.
            let mut best = (candidates[0], sum(candidates[0]));
            for &candidate in &candidates[1..] {
                let sum = sum(candidate);
                if sum > best.1 {
                    best = (candidate, sum);
                }
            }
            best.0
        }
    };
    Ok(OperatingPoint {
        target,
        threshold: chosen,
        achieved: rates(scores, positive, chosen),
    })
}

/// What calling every score of at least `threshold` positive does.
pub fn rates(scores: &[f64], positive: &[bool], threshold: f64) -> Rates {
    weighted_rates(scores, positive, threshold, None)
}

/// The same where photo `i` counts `weights[i]` times.
pub fn weighted_rates(
    scores: &[f64],
    positive: &[bool],
    threshold: f64,
    weights: Option<&[u32]>,
) -> Rates {
    let [mut tp, mut fp, mut tn, mut fn_] = [0u64; 4];
    for (i, (&score, &truth)) in scores.iter().zip(positive).enumerate() {
        let count = weights.map_or(1, |w| u64::from(w[i]));
        match (truth, score >= threshold) {
            (true, true) => tp += count,
            (false, true) => fp += count,
            (false, false) => tn += count,
            (true, false) => fn_ += count,
        }
    }
    let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    Rates {
        true_positives: tp,
        false_positives: fp,
        true_negatives: tn,
        false_negatives: fn_,
        sensitivity: ratio(tp, tp + fn_),
        specificity: ratio(tn, tn + fp),
        positive_predictive_value: ratio(tp, tp + fp),
        negative_predictive_value: ratio(tn, tn + fn_),
    }
}

impl Rates {
    /// Predictive values at another prevalence than these photos', by Bayes'
    /// rule: a data set of a clinic holds far more disease than a screening.
    pub fn at_prevalence(&self, prevalence: f64) -> PredictiveValues {
        let part = |wanted: f64, other: f64| {
            let whole = wanted + other;
            (whole > 0.0).then(|| wanted / whole)
        };
        let both = self.sensitivity.zip(self.specificity);
        PredictiveValues {
            prevalence,
            positive: both.and_then(|(sensitivity, specificity)| {
                part(
                    sensitivity * prevalence,
                    (1.0 - specificity) * (1.0 - prevalence),
                )
            }),
            negative: both.and_then(|(sensitivity, specificity)| {
                part(
                    specificity * (1.0 - prevalence),
                    (1.0 - sensitivity) * prevalence,
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 6] = [0.1, 0.2, 0.4, 0.6, 0.7, 0.9];
    const TRUTH: [bool; 6] = [false, false, true, false, true, true];

    #[test]
    fn full_sensitivity_keeps_the_most_specificity_it_can() {
        let point = choose(&SCORES, &TRUTH, Target::Sensitivity(1.0)).unwrap();
        assert!((point.threshold - 0.3).abs() < 1e-12);
        assert_eq!(point.achieved.sensitivity, Some(1.0));
        assert_eq!(point.achieved.specificity, Some(2.0 / 3.0));
    }

    #[test]
    fn where_the_lowest_score_is_diseased_only_calling_everybody_misses_none() {
        // In no order, as photos come.
        let scores = [0.7, 0.1, 0.9, 0.4];
        let truth = [false, true, true, false];
        let point = choose(&scores, &truth, Target::Sensitivity(1.0)).unwrap();
        assert_eq!(point.threshold, 0.1);
        assert_eq!(point.achieved.sensitivity, Some(1.0));
        let half = choose(&scores, &truth, Target::Sensitivity(0.5)).unwrap();
        assert!((half.threshold - 0.8).abs() < 1e-12);
    }

    #[test]
    fn full_specificity_keeps_the_most_sensitivity_it_can() {
        let point = choose(&SCORES, &TRUTH, Target::Specificity(1.0)).unwrap();
        assert!((point.threshold - 0.65).abs() < 1e-12);
        assert_eq!(point.achieved.sensitivity, Some(2.0 / 3.0));
    }

    #[test]
    fn where_only_calling_nobody_is_specific_enough_nobody_is_called() {
        let point = choose(&[0.2, 0.9], &[true, false], Target::Specificity(1.0)).unwrap();
        assert_eq!(point.achieved.sensitivity, Some(0.0));
        assert_eq!(point.achieved.specificity, Some(1.0));
        assert_eq!(point.achieved.positive_predictive_value, None);
    }

    #[test]
    fn no_line_lies_above_a_score_of_one() {
        // Both sides are as sure as can be: no line parts them.
        let scores = [0.2, 0.4, 1.0, 1.0];
        let truth = [false, true, false, true];
        let point = choose(&scores, &truth, Target::Specificity(0.95)).unwrap();
        assert!((point.threshold - 0.7).abs() < 1e-12, "{point:?}");
        assert_eq!(point.achieved.specificity, Some(0.5));
        for target in [Target::Specificity(1.0), Target::Balanced] {
            let alike = choose(&[1.0, 1.0], &[true, false], target).unwrap();
            assert_eq!(alike.threshold, 1.0);
            assert_eq!(alike.achieved.specificity, Some(0.0));
        }
    }

    #[test]
    fn the_balanced_point_has_the_highest_sum() {
        let point = choose(&SCORES, &TRUTH, Target::Balanced).unwrap();
        // 1 + 2/3 at 0.3 and 2/3 + 1 at 0.65: of the two the one that misses none.
        assert!((point.threshold - 0.3).abs() < 1e-12, "{}", point.threshold);
    }

    #[test]
    fn equal_scores_are_called_alike() {
        let point = choose(
            &[0.5, 0.5, 0.5, 0.1],
            &[true, true, false, false],
            Target::Sensitivity(0.5),
        )
        .unwrap();
        assert_eq!(point.achieved.sensitivity, Some(1.0));
        assert_eq!(point.achieved.specificity, Some(0.5));
    }

    #[test]
    fn one_side_alone_is_refused() {
        assert_eq!(
            choose(&[0.5], &[true], Target::Sensitivity(0.9)),
            Err(OperatingPointError::OneSided {
                positives: 1,
                negatives: 0
            })
        );
    }

    #[test]
    fn what_no_threshold_can_be_chosen_by_is_refused() {
        let healthy_alone = choose(&[0.5, 0.6], &[false; 2], Target::Balanced);
        assert!(matches!(
            healthy_alone,
            Err(OperatingPointError::OneSided { positives: 0, .. })
        ));
        let truth = [true, false];
        let lost = choose(&[0.5, f64::NAN], &truth, Target::Balanced);
        assert_eq!(lost, Err(OperatingPointError::NotFinite));
        for wanted in [-0.1, 1.01, f64::NAN] {
            for target in [Target::Sensitivity(wanted), Target::Specificity(wanted)] {
                let refused = choose(&[0.5, 0.6], &truth, target);
                assert!(matches!(refused, Err(OperatingPointError::Target(_))));
            }
        }
        for wanted in [0.0, 0.1] {
            choose(&[0.5, 0.6], &truth, Target::Sensitivity(wanted)).unwrap();
        }
    }

    #[test]
    fn predictive_values_follow_bayes() {
        let rates = Rates {
            sensitivity: Some(0.9),
            specificity: Some(0.9),
            ..rates(&SCORES, &TRUTH, 0.5)
        };
        let values = rates.at_prevalence(0.1);
        assert!((values.positive.unwrap() - 0.5).abs() < 1e-12);
        assert!((values.negative.unwrap() - 81.0 / 82.0).abs() < 1e-12);
    }
}
