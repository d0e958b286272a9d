//! Learning when a model's answer is not to be relied on, from validation photos
//! that were looked at several times.

use serde::{Deserialize, Serialize};

use super::doubt_figures::figures;
use super::regression::{self, Case};
use crate::bundle::{Doubt, DoubtWeights, Looks, Manifest};
use crate::evaluation::predictions::REFERABLE_FROM;
use crate::grading::doubt::{terms, torn};
use crate::grading::{Agreement, Reading, most_probable};

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
/// Fewer mistakes, or fewer right answers, teach nothing.
const LEAST: usize = 20;
/// Penalty on the weights: a photo's worth.
const RIDGE: f64 = 1.0;
/// Groups of patients for cross-validation.
const FOLDS: usize = 10;
/// Photos are looked at again from a little below the lowest first doubt of those
/// that further looks made unsure or answered otherwise: other photos may be moved
/// further.
const MARGIN: f64 = 0.9;

/// By what a photo's looks become an answer.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub reading: Reading<'a>,
    /// The line of referral.
    pub threshold: f64,
}

impl<'a> Rules<'a> {
    pub fn of(manifest: &'a Manifest) -> Self {
        Self {
            reading: Reading::of(manifest),
            threshold: manifest.thresholds.referable.threshold,
        }
    }
}

/// What is answered to a photo.
#[derive(Clone)]
pub(super) struct Answer {
    outputs: Vec<f32>,
    pub probabilities: Vec<f64>,
    pub agreement: Option<Agreement>,
    pub grade: usize,
    pub referred: bool,
    pub wrong: bool,
}

impl Answer {
    fn of(photo: &Looked, further: &[Vec<f32>], rules: Rules<'_>) -> Self {
        let (probabilities, agreement) = rules.reading.answer(&photo.first, further);
        let grade = most_probable(&probabilities);
        let referred = probabilities[REFERABLE_FROM..].iter().sum::<f64>() >= rules.threshold;
        let truth = usize::from(photo.grade);
        Self {
            outputs: rules.reading.views.mean(&photo.first, further),
            probabilities,
            agreement,
            grade,
            referred,
            wrong: grade != truth || referred != (truth >= REFERABLE_FROM),
        }
    }

    /// The chance that it is wrong; never below what is unsure where it
    /// contradicts itself.
    fn doubt(&self, doubt: &Doubt, threshold: f64) -> f64 {
        let chance = doubt.chance(&self.probabilities, threshold, self.agreement.as_ref());
        if torn(&self.probabilities, threshold) {
            chance.max(doubt.unsure_from)
        } else {
            chance
        }
    }
}

/// A photo's answers by its first look and by all it has.
pub(super) struct Answered {
    first: Answer,
    all: Answer,
}

impl Answered {
    pub fn each(photos: &[Looked], rules: Rules<'_>) -> Vec<Self> {
        let of = |photo: &Looked| Self {
            first: Answer::of(photo, &[], rules),
            all: Answer::of(photo, &photo.further, rules),
        };
        photos.iter().map(of).collect()
    }

    /// What the grader answers: by all looks where the first is not clear.
    pub fn given(&self, doubt: &Doubt, threshold: f64) -> &Answer {
        if doubt.looks_again(&self.first.probabilities, threshold) {
            &self.all
        } else {
            &self.first
        }
    }
}

/// The outputs by which the grader answers each photo.
pub fn outputs(photos: &[Looked], doubt: &Doubt, rules: Rules<'_>) -> Vec<Vec<f32>> {
    Answered::each(photos, rules)
        .iter()
        .map(|photo| photo.given(doubt, rules.threshold).outputs.clone())
        .collect()
}

/// Fits doubt to `photos`, each looked at again, so that `coverage` of them are
/// answered. The figures are those of photos whose patients the weights were
/// fitted without. Where looking again makes the answers worse, none is.
///
/// # Errors
/// A sentence where there are too few mistakes to learn from.
pub fn fit(
    photos: &[Looked],
    rules: Rules<'_>,
    coverage: f64,
    fixed_on: &str,
    command: &str,
) -> Result<Doubt, String> {
    let mut answered = Answered::each(photos, rules);
    let looks = if worse_by_looking_again(photos, &answered) {
        for photo in &mut answered {
            photo.all = photo.first.clone();
        }
        Looks::FirstAlone
    } else {
        Looks::MeanOfQuarterTurns
    };
    let wrong = answered.iter().filter(|photo| photo.all.wrong).count();
    if wrong < LEAST || photos.len() - wrong < LEAST {
        return Err(format!(
            "{wrong} of {} validation photos are answered wrongly; at least {LEAST} wrong and \
             {LEAST} right answers are needed to learn doubt from",
            photos.len()
        ));
    }
    let all: Vec<&Answered> = answered.iter().collect();
    let mut doubt = learn(&all, looks, rules.threshold, coverage);
    fixed_on.clone_into(&mut doubt.fixed_on);
    command.clone_into(&mut doubt.command);
    let doubts = cross_validated(photos, &answered, &doubt, rules.threshold);
    doubt.figures = figures(photos, &doubts, &doubt, rules).map_err(|error| error.to_string())?;
    Ok(doubt)
}

