//! Every layout of labels that is read without configuration, and every fault
//! that a folder can have, each named with its file, line and remedy.
#![cfg(feature = "train")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use fovea::training::dataset::{self, Record, Source};
use fovea::training::split::Part;
use tempfile::TempDir;

/// A folder with these files; photos are only named here, never decoded.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (path, content) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    dir
}

fn read(files: &[(&str, &str)]) -> Vec<Record> {
    let dir = folder(files);
    dataset::read(dir.path()).expect("a good data set").records
}

fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let dir = folder(files);
    let root = format!("{}/", dir.path().display());
    let error = dataset::read(dir.path()).expect_err("a faulty data set");
    error
        .faults
        .iter()
        .map(|fault| fault.to_string().replace(&root, ""))
        .collect()
}

fn summary(records: &[Record]) -> Vec<(&str, u8, &str, Option<u8>)> {
    records
        .iter()
        .map(|r| (r.name.as_str(), r.grade, r.patient.as_str(), r.edema))
        .collect()
}

#[test]
fn the_projects_own_table() {
    let records = read(&[
        ("labels.csv", "image,grade\na.jpg,0\nb.jpg,4\n"),
        ("images/a.jpg", ""),
        ("images/b.jpg", ""),
    ]);
    assert_eq!(
        summary(&records),
        [("a.jpg", 0, "a", None), ("b.jpg", 4, "b", None)]
    );
}

#[test]
fn aptos_from_kaggle_beside_its_unlabelled_and_submitted_tables() {
    let records = read(&[
        ("train.csv", "id_code,diagnosis\n000c1434d8d7,2\n"),
        ("test.csv", "id_code\n0005cfc8afb6\n"),
        (
            "sample_submission.csv",
            "id_code,diagnosis\n0005cfc8afb6,0\n",
        ),
        ("submission.csv", "id_code,diagnosis\n0005cfc8afb6,3\n"),
        ("train_images/000c1434d8d7.png", ""),
        ("test_images/0005cfc8afb6.png", ""),
    ]);
    assert_eq!(
        summary(&records),
        [("000c1434d8d7", 2, "000c1434d8d7", None)]
    );
}

#[test]
fn eyepacs_from_kaggle_knows_two_eyes_of_a_patient() {
    let records = read(&[
        ("trainLabels.csv", "image,level\n10_left,0\n10_right,1\n"),
        ("train/10_left.jpeg", ""),
        ("train/10_right.jpeg", ""),
    ]);
    assert_eq!(
        summary(&records),
        [("10_left", 0, "10", None), ("10_right", 1, "10", None)]
    );
}

#[test]
fn idrid_as_published_with_equal_names_in_training_and_testing() {
    let records = read(&[
        (
            "2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv",
            "Image name,Retinopathy grade,Risk of macular edema ,,,\nIDRiD_001,3,2,,,\n,,,,,\n",
        ),
        (
            "2. Groundtruths/b. IDRiD_Disease Grading_Testing Labels.csv",
            "Image name,Retinopathy grade,Risk of macular edema \nIDRiD_001,4,0\n",
        ),
        ("1. Original Images/a. Training Set/IDRiD_001.jpg", ""),
        ("1. Original Images/b. Testing Set/IDRiD_001.jpg", ""),
    ]);
    let found: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r.path()
                    .parent()
                    .unwrap()
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap(),
                r.grade,
                r.edema,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("a. Training Set", 3, Some(2)),
            ("b. Testing Set", 4, Some(0))
        ]
    );
    assert_ne!(records[0].name, records[1].name);
    assert_ne!(records[0].patient, records[1].patient);
}

