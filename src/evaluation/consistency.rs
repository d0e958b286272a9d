//! Whether a calibration error is one, or what as few photos show of any grader.
//!
//! Of ten photos graded at 80 % rarely exactly eight are right, and every bin's
//! distance counts whichever way it goes, so that the expected calibration error
//! of a perfectly calibrated grader is above zero, the more so the fewer photos
//! there are. How far, consistency resampling tells (Bröcker & Smith 2007,
//! “Increasing the reliability of reliability diagrams”; Vaicenavicius et al.
//! 2019, “Evaluating model calibration in classification”): the confidences stay,
//! and whether each photo is right is drawn anew with its confidence as the
//! chance.

use rand::Rng;
use rayon::prelude::*;

use super::bootstrap::{Bootstrap, quantile};
use super::calibration::{bins, confidences, expected_calibration_error, reliability};
use super::predictions::Predictions;
use crate::bundle::IfCalibrated;

/// The expected calibration error that a grader with these confidences would show
/// on as many photos if they were true, from `resampling.samples` draws, at least
/// one. Photos are drawn one by one; two eyes of one patient, which are often right
/// or wrong together, would make it a little larger still.
pub fn if_calibrated(predictions: &Predictions, resampling: Bootstrap) -> IfCalibrated {
    let confidences: Vec<f64> = confidences(predictions).collect();
    let mut drawn: Vec<f64> = (0..resampling.samples.max(1))
        .into_par_iter()
        .map(|sample| {
            let mut random = resampling.stream(sample);
            let answers = confidences.iter().map(|&confidence| {
                // Rounding may leave the surest a hair above 1.
                let right = random.random_bool(confidence.clamp(0.0, 1.0));
                (confidence, right, 1)
            });
            expected_calibration_error(&bins(answers))
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let measured = expected_calibration_error(&reliability(predictions, None));
    // A photo that is drawn as it was found shows the same but for rounding.
    let below = drawn.partition_point(|&error| error < measured - 1e-12);
    let samples = drawn.len() as f64;
    IfCalibrated {
        mean: drawn.iter().sum::<f64>() / samples,
        high: quantile(&drawn, 0.95),
        p: 1.0 - below as f64 / samples,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESAMPLING: Bootstrap = Bootstrap {
        samples: 2_000,
        seed: 3,
    };

    /// `right` of `n` photos graded as they are, each at `confidence`.
    fn predictions(n: usize, right: usize, confidence: f64) -> Predictions {
        let rest = (1.0 - confidence) / 4.0;
        let rows = vec![vec![confidence, rest, rest, rest, rest]; n];
        let labels: Vec<u8> = (0..n).map(|i| u8::from(i >= right)).collect();
        Predictions::from_probabilities(&rows, &labels).unwrap()
    }

    #[test]
    fn one_photo_shows_its_chance_times_its_distance() {
        // Right at 0.8, 0.2 away; wrong at 0.2, 0.8 away: 2 x 0.8 x 0.2.
        let one = if_calibrated(&predictions(1, 1, 0.8), RESAMPLING);
        assert!((one.mean - 0.32).abs() < 0.02, "{one:?}");
        assert!((one.high - 0.8).abs() < 1e-9, "{one:?}");
        assert_eq!(one.p, 1.0, "nothing shows less than what was found");
    }

    #[test]
    fn many_photos_show_the_mean_distance_of_a_binomial() {
        // Half the time, of 400, the standard error is 0.025; the mean distance of a
        // normal variable from its mean is sqrt(2 / pi) of that.
        let many = if_calibrated(&predictions(400, 200, 0.5), RESAMPLING);
        assert!((many.mean - 0.025 * 0.798).abs() < 0.001, "{many:?}");
        assert!((many.high - 0.025 * 1.96).abs() < 0.004, "{many:?}");
    }

    #[test]
    fn too_sure_a_grader_is_told_from_chance_and_a_true_one_is_not() {
        let sure = if_calibrated(&predictions(200, 140, 0.9), RESAMPLING);
        assert_eq!(sure.p, 0.0, "{sure:?}");
        let right = if_calibrated(&predictions(200, 178, 0.9), RESAMPLING);
        assert!(right.p > 0.3, "{right:?}");
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let of = predictions(50, 40, 0.75);
        assert_eq!(
            if_calibrated(&of, RESAMPLING),
            if_calibrated(&of, RESAMPLING)
        );
    }
}
