//! A whole training, from folders of photos to a bundle.

mod error;
mod finish;
mod records;
mod start;
mod trial;
mod watch;

use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoints;
use super::config::TrainConfig;
use super::devices::Devices;
use super::export::MANIFEST;
use super::finetune::{Finetune, Outcome, Progress};
use super::journal::Journal;
use super::photos::Photos;
use super::rate_finder::{self, Suggestion};
use super::shelf::Shelf;
use super::{before, parent};
pub use error::TrainError;
pub use records::{CONFIG, SPLIT, name_beside};
pub(super) use start::{beginning, loaded};
pub use watch::Watch;

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
    let shelf = Shelf::new(destination.out);
    let manifest = run_on(&photos, &shelf, config, destination, devices, resume, watch)?;
    Checkpoints::of(destination.out).clear()?;
    Ok(manifest)
}

/// Whether a run can begin in `out`, or go on there.
///
/// # Errors
/// [`TrainError`], with what to do instead.
pub fn check_destination(out: &Path, resume: bool) -> Result<(), TrainError> {
    match (resume, Checkpoints::of(out).any()) {
        (false, true) => Err(TrainError::Unfinished(out.to_owned())),
        (true, false) if out.join(MANIFEST).exists() => Err(TrainError::Done(out.to_owned())),
        (true, false) => Err(TrainError::NothingToResume(out.to_owned())),
        _ => Ok(()),
    }
}

/// As [`run`], on photos that were read and divided before. The last checkpoint stays,
/// to go on from where what is done with the model next is broken off.
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
    if resume {
        records::same_split(photos, out)?;
    }
    let sides = photos.sides(config.share, config.seed);
    watch.say(&sides.to_string());
    before::sides(&sides, config)?;
    let album = start::album(config, &sides, shelf, watch)?;
    let first = if resume {
        None
    } else {
        if let Some(difference) = parent::shown_otherwise(config) {
            watch.say(&difference);
        }
        let first = album.at(config.size_at(1))?;
        trial::check(config, &first, devices, watch)?;
        Some(first)
    };

    // Nothing is written before this: what a refused run finds there stays.
    make_folder(out)?;
    let _held = before::hold(out)?;
    records::begin(config, destination)?;
    let command = records::command(destination, resume)?;
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
        Some(photos) => start::network(&album, photos, device, training.first())?,
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
            fault = records::write_history(out, history).err();
        }
    })?;
    if let Some(error) = fault {
        return Err(stopped(error));
    }
    let best = match outcome {
        // Asked to stop after the last step, it has its last checkpoint to go on from.
        Outcome::Finished(network) if !watch.stop() => network,
        _ => return Err(TrainError::Interrupted(out.to_owned())),
    };
    finish::finish(config, destination, &album, &best, device)
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
    before::writable(out)?;
    before::weights(config)?;
    // No run begins: what a run in the folder goes on by stays as it is.
    make_folder(out)?;
    let photos = Photos::read(config, watch)?;
    let sides = photos.sides(config.share, config.seed);
    watch.say(&sides.to_string());
    before::taught(&sides, config)?;
    let shelf = Shelf::new(out);
    let album = start::album(config, &sides, &shelf, watch)?;
    let photos = album.at(config.size_at(1))?;
    trial::check(config, &photos, devices, watch)?;
    let training = devices.autodiff();
    let network = start::network(&album, &photos, devices.first(), training.first())?;
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

fn make_folder(out: &Path) -> Result<(), TrainError> {
    std::fs::create_dir_all(out)
        .map_err(|error| TrainError::Stopped(format!("{}: {error}", out.display())))
}
