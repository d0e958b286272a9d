//! One run of a study: trained, measured on the test photos, written down.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::grid::Cell;
use super::plan::{Plan, SPLIT, TestPhotos};
use crate::bundle::Bundle;
use crate::evaluation::{Metrics, Predictions, predictions::softmax, temperature};
use crate::grader::Grader;
use crate::network::Views;
use crate::training::checkpoint::Checkpoints;
use crate::training::dataset::{self, GRADES, Record, grade_counts};
use crate::training::devices::Devices;
use crate::training::duplicates;
use crate::training::export::{self, write_whole};
use crate::training::photos::Photos;
use crate::training::picture::Picture;
use crate::training::run::{self, Destination};
use crate::training::shelf::Shelf;
use crate::training::split::{self, Split};
use crate::training::{TrainConfig, TrainError, Watch, parent, predict, weights_file};

/// The file's name in a run's folder; where it is, the run is done.
pub const RESULT: &str = "result.json";

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    #[serde(flatten)]
    pub cell: Cell,
    /// Version of the program.
    pub version: String,
    /// What was trained, in a sentence.
    pub recipe: String,
    /// SHA-256 of the trained weights: a rerun gives the same.
    pub weights_sha256: String,
    /// Photos trained on, by grade.
    pub trained_on: [usize; GRADES],
    /// Photos that chose epoch and temperature.
    pub validation_photos: usize,
    /// Fixed on validation.
    pub temperature: f64,
    /// Of this program's run, from its checkpoint on where it was resumed.
    pub seconds: f64,
    pub resumed: bool,
    /// Figures of the test photos before temperature scaling, and after.
    pub before: Metrics,
    pub after: Metrics,
    /// The test photos, in one order for all runs.
    pub photos: Vec<TestPhoto>,
}

/// What a network thought of a photo that was kept aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestPhoto {
    pub dataset: String,
    pub photo: String,
    /// Photos of one number are copies of one another or of one patient.
    pub group: usize,
    /// The true grade.
    pub grade: u8,
    /// Probability of each grade before temperature scaling, and after.
    pub before: Vec<f32>,
    pub after: Vec<f32>,
}

/// The probabilities of one network as [`Metrics`] measures them.
///
/// # Errors
/// A sentence where they are no probabilities.
pub fn predictions(
    photos: &[TestPhoto],
    of: impl Fn(&TestPhoto) -> &[f32],
) -> Result<Predictions, String> {
    let rows: Vec<Vec<f64>> = photos
        .iter()
        .map(|photo| of(photo).iter().copied().map(f64::from).collect())
        .collect();
    let grades: Vec<u8> = photos.iter().map(|photo| photo.grade).collect();
    Predictions::from_probabilities(&rows, &grades).map_err(|e| e.to_string())
}

/// The folder of a run of the study in `out`.
pub fn folder(out: &Path, cell: Cell) -> PathBuf {
    out.join("runs").join(cell.to_string())
}

/// Whether a run is done.
pub fn is_done(out: &Path, cell: Cell) -> bool {
    folder(out, cell).join(RESULT).exists()
}

/// Reads a result.
///
/// # Errors
/// A sentence naming the file and the fix.
pub fn read(path: &Path) -> Result<CellResult, String> {
    let named = |error: String| {
        format!(
            "{}: {error}; delete the file to do the run again",
            path.display()
        )
    };
    let json = std::fs::read(path).map_err(|e| named(e.to_string()))?;
    serde_json::from_slice(&json).map_err(|e| named(e.to_string()))
}

/// Writes the split that the photos' own archive makes.
fn write_published_split(config: &TrainConfig, file: &Path) -> Result<(), TrainError> {
    let records: Vec<Record> = dataset::read_all(&config.data)?
        .into_iter()
        .flat_map(|read| read.records)
        .collect();
    let twins = duplicates::find(&records, |_| ())?;
    let group = split::groups(&records, &twins.group);
    let split = Split::published(&records, &group, config.validation, config.seed)
        .map_err(TrainError::Stopped)?;
    Ok(split.write(&records, file)?)
}

/// Another job of the array may have put the same split there first.
fn there_all_the_same(file: &Path, fault: TrainError) -> Result<(), TrainError> {
    if file.exists() { Ok(()) } else { Err(fault) }
}

