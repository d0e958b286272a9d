//! From the photos of a patient's eyes to one decision: the worse eye decides.
//!
//! An eye that could not be graded, or whose grade is unsure, counts as one to
//! refer: whoever cannot be cleared is seen by a person.

use serde::{Deserialize, Serialize};

use super::assessment::Status;
use super::eye::Side;
use super::operating_point::{REFERABLE_FROM, SIGHT_THREATENING_FROM};
use super::phrase::Phrase;

/// One photo, as far as the decision needs it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Photo {
    pub side: Option<Side>,
    /// None while the photo waits to be graded.
    pub status: Option<Status>,
    /// 0 to 4.
    pub grade: Option<u8>,
    pub referable: Option<bool>,
    pub unsure: bool,
    /// Referred for macular oedema and not for retinopathy; results from before
    /// there was a head for it say nothing.
    #[serde(default)]
    pub edema_alone: bool,
    /// At risk of macular oedema, whatever else it is referred for.
    #[serde(default)]
    pub edema: bool,
    /// Over the line of disease that threatens sight.
    #[serde(default)]
    pub threat: bool,
}

impl Photo {
    fn is_graded(&self) -> bool {
        self.status == Some(Status::Graded)
    }

    /// Referred for retinopathy, surely or not: a grade that is, or a photo over the
    /// line for no other reason than its grade's.
    fn has_retinopathy(&self) -> bool {
        let graded = self.grade.is_some_and(|grade| grade >= REFERABLE_FROM);
        let over_line = !self.unsure && !self.edema_alone;
        self.is_graded() && self.referable == Some(true) && (graded || over_line)
    }

    fn threatens_sight(&self) -> bool {
        let graded = self
            .grade
            .is_some_and(|grade| grade >= SIGHT_THREATENING_FROM);
        self.has_retinopathy() && (graded || self.threat)
    }

    fn has_edema(&self) -> bool {
        self.is_graded() && (self.edema || self.edema_alone)
    }
}

/// What to do about a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    Waiting,
    Refer,
    /// An eye has no photo that could be read.
    Again,
    NoReferral,
}

impl Decision {
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Refer => "refer",
            Self::Again => "again",
            Self::NoReferral => "no-referral",
        }
    }
}

/// The decision for one patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub decision: Decision,
    /// The key of a translation.
    pub code: &'static str,
    pub sentence: &'static str,
    /// The key and the sentence of what else there is to refer for.
    pub besides_code: Option<&'static str>,
    pub besides: Option<&'static str>,
    /// Index of the photo that decided: the worst of those that did.
    pub deciding: Option<usize>,
}

const WAITING: Phrase = Phrase::new("patient-waiting", "Not all photos are graded yet.");
const REFER: Phrase = Phrase::new(
    "patient-refer",
    "Refer: moderate or worse retinopathy in an eye, or not ruled out.",
);
const THREAT: Phrase = Phrase::new(
    "patient-refer-threat",
    "Refer: retinopathy that threatens sight in an eye, or not ruled out.",
);
const EDEMA_BESIDES: Phrase =
    Phrase::new("patient-edema-besides", "A risk of macular oedema besides.");
const UNSURE: Phrase = Phrase::new(
    "patient-refer-unsure",
    "Refer: the grade of an eye is unsure. Have it read by a person.",
);
const EDEMA: Phrase = Phrase::new(
    "patient-refer-edema",
    "Refer: a risk of macular oedema in an eye, or not ruled out.",
);
const UNSEEN: Phrase = Phrase::new(
    "patient-refer-ungradable",
    "Refer, or photograph again: an eye could not be graded.",
);
const AGAIN: Phrase = Phrase::new(
    "patient-again",
    "Photograph again: a photo could not be read, so an eye was not seen.",
);
const ONE_EYE: Phrase = Phrase::new(
    "patient-one-eye",
    "No referral from the eye that was photographed; the other was not seen.",
);
const SIDE_UNKNOWN: Phrase = Phrase::new(
    "patient-side-unknown",
    "No referral from what was photographed; say which eye it is.",
);
const NO_REFERRAL: Phrase = Phrase::new(
    "patient-no-referral",
    "No referral for diabetic retinopathy from either eye.",
);

