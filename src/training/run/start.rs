//! What a training begins with: photos, opinions on them, and a network.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;

use super::{TrainError, Watch};
use crate::network::{self, Classifier, StateDict};
use crate::training::album::{self, Album, Sized};
use crate::training::config::TrainConfig;
use crate::training::opinions::Heard;
use crate::training::photos::Sides;
use crate::training::shelf::Shelf;
use crate::training::{head, predict, soup, weights_file};

/// The photos of both sides, with what others make of those to train on.
///
/// # Errors
/// [`TrainError::Stopped`] where opinions cannot be read, or are on none of them.
pub(super) fn album<'a>(
    config: &'a TrainConfig,
    sides: &'a Sides,
    shelf: &'a Shelf,
    watch: &'a dyn Watch,
) -> Result<Album<'a>, TrainError> {
    let (opinions, teachers) = match &config.opinions {
        None => (Vec::new(), Vec::new()),
        Some(asked) => {
            let Heard { opinions, teachers } =
                asked.read(&sides.train).map_err(TrainError::Stopped)?;
            let count = opinions.iter().flatten().count();
            watch.say(&format!(
                "second opinions on {count} of {} training photos",
                opinions.len()
            ));
            if count == 0 {
                return Err(TrainError::Stopped(
                    "--opinions: the files have no opinion on any of the training photos; name \
                     the predictions.csv of trainings on the same data sets, or what `fovea \
                     evaluate --part train --predictions` wrote of them"
                        .to_owned(),
                ));
            }
            (opinions, teachers)
        }
    };
    Ok(Album {
        train: &sides.train,
        validation: &sides.validation,
        opinions: Arc::new(opinions),
        teachers,
        config,
        shelf,
        watch,
    })
}

/// The network to fine-tune: loaded, and its new head trained on frozen features.
pub(super) fn network(
    album: &Album<'_>,
    photos: &Sized,
    device: &Device,
    training_device: &Device,
) -> Result<Classifier, TrainError> {
    let (config, watch) = (album.config, album.watch);
    let stopped = TrainError::Stopped;
    training_device.seed(config.seed);
    let network = config.network(training_device);
    let Some(path) = &config.from else {
        return Ok(network);
    };
    let weights = beginning(config, path)?;
    let network = loaded(config, network, path, &weights)?;
    if config.head_epochs == 0 {
        return Ok(network);
    }
    let frozen = loaded(config, config.network(device), path, &weights)?.folded();
    let unchanged = album.unchanged(photos)?;
    watch.stage("Computing features for the head", unchanged.len());
    let rows = predict::features(
        &frozen,
        &unchanged,
        &config.preprocessing_at(photos.size),
        device,
        &|done| watch.advance(done),
    );
    let features = head::Features {
        rows,
        grades: album::grades(&photos.train),
        opinions: &photos.opinions,
    };
    let head = head::train(&features, config, training_device).map_err(stopped)?;
    Ok(network.with_head(head))
}

/// The weights of `path`, or their mean with others, that a training begins with.
///
/// # Errors
/// [`TrainError::Weights`], which names the file that cannot be read.
pub(in crate::training) fn beginning(
    config: &TrainConfig,
    path: &Path,
) -> Result<StateDict, TrainError> {
    // A head beside the grades' belongs to the network it was taught on.
    let weights = soup::read(path, &config.mean_with)?;
    Ok(network::without_beside(&weights))
}

/// `network` with such weights: all of them where its head goes on from where it is,
/// else all but the head.
///
/// # Errors
/// [`TrainError`], which names the file where it is of another network.
pub(in crate::training) fn loaded(
    config: &TrainConfig,
    network: Classifier,
    path: &Path,
    weights: &StateDict,
) -> Result<Classifier, TrainError> {
    if config.trains_nothing() {
        return network::load(network, weights).map_err(|error| {
            TrainError::Stopped(format!(
                "{}: {error}. --epochs 0 with --head-epochs 0 calibrates a network that has \
                 such a head: name a bundle with --from, or leave one of the two out",
                path.display()
            ))
        });
    }
    let unfit = |source| {
        TrainError::Weights(weights_file::WeightsFileError::Weights {
            path: path.to_owned(),
            source,
        })
    };
    // A head of the right shape goes on from where it is.
    if config.head_epochs == 0
        && let Ok(network) = network::load(network.clone(), weights)
    {
        return Ok(network);
    }
    network::load_backbone(network, weights).map_err(unfit)
}
