//! `log.jsonl`: one JSON object a step and one an epoch, for whoever plots or
//! watches a training with tools of their own.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::finetune::EpochFigures;

/// The file's name in a run's folder.
pub const FILE: &str = "log.jsonl";

/// Appends to a run's log.
pub struct Journal {
    path: PathBuf,
    start: Instant,
    /// Seconds that the training took before it was gone on with.
    before: f64,
}

/// One step of an epoch.
#[derive(Debug, Serialize)]
pub struct Step {
    pub epoch: usize,
    pub step: usize,
    /// Of this batch alone.
    pub loss: f64,
    /// Of the last layer, the highest.
    pub learning_rate: f64,
    /// Side of the pictures, in pixels.
    pub size: u32,
}

impl Journal {
    /// Opens the log in `out`, keeping of an earlier one the lines of the first
    /// `epochs` epochs: a resumed training writes the others again.
    ///
    /// # Errors
    /// A sentence naming the file.
    pub fn open(out: &Path, epochs: Option<usize>) -> Result<Self, String> {
        let path = out.join(FILE);
        let earlier = std::fs::read_to_string(&path).unwrap_or_default();
        let mut before = 0.0;
        let mut kept = String::new();
        for line in earlier.lines() {
            let value: Value = serde_json::from_str(line).unwrap_or_default();
            let epoch = value["epoch"].as_u64();
            if epoch.zip(epochs).is_some_and(|(a, b)| a <= b as u64) {
                kept.extend([line, "\n"]);
                before = value["seconds"].as_f64().unwrap_or(before);
            }
        }
        super::export::write_whole(&path, kept.as_bytes())?;
        Ok(Self {
            path,
            start: Instant::now(),
            before,
        })
    }

    fn seconds(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }

    /// # Errors
    /// A sentence naming the file.
    pub fn step(&self, step: &Step) -> Result<(), String> {
        self.append(&serde_json::json!({
            "kind": "step",
            "epoch": step.epoch,
            "step": step.step,
            "loss": step.loss,
            "learning_rate": step.learning_rate,
            "size": step.size,
            "seconds": self.seconds(),
        }))
    }

    /// # Errors
    /// A sentence naming the file.
    pub fn epoch(&self, figures: &EpochFigures) -> Result<(), String> {
        let mut line = serde_json::to_value(figures).map_err(|e| e.to_string())?;
        line["kind"] = "epoch".into();
        line["seconds"] = self.seconds().into();
        self.append(&line)
    }

    fn append(&self, line: &Value) -> Result<(), String> {
        // Opened each time: a log moved away costs lines, not the training.
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .and_then(|mut file| writeln!(file, "{line}"))
            .map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(epoch: usize, step: usize) -> Step {
        Step {
            epoch,
            step,
            loss: 1.0,
            learning_rate: 1e-3,
            size: 32,
        }
    }

    /// A line of the log as if it were an hour later.
    fn later(line: &str) -> String {
        let mut value: Value = serde_json::from_str(line).unwrap();
        value["seconds"] = 3600.0.into();
        format!("{value}\n")
    }

    #[test]
    fn a_resumed_log_holds_each_step_once() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), None).unwrap();
        for (epoch, number) in [(1, 1), (1, 2), (2, 1)] {
            journal.step(&step(epoch, number)).unwrap();
        }
        let log = folder.path().join(FILE);
        let later_on = std::fs::read_to_string(&log)
            .unwrap()
            .lines()
            .map(later)
            .collect::<String>();
        std::fs::write(&log, later_on).unwrap();
        let resumed = Journal::open(folder.path(), Some(1)).unwrap();
        resumed.step(&step(2, 1)).unwrap();
        resumed.step(&step(2, 2)).unwrap();
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        let seen: Vec<(u64, u64)> = text
            .lines()
            .map(|line| {
                let value: Value = serde_json::from_str(line).unwrap();
                (
                    value["epoch"].as_u64().unwrap(),
                    value["step"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(seen, [(1, 1), (1, 2), (2, 1), (2, 2)]);
        let took: Vec<f64> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["seconds"]
                    .as_f64()
                    .unwrap()
            })
            .collect();
        assert!(
            took.is_sorted() && took[2] >= 3600.0,
            "time goes on: {took:?}"
        );
    }

    #[test]
    fn a_new_run_begins_a_new_log() {
        let folder = tempfile::tempdir().unwrap();
        Journal::open(folder.path(), None)
            .unwrap()
            .step(&step(1, 1))
            .unwrap();
        Journal::open(folder.path(), None).unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.path().join(FILE)).unwrap(),
            ""
        );
    }
}
