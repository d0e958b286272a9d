//! Calibrated probabilities: temperature scaling (Guo et al. 2017,
//! "On Calibration of Modern Neural Networks").

/// `softmax(logits / temperature)` in `f64`; sums to one.
pub fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let scaled: Vec<f64> = logits.iter().map(|l| l / temperature).collect();
    let highest = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scaled.iter().map(|s| (s - highest).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / total).collect()
}

/// The class of the highest probability; of equal ones the last, which is the worse. What
/// grades a photo and what measures a model take the same.
pub fn most_probable(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability >= probabilities[best] {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_probabilities_the_worse_class_is_taken() {
        assert_eq!(most_probable(&[0.2, 0.4, 0.4, 0.0]), 2);
        assert_eq!(most_probable(&[0.25; 4]), 3);
        assert_eq!(most_probable(&[0.6, 0.4]), 0);
    }

    #[test]
    fn probabilities_sum_to_one_whatever_the_logits() {
        for logits in [
            [1000.0, -1000.0, 0.0],
            [0.0; 3],
            [-5000.0, -5000.0, -4999.0],
        ] {
            let total: f64 = softmax(&logits, 0.7).iter().sum();
            assert!((total - 1.0).abs() < 1e-12, "{logits:?} sums to {total}");
        }
    }

    #[test]
    fn a_higher_temperature_is_less_sure() {
        let cold = softmax(&[2.0, 0.0], 0.5);
        let warm = softmax(&[2.0, 0.0], 2.0);
        assert!(cold[0] > warm[0] && warm[0] > 0.5);
    }
}
