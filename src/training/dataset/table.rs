//! Tables of labels: which files are one, which columns matter, and what each
//! row says.

use std::path::{Path, PathBuf};

use super::Fault;
use super::folder::{Folder, file_name, is_photo_name};
use super::scale::{self, Reading};
use super::text::{self, Text};
use crate::training::lines::line;

/// Names of columns, most telling first, as [`plain`] writes them.
/// APTOS and Messidor-2: `id_code`; EyePACS: `image`; IDRiD: `Image name`;
/// DeepDRiD: `image_id`.
const IMAGE: [&str; 12] = [
    "id_code",
    "image",
    "image_id",
    "image_name",
    "filename",
    "file_name",
    "file",
    "img",
    "img_name",
    "name",
    "image_path",
    "path",
];
/// APTOS and Messidor-2: `diagnosis`; EyePACS: `level`; IDRiD: `Retinopathy
/// grade`; Messidor-2 by Krause et al.: `adjudicated_dr_grade`; DeepDRiD's
/// ultra-widefield part: `DR_level`, the answers to its challenge: `DR_Levels`.
const GRADE: [&str; 12] = [
    "grade",
    "diagnosis",
    "level",
    "retinopathy_grade",
    "adjudicated_dr_grade",
    "dr_grade",
    "dr_level",
    "dr_levels",
    "icdr",
    "icdr_grade",
    "icdr_level",
    "label",
];
const PATIENT: [&str; 4] = ["patient", "patient_id", "subject", "subject_id"];
const EDEMA: [&str; 6] = [
    "macular_edema_risk",
    "risk_of_macular_edema",
    "adjudicated_dme",
    "dme",
    "edema",
    "oedema",
];
const GRADABLE: [&str; 2] = ["adjudicated_gradable", "gradable"];
/// DeepDRiD grades the two eyes of a patient in two columns, of which a row
/// fills the one its photo shows.
const EYES: [&str; 2] = ["left_eye_dr_level", "right_eye_dr_level"];

/// DDR and DeepDRiD write 5 for a photo that cannot be graded.
const UNGRADABLE: i64 = 5;

/// What a row says about its photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Grade(u8),
    /// The data set itself says that nobody can grade it.
    Ungradable,
}

pub(super) struct Row {
    pub line: u64,
    pub image: String,
    pub label: Label,
    pub patient: Option<String>,
    pub edema: Option<u8>,
}

pub(super) struct Table {
    pub path: PathBuf,
    /// The sheet of a workbook that has several.
    sheet: Option<String>,
    pub rows: Vec<Row>,
}

impl Table {
    /// Something wrong with one of the rows.
    pub fn fault(&self, line: u64, what: String, remedy: &str) -> Fault {
        of_sheet(
            self.sheet.as_deref(),
            Fault::new(&self.path, Some(line), what, remedy),
        )
    }

    /// Where a row stands.
    pub fn at(&self, line: u64) -> String {
        match &self.sheet {
            Some(sheet) => format!("{}:{line} (sheet “{sheet}”)", self.path.display()),
            None => format!("{}:{line}", self.path.display()),
        }
    }
}

fn of_sheet(sheet: Option<&str>, fault: Fault) -> Fault {
    match sheet {
        Some(sheet) => fault.within(&format!("sheet “{sheet}”")),
        None => fault,
    }
}

/// What a folder's tables hold.
#[derive(Default)]
pub(super) struct Found {
    pub tables: Vec<Table>,
    /// A fault for each table that holds no labels: of interest only where no other
    /// source of labels exists.
    pub rejected: Vec<Fault>,
    /// Workbooks that cannot be opened, and may hold labels.
    pub unread: Vec<PathBuf>,
}

/// The label tables of a folder; `None` after a fault that leaves nothing to read.
///
/// A `labels.csv` at the top is taken alone; otherwise every table with a known
/// pair of columns.
pub(super) fn find(folder: &Folder, faults: &mut Vec<Fault>) -> Option<Found> {
    let top = folder.root.join("labels.csv");
    let only = folder.tables.contains(&top);
    let candidates = folder
        .tables
        .iter()
        .filter(|path| !only || **path == top)
        .filter(|path| !is_sample_submission(path));
    let mut found = Found::default();
    for path in candidates {
        let texts = match text::of(path) {
            Ok(texts) => texts,
            Err(error) if is_workbook(path) => {
                found.unread.push(path.clone());
                found.rejected.push(Fault::new(
                    path,
                    None,
                    format!("it cannot be opened as a spreadsheet ({error})"),
                    "where it holds grades, save it as CSV",
                ));
                continue;
            }
            Err(error) => {
                faults.push(Fault::new(
                    path,
                    None,
                    format!("the file cannot be read ({error})"),
                    "check that you may read it",
                ));
                continue;
            }
        };
        for Text { sheet, text } in texts {
            let mut its_faults = Vec::new();
            let parsed = match super::folder::extension(path).as_str() {
                "txt" => parse_ddr(path, &text, &mut its_faults),
                _ => parse(path, &text, &mut its_faults),
            };
            let of_it = |fault| of_sheet(sheet.as_deref(), fault);
            faults.extend(its_faults.into_iter().map(of_it));
            match parsed {
                Err(fault) => found.rejected.push(of_it(fault)),
                Ok(rows) => found.tables.push(Table {
                    path: path.clone(),
                    sheet,
                    rows,
                }),
            }
        }
    }
    if only && found.tables.is_empty() {
        faults.extend(found.rejected);
        return None;
    }
    Some(found)
}

