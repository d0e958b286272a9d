//! Where things lie: the repository, and the cache kept outside it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The folders every chore works in.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The repository: `Cargo.toml`, `src/`, `www/`.
    pub root: PathBuf,
    /// Tools and build products that outlive a checkout.
    pub cache: PathBuf,
}

impl Paths {
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .map(Path::to_path_buf);
        let Some(root) = root.filter(|root| root.join("Cargo.toml").is_file()) else {
            bail!(
                "the repository this command was built in is no longer there; \
                 run `cargo xtask` inside a checkout"
            );
        };
        let cache = cache_folder(
            env::var_os("FOVEA_CACHE").map(PathBuf::from),
            env::var_os("XDG_CACHE_HOME").map(PathBuf::from),
            env::home_dir(),
        )?;
        Ok(Self { root, cache })
    }

    /// Installed tools, one folder a tool and version.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// What cargo builds; shared by all checkouts of this user.
    pub fn target(&self) -> PathBuf {
        self.cache.join("target")
    }

    /// Finished wasm files, one folder a variant and content.
    pub fn wasm(&self) -> PathBuf {
        self.cache.join("wasm")
    }

    pub fn www(&self) -> PathBuf {
        self.root.join("www")
    }

    /// The static site, ready for any host.
    pub fn site(&self) -> PathBuf {
        self.root.join("target").join("site")
    }

    /// The npm package.
    pub fn package(&self) -> PathBuf {
        self.root.join("pkg")
    }

    /// Research photographs and weights beside the checkout, where they are.
    pub fn shared(&self) -> Option<PathBuf> {
        let shared = self.root.parent()?.join("shared");
        shared.is_dir().then_some(shared)
    }

    /// The path as a person would type it from the repository.
    pub fn show(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

/// `FOVEA_CACHE`, else `XDG_CACHE_HOME/fovea`, else `~/.cache/fovea`. A relative
/// `XDG_CACHE_HOME` is ignored, as the XDG base directory specification asks.
fn cache_folder(
    named: Option<PathBuf>,
    xdg: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Result<PathBuf> {
    if let Some(named) = named.filter(|path| !path.as_os_str().is_empty()) {
        return Ok(std::path::absolute(named)?);
    }
    if let Some(xdg) = xdg.filter(|path| path.is_absolute()) {
        return Ok(xdg.join("fovea"));
    }
    match home.filter(|path| path.is_absolute()) {
        Some(home) => Ok(home.join(".cache").join("fovea")),
        None => bail!(
            "no home folder to keep tools and build products in; \
             set FOVEA_CACHE to a folder that may grow to a few gigabytes"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Option<PathBuf> {
        Some(PathBuf::from(text))
    }

    #[test]
    fn a_named_cache_wins_over_xdg_and_home() {
        let found = cache_folder(path("/named"), path("/xdg"), path("/me")).unwrap();
        assert_eq!(found, Path::new("/named"));
        let found = cache_folder(None, path("/xdg"), path("/me")).unwrap();
        assert_eq!(found, Path::new("/xdg/fovea"));
        let found = cache_folder(None, None, path("/me")).unwrap();
        assert_eq!(found, Path::new("/me/.cache/fovea"));
    }

    #[test]
    fn a_relative_xdg_folder_is_ignored() {
        let found = cache_folder(path(""), path("xdg"), path("/me")).unwrap();
        assert_eq!(found, Path::new("/me/.cache/fovea"));
    }

    #[test]
    fn without_a_home_the_fix_is_named() {
        let error = cache_folder(None, None, None).unwrap_err().to_string();
        assert!(error.contains("FOVEA_CACHE"), "{error}");
    }
}
