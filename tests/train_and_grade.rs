//! The whole path, small: drawn photographs are trained on, the bundle is
//! written, opened, evaluated and used to grade through the command itself.
#![cfg(not(target_arch = "wasm32"))]

mod command_support;

use std::path::Path;
use std::process::Command;

use command_support::{draw_dataset, fovea};

fn succeed(arguments: &[&str]) -> String {
    command_support::succeed(arguments).0
}

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

#[test]
fn a_training_that_was_killed_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let hash = |out: &Path| {
        let json = std::fs::read(out.join("model.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&json).unwrap();
        manifest["weights"]["sha256"].as_str().unwrap().to_owned()
    };
    let flags = |out: &Path| -> Vec<String> {
        let mut flags: Vec<String> = [
            "train",
            "--size",
            "32",
            "--epochs",
            "4",
            "--smaller-first",
            "24:2",
            "--balance",
            "sampler",
            "--batch",
            "8",
            "--validation",
            "0.3",
            "--mixup",
            "0.4",
            "--name",
            "mine",
        ]
        .map(str::to_owned)
        .to_vec();
        for (flag, path) in [("--data", data.as_path()), ("--out", out)] {
            flags.extend([flag.to_owned(), path.to_str().unwrap().to_owned()]);
        }
        flags
    };
    let run = |flags: &[String]| succeed(&flags.iter().map(String::as_str).collect::<Vec<_>>());

    let unbroken = folder.path().join("unbroken");
    run(&flags(&unbroken));
    assert!(!unbroken.join("checkpoints").exists(), "left behind");

    let killed = folder.path().join("killed");
    let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(flags(&killed))
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let first = killed.join("checkpoints/epoch-0001");
    let later = |n: u32| killed.join(format!("checkpoints/epoch-000{n}"));
    while !first.exists() && !later(2).exists() && !later(3).exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it could be killed"
        );
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let again = fovea(
        &flags(&killed)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let words = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        !again.status.success() && words.contains("--resume"),
        "{words}"
    );

    let asked = ["train", "--resume", "--out", killed.to_str().unwrap()];
    let more = [&asked[..], &["--epochs", "9", "--no-flips"]].concat();
    let words = String::from_utf8_lossy(&fovea(&more).stderr).into_owned();
    assert!(words.contains("leave out --epochs, --no-flips"), "{words}");
    // Nor does a search for a learning rate change what the run goes on by.
    let data = data.to_str().unwrap();
    let mut search = vec!["train", "--find-learning-rate", "--size", "32"];
    search.extend(["--batch", "8", "--validation", "0.3", "--data", data]);
    search.extend(["--out", killed.to_str().unwrap()]);
    succeed(&search);

    // With a photo more, others may have changed sides: what was learnt from would validate.
    let labels = Path::new(data).join("labels.csv");
    let (as_it_was, split) = (std::fs::read(&labels).unwrap(), killed.join("split.csv"));
    let divided = std::fs::read(&split).unwrap();
    let one = ["--size", "160", "--count", "1", "--grade", "2", "--seed"];
    let images = Path::new(data).join("images");
    let images = images.to_str().unwrap();
    succeed(&[&["synth", "--out", images][..], &one, &["77"]].concat());
    let more = [&as_it_was[..], b"drawn-2-77.png,2\n"].concat();
    std::fs::write(&labels, more).unwrap();
    let words = refused(&asked);
    assert!(
        words.contains("photos are not those that this training began with"),
        "{words}"
    );
    assert_eq!(std::fs::read(&split).unwrap(), divided);
    std::fs::remove_file(Path::new(images).join("drawn-2-77.png")).unwrap();
    std::fs::write(&labels, as_it_was).unwrap();

    // Saved by a spreadsheet program it says the same.
    let saved = String::from_utf8(divided).unwrap().replace('\n', "\r\n");
    std::fs::write(&split, saved).unwrap();
    succeed(&asked);
    assert_eq!(hash(&killed), hash(&unbroken));
    let manifest = std::fs::read_to_string(killed.join("model.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["name"], "mine");
    let recipe = manifest["training"]["recipe"].as_str().unwrap();
    for words in [
        "photos mixed by twos (mixup 0.4)",
        "best epoch by cross-entropy on validation",
    ] {
        assert!(recipe.contains(words), "{recipe}");
    }
    let command = manifest["training"]["command"].as_str().unwrap();
    assert!(
        command.contains("--data") && !command.contains("--resume"),
        "{command} does not repeat the training"
    );
    // Those of the epochs before the kill came back from a file.
    let epochs = |out: &Path| std::fs::read_to_string(out.join("metrics.csv")).unwrap();
    assert_eq!(epochs(&killed).lines().count(), 6);
    assert_eq!(epochs(&killed), epochs(&unbroken));
}

#[test]
fn a_run_is_repeated_by_its_configuration_and_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let trained = train_quickly(&data, &first, &["--epochs", "1", "--name", "mine"]);
    let config = first.join("config.json");
    let mut again = vec!["train", "--config", config.to_str().unwrap()];
    again.extend(["--out", second.to_str().unwrap()]);
    let other = [&again[..], &["--epochs", "9", "--margin", "0"]].concat();
    let words = String::from_utf8_lossy(&fovea(&other).stderr).into_owned();
    assert!(words.contains("leave out --margin, --epochs"), "{words}");
    succeed(&again);
    let json = std::fs::read(second.join("model.json")).unwrap();
    let repeated: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(repeated["name"], "mine");
    assert_eq!(repeated["weights"], trained["weights"]);
}

#[test]
fn what_was_named_from_another_folder_is_told_to_be() {
    let folder = tempfile::tempdir().unwrap();
    draw_dataset(&folder.path().join("drawn"), 4, 96);
    let from = |place: &Path, line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
        command.current_dir(place).args(line.split(' '));
        let output = command.output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), words)
    };
    let train = "train --data drawn --out first --size 32 --epochs 1 --batch 8 --validation 0.3";
    let (trained, words) = from(folder.path(), train);
    assert!(trained, "{words}");
    let out = folder.path().join("first");
    let (_, words) = from(&out, "train --config config.json --out ../second");
    let told = "config.json names drawn as seen from the folder that it was begun in";
    assert!(words.contains(told), "{words}");
    assert!(!folder.path().join("second").exists());

    let study = "study --data drawn --from first/model.json --out study --size 32 --list";
    let (listed, words) = from(folder.path(), study);
    assert!(listed, "{words}");
    let (_, words) = from(&out, "study --out ../study");
    let told = "plan.json names drawn as seen from the folder that it was begun in";
    assert!(words.contains(told), "{words}");
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

