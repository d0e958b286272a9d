//! Teaching a finished network the risk of macular oedema: a linear layer beside
//! its last one, on what that one sees. The network itself stays as it is, and so
//! does every grade it gives.
//!
//! Photos with such labels are few (IDRiD has 516), features are hundreds: the
//! layer is a penalised regression with one optimum, its penalty chosen by
//! cross-validation among the photos to learn from.

use burn::tensor::Device;
use half::f16;
use image::RgbImage;
use image::imageops::{flip_horizontal, flip_vertical, rotate180};
use rayon::prelude::*;

use super::dataset::Record;
use super::picture::Picture;
use super::run::Watch;
use super::softmax_regression::{self as regression, Case, Layer, Standard};
use super::{predict, split};
use crate::bundle::{Edema, HIGHEST_LINE, OperatingPoint, RISKS};
use crate::evaluation::edema::figures;
use crate::evaluation::operating_point::{self, Target};
use crate::evaluation::predictions::{at_least, softmax};
use crate::evaluation::temperature::{self, TemperatureError};
use crate::grading::EDEMA_FROM;
use crate::network::{Classifier, Entry, Views};
use crate::photo::Preprocessing;

/// Share of photos at risk that the line must catch on validation, as of eyes
/// with referable retinopathy.
pub const SENSITIVITY: f64 = super::export::SCREENING_SENSITIVITY;
/// Fewer photos of a risk teach nothing of it.
const LEAST_TAUGHT: usize = 10;
/// Fewer validation photos with, or without, any risk fix no line.
const LEAST_VALIDATED: usize = 10;
/// Penalties that are tried, the strongest first, in photos: what a weight of one
/// on a standardised feature costs, against the loss summed over the photos.
const PENALTIES: [f64; 9] = [3e4, 1e4, 3e3, 1e3, 300.0, 100.0, 30.0, 10.0, 3.0];
/// Groups of patients for cross-validation.
const FOLDS: usize = 5;
/// Each photo is seen as it is and in its flips: a retina has no up.
const FLIPS: usize = 4;

/// Photos labelled with a risk, prepared for the network.
pub struct Labelled {
    pub pictures: Vec<Picture>,
    /// 0 to 2.
    pub risks: Vec<u8>,
    /// Whose photo each is; any numbers.
    pub patients: Vec<usize>,
    /// The data sets they are of, such as `idrid`.
    pub datasets: String,
}

impl Labelled {
    /// The prepared `pictures` of `records`, all of which have a risk; see [`labelled`].
    pub fn of(records: &[Record], pictures: Vec<Picture>) -> Self {
        let mut datasets: Vec<&str> = Vec::new();
        for record in records {
            if !datasets.contains(&record.dataset.as_str()) {
                datasets.push(&record.dataset);
            }
        }
        Self {
            pictures,
            risks: records.iter().filter_map(|record| record.edema).collect(),
            patients: split::patients(records),
            datasets: datasets.join(", "),
        }
    }
}

/// Those of `records` that are labelled with a risk.
pub fn labelled(records: &[Record]) -> Vec<Record> {
    let with_risk = records.iter().filter(|record| record.edema.is_some());
    with_risk.cloned().collect()
}

/// Whether there are enough labelled photos to teach the head and to fix its line.
///
/// # Errors
/// A sentence with the numbers where there are not.
pub fn enough(train: &[Record], validation: &[Record]) -> Result<(), String> {
    let count = |records: &[Record], wanted: &dyn Fn(u8) -> bool| {
        let risks = records.iter().filter_map(|record| record.edema);
        risks.filter(|risk| wanted(*risk)).count()
    };
    let taught: [usize; RISKS] =
        std::array::from_fn(|risk| count(train, &|of| usize::from(of) == risk));
    if taught == [0; RISKS] {
        return Err(
            "no photo's table has a risk of macular oedema; name a data set whose table has the \
             column macular_edema_risk, as IDRiD's"
                .to_owned(),
        );
    }
    if taught.iter().any(|photos| *photos < LEAST_TAUGHT) {
        return Err(format!(
            "{} training photos are labelled with risks 0, 1 and 2 of macular oedema; at least \
             {LEAST_TAUGHT} of each are needed",
            taught.map(|photos| photos.to_string()).join(", ")
        ));
    }
    let at_risk = count(validation, &|of| usize::from(of) >= EDEMA_FROM);
    let none = count(validation, &|of| usize::from(of) < EDEMA_FROM);
    if at_risk.min(none) < LEAST_VALIDATED {
        return Err(format!(
            "{at_risk} validation photos are labelled with a risk of macular oedema and {none} \
             with none; at least {LEAST_VALIDATED} of both are needed"
        ));
    }
    Ok(())
}

