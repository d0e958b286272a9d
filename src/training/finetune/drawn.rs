//! Trainings of a few drawn photos, for the tests of this folder.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::*;
use crate::network::StateDict;
use crate::training::augment::Augmentation;
use crate::training::config::EARLIER;
use crate::training::dataset::{Record, Source};
use crate::training::journal;
use crate::training::judge;
use crate::training::keep::Keep;
use crate::training::run::Watch;
use crate::training::shelf::Shelf;

struct Silent;

impl Watch for Silent {
    fn stage(&self, _: &str, _: usize) {}
    fn advance(&self, _: usize) {}
    fn loss(&self, _: f64) {}
    fn say(&self, _: &str) {}
    fn epoch(&self, _: &EpochFigures, _: Keep) {}
    fn stop(&self) -> bool {
        false
    }
}

/// Four epochs of three steps.
pub fn config() -> TrainConfig {
    let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
    config.preprocessing.size = 32;
    (config.epochs, config.batch) = (4, 4);
    config.augmentation = Augmentation::NONE;
    config.average_epochs = 0.0;
    config.keep = Keep::CrossEntropy;
    config
}

fn drawn(folder: &Path, seeds: std::ops::Range<u64>) -> Vec<Record> {
    let record = |seed: u64| {
        let grade = (seed % 5) as u8;
        let path: PathBuf = folder.join(format!("{seed}.png"));
        crate::synth::draw(grade, seed, 96).save(&path).unwrap();
        Record {
            dataset: "drawn".to_owned(),
            name: seed.to_string(),
            source: Source::File(path),
            grade,
            patient: seed.to_string(),
            edema: None,
        }
    };
    seeds.map(record).collect()
}

/// Twelve drawn photos to train on, ten for validation, and where a training writes.
pub struct Set {
    pub folder: tempfile::TempDir,
    pub train: Vec<Record>,
    validation: Vec<Record>,
    shelf: Shelf,
}

impl Set {
    pub fn drawn() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            train: drawn(folder.path(), 0..12),
            validation: drawn(folder.path(), 20..30),
            shelf: Shelf::new(folder.path()),
            folder,
        }
    }

    fn album<'a>(&'a self, config: &'a TrainConfig) -> Album<'a> {
        Album {
            train: &self.train,
            validation: &self.validation,
            opinions: Default::default(),
            teachers: Vec::new(),
            config,
            shelf: &self.shelf,
            watch: &Silent,
        }
    }

    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of(self.folder.path())
    }

    /// Trains, from the last checkpoint where there is one.
    pub fn run(
        &self,
        config: &TrainConfig,
        start: &StateDict,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Outcome, FinetuneError> {
        let devices = Devices::from(Device::flex()).autodiff();
        let checkpoints = self.checkpoints();
        let journal = Journal::open(self.folder.path(), checkpoints.epochs()).unwrap();
        let finetune = Finetune {
            album: &self.album(config),
            config,
            devices: &devices,
            checkpoints: &checkpoints,
            journal: &journal,
            stop,
        };
        let network = network::load(config.network(devices.first()), start).unwrap();
        finetune.run(network, None, observe)
    }

    /// By what a training ends before whose first step `meanwhile` happens.
    pub fn broken(&self, config: &TrainConfig, start: &StateDict, meanwhile: &dyn Fn()) -> String {
        let asked = Cell::new(false);
        let stop = || {
            if !asked.replace(true) {
                meanwhile();
            }
            false
        };
        let ended = self.run(config, start, &stop, &mut |_| {});
        ended.err().unwrap().to_string()
    }
}

/// What a training of twelve drawn photos came to.
pub struct Trained {
    pub history: Vec<EpochFigures>,
    /// Of each step: its loss and learning rate as logged, and the loss as shown.
    pub steps: Vec<(f64, f64, f64)>,
    pub weights: StateDict,
    /// Of the network that was kept, measured once more.
    pub again: f64,
}

/// Where the trainings of a test begin.
pub fn start() -> StateDict {
    network::state_dict(&config().network(&Device::flex()))
}

pub fn train(config: &TrainConfig, start: &StateDict) -> Trained {
    train_stopping(config, start, None)
}

/// The same, asked to stop before a step (from 1, over all epochs) and gone on with.
pub fn train_stopping(config: &TrainConfig, start: &StateDict, before: Option<usize>) -> Trained {
    let set = Set::drawn();
    let (mut history, mut shown) = (Vec::new(), Vec::new());
    let mut run = |stop: &dyn Fn() -> bool| {
        let mut observe = |progress: Progress<'_>| match progress {
            Progress::Step { loss, .. } => shown.push(loss),
            Progress::Epoch(epochs) => history = epochs.to_vec(),
        };
        set.run(config, start, stop, &mut observe).unwrap()
    };
    if let Some(before) = before {
        let asked = Cell::new(0);
        let stopped = run(&|| {
            asked.set(asked.get() + 1);
            asked.get() == before
        });
        assert!(matches!(stopped, Outcome::Interrupted));
        assert_eq!(set.checkpoints().epochs(), Some((before - 1) / 3));
    }
    let Outcome::Finished(network) = run(&|| false) else {
        panic!("nobody stopped it");
    };
    let photos = set.album(config).at(config.preprocessing.size).unwrap();
    let again = judge::judge(
        &network,
        &photos.validation,
        &config.preprocessing,
        config.objective,
        &Device::flex(),
    );
    let log = std::fs::read_to_string(set.folder.path().join(journal::FILE)).unwrap();
    let logged = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["kind"] == "step")
        .map(|line| ["loss", "learning_rate"].map(|of| line[of].as_f64().unwrap()));
    Trained {
        history,
        steps: logged
            .zip(shown)
            .map(|([loss, rate], shown)| (loss, rate, shown))
            .collect(),
        weights: network::state_dict(&*network),
        again: again.unwrap().scaled_cross_entropy,
    }
}

pub const WHOLE: &str = "the last checkpoint is whole";
