//! `fovea data check`: everything wrong with a folder of real image files, in
//! one go.
#![cfg(feature = "train")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use fovea::training::check::check;
use fovea::training::contact_sheet;
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// A disc with blots that depend on `seed`, 128 pixels wide.
fn retina(seed: u32) -> RgbImage {
    RgbImage::from_fn(128, 128, |x, y| {
        let (u, v) = (x as f32 / 128.0 - 0.5, y as f32 / 128.0 - 0.5);
        if u * u + v * v > 0.24 {
            return Rgb([0, 0, 0]);
        }
        let s = seed as f32;
        let wave = (u * (9.0 + s) + s).sin() * (v * (7.0 + 2.0 * s) - s).cos();
        let level = (130.0 + 60.0 * wave) as u8;
        Rgb([level, level / 2, level / 4])
    })
}

fn save(dir: &Path, name: &str, picture: &RgbImage) {
    picture
        .save(dir.join("images").join(name))
        .expect("a picture");
}

/// Six photos: one of each grade, `5.png` is photo 4 at half the size with
/// another grade, `copy.png` is photo 0 byte for byte.
fn folder(extra_rows: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::create_dir(dir.path().join("images")).expect("a folder");
    for grade in 0..5 {
        save(dir.path(), &format!("{grade}.png"), &retina(grade));
    }
    let half = resize(&retina(4), 64, 64, FilterType::CatmullRom);
    save(dir.path(), "5.png", &half);
    let images = dir.path().join("images");
    fs::copy(images.join("0.png"), images.join("copy.png")).expect("a copy");
    fs::write(
        dir.path().join("labels.csv"),
        format!(
            "image,grade\n0.png,0\n1.png,1\n2.png,2\n3.png,3\n4.png,4\n5.png,3\ncopy.png,0\n\
             {extra_rows}"
        ),
    )
    .expect("labels");
    dir
}

#[test]
fn a_good_folder_passes_and_its_copies_are_told() {
    let dir = folder("");
    let opened = AtomicUsize::new(0);
    let outcome = check(&[dir.path().to_path_buf()], None, |done, total| {
        assert!(done <= total && total == 7);
        opened.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(opened.into_inner(), 7);
    assert!(outcome.passed(), "{:?}", outcome.faults);
    assert_eq!(outcome.datasets[0].grades, [2, 1, 1, 2, 1]);
    let told: Vec<&str> = outcome.warnings.iter().map(|w| w.what.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("/0.png (grade 0) is byte for byte"),
        "{told:?}"
    );
    assert!(
        told[1].contains("/4.png (grade 4) shows the same picture as"),
        "{told:?}"
    );
    assert!(told[1].contains("the grades conflict"), "{told:?}");
    assert_eq!(outcome.duplicates.group, [0, 1, 2, 3, 4, 4, 0]);
}

#[test]
fn every_fault_of_tables_photos_and_split_comes_in_one_go() {
    let dir = folder("gone.png,1\n3.png,9\ncut.png,1\n");
    let whole = fs::read(dir.path().join("images/1.png")).expect("a photo");
    fs::write(dir.path().join("images/cut.png"), &whole[..whole.len() / 2]).expect("a file");
    let name = dir
        .path()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_string();
    let split = dir.path().join("split.csv");
    let rows: String = ["0", "1", "2", "3", "4", "5", "copy", "cut"]
        .iter()
        .enumerate()
        .map(|(group, photo)| {
            let part = if group < 5 { "train" } else { "test" };
            format!("{photo}.png,{name},{part},{group}\n")
        })
        .collect();
    fs::write(&split, format!("image,dataset,part,group\n{rows}")).expect("a split");

    let outcome = check(&[dir.path().to_path_buf()], Some(&split), |_, _| {});
    let faults: Vec<String> = outcome.faults.iter().map(ToString::to_string).collect();
    for reason in [
        "labels.csv:9: the photo “gone.png” is nowhere",
        "labels.csv:10: grade “9” of “3.png” is outside the scale",
        "cut.png: “cut.png” is no photo that can be decoded",
        "copies of one photo are on two sides: “copy.png” in test, “0.png” in train",
        "copies of one photo are on two sides: “5.png” in test, “4.png” in train",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(reason)),
            "{reason}\n{faults:#?}"
        );
    }
    assert_eq!(faults.len(), 5, "{faults:#?}");
}

#[test]
fn a_picture_that_a_training_refuses_is_told() {
    let dir = folder("black.png,1\ntiny.png,2\n");
    save(dir.path(), "black.png", &RgbImage::new(128, 128));
    save(dir.path(), "tiny.png", &RgbImage::new(6, 6));
    let outcome = check(&[dir.path().to_path_buf()], None, |_, _| {});
    let faults: Vec<&str> = outcome.faults.iter().map(|f| f.what.as_str()).collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    for (fault, photo) in faults.iter().zip(["black.png", "tiny.png"]) {
        let told = format!("“{photo}” cannot be trained on");
        assert!(fault.starts_with(&told), "{fault}");
    }
}

#[test]
fn lines_are_those_of_a_table_that_windows_wrote() {
    let dir = folder("gone.png,1\n");
    let labels = dir.path().join("labels.csv");
    let table = fs::read_to_string(&labels).expect("labels");
    fs::write(&labels, table.replace('\n', "\r\n")).expect("labels");
    let outcome = check(&[dir.path().to_path_buf()], None, |_, _| {});
    assert_eq!(outcome.faults[0].line, Some(9), "{:?}", outcome.faults);
}

#[test]
fn one_folder_given_twice_is_told_from_two_of_one_name() {
    let dir = folder("");
    let told = |other: &Path| {
        let outcome = check(&[dir.path().into(), other.into()], None, |_, _| {});
        outcome.faults[0].to_string()
    };
    let twice = told(&dir.path().join("../").join(dir.path().file_name().unwrap()));
    assert!(
        twice.ends_with("it is named twice; name it once"),
        "{twice}"
    );
    let elsewhere = tempfile::tempdir().expect("a folder");
    let namesake = elsewhere.path().join(dir.path().file_name().unwrap());
    fs::create_dir(&namesake).expect("a folder");
    fs::copy(dir.path().join("images/0.png"), namesake.join("0.png")).expect("a photo");
    fs::write(namesake.join("labels.csv"), "image,grade\n0.png,0\n").expect("labels");
    let two = told(&namesake);
    assert!(
        two.contains(" is called ") && two.contains("rename one"),
        "{two}"
    );
}

#[test]
fn the_contact_sheet_has_a_row_a_grade() {
    let dir = folder("");
    let outcome = check(&[dir.path().to_path_buf()], None, |_, _| {});
    let sheet = contact_sheet::draw(&outcome.records, 3, 32);
    assert_eq!(sheet.dimensions(), (40 + 3 * 36 + 4, 5 * 36 + 4));
    // The middle of a row's first, second and third place.
    let lit = |grade: u32, column: u32| {
        let pixel = sheet.get_pixel(40 + column * 36 + 16, 4 + grade * 36 + 16);
        pixel.0 != [24, 24, 24]
    };
    assert!((0..5).all(|grade| lit(grade, 0)));
    assert!(lit(0, 1) && !lit(1, 1) && lit(3, 1) && !lit(0, 2));
}
