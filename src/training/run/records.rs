//! What a run writes down beside its bundle: how it was begun, and what each epoch
//! came to.

use std::path::Path;

use super::{Destination, TrainError};
use crate::training::config::TrainConfig;
use crate::training::export;
use crate::training::finetune::EpochFigures;
use crate::training::photos::Photos;
use crate::training::split::Split;

/// The file of a run's configuration in its folder.
pub const CONFIG: &str = "config.json";
/// The file beside it with the name of the model.
const NAME: &str = "name.txt";
/// The file of a run's split in its folder.
pub const SPLIT: &str = "split.csv";

/// What to type to repeat the run: the command that began it, which lies beside
/// its configuration for the one that goes on.
pub(super) fn command(destination: &Destination<'_>, resume: bool) -> Result<String, TrainError> {
    let kept = destination.out.join("command.txt");
    if resume && let Ok(began) = std::fs::read_to_string(&kept) {
        return Ok(began.trim_end().to_owned());
    }
    let command = destination.command;
    export::write_whole(&kept, format!("{command}\n").as_bytes()).map_err(TrainError::Stopped)?;
    Ok(command.to_owned())
}

/// Writes name and configuration.
pub(super) fn begin(config: &TrainConfig, destination: &Destination<'_>) -> Result<(), TrainError> {
    let stopped = TrainError::Stopped;
    let Destination { name, out, .. } = destination;
    export::write_whole(&out.join(NAME), format!("{name}\n").as_bytes()).map_err(stopped)?;
    let json = serde_json::to_vec_pretty(config).map_err(|e| stopped(e.to_string()))?;
    export::write_whole(&out.join(CONFIG), &json).map_err(stopped)
}

/// Whether the photos are divided as they were when the run in `out` began. Where some
/// came or went, others change sides, and a photo that the network has learnt from would
/// choose its epoch and fix its lines.
///
/// # Errors
/// A sentence that says what to do.
pub(super) fn same_split(photos: &Photos, out: &Path) -> Result<(), TrainError> {
    let file = out.join(SPLIT);
    // By what it says: a spreadsheet program that saved it may write it otherwise.
    let began = Split::read(&photos.records, &file);
    if !file.exists() || began.is_ok_and(|began| began == photos.split) {
        return Ok(());
    }
    Err(TrainError::Stopped(format!(
        "{}: the photos are not those that this training began with, or are divided otherwise, \
         and some that it has learnt from might now be for validation; put photos, grades and \
         --split file back as they were, or begin anew with another --out",
        file.display()
    )))
}

/// The name of the model whose run saved the configuration at `config`; none where
/// only that file was kept.
pub fn name_beside(config: &Path) -> Option<String> {
    let name = std::fs::read_to_string(config.with_file_name(NAME)).ok()?;
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

/// `history.json` with everything, `metrics.csv` for a spreadsheet or a plot.
pub(super) fn write_history(out: &Path, history: &[EpochFigures]) -> Result<(), String> {
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
