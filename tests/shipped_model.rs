//! The model in `www/model/`: it opens, its card is its own, and it grades.
#![cfg(feature = "cli")]

use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fovea(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "fovea {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_model_card_is_the_shipped_models() {
    let card = std::fs::read_to_string(root().join("docs/model-card.md")).unwrap();
    assert_eq!(
        card,
        fovea(&["card"]),
        "write it anew: `fovea card > docs/model-card.md`"
    );
}

#[test]
fn the_model_reaches_the_kappa_its_manifest_states() {
    let data = root().join("../shared/data/aptos2019");
    if !data.exists() {
        eprintln!("skipped: ../shared is absent");
        return;
    }
    let json = fovea(&[
        "evaluate",
        "--data",
        data.to_str().unwrap(),
        "--split",
        "docs/model-split.csv",
        "--part",
        "validation",
        "--doubt",
        "--format",
        "json",
    ]);
    let measured: serde_json::Value = serde_json::from_str(&json).unwrap();
    let manifest = std::fs::read(root().join("www/model/model.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let stated = manifest["figures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|figures| figures["dataset"] == "aptos2019 (validation)")
        .unwrap();
    for key in [
        "accuracy",
        "kappa_quadratic",
        "cross_entropy",
        "referable_auc",
    ] {
        let (found, written) = (
            measured[key].as_f64().unwrap(),
            stated[key].as_f64().unwrap(),
        );
        assert!(
            (found - written).abs() < 5e-3,
            "{key}: {found}, stated {written}"
        );
    }
    assert!(
        measured["kappa_quadratic"].as_f64().unwrap() >= 0.85,
        "{measured}"
    );
    // Its doubt, too: what it does on APTOS here is what the manifest states of it,
    // to within what cross-validation takes off.
    let last = |sets: &serde_json::Value| {
        let of_set = sets.as_array().unwrap().iter();
        let mut aptos = of_set.filter(|set| set["dataset"] == "aptos2019");
        let rows = aptos.next().unwrap()["rows"].as_array().unwrap();
        rows.last().unwrap().clone()
    };
    let (found, written) = (
        last(&measured["doubt"]),
        last(&manifest["doubt"]["figures"]),
    );
    for key in ["coverage", "kappa_quadratic", "sensitivity", "specificity"] {
        let value = |row: &serde_json::Value| row[key]["value"].as_f64().unwrap();
        let (found, written) = (value(&found), value(&written));
        assert!(
            (found - written).abs() < 0.02,
            "{key} at the line of unsure: {found}, stated {written}"
        );
    }
}
