//! Dividing photos into training, validation and test so that nothing leaks:
//! all photos of a patient, and all copies of a photo, stay on one side.
//!
//! A split is drawn by sorting groups by a hash of the seed and the group's
//! name: it does not depend on the order of reading, on the platform or on a
//! library's random numbers, and the same seed gives the same split for good.
//! It is written to a file all the same, which is what later runs read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::dataset::{Fault, Record};
use super::disjoint_sets::DisjointSets;
use super::lines::line;

/// A side of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Train,
    Validation,
    Test,
}

impl Part {
    /// The three sides.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// The part of photos that each side gets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fractions {
    pub train: f64,
    pub validation: f64,
    pub test: f64,
}

impl Fractions {
    /// # Errors
    /// [`SplitError::Fractions`] where they do not make a whole, or none is for training.
    pub(super) fn check(self) -> Result<(), SplitError> {
        let Self {
            train,
            validation,
            test,
        } = self;
        let whole = (train + validation + test - 1.0).abs() < 1e-6;
        // Written so that NaN fails too.
        let each = train > 0.0 && validation >= 0.0 && test >= 0.0;
        if whole && each {
            Ok(())
        } else {
            Err(SplitError::Fractions {
                train,
                validation,
                test,
            })
        }
    }
}

/// Why a split cannot be drawn, written or read.
#[derive(Debug, Error)]
pub enum SplitError {
    #[error(
        "the parts {train}, {validation} and {test} do not make a whole: give three numbers from \
         0 to 1 that sum to 1, the first above 0"
    )]
    Fractions {
        train: f64,
        validation: f64,
        test: f64,
    },
    #[error("the split cannot be written to {}: {source}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "the split in {} does not fit these photos:{}", path.display(),
        faults.iter().map(|f| format!("\n  {f}")).collect::<String>()
    )]
    Unfit { path: PathBuf, faults: Vec<Fault> },
}

/// Indices of the photos of each side, ascending, and the group of every photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
    /// The index of the first photo of each photo's group.
    pub group: Vec<usize>,
}

/// Merges duplicates and patients: photos that share either, directly or by way
/// of others, get one group, named by the index of its first photo. `duplicates`
/// comes from [`super::duplicates::group`].
pub fn groups(records: &[Record], duplicates: &[usize]) -> Vec<usize> {
    let mut sets = DisjointSets::new(records.len());
    let mut patients: HashMap<(&str, &str), usize> = HashMap::new();
    for (i, record) in records.iter().enumerate() {
        let patient = (record.dataset.as_str(), record.patient.as_str());
        sets.join(i, *patients.entry(patient).or_insert(i));
        sets.join(i, duplicates[i]);
    }
    sets.leaders()
}

/// The patient of each photo, named by the index of the patient's first photo:
/// what a bootstrap resamples.
pub fn patients(records: &[Record]) -> Vec<usize> {
    let alone: Vec<usize> = (0..records.len()).collect();
    groups(records, &alone)
}

/// A group's place in the draw, and its photos.
type Lot = ([u8; 32], Vec<usize>);

/// Groups of one stratum in the order of the draw.
struct Stratum {
    groups: Vec<Vec<usize>>,
    photos: usize,
}

/// Photos `among` by the worst grade of their group, each stratum's groups in an
/// order that follows from the seed alone.
fn strata(records: &[Record], group: &[usize], among: &[usize], seed: u64) -> Vec<Stratum> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &i in among {
        members.entry(group[i]).or_default().push(i);
    }
    let mut strata: BTreeMap<u8, Vec<Lot>> = BTreeMap::new();
    for photos in members.into_values() {
        let worst = photos.iter().map(|&i| records[i].grade).max().unwrap_or(0);
        let name = photos
            .iter()
            .map(|&i| (&records[i].dataset, &records[i].name))
            .min();
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        if let Some((dataset, name)) = name {
            hash.update(dataset);
            hash.update([0]);
            hash.update(name);
        }
        strata
            .entry(worst)
            .or_default()
            .push((hash.finalize().into(), photos));
    }
    strata
        .into_values()
        .map(|mut groups| {
            groups.sort();
            Stratum {
                photos: groups.iter().map(|(_, photos)| photos.len()).sum(),
                groups: groups.into_iter().map(|(_, photos)| photos).collect(),
            }
        })
        .collect()
}

impl Stratum {
    /// Each group with the place of its middle in the stratum, in `0..1`.
    fn places(&self) -> impl Iterator<Item = (f64, &[usize])> {
        let mut before = 0;
        self.groups.iter().map(move |group| {
            let middle = before as f64 + group.len() as f64 / 2.0;
            before += group.len();
            (middle / self.photos as f64, group.as_slice())
        })
    }
}