pub(super) const SAID: [Phrase; 11] = [
    WAITING,
    REFER,
    THREAT,
    EDEMA_BESIDES,
    EDEMA,
    UNSURE,
    UNSEEN,
    AGAIN,
    ONE_EYE,
    SIDE_UNKNOWN,
    NO_REFERRAL,
];

/// Decides for one patient from all photos of both eyes.
pub fn summarise(photos: &[Photo]) -> Summary {
    let say = |decision, phrase: Phrase, deciding| Summary {
        decision,
        code: phrase.code,
        sentence: phrase.text,
        besides_code: None,
        besides: None,
        deciding,
    };
    // The worse eye decides, be its grade sure or not: doubt about a bad grade is
    // no reason to speak of a better one.
    if let Some(worst) = worst(photos, Photo::has_retinopathy) {
        let threat = photos.iter().any(Photo::threatens_sight);
        let phrase = if threat { THREAT } else { REFER };
        let besides = photos.iter().any(Photo::has_edema).then_some(EDEMA_BESIDES);
        return Summary {
            besides_code: besides.map(|phrase| phrase.code),
            besides: besides.map(|phrase| phrase.text),
            ..say(Decision::Refer, phrase, Some(worst))
        };
    }
    if let Some(worst) = worst(photos, Photo::has_edema) {
        return say(Decision::Refer, EDEMA, Some(worst));
    }
    if let Some(worst) = worst(photos, |photo| photo.is_graded() && photo.unsure) {
        return say(Decision::Refer, UNSURE, Some(worst));
    }
    // A photo taken again takes the place of a bad one of the same eye.
    let unseen = |photo: &Photo, status| photo.status == Some(status) && !seen(photos, photo.side);
    if let Some(bad) = worst(photos, |photo| unseen(photo, Status::Ungradable)) {
        return say(Decision::Refer, UNSEEN, Some(bad));
    }
    if photos.is_empty() || photos.iter().any(|photo| photo.status.is_none()) {
        return say(Decision::Waiting, WAITING, None);
    }
    if let Some(bad) = worst(photos, |photo| {
        unseen(photo, Status::Error) || unseen(photo, Status::NotFundus)
    }) {
        return say(Decision::Again, AGAIN, Some(bad));
    }
    let worst = worst(photos, Photo::is_graded);
    let phrase = match (
        seen(photos, Some(Side::Right)),
        seen(photos, Some(Side::Left)),
    ) {
        (true, true) => NO_REFERRAL,
        // A photo of an unknown side may be of the other eye.
        _ if photos.iter().any(|photo| photo.side.is_none()) => SIDE_UNKNOWN,
        _ => ONE_EYE,
    };
    say(Decision::NoReferral, phrase, worst)
}

/// Whether an eye has a graded photo. Of an unknown side nothing is known.
fn seen(photos: &[Photo], side: Option<Side>) -> bool {
    side.is_some()
        && photos
            .iter()
            .any(|photo| photo.side == side && photo.status == Some(Status::Graded))
}

