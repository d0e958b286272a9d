//! The native command: parses flags, reads files, prints. Knows nothing of
//! photographs or networks; the library does.

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
mod mistakes;
mod operating_points;
mod photos;
mod progress;
mod study;
mod synth;
mod train;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

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
            eprintln!("fovea: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and what caused it, each once: some sentences hold their cause.
fn told(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        if sentence.ends_with(&words) {
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
    std::iter::once("fovea".to_owned())
        .chain(std::env::args().skip(1).map(|argument| {
            if argument.contains(char::is_whitespace) {
                format!("'{argument}'")
            } else {
                argument
            }
        }))
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
    }
}
