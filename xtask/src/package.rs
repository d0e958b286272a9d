//! The npm package: the library for other people's pages.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cli::Variants;
use crate::files;
use crate::paths::Paths;
use crate::tools::Toolbox;
use crate::wasm;

const README: &str = include_str!("package_readme.md");

/// The example, written for the repository, as it stands in the package: the
/// library one folder up, the model beside it.
const EXAMPLE: &str = "examples/embed.html";
const MOVED: [(&str, &str); 2] = [("../pkg/", "../"), ("../www/model/", "model/")];

/// Builds `pkg/`.
pub fn build(paths: &Paths, tools: &Toolbox) -> Result<()> {
    let manifest =
        fs::read_to_string(paths.root.join("Cargo.toml")).context("Cargo.toml cannot be read")?;
    let staging = paths
        .root
        .join("target")
        .join(format!("package-{}", std::process::id()));
    files::remove(&staging)?;
    let filled = fill(paths, tools, &manifest, &staging)
        .and_then(|()| files::swap(&staging, &paths.package()));
    files::remove(&staging)?;
    filled?;
    eprintln!("pkg/ is ready: `npm pack ./pkg` makes one file of it");
    Ok(())
}

fn fill(paths: &Paths, tools: &Toolbox, manifest: &str, staging: &Path) -> Result<()> {
    for variant in Variants::All.list() {
        let built = wasm::build(paths, tools, variant)?;
        for file in files::walk(&built)? {
            files::copy(&built.join(&file), &staging.join(&file))?;
        }
    }
    let description = serde_json::to_string_pretty(&describe(manifest))?;
    fs::write(staging.join("package.json"), description).context("package.json")?;
    let example = fs::read_to_string(paths.root.join(EXAMPLE)).context(EXAMPLE)?;
    fs::create_dir_all(staging.join("examples")).context("examples/")?;
    fs::write(staging.join(EXAMPLE), moved(&example)).context(EXAMPLE)?;
    fs::write(staging.join("README.md"), README).context("README.md")
}

fn moved(example: &str) -> String {
    MOVED.iter().fold(example.to_owned(), |text, (from, to)| {
        text.replace(from, to)
    })
}

/// `package.json`, with what `Cargo.toml` says of the package.
fn describe(manifest: &str) -> serde_json::Value {
    // A bare path: TypeScript then finds the `.d.ts` beside it.
    let entry = |name: &str| format!("./{name}.js");
    let license = match stated(manifest, "license") {
        none if none.is_empty() => "UNLICENSED".to_owned(),
        license => license,
    };
    json!({
        "name": "fovea",
        "version": stated(manifest, "version"),
        "description": stated(manifest, "description"),
        "license": license,
        "type": "module",
        "main": "./fovea_cpu.js",
        "types": "./fovea_cpu.d.ts",
        "exports": {
            ".": entry(wasm::CPU.name),
            "./relaxed": entry(wasm::RELAXED.name),
            "./gpu": entry(wasm::GPU.name),
            "./dicom": entry(wasm::DICOM.name),
            "./*.wasm": "./*.wasm",
        },
        "sideEffects": ["./snippets/*"],
        "files": ["*.js", "*.d.ts", "*.wasm", "snippets", "examples", "README.md"],
    })
}

/// A string of the `[package]` section.
fn stated(manifest: &str, key: &str) -> String {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[package]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_finds_the_library_in_the_package() {
        let example = include_str!("../../examples/embed.html");
        let moved = moved(example);
        assert!(moved.contains("from \"../fovea_cpu.js\""), "{moved}");
        assert!(moved.contains("`model/${file}`"), "{moved}");
    }

    #[test]
    fn the_package_says_what_cargo_says() {
        let manifest = "[workspace]\nversion = \"9\"\n[package]\nname = \"fovea\"\nversion = \"0.1.0\"\n\
                        license = \"MIT OR Apache-2.0\"\n[dependencies]\ndescription = \"no\"\n";
        let package = describe(manifest);
        assert_eq!(package["version"], "0.1.0");
        assert_eq!(package["license"], "MIT OR Apache-2.0");
        assert_eq!(package["description"], "");
        assert_eq!(package["exports"]["."], "./fovea_cpu.js");
        assert_eq!(describe("[package]")["license"], "UNLICENSED");
    }
}
