//! The whole path, small: drawn photographs are trained on, the bundle is
//! written, opened, evaluated and used to grade through the command itself.
#![cfg(not(target_arch = "wasm32"))]

use std::path::Path;
use std::process::{Command, Output};

fn fovea(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(arguments)
        .output()
        .unwrap()
}

fn succeed(arguments: &[&str]) -> String {
    let output = fovea(arguments);
    assert!(
        output.status.success(),
        "fovea {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Four drawn eyes of each grade, laid out as the data sets are.
fn draw_dataset(folder: &Path) {
    let images = folder.join("images");
    succeed(&[
        "synth",
        "--out",
        images.to_str().unwrap(),
        "--count",
        "4",
        "--size",
        "160",
    ]);
    let mut csv = String::from("image,grade\n");
    for grade in 0..5 {
        for seed in 1..=4 {
            csv.push_str(&format!("drawn-{grade}-{seed}.png,{grade}\n"));
        }
    }
    std::fs::write(folder.join("labels.csv"), csv).unwrap();
}

#[test]
fn drawn_photographs_are_trained_on_evaluated_and_graded() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data);
    let out = folder.path().join("run");
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());

    let manifest = succeed(&[
        "train",
        "--data",
        data,
        "--out",
        out,
        "--size",
        "32",
        "--epochs",
        "2",
        "--batch",
        "8",
        "--validation",
        "0.3",
        "--name",
        "tiny",
    ]);
    let manifest = manifest.trim();
    assert!(Path::new(manifest).exists(), "{manifest}");
    for record in ["config.json", "split.csv", "history.json"] {
        assert!(Path::new(out).join(record).exists(), "{record}");
    }

    let json = succeed(&[
        "evaluate", "--data", data, "--bundle", manifest, "--format", "json",
    ]);
    let figures: serde_json::Value = serde_json::from_str(&json).unwrap();
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
        assert!(figures.get(key).is_some(), "{key} is missing");
    }
    assert_eq!(figures["n"], 20);

    let split = format!("{out}/split.csv");
    let json = succeed(&[
        "evaluate",
        "--data",
        data,
        "--bundle",
        out,
        "--split",
        &split,
        "--part",
        "validation",
        "--format",
        "json",
    ]);
    let validation: serde_json::Value = serde_json::from_str(&json).unwrap();
    let written = std::fs::read_to_string(&split).unwrap();
    let expected = written
        .lines()
        .filter(|row| row.contains(",validation,"))
        .count();
    assert_eq!(validation["n"], expected);

    let photo = format!("{data}/images/drawn-3-1.png");
    let json = succeed(&["grade", &photo, "--bundle", out, "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let row = &rows[0];
    assert_eq!(row["status"], "graded");
    assert_eq!(row["error"], serde_json::Value::Null);
    assert!(row["bundle"].as_str().unwrap().starts_with("tiny "));
    let probabilities: Vec<f64> = serde_json::from_value(row["probabilities"].clone()).unwrap();
    let most = probabilities.iter().copied().fold(0.0, f64::max);
    let grade = row["grade"].as_u64().unwrap() as usize;
    assert_eq!(probabilities[grade], most);
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data);
    let hash = |run: &str| {
        let out = folder.path().join(run);
        succeed(&[
            "train",
            "--data",
            data.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
            "--size",
            "32",
            "--epochs",
            "1",
            "--batch",
            "8",
            "--validation",
            "0.3",
            "--seed",
            "9",
        ]);
        let json = std::fs::read(out.join("model.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&json).unwrap();
        manifest["weights"]["sha256"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash("first"), hash("second"));
}

#[test]
fn errors_name_the_file_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    let output = fovea(&["grade", "photo.jpg", "--bundle", nothing.to_str().unwrap()]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        words.contains("nothing") && words.contains("fovea train"),
        "{words}"
    );

    let output = fovea(&[
        "train",
        "--data",
        nothing.to_str().unwrap(),
        "--out",
        folder.path().to_str().unwrap(),
    ]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(words.contains("nothing"), "{words}");

    let output = fovea(&["train", "--data", ".", "--out", "o", "--learning-rate", "7"]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("--learning-rate"), "{words}");
}
