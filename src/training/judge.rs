//! Measuring a network on validation photos.

use burn::tensor::Device;

use super::album::{grades, pictures};
use super::batches::Example;
use super::cut_points;
use super::objective::Objective;
use super::predict;
use crate::bundle::Calibration;
use crate::evaluation::{Metrics, Predictions, temperature};
use crate::grading::CumulativeLink;
use crate::network::{Classifier, Views};
use crate::photo::Preprocessing;

/// What a network gives for validation photos.
pub struct Judgement {
    /// At temperature 1.
    pub metrics: Metrics,
    /// At the temperature that fits these very photos best, or at 1 where none does.
    pub scaled_cross_entropy: f64,
}

/// Runs `network` (in inference mode) over `examples`, one look each, and measures it. For an
/// ordinal objective the cut points are those that fit these very photos.
///
/// # Errors
/// A sentence where the outputs are not finite or fit no cut points.
pub fn judge(
    network: &Classifier,
    examples: &[Example],
    preprocessing: &Preprocessing,
    objective: Objective,
    device: &Device,
) -> Result<Judgement, String> {
    let outputs = predict::outputs(
        network,
        &pictures(examples),
        preprocessing,
        Views::One,
        device,
        &|_| {},
    );
    let grades = grades(examples);
    let calibration = uncalibrated(objective, &outputs, &grades)?;
    let logits: Vec<Vec<f64>> = outputs.iter().map(|row| calibration.logits(row)).collect();
    let predictions = Predictions::from_logits(&logits, &grades).map_err(|e| e.to_string())?;
    let metrics = Metrics::of(&predictions);
    let scaled_cross_entropy = match temperature::fit(&logits, &grades) {
        Ok(temperature) => {
            let scaled = temperature::scale(&logits, temperature);
            let predictions = Predictions::from_logits(&scaled, &grades);
            Metrics::of(&predictions.map_err(|e| e.to_string())?).cross_entropy
        }
        // As the bundle will be: left uncalibrated.
        Err(_) => metrics.cross_entropy,
    };
    Ok(Judgement {
        metrics,
        scaled_cross_entropy,
    })
}

/// What turns outputs into logits, the temperature left at 1.
///
/// # Errors
/// As [`cut_points::fit`].
pub fn uncalibrated(
    objective: Objective,
    outputs: &[Vec<f32>],
    grades: &[u8],
) -> Result<Calibration, String> {
    Ok(Calibration {
        temperature: 1.0,
        cumulative_link: link(objective, outputs, grades)?,
    })
}

fn link(
    objective: Objective,
    outputs: &[Vec<f32>],
    grades: &[u8],
) -> Result<Option<CumulativeLink>, String> {
    match objective {
        Objective::CrossEntropy | Objective::Focal { .. } => Ok(None),
        Objective::Ordinal => {
            let scale: Vec<f64> = outputs.iter().flatten().copied().map(f64::from).collect();
            cut_points::fit(&scale, grades).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_calibrated_is_left_as_the_network_gives_it() {
        let outputs = [vec![0.0, 3f32.ln(), 0.0, 0.0, 0.0]];
        let calibration = uncalibrated(Objective::CrossEntropy, &outputs, &[1]).unwrap();
        let probabilities = calibration.probabilities(&outputs[0]);
        // One in seven each, and three of seven.
        for (grade, probability) in probabilities.iter().enumerate() {
            let expected = if grade == 1 { 3.0 } else { 1.0 } / 7.0;
            assert!((probability - expected).abs() < 1e-6, "{probabilities:?}");
        }
    }
}
