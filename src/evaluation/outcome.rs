//! The whole result of one evaluation: every figure with its interval, what the
//! thresholds fixed on validation do here, calibration before and after, and
//! what leaving out doubtful photos gains. This is what is saved, compared and
//! drawn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Interval, interval};
use super::calibration::{ReliabilityBin, reliability};
use super::consistency::if_calibrated;
use super::edema::EdemaEvaluation;
use super::metrics::Metrics;
use super::operating_point::{PredictiveValues, Rates, rates, weighted_rates};
use super::predictions::{InputError, Predictions, REFERABLE_FROM, SIGHT_THREATENING_FROM};
use super::ranking::CurvePoint;
use super::selective::{RiskCoverage, highest_probability, risk_coverage};
use super::temperature;
use crate::bundle::{DoubtFigures, Figures, IfCalibrated};

/// A threshold that validation fixed, to be applied as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What it is for, such as `referable, high sensitivity`.
    pub name: String,
    /// The lowest grade that counts as diseased.
    pub from_grade: usize,
    /// A summed probability of at least this is called diseased.
    pub threshold: f64,
    /// The line of referral at the same operating point, where the disease is said
    /// only of those who are referred, as sight-threatening disease is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referred_from: Option<f64>,
    /// The part of patients with the disease for whom predictive values are
    /// stated.
    pub prevalence: f64,
}

impl Threshold {
    /// What the threshold is held against, a photo each.
    pub(super) fn scores(&self, predictions: &Predictions) -> Vec<f64> {
        match self.referred_from {
            Some(line) => predictions.scores_among_referred(self.from_grade, line),
            None => predictions.scores_at_least(self.from_grade),
        }
    }
}

/// What a threshold does on these photos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtThreshold {
    #[serde(flatten)]
    pub threshold: Threshold,
    #[serde(flatten)]
    pub rates: Rates,
    pub at_prevalence: PredictiveValues,
    /// Of `sensitivity`, `specificity`, `positive_predictive_value` and
    /// `negative_predictive_value`, the last two at the stated prevalence.
    pub intervals: BTreeMap<String, Interval>,
}

/// Calibration without temperature scaling, for comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Uncalibrated {
    /// The temperature whose effect is left out here.
    pub temperature: f64,
    pub cross_entropy: f64,
    pub ece: f64,
    pub brier: f64,
    pub reliability: Vec<ReliabilityBin>,
}

/// The curves of one two-way question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    pub from_grade: usize,
    pub points: Vec<CurvePoint>,
}

/// Everything measured on one set of photos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    #[serde(flatten)]
    pub metrics: Metrics,
    /// 95 % intervals by the names of [`Metrics::named`]; a figure that is not
    /// defined often enough has none.
    pub intervals: BTreeMap<String, Interval>,
    pub bootstrap: Bootstrap,
    /// Patients (or groups) that were resampled.
    pub clusters: usize,
    pub thresholds: Vec<AtThreshold>,
    pub reliability: Vec<ReliabilityBin>,
    /// What a perfectly calibrated grader's ECE would be on these photos.
    pub ece_if_calibrated: IfCalibrated,
    /// Absent where no temperature was applied.
    pub uncalibrated: Option<Uncalibrated>,
    /// Referable and sight-threatening disease; empty curves where the photos
    /// have one side only.
    pub curves: Vec<Curves>,
    pub risk_coverage: RiskCoverage,
    /// The main figures of each data set alone; empty where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_dataset: Vec<Figures>,
    /// What leaving unsure photos to a person does, a data set each; empty where
    /// that was not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubt: Vec<DoubtFigures>,
    /// The risk of macular oedema; absent where the bundle has no head for it, or
    /// no photo a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edema: Option<EdemaEvaluation>,
}

