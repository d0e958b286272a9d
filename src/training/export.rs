//! Writing the bundle: calibrated on validation, in half precision, hashed.

use std::path::{Path, PathBuf};

use super::config::TrainConfig;
use super::edema::Taught;
use super::judge;
use super::objective::Objective;
use crate::bundle::{
    Bundle, Calibration, Doubt, FORMAT, Figures, FurtherPoint, Manifest, OperatingPoint,
    Thresholds, Training, WeightsFile, sha256_hex,
};
use crate::evaluation::consistency::if_calibrated;
use crate::evaluation::operating_point::{self, OperatingPointError, Rates, Target};
use crate::evaluation::temperature::TemperatureError;
use crate::evaluation::{Bootstrap, Metrics, Predictions, temperature};
use crate::grading::{Grade, PointName, REFERABLE_FROM, SIGHT_THREATENING_FROM};
use crate::network::{self, Precision, StateDict};

/// Share of diseased eyes that a threshold of high sensitivity must catch on
/// validation: a screening programme would rather look twice.
pub const SCREENING_SENSITIVITY: f64 = 0.95;
/// Share of healthy eyes that a threshold of high specificity must pass: where
/// every referral is a long journey.
pub const HIGH_SPECIFICITY: f64 = 0.95;

/// The manifest's file name in a bundle's folder.
pub const MANIFEST: &str = "model.json";
/// The best epoch's weights in full precision, to go on training from.
pub const FULL_PRECISION: &str = "best.safetensors";

/// Outputs and grades of validation photos of one dataset.
pub struct Measured {
    pub dataset: String,
    /// `[n][outputs]`, as the network gives them.
    pub outputs: Vec<Vec<f32>>,
    pub grades: Vec<u8>,
}

/// What validation fixed.
pub struct Calibrated {
    pub calibration: Calibration,
    pub thresholds: Thresholds,
    /// Learnt last, from further looks at the photos; none where they teach none.
    pub doubt: Option<Doubt>,
    /// Taught beside it where photos are labelled with the risk.
    pub edema: Option<Taught>,
}

/// Fits cut points (where `objective` needs them), temperature and thresholds
/// on all of `measured`.
///
/// Where validation fixes no temperature (a network that learnt nothing, or one
/// that makes no mistake on a handful of photos) it stays 1, and `say` is told.
///
/// # Errors
/// A sentence where validation has one side only, so that no threshold exists.
pub fn calibrate(
    measured: &[Measured],
    objective: Objective,
    say: &dyn Fn(&str),
) -> Result<Calibrated, String> {
    let outputs: Vec<Vec<f32>> = measured.iter().flat_map(|m| m.outputs.clone()).collect();
    let grades: Vec<u8> = measured.iter().flat_map(|m| m.grades.clone()).collect();
    let mut calibration = judge::uncalibrated(objective, &outputs, &grades)?;
    // Cut points are fitted together with their slope, which is a temperature.
    if calibration.cumulative_link.is_none() {
        let logits: Vec<Vec<f64>> = outputs.iter().map(|row| calibration.logits(row)).collect();
        match temperature::fit(&logits, &grades) {
            Ok(temperature) => calibration.temperature = temperature,
            Err(TemperatureError::Input(error)) => return Err(error.to_string()),
            Err(error) => say(&format!("the probabilities stay uncalibrated: {error}")),
        }
    }
    let predictions = predictions(&outputs, &grades, &calibration)?;
    let names: Vec<&str> = measured.iter().map(|m| m.dataset.as_str()).collect();
    Ok(Calibrated {
        calibration,
        doubt: None,
        edema: None,
        thresholds: thresholds(&predictions, &names)?,
    })
}

