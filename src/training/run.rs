//! A whole training, from folders of photos to a bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;

use super::album::{Album, Sized};
use super::batches::Example;
use super::checkpoint::Checkpoints;
use super::config::TrainConfig;
use super::dataset::{self, Record};
use super::devices::Devices;
use super::doubt::{self, Looked};
use super::edema::{self, Labelled, Pupil, Taught};
use super::export::{self, Description};
use super::finetune::{self, EpochFigures, Finetune, Outcome, Progress};
use super::journal::Journal;
use super::keep::Keep;
use super::opinions::{self, Heard};
use super::parent;
use super::photos::{Photos, Sides};
use super::rate_finder::{self, Suggestion};
use super::settle::{self, Wanted};
use super::shelf::Shelf;
use super::{before, duplicates, head, pictures, predict, recipe, soup, terms, weights_file};
use crate::bundle::Training;
use crate::network::{self, Classifier, StateDict, Views};

/// Why a training stopped; every kind names what to do.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Data(#[from] dataset::DatasetError),
    #[error(transparent)]
    Unreadable(#[from] duplicates::UnreadableError),
    #[error(transparent)]
    Split(#[from] super::split::SplitError),
    #[error(transparent)]
    Weights(#[from] weights_file::WeightsFileError),
    #[error("{} of the photos cannot be used:\n{}", .0.len(), pictures::list(.0))]
    Photos(Vec<pictures::Rejected>),
    #[error(transparent)]
    Finetune(#[from] finetune::FinetuneError),
    #[error(transparent)]
    Checkpoint(#[from] super::checkpoint::CheckpointError),
    #[error(
        "{}: holds an unfinished training; go on with `fovea train --resume --out {}`, \
         or choose another --out",
        .0.display(), .0.display()
    )]
    Unfinished(PathBuf),
    #[error("{}: no unfinished training to resume", .0.display())]
    NothingToResume(PathBuf),
    #[error(
        "{}: holds a finished model, whose records another training would replace; choose another \
         --out, or delete the folder first",
        .0.display()
    )]
    Finished(PathBuf),
    #[error(
        "stopped; go on from the last whole epoch with `fovea train --resume --out {}`",
        .0.display()
    )]
    Interrupted(PathBuf),
    #[error("{0}")]
    Stopped(String),
}

/// Told of a training's progress.
pub trait Watch: Sync {
    /// A stage of `total` parts begins.
    fn stage(&self, name: &str, total: usize);
    /// So many parts of the stage are done.
    fn advance(&self, done: usize);
    /// Running loss of the stage.
    fn loss(&self, loss: f64);
    /// Something worth a line.
    fn say(&self, sentence: &str);
    /// An epoch is measured; the training keeps the best by `keep`.
    fn epoch(&self, figures: &EpochFigures, keep: Keep);
    /// Whether the training should stop at the next step.
    fn stop(&self) -> bool;
}

/// The file of a run's configuration in its folder.
pub const CONFIG: &str = "config.json";
/// The file beside it with the name of the model.
const NAME: &str = "name.txt";
/// The file of a run's split in its folder.
pub const SPLIT: &str = "split.csv";

/// Where a run goes on, beside its configuration.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Name of the model in its manifest.
    pub name: &'a str,
    /// Folder of the bundle and the records of the run.
    pub out: &'a Path,
    /// What to type to repeat it.
    pub command: &'a str,
}

/// Trains as `config` says and writes bundle, split, configuration, log and
/// history into the destination; `resume` goes on from the last checkpoint
/// there. Returns the manifest's path.
///
/// # Errors
/// [`TrainError`]; what was already written stays.
pub fn run(
    config: &TrainConfig,
    destination: &Destination<'_>,
    devices: &Devices,
    resume: bool,
    watch: &dyn Watch,
) -> Result<PathBuf, TrainError> {
    check_destination(destination.out, resume)?;
    before::name(destination.name)?;
    if !resume {
        before::out(destination.out)?;
        before::weights(config)?;
    }
    let photos = Photos::read(config, watch)?;
    if !resume {
        parent::check_split(config, &photos, watch)?;
    }
    let shelf = Shelf::default();
    run_on(&photos, &shelf, config, destination, devices, resume, watch)
}

