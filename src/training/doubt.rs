//! Learning when a model's answer is not to be relied on, from validation photos
//! that were looked at several times, and measuring what that gains.

use serde::{Deserialize, Serialize};

use super::regression::{self, Case};
use crate::bundle::{Area, CONFIDENCE, Calibration, DOUBT, Doubt, DoubtFigures, DoubtWeights};
use crate::evaluation::coverage::Answers;
use crate::evaluation::predictions::REFERABLE_FROM;
use crate::evaluation::selective::{area, highest_probability};
use crate::evaluation::{Bootstrap, InputError, Predictions};
use crate::grading::Agreement;
use crate::grading::doubt::{terms, torn};

/// A photo with what the network gave for it, before calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    pub dataset: String,
    pub grade: u8,
    /// Whose photo it is; any number.
    pub patient: usize,
    pub first: Vec<f32>,
    /// A row for each further look; none where it was not looked at again.
    pub further: Vec<Vec<f32>>,
}

/// Share of the validation photos that are answered where nothing else is asked
/// for; the rest is unsure.
pub const COVERAGE: f64 = 0.8;
/// Coverages at which the answers are measured, beside that of the fit.
const COVERAGES: [f64; 5] = [1.0, 0.9, 0.8, 0.7, 0.6];
/// Fewer mistakes, or fewer right answers, teach nothing.
const LEAST: usize = 20;
/// Penalty on the weights: a photo's worth.
const RIDGE: f64 = 1.0;
/// Groups of patients for cross-validation.
const FOLDS: usize = 10;
/// Photos are looked at again from a little below the lowest first doubt that
/// further looks ever made unsure: other photos may be moved further.
const MARGIN: f64 = 0.9;

/// A photo after calibration.
struct Answer {
    probabilities: Vec<f64>,
    agreement: Option<Agreement>,
    wrong: bool,
}

fn answers(photos: &[Looked], calibration: &Calibration, threshold: f64) -> Vec<Answer> {
    photos
        .iter()
        .map(|photo| {
            let probabilities = calibration.probabilities(&photo.first);
            let further: Vec<Vec<f64>> = photo
                .further
                .iter()
                .map(|look| calibration.probabilities(look))
                .collect();
            let grade = crate::evaluation::predictions::most_probable(&probabilities);
            let referred = probabilities[REFERABLE_FROM..].iter().sum::<f64>() >= threshold;
            let truth = usize::from(photo.grade);
            Answer {
                agreement: Agreement::of(&probabilities, &further),
                wrong: grade != truth || referred != (truth >= REFERABLE_FROM),
                probabilities,
            }
        })
        .collect()
}

/// Fits doubt to `photos`, each looked at again, so that `coverage` of them are
/// answered. `threshold` is the line of referral. The figures are those of
/// photos whose patients the weights were fitted without.
///
/// # Errors
/// A sentence where there are too few mistakes to learn from.
pub fn fit(
    photos: &[Looked],
    calibration: &Calibration,
    threshold: f64,
    coverage: f64,
    fixed_on: &str,
    command: &str,
) -> Result<Doubt, String> {
    let answers = answers(photos, calibration, threshold);
    let wrong = answers.iter().filter(|answer| answer.wrong).count();
    if wrong < LEAST || photos.len() - wrong < LEAST {
        return Err(format!(
            "{wrong} of {} validation photos are answered wrongly; at least {LEAST} wrong and \
             {LEAST} right answers are needed to learn doubt from",
            photos.len()
        ));
    }
    let all: Vec<&Answer> = answers.iter().collect();
    let mut doubt = learn(&all, threshold, coverage);
    fixed_on.clone_into(&mut doubt.fixed_on);
    command.clone_into(&mut doubt.command);
    let held_out = |answers: &[Answer]| {
        cross_validated(photos, answers, threshold, coverage, doubt.unsure_from)
    };
    let blind: Vec<Answer> = answers
        .iter()
        .map(|answer| Answer {
            probabilities: answer.probabilities.clone(),
            agreement: None,
            wrong: answer.wrong,
        })
        .collect();
    let orders = Orders {
        doubt: &held_out(&answers),
        without_looks: Some(&held_out(&blind)),
    };
    doubt.figures = figures(photos, orders, &doubt, calibration, threshold)
        .map_err(|error| error.to_string())?;
    Ok(doubt)
}

