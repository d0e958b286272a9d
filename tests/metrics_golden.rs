//! Our figures against those scikit-learn and scipy computed from the same
//! logits. The logits were rounded to six places after the figures were
//! computed, hence the tolerance.
#![cfg(feature = "train")]

use std::path::Path;

use fovea::evaluation::temperature;
use fovea::evaluation::{Metrics, Predictions};
use serde_json::Value;

const TOLERANCE: f64 = 1e-5;

fn assert_close(case: &str, what: &str, ours: Option<f64>, golden: &Value) {
    match (ours, golden.as_f64()) {
        (None, None) => {}
        (Some(ours), Some(golden)) if (ours - golden).abs() <= TOLERANCE => {}
        (ours, golden) => panic!("{case}: {what} is {ours:?}, scikit-learn has {golden:?}"),
    }
}

fn assert_all_close(case: &str, what: &str, ours: &[Option<f64>], golden: &Value) {
    let golden = golden.as_array().expect("a list");
    assert_eq!(ours.len(), golden.len(), "{case}: {what}");
    for (ours, golden) in ours.iter().zip(golden) {
        assert_close(case, what, *ours, golden);
    }
}

#[test]
fn every_figure_agrees_with_scikit_learn() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/metrics_golden.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: ../shared is absent");
        return;
    };
    let golden: Value = serde_json::from_str(&text).expect("the fixture is JSON");
    let cases = golden["cases"].as_array().expect("cases");
    assert!(!cases.is_empty());
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let logits: Vec<Vec<f64>> = serde_json::from_value(case["logits"].clone()).expect("logits");
        let labels: Vec<u8> = serde_json::from_value(case["labels"].clone()).expect("labels");
        let expect = &case["expect"];
        let ours = Metrics::of(&Predictions::from_logits(&logits, &labels).expect("valid input"));

        assert_eq!(ours.n as usize, labels.len(), "{name}: n");
        assert_eq!(
            serde_json::to_value(&ours.confusion).expect("JSON"),
            expect["confusion"],
            "{name}: confusion"
        );
        for (what, value) in [
            ("accuracy", Some(ours.accuracy)),
            ("cross_entropy", Some(ours.cross_entropy)),
            ("kappa_unweighted", ours.kappa_unweighted),
            ("kappa_linear", ours.kappa_linear),
            ("kappa_quadratic", ours.kappa_quadratic),
            ("macro_recall", ours.macro_recall),
            ("referable_auc", ours.referable_auc),
            (
                "referable_average_precision",
                ours.referable_average_precision,
            ),
            ("brier_multiclass", Some(ours.brier)),
            ("ece_15_bins", Some(ours.ece)),
        ] {
            assert_close(name, what, value, &expect[what]);
        }
        for (what, values) in [
            ("recall_per_class", &ours.recall_per_class),
            ("specificity_per_class", &ours.specificity_per_class),
            ("auc_one_vs_rest", &ours.auc_one_vs_rest),
        ] {
            assert_all_close(name, what, values, &expect[what]);
        }

        let fitted = temperature::fit(&logits, &labels).ok();
        assert_close(name, "temperature", fitted, &expect["temperature"]);
        let calibrated = fitted.map(|t| {
            let scaled = temperature::scale(&logits, t);
            Metrics::of(&Predictions::from_logits(&scaled, &labels).expect("valid")).cross_entropy
        });
        assert_close(
            name,
            "cross_entropy_at_temperature",
            calibrated,
            &expect["cross_entropy_at_temperature"],
        );
    }
}

#[test]
fn the_json_carries_the_promised_keys() {
    let predictions =
        Predictions::from_probabilities(&[vec![0.2, 0.2, 0.2, 0.2, 0.2]], &[3]).expect("valid");
    let json = serde_json::to_value(Metrics::of(&predictions)).expect("JSON");
    for key in [
        "accuracy",
        "kappa_quadratic",
        "cross_entropy",
        "macro_recall",
        "macro_specificity",
        "referable_auc",
        "ece",
        "confusion",
        "n",
    ] {
        assert!(json.get(key).is_some(), "{key} is missing");
    }
    assert!(json["referable_auc"].is_null(), "one photo defines no area");
}
