//! Chromium and its driver, which the browser tests need, and Firefox and WebKit,
//! which they take where they are.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{debian, major};
use crate::process::{Run, on_path};

const FIX: &str = "on Debian and Ubuntu `apt-get install chromium chromium-driver`; elsewhere \
                   install Chromium or Chrome and the chromedriver of the same version, and name \
                   them in FOVEA_CHROMIUM and FOVEA_CHROMEDRIVER where they are not on PATH";

/// A Chromium, found but not started.
#[derive(Debug, Clone)]
pub struct Chromium {
    pub program: PathBuf,
    /// As it states it, such as `Chromium 156.0.8078.79`.
    pub version: String,
}

impl Chromium {
    pub fn find() -> Option<Self> {
        let program = from_environment("FOVEA_CHROMIUM").or_else(|| {
            let names = [
                "chromium",
                "chromium-browser",
                "google-chrome-stable",
                "google-chrome",
            ];
            names.iter().find_map(|name| on_path(name)).or_else(|| {
                let mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
                Some(PathBuf::from(mac)).filter(|program| program.is_file())
            })
        })?;
        let version = Run::new(&program, "").arg("--version").output().ok()?;
        Some(Self { program, version })
    }
}

/// Chromium and a driver that speaks to it.
#[derive(Debug, Clone)]
pub struct Browser {
    pub chromium: Chromium,
    pub driver: PathBuf,
    /// Chromium refuses its own sandbox to root.
    pub as_root: bool,
}

impl Browser {
    pub fn find_or_install() -> Result<Self> {
        if (Chromium::find().is_none() || driver_of().is_none()) && debian::may_install() {
            eprintln!("Installing Chromium and its driver");
            debian::install(&["chromium", "chromium-driver"])?;
        }
        let Some(chromium) = Chromium::find() else {
            bail!("no Chromium for the browser tests; {FIX}");
        };
        let Some(driver) = driver_of() else {
            bail!("no chromedriver for the browser tests; {FIX}");
        };
        let driver_version = Run::new(&driver, FIX).arg("--version").output()?;
        let (ours, theirs) = (
            stated_major(&chromium.version),
            stated_major(&driver_version),
        );
        if ours != theirs {
            bail!(
                "{} and {driver_version} do not speak to each other; install both in the same \
                 version: {FIX}",
                chromium.version
            );
        }
        Ok(Self {
            chromium,
            driver,
            as_root: debian::is_root(),
        })
    }

    /// Chromium's capabilities for a WebDriver session, as JSON.
    pub fn capabilities(&self) -> serde_json::Value {
        // A container's /dev/shm is often 64 MB; the model alone is a third of it.
        let mut arguments = vec!["--disable-dev-shm-usage"];
        if self.as_root {
            arguments.push("--no-sandbox");
        }
        serde_json::json!({
            "goog:chromeOptions": {
                "binary": self.chromium.program,
                "args": arguments,
            }
        })
    }
}

/// A Firefox named in the environment or found on `PATH`.
pub fn firefox() -> Option<PathBuf> {
    from_environment("FOVEA_FIREFOX").or_else(|| {
        ["firefox-esr", "firefox"]
            .iter()
            .find_map(|name| on_path(name))
    })
}

/// The driver of WebKit, of which Safari is made, where there is a screen for it, too.
pub fn webkit() -> Option<PathBuf> {
    let driver = from_environment("FOVEA_WEBKIT").or_else(|| on_path("WebKitWebDriver"))?;
    on_path("Xvfb").map(|_| driver)
}

/// The same as [`firefox`], installed where that needs nobody's leave.
pub fn firefox_or_install() -> Option<PathBuf> {
    find_or_install("Firefox", &["firefox-esr"], firefox)
}

/// The same as [`webkit`], installed where that needs nobody's leave.
pub fn webkit_or_install() -> Option<PathBuf> {
    find_or_install("WebKit", &["webkit2gtk-driver", "xvfb"], webkit)
}

/// Without the browser its tests are skipped, and say so.
fn find_or_install(
    name: &str,
    packages: &[&str],
    find: impl Fn() -> Option<PathBuf>,
) -> Option<PathBuf> {
    find().or_else(|| {
        if !debian::may_install() {
            return None;
        }
        eprintln!("Installing {name}");
        if let Err(error) = debian::install(packages) {
            eprintln!("the page is not tested in {name}: {error}");
        }
        find()
    })
}

/// The chromedriver named in the environment or found on `PATH`.
pub fn driver_of() -> Option<PathBuf> {
    from_environment("FOVEA_CHROMEDRIVER").or_else(|| on_path("chromedriver"))
}

fn from_environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The major version in `Chromium 156.0.8078.79 built on Debian` or
/// `ChromeDriver 156.0.8078.79 (…)`.
fn stated_major(answer: &str) -> Option<u32> {
    answer
        .split_whitespace()
        .filter(|word| word.contains('.'))
        .find_map(major)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_off_both_answers() {
        assert_eq!(
            stated_major("Chromium 156.0.8078.79 built on Debian GNU/Linux 12"),
            Some(156)
        );
        assert_eq!(stated_major("ChromeDriver 156.0.1 (0a1b2c.3)"), Some(156));
        assert_eq!(stated_major("no such thing"), None);
    }

    #[test]
    fn only_root_goes_without_the_sandbox() {
        let mut browser = Browser {
            chromium: Chromium {
                program: PathBuf::from("chromium"),
                version: String::new(),
            },
            driver: PathBuf::from("chromedriver"),
            as_root: false,
        };
        assert!(!browser.capabilities().to_string().contains("--no-sandbox"));
        browser.as_root = true;
        assert!(browser.capabilities().to_string().contains("--no-sandbox"));
    }
}
