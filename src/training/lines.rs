//! On which line of a table a row stands.

use csv::Position;

/// The line, counted from 1, of what begins at `position` of `text`. The reader puts
/// that before the line ends it has yet to pass over: empty lines, and the second
/// half of those that Windows writes.
pub(super) fn line(text: &[u8], position: &Position) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let ahead = text.get(from..).unwrap_or_default();
    let ends = ahead
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + ends.filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_alike_whatever_ends_them() {
        for end in ["\n", "\r\n"] {
            let text = ["image,grade", "a,0", "", "b,1", "c,2", ""].join(end);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let lines: Vec<u64> = reader
                .records()
                .map(|row| line(text.as_bytes(), row.unwrap().position().unwrap()))
                .collect();
            assert_eq!(lines, [2, 4, 5], "{end:?}");
        }
    }
}
