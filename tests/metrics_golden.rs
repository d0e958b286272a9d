//! Our figures against those scikit-learn and scipy computed from the same
//! logits. The logits were rounded to six places after the figures were
//! computed, hence the tolerance.
#![cfg(feature = "train")]

use std::path::Path;

use fovea::evaluation::temperature;
use fovea::evaluation::{Bootstrap, Evaluation, Metrics, Predictions, Request, Threshold};
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

/// 366 photos of 183 patients: what `fovea evaluate` says of them.
#[test]
fn an_evaluation_surrounds_its_figures_with_intervals() {
    let n: usize = 366;
    let labels: Vec<u8> = (0..n).map(|i| (i / 2 % 5) as u8).collect();
    // Ten of eleven right, by a margin that depends on the photo.
    let logits: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let truth = usize::from(labels[i]);
            let guess = if i % 11 == 0 { (truth + 1) % 5 } else { truth };
            let margin = 1.0 + (i % 7) as f64 / 2.0;
            (0..5)
                .map(|class| if class == guess { margin } else { 0.0 })
                .collect()
        })
        .collect();
    let clusters: Vec<usize> = (0..n).map(|i| i / 2).collect();
    let temperature = temperature::fit(&logits, &labels).expect("a temperature");
    let threshold = Threshold {
        name: "referable, high sensitivity".into(),
        from_grade: 2,
        threshold: 0.4,
        referred_from: None,
        prevalence: 0.1,
    };
    let evaluation = Evaluation::of(&Request {
        logits: &logits,
        labels: &labels,
        clusters: &clusters,
        temperature,
        thresholds: std::slice::from_ref(&threshold),
        bootstrap: Bootstrap::default(),
    })
    .expect("an evaluation");

    assert_eq!(evaluation.clusters, 183);
    for (name, value) in evaluation.metrics.named() {
        let value = value.expect("every grade is present");
        let interval = evaluation.intervals[&name];
        // The calibration error of a resample is biased upwards.
        let low = if name == "ece" { 0.0 } else { interval.low };
        assert!(
            low <= value && value <= interval.high,
            "{name}: {value} outside {interval:?}"
        );
    }
    // No patient has both eyes wrong: at most the interval of independent photos.
    let accuracy = evaluation.intervals["accuracy"];
    let independent = 2.0 * 1.96 * (10f64 / 121.0 / n as f64).sqrt();
    let width = accuracy.high - accuracy.low;
    assert!(
        width > 0.5 * independent && width < 1.1 * independent,
        "{width}"
    );

    let raw = evaluation
        .uncalibrated
        .as_ref()
        .expect("a temperature was applied");
    assert!(raw.cross_entropy > evaluation.metrics.cross_entropy);
    let point = &evaluation.thresholds[0];
    assert_eq!(point.threshold, threshold);
    assert!(point.intervals["sensitivity"].low <= point.rates.sensitivity.expect("defined"));
    assert!(point.at_prevalence.positive < point.rates.positive_predictive_value);

    let json = serde_json::to_value(&evaluation).expect("JSON");
    assert!(
        json["kappa_quadratic"].is_number(),
        "figures lie at the top"
    );
    let back: Evaluation = serde_json::from_value(json).expect("the same evaluation");
    assert_eq!(back.metrics.n, evaluation.metrics.n);
    assert_eq!(back.thresholds[0].threshold, threshold);
}
