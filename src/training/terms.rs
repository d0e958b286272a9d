//! Where photos and weights come from and what they allow, for the model card.

use std::path::{Path, PathBuf};

use super::parent;
use crate::bundle::{DataSource, Manifest};

/// What stands between the terms of one source and of another.
const BETWEEN: &str = "; ";

/// Said where nobody said it.
pub const NOT_STATED: &str = "not stated; ask whoever trained this model";

/// What a set of photos allows, for the sets this project knows by name.
fn known(name: &str) -> Option<&'static str> {
    let known = match name {
        "aptos2019" => {
            "APTOS 2019 Blindness Detection (Aravind Eye Hospital), Kaggle competition data: \
             non-commercial and academic use"
        }
        "eyepacs" => "EyePACS, Kaggle Diabetic Retinopathy Detection 2015: research use",
        "idrid" => "Indian Diabetic Retinopathy Image Dataset (Porwal et al. 2018): CC BY 4.0",
        "retinamnist" => "RetinaMNIST (MedMNIST v2): CC BY 4.0",
        _ => return None,
    };
    Some(known)
}

/// The source entry of one set of photos.
pub fn of_photos(name: &str, photos: usize) -> DataSource {
    DataSource {
        name: name.to_owned(),
        photos,
        terms: known(name).unwrap_or(NOT_STATED).to_owned(),
    }
}

/// All terms, each once: weights that were handed on from training to training
/// have met the same photos several times.
fn inherited<'a>(terms: impl Iterator<Item = &'a str>) -> String {
    let mut each: Vec<&str> = Vec::new();
    for term in terms.flat_map(|terms| terms.split(BETWEEN)) {
        if !each.contains(&term) {
            each.push(term);
        }
    }
    each.join(BETWEEN)
}

/// The source entry of a finished model, under the name it gives itself: it hands on
/// the terms of all it learned from.
pub fn of_model(manifest: &Manifest) -> DataSource {
    let training = &manifest.training;
    let sources = training
        .data
        .iter()
        .chain([&training.initial_weights])
        .chain(&training.taught_by);
    DataSource {
        name: manifest.id(),
        photos: 0,
        terms: inherited(sources.map(|source| source.terms.as_str())),
    }
}

/// The source entry of the initial weights, those of `first` or the mean with those of
/// `others`; a bundle's are [`of_model`].
pub fn of_weights(first: Option<&Path>, others: &[PathBuf]) -> DataSource {
    let first = of_file(first);
    if others.is_empty() {
        return first;
    }
    let others = others.iter().map(|path| of_file(Some(path)));
    let all: Vec<_> = std::iter::once(first).chain(others).collect();
    let names: Vec<_> = all.iter().map(|source| source.name.as_str()).collect();
    DataSource {
        name: format!("the mean of {}", names.join(" and ")),
        photos: 0,
        terms: inherited(all.iter().map(|source| source.terms.as_str())),
    }
}

fn of_file(path: Option<&Path>) -> DataSource {
    if let Some(manifest) = path.and_then(parent::manifest) {
        return of_model(&manifest);
    }
    let (name, terms) = match path {
        None => ("random".to_owned(), "none".to_owned()),
        Some(path) => {
            let name = path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let terms = if name.starts_with("resnet18-imagenet.pth") {
                "ImageNet weights, in part restored from a copy published under CC BY-NC 4.0: \
                 non-commercial, and so is what is trained from them"
            } else {
                "those of the file, which what is trained from it inherits"
            };
            (name, terms.to_owned())
        }
    };
    DataSource {
        name,
        photos: 0,
        terms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_handed_on_by_several_trainings_are_told_once() {
        let (aptos, idrid) = ("A: non-commercial", "I: CC BY 4.0");
        let before = inherited([aptos, idrid, "none"].into_iter());
        assert_eq!(before, "A: non-commercial; I: CC BY 4.0; none");
        assert_eq!(inherited([aptos, idrid, &before].into_iter()), before);
    }

    #[test]
    fn a_mean_of_weights_hands_on_the_terms_of_each() {
        let imagenet = Path::new("resnet18-imagenet.pth.xz");
        let mine = PathBuf::from("mine.safetensors");
        let alone = of_weights(Some(imagenet), &[]);
        assert_eq!(alone.name, "resnet18-imagenet.pth.xz");
        let both = of_weights(Some(imagenet), &[mine.clone(), mine.clone()]);
        assert_eq!(
            both.name,
            "the mean of resnet18-imagenet.pth.xz and mine.safetensors and mine.safetensors"
        );
        let each = [alone.terms, of_weights(Some(&mine), &[]).terms];
        assert_eq!(both.terms, each.join(BETWEEN));
    }
}