/// Weights, and from where a photo is unsure and looked at again.
fn learn(answers: &[&Answer], threshold: f64, coverage: f64) -> Doubt {
    let mut doubt = Doubt {
        weights: weights(answers, threshold),
        unsure_from: 1.0,
        look_again_from: 0.0,
        fixed_on: String::new(),
        command: String::new(),
        figures: Vec::new(),
    };
    let chances: Vec<f64> = answers
        .iter()
        .map(|answer| doubt.chance(&answer.probabilities, threshold, answer.agreement.as_ref()))
        .collect();
    doubt.unsure_from = between(chances.clone(), coverage);
    let carried = answers
        .iter()
        .zip(&chances)
        .filter(|(_, chance)| **chance >= doubt.unsure_from)
        .map(|(answer, _)| doubt.chance(&answer.probabilities, threshold, None))
        .fold(doubt.unsure_from, f64::min);
    doubt.look_again_from = MARGIN * carried;
    doubt
}

/// The weights that tell wrong answers from right ones. A term that would speak
/// against doubt is left out: on so few photos that is chance.
fn weights(answers: &[&Answer], threshold: f64) -> DoubtWeights {
    let mut used = [true; 3];
    loop {
        let rows: Vec<([f64; 4], bool)> = answers
            .iter()
            .map(|answer| {
                let [guess, line, moved] =
                    terms(&answer.probabilities, threshold, answer.agreement.as_ref());
                let keep = |place: usize, term: f64| if used[place] { term } else { 0.0 };
                let row = [1.0, keep(0, guess), keep(1, line), keep(2, moved)];
                (row, answer.wrong)
            })
            .collect();
        let cases: Vec<Case<'_, 4>> = rows
            .iter()
            .map(|(terms, wrong)| Case {
                terms,
                positive: *wrong,
                weight: 1.0,
            })
            .collect();
        let found = regression::fit(&cases, RIDGE);
        match (0..3).find(|term| used[*term] && found[term + 1] < 0.0) {
            Some(term) => used[term] = false,
            None => {
                return DoubtWeights {
                    constant: found[0],
                    guess: found[1],
                    line: found[2],
                    moved: found[3],
                };
            }
        }
    }
}

/// Between the doubts of the last photo answered and the first left.
fn between(mut doubts: Vec<f64>, coverage: f64) -> f64 {
    doubts.sort_by(f64::total_cmp);
    let answered = (coverage * doubts.len() as f64).round() as usize;
    match (answered.checked_sub(1), doubts.get(answered)) {
        (_, None) => 1.0,
        (None, Some(first)) => *first,
        (Some(last), Some(first)) => (doubts[last] + first) / 2.0,
    }
}

/// Each photo's doubt by a fit without its patient's photos.
fn cross_validated(
    photos: &[Looked],
    answers: &[Answer],
    threshold: f64,
    coverage: f64,
    unsure_from: f64,
) -> Vec<f64> {
    let mut patients: Vec<(&str, usize)> = photos.iter().map(patient).collect();
    patients.sort_unstable();
    patients.dedup();
    let fold = |photo: &Looked| patients.binary_search(&patient(photo)).unwrap_or(0) % FOLDS;
    let mut doubts = vec![0.0; photos.len()];
    for held in 0..FOLDS {
        let kept: Vec<&Answer> = photos
            .iter()
            .zip(answers)
            .filter(|(photo, _)| fold(photo) != held)
            .map(|(_, answer)| answer)
            .collect();
        let fitted = Doubt {
            unsure_from,
            ..learn(&kept, threshold, coverage)
        };
        for (i, photo) in photos.iter().enumerate() {
            if fold(photo) == held {
                doubts[i] = of(&fitted, &answers[i], threshold);
            }
        }
    }
    doubts
}

fn patient(photo: &Looked) -> (&str, usize) {
    (photo.dataset.as_str(), photo.patient)
}

/// An answer's doubt as the grader has it: without further looks where the first
/// was clear, and never below what is unsure where it contradicts itself.
fn of(doubt: &Doubt, answer: &Answer, threshold: f64) -> f64 {
    let agreement = answer
        .agreement
        .as_ref()
        .filter(|_| doubt.looks_again(&answer.probabilities, threshold));
    let chance = doubt.chance(&answer.probabilities, threshold, agreement);
    if torn(&answer.probabilities, threshold) {
        chance.max(doubt.unsure_from)
    } else {
        chance
    }
}

