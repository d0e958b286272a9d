//! `fovea grade` over folders: a results file that grows, is gone on with after
//! a stop, and says the same as an unbroken run.
#![cfg(all(not(target_arch = "wasm32"), unix))]

mod bundle_support;
#[path = "photo_support/dicom.rs"]
mod dicom;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bundle_support::point;
use burn::tensor::Device;
use dicom::Dicom;
use fovea::bundle::{FurtherPoint, Manifest, Thresholds};
use fovea::network::{self, Architecture, Precision};

fn fovea(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = fovea(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Drawn photos and two models of freshly drawn weights, once for all tests here:
/// what they answer is of no account, only that it is the same again.
struct Stock {
    folder: tempfile::TempDir,
}

impl Stock {
    fn get() -> &'static Self {
        static STOCK: OnceLock<Stock> = OnceLock::new();
        STOCK.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            for grade in 0..5 {
                let picture = fovea::synth::draw(grade, u64::from(grade) + 1, 160);
                picture
                    .save(folder.path().join(format!("{grade}.png")))
                    .unwrap();
            }
            let network = Architecture::ResNet18.init(5, 32, &Device::flex());
            let weights = network::state_dict(&network)
                .to_safetensors(Precision::Half)
                .unwrap();
            for name in ["one", "other"] {
                let folder = folder.path().join(name);
                std::fs::create_dir(&folder).unwrap();
                let manifest = manifest(name, &weights);
                std::fs::write(folder.join("model.json"), manifest.to_json()).unwrap();
                std::fs::write(folder.join(&manifest.weights.file), &weights).unwrap();
            }
            Self { folder }
        })
    }

    fn model(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn photo(&self, grade: usize) -> PathBuf {
        self.folder.path().join(format!("{}.png", grade % 5))
    }

    /// A folder with a photo under each of these names.
    fn folder(&self, names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (index, name) in names.iter().enumerate() {
            let to = folder.path().join("photos").join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(self.photo(index), to).unwrap();
        }
        folder
    }
}

/// A model with two operating points.
fn manifest(name: &str, weights: &[u8]) -> Manifest {
    Manifest {
        name: name.to_owned(),
        thresholds: Thresholds {
            referable: point(0.5),
            further: vec![FurtherPoint {
                name: "referable, balanced".to_owned(),
                from_grade: 2,
                point: point(0.6),
            }],
        },
        ..bundle_support::manifest(weights)
    }
}

/// The rows of a table by its columns.
fn table(text: &str) -> Vec<std::collections::HashMap<String, String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .map(|row| row.unwrap())
        .collect()
}

fn column(text: &str, name: &str) -> Vec<String> {
    table(text).iter().map(|row| row[name].clone()).collect()
}

/// A table without what no two runs share.
fn timeless(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let of_the_run = ["milliseconds", "graded_at"].map(|name| {
        let at = table.headers().unwrap().iter().position(|h| h == name);
        at.unwrap_or_else(|| panic!("the table has no column {name}"))
    });
    let mut lines = format!("{:?}\n", table.headers().unwrap());
    for row in table.records() {
        let row = row.unwrap();
        let kept: Vec<&str> = (0..row.len())
            .filter(|column| !of_the_run.contains(column))
            .map(|column| &row[column])
            .collect();
        lines.push_str(&format!("{kept:?}\n"));
    }
    lines
}