/// Trains on drawn photos with `flags` beside the quickest settings.
fn train_quickly(data: &Path, out: &Path, flags: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["train", "--data", data.to_str().unwrap(), "--out"];
    arguments.push(out.to_str().unwrap());
    arguments.extend(["--size", "32", "--batch", "8", "--validation", "0.3"]);
    arguments.extend(flags);
    succeed(&arguments);
    let json = std::fs::read(out.join("model.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn an_ordinal_network_becomes_a_bundle_of_five_probabilities() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("ordinal");
    let manifest = train_quickly(
        &data,
        &out,
        &[
            "--epochs",
            "3",
            "--loss",
            "ordinal",
            "--test-time-flips",
            "--local-mean",
        ],
    );
    let intercepts = manifest["calibration"]["cumulative_link"]["intercepts"]
        .as_array()
        .unwrap();
    assert_eq!(intercepts.len(), 4);
    assert_eq!(manifest["test_time_flips"], true);
    let names: Vec<&str> = manifest["thresholds"]["further"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"referable, specific"), "{names:?}");
    assert!(names.contains(&"sight-threatening, screening"), "{names:?}");

    let photo = data.join("images/drawn-4-17.png");
    let out = out.to_str().unwrap();
    let json = succeed(&[
        "grade",
        photo.to_str().unwrap(),
        "--bundle",
        out,
        "--format",
        "json",
    ]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let probabilities: Vec<f64> = serde_json::from_value(rows[0]["probabilities"].clone()).unwrap();
    assert_eq!(probabilities.len(), 5);
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    // What training wrote down is what evaluating the same photos finds.
    let split = format!("{out}/split.csv");
    let table = folder.path().join("answers.csv");
    let json = succeed(&[
        "evaluate",
        "--data",
        data.to_str().unwrap(),
        "--bundle",
        out,
        "--split",
        &split,
        "--part",
        "validation",
        "--predictions",
        table.to_str().unwrap(),
        "--format",
        "json",
    ]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let figures = &manifest["figures"][0];
    for key in ["accuracy", "cross_entropy", "kappa_quadratic"] {
        let (a, b) = (found[key].as_f64().unwrap(), figures[key].as_f64().unwrap());
        assert!((a - b).abs() < 1e-6, "{key}: {a} against {b}");
    }
    assert_eq!(found["thresholds"].as_array().unwrap().len(), 6);
    let numbers = |file: &Path| -> Vec<(String, Vec<f64>)> {
        let table = std::fs::read_to_string(file).unwrap();
        let rows = table.lines().skip(1).map(|row| row.split_once(','));
        rows.map(|row| row.unwrap())
            .map(|(photo, rest)| {
                // The data set; the grade and the five; the model and its terms.
                let numbers = rest.split(',').skip(1).take(6);
                let numbers = numbers.map(|n| n.parse().unwrap());
                (photo.to_owned(), numbers.collect())
            })
            .collect()
    };
    let (trained, evaluated) = (
        numbers(&Path::new(out).join("predictions.csv")),
        numbers(&table),
    );
    assert!(!trained.is_empty());
    for ((photo, trained), (same, evaluated)) in trained.iter().zip(&evaluated) {
        assert_eq!(photo, same);
        for (a, b) in trained.iter().zip(evaluated) {
            assert!(
                (a - b).abs() < 1e-6,
                "{photo}: {trained:?} against {evaluated:?}"
            );
        }
    }
    assert_eq!(trained.len(), evaluated.len());
}

#[test]
fn a_training_on_the_middle_of_the_disc_keeps_its_epoch_by_cross_entropy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("middle");
    let flags = ["--margin", "-0.2", "--oversampling", "2", "--average", "0"];
    let kept = ["--any-angle", "--keep", "cross-entropy", "--epochs", "5"];
    let asked = [&flags[..], &kept].concat();
    let manifest = train_quickly(&data, &out, &asked);
    let margin = manifest["preprocessing"]["margin"].as_f64().unwrap();
    assert!((margin + 0.2).abs() < 1e-6, "{margin}");
    let recipe = manifest["training"]["recipe"].as_str().unwrap();
    for words in [
        "middle 80 % of the disc",
        "2 times the size",
        "temperature",
        "any rotation",
    ] {
        assert!(recipe.contains(words), "{recipe}");
    }
    let card = succeed(&["card", "--bundle", out.to_str().unwrap()]);
    assert!(
        card.contains("as wide as 80 % of the retina's disc"),
        "{card}"
    );

    let history = std::fs::read(out.join("history.json")).unwrap();
    let history: Vec<serde_json::Value> = serde_json::from_slice(&history).unwrap();
    assert_eq!(history.len(), 6);
    let scaled = |epoch: &serde_json::Value| epoch["scaled_cross_entropy"].as_f64().unwrap();
    let mut least = f64::INFINITY;
    for epoch in &history {
        let plain = epoch["validation"]["cross_entropy"].as_f64().unwrap();
        assert!(scaled(epoch) <= plain + 1e-9, "scaling makes nothing worse");
        assert_eq!(epoch["best"], scaled(epoch) < least, "{epoch}");
        least = least.min(scaled(epoch));
    }
    let found = manifest["figures"][0]["cross_entropy"].as_f64().unwrap();
    // The bundle's weights are of half precision.
    assert!((found - least).abs() < 5e-3, "{found} against {least}");
}

#[test]
fn trainings_in_folds_leave_opinions_that_another_one_hears() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let first = folder.path().join("first");
    let quick = ["--epochs", "1"];
    train_quickly(&data, &first, &quick);
    let split = first.join("split.csv");
    let folds = folder.path().join("folds");
    succeed(&[
        "data",
        "folds",
        data.to_str().unwrap(),
        "--split",
        split.to_str().unwrap(),
        "--folds",
        "2",
        "--out",
        folds.to_str().unwrap(),
    ]);
    let heard: Vec<String> = (1..=2)
        .map(|number| {
            let out = folder.path().join(format!("fold-{number}"));
            let fold = folds.join(format!("fold-{number}.csv"));
            let arguments = ["--data", data.to_str().unwrap(), "--out"];
            succeed(
                &[
                    &["train"][..],
                    &arguments,
                    &[out.to_str().unwrap(), "--split", fold.to_str().unwrap()],
                    &["--size", "32", "--batch", "8", "--epochs", "1"],
                ]
                .concat(),
            );
            out.join("predictions.csv").to_str().unwrap().to_owned()
        })
        .collect();
    // Between them they answer every photo the first training was taught by.
    let taught: Vec<String> = std::fs::read_to_string(&split)
        .unwrap()
        .lines()
        .filter(|row| row.contains(",train,"))
        .map(|row| row.split(',').next().unwrap().to_owned())
        .collect();
    let answered = heard
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect::<String>();
    for name in &taught {
        assert_eq!(answered.matches(name.as_str()).count(), 1, "{name}");
    }

    let out = folder.path().join("second");
    let arguments = |opinions: &str, out: &Path| {
        let data = data.to_str().unwrap().to_owned();
        let split = split.to_str().unwrap().to_owned();
        let out = out.to_str().unwrap().to_owned();
        let given = ["train", "--size", "32", "--batch", "8", "--epochs", "1"];
        let mut all: Vec<String> = given.map(str::to_owned).to_vec();
        for (flag, value) in [
            ("--data", data),
            ("--split", split),
            ("--out", out),
            ("--opinions", opinions.to_owned()),
        ] {
            all.extend([flag.to_owned(), value]);
        }
        all
    };
    let run = |arguments: Vec<String>| {
        let borrowed: Vec<&str> = arguments.iter().map(String::as_str).collect();
        fovea(&borrowed)
    };
    let trained = run(arguments(&heard.join(","), &out));
    let said = String::from_utf8_lossy(&trained.stderr).into_owned();
    assert!(trained.status.success(), "{said}");
    let count = format!(
        "second opinions on {0} of {0} training photos",
        taught.len()
    );
    assert!(said.contains(&count), "{said}");
    let manifest = std::fs::read_to_string(out.join("model.json")).unwrap();
    assert!(
        manifest.contains("50 % of the truth from what other networks make of the photo"),
        "{manifest}"
    );
    // Each fold's model hands its terms on, and the card says so.
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let teachers = manifest["training"]["taught_by"].as_array().unwrap();
    let photos = |teacher: &serde_json::Value| teacher["photos"].as_u64().unwrap();
    assert_eq!(
        teachers.iter().map(photos).sum::<u64>(),
        taught.len() as u64
    );
    let card = fovea(&["card", "--bundle", out.to_str().unwrap()]).stdout;
    let card = String::from_utf8_lossy(&card).into_owned();
    for teacher in teachers {
        let name = teacher["name"].as_str().unwrap();
        let line = format!(
            "- taught by the answers of {name} to {} of these",
            photos(teacher)
        );
        assert!(card.contains(&line), "{card}");
        assert!(card.contains(teacher["terms"].as_str().unwrap()), "{card}");
    }

    let refused = run(arguments(
        split.to_str().unwrap(),
        &folder.path().join("third"),
    ));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(
        said.contains("split.csv") && said.contains("predictions.csv"),
        "{said}"
    );
}

#[test]
fn a_training_goes_on_from_a_bundle_and_inherits_its_terms() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let first = folder.path().join("first");
    let second = folder.path().join("second");
    train_quickly(&data, &first, &["--epochs", "1", "--name", "parent"]);
    let log = std::fs::read_to_string(first.join("log.jsonl")).unwrap();
    assert!(log.contains("\"kind\":\"step\"") && log.contains("\"kind\":\"epoch\""));
    let from = first.to_str().unwrap();
    let asked = ["--epochs", "0", "--from", from, "--margin", "-0.2"];
    let child = train_quickly(&data, &second, &asked);
    // Nothing of how the parent was shown photos is inherited: it is told.
    let (data, third) = (data.to_str().unwrap(), folder.path().join("third"));
    let mut larger = vec!["train", "--data", data, "--size", "48", "--epochs", "0"];
    larger.extend(["--from", from, "--out", third.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&fovea(&larger).stderr).into_owned();
    let difference = "was trained with --size 32; this training is with --size 48";
    assert!(said.contains(difference), "{said}");
    let initial = &child["training"]["initial_weights"];
    assert!(
        initial["name"].as_str().unwrap().starts_with("parent "),
        "{initial}"
    );
    assert!(
        initial["terms"].as_str().unwrap().contains("not stated"),
        "{initial}"
    );
    let recipe = child["training"]["recipe"].as_str().unwrap();
    assert!(recipe.contains("frozen"), "{recipe}");
    // Running statistics and all.
    let weights = |bundle: &Path| fovea::training::weights_file::read(bundle).unwrap().0;
    let (parent, child) = (weights(&first), weights(&second));
    for (name, was) in &parent {
        let is_head = name.starts_with("fc.");
        assert_eq!(child[name] == *was, !is_head, "{name}");
    }
}

#[test]
fn a_bundle_is_calibrated_anew_with_its_weights_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let before = train_quickly(&data, &first, &["--epochs", "1"]);
    let from = first.to_str().unwrap();
    let nothing = ["--epochs", "0", "--head-epochs", "0"];
    let asked = [&["--from", from, "--test-time-flips"], &nothing[..]].concat();
    let after = train_quickly(&data, &second, &asked);
    assert_eq!(before["weights"]["sha256"], after["weights"]["sha256"]);
    assert_eq!(after["test_time_flips"], true);
    let usual = before["training"]["recipe"].as_str().unwrap();
    assert!(
        usual.contains("quarter turns") && !usual.contains("blur"),
        "{usual}"
    );
    let recipe = after["training"]["recipe"].as_str().unwrap();
    assert!(recipe.contains("as they came"), "{recipe}");
    assert!(!recipe.contains("one cycle"), "{recipe}");

    let (data, third) = (data.to_str().unwrap(), folder.path().join("third"));
    let mut headless = vec!["train", "--data", data, "--loss", "ordinal", "--size", "32"];
    headless.extend(["--from", from, "--out", third.to_str().unwrap()]);
    headless.extend(nothing);
    let words = String::from_utf8_lossy(&fovea(&headless).stderr).into_owned();
    assert!(words.contains("that has such a head"), "{words}");

    let mut searching = vec![
        "train",
        "--data",
        data,
        "--from",
        from,
        "--find-learning-rate",
    ];
    searching.extend(["--out", third.to_str().unwrap()]);
    searching.extend(nothing);
    let words = String::from_utf8_lossy(&fovea(&searching).stderr).into_owned();
    assert!(words.contains("something to train"), "{words}");

    let mut alone = vec!["train", "--data", "photos", "--out", "o"];
    alone.extend(nothing);
    let words = String::from_utf8_lossy(&fovea(&alone).stderr).into_owned();
    assert!(words.contains("--from a bundle"), "{words}");
}

