//! How far a figure could have come out otherwise: percentile intervals from
//! resampling patients, not photos (two eyes of one patient are not two
//! independent findings).

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A 95 % percentile interval. Where all photos came out alike it has no width,
/// which is no certainty about others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// How often to resample, and from which seed: the same seed gives the same
/// intervals whatever the number of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    pub samples: usize,
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            samples: 2_000,
            seed: 0,
        }
    }
}

impl Bootstrap {
    /// Draws as many clusters as there are, with replacement, `samples` times,
    /// and measures each sample. `clusters` names each photo's patient; `measure`
    /// gets how often each photo counts. One cluster alone is every sample of itself,
    /// so that there is none to draw.
    pub fn run<T: Send>(&self, clusters: &[usize], measure: impl Fn(&[u32]) -> T + Sync) -> Vec<T> {
        let mut numbers = HashMap::new();
        let cluster: Vec<usize> = clusters
            .iter()
            .map(|name| {
                let next = numbers.len();
                *numbers.entry(name).or_insert(next)
            })
            .collect();
        let count = numbers.len();
        if count < 2 {
            return Vec::new();
        }
        (0..self.samples)
            .into_par_iter()
            .map(|sample| {
                let mut random = self.stream(sample);
                let mut drawn = vec![0u32; count];
                for _ in 0..count {
                    drawn[random.random_range(0..count)] += 1;
                }
                let weights: Vec<u32> = cluster.iter().map(|&c| drawn[c]).collect();
                measure(&weights)
            })
            .collect()
    }

    /// The chance of one sample: a stream of its own, so that the order in which
    /// samples are drawn does not matter.
    pub(super) fn stream(&self, sample: usize) -> StdRng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&(sample as u64).to_le_bytes());
        StdRng::from_seed(key)
    }
}

/// The interval that holds the middle 95 % of the samples' values, linearly
/// interpolated. Samples that leave the figure undefined (no photo of a rare
/// grade was drawn) are left out; where that is more than one in ten there is
/// no interval.
pub fn interval(values: &[Option<f64>]) -> Option<Interval> {
    let mut defined: Vec<f64> = values.iter().copied().flatten().collect();
    if defined.is_empty() || defined.len() * 10 < values.len() * 9 {
        return None;
    }
    defined.sort_by(f64::total_cmp);
    Some(Interval {
        low: quantile(&defined, 0.025),
        high: quantile(&defined, 0.975),
    })
}

/// The value below which the part `q` of the sorted values lies, linearly
/// interpolated.
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = place.ceil() as usize;
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_a_patient_are_drawn_together_and_as_many_patients_as_there_are() {
        let clusters = [7, 7, 3, 9, 9, 9];
        let bootstrap = Bootstrap {
            samples: 50,
            seed: 1,
        };
        for weights in bootstrap.run(&clusters, <[u32]>::to_vec) {
            assert_eq!(weights[0], weights[1]);
            assert!(weights[3] == weights[4] && weights[4] == weights[5]);
            assert_eq!(weights[0] + weights[2] + weights[3], 3);
        }
    }

    #[test]
    fn the_mean_of_many_coins_has_the_textbook_interval() {
        let bootstrap = Bootstrap::default();
        let clusters: Vec<usize> = (0..400).collect();
        let means = bootstrap.run(&clusters, |weights| {
            let heads: u32 = weights.iter().step_by(2).sum();
            Some(f64::from(heads) / 400.0)
        });
        let interval = interval(&means).unwrap();
        // Half plus and minus 1.96 standard errors of 0.025.
        assert!((interval.low - 0.451).abs() < 0.005, "{interval:?}");
        assert!((interval.high - 0.549).abs() < 0.005, "{interval:?}");
        assert_eq!(
            means,
            bootstrap.run(&clusters, |w| Some(
                f64::from(w.iter().step_by(2).sum::<u32>()) / 400.0
            ))
        );
    }

    #[test]
    fn another_seed_draws_other_patients() {
        let of = |seed| {
            let bootstrap = Bootstrap { samples: 5, seed };
            bootstrap.run(&[0, 1, 2, 3, 4, 5, 6, 7], <[u32]>::to_vec)
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn one_patient_says_nothing_of_others() {
        let drawn = Bootstrap::default().run(&[4, 4, 4], <[u32]>::to_vec);
        assert!(drawn.is_empty());
    }

    #[test]
    fn a_figure_seldom_defined_has_no_interval() {
        assert_eq!(interval(&[Some(1.0), None]), None);
        assert_eq!(interval(&[]), None);
        // One sample in ten may leave it undefined.
        let mut values = vec![Some(1.0); 9];
        values.push(None);
        assert!(interval(&values).is_some());
        values.push(None);
        assert_eq!(interval(&values), None);
    }

    #[test]
    fn an_interval_leaves_one_in_forty_on_either_side() {
        let values: Vec<Option<f64>> = (0..=40).rev().map(|v| Some(f64::from(v))).collect();
        let expected = Interval {
            low: 1.0,
            high: 39.0,
        };
        assert_eq!(interval(&values), Some(expected));
    }

    #[test]
    fn quantiles_interpolate() {
        let values: Vec<f64> = (0..=40).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.025), 1.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
    }
}