#[test]
fn parts_that_are_read_as_one_are_told() {
    let divided = folder(&[
        ("labels.csv", "image,grade\na.jpg,0\nb.jpg,3\nc.jpg,1\n"),
        ("a. Training Set/a.jpg", ""),
        ("b. Testing Set/b.jpg", ""),
        ("val/c.jpg", ""),
    ]);
    let read = dataset::read(divided.path()).expect("a good data set");
    assert_eq!(read.parts, ["train", "test", "valid"]);
    let said = read.remarks(false).concat();
    assert!(said.contains("train, test, valid") && said.contains("--published-parts"));
    assert_eq!(
        read.remarks(true),
        ["it came in parts (train, test, valid), which are kept apart"]
    );
    let parts: Vec<_> = read.records.iter().map(|r| read.part(r)).collect();
    assert_eq!(parts, [Part::Train, Part::Test, Part::Validation].map(Some));
    let whole = folder(&[
        ("labels.csv", "image,grade\na.jpg,0\nb.jpg,3\n"),
        ("train_images/a.jpg", ""),
        ("train_images/b.jpg", ""),
    ]);
    let read = dataset::read(whole.path()).expect("a good data set");
    assert!(read.parts.is_empty());
    assert_eq!(read.part(&read.records[0]), None);
}

#[test]
fn messidor_2_leaves_out_what_its_readers_could_not_grade() {
    let dir = folder(&[
        (
            "messidor_data.csv",
            "id_code,diagnosis,adjudicated_dme,adjudicated_gradable\n\
             20051020_43808_0100_PP.png,0,0,1\nIM002385.JPG,3.0,1.0,1\nIM003718.JPG,,,0\n",
        ),
        ("IMAGES/20051020_43808_0100_PP.png", ""),
        ("IMAGES/IM002385.jpg", ""),
        ("IMAGES/IM003718.jpg", ""),
    ]);
    let read = dataset::read(dir.path()).expect("a good data set");
    assert_eq!(
        summary(&read.records),
        [
            (
                "20051020_43808_0100_PP.png",
                0,
                "20051020_43808_0100_PP",
                None
            ),
            // Its 1 would be IDRiD's 2, its 0 IDRiD's 0 or 1.
            ("IM002385.JPG", 3, "IM002385", None),
        ]
    );
    assert_eq!((read.ungradable, read.unlabelled), (1, 0));
}

#[test]
fn messidor_2s_table_of_pairs_says_which_two_photos_are_one_patients() {
    let records = read(&[
        (
            "messidor_data.csv",
            "id_code,diagnosis\n20051020_43808.png,0\n20051020_43832.png,2\n20051020_43882.png,1\n",
        ),
        (
            "messidor-2.csv",
            "left;right\n20051020_43808.png;20051020_43832.png\n20051020_43882.png;absent.png\n",
        ),
        ("images/20051020_43808.png", ""),
        ("images/20051020_43832.png", ""),
        ("images/20051020_43882.png", ""),
    ]);
    let patients: Vec<&str> = records.iter().map(|r| r.patient.as_str()).collect();
    assert_eq!(
        patients,
        ["20051020_43808", "20051020_43808", "20051020_43882"]
    );
}

#[test]
fn what_a_model_answered_is_no_label() {
    // As `fovea grade --out`, the page and `fovea train` leave them beside photos.
    let results = "\u{feff}file,drawn,status,grade,grade_name,p0,p1,p2,p3,p4,patient\n\
                   a.jpg,,graded,2,moderate,0,0,1,0,0,a\n";
    let predictions = "image,dataset,grade,none,mild,moderate,severe,proliferative,model,terms\n\
                       b.jpg,photos,1,0,1,0,0,0,m,t\n";
    let records = read(&[
        ("0/a.jpg", ""),
        ("3/b.jpg", ""),
        ("results.csv", results),
        ("runs/first/predictions.csv", predictions),
    ]);
    assert_eq!(
        summary(&records),
        [("a.jpg", 0, "a", None), ("b.jpg", 3, "b", None)]
    );
    let alone = folder(&[("a.jpg", ""), ("labels.csv", results)]);
    let words = dataset::read(alone.path()).unwrap_err().to_string();
    assert!(
        words.contains("labels.csv:1: its grades are a model's answers"),
        "{words}"
    );
}

#[test]
fn a_table_in_utf_16_is_read() {
    let dir = folder(&[("a.jpg", ""), ("b.jpg", "")]);
    let table = "\u{feff}image\tgrade\r\na.jpg\t0\r\nb.jpg\t3\r\n";
    let bytes: Vec<u8> = table.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(dir.path().join("labels.csv"), bytes).expect("a table");
    let read = dataset::read(dir.path()).expect("a good data set");
    assert_eq!(
        summary(&read.records),
        [("a.jpg", 0, "a", None), ("b.jpg", 3, "b", None)]
    );
}

