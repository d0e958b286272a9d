//! The static site: the page, the wasm, and the list of both that the service
//! worker keeps for the day there is no network.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::cli::Variants;
use crate::digest::{self, Stamp};
use crate::files;
use crate::paths::Paths;
use crate::tools::Toolbox;
use crate::wasm::{self, Need};

/// Stands for the site's version in the files that must name it.
const VERSION_TOKEN: &str = "__FOVEA_VERSION__";
const VERSIONED: [&str; 2] = ["index.html", "sw.js"];
/// What the service worker reads: `version` changes with any byte of the site,
/// `files` are kept at the first visit, `lazy` (the model's weights, the wasm for
/// the GPU and for DICOM) when first used. Each entry has `url`, relative to the site's root,
/// `sha256` and `bytes`; what only some browsers keep has `relaxed` too, whether it is those
/// that know WebAssembly's relaxed SIMD.
const PRECACHE: &str = "precache.json";

/// A file of the site before it is written.
struct Source {
    url: String,
    from: PathBuf,
    need: Option<Need>,
}

/// Builds everything the site holds and writes it to `target/site/`.
pub fn build(paths: &Paths, tools: &Toolbox, variants: Variants) -> Result<()> {
    if !paths.www().join("index.html").is_file() {
        bail!("www/index.html is not there; check out the whole repository");
    }
    let mut built = Vec::new();
    for variant in variants.list() {
        built.push((wasm::build(paths, tools, variant)?, variant.need));
    }
    let version = assemble(&paths.www(), &built, &paths.site())?;
    eprintln!("{} holds version {version}", paths.show(&paths.site()));
    Ok(())
}

/// Writes page and wasm to `site` and returns the version. `built` pairs a
/// folder of wasm-bindgen's with who needs it.
fn assemble(www: &Path, built: &[(PathBuf, Need)], site: &Path) -> Result<String> {
    let sources = gather(www, built)?;
    let version = version_of(&sources)?;

    let staging = site.with_extension(format!("unfinished-{}", std::process::id()));
    files::remove(&staging)?;
    let written = write(&sources, &version, &staging).and_then(|()| files::swap(&staging, site));
    files::remove(&staging)?;
    written.map(|()| version)
}

fn write(sources: &[Source], version: &str, staging: &Path) -> Result<()> {
    let (mut at_once, mut lazy) = (Vec::new(), Vec::new());
    for source in sources {
        let to = staging.join(&source.url);
        files::copy(&source.from, &to)?;
        if VERSIONED.contains(&source.url.as_str()) {
            stamp_version(&to, version)?;
        }
        // The service worker does not keep itself: the browser does.
        if source.url == "sw.js" {
            continue;
        }
        let mut entry = json!({
            "url": source.url,
            "sha256": digest::of_file(&to)?,
            "bytes": fs::metadata(&to)?.len(),
        });
        match source.need {
            Some(Need::OnDemand) => {
                lazy.push(entry);
                continue;
            }
            Some(need) => entry["relaxed"] = (need == Need::Relaxed).into(),
            None => {}
        }
        at_once.push(entry);
    }
    let list = json!({ "version": version, "files": at_once, "lazy": lazy });
    let list = serde_json::to_string_pretty(&list)?;
    fs::write(staging.join(PRECACHE), list).context("the list of the site's files")
}

fn gather(www: &Path, built: &[(PathBuf, Need)]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in files::walk(www)? {
        let url = files::url(&path);
        let weights = url.starts_with("model/") && !url.ends_with(".json");
        sources.push(Source {
            from: www.join(path),
            url,
            need: weights.then_some(Need::OnDemand),
        });
    }
    for name in VERSIONED {
        if !sources.iter().any(|source| source.url == name) {
            bail!("www/{name} is not there, and the site cannot do without it");
        }
    }
    for (folder, need) in built {
        for path in files::walk(folder)? {
            let url = format!("pkg/{}", files::url(&path));
            if !url.ends_with(".d.ts") && !sources.iter().any(|source| source.url == url) {
                sources.push(Source {
                    from: folder.join(path),
                    url,
                    need: Some(*need),
                });
            }
        }
    }
    Ok(sources)
}

/// A digest of every name and every byte, taken before the version is written
/// into any of them.
fn version_of(sources: &[Source]) -> Result<String> {
    let mut stamp = Stamp::default();
    for source in sources {
        stamp = stamp.add(&source.url).add_file(&source.from)?;
    }
    Ok(stamp.short())
}

