//! Second opinions: what other networks make of a photo.
//!
//! Graders disagree, and a network that sees a photo often enough learns its
//! label by heart, right or wrong. What another network makes of the photo, mixed
//! into the truth, softens a label that all other photos speak against, and tells
//! which grades a photo lies between (Hinton et al. 2015, "Distilling the Knowledge
//! in a Neural Network"; Furlanello et al. 2018, "Born-Again Neural Networks"):
//! the mean of several finished models is such an opinion, and so is the answer of
//! one trained in folds that never saw the photo.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::dataset::Record;
use super::export::write_whole;
use super::terms;
use crate::bundle::DataSource;
use crate::grading::Grade;

/// The file of a training's calibrated answers to its validation photos; `fovea
/// evaluate --predictions` writes such a table of any photos.
pub const FILE: &str = "predictions.csv";

/// Probabilities of the five grades.
pub type Opinion = [f32; Grade::ALL.len()];

/// Whose opinions a training hears, and how much they count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinions {
    /// Tables that [`write`] wrote.
    pub files: Vec<PathBuf>,
    /// Their share of the truth; the label keeps the rest.
    pub share: f32,
}

/// A row of the table.
#[derive(Serialize, Deserialize)]
struct Row {
    image: String,
    dataset: String,
    grade: u8,
    none: f64,
    mild: f64,
    moderate: f64,
    severe: f64,
    proliferative: f64,
    /// The model that answers; empty in tables from before it was told.
    #[serde(default)]
    model: String,
    /// What the model was trained on allows; what hears it inherits that.
    #[serde(default)]
    terms: String,
}

/// What the files say.
pub struct Heard {
    /// On every photo asked about, the mean of what the files say; none where none
    /// does.
    pub opinions: Vec<Option<Opinion>>,
    /// The models that said it, in the order in which they first speak.
    pub teachers: Vec<DataSource>,
}

impl Row {
    fn probabilities(&self) -> [f64; 5] {
        [
            self.none,
            self.mild,
            self.moderate,
            self.severe,
            self.proliferative,
        ]
    }

    /// Who answers in this row of `file`, for one photo.
    fn teacher(self, file: &Path) -> DataSource {
        let told = !self.model.is_empty();
        DataSource {
            name: if told {
                self.model
            } else {
                file.display().to_string()
            },
            photos: 1,
            terms: if self.terms.is_empty() {
                terms::NOT_STATED.to_owned()
            } else {
                self.terms
            },
        }
    }
}

impl Opinions {
    /// # Errors
    /// A sentence that names the flag.
    pub fn validate(&self) -> Result<(), String> {
        if self.share > 0.0 && self.share <= 1.0 {
            Ok(())
        } else {
            Err("--opinion-share must lie above 0 and at most at 1".to_owned())
        }
    }

    /// What the files say of `records`. Rows of other photos are passed over.
    ///
    /// # Errors
    /// A sentence naming the file and the line.
    pub fn read(&self, records: &[Record]) -> Result<Heard, String> {
        let places: HashMap<(&str, &str), usize> = records
            .iter()
            .enumerate()
            .map(|(place, record)| ((record.dataset.as_str(), record.name.as_str()), place))
            .collect();
        let mut sums = vec![([0.0f64; 5], 0u32); records.len()];
        let mut teachers: Vec<DataSource> = Vec::new();
        for file in &self.files {
            let named = |fault: String| {
                format!(
                    "{}: {fault}; name the {FILE} of a training, or \
                     what `fovea evaluate --predictions` wrote",
                    file.display()
                )
            };
            let mut reader = csv::Reader::from_path(file).map_err(|e| named(e.to_string()))?;
            for (index, row) in reader.deserialize::<Row>().enumerate() {
                let row = row.map_err(|e| named(e.to_string()))?;
                let probabilities = row.probabilities();
                let total: f64 = probabilities.iter().sum();
                let each = probabilities.iter().all(|p| (0.0..=1.0).contains(p));
                if !(each && (total - 1.0).abs() < 1e-3) {
                    return Err(named(format!(
                        "line {}: the five numbers are no probabilities",
                        index + 2
                    )));
                }
                if let Some(&place) = places.get(&(row.dataset.as_str(), row.image.as_str())) {
                    let (sum, count) = &mut sums[place];
                    for (sum, probability) in sum.iter_mut().zip(probabilities) {
                        *sum += probability / total;
                    }
                    *count += 1;
                    let teacher = row.teacher(file);
                    match teachers.iter_mut().find(|known| known.name == teacher.name) {
                        Some(known) => known.photos += 1,
                        None => teachers.push(teacher),
                    }
                }
            }
        }
        let opinions = sums
            .into_iter()
            .map(|(sum, count)| (count > 0).then(|| sum.map(|sum| (sum / f64::from(count)) as f32)))
            .collect();
        Ok(Heard { opinions, teachers })
    }
}

