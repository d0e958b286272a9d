//! Where photos and weights come from and what they allow, for the model card.

use std::path::Path;

use crate::bundle::DataSource;

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
        terms: known(name)
            .unwrap_or("not stated; ask whoever trained this model")
            .to_owned(),
    }
}

/// The source entry of the initial weights.
pub fn of_weights(path: Option<&Path>) -> DataSource {
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
