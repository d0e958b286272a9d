//! Whether a probability means what it says: expected calibration error, the
//! reliability curve behind it, and the Brier score.

use serde::{Deserialize, Serialize};

use super::predictions::Predictions;

/// Bins of the expected calibration error, of equal width over `(0, 1]` of the
/// highest probability (Guo et al. 2017).
pub const ECE_BINS: usize = 15;

/// One bin of the reliability curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// The bin is `(low, high]` of the highest probability.
    pub low: f64,
    pub high: f64,
    /// Photos in the bin.
    pub n: u64,
    /// Their mean highest probability, and how many of them were right;
    /// `None` for an empty bin.
    pub confidence: Option<f64>,
    pub accuracy: Option<f64>,
}

/// The reliability curve: confidence against accuracy in [`ECE_BINS`] bins.
pub fn reliability(predictions: &Predictions, weights: Option<&[u32]>) -> Vec<ReliabilityBin> {
    bins(confidences(predictions).enumerate().map(|(i, confidence)| {
        let right = predictions.predicted[i] == predictions.labels[i];
        (confidence, right, weights.map_or(1, |w| u64::from(w[i])))
    }))
}

/// The highest probability of each photo.
pub(super) fn confidences(predictions: &Predictions) -> impl Iterator<Item = f64> + '_ {
    let rows = predictions.probabilities.iter();
    rows.zip(&predictions.predicted)
        .map(|(row, &guess)| row[guess])
}

/// The reliability curve of answers: how sure, whether right, and how often each
/// counts.
pub(super) fn bins(answers: impl Iterator<Item = (f64, bool, u64)>) -> Vec<ReliabilityBin> {
    let mut sums = [(0u64, 0.0f64, 0u64); ECE_BINS];
    for (confidence, right, weight) in answers {
        let bin = ((confidence * ECE_BINS as f64).ceil() as usize).clamp(1, ECE_BINS) - 1;
        sums[bin].0 += weight;
        sums[bin].1 += weight as f64 * confidence;
        if right {
            sums[bin].2 += weight;
        }
    }
    sums.iter()
        .enumerate()
        .map(|(bin, &(n, confidence, right))| ReliabilityBin {
            low: bin as f64 / ECE_BINS as f64,
            high: (bin + 1) as f64 / ECE_BINS as f64,
            n,
            confidence: (n > 0).then(|| confidence / n as f64),
            accuracy: (n > 0).then(|| right as f64 / n as f64),
        })
        .collect()
}

/// Expected calibration error: the mean distance between confidence and
/// accuracy over the bins, weighted by their photos (Naeini et al. 2015).
pub fn expected_calibration_error(bins: &[ReliabilityBin]) -> f64 {
    let total: u64 = bins.iter().map(|bin| bin.n).sum();
    bins.iter()
        .filter_map(|bin| Some(bin.n as f64 * (bin.accuracy? - bin.confidence?).abs()))
        .sum::<f64>()
        / total as f64
}

/// The multiclass Brier score in `0..=2`: the mean squared distance between the
/// probabilities and the true grade's one-hot vector, summed over classes.
pub fn brier(predictions: &Predictions, weights: Option<&[u32]>) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (i, row) in predictions.probabilities.iter().enumerate() {
        let weight = weights.map_or(1.0, |w| f64::from(w[i]));
        let truth = predictions.labels[i];
        let distance: f64 = row
            .iter()
            .enumerate()
            .map(|(class, p)| (p - f64::from(u8::from(class == truth))).powi(2))
            .sum();
        sum += weight * distance;
        total += weight;
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_lies_in_the_bin_that_its_confidence_ends_or_falls_into() {
        let rows = [vec![0.6, 0.4], vec![0.61, 0.39], vec![1.0, 0.0]];
        let predictions = Predictions::from_probabilities(&rows, &[0, 1, 0]).unwrap();
        let curve = reliability(&predictions, None);
        assert_eq!(curve.len(), ECE_BINS);
        let edges = |bin: &ReliabilityBin| (bin.low, bin.high);
        assert_eq!(edges(&curve[8]), (8.0 / 15.0, 0.6));
        assert_eq!(edges(&curve[14]), (14.0 / 15.0, 1.0));
        let held: Vec<_> = curve.iter().map(|bin| (bin.n, bin.accuracy)).collect();
        assert_eq!(held[8], (1, Some(1.0)));
        assert_eq!(held[9], (1, Some(0.0)));
        assert_eq!(held[14], (1, Some(1.0)));
        assert_eq!(curve[9].confidence, Some(0.61));
        assert_eq!(held.iter().filter(|bin| **bin == (0, None)).count(), 12);
    }
}
