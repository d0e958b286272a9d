//! What a training makes small: the loss between a network's outputs and the
//! true grades.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::mixup::Overlay;
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
    /// What is laid over each photo, where photos are mixed; empty where none is.
    pub overlays: &'a [Overlay],
}

impl Targets<'_> {
    /// How much each photo counts: a mixture by its shares.
    pub fn weight_of_each(&self) -> Vec<f32> {
        self.mixed(|grade, _| [self.weights[usize::from(grade)]])
    }

    /// The grade of each photo on its scale: of a mixture, between those of the two.
    fn on_the_scale(&self) -> Vec<f32> {
        self.mixed(|grade, _| [f32::from(grade)])
    }

    /// The distribution over the grades each photo stands for.
    fn distributions(&self) -> Vec<f32> {
        self.mixed(|grade, opinion| self.distribution(grade, opinion))
    }

    /// The distribution a grade stands for, and a second opinion mixed into it.
    fn distribution(&self, grade: u8, opinion: Option<Opinion>) -> [f32; Grade::ALL.len()] {
        let mut values = [self.smoothing / Grade::ALL.len() as f32; Grade::ALL.len()];
        values[usize::from(grade)] += 1.0 - self.smoothing;
        if let Some(opinion) = opinion {
            for (value, probability) in values.iter_mut().zip(opinion) {
                *value += self.opinion_share * (probability - *value);
            }
        }
        values
    }

    /// What `of` tells of each photo's grade and opinion, `N` numbers a photo, with
    /// those of what is laid over it.
    fn mixed<const N: usize>(&self, of: impl Fn(u8, Option<Opinion>) -> [f32; N]) -> Vec<f32> {
        let mut all = Vec::with_capacity(N * self.grades.len());
        for (place, grade) in self.grades.iter().enumerate() {
            let mut values = of(*grade, self.opinions.get(place).copied().flatten());
            if let Some(overlay) = self.overlays.get(place) {
                for (value, laid) in values.iter_mut().zip(of(overlay.grade, overlay.opinion)) {
                    *value += overlay.share * (laid - *value);
                }
            }
            all.extend(values);
        }
        all
    }
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
        let count = targets.grades.len();
        let column =
            |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [count, 1]), device);
        let weights = targets.weight_of_each();
        let total: f32 = weights.iter().sum();
        let share = column(weights.iter().map(|weight| weight / total).collect());
        let losses = match self {
            Self::Ordinal => {
                let truth = column(targets.on_the_scale());
                (outputs - truth).powi_scalar(2)
            }
            Self::CrossEntropy | Self::Focal { .. } => {
                let truth = TensorData::new(targets.distributions(), [count, self.outputs()]);
                let truth = Tensor::<2>::from_data(truth, device);
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
            overlays: &[],
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
    #[test]
    fn the_loss_of_a_mixture_lies_between_those_of_its_parts_by_their_shares() {
        let device = Device::flex();
        for objective in [Objective::CrossEntropy, Objective::Ordinal] {
            let row = [1.0, -0.5, 0.25, 2.0, 0.0][..objective.outputs()].to_vec();
            let of = |grade: u8, overlays: &[Overlay]| -> f32 {
                let outputs =
                    Tensor::from_data(TensorData::new(row.clone(), [1, row.len()]), &device);
                let grades = [grade];
                let targets = Targets {
                    overlays,
                    smoothing: 0.1,
                    ..targets(&grades, &EQUAL)
                };
                objective.loss(outputs, &targets, &device).into_scalar()
            };
            let overlay = |grade: u8, share: f32| Overlay {
                grade,
                opinion: None,
                share,
            };
            assert_eq!(of(1, &[overlay(4, 0.0)]), of(1, &[]));
            let mixed = of(1, &[overlay(4, 0.25)]);
            match objective {
                // A square's mixture is that of the mean grade.
                Objective::Ordinal => assert!((mixed - (1.0f32 - 1.75).powi(2)).abs() < 1e-6),
                _ => {
                    let between = 0.75 * of(1, &[]) + 0.25 * of(4, &[]);
                    assert!((mixed - between).abs() < 1e-5, "{mixed} {between}");
                }
            }
        }
    }

    #[test]
    fn a_mixture_weighs_by_its_shares() {
        let overlays = [Overlay {
            grade: 3,
            opinion: None,
            share: 0.25,
        }];
        let weights = [1.0, 2.0, 3.0, 10.0, 5.0];
        let targets = Targets {
            overlays: &overlays,
            ..targets(&[1], &weights)
        };
        assert_eq!(targets.weight_of_each(), [0.75 * 2.0 + 0.25 * 10.0]);
    }
}
