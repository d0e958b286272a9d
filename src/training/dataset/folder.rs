//! What lies below a data set's folder, and which photo a name means.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::text::WORKBOOKS;
use super::{Fault, Record, Source};

/// Photos of these kinds are read (compared in lower case).
const PHOTO_EXTENSIONS: [&str; 8] = ["jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp", "jfif"];
/// Deeper folders are not looked into.
const MAX_DEPTH: usize = 8;
/// Data sets name their parts so; a table `…Training Labels.csv` means the
/// photos below `a. Training Set`.
const PARTS: [&str; 4] = ["train", "test", "valid", "evaluation"];

pub(super) fn extension(path: &Path) -> String {
    path.extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default()
}

/// The name without `.jpg` and the like; other dots belong to the name.
pub(super) fn without_photo_extension(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if PHOTO_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) =>
        {
            stem
        }
        _ => name,
    }
}

/// Whether a name ends as a photo's does.
pub(super) fn is_photo_name(name: &str) -> bool {
    without_photo_extension(name).len() < name.len()
}

/// Everything below a folder that may matter, each kind in order of path.
pub(super) struct Folder {
    pub root: PathBuf,
    pub photos: Vec<PathBuf>,
    /// `.csv` and `.txt` files, and workbooks.
    pub tables: Vec<PathBuf>,
    /// `.npz` files.
    pub arrays: Vec<PathBuf>,
    by_file_name: HashMap<String, Vec<usize>>,
    by_stem: HashMap<String, Vec<usize>>,
    /// By the name without extension and the folder it lies in.
    by_folder: HashMap<String, Vec<usize>>,
}

/// Which photo a name in a table means.
pub(super) enum Resolution {
    Found(usize),
    Missing,
    Ambiguous(Vec<usize>),
}

impl Folder {
    pub fn list(root: &Path) -> Result<Self, Fault> {
        let mut folder = Self {
            root: root.to_path_buf(),
            photos: Vec::new(),
            tables: Vec::new(),
            arrays: Vec::new(),
            by_file_name: HashMap::new(),
            by_stem: HashMap::new(),
            by_folder: HashMap::new(),
        };
        folder.walk(root, 0)?;
        folder.photos.sort();
        folder.tables.sort();
        folder.arrays.sort();
        for (photo, path) in folder.photos.iter().enumerate() {
            let path = relative(root, path).to_lowercase();
            let stem = without_photo_extension(&path);
            let (names, stems) = (&mut folder.by_file_name, &mut folder.by_stem);
            names.entry(ending(&path, 1)).or_default().push(photo);
            stems.entry(ending(stem, 1)).or_default().push(photo);
            let folders = folder.by_folder.entry(ending(stem, 2));
            folders.or_default().push(photo);
        }
        Ok(folder)
    }

    fn walk(&mut self, dir: &Path, depth: usize) -> Result<(), Fault> {
        let unreadable = |error: std::io::Error| {
            Fault::new(
                dir,
                None,
                format!("the folder cannot be read ({error})"),
                "check that it exists and that you may read it",
            )
        };
        for entry in std::fs::read_dir(dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            // `~$` begins what Excel writes while a workbook is open.
            if file_name(&path).starts_with('.') || file_name(&path).starts_with("~$") {
                continue;
            }
            if path.is_dir() {
                // `__MACOSX` holds shadows of the files it was zipped with.
                if depth < MAX_DEPTH && file_name(&path) != "__MACOSX" {
                    self.walk(&path, depth + 1)?;
                }
                continue;
            }
            match extension(&path).as_str() {
                "csv" | "txt" => self.tables.push(path),
                "npz" => self.arrays.push(path),
                extension if WORKBOOKS.contains(&extension) => self.tables.push(path),
                extension if PHOTO_EXTENSIONS.contains(&extension) => self.photos.push(path),
                _ => {}
            }
        }
        Ok(())
    }

    /// A photo's path below the root, with `/` between its parts.
    pub fn relative(&self, photo: usize) -> String {
        relative(&self.root, &self.photos[photo])
    }

