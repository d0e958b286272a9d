//! A results file that grows by a row a photo, and is gone on with after a stop.
//!
//! A row is written whole, with the patient's decision as far as it is known;
//! once all photos are done the rows are put in the order of the files, with
//! the decisions that stand then. So a run that was stopped and gone on with
//! leaves the file that an unbroken one leaves.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use super::row::{COLUMNS, Row, csv_line, defuse};
use super::{Graded, patients};
use crate::bundle::Manifest;
use crate::grading::eye;
use crate::grading::patient::{Decision, Photo};
use crate::grading::{PointName, Status};
use crate::training::export::write_whole;

/// Spreadsheets know UTF-8 by this.
const BYTE_ORDER_MARK: &str = "\u{feff}";
const DECISION: &str = "\"patientDecision\":\"";

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The page's table.
    Csv,
    /// An object a line.
    JsonLines,
}

/// What going on needs to know of a row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    file: String,
    status: Status,
    grade: Option<u8>,
    operating_point: Option<PointName>,
    referable: Option<bool>,
    unsure: bool,
    eye: Option<eye::Side>,
    bundle: String,
    model: String,
    settings: String,
}

/// A row, its text open where the patient's decision goes.
struct Line {
    told: Told,
    before: String,
    after: String,
}

impl Line {
    fn photo(&self) -> Photo {
        Photo {
            side: self.told.eye,
            status: Some(self.told.status),
            grade: self.told.grade,
            referable: self.told.referable,
            unsure: self.told.unsure,
            // The decision is the same for whichever reason a photo is referred.
            edema_alone: false,
            edema: false,
            threat: false,
        }
    }

    fn patient(&self) -> Option<String> {
        let mut named = eye::read(&self.told.file);
        // Which eye it is may have stood in the file itself.
        named.side = self.told.eye;
        patients::key(&named).map(str::to_owned)
    }

    fn text(&self, decision: Decision) -> String {
        [&self.before, decision.name(), &self.after].concat()
    }
}

/// A results file, open.
pub struct Table {
    path: PathBuf,
    kind: Kind,
    file: File,
    lines: Vec<Line>,
    /// Photos of each patient that have a row.
    seen: HashMap<String, Vec<Photo>>,
    /// How many of each patient's have none yet.
    awaited: HashMap<String, usize>,
}

impl Table {
    /// Opens the file at `path` to go on with, or a new one; `again` starts over.
    /// A last row that was cut short is taken off.
    ///
    /// # Errors
    /// Where the name ends in neither `.csv` nor `.jsonl`, or the file holds
    /// something else, or rows of another model or of other settings of it.
    pub fn open(path: &Path, again: bool, manifest: &Manifest, point: PointName) -> Result<Self> {
        let kind = Kind::of(path)?;
        let heading = kind.heading();
        let old = match std::fs::read(path) {
            Ok(bytes) if !again => bytes,
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
            _ => Vec::new(),
        };
        let begun = old.len() >= heading.len() || !heading.as_bytes().starts_with(&old);
        let kept = if begun { kind.whole(&old) } else { 0 };
        let is_cut_row = kind.may_begin_row(&old[kept..]);
        let lines = if begun {
            let read = kind.read(&old[..kept]).and_then(|lines| match is_cut_row {
                true => Ok(lines),
                false => bail!("its last line is no row"),
            });
            read.with_context(|| {
                format!(
                    "{} holds no results in the columns written here; \
                     name another file, or start over with --again",
                    path.display()
                )
            })?
        } else {
            Vec::new()
        };
        if let Some(other) = lines
            .iter()
            .map(|line| &line.told)
            .find(|told| told.model != manifest.weights.sha256 || told.bundle != manifest.id())
        {
            bail!(
                "{} was made by another model, {}, not {}; \
                 name another file, or start over with --again",
                path.display(),
                other.bundle,
                manifest.id()
            );
        }
        let settings = manifest.settings();
        if lines.iter().any(|line| line.told.settings != settings) {
            bail!(
                "{} was made by {} before its temperature, lines, doubt or other settings were \
                 fixed anew, which decide otherwise; name another file, or start over with --again",
                path.display(),
                manifest.id()
            );
        }
        let told = lines.iter().map(|line| &line.told);
        // A photo without a grade was decided at no point.
        if let Some(other) = told.filter_map(|t| t.operating_point).find(|p| *p != point) {
            bail!(
                "{} was decided at the operating point for {other}, not {point}; \
                 name another file, or start over with --again",
                path.display()
            );
        }
        let writing = || format!("{} cannot be written", path.display());
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .with_context(writing)?;
        file.set_len(kept as u64).with_context(writing)?;
        file.seek(SeekFrom::End(0)).with_context(writing)?;
        if kept == 0 {
            file.write_all(heading.as_bytes()).with_context(writing)?;
        }
        let mut table = Self {
            path: path.to_owned(),
            kind,
            file,
            lines: Vec::new(),
            seen: HashMap::new(),
            awaited: HashMap::new(),
        };
        lines.into_iter().for_each(|line| table.push(line));
        Ok(table)
    }

