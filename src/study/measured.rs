//! Every run of a study measured on the same samples of its test photos.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::cell::CellResult;
use super::figure::{FIGURES, Values};
use super::grid::Arm;
use crate::evaluation::bootstrap::interval;
use crate::evaluation::comparison::two_sided;
use crate::evaluation::{Interval, Metrics, Predictions};

/// A figure of `b` less that of `a`, on the same photos and seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    pub a: Arm,
    pub b: Arm,
    pub figure: String,
    pub difference: Option<f64>,
    pub interval: Option<Interval>,
    /// Two-sided.
    pub p: Option<f64>,
}

/// One run, ready to be measured on samples of its photos.
pub(super) struct Run<'a> {
    pub result: &'a CellResult,
    pub before: Predictions,
    pub after: Predictions,
}

impl Run<'_> {
    pub fn measure(&self, weights: Option<&[u32]>) -> Values {
        let before = Metrics::weighted(&self.before, weights);
        let after = Metrics::weighted(&self.after, weights);
        [
            Some(after.accuracy),
            after.kappa_quadratic,
            Some(after.cross_entropy),
            Some(before.cross_entropy),
            Some(after.ece),
            Some(before.ece),
            after.macro_recall,
            after.macro_specificity,
            after.referable_auc,
            macro_auc(&after),
        ]
    }
}

/// The mean over grades, as MedMNIST has it; none where a grade has no photo.
fn macro_auc(metrics: &Metrics) -> Option<f64> {
    let of_grades = &metrics.auc_one_vs_rest;
    let sum: Option<f64> = of_grades.iter().copied().sum();
    sum.map(|sum| sum / of_grades.len() as f64)
}

/// Figures of every run on the photos as they are and on every sample of them.
pub(super) struct Measured {
    pub arms: Vec<Arm>,
    pub seeds: Vec<u64>,
    pub plain: Vec<Values>,
    /// `[sample][run]`.
    pub samples: Vec<Vec<Values>>,
}

impl Measured {
    /// The runs of an arm with one of `seeds`.
    pub fn runs(&self, arm: Arm, seeds: &BTreeSet<u64>) -> Vec<usize> {
        (0..self.arms.len())
            .filter(|&i| self.arms[i] == arm && seeds.contains(&self.seeds[i]))
            .collect()
    }

    pub fn seeds_of(&self, arm: Arm) -> BTreeSet<u64> {
        (0..self.arms.len())
            .filter(|&i| self.arms[i] == arm)
            .map(|i| self.seeds[i])
            .collect()
    }

    /// An arm's mean over seeds, plain and of each sample.
    pub fn means(&self, arm: Arm, figure: usize) -> (Option<f64>, Vec<Option<f64>>) {
        self.means_of(&self.runs(arm, &self.seeds_of(arm)), figure)
    }

    pub fn means_of(&self, runs: &[usize], figure: usize) -> (Option<f64>, Vec<Option<f64>>) {
        let mean = |values: &[Values]| -> Option<f64> {
            let sum: Option<f64> = runs.iter().map(|&run| values[run][figure]).sum();
            sum.filter(|_| !runs.is_empty())
                .map(|sum| sum / runs.len() as f64)
        };
        (
            mean(&self.plain),
            self.samples.iter().map(|sample| mean(sample)).collect(),
        )
    }

    /// `b` less `a`, over the seeds both have; nothing where they share none.
    pub fn paired(&self, a: Arm, b: Arm, figure: usize) -> Option<Paired> {
        let seeds: BTreeSet<u64> = &self.seeds_of(a) & &self.seeds_of(b);
        if seeds.is_empty() {
            return None;
        }
        let (plain_a, samples_a) = self.means_of(&self.runs(a, &seeds), figure);
        let (plain_b, samples_b) = self.means_of(&self.runs(b, &seeds), figure);
        let differences: Vec<Option<f64>> = samples_a
            .into_iter()
            .zip(samples_b)
            .map(|(a, b)| Some(b? - a?))
            .collect();
        let interval = interval(&differences);
        Some(Paired {
            a,
            b,
            figure: FIGURES[figure].name.to_owned(),
            difference: plain_a.zip(plain_b).map(|(a, b)| b - a),
            interval,
            p: interval.map(|_| two_sided(&differences)),
        })
    }
}
