//! Why a training stops before its end.

use std::path::PathBuf;

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
        .0.display(), .0.display()
    )]
    Unfinished(PathBuf),
    #[error(
        "{}: no unfinished training to resume; name the folder of one with --out, or leave \
         --resume out to begin",
        .0.display()
    )]
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
