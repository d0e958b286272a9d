//! The bundle whose weights a training begins with.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::config::TrainConfig;
use super::dataset::Record;
use super::export;
use super::photos::Photos;
use super::run::{SPLIT, TrainError, Watch};
use super::split::{self, Part};
use crate::bundle::Manifest;
use crate::photo::Preprocessing;
use crate::quoted::quoted;

/// The manifest of a bundle that is named by it or by its folder; none of a file
/// of weights.
pub fn manifest(path: &Path) -> Option<Manifest> {
    let path = if path.is_dir() {
        path.join(export::MANIFEST)
    } else {
        path.to_owned()
    };
    Manifest::from_json(&std::fs::read(path).ok()?).ok()
}

/// How the weights were shown photos where `config` shows them otherwise: a sentence
/// for whoever forgot a flag, since flags decide and nothing of this is inherited.
pub fn shown_otherwise(config: &TrainConfig) -> Option<String> {
    let path = config.from.as_deref()?;
    let was = manifest(path)?.preprocessing;
    let flags = |of: &Preprocessing, other: &Preprocessing| -> String {
        let mut flags = Vec::new();
        if of.size != other.size {
            flags.push(format!("--size {}", of.size));
        }
        if of.margin != other.margin {
            flags.push(format!("--margin {}", of.margin));
        }
        match (of.local_mean.is_some(), other.local_mean.is_some()) {
            (true, false) => flags.push("--local-mean".to_owned()),
            (false, true) => flags.push("no --local-mean".to_owned()),
            _ => {}
        }
        flags.join(" ")
    };
    let (before, now) = (
        flags(&was, &config.preprocessing),
        flags(&config.preprocessing, &was),
    );
    (!before.is_empty()).then(|| {
        format!(
            "{} was trained with {before}; this training is with {now}",
            path.display()
        )
    })
}

/// Whether a bundle that `config` begins with was trained on photos that are to
/// validate or to test here: figures on those would flatter. A bundle that does not
/// say which photos it was trained on is told where it knows the same data sets.
///
/// # Errors
/// A sentence that names the split to go on by.
pub fn check_split(
    config: &TrainConfig,
    photos: &Photos,
    watch: &dyn Watch,
) -> Result<(), TrainError> {
    let held_out: Vec<&Record> = [&photos.split.validation, &photos.split.test]
        .into_iter()
        .flatten()
        .map(|&i| &photos.records[i])
        .collect();
    for path in config.from.iter().chain(&config.mean_with) {
        let Some(manifest) = manifest(path) else {
            continue;
        };
        let file = split_beside(path);
        if !file.exists() {
            let mut trained_on = manifest.training.data.iter();
            if let Some(known) =
                trained_on.find(|set| held_out.iter().any(|photo| photo.dataset == set.name))
            {
                watch.say(&format!(
                    "{} was trained on photos of {}, and no {SPLIT} beside it tells which: unless \
                     --split is the split it was trained by, figures on validation flatter",
                    path.display(),
                    known.name
                ));
            }
            continue;
        }
        let seen: HashSet<(String, String)> = split::named(&file, Part::Train)?;
        let again = held_out
            .iter()
            .filter(|photo| seen.contains(&(photo.dataset.clone(), photo.name.clone())))
            .count();
        if again > 0 {
            return Err(TrainError::Stopped(format!(
                "{} was trained on {again} of the {} photos that are kept from training here, and \
                 figures on those would flatter: go on by its own split, with --split {}",
                path.display(),
                held_out.len(),
                quoted(&file)
            )));
        }
    }
    Ok(())
}

/// Where a training leaves its split: beside its manifest.
fn split_beside(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(SPLIT)
    } else {
        path.with_file_name(SPLIT)
    }
}
