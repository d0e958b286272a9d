//! `fovea explain` on drawn photographs, with the shipped model.
#![cfg(all(not(target_arch = "wasm32"), shipped_model))]

use std::path::Path;
use std::process::{Command, Output};

use fovea::photo::{Preprocessing, prepare};
use fovea::synth::{self, LesionKind, Plan};

fn explain(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fovea"))
        .arg("explain")
        .args([
            "--bundle",
            concat!(env!("CARGO_MANIFEST_DIR"), "/www/model"),
        ])
        .args(arguments)
        .output()
        .unwrap()
}

fn succeed(arguments: &[&str]) -> String {
    let output = explain(arguments);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {words}");
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_photo_is_explained_on_one_page_that_loads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("right.png");
    synth::draw(3, 4, 400).save(&photo).unwrap();
    let out = folder.path().join("out");
    let written = succeed(&[text(&photo), "--out", text(&out), "--occlusion=4"]);
    assert_eq!(written.trim(), text(&out.join("index.html")));

    let size = |name: &str| image::open(out.join(name)).unwrap().into_rgb8();
    assert_eq!(size("right-photo.png").dimensions(), (400, 400));
    let seen = size("right-seen.png");
    assert_eq!(seen.width(), seen.height());
    for (plain, mapped) in [
        ("right-photo.png", "right-map-on-photo.png"),
        ("right-map-on-seen.png", "right-occlusion.png"),
    ] {
        let (plain, mapped) = (size(plain), size(mapped));
        assert_eq!(plain.dimensions(), mapped.dimensions());
        assert_ne!(plain, mapped, "a map that shows nothing");
    }

    let page = std::fs::read_to_string(out.join("index.html")).unwrap();
    assert_eq!(page.matches("data:image/png;base64,").count(), 5);
    for part in [
        "evidence for “",
        "not where lesions are",
        "no diagnosis",
        "covering the picture with grey",
        "Not a medical device",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for outside in ["<script", "http:", "https:", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_file_that_is_no_photo_is_named_and_the_others_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, note) = (
        folder.path().join("right.png"),
        folder.path().join("note.jpg"),
    );
    synth::draw(1, 4, 200).save(&photo).unwrap();
    std::fs::write(&note, "not a photograph").unwrap();
    let out = folder.path().join("out");
    let output = explain(&[text(&note), text(&photo), "--out", text(&out)]);
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("note.jpg"), "{words}");
    assert!(out.join("right-seen.png").exists() && out.join("index.html").exists());
}

#[test]
fn a_photo_that_is_not_there_and_a_folder_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("right.png");
    synth::draw(1, 4, 200).save(&photo).unwrap();
    let out = folder.path().join("out");
    let gone = folder.path().join("gone.png");
    for (wrong, told) in [
        (gone.as_path(), "gone.png: "),
        (folder.path(), " is a folder"),
    ] {
        let output = explain(&[text(&photo), text(wrong), "--out", text(&out)]);
        assert!(!output.status.success());
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains(told), "{words}");
        assert!(!out.exists());
    }
}

/// Drawn eyes of grade 2 with masks of two kinds of their lesions.
fn draw_marked(folder: &Path, count: u64) {
    const SIDE: u32 = 300;
    for part in ["images", "masks"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    for seed in 1..=count {
        let photo = synth::draw(2, seed, SIDE);
        photo
            .save(folder.join(format!("images/eye{seed}.png")))
            .unwrap();
        let retina = prepare(&photo, &Preprocessing::imagenet(64))
            .unwrap()
            .retina;
        let plan = Plan::new(2, seed);
        for (tag, kind) in [
            ("MA", LesionKind::Microaneurysm),
            ("HE", LesionKind::Haemorrhage),
        ] {
            let mut mask = image::GrayImage::new(SIDE, SIDE);
            for lesion in plan.lesions.iter().filter(|lesion| lesion.kind == kind) {
                let x = f64::from(retina.center_x) + lesion.at.x * f64::from(retina.radius_x);
                let y = f64::from(retina.center_y) + lesion.at.y * f64::from(retina.radius_y);
                mask.put_pixel(x as u32, y as u32, image::Luma([255]));
            }
            mask.save(folder.join(format!("masks/eye{seed}_{tag}.png")))
                .unwrap();
        }
    }
}

#[test]
fn pointing_is_measured_against_its_controls() {
    let folder = tempfile::tempdir().unwrap();
    draw_marked(folder.path(), 3);
    let json = succeed(&["--pointing", text(folder.path()), "--format", "json"]);
    let figures: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(figures["photos"], 3);
    let kinds = figures["kinds"].as_array().unwrap();
    let names: Vec<&str> = kinds
        .iter()
        .map(|k| k["lesions"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Any lesion", "Haemorrhages", "Microaneurysms"]);
    for kind in kinds {
        let rows = kind["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 4);
        for row in rows {
            let share = row["share"]["value"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&share), "{row}");
            if row["contender"] != "even" {
                let hits = row["hits"]["value"].as_f64().unwrap();
                let interval = &row["hits"]["interval"];
                assert!(interval["low"].as_f64().unwrap() <= hits && hits <= 1.0);
            }
        }
    }
    // With a tolerance of the whole retina every peak is near some lesion.
    let wide = succeed(&["--pointing", text(folder.path()), "--tolerance", "2"]);
    assert!(wide.contains("the network           100.0 %"), "{wide}");
    assert!(
        wide.contains("many of idrid-lesions are in idrid"),
        "{wide}"
    );
}

#[test]
fn what_channels_answer_to_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    std::fs::create_dir_all(data.join("images")).unwrap();
    let mut labels = String::from("image,grade\n");
    for grade in 0..5 {
        let name = format!("eye{grade}.png");
        let photo = synth::draw(grade, 20 + u64::from(grade), 200);
        photo.save(data.join("images").join(&name)).unwrap();
        labels.push_str(&format!("{name},{grade}\n"));
    }
    std::fs::write(data.join("labels.csv"), labels).unwrap();
    let out = folder.path().join("out");
    succeed(&[
        "--features",
        text(&data),
        "--out",
        text(&out),
        "--channels",
        "1",
    ]);

    // 64 filters of 7 by 7 weights, eight a row, a pixel apart.
    let filters = image::open(out.join("filters.png")).unwrap();
    assert_eq!((filters.width(), filters.height()), (65, 65));
    let page = std::fs::read_to_string(out.join("index.html")).unwrap();
    // The filters, and of one channel a stage five photos, each with its projection.
    assert_eq!(
        page.matches("data:image/png;base64,").count(),
        1 + 4 * 5 * 2
    );
    assert!(page.contains("No channel decides a grade alone"));
    assert!(!page.contains("<script") && !page.contains("https:"));
}

#[test]
fn what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = explain(&["--pointing", text(folder.path())]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(words.contains("masks/NAME_KIND.png"), "{words}");
    assert!(!explain(&["photo.jpg"]).status.success(), "without --out");
}