#[test]
fn ddr_lists_without_headings() {
    let dir = folder(&[
        (
            "DR_grading/train.txt",
            "007-0004-000.jpg 0\n007-0007-000.jpg 5\n2017 (1).jpg\t4\n",
        ),
        ("DR_grading/test.txt", "007-1789-100.jpg 2\n"),
        ("DR_grading/train/007-0004-000.jpg", ""),
        ("DR_grading/train/007-0007-000.jpg", ""),
        ("DR_grading/train/2017 (1).jpg", ""),
        ("DR_grading/test/007-1789-100.jpg", ""),
        ("readme.txt", "Please cite us.\n"),
    ]);
    let read = dataset::read(dir.path()).expect("a good data set");
    assert_eq!(
        summary(&read.records),
        [
            ("007-1789-100.jpg", 2, "007-1789-100", None),
            ("007-0004-000.jpg", 0, "007-0004-000", None),
            ("2017 (1).jpg", 4, "2017 (1)", None),
        ]
    );
    assert_eq!(read.ungradable, 1);
}

#[test]
fn deepdrid_grades_the_eye_the_photo_shows() {
    let records = read(&[
        (
            "regular-fundus-training.csv",
            "patient_id,image_id,image_path,Overall quality,left_eye_DR_Level,\
             right_eye_DR_Level,patient_DR_Level\n\
             1,1_l1,\\regular-fundus-training\\1\\1_l1.jpg,1,0.0,,1.0\n\
             1,1_r1,\\regular-fundus-training\\1\\1_r1.jpg,1,,1.0,1.0\n\
             2,2_l1,\\regular-fundus-training\\2\\2_l1.jpg,0,5,,5\n",
        ),
        ("Images/1/1_l1.jpg", ""),
        ("Images/1/1_r1.jpg", ""),
        ("Images/2/2_l1.jpg", ""),
    ]);
    assert_eq!(
        summary(&records),
        [("1_l1", 0, "1", None), ("1_r1", 1, "1", None)]
    );
}

/// The whole of DeepDRiD as it is published: photos of one name in two of its parts,
/// a form to fill in for the challenge, and its answers in a workbook (a broken one).
#[test]
fn deepdrid_as_it_is_published() {
    let regular = "regular_fundus_images/regular-fundus-training";
    let challenge = "regular_fundus_images/Online-Challenge1&2-Evaluation";
    let wide = "ultra-widefield_images/ultra-widefield-training";
    let published = [
        (
            &*format!("{regular}/regular-fundus-training.csv"),
            "patient_id,image_id,image_path,Overall quality,left_eye_DR_Level,\
             right_eye_DR_Level,patient_DR_Level\n\
             1,1_l1,\\regular-fundus-training\\1\\1_l1.jpg,1,2,,2\n",
        ),
        (&*format!("{regular}/Images/1/1_l1.jpg"), ""),
        (
            &*format!("{wide}/ultra-widefield-training.csv"),
            "patient_id,image_id,image_path,DR_level,position\n\
             1,1_l1,ultra-widefield-training\\1\\1_l1.jpg,0,left_eye\n",
        ),
        (&*format!("{wide}/Images/1/1_l1.jpg"), ""),
        (
            &*format!("{challenge}/Challenge1_upload.csv"),
            "image_id,DR_Level\n347_l1,\n347_r2,\n",
        ),
        (&*format!("{challenge}/Images/347/347_l1.jpg"), ""),
        (&*format!("{challenge}/Images/347/347_r2.jpg"), ""),
        (&*format!("{challenge}/Challenge1_labels.xlsx"), "PK"),
    ];
    let dir = folder(&published);
    let set = dataset::read(dir.path()).expect("a good data set");
    let grades = |set: &dataset::Dataset| -> Vec<(String, u8)> {
        (set.records.iter())
            .map(|record| (record.name.clone(), record.grade))
            .collect()
    };
    let both = [
        (format!("{regular}/Images/1/1_l1.jpg"), 2),
        (format!("{wide}/Images/1/1_l1.jpg"), 0),
    ];
    assert_eq!(grades(&set), both);
    assert_eq!(
        set.remarks(false),
        [
            "left out: 2 photos, which no table names",
            "Challenge1_labels.xlsx cannot be opened: where it holds grades, save it as CSV",
        ]
    );
    // As it is said.
    let labels = dir.path().join(challenge).join("Challenge1_labels.csv");
    fs::write(labels, "image_id,DR_Levels\n347_l1,3\n347_r2,5\n").expect("a table");
    let set = dataset::read(dir.path()).expect("a good data set");
    assert_eq!(grades(&set)[0], ("347_l1".to_owned(), 3));
    assert_eq!(set.records[0].patient, "347");
    assert_eq!((set.records.len(), set.ungradable), (3, 1));
    assert_eq!(set.part(&set.records[0]), Some(Part::Test));
    assert_eq!(
        set.remarks(false),
        [
            "it came in parts (train, evaluation), which are read as one, unless a training is told \
             --published-parts",
            "left out: 1 row, of which the data set says that nobody can grade it"
        ]
    );
}

