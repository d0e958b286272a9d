//! Prepared pictures, kept for the next training on the same photos: a study
//! trains dozens of networks on one set.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::dataset::Record;
use super::picture::{Picture, Room};
use super::pictures::{self, Rejected, Unprepared};
use crate::photo::Preprocessing;

/// Settings, data set and name: what decides a prepared picture.
type Key = (String, String, String);

/// Prepares pictures, and remembers them where it is told to.
pub struct Shelf {
    kept: Option<Mutex<HashMap<Key, Picture>>>,
    /// Where they are put that memory has no room for.
    folder: PathBuf,
}

impl Shelf {
    /// A shelf of one training, which writes into `folder`.
    pub fn new(folder: &Path) -> Self {
        Self {
            kept: None,
            folder: folder.to_owned(),
        }
    }

    /// A shelf that keeps what it prepared.
    pub fn keeping(folder: &Path) -> Self {
        Self {
            kept: Some(Mutex::new(HashMap::new())),
            ..Self::new(folder)
        }
    }

    /// As [`pictures::prepare`], but for pictures kept from before.
    ///
    /// # Errors
    /// Every photo that cannot be used, or that there is no room for them.
    pub fn prepare(
        &self,
        records: &[Record],
        settings: &Preprocessing,
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Picture>, Unprepared> {
        let room = Room::new(Some(&self.folder));
        let Some(kept) = &self.kept else {
            let (pictures, rejected) =
                pictures::prepare(records, settings, &room, done).map_err(Unprepared::Room)?;
            return whole(pictures, rejected);
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let settings_key = format!("{settings:?}");
        let key = |record: &Record| {
            (
                settings_key.clone(),
                record.dataset.clone(),
                record.name.clone(),
            )
        };
        let missing: Vec<usize> = (0..records.len())
            .filter(|&i| !kept.contains_key(&key(&records[i])))
            .collect();
        let new: Vec<Record> = missing.iter().map(|&i| records[i].clone()).collect();
        let here = records.len() - new.len();
        let (pictures, mut rejected) =
            pictures::prepare(&new, settings, &room, &|n| done(here + n))
                .map_err(Unprepared::Room)?;
        for photo in &mut rejected {
            photo.index = missing[photo.index];
        }
        for (record, picture) in new.iter().zip(pictures) {
            if let Some(picture) = picture {
                kept.insert(key(record), picture);
            }
        }
        let pictures = records.iter().map(|record| kept.get(&key(record)).cloned());
        whole(pictures.collect(), rejected)
    }
}

fn whole(
    pictures: Vec<Option<Picture>>,
    rejected: Vec<Rejected>,
) -> Result<Vec<Picture>, Unprepared> {
    if rejected.is_empty() {
        Ok(pictures.into_iter().flatten().collect())
    } else {
        Err(Unprepared::Photos(rejected))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::training::dataset::Source;

    #[test]
    fn a_kept_picture_is_not_prepared_again_and_other_settings_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eye.png");
        crate::synth::draw(1, 1, 128).save(&path).unwrap();
        let records = [Record {
            dataset: "drawn".into(),
            name: "eye.png".into(),
            source: Source::File(path.clone()),
            grade: 1,
            patient: "eye".into(),
            edema: None,
        }];
        let shelf = Shelf::keeping(folder.path());
        let prepared = |size: u32| {
            let most = AtomicUsize::new(0);
            let settings = Preprocessing::imagenet(size);
            let pictures = shelf.prepare(&records, &settings, &|done| {
                most.fetch_max(done, Ordering::Relaxed);
            });
            let pixels = pictures.ok().map(|pictures| pictures[0].pixels());
            (pixels, most.into_inner())
        };
        let (first, done) = prepared(32);
        assert_eq!(done, 1);
        std::fs::remove_file(&path).unwrap();
        let (second, done) = prepared(32);
        assert_eq!((done, &second), (0, &first), "from memory");
        assert_eq!(prepared(48).0, None, "the photo is gone");
    }
}
