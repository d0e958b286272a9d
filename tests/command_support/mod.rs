//! The command as a test runs it, and a drawn data set to run it on.

use std::path::Path;
use std::process::{Command, Output};

pub fn fovea(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(arguments)
        .output()
        .unwrap()
}

/// What it printed, and what it said meanwhile.
pub fn succeed(arguments: &[&str]) -> (String, String) {
    let output = fovea(arguments);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "fovea {arguments:?}: {words}");
    (String::from_utf8(output.stdout).unwrap(), words)
}

/// So many drawn eyes of each grade, `side` pixels wide, no eye at two grades,
/// laid out as the data sets are.
pub fn draw_dataset(folder: &Path, each: u64, side: u32) {
    let images = folder.join("images");
    let mut csv = String::from("image,grade\n");
    for grade in 0..5 {
        let first = 1 + each * grade;
        succeed(&[
            "synth",
            "--out",
            images.to_str().unwrap(),
            "--size",
            &side.to_string(),
            "--count",
            &each.to_string(),
            "--grade",
            &grade.to_string(),
            "--seed",
            &first.to_string(),
        ]);
        for seed in first..first + each {
            csv.push_str(&format!("drawn-{grade}-{seed}.png,{grade}\n"));
        }
    }
    std::fs::write(folder.join("labels.csv"), csv).unwrap();
}
