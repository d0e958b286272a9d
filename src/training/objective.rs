//! What a training makes small: the loss between a network's outputs and the
//! true grades.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::opinions::Opinion;
use crate::grading::Grade;

/// What a batch's outputs are held to.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    pub grades: &'a [u8],
    /// A weight a grade, by which the mean is weighted.
    pub weights: &'a [f32],
    /// Share of the truth that is spread over all grades (Szegedy et al. 2016).
    pub smoothing: f32,
    /// A second opinion a photo, where there is one; empty where none was asked.
    pub opinions: &'a [Option<Opinion>],
    /// Their share of the truth.
    pub opinion_share: f32,
}

/// The loss, and with it what the network's outputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Objective {
    /// One logit a grade; minus the logarithm of the true grade's probability.
    CrossEntropy,
    /// The same, photos that are easy already counting less by
    /// `(1 - probability)^gamma` (Lin et al. 2017, "Focal Loss for Dense Object
    /// Detection").
    Focal { gamma: f32 },
    /// One number on the scale of the grades and its squared error, as the
    /// winners of Kaggle's APTOS 2019 had it; validation places the cut points
    /// between the grades.
    Ordinal,
}

impl Objective {
    /// Numbers the network gives a photo.
    pub fn outputs(self) -> usize {
        match self {
            Self::CrossEntropy | Self::Focal { .. } => Grade::ALL.len(),
            Self::Ordinal => 1,
        }
    }