/// What the runs of one process share: photos read once, prepared once.
pub struct Bench<'a> {
    plan: &'a Plan,
    out: &'a Path,
    photos: Photos,
    shelf: Shelf,
    devices: Devices,
    /// Leave the trained weights where they were written.
    pub keep_weights: bool,
    /// What to type to repeat the study.
    pub command: &'a str,
}

impl<'a> Bench<'a> {
    /// Reads the photos of the study in `out` and divides them, by the split
    /// there or, the first time, by one drawn and left there.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn set_up(
        plan: &'a Plan,
        out: &'a Path,
        devices: Devices,
        command: &'a str,
        watch: &dyn Watch,
    ) -> Result<Self, TrainError> {
        let file = out.join(SPLIT);
        if plan.test_photos == TestPhotos::PublishedPart && !file.exists() {
            write_published_split(&plan.transfer, &file)
                .or_else(|fault| there_all_the_same(&file, fault))?;
        }
        let given = file.exists().then(|| file.clone());
        let drawn = given.is_none();
        let config = TrainConfig {
            split: given,
            ..plan.transfer.clone()
        };
        let photos = Photos::read(&config, watch)?;
        if drawn {
            let written = photos.split.write(&photos.records, &file);
            written.or_else(|fault| there_all_the_same(&file, fault.into()))?;
        }
        parent::check_split(&config, &photos, watch)?;
        if photos.split.test.is_empty() {
            return Err(TrainError::Stopped(format!(
                "{} keeps no photo aside to test on; raise --test or add photos",
                file.display()
            )));
        }
        Ok(Self {
            plan,
            out,
            photos,
            shelf: Shelf::keeping(out),
            devices,
            keep_weights: false,
            command,
        })
    }

    /// Trains and measures one run, from its last checkpoint where it has one.
    ///
    /// # Errors
    /// [`TrainError`]; what was written stays, to go on from.
    pub fn run(&self, cell: Cell, watch: &dyn Watch) -> Result<CellResult, TrainError> {
        let stopped = TrainError::Stopped;
        let start = Instant::now();
        let out = folder(self.out, cell);
        let config = self.plan.config(cell, self.out);
        let resumed = Checkpoints::of(&out).any();
        if resumed && !self.goes_on(&out, &config).map_err(stopped)? {
            return Err(stopped(format!(
                "{} holds an unfinished run with other settings; delete the folder",
                out.display()
            )));
        }
        let manifest = run::run_on(
            &self.photos,
            &self.shelf,
            &config,
            &Destination {
                name: &cell.to_string(),
                out: &out,
                command: self.command,
            },
            &self.devices,
            resumed,
            watch,
        )?;
        let bundle = weights_file::open_bundle(&manifest)?;
        let mut result = self.measure(cell, &bundle, watch)?;
        result.seconds = (start.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        result.resumed = resumed;
        let json = serde_json::to_vec(&result).map_err(|e| stopped(e.to_string()))?;
        write_whole(&out.join(RESULT), &json).map_err(stopped)?;
        Checkpoints::of(&out).clear()?;
        if !self.keep_weights {
            for file in [export::FULL_PRECISION, &bundle.manifest.weights.file] {
                // A file that stays costs space, not the result.
                std::fs::remove_file(out.join(file)).ok();
            }
        }
        Ok(result)
    }

    /// Whether the unfinished run in `out` is of the same settings, from
    /// wherever the study's folder was named then.
    fn goes_on(&self, out: &Path, config: &TrainConfig) -> Result<bool, String> {
        let there = TrainConfig::read(&out.join(run::CONFIG))?;
        let here = TrainConfig {
            split: there.split.clone(),
            ..config.clone()
        };
        Ok(there == here)
    }

    fn measure(
        &self,
        cell: Cell,
        bundle: &Bundle,
        watch: &dyn Watch,
    ) -> Result<CellResult, TrainError> {
        let manifest = &bundle.manifest;
        let (records, groups) = self.photos.test();
        let pictures = self.test_pictures(&records, bundle, watch)?;
        let grader = Grader::new(bundle, self.devices.first().clone(), "cpu")
            .map_err(|e| TrainError::Stopped(e.to_string()))?;
        watch.stage("Measuring on test photos", pictures.len());
        // One look each, clear or not: a study that grows must not mix runs that were
        // measured in two ways, and its question is what the training is worth.
        let outputs = predict::outputs(
            grader.network(),
            &pictures,
            &manifest.preprocessing,
            Views::of(manifest.test_time_flips),
            self.devices.first(),
            &|done| watch.advance(done),
        );
        let logits: Vec<Vec<f64>> = outputs
            .iter()
            .map(|row| manifest.calibration.logits(row))
            .collect();
        let scaled = temperature::scale(&logits, manifest.calibration.temperature);
        let probabilities = |row: &[f64]| softmax(row).into_iter().map(|p| p as f32).collect();
        let photos: Vec<TestPhoto> = records
            .iter()
            .zip(groups)
            .zip(logits.iter().zip(&scaled))
            .map(|((record, group), (before, after))| TestPhoto {
                dataset: record.dataset.clone(),
                photo: record.name.clone(),
                group,
                grade: record.grade,
                before: probabilities(before),
                after: probabilities(after),
            })
            .collect();
        let metrics = |of: fn(&TestPhoto) -> &[f32]| {
            predictions(&photos, of)
                .map(|predictions| Metrics::of(&predictions))
                .map_err(TrainError::Stopped)
        };
        let config = self.plan.config(cell, self.out);
        let sides = self.photos.sides(config.share, config.seed);
        Ok(CellResult {
            cell,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recipe: manifest.training.recipe.clone(),
            weights_sha256: manifest.weights.sha256.clone(),
            trained_on: grade_counts(&sides.train),
            validation_photos: sides.validation.len(),
            temperature: manifest.calibration.temperature,
            seconds: 0.0,
            resumed: false,
            before: metrics(|photo| &photo.before)?,
            after: metrics(|photo| &photo.after)?,
            photos,
        })
    }

    fn test_pictures(
        &self,
        records: &[Record],
        bundle: &Bundle,
        watch: &dyn Watch,
    ) -> Result<Vec<Picture>, TrainError> {
        watch.stage("Preparing test photos", records.len());
        let settings = &bundle.manifest.preprocessing;
        Ok(self
            .shelf
            .prepare(records, settings, &|done| watch.advance(done))?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use burn::tensor::Device;

    use super::*;
    use crate::study::collect::tests::plan;
    use crate::training::finetune::EpochFigures;
    use crate::training::keep::Keep;

    /// Whether there was a checkpoint at each stage of a run.
    struct Stages<'a> {
        run: &'a Path,
        seen: Mutex<Vec<(String, bool)>>,
    }

    impl Watch for Stages<'_> {
        fn stage(&self, name: &str, _: usize) {
            let seen = (name.to_owned(), Checkpoints::of(self.run).any());
            self.seen.lock().unwrap().push(seen);
        }
        fn advance(&self, _: usize) {}
        fn loss(&self, _: f64) {}
        fn say(&self, _: &str) {}
        fn epoch(&self, _: &EpochFigures, _: Keep) {}
        fn stop(&self) -> bool {
            false
        }
    }

    /// Broken off while it is measured, a run would else be trained all over again.
    #[test]
    fn a_run_keeps_its_last_checkpoint_until_its_result_is_there() {
        let data = tempfile::tempdir().unwrap();
        let mut table = String::from("image,grade\n");
        for seed in 0..40_u8 {
            let (name, grade) = (format!("{seed}.png"), seed % 5);
            let drawn = crate::synth::draw(grade, seed.into(), 96);
            drawn.save(data.path().join(&name)).unwrap();
            table += &format!("{name},{grade}\n");
        }
        std::fs::write(data.path().join("labels.csv"), table).unwrap();
        let mut plan = plan(&[100], 1, &[]);
        plan.transfer.data = vec![data.path().to_owned()];
        plan.transfer.preprocessing.size = 32;
        plan.transfer.epochs = 1;
        (plan.transfer.validation, plan.transfer.test) = (0.25, 0.25);

        let out = tempfile::tempdir().unwrap();
        let cell = Cell {
            arm: "ref-100".parse().unwrap(),
            seed: 1,
        };
        let run = folder(out.path(), cell);
        let watch = Stages {
            run: &run,
            seen: Mutex::default(),
        };
        let devices = Devices::from(Device::flex());
        let bench = Bench::set_up(&plan, out.path(), devices, "fovea study", &watch).unwrap();
        bench.run(cell, &watch).unwrap();
        let seen = watch.seen.into_inner().unwrap();
        let measuring = ("Measuring on test photos".to_owned(), true);
        assert!(seen.contains(&measuring), "{seen:?}");
        assert!(is_done(out.path(), cell) && !Checkpoints::of(&run).any());
    }
}