    /// Those of `photos` that have no row yet.
    ///
    /// # Errors
    /// Where two of them would be called the same in the table.
    pub fn missing(&mut self, photos: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let done: HashSet<&str> = self.lines.iter().map(|l| l.told.file.as_str()).collect();
        let mut names = HashMap::new();
        let mut missing = Vec::new();
        for photo in photos {
            let name = self.kind.name(photo);
            if !done.contains(name.as_str()) {
                missing.push(photo.clone());
            }
            if let Some(other) = names.insert(name, photo) {
                bail!(
                    "{} and {} would have the same name in the table; rename one",
                    other.display(),
                    photo.display()
                );
            }
        }
        for photo in &missing {
            if let Some(patient) = patient_by_name(photo) {
                *self.awaited.entry(patient).or_default() += 1;
            }
        }
        Ok(missing)
    }

    /// Adds a photo's row.
    pub fn append(&mut self, result: &Graded) -> Result<()> {
        if let Some(patient) = patient_by_name(&result.file)
            && let Some(awaited) = self.awaited.get_mut(&patient)
        {
            *awaited = awaited.saturating_sub(1);
        }
        let named = &result.named;
        let decision = match patients::key(named) {
            Some(patient) => {
                let photos = self.seen.get(patient).into_iter().flatten().copied();
                self.decide(patient, photos.chain([result.photo()]).collect())
            }
            None => patients::decide(&[result.photo()]),
        };
        let text = self.kind.write(&Row::of(result, decision))?;
        // In one go: whatever happens next, the row is there or it is not.
        self.file
            .write_all(text.as_bytes())
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        for line in self.kind.read_rows(&text)? {
            self.push(line);
        }
        Ok(())
    }

    /// Puts rows and decisions in their final state: first the rows of photos
    /// that are not among `photos`, as they stood, then those of `photos` in order.
    pub fn settle(mut self, photos: &[PathBuf]) -> Result<()> {
        let places: HashMap<String, usize> = photos
            .iter()
            .enumerate()
            .map(|(place, photo)| (self.kind.name(photo), place))
            .collect();
        let mut lines = std::mem::take(&mut self.lines);
        lines.sort_by_key(|line| places.get(&line.told.file).copied());
        let rows = lines.iter().map(|line| {
            line.text(match line.patient() {
                Some(patient) => self.decide(&patient, self.seen[&patient].clone()),
                None => patients::decide(&[line.photo()]),
            })
        });
        let text: String = std::iter::once(self.kind.heading()).chain(rows).collect();
        let path = &self.path;
        let writing = || format!("{} cannot be written", path.display());
        if std::fs::read(path).with_context(writing)? != text.as_bytes() {
            write_whole(path, text.as_bytes()).map_err(|error| anyhow!(error))?;
        }
        Ok(())
    }

    /// How each of `photos` that has a row ended.
    pub fn statuses(&self, photos: &[PathBuf]) -> Vec<Status> {
        let names: HashSet<String> = photos.iter().map(|photo| self.kind.name(photo)).collect();
        let told = self.lines.iter().map(|line| &line.told);
        told.filter(|told| names.contains(&told.file))
            .map(|told| told.status)
            .collect()
    }

    fn push(&mut self, line: Line) {
        if let Some(patient) = line.patient() {
            let photos = self.seen.entry(patient).or_default();
            photos.push(line.photo());
        }
        self.lines.push(line);
    }

    fn decide(&self, patient: &str, mut photos: Vec<Photo>) -> Decision {
        if self
            .awaited
            .get(patient)
            .is_some_and(|awaited| *awaited > 0)
        {
            photos.push(patients::WAITING);
        }
        patients::decide(&photos)
    }
}

fn patient_by_name(photo: &Path) -> Option<String> {
    let named = eye::read(&photo.to_string_lossy());
    patients::key(&named).map(str::to_owned)
}