/// Whether all looks answer worse than the first, by more than chance: the mean
/// difference of the photos' cross-entropies is over two standard errors. A network
/// that learnt its photos as they come, as one does of which only the head was
/// trained, knows no turned ones.
fn worse_by_looking_again(photos: &[Looked], answered: &[Answered]) -> bool {
    let loss = |answer: &Answer, truth: u8| {
        -(answer.probabilities[usize::from(truth)].max(f64::MIN_POSITIVE)).ln()
    };
    let worse: Vec<f64> = (photos.iter().zip(answered))
        .map(|(photo, answers)| loss(&answers.all, photo.grade) - loss(&answers.first, photo.grade))
        .collect();
    let n = worse.len() as f64;
    let mean = worse.iter().sum::<f64>() / n;
    let squares: f64 = worse.iter().map(|w| (w - mean).powi(2)).sum();
    mean > 2.0 * (squares / (n * (n - 1.0))).sqrt()
}

/// Weights, and from where a photo is unsure and looked at again.
fn learn(answered: &[&Answered], looks: Looks, threshold: f64, coverage: f64) -> Doubt {
    let mut doubt = Doubt {
        looks,
        weights: weights(answered, threshold),
        unsure_from: 1.0,
        look_again_from: 0.0,
        fixed_on: String::new(),
        command: String::new(),
        figures: Vec::new(),
    };
    let chance =
        |answer: &Answer| doubt.chance(&answer.probabilities, threshold, answer.agreement.as_ref());
    let chances: Vec<f64> = answered.iter().map(|photo| chance(&photo.all)).collect();
    let unsure_from = between(chances.clone(), coverage);
    let lowest = answered
        .iter()
        .zip(&chances)
        .filter(|(Answered { first, all }, chance)| {
            **chance >= unsure_from || (first.grade, first.referred) != (all.grade, all.referred)
        })
        .map(|(photo, _)| chance(&photo.first))
        .fold(unsure_from, f64::min);
    doubt.unsure_from = unsure_from;
    doubt.look_again_from = MARGIN * lowest;
    doubt
}

