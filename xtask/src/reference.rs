//! Reference answers for the browser tests, kept in the cache: the weights
//! PyTorch computed them with, as safetensors, and the answers themselves. A
//! browser opens no files, so the build script takes them into the test.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::digest::Stamp;
use crate::files;
use crate::paths::Paths;
use crate::process::Run;
use crate::say;

/// Tells the build script where the folder is.
pub const VARIABLE: &str = "FOVEA_REFERENCE";

const WEIGHTS: &str = "weights/resnet18-imagenet.pth.xz";
const GOLDEN: &str = "fixtures/resnet18_golden.safetensors";

/// The folder, made before or not; `None` where `../shared` is absent.
fn folder(paths: &Paths) -> Result<Option<PathBuf>> {
    let Some(shared) = paths.shared() else {
        return Ok(None);
    };
    let (weights, golden) = (shared.join(WEIGHTS), shared.join(GOLDEN));
    if !weights.is_file() || !golden.is_file() {
        return Ok(None);
    }
    let stamp = Stamp::default().add_file(&weights)?.add_file(&golden)?;
    Ok(Some(paths.cache.join("reference").join(stamp.short())))
}

/// Lets a build for the browser know of the folder, if it was made. Every such
/// build is told the same, or each would build the library anew.
pub fn tell(paths: &Paths, run: Run) -> Result<Run> {
    Ok(match folder(paths)?.filter(|folder| folder.is_dir()) {
        Some(folder) => run.env(VARIABLE, folder),
        None => run,
    })
}

/// Makes the folder where `../shared` has what it is made of.
pub fn prepare(paths: &Paths) -> Result<()> {
    let (Some(folder), Some(shared)) = (folder(paths)?, paths.shared()) else {
        say::line("skipped: ../shared is absent, so the browser is not compared with PyTorch");
        return Ok(());
    };
    if folder.is_dir() {
        return Ok(());
    }
    let temporary = folder.with_extension(format!("unfinished-{}", std::process::id()));
    files::remove(&temporary)?;
    fs::create_dir_all(&temporary)
        .with_context(|| format!("{} cannot be made", temporary.display()))?;
    let made = Run::new("cargo", "the messages above say why")
        .args([
            "run",
            "--package",
            "fovea",
            "--bin",
            "fovea",
            "--",
            "convert",
        ])
        .arg(shared.join(WEIGHTS))
        .arg(temporary.join("weights.safetensors"))
        .env("CARGO_TARGET_DIR", paths.target())
        .folder(&paths.root)
        .go()
        .and_then(|()| files::copy(&shared.join(GOLDEN), &temporary.join("golden.safetensors")))
        .and_then(|()| {
            fs::rename(&temporary, &folder)
                .with_context(|| format!("{} cannot be put in place", folder.display()))
        });
    files::remove(&temporary)?;
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_shared_nothing_is_made_and_nothing_is_told() {
        let scratch = tempfile::tempdir().unwrap();
        let paths = Paths {
            root: scratch.path().join("root"),
            cache: scratch.path().join("cache"),
        };
        prepare(&paths).unwrap();
        assert!(!paths.cache.exists());
        let told = tell(
            &paths,
            Run::new("sh", "").args(["-c", "echo ${FOVEA_REFERENCE-none}"]),
        );
        assert_eq!(told.unwrap().output().unwrap(), "none");
    }

    #[test]
    fn the_folder_follows_what_it_is_made_of() {
        let scratch = tempfile::tempdir().unwrap();
        let paths = Paths {
            root: scratch.path().join("root"),
            cache: scratch.path().join("cache"),
        };
        let shared = scratch.path().join("shared");
        for file in [WEIGHTS, GOLDEN] {
            let path = shared.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "one").unwrap();
        }
        let first = folder(&paths).unwrap().unwrap();
        fs::write(shared.join(WEIGHTS), "two").unwrap();
        let second = folder(&paths).unwrap().unwrap();
        assert_ne!(first, second);
        fs::create_dir_all(&second).unwrap();
        prepare(&paths).unwrap();
        assert_eq!(fs::read_dir(&second).unwrap().count(), 0, "made again");
    }
}