fn check_destination(out: &Path, resume: bool) -> Result<(), TrainError> {
    match (resume, Checkpoints::of(out).any()) {
        (false, true) => Err(TrainError::Unfinished(out.to_owned())),
        (true, false) => Err(TrainError::NothingToResume(out.to_owned())),
        _ => Ok(()),
    }
}

/// As [`run`], on photos that were read and divided before.
///
/// # Errors
/// [`TrainError`]; what was already written stays.
pub fn run_on(
    photos: &Photos,
    shelf: &Shelf,
    config: &TrainConfig,
    destination: &Destination<'_>,
    devices: &Devices,
    resume: bool,
    watch: &dyn Watch,
) -> Result<PathBuf, TrainError> {
    let stopped = TrainError::Stopped;
    let out = destination.out;
    check_destination(out, resume)?;
    let sides = photos.sides(config.share, config.seed);
    watch.say(&sides.to_string());
    before::sides(&sides, config)?;
    let album = album(config, &sides, shelf, watch)?;
    let first = if resume {
        None
    } else {
        if let Some(difference) = parent::shown_otherwise(config) {
            watch.say(&difference);
        }
        Some(album.at(config.size_at(1)).map_err(TrainError::Photos)?)
    };

    // Nothing is written before this: what a refused run finds there stays.
    make_folder(out)?;
    let _held = before::hold(out)?;
    begin(config, destination)?;
    let command = command(destination, resume)?;
    let destination = &Destination {
        command: &command,
        ..*destination
    };
    photos.split.write(&photos.records, &out.join(SPLIT))?;
    let checkpoints = Checkpoints::of(out);
    let journal = Journal::open(out, checkpoints.epochs()).map_err(stopped)?;
    let device = devices.first();
    let training = devices.autodiff();
    let network = match &first {
        None => config.network(training.first()),
        Some(photos) => start(&album, photos, device, training.first())?,
    };

    let mut fault = None;
    let finetune = Finetune {
        album: &album,
        config,
        devices: &training,
        checkpoints: &checkpoints,
        journal: &journal,
        stop: &|| watch.stop(),
    };
    let outcome = finetune.run(network, first, &mut |progress| match progress {
        Progress::Step {
            epoch,
            step,
            steps,
            loss,
        } => {
            if step == 1 {
                watch.stage(&format!("Epoch {epoch} of {}", config.epochs), steps);
            }
            watch.advance(step);
            watch.loss(loss);
        }
        Progress::Epoch(history) => {
            if let Some(newest) = history.last() {
                watch.epoch(newest, config.keep);
            }
            fault = write_history(out, history).err();
        }
    })?;
    if let Some(error) = fault {
        return Err(stopped(error));
    }
    let best = match outcome {
        Outcome::Finished(network) => network,
        Outcome::Interrupted => return Err(TrainError::Interrupted(out.to_owned())),
    };
    let manifest = finish(config, destination, &album, &best, device)?;
    checkpoints.clear()?;
    Ok(manifest)
}

