//! What is said of one photo.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, most_probable};
use super::doubt::Agreement;
use super::edema::{self, Risk};
use super::follow_up::FollowUp;
use super::looks::Reading;
use super::operating_point::{Lines, PointName};
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
    /// Further looks, where there were any.
    pub looks: f64,
    pub total: f64,
}

/// The keys by which a page in another language finds its own sentences; see
/// [`codes`](super::codes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Codes {
    pub referral: Option<&'static str>,
    pub threat: Option<&'static str>,
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
    /// Where the lines lay that the photo was decided by; none where it was not
    /// graded, which refers at every point.
    pub operating_point: Option<PointName>,
    /// Whether to refer: moderate or worse at the operating point, a risk of
    /// macular oedema, unsure, or ungradable.
    pub referable: Option<bool>,
    /// Refer or not, in a sentence.
    pub referral: Option<&'static str>,
    /// Severe or proliferative; none where the model has no line for it.
    pub sight_threatening: Option<bool>,
    /// That it threatens sight, in a sentence.
    pub threat: Option<&'static str>,
    /// Not to be relied on: a person is to read the photo. Counts as refer.
    pub unsure: bool,
    /// Why to doubt the grade, in sentences.
    pub doubt: Option<String>,
    /// The two grades an unsure answer wavers between, the lower first.
    pub between: Option<[Grade; 2]>,
    /// The chance that grade or referral is wrong, as the model's validation
    /// photos taught it; none where the model knows none.
    pub doubt_chance: Option<f64>,
    /// What each look said, where there were several; none where the first was
    /// clear enough.
    pub agreement: Option<Agreement>,
    /// The risk of macular oedema in a sentence, or that it was not assessed.
    pub edema: String,
    /// Calibrated, of no risk, risk 1 and risk 2 on IDRiD's scale; none where the
    /// model has no head for it.
    pub edema_probabilities: Option<Vec<f64>>,
    /// The chance of risk 1 or 2 as whole per cent, for reading.
    pub edema_label: Option<String>,
    /// Whether that chance reaches the model's line, the same at every operating
    /// point.
    pub edema_referable: Option<bool>,
    /// Referred for the risk of macular oedema, and not for retinopathy.
    pub edema_alone: bool,
    /// When a guideline would look again; of an unsure answer by the worse of its
    /// two grades, and none where not even that one is referred.
    pub follow_up: Option<FollowUp>,
    pub codes: Codes,
    /// Name, version and hash of the model.
    pub bundle: String,
    /// SHA-256 of the weights.
    pub model: String,
    /// SHA-256 of the model's settings, by which it was answered and decided
    /// ([`Manifest::settings`]).
    pub settings: String,
    pub backend: String,
    pub preprocessing: String,
    pub milliseconds: Milliseconds,
    pub retina: Option<Retina>,
    /// How many pictures the file holds, of which the first was read; of a DICOM
    /// file see what it tells of itself.
    pub pictures: u32,
}

const REFER_UNSEEN: Phrase = Phrase::new(
    "refer-unseen",
    "Refer, or photograph again: this photo could not be graded.",
);

pub(super) const SAID: [Phrase; 1] = [REFER_UNSEEN];

pub(super) const NETWORK_FAILED: &str = "network-failed";

impl Assessment {
    /// The assessment of a photo that got as far as the network: `outputs` of its
    /// first look, and of each further one where there were any. The grade is that
    /// of their mean, the risk of macular oedema that of the first, to which its
    /// head was fitted.
    pub fn graded(
        manifest: &Manifest,
        backend: &str,
        outputs: &[f32],
        further: &[Vec<f32>],
        retina: Retina,
        milliseconds: Milliseconds,
    ) -> Self {
        let (probabilities, agreement) = Reading::of(manifest).answer(outputs, further);
        let grade = most_probable(&probabilities);
        let edema_probabilities = manifest.edema_probabilities(outputs);
        let risk = manifest
            .edema
            .as_ref()
            .zip(edema_probabilities.as_ref())
            .map(|(edema, probabilities)| Risk::of(edema, probabilities));
        let mut assessment = Self {
            status: Status::Graded,
            grade: Some(grade),
            grade_name: Some(grade.name()),
            grade_label: Some(grade.label()),
            findings: Some(grade.findings()),
            probability_labels: probabilities.iter().map(|p| percent(*p)).collect(),
            probabilities: Some(probabilities),
            agreement,
            retina: Some(retina),
            milliseconds,
            edema_probabilities,
            ..Self::blank(manifest, backend)
        };
        if let Some(risk) = risk {
            assessment.edema = risk.sentence;
            assessment.edema_label = Some(risk.label);
            assessment.edema_referable = Some(risk.referable);
            assessment.codes.edema = Some(risk.code);
        }
        assessment.decide(manifest, &Lines::screening(&manifest.thresholds));
        assessment
    }

    /// The same assessment decided at other lines of the model that graded it:
    /// nothing is graded anew. One without a grade stays as it is.
    pub fn decide(&mut self, manifest: &Manifest, lines: &Lines<'_>) {
        if let Some(probabilities) = &self.probabilities {
            let agreement = self.agreement.as_ref();
            let settings = manifest.doubt.as_ref();
            let edema = self.edema_referable.unwrap_or(false);
            let decision = Decision::of(probabilities, edema, lines, settings, agreement);
            self.take(decision);
        }
    }

    fn take(&mut self, decision: Decision) {
        let Decision {
            operating_point,
            referable,
            referral,
            sight_threatening,
            threat,
            unsure,
            doubt,
            between,
            doubt_chance,
            edema_alone,
            follow_up,
            codes,
        } = decision;
        self.operating_point = Some(operating_point);
        self.referable = Some(referable);
        self.referral = Some(referral);
        self.sight_threatening = sight_threatening;
        self.threat = threat;
        self.unsure = unsure;
        self.doubt = doubt;
        self.between = between;
        self.doubt_chance = doubt_chance;
        self.edema_alone = edema_alone;
        self.follow_up = follow_up;
        self.codes.referral = Some(codes.referral);
        self.codes.threat = codes.threat;
        self.codes.doubt = codes.doubt;
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
            operating_point: None,
            referable: None,
            referral: None,
            sight_threatening: None,
            threat: None,
            unsure: false,
            doubt: None,
            between: None,
            doubt_chance: None,
            agreement: None,
            edema: edema::NOT_ASSESSED.text.to_owned(),
            edema_probabilities: None,
            edema_label: None,
            edema_referable: None,
            edema_alone: false,
            follow_up: None,
            codes: Codes {
                edema: Some(edema::NOT_ASSESSED.code),
                ..Codes::default()
            },
            bundle: manifest.id(),
            model: manifest.weights.sha256.clone(),
            settings: manifest.settings(),
            backend: backend.to_owned(),
            preprocessing: describe(&manifest.preprocessing),
            milliseconds: Milliseconds::default(),
            retina: None,
            pictures: 1,
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

/// Whole per cent; what is neither nothing nor everything never reads as either.
pub(super) fn percent(probability: f64) -> String {
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
        assert_eq!(percent(0.01), "1\u{a0}%");
        assert_eq!(percent(0.634), "63\u{a0}%");
        assert_eq!(percent(0.99), "99\u{a0}%");
        assert_eq!(percent(0.999), ">99\u{a0}%");
        assert_eq!(percent(1.0), "100\u{a0}%");
    }
}
