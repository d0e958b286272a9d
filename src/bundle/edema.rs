//! The risk of macular oedema: the part of the manifest that `fovea edema fit`
//! and `fovea train` write where photos are labelled with it, and what the head
//! was measured to be worth.
//!
//! The scale is that of IDRiD (Porwal et al. 2018): 0 no hard exudate to be seen,
//! 1 hard exudates further from the macula's centre than a diameter of the disc,
//! 2 nearer than that.

use serde::{Deserialize, Serialize};

use super::{BundleError, OperatingPoint};
use crate::grading::softmax;

/// Risks on the scale, and numbers the head gives a photo.
pub const RISKS: usize = 3;
/// The line of referral lies no higher: a risk more likely than not is referred.
pub const HIGHEST_LINE: f64 = 0.5;

/// A head for the risk of macular oedema: a layer beside the last one, whose
/// outputs follow those of the grade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edema {
    /// Its own: probabilities are `softmax(logits / temperature)`.
    pub temperature: f64,
    /// On the calibrated probability of risk 1 or 2.
    pub referable: OperatingPoint,
    /// The photos it was taught with.
    pub taught_by: String,
    /// Ridge penalty on its weights, of standardised features, that
    /// cross-validation chose.
    pub penalty: f64,
    /// Measured on the photos that fixed temperature and line.
    pub figures: EdemaFigures,
    /// The command that taught it.
    pub command: String,
}

/// What the head is worth on validation photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdemaFigures {
    /// Such as `idrid (validation)`.
    pub dataset: String,
    pub n: usize,
    /// The share given exactly their risk.
    pub accuracy: f64,
    pub kappa_quadratic: Option<f64>,
    pub cross_entropy: f64,
    /// Area under the ROC curve of risk 1 or 2 against none.
    pub referable_auc: Option<f64>,
    pub ece: f64,
}

impl Edema {
    /// Calibrated probabilities, one a risk, from the head's own outputs.
    pub fn probabilities(&self, outputs: &[f32]) -> Vec<f64> {
        let logits: Vec<f64> = outputs.iter().map(|output| f64::from(*output)).collect();
        softmax(&logits, self.temperature)
    }

    pub(super) fn check(&self) -> Result<(), BundleError> {
        let value = |field, value: f64, why| {
            let value = value.to_string();
            Err(BundleError::Value { field, value, why })
        };
        if !(0.01..=100.0).contains(&self.temperature) {
            return value(
                "edema.temperature",
                self.temperature,
                "it must lie between 0.01 and 100",
            );
        }
        let OperatingPoint {
            threshold,
            sensitivity,
            specificity,
            ..
        } = self.referable;
        if !(0.0..=HIGHEST_LINE).contains(&threshold) {
            return value(
                "edema.referable.threshold",
                threshold,
                "it must be a probability of at most one half: a likely risk is referred",
            );
        }
        for rate in [sensitivity, specificity] {
            if !(0.0..=1.0).contains(&rate) {
                return value(
                    "edema.referable",
                    rate,
                    "its rates must lie between 0 and 1",
                );
            }
        }
        Ok(())
    }
}
