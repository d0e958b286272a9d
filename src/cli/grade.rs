//! `fovea grade`: the page's answer, natively.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::bundle_file;
use crate::bundle::Manifest;
use crate::grader::Grader;
use crate::grading::eye::{self, Named};
use crate::grading::patient::{self, Decision, Photo};
use crate::grading::{Agreement, Assessment, Grade, Lines, Milliseconds, PointName, Status};

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
    /// Where the line between refer and not lies; `fovea card` tells what each
    /// point of the model reached, and on which photos
    #[arg(long, value_name = "NAME", value_enum, default_value = "screening")]
    operating_point: Point,
}

#[derive(Clone, Copy, ValueEnum)]
enum Point {
    /// Misses few
    Screening,
    /// Weighs both alike
    Balanced,
    /// Raises few false alarms
    Specific,
}

impl From<Point> for PointName {
    fn from(point: Point) -> Self {
        match point {
            Point::Screening => Self::Screening,
            Point::Balanced => Self::Balanced,
            Point::Specific => Self::Specific,
        }
    }
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

/// One row of the machine-readable formats: the fields of the page's own saved
/// results, under the same names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
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
}

impl<'a> Row<'a> {
    fn of(result: &'a Graded, patient_decision: Decision) -> Self {
        let Graded {
            file,
            named,
            assessment: a,
        } = result;
        let known = !named.patient.is_empty();
        Self {
            file: file.display().to_string(),
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
        }
    }
}

/// A photo, what its name tells, and its result.
struct Graded {
    file: PathBuf,
    named: Named,
    assessment: Assessment,
}

/// A row a photo, each with the decision for its patient: the photos pair by
/// name where the name says which eye it is.
fn rows(results: &[Graded]) -> Vec<Row<'_>> {
    let patient = |result: &Graded| {
        let Named { patient, side } = &result.named;
        side.filter(|_| !patient.is_empty())
            .map(|_| patient.clone())
    };
    let mut patients: HashMap<String, Vec<Photo>> = HashMap::new();
    for result in results {
        if let Some(name) = patient(result) {
            patients.entry(name).or_default().push(photo(result));
        }
    }
    results
        .iter()
        .map(|result| {
            let alone = || vec![photo(result)];
            let photos = patient(result)
                .and_then(|name| patients.get(&name).cloned())
                .unwrap_or_else(alone);
            Row::of(result, patient::summarise(&photos).decision)
        })
        .collect()
}

fn photo(result: &Graded) -> Photo {
    let a = &result.assessment;
    Photo {
        side: result.named.side,
        status: Some(a.status),
        grade: a.grade.map(Grade::number),
        referable: a.referable,
        unsure: a.unsure,
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
    let lines = lines(grader.manifest(), arguments.operating_point.into())?;
    let start = Instant::now();
    let clock = move || start.elapsed().as_secs_f64() * 1000.0;

    let mut results = Vec::new();
    for photo in &arguments.photos {
        let mut assessment = match std::fs::read(photo) {
            Ok(bytes) => pollster::block_on(grader.grade(&bytes, &clock)),
            Err(error) => {
                Assessment::unreadable(grader.manifest(), grader.backend(), &error.to_string())
            }
        };
        assessment.decide(grader.manifest(), &lines);
        if matches!(arguments.format, Format::Text) {
            print_text(photo, &assessment)?;
        }
        results.push(Graded {
            file: photo.clone(),
            named: eye::read(&photo.to_string_lossy()),
            assessment,
        });
    }
    match arguments.format {
        Format::Text => {}
        Format::Json => print_json(&results)?,
        Format::Csv => print_csv(&results)?,
    }
    let failed = results
        .iter()
        .any(|result| result.assessment.status == Status::Error);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The lines of a point the model offers.
fn lines(manifest: &Manifest, name: PointName) -> Result<Lines<'_>> {
    Lines::at(&manifest.thresholds, name).with_context(|| {
        let offered = Lines::offered(&manifest.thresholds);
        let names: Vec<&str> = offered.iter().map(|lines| lines.name.name()).collect();
        format!(
            "{} has no operating point for {name}; choose one of: {}",
            manifest.id(),
            names.join(", ")
        )
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
    let follow_up = a.follow_up.map(|f| f.sentence);
    for line in [a.referral, a.threat, a.doubt.as_deref(), follow_up]
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
            "  looked at again, mirrored and turned: grades {}",
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
    Ok(())
}

fn print_json(results: &[Graded]) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(&rows(results))?);
    Ok(())
}

/// The columns of the page's CSV, but for those that only a page can fill.
const COLUMNS: [&str; 27] = [
    "file",
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
    "backend",
    "preprocessing",
    "milliseconds",
    "doubt_chance",
    "between",
    "looks_agreeing",
];

fn print_csv(results: &[Graded]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(std::io::stdout().lock());
    writer.write_record(COLUMNS)?;
    for row in rows(results) {
        let text = |text: Option<&str>| text.map(defuse).unwrap_or_default();
        let flag = |flag: Option<bool>| flag.map_or_else(String::new, |f| f.to_string());
        let mut cells = vec![
            defuse(&row.file),
            row.status.to_owned(),
            row.grade.map_or_else(String::new, |g| g.to_string()),
            text(row.grade_name),
            text(row.operating_point),
            flag(row.referable),
            flag(row.sight_threatening),
        ];
        for grade in 0..5 {
            let p = row.probabilities.and_then(|p| p.get(grade));
            cells.push(p.map_or_else(String::new, |p| format!("{p:.6}")));
        }
        cells.extend([
            row.unsure.to_string(),
            text(row.error.or(row.doubt)),
            text(row.patient),
            text(row.eye),
            text(Some(row.patient_decision)),
            text(row.follow_up),
            text(row.guideline),
            row.bundle.to_owned(),
            row.model.to_owned(),
            row.backend.to_owned(),
            row.preprocessing.to_owned(),
            format!("{:.1}", row.milliseconds.total),
            row.doubt_chance
                .map_or_else(String::new, |chance| format!("{chance:.4}")),
            row.between.map_or_else(String::new, |[lower, higher]| {
                format!("{}|{}", lower.number(), higher.number())
            }),
            row.agreement.map_or_else(String::new, |agreement| {
                format!("{:.4}", agreement.same_grade)
            }),
        ]);
        writer.write_record(&cells)?;
    }
    writer.flush()?;
    Ok(())
}

/// Text that a spreadsheet would run as a formula gets a quote in front.
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