fn stamp_version(file: &Path, version: &str) -> Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    if !text.contains(VERSION_TOKEN) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        bail!("www/{name} must hold {VERSION_TOKEN}, where the version goes");
    }
    fs::write(file, text.replace(VERSION_TOKEN, version))
        .with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch {
        folder: tempfile::TempDir,
    }

    impl Scratch {
        fn new() -> Self {
            let scratch = Self {
                folder: tempfile::tempdir().unwrap(),
            };
            scratch.write("www/index.html", "<html data-version=__FOVEA_VERSION__>");
            scratch.write("www/sw.js", "const VERSION = '__FOVEA_VERSION__';");
            scratch.write("www/js/main.js", "main");
            scratch.write("www/model/model.json", "{}");
            scratch.write("www/model/weights.bin", "weights");
            scratch.write("cpu/fovea_cpu.js", "glue");
            scratch.write("cpu/fovea_cpu_bg.wasm", "small");
            scratch.write("cpu/fovea_cpu.d.ts", "types");
            scratch.write("relaxed/fovea_cpu_relaxed_bg.wasm", "fast");
            scratch.write("gpu/fovea_gpu_bg.wasm", "large");
            scratch
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }

        fn assemble(&self) -> Result<String> {
            let built = [
                (self.path("cpu"), Need::Plain),
                (self.path("relaxed"), Need::Relaxed),
                (self.path("gpu"), Need::OnDemand),
            ];
            assemble(&self.path("www"), &built, &self.path("target/site"))
        }

        fn urls(&self, list: &str) -> Vec<String> {
            let url = |entry: &serde_json::Value| entry["url"].as_str().unwrap().to_owned();
            self.entries(list).iter().map(url).collect()
        }

        fn entries(&self, list: &str) -> Vec<serde_json::Value> {
            let precache: serde_json::Value =
                serde_json::from_str(&self.read("target/site/precache.json")).unwrap();
            precache[list].as_array().unwrap().clone()
        }
    }

    #[test]
    fn the_list_separates_what_is_kept_at_once() {
        let scratch = Scratch::new();
        scratch.assemble().unwrap();
        assert_eq!(
            scratch.urls("files"),
            [
                "index.html",
                "js/main.js",
                "model/model.json",
                "pkg/fovea_cpu.js",
                "pkg/fovea_cpu_bg.wasm",
                "pkg/fovea_cpu_relaxed_bg.wasm",
            ]
        );
        let relaxed = scratch
            .entries("files")
            .into_iter()
            .filter_map(|entry| entry["relaxed"].as_bool())
            .collect::<Vec<_>>();
        assert_eq!(relaxed, [false, false, true]);
        assert_eq!(
            scratch.urls("lazy"),
            ["model/weights.bin", "pkg/fovea_gpu_bg.wasm"]
        );
        assert!(!scratch.path("target/site/pkg/fovea_cpu.d.ts").exists());
    }

    #[test]
    fn the_list_describes_the_files_as_they_were_written() {
        let scratch = Scratch::new();
        let version = scratch.assemble().unwrap();
        let page = scratch.read("target/site/index.html");
        assert_eq!(page, format!("<html data-version={version}>"));
        let precache = scratch.read("target/site/precache.json");
        assert!(precache.contains(&digest::of_bytes(page.as_bytes())));
        assert!(precache.contains(&version));
        assert!(scratch.read("target/site/sw.js").contains(&version));
    }

    #[test]
    fn any_byte_makes_a_new_version_and_the_same_bytes_the_same() {
        let scratch = Scratch::new();
        let first = scratch.assemble().unwrap();
        assert_eq!(scratch.assemble().unwrap(), first);
        scratch.write("gpu/fovea_gpu_bg.wasm", "larger");
        assert_ne!(scratch.assemble().unwrap(), first);
    }

    #[test]
    fn a_file_taken_away_is_gone_from_the_site() {
        let scratch = Scratch::new();
        scratch.assemble().unwrap();
        fs::remove_file(scratch.path("www/js/main.js")).unwrap();
        scratch.assemble().unwrap();
        assert!(!scratch.path("target/site/js/main.js").exists());
        assert_eq!(fs::read_dir(scratch.path("target")).unwrap().count(), 1);
    }

    #[test]
    fn a_page_that_cannot_name_its_version_is_refused() {
        let scratch = Scratch::new();
        scratch.write("www/sw.js", "const VERSION = '1';");
        let error = scratch.assemble().unwrap_err().to_string();
        assert!(error.contains("www/sw.js"), "{error}");
        assert_eq!(fs::read_dir(scratch.path("target")).unwrap().count(), 0);
        fs::remove_file(scratch.path("www/sw.js")).unwrap();
        assert!(scratch.assemble().is_err());
    }
}
