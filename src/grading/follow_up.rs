//! When to look again, by a published guideline.
//!
//! International Council of Ophthalmology, *ICO Guidelines for Diabetic Eye
//! Care*, updated 2017, the table of re-examination intervals where resources
//! allow. Those of the grades hold for eyes without diabetic macular oedema, for
//! which the same table has intervals of its own.

use serde::Serialize;

use super::phrase::Phrase;
use super::scale::Grade;

/// The guideline's interval for a grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FollowUp {
    /// Stable, kebab-case: the key of a translation.
    pub code: &'static str,
    pub sentence: &'static str,
    pub guideline: &'static str,
}

const GUIDELINE: &str =
    "International Council of Ophthalmology, ICO Guidelines for Diabetic Eye Care, 2017";

impl FollowUp {
    /// The interval the guideline gives for `grade`, with macular oedema or without.
    pub fn of(grade: Grade, edema: bool) -> Self {
        Self::say(match (edema, grade) {
            (true, Grade::Proliferative) => PROLIFERATIVE_WITH_EDEMA,
            (true, _) => EDEMA,
            (false, _) => OF_GRADE[usize::from(grade.number())],
        })
    }

    /// The interval where it is unsure which of two grades it is: that of the
    /// `worse`, which comes sooner. None where not even that one is referred, for
    /// then the doubt is what refers, and no interval is to say otherwise.
    pub fn of_worse(worse: Grade, edema: bool) -> Option<Self> {
        match worse {
            _ if edema => Some(Self::of(worse, edema)),
            Grade::None | Grade::Mild => None,
            Grade::Moderate => Some(Self::say(OF_WORSE[0])),
            Grade::Severe => Some(Self::say(OF_WORSE[1])),
            Grade::Proliferative => Some(Self::say(OF_WORSE[2])),
        }
    }

    fn say(phrase: Phrase) -> Self {
        Self {
            code: phrase.code,
            sentence: phrase.text,
            guideline: GUIDELINE,
        }
    }
}

const EDEMA: Phrase = Phrase::new(
    "follow-up-edema",
    "Guideline where macular oedema is found (ICO 2017): see an ophthalmologist, \
     next examination in 1 month where it reaches the centre, otherwise in 3. \
     A clinician decides.",
);
const PROLIFERATIVE_WITH_EDEMA: Phrase = Phrase::new(
    "follow-up-proliferative-edema",
    "Guideline for proliferative retinopathy, with macular oedema or without (ICO 2017): \
     see an ophthalmologist, next examination in less than 1 month. A clinician decides.",
);

/// Every sentence.
pub(super) const SAID: [Phrase; 10] = [
    OF_GRADE[0],
    OF_GRADE[1],
    OF_GRADE[2],
    OF_GRADE[3],
    OF_GRADE[4],
    OF_WORSE[0],
    OF_WORSE[1],
    OF_WORSE[2],
    EDEMA,
    PROLIFERATIVE_WITH_EDEMA,
];

/// Of the worse of two grades, from moderate on.
const OF_WORSE: [Phrase; 3] = [
    Phrase::new(
        "follow-up-worse-moderate",
        "Guideline for the worse of the two grades without macular oedema (ICO 2017): \
         see an ophthalmologist, next examination in 3 to 6 months. A clinician decides.",
    ),
    Phrase::new(
        "follow-up-worse-severe",
        "Guideline for the worse of the two grades without macular oedema (ICO 2017): \
         see an ophthalmologist, next examination in less than 3 months. A clinician decides.",
    ),
    Phrase::new(
        "follow-up-worse-proliferative",
        "Guideline for the worse of the two grades without macular oedema (ICO 2017): \
         see an ophthalmologist, next examination in less than 1 month. A clinician decides.",
    ),
];

/// One sentence a grade.
const OF_GRADE: [Phrase; 5] = [
    Phrase::new(
        "follow-up-none",
        "Guideline for this grade without macular oedema (ICO 2017): \
         next examination in 1 to 2 years. A clinician decides.",
    ),
    Phrase::new(
        "follow-up-mild",
        "Guideline for this grade without macular oedema (ICO 2017): \
         next examination in 6 to 12 months. A clinician decides.",
    ),
    Phrase::new(
        "follow-up-moderate",
        "Guideline for this grade without macular oedema (ICO 2017): \
         see an ophthalmologist, next examination in 3 to 6 months. A clinician decides.",
    ),
    Phrase::new(
        "follow-up-severe",
        "Guideline for this grade without macular oedema (ICO 2017): \
         see an ophthalmologist, next examination in less than 3 months. A clinician decides.",
    ),
    Phrase::new(
        "follow-up-proliferative",
        "Guideline for this grade without macular oedema (ICO 2017): \
         see an ophthalmologist, next examination in less than 1 month. A clinician decides.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_grade_has_its_own_interval_and_the_guidelines_name() {
        for grade in Grade::ALL {
            let follow_up = FollowUp::of(grade, false);
            assert!(follow_up.code.ends_with(grade.key()), "{follow_up:?}");
            assert!(follow_up.sentence.contains("ICO 2017"));
            assert!(follow_up.sentence.ends_with("A clinician decides."));
            assert_eq!(
                follow_up.sentence.contains("ophthalmologist"),
                grade.is_referable(),
                "{grade:?}"
            );
        }
    }

    #[test]
    fn of_two_grades_the_worse_has_its_interval_where_it_is_referred_at_all() {
        assert_eq!(FollowUp::of_worse(Grade::Mild, false), None);
        for grade in [Grade::Moderate, Grade::Severe, Grade::Proliferative] {
            let interval = |follow_up: FollowUp| {
                let (_, interval) = follow_up.sentence.split_once("(ICO 2017): ").unwrap();
                interval
            };
            let worse = FollowUp::of_worse(grade, false).unwrap();
            assert!(worse.sentence.contains("worse of the two"), "{worse:?}");
            assert_eq!(interval(worse), interval(FollowUp::of(grade, false)));
        }
    }

    #[test]
    fn oedema_has_intervals_of_its_own_and_proliferation_the_sooner() {
        for grade in [Grade::None, Grade::Moderate, Grade::Severe] {
            assert_eq!(FollowUp::of(grade, true).code, "follow-up-edema");
            assert_eq!(
                FollowUp::of_worse(grade, true),
                Some(FollowUp::of(grade, true))
            );
        }
        let sooner = FollowUp::of(Grade::Proliferative, true);
        assert!(sooner.sentence.contains("less than 1 month"));
        assert!(
            !sooner.sentence.contains("without macular oedema ("),
            "{sooner:?}"
        );
    }
}
