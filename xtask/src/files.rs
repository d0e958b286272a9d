//! Folders: walked in a fixed order, copied, replaced whole.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Every file under `folder`, relative to it, sorted; hidden ones left out.
pub fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    walk_except(folder, |name| name.starts_with('.'))
}

/// As [`walk`], leaving out the files and folders of these names instead.
pub fn walk_except(folder: &Path, left_out: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(inner) = waiting.pop() {
        let here = folder.join(&inner);
        let entries =
            fs::read_dir(&here).with_context(|| format!("{} cannot be read", here.display()))?;
        for entry in entries {
            let entry = entry?;
            if left_out(&entry.file_name().to_string_lossy()) {
                continue;
            }
            let path = inner.join(entry.file_name());
            if folder.join(&path).is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Copies one file, making the folders it needs.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    fs::copy(from, to)
        .with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))?;
    Ok(())
}

/// Puts `new` where `old` is: whoever reads the folder finds one or the other.
pub fn swap(new: &Path, old: &Path) -> Result<()> {
    let aside = new.with_extension("replaced");
    remove(&aside)?;
    match fs::rename(old, &aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be moved", old.display()));
        }
        _ => {}
    }
    fs::rename(new, old).with_context(|| format!("{} cannot be put in place", old.display()))?;
    remove(&aside)
}

/// Deletes a folder and all it holds, if it is there.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be deleted", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Marks a folder as used just now.
pub fn touch(folder: &Path) -> Result<()> {
    let marker = folder.join(".used");
    fs::write(&marker, "").with_context(|| format!("{} cannot be written", marker.display()))?;
    fs::remove_file(&marker).with_context(|| format!("{} cannot be deleted", marker.display()))
}

/// A path in a URL: forward slashes on every system.
pub fn url(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_is_sorted_and_leaves_out_what_is_hidden() {
        let scratch = tempfile::tempdir().unwrap();
        for name in ["b/c.js", "a.html", "b/a.js", ".hidden", ".git/x"] {
            let path = scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let found: Vec<_> = walk(scratch.path())
            .unwrap()
            .iter()
            .map(|path| url(path))
            .collect();
        assert_eq!(found, ["a.html", "b/a.js", "b/c.js"]);
    }

    #[test]
    fn a_swap_replaces_the_whole_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let (new, old) = (scratch.path().join("new"), scratch.path().join("old"));
        for _ in 0..2 {
            fs::create_dir(&new).unwrap();
            fs::write(new.join("fresh"), "").unwrap();
            swap(&new, &old).unwrap();
            assert!(old.join("fresh").is_file());
            assert!(!new.exists());
            fs::remove_file(old.join("fresh")).unwrap();
            fs::write(old.join("stale"), "").unwrap();
        }
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
