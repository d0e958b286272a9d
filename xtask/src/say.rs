//! What a chore prints, where there is somebody to take it.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::exit;

/// Prints a line.
pub fn line(words: impl Display) {
    text(format_args!("{words}\n"));
}

/// Prints what ends its own lines. Where it is not taken, as by a file on a full disk or
/// by `head` once that has enough, the program ends, with a sentence and no panic.
pub fn text(words: impl Display) {
    if cfg!(test) {
        // A test's own words are kept from those that are counted.
        print!("{words}");
        return;
    }
    let mut out = std::io::stdout();
    let printed = write!(out, "{words}").and_then(|()| out.flush());
    if let Err(error) = printed {
        if error.kind() != ErrorKind::BrokenPipe {
            let _ = writeln!(
                std::io::stderr(),
                "\nxtask: what it says cannot be printed: {error}"
            );
        }
        exit(1);
    }
}
