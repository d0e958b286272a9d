//! The pictures a gate is fitted to and measured on, each as its measures.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{Rgb, RgbImage};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::degrade::{Kind, SEVERITIES, degrade};
use super::negatives::{Thing, disguise};
use crate::photo::{self, DecodeLimits};
use crate::quality::Measures;
use crate::training::dataset::Record;
use crate::training::split::{Part, Split};

/// Where a picture comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A photo of a data set, as it is: graded by people, so gradable.
    Good,
    /// The same without its colours, or its green channel alone.
    Colourless,
    /// The same, spoilt.
    Spoilt { kind: Kind, severity: usize },
    /// A drawn photograph of a retina, such as the page offers.
    Drawn,
    /// An everyday photo as it is.
    Everyday,
    /// A part of an everyday photo, disguised.
    Disguised,
    /// A drawn thing that is no retina.
    Thing,
}

/// A picture as the gate sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    pub origin: Origin,
    /// The data set; empty for what belongs to none.
    pub dataset: String,
    /// The side of the split.
    pub part: Part,
    /// Everyday photos: which fold holds it out, with everything made of it.
    pub fold: usize,
    /// None where no retina was found, which refuses the picture already.
    pub measures: Option<Measures>,
}

/// How many of each are made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Training photos measured as they are, at most, of each data set.
    pub good: usize,
    /// Training photos spoilt, at most, of each data set.
    pub spoilt: usize,
    /// Validation photos spoilt, at most, of each data set.
    pub spoilt_held_out: usize,
    /// Disguises of each everyday photo.
    pub disguises: u64,
    /// Drawings of each thing.
    pub drawings: u64,
    /// Folds of the cross-validation over everyday photos.
    pub folds: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            good: 800,
            spoilt: 24,
            spoilt_held_out: 10,
            disguises: 10,
            drawings: 10,
            folds: 10,
        }
    }
}

/// A picture that could not be read.
#[derive(Debug, Error)]
#[error("{}: {reason}; remove it or mend it", path.display())]
pub struct UnreadableError {
    pub path: PathBuf,
    pub reason: String,
}

/// Longer side of the copies that are spoilt: as much as the gate looks at.
const SPOILT_SIDE: u32 = 320;