/// Searches for a learning rate instead of training: writes the curve and its
/// plot into `out` and returns the plot's path and what the curve suggests.
///
/// # Errors
/// [`TrainError`].
pub fn find_learning_rate(
    config: &TrainConfig,
    out: &Path,
    devices: &Devices,
    watch: &dyn Watch,
) -> Result<(PathBuf, Option<Suggestion>), TrainError> {
    let stopped = TrainError::Stopped;
    if config.trains_nothing() {
        return Err(stopped(
            "--find-learning-rate needs something to train; leave out --epochs 0 or --head-epochs 0"
                .to_owned(),
        ));
    }
    before::weights(config)?;
    // No run begins: what a run in the folder goes on by stays as it is.
    make_folder(out)?;
    let photos = Photos::read(config, watch)?;
    let sides = photos.sides(config.share, config.seed);
    watch.say(&sides.to_string());
    before::taught(&sides, config)?;
    let shelf = Shelf::default();
    let album = album(config, &sides, &shelf, watch)?;
    let photos = album.at(config.size_at(1)).map_err(TrainError::Photos)?;
    let training = devices.autodiff();
    let network = start(&album, &photos, devices.first(), training.first())?;
    let curve = rate_finder::search(network, &photos, config, &training, &mut |step, steps| {
        if step == 1 {
            watch.stage("Trying learning rates", steps);
        }
        watch.advance(step);
    })
    .map_err(stopped)?;
    let plot = rate_finder::write(out, &curve).map_err(stopped)?;
    Ok((plot, rate_finder::suggest(&curve)))
}

/// What to type to repeat the run: the command that began it, which lies beside
/// its configuration for the one that goes on.
fn command(destination: &Destination<'_>, resume: bool) -> Result<String, TrainError> {
    let kept = destination.out.join("command.txt");
    if resume && let Ok(began) = std::fs::read_to_string(&kept) {
        return Ok(began.trim_end().to_owned());
    }
    let command = destination.command;
    export::write_whole(&kept, format!("{command}\n").as_bytes()).map_err(TrainError::Stopped)?;
    Ok(command.to_owned())
}

fn begin(config: &TrainConfig, destination: &Destination<'_>) -> Result<(), TrainError> {
    let stopped = TrainError::Stopped;
    let Destination { name, out, .. } = destination;
    export::write_whole(&out.join(NAME), format!("{name}\n").as_bytes()).map_err(stopped)?;
    let json = serde_json::to_vec_pretty(config).map_err(|e| stopped(e.to_string()))?;
    export::write_whole(&out.join(CONFIG), &json).map_err(stopped)
}

fn make_folder(out: &Path) -> Result<(), TrainError> {
    std::fs::create_dir_all(out)
        .map_err(|error| TrainError::Stopped(format!("{}: {error}", out.display())))
}

/// The name of the model whose run saved the configuration at `config`; none where
/// only that file was kept.
pub fn name_beside(config: &Path) -> Option<String> {
    let name = std::fs::read_to_string(config.with_file_name(NAME)).ok()?;
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

fn album<'a>(
    config: &'a TrainConfig,
    sides: &'a Sides,
    shelf: &'a Shelf,
    watch: &'a dyn Watch,
) -> Result<Album<'a>, TrainError> {
    let (opinions, teachers) = match &config.opinions {
        None => (Vec::new(), Vec::new()),
        Some(asked) => {
            let Heard { opinions, teachers } =
                asked.read(&sides.train).map_err(TrainError::Stopped)?;
            let count = opinions.iter().flatten().count();
            watch.say(&format!(
                "second opinions on {count} of {} training photos",
                opinions.len()
            ));
            if count == 0 {
                return Err(TrainError::Stopped(
                    "--opinions: the files have no opinion on any of the training photos; name \
                     the predictions.csv of trainings on the same data sets, or what `fovea \
                     evaluate --part train --predictions` wrote of them"
                        .to_owned(),
                ));
            }
            (opinions, teachers)
        }
    };
    Ok(Album {
        train: &sides.train,
        validation: &sides.validation,
        opinions: Arc::new(opinions),
        teachers,
        config,
        shelf,
        watch,
    })
}