#[test]
fn a_folder_becomes_a_table_a_row_a_photo() {
    let stock = Stock::get();
    let model = stock.model("one");
    let folder = stock.folder(&[
        "b/7_right.png",
        "a/7_left.png",
        "a/deep/plain.PNG",
        "=cmd().png",
        ".hidden/9.png",
        "a/.hidden.png",
    ]);
    let photos = folder.path().join("photos");
    std::fs::write(photos.join("a/broken.jpg"), b"not a picture").unwrap();
    std::fs::write(photos.join("a/notes.txt"), b"not a photo").unwrap();
    std::fs::write(photos.join("IM0001"), b"no DICOM file either").unwrap();

    let arguments = ["grade", "photos", "--bundle", &model, "--out", "r.csv"];
    let output = fovea(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(output.stdout.is_empty());
    let said = words(&output);
    for part in ["5 photos", "1 not readable", "2 other files left out"] {
        assert!(said.contains(part), "{said}");
    }
    let text = std::fs::read_to_string(folder.path().join("r.csv")).unwrap();
    assert!(text.starts_with('\u{feff}') && text.ends_with("\r\n"));
    assert_eq!(
        column(&text, "file"),
        [
            "photos/=cmd().png",
            "photos/a/7_left.png",
            "photos/a/broken.jpg",
            "photos/a/deep/plain.PNG",
            "photos/b/7_right.png",
        ]
    );
    let rows = table(&text);
    assert_eq!(rows[2]["status"], "error");
    assert!(rows[2]["reason"].contains("not a picture"), "{:?}", rows[2]);
    assert_eq!(rows[2]["patient_decision"], "again");
    assert_eq!((&*rows[1]["patient"], &*rows[1]["eye"]), ("7", "left"));
    assert_eq!((&*rows[4]["patient"], &*rows[4]["eye"]), ("7", "right"));
    assert_eq!(rows[1]["patient_decision"], rows[4]["patient_decision"]);
    assert_ne!(rows[1]["patient_decision"], "waiting");
    assert_eq!(rows[0]["own_model"], "true");

    // The same values as the JSON's.
    let json = fovea(
        folder.path(),
        &["grade", "photos", "--bundle", &model, "--format", "json"],
    );
    let json: Vec<serde_json::Value> = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json.len(), rows.len());
    for (row, object) in rows.iter().zip(&json) {
        let text = |name: &str| object[name].as_str().unwrap_or("").to_owned();
        assert_eq!(row["file"], text("file"));
        assert_eq!(row["status"], text("status"));
        assert_eq!(row["patient_decision"], text("patientDecision"));
        assert_eq!(row["model_sha256"], text("model"));
        assert_eq!(row["follow_up"], text("followUp"));
        for grade in 0..5 {
            let p = row[&format!("p{grade}")].parse::<f64>().ok();
            match (p, object["probabilities"][grade].as_f64()) {
                (Some(p), Some(q)) => assert!((p - q).abs() <= 1e-12 * q, "{p} and {q}"),
                (p, q) => assert_eq!(p, q),
            }
        }
    }

    // The table on standard output has the same rows.
    let printed = fovea(
        folder.path(),
        &["grade", "photos", "--bundle", &model, "--format", "csv"],
    );
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(
        timeless(&printed),
        timeless(text.trim_start_matches('\u{feff}'))
    );
}

#[test]
fn a_name_that_a_spreadsheet_would_run_is_defused() {
    let stock = Stock::get();
    let folder = stock.folder(&["=cmd().png"]);
    let photos = folder.path().join("photos");
    let model = stock.model("one");
    let out = ["grade", "=cmd().png", "--bundle", &model, "--out", "r.csv"];
    succeed(&photos, &out);
    let text = std::fs::read_to_string(photos.join("r.csv")).unwrap();
    assert!(text.contains("\r\n\"'=cmd().png\",false,graded,"), "{text}");
    // And is still known by it.
    let again = fovea(&photos, &out);
    assert!(
        words(&again).contains("1 of them from before"),
        "{}",
        words(&again)
    );
    assert_eq!(std::fs::read_to_string(photos.join("r.csv")).unwrap(), text);
}

/// Names of photos such that an eye's other is far away.
fn many() -> Vec<String> {
    let side = |side: &'static str| (0..12).map(move |n| format!("{side}/{n:03}.png"));
    side("left").chain(side("right")).collect()
}

