//! Photos prepared once and kept, through the one preprocessing path.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::RgbImage;
use rayon::prelude::*;

use super::dataset::{Record, Source};
use super::picture::{Picture, Room};
use crate::photo::{self, DecodeLimits, Preprocessing};

/// A photo that could not be used, and why.
#[derive(Debug)]
pub struct Rejected {
    /// Index among the records given.
    pub index: usize,
    pub path: PathBuf,
    pub reason: String,
}

/// Why photos are not prepared.
#[derive(Debug, thiserror::Error)]
pub enum Unprepared {
    #[error("{} of the photos cannot be used:\n{}", .0.len(), list(.0))]
    Photos(Vec<Rejected>),
    #[error("{0}")]
    Room(String),
}

/// A line a rejected photo, for an error.
pub fn list(rejected: &[Rejected]) -> String {
    rejected
        .iter()
        .map(|photo| format!("  {}: {}", photo.path.display(), photo.reason))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Pictures in their records' order, `None` where one was rejected.
pub type Prepared = (Vec<Option<Picture>>, Vec<Rejected>);

/// Prepares every record's photo on all cores and keeps it in `room`; `done` is told
/// how many are.
///
/// # Errors
/// A sentence, where there is no room for them.
pub fn prepare(
    records: &[Record],
    settings: &Preprocessing,
    room: &Room,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Prepared, String> {
    let count = AtomicUsize::new(0);
    let place = room.take(records.len(), settings.size)?;
    let results: Vec<Result<Picture, String>> = records
        .par_iter()
        .enumerate()
        .map(|(index, record)| {
            let result = prepare_one(record, settings)
                .map(|picture| place.put(index, picture))
                .map_or_else(|reason| Ok(Err(reason)), |put| put.map(Ok));
            done(count.fetch_add(1, Ordering::Relaxed) + 1);
            result
        })
        .collect::<Result<_, String>>()?;
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
    Ok((pictures, rejected))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_the_same_from_a_file_and_a_photo_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let record = |name: &str, grade: u8| Record {
            dataset: "drawn".into(),
            name: name.into(),
            source: Source::File(folder.path().join(name)),
            grade,
            patient: name.into(),
            edema: None,
        };
        let records = [
            record("1.png", 1),
            record("gone.png", 2),
            record("3.png", 3),
        ];
        for record in [&records[0], &records[2]] {
            let drawn = crate::synth::draw(record.grade, 1, 160);
            drawn.save(record.path()).unwrap();
        }
        let prepared = |memory: u64| {
            let room = Room::new(Some(folder.path())).with_memory(memory);
            let settings = Preprocessing::imagenet(48);
            let (pictures, rejected) = prepare(&records, &settings, &room, &|_| ()).unwrap();
            assert_eq!(rejected.len(), 1);
            assert_eq!(
                (rejected[0].index, &rejected[0].path),
                (1, &folder.path().join("gone.png"))
            );
            let pixels = |picture: Option<Picture>| picture.map(|picture| picture.pixels());
            pictures.into_iter().map(pixels).collect::<Vec<_>>()
        };
        let in_memory = prepared(u64::MAX);
        assert!(in_memory[0].is_some() && in_memory[1].is_none());
        assert_ne!(in_memory[0], in_memory[2]);
        assert_eq!(prepared(0), in_memory);
    }
}
