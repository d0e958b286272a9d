//! The bundle whose weights a training begins with.

use std::path::Path;

use super::config::TrainConfig;
use super::export;
use crate::bundle::Manifest;
use crate::photo::Preprocessing;

/// The manifest of a bundle that is named by it or by its folder; none of a file
/// of weights.
pub fn manifest(path: &Path) -> Option<Manifest> {
    let path = if path.is_dir() {
        path.join(export::MANIFEST)
    } else {
        path.to_owned()
    };
    Manifest::from_json(&std::fs::read(path).ok()?).ok()
}

/// How the weights were shown photos where `config` shows them otherwise: a sentence
/// for whoever forgot a flag, since flags decide and nothing of this is inherited.
pub fn shown_otherwise(config: &TrainConfig) -> Option<String> {
    let path = config.from.as_deref()?;
    let was = manifest(path)?.preprocessing;
    let flags = |of: &Preprocessing, other: &Preprocessing| -> String {
        let mut flags = Vec::new();
        if of.size != other.size {
            flags.push(format!("--size {}", of.size));
        }
        if of.margin != other.margin {
            flags.push(format!("--margin {}", of.margin));
        }
        match (of.local_mean.is_some(), other.local_mean.is_some()) {
            (true, false) => flags.push("--local-mean".to_owned()),
            (false, true) => flags.push("no --local-mean".to_owned()),
            _ => {}
        }
        flags.join(" ")
    };
    let (before, now) = (
        flags(&was, &config.preprocessing),
        flags(&config.preprocessing, &was),
    );
    (!before.is_empty()).then(|| {
        format!(
            "{} was trained with {before}; this training is with {now}",
            path.display()
        )
    })
}
