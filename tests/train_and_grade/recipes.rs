//! What flags make of a training.

use std::path::Path;

use super::{draw_dataset, fovea, refused, succeed, train_quickly};

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
