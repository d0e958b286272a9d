//! A photo's result as a row: an object of JSON, or the cells of the page's CSV.
//!
//! `www/js/export.js` writes the same columns in the same way, which a test of
//! the page holds both to (`tests/page/table.test.js`).

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Graded;
use crate::bundle::RISKS;
use crate::grading::patient::Decision;
use crate::grading::{Agreement, Grade, Milliseconds, PointName, eye};

/// The CSV's columns.
pub const COLUMNS: [&str; 36] = [
    "file",
    "drawn",
    "status",
    "grade",
    "grade_name",
    "operating_point",
    "referable",
    "sight_threatening",
    "p0",
    "p1",
    "p2",
    "p3",
    "p4",
    "unsure",
    "reason",
    "patient",
    "eye",
    "patient_decision",
    "follow_up",
    "guideline",
    "bundle",
    "model_sha256",
    "own_model",
    "backend",
    "preprocessing",
    "milliseconds",
    "graded_at",
    "doubt_chance",
    "between",
    "looks_agreeing",
    "edema",
    "edema_referable",
    "edema_p0",
    "edema_p1",
    "edema_p2",
    "settings_sha256",
];

/// A row of JSON, under the names of the page's own saved results.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row<'a> {
    file: String,
    status: &'static str,
    grade: Option<u8>,
    grade_name: Option<&'static str>,
    probabilities: Option<&'a [f64]>,
    operating_point: Option<&'static str>,
    referable: Option<bool>,
    sight_threatening: Option<bool>,
    referral: Option<&'static str>,
    threat: Option<&'static str>,
    unsure: bool,
    doubt: Option<&'a str>,
    patient: Option<&'a str>,
    eye: Option<&'static str>,
    patient_decision: &'static str,
    follow_up: Option<&'static str>,
    guideline: Option<&'static str>,
    bundle: &'a str,
    model: &'a str,
    backend: &'a str,
    preprocessing: &'a str,
    milliseconds: Milliseconds,
    error: Option<&'a str>,
    error_code: Option<&'a str>,
    doubt_chance: Option<f64>,
    between: Option<[Grade; 2]>,
    agreement: Option<&'a Agreement>,
    edema: &'a str,
    edema_probabilities: Option<&'a [f64]>,
    edema_referable: Option<bool>,
    settings: &'a str,
    #[serde(skip)]
    of: &'a Graded,
}

impl<'a> Row<'a> {
    pub fn of(result: &'a Graded, patient_decision: Decision) -> Self {
        let (named, a) = (&result.named, &result.assessment);
        let known = !named.patient.is_empty();
        Self {
            file: result.file.display().to_string(),
            status: a.status.name(),
            grade: a.grade.map(Grade::number),
            grade_name: a.grade_name,
            probabilities: a.probabilities.as_deref(),
            operating_point: a.operating_point.map(PointName::name),
            referable: a.referable,
            sight_threatening: a.sight_threatening,
            referral: a.referral,
            threat: a.threat,
            unsure: a.unsure,
            doubt: a.doubt.as_deref(),
            patient: known.then_some(named.patient.as_str()),
            eye: named.side.map(eye::Side::name),
            patient_decision: patient_decision.name(),
            follow_up: a.follow_up.map(|f| f.sentence),
            guideline: a.follow_up.map(|f| f.guideline),
            bundle: &a.bundle,
            model: &a.model,
            backend: &a.backend,
            preprocessing: &a.preprocessing,
            milliseconds: a.milliseconds,
            error: a.error.as_ref().map(|e| e.message.as_str()),
            error_code: a.error.as_ref().map(|e| e.code.as_str()),
            doubt_chance: a.doubt_chance,
            between: a.between,
            agreement: a.agreement.as_ref(),
            edema: &a.edema,
            edema_probabilities: a.edema_probabilities.as_deref(),
            edema_referable: a.edema_referable,
            settings: &a.settings,
            of: result,
        }
    }

    /// The row's cells under [`COLUMNS`], text defused, nothing quoted yet.
    pub fn cells(&self) -> Vec<String> {
        let text = |text: Option<&str>| text.map(defuse).unwrap_or_default();
        let flag = |flag: Option<bool>| flag.map_or_else(String::new, |f| f.to_string());
        let mut cells = vec![
            defuse(&self.file),
            // The command grades photos only; drawn examples are the page's.
            false.to_string(),
            self.status.to_owned(),
            self.grade.map_or_else(String::new, |g| g.to_string()),
            text(self.grade_name),
            text(self.operating_point),
            flag(self.referable),
            flag(self.sight_threatening),
        ];
        let shares = |of: Option<&[f64]>, count: usize| -> Vec<String> {
            let share = |place| of.and_then(|p| p.get(place)).copied();
            let cell = |place| share(place).map_or_else(String::new, number);
            (0..count).map(cell).collect()
        };
        cells.extend(shares(self.probabilities, Grade::ALL.len()));
        let reason: Vec<&str> = [self.error.or(self.doubt), self.of.note.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        cells.extend([
            self.unsure.to_string(),
            defuse(&reason.join(" ")),
            text(self.patient),
            text(self.eye),
            text(Some(self.patient_decision)),
            text(self.follow_up),
            text(self.guideline),
            defuse(self.bundle),
            self.model.to_owned(),
            self.of.own_model.to_string(),
            self.backend.to_owned(),
            self.preprocessing.to_owned(),
            number(self.milliseconds.total),
            moment(self.of.at),
            self.doubt_chance.map_or_else(String::new, number),
            self.between.map_or_else(String::new, |[lower, higher]| {
                format!("{}|{}", lower.number(), higher.number())
            }),
            self.agreement
                .map_or_else(String::new, |agreement| number(agreement.same_grade)),
            defuse(self.edema),
            flag(self.edema_referable),
        ]);
        cells.extend(shares(self.edema_probabilities, RISKS));
        cells.push(self.settings.to_owned());
        cells
    }
}

/// A line of CSV after RFC 4180. Quotes stand wherever the page puts them: the
/// apostrophe, too, that makes text of a formula.
pub fn csv_line(cells: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = cells.iter().map(|cell| quote(cell.as_ref())).collect();
    quoted.join(",") + "\r\n"
}

fn quote(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n', '\'']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Text that a spreadsheet would run as a formula gets an apostrophe in front.
pub fn defuse(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// The shortest digits that mean this number, as JavaScript writes it: with an
/// exponent below a millionth.
fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-6 {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// UTC to the millisecond, as JavaScript's `toISOString`.
fn moment(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_in_text_are_defused() {
        assert_eq!(defuse("=1+1.jpg"), "'=1+1.jpg");
        assert_eq!(defuse("@cmd.jpg"), "'@cmd.jpg");
        assert_eq!(defuse("\n=1"), "'\n=1");
        assert_eq!(defuse("eye-left.jpg"), "eye-left.jpg");
        assert_eq!(
            csv_line(&[defuse("=HYPERLINK(\"x\"),1"), "a b".to_owned()]),
            "\"'=HYPERLINK(\"\"x\"\"),1\",a b\r\n"
        );
    }

    #[test]
    fn numbers_and_moments_read_as_javascript_writes_them() {
        assert_eq!(number(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(number(0.000_012_34), "0.00001234");
        assert_eq!(number(1.5e-7), "1.5e-7");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(41.0), "41");
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_042);
        assert_eq!(moment(at), "2023-11-14T22:13:20.042Z");
    }
}
