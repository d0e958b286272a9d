//! The text of a file that may hold labels: a table's, whatever it is encoded in, or
//! each sheet of a workbook (Excel's or OpenDocument's), written as CSV.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};
use std::panic::{UnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use calamine::{Data, Dimensions, Reader, SheetType, Sheets};

use super::folder::extension;

/// What a workbook's name ends in.
pub(super) const WORKBOOKS: [&str; 5] = ["xlsx", "xlsm", "xlsb", "xls", "ods"];

/// A table's text, its rows on the lines that they have in the file.
pub(super) struct Text {
    /// The sheet's name, where the file has several.
    pub sheet: Option<String>,
    pub text: String,
    /// What stands between the cells; none where the headings are to tell.
    pub delimiter: Option<u8>,
}

/// The tables that a file holds, or why it cannot be read.
pub(super) fn of(path: &Path) -> Result<Vec<Text>, String> {
    if WORKBOOKS.contains(&extension(path).as_str()) {
        // The reader of Excel's former format panics over files that were cut short.
        let read = unless_it_panics(|| sheets(path));
        return read.unwrap_or_else(|| Err("it is damaged".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let text = decoded(&bytes);
    Ok(vec![Text {
        sheet: None,
        delimiter: None,
        text,
    }])
}

thread_local! {
    /// Whether a panic on this thread is about to be told as a sentence of ours.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What `read` gives; none, and not a word of it, where it panics.
fn unless_it_panics<T>(read: impl FnOnce() -> T + UnwindSafe) -> Option<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                usual(panic);
            }
        }));
    });
    CAUGHT.set(true);
    let read = catch_unwind(read);
    CAUGHT.set(false);
    read.ok()
}

/// A table's text. Spreadsheets export Unicode as UTF-16, marked so, and Windows code
/// pages, unmarked; of those the names of columns are ASCII at least.
fn decoded(bytes: &[u8]) -> String {
    let utf16 = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units)
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    let text = match bytes {
        [0xff, 0xfe, ..] => utf16(u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf16(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.trim_start_matches('\u{feff}').to_owned()
}

fn sheets(path: &Path) -> Result<Vec<Text>, String> {
    let mut workbook = calamine::open_workbook_auto(path).map_err(|error| error.to_string())?;
    let all = workbook.sheets_metadata().iter();
    let of_cells = all.filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<String> = of_cells.map(|sheet| sheet.name.clone()).collect();
    let several = names.len() > 1;
    let text = |name: String| match shown(&mut workbook, &name) {
        Ok(cells) => Ok(Text {
            text: as_csv(&cells),
            sheet: several.then_some(name),
            delimiter: Some(b','),
        }),
        // Read without it, the workbook would seem whole.
        Err(error) => Err(format!("sheet “{name}”: {error}")),
    };
    names.into_iter().map(text).collect()
}

/// What is in a sheet's cells, by row and column.
type Cells = BTreeMap<(u32, u32), String>;

/// The cells of a sheet as it shows them: what is merged down a column, a patient beside
/// both of their photos, is in the file once, and said of each of its rows.
fn shown(workbook: &mut Sheets<impl Read + Seek>, sheet: &str) -> Result<Cells, calamine::Error> {
    let mut cells = filled(workbook, sheet)?;
    // A row of which nothing else is used, for a photo that is not there, says nothing.
    let used: BTreeSet<u32> = cells.keys().map(|(row, _)| *row).collect();
    for Dimensions { start, end } in merged(workbook, sheet)? {
        let (top, column) = start;
        let Some(cell) = cells.get(&start).cloned() else {
            continue;
        };
        let below = used.range(top..=end.0.max(top)).skip(1);
        cells.extend(below.map(|row| ((*row, column), cell.clone())));
    }
    Ok(cells)
}

/// The cells of a sheet that hold something.
fn filled(workbook: &mut Sheets<impl Read + Seek>, sheet: &str) -> Result<Cells, calamine::Error> {
    let mut cells = Cells::new();
    // One by one: with a cell that lies astray, far below or to the right, all those
    // between would take gigabytes.
    if let Sheets::Xlsx(workbook) = workbook {
        let mut reader = workbook.worksheet_cells_reader(sheet)?;
        while let Some(cell) = reader.next_cell()? {
            let value = Data::from(cell.get_value().clone());
            if value != Data::Empty {
                cells.insert(cell.get_position(), value.to_string());
            }
        }
        return Ok(cells);
    }
    let range = workbook.worksheet_range(sheet)?;
    let (top, left) = range.start().unwrap_or_default();
    for (row, column, value) in range.used_cells() {
        cells.insert((top + row as u32, left + column as u32), value.to_string());
    }
    Ok(cells)
}

/// Which cells of a sheet are merged, where the reader of its format tells: not of
/// OpenDocument's, nor of Excel's binary ones.
fn merged(
    workbook: &mut Sheets<impl Read + Seek>,
    sheet: &str,
) -> Result<Vec<Dimensions>, calamine::Error> {
    match workbook {
        Sheets::Xlsx(workbook) => Ok(workbook.merge_cells_by_sheet_name(sheet)?),
        Sheets::Xls(workbook) => Ok(workbook.merge_cells_by_sheet_name(sheet)?),
        Sheets::Xlsb(_) | Sheets::Ods(_) => Ok(Vec::new()),
    }
}

/// A sheet as CSV, a row a line, so that a line's number is the row's: line breaks within
/// a cell become spaces, and rows of which nothing is used stay.
fn as_csv(cells: &Cells) -> String {
    let left = cells.keys().map(|(_, column)| *column).min();
    let left = left.unwrap_or_default();
    let mut text = String::new();
    let mut at = (0, left);
    for (&(row, column), cell) in cells {
        for _ in at.0..row {
            text.push('\n');
            at = (row, left);
        }
        for _ in at.1..column {
            text.push(',');
        }
        text.push_str(&quoted(cell));
        at = (row, column);
    }
    text.push('\n');
    text
}

fn quoted(cell: &str) -> String {
    let text = cell.replace(['\r', '\n'], " ");
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
