//! What can be known of a training before its first epoch, asked before anything is
//! written: a fault that shows after the last would cost all of them.

use std::fs::{File, TryLockError};
use std::path::Path;

use burn::tensor::Device;

use super::config::TrainConfig;
use super::dataset::{Record, grade_counts};
use super::export::MANIFEST;
use super::parent;
use super::photos::Sides;
use super::run::{TrainError, beginning, loaded};
use crate::counted::counted;
use crate::grading::REFERABLE_FROM;
use crate::network::Architecture;

/// A name is the start of a file's name.
const LONGEST_NAME: usize = 100;

/// Whether `out` is free: a finished training's records are replaced by no other's.
///
/// # Errors
/// [`TrainError::Finished`], or a sentence where nothing can be written there.
pub fn out(out: &Path) -> Result<(), TrainError> {
    if out.join(MANIFEST).exists() {
        return Err(TrainError::Finished(out.to_owned()));
    }
    writable(out)
}

/// Whether the folder `out` can be written into, or be made where it is not there yet.
///
/// # Errors
/// A sentence that names the flag.
pub fn writable(out: &Path) -> Result<(), TrainError> {
    let there = (out.ancestors().find(|part| part.exists())).unwrap_or(Path::new("."));
    tempfile::tempfile_in(there).map(drop).map_err(|error| {
        TrainError::Stopped(format!(
            "{}: nothing can be written there ({error}); choose another --out",
            out.display()
        ))
    })
}

/// The file by which a training holds its folder.
const HELD: &str = ".training";

/// Keeps other trainings out of a folder for as long as it lives; the system lets go
/// of it however the program ends.
pub struct Held(#[expect(dead_code, reason = "it is held, not read")] Option<File>);

/// Holds `out`, which must be there, for one training: two would write over each
/// other's checkpoints. Where the file system knows no locks nothing is held.
///
/// # Errors
/// A sentence, where another training holds it.
pub fn hold(out: &Path) -> Result<Held, TrainError> {
    let Ok(file) = File::create(out.join(HELD)) else {
        return Ok(Held(None));
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(TrainError::Stopped(format!(
            "{}: another training is under way there; wait for it, or choose another --out",
            out.display()
        ))),
        Ok(()) => Ok(Held(Some(file))),
        Err(TryLockError::Error(_)) => Ok(Held(None)),
    }
}

/// Whether a model can be called so: its weights' file is.
///
/// # Errors
/// A sentence that names the flag.
pub fn name(name: &str) -> Result<(), TrainError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.len() <= LONGEST_NAME && name.chars().all(plain) {
        return Ok(());
    }
    Err(TrainError::Stopped(format!(
        "--name {name:?} cannot be a file's name everywhere: begin with a letter or a digit, go on \
         with those, “-”, “_” and “.”, {LONGEST_NAME} in all at most"
    )))
}

/// Whether the weights that a training begins with can be read and are of its
/// network.
///
/// # Errors
/// [`TrainError`], which names the file.
pub fn weights(config: &TrainConfig) -> Result<(), TrainError> {
    for path in config.from.iter().chain(&config.mean_with) {
        if let Some(bundle) = parent::manifest(path)
            && bundle.architecture != config.architecture
        {
            return Err(of_another(path, bundle.architecture, config));
        }
    }
    if let Some(path) = &config.from {
        let weights = beginning(config, path)?;
        if let Some(network) = Architecture::of(&weights)
            && network != config.architecture
        {
            return Err(of_another(path, network, config));
        }
        loaded(config, config.network(&Device::flex()), path, &weights)?;
    }
    Ok(())
}

fn of_another(path: &Path, network: Architecture, config: &TrainConfig) -> TrainError {
    let asked = config.architecture;
    TrainError::Stopped(format!(
        "{} is a {network}, and this training is of a {asked}: name the same with --arch, or \
         weights of a {asked} with --from",
        path.display()
    ))
}

/// Whether the photos of each side suffice for what each is for.
///
/// # Errors
/// A sentence that names the flag.
pub fn sides(sides: &Sides, config: &TrainConfig) -> Result<(), TrainError> {
    taught(sides, config)?;
    let referable = |record: &&Record| record.grade >= REFERABLE_FROM;
    let diseased = sides.validation.iter().filter(referable).count();
    let healthy = sides.validation.len() - diseased;
    if diseased == 0 || healthy == 0 {
        let remedy = if config.split.is_some() {
            "divide the photos by another --split, or draw one with --validation"
        } else {
            "raise --validation, or name photos that have both with --data"
        };
        return Err(TrainError::Stopped(format!(
            "validation has {} of grade {REFERABLE_FROM} or above and {healthy} \
             below, and a line between the two takes both: {remedy}, with a fresh --out",
            counted(diseased, "photo")
        )));
    }
    Ok(())
}

/// Whether there is something to learn from the photos to train on.
///
/// # Errors
/// A sentence that names the flag.
pub fn taught(sides: &Sides, config: &TrainConfig) -> Result<(), TrainError> {
    let stopped = |sentence: String| Err(TrainError::Stopped(sentence));
    let trained_on = sides.train.len();
    if trained_on < 2 {
        let share = config.share;
        return stopped(if share < 1.0 {
            format!(
                "--share {share} leaves {} to train on; raise it",
                counted(trained_on, "photo")
            )
        } else {
            format!("too few photos to train on ({trained_on}); name more with --data")
        });
    }
    let grades = grade_counts(&sides.train);
    if let Some(only) = grades.iter().position(|&photos| photos == trained_on) {
        return stopped(format!(
            "all {trained_on} photos to train on have grade {only}: there is nothing to tell \
             apart; add photos of other grades with --data"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{self, Precision};
    use crate::training::config::EARLIER;

    #[test]
    fn a_folder_is_held_by_one_training_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = hold(folder.path()).unwrap();
        let said = hold(folder.path()).err().map(|error| error.to_string());
        assert!(said.is_some_and(|said| said.contains("another training is under way")));
        drop(first);
        assert!(hold(folder.path()).is_ok());
    }

    #[test]
    fn weights_of_another_network_are_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resnet.safetensors");
        let network = Architecture::ResNet34.init(1000, 64, &Device::flex());
        let bytes = network::state_dict(&network).to_safetensors(Precision::Half);
        std::fs::write(&path, bytes.unwrap()).unwrap();
        let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        config.from = Some(path);
        for asked in [Architecture::ResNet18, Architecture::Pratt2016] {
            config.architecture = asked;
            let said = weights(&config).unwrap_err().to_string();
            let told =
                format!("resnet.safetensors is a resnet34, and this training is of a {asked}");
            assert!(said.contains(&told) && said.contains("--arch"), "{said}");
        }
        config.architecture = Architecture::ResNet34;
        weights(&config).unwrap();
    }

    #[test]
    fn a_name_that_is_no_files_name_is_refused() {
        for good in ["tiny", "fovea-resnet18", "tl-050-seed1", "v1.2_b"] {
            name(good).unwrap();
        }
        let long = "a".repeat(LONGEST_NAME + 1);
        for bad in ["", "a/b ../x", ".hidden", "-x", "größe", long.as_str()] {
            let said = name(bad).unwrap_err().to_string();
            assert!(said.contains("--name"), "{said}");
        }
    }
}