/// The lines of every operating point, fixed on calibrated predictions of the
/// validation photos of `datasets`.
///
/// # Errors
/// A sentence where there is one side only, so that no threshold exists.
pub fn thresholds(predictions: &Predictions, datasets: &[&str]) -> Result<Thresholds, String> {
    let fixed_on = format!(
        "{} validation photos of {}",
        predictions.len(),
        datasets.join(", ")
    );
    let line = |from_grade: u8, name: PointName| {
        let fixed = |target| point(predictions, usize::from(from_grade), target, &fixed_on);
        let balanced = fixed(Target::Balanced)?;
        // Where disease stands out, the line that just catches enough lies above that
        // which just passes enough, and the points would trade places. The line
        // between catches as many as the one, or passes as many as the other.
        Ok::<_, OperatingPointError>(match name {
            PointName::Screening => {
                let point = fixed(Target::Sensitivity(SCREENING_SENSITIVITY))?;
                if point.threshold > balanced.threshold {
                    balanced
                } else {
                    point
                }
            }
            PointName::Balanced => balanced,
            PointName::Specific => {
                let point = fixed(Target::Specificity(HIGH_SPECIFICITY))?;
                if point.threshold < balanced.threshold {
                    balanced
                } else {
                    point
                }
            }
        })
    };
    // What threatens sight is said of those who are referred at the same point:
    // what the line reaches is measured as it will be used.
    let among_referred = |name: PointName, point: OperatingPoint| {
        let referral = line(REFERABLE_FROM, name)?;
        let from = usize::from(SIGHT_THREATENING_FROM);
        let scores = predictions.scores_among_referred(from, referral.threshold);
        let truth = predictions.truth_at_least(from);
        let reached = operating_point::rates(&scores, &truth, point.threshold);
        Ok::<_, OperatingPointError>(measured(point.threshold, &reached, &fixed_on))
    };
    let further = [
        (REFERABLE_FROM, PointName::Balanced),
        (REFERABLE_FROM, PointName::Specific),
        (SIGHT_THREATENING_FROM, PointName::Screening),
        (SIGHT_THREATENING_FROM, PointName::Balanced),
        (SIGHT_THREATENING_FROM, PointName::Specific),
    ];
    Ok(Thresholds {
        referable: line(REFERABLE_FROM, PointName::Screening).map_err(|e| e.to_string())?,
        // Few photos may hold no severe disease: then there is no such line.
        further: further
            .into_iter()
            .filter_map(|(from_grade, name)| {
                let mut point = line(from_grade, name).ok()?;
                if from_grade == SIGHT_THREATENING_FROM {
                    point = among_referred(name, point).ok()?;
                }
                Some(FurtherPoint {
                    name: name.line(from_grade),
                    from_grade,
                    point,
                })
            })
            .collect(),
    })
}

fn point(
    predictions: &Predictions,
    from_grade: usize,
    target: Target,
    fixed_on: &str,
) -> Result<OperatingPoint, OperatingPointError> {
    let chosen = operating_point::choose(
        &predictions.scores_at_least(from_grade),
        &predictions.truth_at_least(from_grade),
        target,
    )?;
    Ok(measured(chosen.threshold, &chosen.achieved, fixed_on))
}

fn measured(threshold: f64, reached: &Rates, fixed_on: &str) -> OperatingPoint {
    OperatingPoint {
        threshold,
        sensitivity: reached.sensitivity.unwrap_or(0.0),
        specificity: reached.specificity.unwrap_or(0.0),
        fixed_on: fixed_on.to_owned(),
    }
}

/// The manifest's line for one dataset.
///
/// # Errors
/// Where there is nothing to measure or an output is not finite.
pub fn figures(measured: &Measured, calibration: &Calibration) -> Result<Figures, String> {
    let predictions = predictions(&measured.outputs, &measured.grades, calibration)?;
    let metrics = Metrics::of(&predictions);
    Ok(Figures {
        dataset: format!("{} (validation)", measured.dataset),
        n: measured.grades.len(),
        accuracy: metrics.accuracy,
        kappa_quadratic: metrics.kappa_quadratic,
        cross_entropy: metrics.cross_entropy,
        referable_auc: metrics.referable_auc,
        ece: metrics.ece,
        ece_if_calibrated: Some(if_calibrated(&predictions, Bootstrap::default())),
    })
}

fn predictions(
    outputs: &[Vec<f32>],
    grades: &[u8],
    calibration: &Calibration,
) -> Result<Predictions, String> {
    let logits: Vec<Vec<f64>> = outputs.iter().map(|row| calibration.logits(row)).collect();
    Predictions::from_logits(
        &temperature::scale(&logits, calibration.temperature),
        grades,
    )
    .map_err(|e| e.to_string())
}

