//! What is said of one photo.

use serde::{Deserialize, Serialize};

use super::follow_up::FollowUp;
use super::phrase::Phrase;
use super::scale::Grade;
use crate::bundle::Manifest;
use crate::photo::{PhotoError, Preprocessing, Retina};
use crate::quality::Reason;

/// How a photo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Graded,
    /// A retina, but not well enough photographed; counts as refer.
    Ungradable,
    NotFundus,
    Error,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Graded => "graded",
            Self::Ungradable => "ungradable",
            Self::NotFundus => "not-fundus",
            Self::Error => "error",
        }
    }
}

/// What went wrong, for programs and for the person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// Stable and kebab-case.
    pub code: String,
    /// A sentence: what happened and what to do.
    pub message: String,
}

/// Time taken by each step, in milliseconds of the caller's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Milliseconds {
    pub decode: f64,
    pub prepare: f64,
    pub network: f64,
    pub total: f64,
}

/// The keys by which a page in another language finds its own sentences; see
/// [`codes`](super::codes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Codes {
    pub referral: Option<&'static str>,
    pub doubt: Option<&'static str>,
    pub edema: Option<&'static str>,
}

/// The result for one photo, with its provenance.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    pub status: Status,
    pub error: Option<Fault>,
    pub grade: Option<Grade>,
    /// The ICDR scale's name of the grade.
    pub grade_name: Option<&'static str>,
    /// Number and short name: `2 · Moderate`.
    pub grade_label: Option<&'static str>,
    /// What defines the grade.
    pub findings: Option<&'static str>,
    /// Calibrated, one a grade.
    pub probabilities: Option<Vec<f64>>,
    /// The same as whole per cent, for reading.
    pub probability_labels: Vec<String>,
    pub referable: Option<bool>,
    /// Refer or not, in a sentence.
    pub referral: Option<&'static str>,
    pub unsure: bool,
    /// Why to doubt the grade, in a sentence.
    pub doubt: Option<String>,
    pub edema: &'static str,
    /// When a guideline would look again; none where the grade is in doubt.
    pub follow_up: Option<FollowUp>,
    pub codes: Codes,
    /// Name, version and hash of the model.
    pub bundle: String,
    /// SHA-256 of the weights.
    pub model: String,
    pub backend: String,
    pub preprocessing: String,
    pub milliseconds: Milliseconds,
    pub retina: Option<Retina>,
}

/// Below this the most probable grade is a guess among neighbours.
const SURE: f64 = 0.5;

const REFER: Phrase = Phrase::new(
    "refer",
    "Refer: signs of at least moderate diabetic retinopathy.",
);
const REFER_TO_BE_SAFE: Phrase = Phrase::new(
    "refer-to-be-safe",
    "Refer: moderate or worse retinopathy cannot be ruled out.",
);
const DO_NOT_REFER: Phrase = Phrase::new(
    "no-referral",
    "No referral for diabetic retinopathy; screen again at the usual interval.",
);
const REFER_UNSEEN: Phrase = Phrase::new(
    "refer-unseen",
    "Refer, or photograph again: this photo could not be graded.",
);
const EDEMA: Phrase = Phrase::new("edema-not-assessed", "Macular oedema: not assessed.");

pub(super) const SAID: [Phrase; 5] = [REFER, REFER_TO_BE_SAFE, DO_NOT_REFER, REFER_UNSEEN, EDEMA];

const GUESS: &str = "unsure-guess";
const NEAR_LINE: &str = "unsure-near-line";
pub(super) const DOUBTS: [&str; 2] = [GUESS, NEAR_LINE];

pub(super) const NETWORK_FAILED: &str = "network-failed";

impl Assessment {
    /// The assessment of a photo that got as far as the network.
    pub fn graded(
        manifest: &Manifest,
        backend: &str,
        outputs: &[f32],
        retina: Retina,
        milliseconds: Milliseconds,
    ) -> Self {
        let probabilities = manifest.calibration.probabilities(outputs);
        let grade = Grade::ALL[most_probable(&probabilities)];
        let referable_score: f64 = probabilities[2..].iter().sum();
        let referable = referable_score >= manifest.thresholds.referable.threshold;
        let confidence = probabilities[usize::from(grade.number())];
        let guess = !reaches(confidence, SURE);
        let unsure = guess || referable != grade.is_referable();
        let doubt = unsure.then(|| {
            if guess {
                format!(
                    "Unsure: no grade reaches {}. Have this photo read by a person.",
                    percent(SURE)
                )
            } else {
                "Unsure: close to the line between refer and not. \
                 Have this photo read by a person."
                    .to_owned()
            }
        });
        let referral = match (referable, grade.is_referable()) {
            (true, true) => REFER,
            (true, false) => REFER_TO_BE_SAFE,
            (false, _) => DO_NOT_REFER,
        };
        let blank = Self::blank(manifest, backend);
        Self {
            status: Status::Graded,
            error: None,
            grade: Some(grade),
            grade_name: Some(grade.name()),
            grade_label: Some(grade.label()),
            findings: Some(grade.findings()),
            probability_labels: probabilities.iter().map(|p| percent(*p)).collect(),
            probabilities: Some(probabilities),
            referable: Some(referable),
            referral: Some(referral.text),
            unsure,
            doubt,
            follow_up: (!unsure).then(|| FollowUp::of(grade)),
            codes: Codes {
                referral: Some(referral.code),
                doubt: unsure.then_some(if guess { GUESS } else { NEAR_LINE }),
                ..blank.codes
            },
            retina: Some(retina),
            milliseconds,
            ..blank
        }
    }

