//! Folders of labelled photos, read without configuration.
//!
//! Understood are a table of labels beside photos (with the column names of
//! APTOS, EyePACS, IDRiD, Messidor-2, DDR and DeepDRiD), a folder a grade, and
//! MedMNIST's `.npz`. A photo is never decoded here, and nothing is guessed in
//! silence: what cannot be read for certain is a [`Fault`] that names the file,
//! the line and the remedy, and all faults are gathered before any is reported.

mod class_folders;
mod columns;
mod ddr;
mod folder;
mod headed;
mod join;
mod medmnist;
mod pairs;
mod patients;
mod remarks;
mod rows;
mod scale;
mod table;
mod text;

use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use serde::Serialize;
use thiserror::Error;

use super::split::Part;
use folder::Folder;
use table::Found;

/// Grades of the ICDR scale, 0 to 4.
pub const GRADES: usize = 5;

/// Where a photo's pixels are.
#[derive(Debug, Clone)]
pub enum Source {
    /// An image file.
    File(PathBuf),
    /// Pixels that came inside an array file.
    Pixels(Arc<Pixels>),
}

/// A picture out of an array file.
#[derive(Debug)]
pub struct Pixels {
    /// The array file.
    pub archive: PathBuf,
    pub width: u32,
    pub height: u32,
    /// Rows from the top, three bytes a pixel.
    pub rgb: Vec<u8>,
}

/// One labelled photo.
#[derive(Debug, Clone)]
pub struct Record {
    /// The name of the data set the photo belongs to.
    pub dataset: String,
    /// The photo's name as its table gives it; its path below the data set's
    /// folder where that name is not unique. Unique within the data set.
    pub name: String,
    pub source: Source,
    /// ICDR grade, 0 to 4.
    pub grade: u8,
    /// Whose eye it is: from a patient column, from a name that tells which eye
    /// it shows, or else the photo's own name. Unique within the data set only.
    pub patient: String,
    /// Risk of macular oedema, 0 to 2, where the data set grades it.
    pub edema: Option<u8>,
}

impl Record {
    /// The photo's file, or the array file it is in.
    pub fn path(&self) -> &Path {
        match &self.source {
            Source::File(path) => path,
            Source::Pixels(pixels) => &pixels.archive,
        }
    }

    /// The photo as an encoded file, so that pixels out of an array take the
    /// same way through decoding and preprocessing as every other photo.
    pub fn bytes(&self) -> std::io::Result<Vec<u8>> {
        match &self.source {
            Source::File(path) => std::fs::read(path),
            Source::Pixels(pixels) => {
                let mut png = Cursor::new(Vec::new());
                PngEncoder::new(&mut png)
                    .write_image(
                        &pixels.rgb,
                        pixels.width,
                        pixels.height,
                        ExtendedColorType::Rgb8,
                    )
                    .map_err(std::io::Error::other)?;
                Ok(png.into_inner())
            }
        }
    }
}

/// A data set as read from one folder.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The folder's name.
    pub name: String,
    pub root: PathBuf,
    pub records: Vec<Record>,
    /// Rows left out because the data set itself marks them ungradable.
    pub ungradable: usize,
    /// Photos in the folder that no label names: left out.
    pub unlabelled: usize,
    /// Photos without a patient in a table that names others'.
    pub without_patient: usize,
    /// The parts that the data set was published in (`train`, `test`, `valid`,
    /// `evaluation`); empty where it came whole.
    pub parts: Vec<&'static str>,
    /// The names of workbooks that cannot be opened: they may hold labels.
    pub unread: Vec<String>,
}

impl Dataset {
    /// Photos of each grade.
    pub fn grade_counts(&self) -> [usize; GRADES] {
        grade_counts(&self.records)
    }

    /// The part that the data set was published in and the photo lies in; none where it
    /// came whole.
    pub fn part(&self, record: &Record) -> Option<Part> {
        match folder::part(&self.root, record).filter(|part| self.parts.contains(part))? {
            "train" => Some(Part::Train),
            "valid" => Some(Part::Validation),
            _ => Some(Part::Test),
        }
    }
}

/// Photos of each grade.
pub fn grade_counts(records: &[Record]) -> [usize; GRADES] {
    let mut counts = [0; GRADES];
    for record in records {
        counts[usize::from(record.grade)] += 1;
    }
    counts
}

/// One thing wrong with a data set: where, what, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    pub file: PathBuf,
    /// Line of a text file, counted from 1.
    pub line: Option<u64>,
    pub what: String,
    pub remedy: String,
}

