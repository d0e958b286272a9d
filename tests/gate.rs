//! The gate before grading, on real photographs: what is no retina is refused,
//! what is one passes, and what is spoilt is refused the more the worse it is.
#![cfg(feature = "train")]

mod photo_support;

use std::path::{Path, PathBuf};

use fovea::photo::{DecodeLimits, decode, find};
use fovea::quality::{Gate, Reason};
use fovea::training::gate::degrade::{Kind, degrade};
use image::RgbImage;
use photo_support::shared_photos;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn open(path: &Path) -> RgbImage {
    let bytes = std::fs::read(path).unwrap();
    decode(&bytes, &DecodeLimits::default()).unwrap()
}

/// None passes; where no retina is found at all, that is refusal enough.
fn refusal(photo: &RgbImage) -> Option<Reason> {
    match find(photo) {
        Err(_) => Some(Reason::NotFundus),
        Ok(retina) => Gate::shipped().check(photo, &retina).err(),
    }
}

/// Validation photos of a data set, every `step`th.
fn validation(dataset: &str, step: usize) -> Option<Vec<PathBuf>> {
    let photos = shared_photos(&format!("{dataset}/images"))?;
    let split = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/model-split.csv");
    let split = std::fs::read_to_string(split).unwrap();
    let part = format!(",{dataset},validation,");
    let held: Vec<PathBuf> = photos
        .into_iter()
        .filter(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            split.lines().any(|row| {
                row.contains(&part)
                    && row
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with([',', '.']))
            })
        })
        .step_by(step)
        .collect();
    assert!(!held.is_empty(), "{dataset} has validation photos");
    Some(held)
}

#[test]
fn everyday_photos_are_refused() {
    let Some(photos) = shared_photos("natural") else {
        return;
    };
    let passed: Vec<String> = photos
        .iter()
        .filter(|path| refusal(&open(path)).is_none())
        .map(|path| path.display().to_string())
        .collect();
    assert!(passed.is_empty(), "{passed:?}");
}

#[test]
fn photographs_of_retinas_pass() {
    for dataset in ["aptos2019", "idrid", "eyepacs"] {
        let Some(photos) = validation(dataset, 3) else {
            return;
        };
        let refused: Vec<(String, Reason)> = photos
            .iter()
            .filter_map(|path| Some((path.display().to_string(), refusal(&open(path))?)))
            .collect();
        // One in fifty, and one more for the few photos there are.
        assert!(
            refused.len() <= 1 + photos.len() / 50,
            "{} of {}: {refused:?}",
            refused.len(),
            photos.len()
        );
    }
}

#[test]
fn the_worse_the_shot_the_more_are_refused() {
    let Some(photos) = validation("idrid", 8) else {
        return;
    };
    for kind in Kind::ALL {
        let refused = |severity: usize| {
            let spoilt = photos.iter().enumerate().filter(|(number, path)| {
                let photo = fovea::photo::thumbnail(&open(path), 320);
                let retina = find(&photo).unwrap();
                let mut random = StdRng::seed_from_u64(*number as u64);
                refusal(&degrade(&photo, &retina, kind, severity, &mut random)).is_some()
            });
            spoilt.count()
        };
        let (harmless, hopeless) = (refused(1), refused(5));
        assert!(harmless * 8 <= photos.len(), "{kind:?}: {harmless}");
        assert!(
            hopeless * 8 >= photos.len() * 7,
            "{kind:?}: {hopeless} of {}",
            photos.len()
        );
    }
}
