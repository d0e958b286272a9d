//! Whether one grader is better than another on the same photos: a paired
//! bootstrap, both measured on the very same samples.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Interval, interval};
use super::metrics::Metrics;
use super::predictions::{InputError, Predictions};

/// One figure of two graders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// One of [`Metrics::named`].
    pub name: String,
    pub a: Option<f64>,
    pub b: Option<f64>,
    /// `b − a`, with its 95 % interval.
    pub difference: Option<f64>,
    pub interval: Option<Interval>,
    /// Two-sided: twice the part of samples in which the difference has the
    /// other sign or none, never below what the samples can resolve.
    pub p: Option<f64>,
}

/// Compares `b` with `a`, both on the same photos in the same order.
pub fn compare(
    a: &Predictions,
    b: &Predictions,
    clusters: &[usize],
    bootstrap: Bootstrap,
) -> Result<Vec<Difference>, InputError> {
    if a.labels != b.labels || clusters.len() != a.len() {
        return Err(InputError::Lengths {
            predictions: b.len(),
            labels: a.len(),
        });
    }
    let (metrics_a, metrics_b) = (Metrics::of(a), Metrics::of(b));
    let samples: Vec<Vec<Option<f64>>> = bootstrap.run(clusters, |weights| {
        let a = Metrics::weighted(a, Some(weights)).values();
        let b = Metrics::weighted(b, Some(weights)).values();
        a.into_iter().zip(b).map(|(a, b)| Some(b? - a?)).collect()
    });
    Ok(metrics_a
        .names()
        .into_iter()
        .zip(metrics_a.values().into_iter().zip(metrics_b.values()))
        .enumerate()
        .map(|(place, (name, (a, b)))| {
            let differences: Vec<Option<f64>> =
                samples.iter().map(|sample| sample[place]).collect();
            let interval = interval(&differences);
            Difference {
                name,
                a,
                b,
                difference: b.zip(a).map(|(b, a)| b - a),
                interval,
                p: interval.map(|_| two_sided(&differences)),
            }
        })
        .collect())
}

/// Twice the part of the samples' differences that have the rarer sign or none.
pub(crate) fn two_sided(differences: &[Option<f64>]) -> f64 {
    let defined: Vec<f64> = differences.iter().copied().flatten().collect();
    let not_above = defined.iter().filter(|&&d| d <= 0.0).count();
    let not_below = defined.iter().filter(|&&d| d >= 0.0).count();
    // One more on both sides of the fraction: no finite number of samples shows
    // that a difference is impossible (Davison & Hinkley 1997).
    let rarer = not_above.min(not_below) + 1;
    (2.0 * rarer as f64 / (defined.len() + 1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sure(grades: &[usize]) -> Vec<Vec<f64>> {
        grades
            .iter()
            .map(|&grade| {
                (0..5)
                    .map(|c| if c == grade { 0.8 } else { 0.05 })
                    .collect()
            })
            .collect()
    }

    fn of<'a>(differences: &'a [Difference], name: &str) -> &'a Difference {
        differences.iter().find(|d| d.name == name).unwrap()
    }

    #[test]
    fn a_clearly_better_grader_is_told_from_an_equal_one() {
        let truth: Vec<usize> = (0..200).map(|i| i % 5).collect();
        let labels: Vec<u8> = truth.iter().map(|&grade| grade as u8).collect();
        let worse: Vec<usize> = (0..200)
            .map(|i| if i % 4 == 0 { 0 } else { i % 5 })
            .collect();
        let clusters: Vec<usize> = (0..200).map(|i| i / 2).collect();
        let good = Predictions::from_probabilities(&sure(&truth), &labels).unwrap();
        let bad = Predictions::from_probabilities(&sure(&worse), &labels).unwrap();
        let bootstrap = Bootstrap {
            samples: 500,
            seed: 3,
        };

        let better = compare(&bad, &good, &clusters, bootstrap).unwrap();
        let accuracy = of(&better, "accuracy");
        assert!((accuracy.difference.unwrap() - 0.2).abs() < 1e-12);
        assert!(accuracy.interval.unwrap().low > 0.1);
        assert!(accuracy.p.unwrap() < 0.01);
        assert!(of(&better, "cross_entropy").difference.unwrap() < 0.0);

        let equal = compare(&good, &good, &clusters, bootstrap).unwrap();
        let accuracy = of(&equal, "accuracy");
        assert_eq!(accuracy.difference, Some(0.0));
        assert_eq!(accuracy.p, Some(1.0));
    }

    #[test]
    fn photos_of_one_patient_tell_no_grader_from_another() {
        let labels = [0, 1, 2, 3, 4];
        let good = Predictions::from_probabilities(&sure(&[0, 1, 2, 3, 4]), &labels).unwrap();
        let bad = Predictions::from_probabilities(&sure(&[0; 5]), &labels).unwrap();
        let found = compare(&bad, &good, &[7; 5], Bootstrap::default()).unwrap();
        let accuracy = of(&found, "accuracy");
        assert!((accuracy.difference.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!((accuracy.interval, accuracy.p), (None, None));
    }

    #[test]
    fn other_photos_cannot_be_compared() {
        let a = Predictions::from_probabilities(&sure(&[0]), &[0]).unwrap();
        let b = Predictions::from_probabilities(&sure(&[0]), &[1]).unwrap();
        assert!(compare(&a, &b, &[0], Bootstrap::default()).is_err());
    }
}
