//! Photos as a network is shown them, written to a folder: to be looked at, and
//! for programs that are no part of this one to train on the same pictures.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::dataset::Record;
use super::export::write_whole;
use super::pictures::{Rejected, prepare_one};
use crate::photo::Preprocessing;

/// Writes every record's photo, prepared, as `NAME.png` below `out/DATASET/images`
/// and their grades to `out/DATASET/labels.csv`; `done` is told of each photo.
///
/// Photos keep the names their tables gave them (but for what would lead out of
/// the folder), so that a split of the photos is one of the pictures as well. A
/// photo that cannot be prepared is left out of pictures and labels, and comes
/// back with its reason.
///
/// # Errors
/// A sentence naming the file that cannot be written, or the data set's folder
/// below `out` where it is there already: it might be that of the photos.
pub fn write(
    records: &[Record],
    settings: &Preprocessing,
    out: &Path,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Rejected>, String> {
    for record in records {
        let folder = out.join(&record.dataset);
        if folder.exists() {
            return Err(format!(
                "{} is there already and nothing in it is written over; choose another --out",
                folder.display()
            ));
        }
    }
    let files: Vec<PathBuf> = records.iter().map(|record| place(out, record)).collect();
    let mut first: HashMap<&Path, usize> = HashMap::new();
    for (index, file) in files.iter().enumerate() {
        first.entry(file).or_insert(index);
        let folder = file.parent().unwrap_or(out);
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let written: Vec<Option<String>> = (0..records.len())
        .into_par_iter()
        .map(|index| {
            let file = &files[index];
            let rejected = if first[file.as_path()] == index {
                match prepare_one(&records[index], settings) {
                    Ok(picture) => {
                        let mut png = std::io::Cursor::new(Vec::new());
                        picture
                            .write_to(&mut png, image::ImageFormat::Png)
                            .map_err(|e| format!("{}: {e}", file.display()))?;
                        write_whole(file, png.get_ref())?;
                        None
                    }
                    Err(reason) => Some(reason),
                }
            } else {
                let taken = &records[first[file.as_path()]].name;
                Some(format!(
                    "{taken} has the same name but for its ending: rename one"
                ))
            };
            done();
            Ok(rejected)
        })
        .collect::<Result<_, String>>()?;
    let kept: Vec<&Record> = records
        .iter()
        .zip(&written)
        .filter_map(|(record, rejected)| rejected.is_none().then_some(record))
        .collect();
    write_labels(&kept, out)?;
    Ok(written
        .into_iter()
        .enumerate()
        .filter_map(|(index, rejected)| {
            rejected.map(|reason| Rejected {
                index,
                path: records[index].path().to_owned(),
                reason,
            })
        })
        .collect())
}

/// A photo's name as a path below a folder, with `/` between its parts; of one
/// that leads elsewhere, as whole paths in a table do, its last part.
fn below(name: &str) -> String {
    let name = name.replace('\\', "/");
    let mut parts = Path::new(&name).components();
    if parts.all(|part| matches!(part, Component::Normal(_))) {
        return name;
    }
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Where a record's picture goes.
fn place(out: &Path, record: &Record) -> PathBuf {
    let name = below(&record.name);
    let named = out.join(&record.dataset).join("images").join(&name);
    match image::ImageFormat::from_path(&name) {
        Ok(_) => named.with_extension("png"),
        // Other dots belong to the name.
        Err(_) => PathBuf::from(format!("{}.png", named.display())),
    }
}

/// A `labels.csv` for each data set; a column for macular oedema where it is graded.
fn write_labels(records: &[&Record], out: &Path) -> Result<(), String> {
    let mut sets: Vec<(&str, Vec<&Record>)> = Vec::new();
    for record in records {
        match sets.iter_mut().find(|(name, _)| *name == record.dataset) {
            Some((_, set)) => set.push(record),
            None => sets.push((&record.dataset, vec![record])),
        }
    }
    for (name, set) in sets {
        let edema = set.iter().any(|record| record.edema.is_some());
        let path = out.join(name).join("labels.csv");
        let rows = || -> Result<Vec<u8>, csv::Error> {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let mut head = vec!["image", "grade", "patient"];
            head.extend(edema.then_some("macular_edema_risk"));
            writer.write_record(head)?;
            for record in set {
                let mut row = vec![
                    below(&record.name),
                    record.grade.to_string(),
                    record.patient.clone(),
                ];
                let risk = || {
                    record
                        .edema
                        .map_or_else(String::new, |risk| risk.to_string())
                };
                row.extend(edema.then(risk));
                writer.write_record(row)?;
            }
            writer.into_inner().map_err(|e| e.into_error().into())
        };
        let bytes = rows().map_err(|error| format!("{}: {error}", path.display()))?;
        write_whole(&path, &bytes)?;
    }
    Ok(())
}
