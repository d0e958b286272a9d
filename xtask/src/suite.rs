//! Every check and test of the project, one after the other, with a table of how
//! they went.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cli::Variants;
use crate::count::Counts;
use crate::digest::Stamp;
use crate::files;
use crate::invariants;
use crate::paths::Paths;
use crate::process::Run;
use crate::reference;
use crate::say;
use crate::site;
use crate::tools::{self, Toolbox};
use crate::wasm::{self, CPU};

/// One part of the whole, in the order they run: quick to tell first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Format,
    Invariants,
    Xtask,
    Clippy,
    Unit,
    Native,
    Wasm,
    Site,
    Page,
    Features,
}

impl Part {
    pub const ALL: [Self; 10] = [
        Self::Format,
        Self::Invariants,
        Self::Xtask,
        Self::Clippy,
        Self::Unit,
        Self::Native,
        Self::Wasm,
        Self::Site,
        Self::Page,
        Self::Features,
    ];

    /// Formatting and lints: what `cargo xtask lint` runs.
    pub const LINT: [Self; 2] = [Self::Format, Self::Clippy];

    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Invariants => "invariants",
            Self::Xtask => "xtask",
            Self::Clippy => "clippy",
            Self::Unit => "unit",
            Self::Native => "native",
            Self::Wasm => "wasm",
            Self::Site => "site",
            Self::Page => "page",
            Self::Features => "features",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            Self::Format => "cargo fmt finds nothing to change",
            Self::Invariants => "the rules of the house hold",
            Self::Xtask => "these chores' own tests, the server's among them",
            Self::Clippy => "clippy finds nothing, natively and for the browser",
            Self::Unit => "the library's modules, each by itself",
            Self::Native => "the library and the command, on this machine",
            Self::Wasm => "the library in headless Chromium, by wasm-pack",
            Self::Site => "wasm and page put together in target/site/",
            Self::Page => {
                "the real page in real Chromium, and in Firefox and WebKit where they are"
            }
            Self::Features => "the features for training on a GPU are clean",
        }
    }

    pub fn named(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|part| part.name() == name) {
            Some(part) => Ok(part),
            None => {
                let names = Self::ALL.map(Self::name).join(", ");
                bail!("there is no part `{name}`; there are: {names}")
            }
        }
    }

    /// Tests that did not run have not passed.
    fn refuse_silence(self, counts: Counts) -> Result<()> {
        let has_tests = matches!(
            self,
            Self::Xtask | Self::Unit | Self::Native | Self::Wasm | Self::Page
        );
        if has_tests && counts == Counts::default() {
            bail!("no test ran, though there should be some; see the output above");
        }
        Ok(())
    }

    /// Parts whose failure leaves this one nothing to test.
    fn needs(self) -> &'static [Self] {
        match self {
            Self::Page => &[Self::Native, Self::Site],
            _ => &[],
        }
    }
}

/// How a part went.
enum Outcome {
    Passed,
    Failed(anyhow::Error),
    Skipped(Part),
}

struct Report {
    part: Part,
    outcome: Outcome,
    counts: Counts,
    took: Duration,
}

