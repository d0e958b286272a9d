//! What a head for the risk of macular oedema is worth, on IDRiD's scale of three.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Interval};
use super::metrics::Metrics;
use super::operating_point::{Rates, rates, weighted_rates};
use super::outcome::named_intervals;
use super::predictions::{InputError, Predictions};
use super::ranking::Ranking;
use crate::bundle::EdemaFigures;
use crate::grading::EDEMA_FROM;

/// The figures of [`EdemaEvaluation`] as people read them, with their names in
/// [`EdemaEvaluation::intervals`].
pub const FIGURES: [(&str, &str); 7] = [
    ("accuracy", "Accuracy"),
    ("kappa_quadratic", "Cohen's kappa, quadratic weights"),
    ("cross_entropy", "Cross-entropy (nats)"),
    ("referable_auc", "Any risk: AUC"),
    ("ece", "Expected calibration error, 15 bins"),
    ("sensitivity", "Any risk: sensitivity"),
    ("specificity", "Any risk: specificity"),
];

/// Everything measured of the risk on the photos that are labelled with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdemaEvaluation {
    /// Photos with a label, and how many patients they are of.
    pub n: u64,
    pub clusters: usize,
    pub accuracy: f64,
    pub kappa_quadratic: Option<f64>,
    pub cross_entropy: f64,
    /// Area under the ROC curve of risk 1 or 2 against none.
    pub referable_auc: Option<f64>,
    pub ece: f64,
    /// The line fixed on validation, on the probability of risk 1 or 2, and what
    /// it does here.
    pub threshold: f64,
    #[serde(flatten)]
    pub rates: Rates,
    /// Counts `[true risk][given risk]`.
    pub confusion: Vec<Vec<u64>>,
    /// 95 % intervals by the names of [`FIGURES`].
    pub intervals: BTreeMap<String, Interval>,
}

/// Predictions, and what asks for any risk instead of which.
struct Measured {
    predictions: Predictions,
    scores: Vec<f64>,
    truth: Vec<bool>,
    ranking: Ranking,
}

impl Measured {
    fn of(probabilities: &[Vec<f64>], risks: &[u8]) -> Result<Self, InputError> {
        let predictions = Predictions::from_probabilities(probabilities, risks)?;
        let scores = predictions.scores_at_least(EDEMA_FROM);
        Ok(Self {
            truth: predictions.truth_at_least(EDEMA_FROM),
            ranking: Ranking::of(&scores),
            scores,
            predictions,
        })
    }

    fn auc(&self, weights: Option<&[u32]>) -> Option<f64> {
        self.ranking.auc(&|photo| self.truth[photo], weights)
    }
}

/// The manifest's figures of calibrated probabilities `[n][3]` of risks `[n]`.
///
/// # Errors
/// [`InputError`] where they do not go together.
pub fn figures(
    dataset: &str,
    probabilities: &[Vec<f64>],
    risks: &[u8],
) -> Result<EdemaFigures, InputError> {
    let measured = Measured::of(probabilities, risks)?;
    let metrics = Metrics::of(&measured.predictions);
    Ok(EdemaFigures {
        dataset: dataset.to_owned(),
        n: risks.len(),
        accuracy: metrics.accuracy,
        kappa_quadratic: metrics.kappa_quadratic,
        cross_entropy: metrics.cross_entropy,
        referable_auc: measured.auc(None),
        ece: metrics.ece,
    })
}

impl EdemaEvaluation {
    /// Of calibrated probabilities `[n][3]`, risks `[n]`, whose photo each is, and
    /// the line that validation fixed.
    ///
    /// # Errors
    /// [`InputError`] where they do not go together.
    pub fn of(
        probabilities: &[Vec<f64>],
        risks: &[u8],
        clusters: &[usize],
        threshold: f64,
        bootstrap: Bootstrap,
    ) -> Result<Self, InputError> {
        let measured = Measured::of(probabilities, risks)?;
        if clusters.len() != risks.len() {
            return Err(InputError::Lengths {
                predictions: clusters.len(),
                labels: risks.len(),
            });
        }
        let Measured { scores, truth, .. } = &measured;
        let samples = bootstrap.run(clusters, |weights| {
            let metrics = Metrics::weighted(&measured.predictions, Some(weights));
            let rates = weighted_rates(scores, truth, threshold, Some(weights));
            values(&metrics, measured.auc(Some(weights)), &rates)
        });
        let names = FIGURES.map(|(name, _)| name.to_owned());
        let metrics = Metrics::of(&measured.predictions);
        let mut distinct = clusters.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        Ok(Self {
            n: metrics.n,
            clusters: distinct.len(),
            accuracy: metrics.accuracy,
            kappa_quadratic: metrics.kappa_quadratic,
            cross_entropy: metrics.cross_entropy,
            referable_auc: measured.auc(None),
            ece: metrics.ece,
            threshold,
            rates: rates(scores, truth, threshold),
            confusion: metrics.confusion,
            intervals: named_intervals(&names, &samples),
        })
    }

    /// The values of [`FIGURES`], in its order.
    pub fn values(&self) -> [Option<f64>; FIGURES.len()] {
        [
            Some(self.accuracy),
            self.kappa_quadratic,
            Some(self.cross_entropy),
            self.referable_auc,
            Some(self.ece),
            self.rates.sensitivity,
            self.rates.specificity,
        ]
    }
}

fn values(metrics: &Metrics, auc: Option<f64>, rates: &Rates) -> Vec<Option<f64>> {
    vec![
        Some(metrics.accuracy),
        metrics.kappa_quadratic,
        Some(metrics.cross_entropy),
        auc,
        Some(metrics.ece),
        rates.sensitivity,
        rates.specificity,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_risk_is_measured_at_its_line_and_which_by_accuracy() {
        // Six patients of two photos: one photo at risk 1 is taken for 2, one without
        // risk is over the line.
        let given = [0, 0, 0, 2, 1, 1, 1, 2, 2, 2, 2, 2];
        let risks = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2];
        let probabilities: Vec<Vec<f64>> = given
            .iter()
            .map(|risk| (0..3).map(|c| if c == *risk { 0.8 } else { 0.1 }).collect())
            .collect();
        let clusters: Vec<usize> = (0..12).map(|i| i / 2).collect();
        let bootstrap = Bootstrap {
            samples: 200,
            seed: 1,
        };
        let found = EdemaEvaluation::of(&probabilities, &risks, &clusters, 0.5, bootstrap).unwrap();
        assert_eq!((found.n, found.clusters), (12, 6));
        assert!((found.accuracy - 10.0 / 12.0).abs() < 1e-12);
        assert_eq!(found.rates.sensitivity, Some(1.0));
        assert_eq!(found.rates.specificity, Some(0.75));
        // Each of 8 at risk beats 3 of 4 without and ties with the fourth.
        assert!((found.referable_auc.unwrap() - 7.0 / 8.0).abs() < 1e-12);
        assert_eq!(found.confusion[1], [0, 3, 1]);
        let interval = found.intervals["accuracy"];
        assert!(interval.low < found.accuracy && found.accuracy < interval.high);
        for ((name, _), value) in FIGURES.iter().zip(found.values()) {
            assert!(value.is_some(), "{name}");
        }
        let figures = figures("toy", &probabilities, &risks).unwrap();
        assert_eq!(figures.accuracy, found.accuracy);
        assert_eq!(figures.referable_auc, found.referable_auc);
    }
}
