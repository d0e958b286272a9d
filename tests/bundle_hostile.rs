//! A bundle is hostile until checked: every fault is refused with its reason.
#![cfg(not(target_arch = "wasm32"))]

mod bundle_support;

use std::sync::LazyLock;

use burn::tensor::Device;
use fovea::bundle::{Bundle, BundleError, Manifest, sha256_hex};
use fovea::grader::Grader;
use fovea::network::{self, Depth, Entry, Precision, ResNet, StateDict, WeightsError};

/// Weights of a freshly drawn network, and the manifest that goes with them.
static SOUND: LazyLock<(Manifest, Vec<u8>)> = LazyLock::new(|| {
    let network = ResNet::init(Depth::D18, 5, &Device::flex());
    let weights = network::state_dict(&network)
        .to_safetensors(Precision::Half)
        .unwrap();
    let manifest = bundle_support::manifest(&weights);
    (manifest, weights)
});

fn sound() -> (Manifest, Vec<u8>) {
    SOUND.clone()
}

fn refusal(manifest: &Manifest, weights: &[u8]) -> BundleError {
    Bundle::open(manifest.to_json().as_bytes(), weights).unwrap_err()
}

/// The manifest as JSON, changed by `change`.
fn altered(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut json = serde_json::to_value(sound().0).unwrap();
    change(&mut json);
    serde_json::to_vec(&json).unwrap()
}

#[test]
fn a_sound_bundle_opens_and_builds() {
    let (manifest, weights) = sound();
    let bundle = Bundle::open(manifest.to_json().as_bytes(), &weights).unwrap();
    assert_eq!(bundle.manifest, manifest);
    Grader::new(&bundle, Device::flex(), "cpu").unwrap();
}

/// A result tells by what it was decided, and nothing else changes that.
#[test]
fn settings_are_told_apart_by_what_decides() {
    let read = |change: &dyn Fn(&mut serde_json::Value)| {
        Manifest::from_json(&altered(change)).unwrap().settings()
    };
    let same = read(&|_| {});
    assert_eq!(same.len(), 64);
    assert_eq!(read(&|json| json["name"] = "renamed".into()), same);
    assert_eq!(
        read(&|json| json["training"]["recipe"] = "told".into()),
        same
    );
    let decides: [&dyn Fn(&mut serde_json::Value); 4] = [
        &|json| json["preprocessing"]["size"] = 96.into(),
        &|json| json["calibration"]["temperature"] = 1.1.into(),
        &|json| json["test_time_flips"] = true.into(),
        &|json| json["thresholds"]["referable"]["threshold"] = 0.4.into(),
    ];
    let mut seen = vec![same];
    for change in decides {
        let settings = read(change);
        assert!(!seen.contains(&settings));
        seen.push(settings);
    }
}

/// What an older Fovea wrote has no doubt and opens; a doubt that could call a
/// photo surer the more its looks disagree, or is out of range, is refused.
#[test]
fn doubt_may_be_absent_but_not_absurd() {
    let older = altered(|_| {});
    assert!(!String::from_utf8_lossy(&older).contains("doubt"));
    Manifest::from_json(&older).unwrap();
    let with = |weights: [f64; 4], unsure_from: f64, look_again_from: f64| {
        let [constant, guess, line, moved] = weights;
        Manifest::from_json(&altered(|json| {
            json["doubt"] = serde_json::json!({
                "looks": "mean-of-quarter-turns",
                "weights": {
                    "constant": constant, "guess": guess, "line": line, "moved": moved
                },
                "unsure_from": unsure_from,
                "look_again_from": look_again_from,
                "fixed_on": "ten photos",
                "command": "none",
                "figures": []
            });
        }))
    };
    let sound = with([-3.0, 4.0, 2.0, 3.0], 0.5, 0.2).unwrap();
    assert_eq!(
        Manifest::from_json(sound.to_json().as_bytes()).unwrap(),
        sound
    );
    // One fitted to looks that are not taken any more is passed over, whatever it says.
    let mut earlier = serde_json::to_value(&sound).unwrap();
    let looks = earlier["doubt"].as_object_mut().unwrap().remove("looks");
    assert_eq!(looks.unwrap(), "mean-of-quarter-turns");
    let opened = Manifest::from_json(earlier.to_string().as_bytes()).unwrap();
    assert_eq!(opened.doubt, None);
    assert!(sound.doubt.is_some());
    let mut other = serde_json::to_value(&sound).unwrap();
    other["doubt"]["looks"] = "sideways".into();
    assert!(Manifest::from_json(other.to_string().as_bytes()).is_err());
    for refused in [
        with([-3.0, 4.0, 2.0, -3.0], 0.5, 0.2),
        with([-3.0, 4.0, 2.0, 1e9], 0.5, 0.2),
        with([-3.0, 4.0, 2.0, 3.0], 1.5, 0.2),
        with([-3.0, 4.0, 2.0, 3.0], 0.5, 0.6),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, BundleError::Value { .. }), "{error}");
        assert!(error.to_string().contains("doubt."), "{error}");
    }
}