/// What to evaluate.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `[n][classes]`, as the network gives them.
    pub logits: &'a [Vec<f64>],
    /// True grades.
    pub labels: &'a [u8],
    /// Whose photo each is; any numbers, equal for one patient.
    pub clusters: &'a [usize],
    /// Fitted on validation; 1 leaves the logits as they are.
    pub temperature: f64,
    /// Fixed on validation.
    pub thresholds: &'a [Threshold],
    pub bootstrap: Bootstrap,
}

impl Evaluation {
    /// Measures everything. Takes seconds for thousands of photos.
    pub fn of(request: &Request) -> Result<Self, InputError> {
        let Request {
            logits,
            labels,
            clusters,
            temperature,
            thresholds,
            bootstrap,
        } = *request;
        let scaled = temperature::scale(logits, temperature);
        let predictions = Predictions::from_logits(&scaled, labels)?;
        if clusters.len() != predictions.len() {
            return Err(InputError::Lengths {
                predictions: clusters.len(),
                labels: predictions.len(),
            });
        }
        let metrics = Metrics::of(&predictions);
        let samples = bootstrap.run(clusters, |weights| {
            Metrics::weighted(&predictions, Some(weights)).values()
        });
        let intervals = named_intervals(&metrics.names(), &samples);
        let uncalibrated = if temperature == 1.0 {
            None
        } else {
            let raw = Predictions::from_logits(logits, labels)?;
            let raw_metrics = Metrics::of(&raw);
            Some(Uncalibrated {
                temperature,
                cross_entropy: raw_metrics.cross_entropy,
                ece: raw_metrics.ece,
                brier: raw_metrics.brier,
                reliability: reliability(&raw, None),
            })
        };
        let referable = predictions.truth_at_least(REFERABLE_FROM);
        let scores = predictions.scores_at_least(REFERABLE_FROM);
        // Without a threshold of its own, referral follows the likelier side.
        let refer_at = thresholds
            .iter()
            .find(|t| t.from_grade == REFERABLE_FROM)
            .map_or(0.5, |t| t.threshold);
        let referred: Vec<bool> = scores.iter().map(|&score| score >= refer_at).collect();
        let labels = &predictions.labels;
        let curves = [
            (REFERABLE_FROM, &predictions.by_referable),
            (SIGHT_THREATENING_FROM, &predictions.by_sight_threatening),
        ]
        .into_iter()
        .map(|(from_grade, ranking)| Curves {
            from_grade,
            points: ranking.curve(&|i| labels[i] >= from_grade),
        })
        .collect();
        Ok(Self {
            metrics,
            intervals,
            bootstrap,
            clusters: {
                let mut distinct = clusters.to_vec();
                distinct.sort_unstable();
                distinct.dedup();
                distinct.len()
            },
            thresholds: thresholds
                .iter()
                .map(|threshold| at_threshold(&predictions, threshold, clusters, bootstrap))
                .collect(),
            reliability: reliability(&predictions, None),
            ece_if_calibrated: if_calibrated(&predictions, bootstrap),
            uncalibrated,
            curves,
            risk_coverage: risk_coverage(
                &predictions,
                &highest_probability(&predictions),
                &referred,
                &referable,
            ),
            by_dataset: Vec::new(),
            doubt: Vec::new(),
            edema: None,
        })
    }
}

/// The interval of each name from samples that list values in the order of the
/// names.
pub(super) fn named_intervals(
    names: &[String],
    samples: &[Vec<Option<f64>>],
) -> BTreeMap<String, Interval> {
    names
        .iter()
        .enumerate()
        .filter_map(|(place, name)| {
            let values: Vec<Option<f64>> = samples.iter().map(|sample| sample[place]).collect();
            Some((name.clone(), interval(&values)?))
        })
        .collect()
}

