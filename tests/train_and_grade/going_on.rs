//! Trainings that were killed, repeated or finished.

use std::path::Path;
use std::process::Command;

use super::{draw_dataset, fovea, refused, succeed, train_quickly};

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
