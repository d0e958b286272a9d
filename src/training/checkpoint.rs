//! A training's state after an epoch, from which it goes on as if it had never
//! stopped. Written whole or not at all: a folder is filled under another name
//! and renamed, and the one before is deleted only then.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::Bytes;

use super::finetune::EpochFigures;
use crate::bundle::sha256_hex;
use crate::network::{Classifier, Precision, StateDict};

const NETWORK: &str = "network.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const HISTORY: &str = "history.json";
const AVERAGE: &str = "average.safetensors";
const BEST: &str = "best.safetensors";
/// The other files' names and their SHA-256, written last.
const SUMS: &str = "sha256.json";
const PREFIX: &str = "epoch-";
/// What a checkpoint is called that is none yet, or none any more.
const UNFINISHED: &str = "unfinished";

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("{}: {source}; {remedy}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
        remedy: &'static str,
    },
    #[error("{}: {reason}; {remedy}", path.display())]
    Damaged {
        path: PathBuf,
        reason: String,
        remedy: &'static str,
    },
}

/// The folder of a training's checkpoints.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

/// What a training goes on from.
pub struct Checkpoint {
    /// Epochs completed.
    pub epoch: usize,
    pub network: Classifier,
    pub optimizer: ModuleOptimizer,
    pub history: Vec<EpochFigures>,
    /// The mean of the weights, where the training keeps one.
    pub average: Option<StateDict>,
    /// The best epoch's weights; none before the first at the full size.
    pub best: Option<StateDict>,
}

/// What a checkpoint keeps of a training.
pub struct Saved<'a> {
    /// Epochs completed.
    pub epoch: usize,
    pub network: &'a Classifier,
    pub optimizer: &'a ModuleOptimizer,
    pub history: &'a [EpochFigures],
    pub average: Option<&'a StateDict>,
    pub best: Option<&'a StateDict>,
}

impl Checkpoints {
    /// The checkpoints of the run that writes into `out`.
    pub fn of(out: &Path) -> Self {
        Self {
            folder: out.join("checkpoints"),
        }
    }

