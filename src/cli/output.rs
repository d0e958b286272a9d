//! What the command says: results on standard output, and beside them what goes on.

use std::fmt::Display;
use std::io::Write;

use anyhow::{Context, Result};

/// Prints a line of the results.
///
/// # Errors
/// Where they are not taken, as by a file on a full disk.
pub fn line(words: impl Display) -> Result<()> {
    text(format_args!("{words}\n"))
}

/// Prints results that end their own lines.
///
/// # Errors
/// As [`line`].
pub fn text(words: impl Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    write!(out, "{words}")
        .and_then(|()| out.flush())
        .context("the results cannot be printed")
}

/// Says on standard error what goes on. Where nobody can be told any more, as once the
/// terminal of a training was closed, it goes on all the same.
pub fn aside(words: impl Display) {
    let _ = writeln!(std::io::stderr(), "{words}");
}
