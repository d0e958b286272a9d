//! Trainings and measurements that begin with a bundle.

use std::path::Path;

use super::{command_support, draw_dataset, fovea, refused, succeed, train_quickly};

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