/// What the manifest says beside what was measured.
pub struct Description {
    pub name: String,
    pub version: String,
    pub training: Training,
}

/// Writes weights (in half precision for the bundle, in full beside it) and
/// manifest into `out`, the manifest last. Returns the manifest and its path.
///
/// # Errors
/// A sentence naming the file that could not be written, or why the bundle does not open.
pub fn write(
    out: &Path,
    description: Description,
    config: &TrainConfig,
    full_precision: &StateDict,
    calibrated: Calibrated,
    figures: Vec<Figures>,
) -> Result<(PathBuf, Manifest), String> {
    let kept = full_precision
        .to_safetensors(Precision::Full)
        .map_err(|e| e.to_string())?;
    write_whole(&out.join(FULL_PRECISION), &kept)?;
    let (edema, weights) = match calibrated.edema {
        None => (None, full_precision.clone()),
        Some(taught) => {
            let weights = network::with_beside(full_precision, taught.weight, taught.bias);
            (Some(taught.edema), weights)
        }
    };
    let (file, bytes) = packed(&description.name, &weights)?;
    let manifest = Manifest {
        format: FORMAT,
        version: description.version,
        architecture: config.architecture,
        classes: Grade::ALL.map(|grade| grade.key().to_owned()).to_vec(),
        preprocessing: config.preprocessing.clone(),
        calibration: calibrated.calibration,
        test_time_flips: config.test_time_flips,
        thresholds: calibrated.thresholds,
        doubt: calibrated.doubt,
        intended_use: intended_use(edema.is_some()),
        edema,
        weights: file,
        training: description.training,
        figures,
        name: description.name,
    };
    let path = out.join(MANIFEST);
    put(&path, &manifest, &bytes)?;
    Ok((path, manifest))
}

/// The weights of a model called `name` in half precision, and their entry in its
/// manifest, the start of their hash in the file's name.
///
/// # Errors
/// A sentence where half precision cannot hold them.
pub fn packed(name: &str, weights: &StateDict) -> Result<(WeightsFile, Vec<u8>), String> {
    let bytes = weights
        .to_safetensors(Precision::Half)
        .map_err(|e| e.to_string())?;
    let sha256 = sha256_hex(&bytes);
    let file = WeightsFile {
        file: format!("{name}-{}.safetensors", &sha256[..8]),
        bytes: bytes.len() as u64,
        sha256,
    };
    Ok((file, bytes))
}

/// Writes a bundle once it opens as a stranger would open it: the weights beside
/// `path`, and then the manifest there.
///
/// # Errors
/// A sentence naming what could not be written, or does not open; then the manifest
/// that was at `path` is there still.
pub fn put(path: &Path, manifest: &Manifest, weights: &[u8]) -> Result<(), String> {
    let json = manifest.to_json();
    Bundle::open(json.as_bytes(), weights).map_err(|e| e.to_string())?;
    write_whole(&path.with_file_name(&manifest.weights.file), weights)?;
    write_whole(path, json.as_bytes())
}

/// For what a model is meant, with a head for the risk of macular oedema or without.
pub fn intended_use(edema: bool) -> String {
    let of_edema = if edema {
        "of macular oedema only the risk is told, as far as hard exudates in a photo show it"
    } else {
        "macular oedema is not assessed"
    };
    format!(
        "Research and teaching: grading colour photographs of the retina, centred on macula or \
         disc, for diabetic retinopathy on the ICDR scale. Not a medical device, not for \
         diagnosis, not for other eye disease; {of_edema}."
    )
}

/// Whether a file can be written at `path`: asked before the work that it is for. Leaves
/// nothing there.
///
/// # Errors
/// A sentence naming the file.
pub fn can_write(path: &Path) -> Result<(), String> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let tried = match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(std::io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => Ok(()),
        _ => tempfile::tempfile_in(folder).map(drop),
    };
    tried.map_err(|error| format!("{}: cannot be written ({error})", path.display()))
}

