//! What the rows of a table with headings say of photos.

use std::path::Path;

use super::Fault;
use super::columns::{Columns, is_answers, is_messidors_own};
use super::headed::Headed;
use super::scale::{self, Reading};
use super::text::Text;

/// DDR and DeepDRiD write 5 for a photo that cannot be graded.
pub(super) const UNGRADABLE: i64 = 5;

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

/// Rows of a table with headings; `Err` where it has no labels at all.
pub(super) fn parse(path: &Path, table: &Text, faults: &mut Vec<Fault>) -> Result<Vec<Row>, Fault> {
    let table = Headed::of(table, |headings| Columns::of(headings, path).is_some());
    let headings = &table.headings;
    let at_headings = |what: &str, remedy: &str| Fault::new(path, Some(table.top), what, remedy);
    let Some(columns) = Columns::of(headings, path) else {
        let what = format!(
            "among its columns “{}” there is no pair of photo and grade",
            table.written()
        );
        return Err(at_headings(&what, "name them “image” and “grade”"));
    };
    if is_answers(headings) {
        return Err(at_headings(
            "its grades are a model's answers, with their probabilities, and no labels",
            "name the table of labels labels.csv; where these are to be labels all the same, leave \
             the columns of probabilities out",
        ));
    }
    if is_messidors_own(headings) {
        return Err(at_headings(
            "its grades, 0 to 3, are on Messidor's own scale, which counts lesions and is not ICDR",
            "take the grades on the ICDR scale that were published for Messidor-2, or grade anew",
        ));
    }
    if let Some(twice) = columns.twice(headings) {
        faults.push(at_headings(
            &format!("two of its columns are called “{twice}”"),
            "rename or remove the one that is not meant",
        ));
        return Ok(Vec::new());
    }
    let records: Vec<_> = table.reader().into_records().collect();
    if is_form(&columns, &records) {
        return Err(Fault::new(
            path,
            None,
            "none of its rows has a grade",
            "write the grades, 0 to 4",
        ));
    }
    let at = |position: &csv::Position| table.line(position);
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

/// Also as pandas and R write a gap.
fn is_empty(cell: &str) -> bool {
    ["", "nan", "na"]
        .iter()
        .any(|gap| cell.eq_ignore_ascii_case(gap))
}

/// `7` for `7.0`, as pandas writes the numbers of a column with gaps.
fn whole(text: &str) -> &str {
    text.strip_suffix(".0")
        .filter(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        .unwrap_or(text)
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
            .filter(|text| !is_empty(text))
            .map(|text| whole(text).to_string()),
        edema,
    }))
}
