//! The command's own path, small: drawn photographs are trained on, and what comes of it
//! is measured, graded with and gone on from.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../command_support/mod.rs"]
mod command_support;
mod from_bundles;
mod going_on;
mod recipes;
mod stopping;
mod told_before;
mod whole_path;

use std::path::Path;

use command_support::{draw_dataset, fovea};

fn succeed(arguments: &[&str]) -> String {
    command_support::succeed(arguments).0
}

/// Trains on drawn photos with `flags` beside the quickest settings.
fn train_quickly(data: &Path, out: &Path, flags: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["train", "--data", data.to_str().unwrap(), "--out"];
    arguments.push(out.to_str().unwrap());
    arguments.extend(["--size", "32", "--batch", "8", "--validation", "0.3"]);
    arguments.extend(flags);
    succeed(&arguments);
    let json = std::fs::read(out.join("model.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// What a refused training said.
fn refused(arguments: &[&str]) -> String {
    let output = fovea(arguments);
    assert!(!output.status.success(), "fovea {arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
