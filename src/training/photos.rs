//! The photos of a training: read, copies found, divided once.

use std::collections::HashSet;

use super::config::TrainConfig;
use super::dataset::{self, Record};
use super::duplicates::{self, Duplicates};
use super::run::{TrainError, Watch};
use super::split::{self, Fractions, Part, Split};
use crate::counted::counted;

/// Everything a training may read, divided.
pub struct Photos {
    pub records: Vec<Record>,
    pub split: Split,
    /// Photos with a copy of another grade: two grades for one picture teach
    /// nothing. Validation and test keep them, as life does.
    disputed: HashSet<usize>,
}

/// The photos of a training proper.
pub struct Sides {
    pub train: Vec<Record>,
    pub validation: Vec<Record>,
    /// Photos left out because their copies disagree on the grade.
    disputed: usize,
    /// Photos left out because a share was asked for.
    beyond_share: usize,
    /// Photos kept aside.
    test: usize,
}

impl std::fmt::Display for Sides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to train on (", counted(self.train.len(), "photo"))?;
        if self.beyond_share > 0 {
            write!(f, "{} beyond the share, ", self.beyond_share)?;
        }
        write!(
            f,
            "{} more left out: duplicates that disagree on the grade), {} for validation, {} kept \
             aside",
            self.disputed,
            self.validation.len(),
            self.test
        )
    }
}

impl Photos {
    /// Reads the data sets of `config` and divides them, by patient and by
    /// duplicate: as the file says that it names, else as its seed draws.
    ///
    /// # Errors
    /// [`TrainError`], where photos cannot be read or a given split does not fit them.
    pub fn read(config: &TrainConfig, watch: &dyn Watch) -> Result<Self, TrainError> {
        let mut records: Vec<Record> = Vec::new();
        let mut kept: Vec<Option<Part>> = Vec::new();
        for read in dataset::read_all(&config.data)? {
            watch.say(&format!(
                "{}: {}, by grade {:?}",
                read.name,
                counted(read.records.len(), "photo"),
                read.grade_counts()
            ));
            for sentence in read.remarks(config.published_parts) {
                watch.say(&format!("  {sentence}"));
            }
            if config.published_parts {
                kept.extend(read.records.iter().map(|record| read.part(record)));
            }
            records.extend(read.records);
        }
        if config.published_parts && kept.iter().all(Option::is_none) {
            watch.say("--published-parts changes nothing: no data set came in parts");
        }
        let given = match &config.split {
            Some(file) => Some((file, Split::read(&records, file)?)),
            None => None,
        };
        watch.stage("Looking for duplicates", records.len());
        let twins = duplicates::find(&records, |done| watch.advance(done))?;
        let split = match given {
            Some((file, split)) => {
                if let Some((a, b)) = torn(&split, &twins) {
                    return Err(TrainError::Stopped(format!(
                        "{}: “{}” and “{}” are copies of one photo on two sides; \
                         `fovea data check --split` lists them all, or draw the split again",
                        file.display(),
                        records[a].name,
                        records[b].name
                    )));
                }
                split
            }
            None => {
                let group = split::groups(&records, &twins.group);
                let fractions = Fractions {
                    train: 1.0 - config.validation - config.test,
                    validation: config.validation,
                    test: config.test,
                };
                if config.published_parts {
                    Split::draw_around(&kept, &records, &group, fractions, config.seed)?
                } else {
                    Split::draw(&records, &group, fractions, config.seed)?
                }
            }
        };
        Ok(Self {
            disputed: twins.disputed(),
            records,
            split,
        })
    }

    /// The training photos of `share`, drawn by `seed`, and all of validation.
    pub fn sides(&self, share: f64, seed: u64) -> Sides {
        let subset = self.split.training_subset(&self.records, share, seed);
        let chosen: Vec<usize> = subset
            .iter()
            .copied()
            .filter(|index| !self.disputed.contains(index))
            .collect();
        Sides {
            train: self.of(&chosen),
            validation: self.of(&self.split.validation),
            disputed: subset.len() - chosen.len(),
            beyond_share: self.split.train.len() - subset.len(),
            test: self.split.test.len(),
        }
    }

    /// The photos kept aside, and the group of each: what a bootstrap resamples.
    pub fn test(&self) -> (Vec<Record>, Vec<usize>) {
        let test = &self.split.test;
        (
            self.of(test),
            test.iter().map(|&i| self.split.group[i]).collect(),
        )
    }

    fn of(&self, indices: &[usize]) -> Vec<Record> {
        indices.iter().map(|&i| self.records[i].clone()).collect()
    }
}

/// Two copies of one photo that a split puts on two sides.
fn torn(split: &Split, twins: &Duplicates) -> Option<(usize, usize)> {
    let mut side = vec![Part::Train; twins.group.len()];
    for part in Part::ALL {
        for &i in split.part(part) {
            side[i] = part;
        }
    }
    let other = |(i, &leader): (usize, &usize)| (side[i] != side[leader]).then_some((leader, i));
    twins.group.iter().enumerate().find_map(other)
}