/// The network that is taught, and how its pictures are prepared.
pub struct Pupil<'a> {
    /// In inference mode.
    pub network: &'a Classifier,
    pub settings: &'a Preprocessing,
    /// How the finished bundle looks at a photo.
    pub views: Views,
    pub device: &'a Device,
}

/// What was taught: the layer for the weights file, its numbers such as half
/// precision leaves them, and the rest for the manifest.
pub struct Taught {
    /// `[RISKS, features]`.
    pub weight: Entry,
    /// `[RISKS]`.
    pub bias: Entry,
    pub edema: Edema,
}

/// Teaches the head on `train`, and fixes its temperature and its line on
/// `validation`; see [`enough`]. No randomness: the same photos give the same head.
///
/// # Errors
/// A sentence where the network's features are not finite, or do not tell.
pub fn teach(
    pupil: &Pupil<'_>,
    train: &Labelled,
    validation: &Labelled,
    command: &str,
    watch: &dyn Watch,
) -> Result<Taught, String> {
    let rows = features(pupil, train, FLIPS, "Features to learn oedema from", watch);
    let all: Vec<Vec<f64>> = rows.iter().flatten().cloned().collect();
    if all.iter().flatten().any(|value| !value.is_finite()) {
        return Err("the network's features are not finite".to_owned());
    }
    let standard = Standard::of(&all);
    let rows: Vec<Vec<Vec<f64>>> = rows
        .iter()
        .map(|views| views.iter().map(|view| standard.apply(view)).collect())
        .collect();
    watch.stage("Choosing the penalty", PENALTIES.len());
    let seen = seen(pupil.views);
    let penalty = choose(&rows, train, seen);
    let everyone: Vec<usize> = (0..rows.len()).collect();
    let layer = standard.undo(&fit(&rows, &train.risks, &everyone, penalty, None));
    let layer = rounded_to_half(&layer)?;

    let rows = features(pupil, validation, seen, "Features to fix the line", watch);
    let logits: Vec<Vec<f64>> = rows.iter().map(|views| mean(&layer, views)).collect();
    let temperature = match temperature::fit(&logits, &validation.risks) {
        Ok(temperature) => temperature,
        Err(TemperatureError::Input(error)) => return Err(error.to_string()),
        Err(error) => {
            watch.say(&format!(
                "the oedema's probabilities stay uncalibrated: {error}"
            ));
            1.0
        }
    };
    let probabilities: Vec<Vec<f64>> = temperature::scale(&logits, temperature)
        .iter()
        .map(|row| softmax(row))
        .collect();
    let fixed_on = format!(
        "{} validation photos of {}",
        validation.risks.len(),
        validation.datasets
    );
    Ok(Taught {
        weight: Entry {
            shape: vec![RISKS, layer.weights[0].len()],
            values: layer.weights.iter().flatten().map(|w| *w as f32).collect(),
        },
        bias: Entry {
            shape: vec![RISKS],
            values: layer.biases.iter().map(|b| *b as f32).collect(),
        },
        edema: Edema {
            temperature,
            referable: line(&probabilities, &validation.risks, &fixed_on)?,
            taught_by: format!(
                "{} training photos of {}",
                train.risks.len(),
                train.datasets
            ),
            penalty,
            figures: figures(
                &format!("{} (validation)", validation.datasets),
                &probabilities,
                &validation.risks,
            )
            .map_err(|error| error.to_string())?,
            command: command.to_owned(),
        },
    })
}

/// Views of a photo whose logits a bundle averages.
fn seen(views: Views) -> usize {
    match views {
        Views::One => 1,
        Views::Flips => FLIPS,
    }
}

/// Pooled features of the first `views` of each photo: as it is, and flipped.
fn features(
    pupil: &Pupil<'_>,
    photos: &Labelled,
    views: usize,
    stage: &str,
    watch: &dyn Watch,
) -> Vec<Vec<Vec<f64>>> {
    watch.stage(stage, views * photos.pictures.len());
    let flips: [fn(&RgbImage) -> RgbImage; FLIPS] =
        [RgbImage::clone, flip_horizontal, flip_vertical, rotate180];
    let mut rows: Vec<Vec<Vec<f64>>> = vec![Vec::with_capacity(views); photos.pictures.len()];
    for (view, flip) in flips.iter().take(views).enumerate() {
        let pictures: Vec<Picture> = photos
            .pictures
            .iter()
            .map(|picture| picture.through(*flip))
            .collect();
        let found = predict::features(
            pupil.network,
            &pictures,
            pupil.settings,
            pupil.device,
            &|done| watch.advance(view * photos.pictures.len() + done),
        );
        for (row, found) in rows.iter_mut().zip(found) {
            row.push(found.into_iter().map(f64::from).collect());
        }
    }
    rows
}

