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

/// How many of the records' photos the shipped gate refuses, of those that can be read.
pub fn suspects(records: &[Record], done: &(dyn Fn(usize) + Sync)) -> usize {
    let count = AtomicUsize::new(0);
    records
        .par_iter()
        .filter(|record| {
            let measures = samples::measures_of(record);
            done(count.fetch_add(1, Ordering::Relaxed) + 1);
            measures.is_some_and(|measures| Gate::shipped().judge(&measures).is_err())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::{COUNT, Measures, Reason};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    /// Measures of no picture: where a retina is told (0), a haze (1), a blur (2), and
    /// what only some everyday photos have (3).
    fn sample(origin: Origin, dataset: &str, part: Part, told: [f32; 4]) -> Sample {
        let mut values = [0.0; COUNT];
        values[..4].copy_from_slice(&told);
        Sample {
            origin,
            dataset: dataset.to_owned(),
            part,
            fold: 0,
            measures: Some(Measures {
                values,
                visible: 0.9,
                diameter: 300.0,
            }),
        }
    }

    /// Two data sets, bad shots of them, and everyday photos in three folds, those of
    /// the first like retinas but for one measure that nothing else has.
    fn samples() -> Vec<Sample> {
        let mut random = StdRng::seed_from_u64(4);
        let mut near = |at: f32| at + random.random_range(-1.0..1.0f32);
        let mut samples = Vec::new();
        for part in [Part::Train, Part::Validation] {
            for (set, train, validation) in [("one", 60, 40), ("two", 50, 30)] {
                let number = if part == Part::Train {
                    train
                } else {
                    validation
                };
                for _ in 0..number {
                    let told = [near(0.0), near(0.0), near(0.0), 0.0];
                    samples.push(sample(Origin::Good, set, part, told));
                }
            }
            for severity in SEVERITIES {
                let bad = 1.5 * (severity - 1) as f32;
                for _ in 0..20 {
                    let (haze, blur) = (near(bad), near(bad));
                    let hazy = [near(0.0), haze, near(0.0), 0.0];
                    let blurred = [near(0.0), near(0.0), blur, 0.0];
                    for (kind, told) in [(Kind::Haze, hazy), (Kind::Blur, blurred)] {
                        let origin = Origin::Spoilt { kind, severity };
                        samples.push(sample(origin, "one", part, told));
                    }
                }
            }
        }
        for number in 0..90 {
            let fold = number % 3;
            let (at, only) = if fold == 0 { (0.0, 3.0) } else { (9.0, 0.0) };
            let told = [near(at), near(0.0), near(0.0), only];
            samples.push(Sample {
                fold,
                ..sample(Origin::Everyday, "", Part::Train, told)
            });
        }
        samples
    }

    fn of<'a>(gate: &'a Gate, pictures: &str) -> &'a Figure {
        let mut figures = gate.record.figures.iter();
        let found = figures.find(|figure| figure.pictures == pictures);
        found.unwrap_or_else(|| panic!("no figure of {pictures}"))
    }

    #[test]
    fn a_gate_tells_apart_what_it_was_fitted_to_and_its_figures_count_what_it_was_not() {
        let samples = samples();
        let gate = fit(&samples, 3, 7, "fovea gate fit");
        let json = serde_json::to_string(&gate).unwrap();
        assert_eq!(Gate::from_json(&json).unwrap(), gate);
        assert_eq!((gate.record.photos, gate.record.seed), (110, 7));
        for (set, number) in [("one (validation)", 40), ("two (validation)", 30)] {
            let figure = of(&gate, set);
            assert_eq!(figure.n, number);
            assert!(figure.refused <= 2, "{figure:?}");
        }
        for (kind, reason) in [("haze", Reason::Hazy), ("blur", Reason::Blurred)] {
            let hopeless = of(&gate, &format!("{kind} 5 of 5"));
            assert_eq!((hopeless.n, hopeless.refused), (20, 20), "{hopeless:?}");
            assert_eq!(hopeless.reasons[&reason], 20, "{hopeless:?}");
            let harmless = of(&gate, &format!("{kind} 1 of 5"));
            assert!(harmless.refused <= 1, "{harmless:?}");
        }
        for (set, number) in [("one", 100), ("two", 80)] {
            // All of a set that a gate knew nothing of, training and validation.
            let unseen = of(&gate, &format!("{set}, the gate fitted without it"));
            assert_eq!(unseen.n, number);
        }
        let all = samples.iter().filter(|s| s.origin == Origin::Everyday);
        let refused = all.filter(|s| gate.judge(s.measures.as_ref().unwrap()).is_err());
        assert_eq!(refused.count(), 90);
        // A gate that saw none of the first fold cannot know it.
        let everyday = of(&gate, "everyday photos, cross-validated");
        assert_eq!(everyday.n, 90);
        assert!((58..=62).contains(&everyday.refused), "{everyday:?}");
    }

    #[test]
    fn no_held_out_picture_changes_the_gate() {
        let mut samples = samples();
        let before = fit(&samples, 3, 7, "");
        let mut held_out = 0;
        for sample in &mut samples {
            if sample.part == Part::Validation {
                held_out += 1;
                let measures = sample.measures.as_mut().unwrap();
                measures.values = [5.0; COUNT];
                measures.visible = 0.1;
            }
        }
        assert_eq!(held_out, 270);
        let after = fit(&samples, 3, 7, "");
        let record = before.record.clone();
        assert_ne!(record.figures, after.record.figures);
        assert_eq!(Gate { record, ..after }, before);
    }

    #[test]
    fn a_disc_is_to_be_as_whole_as_good_photos_are() {
        let least = |visible: f32| {
            let mut samples = samples();
            let good = samples.iter_mut().find(|s| s.origin == Origin::Good);
            good.unwrap().measures.as_mut().unwrap().visible = visible;
            fit(&samples, 1, 7, "").least_visible
        };
        // Rounded down to fiftieths, and never more than three quarters.
        assert_eq!(least(0.9), 0.74);
        assert_eq!(least(0.71), 0.7);
    }
}
