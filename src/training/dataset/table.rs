//! The tables of labels in a folder: which files are one.

use std::path::{Path, PathBuf};

use super::columns::plain;
use super::folder::{Folder, extension, file_name};
use super::rows::{self, Row};
use super::text;
use super::{Fault, ddr};

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
        .filter(|path| !is_submission(path));
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
        for table in texts {
            let mut its_faults = Vec::new();
            let parsed = match extension(path).as_str() {
                "txt" => ddr::parse(path, &table.text, &mut its_faults),
                _ => rows::parse(path, &table, &mut its_faults),
            };
            let of_it = |fault| of_sheet(table.sheet.as_deref(), fault);
            faults.extend(its_faults.into_iter().map(of_it));
            match parsed {
                Err(fault) => found.rejected.push(of_it(fault)),
                Ok(rows) => found.tables.push(Table {
                    path: path.clone(),
                    sheet: table.sheet,
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
    text::WORKBOOKS.contains(&extension(path).as_str())
}

/// Kaggle ships a table of made-up answers beside the real ones, and who took part has
/// some with the answers of a model.
fn is_submission(path: &Path) -> bool {
    plain(&file_name(path)).contains("submission")
}
