//! What is gained by leaving the photos of most doubt to a person.

use super::doubt::{Answer, Answered, Looked, Rules};
use crate::bundle::{Area, CONFIDENCE, DOUBT, Doubt, DoubtFigures};
use crate::evaluation::coverage::Answers;
use crate::evaluation::predictions::REFERABLE_FROM;
use crate::evaluation::selective::{area, highest_probability};
use crate::evaluation::{Bootstrap, InputError, Predictions};
use crate::grading::doubt::terms;

/// Coverages at which the answers are measured, beside that of the fit.
const COVERAGES: [f64; 5] = [1.0, 0.9, 0.8, 0.7, 0.6];
/// What leaving the photos of most doubt to a person does, a dataset each in the
/// order they first appear. `doubts` has a number a photo; the least doubtful are
/// answered.
///
/// # Errors
/// As [`Answers::check`].
pub fn figures(
    photos: &[Looked],
    doubts: &[f64],
    settings: &Doubt,
    rules: Rules<'_>,
) -> Result<Vec<DoubtFigures>, InputError> {
    if doubts.len() != photos.len() {
        return Err(InputError::Lengths {
            predictions: doubts.len(),
            labels: photos.len(),
        });
    }
    let mut names: Vec<&str> = Vec::new();
    for photo in photos {
        if !names.contains(&photo.dataset.as_str()) {
            names.push(&photo.dataset);
        }
    }
    let of_set = |name: &&str| {
        let (theirs, doubts): (Vec<Looked>, Vec<f64>) = photos
            .iter()
            .zip(doubts)
            .filter(|(photo, _)| photo.dataset == **name)
            .map(|(photo, doubt)| (photo.clone(), *doubt))
            .unzip();
        of_dataset(name, &theirs, &doubts, settings, rules)
    };
    names.iter().map(of_set).collect()
}

fn of_dataset(
    name: &str,
    photos: &[Looked],
    doubts: &[f64],
    settings: &Doubt,
    rules: Rules<'_>,
) -> Result<DoubtFigures, InputError> {
    let answered = Answered::each(photos, rules);
    let given: Vec<&Answer> = answered
        .iter()
        .map(|photo| photo.given(settings, rules.threshold))
        .collect();
    let rows: Vec<Vec<f64>> = given.iter().map(|a| a.probabilities.clone()).collect();
    let labels: Vec<u8> = photos.iter().map(|photo| photo.grade).collect();
    let clusters: Vec<usize> = photos.iter().map(|photo| photo.patient).collect();
    let predictions = Predictions::from_probabilities(&rows, &labels)?;
    let referred: Vec<bool> = given.iter().map(|answer| answer.referred).collect();
    let measured = Answers {
        predictions: &predictions,
        referred: &referred,
        doubt: doubts,
        clusters: &clusters,
    };
    measured.check()?;
    let bootstrap = Bootstrap::default();
    let mut limits = COVERAGES.map(|c| measured.left_from(c)).to_vec();
    limits.push(Some(settings.unsure_from));
    Ok(DoubtFigures {
        dataset: name.to_owned(),
        n: photos.len(),
        areas: areas(&given, &predictions, doubts, rules.threshold),
        rows: limits
            .into_iter()
            .map(|from| measured.at(from, bootstrap))
            .collect(),
    })
}

/// Doubt against each of what it is made of that every photo has, alone.
fn areas(
    given: &[&Answer],
    predictions: &Predictions,
    doubts: &[f64],
    threshold: f64,
) -> Vec<Area> {
    let truth = predictions.truth_at_least(REFERABLE_FROM);
    let wrong_grade: Vec<bool> = given
        .iter()
        .zip(predictions.labels())
        .map(|(answer, label)| answer.grade != *label)
        .collect();
    let wrong_referral: Vec<bool> = given
        .iter()
        .zip(&truth)
        .map(|(answer, truth)| answer.referred != *truth)
        .collect();
    let wrong: Vec<bool> = given.iter().map(|answer| answer.wrong).collect();
    let from_the_line =
        |answer: &&Answer| -terms(&answer.probabilities, threshold, answer.agreement.as_ref())[1];
    [
        (CONFIDENCE, highest_probability(predictions)),
        (
            "distance from the line",
            given.iter().map(from_the_line).collect(),
        ),
        (DOUBT, doubts.iter().map(|doubt| -doubt).collect()),
    ]
    .into_iter()
    .map(|(by, confidence): (&str, Vec<f64>)| Area {
        by: by.to_owned(),
        wrong_grade: area(&confidence, &wrong_grade),
        wrong_referral: area(&confidence, &wrong_referral),
        wrong: area(&confidence, &wrong),
    })
    .collect()
}