#[test]
fn two_tables_may_repeat_a_grade_but_not_contradict_it() {
    let with = |second: &'static str| {
        [
            ("first.csv", "image,grade\na.jpg,1\n"),
            ("second.csv", second),
            ("images/a.jpg", ""),
        ]
    };
    let records = read(&with("image,grade\na.jpg,1\n"));
    assert_eq!(summary(&records), [("a.jpg", 1, "a", None)]);
    let found = faults(&with("image,grade\na.jpg,3\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("“a.jpg” has grade 3 here and grade 1 at first.csv:2"),
        "{found:?}"
    );
}

/// Who says the same grade may say what the other does not: whose eye it is, and its oedema.
#[test]
fn a_table_that_repeats_a_grade_adds_what_it_tells_besides() {
    let with = |second: &'static str| {
        [
            ("first.csv", "image,grade,dme\na.jpg,1,0\nb.jpg,2,\n"),
            ("second.csv", second),
            ("a.jpg", ""),
            ("b.jpg", ""),
        ]
    };
    let records = read(&with(
        "image,grade,dme,patient\na.jpg,1,,p7\nb.jpg,2,1,p7\n",
    ));
    assert_eq!(
        summary(&records),
        [("a.jpg", 1, "p7", Some(0)), ("b.jpg", 2, "p7", Some(1))]
    );
    let found = faults(&with("image,grade,dme\na.jpg,1,2\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with(
            "second.csv:2: “a.jpg” has risk of macular oedema 2 here and risk of macular oedema 0 at"
        ) && found[0].contains("first.csv:2"),
        "{found:?}"
    );
}

/// Two that number their patients each in its own way would leave one person's eyes on
/// two sides of a split.
#[test]
fn two_tables_agree_on_whose_eye_it_is() {
    let with = |second: &'static str| {
        [
            ("first.csv", "image,grade,patient\na.jpg,1,p7\nb.jpg,2,\n"),
            ("second.csv", second),
            ("a.jpg", ""),
            ("b.jpg", ""),
        ]
    };
    let found = faults(&with("image,grade,patient\na.jpg,1,81\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("second.csv:2: “a.jpg” has patient 81 here and patient p7 at"),
        "{found:?}"
    );
    // As pandas writes a column of numbers with gaps, and one without.
    let records = read(&[
        ("first.csv", "image,grade,patient\na.jpg,1,7\nb.jpg,2,7\n"),
        (
            "second.csv",
            "image,grade,patient\na.jpg,1,7.0\nc.jpg,2,7.0\nd.jpg,1,\n",
        ),
        ("a.jpg", ""),
        ("b.jpg", ""),
        ("c.jpg", ""),
        ("d.jpg", ""),
    ]);
    let patients: Vec<&str> = records.iter().map(|r| r.patient.as_str()).collect();
    assert_eq!(patients, ["7", "7", "7", "d"]);
    // A table that says it of one photo says of another that nobody knows.
    let dir = folder(&[
        ("first.csv", "image,grade\na.jpg,1\nb.jpg,2\n"),
        ("second.csv", "image,grade,patient\na.jpg,1,p7\nb.jpg,2,\n"),
        ("a.jpg", ""),
        ("b.jpg", ""),
    ]);
    let set = dataset::read(dir.path()).expect("a good data set");
    assert_eq!(
        summary(&set.records),
        [("a.jpg", 1, "p7", None), ("b.jpg", 2, "b", None)]
    );
    assert_eq!(set.without_patient, 1);
}

