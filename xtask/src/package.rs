//! The npm package: the library for other people's pages.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cli::Variants;
use crate::files;
use crate::paths::Paths;
use crate::tools::Toolbox;
use crate::wasm;

const README: &str = "\
# fovea

Grades photographs of the retina for diabetic retinopathy, on the device it runs on. For research
and teaching; not a medical device.

```js
import init, * as fovea from \"fovea\";
await init();
```

`fovea` runs on the CPU with SIMD; `fovea/gpu` is the larger file that can use WebGPU too. The
types beside each say what there is. The model is not part of the package: hand its manifest and
weights over as bytes.
";

/// Builds `pkg/`.
pub fn build(paths: &Paths, tools: &Toolbox) -> Result<()> {
    let manifest =
        fs::read_to_string(paths.root.join("Cargo.toml")).context("Cargo.toml cannot be read")?;
    let staging = paths
        .root
        .join("target")
        .join(format!("package-{}", std::process::id()));
    files::remove(&staging)?;
    let filled = fill(paths, tools, &manifest, &staging)
        .and_then(|()| files::swap(&staging, &paths.package()));
    files::remove(&staging)?;
    filled?;
    eprintln!("pkg/ is ready: `npm pack ./pkg` makes one file of it");
    Ok(())
}

fn fill(paths: &Paths, tools: &Toolbox, manifest: &str, staging: &Path) -> Result<()> {
    for variant in Variants::All.list() {
        let built = wasm::build(paths, tools, variant)?;
        for file in files::walk(&built)? {
            files::copy(&built.join(&file), &staging.join(&file))?;
        }
    }
    let description = serde_json::to_string_pretty(&describe(manifest))?;
    fs::write(staging.join("package.json"), description).context("package.json")?;
    fs::write(staging.join("README.md"), README).context("README.md")
}

/// `package.json`, with what `Cargo.toml` says of the package.
fn describe(manifest: &str) -> serde_json::Value {
    // A bare path: TypeScript then finds the `.d.ts` beside it.
    let entry = |name: &str| format!("./{name}.js");
    let license = match stated(manifest, "license") {
        none if none.is_empty() => "UNLICENSED".to_owned(),
        license => license,
    };
    json!({
        "name": "fovea",
        "version": stated(manifest, "version"),
        "description": stated(manifest, "description"),
        "license": license,
        "type": "module",
        "main": "./fovea_cpu.js",
        "types": "./fovea_cpu.d.ts",
        "exports": {
            ".": entry(wasm::CPU.name),
            "./gpu": entry(wasm::GPU.name),
            "./*.wasm": "./*.wasm",
        },
        "sideEffects": ["./snippets/*"],
        "files": ["*.js", "*.d.ts", "*.wasm", "snippets", "README.md"],
    })
}

/// A string of the `[package]` section.
fn stated(manifest: &str, key: &str) -> String {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[package]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_says_what_cargo_says() {
        let manifest = "[workspace]\nversion = \"9\"\n[package]\nname = \"fovea\"\nversion = \"0.1.0\"\n\
                        license = \"MIT OR Apache-2.0\"\n[dependencies]\ndescription = \"no\"\n";
        let package = describe(manifest);
        assert_eq!(package["version"], "0.1.0");
        assert_eq!(package["license"], "MIT OR Apache-2.0");
        assert_eq!(package["description"], "");
        assert_eq!(package["exports"]["."], "./fovea_cpu.js");
        assert_eq!(describe("[package]")["license"], "UNLICENSED");
    }
}
