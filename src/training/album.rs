//! A training's photos, prepared at the size its epoch wants and kept for it.

use std::sync::Arc;

use super::batches::Example;
use super::config::TrainConfig;
use super::dataset::Record;
use super::opinions::Opinion;
use super::picture::Picture;
use super::pictures::Unprepared;
use super::run::Watch;
use super::shelf::Shelf;
use crate::bundle::DataSource;
use crate::photo::Preprocessing;

/// Where the photos are, and the grades they were given.
pub struct Album<'a> {
    pub train: &'a [Record],
    pub validation: &'a [Record],
    /// On the photos of `train`; empty where none was asked.
    pub opinions: Arc<Vec<Option<Opinion>>>,
    /// The models whose opinions they are.
    pub teachers: Vec<DataSource>,
    pub config: &'a TrainConfig,
    pub shelf: &'a Shelf,
    pub watch: &'a dyn Watch,
}

/// All photos of a training at one size.
pub struct Sized {
    /// Side of the pictures that the network is shown, in pixels.
    pub size: u32,
    /// Pictures that changes are made from, which may be larger
    /// ([`Augmentation::source`](super::augment::Augmentation::source)).
    pub train: Arc<Vec<Example>>,
    /// A second opinion on every training photo; empty where none was asked.
    pub opinions: Arc<Vec<Option<Opinion>>>,
    pub validation: Arc<Vec<Example>>,
}

impl Album<'_> {
    /// Prepares every photo at `size`.
    ///
    /// # Errors
    /// Every photo that cannot be used, with its reason, or that there is no room.
    pub fn at(&self, size: u32) -> Result<Sized, Unprepared> {
        let shown = self.config.preprocessing_at(size);
        let train = if self.config.trains_nothing() {
            Arc::default()
        } else {
            let source = self.config.augmentation.source(&shown);
            self.prepare(self.train, &source, "training")?
        };
        Ok(Sized {
            size,
            train,
            opinions: Arc::clone(&self.opinions),
            validation: self.prepare(self.validation, &shown, "validation")?,
        })
    }

    /// The validation photos as the finished network is fed.
    ///
    /// # Errors
    /// As [`Self::at`].
    pub fn validation_at_full_size(&self) -> Result<Arc<Vec<Example>>, Unprepared> {
        self.prepare(self.validation, &self.config.preprocessing, "validation")
    }

    /// The training photos as the network is shown them, unchanged.
    ///
    /// # Errors
    /// As [`Self::at`].
    pub fn unchanged(&self, photos: &Sized) -> Result<Vec<Picture>, Unprepared> {
        let shown = self.config.preprocessing_at(photos.size);
        if self.config.augmentation.source(&shown) == shown {
            return Ok(pictures(&photos.train));
        }
        Ok(pictures(&self.prepare(self.train, &shown, "training")?))
    }

    /// Pictures of some of the training's photos as the finished network is fed.
    ///
    /// # Errors
    /// As [`Self::at`].
    pub fn at_full_size(&self, records: &[Record], what: &str) -> Result<Vec<Picture>, Unprepared> {
        let settings = &self.config.preprocessing;
        Ok(pictures(&self.prepare(records, settings, what)?))
    }

    fn prepare(
        &self,
        records: &[Record],
        settings: &Preprocessing,
        what: &str,
    ) -> Result<Arc<Vec<Example>>, Unprepared> {
        self.watch.stage(
            &format!("Preparing {what} photos at {} px", settings.size),
            records.len(),
        );
        let pictures = self
            .shelf
            .prepare(records, settings, &|done| self.watch.advance(done))?;
        let examples = pictures
            .into_iter()
            .zip(records)
            .map(|(picture, record)| (picture, record.grade))
            .collect();
        Ok(Arc::new(examples))
    }
}

/// The pictures of labelled examples.
pub fn pictures(examples: &[Example]) -> Vec<Picture> {
    examples
        .iter()
        .map(|(picture, _)| picture.clone())
        .collect()
}

/// The grades of labelled examples.
pub fn grades(examples: &[Example]) -> Vec<u8> {
    examples.iter().map(|(_, grade)| *grade).collect()
}
