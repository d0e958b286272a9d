//! `fovea grade`: the page's answer, natively, for photos and whole folders.

mod ahead;
pub(super) mod files;
mod patients;
mod print;
mod row;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;

use super::{bundle_file, output, progress};
use crate::bundle::Manifest;
use crate::counted::counted;
use crate::grader::{Grader, Ready};
use crate::grading::eye::{self, Named};
use crate::grading::patient::Photo;
use crate::grading::{Assessment, Grade, Lines, PointName, Status};
use crate::photo::{PhotoError, dicom};
use files::Files;
use table::Table;

/// Photos decoded at once: more would only wait for the network, in memory.
const MOST_THREADS: usize = 4;

/// Grade photos and folders of photos
#[derive(Args)]
pub struct Arguments {
    /// Photos (JPEG, PNG, WebP, TIFF, BMP or DICOM), or folders of them
    #[arg(required = true, value_name = "PHOTO|DIR")]
    photos: Vec<PathBuf>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text", conflicts_with = "out")]
    format: Format,
    /// Write the results to a file instead, a row as soon as a photo is done:
    /// .csv for the page's table, .jsonl for an object a line. Run again, it goes
    /// on where it stopped
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Grade everything again, though the file has rows already
    #[arg(long, requires = "out")]
    again: bool,
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading
    Text,
    /// An array with an object a photo
    Json,
    /// A table with a row a photo
    Csv,
}

/// A photo, what is known of it, and its result.
struct Graded {
    file: PathBuf,
    /// Whose eye and which, as its name and the file itself tell.
    named: Named,
    /// What else to know, in a sentence.
    note: Option<String>,
    assessment: Assessment,
    /// The model is not the shipped one.
    own_model: bool,
    at: SystemTime,
}

impl Graded {
    fn photo(&self) -> Photo {
        let a = &self.assessment;
        Photo {
            side: self.named.side,
            status: Some(a.status),
            grade: a.grade.map(Grade::number),
            referable: a.referable,
            unsure: a.unsure,
            edema_alone: a.edema_alone,
            edema: a.edema_referable == Some(true),
            threat: a.sight_threatening == Some(true),
        }
    }
}

/// A photo as far as the network.
struct Read {
    told: Option<dicom::Told>,
    ready: Result<Ready, Box<Assessment>>,
}

/// Grades every photo; ends with a failure code where one could not be read, and
/// with 130 where Ctrl-C ended it early.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let shipped = bundle_file::default_path();
    let path = arguments.bundle.as_ref().unwrap_or(&shipped);
    let own_model = bundle_file::manifest_path(path).canonicalize().ok()
        != bundle_file::manifest_path(&shipped).canonicalize().ok();
    let bundle = bundle_file::open(path)?;
    let point: PointName = arguments.operating_point.into();
    lines(&bundle.manifest, point)?;
    let found = Files::find(&arguments.photos)?;
    let mut table = match &arguments.out {
        Some(out) => Some(Table::open(out, arguments.again, &bundle.manifest, point)?),
        None => None,
    };
    let photos = match &mut table {
        Some(table) => table.missing(&found.photos)?,
        None => found.photos.clone(),
    };
    let from_before = found.photos.len() - photos.len();
    let grader = Grader::new(&bundle, Device::flex(), "cpu")?;
    drop(bundle);
    let lines = lines(grader.manifest(), point)?;

    let stop = progress::interrupted(
        "stopping after this photo; press Ctrl-C again to stop at once",
        Arc::new(AtomicBool::new(true)),
    );
    let as_text = table.is_none() && arguments.format == Format::Text;
    let bar = if as_text {
        ProgressBar::hidden()
    } else {
        progress::bar("grading", photos.len())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    let clock = || start.elapsed().as_secs_f64() * 1000.0;
    let mut results = Vec::new();
    ahead::in_order(
        photos.len(),
        threads.min(MOST_THREADS),
        |index| read(&grader, &photos[index], &clock),
        |index, read| {
            let file = &photos[index];
            let mut assessment = match read.ready {
                Ok(ready) => pollster::block_on(grader.assess(ready, &clock)),
                Err(assessment) => *assessment,
            };
            assessment.decide(grader.manifest(), &lines);
            let mut named = eye::read(&file.to_string_lossy());
            named.side = read.told.and_then(|told| told.side).or(named.side);
            let graded = Graded {
                file: file.clone(),
                named,
                note: note(read.told.map_or(assessment.pictures, |told| told.frames)),
                assessment,
                own_model,
                at: SystemTime::now(),
            };
            match &mut table {
                Some(table) => table.append(&graded)?,
                None => {
                    if as_text {
                        print::text(&graded)?;
                    }
                    results.push(graded);
                }
            }
            bar.inc(1);
            Ok(!stop.load(Ordering::SeqCst))
        },
    )?;
    bar.finish_and_clear();

    let statuses = match &table {
        Some(table) => table.statuses(&found.photos),
        None => results.iter().map(|r| r.assessment.status).collect(),
    };
    match (table, arguments.format) {
        (Some(table), _) => table.settle(&found.photos)?,
        (None, Format::Text) => {}
        (None, Format::Json) => print::json(&results)?,
        (None, Format::Csv) => print::csv(&results)?,
    }
    if arguments.out.is_some() || found.left_out > 0 {
        output::aside(print::summary(&statuses, from_before, found.left_out));
    }
    if statuses.len() < found.photos.len() {
        let rest = counted(found.photos.len() - statuses.len(), "photo");
        let way = match arguments.out {
            Some(_) => "; run the same command again to go on",
            None => "",
        };
        output::aside(format_args!("stopped with {rest} to go{way}"));
        return Ok(ExitCode::from(130));
    }
    Ok(if statuses.contains(&Status::Error) {
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

/// Reads and prepares a photo; what is too large to be one is not even read.
fn read(grader: &Grader, photo: &Path, clock: &dyn Fn() -> f64) -> Read {
    let (manifest, backend, limits) = (grader.manifest(), grader.backend(), grader.limits());
    let refused = |assessment| Read {
        told: None,
        ready: Err(Box::new(assessment)),
    };
    let bytes = match std::fs::metadata(photo) {
        Ok(file) if file.len() > limits.max_bytes => {
            let error = PhotoError::TooManyBytes {
                bytes: file.len(),
                limit: limits.max_bytes,
            };
            return refused(grader.refuse(&error));
        }
        _ => std::fs::read(photo),
    };
    match bytes {
        Ok(bytes) => Read {
            told: dicom::told(&bytes),
            ready: grader.ready(&bytes, clock),
        },
        Err(error) => refused(Assessment::unreadable(
            manifest,
            backend,
            &error.to_string(),
        )),
    }
}

fn note(pictures: u32) -> Option<String> {
    (pictures > 1)
        .then(|| format!("Only the first of the {pictures} pictures in this file was looked at."))
}