#[test]
fn the_learning_rate_finder_draws_its_curve() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("rates");
    let plot = succeed(&[
        "train",
        "--data",
        data.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--size",
        "32",
        "--batch",
        "8",
        "--validation",
        "0.3",
        "--find-learning-rate",
    ]);
    let svg = std::fs::read_to_string(plot.trim()).unwrap();
    assert!(svg.contains("learning rate"));
    let csv = std::fs::read_to_string(out.join("learning-rate.csv")).unwrap();
    assert!(csv.lines().count() > 20, "{csv}");
    assert!(!out.join("model.json").exists());
}

#[test]
fn no_learning_rate_is_searched_for_on_a_single_photo() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("rates");
    let mut search = vec!["train", "--find-learning-rate", "--share", "0.01"];
    search.extend(["--size", "32", "--data", data.to_str().unwrap()]);
    search.extend(["--out", out.to_str().unwrap()]);
    let words = refused(&search);
    assert!(words.contains("--share 0.01 leaves"), "{words}");

    // Where no share was asked for there is none to raise.
    let table = std::fs::read_to_string(data.join("labels.csv")).unwrap();
    let mut rows = "image,dataset,part,group\n".to_owned();
    for (group, row) in table.lines().skip(1).enumerate() {
        let image = row.split(',').next().unwrap();
        let part = ["train", "validation"][usize::from(group > 0)];
        rows += &format!("{image},drawn,{part},{group}\n");
    }
    let split = folder.path().join("split.csv");
    std::fs::write(&split, rows).unwrap();
    let mut train = vec!["train", "--data", data.to_str().unwrap()];
    train.extend([
        "--split",
        split.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    let words = refused(&train);
    assert!(words.contains("too few photos to train on (1)"), "{words}");
}

#[test]
fn lines_are_fixed_anew_on_other_photos_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let trained_on = folder.path().join("drawn");
    draw_dataset(&trained_on, 4, 160);
    let out = folder.path().join("run");
    train_quickly(&trained_on, &out, &["--epochs", "1"]);
    let manifest = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(out.join("model.json")).unwrap()).unwrap()
    };
    let before = manifest();

    let other = folder.path().join("other");
    draw_dataset(&other, 3, 120);
    let table = std::fs::read_to_string(other.join("labels.csv")).unwrap();
    let mut rows = "image,dataset,part,group\n".to_owned();
    for (group, row) in table.lines().skip(1).enumerate() {
        let image = row.split(',').next().unwrap();
        rows += &format!("{image},other,validation,{group}\n");
    }
    let split = folder.path().join("other.csv");
    std::fs::write(&split, rows).unwrap();
    let mut fix = vec!["operating-points", "--write", "--bundle"];
    fix.extend([out.to_str().unwrap(), "--data", other.to_str().unwrap()]);
    fix.extend(["--split", split.to_str().unwrap()]);
    let words = refused(&fix);
    assert!(words.contains("--anew"), "{words}");
    assert_eq!(manifest(), before);

    fix.push("--anew");
    succeed(&fix);
    let after = manifest();
    let line = &after["thresholds"]["referable"];
    assert_eq!(line["fixed_on"], "15 validation photos of other");
    assert_ne!(
        line["threshold"],
        before["thresholds"]["referable"]["threshold"]
    );
    for kept in ["weights", "calibration"] {
        assert_eq!(after[kept], before[kept]);
    }
}

