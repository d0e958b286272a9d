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

/// What follows the program's card in the published one: what a manifest does not
/// know, because it is of other trainings.
const WRITTEN_BY_HAND: &str = "\n## What failed, and what the recipe's parts are worth\n";

#[test]
fn the_model_card_is_the_shipped_models() {
    let card = std::fs::read_to_string(root().join("docs/model-card.md")).unwrap();
    let (of_the_model, _) = card
        .split_once(WRITTEN_BY_HAND)
        .expect("the card tells what failed");
    assert_eq!(
        of_the_model,
        fovea(&["card"]),
        "write it anew: put `fovea card` in the place of what stands before{WRITTEN_BY_HAND}"
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

fn manifest() -> serde_json::Value {
    let json = std::fs::read(root().join("www/model/model.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Drawings of healthy eyes, which the shipped model takes for healthy.
const HEALTHY: [u64; 3] = [6, 7, 13];

fn draw(folder: &Path, seed: u64) -> String {
    let path = folder.join(format!("{seed}.png"));
    fovea::synth::draw(0, seed, 768).save(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The shipped model with another manifest.
fn bundle(folder: &Path, manifest: &serde_json::Value) {
    let weights = manifest["weights"]["file"].as_str().unwrap();
    std::fs::copy(root().join("www/model").join(weights), folder.join(weights)).unwrap();
    std::fs::write(folder.join("model.json"), manifest.to_string()).unwrap();
}

fn score(row: &serde_json::Value) -> f64 {
    let probabilities = row["probabilities"].as_array().unwrap();
    probabilities[2..].iter().map(|p| p.as_f64().unwrap()).sum()
}

#[test]
fn each_operating_point_decides_by_its_own_line() {
    let folder = tempfile::tempdir().unwrap();
    let photos = HEALTHY.map(|seed| draw(folder.path(), seed));
    let mut manifest = manifest();
    // A photo close to a line is looked at again, and its score another then: what
    // is asked here is the line alone.
    manifest.as_object_mut().unwrap().remove("doubt");
    bundle(folder.path(), &manifest);
    let grade = |point: &str| -> Vec<serde_json::Value> {
        let mut arguments = vec!["grade", "--format", "json", "--operating-point", point];
        arguments.extend(["--bundle", folder.path().to_str().unwrap()]);
        arguments.extend(photos.iter().map(String::as_str));
        serde_json::from_str(&fovea(&arguments)).unwrap()
    };
    // Lines in between the scores, wherever the shipped model puts those.
    let mut scores: Vec<f64> = grade("screening").iter().map(score).collect();
    scores.sort_by(f64::total_cmp);
    let lines = [
        ("screening", (scores[0] + scores[1]) / 2.0),
        ("balanced", (scores[1] + scores[2]) / 2.0),
        ("specific", (scores[2] + 1.0) / 2.0),
    ];
    for (name, line) in lines {
        let thresholds = &mut manifest["thresholds"];
        if name == "screening" {
            thresholds["referable"]["threshold"] = line.into();
            continue;
        }
        let further = thresholds["further"].as_array_mut().unwrap().iter_mut();
        let wanted = format!("referable, {name}");
        let mut of_name = further.filter(|point| point["name"] == wanted.as_str());
        of_name.next().unwrap()["point"]["threshold"] = line.into();
    }
    bundle(folder.path(), &manifest);
    for ((name, line), expected) in lines.into_iter().zip([2, 1, 0]) {
        let rows = grade(name);
        for row in &rows {
            assert_eq!(row["operatingPoint"], name);
            let referred = score(row) >= line
                || row["unsure"] == true
                || row["edemaReferable"].as_bool().unwrap_or(false);
            assert_eq!(row["referable"], referred, "{name}: {row}");
        }
        let referred = rows.iter().filter(|row| row["referable"] == true).count();
        assert_eq!(
            referred, expected,
            "{name}: are the drawings still taken for healthy?"
        );
    }
}

#[test]
fn a_point_the_model_does_not_have_is_refused_with_those_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let photo = draw(folder.path(), HEALTHY[0]);
    let mut manifest = manifest();
    manifest["thresholds"]["further"] = serde_json::json!([]);
    bundle(folder.path(), &manifest);
    let output = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(["grade", &photo, "--operating-point", "specific", "--bundle"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("choose one of: screening"), "{said}");
}

#[test]
fn the_operating_points_are_those_its_validation_photos_fix() {
    let data =
        ["aptos2019", "idrid", "eyepacs"].map(|name| root().join("../shared/data").join(name));
    if !data.iter().all(|folder| folder.exists()) {
        eprintln!("skipped: ../shared is absent");
        return;
    }
    let mut arguments = vec!["operating-points", "--split", "docs/model-split.csv"];
    for folder in &data {
        arguments.extend(["--data", folder.to_str().unwrap()]);
    }
    let printed = fovea(&arguments);
    let stated = manifest()["thresholds"].clone();
    for point in stated["further"].as_array().unwrap() {
        let name = point["name"].as_str().unwrap();
        let line = printed.lines().find(|line| line.starts_with(name)).unwrap();
        let numbers: Vec<f64> = line[name.len()..]
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        for (found, key) in numbers
            .iter()
            .zip(["threshold", "sensitivity", "specificity"])
        {
            let written = point["point"][key].as_f64().unwrap();
            assert!(
                (found - written).abs() < 5e-3,
                "{name}, {key}: {found}, stated {written}"
            );
        }
        assert_eq!(numbers.len(), 3, "{line}");
    }
}
