//! Further looks at a photo through the whole grader: when they are taken, what
//! they say, and what follows from it.
#![cfg(feature = "cli")]

mod bundle_support;

use std::sync::LazyLock;

use burn::tensor::Device;
use fovea::bundle::{Bundle, Doubt, DoubtWeights, Manifest};
use fovea::grader::Grader;
use fovea::grading::{Assessment, Status};
use fovea::network::{self, Architecture, Precision};
use fovea::photo::{self, DecodeLimits, Preprocessing};

/// Random weights, drawn once: every grader here has the same.
static WEIGHTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let device = Device::flex();
    device.seed(5);
    let network = Architecture::ResNet18.init(5, 32, &device);
    network::state_dict(&network)
        .to_safetensors(Precision::Full)
        .unwrap()
});

/// A grader that doubts as told.
fn grader(doubt: Option<Doubt>) -> Grader {
    let weights = &*WEIGHTS;
    let manifest = Manifest {
        preprocessing: Preprocessing::imagenet(96),
        doubt,
        ..bundle_support::manifest(weights)
    };
    let bundle = Bundle::open(manifest.to_json().as_bytes(), weights).unwrap();
    Grader::new(&bundle, Device::flex(), "cpu").unwrap()
}

/// Doubt of 0.5 without further looks, more with them.
fn doubt(unsure_from: f64, look_again_from: f64) -> Option<Doubt> {
    Some(Doubt {
        weights: DoubtWeights {
            constant: 0.0,
            guess: 0.0,
            line: 0.0,
            moved: 1000.0,
        },
        unsure_from,
        look_again_from,
        fixed_on: "nothing".to_owned(),
        command: "none".to_owned(),
        figures: Vec::new(),
    })
}

fn photo() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    fovea::synth::draw(2, 4, 512)
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn graded(doubt: Option<Doubt>) -> Assessment {
    let ticks = std::cell::Cell::new(0.0);
    let clock = || {
        ticks.set(ticks.get() + 1.0);
        ticks.get()
    };
    let assessment = pollster::block_on(grader(doubt).grade(&photo(), &clock));
    assert_eq!(assessment.status, Status::Graded, "{:?}", assessment.error);
    assessment
}

#[test]
fn a_photo_that_is_not_clear_is_looked_at_again_and_its_first_answer_stays() {
    let clear = graded(doubt(1.0, 0.6));
    assert_eq!(clear.agreement, None);
    assert_eq!(clear.milliseconds.looks, 0.0);
    assert_eq!(clear.doubt_chance, Some(0.5));

    let again = graded(doubt(1.0, 0.4));
    assert_eq!(again.probabilities, clear.probabilities);
    assert!(again.milliseconds.looks > 0.0);
    assert!(again.doubt_chance > Some(0.5), "{:?}", again.doubt_chance);
    let agreement = again.agreement.unwrap();
    assert_eq!(agreement.grades.len(), photo::LOOKS);

    // The looks are the pictures that the photo module makes, one by one.
    let grader = grader(None);
    let settings = &grader.manifest().preprocessing;
    let decoded = photo::decode(&photo(), &DecodeLimits::default()).unwrap();
    let prepared = photo::prepare(&decoded, settings).unwrap();
    let first = again.probabilities.unwrap();
    let mut moved = 0.0f64;
    for look in photo::looks(&prepared.picture) {
        let outputs = grader.outputs(photo::to_tensor(&look, settings));
        let outputs = pollster::block_on(outputs).unwrap();
        let seen = grader.manifest().calibration.probabilities(&outputs);
        let apart: f64 = seen.iter().zip(&first).map(|(a, b)| (a - b).abs()).sum();
        moved = moved.max(apart / 2.0);
    }
    assert!(moved > 1e-6, "random weights answer each look differently");
    assert!((agreement.moved - moved).abs() < 1e-5, "{moved}");
}

#[test]
fn unsure_counts_as_refer_and_says_between_what() {
    let unsure = graded(doubt(0.3, 0.2));
    assert!(unsure.unsure);
    assert_eq!(unsure.referable, Some(true));
    let [lower, higher] = unsure.between.unwrap();
    assert!(lower < higher && [lower, higher].contains(&unsure.grade.unwrap()));
    let said = unsure.doubt.unwrap();
    assert!(said.starts_with("Unsure, have it read:"), "{said}");
    assert!(said.contains(lower.label()) && said.contains(higher.label()));
    assert!(unsure.referral.unwrap().starts_with("Refer"));
    assert_eq!(unsure.follow_up, None);
}

#[test]
fn a_bundle_that_learnt_no_doubt_looks_once() {
    let plain = graded(None);
    assert_eq!((plain.agreement, plain.doubt_chance), (None, None));
    assert_eq!(plain.milliseconds.looks, 0.0);
}