/// What a refused training said.
fn refused(arguments: &[&str]) -> String {
    let output = fovea(arguments);
    assert!(!output.status.success(), "fovea {arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn where_nothing_was_begun_nothing_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("nowhere");
    let words = refused(&["train", "--resume", "--out", out.to_str().unwrap()]);
    assert!(
        words.contains("nowhere: no unfinished training to resume"),
        "{words}"
    );
    assert!(words.contains("leave --resume out"), "{words}");
    assert!(!out.exists());
}

#[test]
fn parts_that_photos_were_published_in_are_kept_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("divided");
    let drawn = folder.path().join("drawn");
    draw_dataset(&drawn, 8, 96);
    // Each grade's last photo is for testing.
    for entry in std::fs::read_dir(drawn.join("images")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut words = name
            .split('-')
            .skip(1)
            .map(|word| word.parse::<u32>().unwrap());
        let (grade, eye) = (words.next().unwrap(), words.next().unwrap());
        let part = if eye.is_multiple_of(8) {
            "test"
        } else {
            "train"
        };
        let to = data.join(part).join(grade.to_string());
        std::fs::create_dir_all(&to).unwrap();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    let out = folder.path().join("run");
    train_quickly(&data, &out, &["--epochs", "1", "--published-parts"]);
    let split = std::fs::read_to_string(out.join("split.csv")).unwrap();
    let rows: Vec<&str> = split.lines().skip(1).collect();
    assert_eq!(rows.len(), 40);
    let kept = rows.iter().filter(|row| row.contains(",test,")).count();
    assert!(kept > 0);
    for row in rows {
        let eye: u32 = row.split(['-', '.', ',']).nth(2).unwrap().parse().unwrap();
        assert_eq!(eye.is_multiple_of(8), row.contains(",test,"), "{row}");
    }
    let config = std::fs::read_to_string(out.join("config.json")).unwrap();
    assert!(config.contains("\"published_parts\": true"), "{config}");
}

#[test]
fn a_finished_training_is_replaced_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("run");
    train_quickly(&data, &out, &["--epochs", "1"]);
    let records = || {
        let mut files: Vec<_> = std::fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = records();
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let again = ["train", "--data", data, "--out", out, "--seed", "2"];
    let words = refused(&again);
    assert!(
        words.contains("finished model") && words.contains("another --out"),
        "{words}"
    );
    let words = refused(&["train", "--resume", "--out", out]);
    assert!(words.contains("nothing is left to resume"), "{words}");
    assert_eq!(records(), before);
}

#[test]
fn what_can_be_known_before_the_first_epoch_is_told_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("run");
    let try_with = |data: &Path, flags: &[&str]| {
        let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
        let quick = ["train", "--data", data, "--out", out, "--size", "32"];
        let words = refused(&[&quick[..], flags].concat());
        assert!(!Path::new(out).exists(), "{flags:?} began: {words}");
        words
    };

    let words = try_with(&data, &["--name", "a/b ../x"]);
    assert!(words.contains("--name"), "{words}");
    let words = try_with(&data, &["--from", "nope.pth"]);
    assert!(words.contains("nope.pth"), "{words}");
    assert!(!words.contains("Looking for duplicates"), "{words}");
    let cut = folder.path().join("cut.safetensors");
    std::fs::write(&cut, b"\x40\0\0\0\0\0\0\0{\"conv1.weight\"").unwrap();
    let words = try_with(&data, &["--from", cut.to_str().unwrap()]);
    assert!(words.contains("cut.safetensors"), "{words}");
    assert!(!words.contains("Looking for duplicates"), "{words}");
    let absent = ["--split", "nothing.csv"];
    let words = try_with(&data, &absent);
    assert!(words.contains("nothing.csv"), "{words}");

    // One grade alone, and a validation that holds no disease.
    let table = |name: &str, grade: &dyn Fn(usize) -> usize| {
        let copy = folder.path().join(name);
        std::fs::create_dir(&copy).unwrap();
        let mut rows = String::from("image,grade\n");
        let photos = std::fs::read_dir(data.join("images")).unwrap();
        for (place, photo) in photos.enumerate() {
            let photo = photo.unwrap();
            std::fs::copy(photo.path(), copy.join(photo.file_name())).unwrap();
            let name = photo.file_name().into_string().unwrap();
            rows += &format!("{name},{}\n", grade(place));
        }
        std::fs::write(copy.join("labels.csv"), rows).unwrap();
        copy
    };
    let words = try_with(&table("alike", &|_| 3), &["--validation", "0.3"]);
    assert!(words.contains("have grade 3"), "{words}");
    let words = try_with(&table("mild", &|place| place % 2), &["--validation", "0.3"]);
    assert!(
        words.contains("validation has 0 photos of grade 2") && words.contains("--validation"),
        "{words}"
    );
}

