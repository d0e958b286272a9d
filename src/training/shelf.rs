//! Prepared pictures, kept for the next training on the same photos: a study
//! trains dozens of networks on one set.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;

use super::dataset::Record;
use super::pictures::{self, Rejected};
use crate::photo::Preprocessing;

/// Settings, data set and name: what decides a prepared picture.
type Key = (String, String, String);

/// Prepares pictures, and remembers them where it is told to.
#[derive(Default)]
pub struct Shelf {
    kept: Option<Mutex<HashMap<Key, Arc<RgbImage>>>>,
}

impl Shelf {
    /// A shelf that keeps what it prepared: three bytes a pixel in memory.
    pub fn keeping() -> Self {
        Self {
            kept: Some(Mutex::new(HashMap::new())),
        }
    }

    /// As [`pictures::prepare`], but for pictures kept from before.
    pub fn prepare(
        &self,
        records: &[Record],
        settings: &Preprocessing,
        done: &(dyn Fn(usize) + Sync),
    ) -> (Vec<Option<Arc<RgbImage>>>, Vec<Rejected>) {
        let Some(kept) = &self.kept else {
            let (pictures, rejected) = pictures::prepare(records, settings, done);
            return (shared(pictures), rejected);
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
        let (pictures, mut rejected) = pictures::prepare(&new, settings, &|n| done(here + n));
        for photo in &mut rejected {
            photo.index = missing[photo.index];
        }
        for (record, picture) in new.iter().zip(shared(pictures)) {
            if let Some(picture) = picture {
                kept.insert(key(record), picture);
            }
        }
        let pictures = records
            .iter()
            .map(|record| kept.get(&key(record)).map(Arc::clone))
            .collect();
        (pictures, rejected)
    }
}

fn shared(pictures: Vec<Option<RgbImage>>) -> Vec<Option<Arc<RgbImage>>> {
    pictures
        .into_iter()
        .map(|picture| picture.map(Arc::new))
        .collect()
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
        let shelf = Shelf::keeping();
        let prepared = |size: u32| {
            let most = AtomicUsize::new(0);
            let settings = Preprocessing::imagenet(size);
            let (pictures, rejected) = shelf.prepare(&records, &settings, &|done| {
                most.fetch_max(done, Ordering::Relaxed);
            });
            assert!(rejected.is_empty() || pictures[0].is_none());
            (pictures[0].clone(), most.into_inner())
        };
        let (first, done) = prepared(32);
        assert_eq!(done, 1);
        std::fs::remove_file(&path).unwrap();
        let (second, done) = prepared(32);
        assert_eq!((done, &second), (0, &first), "from memory");
        assert_eq!(prepared(48).0, None, "the photo is gone");
    }
}
