//! Packages of Debian and its relatives, for what no language's own package
//! manager brings.

use std::path::Path;

use anyhow::Result;

use crate::process::{Run, on_path};

/// Whether packages may be installed without asking anyone: as root, with apt.
pub fn may_install() -> bool {
    on_path("apt-get").is_some() && is_root()
}

/// Whether this process runs as root, which also decides Chromium's sandbox.
pub fn is_root() -> bool {
    cfg!(unix)
        && Run::new("id", "")
            .arg("-u")
            .output()
            .is_ok_and(|id| id == "0")
}

/// Installs packages from Debian's own archive.
pub fn install(packages: &[&str]) -> Result<()> {
    let fix = format!(
        "run `apt-get install {}` by hand to see what is in the way",
        packages.join(" ")
    );
    let apt = |arguments: &[&str]| {
        Run::new("apt-get", &fix)
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .folder(Path::new("/"))
            .go()
    };
    apt(&["-q", "update"])?;
    apt(&[
        &["install", "-q", "-y", "--no-install-recommends"],
        packages,
    ]
    .concat())
}