/// Index of the photo with the highest grade among those wanted, one that threatens
/// sight before any other; of equals the first that is sure.
fn worst(photos: &[Photo], wanted: impl Fn(&Photo) -> bool) -> Option<usize> {
    let mut found: Option<usize> = None;
    for (index, photo) in photos.iter().enumerate().filter(|(_, photo)| wanted(photo)) {
        let rank = |photo: &Photo| (photo.threatens_sight(), photo.grade, !photo.unsure);
        if found.is_none_or(|best| rank(photo) > rank(&photos[best])) {
            found = Some(index);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(side: Side, grade: u8) -> Photo {
        Photo {
            side: Some(side),
            status: Some(Status::Graded),
            grade: Some(grade),
            referable: Some(grade >= 2),
            unsure: false,
            edema_alone: false,
            edema: false,
            threat: false,
        }
    }

    /// A photo without a grade; one too bad to grade counts as refer by itself.
    fn other(side: Option<Side>, status: Option<Status>) -> Photo {
        Photo {
            side,
            status,
            grade: None,
            referable: (status == Some(Status::Ungradable)).then_some(true),
            unsure: false,
            edema_alone: false,
            edema: false,
            threat: false,
        }
    }

    fn decided(photos: &[Photo]) -> (Decision, &'static str, Option<usize>) {
        let Summary {
            decision,
            code,
            deciding,
            ..
        } = summarise(photos);
        (decision, code, deciding)
    }

    #[test]
    fn the_worse_eye_decides() {
        let eyes = [
            graded(Side::Right, 0),
            graded(Side::Left, 3),
            graded(Side::Left, 2),
        ];
        assert_eq!(
            decided(&eyes),
            (Decision::Refer, "patient-refer-threat", Some(1))
        );
        let eyes = [graded(Side::Right, 0), graded(Side::Left, 1)];
        assert_eq!(
            decided(&eyes),
            (Decision::NoReferral, "patient-no-referral", Some(1))
        );
    }

    #[test]
    fn doubt_refers() {
        let unsure = Photo {
            unsure: true,
            referable: Some(true),
            ..graded(Side::Left, 1)
        };
        assert_eq!(
            decided(&[graded(Side::Right, 0), unsure]),
            (Decision::Refer, "patient-refer-unsure", Some(1))
        );
        // Said of the surely diseased eye where there is one.
        assert_eq!(
            decided(&[graded(Side::Right, 2), unsure]),
            (Decision::Refer, "patient-refer", Some(0))
        );
        let bad = other(Some(Side::Left), Some(Status::Ungradable));
        assert_eq!(
            decided(&[graded(Side::Right, 0), bad]),
            (Decision::Refer, "patient-refer-ungradable", Some(1))
        );
    }

    #[test]
    fn oedema_refers_a_patient_whose_grades_do_not() {
        let edema = Photo {
            referable: Some(true),
            edema_alone: true,
            ..graded(Side::Left, 1)
        };
        let found = decided(&[graded(Side::Right, 1), edema]);
        assert_eq!(found, (Decision::Refer, "patient-refer-edema", Some(1)));
        let unsure = Photo {
            unsure: true,
            ..edema
        };
        assert_eq!(decided(&[unsure]).1, "patient-refer-edema");
        let found = decided(&[graded(Side::Right, 2), edema]);
        assert_eq!(found, (Decision::Refer, "patient-refer", Some(0)));
    }

    #[test]
    fn the_worse_eye_decides_even_where_its_grade_is_unsure() {
        let proliferative = Photo {
            unsure: true,
            ..graded(Side::Left, 4)
        };
        let edema = Photo {
            referable: Some(true),
            edema_alone: true,
            edema: true,
            ..graded(Side::Right, 0)
        };
        let found = summarise(&[edema, proliferative]);
        assert_eq!(found.code, "patient-refer-threat");
        assert_eq!(found.deciding, Some(1));
        assert_eq!(found.besides_code, Some("patient-edema-besides"));
        // Of one eye that has both, too, though its oedema is not alone.
        let both = Photo {
            edema: true,
            ..graded(Side::Right, 2)
        };
        let found = summarise(&[both]);
        assert_eq!(found.code, "patient-refer");
        assert_eq!(found.besides_code, Some("patient-edema-besides"));
        let moderate = Photo {
            unsure: true,
            ..graded(Side::Left, 2)
        };
        let found = decided(&[graded(Side::Right, 2), moderate]);
        assert_eq!(found, (Decision::Refer, "patient-refer", Some(0)));
        assert_eq!(
            summarise(&[moderate, graded(Side::Right, 2)]).deciding,
            Some(1)
        );
        assert_eq!(summarise(&[moderate]).besides, None);
        assert_eq!(decided(&[moderate]).1, "patient-refer");
    }

    #[test]
    fn a_photo_over_the_line_refers_whatever_its_grade() {
        // What an earlier version graded: mild, over the line and not called unsure.
        let over = Photo {
            referable: Some(true),
            ..graded(Side::Left, 1)
        };
        let found = decided(&[graded(Side::Right, 1), over]);
        assert_eq!(found, (Decision::Refer, "patient-refer", Some(1)));
    }

    #[test]
    fn of_equally_bad_photos_the_first_decides() {
        let eyes = [graded(Side::Right, 2), graded(Side::Left, 2)];
        assert_eq!(decided(&eyes).2, Some(0));
    }

    #[test]
    fn a_grade_that_may_threaten_sight_is_told_of_the_patient() {
        let perhaps = Photo {
            threat: true,
            ..graded(Side::Left, 2)
        };
        assert_eq!(decided(&[perhaps]).1, "patient-refer-threat");
        // That eye decides, and not one as bad by its grade alone.
        assert_eq!(decided(&[graded(Side::Right, 2), perhaps]).2, Some(1));
        // Not of an eye that is not referred for retinopathy.
        let below = Photo {
            threat: true,
            ..graded(Side::Left, 0)
        };
        assert_eq!(decided(&[below]).1, "patient-one-eye");
        let found = decided(&[graded(Side::Right, 2), below]);
        assert_eq!(found.1, "patient-refer");
    }

    #[test]
    fn a_repeated_photo_replaces_a_bad_one_of_the_same_eye_only() {
        let bad = other(Some(Side::Left), Some(Status::Ungradable));
        let again = [graded(Side::Right, 0), bad, graded(Side::Left, 0)];
        assert_eq!(decided(&again).0, Decision::NoReferral);
        let unknown = [
            graded(Side::Right, 0),
            other(None, Some(Status::Ungradable)),
            graded(Side::Left, 0),
        ];
        assert_eq!(decided(&unknown).0, Decision::Refer);
        // Two photos of unknown sides may be of two eyes.
        let graded = Photo {
            side: None,
            ..graded(Side::Right, 0)
        };
        let unknown = [graded, other(None, Some(Status::Ungradable))];
        assert_eq!(decided(&unknown).1, "patient-refer-ungradable");
    }

    #[test]
    fn an_unread_photo_clears_nobody() {
        for status in [Status::Error, Status::NotFundus] {
            let eyes = [
                graded(Side::Right, 0),
                other(Some(Side::Left), Some(status)),
            ];
            assert_eq!(decided(&eyes), (Decision::Again, "patient-again", Some(1)));
        }
    }

    #[test]
    fn one_eye_or_an_unknown_one_is_said() {
        assert_eq!(decided(&[graded(Side::Right, 1)]).1, "patient-one-eye");
        let unknown = Photo {
            side: None,
            ..graded(Side::Right, 0)
        };
        assert_eq!(decided(&[unknown]).1, "patient-side-unknown");
        // That the other eye was not seen is more than is known here.
        let beside = [graded(Side::Right, 0), unknown];
        assert_eq!(decided(&beside).1, "patient-side-unknown");
        let all = [graded(Side::Right, 0), unknown, graded(Side::Left, 0)];
        assert_eq!(decided(&all).1, "patient-no-referral");
    }

    #[test]
    fn what_waits_is_not_cleared_and_what_refers_need_not_wait() {
        let waiting = other(Some(Side::Left), None);
        assert_eq!(
            decided(&[graded(Side::Right, 0), waiting]).0,
            Decision::Waiting
        );
        assert_eq!(
            decided(&[graded(Side::Right, 4), waiting]).0,
            Decision::Refer
        );
        assert_eq!(decided(&[]).0, Decision::Waiting);
    }
}
