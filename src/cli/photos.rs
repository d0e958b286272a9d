//! Labelled photos as the commands that fit something to them want them: on the
//! sides of a split, and prepared whole or not at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bundle_file;
use super::progress::bar;
use crate::bundle::sha256_hex;
use crate::photo::Preprocessing;
use crate::training::dataset::{self, Record};
use crate::training::duplicates;
use crate::training::export::{can_write, write_whole};
use crate::training::picture::{Picture, Room};
use crate::training::pictures;
use crate::training::run::SPLIT;
use crate::training::split::{Part, Split};

/// The split that a model was trained by, where none is named: a training leaves it
/// beside the model, that of the shipped one stands among the documents.
pub fn split_of(model: &Path) -> Result<PathBuf> {
    let manifest = bundle_file::manifest_path(model);
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let beside = folder.join(SPLIT);
    if beside.is_file() {
        return Ok(beside);
    }
    let root = folder.parent().and_then(Path::parent);
    if let Some(root) = root
        && folder.ends_with("www/model")
    {
        return Ok(root.join("docs/model-split.csv"));
    }
    bail!(
        "no {SPLIT} beside {} tells which photos it was trained on; name that of its training \
         with --split",
        manifest.display()
    )
}

/// All photos of some folders, and how they are divided.
pub struct Divided {
    pub records: Vec<Record>,
    pub split: Split,
}

impl Divided {
    pub fn read(folders: &[PathBuf], split: &Path) -> Result<Self> {
        let datasets = dataset::read_all(folders)?;
        let records: Vec<Record> = datasets.into_iter().flat_map(|d| d.records).collect();
        let split = Split::read(&records, split)?;
        Ok(Self { records, split })
    }

    /// Of which labelled photos, and of which division of them, something is made.
    pub fn made_of(&self) -> MadeOf {
        let mut photos = String::new();
        let mut parts = vec![""; self.records.len()];
        for record in &self.records {
            let row = (&record.dataset, &record.name, record.grade, &record.patient);
            let _ = writeln!(photos, "{row:?}");
        }
        for part in Part::ALL {
            for index in self.split.part(part) {
                parts[*index] = part.name();
            }
        }
        MadeOf::from([
            ("--data", sha256_hex(photos.as_bytes())),
            ("--split", sha256_hex(parts.join("\n").as_bytes())),
        ])
    }

    /// The photos on one side.
    pub fn part(&self, part: Part) -> Vec<Record> {
        let of = self.split.part(part).iter();
        of.map(|index| self.records[*index].clone()).collect()
    }

    /// The photos that a training is taught by: all of its side but those whose
    /// copies disagree on the grade.
    pub fn taught(&self) -> Result<Vec<Record>> {
        let progress = bar("Looking for duplicates", self.records.len());
        let twins = duplicates::find(&self.records, |done| progress.set_position(done as u64))?;
        progress.finish_and_clear();
        let disputed = twins.disputed();
        let of = self.split.part(Part::Train).iter();
        Ok(of
            .filter(|index| !disputed.contains(index))
            .map(|index| self.records[*index].clone())
            .collect())
    }
}

/// Prepares every photo; a photo that cannot be used ends it.
pub fn prepare(records: &[Record], settings: &Preprocessing) -> Result<Vec<Picture>> {
    let progress = bar("Preparing", records.len());
    let (prepared, rejected) = pictures::prepare(records, settings, &Room::new(None), &|done| {
        progress.set_position(done as u64);
    })
    .map_err(|reason| anyhow!(reason))?;
    progress.finish_and_clear();
    if !rejected.is_empty() {
        bail!(
            "these photos cannot be used:\n{}",
            pictures::list(&rejected)
        );
    }
    Ok(prepared.into_iter().flatten().collect())
}

/// What something was made of: a word for each flag that decided it.
pub type MadeOf = BTreeMap<&'static str, String>;

/// What is kept in a file, with what it was made of.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    made_of: BTreeMap<String, String>,
    made: T,
}

