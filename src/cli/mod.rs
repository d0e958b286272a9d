//! The native command: parses flags, reads files, prints. Knows nothing of
//! photographs or networks; the library does.

// They panic where nothing can be printed; `output` says so, or goes on.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod bundle_file;
mod card;
mod convert;
mod data;
mod device;
mod doubt;
mod edema;
mod evaluate;
mod explain;
mod gate;
mod grade;
mod margin;
mod measured;
mod mistakes;
mod operating_points;
mod output;
mod photos;
mod progress;
mod study;
mod synth;
mod train;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::quoted::quoted;

/// Grades photographs of the retina for diabetic retinopathy, on this machine.
///
/// For research and teaching; not a medical device. No photo leaves the machine.
#[derive(Parser)]
#[command(name = "fovea", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Grade(grade::Arguments),
    Train(train::Arguments),
    Evaluate(evaluate::Arguments),
    Explain(explain::Arguments),
    Study(study::Arguments),
    Synth(synth::Arguments),
    Convert(convert::Arguments),
    Data(data::Arguments),
    Card(card::Arguments),
    OperatingPoints(operating_points::Arguments),
    Gate(gate::Arguments),
    Doubt(doubt::Arguments),
    Edema(edema::Arguments),
}

/// Runs the command; errors go to standard error as sentences.
pub fn main() -> ExitCode {
    end_with_the_reader();
    let given = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&given).unwrap_or_else(|error| error.exit());
    let result = match arguments.command {
        Command::Grade(arguments) => grade::run(&arguments),
        Command::Train(arguments) => {
            crate::training::memory::keep();
            train::run(&arguments, given.subcommand_matches("train"))
        }
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Study(arguments) => {
            crate::training::memory::keep();
            study::run(&arguments)
        }
        Command::Synth(arguments) => synth::run(&arguments),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Card(arguments) => card::run(&arguments),
        Command::OperatingPoints(arguments) => operating_points::run(&arguments),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Doubt(arguments) => doubt::run(&arguments),
        Command::Edema(arguments) => edema::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::aside(format_args!("fovea: {}", told(&error)));
            ExitCode::FAILURE
        }
    }
}

/// Has the command end quietly when nobody reads what it prints any more, as in
/// `fovea data check photos | head`. Rust ignores the signal that says so, and printing
/// panics then.
#[cfg(unix)]
fn end_with_the_reader() {
    // SAFETY: it installs no code of ours, and no other thread has been started.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

#[cfg(not(unix))]
fn end_with_the_reader() {}

/// An error and what caused it, each once: some sentences hold their cause.
fn told(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        if sentence.contains(&words) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&words);
    }
    sentence
}

/// This command line as it would be typed again.
fn command_line() -> String {
    typed(std::env::args_os().skip(1))
}

/// Names that are no Unicode are written down as nearly as it can.
fn typed(arguments: impl Iterator<Item = OsString>) -> String {
    std::iter::once("fovea".to_owned())
        .chain(arguments.map(quoted))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::weights_file::WeightsFileError;

    #[test]
    fn a_cause_is_told_once() {
        let source = crate::network::WeightsError::Missing("fc.bias".to_owned());
        let cause = source.to_string();
        let path = "mine.pth".into();
        let error = anyhow::Error::new(WeightsFileError::Weights { path, source });
        assert_eq!(told(&error), format!("mine.pth: {cause}"));
        let error = error.context("the head cannot be read");
        assert_eq!(
            told(&error),
            format!("the head cannot be read: mine.pth: {cause}")
        );
        let full = std::io::Error::other("the disk is full");
        let error = anyhow::Error::new(full).context("a.csv: the disk is full; make room");
        assert_eq!(told(&error), "a.csv: the disk is full; make room");
    }
    #[test]
    fn a_command_line_is_told_as_it_was_typed() {
        let arguments = ["grade", "my photos", "17.jpg"].map(OsString::from);
        assert_eq!(
            typed(arguments.into_iter()),
            "fovea grade 'my photos' 17.jpg"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_unicode_is_told_all_the_same() {
        use std::os::unix::ffi::OsStringExt;

        let name = OsString::from_vec(b"\xff.jpg".to_vec());
        assert_eq!(typed(std::iter::once(name)), "fovea \u{fffd}.jpg");
    }
}