impl Fault {
    pub(crate) fn new(
        file: impl Into<PathBuf>,
        line: Option<u64>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            line,
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// The fault, told to be in a part of its file.
    fn within(mut self, part: &str) -> Self {
        self.what = format!("{part}: {}", self.what);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}; {}", self.what, self.remedy)
    }
}

/// Everything wrong with one or several data sets, in one go.
#[derive(Debug, Error)]
#[error("the photos cannot be used as they are:{}", listed(faults))]
pub struct DatasetError {
    pub faults: Vec<Fault>,
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// Reads a data set, or lists everything that is wrong with it.
///
/// `dir` is a folder, or a MedMNIST `.npz` itself. Photos are found by name
/// anywhere below the folder, with or without an extension in the table.
pub fn read(dir: &Path) -> Result<Dataset, DatasetError> {
    let (dataset, faults) = scan(dir);
    if faults.is_empty() {
        Ok(dataset)
    } else {
        Err(DatasetError { faults })
    }
}

/// Reads several data sets, or lists everything that is wrong with any.
pub fn read_all(dirs: &[PathBuf]) -> Result<Vec<Dataset>, DatasetError> {
    let (datasets, faults) = scan_all(dirs);
    if faults.is_empty() {
        Ok(datasets)
    } else {
        Err(DatasetError { faults })
    }
}

/// Reads what can be read of several data sets, with the faults of all the
/// rest. Two data sets of one name are a fault: results and splits go by it.
pub fn scan_all(dirs: &[PathBuf]) -> (Vec<Dataset>, Vec<Fault>) {
    let mut datasets: Vec<Dataset> = Vec::new();
    let mut faults = Vec::new();
    for dir in dirs {
        let (read, found) = scan(dir);
        faults.extend(found);
        if let Some(other) = datasets.iter().find(|other| other.name == read.name) {
            let place = |dir: &Path| dir.canonicalize().ok();
            faults.push(if place(&other.root) == place(dir) {
                Fault::new(dir, None, "it is named twice", "name it once")
            } else {
                Fault::new(
                    dir,
                    None,
                    format!("{} is called {} too", other.root.display(), read.name),
                    "rename one of the folders: results and splits go by their names",
                )
            });
        }
        datasets.push(read);
    }
    (datasets, faults)
}

/// Reads what can be read, with the faults of all the rest.
pub fn scan(dir: &Path) -> (Dataset, Vec<Fault>) {
    let mut dataset = Dataset {
        name: name_of(dir),
        root: dir.to_path_buf(),
        records: Vec::new(),
        ungradable: 0,
        unlabelled: 0,
        without_patient: 0,
        parts: Vec::new(),
        unread: Vec::new(),
    };
    let mut faults = Vec::new();
    fill(&mut dataset, &mut faults);
    dataset.parts = folder::parts(&dataset.root, &dataset.records);
    if dataset.records.is_empty() && faults.is_empty() {
        faults.push(Fault::new(
            dir,
            None,
            "no labelled photo is in it",
            "put photos and a labels.csv with the columns “image,grade” there",
        ));
    }
    (dataset, faults)
}

fn name_of(dir: &Path) -> String {
    let named = if dir.is_file() {
        dir.file_stem().map(|stem| stem.to_os_string())
    } else {
        // `.` and `..` have no name of their own.
        let real = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
        real.file_name().map(|name| name.to_os_string())
    };
    named.map_or_else(
        || dir.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn fill(dataset: &mut Dataset, faults: &mut Vec<Fault>) {
    let root = dataset.root.clone();
    if root.is_file() {
        if folder::extension(&root) == "npz" {
            medmnist::read(dataset, &root, faults);
        } else {
            faults.push(Fault::new(
                &root,
                None,
                "it is a file, not a folder of photos or a MedMNIST .npz",
                "name the folder that holds the labels and the photos",
            ));
        }
        return;
    }
    let folder = match Folder::list(&root) {
        Ok(folder) => folder,
        Err(fault) => return faults.push(fault),
    };
    let Some(found) = table::find(&folder, faults) else {
        return;
    };
    let Found {
        tables,
        rejected,
        unread,
    } = found;
    dataset.unread = unread.iter().map(|path| folder::file_name(path)).collect();
    if !tables.is_empty() {
        join::tables(dataset, &folder, &tables, faults);
    } else if !folder.arrays.is_empty() {
        for archive in &folder.arrays {
            medmnist::read(dataset, archive, faults);
        }
    } else if !folder.photos.is_empty() {
        class_folders::read(dataset, &folder, &rejected, faults);
    } else {
        faults.extend(rejected);
    }
}
