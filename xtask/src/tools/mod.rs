//! The tools beside cargo: found, or installed into the cache, or named in a
//! sentence that says how to get them.

mod browser;
mod debian;
mod wasm_target;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use browser::{
    Browser, Chromium, driver_of, firefox, firefox_or_install, webkit, webkit_or_install,
};
pub use wasm_target::{TARGET, WasmRust};

use crate::files;
use crate::paths::Paths;
use crate::process::{Run, on_path};

const WASM_PACK: &str = "0.15.1";
/// Debian's own is too old for the wasm that Rust writes today.
const BINARYEN: &str = "132.0.0";
/// The oldest Node with the test runner and the flags the page's tests use.
const NODE_MAJOR: u32 = 20;

/// Finds and installs tools in one cache.
pub struct Toolbox<'a> {
    paths: &'a Paths,
}

impl<'a> Toolbox<'a> {
    pub fn new(paths: &'a Paths) -> Self {
        Self { paths }
    }

    /// Rust with a standard library for wasm32.
    pub fn wasm_rust(&self) -> Result<WasmRust> {
        WasmRust::find_or_install(self.paths)
    }

    /// `wasm-bindgen`, in the version of the crate the lock file names: the two
    /// refuse to work together otherwise.
    pub fn wasm_bindgen(&self) -> Result<PathBuf> {
        let version = self.wasm_bindgen_version()?;
        self.cargo_tool("wasm-bindgen-cli", "wasm-bindgen", &version)
    }

    pub fn wasm_bindgen_version(&self) -> Result<String> {
        let lock = self.paths.root.join("Cargo.lock");
        let text = fs::read_to_string(&lock)
            .with_context(|| format!("{} cannot be read", lock.display()))?;
        locked_version(&text, "wasm-bindgen")
            .context("Cargo.lock names no wasm-bindgen; run `cargo update --workspace`")
    }

    pub fn wasm_pack(&self) -> Result<PathBuf> {
        self.cargo_tool("wasm-pack", "wasm-pack", WASM_PACK)
    }

    /// `wasm-opt` as a script for [`Toolbox::node`].
    pub fn wasm_opt(&self) -> Result<PathBuf> {
        let node = self.node()?;
        if self.installed_wasm_opt().is_none() {
            let folder = self.folder("binaryen", BINARYEN);
            announce("wasm-opt (binaryen)", BINARYEN, "a few seconds");
            let npm = self.npm()?;
            self.install(&folder, |temporary| {
                Run::new(
                    &npm,
                    "wasm-opt comes from the npm package binaryen: check the network, then run \
                     again",
                )
                .args([
                    "install",
                    "--no-audit",
                    "--no-fund",
                    "--no-save",
                    "--prefix",
                ])
                .arg(temporary)
                .arg(format!("binaryen@{BINARYEN}"))
                .folder(temporary)
                .go()
            })?;
            if self.installed_wasm_opt().is_none() {
                bail!(
                    "wasm-opt was installed but does not run under {}; delete {} and run again",
                    node.display(),
                    folder.display()
                );
            }
        }
        Ok(self.wasm_opt_script())
    }

    /// Its answer to `--version`, where the right version is in the cache and
    /// runs; likewise for the other two.
    pub fn installed_wasm_opt(&self) -> Option<String> {
        let answer = Run::new(on_path("node")?, "")
            .arg(self.wasm_opt_script())
            .arg("--version")
            .output()
            .ok()?;
        // `wasm-opt version 132 (version_132)` for the package's 132.0.0.
        let major = BINARYEN.split('.').next()?;
        names_version(&answer, major).then_some(answer)
    }

    pub fn installed_wasm_bindgen(&self) -> Option<String> {
        let version = self.wasm_bindgen_version().ok()?;
        self.installed("wasm-bindgen-cli", "wasm-bindgen", &version)
    }

    pub fn installed_wasm_pack(&self) -> Option<String> {
        self.installed("wasm-pack", "wasm-pack", WASM_PACK)
    }

    fn wasm_opt_script(&self) -> PathBuf {
        self.folder("binaryen", BINARYEN)
            .join("node_modules/binaryen/bin/wasm-opt")
    }

    pub fn node(&self) -> Result<PathBuf> {
        const FIX: &str = "install Node.js 20 or newer (https://nodejs.org, or your system's \
                           package `nodejs`)";
        let Some(node) = on_path("node") else {
            bail!("node is not on PATH; {FIX}");
        };
        let version = Run::new(&node, FIX).arg("--version").output()?;
        match major(version.trim_start_matches('v')) {
            Some(number) if number >= NODE_MAJOR => Ok(node),
            _ => bail!("node {version} is too old; {FIX}"),
        }
    }

    pub fn npm(&self) -> Result<PathBuf> {
        on_path("npm").context(
            "npm is not on PATH; it comes with Node.js (https://nodejs.org), and on Debian as \
             the package `npm`",
        )
    }

    /// Chromium and, of the same version, chromedriver.
    pub fn browser(&self) -> Result<Browser> {
        Browser::find_or_install()
    }