/// Starts a run and waits until it has written some rows.
fn begin(folder: &Path, arguments: &[&str], out: &Path) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while lines(out) < 6 {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        assert!(start.elapsed() < Duration::from_secs(300), "nothing came");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn lines(out: &Path) -> usize {
    let bytes = std::fs::read(out).unwrap_or_default();
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn killed_and_gone_on_with_it_is_the_file_of_an_unbroken_run() {
    let stock = Stock::get();
    let model = stock.model("one");
    let names = many();
    let folder = stock.folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let run = |out| ["grade", "photos", "--bundle", &model, "--out", out].map(str::to_owned);
    let call = |out| fovea(folder.path(), &run(out).each_ref().map(String::as_str));
    let read = |out: &str| std::fs::read_to_string(folder.path().join(out)).unwrap();

    assert!(call("whole.csv").status.success());
    let whole = read("whole.csv");
    assert_eq!(table(&whole).len(), names.len());

    let out = folder.path().join("killed.csv");
    let mut child = begin(
        folder.path(),
        &run("killed.csv").each_ref().map(String::as_str),
        &out,
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let before = read("killed.csv");
    let done = lines(&out);
    assert!(done < names.len(), "it was too late to kill it");
    assert!(before.ends_with("\r\n"), "a row was written in part");
    // The other eyes are to come.
    let decisions = column(&before, "patient_decision");
    assert!(
        decisions.iter().all(|d| d == "waiting" || d == "refer"),
        "{decisions:?}"
    );

    // As if the power had gone in the middle of a row.
    std::fs::write(&out, before.trim_end().trim_end_matches(|c| c != ',')).unwrap();
    let output = call("killed.csv");
    assert!(output.status.success(), "{}", words(&output));
    let said = format!("{} of them from before", done - 2);
    assert!(words(&output).contains(&said), "{}", words(&output));
    let resumed = read("killed.csv");
    assert_eq!(timeless(&resumed), timeless(&whole));
    // What was done was not done again: not even its times changed.
    let (old, new) = (column(&before, "graded_at"), column(&resumed, "graded_at"));
    assert_eq!(old[..done - 2], new[..done - 2]);

    let again = call("killed.csv");
    assert!(words(&again).contains("24 of them from before"));
    assert_eq!(read("killed.csv"), resumed);
}

#[test]
fn control_c_ends_it_after_a_whole_row() {
    let stock = Stock::get();
    let model = stock.model("one");
    let names = many();
    let folder = stock.folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let out = folder.path().join("r.jsonl");
    let arguments = ["grade", "photos", "--bundle", &model, "--out", "r.jsonl"];
    let mut child = begin(folder.path(), &arguments, &out);
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let rows = lines(&out);
    assert!(rows < names.len());

    succeed(folder.path(), &arguments);
    let text = std::fs::read_to_string(&out).unwrap();
    let rows: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let files: Vec<&str> = rows
        .iter()
        .map(|row| row["file"].as_str().unwrap())
        .collect();
    let wanted: Vec<String> = names.iter().map(|name| format!("photos/{name}")).collect();
    assert_eq!(files, wanted);
    assert!(rows.iter().all(|row| row["patientDecision"] != "waiting"));
    // An object a line has what the array on standard output has.
    let photo = &wanted[3];
    let json = succeed(
        folder.path(),
        &["grade", photo, "--bundle", &model, "--format", "json"],
    );
    let mut alone: serde_json::Value = serde_json::from_str(&json).unwrap();
    let (mut alone, mut row) = (alone[0].take(), rows[3].clone());
    for of_its_own in ["milliseconds", "patientDecision"] {
        for object in [&mut alone, &mut row] {
            object.as_object_mut().unwrap().remove(of_its_own);
        }
    }
    assert_eq!(alone, row);
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let stock = Stock::get();
    let folder = stock.folder(&["1.png", "2.png"]);
    let (one, other) = (stock.model("one"), stock.model("other"));
    let run = |model: &str, more: &[&str]| {
        let arguments = ["grade", "photos", "--out", "r.csv", "--bundle", model];
        fovea(folder.path(), &[&arguments, more].concat())
    };
    let out = folder.path().join("r.csv");
    let refused = |output: &Output, part: &str| {
        let said = words(output);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains("r.csv") && said.contains("--again"), "{said}");
        assert!(said.contains(part), "{said}");
    };

    std::fs::write(&out, "image,grade\r\n1,2\r\n").unwrap();
    refused(&run(&one, &[]), "columns");
    assert_eq!(std::fs::read(&out).unwrap(), b"image,grade\r\n1,2\r\n");

    assert!(run(&one, &["--again"]).status.success());
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(column(&text, "file"), ["photos/1.png", "photos/2.png"]);
    refused(&run(&other, &[]), "another model, one ");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), text);

    assert!(run(&other, &["--again"]).status.success());
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(
        column(&text, "bundle")
            .iter()
            .all(|bundle| bundle.starts_with("other "))
    );

    // Nor are rows of two operating points in one table.
    refused(
        &run(&other, &["--operating-point", "balanced"]),
        "decided at the operating point for screening, not balanced",
    );
    assert_eq!(std::fs::read_to_string(&out).unwrap(), text);

    // Nor rows that the same weights decided by other lines.
    let moved = folder.path().join("moved");
    std::fs::create_dir(&moved).unwrap();
    let json = std::fs::read_to_string(Path::new(&other).join("model.json")).unwrap();
    let mut manifest = Manifest::from_json(json.as_bytes()).unwrap();
    let weights = &manifest.weights.file;
    std::fs::copy(Path::new(&other).join(weights), moved.join(weights)).unwrap();
    manifest.thresholds.referable.threshold = 0.4;
    std::fs::write(moved.join("model.json"), manifest.to_json()).unwrap();
    refused(&run("moved", &[]), "fixed anew");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), text);

    // Photos that came since go to their places; those no longer named stay.
    std::fs::rename(
        folder.path().join("photos/1.png"),
        folder.path().join("z.png"),
    )
    .unwrap();
    std::fs::copy(stock.photo(1), folder.path().join("photos/0.png")).unwrap();
    assert!(run(&other, &[]).status.success());
    let later = std::fs::read_to_string(&out).unwrap();
    assert_eq!(
        column(&later, "file"),
        ["photos/1.png", "photos/0.png", "photos/2.png"]
    );

    let wrong = fovea(
        folder.path(),
        &["grade", "photos", "--out", "r.xlsx", "--bundle", &one],
    );
    assert!(words(&wrong).contains(".jsonl"), "{}", words(&wrong));
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let nothing = fovea(folder.path(), &["grade", "empty", "--bundle", &one]);
    assert!(
        words(&nothing).contains("no photo in empty"),
        "{}",
        words(&nothing)
    );
}

