//! Running other programs: their output streamed through, their failure put into
//! a sentence, the tests they counted read off their closing lines.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::count::{Counts, Tally};
use crate::say;

/// A program about to run, with what to do should it fail.
pub struct Run {
    command: Command,
    fix: String,
}

impl Run {
    /// `fix` completes the sentence "`program` failed; …".
    pub fn new(program: impl AsRef<OsStr>, fix: impl Into<String>) -> Self {
        Self {
            command: Command::new(program),
            fix: fix.into(),
        }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn env_remove(mut self, names: &[&str]) -> Self {
        for name in names {
            self.command.env_remove(name);
        }
        self
    }

    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Shows the command, streams its output, and fails in a sentence.
    pub fn go(mut self) -> Result<()> {
        self.announce();
        let status = self.command.status();
        let status = status.map_err(|error| self.not_started(&error))?;
        self.check(status)
    }

    /// As [`Run::go`], reading off the output how many tests passed and failed.
    /// A failed run still returns what was counted, as the first of the pair.
    pub fn count(mut self) -> (Counts, Result<()>) {
        self.announce();
        let mut tally = Tally::default();
        let outcome = self.stream(&mut tally);
        (tally.counts(), outcome)
    }

    /// What the program prints, trimmed; nothing is shown.
    pub fn output(mut self) -> Result<String> {
        let output = self.command.stderr(Stdio::null()).output();
        let output = output.map_err(|error| self.not_started(&error))?;
        self.check(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn stream(&mut self, tally: &mut Tally) -> Result<()> {
        if io::stdout().is_terminal() {
            // The pipe below would otherwise cost the colours.
            self.command.env("CARGO_TERM_COLOR", "always");
        }
        let child = self.command.stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| self.not_started(&error))?;
        let pipe = child.stdout.take().context("its output is not readable")?;
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line);
            say::text(&text);
            tally.read(&text);
            line.clear();
        }
        let status = child.wait()?;
        self.check(status)
    }

    fn announce(&self) {
        let mut words = vec![self.name()];
        words.extend(
            self.command
                .get_args()
                .map(|argument| argument.to_string_lossy().into_owned()),
        );
        eprintln!("$ {}", words.join(" "));
    }

    fn name(&self) -> String {
        let program = Path::new(self.command.get_program());
        let name = program.file_name().unwrap_or(program.as_os_str());
        name.to_string_lossy().into_owned()
    }

    fn check(&self, status: std::process::ExitStatus) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let ending = match status.code() {
            Some(code) => format!("failed (exit status {code})"),
            None => format!("was stopped ({status})"),
        };
        bail!("`{}` {ending}; {}", self.name(), self.fix)
    }

    fn not_started(&self, error: &io::Error) -> anyhow::Error {
        anyhow!("`{}` did not start: {error}; {}", self.name(), self.fix)
    }
}

/// The program's file on `PATH`.
pub fn on_path(name: &str) -> Option<std::path::PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|file| file.is_file())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_program_and_the_fix() {
        let error = Run::new("sh", "try turning it off and on")
            .args(["-c", "exit 3"])
            .go()
            .unwrap_err()
            .to_string();
        assert!(error.contains("`sh` failed (exit status 3)"), "{error}");
        assert!(error.contains("try turning it off and on"), "{error}");
    }

    #[test]
    fn a_missing_program_is_a_sentence_too() {
        let error = Run::new("no-such-program-here", "install it")
            .go()
            .unwrap_err()
            .to_string();
        assert!(error.contains("did not start"), "{error}");
        assert!(error.contains("install it"), "{error}");
    }

    #[test]
    fn a_failed_run_still_tells_what_it_counted() {
        let script = "echo 'test result: FAILED. 2 passed; 1 failed; 0 ignored'; exit 1";
        let (counts, outcome) = Run::new("sh", "").args(["-c", script]).count();
        assert!(outcome.is_err());
        assert_eq!((counts.passed, counts.failed), (2, 1));
    }
}
