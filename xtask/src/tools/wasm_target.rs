//! Rust's standard library for `wasm32-unknown-unknown`: already there, or from
//! rustup, or, where rustup reaches nothing, built once from Debian's sources.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::debian;
use crate::paths::Paths;
use crate::process::{Run, on_path};

pub const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_BIN: &str = "/usr/bin";
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// The `PATH` under which `cargo` builds for wasm.
#[derive(Debug, Clone)]
pub struct WasmRust {
    path: Option<OsString>,
}

impl WasmRust {
    /// The default toolchain, if it already builds for wasm.
    pub fn find() -> Option<Self> {
        if has_target("rustc") {
            return Some(Self { path: None });
        }
        let rustc = Path::new(DEBIAN_BIN).join("rustc");
        (rustc.is_file() && has_target(&rustc)).then(Self::debian)
    }

    pub fn find_or_install(paths: &Paths) -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        let by_rustup = rustup_add();
        if by_rustup.is_ok() && has_target("rustc") {
            return Ok(Self { path: None });
        }
        if !debian::may_install() {
            return by_rustup.and_then(|()| {
                bail!("rustup added {TARGET}, yet `rustc` does not have it; make rustup's rustc the first on PATH")
            });
        }
        eprintln!("rustup cannot add {TARGET} here; building it from Debian's packages");
        build_from_debian(paths)?;
        match Self::find() {
            Some(found) => Ok(found),
            None => bail!(
                "the standard library for {TARGET} was built but rustc does not find it; \
                 compare `/usr/bin/rustc --print sysroot` with where it was copied to"
            ),
        }
    }

    /// Points a wasm build at this toolchain, with `first` before everything
    /// else on `PATH`.
    pub fn on(&self, run: Run, first: Option<&Path>) -> Run {
        let inherited = self
            .path
            .clone()
            .or_else(|| std::env::var_os("PATH"))
            .unwrap_or_default();
        let folders = first
            .map(Path::to_path_buf)
            .into_iter()
            .chain(std::env::split_paths(&inherited));
        let path = std::env::join_paths(folders).unwrap_or(inherited);
        let run = run.env("PATH", path);
        if self.path.is_some() {
            // What rustup's proxy set for its own cargo and rustc.
            run.env_remove(&["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"])
        } else {
            run
        }
    }

    fn debian() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            std::iter::once(PathBuf::from(DEBIAN_BIN)).chain(std::env::split_paths(&path));
        Self {
            path: std::env::join_paths(folders).ok(),
        }
    }
}

fn rustup_add() -> Result<()> {
    let fix = format!(
        "without rustup's server, build {TARGET} from your system's Rust, or run this as root on \
         Debian, where it does so itself"
    );
    if on_path("rustup").is_none() {
        bail!(
            "Rust cannot build for {TARGET} and rustup is not on PATH; \
             install Rust from https://rustup.rs, then run again"
        );
    }
    Run::new("rustup", fix).args(["target", "add", TARGET]).go()
}

fn library_folder(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

/// Whether this rustc brings a standard library for wasm.
fn has_target(rustc: impl AsRef<std::ffi::OsStr>) -> bool {
    Run::new(rustc, "")
        .args(["--print", "sysroot"])
        .output()
        .is_ok_and(|sysroot| holds_std(&library_folder(Path::new(&sysroot))))
}

fn holds_std(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

/// Debian ships the source of the standard library but no wasm build of it:
/// build it in an empty crate, and copy the result to where rustc looks.
fn build_from_debian(paths: &Paths) -> Result<()> {
    debian::install(&DEBIAN_PACKAGES)?;
    let empty = paths.tools().join("wasm-std");
    fs::create_dir_all(empty.join("src"))?;
    fs::write(
        empty.join("Cargo.toml"),
        "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n",
    )?;
    fs::write(empty.join("src/lib.rs"), "")?;

    let debian = WasmRust::debian();
    let build = Run::new(
        Path::new(DEBIAN_BIN).join("cargo"),
        "Debian's Rust could not build the standard library for wasm; \
         reinstall rustc-web and rust-web-src",
    )
    .args(["build", "--release", "--target", TARGET, "-Z"])
    // `test` is what the browser tests link against.
    .arg("build-std=std,panic_abort,test")
    .env("RUSTC_BOOTSTRAP", "1")
    .env("CARGO_TARGET_DIR", empty.join("target"))
    .folder(&empty);
    debian.on(build, None).go()?;

    let sysroot = debian
        .on(Run::new(Path::new(DEBIAN_BIN).join("rustc"), ""), None)
        .args(["--print", "sysroot"])
        .output()?;
    let built = empty.join("target").join(TARGET).join("release/deps");
    copy_libraries(&built, &library_folder(Path::new(&sysroot)))
}

/// Copies every `.rlib` but the empty crate's own.
fn copy_libraries(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    let entries =
        fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
            continue;
        };
        if name.ends_with(".rlib") && !name.starts_with("libempty") {
            fs::copy(&path, to.join(&*name))
                .with_context(|| format!("{} cannot be copied", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_copied_without_the_empty_crate() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("deps"), scratch.path().join("lib"));
        fs::create_dir(&from).unwrap();
        for name in ["libstd-1.rlib", "libempty-2.rlib", "libstd-1.rmeta"] {
            fs::write(from.join(name), name).unwrap();
        }
        assert!(!holds_std(&to));
        copy_libraries(&from, &to).unwrap();
        assert!(holds_std(&to));
        assert!(!to.join("libempty-2.rlib").exists());
        assert!(!to.join("libstd-1.rmeta").exists());
    }
}
