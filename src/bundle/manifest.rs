//! The manifest: everything about a model but its weights, as JSON.

use serde::{Deserialize, Serialize};

use super::{BundleError, Doubt, Edema, RISKS, sha256_hex};
use crate::grading::{CumulativeLink, Grade, softmax};
use crate::network::Architecture;
use crate::photo::Preprocessing;

/// The format this code writes and the only one it reads.
pub const FORMAT: u32 = 1;

/// A model's description: what it is, how to feed it, how far to trust it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Short name, such as `fovea-resnet18`.
    pub name: String,
    /// Version of the model, not of the program.
    pub version: String,
    pub architecture: Architecture,
    /// One key a class in the network's order: the ICDR grades from none to proliferative.
    pub classes: Vec<String>,
    pub preprocessing: Preprocessing,
    pub calibration: Calibration,
    /// Whether a photo is judged in its four flips, whose outputs are averaged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test_time_flips: bool,
    pub thresholds: Thresholds,
    /// When an answer is not to be relied on.
    #[serde(
        default,
        deserialize_with = "super::doubt::current",
        skip_serializing_if = "Option::is_none"
    )]
    pub doubt: Option<Doubt>,
    /// The risk of macular oedema; a bundle without it does not assess it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edema: Option<Edema>,
    pub weights: WeightsFile,
    pub training: Training,
    /// Measured figures, a dataset each.
    pub figures: Vec<Figures>,
    /// For whom and what the model is, and is not.
    pub intended_use: String,
}

/// From a network's outputs to probabilities: `softmax(logits / temperature)`
/// (temperature scaling, Guo et al. 2017).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    pub temperature: f64,
    /// Where the network gives one number instead of a logit a grade, what
    /// makes five of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cumulative_link: Option<CumulativeLink>,
}

impl Calibration {
    /// Numbers the network gives a photo for its grade; they come first.
    pub fn outputs(&self) -> usize {
        match self.cumulative_link {
            Some(_) => 1,
            None => Grade::ALL.len(),
        }
    }

    /// One logit a grade from the network's outputs, before the temperature. What
    /// follows the grade's own is passed over.
    pub fn logits(&self, outputs: &[f32]) -> Vec<f64> {
        let of_grade = outputs.iter().take(self.outputs());
        let outputs = of_grade.map(|output| f64::from(*output));
        match &self.cumulative_link {
            None => outputs.collect(),
            Some(link) => outputs.flat_map(|o| link.log_probabilities(o)).collect(),
        }
    }

    /// Calibrated probabilities, one a grade.
    pub fn probabilities(&self, outputs: &[f32]) -> Vec<f64> {
        softmax(&self.logits(outputs), self.temperature)
    }
}

/// Where decisions are made; fixed on validation data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// On the calibrated probability of grade 2 or above; catches most disease.
    pub referable: OperatingPoint,
    /// Other points, for those whom the first does not suit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<FurtherPoint>,
}

/// A threshold on the calibrated probability of some grade or above.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FurtherPoint {
    /// Such as `referable, specific`.
    pub name: String,
    /// The lowest grade it calls diseased.
    pub from_grade: u8,
    pub point: OperatingPoint,
}

/// A threshold and what it achieved where it was fixed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingPoint {
    pub threshold: f64,
    pub sensitivity: f64,
    pub specificity: f64,
    /// The photos it was fixed on.
    pub fixed_on: String,
}

/// The file beside the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsFile {
    /// A bare file name in the manifest's own folder.
    pub file: String,
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// Where the weights come from, and what that allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    pub data: Vec<DataSource>,
    /// The weights training started from, and their terms.
    pub initial_weights: DataSource,
    /// The models whose answers it heard beside the grades, how many of its photos
    /// each spoke of, and the terms each hands on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taught_by: Vec<DataSource>,
    /// The recipe in a sentence.
    pub recipe: String,
    /// The command that repeats it.
    pub command: String,
    pub seed: u64,
}

/// A source of photos or weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSource {
    pub name: String,
    /// Photos used for training; 0 where it is not a set of photos.
    pub photos: usize,
    pub terms: String,
}

/// Figures measured on one part of one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Such as `aptos2019 (validation)`.
    pub dataset: String,
    pub n: usize,
    pub accuracy: f64,
    pub kappa_quadratic: Option<f64>,
    pub cross_entropy: f64,
    pub referable_auc: Option<f64>,
    pub ece: f64,
    /// What a perfectly calibrated model's `ece` would be on these photos; absent
    /// from bundles made before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ece_if_calibrated: Option<IfCalibrated>,
}

