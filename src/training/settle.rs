//! What validation photos fix of a finished network: probabilities, lines, and
//! when an answer is unsure and its photo looked at again.
//!
//! Each leans on the others: what is answered on who is looked at again, that on
//! the line of referral, the line on what is answered. So all are fitted to
//! photos that were each looked at again, and once more to what is answered then.

use super::doubt::{self, Looked, Rules};
use super::export::{self, Calibrated, Measured};
use super::objective::Objective;
use crate::bundle::{Figures, Looks};
use crate::grading::Reading;
use crate::network::Views;

/// What was fixed, and on what.
pub struct Settled {
    /// Without a head for macular oedema, which is taught elsewhere.
    pub calibrated: Calibrated,
    /// The outputs by which each photo is answered.
    pub outputs: Vec<Vec<f32>>,
    /// Of these answers, a dataset each.
    pub figures: Vec<Figures>,
}

/// How it is to be fixed.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub objective: Objective,
    /// Of the first look at each photo.
    pub views: Views,
    /// Share of the photos that is to be answered; the rest is unsure.
    pub coverage: f64,
    /// The command that asks for it.
    pub command: &'a str,
}

/// Fixes all of it on `photos`, each of which was looked at again. Where they
/// teach no doubt, `say` is told why, and first looks are the answers.
///
/// # Errors
/// As [`export::calibrate`] and [`export::figures`].
pub fn settle(
    photos: &[Looked],
    wanted: Wanted<'_>,
    say: &dyn Fn(&str),
) -> Result<Settled, String> {
    let calibrate = |outputs: &[Vec<f32>], say: &dyn Fn(&str)| {
        export::calibrate(&by_dataset(photos, outputs), wanted.objective, say)
    };
    // Everything else from what is answered; the doubt tells what is answered next.
    let round = |outputs: &[Vec<f32>], say: &dyn Fn(&str)| {
        let calibrated = calibrate(outputs, say)?;
        let rules = Rules {
            reading: Reading {
                calibration: &calibrated.calibration,
                views: wanted.views,
            },
            threshold: calibrated.thresholds.referable.threshold,
        };
        let fixed_on = &calibrated.thresholds.referable.fixed_on;
        let learnt = doubt::fit(photos, rules, wanted.coverage, fixed_on, wanted.command);
        let answered = learnt.map(|doubt| (doubt::outputs(photos, &doubt, rules), doubt));
        Ok::<_, String>(answered.map(|(outputs, doubt)| {
            let doubt = Some(doubt);
            let calibrated = Calibrated {
                doubt,
                ..calibrated
            };
            (calibrated, outputs)
        }))
    };
    let mean = |photo: &Looked| wanted.views.mean(&photo.first, &photo.further);
    let of_all: Vec<Vec<f32>> = photos.iter().map(mean).collect();
    let answered = match round(&of_all, &|_| {})? {
        Ok((_, outputs)) => round(&outputs, say)?,
        Err(reason) => Err(reason),
    };
    let (calibrated, outputs) = match answered {
        Ok((calibrated, outputs)) => {
            let looks = calibrated.doubt.as_ref().map(|doubt| doubt.looks);
            if looks == Some(Looks::FirstAlone) {
                say(
                    "each photo is looked at once: mirrored and turned, photos are answered \
                     worse by this network",
                );
            }
            (calibrated, outputs)
        }
        Err(reason) => {
            say(&format!(
                "no doubt is learnt, the usual rule stays: {reason}"
            ));
            let first: Vec<Vec<f32>> = photos.iter().map(|photo| photo.first.clone()).collect();
            (calibrate(&first, say)?, first)
        }
    };
    let figures = by_dataset(photos, &outputs)
        .iter()
        .map(|part| export::figures(part, &calibrated.calibration))
        .collect::<Result<_, _>>()?;
    Ok(Settled {
        calibrated,
        outputs,
        figures,
    })
}

