//! The library as wasm: one file for every kind of browser the page tells apart.
//!
//! cargo compiles, wasm-bindgen writes the JavaScript around it, wasm-opt makes
//! it smaller and faster. The last two are skipped for wasm they have seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::cli::Variants;
use crate::digest::Stamp;
use crate::files;
use crate::paths::Paths;
use crate::process::Run;
use crate::reference;
use crate::tools::{TARGET, Toolbox};

/// One wasm file: what the library is built with and how it is called.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// The stem of its files in `pkg/`.
    pub name: &'static str,
    /// Cargo features.
    pub features: &'static str,
    pub need: Need,
}

/// Which browsers download a file, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// At the first visit, those that know WebAssembly's relaxed SIMD.
    Relaxed,
    /// At the first visit, those that do not.
    Plain,
    /// Whoever needs it, then.
    OnDemand,
}

pub const CPU: Variant = Variant {
    name: "fovea_cpu",
    features: "web",
    need: Need::Plain,
};

/// Multiplies and adds in one step, which not every browser knows.
pub const RELAXED: Variant = Variant {
    name: "fovea_cpu_relaxed",
    features: "web-relaxed",
    need: Need::Relaxed,
};

/// Four times the size: fetched only where a real adapter was found.
pub const GPU: Variant = Variant {
    name: "fovea_gpu",
    features: "web-gpu",
    need: Need::OnDemand,
};

/// Reads DICOM photographs: fetched when the first arrives.
pub const DICOM: Variant = Variant {
    name: "fovea_dicom",
    features: "web-dicom",
    need: Need::OnDemand,
};

impl Variants {
    pub fn list(self) -> &'static [Variant] {
        match self {
            Self::All => &[CPU, RELAXED, GPU, DICOM],
            Self::CpuOnly => &[CPU, RELAXED, DICOM],
        }
    }
}

/// wasm-opt's effort. Measured in November 2026 on the CPU file (5.1 MB before,
/// 1.39 MB by gzip): `-O1` gives 1.29 MB by gzip in 23 s, `-O2` 1.39 MB in 65 s,
/// `-O3` 1.39 MB in 97 s; `-O1` and `-O2` grade a photo equally fast, `-O3` was
/// not timed.
const EFFORT: &str = "-O1";

/// What Rust's compiler may put into wasm here; wasm-opt refuses it unnamed.
const WASM_FEATURES: [&str; 8] = [
    "--enable-simd",
    "--enable-relaxed-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-reference-types",
    "--enable-mutable-globals",
    "--enable-multivalue",
];

/// Finished files nobody asked for in this long are deleted.
const KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// The arguments that make cargo build for wasm; the browser tests use the same,
/// so that both share one build of the dependencies.
pub fn cargo_features(variant: &Variant) -> [&'static str; 3] {
    ["--no-default-features", "--features", variant.features]
}

/// Builds a variant and returns the folder of its finished files.
pub fn build(paths: &Paths, tools: &Toolbox, variant: &Variant) -> Result<PathBuf> {
    let rust = tools.wasm_rust()?;
    let bindgen = tools.wasm_bindgen()?;
    let optimizer = tools.wasm_opt()?;
    let node = tools.node()?;

    let compile = Run::new("cargo", "the compiler's messages above say where")
        .args(["build", "--lib", "--release", "--target", TARGET])
        .args(cargo_features(variant))
        .env("CARGO_TARGET_DIR", paths.target())
        .folder(&paths.root);
    rust.on(reference::tell(paths, compile)?, None).go()?;

    // Cargo gives every variant the same file name: read it before the next.
    let compiled = paths.target().join(TARGET).join("release/fovea.wasm");
    let bytes = fs::read(&compiled)
        .with_context(|| format!("cargo left no wasm at {}", compiled.display()))?;
    let key = Stamp::default()
        .add(&bytes)
        .add(tools.wasm_bindgen_version()?)
        .add(optimizer.to_string_lossy().as_bytes())
        .add(WASM_FEATURES.join(" "))
        .add(EFFORT)
        .short();
    let finished = paths.wasm().join(format!("{}-{key}", variant.name));
    if finished.is_dir() {
        files::touch(&finished)?;
        eprintln!(
            "{} is as it was: {}",
            variant.name,
            size_of(&finished, variant)?
        );
        return Ok(finished);
    }

    let raw = paths.wasm().join(format!(
        "unfinished-{}-{}",
        variant.name,
        std::process::id()
    ));
    files::remove(&raw)?;
    fs::create_dir_all(&raw).with_context(|| format!("{} cannot be made", raw.display()))?;
    let made = finish(variant, &bytes, &raw, &bindgen, &node, &optimizer).and_then(|out| {
        fs::rename(out, &finished)
            .with_context(|| format!("{} cannot be put in place", finished.display()))
    });
    files::remove(&raw)?;
    made?;
    prune(&paths.wasm(), SystemTime::now())?;
    eprintln!("{}: {}", variant.name, size_of(&finished, variant)?);
    Ok(finished)
}