    /// The assessment of a photo that could not be graded, and why.
    pub fn refused(
        manifest: &Manifest,
        backend: &str,
        error: &PhotoError,
        milliseconds: Milliseconds,
    ) -> Self {
        let status = match error {
            PhotoError::NoRetina => Status::NotFundus,
            PhotoError::TooSmall { .. } => Status::Ungradable,
            _ => Status::Error,
        };
        let referral = (status == Status::Ungradable).then_some(REFER_UNSEEN);
        let blank = Self::blank(manifest, backend);
        Self {
            status,
            error: Some(Fault {
                code: error.code().to_owned(),
                message: error.to_string(),
            }),
            referral: referral.map(|phrase| phrase.text),
            referable: referral.map(|_| true),
            codes: Codes {
                referral: referral.map(|phrase| phrase.code),
                ..blank.codes
            },
            milliseconds,
            ..blank
        }
    }

    /// The assessment of a photo that the gate before the network turned away. A
    /// shot too bad to grade counts as refer; what is no retina is not an eye's.
    pub fn turned_away(
        manifest: &Manifest,
        backend: &str,
        reason: Reason,
        retina: Retina,
        milliseconds: Milliseconds,
    ) -> Self {
        let ungradable = reason != Reason::NotFundus;
        let referral = ungradable.then_some(REFER_UNSEEN);
        let blank = Self::blank(manifest, backend);
        Self {
            status: if ungradable {
                Status::Ungradable
            } else {
                Status::NotFundus
            },
            error: Some(Fault {
                code: reason.code().to_owned(),
                message: reason.to_string(),
            }),
            referral: referral.map(|phrase| phrase.text),
            referable: referral.map(|_| true),
            codes: Codes {
                referral: referral.map(|phrase| phrase.code),
                ..blank.codes
            },
            retina: ungradable.then_some(retina),
            milliseconds,
            ..blank
        }
    }

    /// The assessment where the network itself failed.
    pub fn failed(manifest: &Manifest, backend: &str, reason: &str) -> Self {
        Self {
            error: Some(Fault {
                code: NETWORK_FAILED.to_owned(),
                message: format!("The network could not run ({reason}). Reload and try again."),
            }),
            ..Self::blank(manifest, backend)
        }
    }

    /// The assessment of a photo whose bytes could not be had at all.
    pub fn unreadable(manifest: &Manifest, backend: &str, reason: &str) -> Self {
        Self {
            error: Some(Fault {
                code: "unreadable".to_owned(),
                message: format!("The file could not be read: {reason}."),
            }),
            ..Self::blank(manifest, backend)
        }
    }

    fn blank(manifest: &Manifest, backend: &str) -> Self {
        Self {
            status: Status::Error,
            error: None,
            grade: None,
            grade_name: None,
            grade_label: None,
            findings: None,
            probabilities: None,
            probability_labels: Vec::new(),
            referable: None,
            referral: None,
            unsure: false,
            doubt: None,
            edema: EDEMA.text,
            follow_up: None,
            codes: Codes {
                edema: Some(EDEMA.code),
                ..Codes::default()
            },
            bundle: manifest.id(),
            model: manifest.weights.sha256.clone(),
            backend: backend.to_owned(),
            preprocessing: describe(&manifest.preprocessing),
            milliseconds: Milliseconds::default(),
            retina: None,
        }
    }
}

/// The preprocessing in a phrase, for a result's provenance.
fn describe(settings: &Preprocessing) -> String {
    let size = settings.size;
    match &settings.local_mean {
        None => format!("retina centred, {size} px"),
        Some(_) => format!("retina centred, {size} px, local mean subtracted"),
    }
}

/// Index of the highest probability; the worse grade of two equal ones.
fn most_probable(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (index, probability) in probabilities.iter().enumerate() {
        if *probability >= probabilities[best] {
            best = index;
        }
    }
    best
}

/// Whether a probability reads as at least `level`: compared as it is shown, so
/// that a result of "50 %" is never said not to reach 50 %.
fn reaches(probability: f64, level: f64) -> bool {
    (probability * 100.0).round() >= (level * 100.0).round()
}

/// Whole per cent; what is neither nothing nor everything never reads as either.
fn percent(probability: f64) -> String {
    let rounded = (probability * 100.0).round();
    let number = if probability > 0.0 && rounded < 1.0 {
        "<1".to_owned()
    } else if probability < 1.0 && rounded > 99.0 {
        ">99".to_owned()
    } else {
        format!("{rounded:.0}")
    };
    // A no-break space: a number never parts from its sign.
    format!("{number}\u{a0}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_never_claim_certainty() {
        assert_eq!(percent(0.0), "0\u{a0}%");
        assert_eq!(percent(0.001), "<1\u{a0}%");
        assert_eq!(percent(0.634), "63\u{a0}%");
        assert_eq!(percent(0.999), ">99\u{a0}%");
        assert_eq!(percent(1.0), "100\u{a0}%");
    }

    #[test]
    fn what_reads_as_half_reaches_half() {
        assert!(reaches(0.4987, 0.5) && percent(0.4987) == percent(0.5));
        assert!(!reaches(0.494, 0.5) && percent(0.494) != percent(0.5));
    }

    #[test]
    fn of_two_equal_grades_the_worse_counts() {
        assert_eq!(most_probable(&[0.1, 0.4, 0.4, 0.1, 0.0]), 2);
    }
}
