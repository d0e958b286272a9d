//! What is decided of a photo's probabilities at an operating point: all of an
//! assessment that changes with it.

use serde::{Deserialize, Serialize};

use super::assessment::Status;
use super::calibration;
use super::doubt::{self, Agreement};
use super::edema;
use super::follow_up::FollowUp;
use super::operating_point::{Lines, PointName, REFERABLE_FROM, SIGHT_THREATENING_FROM};
use super::phrase::Phrase;
use super::scale::Grade;
use crate::bundle::{Doubt, Manifest};

/// Refer or not, how sure, and what next.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub operating_point: PointName,
    /// Over the line for referral, at risk of macular oedema, or unsure.
    pub referable: bool,
    pub referral: &'static str,
    /// Severe or proliferative; none where the model has no line for it. Said of
    /// those who are referred, never of others.
    pub sight_threatening: Option<bool>,
    pub threat: Option<&'static str>,
    pub unsure: bool,
    pub doubt: Option<String>,
    /// The two grades an unsure answer wavers between, the lower first.
    pub between: Option<[Grade; 2]>,
    /// The chance that grade or referral is wrong; none where the model knows none.
    pub doubt_chance: Option<f64>,
    /// Over the line of macular oedema, and not over that of retinopathy.
    pub edema_alone: bool,
    /// Of an unsure answer that of the worse of its two grades, where that one is
    /// referred; else none.
    pub follow_up: Option<FollowUp>,
    pub codes: DecisionCodes,
}

/// The keys of a decision's sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionCodes {
    pub referral: &'static str,
    pub threat: Option<&'static str>,
    pub doubt: Option<&'static str>,
}

/// A result graded before, as far as a new decision needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct Evidence {
    pub status: Status,
    /// SHA-256 of the weights that graded it.
    pub model: String,
    /// SHA-256 of its settings; results kept by versions that did not tell have none.
    #[serde(default)]
    pub settings: Option<String>,
    pub probabilities: Option<Vec<f64>>,
    /// What further looks said of it, where there were any.
    #[serde(default)]
    pub agreement: Option<Agreement>,
    /// Of the risk of macular oedema, where the model has a head for it.
    #[serde(default, rename = "edemaProbabilities")]
    pub edema_probabilities: Option<Vec<f64>>,
}

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
const REFER_UNSURE: Phrase = Phrase::new(
    "refer-unsure",
    "Refer: the grade is unsure, and a person has to read the photo.",
);
const REFER_EDEMA: Phrase = Phrase::new(
    "refer-edema",
    "Refer: a risk of macular oedema, or one that cannot be ruled out.",
);
const THREAT: Phrase = Phrase::new("sight-threatening", "This grade threatens sight.");
const THREAT_TO_BE_SAFE: Phrase = Phrase::new(
    "sight-threatening-to-be-safe",
    "Sight-threatening disease cannot be ruled out.",
);

pub(super) const SAID: [Phrase; 7] = [
    REFER,
    REFER_TO_BE_SAFE,
    DO_NOT_REFER,
    REFER_UNSURE,
    REFER_EDEMA,
    THREAT,
    THREAT_TO_BE_SAFE,
];

impl Decision {
    /// Decides by calibrated probabilities, one a grade; `edema` is whether the
    /// risk of macular oedema is over its own line, `settings` are the model's
    /// doubt, `agreement` what further looks said.
    pub fn of(
        probabilities: &[f64],
        edema: bool,
        lines: &Lines<'_>,
        settings: Option<&Doubt>,
        agreement: Option<&Agreement>,
    ) -> Self {
        let grade = most_probable(probabilities);
        let at_least = |from: u8| -> f64 { probabilities[usize::from(from)..].iter().sum() };
        let threshold = lines.referable.threshold;
        let over_line = at_least(REFERABLE_FROM) >= threshold;
        let sight_threatening = lines
            .sight_threatening
            .map(|line| over_line && at_least(SIGHT_THREATENING_FROM) >= line.threshold);
        let unsure = doubt::judge(probabilities, threshold, settings, agreement);
        // Signs are only said to be there where no grade without them is in question.
        let signs = grade.is_referable()
            && unsure
                .as_ref()
                .is_none_or(|unsure| unsure.between[0].is_referable());
        let referral = match (over_line, signs) {
            (true, true) => REFER,
            (true, false) => REFER_TO_BE_SAFE,
            (false, _) if edema => REFER_EDEMA,
            (false, _) if unsure.is_some() => REFER_UNSURE,
            (false, _) => DO_NOT_REFER,
        };
        let threat = (sight_threatening == Some(true)).then(|| {
            if grade.number() >= SIGHT_THREATENING_FROM {
                THREAT
            } else {
                THREAT_TO_BE_SAFE
            }
        });
        Self {
            operating_point: lines.name,
            referable: over_line || edema || unsure.is_some(),
            referral: referral.text,
            sight_threatening,
            threat: threat.map(|phrase| phrase.text),
            unsure: unsure.is_some(),
            between: unsure.as_ref().map(|unsure| unsure.between),
            doubt_chance: settings
                .map(|settings| settings.chance(probabilities, threshold, agreement)),
            edema_alone: edema && !over_line,
            follow_up: match &unsure {
                Some(unsure) => FollowUp::of_worse(unsure.between[1], edema),
                None => Some(FollowUp::of(grade, edema)),
            },
            codes: DecisionCodes {
                referral: referral.code,
                threat: threat.map(|phrase| phrase.code),
                doubt: unsure.as_ref().map(|unsure| unsure.code),
            },
            doubt: unsure.map(|unsure| unsure.sentence),
        }
    }

