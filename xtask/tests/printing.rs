//! What a chore prints may find a full disk, or nobody who reads on.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::process::{Command, Stdio};

#[test]
fn what_cannot_be_printed_is_told_in_a_sentence() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let help = |out: Stdio| {
        let xtask = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("--help")
            .stdout(out)
            .output()
            .unwrap();
        let words = String::from_utf8(xtask.stderr).unwrap();
        (xtask.status.code(), words)
    };
    let (code, words) = help(full.into());
    assert_eq!(code, Some(1), "{words}");
    assert!(
        words.contains("xtask: what it says cannot be printed: No space left"),
        "{words}"
    );
    assert!(!words.contains("panicked"), "{words}");
    // Whoever has read enough, as `head`, wants no words.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(help(writer.into()), (Some(1), String::new()));
}