/// The layer for standardised features of some photos, each counting once
/// however often it is seen.
fn fit(
    rows: &[Vec<Vec<f64>>],
    risks: &[u8],
    photos: &[usize],
    penalty: f64,
    start: Option<&Layer>,
) -> Layer {
    let cases: Vec<Case<'_>> = photos
        .iter()
        .flat_map(|photo| {
            let views = &rows[*photo];
            views.iter().map(|features| Case {
                features,
                class: risks[*photo],
                weight: 1.0 / views.len() as f64,
            })
        })
        .collect();
    regression::fit(&cases, RISKS, penalty, start)
}

/// A layer's logits averaged over views.
fn mean(layer: &Layer, views: &[Vec<f64>]) -> Vec<f64> {
    let mut sums = vec![0.0; RISKS];
    for view in views {
        for (sum, logit) in sums.iter_mut().zip(layer.logits(view)) {
            *sum += logit / views.len() as f64;
        }
    }
    sums
}

/// The penalty with the lowest cross-entropy on photos of patients that the
/// layer did not learn from.
fn choose(rows: &[Vec<Vec<f64>>], photos: &Labelled, seen: usize) -> f64 {
    let mut patients = photos.patients.clone();
    patients.sort_unstable();
    patients.dedup();
    let fold = |photo: usize| {
        let place = patients.binary_search(&photos.patients[photo]);
        place.unwrap_or(0) % FOLDS
    };
    let losses: Vec<Vec<f64>> = (0..FOLDS)
        .into_par_iter()
        .map(|held| {
            let (out, kept): (Vec<usize>, Vec<usize>) =
                (0..rows.len()).partition(|photo| fold(*photo) == held);
            let mut last: Option<Layer> = None;
            PENALTIES
                .iter()
                .map(|penalty| {
                    let layer = fit(rows, &photos.risks, &kept, *penalty, last.as_ref());
                    let loss = out
                        .iter()
                        .map(|photo| {
                            let logits = mean(&layer, &rows[*photo][..seen]);
                            let given = softmax(&logits)[usize::from(photos.risks[*photo])];
                            -given.max(f64::MIN_POSITIVE).ln()
                        })
                        .sum();
                    last = Some(layer);
                    loss
                })
                .collect()
        })
        .collect();
    let total = |place: usize| -> f64 { losses.iter().map(|fold| fold[place]).sum() };
    let best = (0..PENALTIES.len()).min_by(|a, b| total(*a).total_cmp(&total(*b)));
    PENALTIES[best.unwrap_or(0)]
}

/// The layer as a weights file of half precision holds it.
fn rounded_to_half(layer: &Layer) -> Result<Layer, String> {
    let round = |value: &f64| f64::from(f16::from_f64(*value).to_f32());
    let rounded = Layer {
        weights: layer
            .weights
            .iter()
            .map(|row| row.iter().map(round).collect())
            .collect(),
        biases: layer.biases.iter().map(round).collect(),
    };
    let mut numbers = rounded.weights.iter().flatten().chain(&rounded.biases);
    if numbers.all(|number| number.is_finite()) {
        Ok(rounded)
    } else {
        Err("the head's weights are too large for half precision".to_owned())
    }
}

