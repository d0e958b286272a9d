//! From what a network gives for several looks at a photo to one answer.

use super::doubt::Agreement;
use crate::bundle::{Calibration, Manifest};
use crate::network::Views;

/// What makes an answer of outputs.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    pub calibration: &'a Calibration,
    /// Of the first look, whose outputs are their mean already.
    pub views: Views,
}

impl<'a> Reading<'a> {
    pub fn of(manifest: &'a Manifest) -> Self {
        Self {
            calibration: &manifest.calibration,
            views: Views::of(manifest.test_time_flips),
        }
    }

    /// Calibrated probabilities, one a grade, of the mean over the looks, and how
    /// far the looks agree with it where there were several.
    pub fn answer(&self, first: &[f32], further: &[Vec<f32>]) -> (Vec<f64>, Option<Agreement>) {
        let answer = self
            .calibration
            .probabilities(&self.views.mean(first, further));
        let looks: Vec<Vec<f64>> = std::iter::once(first)
            .chain(further.iter().map(Vec::as_slice))
            .map(|look| self.calibration.probabilities(look))
            .collect();
        let agreement = Agreement::of(&answer, &looks);
        (answer, agreement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALIBRATION: Calibration = Calibration {
        temperature: 1.0,
        cumulative_link: None,
    };

    const READING: Reading<'static> = Reading {
        calibration: &CALIBRATION,
        views: Views::One,
    };

    #[test]
    fn one_look_is_its_own_answer() {
        let first = [2.0, 1.0, 0.0, 0.0, -1.0];
        let (answer, agreement) = READING.answer(&first, &[]);
        assert_eq!(answer, CALIBRATION.probabilities(&first));
        assert_eq!(agreement, None);
    }

    #[test]
    fn several_looks_are_answered_by_their_mean_and_held_against_it() {
        let first = [4.0, 0.0, 0.0, 0.0, 0.0];
        let further = vec![vec![0.0, 8.0, 0.0, 0.0, 0.0]];
        let (answer, agreement) = READING.answer(&first, &further);
        assert_eq!(
            answer,
            CALIBRATION.probabilities(&[2.0, 4.0, 0.0, 0.0, 0.0])
        );
        let agreement = agreement.unwrap();
        assert_eq!(agreement.grades.len(), 2);
        assert_eq!(agreement.same_grade, 0.5);
    }
}