    /// Decides again of a result graded before. None where there is nothing to
    /// decide: it has no grade, which refers at every point; another model graded it,
    /// or this one before its settings were fixed anew, whose probabilities these
    /// lines were not fixed on; or it is no result.
    pub fn again(manifest: &Manifest, evidence: &Evidence, lines: &Lines<'_>) -> Option<Self> {
        let graded = evidence.status == Status::Graded
            && evidence.model == manifest.weights.sha256
            && evidence.settings == Some(manifest.settings());
        let probabilities = evidence.probabilities.as_ref().filter(|_| graded)?;
        let whole = probabilities.len() == Grade::ALL.len()
            && probabilities.iter().all(|p| (0.0..=1.0).contains(p));
        let edema = match (&manifest.edema, &evidence.edema_probabilities) {
            (Some(head), Some(risks)) if edema::are_probabilities(risks) => {
                edema::is_referable(head, risks)
            }
            (None, _) => false,
            // The head answered when it was graded: this is no result of it.
            (Some(_), _) => return None,
        };
        whole.then(|| {
            let agreement = evidence.agreement.as_ref();
            let doubt = manifest.doubt.as_ref();
            Self::of(probabilities, edema, lines, doubt, agreement)
        })
    }
}

/// The grade of the highest probability; the worse of two equal ones.
pub(super) fn most_probable(probabilities: &[f64]) -> Grade {
    Grade::ALL[calibration::most_probable(probabilities)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{FurtherPoint, OperatingPoint, Thresholds};

    fn thresholds() -> Thresholds {
        let point = |threshold| OperatingPoint {
            threshold,
            sensitivity: 0.9,
            specificity: 0.9,
            fixed_on: "ten photos".to_owned(),
        };
        let further = |name: PointName, from_grade, threshold| FurtherPoint {
            name: name.line(from_grade),
            from_grade,
            point: point(threshold),
        };
        Thresholds {
            referable: point(0.2),
            further: vec![
                further(PointName::Balanced, 2, 0.5),
                further(PointName::Specific, 2, 0.8),
                further(PointName::Screening, 3, 0.1),
                further(PointName::Balanced, 3, 0.3),
            ],
        }
    }

    fn decide(probabilities: [f64; 5], name: PointName) -> Decision {
        let thresholds = thresholds();
        decide_with(probabilities, false, name, &thresholds)
    }

    fn decide_with(
        probabilities: [f64; 5],
        edema: bool,
        name: PointName,
        thresholds: &Thresholds,
    ) -> Decision {
        let lines = Lines::at(thresholds, name).unwrap();
        Decision::of(&probabilities, edema, &lines, None, None)
    }

    #[test]
    fn the_same_photo_is_referred_at_one_point_and_not_at_another() {
        // 0.35 for moderate or worse, of it 0.05 for severe or worse.
        let photo = [0.6, 0.05, 0.3, 0.03, 0.02];
        let screening = decide(photo, PointName::Screening);
        assert!(screening.referable && screening.unsure);
        assert_eq!(screening.codes.referral, "refer-to-be-safe");
        assert_eq!(screening.sight_threatening, Some(false));
        let balanced = decide(photo, PointName::Balanced);
        assert!(!balanced.referable && !balanced.unsure);
        assert_eq!(balanced.codes.referral, "no-referral");
        assert_eq!(balanced.operating_point, PointName::Balanced);
        assert!(balanced.follow_up.is_some());
    }

    #[test]
    fn a_sure_grade_is_referred_from_moderate_on_and_for_nothing_else() {
        let moderate = decide([0.0, 0.05, 0.9, 0.05, 0.0], PointName::Balanced);
        assert!(moderate.referable && !moderate.unsure && !moderate.edema_alone);
        assert_eq!(moderate.codes.referral, "refer");
        let healthy = decide([0.95, 0.05, 0.0, 0.0, 0.0], PointName::Balanced);
        assert!(!healthy.referable && !healthy.unsure && !healthy.edema_alone);
        assert_eq!(healthy.codes.referral, "no-referral");
    }

    #[test]
    fn whoever_is_on_a_line_is_over_it() {
        // As the figures count, which the line was fixed by.
        let on_both = decide([0.25, 0.25, 0.2, 0.3, 0.0], PointName::Balanced);
        assert_eq!(on_both.codes.referral, "refer-to-be-safe");
        assert_eq!(on_both.sight_threatening, Some(true));
        let on_one = decide([0.0, 0.25, 0.5, 0.25, 0.0], PointName::Balanced);
        assert_eq!(on_one.sight_threatening, Some(false));
        // Grade and line agree on this one.
        let moderate = decide([0.25, 0.25, 0.5, 0.0, 0.0], PointName::Balanced);
        assert!(moderate.referable && !moderate.unsure);
        assert_eq!(moderate.codes.referral, "refer");
    }

    #[test]
    fn a_moderate_grade_below_the_line_is_unsure_and_therefore_referred() {
        let below = decide([0.1, 0.2, 0.6, 0.05, 0.05], PointName::Specific);
        assert!(below.referable && below.unsure);
        assert_eq!(below.codes.referral, "refer-unsure");
        assert_eq!(below.codes.doubt, Some("unsure-near-line"));
        assert_eq!(below.between, Some([Grade::Mild, Grade::Moderate]));
        let follow_up = below.follow_up.unwrap();
        assert_eq!(follow_up.code, "follow-up-worse-moderate");
    }

    #[test]
    fn what_wavers_is_not_said_to_show_signs_that_one_of_its_grades_lacks() {
        // Not even half is sure, so it wavers: first with none, then with severe.
        let perhaps_none = decide([0.38, 0.1, 0.42, 0.06, 0.04], PointName::Balanced);
        assert!(perhaps_none.unsure && perhaps_none.referable);
        assert_eq!(perhaps_none.between, Some([Grade::None, Grade::Moderate]));
        assert_eq!(perhaps_none.codes.referral, "refer-to-be-safe");
        let severe_or_worse = decide([0.0, 0.0, 0.1, 0.44, 0.46], PointName::Balanced);
        assert!(severe_or_worse.unsure);
        assert_eq!(severe_or_worse.codes.referral, "refer");
        // The interval is the sooner of the two.
        let follow_up = severe_or_worse.follow_up.unwrap();
        assert_eq!(follow_up.code, "follow-up-worse-proliferative");
        // Healthy or mild: the doubt refers, and no interval says to wait.
        let healthy = decide([0.48, 0.47, 0.05, 0.0, 0.0], PointName::Balanced);
        assert!(healthy.unsure && healthy.referable);
        assert_eq!(healthy.follow_up, None);
    }

    #[test]
    fn a_risk_of_oedema_refers_at_every_point_and_says_so_where_nothing_else_does() {
        let thresholds = thresholds();
        for name in [PointName::Screening, PointName::Balanced] {
            let healthy = decide_with([0.95, 0.05, 0.0, 0.0, 0.0], true, name, &thresholds);
            assert!(healthy.referable && healthy.edema_alone && !healthy.unsure);
            assert_eq!(healthy.codes.referral, "refer-edema");
            // The grade's interval is for eyes without oedema.
            assert_eq!(healthy.follow_up.unwrap().code, "follow-up-edema");
        }
        let both = decide_with(
            [0.0, 0.0, 1.0, 0.0, 0.0],
            true,
            PointName::Balanced,
            &thresholds,
        );
        assert!(both.referable && !both.edema_alone);
        assert_eq!(both.codes.referral, "refer");
        // Unsure besides: the reason that is known is said.
        let unsure = decide_with(
            [0.4, 0.4, 0.2, 0.0, 0.0],
            true,
            PointName::Balanced,
            &thresholds,
        );
        assert!(unsure.unsure && unsure.edema_alone);
        assert_eq!(unsure.codes.referral, "refer-edema");
    }

    #[test]
    fn what_threatens_sight_is_said_of_those_referred_alone() {
        let severe = decide([0.0, 0.0, 0.2, 0.7, 0.1], PointName::Balanced);
        assert_eq!(severe.codes.threat, Some("sight-threatening"));
        let perhaps = decide([0.1, 0.0, 0.7, 0.1, 0.1], PointName::Screening);
        assert_eq!(perhaps.codes.threat, Some("sight-threatening-to-be-safe"));
        // 0.12 for severe or worse is over its line, 0.12 for moderate or worse is not.
        let neither = decide([0.88, 0.0, 0.0, 0.12, 0.0], PointName::Screening);
        assert_eq!(
            (neither.referable, neither.sight_threatening),
            (false, Some(false))
        );
        // This point has no line for it.
        let unknown = decide([0.0, 0.0, 0.0, 1.0, 0.0], PointName::Specific);
        assert_eq!((unknown.sight_threatening, unknown.threat), (None, None));
    }

    #[test]
    fn of_two_equal_grades_the_worse_counts() {
        assert_eq!(most_probable(&[0.1, 0.4, 0.4, 0.1, 0.0]), Grade::ALL[2]);
    }
}