/// What an older Fovea wrote has no head for macular oedema and opens; one whose
/// numbers cannot be is refused, and so is one that only the manifest or only the
/// weights know of.
#[test]
fn a_head_for_oedema_may_be_absent_but_not_absurd_nor_half_there() {
    assert!(!String::from_utf8_lossy(&altered(|_| {})).contains("edema"));
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        Manifest::from_json(&altered(|json| {
            json["edema"] = serde_json::to_value(bundle_support::edema(0.2)).unwrap();
            change(&mut json["edema"]);
        }))
    };
    let sound = with(&|_| {}).unwrap();
    assert_eq!(
        Manifest::from_json(sound.to_json().as_bytes()).unwrap(),
        sound
    );
    for (place, number) in [
        ("/temperature", 0.0),
        ("/temperature", 1e9),
        ("/referable/threshold", -0.1),
        ("/referable/threshold", 0.51),
        ("/referable/sensitivity", 1.5),
        ("/referable/specificity", -1.0),
    ] {
        let error = with(&|edema| *edema.pointer_mut(place).unwrap() = number.into()).unwrap_err();
        assert!(
            matches!(error, BundleError::Value { .. }),
            "{place}: {error}"
        );
        assert!(error.to_string().contains("edema."), "{error}");
    }
    let unknown = with(&|edema| edema["weights"] = 1.into()).unwrap_err();
    assert!(matches!(unknown, BundleError::Manifest(_)), "{unknown}");

    let (manifest, weights) = self::sound();
    let build = |manifest: &Manifest, weights: &StateDict| {
        let bytes = weights.to_safetensors(Precision::Half).unwrap();
        let mut manifest = manifest.clone();
        manifest.weights.bytes = bytes.len() as u64;
        manifest.weights.sha256 = sha256_hex(&bytes);
        let bundle = Bundle::open(manifest.to_json().as_bytes(), &bytes).unwrap();
        Grader::new(&bundle, Device::flex(), "cpu").map(|_| ())
    };
    let plain = StateDict::from_safetensors(&weights).unwrap();
    let headed = Manifest {
        edema: Some(bundle_support::edema(0.2)),
        ..manifest.clone()
    };
    let layer = |risks: usize| {
        let entry = |shape: Vec<usize>| Entry {
            values: vec![0.5; shape.iter().product()],
            shape,
        };
        network::with_beside(&plain, entry(vec![risks, 512]), entry(vec![risks]))
    };
    build(&headed, &layer(3)).unwrap();
    for (manifest, weights) in [
        (&headed, &plain),
        (&manifest, &layer(3)),
        (&headed, &layer(2)),
    ] {
        let error = build(manifest, weights).unwrap_err();
        assert!(error.to_string().contains("fc_beside"), "{error}");
    }
}

#[test]
fn cut_weights_are_refused_by_their_size() {
    let (manifest, weights) = sound();
    let error = refusal(&manifest, &weights[..weights.len() - 1]);
    assert!(matches!(error, BundleError::Size { .. }), "{error}");
    let error = refusal(&manifest, &[]);
    assert!(matches!(error, BundleError::Size { .. }), "{error}");
}

#[test]
fn one_flipped_bit_is_refused_by_the_hash() {
    let (manifest, mut weights) = sound();
    let middle = weights.len() / 2;
    weights[middle] ^= 1;
    let error = refusal(&manifest, &weights);
    assert!(matches!(error, BundleError::Hash { .. }), "{error}");
    assert!(error.to_string().contains("altered"), "{error}");
}

#[test]
fn weights_that_are_no_safetensors_are_refused_even_with_the_right_hash() {
    for junk in [vec![], vec![0xFF; 64], b"{\"a\":1}".to_vec()] {
        let (mut manifest, _) = sound();
        manifest.weights.bytes = junk.len() as u64;
        manifest.weights.sha256 = sha256_hex(&junk);
        let error = refusal(&manifest, &junk);
        assert!(
            matches!(error, BundleError::Weights(WeightsError::NotSafetensors(_))),
            "{error}"
        );
    }
}

