//! The International Clinical Diabetic Retinopathy severity scale
//! (Wilkinson et al. 2003, Ophthalmology 110:1677).

use serde::{Deserialize, Serialize};

/// One of the five ICDR grades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Grade {
    None = 0,
    Mild = 1,
    Moderate = 2,
    Severe = 3,
    Proliferative = 4,
}

impl Grade {
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Mild,
        Self::Moderate,
        Self::Severe,
        Self::Proliferative,
    ];

    /// 0 to 4.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The class's key in a manifest.
    pub fn key(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mild => "mild",
            Self::Moderate => "moderate",
            Self::Severe => "severe",
            Self::Proliferative => "proliferative",
        }
    }

    /// The scale's own name of the grade.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "No apparent diabetic retinopathy",
            Self::Mild => "Mild non-proliferative diabetic retinopathy",
            Self::Moderate => "Moderate non-proliferative diabetic retinopathy",
            Self::Severe => "Severe non-proliferative diabetic retinopathy",
            Self::Proliferative => "Proliferative diabetic retinopathy",
        }
    }

    /// Number and short name, such as `2 · Moderate`.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "0 · None",
            Self::Mild => "1 · Mild",
            Self::Moderate => "2 · Moderate",
            Self::Severe => "3 · Severe",
            Self::Proliferative => "4 · Proliferative",
        }
    }

    /// The findings that define the grade on dilated ophthalmoscopy (table 1 of the paper).
    pub fn findings(self) -> &'static str {
        match self {
            Self::None => "No abnormalities.",
            Self::Mild => "Microaneurysms only.",
            Self::Moderate => "More than just microaneurysms, but less than severe.",
            Self::Severe => {
                "Any of: more than 20 intraretinal haemorrhages in each of four quadrants; \
                 definite venous beading in two or more quadrants; prominent intraretinal \
                 microvascular abnormalities in one or more; and no sign of proliferation."
            }
            Self::Proliferative => {
                "Neovascularisation, or vitreous or preretinal haemorrhage, or both."
            }
        }
    }

    /// Grade 2 or above: referable diabetic retinopathy.
    pub fn is_referable(self) -> bool {
        self >= Self::Moderate
    }
}

impl From<Grade> for u8 {
    fn from(grade: Grade) -> Self {
        grade.number()
    }
}

impl TryFrom<u8> for Grade {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Self::ALL
            .get(usize::from(number))
            .copied()
            .ok_or_else(|| format!("grade {number} is outside the ICDR scale of 0 to 4"))
    }
}
