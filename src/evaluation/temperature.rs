//! Temperature scaling (Guo et al. 2017): one number that divides the logits so
//! that probabilities mean what they say. The grade never changes by it.

use thiserror::Error;

use super::predictions::{InputError, check, log_softmax};

/// Temperatures outside this range mean that the fit ran away, not that the
/// network needs them.
pub const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.05..=20.0;

/// Why no temperature could be fitted.
#[derive(Debug, Error, PartialEq)]
pub enum TemperatureError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(
        "the logits say next to nothing about these labels: the likelihood is best at a \
         temperature above {}, where every grade is about equally probable. Check that the \
         labels belong to these photos, and train further", PLAUSIBLE.end()
    )]
    Uninformative,
    #[error(
        "every photo is graded right by a margin: the likelihood still grows where the \
         temperature falls below {}. Fit on photos that were not trained on, or on more of them", PLAUSIBLE.start()
    )]
    Separable,
}

/// The temperature `T > 0` for which `softmax(logits / T)` has the lowest mean
/// negative log-likelihood on validation.
///
/// In the inverse temperature the likelihood is convex and its slope monotone,
/// so bisection on the slope finds the one minimum.
pub fn fit(logits: &[Vec<f64>], labels: &[u8]) -> Result<f64, TemperatureError> {
    check(logits, labels)?;
    let slope = |inverse: f64| -> f64 {
        logits
            .iter()
            .zip(labels)
            .map(|(row, &label)| {
                let scaled: Vec<f64> = row.iter().map(|z| z * inverse).collect();
                let expected: f64 = log_softmax(&scaled)
                    .iter()
                    .zip(row)
                    .map(|(log_p, z)| log_p.exp() * z)
                    .sum();
                expected - row[usize::from(label)]
            })
            .sum()
    };
    let (mut low, mut high) = (1.0 / PLAUSIBLE.end(), 1.0 / PLAUSIBLE.start());
    if slope(low) >= 0.0 {
        return Err(TemperatureError::Uninformative);
    }
    if slope(high) <= 0.0 {
        return Err(TemperatureError::Separable);
    }
    // 60 halvings take the interval below what f64 tells apart.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if slope(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(2.0 / (low + high))
}

/// The logits divided by the temperature.
pub fn scale(logits: &[Vec<f64>], temperature: f64) -> Vec<Vec<f64>> {
    logits
        .iter()
        .map(|row| row.iter().map(|z| z / temperature).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_at_odds_with_the_logits_are_told() {
        let logits = vec![vec![2.0, 0.0], vec![0.0, 2.0]];
        assert_eq!(fit(&logits, &[1, 0]), Err(TemperatureError::Uninformative));
    }

    #[test]
    fn a_network_that_diverged_has_no_temperature() {
        let logits = vec![vec![1.0, 0.0], vec![f64::NAN, 0.0]];
        let found = fit(&logits, &[0, 1]);
        assert!(
            matches!(found, Err(TemperatureError::Input(_))),
            "{found:?}"
        );
    }

    #[test]
    fn perfect_separation_is_told() {
        let logits = vec![vec![2.0, 0.0], vec![0.0, 2.0]];
        assert_eq!(fit(&logits, &[0, 1]), Err(TemperatureError::Separable));
    }

    #[test]
    fn scaling_the_logits_scales_the_temperature() {
        let logits = vec![vec![1.0, 0.0], vec![1.0, 0.0], vec![1.0, 0.0]];
        let once = fit(&logits, &[0, 0, 1]).unwrap();
        let thrice = fit(&scale(&logits, 1.0 / 3.0), &[0, 0, 1]).unwrap();
        // Two of three right: the margin over T must be ln 2.
        assert!((once - 1.0 / 2f64.ln()).abs() < 1e-12);
        assert!((thrice - 3.0 * once).abs() < 1e-9);
    }
}