/// Measures photos of `records` (the test side of the split is not opened), all
/// of `everyday`, and what is made of both. `done` is told how many photos are.
///
/// # Errors
/// [`UnreadableError`] for the first picture that cannot be decoded.
pub fn gather(
    records: &[Record],
    split: &Split,
    everyday: &[PathBuf],
    plan: &Plan,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Sample>, UnreadableError> {
    let count = AtomicUsize::new(0);
    let tick = || done(count.fetch_add(1, Ordering::Relaxed) + 1);
    let chosen = choose(records, split, plan);
    let retinas: Result<Vec<Vec<Sample>>, UnreadableError> = chosen
        .par_iter()
        .map(|choice| {
            let samples = of_record(&records[choice.index], choice, plan);
            tick();
            samples
        })
        .collect();
    let others: Result<Vec<Vec<Sample>>, UnreadableError> = everyday
        .par_iter()
        .enumerate()
        .map(|(index, path)| {
            let samples = of_everyday(path, index, plan);
            tick();
            samples
        })
        .collect();
    let mut samples: Vec<Sample> = retinas?.into_iter().chain(others?).flatten().collect();
    samples.extend(of_drawings(plan));
    Ok(samples)
}

/// Photos in files, as they are.
///
/// # Errors
/// [`UnreadableError`] for the first that cannot be decoded.
pub fn of_files(
    photos: &[PathBuf],
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Sample>, UnreadableError> {
    let count = AtomicUsize::new(0);
    photos
        .par_iter()
        .map(|path| {
            let photo = open(path, std::fs::read(path))?;
            done(count.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(Sample {
                origin: Origin::Good,
                dataset: String::new(),
                part: Part::Test,
                fold: 0,
                measures: measure(&photo),
            })
        })
        .collect()
}

/// How many photos [`gather`] opens.
pub fn count(records: &[Record], split: &Split, everyday: usize, plan: &Plan) -> usize {
    choose(records, split, plan).len() + everyday
}

struct Choice {
    index: usize,
    part: Part,
    spoil: bool,
}

/// Evenly spaced photos of each data set.
fn choose(records: &[Record], split: &Split, plan: &Plan) -> Vec<Choice> {
    let mut chosen = Vec::new();
    let mut names: Vec<&str> = records.iter().map(|r| r.dataset.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for part in [Part::Train, Part::Validation] {
        for name in &names {
            let of_set: Vec<usize> = split
                .part(part)
                .iter()
                .copied()
                .filter(|&index| records[index].dataset == *name)
                .collect();
            let (most, spoilt) = match part {
                Part::Train => (plan.good, plan.spoilt),
                _ => (usize::MAX, plan.spoilt_held_out),
            };
            let spaced = |at: usize, of: usize| of > 0 && at * of % of_set.len() < of;
            for (at, &index) in of_set.iter().enumerate() {
                let spoil = spaced(at, spoilt.min(of_set.len()));
                if spoil || spaced(at, most.min(of_set.len())) {
                    chosen.push(Choice { index, part, spoil });
                }
            }
        }
    }
    chosen
}

fn open(path: &Path, bytes: std::io::Result<Vec<u8>>) -> Result<RgbImage, UnreadableError> {
    let unreadable = |reason: String| UnreadableError {
        path: path.to_owned(),
        reason,
    };
    let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
    photo::decode(&bytes, &DecodeLimits::default()).map_err(|error| unreadable(error.to_string()))
}

fn measure(picture: &RgbImage) -> Option<Measures> {
    let retina = photo::find(picture).ok()?;
    Measures::of(picture, &retina).ok()
}

/// The measures of a data set's photo, where a retina is found in it.
pub fn measures_of(record: &Record) -> Option<Measures> {
    measure(&open(record.path(), record.bytes()).ok()?)
}

/// What is random about one picture follows from the seed and its number alone.
fn random(plan: &Plan, number: usize) -> StdRng {
    StdRng::seed_from_u64(plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number as u64)
}

fn of_record(
    record: &Record,
    choice: &Choice,
    plan: &Plan,
) -> Result<Vec<Sample>, UnreadableError> {
    let photo = open(record.path(), record.bytes())?;
    let sample = |origin, picture: &RgbImage| Sample {
        origin,
        dataset: record.dataset.clone(),
        part: choice.part,
        fold: 0,
        measures: measure(picture),
    };
    let mut samples = vec![sample(Origin::Good, &photo)];
    let small = photo::thumbnail(&photo, SPOILT_SIDE);
    let Ok(retina) = photo::find(&small) else {
        return Ok(samples);
    };
    if choice.spoil {
        for green_alone in [false, true] {
            samples.push(sample(Origin::Colourless, &colourless(&small, green_alone)));
        }
        for (kind, severity) in shots(choice) {
            let mut random = random(plan, choice.index);
            let spoilt = degrade(&small, &retina, kind, severity, &mut random);
            samples.push(sample(Origin::Spoilt { kind, severity }, &spoilt));
        }
    }
    Ok(samples)
}

/// Every severity where figures are wanted; two of each kind to fit to.
fn shots(choice: &Choice) -> Vec<(Kind, usize)> {
    let all = Kind::ALL.into_iter();
    if choice.part == Part::Validation {
        all.flat_map(|kind| SEVERITIES.map(move |severity| (kind, severity)))
            .collect()
    } else {
        all.enumerate()
            .flat_map(|(number, kind)| {
                let turn = choice.index / 2 + number;
                [(kind, 1 + turn % 3), (kind, 4 + turn % 2)]
            })
            .collect()
    }
}

fn colourless(photo: &RgbImage, green_alone: bool) -> RgbImage {
    RgbImage::from_fn(photo.width(), photo.height(), |x, y| {
        let [r, g, b] = photo.get_pixel(x, y).0.map(f32::from);
        let level = if green_alone {
            g
        } else {
            0.3 * r + 0.6 * g + 0.1 * b
        };
        Rgb([level as u8; 3])
    })
}

fn of_everyday(path: &Path, index: usize, plan: &Plan) -> Result<Vec<Sample>, UnreadableError> {
    let photo = open(path, std::fs::read(path))?;
    let sample = |origin, picture: &RgbImage| Sample {
        origin,
        dataset: String::new(),
        part: Part::Train,
        fold: index % plan.folds,
        measures: measure(picture),
    };
    let mut random = random(plan, usize::MAX - index);
    let mut samples = vec![sample(Origin::Everyday, &photo)];
    for _ in 0..plan.disguises {
        samples.push(sample(Origin::Disguised, &disguise(&photo, &mut random)));
    }
    Ok(samples)
}

/// Half of the drawings, the odd seeds, are for measuring alone.
fn of_drawings(plan: &Plan) -> Vec<Sample> {
    let part = |seed: u64| {
        if seed.is_multiple_of(2) {
            Part::Train
        } else {
            Part::Validation
        }
    };
    let sample = |origin, seed, picture: &RgbImage| Sample {
        origin,
        dataset: String::new(),
        part: part(seed),
        fold: 0,
        measures: measure(picture),
    };
    let seeds: Vec<u64> = (0..plan.drawings).collect();
    let things = seeds.par_iter().flat_map_iter(|&seed| {
        Thing::ALL.into_iter().map(move |thing| {
            let mut random = StdRng::seed_from_u64(plan.seed.wrapping_add(seed));
            sample(Origin::Thing, seed, &thing.draw(&mut random))
        })
    });
    let retinas = seeds.par_iter().flat_map_iter(|&seed| {
        let grade = (seed % 5) as u8;
        [160, 256, 768].into_iter().map(move |size| {
            let picture = crate::synth::draw(grade, 1000 + plan.seed + seed, size);
            sample(Origin::Drawn, seed, &picture)
        })
    });
    things.chain(retinas).collect()
}