/// Writes the probabilities that `teacher` gives `records`, a row a photo.
///
/// # Errors
/// A sentence naming the file.
pub fn write<R: Borrow<Record>>(
    path: &Path,
    records: &[R],
    probabilities: &[Vec<f64>],
    teacher: &DataSource,
) -> Result<(), String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (record, row) in records.iter().zip(probabilities) {
        let record = record.borrow();
        let of = |grade: Grade| row.get(usize::from(grade as u8)).copied().unwrap_or(0.0);
        writer
            .serialize(Row {
                image: record.name.clone(),
                dataset: record.dataset.clone(),
                grade: record.grade,
                none: of(Grade::None),
                mild: of(Grade::Mild),
                moderate: of(Grade::Moderate),
                severe: of(Grade::Severe),
                proliferative: of(Grade::Proliferative),
                model: teacher.name.clone(),
                terms: teacher.terms.clone(),
            })
            .map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|e| format!("{}: {e}", path.display()))?;
    write_whole(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::super::dataset::Source;
    use super::*;

    fn record(name: &str, grade: u8) -> Record {
        Record {
            dataset: "clinic".to_owned(),
            name: name.to_owned(),
            source: Source::File(PathBuf::from(name)),
            grade,
            patient: name.to_owned(),
            edema: None,
        }
    }

    fn opinions(files: Vec<PathBuf>) -> Opinions {
        Opinions { files, share: 0.5 }
    }

    fn model(name: &str, terms: &str) -> DataSource {
        DataSource {
            name: name.to_owned(),
            photos: 0,
            terms: terms.to_owned(),
        }
    }

    fn certain(grade: usize) -> Vec<f64> {
        let mut row = vec![0.0; 5];
        row[grade] = 1.0;
        row
    }

    #[test]
    fn what_was_written_is_heard_and_several_opinions_are_averaged() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
        let records = [record("one.jpg", 0), record("two.jpg", 3)];
        let (elder, younger) = (model("elder 1", "research use"), model("younger 1", "none"));
        write(&first, &records, &[certain(0), certain(3)], &elder).unwrap();
        write(&second, &records[1..], &[certain(4)], &younger).unwrap();
        let asked = [record("two.jpg", 3), record("never seen.jpg", 1)];
        let files = vec![first, second];
        let heard = opinions(files.clone()).read(&asked).unwrap();
        assert_eq!(heard.opinions, [Some([0.0, 0.0, 0.0, 0.5, 0.5]), None]);
        let of_one = opinions(files).read(&records[..1]).unwrap().opinions;
        assert_eq!(of_one, [Some([1.0, 0.0, 0.0, 0.0, 0.0])]);
        // One photo each: who spoke of others only has taught nothing by them.
        let one = |of: DataSource| DataSource { photos: 1, ..of };
        assert_eq!(heard.teachers, [one(elder), one(younger)]);
    }

    #[test]
    fn a_table_from_before_models_were_told_is_named_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("old.csv");
        let (photo, twin) = ("clinic,2,0,0,1,0,0", "clinic,1,0,1,0,0,0");
        let head = "image,dataset,grade,none,mild,moderate,severe,proliferative";
        std::fs::write(&file, format!("{head}\na.jpg,{photo}\nb.jpg,{twin}\n")).unwrap();
        let asked = [record("a.jpg", 2), record("b.jpg", 1)];
        let Heard { teachers, .. } = opinions(vec![file.clone()]).read(&asked).unwrap();
        let [teacher] = &teachers[..] else {
            panic!("{teachers:?}");
        };
        assert_eq!(teacher.name, file.display().to_string());
        assert_eq!(
            (teacher.photos, teacher.terms.as_str()),
            (2, terms::NOT_STATED)
        );
    }

    #[test]
    fn numbers_that_are_no_probabilities_name_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        let photo = [record("one.jpg", 0)];
        let sound = certain(2);
        let short = vec![0.5, 0.4, 0.0, 0.0, 0.0];
        let negative = vec![-0.1, 1.1, 0.0, 0.0, 0.0];
        let fault = |row: Vec<f64>| {
            write(&file, &photo, &[row], &model("m", "none")).unwrap();
            opinions(vec![file.clone()]).read(&[]).err()
        };
        assert_eq!(fault(sound), None);
        for row in [vec![0.5; 5], short, negative] {
            let fault = fault(row).unwrap();
            assert!(fault.contains("a.csv: line 2"), "{fault}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_what_to_name_instead() {
        let fault = opinions(vec![PathBuf::from("gone.csv")])
            .read(&[])
            .err()
            .unwrap();
        assert!(
            fault.contains("gone.csv") && fault.contains(FILE),
            "{fault}"
        );
    }
}
