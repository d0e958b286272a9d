//! Why a training stops before its end.

use std::path::PathBuf;

use crate::quoted::quoted;
use crate::training::{checkpoint, dataset, duplicates, finetune, pictures, split, weights_file};

/// Why a training stopped; every kind names what to do.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Data(#[from] dataset::DatasetError),
    #[error(transparent)]
    Unreadable(#[from] duplicates::UnreadableError),
    #[error(transparent)]
    Split(#[from] split::SplitError),
    #[error(transparent)]
    Weights(#[from] weights_file::WeightsFileError),
    #[error(transparent)]
    Photos(#[from] pictures::Unprepared),
    #[error(transparent)]
    Finetune(#[from] finetune::FinetuneError),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::CheckpointError),
    #[error(
        "{}: holds an unfinished training; go on with `fovea train --resume --out {}`, \
         or choose another --out",
        .0.display(), quoted(.0)
    )]
    Unfinished(PathBuf),
    #[error(
        "{}: no unfinished training to resume; name the folder of one with --out, or leave \
         --resume out to begin",
        .0.display()
    )]
    NothingToResume(PathBuf),
    #[error("{}: holds a finished model; nothing is left to resume", .0.display())]
    Done(PathBuf),
    #[error(
        "{}: holds a finished model, whose records another training would replace; choose another \
         --out, or delete the folder first",
        .0.display()
    )]
    Finished(PathBuf),
    #[error(
        "stopped; go on from the last whole epoch with `fovea train --resume --out {}`",
        quoted(.0)
    )]
    Interrupted(PathBuf),
    #[error("{0}")]
    Stopped(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_typed_can_be() {
        for error in [TrainError::Unfinished, TrainError::Interrupted] {
            let words = error("my runs/first".into()).to_string();
            let typed = "`fovea train --resume --out 'my runs/first'`";
            assert!(words.contains(typed), "{words}");
        }
    }
}
