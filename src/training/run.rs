//! A whole training, from folders of photos to a bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use image::RgbImage;

use super::batches::Example;
use super::config::TrainConfig;
use super::dataset::{self, Record};
use super::export::{self, Description, Measured};
use super::finetune::{self, EpochFigures, Progress, Validation};
use super::split::{self, Fractions, Split};
use super::{duplicates, head, pictures, predict, terms, weights_file};
use crate::bundle::Training;
use crate::network::{self, Precision, ResNet};

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
}

/// Trains as `config` says and writes bundle, split, configuration and history
/// into `out`; `command` is what to type to repeat it. Returns the manifest's path.
///
/// # Errors
/// [`TrainError`]; what was already written stays.
pub fn run(
    config: &TrainConfig,
    name: &str,
    out: &Path,
    command: &str,
    device: &Device,
    watch: &dyn Watch,
) -> Result<PathBuf, TrainError> {
    let stopped = TrainError::Stopped;
    std::fs::create_dir_all(out).map_err(|error| stopped(format!("{}: {error}", out.display())))?;
    let json = serde_json::to_vec_pretty(config).map_err(|e| stopped(e.to_string()))?;
    export::write_whole(&out.join("config.json"), &json).map_err(stopped)?;

    let mut records: Vec<Record> = Vec::new();
    for dir in &config.data {
        let read = dataset::read(dir)?;
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
    let network = start(
        config,
        &train,
        &train_records,
        device,
        &training_device,
        watch,
    )?;

    let examples: Arc<Vec<Example>> =
        Arc::new(train.into_iter().zip(grades(&train_records)).collect());
    let history = std::cell::RefCell::new(Vec::<EpochFigures>::new());
    let mut fault = None;
    let outcome = finetune::run(
        network,
        &examples,
        &validation,
        config,
        &training_device,
        &mut |progress| match progress {
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
            Progress::Epoch(figures) => {
                watch.epoch(figures);
                history.borrow_mut().push(figures.clone());
                let json = serde_json::to_vec_pretty(&*history.borrow()).unwrap_or_default();
                if let Err(error) = export::write_whole(&out.join("history.json"), &json) {
                    fault = Some(error);
                }
            }
            Progress::Best(weights) => {
                let written = weights
                    .to_safetensors(Precision::Full)
                    .map_err(|e| e.to_string())
                    .and_then(|bytes| export::write_whole(&out.join("best.safetensors"), &bytes));
                if let Err(error) = written {
                    fault = Some(error);
                }
            }
        },
    )
    .map_err(stopped)?;
    if let Some(error) = fault {
        return Err(stopped(error));
    }

    // Calibrate what will run: the weights as half precision leaves them.
    let weights = network::state_dict(&outcome.network).rounded_to_half();
    let network = network::load(
        config
            .architecture
            .init(crate::grading::Grade::ALL.len(), device),
        &weights,
    )
    .map_err(|e| stopped(e.to_string()))?
    .folded();
    let (logits, _) = validation
        .measure(&network, config, device)
        .map_err(stopped)?;
    let measured = by_dataset(&kept_records, &logits);
    let (calibration, thresholds) = export::calibrate(&measured).map_err(stopped)?;
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
    export::write(
        out,
        description,
        config,
        &weights,
        calibration,
        thresholds,
        figures,
    )
    .map_err(stopped)
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
    let classes = crate::grading::Grade::ALL.len();
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
