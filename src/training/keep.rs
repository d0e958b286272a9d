//! Which epoch of a training becomes the model.

use serde::{Deserialize, Serialize};

use super::finetune::EpochFigures;

/// What the kept epoch is best at, on validation and at the full size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// The highest quadratic kappa: what graders are compared by. It jumps from
    /// epoch to epoch where photos are few, for it counts whole grades. What a
    /// configuration means that is silent, as all were before there was a choice;
    /// `fovea train` asks for the other.
    #[default]
    Kappa,
    /// The lowest cross-entropy after temperature scaling: smoother, and a judge
    /// of the probabilities as well as of the grades.
    CrossEntropy,
}

impl Keep {
    /// How good an epoch is; more is better, the worst of all where it has no
    /// such figure.
    pub fn score(self, epoch: &EpochFigures) -> f64 {
        let figure = match self {
            Self::Kappa => epoch.validation.kappa_quadratic,
            Self::CrossEntropy => epoch.scaled_cross_entropy.map(|value| -value),
        };
        figure.unwrap_or(f64::NEG_INFINITY)
    }

    /// Whether it is what a configuration means that is silent.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// In the words of the model card.
    pub fn words(self) -> &'static str {
        match self {
            Self::Kappa => "best epoch by quadratic kappa on validation",
            Self::CrossEntropy => {
                "best epoch by cross-entropy on validation after temperature scaling"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Metrics, Predictions};

    fn epoch(logits: &[Vec<f64>], scaled_cross_entropy: Option<f64>) -> EpochFigures {
        let predictions = Predictions::from_logits(logits, &[0, 4]).unwrap();
        EpochFigures {
            epoch: 1,
            size: 64,
            training_loss: None,
            validation: Metrics::of(&predictions),
            scaled_cross_entropy,
            best: false,
        }
    }

    #[test]
    fn each_prefers_the_epoch_that_is_better_by_its_own_figure() {
        let row = |grade: usize| -> Vec<f64> {
            (0..5).map(|g| if g == grade { 2.0 } else { 0.0 }).collect()
        };
        let right = epoch(&[row(0), row(4)], Some(0.9));
        let wrong = epoch(&[row(0), row(3)], Some(0.4));
        assert!(Keep::Kappa.score(&right) > Keep::Kappa.score(&wrong));
        assert!(Keep::CrossEntropy.score(&wrong) > Keep::CrossEntropy.score(&right));
        let none = epoch(&[row(0), row(4)], None);
        assert_eq!(Keep::CrossEntropy.score(&none), f64::NEG_INFINITY);
    }
}