impl Kind {
    fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::JsonLines),
            _ => bail!(
                "{} must end in .csv for a table or .jsonl for an object a line",
                path.display()
            ),
        }
    }

    fn heading(self) -> String {
        match self {
            Self::Csv => [BYTE_ORDER_MARK, &csv_line(&COLUMNS)].concat(),
            Self::JsonLines => String::new(),
        }
    }

    /// What a photo is called in its row.
    fn name(self, photo: &Path) -> String {
        let name = photo.display().to_string();
        match self {
            Self::Csv => defuse(&name),
            Self::JsonLines => name,
        }
    }

    /// How many bytes of a file are whole rows.
    fn whole(self, bytes: &[u8]) -> usize {
        let mut quoted = false;
        let mut whole = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' if self == Self::Csv => quoted = !quoted,
                b'\n' if !quoted => whole = at + 1,
                _ => {}
            }
        }
        whole
    }

    /// May this be a row that was cut short, rather than somebody's text?
    fn may_begin_row(self, rest: &[u8]) -> bool {
        const OBJECT: &[u8] = b"{\"file\":\"";
        self == Self::Csv || rest.starts_with(OBJECT) || OBJECT.starts_with(rest)
    }

    fn read(self, bytes: &[u8]) -> Result<Vec<Line>> {
        let text = std::str::from_utf8(bytes)?;
        match text.strip_prefix(&self.heading()) {
            Some(rows) => self.read_rows(rows),
            None => bail!("its first line is {:?}", text.lines().next().unwrap_or("")),
        }
    }

    fn read_rows(self, rows: &str) -> Result<Vec<Line>> {
        match self {
            Self::Csv => csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(rows.as_bytes())
                .records()
                .map(|record| read_cells(&record?))
                .collect(),
            Self::JsonLines => rows.lines().map(read_object).collect(),
        }
    }

    fn write(self, row: &Row<'_>) -> Result<String> {
        Ok(match self {
            Self::Csv => csv_line(&row.cells()),
            Self::JsonLines => serde_json::to_string(row)? + "\n",
        })
    }
}

fn read_cells(record: &csv::StringRecord) -> Result<Line> {
    let cells: Vec<&str> = record.iter().collect();
    if cells.len() != COLUMNS.len() {
        bail!("a row has {} columns", cells.len());
    }
    let place = |column: &str| COLUMNS.iter().position(|name| *name == column);
    // A cell as the JSON it would be: empty is null, words are text.
    let cell = |column: &str, is_text: bool| -> serde_json::Value {
        match place(column).map_or("", |at| cells[at]) {
            "" => serde_json::Value::Null,
            text if is_text => text.into(),
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        }
    };
    let told = serde_json::from_value(serde_json::json!({
        "file": cell("file", true),
        "status": cell("status", true),
        "grade": cell("grade", false),
        "operatingPoint": cell("operating_point", true),
        "referable": cell("referable", false),
        "unsure": cell("unsure", false),
        "eye": cell("eye", true),
        "bundle": cell("bundle", true),
        "model": cell("model_sha256", true),
        "settings": cell("settings_sha256", true),
    }))?;
    let at = place("patient_decision").unwrap_or_default();
    let side = |cells: &[&str]| csv_line(cells).trim_end_matches("\r\n").to_owned();
    Ok(Line {
        told,
        before: side(&cells[..at]) + ",",
        after: [",", &csv_line(&cells[at + 1..])].concat(),
    })
}

fn read_object(line: &str) -> Result<Line> {
    let told = serde_json::from_str(line)?;
    // Quotes within text are escaped: this can only be the field itself.
    let Some((before, rest)) = line.split_once(DECISION) else {
        bail!("a row has no patientDecision");
    };
    let (_, after) = rest.split_once('"').unwrap_or_default();
    Ok(Line {
        told,
        before: [before, DECISION].concat(),
        after: format!("\"{after}\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_rows_count() {
        let csv = b"a,b\r\n\"x\ny\",1\r\n\"cut\n";
        assert_eq!(Kind::Csv.whole(csv), 14);
        assert_eq!(Kind::Csv.whole(&csv[..13]), 5);
        assert_eq!(Kind::JsonLines.whole(b"{\"a\":\"\\\"\"}\n{\"a"), 11);
        assert_eq!(Kind::Csv.whole(b""), 0);
    }

    #[test]
    fn the_ending_of_the_name_decides_and_no_other_is_guessed_at() {
        assert_eq!(Kind::of(Path::new("a/R.CSV")).unwrap(), Kind::Csv);
        assert_eq!(Kind::of(Path::new("r.jsonl")).unwrap(), Kind::JsonLines);
        for wrong in ["r.json", "r.xlsx", "results"] {
            let words = Kind::of(Path::new(wrong)).unwrap_err().to_string();
            assert!(words.contains(".csv") && words.contains(wrong), "{words}");
        }
    }
}
