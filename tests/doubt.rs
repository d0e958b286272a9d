//! Further looks at a photo through the whole grader: when they are taken, what
//! they say, and what follows from it.
#![cfg(feature = "cli")]

mod bundle_support;

use std::sync::LazyLock;

use burn::tensor::Device;
use fovea::bundle::{Bundle, Doubt, DoubtWeights, Looks, Manifest};
use fovea::explain;
use fovea::grader::Grader;
use fovea::grading::{Assessment, Status};
use fovea::network::{self, Architecture, Precision, StateDict};
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
    with(&WEIGHTS, doubt)
}

fn with(weights: &[u8], doubt: Option<Doubt>) -> Grader {
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
        looks: Looks::MeanOfQuarterTurns,
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
fn a_photo_that_is_not_clear_is_answered_by_all_looks_at_it() {
    let clear = graded(doubt(1.0, 0.6));
    assert_eq!(clear.agreement, None);
    assert_eq!(clear.milliseconds.looks, 0.0);
    assert_eq!(clear.doubt_chance, Some(0.5));

    let again = graded(doubt(1.0, 0.4));
    assert!(again.milliseconds.looks > 0.0);
    assert!(again.doubt_chance > Some(0.5), "{:?}", again.doubt_chance);
    let agreement = again.agreement.unwrap();
    assert_eq!(agreement.grades.len(), 1 + photo::LOOKS);

    // The looks are the pictures that the photo module makes, one by one.
    let grader = grader(None);
    let settings = &grader.manifest().preprocessing;
    let decoded = photo::decode(&photo(), &DecodeLimits::default()).unwrap();
    let prepared = photo::prepare(&decoded, settings).unwrap();
    let outputs = |picture: &image::RgbImage| {
        let outputs = grader.outputs(photo::to_tensor(picture, settings));
        pollster::block_on(outputs).unwrap()
    };
    let calibration = &grader.manifest().calibration;
    let first = outputs(&prepared.picture);
    assert_eq!(
        clear.probabilities,
        Some(calibration.probabilities(&first)),
        "a clear photo is answered by its first look"
    );
    let further = photo::looks(&prepared.picture).map(|look| outputs(&look));
    let mean: Vec<f32> = (0..first.len())
        .map(|place| (first[place] + further.iter().map(|look| look[place]).sum::<f32>()) / 4.0)
        .collect();
    let apart = |a: &[f64], b: &[f64]| -> f64 {
        let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        differences.sum::<f64>() / 2.0
    };
    let answer = again.probabilities.unwrap();
    let expected = calibration.probabilities(&mean);
    assert!(apart(&answer, &expected) < 1e-5, "{answer:?} {expected:?}");
    let moved = further
        .iter()
        .chain([&first])
        .map(|look| apart(&calibration.probabilities(look), &answer))
        .fold(0.0, f64::max);
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
    // The worse of the two grades says how soon, if it is referred at all.
    assert_eq!(unsure.follow_up.is_some(), higher.is_referable());
}

#[test]
fn a_bundle_that_learnt_no_doubt_looks_once() {
    let plain = graded(None);
    assert_eq!((plain.agreement, plain.doubt_chance), (None, None));
    assert_eq!(plain.milliseconds.looks, 0.0);
}

#[test]
fn the_map_is_about_the_grade_that_all_looks_together_give() {
    let settings = Preprocessing::imagenet(96);
    let drawn = fovea::synth::draw(2, 4, 512);
    let picture = photo::prepare(&drawn, &settings).unwrap().picture;
    let answered = |grader: &Grader| pollster::block_on(grader.answered(&picture)).unwrap();
    let apart = |outputs: &[f32]| outputs[0] - outputs[1];
    let (first, mean) = (
        apart(&answered(&grader(doubt(1.0, 0.6)))),
        apart(&answered(&grader(doubt(1.0, 0.4)))),
    );
    assert_ne!(first, mean, "random weights answer each look differently");
    // Between two grades that all others are far below, the line runs between the
    // first look's answer and that of all.
    let mut weights = StateDict::from_safetensors(&WEIGHTS).unwrap();
    let bias = &mut weights.0.get_mut("fc.bias").unwrap().values;
    bias[0] += 5.0 - (first + mean) / 2.0;
    bias[1] += 5.0;
    let weights = weights.to_safetensors(Precision::Full).unwrap();
    let targets = [0.6, 0.4].map(|look_again_from| {
        let grader = with(&weights, doubt(1.0, look_again_from));
        let target = explain::Target::predicted(&answered(&grader));
        let cam = pollster::block_on(explain::look(&grader, &picture)).unwrap();
        assert_eq!(cam.target, target);
        target.output
    });
    assert_ne!(targets[0], targets[1]);
}