/// The weights that tell wrong answers from right ones. A term that would speak
/// against doubt is left out: on so few photos that is chance.
fn weights(answered: &[&Answered], threshold: f64) -> DoubtWeights {
    let mut used = [true; 3];
    loop {
        let rows: Vec<([f64; 4], bool)> = answered
            .iter()
            .map(|Answered { all, .. }| {
                let [guess, line, moved] =
                    terms(&all.probabilities, threshold, all.agreement.as_ref());
                let keep = |place: usize, term: f64| if used[place] { term } else { 0.0 };
                let row = [1.0, keep(0, guess), keep(1, line), keep(2, moved)];
                (row, all.wrong)
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

/// Each photo's doubt by weights fitted without its patient's photos; what is
/// answered is what `doubt` has answered.
fn cross_validated(
    photos: &[Looked],
    answered: &[Answered],
    doubt: &Doubt,
    threshold: f64,
) -> Vec<f64> {
    let mut patients: Vec<(&str, usize)> = photos.iter().map(patient).collect();
    patients.sort_unstable();
    patients.dedup();
    let fold = |photo: &Looked| patients.binary_search(&patient(photo)).unwrap_or(0) % FOLDS;
    let mut doubts = vec![0.0; photos.len()];
    for held in 0..FOLDS {
        let kept: Vec<&Answered> = photos
            .iter()
            .zip(answered)
            .filter(|(photo, _)| fold(photo) != held)
            .map(|(_, answers)| answers)
            .collect();
        let fitted = Doubt {
            weights: weights(&kept, threshold),
            ..doubt.clone()
        };
        for (place, photo) in photos.iter().enumerate() {
            if fold(photo) == held {
                let given = answered[place].given(doubt, threshold);
                doubts[place] = given.doubt(&fitted, threshold);
            }
        }
    }
    doubts
}

fn patient(photo: &Looked) -> (&str, usize) {
    (photo.dataset.as_str(), photo.patient)
}

/// The doubt of each photo by a bundle's own settings.
pub fn doubts(photos: &[Looked], doubt: &Doubt, rules: Rules<'_>) -> Vec<f64> {
    Answered::each(photos, rules)
        .iter()
        .map(|photo| {
            let given = photo.given(doubt, rules.threshold);
            given.doubt(doubt, rules.threshold)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Calibration;
    use crate::network::Views;

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
                    dataset: ["one", "two"][usize::from(i >= 120)].to_owned(),
                    grade,
                    patient: usize::from(i / 2),
                    first: look(said, sure),
                    further: vec![look(said, sure), look(again, 2.0)],
                }
            })
            .collect()
    }

    const RULES: Rules<'static> = Rules {
        reading: Reading {
            calibration: &Calibration {
                temperature: 1.0,
                cumulative_link: None,
            },
            views: Views::One,
        },
        threshold: 0.5,
    };

    fn fitted(photos: &[Looked]) -> Result<Doubt, String> {
        fit(photos, RULES, 0.75, "200 photos", "fovea doubt fit")
    }

    #[test]
    fn what_only_further_looks_tell_is_learnt_from_them() {
        let photos = photos();
        let doubt = fitted(&photos).unwrap();
        assert!(doubt.weights.moved > 1.0, "{:?}", doubt.weights);
        let DoubtWeights { guess, line, .. } = doubt.weights;
        assert!(guess >= 0.0 && line >= 0.0);
        let found = doubts(&photos, &doubt, RULES);
        let unsure = found.iter().filter(|d| **d >= doubt.unsure_from).count();
        assert_eq!(unsure, 50, "a quarter is left to a person");
        assert_eq!(doubt.fixed_on, "200 photos");
        assert_eq!(doubt.command, "fovea doubt fit");
        assert_eq!(doubt.figures.len(), 2, "a dataset each");
        for (set, sized) in doubt.figures.iter().zip([("one", 120), ("two", 80)]) {
            assert_eq!((set.dataset.as_str(), set.n), sized);
            let at = set.rows.last().unwrap();
            assert_eq!(at.left_from, Some(doubt.unsure_from));
            assert_eq!(at.coverage.value, Some(0.75));
            assert_eq!(at.accuracy.value, Some(1.0));
            assert_eq!(at.sensitivity.value, Some(1.0));
            let by = |name: &str| set.areas.iter().find(|a| a.by == name).unwrap();
            assert!(by("doubt").wrong < by("highest probability").wrong);
            // Grades 1 and 2 lie on two sides of the line: what is wrong is wrong of
            // both, and nothing is left of it before the last quarter.
            let doubt = by("doubt");
            assert_eq!(doubt.wrong_grade, doubt.wrong);
            assert_eq!(doubt.wrong_referral, doubt.wrong);
            assert!(doubt.wrong < 0.05, "{doubt:?}");
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
        let blind = doubts(&unlooked, &doubt, RULES);
        assert!(blind.iter().all(|d| *d < doubt.unsure_from));
    }

    #[test]
    fn nobody_teaches_the_doubt_that_their_own_figures_are_measured_by() {
        let mut photos = photos();
        let doubt = fitted(&photos).unwrap();
        let measured = |photos: &[Looked]| {
            let answered = Answered::each(photos, RULES);
            cross_validated(photos, &answered, &doubt, RULES.threshold)
        };
        let before = measured(&photos);
        // Another truth for both photos of the first patient.
        for photo in &mut photos[..2] {
            photo.grade = 4;
        }
        let after = measured(&photos);
        assert_eq!(before[..2], after[..2]);
        assert_ne!(before[2..4], after[2..4], "others learn from them");
    }

    /// Called mild by the grade, and referable by the line.
    fn torn_photo(grade: u8) -> Looked {
        Looked {
            dataset: "one".to_owned(),
            grade,
            patient: 0,
            first: [0.01, 0.39, 0.3, 0.29, 0.01].map(f32::ln).to_vec(),
            further: Vec::new(),
        }
    }

    #[test]
    fn a_grade_is_not_right_where_the_referral_is_wrong() {
        let wrong = |grade| Answer::of(&torn_photo(grade), &[], RULES).wrong;
        assert!(wrong(1), "the grade is right, the referral is not");
        assert!(wrong(2), "the referral is right, the grade is not");
        let right = &photos()[0];
        assert!(!Answer::of(right, &[], RULES).wrong);
    }

    #[test]
    fn an_answer_at_odds_with_itself_is_unsure_in_the_figures_too() {
        let by_constant = |constant| Doubt {
            weights: DoubtWeights {
                constant,
                guess: 0.0,
                line: 0.0,
                moved: 0.0,
            },
            unsure_from: 0.9,
            ..fitted(&photos()).unwrap()
        };
        let doubted = |constant| doubts(&[torn_photo(1)], &by_constant(constant), RULES)[0];
        assert_eq!(doubted(-5.0), 0.9);
        assert!((doubted(5.0) - 1.0 / (1.0 + (-5f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn whom_further_looks_answer_otherwise_is_looked_at_again() {
        let answer = |sure: f64, grade: usize, wrong: bool| {
            let mut probabilities = vec![(1.0 - sure) / 4.0; 5];
            probabilities[grade] = sure;
            Answer {
                probabilities,
                grade,
                referred: grade >= REFERABLE_FROM,
                wrong,
                ..Answer::of(&torn_photo(1), &[], RULES)
            }
        };
        let alike = |answer: Answer| Answered {
            first: answer.clone(),
            all: answer,
        };
        let mut photos = Vec::new();
        for i in 0..40 {
            let wrong = i % 4 == 0;
            photos.push(alike(answer(if wrong { 0.5 } else { 0.95 }, 1, wrong)));
        }
        // Surer than most at first, and moderate by all looks, as sure of it.
        photos.push(Answered {
            first: answer(0.97, 1, true),
            all: answer(0.95, 2, false),
        });
        let answered: Vec<&Answered> = photos.iter().collect();
        let doubt = learn(&answered, Looks::MeanOfQuarterTurns, 0.5, 0.75);
        let again = |sure| doubt.looks_again(&answer(sure, 1, false).probabilities, 0.5);
        assert!(again(0.5) && again(0.97));
        assert!(!again(0.9999), "{doubt:?}");
    }

    #[test]
    fn looking_again_is_worse_from_two_standard_errors_on() {
        // By 1 on average, half of the photos by less and half by more: four photos'
        // standard error is the spread over the root of three.
        let worse = |spread: f64| {
            let photo = Looked {
                grade: 0,
                ..torn_photo(0)
            };
            let answer = |loss: f64| Answer {
                probabilities: vec![(-loss).exp(), 0.0, 0.0, 0.0, 0.0],
                ..Answer::of(&photo, &[], RULES)
            };
            let answered = [-1.0, 1.0, -1.0, 1.0].map(|side| Answered {
                first: answer(0.25),
                all: answer(1.25 + side * spread),
            });
            worse_by_looking_again(&vec![photo; 4], &answered)
        };
        let line = 3f64.sqrt() / 2.0;
        assert!(worse(0.99 * line));
        assert!(!worse(1.01 * line));
    }

    #[test]
    fn who_answers_worse_when_looking_again_does_not() {
        let mut photos = photos();
        for photo in &mut photos {
            // Turned, each photo seems one grade more than it is, mistakes or not.
            let turned = (0..5).map(|g| if g == photo.grade + 1 { 3.0 } else { 0.0 });
            photo.further = vec![turned.collect(); 3];
        }
        let doubt = fitted(&photos).unwrap();
        assert_eq!(doubt.looks, Looks::FirstAlone);
        let first: Vec<Vec<f32>> = photos.iter().map(|photo| photo.first.clone()).collect();
        assert_eq!(outputs(&photos, &doubt, RULES), first);
        assert_eq!(doubt.weights.moved, 0.0);
        let unsure = (doubts(&photos, &doubt, RULES).iter())
            .filter(|d| **d >= doubt.unsure_from)
            .count();
        assert!(unsure > 0 && unsure < 200, "{unsure} are unsure");
        let helped = fitted(&self::photos()).unwrap();
        assert_eq!(helped.looks, Looks::MeanOfQuarterTurns);
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
        let mut wrong = photos();
        for photo in &mut wrong {
            photo.grade = 4;
        }
        let refused = fitted(&wrong).unwrap_err();
        assert!(refused.starts_with("200 of 200"), "{refused}");
    }

    #[test]
    fn the_line_of_unsure_lies_between_two_photos() {
        assert!((between(vec![0.4, 0.1, 0.2, 0.3], 0.5) - 0.25).abs() < 1e-12);
        assert!((between(vec![0.4, 0.1, 0.2], 0.5) - 0.3).abs() < 1e-12);
        assert_eq!(between(vec![0.4, 0.1], 1.0), 1.0);
        assert_eq!(between(vec![0.4, 0.1], 0.0), 0.1);
    }
}
