//! `fovea study` on drawn photographs: a grid of four runs, cut into shards,
//! done again, merged.
#![cfg(all(feature = "cli", not(target_arch = "wasm32")))]

mod command_support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use command_support::{draw_dataset, fovea, succeed};

fn fail(arguments: &[&str]) -> String {
    let output = fovea(arguments);
    assert!(!output.status.success(), "fovea {arguments:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A bundle to start TL from, trained for a moment on drawings that the study has
/// not: what it was trained on may not measure what goes on from it.
fn weights(folder: &Path) -> PathBuf {
    let data = folder.join("elsewhere");
    draw_dataset(&data, 4, 64);
    let out = folder.join("weights");
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
    ]);
    out.join("model.json")
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

const CELLS: [&str; 4] = [
    "ref-100-seed1",
    "ref-050-seed1",
    "tl-100-seed1",
    "tl-050-seed1",
];

#[test]
fn a_grid_is_run_in_parts_merged_and_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 8, 128);
    let data = data.to_str().unwrap();
    let from = weights(folder.path());
    let out = folder.path().join("study");
    let study = out.to_str().unwrap();
    let result = |cell: &str| out.join("runs").join(cell).join("result.json");
    let describe = [
        "study",
        "--data",
        data,
        "--from",
        from.to_str().unwrap(),
        "--out",
        study,
        "--fractions",
        "50,100",
        "--seeds",
        "1",
        "--presets",
        "none",
        "--size",
        "32",
        "--epochs",
        "1",
        "--head-epochs",
        "1",
        "--batch",
        "8",
        "--validation",
        "0.25",
        "--test",
        "0.25",
    ];

    // The first of two jobs does every other run and merges nothing.
    let first_half: Vec<&str> = describe.iter().copied().chain(["--shard", "0/2"]).collect();
    succeed(&first_half);
    for (place, cell) in CELLS.iter().enumerate() {
        assert_eq!(result(cell).exists(), place % 2 == 0, "{cell}");
    }
    assert!(!out.join("study.json").exists());
    let listed = succeed(&["study", "--out", study, "--list"]).0;
    assert!(listed.contains("ref-100-seed1\tdone") && listed.contains("tl-050-seed1\tto do"));

    // What is there is merged, and what is missing is named.
    succeed(&["study", "--out", study, "--collect"]);
    let partial = json(&out.join("study.json"));
    assert_eq!(
        partial["missing"],
        serde_json::json!(["ref-050-seed1", "tl-050-seed1"])
    );

    // Without flags the study goes on with its plan, and leaves alone what is done.
    let written =
        |cell: &str| -> SystemTime { std::fs::metadata(result(cell)).unwrap().modified().unwrap() };
    let before = written("ref-100-seed1");
    let (page, words) = succeed(&["study", "--out", study]);
    assert_eq!(written("ref-100-seed1"), before);
    assert!(words.contains("4 runs: 2 done, 2 to do"), "{words}");
    assert_eq!(Path::new(page.trim()), out.join("study.html"));
    for file in [
        "study.json",
        "study.csv",
        "study.md",
        "study.svg",
        "study.html",
    ] {
        assert!(out.join(file).exists(), "{file}");
    }
    let whole = json(&out.join("study.json"));
    assert_eq!(whole["missing"], serde_json::json!([]));
    assert_eq!(whole["arms"].as_array().unwrap().len(), 4);
    assert_eq!(whole["claims"].as_array().unwrap().len(), 2);

    // Every number traces to a result: the same photos, the same probabilities.
    let tl = json(&result("tl-050-seed1"));
    let ref_all = json(&result("ref-100-seed1"));
    let photos = tl["photos"].as_array().unwrap();
    assert_eq!(photos.len() as u64, whole["test_photos"].as_u64().unwrap());
    for (a, b) in photos.iter().zip(ref_all["photos"].as_array().unwrap()) {
        assert_eq!(a["photo"], b["photo"]);
    }
    let arm = whole["arms"]
        .as_array()
        .unwrap()
        .iter()
        .find(|arm| arm["arm"] == "tl-050")
        .unwrap();
    assert_eq!(arm["figures"]["accuracy"]["mean"], tl["after"]["accuracy"]);
    let count = |run: &serde_json::Value| -> u64 {
        let by_grade = run["trained_on"].as_array().unwrap();
        by_grade.iter().map(|n| n.as_u64().unwrap()).sum()
    };
    assert!(
        (2 * count(&tl)).abs_diff(count(&ref_all)) <= 5,
        "{} of {}",
        count(&tl),
        count(&ref_all)
    );
    assert!(
        tl["recipe"]
            .as_str()
            .unwrap()
            .contains("50 % of the training photos")
    );

    // A second time there is nothing to do: not even the photos are needed.
    std::fs::rename(data, folder.path().join("moved")).unwrap();
    let (_, words) = succeed(&["study", "--out", study]);
    assert!(words.contains("4 runs: 4 done, 0 to do"), "{words}");
    std::fs::rename(folder.path().join("moved"), data).unwrap();

    // A run's own configuration, repeated by `fovea train`, gives the same weights.
    let again = folder.path().join("again");
    succeed(&[
        "train",
        "--config",
        out.join("runs/tl-050-seed1/config.json").to_str().unwrap(),
        "--out",
        again.to_str().unwrap(),
    ]);
    let hash = json(&again.join("model.json"))["weights"]["sha256"].clone();
    assert_eq!(hash, tl["weights_sha256"]);

    // More runs of the same kind are the same study, grown.
    let more: Vec<&str> = describe
        .iter()
        .map(|flag| if *flag == "none" { "head-only" } else { flag })
        .collect();
    let (_, words) = succeed(&more);
    assert!(words.contains("5 runs: 4 done, 1 to do"), "{words}");
    assert!(result("head-only-seed1").exists());
    let fewer = fail(&describe);
    assert!(fewer.contains("plan.json"), "{fewer}");
    let part = fail(&["study", "--out", study, "--seeds", "3"]);
    assert!(part.contains("holds a study, of which"), "{part}");

    // Other flags are another study.
    let mut other = describe.to_vec();
    other.extend(["--split-seed", "2"]);
    let words = fail(&other);
    assert!(
        words.contains("plan.json") && words.contains("--out"),
        "{words}"
    );
}

