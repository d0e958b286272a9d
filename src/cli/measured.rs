//! What a bundle makes of labelled photos: all of it that figures are taken from.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::Device;

use super::output;
use super::progress::bar;
use crate::bundle::{Bundle, Doubt, DoubtFigures, Figures, Manifest};
use crate::evaluation::bootstrap::Bootstrap;
use crate::evaluation::edema::EdemaEvaluation;
use crate::evaluation::{Metrics, Predictions, temperature};
use crate::grader::Grader;
use crate::network::Views;
use crate::training::dataset::{self, Record};
use crate::training::doubt::{self, Looked, Rules};
use crate::training::doubt_figures;
use crate::training::picture::{Picture, Room};
use crate::training::split::{self, Part, Split};
use crate::training::{pictures, predict};

/// The photos to measure.
pub struct Photos {
    /// Name of the data sets together.
    pub name: String,
    /// Their names one by one.
    pub datasets: Vec<String>,
    pub records: Vec<Record>,
}

/// What one bundle makes of them.
pub struct Measured {
    pub manifest: Manifest,
    pub grader: Grader,
    /// Indices of the records that could be prepared.
    pub used: Vec<usize>,
    pub pictures: Vec<Picture>,
    /// As the network gives them for the first look at each photo.
    first: Vec<Vec<f32>>,
    /// For each photo a row a further look; none where the first was clear.
    further: Vec<Vec<Vec<f32>>>,
    /// Of what is answered.
    pub logits: Vec<Vec<f64>>,
}

/// What a model knows of when to doubt.
pub fn doubt_of(manifest: &Manifest) -> Result<&Doubt> {
    manifest.doubt.as_ref().with_context(|| {
        format!(
            "{} has not learnt when to doubt; teach it with `fovea doubt fit`",
            manifest.id()
        )
    })
}

/// Reads every photo of `folders`, or those on one side of a split.
pub fn read(folders: &[PathBuf], side: Option<(&Path, Part)>) -> Result<Photos> {
    let read = dataset::read_all(folders)?;
    for set in &read {
        for sentence in set.left_out() {
            output::aside(format_args!("{}: {sentence}", set.name));
        }
    }
    let datasets: Vec<String> = read.iter().map(|d| d.name.clone()).collect();
    let mut records: Vec<Record> = read.into_iter().flat_map(|d| d.records).collect();
    let mut name = datasets.join(", ");
    if let Some((file, part)) = side {
        let split = Split::read(&records, file)?;
        name = format!("{name} ({})", part.name());
        records = split
            .part(part)
            .iter()
            .map(|index| records[*index].clone())
            .collect();
    }
    if records.is_empty() {
        bail!("there is no photo to measure; check --data, --split and --part");
    }
    Ok(Photos {
        name,
        datasets,
        records,
    })
}

/// Prepares and grades the photos; says which could not be prepared.
pub fn measure(bundle: &Bundle, photos: &Photos) -> Result<Measured> {
    let settings = &bundle.manifest.preprocessing;
    let progress = bar("Preparing", photos.records.len());
    let room = Room::new(None);
    let (prepared, rejected) = pictures::prepare(&photos.records, settings, &room, &|done| {
        progress.set_position(done as u64);
    })
    .map_err(|reason| anyhow!(reason))?;
    progress.finish_and_clear();
    for photo in &rejected {
        output::aside(format_args!(
            "{}: left out: {}",
            photo.path.display(),
            photo.reason
        ));
    }
    let (used, pictures): (Vec<usize>, Vec<Picture>) = prepared
        .into_iter()
        .enumerate()
        .filter_map(|(index, picture)| Some((index, picture?)))
        .unzip();
    let device = Device::flex();
    let grader = Grader::new(bundle, device.clone(), "cpu")?;
    let progress = bar("Grading", pictures.len());
    let views = Views::of(bundle.manifest.test_time_flips);
    let first = predict::outputs(
        grader.network(),
        &pictures,
        settings,
        views,
        &device,
        &|done| progress.set_position(done as u64),
    );
    progress.finish_and_clear();
    let unclear = predict::unclear(&bundle.manifest, &first);
    let progress = bar("Looking again", unclear.len());
    let further = predict::again(
        grader.network(),
        &pictures,
        &unclear,
        settings,
        &device,
        &|done| progress.set_position(done as u64),
    );
    progress.finish_and_clear();
    let calibration = &bundle.manifest.calibration;
    Ok(Measured {
        manifest: bundle.manifest.clone(),
        grader,
        used,
        pictures,
        logits: std::iter::zip(&first, &further)
            .map(|(first, further)| calibration.logits(&views.mean(first, further)))
            .collect(),
        first,
        further,
    })
}

