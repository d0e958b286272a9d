//! The figures of a study: which there are, and what one is of an arm.

use serde::{Deserialize, Serialize};

use crate::evaluation::Interval;

/// A figure of the study: its name, its title, and whether more is better.
pub struct FigureKind {
    pub name: &'static str,
    pub title: &'static str,
    pub higher_is_better: bool,
}

const fn kind(name: &'static str, title: &'static str, higher_is_better: bool) -> FigureKind {
    FigureKind {
        name,
        title,
        higher_is_better,
    }
}

/// The talk's three come first.
pub const FIGURES: [FigureKind; 10] = [
    kind("accuracy", "Accuracy", true),
    kind("kappa_quadratic", "Kappa, quadratic", true),
    kind("cross_entropy", "Cross-entropy", false),
    kind(
        "cross_entropy_before",
        "Cross-entropy before temperature scaling",
        false,
    ),
    kind("ece", "Calibration error", false),
    kind(
        "ece_before",
        "Calibration error before temperature scaling",
        false,
    ),
    kind("macro_recall", "Recall, macro", true),
    kind("macro_specificity", "Specificity, macro", true),
    kind("referable_auc", "AUC, grade 2 or worse", true),
    kind("auc_macro", "AUC, each grade against the rest, macro", true),
];

/// How many of [`FIGURES`] are the talk's.
pub const TALKED_OF: usize = 3;

/// A run's, in the order of [`FIGURES`].
pub(super) type Values = [Option<f64>; FIGURES.len()];

/// A figure of an arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Mean over seeds.
    pub mean: Option<f64>,
    /// 95 %, from resampled test photos.
    pub interval: Option<Interval>,
    pub by_seed: Vec<Option<f64>>,
}

impl Figure {
    /// Each seed's value for a reader; nothing where there is one seed, which is the mean.
    pub(super) fn seeds(&self) -> Option<String> {
        let value = |value: &Option<f64>| value.map_or("–".to_owned(), |v| format!("{v:.3}"));
        let values: Vec<String> = self.by_seed.iter().map(value).collect();
        (values.len() > 1).then(|| values.join(", "))
    }
}
