//! fast.ai's second step: the whole network, earlier layers more slowly.

use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::module::{Module, ParamId};
use burn::optim::ModuleOptimizer;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::album::{Album, Sized, grades};
use super::averaging::Average;
use super::batches;
use super::checkpoint::{CheckpointError, Checkpoints, Saved};
use super::config::TrainConfig;
use super::devices::Devices;
use super::journal::{self, Journal};
use super::judge;
use super::schedule::discriminative;
use super::step;
use crate::evaluation::Metrics;
use crate::network::{self, Classifier, StateDict};

/// A parameter of the last layer, whose learning rate is the highest.
const HEAD: &str = "fc.weight";

/// What an epoch came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EpochFigures {
    /// From 1; 0 is the network that the first begins with.
    pub epoch: usize,
    /// Side of its pictures, in pixels.
    pub size: u32,
    /// Mean loss over the training batches, with augmentation and smoothing.
    pub training_loss: Option<f64>,
    /// Measured on validation.
    pub validation: Metrics,
    /// Cross-entropy on validation after temperature scaling; none in what was
    /// written before it was measured.
    #[serde(default)]
    pub scaled_cross_entropy: Option<f64>,
    /// Whether it is the best so far at the full size, its weights therefore kept.
    pub best: bool,
}

/// Tells the caller how far the training is.
pub enum Progress<'a> {
    Step {
        epoch: usize,
        step: usize,
        steps: usize,
        /// Smoothed over the last steps.
        loss: f64,
    },
    /// Every epoch so far, the newest last.
    Epoch(&'a [EpochFigures]),
}

/// How a training ended.
pub enum Outcome {
    /// The network with the best epoch's weights, in inference mode.
    Finished(Box<Classifier>),
    /// Asked to stop; the last checkpoint is whole.
    Interrupted,
}

/// Why a training broke off.
#[derive(Debug, thiserror::Error)]
pub enum FinetuneError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(
        "{0}; the last checkpoint is whole, but start again with a lower --learning-rate and \
         another --out"
    )]
    Diverged(String),
    /// By what can be mended.
    #[error("{fault}; {remedy}")]
    Broken { fault: String, remedy: &'static str },
    #[error("{0}")]
    Other(String),
}

/// What a training needs beside the network.
pub struct Finetune<'a> {
    pub album: &'a Album<'a>,
    pub config: &'a TrainConfig,
    /// With autodiff.
    pub devices: &'a Devices,
    pub checkpoints: &'a Checkpoints,
    pub journal: &'a Journal,
    /// Asked between steps whether to stop.
    pub stop: &'a dyn Fn() -> bool,
}

/// Network and memory of a training under way.
struct State {
    network: Classifier,
    optimizer: ModuleOptimizer,
    /// The mean of the weights so far, where the configuration asks for one.
    average: Option<Average>,
    history: Vec<EpochFigures>,
    best: Option<StateDict>,
}

/// The loss of a step, still on the device.
struct Unread {
    /// From 1.
    step: usize,
    value: Tensor<1>,
    /// Of the head.
    learning_rate: f64,
}

/// Losses of an epoch, as they come off the device.
struct Losses<'a> {
    of: &'a Finetune<'a>,
    epoch: usize,
    steps: usize,
    size: u32,
    sum: f64,
    smoothed: Option<f64>,
}

impl Losses<'_> {
    fn read(
        &mut self,
        step: Unread,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), FinetuneError> {
        let loss = f64::from(step.value.into_scalar::<f32>());
        if !loss.is_finite() {
            let (epoch, step) = (self.epoch, step.step);
            return Err(FinetuneError::Diverged(format!(
                "the loss became {loss} in epoch {epoch}, step {step}"
            )));
        }
        self.sum += loss;
        let shown = self.smoothed.map_or(loss, |s| 0.95 * s + 0.05 * loss);
        self.smoothed = Some(shown);
        let line = journal::Step {
            epoch: self.epoch,
            step: step.step,
            loss,
            learning_rate: step.learning_rate,
            size: self.size,
        };
        let logged = self.of.journal.step(&line);
        logged.map_err(|fault| self.of.broken(fault))?;
        observe(Progress::Step {
            epoch: self.epoch,
            step: step.step,
            steps: self.steps,
            loss: shown,
        });
        Ok(())
    }
}

