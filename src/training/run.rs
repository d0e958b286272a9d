//! A whole training, from folders of photos to a bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use image::RgbImage;

use super::batches::Example;
use super::checkpoint::Checkpoints;
use super::config::TrainConfig;
use super::dataset::{self, Record};
use super::export::{self, Description, Measured};
use super::finetune::{self, EpochFigures, Finetune, Outcome, Progress, Validation};
use super::split::{self, Fractions, Split};
use super::{duplicates, head, pictures, predict, terms, weights_file};
use crate::bundle::Training;
use crate::grading::Grade;
use crate::network::{self, ResNet};

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
    #[error("{} of the photos cannot be used:\n{}", .0.len(), list(.0))]
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
        "stopped; go on from the last whole epoch with `fovea train --resume --out {}`",
        .0.display()
    )]
    Interrupted(PathBuf),
    #[error("{0}")]
    Stopped(String),
}

fn list(rejected: &[pictures::Rejected]) -> String {
    rejected
        .iter()
        .map(|photo| format!("  {}: {}", photo.path.display(), photo.reason))
        .collect::<Vec<_>>()
        .join("\n")
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
    fn epoch(&self, figures: &EpochFigures);
    /// Whether the training should stop at the next step.
    fn stop(&self) -> bool;
}

/// Trains as `config` says and writes bundle, split, configuration and history
/// into `out`; `command` is what to type to repeat it; `resume` goes on from the
/// last checkpoint there. Returns the manifest's path.
///
/// # Errors
/// [`TrainError`]; what was already written stays.
pub fn run(
    config: &TrainConfig,
    name: &str,
    out: &Path,
    command: &str,
    device: &Device,
    resume: bool,
    watch: &dyn Watch,
) -> Result<PathBuf, TrainError> {
    let stopped = TrainError::Stopped;
    let checkpoints = Checkpoints::of(out);
    match (resume, checkpoints.any()) {
        (false, true) => return Err(TrainError::Unfinished(out.to_owned())),
        (true, false) => return Err(TrainError::NothingToResume(out.to_owned())),
        _ => {}
    }
    std::fs::create_dir_all(out).map_err(|error| stopped(format!("{}: {error}", out.display())))?;
    let json = serde_json::to_vec_pretty(config).map_err(|e| stopped(e.to_string()))?;
    export::write_whole(&out.join("config.json"), &json).map_err(stopped)?;

    let mut records: Vec<Record> = Vec::new();
    for read in dataset::read_all(&config.data)? {
        watch.say(&format!(
            "{}: {} photos, by grade {:?}",
            read.name,
            read.records.len(),
            read.grade_counts()
        ));
        records.extend(read.records);
    }

    watch.stage("Looking for duplicates", records.len());
    let twins = duplicates::find(&records, |done| watch.advance(done))?;
    let groups = split::groups(&records, &twins.group);
    let split = Split::draw(
        &records,
        &groups,
        Fractions {
            train: 1.0 - config.validation - config.test,
            validation: config.validation,
            test: config.test,
        },
        config.seed,
    )?;
    split.write(&records, &out.join("split.csv"))?;
    // Two grades for one picture teach nothing; validation keeps them, as life does.
    let disputed: std::collections::HashSet<usize> =
        twins.conflicting.iter().flatten().copied().collect();
    let chosen: Vec<usize> = split
        .train
        .iter()
        .copied()
        .filter(|index| !disputed.contains(index))
        .collect();
    watch.say(&format!(
        "{} photos to train on ({} more left out: duplicates that disagree on the grade), \
         {} for validation, {} kept aside",
        chosen.len(),
        split.train.len() - chosen.len(),
        split.validation.len(),
        split.test.len()
    ));

    let (train, train_records) = prepare(&records, &chosen, config, "training", watch)?;
    let (kept, kept_records) = prepare(&records, &split.validation, config, "validation", watch)?;
    let grades = |records: &[Record]| records.iter().map(|r| r.grade).collect::<Vec<u8>>();
    let validation = Validation {
        pictures: kept,
        grades: grades(&kept_records),
    };

    let training_device = device.clone().autodiff();
    let network = if resume {
        config.architecture.init(Grade::ALL.len(), &training_device)
    } else {
        start(
            config,
            &train,
            &train_records,
            device,
            &training_device,
            watch,
        )?
    };

    let examples: Arc<Vec<Example>> =
        Arc::new(train.into_iter().zip(grades(&train_records)).collect());
    let mut fault = None;
    let finetune = Finetune {
        examples: &examples,
        validation: &validation,
        config,
        device: &training_device,
        checkpoints: &checkpoints,
        stop: &|| watch.stop(),
    };
    let outcome = finetune.run(network, &mut |progress| match progress {
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
                watch.epoch(newest);
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

    // Calibrate what will run: the weights as half precision leaves them.
    let weights = network::state_dict(&best).rounded_to_half();
    let network = network::load(config.architecture.init(Grade::ALL.len(), device), &weights)
        .map_err(|e| stopped(e.to_string()))?
        .folded();
    let (logits, _) = validation
        .measure(&network, config, device)
        .map_err(stopped)?;
    let measured = by_dataset(&kept_records, &logits);
    let (calibration, thresholds) =
        export::calibrate(&measured, &|sentence| watch.say(sentence)).map_err(stopped)?;
    let figures = measured
        .iter()
        .map(|part| export::figures(part, calibration.temperature))
        .collect::<Result<Vec<_>, _>>()
        .map_err(stopped)?;
    let description = Description {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        training: Training {
            data: sources(&train_records),
            initial_weights: terms::of_weights(config.from.as_deref()),
            recipe: recipe(config),
            command: command.to_owned(),
            seed: config.seed,
        },
    };
    let manifest = export::write(
        out,
        description,
        config,
        &weights,
        calibration,
        thresholds,
        figures,
    )
    .map_err(stopped)?;
    checkpoints.clear()?;
    Ok(manifest)
}

/// `history.json` with everything, `metrics.csv` for a spreadsheet or a plot.
fn write_history(out: &Path, history: &[EpochFigures]) -> Result<(), String> {
    let json = serde_json::to_vec_pretty(history).map_err(|e| e.to_string())?;
    export::write_whole(&out.join("history.json"), &json)?;
    let mut csv = String::from("epoch,training_loss,accuracy,kappa_quadratic,cross_entropy,best\n");
    for figures in history {
        let optional = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let m = &figures.validation;
        csv.push_str(&format!(
            "{},{},{},{},{},{}\n",
            figures.epoch,
            optional(figures.training_loss),
            m.accuracy,
            optional(m.kappa_quadratic),
            m.cross_entropy,
            figures.best
        ));
    }
    export::write_whole(&out.join("metrics.csv"), csv.as_bytes())
}

/// The network to fine-tune: loaded, and its new head trained on frozen features.
fn start(
    config: &TrainConfig,
    train: &[Arc<RgbImage>],
    records: &[Record],
    device: &Device,
    training_device: &Device,
    watch: &dyn Watch,
) -> Result<ResNet, TrainError> {
    let stopped = TrainError::Stopped;
    training_device.seed(config.seed);
    let classes = Grade::ALL.len();
    let network = config.architecture.init(classes, training_device);
    let Some(path) = &config.from else {
        return Ok(network);
    };
    let weights = weights_file::read(path)?;
    let unfit = |source| {
        TrainError::Weights(weights_file::WeightsFileError::Weights {
            path: path.clone(),
            source,
        })
    };
    let network = network::load_backbone(network, &weights).map_err(unfit)?;
    if config.head_epochs == 0 {
        return Ok(network);
    }
    let frozen = config.architecture.init(classes, device);
    let frozen = network::load_backbone(frozen, &weights)
        .map_err(unfit)?
        .folded();
    watch.stage("Computing features for the head", train.len());
    let rows = predict::features(&frozen, train, &config.preprocessing, device, &|done| {
        watch.advance(done);
    });
    let features = head::Features {
        rows,
        grades: records.iter().map(|r| r.grade).collect(),
    };
    let head = head::train(&features, classes, config, training_device).map_err(stopped)?;
    Ok(network.with_head(head))
}

type Prepared = (Vec<Arc<RgbImage>>, Vec<Record>);

fn prepare(
    records: &[Record],
    indices: &[usize],
    config: &TrainConfig,
    what: &str,
    watch: &dyn Watch,
) -> Result<Prepared, TrainError> {
    let chosen: Vec<Record> = indices.iter().map(|i| records[*i].clone()).collect();
    watch.stage(&format!("Preparing {what} photos"), chosen.len());
    let (pictures, rejected) =
        pictures::prepare(&chosen, &config.preprocessing, &|done| watch.advance(done));
    if !rejected.is_empty() {
        return Err(TrainError::Photos(rejected));
    }
    Ok((
        pictures.into_iter().flatten().map(Arc::new).collect(),
        chosen,
    ))
}

/// Validation logits, a dataset each, in the order the datasets first appear.
fn by_dataset(records: &[Record], logits: &[Vec<f64>]) -> Vec<Measured> {
    let mut parts: Vec<Measured> = Vec::new();
    for (record, row) in records.iter().zip(logits) {
        let at = parts
            .iter()
            .position(|part| part.dataset == record.dataset)
            .unwrap_or_else(|| {
                parts.push(Measured {
                    dataset: record.dataset.clone(),
                    logits: Vec::new(),
                    grades: Vec::new(),
                });
                parts.len() - 1
            });
        parts[at].logits.push(row.clone());
        parts[at].grades.push(record.grade);
    }
    parts
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

fn recipe(config: &TrainConfig) -> String {
    let start = if config.from.is_some() {
        format!(
            "new head alone for {} epochs on frozen features, then ",
            config.head_epochs
        )
    } else {
        "random weights, ".to_owned()
    };
    format!(
        "{start}the whole {} for {} epochs at {} px: AdamW, one cycle to {:e}, \
         discriminative rates ({} a group), batches of {}, label smoothing {}, random flips, \
         rotation, zoom, exposure and colour; best epoch by quadratic kappa on validation",
        config.architecture,
        config.epochs,
        config.preprocessing.size,
        config.learning_rate,
        config.discrimination,
        config.batch,
        config.label_smoothing
    )
}
