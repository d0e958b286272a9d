//! The table that `fovea evaluate` prints: every figure of one set of
//! predictions, under the names the bundle and the reports carry.

use serde::{Deserialize, Serialize};

use super::calibration::{brier, expected_calibration_error, reliability};
use super::confusion::{Confusion, KappaWeights, macro_mean};
use super::predictions::{Predictions, REFERABLE_FROM, SIGHT_THREATENING_FROM};

/// Figures for `n` photos. A figure that the photos do not define (the recall
/// of a grade that none has, an area without both sides) is `None`, written as
/// `null`; macro means run over the grades for which a value is defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Photos measured.
    pub n: u64,
    /// The part of photos given exactly their true grade.
    pub accuracy: f64,
    /// Cohen's kappa with quadratic weights.
    pub kappa_quadratic: Option<f64>,
    /// Cohen's kappa with linear weights.
    pub kappa_linear: Option<f64>,
    /// Cohen's kappa, every disagreement alike.
    pub kappa_unweighted: Option<f64>,
    /// Mean negative log-likelihood of the true grade, in nats.
    pub cross_entropy: f64,
    pub macro_recall: Option<f64>,
    pub macro_specificity: Option<f64>,
    pub recall_per_class: Vec<Option<f64>>,
    pub specificity_per_class: Vec<Option<f64>>,
    pub auc_one_vs_rest: Vec<Option<f64>>,
    /// Area under the ROC curve for grade 2 or worse, scored by the summed
    /// probability of those grades.
    pub referable_auc: Option<f64>,
    pub referable_average_precision: Option<f64>,
    /// The same for grade 3 or worse.
    pub sight_threatening_auc: Option<f64>,
    pub sight_threatening_average_precision: Option<f64>,
    /// Expected calibration error of the highest probability, 15 bins of equal
    /// width.
    pub ece: f64,
    /// Multiclass Brier score, in `0..=2`.
    pub brier: f64,
    /// Counts `[true grade][predicted grade]`.
    pub confusion: Vec<Vec<u64>>,
}

impl Metrics {
    pub fn of(predictions: &Predictions) -> Self {
        Self::weighted(predictions, None)
    }

    /// The figures where photo `i` counts `weights[i]` times: a bootstrap
    /// sample. At least one weight must be above zero.
    pub fn weighted(predictions: &Predictions, weights: Option<&[u32]>) -> Self {
        let labels = &predictions.labels;
        let confusion =
            Confusion::count(predictions.classes, labels, &predictions.predicted, weights);
        let n = confusion.total();
        let loss: f64 = predictions
            .losses
            .iter()
            .enumerate()
            .map(|(i, loss)| loss * weights.map_or(1.0, |w| f64::from(w[i])))
            .sum();
        let recall_per_class = confusion.recall();
        let specificity_per_class = confusion.specificity();
        let referable = |i: usize| labels[i] >= REFERABLE_FROM;
        let sight_threatening = |i: usize| labels[i] >= SIGHT_THREATENING_FROM;
        Self {
            n,
            accuracy: confusion.accuracy(),
            kappa_quadratic: confusion.kappa(KappaWeights::Quadratic),
            kappa_linear: confusion.kappa(KappaWeights::Linear),
            kappa_unweighted: confusion.kappa(KappaWeights::Unweighted),
            cross_entropy: loss / n as f64,
            macro_recall: macro_mean(&recall_per_class),
            macro_specificity: macro_mean(&specificity_per_class),
            recall_per_class,
            specificity_per_class,
            auc_one_vs_rest: predictions
                .by_class
                .iter()
                .enumerate()
                .map(|(class, ranking)| ranking.auc(&|i| labels[i] == class, weights))
                .collect(),
            referable_auc: predictions.by_referable.auc(&referable, weights),
            referable_average_precision: predictions
                .by_referable
                .average_precision(&referable, weights),
            sight_threatening_auc: predictions
                .by_sight_threatening
                .auc(&sight_threatening, weights),
            sight_threatening_average_precision: predictions
                .by_sight_threatening
                .average_precision(&sight_threatening, weights),
            ece: expected_calibration_error(&reliability(predictions, weights)),
            brier: brier(predictions, weights),
            confusion: confusion.counts().to_vec(),
        }
    }
}
