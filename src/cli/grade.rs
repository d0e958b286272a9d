//! `fovea grade`: the page's answer, natively.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::bundle_file;
use crate::grader::Grader;
use crate::grading::{Assessment, Status};

/// Grade photos and print the results
#[derive(Args)]
pub struct Arguments {
    /// Photos: JPEG, PNG, WebP, TIFF or BMP
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The model: its model.json or the folder of it [default: the shipped one]
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For reading
    Text,
    /// An array with an object a photo
    Json,
    /// A table with a row a photo
    Csv,
}

/// One row of the machine-readable formats.
#[derive(Serialize)]
struct Row<'a> {
    file: String,
    status: &'static str,
    grade: Option<u8>,
    probabilities: Option<&'a [f64]>,
    referable: Option<bool>,
    bundle: &'a str,
    error: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(file: &std::path::Path, assessment: &'a Assessment) -> Self {
        Self {
            file: file.display().to_string(),
            status: assessment.status.name(),
            grade: assessment.grade.map(|grade| grade.number()),
            probabilities: assessment.probabilities.as_deref(),
            referable: assessment.referable,
            bundle: &assessment.bundle,
            error: assessment.error.as_ref().map(|e| e.message.as_str()),
        }
    }
}

/// Grades every photo; ends with a failure code where one could not be read.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = arguments
        .bundle
        .clone()
        .unwrap_or_else(bundle_file::default_path);
    let bundle = bundle_file::open(&path)?;
    let grader = Grader::new(&bundle, Device::flex(), "cpu")?;
    let start = Instant::now();
    let clock = move || start.elapsed().as_secs_f64() * 1000.0;

    let mut results = Vec::new();
    for photo in &arguments.photos {
        let assessment = match std::fs::read(photo) {
            Ok(bytes) => pollster::block_on(grader.grade(&bytes, &clock)),
            Err(error) => {
                Assessment::unreadable(grader.manifest(), grader.backend(), &error.to_string())
            }
        };
        if matches!(arguments.format, Format::Text) {
            print_text(photo, &assessment)?;
        }
        results.push((photo.clone(), assessment));
    }
    match arguments.format {
        Format::Text => {}
        Format::Json => print_json(&results)?,
        Format::Csv => print_csv(&results)?,
    }
    let failed = results.iter().any(|(_, a)| a.status == Status::Error);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn print_text(photo: &std::path::Path, a: &Assessment) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", photo.display())?;
    if let (Some(label), Some(name)) = (a.grade_label, a.grade_name) {
        writeln!(out, "  {label}: {name}")?;
    }
    if let Some(error) = &a.error {
        writeln!(out, "  {}: {}", a.status.name(), error.message)?;
    }
    for line in [a.referral, a.doubt.as_deref()].into_iter().flatten() {
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
    writeln!(
        out,
        "  {} · {} · {:.0} ms",
        a.bundle, a.backend, a.milliseconds.total
    )?;
    Ok(())
}

fn print_json(results: &[(PathBuf, Assessment)]) -> Result<()> {
    let rows: Vec<Row<'_>> = results.iter().map(|(file, a)| Row::of(file, a)).collect();
    println!("{}", serde_json::to_string_pretty(&rows)?);
    Ok(())
}

fn print_csv(results: &[(PathBuf, Assessment)]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(std::io::stdout().lock());
    writer.write_record([
        "file",
        "status",
        "grade",
        "p0",
        "p1",
        "p2",
        "p3",
        "p4",
        "referable",
        "bundle",
        "error",
    ])?;
    for (file, assessment) in results {
        let row = Row::of(file, assessment);
        let mut cells = vec![
            defuse(&row.file),
            row.status.to_owned(),
            row.grade.map_or_else(String::new, |g| g.to_string()),
        ];
        for grade in 0..5 {
            let p = row.probabilities.and_then(|p| p.get(grade));
            cells.push(p.map_or_else(String::new, |p| format!("{p:.6}")));
        }
        cells.push(row.referable.map_or_else(String::new, |r| r.to_string()));
        cells.push(row.bundle.to_owned());
        cells.push(row.error.unwrap_or_default().to_owned());
        writer.write_record(&cells)?;
    }
    writer.flush()?;
    Ok(())
}

/// A file name that a spreadsheet would run as a formula gets a quote in front.
fn defuse(name: &str) -> String {
    if name.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{name}")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::defuse;

    #[test]
    fn formulas_in_file_names_are_defused() {
        assert_eq!(defuse("=1+1.jpg"), "'=1+1.jpg");
        assert_eq!(defuse("@cmd.jpg"), "'@cmd.jpg");
        assert_eq!(defuse("eye-left.jpg"), "eye-left.jpg");
    }
}
