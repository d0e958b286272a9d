//! Fitting the gate of [`crate::quality`] and measuring what it does.
//!
//! There are no labels of quality at hand. Photos that people have graded count
//! as gradable, bad shots are made from them ([`degrade`]), and what is no retina
//! comes from everyday photos and drawings ([`negatives`]). Figures are those of
//! pictures the gate was not fitted to: validation photos and what is made of
//! them, and everyday photos by cross-validation.

pub mod degrade;
mod fit;
pub mod negatives;
pub mod samples;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use degrade::{Kind, SEVERITIES};
use samples::{Origin, Sample, UnreadableError};

use rayon::prelude::*;

use crate::photo::PhotoError;
use crate::quality::{self, Figure, Gate};
use crate::training::dataset::Record;
use crate::training::split::Part;

/// Fits a gate to the training pictures and measures it on the others.
pub fn fit(samples: &[Sample], folds: usize, seed: u64, command: &str) -> Gate {
    let all: Vec<&Sample> = samples.iter().collect();
    let gate = fit::fit(&all);
    let photos = all
        .iter()
        .filter(|sample| sample.origin == Origin::Good && sample.part == Part::Train)
        .count();
    let mut figures = held_out(&gate, samples);
    figures.extend(everyday(&all, folds));
    figures.extend(unseen_sets(&all));
    Gate {
        record: quality::Record {
            command: command.to_owned(),
            seed,
            photos,
            figures,
        },
        ..gate
    }
}

/// How many of the photos in files the gate refuses; and which, with the reason.
///
/// # Errors
/// [`UnreadableError`] for the first file that is no picture.
pub fn of_files(
    gate: &Gate,
    name: &Path,
    photos: &[PathBuf],
    done: &(dyn Fn(usize) + Sync),
) -> Result<(Figure, Vec<(PathBuf, String)>), UnreadableError> {
    let samples = samples::of_files(photos, done)?;
    let mut figure = blank(&name.display().to_string());
    let mut refused = Vec::new();
    for (photo, sample) in photos.iter().zip(&samples) {
        if let Some(why) = add(&mut figure, gate, sample) {
            refused.push((photo.clone(), why));
        }
    }
    Ok((figure, refused))
}

/// How many of the records' photos the shipped gate refuses; one that cannot be
/// read counts, too.
pub fn suspects(records: &[Record], done: &(dyn Fn(usize) + Sync)) -> usize {
    let count = AtomicUsize::new(0);
    records
        .par_iter()
        .filter(|record| {
            let measures = samples::measures_of(record);
            done(count.fetch_add(1, Ordering::Relaxed) + 1);
            measures.is_none_or(|measures| Gate::shipped().judge(&measures).is_err())
        })
        .count()
}

fn blank(pictures: &str) -> Figure {
    Figure {
        pictures: pictures.to_owned(),
        n: 0,
        refused: 0,
        reasons: BTreeMap::new(),
    }
}

/// How many of the samples the gate refuses, and why.
fn count<'a>(
    gate: &Gate,
    pictures: &str,
    samples: impl Iterator<Item = &'a Sample>,
) -> Option<Figure> {
    let mut figure = blank(pictures);
    for sample in samples {
        add(&mut figure, gate, sample);
    }
    (figure.n > 0).then_some(figure)
}

/// Counts one more picture; why it was refused, if it was.
fn add(figure: &mut Figure, gate: &Gate, sample: &Sample) -> Option<String> {
    figure.n += 1;
    let why = match &sample.measures {
        None => PhotoError::NoRetina.to_string(),
        Some(measures) => {
            let reason = gate.judge(measures).err()?;
            *figure.reasons.entry(reason).or_default() += 1;
            reason.to_string()
        }
    };
    figure.refused += 1;
    Some(why)
}

/// Validation photos and what is made of them.
fn held_out(gate: &Gate, samples: &[Sample]) -> Vec<Figure> {
    let held = |origin: Origin| {
        samples
            .iter()
            .filter(move |sample| sample.part == Part::Validation && sample.origin == origin)
    };
    let mut figures = Vec::new();
    for set in sets(samples) {
        let photos = held(Origin::Good).filter(|sample| sample.dataset == set);
        figures.extend(count(gate, &format!("{set} (validation)"), photos));
    }
    for (name, origin) in [
        ("validation photos without colour", Origin::Colourless),
        ("drawn retinas", Origin::Drawn),
        ("drawn things that are no retina", Origin::Thing),
    ] {
        figures.extend(count(gate, name, held(origin)));
    }
    for kind in Kind::ALL {
        for severity in SEVERITIES {
            let name = format!("{} {severity} of 5", kind.name());
            figures.extend(count(gate, &name, held(Origin::Spoilt { kind, severity })));
        }
    }
    figures
}

fn sets(samples: &[Sample]) -> Vec<&str> {
    let mut sets: Vec<&str> = samples
        .iter()
        .filter(|sample| sample.origin == Origin::Good)
        .map(|sample| sample.dataset.as_str())
        .collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

/// Everyday photos, each judged by a gate that saw nothing made of it.
fn everyday(samples: &[&Sample], folds: usize) -> Vec<Figure> {
    let name = |origin| match origin {
        Origin::Everyday => Some("everyday photos, cross-validated"),
        Origin::Disguised => Some("everyday photos disguised as retinas, cross-validated"),
        _ => None,
    };
    let mut figures: BTreeMap<&str, Figure> = BTreeMap::new();
    for fold in 0..folds {
        let (held, kept): (Vec<&Sample>, Vec<&Sample>) = samples
            .iter()
            .partition(|sample| name(sample.origin).is_some() && sample.fold == fold);
        if held.is_empty() {
            continue;
        }
        let gate = fit::fit(&kept);
        for sample in held {
            let Some(name) = name(sample.origin) else {
                continue;
            };
            let figure = figures.entry(name).or_insert_with(|| blank(name));
            add(figure, &gate, sample);
        }
    }
    figures.into_values().collect()
}

/// Each data set judged by a gate fitted to the others: what a camera that the
/// gate has never seen may expect.
fn unseen_sets(samples: &[&Sample]) -> Vec<Figure> {
    let good: Vec<Sample> = samples
        .iter()
        .filter(|sample| sample.origin == Origin::Good)
        .map(|sample| (*sample).clone())
        .collect();
    let names = sets(&good);
    if names.len() < 2 {
        return Vec::new();
    }
    names
        .iter()
        .filter_map(|set| {
            let others: Vec<&Sample> = samples
                .iter()
                .copied()
                .filter(|sample| sample.dataset != *set)
                .collect();
            let gate = fit::fit(&others);
            let theirs = good.iter().filter(|sample| sample.dataset == *set);
            count(&gate, &format!("{set}, the gate fitted without it"), theirs)
        })
        .collect()
}