/// The doubt of each photo by a bundle's own settings.
pub fn doubts(
    photos: &[Looked],
    doubt: &Doubt,
    calibration: &Calibration,
    threshold: f64,
) -> Vec<f64> {
    answers(photos, calibration, threshold)
        .iter()
        .map(|answer| of(doubt, answer, threshold))
        .collect()
}

/// By what photos are ordered, a number a photo; the least doubtful are answered.
#[derive(Clone, Copy, Debug)]
pub struct Orders<'a> {
    pub doubt: &'a [f64],
    /// Doubt fitted to first looks alone, for comparison.
    pub without_looks: Option<&'a [f64]>,
}

/// What leaving the photos of most doubt to a person does, a dataset each in the
/// order they first appear.
///
/// # Errors
/// As [`Answers::check`].
pub fn figures(
    photos: &[Looked],
    orders: Orders<'_>,
    settings: &Doubt,
    calibration: &Calibration,
    threshold: f64,
) -> Result<Vec<DoubtFigures>, InputError> {
    for found in [Some(orders.doubt), orders.without_looks]
        .into_iter()
        .flatten()
    {
        if found.len() != photos.len() {
            return Err(InputError::Lengths {
                predictions: found.len(),
                labels: photos.len(),
            });
        }
    }
    let mut names: Vec<&str> = Vec::new();
    for photo in photos {
        if !names.contains(&photo.dataset.as_str()) {
            names.push(&photo.dataset);
        }
    }
    let of_set = |name: &&str| {
        let places: Vec<usize> = (0..photos.len())
            .filter(|i| photos[*i].dataset == **name)
            .collect();
        let theirs: Vec<Looked> = places.iter().map(|i| photos[*i].clone()).collect();
        let part = |all: &[f64]| -> Vec<f64> { places.iter().map(|i| all[*i]).collect() };
        let without_looks = orders.without_looks.map(part);
        let orders = Orders {
            doubt: &part(orders.doubt),
            without_looks: without_looks.as_deref(),
        };
        of_dataset(name, &theirs, orders, settings, calibration, threshold)
    };
    names.iter().map(of_set).collect()
}

fn of_dataset(
    name: &str,
    photos: &[Looked],
    orders: Orders<'_>,
    settings: &Doubt,
    calibration: &Calibration,
    threshold: f64,
) -> Result<DoubtFigures, InputError> {
    let answers = answers(photos, calibration, threshold);
    let rows: Vec<Vec<f64>> = answers.iter().map(|a| a.probabilities.clone()).collect();
    let labels: Vec<u8> = photos.iter().map(|photo| photo.grade).collect();
    let clusters: Vec<usize> = photos.iter().map(|photo| photo.patient).collect();
    let predictions = Predictions::from_probabilities(&rows, &labels)?;
    let referred: Vec<bool> = predictions
        .scores_at_least(REFERABLE_FROM)
        .iter()
        .map(|score| *score >= threshold)
        .collect();
    let measured = Answers {
        predictions: &predictions,
        referred: &referred,
        doubt: orders.doubt,
        clusters: &clusters,
    };
    measured.check()?;
    let bootstrap = Bootstrap::default();
    let mut limits = COVERAGES.map(|c| measured.left_from(c)).to_vec();
    limits.push(Some(settings.unsure_from));
    Ok(DoubtFigures {
        dataset: name.to_owned(),
        n: photos.len(),
        areas: areas(&answers, &predictions, &referred, orders, threshold),
        rows: limits
            .into_iter()
            .map(|from| measured.at(from, bootstrap))
            .collect(),
    })
}