/// The line on the probability of any risk that catches [`SENSITIVITY`] of those
/// at risk, but never above [`HIGHEST_LINE`].
fn line(
    probabilities: &[Vec<f64>],
    risks: &[u8],
    fixed_on: &str,
) -> Result<OperatingPoint, String> {
    let scores: Vec<f64> = probabilities
        .iter()
        .map(|row| at_least(row, EDEMA_FROM))
        .collect();
    let truth: Vec<bool> = risks
        .iter()
        .map(|risk| usize::from(*risk) >= EDEMA_FROM)
        .collect();
    let chosen = operating_point::choose(&scores, &truth, Target::Sensitivity(SENSITIVITY))
        .map_err(|error| error.to_string())?;
    let threshold = chosen.threshold.min(HIGHEST_LINE);
    let reached = operating_point::rates(&scores, &truth, threshold);
    Ok(OperatingPoint {
        threshold,
        sensitivity: reached.sensitivity.unwrap_or(0.0),
        specificity: reached.specificity.unwrap_or(0.0),
        fixed_on: fixed_on.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::training::dataset::Source;

    /// So many photos of each risk, and some of none that is known.
    fn records(counts: [usize; RISKS]) -> Vec<Record> {
        let known = (0..RISKS as u8).flat_map(|risk| vec![Some(risk); counts[usize::from(risk)]]);
        known
            .chain([None; 4])
            .enumerate()
            .map(|(i, edema)| Record {
                dataset: "toy".to_owned(),
                name: format!("{i}.png"),
                source: Source::File(format!("{i}.png").into()),
                grade: 1,
                patient: i.to_string(),
                edema,
            })
            .collect()
    }

    #[test]
    fn too_few_photos_are_told_by_their_number() {
        assert!(enough(&records([10, 10, 10]), &records([10, 4, 6])).is_ok());
        let few = enough(&records([90, 9, 40]), &records([10, 4, 6])).unwrap_err();
        assert!(few.starts_with("90, 9, 40 training photos"), "{few}");
        let few = enough(&records([90, 10, 40]), &records([30, 4, 5])).unwrap_err();
        assert!(few.starts_with("9 validation photos"), "{few}");
        assert!(few.contains("and 30 with none"), "{few}");
        assert_eq!(labelled(&records([1, 2, 3])).len(), 6);
    }

    #[test]
    fn the_line_catches_nearly_all_and_never_lets_a_likely_risk_pass() {
        let row = |risk: f64| vec![1.0 - risk, risk / 2.0, risk / 2.0];
        let risks: Vec<u8> = (0..100)
            .map(|i| if i < 50 { 0 } else { 1 + i % 2 })
            .collect();
        let apart: Vec<Vec<f64>> = (0..100)
            .map(|i| row(if i < 50 { 0.1 } else { 0.9 }))
            .collect();
        let point = line(&apart, &risks, "100 photos").unwrap();
        assert_eq!(point.threshold, 0.5, "midway");
        assert_eq!((point.sensitivity, point.specificity), (1.0, 1.0));
        // All seem at risk: a line above one half would catch enough, too.
        let high: Vec<Vec<f64>> = (0..100)
            .map(|i| row(if i < 50 { 0.7 } else { 0.9 }))
            .collect();
        let point = line(&high, &risks, "100 photos").unwrap();
        assert_eq!(point.threshold, HIGHEST_LINE);
        assert_eq!((point.sensitivity, point.specificity), (1.0, 0.0));
    }

    #[test]
    fn a_photo_seen_in_several_views_counts_once_and_is_answered_by_their_mean() {
        let once: Vec<Vec<Vec<f64>>> = [0.0, 1.0, 2.5, 0.5].map(|x| vec![vec![x]]).to_vec();
        let mut often = once.clone();
        often[2] = vec![vec![2.5]; 4];
        let risks = [0, 1, 2, 0];
        let of = |rows: &[Vec<Vec<f64>>]| fit(rows, &risks, &[0, 1, 2, 3], 1.0, None);
        let (layer, other) = (of(&once), of(&often));
        let found = mean(&layer, &[vec![1.0], vec![3.0]]);
        for (found, logit) in found.iter().zip(layer.logits(&[2.0])) {
            assert!((found - logit).abs() < 1e-12, "{found} {logit}");
        }
        for (a, b) in layer.logits(&[2.0]).iter().zip(other.logits(&[2.0])) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
    }

    #[test]
    fn the_penalty_is_the_one_that_holds_on_other_patients() {
        // One feature tells the risk, a hundred and fifty others of each patient are chance.
        let photos = 90usize;
        let risk = |i: usize| (i % RISKS) as u8;
        let mut rng = StdRng::seed_from_u64(1);
        let rows: Vec<Vec<Vec<f64>>> = (0..photos)
            .map(|i| {
                let mut row: Vec<f64> = (0..151).map(|_| rng.random_range(-1.0..1.0)).collect();
                row[0] = f64::from(risk(i)) - 1.0 + 0.8 * row[0];
                vec![row]
            })
            .collect();
        let labelled = Labelled {
            pictures: Vec::new(),
            risks: (0..photos).map(risk).collect(),
            patients: (0..photos).collect(),
            datasets: "toy".to_owned(),
        };
        let chosen = choose(&rows, &labelled, 1);
        // Neither learnt by heart nor nothing learnt.
        assert!(chosen > 3.0 && chosen < 3e4, "{chosen}");
    }
}
