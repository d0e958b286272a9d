//! A head for the risk of macular oedema, from labels to an answer: taught by a
//! training and by `fovea edema fit`, beside grades that stay as they were.
#![cfg(feature = "cli")]

mod command_support;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use command_support::{draw_dataset, fovea};
use fovea::bundle::{Bundle, Manifest};
use fovea::grader::Grader;
use fovea::network;
use fovea::photo;
use fovea::training::export;
use serde_json::Value;

fn succeed(arguments: &[&str]) -> String {
    command_support::succeed(arguments).0
}

/// Drawn eyes with a table like IDRiD's: their hard exudates come with the grade.
fn draw(folder: &Path) {
    draw_dataset(folder, 20, 160);
    let plain = std::fs::read_to_string(folder.join("labels.csv")).unwrap();
    let mut table = String::from("Image name,Retinopathy grade,Risk of macular edema \n");
    for row in plain.lines().skip(1) {
        let (name, grade) = row.split_once(',').unwrap();
        let risk = ["0", "0", "1", "2", "2"][grade.parse::<usize>().unwrap()];
        table.push_str(&format!(
            "{},{grade},{risk}\n",
            name.trim_end_matches(".png")
        ));
    }
    std::fs::write(folder.join("labels.csv"), table).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn open(folder: &Path) -> Bundle {
    let json = std::fs::read(folder.join("model.json")).unwrap();
    let file = Manifest::from_json(&json).unwrap().weights.file;
    Bundle::open(&json, &std::fs::read(folder.join(file)).unwrap()).unwrap()
}

fn weights_files(folder: &Path) -> Vec<PathBuf> {
    let named = |path: &PathBuf| text(path).ends_with(".safetensors");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(named).collect();
    files.retain(|file| !file.ends_with(export::FULL_PRECISION));
    files
}

/// The first row of what the command says of a photo.
fn grade(photo: &Path, bundle: &Path, further: &[&str]) -> Value {
    let mut arguments = vec!["grade", text(photo), "--bundle", text(bundle)];
    arguments.extend(["--format", "json"]);
    arguments.extend(further);
    let rows: Value = serde_json::from_str(&succeed(&arguments)).unwrap();
    assert_eq!(rows[0]["status"], "graded", "{rows}");
    rows[0].clone()
}

#[test]
fn a_training_teaches_the_head_and_so_does_edema_fit_and_no_grade_changes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let data = folder.join("idrid");
    draw(&data);
    let trained = folder.join("trained");
    let quick = ["--size", "32", "--batch", "16", "--validation", "0.35"];
    let mut arguments = vec!["train", "--data", text(&data), "--out", text(&trained)];
    arguments.extend(quick);
    arguments.extend(["--epochs", "1", "--name", "tiny", "--test-time-flips"]);
    succeed(&arguments);
    let with = open(&trained);
    let head = with.manifest.edema.clone().unwrap();
    assert!(head.referable.threshold <= 0.5, "{head:?}");
    assert!(
        head.taught_by.ends_with("training photos of idrid"),
        "{head:?}"
    );
    assert!(with.manifest.intended_use.contains("only the risk is told"));
    let full = std::fs::read(trained.join(export::FULL_PRECISION)).unwrap();
    let full = network::StateDict::from_safetensors(&full).unwrap();
    assert_eq!(
        full,
        network::without_beside(&full),
        "to go on training from"
    );

    // The same model as one that was never taught it.
    let bare = folder.join("bare");
    std::fs::create_dir(&bare).unwrap();
    let weights = network::without_beside(&with.weights);
    let (weights, bytes) = export::packed("tiny", &weights).unwrap();
    let manifest = Manifest {
        edema: None,
        intended_use: export::intended_use(false),
        weights,
        ..with.manifest.clone()
    };
    export::put(&bare.join("model.json"), &manifest, &bytes).unwrap();
    let without = open(&bare);
    let before = weights_files(&bare);

    let photo = data.join("images/drawn-0-7.png");
    let unassessed = grade(&photo, &bare, &[]);
    assert_eq!(unassessed["edema"], "Macular oedema: not assessed.");
    assert_eq!(unassessed["edemaProbabilities"], Value::Null);

    // Whatever is asked of it, the grade's numbers are the same to the last bit.
    let graders = [&with, &without].map(|b| Grader::new(b, Device::flex(), "cpu").unwrap());
    let settings = &with.manifest.preprocessing;
    for (grade, seed) in [(0, 7), (2, 47), (4, 90)] {
        let picture = fovea::synth::draw(grade, seed, 160);
        let prepared = photo::prepare(&picture, settings).unwrap();
        let tensor = photo::to_tensor(&prepared.picture, settings);
        let [one, other] = graders
            .each_ref()
            .map(|grader| pollster::block_on(grader.outputs(tensor.clone())).unwrap());
        let bits = |outputs: &[f32]| outputs.iter().map(|o| o.to_bits()).collect::<Vec<_>>();
        assert_eq!((one.len(), other.len()), (8, 5));
        assert_eq!(bits(&one[..5]), bits(&other));
        let [one, other] = graders
            .each_ref()
            .map(|grader| pollster::block_on(grader.further(&prepared.picture)).unwrap());
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(bits(&one[..5]), bits(other));
        }
    }

    // Taught again, it is the same head, in new weights; the old ones are gone.
    let split = trained.join("split.csv");
    let fit = [
        "edema",
        "fit",
        "--data",
        text(&data),
        "--split",
        text(&split),
    ];
    let said = succeed(&[&fit[..], &["--bundle", text(&bare)]].concat());
    assert!(said.contains("idrid (validation)"), "{said}");
    let taught = open(&bare);
    let again = taught.manifest.edema.clone().unwrap();
    assert_eq!(taught.weights, with.weights);
    assert_eq!(
        (again.temperature, &again.referable, &again.figures),
        (head.temperature, &head.referable, &head.figures)
    );
    assert!(
        again.command.starts_with("fovea edema fit --data"),
        "{again:?}"
    );
    assert_eq!(taught.manifest.intended_use, with.manifest.intended_use);
    let after = weights_files(&bare);
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after);

    // Its answer, where results stand.
    let row = grade(&photo, &bare, &[]);
    for key in ["grade", "probabilities", "unsure", "doubtChance", "between"] {
        assert_eq!(row[key], unassessed[key], "{key}");
    }
    let risks: Vec<f64> = serde_json::from_value(row["edemaProbabilities"].clone()).unwrap();
    assert_eq!(risks.len(), 3);
    assert!((risks.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    let over = risks[1] + risks[2] >= again.referable.threshold;
    assert_eq!(row["edemaReferable"], over);
    let words = row["edema"].as_str().unwrap();
    assert!(
        words.starts_with("Macular oedema: ") && words.contains("chance"),
        "{words}"
    );
    let said = succeed(&["grade", text(&photo), "--bundle", text(&bare)]);
    assert!(said.contains(words), "{said}");
    let csv = succeed(&[
        "grade",
        text(&photo),
        "--bundle",
        text(&bare),
        "--format",
        "csv",
    ]);
    assert!(
        csv.lines()
            .next()
            .unwrap()
            .contains("edema_p0,edema_p1,edema_p2")
    );
    assert!(csv.contains(words), "{csv}");
    let card = succeed(&["card", "--bundle", text(&bare)]);
    assert!(
        card.contains("## Macular oedema") && card.contains(&again.command),
        "{card}"
    );
    assert!(!card.contains("and macular oedema, pass"), "{card}");

    // What was measured is what evaluating the same photos finds, with intervals.
    let measured = succeed(&[
        "evaluate",
        "--data",
        text(&data),
        "--bundle",
        text(&bare),
        "--split",
        text(&split),
        "--part",
        "validation",
        "--format",
        "json",
    ]);
    let measured: Value = serde_json::from_str(&measured).unwrap();
    let found = &measured["edema"];
    let figures = &again.figures;
    assert_eq!(found["n"], figures.n);
    for (key, stated) in [
        ("accuracy", Some(figures.accuracy)),
        ("kappa_quadratic", figures.kappa_quadratic),
        ("cross_entropy", Some(figures.cross_entropy)),
        ("referable_auc", figures.referable_auc),
        ("sensitivity", Some(again.referable.sensitivity)),
    ] {
        let found = found[key].as_f64();
        assert!(
            (found.unwrap() - stated.unwrap()).abs() < 1e-3,
            "{key}: {found:?}"
        );
        assert!(
            measured["edema"]["intervals"][key]["low"].is_number(),
            "{key}"
        );
    }

    // A training that goes on from it starts with its grades' head as it was.
    let child = folder.join("child");
    let mut arguments = vec!["train", "--data", text(&data), "--out", text(&child)];
    arguments.extend(quick);
    arguments.extend([
        "--epochs",
        "1",
        "--head-epochs",
        "0",
        "--learning-rate",
        "1e-6",
    ]);
    arguments.extend(["--from", text(&bare)]);
    succeed(&arguments);
    let child = open(&child);
    let (new, old) = (
        &child.weights.0["fc.weight"],
        &taught.weights.0["fc.weight"],
    );
    assert_eq!(new.shape, old.shape);
    for (new, old) in new.values.iter().zip(&old.values) {
        assert!((new - old).abs() < 1e-3, "{new} against {old}");
    }
}

#[test]
fn without_labels_nothing_is_taught_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let trained = folder.path().join("trained");
    let quick = [
        "--size",
        "32",
        "--batch",
        "8",
        "--validation",
        "0.3",
        "--epochs",
        "1",
    ];
    let mut arguments = vec!["train", "--data", text(&data), "--out", text(&trained)];
    arguments.extend(quick);
    let (_, said) = command_support::succeed(&arguments);
    assert!(!said.contains("oedema"), "{said}");
    let before = open(&trained);
    assert_eq!(before.manifest.edema, None);
    let split = trained.join("split.csv");
    let output = fovea(&[
        "edema",
        "fit",
        "--data",
        text(&data),
        "--split",
        text(&split),
        "--bundle",
        text(&trained),
    ]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(words.contains("macular_edema_risk"), "{words}");
    assert_eq!(open(&trained).manifest, before.manifest);
    assert_eq!(weights_files(&trained).len(), 1);
}
