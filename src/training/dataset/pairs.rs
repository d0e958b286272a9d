//! Tables of pairs: which two photos are of one patient, where the table of grades
//! does not tell. Messidor-2 comes with such a table beside its grades (Decencière et
//! al. 2014), a row an examination, a column an eye.

use std::collections::HashMap;

use super::Record;
use super::folder::{Folder, Resolution, extension, without_photo_extension};
use super::headed::Headed;
use super::text::{self, Text};

const LEFT: [&str; 5] = ["left", "left_eye", "left_image", "os", "og"];
const RIGHT: [&str; 4] = ["right", "right_eye", "right_image", "od"];

/// Gives both photos of a pair one patient, where no table named one. `photos` are
/// the records' places among the folder's.
pub(super) fn fill(records: &mut [Record], photos: &[usize], folder: &Folder) {
    let patients = patients(folder);
    // Of a pair whose patient a table names beside one photo, the other's is the same.
    let mut told: HashMap<&str, String> = HashMap::new();
    for (record, photo) in records.iter().zip(photos) {
        if let Some(pair) = patients.get(photo)
            && !record.patient.is_empty()
        {
            told.entry(pair).or_insert(record.patient.clone());
        }
    }
    for (record, photo) in records.iter_mut().zip(photos) {
        if let Some(pair) = patients.get(photo)
            && record.patient.is_empty()
        {
            let patient = told.get(pair.as_str()).unwrap_or(pair);
            record.patient.clone_from(patient);
        }
    }
}

/// The patient of each photo that some table pairs.
fn patients(folder: &Folder) -> HashMap<usize, String> {
    let mut patients = HashMap::new();
    for table in folder.tables.iter().filter(|t| extension(t) != "txt") {
        // What cannot be opened is told of where grades are looked for.
        let texts = text::of(table).unwrap_or_default();
        for [left, right] in texts.iter().filter_map(read).flatten() {
            let place = |name: &str| match folder.resolve(name, table) {
                Resolution::Found(photo) => Some(photo),
                _ => None,
            };
            let (Some(one), Some(other)) = (place(&left), place(&right)) else {
                continue;
            };
            let patient = without_photo_extension(&left).to_owned();
            for photo in [one, other] {
                patients.entry(photo).or_insert_with(|| patient.clone());
            }
        }
    }
    patients
}

/// The names in a table's columns of left and right eyes; none where it has no such
/// columns.
fn read(table: &Text) -> Option<Vec<[String; 2]>> {
    let eyes = |headings: &[String]| {
        let column = |names: &[&str]| {
            (headings.iter()).position(|heading| names.contains(&heading.as_str()))
        };
        Some((column(&LEFT)?, column(&RIGHT)?))
    };
    let table = Headed::of(table, |headings| eyes(headings).is_some());
    let (left, right) = eyes(&table.headings)?;
    let pair = |record: csv::StringRecord| {
        let cell = |column: usize| record.get(column).map(|text| text.trim().to_owned());
        Some([cell(left)?, cell(right)?])
    };
    let rows = table.reader().into_records();
    Some(rows.flatten().filter_map(pair).collect())
}
