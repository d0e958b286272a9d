//! The manifest of a model that learnt nothing: sound in form, for tests that
//! ask how bundles are handled and not how well one grades.

use fovea::bundle::{
    Calibration, DataSource, Edema, EdemaFigures, FORMAT, Manifest, OperatingPoint, Thresholds,
    Training, WeightsFile, sha256_hex,
};
use fovea::grading::Grade;
use fovea::network::Architecture;
use fovea::photo::Preprocessing;

/// An operating point that nothing was measured for.
pub fn point(threshold: f64) -> OperatingPoint {
    OperatingPoint {
        threshold,
        sensitivity: 0.9,
        specificity: 0.9,
        fixed_on: "nothing".to_owned(),
    }
}

/// A head for the risk of macular oedema that nothing was measured for.
#[allow(dead_code)] // Not every test has one.
pub fn edema(threshold: f64) -> Edema {
    Edema {
        temperature: 1.0,
        referable: point(threshold),
        taught_by: "nothing".to_owned(),
        penalty: 1.0,
        figures: EdemaFigures {
            dataset: "nothing".to_owned(),
            n: 0,
            accuracy: 0.0,
            kappa_quadratic: None,
            cross_entropy: 0.0,
            referable_auc: None,
            ece: 0.0,
        },
        command: "none".to_owned(),
    }
}

/// A manifest for the `weights` of a ResNet-18.
pub fn manifest(weights: &[u8]) -> Manifest {
    let source = || DataSource {
        name: "drawn".to_owned(),
        photos: 0,
        terms: "none".to_owned(),
    };
    Manifest {
        format: FORMAT,
        name: "test".to_owned(),
        version: "0.0.0".to_owned(),
        architecture: Architecture::ResNet18,
        classes: Grade::ALL.map(|grade| grade.key().to_owned()).to_vec(),
        preprocessing: Preprocessing::imagenet(64),
        calibration: Calibration {
            temperature: 1.0,
            cumulative_link: None,
        },
        test_time_flips: false,
        thresholds: Thresholds {
            referable: point(0.5),
            further: Vec::new(),
        },
        doubt: None,
        edema: None,
        weights: WeightsFile {
            file: "weights.safetensors".to_owned(),
            bytes: weights.len() as u64,
            sha256: sha256_hex(weights),
        },
        training: Training {
            data: vec![source()],
            initial_weights: source(),
            taught_by: Vec::new(),
            recipe: "none".to_owned(),
            command: "none".to_owned(),
            seed: 1,
        },
        figures: vec![],
        intended_use: "a test".to_owned(),
    }
}