/// Runs wasm-bindgen and wasm-opt inside `scratch`; returns the folder to keep.
fn finish(
    variant: &Variant,
    wasm: &[u8],
    scratch: &Path,
    bindgen: &Path,
    node: &Path,
    optimizer: &Path,
) -> Result<PathBuf> {
    let input = scratch.join("fovea.wasm");
    fs::write(&input, wasm).with_context(|| format!("{} cannot be written", input.display()))?;
    let out = scratch.join("out");
    Run::new(
        bindgen,
        "if it speaks of versions, the tool and the crate in Cargo.lock differ",
    )
    .args(["--target", "web", "--out-name", variant.name, "--out-dir"])
    .arg(&out)
    .arg(&input)
    .go()?;

    let bound = out.join(format!("{}_bg.wasm", variant.name));
    let optimized = scratch.join("optimized.wasm");
    Run::new(
        node,
        "if it names a wasm feature, add it to WASM_FEATURES in xtask/src/wasm.rs",
    )
    .arg(optimizer)
    .arg(EFFORT)
    .args(WASM_FEATURES)
    .arg(&bound)
    .arg("-o")
    .arg(&optimized)
    .go()?;
    fs::rename(&optimized, &bound)
        .with_context(|| format!("{} cannot be replaced", bound.display()))?;
    Ok(out)
}

fn size_of(folder: &Path, variant: &Variant) -> Result<String> {
    let file = folder.join(format!("{}_bg.wasm", variant.name));
    let Ok(metadata) = fs::metadata(&file) else {
        bail!(
            "{} is missing from the cache; run `cargo xtask clean-cache`",
            file.display()
        );
    };
    Ok(format!("{:.2} MB of wasm", metadata.len() as f64 / 1e6))
}

/// Deletes finished folders untouched for longer than [`KEPT`].
fn prune(folder: &Path, now: SystemTime) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let touched = entry.metadata()?.modified()?;
        if now.duration_since(touched).is_ok_and(|age| age > KEPT) {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_visit_downloads_one_grader_on_the_cpu() {
        for need in [Need::Plain, Need::Relaxed] {
            let at_once = |variant: &&Variant| variant.need == need;
            let names: Vec<_> = Variants::All.list().iter().filter(at_once).collect();
            assert_eq!(names.len(), 1, "{names:?}");
        }
        let without: Vec<_> = Variants::CpuOnly.list().iter().map(|v| v.name).collect();
        assert_eq!(without, ["fovea_cpu", "fovea_cpu_relaxed", "fovea_dicom"]);
    }

    #[test]
    fn old_builds_go_and_recent_ones_stay() {
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir(scratch.path().join("fovea_cpu-0")).unwrap();
        let now = SystemTime::now();
        prune(scratch.path(), now).unwrap();
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        prune(scratch.path(), now + KEPT + Duration::from_secs(60)).unwrap();
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    }
}
