//! `fovea data prepare`: what the network is shown, for other programs to train on.
#![cfg(all(feature = "train", not(target_arch = "wasm32")))]

mod command_support;

use std::fs;
use std::path::Path;

use command_support::{draw_dataset, fovea, succeed};
use fovea::photo::{DecodeLimits, Preprocessing, decode, prepare};
use fovea::training::dataset::{self, Record};

fn records(folder: &Path) -> Vec<Record> {
    let sets = dataset::read_all(&[folder.to_path_buf()]).unwrap();
    sets.into_iter().flat_map(|set| set.records).collect()
}

#[test]
fn a_single_picture_and_folds_without_one_are_told_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("drawn");
    draw_dataset(&photos, 1, 160);
    let data = photos.to_str().unwrap();
    let (told, _) = succeed(&["data", "check", data]);
    let of_five = "drawn: 5 photos of 5 patients, by grade [1, 1, 1, 1, 1]";
    assert!(told.starts_with(of_five), "{told}");

    let output = fovea(&["data", "check", data, "--sheet", "sheet.gif"]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.contains("end in .png") && output.stdout.is_empty(),
        "{words}"
    );

    let split = folder.path().join("split.csv");
    let rows: String = (0..5)
        .map(|grade| format!("drawn-{grade}-{}.png,drawn,train,{grade}\n", grade + 1))
        .collect();
    fs::write(&split, format!("image,dataset,part,group\n{rows}")).unwrap();
    let out = folder.path().join("folds");
    let asked = [
        "--split",
        split.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let output = fovea(&[&["data", "folds", data, "--folds", "20"], &asked[..]].concat());
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("--folds 20"), "{words}");
    assert!(!output.status.success() && !out.exists());

    fs::write(photos.join("labels.csv"), "image,grade\ndrawn-4-5.png,4\n").unwrap();
    let told = fovea(&["data", "check", data]).stdout;
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(
        told.starts_with("drawn: 1 photo of 1 patient, by"),
        "{told}"
    );
    assert!(told.contains("left out: 4 photos, which"), "{told}");
}

#[test]
fn pictures_are_what_the_network_is_shown_under_the_names_of_their_photos() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("drawn");
    draw_dataset(&photos, 2, 160);
    let out = folder.path().join("prepared");
    let (data, prepared) = (photos.to_str().unwrap(), out.to_str().unwrap());
    let asked = ["--size", "64", "--margin", "-0.2", "--out", prepared];
    succeed(&[&["data", "prepare", data], &asked[..]].concat());

    let (before, after) = (records(&photos), records(&out.join("drawn")));
    let told = |records: &[Record]| -> Vec<_> {
        let told = records.iter();
        told.map(|r| (r.name.clone(), r.grade, r.patient.clone()))
            .collect()
    };
    assert_eq!(before.len(), 10);
    assert_eq!(told(&before), told(&after));
    for (photo, picture) in before.iter().zip(&after) {
        let decoded = decode(&photo.bytes().unwrap(), &DecodeLimits::default()).unwrap();
        let settings = Preprocessing {
            margin: -0.2,
            ..Preprocessing::imagenet(64)
        };
        let shown = prepare(&decoded, &settings).unwrap();
        let written = image::open(picture.path()).unwrap().to_rgb8();
        assert!(written == shown.picture, "{}", photo.name);
    }
}

#[test]
fn a_photo_that_cannot_be_prepared_is_named_and_the_others_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("drawn");
    draw_dataset(&photos, 1, 160);
    let refused = fovea(&["data", "prepare", "drawn", "--margin", "-2", "--out", "o"]);
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(
        words.contains("--margin") && words.contains("between -0.5 and 1"),
        "{words}"
    );
    let broken = records(&photos)[3].path().to_path_buf();
    fs::write(&broken, "no photo").unwrap();
    let out = folder.path().join("prepared");
    let (data, prepared) = (photos.to_str().unwrap(), out.to_str().unwrap());
    let output = fovea(&["data", "prepare", data, "--out", prepared]);
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains(broken.to_str().unwrap()), "{words}");
    let written = records(&out.join("drawn"));
    assert_eq!(written.len(), 4);
    assert!(written.iter().all(|record| record.grade != 3));
}

#[test]
fn no_photo_is_written_over_wherever_out_and_the_names_in_a_table_point() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("drawn");
    draw_dataset(&photos, 1, 160);
    let file = records(&photos)[0].path().to_path_buf();
    let before = fs::read(&file).unwrap();
    let data = photos.to_str().unwrap();

    let back = folder.path().to_str().unwrap();
    let output = fovea(&["data", "prepare", data, "--out", back]);
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains(data) && words.contains("--out"), "{words}");

    let (whole, name) = (file.to_str().unwrap(), file.file_name().unwrap());
    let table = photos.join("labels.csv");
    let climbing = format!("../../{}", name.to_str().unwrap());
    for given in [whole, &climbing] {
        fs::write(&table, format!("image,grade\n{given},0\n")).unwrap();
        let out = tempfile::tempdir().unwrap();
        let prepared = out.path().to_str().unwrap();
        succeed(&["data", "prepare", data, "--out", prepared]);
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "{given}");
        assert_eq!(records(&out.path().join("drawn")).len(), 1, "{given}");
    }
    assert!(fs::read(&file).unwrap() == before);
}
