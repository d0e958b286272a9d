//! Whose eye each photo shows, where no table tells: read from names and folders
//! by the rule that pairs eyes where photos are graded.
//!
//! Who is not known for one person may end on two sides of a split. In doubt two
//! photos are therefore of one patient, unless folders hold the same eye of the
//! same number: then each numbers its own patients, as sites and parts do.

use std::collections::{HashMap, HashSet};

use super::Record;
use super::folder::without_photo_extension;
use super::scale::{self, Reading};
use crate::grading::eye::{self, Side};

/// What names tell of one photo.
struct Named {
    patient: String,
    side: Side,
    /// The folders above, without those that tell grade, side or patient.
    folders: String,
    file: String,
}

/// Fills in the patients that no table names. `paths` are the photos' paths below
/// the data set's folder.
pub(super) fn fill(records: &mut [Record], paths: &[String]) {
    // Grades lie in folders of their own: a patient's two eyes may have two.
    let by_grade = records
        .iter()
        .zip(paths)
        .all(|(record, path)| is_grade_folder(path, record.grade));
    let named: Vec<Option<Named>> = paths.iter().map(|path| read(path, by_grade)).collect();
    let mut seen = HashSet::new();
    let several: HashSet<&str> = named
        .iter()
        .flatten()
        .filter(|photo| {
            !seen.insert((&photo.patient, photo.side.name(), photo.file.to_lowercase()))
        })
        .map(|photo| photo.patient.as_str())
        .collect();
    let by_name = |named: &Named| match several.contains(named.patient.as_str()) {
        true => below(&named.folders, &named.patient),
        false => named.patient.clone(),
    };
    // A table may name the patient beside the first eye alone.
    let mut told: HashMap<String, String> = HashMap::new();
    for (record, named) in records.iter().zip(&named) {
        if let Some(named) = named
            && !record.patient.is_empty()
        {
            told.entry(by_name(named)).or_insert(record.patient.clone());
        }
    }
    let all = records.iter_mut().zip(&named);
    for (record, named) in all.filter(|(record, _)| record.patient.is_empty()) {
        record.patient = match named.as_ref().map(by_name) {
            Some(name) => told.get(&name).cloned().unwrap_or(name),
            None => without_photo_extension(&record.name).to_owned(),
        };
    }
}

fn is_grade_folder(path: &str, grade: u8) -> bool {
    let (folders, _) = parted(path);
    let (_, last) = parted(folders);
    !last.is_empty() && scale::folder(last) == Reading::Grade(grade)
}

/// None where nothing tells which eye a photo shows, or whose.
fn read(path: &str, by_grade: bool) -> Option<Named> {
    let (mut folders, file) = parted(path);
    if by_grade {
        folders = parted(folders).0;
    }
    let mut named = eye::read(file);
    if named.side.is_none() || named.patient.is_empty() {
        named = eye::read(&below(folders, file));
        // The last folder has told the rest.
        folders = parted(folders).0;
    }
    Some(Named {
        side: named.side.filter(|_| !named.patient.is_empty())?,
        patient: named.patient,
        folders: folders.to_owned(),
        file: without_photo_extension(file).to_owned(),
    })
}

/// What is above the last part of a path, and the last part.
fn parted(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn below(folders: &str, name: &str) -> String {
    if folders.is_empty() {
        name.to_owned()
    } else {
        format!("{folders}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Source;
    use super::*;

    /// The patients of photos at these paths, with these grades.
    fn patients(photos: &[(&str, u8)]) -> Vec<String> {
        let paths: Vec<String> = photos.iter().map(|(path, _)| (*path).to_owned()).collect();
        let mut records: Vec<Record> = photos
            .iter()
            .map(|(path, grade)| Record {
                dataset: "toy".to_owned(),
                name: (*path).to_owned(),
                source: Source::File(PathBuf::from(path)),
                grade: *grade,
                patient: String::new(),
                edema: None,
            })
            .collect();
        fill(&mut records, &paths);
        records.into_iter().map(|record| record.patient).collect()
    }

    #[test]
    fn two_eyes_have_one_patient_as_where_photos_are_graded() {
        for (path, patient) in [
            ("10007_left.jpeg", "10007"),
            ("images/10007_right.jpeg", "10007"),
            ("Müller-Left.PNG", "Müller"),
            ("7_OD.png", "7"),
            ("7_OS.png", "7"),
            ("left/7.png", "7"),
            ("Patient 7/left.png", "Patient 7"),
        ] {
            assert_eq!(patients(&[(path, 0)]), [patient], "{path}");
        }
    }

    #[test]
    fn a_photo_that_names_no_eye_stands_alone() {
        for (path, patient) in [
            ("IDRiD_001.jpg", "IDRiD_001"),
            ("2005.10.20_PP.png", "2005.10.20_PP"),
            ("000c1434d8d7.png", "000c1434d8d7"),
            ("_left.jpg", "_left"),
        ] {
            assert_eq!(patients(&[(path, 0)]), [patient], "{path}");
        }
    }

    #[test]
    fn sites_number_their_own_patients_whose_eyes_may_have_two_grades() {
        let photos = [
            ("A/0/1_left.png", 0),
            ("A/2/1_right.png", 2),
            ("B/0/1_left.png", 0),
            ("B/1/1_right.png", 1),
            ("B/1/2_right.png", 1),
        ];
        assert_eq!(patients(&photos), ["A/1", "A/1", "B/1", "B/1", "2"]);
        // Of a site with one of a patient's eyes, too.
        assert_eq!(patients(&photos[..3]), ["A/1", "A/1", "B/1"]);
    }

    #[test]
    fn folders_of_grades_are_no_patients() {
        let photos = [
            ("0/1_left.png", 0),
            ("2/1_right.png", 2),
            ("2/1_left.png", 2),
        ];
        assert_eq!(patients(&photos), ["1"; 3]);
        let photos = [("Patient 7/0/left.png", 0), ("Patient 7/1/right.png", 1)];
        assert_eq!(patients(&photos), ["Patient 7"; 2]);
        // Here they are: one of them holds another grade than its number.
        let photos = [("1/left.png", 1), ("1/right.png", 0), ("2/left.png", 2)];
        assert_eq!(patients(&photos), ["1", "1", "2"]);
    }

    #[test]
    fn a_folder_for_each_eye_holds_one_patient_in_both() {
        let photos = [
            ("A/left/7.png", 0),
            ("A/right/7.png", 1),
            ("B/left/7.png", 0),
        ];
        assert_eq!(patients(&photos[..2]), ["7", "7"]);
        assert_eq!(patients(&photos), ["A/7", "A/7", "B/7"]);
    }
}
