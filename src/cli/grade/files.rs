//! Which files are photos: those that are named, and those in folders.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::photo::dicom;

/// What a photo's name ends in, in a folder.
const PICTURES: [&str; 8] = ["jpg", "jpeg", "jfif", "png", "webp", "tif", "tiff", "bmp"];
const DICOM: [&str; 2] = ["dcm", "dicom"];

/// The photos to grade, each once, in the order that results are given in.
#[derive(Debug, Default)]
pub struct Files {
    pub photos: Vec<PathBuf>,
    /// Files in the folders that are none.
    pub left_out: usize,
}

impl Files {
    /// What is named is a photo, whatever it is called. Of a folder it is what
    /// looks like one, in every folder below it, sorted; hidden files and links
    /// to folders are passed over.
    ///
    /// # Errors
    /// Where a folder cannot be read, or nothing at all is found.
    pub fn find(named: &[PathBuf]) -> Result<Self> {
        let mut found = Self::default();
        for path in named {
            if path.is_dir() {
                found.walk(path)?;
            } else {
                found.photos.push(path.clone());
            }
        }
        let mut seen = HashSet::new();
        found.photos.retain(|photo| seen.insert(photo.clone()));
        if found.photos.is_empty() {
            let folders: Vec<String> = named.iter().map(|p| p.display().to_string()).collect();
            bail!(
                "no photo in {}; name a photo, or a folder that holds some",
                folders.join(", ")
            );
        }
        Ok(found)
    }

    fn walk(&mut self, folder: &Path) -> Result<()> {
        let named = || format!("the folder {} cannot be read", folder.display());
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(named)? {
            let entry = entry.with_context(named)?;
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                paths.push(entry);
            }
        }
        paths.sort_by_key(std::fs::DirEntry::file_name);
        for entry in paths {
            let path = entry.path();
            if entry.file_type().with_context(named)?.is_dir() {
                self.walk(&path)?;
            } else if path.is_file() && is_photo(&path) {
                self.photos.push(path);
            } else {
                self.left_out += 1;
            }
        }
        Ok(())
    }
}

/// By its ending; archives write DICOM files without any.
fn is_photo(path: &Path) -> bool {
    match path.extension() {
        Some(ending) => {
            let ending = ending.to_string_lossy().to_ascii_lowercase();
            PICTURES.contains(&&*ending) || DICOM.contains(&&*ending)
        }
        None => {
            let mut start = Vec::new();
            let read = File::open(path).and_then(|file| file.take(132).read_to_end(&mut start));
            read.is_ok() && dicom::recognise(&start)
        }
    }
}
