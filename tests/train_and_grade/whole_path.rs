//! The whole path: drawn photographs are trained on, the bundle is written, opened,
//! evaluated and used to grade.

use std::path::Path;
use std::process::Command;

use super::{draw_dataset, fovea, succeed, train_quickly};

#[test]
fn drawn_photographs_are_trained_on_evaluated_and_graded() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
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

    let text = succeed(&[
        "evaluate",
        "--data",
        data,
        "--bundle",
        out,
        "--compare",
        manifest,
    ]);
    assert!(text.starts_with("20 photos of 20 patients;"), "{text}");
    for figure in ["Cross-entropy (nats)", "referable, screening: sensitivity"] {
        let row = text.lines().find(|line| line.starts_with(figure));
        let row = row.unwrap_or_else(|| panic!("{figure} is missing:\n{text}"));
        assert!(row.ends_with("0.000 [0.000, 0.000], p = 1.000"), "{row}");
    }

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

    let photo = format!("{data}/images/drawn-3-13.png");
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
    draw_dataset(&data, 4, 160);
    let hash = |run: &str| {
        let flags = ["--epochs", "1", "--seed", "9"];
        train_quickly(&data, &folder.path().join(run), &flags)["weights"]["sha256"].clone()
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

#[cfg(unix)]
#[test]
fn what_nobody_reads_any_more_ends_the_command_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command.args(["data", "check", data.to_str().unwrap()]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!words.contains("panicked"), "{words}");
    assert!(!output.status.success(), "nothing was printed");
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_results_have_lines_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 96);
    for (flags, result) in [
        ("--epochs 1", "model.json"),
        ("--find-learning-rate", "learning-rate.svg"),
    ] {
        let out = folder.path().join(result.replace('.', "-"));
        let (data, out) = (data.display(), out.display());
        let command = format!(
            "{} train --data {data} --out {out} --size 32 --batch 8 --validation 0.3 {flags}",
            env!("CARGO_BIN_EXE_fovea")
        );
        // A terminal of its own, by util-linux's command.
        let Ok(shown) = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .output()
        else {
            eprintln!("skipped: script is absent");
            return;
        };
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let (before, _) = shown.rsplit_once(&format!("{out}/{result}")).unwrap();
        // Where the line was cleared, or is new.
        let clear = before.ends_with("\u{1b}[2K") || before.ends_with('\n');
        let last: String = before.chars().rev().take(80).collect();
        assert!(clear, "{:?}", last.chars().rev().collect::<String>());
    }
}
