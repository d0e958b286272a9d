//! From the best network of a training to its bundle.

use std::path::PathBuf;

use burn::tensor::Device;

use super::{Destination, TrainError};
use crate::bundle::{DataSource, Training};
use crate::network::{self, Classifier, Views};
use crate::training::album::{self, Album};
use crate::training::batches::Example;
use crate::training::config::TrainConfig;
use crate::training::dataset::Record;
use crate::training::doubt::{self, Looked};
use crate::training::edema::{self, Labelled, Pupil, Taught};
use crate::training::export::{self, Description};
use crate::training::settle::{self, Wanted};
use crate::training::{opinions, predict, recipe, split, terms};

/// Calibrates the best network, measures it and writes the bundle.
pub(super) fn finish(
    config: &TrainConfig,
    destination: &Destination<'_>,
    album: &Album<'_>,
    best: &Classifier,
    device: &Device,
) -> Result<PathBuf, TrainError> {
    let stopped = TrainError::Stopped;
    // What will run: the weights as half precision leaves them.
    let full = network::state_dict(best);
    let weights = full.clone().rounded_to_half();
    let network = config.network(device);
    let network = network::load(network, &weights)
        .map_err(|e| stopped(e.to_string()))?
        .folded();
    let validation = album.validation_at_full_size()?;
    let views = Views::of(config.test_time_flips);
    let looked = look(&network, &validation, album, views, device);
    let settled = settle::settle(
        &looked,
        Wanted {
            objective: config.objective,
            views,
            coverage: doubt::COVERAGE,
            command: destination.command,
        },
        &|sentence| album.watch.say(sentence),
    )
    .map_err(stopped)?;
    let mut calibrated = settled.calibrated;
    let probabilities: Vec<Vec<f64>> = settled
        .outputs
        .iter()
        .map(|row| calibrated.calibration.probabilities(row))
        .collect();
    match teach_edema(&network, views, album, destination.command, device)? {
        Ok(taught) => calibrated.edema = taught,
        Err(reason) => album
            .watch
            .say(&format!("macular oedema is not assessed: {reason}")),
    }
    let description = Description {
        name: destination.name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        training: Training {
            data: sources(album.train),
            initial_weights: terms::of_weights(config.from.as_deref(), &config.mean_with),
            taught_by: album.teachers.clone(),
            recipe: recipe::sentence(config),
            command: destination.command.to_owned(),
            seed: config.seed,
        },
    };
    let (path, manifest) = export::write(
        destination.out,
        description,
        config,
        &full,
        calibrated,
        settled.figures,
    )
    .map_err(stopped)?;
    opinions::write(
        &destination.out.join(opinions::FILE),
        album.validation,
        &probabilities,
        &terms::of_model(&manifest),
    )
    .map_err(stopped)?;
    Ok(path)
}

/// What the best network gives for each validation photo, as it is and looked at
/// again.
fn look(
    network: &Classifier,
    validation: &[Example],
    album: &Album<'_>,
    views: Views,
    device: &Device,
) -> Vec<Looked> {
    let settings = &album.config.preprocessing;
    let pictures = album::pictures(validation);
    let done = |done| album.watch.advance(done);
    album
        .watch
        .stage("Looking at validation photos", pictures.len());
    let first = predict::outputs(network, &pictures, settings, views, device, &done);
    album.watch.stage("Looking again", pictures.len());
    let further = predict::further(network, &pictures, settings, device, &done);
    let patients = split::patients(album.validation);
    album
        .validation
        .iter()
        .zip(patients)
        .zip(first.into_iter().zip(further))
        .map(|((record, patient), (first, further))| Looked {
            dataset: record.dataset.clone(),
            grade: record.grade,
            patient,
            first,
            further,
        })
        .collect()
}

/// A head for the risk of macular oedema, where photos are labelled with it: none
/// where no photo is, and a reason where too few are.
///
/// # Errors
/// [`TrainError::Photos`] where one of them is gone.
fn teach_edema(
    network: &Classifier,
    views: Views,
    album: &Album<'_>,
    command: &str,
    device: &Device,
) -> Result<Result<Option<Taught>, String>, TrainError> {
    let train = edema::labelled(album.train);
    let validation = edema::labelled(album.validation);
    if train.is_empty() {
        return Ok(Ok(None));
    }
    if let Err(reason) = edema::enough(&train, &validation) {
        return Ok(Err(reason));
    }
    let prepared = |records: &[Record], what: &str| {
        let pictures = album.at_full_size(records, what);
        let pictures = pictures?;
        Ok::<_, TrainError>(Labelled::of(records, pictures))
    };
    let train = prepared(&train, "labelled training")?;
    let validation = prepared(&validation, "labelled validation")?;
    let pupil = Pupil {
        network,
        settings: &album.config.preprocessing,
        views,
        device,
    };
    let taught = edema::teach(&pupil, &train, &validation, command, album.watch);
    Ok(taught.map(Some))
}

fn sources(records: &[Record]) -> Vec<DataSource> {
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
