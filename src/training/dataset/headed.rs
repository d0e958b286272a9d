//! A table from its headings on, which may stand below a title.

use super::columns::plain;
use super::text::Text;
use crate::training::lines;

/// How many rows that hold something may stand above the headings.
const ABOVE: usize = 10;

pub(super) struct Headed<'a> {
    /// The line that the headings stand on.
    pub top: u64,
    /// As [`plain`] writes them.
    pub headings: Vec<String>,
    /// From the headings on.
    text: &'a str,
    delimiter: u8,
}

impl<'a> Headed<'a> {
    /// From the first row that has the headings, as `are` knows; from the first that holds
    /// anything where none has.
    pub fn of(table: &'a Text, are: impl Fn(&[String]) -> bool) -> Self {
        let mut next = 0;
        let mut rows: Vec<Self> = (1..)
            .zip(table.text.split_inclusive('\n'))
            .filter_map(|(line, row)| {
                let at = next;
                next += row.len();
                holds_anything(row).then(|| Self::at(table, line, at))
            })
            .take(ABOVE + 1)
            .collect();
        match rows.iter().position(|row| are(&row.headings)) {
            Some(place) => rows.swap_remove(place),
            None if rows.is_empty() => Self::at(table, 1, 0),
            None => rows.swap_remove(0),
        }
    }

    /// From a line on, which begins at a byte of the text.
    fn at(table: &'a Text, top: u64, byte: usize) -> Self {
        let text = &table.text[byte..];
        let mut headed = Self {
            top,
            headings: Vec::new(),
            text,
            delimiter: table.delimiter.unwrap_or_else(|| delimiter(text)),
        };
        if let Ok(headings) = headed.reader().headers() {
            headed.headings = headings.iter().map(plain).collect();
        }
        headed
    }

    /// The headings as they are written.
    pub fn written(&self) -> &'a str {
        first_line(self.text)
    }

    /// Reads the rows below the headings.
    pub fn reader(&self) -> csv::Reader<&'a [u8]> {
        csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .flexible(true)
            .from_reader(self.text.as_bytes())
    }

    /// The line of the file on which a row stands.
    pub fn line(&self, position: &csv::Position) -> u64 {
        self.top - 1 + lines::line(self.text.as_bytes(), position)
    }
}

/// Whether a row is more than what stands between its cells.
fn holds_anything(row: &str) -> bool {
    row.contains(|c: char| !c.is_whitespace() && !c.is_ascii_punctuation())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// What stands between the cells of a table, by its headings.
fn delimiter(text: &str) -> u8 {
    let headings = first_line(text);
    [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|&d| (headings.bytes().filter(|&b| b == d).count(), d == b','))
        .unwrap_or(b',')
}
