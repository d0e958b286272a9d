//! A folder a grade: `0/` to `4/`, or named (`No_DR/`, `Mild/`, …), at any
//! depth below the data set's folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::folder::{Folder, file_name};
use super::join::settle_names;
use super::scale::{self, Reading};
use super::{Dataset, Fault, Record, Source};
use crate::counted::counted;

/// Reads photos by the name of the folder they lie in. `rejected` says why each
/// table of the folder holds no labels: part of the answer where the folders do
/// not tell a grade either.
pub(super) fn read(
    dataset: &mut Dataset,
    folder: &Folder,
    rejected: &[Fault],
    faults: &mut Vec<Fault>,
) {
    let mut unclear: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut photos = Vec::new();
    for (photo, path) in folder.photos.iter().enumerate() {
        let parent = path.parent().unwrap_or(&folder.root);
        let reading = if parent == folder.root {
            Reading::Unclear
        } else {
            scale::folder(&file_name(parent))
        };
        let Reading::Grade(grade) = reading else {
            *unclear.entry(parent.to_path_buf()).or_default() += 1;
            continue;
        };
        photos.push(photo);
        dataset.records.push(Record {
            dataset: dataset.name.clone(),
            name: file_name(path),
            source: Source::File(path.clone()),
            grade,
            patient: String::new(),
            edema: None,
        });
    }
    settle_names(&mut dataset.records, |i| folder.relative(photos[i]));
    if !unclear.is_empty() {
        faults.extend(rejected.iter().cloned());
    }
    for (parent, count) in unclear {
        faults.push(Fault::new(
            parent,
            None,
            format!(
                "nothing tells the grade of the {} in it",
                counted(count, "photo")
            ),
            "put a labels.csv with the columns “image,grade” beside them, or name the folders \
             0, 1, 2, 3 and 4",
        ));
    }
}