fn is_workbook(path: &Path) -> bool {
    text::WORKBOOKS.contains(&super::folder::extension(path).as_str())
}

/// Kaggle ships a table of made-up answers beside the real ones.
fn is_sample_submission(path: &Path) -> bool {
    plain(&file_name(path))
        .replace('_', "")
        .starts_with("samplesubmission")
}

/// `risk_of_macular_edema` for ` Risk of macular edema `.
pub(super) fn plain(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

struct Columns {
    image: usize,
    grade: Vec<usize>,
    patient: Option<usize>,
    edema: Option<usize>,
    gradable: Option<usize>,
    /// Whether 5 stands for a photo that cannot be graded.
    five_is_ungradable: bool,
}

impl Columns {
    fn of(headings: &[String], path: &Path) -> Option<Self> {
        let any = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| headings.iter().position(|heading| heading == name))
        };
        let eyes: Vec<usize> = EYES.iter().filter_map(|eye| any(&[eye])).collect();
        let deepdrid = !eyes.is_empty()
            || (headings.iter()).any(|heading| heading == "dr_level" || heading == "dr_levels");
        let ddr = plain(&file_name(path)) == "dr_grading_csv";
        Some(Self {
            image: any(&IMAGE)?,
            grade: match any(&GRADE) {
                _ if !eyes.is_empty() => eyes,
                Some(column) => vec![column],
                None => return None,
            },
            patient: any(&PATIENT),
            edema: any(&EDEMA),
            gradable: any(&GRADABLE),
            five_is_ungradable: deepdrid || ddr,
        })
    }

    /// The heading of one of these columns that another one has, too.
    fn twice<'a>(&self, headings: &'a [String]) -> Option<&'a str> {
        [Some(self.image), self.patient, self.edema, self.gradable]
            .into_iter()
            .flatten()
            .chain(self.grade.iter().copied())
            .map(|column| headings[column].as_str())
            .find(|name| headings.iter().filter(|other| other == name).count() > 1)
    }
}

/// Rows of a table with headings; `Err` where it has no labels at all.
fn parse(path: &Path, text: &str, faults: &mut Vec<Fault>) -> Result<Vec<Row>, Fault> {
    let first = text::headings(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(text::delimiter(text))
        .flexible(true)
        .from_reader(text.as_bytes());
    let headings: Vec<String> = match reader.headers() {
        Ok(headings) => headings.iter().map(plain).collect(),
        Err(error) => {
            return Err(Fault::new(
                path,
                Some(1),
                format!("the headings cannot be read ({error})"),
                "save it again as CSV",
            ));
        }
    };
    let Some(columns) = Columns::of(&headings, path) else {
        return Err(Fault::new(
            path,
            Some(1),
            format!("among its columns “{first}” there is no pair of photo and grade"),
            "name them “image” and “grade”",
        ));
    };
    if is_messidors_own(&headings) {
        return Err(Fault::new(
            path,
            Some(1),
            "its grades, 0 to 3, are on Messidor's own scale, which counts lesions and is not ICDR",
            "take the grades on the ICDR scale that were published for Messidor-2, or grade anew",
        ));
    }
    if let Some(twice) = columns.twice(&headings) {
        faults.push(Fault::new(
            path,
            Some(1),
            format!("two of its columns are called “{twice}”"),
            "rename or remove the one that is not meant",
        ));
        return Ok(Vec::new());
    }
    let records: Vec<_> = reader.records().collect();
    if is_form(&columns, &records) {
        return Err(Fault::new(
            path,
            None,
            "none of its rows has a grade",
            "write the grades, 0 to 4",
        ));
    }
    let at = |position: &csv::Position| line(text.as_bytes(), position);
    let mut rows = Vec::new();
    for record in records {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, at);
                match row(&columns, &record, line) {
                    Ok(row) => rows.extend(row),
                    Err((what, remedy)) => {
                        faults.push(Fault::new(path, Some(line), what, remedy));
                    }
                }
            }
            Err(error) => faults.push(Fault::new(
                path,
                error.position().map(at),
                format!("the row cannot be read ({error})"),
                "mend the row",
            )),
        }
    }
    Ok(rows)
}