    /// Saves the state after an epoch and deletes those before it.
    ///
    /// # Errors
    /// [`CheckpointError::Io`]; the checkpoint before is then still there.
    pub fn save(&self, saved: &Saved<'_>) -> Result<(), CheckpointError> {
        let epoch = saved.epoch;
        let partial = self.folder.join(UNFINISHED);
        let target = self.folder.join(format!("{PREFIX}{epoch:04}"));
        let remedy = self.remedy();
        let io = |source| CheckpointError::Io {
            path: target.clone(),
            source,
            remedy,
        };
        let other = |reason: String| io(std::io::Error::other(reason));
        if partial.exists() {
            std::fs::remove_dir_all(&partial).map_err(io)?;
        }
        std::fs::create_dir_all(&partial).map_err(io)?;
        let bytes = |record: Result<Bytes, RecordError>| record.map_err(|e| other(e.to_string()));
        let sums = RefCell::new(BTreeMap::new());
        let put = |name: &'static str, bytes: &[u8]| {
            sums.borrow_mut().insert(name, sha256_hex(bytes));
            let file = std::fs::File::create(partial.join(name)).map_err(io)?;
            std::io::Write::write_all(&mut &file, bytes).map_err(io)?;
            file.sync_all().map_err(io)
        };
        put(
            NETWORK,
            &bytes(saved.network.clone().into_record().into_bytes())?,
        )?;
        put(OPTIMIZER, &bytes(saved.optimizer.into_bytes())?)?;
        let history = serde_json::to_vec(saved.history).map_err(|e| other(e.to_string()))?;
        put(HISTORY, &history)?;
        for (name, weights) in [(AVERAGE, saved.average), (BEST, saved.best)] {
            if let Some(weights) = weights {
                let bytes = weights
                    .to_safetensors(Precision::Full)
                    .map_err(|e| other(e.to_string()))?;
                put(name, &bytes)?;
            }
        }
        let listed = serde_json::to_vec(&*sums.borrow()).map_err(|e| other(e.to_string()))?;
        put(SUMS, &listed)?;
        if target.exists() {
            std::fs::remove_dir_all(&target).map_err(io)?;
        }
        std::fs::rename(&partial, &target).map_err(io)?;
        for (older, path) in self.list() {
            if older < epoch {
                self.discard(&path, |path| std::fs::remove_dir_all(path))
                    .map_err(io)?;
            }
        }
        Ok(())
    }

    /// The latest checkpoint, or `None` where no epoch was completed; `averages` is
    /// whether the training keeps a mean of its weights.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] where its files are not those that were written, or
    /// one is gone: what went on so would end as another model.
    pub fn load(
        &self,
        network: Classifier,
        optimizer: ModuleOptimizer,
        averages: bool,
    ) -> Result<Option<Checkpoint>, CheckpointError> {
        let mut all = self.list();
        all.sort();
        let Some((epoch, path)) = all.pop() else {
            return Ok(None);
        };
        // Where the training was stopped before it had deleted the one before.
        let remedy = if all.is_empty() {
            "it is the only one: delete the folder and begin again"
        } else {
            "delete the folder and go on from the one before it with --resume"
        };
        let damaged = |reason: String| CheckpointError::Damaged {
            path: path.clone(),
            reason,
            remedy,
        };
        let read_any = |name: &str| {
            std::fs::read(path.join(name)).map_err(|source| CheckpointError::Io {
                path: path.join(name),
                source,
                remedy: "check that it is there and that you may read it",
            })
        };
        // Programs before this one wrote none.
        let sums: BTreeMap<String, String> = match path.join(SUMS).exists() {
            true => serde_json::from_slice(&read_any(SUMS)?).map_err(|e| damaged(e.to_string()))?,
            false => BTreeMap::new(),
        };
        let read = |name: &str| {
            let bytes = read_any(name)?;
            match sums.get(name) {
                Some(sum) if *sum != sha256_hex(&bytes) => {
                    Err(damaged(format!("{name} is not what was written")))
                }
                _ => Ok(bytes),
            }
        };
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(read(NETWORK)?))
            .map_err(|e| damaged(e.to_string()))?;
        let network = network
            .try_load_record(record)
            .map_err(|e| damaged(e.to_string()))?;
        let optimizer = optimizer
            .from_bytes(Bytes::from_bytes_vec(read(OPTIMIZER)?))
            .map_err(|e| damaged(e.to_string()))?;
        let history: Vec<EpochFigures> =
            serde_json::from_slice(&read(HISTORY)?).map_err(|e| damaged(e.to_string()))?;
        let weights = |name: &str, expected: bool| {
            if !path.join(name).exists() {
                return match expected {
                    true => Err(damaged(format!("{name} is missing"))),
                    false => Ok(None),
                };
            }
            StateDict::from_safetensors(&read(name)?)
                .map(Some)
                .map_err(|e| damaged(e.to_string()))
        };
        Ok(Some(Checkpoint {
            epoch,
            network,
            optimizer,
            average: weights(AVERAGE, averages)?,
            best: weights(BEST, history.iter().any(|figures| figures.best))?,
            history,
        }))
    }

    /// Epochs behind the latest checkpoint, if there is one.
    pub fn epochs(&self) -> Option<usize> {
        self.list().into_iter().map(|(epoch, _)| epoch).max()
    }

    /// What to do where a training breaks off for what can be mended.
    pub fn remedy(&self) -> &'static str {
        if self.any() {
            "the last checkpoint is whole: mend this and go on with --resume"
        } else {
            "no epoch is saved yet: mend this and begin again"
        }
    }

    /// Whether an earlier run left something to go on from.
    pub fn any(&self) -> bool {
        !self.list().is_empty()
    }

    /// Deletes every checkpoint: the training is done.
    ///
    /// # Errors
    /// [`CheckpointError::Io`].
    pub fn clear(&self) -> Result<(), CheckpointError> {
        if !self.folder.exists() {
            return Ok(());
        }
        let delete = |path: &Path| std::fs::remove_dir_all(path);
        let mut each = self.list().into_iter();
        each.try_for_each(|(_, path)| self.discard(&path, delete))
            .and_then(|()| delete(&self.folder))
            .map_err(|source| CheckpointError::Io {
                path: self.folder.clone(),
                source,
                remedy: "the model is written: delete the folder yourself",
            })
    }

    /// Deletes a checkpoint, which is none from the first moment on: stopped half-way,
    /// it would be taken for one that is damaged.
    fn discard(
        &self,
        checkpoint: &Path,
        delete: impl Fn(&Path) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let gone = self.folder.join(UNFINISHED);
        if gone.exists() {
            delete(&gone)?;
        }
        std::fs::rename(checkpoint, &gone)?;
        delete(&gone)
    }

    fn list(&self) -> Vec<(usize, PathBuf)> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let epoch = name.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
                Some((epoch, entry.path()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use burn::tensor::Device;

    use super::*;
    use crate::evaluation::{Metrics, Predictions};
    use crate::network;
    use crate::training::config::{EARLIER, TrainConfig};

    /// Without its mean the training would go on with none, without its best epoch it
    /// would take the next for the best, and weights read back whatever their bits say.
    #[test]
    fn a_checkpoint_that_lost_a_file_or_a_bit_is_not_gone_on_with() {
        let config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        let network = config.network(&Device::flex());
        let optimizer = config.optimizer.init(config.weight_decay);
        let weights = network::state_dict(&network);
        let measured = Predictions::from_logits(&[vec![0.0; 5]], &[0]).unwrap();
        let history = [EpochFigures {
            epoch: 0,
            size: 64,
            training_loss: None,
            validation: Metrics::of(&measured),
            scaled_cross_entropy: None,
            best: true,
        }];
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(folder.path());
        let load = || checkpoints.load(network.clone(), optimizer.clone(), true);
        let save = || {
            let saved = Saved {
                epoch: 0,
                network: &network,
                optimizer: &optimizer,
                history: &history,
                average: Some(&weights),
                best: Some(&weights),
            };
            checkpoints.save(&saved).unwrap();
            load().unwrap().unwrap();
        };
        let written = folder.path().join("checkpoints/epoch-0000");
        for name in [NETWORK, OPTIMIZER, HISTORY, AVERAGE, BEST] {
            save();
            let mut bytes = std::fs::read(written.join(name)).unwrap();
            let middle = bytes.len() * 2 / 3;
            bytes[middle] ^= 1;
            std::fs::write(written.join(name), bytes).unwrap();
            let error = load().err().unwrap().to_string();
            assert!(
                error.contains(&format!("{name} is not what was written;")),
                "{error}"
            );
        }
        // One that a program before this one wrote is gone on with.
        save();
        std::fs::remove_file(written.join(SUMS)).unwrap();
        load().unwrap().unwrap();
        for lost in [AVERAGE, BEST] {
            save();
            std::fs::remove_file(written.join(lost)).unwrap();
            let error = load().err().unwrap().to_string();
            let only = format!("{lost} is missing; it is the only one: delete the folder");
            assert!(error.contains(&only), "{error}");
            let next = folder.path().join("checkpoints/epoch-0001");
            std::fs::create_dir(&next).unwrap();
            for file in std::fs::read_dir(&written).unwrap().map(Result::unwrap) {
                std::fs::copy(file.path(), next.join(file.file_name())).unwrap();
            }
            let error = load().err().unwrap().to_string();
            assert!(error.contains("go on from the one before it"), "{error}");
            std::fs::remove_dir_all(next).unwrap();
        }
    }

    #[test]
    fn a_checkpoint_that_is_half_deleted_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(folder.path());
        for epoch in ["epoch-0001", "epoch-0002"] {
            let epoch = checkpoints.folder.join(epoch);
            std::fs::create_dir_all(&epoch).unwrap();
            for file in [NETWORK, OPTIMIZER] {
                std::fs::write(epoch.join(file), "").unwrap();
            }
        }
        let killed = |path: &Path| {
            std::fs::remove_file(path.join(NETWORK))?;
            Err(std::io::Error::other("killed"))
        };
        let last = checkpoints.folder.join("epoch-0002");
        checkpoints.discard(&last, killed).unwrap_err();
        assert_eq!(checkpoints.epochs(), Some(1));
        // What is left of it is in nobody's way.
        checkpoints.clear().unwrap();
        assert!(!checkpoints.folder.exists());
    }

    #[test]
    fn figures_come_back_to_the_last_digit() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..10_000 {
            let figure: f64 = rng.random();
            let json = serde_json::to_vec(&figure).unwrap();
            let back: f64 = serde_json::from_slice(&json).unwrap();
            assert_eq!(back.to_bits(), figure.to_bits(), "{figure}");
        }
    }
}