/// What `make` takes long to find, from the file it was kept in before; kept there
/// where it is new. A file made of something else is refused: figures would be told
/// of a model or of photos that they are not of.
pub fn kept<T: Serialize + DeserializeOwned>(
    file: Option<&Path>,
    made_of: &MadeOf,
    make: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some(file) = file else {
        return make();
    };
    let made_of: BTreeMap<String, String> = made_of
        .iter()
        .map(|(flag, word)| ((*flag).to_owned(), word.clone()))
        .collect();
    if file.exists() {
        let named = || file.display().to_string();
        let json = std::fs::read(file).with_context(named)?;
        let kept: Kept<T> = serde_json::from_slice(&json).map_err(|error| {
            anyhow!(
                "{}: it does not tell what it was made of ({error}); delete it, or name another \
                 file",
                named()
            )
        })?;
        let others: Vec<&str> = made_of
            .iter()
            .filter(|(flag, word)| kept.made_of.get(*flag) != Some(*word))
            .map(|(flag, _)| flag.as_str())
            .collect();
        if !others.is_empty() {
            bail!(
                "{}: it was made with another {}; delete it, or name another file",
                named(),
                others.join(" and another ")
            );
        }
        return Ok(kept.made);
    }
    can_write(file).map_err(|error| anyhow!(error))?;
    let kept = Kept {
        made_of,
        made: make()?,
    };
    write_whole(file, &serde_json::to_vec(&kept)?).map_err(|error| anyhow!(error))?;
    Ok(kept.made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_split_is_looked_for_where_the_model_is() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("runs/first");
        std::fs::create_dir_all(&model).unwrap();
        let words = split_of(&model).unwrap_err().to_string();
        assert!(words.contains("--split"), "{words}");
        std::fs::write(model.join(SPLIT), "").unwrap();
        let manifest = model.join("model.json");
        for named in [&model, &manifest] {
            assert_eq!(split_of(named).unwrap(), model.join(SPLIT));
        }

        let shipped = |root: &str| {
            (
                format!("{root}www/model"),
                format!("{root}docs/model-split.csv"),
            )
        };
        for (model, split) in ["", "../", "/src/fovea/"].map(shipped) {
            let manifest = format!("{model}/model.json");
            assert_eq!(split_of(Path::new(&manifest)).unwrap(), Path::new(&split));
        }
    }

    #[test]
    fn what_is_kept_is_taken_for_what_it_was_made_of_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept.json");
        let of = |bundle: &str, split: &str| -> MadeOf {
            MadeOf::from([
                ("--bundle", bundle.to_owned()),
                ("--split", split.to_owned()),
            ])
        };
        let ask = |made_of: &MadeOf| kept(Some(&file), made_of, || Ok(vec![0.1, 0.7]));
        let unasked = |made_of: &MadeOf| -> Result<Vec<f64>> {
            kept(Some(&file), made_of, || panic!("it is there"))
        };
        assert_eq!(ask(&of("one", "a")).unwrap(), [0.1, 0.7]);
        assert_eq!(unasked(&of("one", "a")).unwrap(), [0.1, 0.7]);
        let words = unasked(&of("two", "a")).unwrap_err().to_string();
        assert!(
            words.contains("kept.json") && words.contains("another --bundle;"),
            "{words}"
        );
        let words = unasked(&of("two", "b")).unwrap_err().to_string();
        assert!(
            words.contains("another --bundle and another --split;"),
            "{words}"
        );

        let nowhere = folder.path().join("nowhere/kept.json");
        let refused = kept(Some(&nowhere), &of("one", "a"), || -> Result<Vec<f64>> {
            panic!("all of it would be lost")
        });
        let words = refused.unwrap_err().to_string();
        assert!(words.contains("kept.json: cannot be written"), "{words}");

        // As earlier versions kept it.
        std::fs::write(&file, "[0.1, 0.7]").unwrap();
        let words = unasked(&of("one", "a")).unwrap_err().to_string();
        assert!(words.contains("delete it"), "{words}");
    }
}
