//! Rare grades: half the photos of a screening show no disease, a few the
//! worst. A sampler shows rare grades more often (Sallam et al. 2020), or class
//! weights let each of their photos count for more (Pratt et al. 2016), or
//! neither.

use std::borrow::Cow;

use rand::Rng;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::grading::Grade;

/// What is done about rare grades.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Balance {
    /// Every photo once an epoch, each counting alike.
    Neither,
    /// Photos are drawn with replacement, each grade in proportion to its
    /// frequency to the power `1 - strength`: 1 shows all grades equally often.
    Sampler { strength: f64 },
    /// Every photo once, the loss of each weighted by its grade's frequency to
    /// the power `-strength`: 1 lets all grades weigh the same.
    Weights { strength: f64 },
    /// Every photo once, all grades of a batch weighing the same in its loss
    /// however often the batch has them, as Pratt et al. 2016 had it.
    BatchWeights,
}

impl Balance {
    /// # Errors
    /// A sentence that names the flag.
    pub fn validate(self) -> Result<(), String> {
        match self {
            Self::Sampler { strength } | Self::Weights { strength }
                if !(strength > 0.0 && strength <= 1.0) =>
            {
                Err("--balance-strength must lie above 0 and at most at 1".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The weight of each grade in the loss; their mean over the photos is 1.
    pub fn loss_weights(self, grades: &[u8]) -> Vec<f32> {
        let Self::Weights { strength } = self else {
            return vec![1.0; Grade::ALL.len()];
        };
        let rarity = rarity(grades, strength);
        let mean =
            grades.iter().map(|g| rarity[usize::from(*g)]).sum::<f64>() / grades.len() as f64;
        rarity.iter().map(|weight| (weight / mean) as f32).collect()
    }

    /// The weight of each grade in the loss of one batch, from those over all
    /// photos.
    pub fn in_batch<'a>(self, overall: &'a [f32], batch: &[u8]) -> Cow<'a, [f32]> {
        match self {
            Self::BatchWeights => {
                let rarity = rarity(batch, 1.0);
                Cow::Owned(rarity.into_iter().map(|weight| weight as f32).collect())
            }
            _ => Cow::Borrowed(overall),
        }
    }

    /// The order of an epoch: indices of photos, as many as there are.
    pub fn order(self, grades: &[u8], rng: &mut impl Rng) -> Vec<usize> {
        let mut order: Vec<usize> = (0..grades.len()).collect();
        let Self::Sampler { strength } = self else {
            order.shuffle(rng);
            return order;
        };
        let rarity = rarity(grades, strength);
        match WeightedIndex::new(grades.iter().map(|g| rarity[usize::from(*g)])) {
            Ok(drawn) => order.iter().map(|_| drawn.sample(rng)).collect(),
            // No photo at all: nothing to draw from.
            Err(_) => order,
        }
    }
}

/// Frequency of each grade to the power `-strength`; 0 for a grade without photos.
fn rarity(grades: &[u8], strength: f64) -> Vec<f64> {
    let mut counts = vec![0usize; Grade::ALL.len()];
    for grade in grades {
        counts[usize::from(*grade)] += 1;
    }
    counts
        .into_iter()
        .map(|count| match count {
            0 => 0.0,
            count => (count as f64 / grades.len() as f64).powf(-strength),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    /// 800 photos of grade 0, 200 of grade 4.
    fn grades() -> Vec<u8> {
        (0..1000).map(|i| if i < 800 { 0 } else { 4 }).collect()
    }

    fn share_of_the_rare(balance: Balance) -> f64 {
        let grades = grades();
        let order = balance.order(&grades, &mut StdRng::seed_from_u64(1));
        assert_eq!(order.len(), grades.len());
        order.iter().filter(|i| grades[**i] == 4).count() as f64 / order.len() as f64
    }

    #[test]
    fn a_sampler_of_full_strength_shows_grades_equally_often() {
        assert!((share_of_the_rare(Balance::Neither) - 0.2).abs() < 1e-12);
        let full = share_of_the_rare(Balance::Sampler { strength: 1.0 });
        assert!((full - 0.5).abs() < 0.05, "{full}");
        // Square roots: 0.2 / sqrt(0.2) against 0.8 / sqrt(0.8) is a third.
        let half = share_of_the_rare(Balance::Sampler { strength: 0.5 });
        assert!((half - 1.0 / 3.0).abs() < 0.05, "{half}");
    }

    #[test]
    fn grades_of_a_batch_weigh_the_same_in_it() {
        let overall = [1.0; 5];
        let batch = [0, 0, 0, 4];
        let weights = Balance::BatchWeights.in_batch(&overall, &batch);
        assert!((3.0 * weights[0] - weights[4]).abs() < 1e-6, "{weights:?}");
        assert_eq!(*Balance::Neither.in_batch(&overall, &batch), overall);
    }

    #[test]
    fn weights_of_full_strength_give_grades_the_same_say() {
        let weights = Balance::Weights { strength: 1.0 }.loss_weights(&grades());
        assert!((800.0 * weights[0] - 200.0 * weights[4]).abs() < 1e-3);
        assert!((0.8 * weights[0] + 0.2 * weights[4] - 1.0).abs() < 1e-6);
        assert_eq!(weights[2], 0.0);
        let order =
            Balance::Weights { strength: 1.0 }.order(&grades(), &mut StdRng::seed_from_u64(1));
        let distinct: std::collections::HashSet<usize> = order.into_iter().collect();
        assert_eq!(distinct.len(), 1000);
    }
}