fn at_threshold(
    predictions: &Predictions,
    threshold: &Threshold,
    clusters: &[usize],
    bootstrap: Bootstrap,
) -> AtThreshold {
    let scores = threshold.scores(predictions);
    let truth = predictions.truth_at_least(threshold.from_grade);
    let samples = bootstrap.run(clusters, |weights| {
        let rates = weighted_rates(&scores, &truth, threshold.threshold, Some(weights));
        let values = rates.at_prevalence(threshold.prevalence);
        vec![
            rates.sensitivity,
            rates.specificity,
            values.positive,
            values.negative,
        ]
    });
    let names = [
        "sensitivity",
        "specificity",
        "positive_predictive_value",
        "negative_predictive_value",
    ]
    .map(str::to_string);
    let rates = rates(&scores, &truth, threshold.threshold);
    AtThreshold {
        threshold: threshold.clone(),
        at_prevalence: rates.at_prevalence(threshold.prevalence),
        rates,
        intervals: named_intervals(&names, &samples),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_risked_is_measured_at_the_line_of_referral() {
        // Probabilities of referable disease: 0.2, 0.6, 0.4 and 0.8, each its own logit.
        let logits: Vec<Vec<f64>> = [0.2, 0.6, 0.4, 0.8]
            .map(|p: f64| vec![(1.0 - p).ln(), -1e3, p.ln(), -1e3, -1e3])
            .to_vec();
        let line = |name: &str, from_grade, threshold| Threshold {
            name: name.to_owned(),
            from_grade,
            threshold,
            referred_from: None,
            prevalence: 0.1,
        };
        let of = |thresholds: &[Threshold]| {
            Evaluation::of(&Request {
                logits: &logits,
                labels: &[0, 2, 2, 2],
                clusters: &[5, 3, 5, 9],
                temperature: 1.0,
                thresholds,
                bootstrap: Bootstrap {
                    samples: 10,
                    seed: 0,
                },
            })
            .unwrap()
        };
        let threat = line("sight-threatening, screening", 3, 0.1);
        let risk = |found: &Evaluation| found.risk_coverage.points.last().unwrap().referral_risk;
        // By the likelier side the photo at 0.4 is missed; the line of a threat is none.
        let without = of(std::slice::from_ref(&threat));
        assert_eq!(risk(&without), 0.25);
        assert_eq!(
            risk(&of(&[threat, line("referable, screening", 2, 0.3)])),
            0.0
        );
        assert_eq!(without.clusters, 3);
        assert!(without.uncalibrated.is_none());
        let curves: Vec<_> = (without.curves.iter())
            .map(|curve| (curve.from_grade, curve.points.len()))
            .collect();
        assert_eq!(curves, [(2, 5), (3, 0)], "no photo is sight-threatening");
        assert_eq!(without.curves[0].points[3].true_positive_rate, 1.0);
        assert_eq!(without.curves[0].points[3].false_positive_rate, 0.0);
    }

    #[test]
    fn a_threat_is_said_of_those_who_are_referred_alone() {
        // Two are over the line of a threat, one of them not over that of referral.
        let rows = [
            vec![0.1, 0.1, 0.2, 0.6, 0.0],
            vec![0.7, 0.0, 0.0, 0.3, 0.0],
            vec![0.6, 0.4, 0.0, 0.0, 0.0],
        ];
        let predictions = Predictions::from_probabilities(&rows, &[3, 0, 1]).unwrap();
        let mut threshold = Threshold {
            name: "sight-threatening, screening".to_owned(),
            from_grade: SIGHT_THREATENING_FROM,
            threshold: 0.2,
            referred_from: Some(0.5),
            prevalence: 0.1,
        };
        let bootstrap = Bootstrap {
            samples: 10,
            seed: 0,
        };
        let mut measured = |line| {
            threshold.referred_from = line;
            at_threshold(&predictions, &threshold, &[0, 1, 2], bootstrap).rates
        };
        assert_eq!(measured(Some(0.5)).false_positives, 0);
        assert_eq!(measured(Some(0.5)).true_positives, 1);
        assert_eq!(measured(None).false_positives, 1);
    }
}