/// Runs the parts named, prints how they went, and fails if one failed.
pub fn run(paths: &Paths, parts: &[Part]) -> Result<()> {
    let began = Instant::now();
    let mut reports: Vec<Report> = Vec::new();
    for (index, part) in parts.iter().copied().enumerate() {
        say::line(format_args!(
            "\n── {} of {}: {} · {} ──",
            index + 1,
            parts.len(),
            part.name(),
            part.about()
        ));
        let start = Instant::now();
        let missing = part.needs().iter().copied().find(|needed| {
            reports
                .iter()
                .any(|report| report.part == *needed && !matches!(report.outcome, Outcome::Passed))
        });
        let (counts, outcome) = match missing {
            Some(needed) => (Counts::default(), Outcome::Skipped(needed)),
            None => {
                let (counts, result) = run_part(paths, part);
                let result = result.and_then(|()| part.refuse_silence(counts));
                (
                    counts,
                    result.map_or_else(Outcome::Failed, |()| Outcome::Passed),
                )
            }
        };
        let took = start.elapsed();
        match &outcome {
            Outcome::Passed => {
                say::line(format_args!("{}: passed in {}", part.name(), clock(took)))
            }
            Outcome::Failed(error) => {
                say::line(format_args!(
                    "{}: FAILED after {}: {error:#}",
                    part.name(),
                    clock(took)
                ));
            }
            Outcome::Skipped(needed) => {
                say::line(format_args!(
                    "{}: not run, because {} failed",
                    part.name(),
                    needed.name()
                ));
            }
        }
        reports.push(Report {
            part,
            outcome,
            counts,
            took,
        });
    }
    say::text(table(&reports, began.elapsed()));
    let failed: Vec<&str> = reports
        .iter()
        .filter(|report| !matches!(report.outcome, Outcome::Passed))
        .map(|report| report.part.name())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "not everything passed: {}; run one alone by `cargo xtask test --only {}`",
        failed.join(", "),
        failed[0]
    )
}

/// The closing table, and under it how many tests passed and failed. A part
/// that counts no tests of its own counts as one.
fn table(reports: &[Report], took: Duration) -> String {
    let mut text = format!(
        "\n{:<12}{:<10}{:>8}{:>8}{:>9}\n",
        "part", "", "passed", "failed", "took"
    );
    let mut sum = Counts::default();
    for report in reports {
        let (word, alone) = match report.outcome {
            Outcome::Passed => (
                "passed",
                Counts {
                    passed: 1,
                    failed: 0,
                },
            ),
            Outcome::Failed(_) => (
                "FAILED",
                Counts {
                    passed: 0,
                    failed: 1,
                },
            ),
            Outcome::Skipped(_) => (
                "not run",
                Counts {
                    passed: 0,
                    failed: 1,
                },
            ),
        };
        let mut counts = report.counts;
        let silent = counts == Counts::default();
        let unexplained = !matches!(report.outcome, Outcome::Passed) && counts.failed == 0;
        if silent || unexplained {
            counts += alone;
        }
        sum += counts;
        text += &format!(
            "{:<12}{word:<10}{:>8}{:>8}{:>9}\n",
            report.part.name(),
            counts.passed,
            counts.failed,
            clock(report.took)
        );
    }
    text += &format!("{:<38}{:>9}\n\n", "", clock(took));
    text += &format!("{} passed, {} failed\n", sum.passed, sum.failed);
    text
}