/// Outputs, a dataset each, in the order the datasets first appear.
fn by_dataset(photos: &[Looked], outputs: &[Vec<f32>]) -> Vec<Measured> {
    let mut parts: Vec<Measured> = Vec::new();
    for (photo, row) in photos.iter().zip(outputs) {
        let at = parts
            .iter()
            .position(|part| part.dataset == photo.dataset)
            .unwrap_or_else(|| {
                parts.push(Measured {
                    dataset: photo.dataset.clone(),
                    outputs: Vec::new(),
                    grades: Vec::new(),
                });
                parts.len() - 1
            });
        parts[at].outputs.push(row.clone());
        parts[at].grades.push(photo.grade);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// 300 photos of all grades. A first look at every fifth is wrong and hardly
    /// surer of it than of the truth, which three further looks tell; at every
    /// seventh all looks are wrong.
    fn photos() -> Vec<Looked> {
        (0..300u16)
            .map(|i| {
                let truth = (i % 5) as usize;
                let other = (truth + 1) % 5;
                let look = |said: usize, sure: f32, rival: usize, less: f32| {
                    let mut row = vec![0.0; 5];
                    row[said] = sure;
                    row[rival] = less;
                    row
                };
                let (first, again) = match i {
                    i if i % 7 == 3 => (look(other, 3.0, truth, 1.5), look(other, 2.0, truth, 1.9)),
                    i if i % 5 == 2 => (look(other, 1.6, truth, 1.5), look(truth, 3.0, other, 0.0)),
                    _ => (look(truth, 6.0, other, 0.0), look(truth, 5.5, other, 0.0)),
                };
                Looked {
                    dataset: ["one", "two"][usize::from(i >= 150)].to_owned(),
                    grade: truth as u8,
                    patient: usize::from(i / 2),
                    first,
                    further: vec![again.clone(), again.clone(), again],
                }
            })
            .collect()
    }

    fn wanted() -> Wanted<'static> {
        Wanted {
            objective: Objective::CrossEntropy,
            views: Views::One,
            coverage: 0.8,
            command: "fovea train",
        }
    }

    #[test]
    fn what_is_not_clear_is_answered_by_all_looks_and_the_rest_by_the_first() {
        let photos = photos();
        let settled = settle(&photos, wanted(), &|_| {}).unwrap();
        let doubt = settled.calibrated.doubt.as_ref().unwrap();
        let mut again = 0;
        for (photo, outputs) in photos.iter().zip(&settled.outputs) {
            let calibration = &settled.calibrated.calibration;
            let threshold = settled.calibrated.thresholds.referable.threshold;
            let looked = doubt.looks_again(&calibration.probabilities(&photo.first), threshold);
            again += usize::from(looked);
            // Whoever is answered otherwise by all looks is looked at again.
            let said = |row: &[f32]| {
                let probabilities = calibration.probabilities(row);
                crate::grading::most_probable(&probabilities)
            };
            let all = Views::One.mean(&photo.first, &photo.further);
            assert!(looked || said(&photo.first) == said(&all));
            let expected = if looked {
                Views::One.mean(&photo.first, &photo.further)
            } else {
                photo.first.clone()
            };
            assert_eq!(*outputs, expected);
        }
        assert!((60..200).contains(&again), "{again}");
        // The figures are those of what is answered: better than of first looks.
        let right = |rows: &[Vec<f32>]| {
            let of = |(row, photo): (&Vec<f32>, &Looked)| {
                let probabilities = settled.calibrated.calibration.probabilities(row);
                let said = crate::grading::most_probable(&probabilities);
                usize::from(said == usize::from(photo.grade))
            };
            rows.iter().zip(&photos).map(of).sum::<usize>()
        };
        let first: Vec<Vec<f32>> = photos.iter().map(|photo| photo.first.clone()).collect();
        let (once, answered) = (right(&first), right(&settled.outputs));
        assert!(answered > once + 40, "{answered} against {once}");
        let measured: f64 = settled
            .figures
            .iter()
            .map(|set| set.accuracy * set.n as f64)
            .sum();
        assert!((measured - answered as f64).abs() < 1e-6);
        assert_eq!(settled.figures.len(), 2);
    }

    #[test]
    fn where_no_doubt_is_learnt_first_looks_are_the_answers() {
        let few: Vec<Looked> = photos().into_iter().take(30).collect();
        let said = RefCell::new(Vec::new());
        let say = |sentence: &str| said.borrow_mut().push(sentence.to_owned());
        let settled = settle(&few, wanted(), &say).unwrap();
        assert!(settled.calibrated.doubt.is_none());
        assert!(few.iter().map(|p| &p.first).eq(&settled.outputs));
        let said = said.into_inner();
        assert!(said[0].starts_with("no doubt is learnt"), "{said:?}");
    }
}
