//! Finding and reading a bundle on disk.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::bundle::{Bundle, Manifest};

/// The manifest of a path that names either it or its folder.
pub fn manifest_path(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("model.json")
    } else {
        path.to_owned()
    }
}

/// Reads and checks a bundle.
pub fn open(path: &Path) -> Result<Bundle> {
    let manifest_path = manifest_path(path);
    let json = std::fs::read(&manifest_path).with_context(|| {
        format!(
            "no model at {}; name one with --bundle, or train one with `fovea train`",
            manifest_path.display()
        )
    })?;
    let manifest =
        Manifest::from_json(&json).with_context(|| manifest_path.display().to_string())?;
    let Some(folder) = manifest_path.parent() else {
        bail!("{} has no folder", manifest_path.display());
    };
    let weights_path = folder.join(&manifest.weights.file);
    let weights = std::fs::read(&weights_path)
        .with_context(|| format!("the model's weights, {}", weights_path.display()))?;
    Bundle::open(&json, &weights).with_context(|| weights_path.display().to_string())
}

/// Where a bundle is looked for when none is named: in the working folder's
/// site, then beside the program.
pub fn default_path() -> PathBuf {
    let beside_program = std::env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(|folder| folder.join("model")));
    let here = PathBuf::from("www/model");
    match beside_program {
        Some(path) if !here.exists() && path.exists() => path,
        _ => here,
    }
}
