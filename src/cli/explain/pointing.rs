//! Photos with marked lesions, read and scored.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use image::RgbImage;

use crate::cli::progress::bar;
use crate::evaluation::Bootstrap;
use crate::evaluation::pointing::{self, Kind, Marks, Pointing, Score, Scores};
use crate::explain::{self, Map, Target};
use crate::grader::Grader;
use crate::network::ResNet;
use crate::photo::{self, DecodeLimits, Prepared};

/// Networks of random weights, whose scores are meaned: one alone could be lucky.
const RANDOM_NETWORKS: u64 = 5;

/// All kinds of lesions together.
const ANY: &str = "Any lesion";

/// Scores the model's maps, and the controls, on every photo of `folder`.
pub fn measure(grader: &Grader, folder: &Path, tolerance: f64) -> Result<Pointing> {
    if !(0.0..=2.0).contains(&tolerance) {
        bail!("--tolerance is a share of the retina's radius, 0 to 2");
    }
    let photos = photos(folder)?;
    let controls = Controls::new(grader)?;
    let mut by_kind: BTreeMap<String, Vec<Scores>> = BTreeMap::new();
    let mut empty_maps = 0;
    let progress = bar("Pointing", photos.len());
    for photo in &photos {
        let (view, marks) =
            read(photo, grader).with_context(|| photo.file.display().to_string())?;
        let cam = pollster::block_on(explain::look(grader, &view.picture))?;
        empty_maps += usize::from(cam.map.peak().is_none());
        let random = controls.random(grader, &view.picture, cam.target)?;
        for (kind, marks) in &marks {
            let score = |map: &Map| pointing::score(map, marks, &view, tolerance);
            let scores = [
                score(&cam.map),
                mean(&random.iter().map(score).collect::<Vec<_>>()),
                score(&controls.blob),
                Score {
                    hit: None,
                    ..score(&controls.even)
                },
            ];
            by_kind.entry(kind.clone()).or_default().push(scores);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();

    let bootstrap = Bootstrap::default();
    let any = by_kind.remove(ANY).unwrap_or_default();
    if any.is_empty() {
        bail!("{}: no mask marks a single pixel", folder.display());
    }
    let kinds = std::iter::once((ANY.to_owned(), any))
        .chain(by_kind)
        .map(|(kind, scores)| Kind::of(&kind, &scores, bootstrap))
        .collect();
    Ok(Pointing {
        model: grader.manifest().id(),
        photos: photos.len(),
        tolerance,
        random_networks: RANDOM_NETWORKS as usize,
        bootstrap,
        empty_maps,
        kinds,
        notes: notes(grader),
    })
}

fn notes(grader: &Grader) -> Vec<String> {
    let manifest = grader.manifest();
    let cells = manifest.preprocessing.size.div_ceil(32);
    let learnt: Vec<&str> = manifest
        .training
        .data
        .iter()
        .map(|source| source.name.as_str())
        .collect();
    vec![
        format!(
            "The model learnt from {}. Photos measured here may be among them (many of \
             idrid-lesions are in idrid): these figures tell how the model explains itself, not \
             how it does on photos it has never seen.",
            learnt.join(", ")
        ),
        format!(
            "A map has {cells} by {cells} places over the whole picture; its peak is the middle \
             of one. Lesions are often smaller than a tenth of a place."
        ),
        "The network was taught grades, never lesions: a miss says that its evidence lay \
         elsewhere, not that the grade is wrong."
            .to_owned(),
    ]
}

/// A photo and its masks, by kind of lesion.
struct Marked {
    file: PathBuf,
    masks: BTreeMap<String, PathBuf>,
}

/// The photos of `images/` that have a mask in `masks/`, by name.
fn photos(folder: &Path) -> Result<Vec<Marked>> {
    let layout = "it must hold images/NAME.jpg and masks/NAME_KIND.png";
    let list = |part: &str| -> Result<BTreeSet<PathBuf>> {
        let folder = folder.join(part);
        std::fs::read_dir(&folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
            .with_context(|| format!("{}: {layout}", folder.display()))
    };
    let stem = |path: &Path| path.file_stem().map(|s| s.to_string_lossy().into_owned());
    let mut masks: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for path in list("masks")? {
        let Some(name) = stem(&path) else { continue };
        if let Some((photo, tag)) = name.rsplit_once('_') {
            masks
                .entry(photo.to_owned())
                .or_default()
                .insert(lesions(tag), path);
        }
    }
    let photos: Vec<Marked> = list("images")?
        .into_iter()
        .filter_map(|file| {
            let masks = masks.remove(&stem(&file)?)?;
            Some(Marked { file, masks })
        })
        .collect();
    if photos.is_empty() {
        bail!("{}: no photo has a mask; {layout}", folder.display());
    }
    Ok(photos)
}

/// IDRiD's short names of lesions in words; another's tag as it is.
fn lesions(tag: &str) -> String {
    match tag {
        "MA" => "Microaneurysms",
        "HE" => "Haemorrhages",
        "EX" => "Hard exudates",
        "SE" => "Soft exudates",
        other => other,
    }
    .to_owned()
}

/// The photo prepared, and the marked pixels of each kind that has any.
fn read(photo: &Marked, grader: &Grader) -> Result<(Prepared, BTreeMap<String, Marks>)> {
    let decode = |path: &Path, limits: &DecodeLimits| -> Result<RgbImage> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        photo::decode(&bytes, limits).with_context(|| path.display().to_string())
    };
    let picture = decode(&photo.file, grader.limits())?;
    let view = photo::prepare(&picture, &grader.manifest().preprocessing)?;
    let mut marks = BTreeMap::new();
    let mut any = BTreeSet::new();
    for (kind, path) in &photo.masks {
        let mask = decode(path, grader.limits())?;
        if mask.dimensions() != picture.dimensions() {
            bail!(
                "{} is not of the photo's size: masks are drawn over the photo, pixel by pixel",
                path.display()
            );
        }
        let marked: Marks = mask
            .enumerate_pixels()
            .filter(|(_, _, pixel)| pixel.0[0] > 127)
            .map(|(x, y, _)| (x, y))
            .collect();
        any.extend(marked.iter().copied());
        if !marked.is_empty() {
            marks.insert(kind.clone(), marked);
        }
    }
    if !any.is_empty() {
        marks.insert(ANY.to_owned(), any.into_iter().collect());
    }
    Ok((view, marks))
}

/// What a map is measured against.
struct Controls {
    networks: Vec<ResNet>,
    device: Device,
    blob: Map,
    even: Map,
}

impl Controls {
    fn new(grader: &Grader) -> Result<Self> {
        let device = grader.device().clone();
        let depth = grader
            .manifest()
            .architecture
            .depth()
            .ok_or(explain::CamError::NotResidual)?;
        let networks = (0..RANDOM_NETWORKS)
            .map(|seed| {
                device.seed(seed);
                ResNet::init(depth, grader.network().classes(), &device).folded()
            })
            .collect();
        Ok(Self {
            networks,
            device,
            blob: pointing::centred_blob(),
            even: pointing::even(),
        })
    }

    /// The maps of networks that learnt nothing, for the same output.
    fn random(&self, grader: &Grader, picture: &RgbImage, target: Target) -> Result<Vec<Map>> {
        let settings = &grader.manifest().preprocessing;
        self.networks
            .iter()
            .map(|network| {
                let cam = pollster::block_on(explain::grad_cam(
                    network,
                    photo::to_tensor(picture, settings),
                    settings.size as usize,
                    |_| target,
                    &self.device,
                ))?;
                Ok(cam.map)
            })
            .collect()
    }
}

fn mean(scores: &[Score]) -> Score {
    let count = scores.len() as f64;
    let hits: Option<f64> = scores.iter().map(|score| score.hit).sum();
    Score {
        hit: hits.map(|sum| sum / count),
        share: scores.iter().map(|score| score.share).sum::<f64>() / count,
    }
}