impl Split {
    /// Draws a split stratified by grade (a group counts by its worst), whole
    /// groups (from [`groups`]) to one side.
    pub fn draw(
        records: &[Record],
        group: &[usize],
        fractions: Fractions,
        seed: u64,
    ) -> Result<Self, SplitError> {
        fractions.check()?;
        let everything: Vec<usize> = (0..records.len()).collect();
        let mut parts = vec![Part::Train; records.len()];
        Self::divide(records, group, &everything, fractions, seed, &mut parts);
        Ok(Self::from_parts(&parts, group.to_vec()))
    }

    /// Gives each of the photos `among` its part.
    pub(super) fn divide(
        records: &[Record],
        group: &[usize],
        among: &[usize],
        fractions: Fractions,
        seed: u64,
        parts: &mut [Part],
    ) {
        let Fractions {
            train,
            validation,
            test,
        } = fractions;
        for stratum in strata(records, group, among, seed) {
            for (place, photos) in stratum.places() {
                let part = if place < train {
                    Part::Train
                } else if place < train + validation {
                    Part::Validation
                } else if test > 0.0 {
                    Part::Test
                } else {
                    Part::Validation
                };
                for &i in photos {
                    parts[i] = part;
                }
            }
        }
    }

    pub(super) fn from_parts(parts: &[Part], group: Vec<usize>) -> Self {
        let of = |wanted: Part| {
            (0..parts.len())
                .filter(|&i| parts[i] == wanted)
                .collect::<Vec<_>>()
        };
        Self {
            train: of(Part::Train),
            validation: of(Part::Validation),
            test: of(Part::Test),
            group,
        }
    }

    /// The indices of one side.
    pub fn part(&self, part: Part) -> &[usize] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }

    /// Whole groups holding about `fraction` of the training photos of each
    /// grade. With one seed a smaller subset lies inside every larger one.
    pub fn training_subset(&self, records: &[Record], fraction: f64, seed: u64) -> Vec<usize> {
        let mut subset: Vec<usize> = strata(records, &self.group, &self.train, seed)
            .iter()
            .flat_map(|stratum| {
                stratum
                    .places()
                    .filter(|(place, _)| *place < fraction)
                    .flat_map(|(_, photos)| photos.to_vec())
                    .collect::<Vec<_>>()
            })
            .collect();
        subset.sort_unstable();
        subset
    }

    /// The training side in `count` folds, stratified like a split: in each, a
    /// fold's photos are for validation, the other folds' for training, and what
    /// was not for training here is kept aside.
    pub fn folds(&self, records: &[Record], count: usize, seed: u64) -> Vec<Self> {
        let mut fold = vec![None; records.len()];
        for stratum in strata(records, &self.group, &self.train, seed) {
            for (place, photos) in stratum.places() {
                for &i in photos {
                    fold[i] = Some((place * count as f64) as usize);
                }
            }
        }
        (0..count)
            .map(|held_out| {
                let part = |fold: &Option<usize>| match fold {
                    None => Part::Test,
                    Some(fold) if *fold == held_out => Part::Validation,
                    Some(_) => Part::Train,
                };
                let parts: Vec<Part> = fold.iter().map(part).collect();
                Self::from_parts(&parts, self.group.clone())
            })
            .collect()
    }

    /// Writes `image,dataset,part,group`, whole or not at all.
    pub fn write(&self, records: &[Record], path: &Path) -> Result<(), SplitError> {
        let attempt = || -> std::io::Result<()> {
            let mut rows = Vec::new();
            for part in Part::ALL {
                rows.extend(self.part(part).iter().map(|&i| (i, part)));
            }
            rows.sort();
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["image", "dataset", "part", "group"])?;
            for (i, part) in rows {
                writer.write_record([
                    &records[i].name,
                    &records[i].dataset,
                    part.name(),
                    &self.group[i].to_string(),
                ])?;
            }
            let bytes = writer.into_inner().map_err(|e| e.into_error())?;
            // The jobs of an array may write the same split at the same time.
            let mut partial = path.as_os_str().to_owned();
            partial.push(format!(".{}.partial", std::process::id()));
            std::fs::write(&partial, bytes)?;
            std::fs::rename(&partial, path)
        };
        attempt().map_err(|source| SplitError::Write {
            path: path.to_path_buf(),
            source,
        })
    }

    /// Reads a split for these photos and checks it: every photo has one part,
    /// no group and no patient has two. Rows of data sets that are not among the
    /// photos are passed over.
    pub fn read(records: &[Record], path: &Path) -> Result<Self, SplitError> {
        let mut faults = Vec::new();
        let split = read_checked(records, path, &mut faults);
        match split {
            Some(split) if faults.is_empty() => Ok(split),
            _ => Err(SplitError::Unfit {
                path: path.to_path_buf(),
                faults,
            }),
        }
    }
}