#[test]
fn a_number_that_is_not_finite_is_refused() {
    let (mut manifest, weights) = sound();
    let mut dict = fovea::network::StateDict::from_safetensors(&weights).unwrap();
    dict.0.get_mut("conv1.weight").unwrap().values[7] = f32::NAN;
    let weights = dict.to_safetensors(Precision::Half).unwrap();
    manifest.weights.bytes = weights.len() as u64;
    manifest.weights.sha256 = sha256_hex(&weights);
    let error = refusal(&manifest, &weights);
    assert!(error.to_string().contains("conv1.weight"), "{error}");
}

#[test]
fn weights_of_another_shape_are_refused_when_the_network_is_built() {
    let (mut manifest, _) = sound();
    let other = ResNet::init(Depth::D18, 4, &Device::flex());
    let weights = network::state_dict(&other)
        .to_safetensors(Precision::Half)
        .unwrap();
    manifest.weights.bytes = weights.len() as u64;
    manifest.weights.sha256 = sha256_hex(&weights);
    let bundle = Bundle::open(manifest.to_json().as_bytes(), &weights).unwrap();
    let Err(error) = Grader::new(&bundle, Device::flex(), "cpu") else {
        panic!("four classes were taken for five");
    };
    assert!(error.to_string().contains("fc."), "{error}");
}

#[test]
fn a_future_format_says_so_instead_of_looking_damaged() {
    let json = altered(|json| {
        json["format"] = 2.into();
        json["something_new"] = true.into();
    });
    let error = Manifest::from_json(&json).unwrap_err();
    assert!(
        matches!(error, BundleError::Format { found: 2, .. }),
        "{error}"
    );
}

#[test]
fn damaged_json_is_refused() {
    let whole = sound().0.to_json();
    for cut in [0, 1, whole.len() / 2, whole.len() - 3] {
        let error = Manifest::from_json(&whole.as_bytes()[..cut]).unwrap_err();
        assert!(matches!(error, BundleError::Manifest(_)), "{cut}: {error}");
    }
}

#[test]
fn values_that_cannot_be_right_are_refused_by_name() {
    type Change = fn(&mut serde_json::Value);
    let cases: [(&str, Change); 18] = [
        ("temperature", |j| {
            j["calibration"]["temperature"] = 0.into()
        }),
        ("temperature", |j| {
            j["calibration"]["temperature"] = (-1).into()
        }),
        ("threshold", |j| {
            j["thresholds"]["referable"]["threshold"] = 1.5.into()
        }),
        ("weights.file", |j| {
            j["weights"]["file"] = "../secret".into()
        }),
        ("weights.file", |j| {
            j["weights"]["file"] = "https://elsewhere/w".into()
        }),
        ("weights.file", |j| j["weights"]["file"] = "".into()),
        ("weights.file", |j| j["weights"]["file"] = ".hidden".into()),
        ("weights.sha256", |j| j["weights"]["sha256"] = "XYZ".into()),
        ("weights.sha256", |j| j["weights"]["sha256"] = "ab".into()),
        ("weights.sha256", |j| {
            j["weights"]["sha256"] = "A".repeat(64).into();
        }),
        ("thresholds.further", |j| further(j, 1.5, 2)),
        ("thresholds.further", |j| further(j, -0.5, 2)),
        ("thresholds.further", |j| further(j, 0.5, 0)),
        ("thresholds.further", |j| further(j, 0.5, 5)),
        ("cumulative_link", |j| link(j, [1.0, 2.0, 2.0, 3.0])),
        ("cumulative_link", |j| link(j, [4.0, 3.0, 2.0, 1.0])),
        ("classes", |j| j["classes"][0] = "some".into()),
        ("preprocessing", |j| j["preprocessing"]["size"] = 0.into()),
    ];
    for (field, change) in cases {
        let error = Manifest::from_json(&altered(change)).unwrap_err();
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    for from_grade in [1, 4] {
        Manifest::from_json(&altered(|json| further(json, 0.5, from_grade))).unwrap();
    }
    Manifest::from_json(&altered(|json| link(json, [1.0, 2.0, 3.0, 4.0]))).unwrap();
}

/// Gives a manifest one more line.
fn further(json: &mut serde_json::Value, threshold: f64, from_grade: u8) {
    json["thresholds"]["further"] = serde_json::json!([{
        "name": "referable, balanced",
        "from_grade": from_grade,
        "point": bundle_support::point(threshold),
    }]);
}

/// Gives a manifest an ordinal head's cut points.
fn link(json: &mut serde_json::Value, intercepts: [f64; 4]) {
    json["calibration"]["cumulative_link"] =
        serde_json::json!({ "slope": 1.0, "intercepts": intercepts });
}

#[test]
fn an_unknown_field_is_refused_rather_than_ignored() {
    let json = altered(|json| json["calibration"]["offset"] = 1.into());
    let error = Manifest::from_json(&json).unwrap_err();
    assert!(error.to_string().contains("offset"), "{error}");
}