/// As a sheet is exported whose cells were merged beside both of a patient's photos.
#[test]
fn a_patient_named_beside_one_eye_is_the_other_eyes_too() {
    let records = read(&[
        (
            "labels.csv",
            "image,grade,patient\n7_left.jpg,0,p7\n7_right.jpg,2,\n8_left.jpg,1,\n\
             8_right.jpg,1,p8\n9_left.jpg,1,\n9_right.jpg,1,\n",
        ),
        ("7_left.jpg", ""),
        ("7_right.jpg", ""),
        ("8_left.jpg", ""),
        ("8_right.jpg", ""),
        ("9_left.jpg", ""),
        ("9_right.jpg", ""),
    ]);
    let patients: Vec<&str> = records.iter().map(|r| r.patient.as_str()).collect();
    assert_eq!(patients, ["p7", "p7", "p8", "p8", "9", "9"]);
    let records = read(&[
        (
            "labels.csv",
            "image,grade,patient\na.jpg,0,\nb.jpg,2,p7\nc.jpg,2,p8\n",
        ),
        ("pairs.csv", "left,right\na.jpg,b.jpg\n"),
        ("a.jpg", ""),
        ("b.jpg", ""),
        ("c.jpg", ""),
    ]);
    let patients: Vec<&str> = records.iter().map(|r| r.patient.as_str()).collect();
    assert_eq!(patients, ["p7", "p7", "p8"]);
}

/// As spreadsheets are exported: with a title, with a date, with empty rows and cells.
#[test]
fn headings_may_stand_below_a_title() {
    for above in [
        "Grades, of both readers\n",
        "\n,,\n;;;\n",
        "sep=;\nGrades of the clinic;;\r\n\r\nread;2026-11-28;\r\n",
        "\"Grades\nof the clinic\"\n",
    ] {
        let table = format!("{above}Image;Grade;Patient\r\na.jpg;0;p1\r\nb.jpg;3;p1\r\n");
        let records = read(&[("grades.csv", &table), ("a.jpg", ""), ("b.jpg", "")]);
        assert_eq!(
            summary(&records),
            [("a.jpg", 0, "p1", None), ("b.jpg", 3, "p1", None)],
            "{above:?}"
        );
        let wrong = format!("{table}\r\nb.jpg;9;\r\n");
        let line = above.matches('\n').count() + 5;
        let found = faults(&[("grades.csv", &wrong), ("a.jpg", ""), ("b.jpg", "")]);
        assert!(
            found[0].starts_with(&format!("grades.csv:{line}: grade “9”")),
            "{found:?}"
        );
    }
    let records = read(&[
        ("grades.csv", "image,grade\na.jpg,0\nb.jpg,3\n"),
        (
            "pairs.csv",
            "Photos of one patient\n\nleft,right\na.jpg,b.jpg\n",
        ),
        ("a.jpg", ""),
        ("b.jpg", ""),
    ]);
    assert_eq!(
        summary(&records),
        [("a.jpg", 0, "a", None), ("b.jpg", 3, "a", None)]
    );
    // What is no table of labels is told by its first row.
    let found = faults(&[("notes.csv", "\nname\n\na,b\n"), ("a.jpg", "")]);
    assert!(
        found[0].starts_with("notes.csv:2: among its columns “name” there is no pair"),
        "{found:?}"
    );
}