/// Doubt against each of what it is made of, alone.
fn areas(
    answers: &[Answer],
    predictions: &Predictions,
    referred: &[bool],
    orders: Orders<'_>,
    threshold: f64,
) -> Vec<Area> {
    let truth = predictions.truth_at_least(REFERABLE_FROM);
    let n = predictions.len();
    let wrong_grade: Vec<bool> = (0..n)
        .map(|i| predictions.predicted()[i] != predictions.labels()[i])
        .collect();
    let wrong_referral: Vec<bool> = (0..n).map(|i| referred[i] != truth[i]).collect();
    let wrong: Vec<bool> = answers.iter().map(|answer| answer.wrong).collect();
    let minus = |term: usize| -> Vec<f64> {
        let of = |a: &Answer| terms(&a.probabilities, threshold, a.agreement.as_ref())[term];
        answers.iter().map(|answer| -of(answer)).collect()
    };
    let surest = |doubts: &[f64]| -> Vec<f64> { doubts.iter().map(|doubt| -doubt).collect() };
    let mut ways = vec![
        (CONFIDENCE, highest_probability(predictions)),
        ("distance from the line", minus(1)),
    ];
    // Only where every photo was looked at again can the looks alone order them.
    if answers.iter().all(|answer| answer.agreement.is_some()) {
        ways.push(("agreement of further looks", minus(2)));
    }
    if let Some(doubts) = orders.without_looks {
        ways.push(("doubt without further looks", surest(doubts)));
    }
    ways.push((DOUBT, surest(orders.doubt)));
    ways.into_iter()
        .map(|(by, confidence)| Area {
            by: by.to_owned(),
            wrong_grade: area(&confidence, &wrong_grade),
            wrong_referral: area(&confidence, &wrong_referral),
            wrong: area(&confidence, &wrong),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 photos of grade 1 or 2 by turns. Every fourth is wrong; of the wrong
    /// ones the first look is as sure as of the others, and only a further look
    /// tells.
    fn photos() -> Vec<Looked> {
        (0..200u16)
            .map(|i| {
                let grade = 1 + (i % 2) as u8;
                let wrong = i % 4 == 3;
                let said = if wrong { 3 - grade } else { grade };
                let look = |grade: u8, sure: f32| -> Vec<f32> {
                    (0..5)
                        .map(|g| if g == grade { sure } else { 0.0 })
                        .collect()
                };
                let sure = 2.5 + f32::from(i % 7) / 7.0;
                let again = if wrong { grade } else { said };
                Looked {
                    dataset: ["one", "two"][usize::from(i >= 100)].to_owned(),
                    grade,
                    patient: usize::from(i / 2),
                    first: look(said, sure),
                    further: vec![look(said, sure), look(again, 2.0)],
                }
            })
            .collect()
    }

    const CALIBRATION: Calibration = Calibration {
        temperature: 1.0,
        cumulative_link: None,
    };

    fn fitted(photos: &[Looked]) -> Result<Doubt, String> {
        fit(
            photos,
            &CALIBRATION,
            0.5,
            0.75,
            "200 photos",
            "fovea doubt fit",
        )
    }

    #[test]
    fn what_only_further_looks_tell_is_learnt_from_them() {
        let photos = photos();
        let doubt = fitted(&photos).unwrap();
        assert!(doubt.weights.moved > 1.0, "{:?}", doubt.weights);
        let DoubtWeights { guess, line, .. } = doubt.weights;
        assert!(guess >= 0.0 && line >= 0.0);
        let found = doubts(&photos, &doubt, &CALIBRATION, 0.5);
        let unsure = found.iter().filter(|d| **d >= doubt.unsure_from).count();
        assert_eq!(unsure, 50, "a quarter is left to a person");
        for (set, name) in doubt.figures.iter().zip(["one", "two"]) {
            assert_eq!((set.dataset.as_str(), set.n), (name, 100));
            let at = set.rows.last().unwrap();
            assert_eq!(at.accuracy.value, Some(1.0));
            assert_eq!(at.sensitivity.value, Some(1.0));
            let by = |name: &str| set.areas.iter().find(|a| a.by == name).unwrap().wrong;
            assert!(by("doubt") < by("highest probability"));
            assert!(by("agreement of further looks") < by("distance from the line"));
        }
        // All that was unsure is looked at again, so the looks are not wasted.
        assert!(doubt.look_again_from < doubt.unsure_from);
        let unlooked: Vec<Looked> = photos
            .iter()
            .map(|photo| Looked {
                further: Vec::new(),
                ..photo.clone()
            })
            .collect();
        let blind = doubts(&unlooked, &doubt, &CALIBRATION, 0.5);
        assert!(blind.iter().all(|d| *d < doubt.unsure_from));
    }

    #[test]
    fn too_few_mistakes_teach_nothing() {
        let right: Vec<Looked> = photos()
            .into_iter()
            .enumerate()
            .filter(|(i, _)| i % 4 != 3)
            .map(|(_, photo)| photo)
            .collect();
        let refused = fitted(&right).unwrap_err();
        assert!(refused.starts_with("0 of 150"), "{refused}");
    }

    #[test]
    fn the_line_of_unsure_lies_between_two_photos() {
        assert!((between(vec![0.4, 0.1, 0.2, 0.3], 0.5) - 0.25).abs() < 1e-12);
        assert_eq!(between(vec![0.4, 0.1], 1.0), 1.0);
        assert_eq!(between(vec![0.4, 0.1], 0.0), 0.1);
    }
}