/// Writes a file whole or not at all. What is there and no file, as `/dev/stdout`, is
/// written to and not replaced.
///
/// # Errors
/// A sentence naming the file.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return std::fs::write(path, bytes).map_err(named);
    }
    // Several jobs may write the same file at the same time.
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, path))
        .map_err(|error| {
            // A disk that is full has no room for half a file either.
            let _ = std::fs::remove_file(&partial);
            named(error)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::Lines;

    /// Photos of which the first `healthy` have grade 0, with these probabilities of
    /// grade 2.
    fn photos(healthy: usize, referable: &[f64]) -> Predictions {
        let rows: Vec<Vec<f64>> = referable
            .iter()
            .map(|p| vec![1.0 - p, 0.0, *p, 0.0, 0.0])
            .collect();
        let grades: Vec<u8> = (0..rows.len())
            .map(|i| if i < healthy { 0 } else { 2 })
            .collect();
        Predictions::from_probabilities(&rows, &grades).unwrap()
    }

    #[test]
    fn screening_never_misses_more_than_the_specific_point_however_well_disease_stands_out() {
        // All 40 diseased are above all 40 healthy: 0.95 of either leaves two to spare.
        let apart: Vec<f64> = (0..80).map(|i| f64::from(i) / 100.0).collect();
        let found = thresholds(&photos(40, &apart), &["toy"]).unwrap();
        let offered = Lines::offered(&found);
        assert_eq!(offered.len(), 3);
        for lines in offered {
            let point = lines.referable;
            assert!((point.threshold - 0.395).abs() < 1e-9, "{point:?}");
            assert_eq!((point.sensitivity, point.specificity), (1.0, 1.0));
        }
        // Where it does not, each has a line of its own.
        let mixed: Vec<f64> = (0..80).map(|i| f64::from(i * 37 % 80) / 100.0).collect();
        let found = thresholds(&photos(40, &mixed), &["toy"]).unwrap();
        let lines: Vec<f64> = Lines::offered(&found)
            .iter()
            .map(|lines| lines.referable.threshold)
            .collect();
        assert!(lines.is_sorted() && lines[0] < lines[2], "{lines:?}");
        assert!(found.referable.sensitivity >= SCREENING_SENSITIVITY);
    }

    #[test]
    fn what_threatens_sight_is_measured_among_those_who_are_referred() {
        // One healthy photo scores above the severe ones, and is not referred.
        let rows = [
            (0, [1.0, 0.0, 0.0, 0.0, 0.0]),
            (0, [0.9, 0.0, 0.1, 0.0, 0.0]),
            (0, [0.7, 0.0, 0.0, 0.3, 0.0]),
            (2, [0.4, 0.0, 0.6, 0.0, 0.0]),
            (2, [0.3, 0.0, 0.7, 0.0, 0.0]),
            (3, [0.1, 0.0, 0.65, 0.25, 0.0]),
            (3, [0.2, 0.0, 0.55, 0.25, 0.0]),
        ];
        let (grades, rows): (Vec<u8>, Vec<Vec<f64>>) = rows
            .map(|(grade, row)| (grade, row.to_vec()))
            .into_iter()
            .unzip();
        let predictions = Predictions::from_probabilities(&rows, &grades).unwrap();
        let found = thresholds(&predictions, &["toy"]).unwrap();
        assert!((found.referable.threshold - 0.45).abs() < 1e-9);
        let threat = Lines::screening(&found).sight_threatening.unwrap();
        assert!((threat.threshold - 0.125).abs() < 1e-9, "{threat:?}");
        assert_eq!((threat.sensitivity, threat.specificity), (1.0, 1.0));
    }

    #[test]
    fn another_jobs_unfinished_file_is_not_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        // What cannot be written over, as another's file may be gone under its name.
        std::fs::create_dir(folder.path().join("plan.partial")).unwrap();
        write_whole(&path, b"{}").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
    }

    #[test]
    fn what_cannot_be_written_leaves_no_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        std::fs::create_dir(&path).unwrap();
        write_whole(&path, b"{}").unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_to_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let full = folder.path().join("full");
        std::os::unix::fs::symlink("/dev/full", &full).unwrap();
        let words = write_whole(&full, b"{}").unwrap_err();
        assert!(words.contains("full: No space left"), "{words}");
        assert!(full.is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
