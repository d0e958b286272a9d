//! Labels in workbooks, Excel's and OpenDocument's: read as the same table in CSV is.
#![cfg(feature = "train")]

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use fovea::training::dataset;
use tempfile::TempDir;

/// A sheet: its name, on which row it begins (from 1), and its cells.
struct Sheet<'a>(&'a str, usize, &'a [&'a [&'a str]]);

fn zipped(files: &[(String, String)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(content.as_bytes()).expect("its content");
    }
    zip.finish().expect("a whole archive").into_inner()
}

/// The same archive, one of its files changed.
fn with_entry(archive: &[u8], changed: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).expect("an archive");
    let files: Vec<(String, String)> = (0..zip.len())
        .map(|at| {
            let mut file = zip.by_index(at).expect("an entry");
            let name = file.name().expect("a name").into_owned();
            let mut text = String::new();
            file.read_to_string(&mut text).expect("its text");
            let text = if name == changed { change(&text) } else { text };
            (name, text)
        })
        .collect();
    zipped(&files)
}

fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
}

/// A workbook as Excel's (ECMA-376, Part 1): numbers as numbers, words in the cells.
fn xlsx(sheets: &[Sheet]) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
    let (mut named, mut related, mut files) = (String::new(), String::new(), Vec::new());
    for (number, Sheet(name, first, rows)) in (1..).zip(sheets) {
        named += &format!(r#"<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>"#);
        related += &format!(
            r#"<Relationship Id="r{number}" Type="{RELATION}/worksheet" Target="worksheets/{number}.xml"/>"#
        );
        let mut data = String::new();
        for (row, cells) in (*first..).zip(*rows) {
            data += &format!(r#"<row r="{row}">"#);
            for (column, cell) in ('A'..).zip(*cells).filter(|(_, cell)| !cell.is_empty()) {
                data += &if is_number(cell) {
                    format!(r#"<c r="{column}{row}"><v>{cell}</v></c>"#)
                } else {
                    format!(r#"<c r="{column}{row}" t="inlineStr"><is><t>{cell}</t></is></c>"#)
                };
            }
            data += "</row>";
        }
        files.push((
            format!("xl/worksheets/{number}.xml"),
            format!(r#"<worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData></worksheet>"#),
        ));
    }
    files.extend([
        (
            "xl/workbook.xml".to_owned(),
            format!(
                r#"<workbook xmlns="{MAIN}" xmlns:r="{RELATION}"><sheets>{named}</sheets></workbook>"#
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            format!(r#"<Relationships xmlns="{PACKAGE}/relationships">{related}</Relationships>"#),
        ),
        (
            "_rels/.rels".to_owned(),
            format!(
                r#"<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r" Type="{RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
            ),
        ),
    ]);
    zipped(&files)
}

/// A workbook as OpenDocument's (ISO/IEC 26300).
fn ods(sheets: &[Sheet]) -> Vec<u8> {
    const NAMES: &str = "urn:oasis:names:tc:opendocument:xmlns";
    let mut tables = String::new();
    for Sheet(name, first, rows) in sheets {
        tables += &format!(r#"<table:table table:name="{name}">"#);
        if *first > 1 {
            let above = first - 1;
            tables += &format!(
                r#"<table:table-row table:number-rows-repeated="{above}"><table:table-cell/></table:table-row>"#
            );
        }
        for cells in *rows {
            tables += "<table:table-row>";
            for cell in *cells {
                tables += &if is_number(cell) {
                    format!(
                        r#"<table:table-cell office:value-type="float" office:value="{cell}"/>"#
                    )
                } else {
                    format!(
                        r#"<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>"#
                    )
                };
            }
            tables += "</table:table-row>";
        }
        tables += "</table:table>";
    }
    let content = format!(
        r#"<office:document-content xmlns:office="{NAMES}:office:1.0" xmlns:table="{NAMES}:table:1.0" xmlns:text="{NAMES}:text:1.0"><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"#
    );
    let manifest = format!(r#"<manifest:manifest xmlns:manifest="{NAMES}:manifest:1.0"/>"#);
    zipped(&[
        (
            "mimetype".to_owned(),
            "application/vnd.oasis.opendocument.spreadsheet".to_owned(),
        ),
        ("content.xml".to_owned(), content),
        ("META-INF/manifest.xml".to_owned(), manifest),
    ])
}

fn folder(photos: &[&str], files: &[(&str, Vec<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &Path, content: &[u8]| {
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    };
    for photo in photos {
        write(&dir.path().join(photo), b"");
    }
    for (name, content) in files {
        write(&dir.path().join(name), content);
    }
    dir
}

fn faults(dir: &TempDir) -> Vec<String> {
    let root = format!("{}/", dir.path().display());
    let error = dataset::read(dir.path()).expect_err("a faulty data set");
    (error.faults.iter())
        .map(|fault| fault.to_string().replace(&root, ""))
        .collect()
}

#[test]
fn a_workbook_is_read_as_the_table_it_holds() {
    // A name that is a number, one with a comma, a grade in words, an empty row.
    let table = Sheet(
        "Sheet1",
        1,
        &[
            &[
                "image",
                "Retinopathy grade",
                "note (sharp; dim; cut; hazy)",
                "Risk of macular edema",
            ],
            &["20051020", "3", "x", "2"],
            &["b, again.jpg", "Mild", "", ""],
            &["", "", "", ""],
            &["c.jpg", "0", "", "0"],
        ],
    );
    for (name, workbook) in [
        ("labels.xlsx", xlsx(&[table])),
        (
            "labels.ods",
            ods(&[Sheet(
                "Sheet1",
                1,
                &[
                    &["image", "Retinopathy grade", "Risk of macular edema"],
                    &["20051020", "3", "2"],
                    &["b, again.jpg", "Mild", ""],
                    &["c.jpg", "0", "0"],
                ],
            )]),
        ),
    ] {
        let dir = folder(
            &["20051020.png", "b, again.jpg", "c.jpg"],
            &[(name, workbook), ("~$labels.xlsx", b"open".to_vec())],
        );
        let set = dataset::read(dir.path()).expect("a good data set");
        let read: Vec<_> = (set.records.iter())
            .map(|record| (record.name.as_str(), record.grade, record.edema))
            .collect();
        assert_eq!(
            read,
            [
                ("20051020", 3, Some(2)),
                ("b, again.jpg", 1, None),
                ("c.jpg", 0, Some(0))
            ],
            "{name}"
        );
        assert!(set.remarks(false).is_empty(), "{name}");
    }
}

#[test]
fn faults_name_the_row_as_the_workbook_counts_it_and_the_sheet() {
    let rows: &[&[&str]] = &[&["image", "grade"], &["a.jpg", "7"], &["gone.jpg", "1"]];
    for (name, workbook) in [
        ("labels.xlsx", xlsx(&[Sheet("only", 4, rows)])),
        ("labels.ods", ods(&[Sheet("only", 4, rows)])),
    ] {
        let found = faults(&folder(&["a.jpg"], &[(name, workbook)]));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with(&format!("{name}:5: grade “7” of “a.jpg”")));
        assert!(found[1].starts_with(&format!("{name}:6: the photo “gone.jpg”")));
    }
    let strange = xlsx(&[Sheet("only", 4, &[&["Bild", "Stufe"], &["a.jpg", "1"]])]);
    let found = faults(&folder(&["a.jpg"], &[("labels.xlsx", strange)]));
    assert!(found[0].starts_with("labels.xlsx:4: among its columns “Bild,Stufe”"));
    let several = xlsx(&[
        Sheet("about", 1, &[&["These photos were graded by two."]]),
        Sheet("train", 1, &[&["image", "grade"], &["a.jpg", "1"]]),
        Sheet(
            "test",
            1,
            &[&["image", "grade"], &["a.jpg", "2"], &["b.jpg", "9"]],
        ),
    ]);
    let found = faults(&folder(&["a.jpg", "b.jpg"], &[("all.xlsx", several)]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("all.xlsx:3: sheet “test”: grade “9” of “b.jpg”"));
    assert!(
        found[1].starts_with("all.xlsx:2: sheet “test”: “a.jpg” has grade 2 here and grade 1 at")
            && found[1].contains("all.xlsx:2 (sheet “train”)"),
        "{found:?}"
    );
}

#[test]
fn sheets_and_tables_may_repeat_one_another() {
    let sheets = xlsx(&[
        Sheet("train", 1, &[&["image", "grade"], &["a.jpg", "1"]]),
        Sheet(
            "all",
            1,
            &[&["image", "grade"], &["a.jpg", "1"], &["b.jpg", "2"]],
        ),
    ]);
    let csv = b"image,grade\na.jpg,1\nb.jpg,2\n".to_vec();
    for files in [
        vec![("grades.xlsx", sheets.clone())],
        vec![("grades.xlsx", sheets), ("grades.csv", csv)],
    ] {
        let dir = folder(&["a.jpg", "b.jpg"], &files);
        let set = dataset::read(dir.path()).expect("a good data set");
        assert_eq!(set.grade_counts(), [0, 1, 1, 0, 0]);
    }
}

/// As clinics write them, and pandas a table of two indices.
#[test]
fn a_patient_merged_beside_both_photos_is_said_of_both() {
    let rows: &[&[&str]] = &[
        &["patient", "image", "grade"],
        &["p7", "a.jpg", "1"],
        &["", "b.jpg", "2"],
        &["p8", "c.jpg", "0"],
    ];
    let patients = |workbook: Vec<u8>| {
        let dir = folder(
            &["a.jpg", "b.jpg", "c.jpg"],
            &[("labels.xlsx", workbook.clone())],
        );
        let set = dataset::read(dir.path()).expect("a good data set");
        let of = |record: &dataset::Record| record.patient.clone();
        let patients: Vec<String> = set.records.iter().map(of).collect();
        (patients, set.remarks(false))
    };
    for (first, area) in [(1, "A2:A3"), (4, "A5:A6")] {
        let plain = xlsx(&[Sheet("Sheet1", first, rows)]);
        let merged = with_entry(&plain, "xl/worksheets/1.xml", |sheet| {
            let cells = format!(r#"<mergeCells count="1"><mergeCell ref="{area}"/></mergeCells>"#);
            sheet.replace("</sheetData>", &format!("</sheetData>{cells}"))
        });
        let (known, remarks) = patients(merged);
        assert_eq!(
            (&known[..], remarks.len()),
            (&["p7", "p7", "p8"].map(String::from)[..], 0)
        );
        // A gap that is none of merged cells is told.
        let (known, remarks) = patients(plain);
        assert_eq!(known, ["p7", "b", "p8"]);
        assert!(
            remarks[0].starts_with("without a patient: 1 photo,"),
            "{remarks:?}"
        );
    }
}

/// Of a patient with one eye the rows that the merged cell reaches may hold nothing else.
#[test]
fn a_merged_cell_makes_no_row_of_what_is_empty() {
    let rows: &[&[&str]] = &[
        &["patient", "image", "grade"],
        &["p7", "a.jpg", "1"],
        &["", "", ""],
        &["p8", "b.jpg", "0"],
    ];
    let merged = with_entry(
        &xlsx(&[Sheet("Sheet1", 1, rows)]),
        "xl/worksheets/1.xml",
        |sheet| {
            let cells = r#"<mergeCells count="2"><mergeCell ref="A2:A3"/><mergeCell ref="A4:A9"/></mergeCells>"#;
            sheet.replace("</sheetData>", &format!("</sheetData>{cells}"))
        },
    );
    let dir = folder(&["a.jpg", "b.jpg"], &[("labels.xlsx", merged)]);
    let set = dataset::read(dir.path()).expect("a good data set");
    let of = |record: &dataset::Record| record.patient.clone();
    let patients: Vec<String> = set.records.iter().map(of).collect();
    assert_eq!(patients, ["p7", "p8"]);
}

/// A title merged across the table, and headings in two rows, the first merged down.
#[test]
fn headings_of_a_sheet_may_stand_below_a_title() {
    let rows: &[&[&str]] = &[
        &["Grades of the clinic, 2026", "", ""],
        &["", "", ""],
        &["Patient", "Photo", ""],
        &["", "image", "grade"],
        &["p7", "a.jpg", "1"],
        &["p7", "b.jpg", "9"],
    ];
    let titled = with_entry(
        &xlsx(&[Sheet("Sheet1", 2, rows)]),
        "xl/worksheets/1.xml",
        |sheet| {
            let cells = r#"<mergeCells count="3"><mergeCell ref="A2:C2"/><mergeCell ref="A4:A5"/><mergeCell ref="B4:C4"/></mergeCells>"#;
            sheet.replace("</sheetData>", &format!("</sheetData>{cells}"))
        },
    );
    let mended = with_entry(&titled, "xl/worksheets/1.xml", |sheet| {
        sheet.replace("<v>9</v>", "<v>2</v>")
    });
    let found = faults(&folder(&["a.jpg", "b.jpg"], &[("labels.xlsx", titled)]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("labels.xlsx:7: grade “9” of “b.jpg”"));
    let dir = folder(&["a.jpg", "b.jpg"], &[("labels.xlsx", mended)]);
    let set = dataset::read(dir.path()).expect("a good data set");
    let read = |record: &dataset::Record| (record.grade, record.patient.clone());
    let read: Vec<_> = set.records.iter().map(read).collect();
    assert_eq!(read, [(1, "p7".to_owned()), (2, "p7".to_owned())]);
}

/// As slips into the last cell of all: every cell between would take half a terabyte.
#[test]
fn a_cell_astray_far_from_the_table_costs_nothing() {
    let rows: &[&[&str]] = &[&["image", "grade"], &["a.jpg", "1"]];
    let astray = with_entry(
        &xlsx(&[Sheet("Sheet1", 1, rows)]),
        "xl/worksheets/1.xml",
        |sheet| {
            let cell = r#"<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>"#;
            sheet.replace("</sheetData>", cell)
        },
    );
    let found = faults(&folder(&["a.jpg"], &[("labels.xlsx", astray)]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("labels.xlsx:1048576: the row names no photo;"));
}

/// DDR writes 5 for what nobody can grade, and its table has no name for that but its own.
#[test]
fn ddrs_table_may_lie_in_a_workbook() {
    let table = xlsx(&[Sheet(
        "Sheet1",
        1,
        &[&["id_code", "diagnosis"], &["a.jpg", "5"], &["b.jpg", "1"]],
    )]);
    let dir = folder(&["a.jpg", "b.jpg"], &[("DR_grading.xlsx", table)]);
    let set = dataset::read(dir.path()).expect("a good data set");
    assert_eq!((set.records.len(), set.ungradable), (1, 1));
}

/// DeepDRiD's test part comes with its grades in a workbook, 5 for what nobody can grade.
#[test]
fn deepdrids_answers_are_read_from_their_workbook() {
    let challenge = "regular_fundus_images/Online-Challenge1&2-Evaluation";
    let answers = xlsx(&[Sheet(
        "Sheet1",
        1,
        &[
            &["image_id", "DR_Levels"],
            &["347_l1", "3"],
            &["347_r2", "5"],
        ],
    )]);
    let photos =
        ["Images/347/347_l1.jpg", "Images/347/347_r2.jpg"].map(|p| format!("{challenge}/{p}"));
    let dir = folder(
        &photos.each_ref().map(String::as_str),
        &[
            (&format!("{challenge}/Challenge1_labels.xlsx"), answers),
            (
                &format!("{challenge}/Challenge1_upload.csv"),
                b"image_id,DR_Level\n347_l1,\n347_r2,\n".to_vec(),
            ),
        ],
    );
    let set = dataset::read(dir.path()).expect("a good data set");
    assert_eq!((set.records.len(), set.ungradable), (1, 1));
    assert_eq!((set.records[0].grade, &*set.records[0].patient), (3, "347"));
}

#[test]
fn pairs_are_read_from_a_workbook() {
    let pairs = xlsx(&[Sheet(
        "Sheet1",
        1,
        &[&["Left", "Right"], &["43808.png", "43832.png"]],
    )]);
    let grades = b"id_code,diagnosis\n43808.png,1\n43832.png,2\n".to_vec();
    let dir = folder(
        &["43808.png", "43832.png"],
        &[("pairs.xlsx", pairs), ("messidor_data.csv", grades)],
    );
    let set = dataset::read(dir.path()).expect("a good data set");
    assert_eq!(set.records[0].patient, set.records[1].patient);
}

/// Messidor's own tables look like ICDR grades, and are not.
#[test]
fn messidors_own_scale_is_refused() {
    let headings = [
        "Image name",
        "Ophthalmologic department",
        "Retinopathy grade",
        "Risk of macular edema",
    ];
    let row = ["a.tif", "Service Ophtalmologie Lariboisière", "3", "1"];
    let csv = format!("{}\n{}\n", headings.join(","), row.join(","));
    for (name, table) in [
        (
            "Annotation_Base11.xlsx",
            xlsx(&[Sheet("Base11", 1, &[&headings, &row])]),
        ),
        ("Annotation_Base11.csv", csv.into_bytes()),
    ] {
        let found = faults(&folder(&["a.tif"], &[(name, table)]));
        assert!(
            found[0].contains(name) && found[0].contains("Messidor's own scale"),
            "{found:?}"
        );
    }
}

/// Its first sector is to have 512 bytes, and has three.
#[test]
fn a_workbook_that_was_cut_short_is_named() {
    let mut cut = vec![0xff; 512 + 3];
    cut[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    for (at, value) in [(26, 3), (30, 9), (32, 6), (76, 0), (78, 0)] {
        cut[at..at + 2].copy_from_slice(&[value, 0]);
    }
    let found = faults(&folder(&["a.jpg"], &[("labels.xls", cut)]));
    assert!(
        found[0].starts_with("labels.xls: it cannot be opened as a spreadsheet (it is damaged);"),
        "{found:?}"
    );
}

#[test]
fn a_workbook_that_cannot_be_opened_is_named() {
    let broken = ("labels.xlsx", b"PK".to_vec());
    let found = faults(&folder(&["a.jpg"], std::slice::from_ref(&broken)));
    assert!(
        found[0].starts_with("labels.xlsx: it cannot be opened") && found[0].ends_with("CSV"),
        "{found:?}"
    );
    // Beside grades that are read it is a remark, where some photo has none.
    let grades = ("grades.csv", b"image,grade\na.jpg,0\n".to_vec());
    let dir = folder(&["a.jpg", "b.jpg"], &[broken, grades]);
    let set = dataset::read(dir.path()).expect("a good data set");
    assert_eq!(
        set.remarks(false)[1],
        "labels.xlsx cannot be opened: where it holds grades, save it as CSV"
    );
}

/// Its other sheets alone would have passed for all of it.
#[test]
fn a_workbook_with_a_sheet_that_cannot_be_read_is_named_with_the_sheet() {
    let rows = |photo: &'static str| [vec!["image", "grade"], vec![photo, "1"]];
    let (train, test) = (rows("a.jpg"), rows("b.jpg"));
    let (train, test) = (
        train.each_ref().map(Vec::as_slice),
        test.each_ref().map(Vec::as_slice),
    );
    let whole = xlsx(&[Sheet("train", 1, &train), Sheet("test", 1, &test)]);
    let dir = folder(&["a.jpg", "b.jpg"], &[("labels.xlsx", whole.clone())]);
    assert_eq!(dataset::read(dir.path()).expect("whole").records.len(), 2);
    let damaged = with_entry(&whole, "xl/worksheets/2.xml", |sheet| {
        sheet.replacen("><v>1</v>", " t=\"n\"><v>one</v>", 1)
    });
    let found = faults(&folder(&["a.jpg", "b.jpg"], &[("labels.xlsx", damaged)]));
    assert!(
        found[0].starts_with("labels.xlsx: it cannot be opened as a spreadsheet (sheet “test”: "),
        "{found:?}"
    );
}

#[test]
fn a_chart_is_no_sheet_to_be_read() {
    let rows: &[&[&str]] = &[&["image", "grade"], &["a.jpg", "1"]];
    let chart = xlsx(&[Sheet("grades", 1, rows), Sheet("chart", 1, rows)]);
    let chart = with_entry(&chart, "xl/_rels/workbook.xml.rels", |related| {
        let (grades, chart) = related.rsplit_once("/worksheet\"").expect("two sheets");
        format!("{grades}/chartsheet\"{chart}")
    });
    let chart = with_entry(&chart, "xl/worksheets/2.xml", |_| {
        "<chartsheet/>".to_owned()
    });
    let set = dataset::read(folder(&["a.jpg"], &[("labels.xlsx", chart)]).path());
    assert_eq!(set.expect("a good data set").records.len(), 1);
}

#[test]
fn what_a_data_set_says_nobody_can_grade_is_left_out_in_words_too() {
    for no in ["0", "FALSE", "no"] {
        let grades = format!("image,grade,gradable\na.jpg,0,TRUE\nb.jpg,0,{no}\n");
        let dir = folder(&["a.jpg", "b.jpg"], &[("labels.csv", grades.into_bytes())]);
        let set = dataset::read(dir.path()).expect("a good data set");
        assert_eq!((set.records.len(), set.ungradable), (1, 1), "{no}");
    }
}