#[test]
fn a_checkpoint_that_cannot_be_written_promises_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("run");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("checkpoints"), "in the way").unwrap();
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let mut asked = vec!["train", "--data", data, "--out", out, "--size", "32"];
    asked.extend(["--epochs", "1", "--batch", "8", "--validation", "0.3"]);
    let words = refused(&asked);
    assert!(words.contains("no epoch is saved yet"), "{words}");
    assert!(!words.contains("--resume"), "{words}");
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 96);
    let out = data.join("labels.csv/run");
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let train = ["train", "--data", data, "--size", "32", "--out", out];
    for search in [&[][..], &["--find-learning-rate"]] {
        let words = refused(&[&train[..], search].concat());
        assert!(words.contains("choose another --out"), "{words}");
        assert!(!words.contains("by grade"), "{words}");
    }
    let page = folder.path().join("nowhere/page.png");
    let page = page.to_str().unwrap();
    for asked in [
        ["evaluate", "--data", data, "--report", page],
        ["evaluate", "--data", data, "--predictions", page],
        ["data", "check", data, "--sheet", page],
    ] {
        let output = fovea(&asked);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains("page.png: cannot be written"), "{words}");
        assert!(!output.status.success() && output.stdout.is_empty());
    }
}

/// The command under way, and what it says, line by line.
#[cfg(unix)]
struct Running {
    child: std::process::Child,
    said: std::io::Lines<std::io::BufReader<std::process::ChildStderr>>,
}