#[test]
fn photos_of_nobody_are_not_one_persons() {
    let dir = folder(&[
        (
            "labels.csv",
            "image,grade,patient\na.jpg,0,nan\nb.jpg,1,NaN\nc.jpg,2,p1\nd.jpg,2,\ne.jpg,2,NA\nf.jpg,2,NA\n",
        ),
        ("a.jpg", ""),
        ("b.jpg", ""),
        ("c.jpg", ""),
        ("d.jpg", ""),
        ("e.jpg", ""),
        ("f.jpg", ""),
    ]);
    let set = dataset::read(dir.path()).expect("a good data set");
    let patients: Vec<&str> = set.records.iter().map(|r| r.patient.as_str()).collect();
    assert_eq!(patients, ["a", "b", "p1", "d", "e", "f"]);
    assert_eq!(
        set.remarks(false),
        [
            "without a patient: 5 photos, in a table that names others': each is taken by its name, \
             or for a person of its own"
        ]
    );
}

#[test]
fn a_five_is_no_grade_but_where_a_data_set_means_ungradable_by_it() {
    let found = faults(&[
        ("labels.csv", "image,grade\na.jpg,5\nb.jpg,1\n"),
        ("images/a.jpg", ""),
        ("images/b.jpg", ""),
    ]);
    assert!(
        found[0].contains("grade “5” of “a.jpg” is outside"),
        "{found:?}"
    );
}

#[test]
fn a_table_without_a_single_grade_is_a_form_and_the_only_one_a_fault() {
    let found = faults(&[("labels.csv", "image,grade\na,\nb,nan\n"), ("a.jpg", "")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].ends_with("labels.csv: none of its rows has a grade; write the grades, 0 to 4"),
        "{found:?}"
    );
}

#[test]
fn a_folder_a_grade() {
    let records = read(&[
        ("train/No_DR/a.png", ""),
        ("train/Proliferate_DR/b.png", ""),
        ("val/2/a.png", ""),
    ]);
    assert_eq!(
        summary(&records),
        [
            ("train/No_DR/a.png", 0, "train/No_DR/a", None),
            ("b.png", 4, "b", None),
            ("val/2/a.png", 2, "val/2/a", None),
        ]
    );
}

#[test]
fn both_eyes_of_a_person_are_one_patients_however_names_and_folders_tell() {
    let patients = |files: &[(&str, &str)]| -> Vec<String> {
        read(files).into_iter().map(|r| r.patient).collect()
    };
    let graded = [
        ("A/0/1_left.png", ""),
        ("A/2/1_right.png", ""),
        ("B/0/1_left.png", ""),
        ("B/1/1_right.png", ""),
    ];
    assert_eq!(patients(&graded), ["A/1", "A/1", "B/1", "B/1"]);
    let named = [("0/7_OD.png", ""), ("1/7_OS.png", ""), ("1/8_OS.png", "")];
    assert_eq!(patients(&named), ["7", "7", "8"]);
    // A table's photos of one name, and a patient that it names.
    let told = [
        (
            "labels.csv",
            "image,grade,patient\nA/1_left,0,\nA/1_right,1,\nB/1_left,0,\nB/2_left,0,eve\n",
        ),
        ("A/1_left.png", ""),
        ("A/1_right.png", ""),
        ("B/1_left.png", ""),
        ("B/2_left.png", ""),
    ];
    assert_eq!(patients(&told), ["A/1", "A/1", "B/1", "eve"]);
}

#[test]
fn a_spreadsheets_semicolons_byte_order_mark_and_line_ends() {
    let records = read(&[
        (
            "labels.csv",
            "\u{feff}Image;Grade;Patient\r\na;Moderate;p7\r\n",
        ),
        ("a.TIF", ""),
    ]);
    assert_eq!(summary(&records), [("a", 2, "p7", None)]);
}