/// Whether these are the columns of Messidor (Decencière et al. 2014), whose grades look
/// like ICDR's: its 1 is up to five microaneurysms, its 3 holds severe and proliferative
/// disease and much that is moderate.
fn is_messidors_own(headings: &[String]) -> bool {
    let has = |name| headings.iter().any(|heading| heading == name);
    has("ophthalmologic_department") && has("retinopathy_grade")
}

/// Whether a table names photos and has no grade for any, as what a challenge wants
/// filled in (DeepDRiD's `Challenge1_upload.csv`): no labels, and no fault either.
fn is_form(columns: &Columns, records: &[csv::Result<csv::StringRecord>]) -> bool {
    !records.is_empty()
        && records.iter().all(|record| {
            let Ok(record) = record else { return false };
            (columns.grade.iter())
                .all(|&column| is_empty(record.get(column).unwrap_or_default().trim()))
        })
}

fn is_empty(cell: &str) -> bool {
    cell.is_empty() || cell.eq_ignore_ascii_case("nan")
}

/// One row, `None` for an empty one, or what is wrong with it and the remedy.
fn row(
    columns: &Columns,
    record: &csv::StringRecord,
    line: u64,
) -> Result<Option<Row>, (String, String)> {
    if record.iter().all(|cell| cell.trim().is_empty()) {
        return Ok(None);
    }
    let cell = |column: usize| record.get(column).unwrap_or_default().trim();
    let image = cell(columns.image);
    if image.is_empty() {
        return Err((
            "the row names no photo".into(),
            "write its name or remove the row".into(),
        ));
    }
    let written = columns
        .grade
        .iter()
        .map(|&column| cell(column))
        .find(|text| !is_empty(text))
        .unwrap_or_default();
    let ungradable = columns.gradable.is_some_and(|column| {
        let no = ["false", "no"]
            .iter()
            .any(|no| cell(column).eq_ignore_ascii_case(no));
        no || matches!(scale::grade(cell(column)), Reading::Grade(0))
    });
    let label = match scale::grade(written) {
        _ if ungradable => Label::Ungradable,
        Reading::Grade(grade) => Label::Grade(grade),
        Reading::Outside(UNGRADABLE) if columns.five_is_ungradable => Label::Ungradable,
        Reading::Unclear if written.is_empty() => {
            return Err((
                format!("“{image}” has no grade"),
                "write a grade from 0 to 4 or remove the row".into(),
            ));
        }
        Reading::Outside(_) | Reading::Unclear => {
            return Err((
                format!("grade “{written}” of “{image}” is outside the scale"),
                "write a grade from 0 to 4 or remove the row".into(),
            ));
        }
    };
    let edema = match columns.edema.map(cell).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => match scale::grade(text) {
            Reading::Grade(risk @ 0..=2) => Some(risk),
            _ if ungradable || is_empty(text) => None,
            _ => {
                return Err((
                    format!("risk of macular oedema “{text}” of “{image}” is outside its scale"),
                    "write 0, 1 or 2, or leave it empty".into(),
                ));
            }
        },
    };
    Ok(Some(Row {
        line,
        image: image.to_string(),
        label,
        patient: columns
            .patient
            .map(cell)
            .filter(|text| !text.is_empty())
            .map(str::to_string),
        edema,
    }))
}

/// DDR's `train.txt`: a photo's name and its grade, without headings.
fn parse_ddr(path: &Path, text: &str, faults: &mut Vec<Fault>) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    for (line, content) in (1u64..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() {
            continue;
        }
        // A name may hold spaces: the grade is the last word.
        let words = content.rsplit_once(char::is_whitespace);
        let (image, written) = match words.map(|(image, grade)| (image.trim_end(), grade)) {
            Some((image, grade)) if is_photo_name(image) => (image, grade),
            _ if rows.is_empty() => {
                return Err(Fault::new(
                    path,
                    Some(line),
                    "it is no list of photos and grades",
                    "name a table of labels labels.csv",
                ));
            }
            _ => {
                faults.push(Fault::new(
                    path,
                    Some(line),
                    format!("“{content}” is no photo and grade"),
                    "write “NAME.jpg GRADE” or remove the line",
                ));
                continue;
            }
        };
        let label = match scale::grade(written) {
            Reading::Grade(grade) => Label::Grade(grade),
            Reading::Outside(UNGRADABLE) => Label::Ungradable,
            Reading::Outside(_) | Reading::Unclear => {
                faults.push(Fault::new(
                    path,
                    Some(line),
                    format!("grade “{written}” of “{image}” is outside the scale"),
                    "write a grade from 0 to 4, or 5 for a photo that cannot be graded",
                ));
                continue;
            }
        };
        rows.push(Row {
            line,
            image: image.to_string(),
            label,
            patient: None,
            edema: None,
        });
    }
    if rows.is_empty() {
        return Err(Fault::new(
            path,
            None,
            "it is empty",
            "name a table of labels labels.csv",
        ));
    }
    Ok(rows)
}
