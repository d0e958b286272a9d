//! Looking over data sets before an hour is spent on training: every photo is
//! opened, and everything wrong or odd is listed in one go.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::dataset::{self, Fault, GRADES, Record, grade_counts};
use super::duplicates::{self, Duplicates, Fingerprint};
use super::pictures;
use super::split::{Split, SplitError};
use crate::photo::Preprocessing;

/// Side of the pictures that photos are prepared as: no photo fails at one size alone.
const SIDE: u32 = 224;

/// What one data set holds.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub name: String,
    pub root: PathBuf,
    pub photos: usize,
    pub patients: usize,
    /// Photos of each grade.
    pub grades: [usize; GRADES],
    /// Photos with a risk of macular oedema.
    pub with_edema: usize,
    /// Rows the data set marks ungradable, left out.
    pub ungradable: usize,
    /// Photos that no label names, left out.
    pub unlabelled: usize,
    /// The parts it was published in, read as one.
    pub parts: Vec<&'static str>,
    /// The same in sentences.
    pub remarks: Vec<String>,
}

/// The outcome of looking over data sets.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    pub datasets: Vec<Summary>,
    /// What must be mended before training.
    pub faults: Vec<Fault>,
    /// What training copes with, but a person should know: copies of photos
    /// (kept on one side of the split), grades without photos.
    pub warnings: Vec<Fault>,
    #[serde(skip)]
    pub records: Vec<Record>,
    #[serde(skip)]
    pub duplicates: Duplicates,
}

impl Check {
    /// Whether training can start.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Reads every table and every photo of `dirs`, and the split if there is one.
/// `progress` is called with the number of photos opened so far and the number
/// of all photos, from several threads.
pub fn check(
    dirs: &[PathBuf],
    split: Option<&Path>,
    progress: impl Fn(usize, usize) + Sync,
) -> Check {
    let mut check = Check {
        datasets: Vec::new(),
        faults: Vec::new(),
        warnings: Vec::new(),
        records: Vec::new(),
        duplicates: Duplicates::default(),
    };
    let (read, faults) = dataset::scan_all(dirs);
    check.faults = faults;
    for read in read {
        check.datasets.push(summary(&read));
        check.records.extend(read.records);
    }

    let total = check.records.len();
    // What a training would refuse only once an hour of reading lies behind it.
    let settings = Preprocessing::imagenet(SIDE);
    let prints = duplicates::fingerprints(
        &check.records,
        &|record, bytes| pictures::prepare_bytes(record, bytes, &settings).map(drop),
        |done| progress(done, total),
    );
    let prints: Vec<Option<Fingerprint>> = prints
        .into_iter()
        .map(|print| print.map_err(|fault| check.faults.push(fault)).ok())
        .collect();
    check.duplicates = duplicates::compare(&check.records, &prints);
    warn_of_copies(&mut check);
    warn_of_missing_grades(&mut check);
    if let Some(path) = split {
        check_split(&mut check, path);
    }
    check
}

fn summary(read: &dataset::Dataset) -> Summary {
    let patients: HashSet<&str> = read.records.iter().map(|r| r.patient.as_str()).collect();
    Summary {
        name: read.name.clone(),
        root: read.root.clone(),
        photos: read.records.len(),
        patients: patients.len(),
        grades: read.grade_counts(),
        with_edema: read.records.iter().filter(|r| r.edema.is_some()).count(),
        ungradable: read.ungradable,
        unlabelled: read.unlabelled,
        parts: read.parts.clone(),
        remarks: read.remarks(false),
    }
}

fn warn_of_copies(check: &mut Check) {
    let conflicting: HashSet<&Vec<usize>> = check.duplicates.conflicting.iter().collect();
    // Sets of bytewise copies that are part of a larger set are told with it.
    let near: HashSet<usize> = check
        .duplicates
        .near_identical
        .iter()
        .flatten()
        .copied()
        .collect();
    let sets = [
        ("is byte for byte", &check.duplicates.identical),
        (
            "shows the same picture as",
            &check.duplicates.near_identical,
        ),
    ];
    let mut warnings = Vec::new();
    for (how, found) in sets {
        for set in found {
            let told_later = how.starts_with("is") && near.contains(&set[0]);
            if told_later {
                continue;
            }
            let named = |i: usize| {
                let record = &check.records[i];
                format!(
                    "{}/{} (grade {})",
                    record.dataset, record.name, record.grade
                )
            };
            let others: Vec<String> = set[1..].iter().map(|&i| named(i)).collect();
            let conflict = conflicting.contains(set);
            warnings.push(Fault::new(
                check.records[set[0]].path(),
                None,
                format!(
                    "{} {how} {}{}",
                    named(set[0]),
                    others.join(", "),
                    if conflict {
                        ": the grades conflict"
                    } else {
                        ""
                    }
                ),
                if conflict {
                    "settle the grade, or leave them: they stay on one side of the split, and \
                     no training learns from them"
                } else {
                    "nothing need be done: they stay on one side of the split"
                },
            ));
        }
    }
    check.warnings.extend(warnings);
}

fn warn_of_missing_grades(check: &mut Check) {
    for summary in &check.datasets {
        for (grade, &photos) in summary.grades.iter().enumerate() {
            if photos == 0 && summary.photos > 0 {
                check.warnings.push(Fault::new(
                    &summary.root,
                    None,
                    format!("no photo has grade {grade}"),
                    "figures for that grade will be missing where this data set is measured alone",
                ));
            }
        }
    }
    // Several data sets may make up for one another.
    for (grade, photos) in grade_counts(&check.records).into_iter().enumerate() {
        if photos == 0 && !check.records.is_empty() {
            check.faults.push(Fault::new(
                &check.datasets[0].root,
                None,
                format!("no photo of any data set has grade {grade}: it cannot be learnt"),
                "add photos of that grade",
            ));
        }
    }
}

/// A split must fit the photos, and copies of a photo must be on one side of it.
fn check_split(check: &mut Check, path: &Path) {
    let split = match Split::read(&check.records, path) {
        Ok(split) => split,
        Err(SplitError::Unfit { faults, .. }) => return check.faults.extend(faults),
        Err(error) => {
            return check.faults.push(Fault::new(
                path,
                None,
                error.to_string(),
                "draw the split again",
            ));
        }
    };
    let mut sides: HashMap<usize, BTreeMap<&str, usize>> = HashMap::new();
    for part in super::split::Part::ALL {
        for &i in split.part(part) {
            sides
                .entry(check.duplicates.group[i])
                .or_default()
                .entry(part.name())
                .or_insert(i);
        }
    }
    let mut torn: Vec<_> = sides.into_iter().filter(|(_, on)| on.len() > 1).collect();
    torn.sort();
    for (_, on) in torn {
        let places: Vec<String> = on
            .iter()
            .map(|(part, &i)| format!("“{}” in {part}", check.records[i].name))
            .collect();
        check.faults.push(Fault::new(
            path,
            None,
            format!(
                "copies of one photo are on two sides: {}",
                places.join(", ")
            ),
            "draw the split again, or move them to one side",
        ));
    }
}
