//! Labelled photos as the commands that fit something to them want them: on the
//! sides of a split, and prepared whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use image::RgbImage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::progress::bar;
use crate::photo::Preprocessing;
use crate::training::dataset::{self, Record};
use crate::training::duplicates;
use crate::training::export::write_whole;
use crate::training::pictures;
use crate::training::split::{Part, Split};

/// All photos of some folders, and how they are divided.
pub struct Divided {
    pub records: Vec<Record>,
    pub split: Split,
}

impl Divided {
    pub fn read(folders: &[PathBuf], split: &Path) -> Result<Self> {
        let datasets = dataset::read_all(folders)?;
        let records: Vec<Record> = datasets.into_iter().flat_map(|d| d.records).collect();
        let split = Split::read(&records, split)?;
        Ok(Self { records, split })
    }

    /// The photos on one side.
    pub fn part(&self, part: Part) -> Vec<Record> {
        let of = self.split.part(part).iter();
        of.map(|index| self.records[*index].clone()).collect()
    }

    /// The photos that a training is taught by: all of its side but those whose
    /// copies disagree on the grade.
    pub fn taught(&self) -> Result<Vec<Record>> {
        let progress = bar("Looking for duplicates", self.records.len());
        let twins = duplicates::find(&self.records, |done| progress.set_position(done as u64))?;
        progress.finish_and_clear();
        let disputed = twins.disputed();
        let of = self.split.part(Part::Train).iter();
        Ok(of
            .filter(|index| !disputed.contains(index))
            .map(|index| self.records[*index].clone())
            .collect())
    }
}

/// Prepares every photo; a photo that cannot be used ends it.
pub fn prepare(records: &[Record], settings: &Preprocessing) -> Result<Vec<Arc<RgbImage>>> {
    let progress = bar("Preparing", records.len());
    let (prepared, rejected) = pictures::prepare(records, settings, &|done| {
        progress.set_position(done as u64);
    });
    progress.finish_and_clear();
    if !rejected.is_empty() {
        bail!(
            "these photos cannot be used:\n{}",
            pictures::list(&rejected)
        );
    }
    Ok(prepared.into_iter().flatten().map(Arc::new).collect())
}

/// What `make` takes long to find, from the file it was kept in before; kept there
/// where it is new.
pub fn kept<T: Serialize + DeserializeOwned>(
    file: Option<&Path>,
    make: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some(file) = file else {
        return make();
    };
    if file.exists() {
        let named = || file.display().to_string();
        let json = std::fs::read(file).with_context(named)?;
        return serde_json::from_slice(&json).with_context(named);
    }
    let made = make()?;
    write_whole(file, &serde_json::to_vec(&made)?).map_err(|error| anyhow!(error))?;
    Ok(made)
}