#[test]
fn all_faults_at_once_with_file_line_and_remedy() {
    let found = faults(&[
        (
            "labels.csv",
            "image,grade\na.jpg,7\nmissing.jpg,1\na.jpg,\n,2\na.jpg,0\na.jpg,1\n",
        ),
        ("images/a.jpg", ""),
    ]);
    let places: Vec<&str> = found
        .iter()
        .map(|f| f.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "labels.csv:2",
            "labels.csv:4",
            "labels.csv:5",
            "labels.csv:3",
            "labels.csv:7"
        ]
    );
    assert!(
        found[0].contains("grade “7” of “a.jpg” is outside the scale"),
        "{}",
        found[0]
    );
    assert!(
        found[3].contains("“missing.jpg” is nowhere below"),
        "{}",
        found[3]
    );
    assert!(
        found[4].contains("grade 1 here and grade 0 at"),
        "{}",
        found[4]
    );
    assert!(
        found.iter().all(|f| f.contains("; ")),
        "each fault names a remedy"
    );
}

#[test]
fn one_name_for_two_photos_is_not_guessed() {
    let found = faults(&[
        ("labels.csv", "image,grade\na,1\n"),
        ("left/a.jpg", ""),
        ("right/a.jpg", ""),
    ]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("may be any of"), "{}", found[0]);
}

/// As each patient's photos may be called: neither time nor words grow with the
/// square of the photos.
#[test]
fn many_photos_of_one_name_are_told_apart_by_their_folders() {
    let dir = tempfile::tempdir().expect("a folder");
    let patients = 3000;
    let mut told = "image,grade\n".to_owned();
    for patient in 0..patients {
        let folder = dir.path().join(patient.to_string());
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("left.jpg"), "").expect("a photo");
        told += &format!("{patient}/left.jpg,{}\n", patient % 5);
    }
    let labels = dir.path().join("labels.csv");
    fs::write(&labels, told).expect("a table");
    let begin = std::time::Instant::now();
    let set = dataset::read(dir.path()).expect("a good data set");
    assert_eq!(set.grade_counts(), [patients / 5; 5]);
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());

    fs::write(&labels, "image,grade\nleft,1\n").expect("a table");
    let error = dataset::read(dir.path()).expect_err("a fault").to_string();
    assert!(error.contains("left.jpg, 2997 more;"), "{error}");
    assert!(error.len() < 1000, "{} bytes", error.len());
}

#[test]
fn a_column_that_is_there_twice_is_not_guessed() {
    for table in [
        "image,grade,Grade\na.jpg,0,3\n",
        "image,grade,image\na.jpg,0,b.jpg\n",
        "image,grade,patient,patient\na.jpg,0,1,2\n",
    ] {
        let found = faults(&[("labels.csv", table), ("a.jpg", ""), ("b.jpg", "")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("two of its columns"), "{found:?}");
    }
    // Others are nobody's business.
    let records = read(&[
        ("labels.csv", "image,grade,note,note\na.jpg,1,x,y\n"),
        ("a.jpg", ""),
    ]);
    assert_eq!(records.len(), 1);
}

#[test]
fn a_table_without_known_columns_says_what_it_has() {
    let found = faults(&[("labels.csv", "photo,score\na.jpg,1\n"), ("a.jpg", "")]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("photo,score"), "{}", found[0]);
}

#[test]
fn photos_without_labels_say_what_to_do() {
    let found = faults(&[("images/a.jpg", "")]);
    assert!(found[0].contains("labels.csv"), "{}", found[0]);
    let found = faults(&[]);
    assert!(found[0].contains("no labelled photo"), "{}", found[0]);
}

#[test]
fn a_folder_that_is_not_there() {
    let error = dataset::read(Path::new("/nowhere/at/all")).expect_err("no such folder");
    assert!(error.to_string().contains("/nowhere/at/all"));
}

/// A `.npy` array of bytes.
fn npy(shape: &str, data: &[u8]) -> Vec<u8> {
    npy_of("|u1", shape, data)
}

/// A `.npy` array of the kind that numpy describes so.
fn npy_of(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn npz(dir: &Path, arrays: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = dir.join("toymnist.npz");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).expect("a file"));
    for (name, bytes) in arrays {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(bytes).expect("its bytes");
    }
    zip.finish().expect("an archive");
    path
}

