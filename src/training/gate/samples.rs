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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::dataset::Source;

    fn record(dataset: &str, number: usize) -> Record {
        Record {
            dataset: dataset.to_owned(),
            name: number.to_string(),
            source: Source::File(PathBuf::from(number.to_string())),
            grade: 0,
            patient: number.to_string(),
            edema: None,
        }
    }

    #[test]
    fn photos_are_chosen_evenly_of_each_set_and_no_test_photo_is() {
        let records: Vec<Record> = (0..300)
            .map(|number| record(if number < 200 { "large" } else { "small" }, number))
            .collect();
        let of = |rest: usize| (0..300).filter(move |i| i % 5 == rest || rest == 0 && i % 5 > 2);
        let split = Split {
            train: of(0).collect(),
            validation: of(1).collect(),
            test: of(2).collect(),
            group: (0..300).collect(),
        };
        let plan = Plan {
            good: 70,
            spoilt: 10,
            spoilt_held_out: 4,
            ..Plan::default()
        };
        let chosen = choose(&records, &split, &plan);
        assert_eq!(count(&records, &split, 9, &plan), chosen.len() + 9);
        assert!(chosen.iter().all(|c| split.part(c.part).contains(&c.index)));
        assert!(chosen.iter().all(|c| c.part != Part::Test));
        let number = |part: Part, large: bool, spoilt: bool| {
            let of =
                |c: &&Choice| c.part == part && (c.index < 200) == large && (c.spoil || !spoilt);
            chosen.iter().filter(of).count()
        };
        // Of 120 training photos 70, and all of 60; ten of each are spoilt too.
        assert!((70..=80).contains(&number(Part::Train, true, false)));
        assert_eq!(number(Part::Train, false, false), 60);
        assert_eq!(number(Part::Validation, true, false), 40);
        assert_eq!(number(Part::Validation, false, false), 20);
        for large in [true, false] {
            assert_eq!(number(Part::Train, large, true), 10);
            assert_eq!(number(Part::Validation, large, true), 4);
        }
        let spoilt: Vec<usize> = chosen
            .iter()
            .filter(|c| c.spoil && c.part == Part::Train && c.index < 200)
            .map(|c| c.index)
            .collect();
        let gaps = spoilt.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(
            gaps.clone().all(|gap| (18..=22).contains(&gap)),
            "{spoilt:?}"
        );
    }

    #[test]
    fn every_severity_is_measured_and_two_of_each_kind_are_fitted_to() {
        let choice = |part, index| Choice {
            index,
            part,
            spoil: true,
        };
        let all = shots(&choice(Part::Validation, 3));
        assert_eq!(all.len(), 35);
        let mut fitted: Vec<(Kind, usize)> = Vec::new();
        for index in 0..12 {
            let shots = shots(&choice(Part::Train, index));
            for kind in Kind::ALL {
                let of_kind = shots.iter().filter(|(of, _)| *of == kind);
                let severities: Vec<usize> = of_kind.map(|(_, severity)| *severity).collect();
                assert!(matches!(severities[..], [1..=3, 4..=5]), "{severities:?}");
            }
            fitted.extend(shots);
        }
        assert!(all.iter().all(|shot| fitted.contains(shot)));
    }

    #[test]
    fn what_is_drawn_and_what_is_everyday_falls_where_it_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thing.png");
        crate::synth::draw(0, 1, 80).save(&path).unwrap();
        let plan = Plan {
            disguises: 2,
            drawings: 2,
            folds: 3,
            ..Plan::default()
        };
        let made = of_everyday(&path, 5, &plan).unwrap();
        assert_eq!(made.len(), 3);
        for sample in &made {
            assert_eq!((sample.fold, sample.part), (2, Part::Train));
        }
        assert_eq!(made[0].origin, Origin::Everyday);
        assert!(made[1..].iter().all(|s| s.origin == Origin::Disguised));
        let drawn = of_drawings(&plan);
        for part in [Part::Train, Part::Validation] {
            let of = |origin| {
                drawn
                    .iter()
                    .filter(move |s| s.part == part && s.origin == origin)
            };
            assert_eq!(of(Origin::Thing).count(), Thing::ALL.len());
            assert_eq!(of(Origin::Drawn).count(), 3);
            assert!(of(Origin::Drawn).all(|sample| sample.measures.is_some()));
        }
    }

    #[test]
    fn a_colourless_photo_is_its_light_or_its_green() {
        let photo = RgbImage::from_pixel(2, 2, Rgb([200, 100, 50]));
        assert_eq!(colourless(&photo, false).get_pixel(1, 1).0, [125; 3]);
        assert_eq!(colourless(&photo, true).get_pixel(1, 1).0, [100; 3]);
    }
}
