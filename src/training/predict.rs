//! Outputs and features of many prepared pictures, in batches, without gradients.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::picture::Picture;
use crate::bundle::Manifest;
use crate::network::{Classifier, Views};
use crate::photo::{self, LOOKS, Preprocessing};

/// Large enough to fill the cores, small enough to stay in memory at 512 px.
const BATCH: usize = 16;

/// Outputs of every picture, in order, before calibration. `network` must be in
/// inference mode.
pub fn outputs(
    network: &Classifier,
    pictures: &[Picture],
    settings: &Preprocessing,
    views: Views,
    device: &Device,
    done: &dyn Fn(usize),
) -> Vec<Vec<f32>> {
    run(pictures, settings, device, done, |batch| {
        views.forward(network, batch)
    })
}

/// Pooled features of every picture: what the last layer sees.
pub fn features(
    network: &Classifier,
    pictures: &[Picture],
    settings: &Preprocessing,
    device: &Device,
    done: &dyn Fn(usize),
) -> Vec<Vec<f32>> {
    run(pictures, settings, device, done, |batch| {
        network.penultimate(batch)
    })
}

/// Outputs of further looks at every picture (see [`photo::looks`]): for each
/// picture a row a look.
pub fn further(
    network: &Classifier,
    pictures: &[Picture],
    settings: &Preprocessing,
    device: &Device,
    done: &dyn Fn(usize),
) -> Vec<Vec<Vec<f32>>> {
    let mut rows = Vec::with_capacity(pictures.len());
    // A few pictures at a time: all looks at once might not fit into memory.
    for chunk in pictures.chunks(BATCH) {
        let looks: Vec<[Picture; LOOKS]> = chunk
            .par_iter()
            .map(|picture| photo::looks(&picture.pixels()).map(Picture::from))
            .collect();
        let outputs = outputs(
            network,
            &looks.concat(),
            settings,
            Views::One,
            device,
            &|_| {},
        );
        rows.extend(outputs.chunks(LOOKS).map(<[Vec<f32>]>::to_vec));
        done(rows.len());
    }
    rows
}

/// Which photos the grader looks at again: those whose first answer is not clear,
/// where the bundle learnt what is.
pub fn unclear(manifest: &Manifest, first: &[Vec<f32>]) -> Vec<usize> {
    let Some(doubt) = &manifest.doubt else {
        return Vec::new();
    };
    let threshold = manifest.thresholds.referable.threshold;
    let again = |outputs: &[f32]| {
        doubt.looks_again(&manifest.calibration.probabilities(outputs), threshold)
    };
    (0..first.len())
        .filter(|photo| again(&first[*photo]))
        .collect()
}

/// As [`further`], of the pictures `which` names alone: the others have no row.
pub fn again(
    network: &Classifier,
    pictures: &[Picture],
    which: &[usize],
    settings: &Preprocessing,
    device: &Device,
    done: &dyn Fn(usize),
) -> Vec<Vec<Vec<f32>>> {
    let named: Vec<Picture> = which.iter().map(|photo| pictures[*photo].clone()).collect();
    let mut all = vec![Vec::new(); pictures.len()];
    let rows = further(network, &named, settings, device, done);
    for (photo, looks) in which.iter().zip(rows) {
        all[*photo] = looks;
    }
    all
}

fn run(
    pictures: &[Picture],
    settings: &Preprocessing,
    device: &Device,
    done: &dyn Fn(usize),
    forward: impl Fn(Tensor<4>) -> Tensor<2>,
) -> Vec<Vec<f32>> {
    let size = settings.size as usize;
    let mut rows = Vec::with_capacity(pictures.len());
    for chunk in pictures.chunks(BATCH) {
        let planes: Vec<Vec<f32>> = chunk
            .par_iter()
            .map(|picture| photo::to_tensor(&picture.pixels(), settings))
            .collect();
        let data = TensorData::new(planes.concat(), [chunk.len(), 3, size, size]);
        let output = forward(Tensor::from_data(data, device));
        let columns = output.dims()[1];
        let values: Vec<f32> = output.into_data().convert::<f32>().iter::<f32>().collect();
        rows.extend(values.chunks(columns).map(<[f32]>::to_vec));
        done(rows.len());
    }
    rows
}
