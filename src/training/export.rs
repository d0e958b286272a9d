//! Writing the bundle: calibrated on validation, in half precision, hashed.

use std::path::{Path, PathBuf};

use super::config::TrainConfig;
use crate::bundle::{
    Bundle, Calibration, FORMAT, Figures, Manifest, OperatingPoint, Thresholds, Training,
    WeightsFile, sha256_hex,
};
use crate::evaluation::operating_point::{self, Target};
use crate::evaluation::predictions::REFERABLE_FROM;
use crate::evaluation::temperature::TemperatureError;
use crate::evaluation::{Metrics, Predictions, temperature};
use crate::grading::Grade;
use crate::network::{Precision, StateDict};

/// Share of referable eyes that the shipped threshold must catch on
/// validation: a screening programme would rather look twice.
pub const SCREENING_SENSITIVITY: f64 = 0.95;

/// The manifest's file name in a bundle's folder.
pub const MANIFEST: &str = "model.json";

/// Logits and grades of validation photos of one dataset.
pub struct Measured {
    pub dataset: String,
    pub logits: Vec<Vec<f64>>,
    pub grades: Vec<u8>,
}

/// Fits the temperature and the threshold of referral on all of `measured`.
///
/// Where validation fixes no temperature (a network that learnt nothing, or one
/// that makes no mistake on a handful of photos) it stays 1, and `say` is told.
///
/// # Errors
/// A sentence where validation has one side only, so that no threshold exists.
pub fn calibrate(
    measured: &[Measured],
    say: &dyn Fn(&str),
) -> Result<(Calibration, Thresholds), String> {
    let logits: Vec<Vec<f64>> = measured.iter().flat_map(|m| m.logits.clone()).collect();
    let grades: Vec<u8> = measured.iter().flat_map(|m| m.grades.clone()).collect();
    let temperature = match temperature::fit(&logits, &grades) {
        Ok(temperature) => temperature,
        Err(TemperatureError::Input(error)) => return Err(error.to_string()),
        Err(error) => {
            say(&format!("the probabilities stay uncalibrated: {error}"));
            1.0
        }
    };
    let predictions = predictions(&logits, &grades, temperature)?;
    let target = Target::Sensitivity(SCREENING_SENSITIVITY);
    let point = operating_point::choose(
        &predictions.scores_at_least(REFERABLE_FROM),
        &predictions.truth_at_least(REFERABLE_FROM),
        target,
    )
    .map_err(|e| e.to_string())?;
    let names: Vec<&str> = measured.iter().map(|m| m.dataset.as_str()).collect();
    Ok((
        Calibration { temperature },
        Thresholds {
            referable: OperatingPoint {
                threshold: point.threshold,
                sensitivity: point.achieved.sensitivity.unwrap_or(0.0),
                specificity: point.achieved.specificity.unwrap_or(0.0),
                fixed_on: format!("{} validation photos of {}", grades.len(), names.join(", ")),
            },
        },
    ))
}

/// The manifest's line for one dataset.
///
/// # Errors
/// Where there is nothing to measure or a logit is not finite.
pub fn figures(measured: &Measured, temperature: f64) -> Result<Figures, String> {
    let metrics = Metrics::of(&predictions(
        &measured.logits,
        &measured.grades,
        temperature,
    )?);
    Ok(Figures {
        dataset: format!("{} (validation)", measured.dataset),
        n: measured.grades.len(),
        accuracy: metrics.accuracy,
        kappa_quadratic: metrics.kappa_quadratic,
        cross_entropy: metrics.cross_entropy,
        referable_auc: metrics.referable_auc,
        ece: metrics.ece,
    })
}

fn predictions(
    logits: &[Vec<f64>],
    grades: &[u8],
    temperature: f64,
) -> Result<Predictions, String> {
    Predictions::from_logits(&temperature::scale(logits, temperature), grades)
        .map_err(|e| e.to_string())
}

/// What the manifest says beside what was measured.
pub struct Description {
    pub name: String,
    pub version: String,
    pub training: Training,
}

/// Writes weights and manifest into `out`, the manifest last, and opens the
/// bundle again as a stranger would. Returns the manifest's path.
///
/// # Errors
/// A sentence naming the file that could not be written or did not read back.
pub fn write(
    out: &Path,
    description: Description,
    config: &TrainConfig,
    weights: &StateDict,
    calibration: Calibration,
    thresholds: Thresholds,
    figures: Vec<Figures>,
) -> Result<PathBuf, String> {
    let bytes = weights
        .to_safetensors(Precision::Half)
        .map_err(|e| e.to_string())?;
    let sha256 = sha256_hex(&bytes);
    let manifest = Manifest {
        format: FORMAT,
        version: description.version,
        architecture: config.architecture,
        classes: Grade::ALL.map(|grade| grade.key().to_owned()).to_vec(),
        preprocessing: config.preprocessing.clone(),
        calibration,
        thresholds,
        weights: WeightsFile {
            file: format!("{}-{}.safetensors", description.name, &sha256[..8]),
            bytes: bytes.len() as u64,
            sha256,
        },
        training: description.training,
        figures,
        intended_use: INTENDED_USE.to_owned(),
        name: description.name,
    };
    let json = manifest.to_json();
    let put = |name: &str, bytes: &[u8]| write_whole(&out.join(name), bytes);
    put(&manifest.weights.file, &bytes)?;
    put(MANIFEST, json.as_bytes())?;
    Bundle::open(json.as_bytes(), &bytes).map_err(|e| e.to_string())?;
    Ok(out.join(MANIFEST))
}

const INTENDED_USE: &str = "Research and teaching: grading colour photographs of the retina, \
centred on macula or disc, for diabetic retinopathy on the ICDR scale. Not a medical device, \
not for diagnosis, not for other eye disease; macular oedema is not assessed.";

/// Writes a file whole or not at all.
///
/// # Errors
/// A sentence naming the file.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, path))
        .map_err(|error| format!("{}: {error}", path.display()))
}