#[test]
fn a_run_that_was_killed_goes_on_to_the_weights_of_an_unbroken_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 8, 128);
    let data = data.to_str().unwrap();
    let from = weights(folder.path());
    // Pratt's network: its dropout draws numbers too. It is the third of three runs.
    let describe = |out: &Path| -> Vec<String> {
        let flags = "--fractions 100 --seeds 1 --presets pratt2016 --size 32 --epochs 12 --batch 8 \
                     --validation 0.25 --test 0.25 --shard 2/3";
        let named = [
            "study",
            "--data",
            data,
            "--from",
            from.to_str().unwrap(),
            "--out",
        ];
        let named = named.into_iter().chain([out.to_str().unwrap()]);
        named
            .chain(flags.split_whitespace())
            .map(str::to_owned)
            .collect()
    };
    let result = |out: &Path| json(&out.join("runs/pratt2016-seed1/result.json"));
    let whole = folder.path().join("whole");
    let flags = describe(&whole);
    succeed(&flags.iter().map(String::as_str).collect::<Vec<_>>());

    let broken = folder.path().join("broken");
    let flags = describe(&broken);
    let mut run = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(&flags)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let checkpoints = broken.join("runs/pratt2016-seed1/checkpoints");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    let begun = || (2..12).any(|epoch| checkpoints.join(format!("epoch-{epoch:04}")).exists());
    while !begun() {
        assert!(std::time::Instant::now() < deadline, "no checkpoint");
        assert!(
            run.try_wait().unwrap().is_none(),
            "it ended too soon to be killed"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!broken.join("runs/pratt2016-seed1/result.json").exists());
    succeed(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(result(&broken)["resumed"], true);
    assert_eq!(result(&whole)["resumed"], false);
    assert_eq!(
        result(&broken)["weights_sha256"],
        result(&whole)["weights_sha256"]
    );
    assert_eq!(result(&broken)["photos"], result(&whole)["photos"]);
}

#[test]
fn errors_name_the_flag_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("study");
    let out = out.to_str().unwrap();
    let words = fail(&["study", "--out", out]);
    assert!(
        words.contains("--data") && words.contains("--from"),
        "{words}"
    );
    let with = |flags: &[&str]| {
        let mut all = vec!["study", "--out", out, "--data", "d", "--from", "w"];
        all.extend(flags);
        fail(&all)
    };
    assert!(with(&["--fractions", "50"]).contains("--fractions"));
    assert!(with(&["--presets", "resnext"]).contains("sallam2020"));
    assert!(with(&["--shard", "3/3"]).contains("0/4"));
    assert!(with(&["--test", "0"]).contains("--test"));
    assert!(!Path::new(out).exists(), "nothing was begun");
    // Before any run, though those from random weights are the first.
    let data = folder.path().join("drawn");
    draw_dataset(&data, 2, 64);
    let mut asked = vec!["study", "--out", out, "--data", data.to_str().unwrap()];
    asked.extend(["--from", "nope.pth", "--quick"]);
    let words = fail(&asked);
    assert!(words.contains("nope.pth"), "{words}");
    assert!(!Path::new(out).join("runs").exists(), "{words}");
}

#[test]
fn what_the_page_shows_is_what_the_published_runs_come_to() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["study", "retinamnist"] {
        let runs = root.join("docs").join(name);
        let plan = fovea::study::Plan::read(&runs).unwrap().unwrap();
        let collected = fovea::study::collect::collect(&runs, &plan).unwrap();
        let page = root.join("www/study").join(format!("{name}.json"));
        let shown: fovea::study::Study =
            serde_json::from_slice(&std::fs::read(&page).unwrap()).unwrap();
        let (shown, collected) = (numbers(&shown), numbers(&collected));
        assert_eq!(shown.len(), collected.len(), "{name}");
        for ((path, a), (_, b)) in shown.iter().zip(&collected) {
            // serde_json may read a number's last digit otherwise than it was written.
            assert!((a - b).abs() <= 1e-12, "{name}: {path} is {a}, not {b}");
        }
    }
}

/// Every number of a study, with where it stands.
fn numbers(study: &fovea::study::Study) -> Vec<(String, f64)> {
    fn walk(path: &str, value: &serde_json::Value, found: &mut Vec<(String, f64)>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    walk(&format!("{path}.{name}"), value, found);
                }
            }
            serde_json::Value::Array(items) => {
                for (place, value) in items.iter().enumerate() {
                    walk(&format!("{path}[{place}]"), value, found);
                }
            }
            value => found.extend(value.as_f64().map(|number| (path.to_owned(), number))),
        }
    }
    let mut found = Vec::new();
    walk("", &serde_json::to_value(study).unwrap(), &mut found);
    found
}
