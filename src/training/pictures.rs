//! Photos prepared once and kept in memory, through the one preprocessing path.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::RgbImage;
use rayon::prelude::*;

use super::dataset::{Record, Source};
use crate::photo::{self, DecodeLimits, Preprocessing};

/// A photo that could not be used, and why.
#[derive(Debug)]
pub struct Rejected {
    /// Index among the records given.
    pub index: usize,
    pub path: PathBuf,
    pub reason: String,
}

/// A line a rejected photo, for an error.
pub fn list(rejected: &[Rejected]) -> String {
    rejected
        .iter()
        .map(|photo| format!("  {}: {}", photo.path.display(), photo.reason))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Prepares every record's photo on all cores; `done` is told how many are.
///
/// Pictures come back in the records' order, `None` where one was rejected.
pub fn prepare(
    records: &[Record],
    settings: &Preprocessing,
    done: &(dyn Fn(usize) + Sync),
) -> (Vec<Option<RgbImage>>, Vec<Rejected>) {
    let count = AtomicUsize::new(0);
    let results: Vec<Result<RgbImage, String>> = records
        .par_iter()
        .map(|record| {
            let result = prepare_one(record, settings);
            done(count.fetch_add(1, Ordering::Relaxed) + 1);
            result
        })
        .collect();
    let mut rejected = Vec::new();
    let pictures = results
        .into_iter()
        .enumerate()
        .map(|(index, result)| {
            result
                .map_err(|reason| {
                    rejected.push(Rejected {
                        index,
                        path: records[index].path().to_owned(),
                        reason,
                    });
                })
                .ok()
        })
        .collect();
    (pictures, rejected)
}

/// MedMNIST's pictures are small by design, down to 28 pixels; a photo of that
/// size is a mistake.
fn limits(record: &Record) -> DecodeLimits {
    let usual = DecodeLimits::default();
    match record.source {
        Source::Pixels(_) => DecodeLimits {
            min_side: 8,
            ..usual
        },
        Source::File(_) => usual,
    }
}

/// Prepares a record's photo.
///
/// # Errors
/// Why it cannot be used, without its name.
pub fn prepare_one(record: &Record, settings: &Preprocessing) -> Result<RgbImage, String> {
    let bytes = record.bytes().map_err(|error| error.to_string())?;
    prepare_bytes(record, &bytes, settings)
}

/// The same of a record whose file was read before.
///
/// # Errors
/// As [`prepare_one`].
pub fn prepare_bytes(
    record: &Record,
    bytes: &[u8],
    settings: &Preprocessing,
) -> Result<RgbImage, String> {
    let photo = photo::decode(bytes, &limits(record)).map_err(|e| e.to_string())?;
    let prepared = photo::prepare(&photo, settings).map_err(|e| e.to_string())?;
    Ok(prepared.picture)
}