impl Measured {
    pub fn grades(&self, photos: &Photos) -> Vec<u8> {
        self.used.iter().map(|i| photos.records[*i].grade).collect()
    }

    /// The photos that could be prepared.
    pub fn records<'a>(&self, photos: &'a Photos) -> Vec<&'a Record> {
        self.used.iter().map(|i| &photos.records[*i]).collect()
    }

    pub fn patients(&self, photos: &Photos) -> Vec<usize> {
        let all = split::patients(&photos.records);
        self.used.iter().map(|i| all[*i]).collect()
    }

    /// The main figures of each data set alone, where there are several.
    pub fn by_dataset(&self, photos: &Photos) -> Result<Vec<Figures>> {
        if photos.datasets.len() < 2 {
            return Ok(Vec::new());
        }
        let all = self.predictions(photos)?;
        let records = self.records(photos);
        let mut sets = Vec::new();
        for dataset in &photos.datasets {
            let (rows, grades): (Vec<Vec<f64>>, Vec<u8>) = records
                .iter()
                .zip(all.probabilities())
                .filter(|(record, _)| record.dataset == *dataset)
                .map(|(record, row)| (row.clone(), record.grade))
                .unzip();
            if rows.is_empty() {
                continue;
            }
            let metrics = Metrics::of(&Predictions::from_probabilities(&rows, &grades)?);
            sets.push(Figures {
                dataset: dataset.clone(),
                n: grades.len(),
                accuracy: metrics.accuracy,
                kappa_quadratic: metrics.kappa_quadratic,
                cross_entropy: metrics.cross_entropy,
                referable_auc: metrics.referable_auc,
                ece: metrics.ece,
                ece_if_calibrated: None,
            });
        }
        Ok(sets)
    }

    /// What the bundle's doubt gains on these photos, a dataset each.
    pub fn doubt(&self, photos: &Photos) -> Result<Vec<DoubtFigures>> {
        let manifest = &self.manifest;
        let settings = doubt_of(manifest)?;
        let looks = self.first.iter().zip(&self.further);
        let looked: Vec<Looked> = self
            .used
            .iter()
            .zip(self.patients(photos))
            .zip(looks)
            .map(|((record, patient), (first, further))| Looked {
                dataset: photos.records[*record].dataset.clone(),
                grade: photos.records[*record].grade,
                patient,
                first: first.clone(),
                further: further.clone(),
            })
            .collect();
        let rules = Rules::of(manifest);
        let doubts = doubt::doubts(&looked, settings, rules);
        doubt_figures::figures(&looked, &doubts, settings, rules)
            .context("what doubt gains cannot be computed")
    }

    /// What the head for the risk of macular oedema is worth on those of these
    /// photos that are labelled with it; none where there is no head or no label.
    pub fn edema(&self, photos: &Photos) -> Result<Option<EdemaEvaluation>> {
        let Some(head) = &self.manifest.edema else {
            return Ok(None);
        };
        let labels = self.used.iter().map(|i| photos.records[*i].edema);
        let labelled: Vec<(usize, u8)> = labels
            .enumerate()
            .filter_map(|(place, risk)| Some((place, risk?)))
            .collect();
        if labelled.is_empty() {
            return Ok(None);
        }
        let (places, risks): (Vec<usize>, Vec<u8>) = labelled.into_iter().unzip();
        let probabilities: Vec<Vec<f64>> = places
            .iter()
            .filter_map(|place| self.manifest.edema_probabilities(&self.first[*place]))
            .collect();
        let patients = self.patients(photos);
        let clusters: Vec<usize> = places.iter().map(|place| patients[*place]).collect();
        let (line, bootstrap) = (head.referable.threshold, Bootstrap::default());
        EdemaEvaluation::of(&probabilities, &risks, &clusters, line, bootstrap)
            .map(Some)
            .context("the figures of macular oedema cannot be computed")
    }

    /// The calibrated predictions.
    pub fn predictions(&self, photos: &Photos) -> Result<Predictions> {
        let scaled = temperature::scale(&self.logits, self.manifest.calibration.temperature);
        Predictions::from_logits(&scaled, &self.grades(photos))
            .context("the figures cannot be computed")
    }
}