/// Calibrates the best network, measures it and writes the bundle.
fn finish(
    config: &TrainConfig,
    destination: &Destination<'_>,
    album: &Album<'_>,
    best: &Classifier,
    device: &Device,
) -> Result<PathBuf, TrainError> {
    let stopped = TrainError::Stopped;
    // What will run: the weights as half precision leaves them.
    let full = network::state_dict(best);
    let weights = full.clone().rounded_to_half();
    let network = config.network(device);
    let network = network::load(network, &weights)
        .map_err(|e| stopped(e.to_string()))?
        .folded();
    let validation = album
        .validation_at_full_size()
        .map_err(TrainError::Photos)?;
    let views = Views::of(config.test_time_flips);
    let looked = look(&network, &validation, album, views, device);
    let settled = settle::settle(
        &looked,
        Wanted {
            objective: config.objective,
            views,
            coverage: doubt::COVERAGE,
            command: destination.command,
        },
        &|sentence| album.watch.say(sentence),
    )
    .map_err(stopped)?;
    let mut calibrated = settled.calibrated;
    let probabilities: Vec<Vec<f64>> = settled
        .outputs
        .iter()
        .map(|row| calibrated.calibration.probabilities(row))
        .collect();
    match teach_edema(&network, views, album, destination.command, device)? {
        Ok(taught) => calibrated.edema = taught,
        Err(reason) => album
            .watch
            .say(&format!("macular oedema is not assessed: {reason}")),
    }
    let description = Description {
        name: destination.name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        training: Training {
            data: sources(album.train),
            initial_weights: terms::of_weights(config.from.as_deref(), &config.mean_with),
            taught_by: album.teachers.clone(),
            recipe: recipe::sentence(config),
            command: destination.command.to_owned(),
            seed: config.seed,
        },
    };
    let (path, manifest) = export::write(
        destination.out,
        description,
        config,
        &full,
        calibrated,
        settled.figures,
    )
    .map_err(stopped)?;
    opinions::write(
        &destination.out.join(opinions::FILE),
        album.validation,
        &probabilities,
        &terms::of_model(&manifest),
    )
    .map_err(stopped)?;
    Ok(path)
}

/// What the best network gives for each validation photo, as it is and looked at
/// again.
fn look(
    network: &Classifier,
    validation: &[Example],
    album: &Album<'_>,
    views: Views,
    device: &Device,
) -> Vec<Looked> {
    let settings = &album.config.preprocessing;
    let pictures = super::album::pictures(validation);
    let done = |done| album.watch.advance(done);
    album
        .watch
        .stage("Looking at validation photos", pictures.len());
    let first = predict::outputs(network, &pictures, settings, views, device, &done);
    album.watch.stage("Looking again", pictures.len());
    let further = predict::further(network, &pictures, settings, device, &done);
    let patients = super::split::patients(album.validation);
    album
        .validation
        .iter()
        .zip(patients)
        .zip(first.into_iter().zip(further))
        .map(|((record, patient), (first, further))| Looked {
            dataset: record.dataset.clone(),
            grade: record.grade,
            patient,
            first,
            further,
        })
        .collect()
}

/// A head for the risk of macular oedema, where photos are labelled with it: none
/// where no photo is, and a reason where too few are.
///
/// # Errors
/// [`TrainError::Photos`] where one of them is gone.
fn teach_edema(
    network: &Classifier,
    views: Views,
    album: &Album<'_>,
    command: &str,
    device: &Device,
) -> Result<Result<Option<Taught>, String>, TrainError> {
    let train = edema::labelled(album.train);
    let validation = edema::labelled(album.validation);
    if train.is_empty() {
        return Ok(Ok(None));
    }
    if let Err(reason) = edema::enough(&train, &validation) {
        return Ok(Err(reason));
    }
    let prepared = |records: &[Record], what: &str| {
        let pictures = album.at_full_size(records, what);
        let pictures = pictures.map_err(TrainError::Photos)?;
        Ok::<_, TrainError>(Labelled::of(records, pictures))
    };
    let train = prepared(&train, "labelled training")?;
    let validation = prepared(&validation, "labelled validation")?;
    let pupil = Pupil {
        network,
        settings: &album.config.preprocessing,
        views,
        device,
    };
    let taught = edema::teach(&pupil, &train, &validation, command, album.watch);
    Ok(taught.map(Some))
}

