//! What can be told before the work is told before it.

use std::path::Path;
use std::process::Command;

use super::{draw_dataset, fovea, refused};

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