/// Minutes and seconds.
fn clock(took: Duration) -> String {
    let seconds = took.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn run_part(paths: &Paths, part: Part) -> (Counts, Result<()>) {
    let tools = Toolbox::new(paths);
    let uncounted = |result| (Counts::default(), result);
    match part {
        Part::Format => uncounted(format(paths)),
        Part::Invariants => invariants::check(paths),
        Part::Xtask => cargo(paths, "a test of xtask failed: its name is above")
            .args(["test", "--package", "xtask"])
            .count(),
        Part::Clippy => uncounted(clippy(paths)),
        Part::Unit => tests(paths, &["--lib"]),
        // Each its own program; the library's own tests were the part before.
        Part::Native => tests(paths, &["--bins", "--test", "*"]),
        Part::Wasm => match wasm_pack(paths, &tools) {
            Ok(run) => run.count(),
            Err(error) => uncounted(Err(error)),
        },
        Part::Site => uncounted(site::build(paths, &tools, Variants::All)),
        Part::Page => match page(paths, &tools) {
            Ok(run) => run.count(),
            Err(error) => uncounted(Err(error)),
        },
        Part::Features => uncounted(features(paths)),
    }
}

fn cargo(paths: &Paths, fix: &str) -> Run {
    Run::new("cargo", fix)
        .env("CARGO_TARGET_DIR", paths.target())
        .folder(&paths.root)
}

fn format(paths: &Paths) -> Result<()> {
    cargo(paths, "run `cargo fmt --all`")
        .args(["fmt", "--all", "--check"])
        .go()
}

/// What to do where clippy finds something.
const MEND: &str = "mend what clippy names above, or allow it there with the reason";

/// Clippy with the browser's bindings compiled natively too: one build of the
/// dependencies instead of two.
fn clippy(paths: &Paths) -> Result<()> {
    let lint = |arguments: &[&str]| {
        cargo(paths, MEND)
            .arg("clippy")
            .args(arguments)
            .args(["--all-targets", "--", "-D", "warnings"])
            .go()
    };
    lint(&["--package", "fovea", "--features", "web,web-dicom"])?;
    lint(&["--package", "xtask"])
}

fn tests(paths: &Paths, which: &[&str]) -> (Counts, Result<()>) {
    cargo(paths, "the tests that failed are named above")
        .args(["test", "--package", "fovea", "--no-fail-fast"])
        .args(which)
        .count()
}

fn wasm_pack(paths: &Paths, tools: &Toolbox) -> Result<Run> {
    let rust = tools.wasm_rust()?;
    let pack = tools.wasm_pack()?;
    let bindgen = tools.wasm_bindgen()?;
    let browser = tools.browser()?;

    reference::prepare(paths)?;
    let folder = paths.cache.join("webdriver");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let capabilities = folder.join("webdriver.json");
    fs::write(&capabilities, browser.capabilities().to_string())
        .with_context(|| format!("{} cannot be written", capabilities.display()))?;

    let run = Run::new(
        pack,
        "the tests that failed are named above; if no browser started, `cargo xtask doctor` looks for it",
    )
    .args(["test", "--headless", "--chrome", "--chromedriver"])
    .arg(&browser.driver)
    .args(["--mode", "no-install", "--release", "--"])
    .args(wasm::cargo_features(&CPU))
    // The tests written for a browser; compiling the native ones for it would
    // take minutes and run nothing.
    .args(["--test", "browser"])
    .env("CARGO_TARGET_DIR", paths.target())
    .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", &capabilities)
    // Seconds; the real model on two slow cores.
    .env("WASM_BINDGEN_TEST_TIMEOUT", "600")
    .folder(&paths.root);
    // wasm-pack looks for the tools it needs on PATH before it downloads them.
    Ok(rust.on(reference::tell(paths, run)?, bindgen.parent()))
}

fn page(paths: &Paths, tools: &Toolbox) -> Result<Run> {
    let node = tools.node()?;
    let browser = tools.browser()?;
    let tests = paths.root.join("tests").join("page");
    if !tests.join("package-lock.json").is_file() {
        bail!("tests/page/package-lock.json is not there; check out the whole repository");
    }
    if !paths.site().join("index.html").is_file() {
        bail!("target/site/ is not there; run `cargo xtask site` first");
    }
    install_page_tools(tools, &tests)?;
    // Built by the native tests a moment ago; alone, it takes its time here.
    cargo(paths, "the compiler's messages above say where")
        .args(["build", "--package", "fovea", "--bin", "fovea"])
        .go()?;
    let binary = format!("fovea{}", std::env::consts::EXE_SUFFIX);
    let firefox = tools::firefox_or_install().unwrap_or_default();
    let webkit = tools::webkit_or_install().unwrap_or_default();
    Ok(Run::new(node, "the tests that failed are named above")
        .args(["--test", "--test-reporter=spec", "--test-concurrency=1"])
        .args(test_files(&tests)?)
        .env("FOVEA_SITE", paths.site())
        .env("FOVEA_CHROMIUM", &browser.chromium.program)
        .env("FOVEA_FIREFOX", firefox)
        .env("FOVEA_WEBKIT", webkit)
        .env("FOVEA_BIN", paths.target().join("debug").join(binary))
        .folder(&paths.root))
}

/// `*.test.js` and `*.test.mjs`, sorted. Named one by one, as Node 20 and 22 do
/// not agree on what a folder means.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = files::walk(folder)?
        .into_iter()
        .filter(|path| !path.starts_with("node_modules"))
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".test.js") || name.ends_with(".test.mjs")
        })
        .map(|path| folder.join(path))
        .collect();
    found.sort();
    if found.is_empty() {
        bail!("tests/page/ holds no *.test.js; check out the whole repository");
    }
    Ok(found)
}

