//! Rules of the house that a compiler does not check: what a file of the
//! repository may and may not contain. Every rule is tried on a small tree that
//! breaks it.

mod hygiene;
mod page;
mod purity;
mod source;
mod tree;

use std::path::Path;

use anyhow::{Result, bail};

use crate::count::Counts;
use crate::paths::Paths;
use crate::say;
use tree::Tree;

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    file: String,
    /// Counted from one; zero where the whole file is meant.
    line: usize,
    what: String,
}

impl Finding {
    fn at(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }

    fn file(file: &str, what: impl Into<String>) -> Self {
        Self::at(file, 0, what)
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.file, self.what),
            line => write!(out, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// A rule: what must be so, and what to do where it is not.
struct Rule {
    states: &'static str,
    fix: &'static str,
    check: fn(&Tree) -> Result<Vec<Finding>>,
}

const RULES: [Rule; 11] = [
    Rule {
        states: "the way from photo to grade knows no files, clock, network or page",
        fix: "hand the bytes, the time or the setting in as an argument",
        check: purity::no_outside_world,
    },
    Rule {
        states: "nothing that holds a photo can send it",
        fix: "let the page's model.js fetch, and hand the bytes over",
        check: purity::no_requests_from_wasm,
    },
    Rule {
        states: "the page names no other server",
        fix: "ship the file with the site, or leave it out",
        check: page::no_third_party,
    },
    Rule {
        states: "the page has no inline script or style",
        fix: "move it to a file of its own: the content security policy blocks it",
        check: page::no_inline,
    },
    Rule {
        states: "the content security policy allows our own files and nothing else",
        fix: "see REQUIRED in xtask/src/invariants/page.rs",
        check: page::policy,
    },
    Rule {
        states: "only the model's loader, the service worker and the study's page fetch",
        fix: "ask www/js/model.js for it",
        check: page::fetch_in_its_place,
    },
    Rule {
        states: "grade names come out of the library",
        fix: "show what the wasm returns",
        check: page::no_grade_names,
    },
    Rule {
        states: "the shipped model stays under 24 MB",
        fix: "store the weights in half precision, or take a smaller network",
        check: page::model_size,
    },
    Rule {
        states: "no file names a place on somebody's machine",
        fix: "write the path relative to the repository",
        check: hygiene::no_machine_paths,
    },
    Rule {
        states: "lock files name no registry but the default ones",
        fix: "write the lock file again with the default registry",
        check: hygiene::default_registries,
    },
    Rule {
        states: "no research photograph or weight file was copied into the tree",
        fix: "delete it and read it from ../shared, or draw a picture by `fovea synth`",
        check: hygiene::nothing_of_shared,
    },
];

/// Checks every rule, prints what it finds, and fails if it found anything.
pub fn check(paths: &Paths) -> (Counts, Result<()>) {
    match check_tree(&paths.root) {
        Ok(counts) if counts.failed == 0 => (counts, Ok(())),
        Ok(counts) => (counts, refuse(counts.failed)),
        Err(error) => (
            Counts {
                passed: 0,
                failed: 1,
            },
            Err(error),
        ),
    }
}

fn refuse(broken: usize) -> Result<()> {
    bail!("{broken} rules of the house are broken; each line above says where and what to do")
}

fn check_tree(root: &Path) -> Result<Counts> {
    let tree = Tree::of_repository(root)?;
    let mut counts = Counts::default();
    for rule in &RULES {
        let findings = (rule.check)(&tree)?;
        if findings.is_empty() {
            say::line(format_args!("  holds   {}", rule.states));
            counts.passed += 1;
            continue;
        }
        say::line(format_args!("  BROKEN  {}", rule.states));
        for finding in &findings {
            say::line(format_args!("          {finding}"));
        }
        say::line(format_args!("          Fix: {}", rule.fix));
        counts.failed += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        assert_eq!(
            Finding::at("src/a.rs", 3, "why").to_string(),
            "src/a.rs:3: why"
        );
        assert_eq!(Finding::file("www", "why").to_string(), "www: why");
    }
}
