//! DDR's lists of photos and grades, which have no headings.

use std::path::Path;

use super::Fault;
use super::folder::is_photo_name;
use super::rows::{Label, Row, UNGRADABLE};
use super::scale::{self, Reading};

/// DDR's `train.txt`: a photo's name and its grade, without headings.
pub(super) fn parse(path: &Path, text: &str, faults: &mut Vec<Fault>) -> Result<Vec<Row>, Fault> {
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
