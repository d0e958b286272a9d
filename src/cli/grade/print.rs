//! Results on standard output, and the closing words.

use std::fmt::Write;

use anyhow::Result;

use super::row::{COLUMNS, Row, csv_line};
use super::{Graded, patients};
use crate::cli::output;
use crate::counted::counted;
use crate::grading::Status;

/// One result for reading.
pub fn text(result: &Graded) -> Result<()> {
    let a = &result.assessment;
    let mut out = String::new();
    writeln!(out, "{}", result.file.display())?;
    if let (Some(label), Some(name)) = (a.grade_label, a.grade_name) {
        writeln!(out, "  {label}: {name}")?;
    }
    if let Some(error) = &a.error {
        writeln!(out, "  {}: {}", a.status.name(), error.message)?;
    }
    let follow_up = a.follow_up.map(|f| f.sentence);
    let edema = a.grade.map(|_| a.edema.as_str());
    for line in [
        a.referral,
        a.threat,
        a.doubt.as_deref(),
        edema,
        follow_up,
        result.note.as_deref(),
    ]
    .into_iter()
    .flatten()
    {
        writeln!(out, "  {line}")?;
    }
    if !a.probability_labels.is_empty() {
        let sure: Vec<String> = a
            .probability_labels
            .iter()
            .enumerate()
            .map(|(grade, label)| format!("{grade}: {label}"))
            .collect();
        writeln!(out, "  probabilities  {}", sure.join("   "))?;
    }
    if let Some(agreement) = &a.agreement {
        let grades: Vec<String> = agreement
            .grades
            .iter()
            .map(|grade| grade.number().to_string())
            .collect();
        writeln!(
            out,
            "  looked at as it is, mirrored and turned: grades {}",
            grades.join(", ")
        )?;
    }
    let point = a.operating_point;
    let point = point.map_or_else(String::new, |point| format!("{point} · "));
    writeln!(
        out,
        "  {point}{} · {} · {:.0} ms",
        a.bundle, a.backend, a.milliseconds.total
    )?;
    output::text(out)
}

pub fn json(results: &[Graded]) -> Result<()> {
    let rows: Vec<Row<'_>> = rows(results).collect();
    output::line(serde_json::to_string_pretty(&rows)?)?;
    Ok(())
}

pub fn csv(results: &[Graded]) -> Result<()> {
    let rows = rows(results).map(|row| csv_line(&row.cells()));
    let table: String = std::iter::once(csv_line(&COLUMNS)).chain(rows).collect();
    output::text(table)
}

fn rows(results: &[Graded]) -> impl Iterator<Item = Row<'_>> {
    let decisions = patients::decisions(results);
    results.iter().zip(decisions).map(|(r, d)| Row::of(r, d))
}

/// How a whole run ended, in a line.
pub fn summary(statuses: &[Status], from_before: usize, left_out: usize) -> String {
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    let mut parts = vec![format!("{} graded", count(Status::Graded))];
    for (number, what) in [
        (count(Status::Ungradable), "ungradable"),
        (count(Status::NotFundus), "not a retina"),
        (count(Status::Error), "not readable"),
        (from_before, "of them from before"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    let others = match left_out {
        0 => String::new(),
        1 => "; 1 other file left out".to_owned(),
        n => format!("; {n} other files left out"),
    };
    format!(
        "{}: {}{others}",
        counted(statuses.len(), "photo"),
        parts.join(", ")
    )
}
