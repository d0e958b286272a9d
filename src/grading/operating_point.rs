//! The operating points a model offers: which lines a photo is referred by.
//!
//! A line is a threshold on the calibrated probability of some grade or above,
//! fixed on validation and written into the manifest with the sensitivity and
//! specificity it had there. Which of them suits is for a programme to say: one
//! that screens would rather look twice, one where every referral is a long
//! journey would rather not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bundle::{OperatingPoint, Thresholds};

/// The lowest grade that is referred (moderate; Gulshan et al. 2016).
pub const REFERABLE_FROM: u8 = 2;
/// The lowest grade that threatens sight (severe).
pub const SIGHT_THREATENING_FROM: u8 = 3;

/// What an operating point is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointName {
    /// Misses few, at the price of more false alarms.
    #[default]
    Screening,
    /// Weighs both alike.
    Balanced,
    /// Raises few false alarms, at the price of more missed.
    Specific,
}

impl PointName {
    /// The most cautious first.
    pub const ALL: [Self; 3] = [Self::Screening, Self::Balanced, Self::Specific];

    pub fn name(self) -> &'static str {
        match self {
            Self::Screening => "screening",
            Self::Balanced => "balanced",
            Self::Specific => "specific",
        }
    }

    /// The name of the line for `from_grade` and above, as manifests write it.
    pub fn line(self, from_grade: u8) -> String {
        let disease = match from_grade {
            REFERABLE_FROM => "referable".to_owned(),
            SIGHT_THREATENING_FROM => "sight-threatening".to_owned(),
            other => format!("grade {other} or above"),
        };
        format!("{disease}, {}", self.name())
    }
}

impl fmt::Display for PointName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The lines a photo is decided by at one operating point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lines<'a> {
    pub name: PointName,
    pub referable: &'a OperatingPoint,
    /// None where validation held too little severe disease to fix one.
    pub sight_threatening: Option<&'a OperatingPoint>,
}

impl<'a> Lines<'a> {
    /// Those of the point for screening, which every model has.
    pub fn screening(thresholds: &'a Thresholds) -> Self {
        Self {
            name: PointName::Screening,
            referable: &thresholds.referable,
            sight_threatening: further(
                thresholds,
                PointName::Screening.line(SIGHT_THREATENING_FROM),
                SIGHT_THREATENING_FROM,
            ),
        }
    }

    /// Those of a point; none where the model does not offer it.
    pub fn at(thresholds: &'a Thresholds, name: PointName) -> Option<Self> {
        if name == PointName::Screening {
            return Some(Self::screening(thresholds));
        }
        let line = |from_grade| further(thresholds, name.line(from_grade), from_grade);
        Some(Self {
            name,
            referable: line(REFERABLE_FROM)?,
            sight_threatening: line(SIGHT_THREATENING_FROM),
        })
    }

    /// Those of every point the model offers, the most cautious first.
    pub fn offered(thresholds: &'a Thresholds) -> Vec<Self> {
        PointName::ALL
            .into_iter()
            .filter_map(|name| Self::at(thresholds, name))
            .collect()
    }
}

fn further(thresholds: &Thresholds, name: String, from_grade: u8) -> Option<&OperatingPoint> {
    let is_it =
        |point: &&crate::bundle::FurtherPoint| point.name == name && point.from_grade == from_grade;
    thresholds.further.iter().find(is_it).map(|it| &it.point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::FurtherPoint;

    fn point(threshold: f64) -> OperatingPoint {
        OperatingPoint {
            threshold,
            sensitivity: 0.9,
            specificity: 0.9,
            fixed_on: "ten photos".to_owned(),
        }
    }

    fn thresholds(further: &[(&str, u8, f64)]) -> Thresholds {
        Thresholds {
            referable: point(0.2),
            further: further
                .iter()
                .map(|(name, from_grade, threshold)| FurtherPoint {
                    name: (*name).to_owned(),
                    from_grade: *from_grade,
                    point: point(*threshold),
                })
                .collect(),
        }
    }

    #[test]
    fn a_model_with_one_line_offers_screening_alone() {
        let one = thresholds(&[]);
        let offered = Lines::offered(&one);
        assert_eq!(offered.len(), 1);
        assert_eq!(offered[0].name, PointName::Screening);
        assert_eq!(offered[0].sight_threatening, None);
        assert_eq!(Lines::at(&one, PointName::Specific), None);
    }

    #[test]
    fn a_point_has_its_own_lines_and_nobody_elses() {
        let all = thresholds(&[
            ("referable, balanced", 2, 0.4),
            ("sight-threatening, specific", 3, 0.5),
            ("referable, specific", 3, 0.6),
        ]);
        let balanced = Lines::at(&all, PointName::Balanced).unwrap();
        assert_eq!(balanced.referable.threshold, 0.4);
        assert_eq!(balanced.sight_threatening, None);
        // Of the right name, but for another grade.
        assert_eq!(Lines::at(&all, PointName::Specific), None);
    }
}