/// `npm ci`, skipped while the lock file is the one installed last.
fn install_page_tools(tools: &Toolbox, tests: &Path) -> Result<()> {
    let installed = tests.join("node_modules").join(".installed");
    let wanted = Stamp::default()
        .add_file(&tests.join("package-lock.json"))?
        .short();
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    Run::new(
        tools.npm()?,
        "check the network, then run again; the packages are named in tests/page/package-lock.json",
    )
    .args(["ci", "--no-audit", "--no-fund"])
    .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
    .folder(tests)
    .go()?;
    fs::write(&installed, wanted)
        .with_context(|| format!("{} cannot be written", installed.display()))
}

fn features(paths: &Paths) -> Result<()> {
    // Benches too: they have a part for these features.
    cargo(paths, MEND)
        .args(["clippy", "--package", "fovea", "--lib", "--bins"])
        .args(["--benches", "--features", "gpu,cuda"])
        // Building for CUDA fetches an LLVM to link with; checking needs none, and
        // this is how those packages are told so (docs.rs has no network either).
        .env("DOCS_RS", "1")
        .args(["--", "-D", "warnings"])
        .go()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(part: Part, outcome: Outcome, passed: usize, failed: usize) -> Report {
        Report {
            part,
            outcome,
            counts: Counts { passed, failed },
            took: Duration::from_secs(75),
        }
    }

    #[test]
    fn names_lead_back_to_their_parts() {
        for part in Part::ALL {
            assert_eq!(Part::named(part.name()).unwrap(), part);
        }
    }

    #[test]
    fn the_table_sums_up_tests_and_parts() {
        let reports = [
            report(Part::Format, Outcome::Passed, 0, 0),
            report(Part::Native, Outcome::Passed, 40, 0),
            report(Part::Wasm, Outcome::Failed(anyhow::anyhow!("one")), 3, 1),
        ];
        let text = table(&reports, Duration::from_secs(225));
        assert!(text.ends_with("44 passed, 1 failed\n"), "{text}");
        assert!(text.contains("3:45"), "{text}");
    }

    #[test]
    fn a_part_that_fails_before_it_counts_is_a_failure() {
        let crashed = report(
            Part::Wasm,
            Outcome::Failed(anyhow::anyhow!("no browser")),
            3,
            0,
        );
        let skipped = report(Part::Page, Outcome::Skipped(Part::Site), 0, 0);
        let text = table(&[crashed, skipped], Duration::ZERO);
        assert!(text.ends_with("3 passed, 2 failed\n"), "{text}");
    }

    #[test]
    fn no_test_at_all_is_a_failure_where_there_should_be_some() {
        let (none, one) = (
            Counts::default(),
            Counts {
                passed: 1,
                failed: 0,
            },
        );
        assert!(Part::Wasm.refuse_silence(none).is_err());
        assert!(Part::Wasm.refuse_silence(one).is_ok());
        assert!(Part::Format.refuse_silence(none).is_ok());
    }

    #[test]
    fn a_part_runs_after_those_it_needs() {
        let place = |part: Part| Part::ALL.iter().position(|other| *other == part);
        for part in Part::ALL {
            for needed in part.needs() {
                assert!(place(*needed) < place(part));
            }
        }
    }
}
