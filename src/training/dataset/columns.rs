//! Which columns of a table tell of photos, by the names that data sets give them.

use std::ffi::OsStr;
use std::path::Path;

/// Names of columns, most telling first, as [`plain`] writes them.
/// APTOS and Messidor-2: `id_code`; EyePACS: `image`; IDRiD: `Image name`;
/// DeepDRiD: `image_id`.
const IMAGE: [&str; 12] = [
    "id_code",
    "image",
    "image_id",
    "image_name",
    "filename",
    "file_name",
    "file",
    "img",
    "img_name",
    "name",
    "image_path",
    "path",
];
/// APTOS and Messidor-2: `diagnosis`; EyePACS: `level`; IDRiD: `Retinopathy
/// grade`; Messidor-2 by Krause et al.: `adjudicated_dr_grade`; DeepDRiD's
/// ultra-widefield part: `DR_level`, the answers to its challenge: `DR_Levels`.
const GRADE: [&str; 12] = [
    "grade",
    "diagnosis",
    "level",
    "retinopathy_grade",
    "adjudicated_dr_grade",
    "dr_grade",
    "dr_level",
    "dr_levels",
    "icdr",
    "icdr_grade",
    "icdr_level",
    "label",
];
const PATIENT: [&str; 4] = ["patient", "patient_id", "subject", "subject_id"];
/// IDRiD's scale of 0 to 2. Messidor-2's `adjudicated_dme` is another: its 1 is hard
/// exudates within a diameter of the disc from the macula's centre (2 here), its 0 none or
/// such further away (0 or 1 here), so that it tells no risk of this scale.
const EDEMA: [&str; 5] = [
    "macular_edema_risk",
    "risk_of_macular_edema",
    "dme",
    "edema",
    "oedema",
];
const GRADABLE: [&str; 2] = ["adjudicated_gradable", "gradable"];
/// DeepDRiD grades the two eyes of a patient in two columns, of which a row
/// fills the one its photo shows.
const EYES: [&str; 2] = ["left_eye_dr_level", "right_eye_dr_level"];

/// `risk_of_macular_edema` for ` Risk of macular edema `.
pub(super) fn plain(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

/// `PatientID` is `patient_id` written in one.
fn same(heading: &str, name: &str) -> bool {
    heading.replace('_', "") == name.replace('_', "")
}

pub(super) struct Columns {
    pub image: usize,
    pub grade: Vec<usize>,
    pub patient: Option<usize>,
    pub edema: Option<usize>,
    pub gradable: Option<usize>,
    /// Whether 5 stands for a photo that cannot be graded.
    pub five_is_ungradable: bool,
}

impl Columns {
    pub fn of(headings: &[String], path: &Path) -> Option<Self> {
        let any = |names: &[&str]| {
            (names.iter()).find_map(|name| headings.iter().position(|heading| same(heading, name)))
        };
        let eyes: Vec<usize> = EYES.iter().filter_map(|eye| any(&[eye])).collect();
        let deepdrid = !eyes.is_empty()
            || (headings.iter()).any(|heading| heading == "dr_level" || heading == "dr_levels");
        // As CSV, or in a workbook.
        let named = |stem: &OsStr| plain(&stem.to_string_lossy()) == "dr_grading";
        let ddr = path.file_stem().is_some_and(named);
        Some(Self {
            image: any(&IMAGE)?,
            grade: match any(&GRADE) {
                _ if !eyes.is_empty() => eyes,
                Some(column) => vec![column],
                None => return None,
            },
            patient: any(&PATIENT),
            edema: any(&EDEMA),
            gradable: any(&GRADABLE),
            five_is_ungradable: deepdrid || ddr,
        })
    }

    /// The heading of one of these columns that another one has, too.
    pub fn twice<'a>(&self, headings: &'a [String]) -> Option<&'a str> {
        [Some(self.image), self.patient, self.edema, self.gradable]
            .into_iter()
            .flatten()
            .chain(self.grade.iter().copied())
            .map(|column| headings[column].as_str())
            .find(|name| headings.iter().filter(|other| same(other, name)).count() > 1)
    }
}

/// Whether these are the columns of Messidor (Decencière et al. 2014), whose grades look
/// like ICDR's: its 1 is up to five microaneurysms, its 3 holds severe and proliferative
/// disease and much that is moderate.
pub(super) fn is_messidors_own(headings: &[String]) -> bool {
    let has = |name| headings.iter().any(|heading| heading == name);
    has("ophthalmologic_department") && has("retinopathy_grade")
}

/// Whether these are the columns of a model's answers, as this program and its page write
/// them beside photos: held against those the model would always be right.
pub(super) fn is_answers(headings: &[String]) -> bool {
    let has = |name: &&str| headings.iter().any(|heading| heading == name);
    [
        ["p0", "p1", "p2", "p3", "p4"],
        ["none", "mild", "moderate", "severe", "proliferative"],
    ]
    .iter()
    .any(|probabilities| probabilities.iter().all(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_written_in_one_are_the_same_names() {
        let headings = ["ImageID", "PatientID", "DR grade"].map(plain);
        let found = Columns::of(&headings, Path::new("labels.csv")).unwrap();
        assert_eq!((found.image, found.patient), (0, Some(1)));
        assert_eq!(found.grade, [2]);
        let others = ["ImageID", "Inpatient", "DR grade"].map(plain);
        let found = Columns::of(&others, Path::new("labels.csv")).unwrap();
        assert_eq!(found.patient, None);
        let both = ["image", "PatientID", "patient_id", "grade"].map(plain);
        let found = Columns::of(&both, Path::new("labels.csv")).unwrap();
        assert!(found.twice(&both).is_some());
    }
}
