//! What becomes of a command whose words nobody takes.
#![cfg(all(feature = "cli", target_os = "linux"))]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

fn fovea(folder: &Path, arguments: &str, out: Stdio, aside: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fovea"))
        .current_dir(folder)
        .args(arguments.split(' '))
        .stdout(out)
        .stderr(aside)
        .output()
        .unwrap()
}

/// A picture that the gate refuses.
fn draw_nothing(folder: &Path) {
    let black = image::RgbImage::new(300, 300);
    black.save(folder.join("black.png")).unwrap();
}

#[test]
fn results_that_cannot_be_printed_end_the_command_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    draw_nothing(folder.path());
    for command in [
        "synth --out drawn --size 64 --grade 0",
        "data check drawn",
        "gate measure black.png",
        "gate measure black.png --format json",
    ] {
        let output = fovea(folder.path(), command, full(), Stdio::piped());
        assert_eq!(output.status.code(), Some(1), "{command}");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            words.starts_with("fovea: the results cannot be printed: No space left"),
            "{command}: {words}"
        );
    }
}

#[test]
fn what_goes_on_need_not_be_told() {
    let folder = tempfile::tempdir().unwrap();
    draw_nothing(folder.path());
    let command = "gate measure black.png --list";
    let output = fovea(folder.path(), command, Stdio::piped(), full());
    assert!(output.status.success());
    let figures = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(figures.contains("1 of     1 refused"), "{figures}");
    assert!(figures.contains("no-retina 1"), "{figures}");
}

#[test]
fn photos_a_check_tells_of_are_listed_by_the_command_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("photos/images");
    std::fs::create_dir_all(&images).unwrap();
    // A disc, and nothing of a retina in it.
    let disc = image::RgbImage::from_fn(300, 300, |x, y| {
        let (x, y) = (f64::from(x) - 149.5, f64::from(y) - 149.5);
        image::Rgb(if x.hypot(y) < 140.0 {
            [60, 120, 200]
        } else {
            [0; 3]
        })
    });
    disc.save(images.join("disc.png")).unwrap();
    let table = folder.path().join("photos/labels.csv");
    std::fs::write(table, "image,grade\ndisc.png,0\n").unwrap();
    let told = |command: &str| {
        let output = fovea(folder.path(), command, Stdio::piped(), Stdio::piped());
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned())
    };
    let [found, _] = told("data check photos");
    assert!(found.contains("1 photo would not be graded"), "{found}");
    assert!(found.contains("`fovea gate measure --list`"), "{found}");
    let [figures, list] = told("gate measure photos --list");
    assert!(figures.contains("1 of     1 refused"), "{figures}");
    assert!(list.contains("disc.png: "), "{list}");
    // One that cannot be read is a fault, and none that a training uses all the same.
    std::fs::write(images.join("disc.png"), "nothing").unwrap();
    let [found, _] = told("data check photos");
    assert!(!found.contains("would not be graded"), "{found}");
}

/// The reader of such workbooks panics over this one, which says so beside the sentence.
#[test]
fn a_damaged_workbook_is_told_in_a_sentence_alone() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    draw_nothing(&photos);
    let mut cut = vec![0xff; 512 + 3];
    cut[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    for (at, value) in [(26, 3), (30, 9), (32, 6), (76, 0), (78, 0)] {
        cut[at..at + 2].copy_from_slice(&[value, 0]);
    }
    std::fs::write(photos.join("labels.xls"), cut).unwrap();
    let command = "data check photos";
    let output = fovea(folder.path(), command, Stdio::piped(), Stdio::piped());
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(found.contains("it is damaged"), "{found}");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!words.contains("panicked"), "{words}");
}