impl Finetune<'_> {
    /// Trains `network` for the configured epochs, or goes on from the last
    /// checkpoint where there is one, and returns the epoch that its configuration
    /// keeps: the best on validation at the full size.
    ///
    /// `photos` are those of the first epoch, if they are prepared already.
    ///
    /// # Errors
    /// [`FinetuneError`]; checkpoints already written stay.
    pub fn run(
        &self,
        network: Classifier,
        photos: Option<Sized>,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Outcome, FinetuneError> {
        let config = self.config;
        let steps = batches::batches_in_epoch(self.album.train.len(), config.batch);
        let total = (steps * config.epochs).max(1);
        let mut schedule = discriminative(config.learning_rate, config.discrimination, total)
            .map_err(FinetuneError::Other)?;
        let (mut state, done) = self.begin(network)?;
        let mut photos = match photos {
            Some(photos) => photos,
            None => self.photos(config.size_at(done + 1))?,
        };
        if state.history.is_empty() {
            self.judge(&mut state, 0, None, &photos, observe)?;
            self.save(&state, 0)?;
        }
        // The schedule is a function of the step alone: walk it to where it was.
        for _ in 0..done * steps {
            schedule.step();
        }
        for epoch in done + 1..=config.epochs {
            if config.size_at(epoch) != photos.size {
                if (self.stop)() {
                    return Ok(Outcome::Interrupted);
                }
                photos = self.photos(config.size_at(epoch))?;
            }
            let loss;
            (state, loss) = self.epoch(state, &mut schedule, epoch, steps, &photos, observe)?;
            let Some(loss) = loss else {
                return Ok(Outcome::Interrupted);
            };
            self.judge(&mut state, epoch, Some(loss), &photos, observe)?;
            self.save(&state, epoch)?;
        }
        let weights = state
            .best
            .ok_or_else(|| FinetuneError::Other("no epoch was measured".to_owned()))?;
        let network = network::load(state.network.valid(), &weights)
            .map_err(|e| FinetuneError::Other(e.to_string()))?;
        Ok(Outcome::Finished(Box::new(network)))
    }

    fn photos(&self, size: u32) -> Result<Sized, FinetuneError> {
        let prepared = self.album.at(size);
        prepared.map_err(|fault| self.broken(fault.to_string()))
    }

    fn broken(&self, fault: String) -> FinetuneError {
        FinetuneError::Broken {
            fault,
            remedy: self.checkpoints.remedy(),
        }
    }

    /// The state to start from, and the epochs it has behind it.
    fn begin(&self, network: Classifier) -> Result<(State, usize), FinetuneError> {
        let config = self.config;
        let steps = batches::batches_in_epoch(self.album.train.len(), config.batch);
        let reach = config.average_epochs;
        let optimizer = config.optimizer.init(config.weight_decay);
        let foreign = |error: network::WeightsError| FinetuneError::Other(error.to_string());
        if self.checkpoints.any()
            && let Some(saved) =
                (self.checkpoints).load(network.clone(), optimizer.clone(), reach > 0.0)?
        {
            let average = saved
                .average
                .map(|weights| Average::of(&saved.network, &weights, reach, steps));
            let state = State {
                network: saved.network,
                optimizer: saved.optimizer,
                average: average.transpose().map_err(foreign)?,
                history: saved.history,
                best: saved.best,
            };
            return Ok((state, saved.epoch));
        }
        let average = (reach > 0.0).then(|| Average::starting_at(&network, reach, steps));
        let state = State {
            average: average.transpose().map_err(foreign)?,
            network,
            optimizer,
            history: Vec::new(),
            best: None,
        };
        Ok((state, 0))
    }

    /// One epoch; its mean loss, or `None` where asked to stop.
    fn epoch(
        &self,
        mut state: State,
        schedule: &mut ModuleLrScheduler,
        epoch: usize,
        steps: usize,
        photos: &Sized,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(State, Option<f64>), FinetuneError> {
        let config = self.config;
        let size = photos.size as usize;
        // Dropout draws from the device: the same in an epoch whatever came before.
        self.devices.seed(config.seed.wrapping_add(epoch as u64));
        let weights = config.balance.loss_weights(&grades(&photos.train));
        let mut losses = Losses {
            of: self,
            epoch,
            steps,
            size: photos.size,
            sum: 0.0,
            smoothed: None,
        };
        // A loss is read once the next step is under way: to wait for it at once
        // would leave a GPU idle while that step is prepared.
        let mut unread: Option<Unread> = None;
        let drawing = config.drawing(photos.size);
        let received = batches::epoch(&photos.train, &photos.opinions, &drawing, epoch);
        let mut done = 0;
        for (number, batch) in received.into_iter().enumerate() {
            if (self.stop)() {
                return Ok((state, None));
            }
            let taken = step::take(&state.network, batch, size, &weights, config, self.devices);
            let rates = schedule.step();
            let learning_rate = rates.lr_from_param(ParamId::new(), Some(HEAD));
            state.network = state
                .optimizer
                .step_multi(rates, state.network, taken.gradients);
            let before = unread.replace(Unread {
                step: number + 1,
                value: taken.loss,
                learning_rate,
            });
            if let Some(before) = before {
                losses.read(before, observe)?;
            }
            if let Some(average) = &mut state.average {
                average.update(&state.network, (epoch - 1) * steps + number + 1);
            }
            done = number + 1;
        }
        // What makes them died of a fault, such as a disk that cannot be read any more.
        if done < steps {
            return Err(self.broken(format!(
                "photos ran out in epoch {epoch} after step {done} of {steps}, for the reason above"
            )));
        }
        if let Some(last) = unread {
            losses.read(last, observe)?;
        }
        Ok((state, Some(losses.sum / steps as f64)))
    }

    /// Measures the network (or the mean of its weights) on validation and keeps
    /// it if it is the best so far at the full size.
    fn judge(
        &self,
        state: &mut State,
        epoch: usize,
        training_loss: Option<f64>,
        photos: &Sized,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), FinetuneError> {
        let other = FinetuneError::Other;
        let plain = self.devices.first().clone().inner();
        let mut inference = state.network.valid().to_device(&plain);
        if let Some(average) = state.average.as_ref().filter(|_| epoch > 0) {
            inference = network::load(inference, &average.weights())
                .map_err(|error| other(error.to_string()))?;
        }
        let judged = judge::judge(
            &inference,
            &photos.validation,
            &self.config.preprocessing_at(photos.size),
            self.config.objective,
            &plain,
        )
        // Outputs that are no numbers any more.
        .map_err(|fault| match epoch {
            0 => other(fault),
            _ => FinetuneError::Diverged(format!("epoch {epoch} cannot be measured ({fault})")),
        })?;
        let mut figures = EpochFigures {
            epoch,
            size: photos.size,
            training_loss,
            validation: judged.metrics,
            scaled_cross_entropy: Some(judged.scaled_cross_entropy),
            best: false,
        };
        let score = |figures: &EpochFigures| self.config.keep.score(figures);
        let full = self.config.preprocessing.size;
        let highest = state
            .history
            .iter()
            .filter(|figures| figures.size == full)
            .map(score)
            .fold(f64::NEG_INFINITY, f64::max);
        figures.best = photos.size == full && (state.best.is_none() || score(&figures) > highest);
        if figures.best {
            state.best = Some(network::state_dict(&inference));
        }
        let logged = self.journal.epoch(&figures);
        logged.map_err(|fault| self.broken(fault))?;
        state.history.push(figures);
        observe(Progress::Epoch(&state.history));
        Ok(())
    }

    fn save(&self, state: &State, epoch: usize) -> Result<(), FinetuneError> {
        let average = state.average.as_ref().map(Average::weights);
        self.checkpoints.save(&Saved {
            epoch,
            network: &state.network,
            optimizer: &state.optimizer,
            history: &state.history,
            average: average.as_ref(),
            best: state.best.as_ref(),
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::{Path, PathBuf};

    use burn::tensor::Device;

    use super::*;
    use crate::training::augment::Augmentation;
    use crate::training::config::{EARLIER, SizeStage};
    use crate::training::dataset::{Record, Source};
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
    fn config() -> TrainConfig {
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
    struct Set {
        folder: tempfile::TempDir,
        train: Vec<Record>,
        validation: Vec<Record>,
        shelf: Shelf,
    }

    impl Set {
        fn drawn() -> Self {
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

        fn checkpoints(&self) -> Checkpoints {
            Checkpoints::of(self.folder.path())
        }

        /// Trains, from the last checkpoint where there is one.
        fn run(
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
        fn broken(&self, config: &TrainConfig, start: &StateDict, meanwhile: &dyn Fn()) -> String {
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
    struct Trained {
        history: Vec<EpochFigures>,
        /// Of each step: its loss and learning rate as logged, and the loss as shown.
        steps: Vec<(f64, f64, f64)>,
        weights: StateDict,
        /// Of the network that was kept, measured once more.
        again: f64,
    }

    /// Where the trainings of a test begin.
    fn start() -> StateDict {
        network::state_dict(&config().network(&Device::flex()))
    }

    fn train(config: &TrainConfig, start: &StateDict) -> Trained {
        train_stopping(config, start, None)
    }

    /// The same, asked to stop before a step (from 1, over all epochs) and gone on with.
    fn train_stopping(config: &TrainConfig, start: &StateDict, before: Option<usize>) -> Trained {
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

    /// An epoch comes to the mean of its steps, and the cycle of rates runs once.
    fn assert_steps(trained: &Trained) {
        assert_eq!((trained.history.len(), trained.steps.len()), (5, 12));
        assert_eq!(trained.history[0].training_loss, None);
        for (number, epoch) in trained.history.iter().enumerate().skip(1) {
            let steps = &trained.steps[3 * (number - 1)..3 * number];
            let mean = steps.iter().map(|(loss, ..)| loss).sum::<f64>() / 3.0;
            assert!((epoch.training_loss.unwrap() - mean).abs() < 1e-9);
            assert_eq!((epoch.epoch, epoch.size), (number, 32));
            // Shown is a mean that forgets slowly, anew in each epoch.
            let mut smoothed = steps[0].0;
            for (loss, _, shown) in steps {
                smoothed = 0.95 * smoothed + 0.05 * loss;
                assert!((shown - smoothed).abs() < 1e-9, "{shown}, not {smoothed}");
            }
        }
        // Three steps of twelve warm up; the head learns at the rate that was asked for.
        let rates: Vec<f64> = trained.steps.iter().map(|(_, rate, _)| *rate).collect();
        let peak = rates.iter().copied().fold(0.0, f64::max);
        assert!((peak - 1e-3).abs() < 1e-9, "{rates:?}");
        assert!((rates[0] - 4e-5).abs() < 1e-9, "{rates:?}");
        let top = rates.iter().position(|rate| *rate == peak).unwrap();
        assert!((2..=4).contains(&top), "{rates:?}");
        assert!(rates[..=top].is_sorted(), "{rates:?}");
        assert!(rates[top..].iter().rev().is_sorted(), "{rates:?}");
        assert!(rates[11] < 5e-5, "{rates:?}");
    }

    #[test]
    fn the_best_epoch_at_the_full_size_is_kept() {
        let mut config = config();
        config.smaller_first = vec![SizeStage {
            size: 24,
            epochs: 1,
        }];
        let trained = train(&config, &start());
        let sizes: Vec<u32> = trained.history.iter().map(|epoch| epoch.size).collect();
        assert_eq!(sizes, [24, 24, 32, 32, 32]);
        let mut lowest = f64::INFINITY;
        for epoch in &trained.history {
            let off = epoch.scaled_cross_entropy.unwrap();
            assert_eq!(epoch.best, epoch.size == 32 && off < lowest, "{epoch:?}");
            if epoch.best {
                lowest = off;
            }
        }
        assert!((trained.again - lowest).abs() < 1e-6, "{lowest}");
    }

    #[test]
    fn a_mean_of_weights_is_measured_and_kept_beside_a_training_that_counts_its_steps() {
        let start = start();
        let plain = train(&config(), &start);
        let mut averaged = config();
        averaged.average_epochs = 1.0;
        let stopped = train_stopping(&averaged, &start, Some(8));
        let averaged = train(&averaged, &start);
        // Stopped in the third epoch and gone on with, it is the same training.
        assert_eq!(stopped.weights, averaged.weights);
        let figures = |trained: &Trained| serde_json::to_string(&trained.history).unwrap();
        assert_eq!(figures(&stopped), figures(&averaged));
        assert_steps(&plain);
        assert_eq!(plain.steps, averaged.steps);
        let figures = |trained: &Trained, epoch: usize| trained.history[epoch].scaled_cross_entropy;
        assert_eq!(figures(&plain, 0), figures(&averaged, 0));
        for epoch in 2..=4 {
            assert_ne!(figures(&plain, epoch), figures(&averaged, epoch), "{epoch}");
        }
        assert_ne!(plain.weights, averaged.weights);
        let kept = averaged.history.iter().rfind(|epoch| epoch.best).unwrap();
        let measured = kept.scaled_cross_entropy.unwrap();
        assert!((averaged.again - measured).abs() < 1e-6);
    }

    const WHOLE: &str = "the last checkpoint is whole";

    #[test]
    fn a_loss_that_is_no_number_ends_the_training_beside_its_last_checkpoint() {
        let set = Set::drawn();
        // In 64 bits the difference of the two is a number, in 32 it is none.
        let mut start = start();
        let bias = start.0.get_mut("fc.bias").unwrap();
        bias.values[..2].copy_from_slice(&[2e38, -2e38]);
        let words = set.broken(&config(), &start, &|| ());
        assert!(words.contains("in epoch 1, step 1; the last"), "{words}");
        assert!(words.contains("a lower --learning-rate"), "{words}");
        assert_eq!(set.checkpoints().epochs(), Some(0));
    }

    #[test]
    fn a_photo_that_is_gone_before_the_next_size_ends_it_until_it_is_back() {
        let mut config = config();
        config.smaller_first = vec![SizeStage {
            size: 24,
            epochs: 1,
        }];
        let (set, start) = (Set::drawn(), start());
        let photo = set.train[3].path();
        let away = photo.with_extension("away");
        let words = set.broken(&config, &start, &|| {
            std::fs::rename(photo, &away).unwrap();
        });
        assert!(
            words.contains("3.png: ") && words.contains(WHOLE),
            "{words}"
        );
        assert!(words.ends_with("go on with --resume"), "{words}");
        assert_eq!(set.checkpoints().epochs(), Some(1));
        std::fs::rename(&away, photo).unwrap();
        let mut history = Vec::new();
        let mut observe = |progress: Progress<'_>| {
            if let Progress::Epoch(epochs) = progress {
                history = epochs.to_vec();
            }
        };
        set.run(&config, &start, &|| false, &mut observe).unwrap();
        let unbroken = train(&config, &start).history;
        let figures = |history: &[EpochFigures]| serde_json::to_string(history).unwrap();
        assert_eq!(figures(&history), figures(&unbroken));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_ends_it_with_what_to_do() {
        let (set, start) = (Set::drawn(), start());
        let log = set.folder.path().join(journal::FILE);
        let words = set.broken(&config(), &start, &|| {
            std::fs::remove_file(&log).unwrap();
            std::os::unix::fs::symlink("/dev/full", &log).unwrap();
        });
        assert!(words.contains("log.jsonl: No space left"), "{words}");
        assert!(
            words.contains(WHOLE) && words.ends_with("--resume"),
            "{words}"
        );
    }
}
