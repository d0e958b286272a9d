//! What a study does, saved in its folder so that every job and every rerun
//! does the same.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::grid::{Arm, Cell, Grid, Start};
use crate::quoted::quoted;
use crate::training::TrainConfig;
use crate::training::export::write_whole;

/// The file's name in a study's folder.
pub const FILE: &str = "plan.json";
/// The split's, which every run shares.
pub const SPLIT: &str = "split.csv";

/// Which photos the figures are of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestPhotos {
    /// Drawn from all photos, with validation.
    #[default]
    Drawn,
    /// Those that the data set's authors set apart (MedMNIST).
    PublishedPart,
}

/// A whole study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub grid: Grid,
    /// How TL is trained on all photos; every other run follows from it. Its
    /// seed draws the split.
    pub transfer: TrainConfig,
    #[serde(default)]
    pub test_photos: TestPhotos,
}

impl Plan {
    /// # Errors
    /// A sentence that names the flag.
    pub fn validate(&self) -> Result<(), String> {
        self.grid.validate()?;
        if self.transfer.from.is_none() {
            return Err("--from must name ImageNet weights: TL starts from them".to_owned());
        }
        if self.transfer.epochs == 0 {
            return Err("--epochs must be at least 1: Ref learns nothing otherwise".to_owned());
        }
        if self.transfer.test <= 0.0 {
            return Err("--test must be above 0: the figures are of test photos".to_owned());
        }
        self.transfer.validate()
    }

    /// The configuration of one run of the study in `out`.
    pub fn config(&self, cell: Cell, out: &Path) -> TrainConfig {
        let all = TrainConfig {
            seed: cell.seed,
            split: Some(out.join(SPLIT)),
            ..self.transfer.clone()
        };
        match cell.arm {
            Arm::Preset(preset) => preset.config(&all),
            Arm::Grid { start, percent } => {
                let share = f64::from(percent) / 100.0;
                match start {
                    Start::Tl => TrainConfig { share, ..all },
                    // Slower early layers keep what ImageNet taught them; where
                    // there is nothing to keep they only slow the learning down.
                    Start::Ref => TrainConfig {
                        share,
                        from: None,
                        head_epochs: 0,
                        discrimination: 1.0,
                        ..all
                    },
                }
            }
        }
    }

    /// The plan saved in `out`, if there is one.
    ///
    /// # Errors
    /// A sentence naming the file.
    pub fn read(out: &Path) -> Result<Option<Self>, String> {
        let path = out.join(FILE);
        let json = match std::fs::read(&path) {
            Ok(json) => json,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        serde_json::from_slice(&json)
            .map(Some)
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Whether this is `other` with more runs: what `other` has done stands.
    fn grows_from(&self, other: &Self) -> bool {
        let (mine, its) = (&self.grid, &other.grid);
        (&self.transfer, self.test_photos) == (&other.transfer, other.test_photos)
            && mine.seeds >= its.seeds
            && its.percents.iter().all(|p| mine.percents.contains(p))
            && its.presets.iter().all(|p| mine.presets.contains(p))
    }

    /// Saves the plan in `out`, or makes sure that the one there is the same or
    /// has fewer runs.
    ///
    /// # Errors
    /// A sentence naming the file and the fix.
    pub fn keep(&self, out: &Path) -> Result<(), String> {
        match Self::read(out)? {
            Some(there) if there == *self => Ok(()),
            Some(there) if !self.grows_from(&there) => Err(format!(
                "{} is of another study than these flags describe; leave the flags out to go on \
                 with it (`fovea study --out {}`), or choose another --out",
                out.join(FILE).display(),
                quoted(out)
            )),
            _ => {
                std::fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
                let json = serde_json::to_vec_pretty(self).map_err(|e| e.to_string())?;
                // Jobs of one array write the same bytes at the same time.
                write_whole(&out.join(FILE), &json).or_else(|fault| {
                    let there = Self::read(out)?;
                    if there.as_ref() == Some(self) {
                        Ok(())
                    } else {
                        Err(fault)
                    }
                })
            }
        }
    }
}