/// `history.json` with everything, `metrics.csv` for a spreadsheet or a plot.
fn write_history(out: &Path, history: &[EpochFigures]) -> Result<(), String> {
    let json = serde_json::to_vec_pretty(history).map_err(|e| e.to_string())?;
    export::write_whole(&out.join("history.json"), &json)?;
    let mut csv = String::from(
        "epoch,size,training_loss,accuracy,kappa_quadratic,cross_entropy,\
         scaled_cross_entropy,best\n",
    );
    for figures in history {
        let optional = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let m = &figures.validation;
        csv.push_str(&format!(
            "{},{},{},{},{},{},{},{}\n",
            figures.epoch,
            figures.size,
            optional(figures.training_loss),
            m.accuracy,
            optional(m.kappa_quadratic),
            m.cross_entropy,
            optional(figures.scaled_cross_entropy),
            figures.best
        ));
    }
    export::write_whole(&out.join("metrics.csv"), csv.as_bytes())
}

/// The network to fine-tune: loaded, and its new head trained on frozen features.
fn start(
    album: &Album<'_>,
    photos: &Sized,
    device: &Device,
    training_device: &Device,
) -> Result<Classifier, TrainError> {
    let (config, watch) = (album.config, album.watch);
    let stopped = TrainError::Stopped;
    training_device.seed(config.seed);
    let network = config.network(training_device);
    let Some(path) = &config.from else {
        return Ok(network);
    };
    let weights = beginning(config, path)?;
    let network = loaded(config, network, path, &weights)?;
    if config.head_epochs == 0 {
        return Ok(network);
    }
    let frozen = loaded(config, config.network(device), path, &weights)?.folded();
    let unchanged = album.unchanged(photos).map_err(TrainError::Photos)?;
    watch.stage("Computing features for the head", unchanged.len());
    let rows = predict::features(
        &frozen,
        &unchanged,
        &config.preprocessing_at(photos.size),
        device,
        &|done| watch.advance(done),
    );
    let features = head::Features {
        rows,
        grades: super::album::grades(&photos.train),
        opinions: &photos.opinions,
    };
    let head = head::train(&features, config, training_device).map_err(stopped)?;
    Ok(network.with_head(head))
}

/// The weights of `path`, or their mean with others, that a training begins with.
///
/// # Errors
/// [`TrainError::Weights`], which names the file that cannot be read.
pub(super) fn beginning(config: &TrainConfig, path: &Path) -> Result<StateDict, TrainError> {
    // A head beside the grades' belongs to the network it was taught on.
    let weights = soup::read(path, &config.mean_with)?;
    Ok(network::without_beside(&weights))
}

/// `network` with such weights: all of them where its head goes on from where it is,
/// else all but the head.
///
/// # Errors
/// [`TrainError`], which names the file where it is of another network.
pub(super) fn loaded(
    config: &TrainConfig,
    network: Classifier,
    path: &Path,
    weights: &StateDict,
) -> Result<Classifier, TrainError> {
    if config.trains_nothing() {
        return network::load(network, weights).map_err(|error| {
            TrainError::Stopped(format!(
                "{}: {error}. --epochs 0 with --head-epochs 0 calibrates a network that has \
                 such a head: name a bundle with --from, or leave one of the two out",
                path.display()
            ))
        });
    }
    let unfit = |source| {
        TrainError::Weights(weights_file::WeightsFileError::Weights {
            path: path.to_owned(),
            source,
        })
    };
    // A head of the right shape goes on from where it is.
    if config.head_epochs == 0
        && let Ok(network) = network::load(network.clone(), weights)
    {
        return Ok(network);
    }
    network::load_backbone(network, weights).map_err(unfit)
}

fn sources(records: &[Record]) -> Vec<crate::bundle::DataSource> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for record in records {
        match counts.iter_mut().find(|(name, _)| *name == record.dataset) {
            Some((_, count)) => *count += 1,
            None => counts.push((record.dataset.clone(), 1)),
        }
    }
    counts
        .into_iter()
        .map(|(name, count)| terms::of_photos(&name, count))
        .collect()
}
