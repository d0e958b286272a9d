//! Whether one grader is better than another on the same photos: a paired
//! bootstrap, both measured on the very same samples.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Interval, interval};
use super::metrics::Metrics;
use super::operating_point::weighted_rates;
use super::outcome::Threshold;
use super::predictions::{InputError, Predictions};

/// One figure of two graders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// One of [`Metrics::named`], or an operating point and one of its rates, such as
    /// `referable, screening: sensitivity`.
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

/// A grader's answers, and the thresholds it was given on validation.
#[derive(Debug, Clone, Copy)]
pub struct Grader<'a> {
    pub predictions: &'a Predictions,
    pub thresholds: &'a [Threshold],
}

/// Compares `b` with `a`, both on the same photos in the same order: every figure, and
/// what each one's own line makes of the photos at the operating points that both have.
///
/// # Errors
/// [`InputError::Lengths`] where the photos, or their grades, are not the same.
pub fn compare(
    a: Grader<'_>,
    b: Grader<'_>,
    clusters: &[usize],
    bootstrap: Bootstrap,
) -> Result<Vec<Difference>, InputError> {
    let (answers_a, answers_b) = (a.predictions, b.predictions);
    if answers_a.labels != answers_b.labels || clusters.len() != answers_a.len() {
        return Err(InputError::Lengths {
            predictions: answers_b.len(),
            labels: answers_a.len(),
        });
    }
    let points: Vec<(Point, Point)> = (a.thresholds.iter())
        .filter_map(|one| {
            let same =
                |other: &&Threshold| (&other.name, other.from_grade) == (&one.name, one.from_grade);
            let other = b.thresholds.iter().find(same)?;
            Some((Point::of(answers_a, one), Point::of(answers_b, other)))
        })
        .collect();
    let figures = |answers: &Predictions, weights: Option<&[u32]>| match weights {
        None => Metrics::of(answers).values(),
        Some(_) => Metrics::weighted(answers, weights).values(),
    };
    let all = |weights: Option<&[u32]>| {
        let (mut of_a, mut of_b) = (figures(answers_a, weights), figures(answers_b, weights));
        for (one, other) in &points {
            of_a.extend(one.rates(weights));
            of_b.extend(other.rates(weights));
        }
        (of_a, of_b)
    };
    let samples: Vec<Vec<Option<f64>>> = bootstrap.run(clusters, |weights| {
        let (a, b) = all(Some(weights));
        a.into_iter().zip(b).map(|(a, b)| Some(b? - a?)).collect()
    });
    let mut names = Metrics::of(answers_a).names();
    for (point, _) in &points {
        names.extend(["sensitivity", "specificity"].map(|rate| format!("{}: {rate}", point.name)));
    }
    let (of_a, of_b) = all(None);
    Ok(names
        .into_iter()
        .zip(of_a.into_iter().zip(of_b))
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

/// A grader at one of its operating points.
struct Point<'a> {
    name: &'a str,
    threshold: f64,
    scores: Vec<f64>,
    diseased: Vec<bool>,
}

impl<'a> Point<'a> {
    fn of(predictions: &Predictions, threshold: &'a Threshold) -> Self {
        Self {
            name: &threshold.name,
            threshold: threshold.threshold,
            scores: threshold.scores(predictions),
            diseased: predictions.truth_at_least(threshold.from_grade),
        }
    }

    /// Sensitivity and specificity, where photo `i` counts `weights[i]` times.
    fn rates(&self, weights: Option<&[u32]>) -> [Option<f64>; 2] {
        let rates = weighted_rates(&self.scores, &self.diseased, self.threshold, weights);
        [rates.sensitivity, rates.specificity]
    }
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

    fn alone(predictions: &Predictions) -> Grader<'_> {
        Grader {
            predictions,
            thresholds: &[],
        }
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

        let better = compare(alone(&bad), alone(&good), &clusters, bootstrap).unwrap();
        let accuracy = of(&better, "accuracy");
        assert!((accuracy.difference.unwrap() - 0.2).abs() < 1e-12);
        assert!(accuracy.interval.unwrap().low > 0.1);
        assert!(accuracy.p.unwrap() < 0.01);
        assert!(of(&better, "cross_entropy").difference.unwrap() < 0.0);

        let equal = compare(alone(&good), alone(&good), &clusters, bootstrap).unwrap();
        let accuracy = of(&equal, "accuracy");
        assert_eq!(accuracy.difference, Some(0.0));
        assert_eq!(accuracy.p, Some(1.0));
    }

    #[test]
    fn graders_are_compared_by_their_own_lines_where_both_have_them() {
        let labels: Vec<u8> = (0..40).map(|i| (i % 5) as u8).collect();
        let rows = sure(&(0..40).map(|i| i % 5).collect::<Vec<_>>());
        let answers = Predictions::from_probabilities(&rows, &labels).unwrap();
        let line = |name: &str, threshold| Threshold {
            name: name.to_owned(),
            from_grade: 2,
            threshold,
            referred_from: None,
            prevalence: 0.1,
        };
        // The healthy have 0.15 of it and the diseased 0.9: the first line lies below.
        let low = [line("referable, screening", 0.1), line("its own", 0.5)];
        let right = [line("referable, screening", 0.5)];
        let grader = |thresholds| Grader {
            predictions: &answers,
            thresholds,
        };
        let clusters: Vec<usize> = (0..40).collect();
        let bootstrap = Bootstrap {
            samples: 100,
            seed: 1,
        };
        let found = compare(grader(&low), grader(&right), &clusters, bootstrap).unwrap();
        let names: Vec<&str> = found[found.len() - 2..].iter().map(|d| &*d.name).collect();
        assert_eq!(
            names,
            [
                "referable, screening: sensitivity",
                "referable, screening: specificity"
            ]
        );
        let sensitivity = of(&found, names[0]);
        assert_eq!((sensitivity.a, sensitivity.b), (Some(1.0), Some(1.0)));
        let specificity = of(&found, names[1]);
        assert_eq!((specificity.a, specificity.b), (Some(0.0), Some(1.0)));
        assert_eq!(specificity.interval.unwrap().low, 1.0);
        assert!(!found.iter().any(|d| d.name.starts_with("its own")));
    }

    #[test]
    fn photos_of_one_patient_tell_no_grader_from_another() {
        let labels = [0, 1, 2, 3, 4];
        let good = Predictions::from_probabilities(&sure(&[0, 1, 2, 3, 4]), &labels).unwrap();
        let bad = Predictions::from_probabilities(&sure(&[0; 5]), &labels).unwrap();
        let found = compare(alone(&bad), alone(&good), &[7; 5], Bootstrap::default()).unwrap();
        let accuracy = of(&found, "accuracy");
        assert!((accuracy.difference.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!((accuracy.interval, accuracy.p), (None, None));
    }

    #[test]
    fn no_number_of_samples_shows_a_difference_to_be_impossible() {
        // One more on both sides of the fraction, twice.
        assert_eq!(two_sided(&[Some(0.1); 99]), 0.02);
        let mut mixed = vec![Some(0.1); 95];
        mixed.extend([Some(-0.1), Some(-0.1), Some(-0.1), Some(0.0)]);
        assert_eq!(two_sided(&mixed), 0.1);
    }

    #[test]
    fn other_photos_cannot_be_compared() {
        let a = Predictions::from_probabilities(&sure(&[0]), &[0]).unwrap();
        let b = Predictions::from_probabilities(&sure(&[0]), &[1]).unwrap();
        assert!(compare(alone(&a), alone(&b), &[0], Bootstrap::default()).is_err());
        assert!(compare(alone(&a), alone(&a), &[0, 1], Bootstrap::default()).is_err());
    }
}