    /// # Errors
    /// A sentence that names the flag.
    pub fn validate(self) -> Result<(), String> {
        match self {
            Self::Focal { gamma } if !(0.0..=10.0).contains(&gamma) => {
                Err("--focal-gamma must lie between 0 and 10".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The mean loss of a batch, `[1]`.
    ///
    /// `outputs` is `[n, self.outputs()]`. The mean is weighted by PyTorch's
    /// convention: the weights of a batch are divided by their sum.
    pub fn loss(self, outputs: Tensor<2>, targets: &Targets<'_>, device: &Device) -> Tensor<1> {
        let Targets {
            grades, weights, ..
        } = *targets;
        let count = grades.len();
        let column =
            |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [count, 1]), device);
        let of = |grade: &u8| weights[usize::from(*grade)];
        let total: f32 = grades.iter().map(of).sum();
        let share = column(grades.iter().map(|grade| of(grade) / total).collect());
        let losses = match self {
            Self::Ordinal => {
                let truth = column(grades.iter().map(|grade| f32::from(*grade)).collect());
                (outputs - truth).powi_scalar(2)
            }
            Self::CrossEntropy | Self::Focal { .. } => {
                let truth = truths(targets, self.outputs(), device);
                let log_probabilities = log_softmax(outputs, 1);
                let losses = -(truth.clone() * log_probabilities.clone()).sum_dim(1);
                match self {
                    Self::Focal { gamma } => {
                        let hit = (truth * log_probabilities.exp()).sum_dim(1);
                        // A probability of one would have no slope to a power below one.
                        let miss = (hit.neg() + 1.0).clamp_min(1e-6);
                        losses * miss.powf_scalar(gamma)
                    }
                    _ => losses,
                }
            }
        };
        (losses * share).sum()
    }
}

/// The distribution `[n, classes]` each photo's true grade stands for, and the
/// second opinion mixed into it.
fn truths(targets: &Targets<'_>, classes: usize, device: &Device) -> Tensor<2> {
    let Targets {
        grades, smoothing, ..
    } = *targets;
    let rest = smoothing / classes as f32;
    let mut values = vec![rest; grades.len() * classes];
    for (row, grade) in grades.iter().enumerate() {
        values[row * classes + usize::from(*grade)] += 1.0 - smoothing;
    }
    for (row, opinion) in values.chunks_mut(classes).zip(targets.opinions) {
        let share = targets.opinion_share;
        for (value, probability) in row.iter_mut().zip(opinion.iter().flatten()) {
            *value = (1.0 - share) * *value + share * probability;
        }
    }
    Tensor::from_data(TensorData::new(values, [grades.len(), classes]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EQUAL: [f32; 5] = [1.0; 5];

    fn targets<'a>(grades: &'a [u8], weights: &'a [f32]) -> Targets<'a> {
        Targets {
            grades,
            weights,
            smoothing: 0.0,
            opinions: &[],
            opinion_share: 0.0,
        }
    }

    fn value(objective: Objective, outputs: Vec<f32>, grades: &[u8], weights: &[f32]) -> f32 {
        let device = Device::flex();
        let shape = [grades.len(), objective.outputs()];
        let outputs = Tensor::from_data(TensorData::new(outputs, shape), &device);
        objective
            .loss(outputs, &targets(grades, weights), &device)
            .into_scalar()
    }

    #[test]
    fn knowing_nothing_costs_the_logarithm_of_five() {
        let loss = value(Objective::CrossEntropy, vec![0.0; 10], &[1, 4], &EQUAL);
        assert!((loss - 5f32.ln()).abs() < 1e-6, "{loss}");
    }

    #[test]
    fn a_heavier_grade_pulls_the_mean_towards_its_own_loss() {
        // The first photo is right by a margin, the second wrong by it.
        let outputs = vec![3.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0];
        let right = (1.0 + 4.0 * (-3f32).exp()).ln();
        let wrong = right + 3.0;
        let mut weights = EQUAL;
        weights[1] = 3.0;
        let loss = value(Objective::CrossEntropy, outputs, &[0, 1], &weights);
        assert!(
            (loss - (right + 3.0 * wrong) / 4.0).abs() < 1e-5,
            "{loss} from {right} and {wrong}"
        );
    }

    #[test]
    fn focal_loss_is_cross_entropy_times_the_miss() {
        let outputs = vec![1.0, 0.0, 0.0, 0.0, 0.0];
        let probability = 1f32.exp() / (1f32.exp() + 4.0);
        let focal = value(
            Objective::Focal { gamma: 2.0 },
            outputs.clone(),
            &[0],
            &EQUAL,
        );
        let plain = value(Objective::CrossEntropy, outputs.clone(), &[0], &EQUAL);
        assert!((focal - plain * (1.0 - probability).powi(2)).abs() < 1e-6);
        let without = value(Objective::Focal { gamma: 0.0 }, outputs, &[0], &EQUAL);
        assert!((without - plain).abs() < 1e-6);
    }

    #[test]
    fn the_ordinal_loss_grows_with_the_square_of_the_distance() {
        let near = value(Objective::Ordinal, vec![1.0], &[2], &EQUAL);
        let far = value(Objective::Ordinal, vec![0.0], &[2], &EQUAL);
        assert!((near - 1.0).abs() < 1e-6 && (far - 4.0).abs() < 1e-6);
    }

    #[test]
    fn smoothing_takes_certainty_its_reward() {
        let device = Device::flex();
        let at = |margin: f32, smoothing| {
            let row = vec![margin, 0.0, 0.0, 0.0, 0.0];
            let outputs = Tensor::from_data(TensorData::new(row, [1, 5]), &device);
            let targets = Targets {
                smoothing,
                ..targets(&[0], &EQUAL)
            };
            Objective::CrossEntropy
                .loss(outputs, &targets, &device)
                .into_scalar::<f32>()
        };
        assert!(at(20.0, 0.0) < at(4.0, 0.0));
        assert!(at(20.0, 0.1) > at(4.0, 0.1));
    }

    #[test]
    fn a_second_opinion_takes_its_share_of_the_truth() {
        let device = Device::flex();
        let row = vec![2.0, 0.0, 0.0, 0.0, 0.0];
        let total = (2f32.exp() + 4.0).ln();
        let of = |opinion: Option<Opinion>| {
            let outputs = Tensor::from_data(TensorData::new(row.clone(), [1, 5]), &device);
            let targets = Targets {
                opinions: &[opinion],
                opinion_share: 0.25,
                ..targets(&[0], &EQUAL)
            };
            Objective::CrossEntropy
                .loss(outputs, &targets, &device)
                .into_scalar::<f32>()
        };
        assert!((of(None) - (total - 2.0)).abs() < 1e-6);
        let other = of(Some([0.0, 1.0, 0.0, 0.0, 0.0]));
        assert!((other - (total - 0.75 * 2.0)).abs() < 1e-6, "{other}");
    }
}