/// The calibration error (ECE) that a model with the same confidences would show
/// on as many photos if every one of them were true. Never 0, as of few photos
/// some more or fewer are right than expected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IfCalibrated {
    pub mean: f64,
    /// 95 in 100 such models show no more.
    pub high: f64,
    /// The part of such models that show at least what this one does.
    pub p: f64,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`BundleError::Manifest`], [`BundleError::Format`] or [`BundleError::Value`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Version {
            format: u64,
        }
        // The version first: a future format must not read as a damaged file.
        let unreadable = |error: serde_json::Error| BundleError::Manifest(error.to_string());
        let version: Version = serde_json::from_slice(bytes).map_err(unreadable)?;
        if version.format != u64::from(FORMAT) {
            return Err(BundleError::Format {
                found: version.format,
                readable: FORMAT,
            });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Pretty JSON with a final newline, as it is committed and served.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("a manifest holds only strings and numbers");
        text.push('\n');
        text
    }

    /// Name, version and the start of the weights' hash: enough to tell two models apart.
    pub fn id(&self) -> String {
        let hash = self.weights.sha256.get(..8).unwrap_or(&self.weights.sha256);
        format!("{} {} ({hash})", self.name, self.version)
    }

    /// SHA-256 of all that makes an answer and a decision of what the weights give: how
    /// a photo is prepared, temperature, lines, doubt and the risk of oedema. Fixed anew,
    /// they decide otherwise by the same weights.
    pub fn settings(&self) -> String {
        let settings = (
            &self.preprocessing,
            &self.calibration,
            self.test_time_flips,
            &self.thresholds,
            &self.doubt,
            &self.edema,
        );
        let text = serde_json::to_vec(&settings).expect("settings hold only strings and numbers");
        sha256_hex(&text)
    }

    /// Whether weights of this name are those of models, or a mean with some: whether
    /// one is named as [`Self::id`] names it.
    pub fn names_a_model(weights: &str) -> bool {
        weights.split(" and ").any(|name| {
            let hash = name
                .strip_suffix(')')
                .and_then(|name| name.rsplit_once(" ("));
            hash.is_some_and(|(_, hash)| {
                hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        })
    }

    /// Numbers the network gives a photo: those of its grade, then those of the
    /// risk of macular oedema where the bundle has that head.
    pub fn outputs(&self) -> usize {
        self.calibration.outputs() + self.edema.as_ref().map_or(0, |_| RISKS)
    }

    /// Calibrated probabilities of the risk of macular oedema from the network's
    /// outputs; none where the bundle has no head for it.
    pub fn edema_probabilities(&self, outputs: &[f32]) -> Option<Vec<f64>> {
        let own = outputs.get(self.calibration.outputs()..)?;
        Some(self.edema.as_ref()?.probabilities(own))
    }

    fn check(&self) -> Result<(), BundleError> {
        let value = |field, value: String, why| Err(BundleError::Value { field, value, why });
        let keys: Vec<&str> = Grade::ALL.iter().map(|grade| grade.key()).collect();
        if self.classes != keys {
            return value(
                "classes",
                self.classes.join(", "),
                "it must list the five ICDR grades in order",
            );
        }
        let temperature = self.calibration.temperature;
        if !(0.01..=100.0).contains(&temperature) {
            return value(
                "calibration.temperature",
                temperature.to_string(),
                "it must lie between 0.01 and 100",
            );
        }
        if let Some(link) = self.calibration.cumulative_link
            && !link.is_valid()
        {
            return value(
                "calibration.cumulative_link",
                format!("{link:?}"),
                "its slope must lie above zero and its intercepts rise",
            );
        }
        let threshold = self.thresholds.referable.threshold;
        if !(0.0..=1.0).contains(&threshold) {
            return value(
                "thresholds.referable.threshold",
                threshold.to_string(),
                "it must be a probability",
            );
        }
        for further in &self.thresholds.further {
            let threshold = further.point.threshold;
            if !(0.0..=1.0).contains(&threshold) || !(1..=4).contains(&further.from_grade) {
                return value(
                    "thresholds.further",
                    format!("{} from grade {}", threshold, further.from_grade),
                    "it must be a probability of one of grades 1 to 4 or above",
                );
            }
        }
        if let Some(doubt) = &self.doubt {
            doubt.check()?;
        }
        if let Some(edema) = &self.edema {
            edema.check()?;
        }
        let file = &self.weights.file;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if file.is_empty() || file.starts_with('.') || !file.chars().all(plain) {
            return value(
                "weights.file",
                file.clone(),
                "it must be a bare file name beside the manifest",
            );
        }
        let hash = &self.weights.sha256;
        if hash.len() != 64 || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return value(
                "weights.sha256",
                hash.clone(),
                "it must be 64 lower-case hexadecimal digits",
            );
        }
        if let Err(error) = self.preprocessing.validate() {
            return value(
                "preprocessing",
                error.to_string(),
                "the picture could not be prepared that way",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_from_other_weights_by_the_hash_it_is_named_with() {
        let model = "fovea 1.2.0 (0a1b2c3d)";
        for name in [
            model,
            &format!("ImageNet and {model}"),
            &format!("{model} and {model}"),
        ] {
            assert!(Manifest::names_a_model(name), "{name}");
        }
        for name in [
            "ImageNet",
            "ResNet-18 (ImageNet)",
            "resnet (50)",
            "resnet (torchvi5)",
            "0a1b2c3d",
            "fovea 1.2.0 (0a1b2c3d) weights",
        ] {
            assert!(!Manifest::names_a_model(name), "{name}");
        }
    }
}
