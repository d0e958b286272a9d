//! What the library's inner modules must not know.

use anyhow::Result;

use super::Finding;
use super::source::{line_at, rust_code, without_tests, words};
use super::tree::Tree;

const PURE: [&str; 9] = [
    "src/photo/",
    "src/quality/",
    "src/network/",
    "src/bundle/",
    "src/grading/",
    "src/explain/",
    "src/synth/",
    "src/grader/",
    "src/grader.rs",
];

/// Modules of `std` that reach outside.
const OUTSIDE: [&str; 5] = ["fs", "time", "net", "env", "process"];
/// Crates that do.
const OUTSIDE_CRATES: [&str; 4] = ["web_sys", "js_sys", "wasm_bindgen", "web_time"];

pub fn no_outside_world(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for folder in PURE {
        for file in tree.files(folder, &[".rs"]) {
            if file.ends_with("/tests.rs") || file.contains("/tests/") {
                continue;
            }
            let Some(text) = tree.text(file)? else {
                continue;
            };
            let code = without_tests(&rust_code(&text));
            for (offset, name) in reaches_outside(&code) {
                let what = format!("`{name}` has no place between a photo and its grade");
                findings.push(Finding::at(file, line_at(&code, offset), what));
            }
        }
    }
    Ok(findings)
}

fn reaches_outside(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for module in OUTSIDE {
        let path = format!("std::{module}");
        found.extend(words(code, &path).map(|offset| (offset, path.clone())));
    }
    for name in OUTSIDE_CRATES {
        found.extend(words(code, name).map(|offset| (offset, name.to_owned())));
    }
    // `use std::{fs, io};`
    for (start, opening) in code.match_indices("std::{") {
        let inside = start + opening.len();
        let mut depth = 1_usize;
        let mut at_start = true;
        let mut word = String::new();
        for (offset, character) in code[inside..].char_indices() {
            if character.is_alphanumeric() || character == '_' {
                word.push(character);
                continue;
            }
            if !word.is_empty() {
                if depth == 1 && at_start && OUTSIDE.contains(&word.as_str()) {
                    found.push((inside + offset - word.len(), format!("std::{word}")));
                }
                at_start = false;
                word.clear();
            }
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => at_start = true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found.sort();
    found
}

/// Ways of sending that a browser offers to wasm.
const REQUESTS: [&str; 7] = [
    "fetch_with_request",
    "fetch_with_str",
    "RequestInit",
    "XmlHttpRequest",
    "WebSocket",
    "EventSource",
    "send_beacon_with_opt_str",
];

pub fn no_requests_from_wasm(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in tree.files("src/", &[".rs"]) {
        let Some(text) = tree.text(file)? else {
            continue;
        };
        let code = rust_code(&text);
        for name in REQUESTS {
            findings.extend(words(&code, name).map(|offset| {
                let what = format!("`{name}` could carry a photo away");
                Finding::at(file, line_at(&code, offset), what)
            }));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::tree::example::found;
    use super::*;

    #[test]
    fn every_way_outside_is_found() {
        for code in [
            "use std::fs::File;",
            "fn now() { std::time::Instant::now(); }",
            "use std::{collections::HashMap, fs};",
            "use std::{\n    env::{self, var},\n};",
            "fn f() { let _ = js_sys::Date::now(); }",
            "use web_sys::Document;",
            "use std::net::TcpStream;",
        ] {
            let hits = found(no_outside_world, &[("src/photo/decode.rs", code)]);
            assert_eq!(hits.len(), 1, "{code}: {hits:?}");
        }
        let hits = found(no_outside_world, &[("src/grader.rs", "\nuse std::env;")]);
        assert_eq!(hits, ["src/grader.rs:2"]);
    }

    #[test]
    fn words_tests_and_other_modules_are_left_in_peace() {
        let harmless = "\
//! Knows no std::fs.
use std::{collections::HashMap, fmt::{self, Display}, io};
fn f() -> &'static str { \"std::fs\" }
#[cfg(test)]
mod tests { use std::fs; }
";
        assert!(
            found(
                no_outside_world,
                &[
                    ("src/photo/decode.rs", harmless),
                    ("src/photo/tests.rs", "use std::fs;"),
                    ("src/cli/mod.rs", "use std::fs;"),
                ],
            )
            .is_empty()
        );
    }

    #[test]
    fn a_request_from_rust_is_found() {
        let code = "fn f(w: &web_sys::Window) { w.fetch_with_str(\"/\"); }";
        assert_eq!(
            found(no_requests_from_wasm, &[("src/web/mod.rs", code)]).len(),
            1
        );
        assert!(found(no_requests_from_wasm, &[("src/web/mod.rs", "// WebSocket")]).is_empty());
    }
}
