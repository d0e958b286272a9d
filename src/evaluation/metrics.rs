//! The table that `fovea evaluate` prints: every figure of one set of
//! predictions, under the names the bundle and the reports carry.

use serde::{Deserialize, Serialize};

use super::calibration::{brier, expected_calibration_error, reliability};
use super::confusion::{Confusion, KappaWeights, macro_mean};
use super::predictions::{Predictions, REFERABLE_FROM, SIGHT_THREATENING_FROM};

/// The single figures of [`Metrics::named`] that are not of one class, as people
/// read them.
pub const FIGURES: [(&str, &str); 13] = [
    ("accuracy", "Accuracy"),
    ("kappa_quadratic", "Cohen's kappa, quadratic weights"),
    ("kappa_linear", "Cohen's kappa, linear weights"),
    ("kappa_unweighted", "Cohen's kappa, unweighted"),
    ("cross_entropy", "Cross-entropy (nats)"),
    ("macro_recall", "Recall, mean over grades"),
    ("macro_specificity", "Specificity, mean over grades"),
    ("referable_auc", "Referable (grade 2 or worse): AUC"),
    (
        "referable_average_precision",
        "Referable: average precision",
    ),
    (
        "sight_threatening_auc",
        "Sight-threatening (grade 3 or worse): AUC",
    ),
    (
        "sight_threatening_average_precision",
        "Sight-threatening: average precision",
    ),
    ("ece", "Expected calibration error, 15 bins"),
    ("brier", "Brier score (0 to 2)"),
];

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

    /// Every single figure with its name, those of a class as
    /// `recall_per_class.2`.
    pub fn named(&self) -> Vec<(String, Option<f64>)> {
        let mut named: Vec<(String, Option<f64>)> = [
            ("accuracy", Some(self.accuracy)),
            ("kappa_quadratic", self.kappa_quadratic),
            ("kappa_linear", self.kappa_linear),
            ("kappa_unweighted", self.kappa_unweighted),
            ("cross_entropy", Some(self.cross_entropy)),
            ("macro_recall", self.macro_recall),
            ("macro_specificity", self.macro_specificity),
            ("referable_auc", self.referable_auc),
            (
                "referable_average_precision",
                self.referable_average_precision,
            ),
            ("sight_threatening_auc", self.sight_threatening_auc),
            (
                "sight_threatening_average_precision",
                self.sight_threatening_average_precision,
            ),
            ("ece", Some(self.ece)),
            ("brier", Some(self.brier)),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .into();
        for (name, values) in [
            ("recall_per_class", &self.recall_per_class),
            ("specificity_per_class", &self.specificity_per_class),
            ("auc_one_vs_rest", &self.auc_one_vs_rest),
        ] {
            for (class, value) in values.iter().enumerate() {
                named.push((format!("{name}.{class}"), *value));
            }
        }
        named
    }

    /// The names of [`Self::named`].
    pub fn names(&self) -> Vec<String> {
        self.named().into_iter().map(|(name, _)| name).collect()
    }

    /// The values of [`Self::named`], in its order.
    pub fn values(&self) -> Vec<Option<f64>> {
        self.named().into_iter().map(|(_, value)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten photos, some of equal scores, and what scikit-learn 1.x makes of them.
    #[test]
    fn ten_photos_have_the_figures_of_scikit_learn() {
        let rows = [
            [0.70, 0.10, 0.10, 0.05, 0.05],
            [0.05, 0.15, 0.20, 0.50, 0.10],
            [0.50, 0.30, 0.10, 0.05, 0.05],
            [0.10, 0.20, 0.40, 0.20, 0.10],
            [0.05, 0.05, 0.10, 0.20, 0.60],
            [0.20, 0.50, 0.20, 0.05, 0.05],
            [0.10, 0.10, 0.50, 0.20, 0.10],
            [0.60, 0.20, 0.10, 0.05, 0.05],
            [0.05, 0.10, 0.20, 0.35, 0.30],
            [0.30, 0.40, 0.20, 0.05, 0.05],
        ]
        .map(|row| row.to_vec());
        let labels = [0, 3, 1, 2, 4, 2, 3, 0, 4, 0];
        let found = Metrics::of(&Predictions::from_probabilities(&rows, &labels).unwrap());
        let named = found.named();
        let of = |name: &str| {
            let (_, value) = named.iter().find(|(one, _)| one == name).unwrap();
            value.unwrap()
        };
        for (name, expected) in [
            ("accuracy", 0.5),
            ("kappa_quadratic", 0.881_516_587_677_725_1),
            ("kappa_linear", 0.695_121_951_219_512_1),
            ("kappa_unweighted", 0.367_088_607_594_936_8),
            ("cross_entropy", 0.981_855_834_175_082_3),
            ("macro_recall", 0.433_333_333_333_333_3),
            ("macro_specificity", 0.876_984_126_984_126_9),
            ("referable_auc", 0.979_166_666_666_666_7),
            ("referable_average_precision", 0.976_190_476_190_476),
            ("sight_threatening_auc", 0.979_166_666_666_666_7),
            ("sight_threatening_average_precision", 0.95),
            ("ece", 0.225),
            ("brier", 0.53),
            ("recall_per_class.0", 2.0 / 3.0),
            ("specificity_per_class.1", 7.0 / 9.0),
            ("auc_one_vs_rest.2", 0.781_25),
        ] {
            let value = of(name);
            assert!((value - expected).abs() < 1e-12, "{name}: {value}");
        }
        assert_eq!(found.n, 10);
        assert_eq!(found.confusion[4], [0, 0, 0, 1, 1]);
    }
}
