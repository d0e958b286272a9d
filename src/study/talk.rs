//! What others measured, to stand beside what is measured here.

use serde::{Deserialize, Serialize};

/// Figures of one row of the talk's table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TalkRow {
    /// The same network from random weights, or from ImageNet's.
    pub transfer: bool,
    /// Of the training photos.
    pub percent: u32,
    pub accuracy: f64,
    pub kappa_quadratic: f64,
    pub cross_entropy: f64,
}

const fn row(transfer: bool, percent: u32, figures: [f64; 3]) -> TalkRow {
    TalkRow {
        transfer,
        percent,
        accuracy: figures[0],
        kappa_quadratic: figures[1],
        cross_entropy: figures[2],
    }
}

/// Where [`TALK`] comes from.
pub const TALK_SOURCE: &str = "The talk this project was born from: a network trained on photographs of the retina from \
     random weights (Ref, on all photos) and from ImageNet (TL, on 100 to 10 % of them). Other \
     photos, another network and another split than here.";

/// The talk's table: accuracy, quadratic kappa and cross-entropy.
pub const TALK: [TalkRow; 7] = [
    row(false, 100, [0.72, 0.74, 0.79]),
    row(true, 100, [0.82, 0.89, 0.62]),
    row(true, 80, [0.81, 0.87, 0.62]),
    row(true, 60, [0.80, 0.86, 0.66]),
    row(true, 40, [0.78, 0.83, 0.74]),
    row(true, 20, [0.75, 0.80, 0.88]),
    row(true, 10, [0.73, 0.79, 0.95]),
];

/// Desautels et al. 2017: photos are patients' charts there, and what transfer
/// saved is time of collecting.
pub const COLLECTING_SOURCE: &str = "Desautels T. et al. 2017, “Using Transfer Learning for Improved Mortality Prediction in a \
     Data-Scarce Hospital Setting”, Biomedical Informatics Insights 9: what took more than 4,000 \
     patients, about 6 months of collecting, took fewer than 220, less than 10 days, with \
     transfer.";

/// Months that collecting all data takes in Desautels et al. 2017.
pub const MONTHS_FOR_ALL: f64 = 6.0;

/// Pratt et al. 2016, on 5,000 photos of EyePACS kept aside.
pub const PRATT: [(&str, f64); 1] = [("accuracy", 0.75)];

/// Yang et al. 2023, "MedMNIST v2", table 3: ResNet-18 at 28 px from random
/// weights, on the test part of RetinaMNIST.
pub const RETINAMNIST: [(&str, f64); 2] = [("accuracy", 0.524), ("auc_macro", 0.717)];

/// Sallam et al. 2020, ResNet-18 with transfer, Gaussian filtering and an
/// imbalanced sampler: accuracy, macro recall and macro specificity.
pub const SALLAM: [(&str, f64); 3] = [
    ("accuracy", 0.70),
    ("macro_recall", 0.50),
    ("macro_specificity", 0.88),
];