#[cfg(unix)]
impl Running {
    fn begin(arguments: &[&str]) -> Self {
        use std::io::BufRead;

        let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let said = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, said }
    }

    /// Presses Ctrl-C once it says `words`; its exit code, and all it says from then on.
    fn stopped_at(mut self, words: &str) -> (Option<i32>, String) {
        let line = (self.said.by_ref()).find(|line| line.as_ref().unwrap().contains(words));
        assert!(line.is_some(), "it never said {words:?}");
        let pressed = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(pressed.unwrap().success());
        let rest: Vec<String> = self.said.map(Result::unwrap).collect();
        (self.child.wait().unwrap().code(), rest.join("\n"))
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_after_a_step_and_at_once_where_no_step_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("my run");
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let quick = ["--size", "32", "--batch", "8", "--validation", "0.3"];
    let train = [&["train", "--data", data, "--out", out], &quick[..]].concat();
    let long = [&train[..], &["--epochs", "2000"]].concat();
    let told = format!("go on from the last whole epoch with `fovea train --resume --out '{out}'`");

    let (code, words) = Running::begin(&long).stopped_at("epoch 3: ");
    assert_eq!(code, Some(1), "{words}");
    assert!(
        words.contains("stopping after this step") && words.ends_with(&told),
        "{words}"
    );
    let last = || {
        let folder = Path::new(out).join("checkpoints");
        let epochs = std::fs::read_dir(folder).unwrap();
        let names = epochs.map(|epoch| epoch.unwrap().file_name().into_string().unwrap());
        names.max().unwrap()
    };
    let first = last();
    assert!(first.as_str() >= "epoch-0003", "{first}");
    let (_, words) = Running::begin(&["train", "--resume", "--out", out]).stopped_at("epoch 9: ");
    assert!(words.ends_with(&told), "{words}");
    assert!(last() > first);

    // A search for a learning rate asks for no steps to go on from, nor is there one
    // while photos are looked at.
    let rates = folder.path().join("rates");
    let rates = rates.to_str().unwrap();
    let mut search = vec!["train", "--find-learning-rate", "--data", data];
    search.extend(["--out", rates, "--size", "160", "--batch", "8"]);
    for stage in ["Looking for duplicates", "Trying learning rates"] {
        let (code, words) = Running::begin(&search).stopped_at(stage);
        assert_eq!(code, Some(130), "{stage}: {words}");
        assert!(!words.contains("after this step"), "{stage}: {words}");
    }
    assert!(!Path::new(rates).join("learning-rate.svg").exists());
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

#[test]
fn photos_that_a_model_was_trained_on_do_not_measure_it_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let other = folder.path().join("other");
    draw_dataset(&other, 2, 160);
    let first = folder.path().join("first");
    train_quickly(&data, &first, &["--epochs", "1", "--name", "parent"]);
    let (data, from) = (data.to_str().unwrap(), first.to_str().unwrap());
    let split = first.join("split.csv");

    // Going on from it by another split would let its training photos judge it.
    let second = folder.path().join("second");
    let quick = ["--size", "32", "--batch", "8", "--epochs", "0", "--out"];
    let mut again = vec!["train", "--data", data, "--from", from];
    again.extend(quick);
    again.push(second.to_str().unwrap());
    let drawn = [&again[..], &["--validation", "0.3", "--seed", "7"]].concat();
    let words = refused(&drawn);
    assert!(
        words.contains("was trained on") && words.contains(&format!("--split {}", split.display())),
        "{words}"
    );
    assert!(!second.exists(), "{words}");
    let network = [&again[..], &["--arch", "resnet34"]].concat();
    let words = refused(&network);
    assert!(
        words.contains("is a resnet18") && words.contains("--arch"),
        "{words}"
    );
    // Where nobody knows what it was trained on, that is told.
    let by_its_own = [&again[..], &["--split", split.to_str().unwrap()]].concat();
    let (_, words) = command_support::succeed(&by_its_own);
    assert!(!words.contains("no split.csv beside it"), "{words}");
    let card = succeed(&["card", "--bundle", second.to_str().unwrap()]);
    assert!(card.contains("only their own trainings can tell"), "{card}");
    std::fs::rename(&split, folder.path().join("moved.csv")).unwrap();
    let third = folder.path().join("third");
    let last = again.len() - 1;
    again[last] = third.to_str().unwrap();
    let unknown = [&again[..], &["--validation", "0.3", "--seed", "7"]].concat();
    let (_, words) = command_support::succeed(&unknown);
    assert!(words.contains("no split.csv beside it"), "{words}");

    // Nor is it measured on all of them without a word.
    let page = folder.path().join("page.html");
    let mut measure = vec!["evaluate", "--data", data, "--bundle", from];
    measure.extend(["--data", other.to_str().unwrap()]);
    let reported = [&measure[..], &["--report", page.to_str().unwrap()]].concat();
    let (table, words) = command_support::succeed(&reported);
    let caution = "was trained on photos of drawn:";
    assert!(words.contains(caution), "{words}");
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains(caution) && page.contains("Each data set alone"));
    let count = |part: &str| page.matches(part).count();
    let mistakes = count("<figcaption><strong>drawn-");
    assert!((1..=12).contains(&mistakes), "{mistakes}");
    // Each beside its map.
    assert_eq!(count("data:image/jpeg;base64,"), 2 * mistakes);
    for (set, photos) in [("drawn", "20"), ("other", "10")] {
        let row = table.lines().find(|line| line.starts_with(set)).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!((cells.len(), cells[1]), (7, photos), "{row}");
    }
    assert!(!words.contains("left out"), "{words}");
    let one = [
        "--size", "160", "--count", "1", "--grade", "2", "--seed", "88",
    ];
    let images = format!("{data}/images");
    succeed(&[&["synth", "--out", images.as_str()][..], &one].concat());
    let (_, words) = command_support::succeed(&measure);
    let told = "drawn: left out: 1 photo, which no table names";
    assert!(words.contains(told), "{words}");
    let side = ["--data", data, "--bundle", from, "--part", "validation"];
    let moved = folder.path().join("moved.csv");
    let side = [
        &["evaluate"],
        &side[..],
        &["--split", moved.to_str().unwrap()],
    ]
    .concat();
    let (_, words) = command_support::succeed(&side);
    assert!(!words.contains(caution), "{words}");
}