    fn folder(&self, name: &str, version: &str) -> PathBuf {
        self.paths.tools().join(format!("{name}-{version}"))
    }

    /// A program from crates.io in exactly this version.
    fn cargo_tool(&self, package: &str, program: &str, version: &str) -> Result<PathBuf> {
        let file = self.program(package, program, version);
        if self.installed(package, program, version).is_some() {
            return Ok(file);
        }
        let folder = self.folder(package, version);
        announce(package, version, "two to five minutes");
        let build = self
            .paths
            .tools()
            .join(format!("build-{package}-{version}"));
        self.install(&folder, |temporary| {
            // Without `--locked`: its lock file was seen to name a dependency the
            // registry no longer carried. Barely optimised: these programs run for
            // seconds, and compiling them is what one waits for.
            Run::new(
                "cargo",
                format!("check the network, then run again: it goes on where it stopped; or run `cargo install {package} --version {version}` to see more"),
            )
            .args(["install", package, "--version"])
            .arg(format!("={version}"))
            .arg("--root")
            .arg(temporary)
            .env("CARGO_TARGET_DIR", &build)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_BUILD_OVERRIDE_OPT_LEVEL", "0")
            // Outside the repository, whose flags are for its own code.
            .folder(temporary)
            .go()
        })?;
        files::remove(&build)?;
        if self.installed(package, program, version).is_none() {
            bail!(
                "{package} was installed but does not answer; delete {} and run again",
                folder.display()
            );
        }
        Ok(file)
    }

    fn program(&self, package: &str, program: &str, version: &str) -> PathBuf {
        self.folder(package, version)
            .join("bin")
            .join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
    }

    fn installed(&self, package: &str, program: &str, version: &str) -> Option<String> {
        let answer = Run::new(self.program(package, program, version), "")
            .arg("--version")
            .output()
            .ok()?;
        names_version(&answer, version).then_some(answer)
    }

    /// Fills a temporary folder and puts it in place whole: an install cut short
    /// leaves nothing that looks finished.
    fn install(&self, folder: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let temporary = self
            .paths
            .tools()
            .join(format!("unfinished-{name}-{}", std::process::id()));
        files::remove(&temporary)?;
        fs::create_dir_all(&temporary)
            .with_context(|| format!("{} cannot be made", temporary.display()))?;
        let filled = fill(&temporary).and_then(|()| {
            files::remove(folder)?;
            fs::rename(&temporary, folder)
                .with_context(|| format!("{} cannot be put in place", folder.display()))
        });
        if filled.is_err() {
            files::remove(&temporary)?;
        }
        filled
    }
}

fn announce(name: &str, version: &str, duration: &str) {
    eprintln!("Installing {name} {version} into the cache, once; this takes {duration}");
}

/// Whether a program's answer to `--version` holds this version as a word.
fn names_version(answer: &str, version: &str) -> bool {
    answer.split_whitespace().any(|word| word == version)
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines.next()?.strip_prefix("version = \"")?;
    Some(version.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolbox_in(folder: &Path) -> Paths {
        Paths {
            root: folder.join("root"),
            cache: folder.join("cache"),
        }
    }

    #[test]
    fn the_lock_file_names_one_version() {
        let lock = "\
[[package]]
name = \"wasm-bindgen-futures\"
version = \"0.4.80\"

[[package]]
name = \"wasm-bindgen\"
version = \"0.2.130\"
source = \"…\"
";
        assert_eq!(locked_version(lock, "wasm-bindgen").unwrap(), "0.2.130");
        assert_eq!(locked_version(lock, "wasm-pack"), None);
    }

    #[test]
    fn a_version_is_matched_whole() {
        assert!(names_version("wasm-bindgen 0.2.130", "0.2.130"));
        assert!(!names_version("wasm-bindgen 0.2.1301", "0.2.130"));
        assert!(!names_version("", "0.2.130"));
    }

    #[test]
    fn an_install_cut_short_leaves_nothing_behind() {
        let scratch = tempfile::tempdir().unwrap();
        let paths = toolbox_in(scratch.path());
        let toolbox = Toolbox::new(&paths);
        let folder = toolbox.folder("tool", "1.0.0");
        let failed = toolbox.install(&folder, |temporary| {
            fs::write(temporary.join("half"), "half")?;
            bail!("the network went away")
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(paths.tools()).unwrap().count(), 0);
    }

    #[test]
    fn a_broken_install_is_replaced_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let paths = toolbox_in(scratch.path());
        let toolbox = Toolbox::new(&paths);
        let folder = toolbox.folder("tool", "1.0.0");
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::write(folder.join("bin/tool"), "cut").unwrap();
        toolbox
            .install(&folder, |temporary| {
                fs::write(temporary.join("tool"), "whole")?;
                Ok(())
            })
            .unwrap();
        assert_eq!(fs::read_to_string(folder.join("tool")).unwrap(), "whole");
        assert!(!folder.join("bin").exists());
    }
}