#[test]
fn a_dicom_photograph_is_graded_as_its_picture_is() {
    let stock = Stock::get();
    let folder = stock.folder(&["plain.png"]);
    let photos = folder.path().join("photos");
    let picture = image::open(photos.join("plain.png")).unwrap().into_rgb8();
    let (width, height) = picture.dimensions();
    let plain = Dicom {
        image_laterality: "L",
        frames: "2",
        ..Dicom::rgb(width, height)
    };
    let pixels = [picture.as_raw().as_slice(), picture.as_raw()].concat();
    // An archive's name has no ending; a name tells a side less surely than the file.
    std::fs::write(photos.join("IM0001"), plain.plain(&pixels)).unwrap();
    std::fs::write(photos.join("8_right.dcm"), plain.plain(&pixels)).unwrap();
    let ct = Dicom {
        class: dicom::CT,
        modality: "CT",
        ..plain
    };
    std::fs::write(photos.join("scan.dcm"), ct.plain(&pixels)).unwrap();

    let model = stock.model("one");
    let output = fovea(
        folder.path(),
        &["grade", "photos", "--bundle", &model, "--format", "csv"],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = table(&text);
    assert_eq!(
        column(&text, "file"),
        [
            "photos/8_right.dcm",
            "photos/IM0001",
            "photos/plain.png",
            "photos/scan.dcm"
        ]
    );
    for grade in 0..5 {
        let p = format!("p{grade}");
        assert_eq!(rows[0][&p], rows[2][&p]);
        assert_eq!(rows[1][&p], rows[2][&p]);
        assert!(!rows[2][&p].is_empty());
    }
    assert_eq!((&*rows[0]["patient"], &*rows[0]["eye"]), ("8", "left"));
    assert!(
        rows[0]["reason"].contains("first of the 2 pictures"),
        "{:?}",
        rows[0]
    );
    assert_eq!(rows[3]["status"], "error");
    // One that is refused is not said to have been graded.
    let refused = &rows[3]["reason"];
    assert!(refused.contains("CT") && refused.contains("of the 2 pictures"));
    assert!(!refused.contains("was graded"), "{refused}");
    assert!(!text.contains("Doe"), "a patient's name got out");
    assert!(
        !words(&fovea(
            folder.path(),
            &["grade", "photos", "--bundle", &model]
        ))
        .contains("Doe")
    );
}