/// The photos that a split file names on one side, by data set and name, whatever
/// photos are at hand.
///
/// # Errors
/// [`SplitError::Unfit`] where the file is no split.
pub fn named(path: &Path, part: Part) -> Result<HashSet<(String, String)>, SplitError> {
    let unfit = |line: Option<u64>, what: String| SplitError::Unfit {
        path: path.to_path_buf(),
        faults: vec![Fault::new(path, line, what, DRAW_AGAIN)],
    };
    let text = std::fs::read(path).map_err(|error| unfit(None, error.to_string()))?;
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let mut photos = HashSet::new();
    for row in reader.deserialize() {
        let row: Row = row.map_err(|error| {
            let line = error.position().map(|position| line(&text, position));
            unfit(line, error.to_string())
        })?;
        if row.part == part {
            photos.insert((row.dataset, row.image));
        }
    }
    Ok(photos)
}

#[derive(Deserialize)]
struct Row {
    image: String,
    dataset: String,
    part: Part,
    group: String,
}

const DRAW_AGAIN: &str = "draw the split again, or mend the file";

fn read_checked(records: &[Record], path: &Path, faults: &mut Vec<Fault>) -> Option<Split> {
    let index: HashMap<(&str, &str), usize> = records
        .iter()
        .enumerate()
        .map(|(i, record)| ((record.dataset.as_str(), record.name.as_str()), i))
        .collect();
    let datasets: HashSet<&str> = records.iter().map(|r| r.dataset.as_str()).collect();
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) => {
            faults.push(Fault::new(
                path,
                None,
                format!("the file cannot be read ({error})"),
                "check that it is there and that you may read it",
            ));
            return None;
        }
    };
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let at = |position: &csv::Position| line(&text, position);
    let mut parts: Vec<Option<Part>> = vec![None; records.len()];
    let mut sets = DisjointSets::new(records.len());
    let mut first_of_group: HashMap<String, (usize, Part, u64)> = HashMap::new();
    let headings = reader.headers().cloned().unwrap_or_default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map(at);
                faults.push(Fault::new(path, line, error.to_string(), DRAW_AGAIN));
                continue;
            }
        };
        let line = record.position().map(at);
        let row: Row = match record.deserialize(Some(&headings)) {
            Ok(row) => row,
            Err(error) => {
                faults.push(Fault::new(
                    path,
                    line,
                    format!("the row is not “image,dataset,part,group” ({error})"),
                    DRAW_AGAIN,
                ));
                continue;
            }
        };
        if !datasets.contains(row.dataset.as_str()) {
            continue;
        }
        let Some(&i) = index.get(&(row.dataset.as_str(), row.image.as_str())) else {
            faults.push(Fault::new(
                path,
                line,
                format!("“{}” is not among the photos of {}", row.image, row.dataset),
                DRAW_AGAIN,
            ));
            continue;
        };
        if parts[i].replace(row.part).is_some() {
            faults.push(Fault::new(
                path,
                line,
                format!("“{}” is listed twice", row.image),
                DRAW_AGAIN,
            ));
        }
        let here = (i, row.part, line.unwrap_or_default());
        let &mut (first, part, first_line) =
            first_of_group.entry(row.group.clone()).or_insert(here);
        sets.join(first, i);
        if part != row.part {
            faults.push(Fault::new(
                path,
                line,
                format!(
                    "group {} is in {} here and in {} at line {first_line}",
                    row.group,
                    row.part.name(),
                    part.name()
                ),
                "move the whole group to one side",
            ));
        }
    }
    let mut patients: HashMap<(&str, &str), Part> = HashMap::new();
    for (record, part) in records.iter().zip(&parts) {
        let Some(part) = part else {
            faults.push(Fault::new(
                path,
                None,
                format!("“{}” of {} has no row", record.name, record.dataset),
                DRAW_AGAIN,
            ));
            continue;
        };
        let patient = (record.dataset.as_str(), record.patient.as_str());
        let before = *patients.entry(patient).or_insert(*part);
        if before != *part {
            faults.push(Fault::new(
                path,
                None,
                format!(
                    "patient {} of {} is in {} and in {}",
                    record.patient,
                    record.dataset,
                    before.name(),
                    part.name()
                ),
                "move all photos of the patient to one side",
            ));
        }
    }
    let parts: Vec<Part> = parts.into_iter().flatten().collect();
    (parts.len() == records.len()).then(|| Split::from_parts(&parts, sets.leaders()))
}
