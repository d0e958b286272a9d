//! When to look again, by a published guideline.
//!
//! International Council of Ophthalmology, *ICO Guidelines for Diabetic Eye
//! Care*, updated 2017, the table of re-examination intervals where resources
//! allow. They hold for eyes without diabetic macular oedema.

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
    /// The interval the guideline gives for `grade` without macular oedema.
    pub fn of(grade: Grade) -> Self {
        let Phrase { code, text } = SAID[usize::from(grade.number())];
        Self {
            code,
            sentence: text,
            guideline: GUIDELINE,
        }
    }
}

/// One sentence a grade.
pub(super) const SAID: [Phrase; 5] = [
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
            let follow_up = FollowUp::of(grade);
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
}
