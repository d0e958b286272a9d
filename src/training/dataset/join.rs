//! The rows of label tables, joined with the photos that they name.

use std::collections::{HashMap, HashSet};

use super::folder::{Folder, Resolution};
use super::rows::{Label, Row};
use super::table::Table;
use super::{Dataset, Fault, Record, Source, pairs, patients};

/// Fills a data set with what its tables say of the folder's photos.
pub(super) fn tables(
    dataset: &mut Dataset,
    folder: &Folder,
    tables: &[Table],
    faults: &mut Vec<Fault>,
) {
    let mut names = Vec::new();
    // Whether the table of each record names anybody's patient.
    let mut tells_patients = Vec::new();
    let mut seen: HashMap<usize, (usize, &Table, u64)> = HashMap::new();
    let mut named: HashSet<usize> = HashSet::new();
    for table in tables {
        let tells = table.rows.iter().any(|row| row.patient.is_some());
        for row in &table.rows {
            let photo = match folder.resolve(&row.image, &table.path) {
                Resolution::Found(photo) => photo,
                // What nobody grades need not be there.
                _ if row.label == Label::Ungradable => {
                    dataset.ungradable += 1;
                    continue;
                }
                Resolution::Missing => {
                    faults.push(table.fault(
                        row.line,
                        format!(
                            "the photo “{}” is nowhere below {}",
                            row.image,
                            folder.root.display()
                        ),
                        "copy the photo there or remove the row",
                    ));
                    continue;
                }
                Resolution::Ambiguous(photos) => {
                    faults.push(table.fault(
                        row.line,
                        format!("“{}” may be any of {}", row.image, some(folder, &photos)),
                        "write the path into the row, or keep one of them",
                    ));
                    continue;
                }
            };
            named.insert(photo);
            let Label::Grade(grade) = row.label else {
                dataset.ungradable += 1;
                continue;
            };
            if let Some(&(at, other, line)) = seen.get(&photo) {
                let before = &mut dataset.records[at];
                tells_patients[at] |= tells;
                // Several tables of one data set often repeat one another.
                let two = if before.grade != grade || std::ptr::eq(other, table) {
                    Some(("grade", grade.to_string(), before.grade.to_string()))
                } else {
                    add(row, before)
                };
                if let Some((what, here, there)) = two {
                    faults.push(table.fault(
                        row.line,
                        format!(
                            "“{}” has {what} {here} here and {what} {there} at {}",
                            row.image,
                            other.at(line)
                        ),
                        "keep one of the two rows",
                    ));
                }
                continue;
            }
            seen.insert(photo, (dataset.records.len(), table, row.line));
            names.push(photo);
            tells_patients.push(tells);
            dataset.records.push(Record {
                dataset: dataset.name.clone(),
                name: row.image.clone(),
                source: Source::File(folder.photos[photo].clone()),
                grade,
                patient: row.patient.clone().unwrap_or_default(),
                edema: row.edema,
            });
        }
    }
    dataset.unlabelled = folder.photos.len() - named.len();
    pairs::fill(&mut dataset.records, &names, folder);
    let without = |(record, tells): &(&Record, bool)| *tells && record.patient.is_empty();
    let told = dataset.records.iter().zip(tells_patients);
    dataset.without_patient = told.filter(without).count();
    settle_names(&mut dataset.records, |i| folder.relative(names[i]));
}

/// Adds what a row says of a photo beside its grade to what was known of it, or gives
/// the two that contradict each other, the row's first.
fn add(row: &Row, known: &mut Record) -> Option<(&'static str, String, String)> {
    if let (Some(here), Some(there)) = (row.edema, known.edema)
        && here != there
    {
        let two = (here.to_string(), there.to_string());
        return Some(("risk of macular oedema", two.0, two.1));
    }
    let here = row.patient.as_deref().unwrap_or_default();
    if !here.is_empty() && !known.patient.is_empty() && here != known.patient {
        return Some(("patient", here.to_owned(), known.patient.clone()));
    }
    known.edema = known.edema.or(row.edema);
    if known.patient.is_empty() {
        here.clone_into(&mut known.patient);
    }
    None
}

/// The first of these photos' paths, and how many more there are: each patient's may
/// have the same name.
fn some(folder: &Folder, photos: &[usize]) -> String {
    const NAMED: usize = 3;
    let mut paths: Vec<String> = photos
        .iter()
        .take(NAMED)
        .map(|&photo| folder.photos[photo].display().to_string())
        .collect();
    if photos.len() > NAMED {
        paths.push(format!("{} more", photos.len() - NAMED));
    }
    paths.join(", ")
}

/// Makes names unique by falling back on paths, then fills in the patients that
/// no table names.
pub(super) fn settle_names(records: &mut [Record], path: impl Fn(usize) -> String) {
    let paths: Vec<String> = (0..records.len()).map(path).collect();
    let mut count: HashMap<String, usize> = HashMap::new();
    for record in records.iter() {
        *count.entry(record.name.clone()).or_default() += 1;
    }
    for (record, path) in records.iter_mut().zip(&paths) {
        if count[&record.name] > 1 {
            record.name.clone_from(path);
        }
    }
    patients::fill(records, &paths);
}