    /// Finds the photo that `name` means in the table at `table`: by file name,
    /// else by name without extension; of several the one whose path ends as the
    /// name does, then the one beside the table, then the one in the nearest folder
    /// that holds both, then the one in the part of the data set (training,
    /// validation, test) that the table names.
    pub fn resolve(&self, name: &str, table: &Path) -> Resolution {
        let name = name.trim().replace('\\', "/").to_lowercase();
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let last = name.rsplit('/').next().unwrap_or(name);
        let Some(of_that_name) = self
            .by_file_name
            .get(last)
            .or_else(|| self.by_stem.get(without_photo_extension(last)))
        else {
            return Resolution::Missing;
        };
        let stem = without_photo_extension(name);
        // Of many by that name, as each patient's may have, few lie in such a folder.
        let folder = self.by_folder.get(&ending(stem, 2));
        let in_it: Vec<usize> = folder
            .filter(|_| name.contains('/'))
            .into_iter()
            .flatten()
            .copied()
            .filter(|photo| {
                let path = self.relative(*photo).to_lowercase();
                let path = without_photo_extension(&path);
                of_that_name.binary_search(photo).is_ok()
                    && (path == stem || path.ends_with(&format!("/{stem}")))
            })
            .collect();
        let mut found = if in_it.is_empty() {
            of_that_name.clone()
        } else {
            in_it
        };
        let beside = table.parent().unwrap_or(&self.root);
        let images = beside.join("images");
        keep_if_any(&mut found, |photo| {
            let parent = self.photos[photo].parent();
            parent == Some(beside) || parent == Some(&images)
        });
        let shared = |photo: usize| common(&self.photos[photo], beside);
        let nearest = found.iter().map(|&photo| shared(photo)).max();
        keep_if_any(&mut found, |photo| Some(shared(photo)) == nearest);
        let table = relative(&self.root, table).to_lowercase();
        for part in PARTS.iter().filter(|part| table.contains(**part)) {
            keep_if_any(&mut found, |photo| {
                self.relative(photo).to_lowercase().contains(part)
            });
        }
        match found[..] {
            [photo] => Resolution::Found(photo),
            _ => Resolution::Ambiguous(found),
        }
    }
}

/// The parts of a data set that the photos lie in, by the names of their folders (or
/// arrays); none where that is one at most.
pub(super) fn parts(root: &Path, records: &[Record]) -> Vec<&'static str> {
    let of: Vec<_> = records.iter().map(|record| part(root, record)).collect();
    let found: Vec<&str> = PARTS
        .into_iter()
        .filter(|part| of.contains(&Some(*part)))
        .collect();
    if found.len() > 1 { found } else { Vec::new() }
}

/// The part that a photo lies in, by the uppermost of its folders that names one.
pub(super) fn part(root: &Path, record: &Record) -> Option<&'static str> {
    let path = match &record.source {
        Source::File(path) => relative(root, path),
        Source::Pixels(_) => record.name.clone(),
    };
    let path = path.to_lowercase();
    let (folders, _) = path.rsplit_once('/')?;
    folders.split('/').find_map(|folder| {
        (PARTS.into_iter())
            .find(|part| folder.contains(part) || (*part == "valid" && folder == "val"))
    })
}

/// The last parts of a path, so many where it has them.
fn ending(path: &str, parts: usize) -> String {
    match path.rmatch_indices('/').nth(parts - 1) {
        Some((slash, _)) => path[slash + 1..].to_owned(),
        None => path.to_owned(),
    }
}

/// How many parts two paths begin with in common.
fn common(one: &Path, other: &Path) -> usize {
    (one.components().zip(other.components()))
        .take_while(|(a, b)| a == b)
        .count()
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn keep_if_any(found: &mut Vec<usize>, keep: impl Fn(usize) -> bool) {
    if found.len() > 1 {
        let kept: Vec<usize> = found.iter().copied().filter(|&photo| keep(photo)).collect();
        if !kept.is_empty() {
            *found = kept;
        }
    }
}