#[test]
fn medmnist_pictures_come_out_as_photos() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = npz(
        dir.path(),
        &[
            ("val_images.npy", npy("(1, 1, 2)", &[7, 9])),
            ("val_labels.npy", npy("(1, 1)", &[3])),
        ],
    );
    for place in [dir.path(), &path] {
        let read = dataset::read(place).expect("a good data set");
        assert_eq!(summary(&read.records), [("val/0", 3, "val/0", None)]);
        let Source::Pixels(pixels) = &read.records[0].source else {
            panic!("pixels");
        };
        assert_eq!((pixels.width, pixels.height), (2, 1));
        assert_eq!(pixels.rgb, [7, 7, 7, 9, 9, 9]);
        let photo = image::load_from_memory(&read.records[0].bytes().expect("bytes"))
            .expect("a picture")
            .into_rgb8();
        assert_eq!(photo.into_raw(), pixels.rgb);
    }
}

#[test]
fn labels_of_an_archive_may_be_written_in_any_kind_of_number() {
    for (kind, data) in [
        ("<i8", [3i64, 1].map(i64::to_le_bytes).concat()),
        (">i2", [3i16, 1].map(i16::to_be_bytes).concat()),
        ("<f4", [3f32, 1.0].map(f32::to_le_bytes).concat()),
        (">f8", [3f64, 1.0].map(f64::to_be_bytes).concat()),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        npz(
            dir.path(),
            &[
                ("train_images.npy", npy("(2, 1, 1)", &[7, 9])),
                ("train_labels.npy", npy_of(kind, "(2,)", &data)),
            ],
        );
        let read = dataset::read(dir.path()).expect("a good data set");
        let grades: Vec<u8> = read.records.iter().map(|record| record.grade).collect();
        assert_eq!(grades, [3, 1], "{kind}");
    }
    for (kind, data, what) in [
        ("<f4", 2.5f32.to_le_bytes().to_vec(), "label 2.5 of"),
        ("|i1", vec![255], "label -1 of"),
        ("<U1", vec![b'2', 0, 0, 0], "no numbers ('<U1'"),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        npz(
            dir.path(),
            &[
                ("train_images.npy", npy("(1, 1, 1)", &[7])),
                ("train_labels.npy", npy_of(kind, "(1,)", &data)),
            ],
        );
        let error = dataset::read(dir.path()).expect_err("refused").to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn an_array_that_is_cut_or_lies_about_its_shape_is_refused() {
    for (images, what) in [
        (npy("(2, 1, 2)", &[7, 9]), "its shape needs 4"),
        (
            npy("(99999999999, 99999999999, 99999999999)", &[]),
            "too large",
        ),
        (b"\x93NUMPY\x01\x00\xff\xff".to_vec(), "cut off"),
        (b"PK".to_vec(), "no numpy array"),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        npz(
            dir.path(),
            &[
                ("train_images.npy", images),
                ("train_labels.npy", npy("(1, 1)", &[3])),
            ],
        );
        let error = dataset::read(dir.path()).expect_err("refused").to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn the_shared_data_sets_as_they_are() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !shared.exists() {
        eprintln!("skipped: ../shared is absent");
        return;
    }
    for (name, counts) in [
        ("aptos2019", [1534, 314, 849, 164, 251]),
        ("idrid", [134, 20, 136, 74, 49]),
        ("eyepacs", [659, 43, 139, 23, 14]),
    ] {
        let read = dataset::read(&shared.join(name)).expect("a good data set");
        assert_eq!(read.name, name);
        assert_eq!(read.grade_counts(), counts, "{name}");
        // Neither APTOS nor IDRiD tells whose photos they are.
        let alone = |r: &Record| format!("{}.jpg", r.patient) == r.name;
        assert!(
            name == "eyepacs" || read.records.iter().all(alone),
            "{name}"
        );
    }
    let eyepacs = dataset::read(&shared.join("eyepacs")).expect("a good data set");
    let patients: std::collections::BTreeSet<_> =
        eyepacs.records.iter().map(|r| &r.patient).collect();
    assert_eq!(patients.len(), 439);
    let idrid = dataset::read(&shared.join("idrid")).expect("a good data set");
    assert!(idrid.records.iter().all(|r| r.edema.is_some()));
    let retinamnist = dataset::read(&shared.join("retinamnist")).expect("a good data set");
    assert_eq!(retinamnist.records.len(), 1200);
}
