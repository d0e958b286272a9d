//! What must not slip into the tree from the machine it was written on.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Finding;
use super::source::line_at;
use super::tree::Tree;
use crate::digest;
use crate::files;
use crate::say;

/// Starts of absolute paths that mean one person's machine. Spelled in two
/// halves, so that this file does not name them itself.
const MACHINE: [(&str, &str); 5] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/ho", "me/"),
    ("/Us", "ers/"),
    ("C:\\Us", "ers\\"),
];

pub fn no_machine_paths(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in tree.files("", &[]) {
        let Some(text) = tree.text(file)? else {
            continue;
        };
        for (head, tail) in MACHINE {
            let path = format!("{head}{tail}");
            for (offset, _) in text.match_indices(&path) {
                let before = text[..offset].chars().next_back();
                let after = text[offset + path.len()..].chars().next();
                // Part of a longer path, or an address, or a mere mention.
                let inside = before
                    .is_some_and(|before| before.is_alphanumeric() || "_.-~/}".contains(before));
                let goes_on = after.is_some_and(|after| after.is_alphanumeric() || after == '.');
                if !inside && goes_on {
                    let what = format!("names a path under {path}");
                    findings.push(Finding::at(file, line_at(&text, offset), what));
                }
            }
        }
    }
    Ok(findings)
}

/// Where each kind of lock file says its packages come from.
const SOURCES: [(&str, &str, &[&str]); 2] = [
    (
        "Cargo.lock",
        "source = \"",
        &["registry+https://github.com/rust-lang/crates.io-index\""],
    ),
    (
        "package-lock.json",
        "\"resolved\": \"",
        &["https://registry.npmjs.org/"],
    ),
];

/// Settings that send a package manager elsewhere.
const REDIRECTS: [(&str, &[&str]); 2] = [
    (".npmrc", &["registry"]),
    ("config.toml", &["replace-with", "[registries", "[source."]),
];

pub fn default_registries(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (name, key, allowed) in SOURCES {
        for file in tree.files("", &[name]) {
            let text = tree.text(file)?.unwrap_or_default();
            for (offset, _) in text.match_indices(key) {
                let value = &text[offset + key.len()..];
                if !allowed.iter().any(|allowed| value.starts_with(allowed)) {
                    let value = value.split('"').next().unwrap_or_default();
                    let what = format!("a package comes from {value}");
                    findings.push(Finding::at(file, line_at(&text, offset), what));
                }
            }
        }
    }
    for (name, keys) in REDIRECTS {
        for file in tree.files("", &[name]) {
            let text = tree.text(file)?.unwrap_or_default();
            for (index, line) in text.lines().enumerate() {
                let line = line.trim();
                let redirects = keys.iter().any(|key| line.starts_with(key))
                    || (name == ".npmrc" && line.contains(":registry"));
                if redirects {
                    findings.push(Finding::at(file, index + 1, "sends packages elsewhere"));
                }
            }
        }
    }
    Ok(findings)
}

/// Files shorter than this are no photographs and may well be alike by chance.
const SMALLEST: u64 = 256;

pub fn nothing_of_shared(tree: &Tree) -> Result<Vec<Finding>> {
    let Some(shared) = tree.root().parent().map(|parent| parent.join("shared")) else {
        return Ok(Vec::new());
    };
    if !shared.is_dir() {
        say::line("  skipped ../shared is absent: nothing to compare the tree's files with");
        return Ok(Vec::new());
    }
    let mut ours: HashMap<u64, Vec<&str>> = HashMap::new();
    for file in tree.files("", &[]) {
        let size = tree.size(file)?;
        if size >= SMALLEST {
            ours.entry(size).or_default().push(file);
        }
    }
    let mut findings = Vec::new();
    for path in files::walk(&shared)? {
        let theirs = shared.join(&path);
        let Some(same_size) = ours.get(&fs::metadata(&theirs)?.len()) else {
            continue;
        };
        let digest = digest::of_file(&theirs)?;
        for file in same_size {
            if digest::of_file(&tree.path(file))? == digest {
                findings.push(Finding::file(file, copy_of(&path)));
            }
        }
    }
    Ok(findings)
}

fn copy_of(path: &Path) -> String {
    let path: PathBuf = ["..", "shared"].iter().collect::<PathBuf>().join(path);
    format!("is a copy of {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::super::tree::example::{Example, found};
    use super::*;

    #[test]
    fn a_path_of_somebodys_machine_is_found() {
        for (head, tail) in MACHINE {
            let text = format!("\nlet path = \"{head}{tail}me/photo.jpg\";");
            let hits = found(no_machine_paths, &[("src/a.rs", &text)]);
            assert_eq!(hits, ["src/a.rs:2"], "{text}");
        }
    }

    #[test]
    fn paths_inside_the_repository_and_addresses_are_not() {
        let texts = ["net", "~", "../a"].map(|before| format!("{before}{}{}x", "/wo", "rk/"));
        for text in &texts {
            assert!(
                found(no_machine_paths, &[("a.md", text)]).is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn another_registry_is_found() {
        let crates = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        let ours = [
            ("Cargo.lock", crates),
            (
                "www/package-lock.json",
                "\"resolved\": \"https://registry.npmjs.org/x.tgz\"",
            ),
        ];
        assert!(found(default_registries, &ours).is_empty());
        for (file, text) in [
            (
                "Cargo.lock",
                "source = \"registry+https://mirror.example/index\"",
            ),
            ("Cargo.lock", "source = \"git+https://github.com/x/y#0\""),
            (
                "a/package-lock.json",
                "\"resolved\": \"https://mirror.example/x.tgz\"",
            ),
            ("a/.npmrc", "registry=https://mirror.example"),
            (".cargo/config.toml", "[source.crates-io]"),
        ] {
            assert_eq!(
                found(default_registries, &[(file, text)]).len(),
                1,
                "{text}"
            );
        }
    }

    #[test]
    fn a_copied_photograph_is_found_under_any_name() {
        let example = Example::new(&[("tests/mine.jpg", &"m".repeat(400))]);
        let shared = example.root().parent().unwrap().join("shared/data");
        fs::create_dir_all(&shared).unwrap();
        fs::write(shared.join("eye.jpg"), "e".repeat(400)).unwrap();
        assert!(nothing_of_shared(&example.tree()).unwrap().is_empty());
        example.write("tests/renamed.bin", "e".repeat(400).as_bytes());
        let findings = nothing_of_shared(&example.tree()).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].file, "tests/renamed.bin");
    }
}
