//! Which tools are here, which are missing, and how to get them. Installs
//! nothing.

use anyhow::Result;

use crate::paths::Paths;
use crate::process::{Run, on_path};
use crate::say;
use crate::tools::{Chromium, Toolbox, WasmRust, driver_of, firefox, webkit};

pub fn report(paths: &Paths) -> Result<()> {
    let tools = Toolbox::new(paths);
    let version = |program: &str| Run::new(program, "").arg("--version").output().ok();
    let on_demand = "installed into the cache when first needed";
    let lines = [
        ("cargo", version("cargo"), "https://rustup.rs"),
        (
            "wasm32 target",
            WasmRust::find().map(|_| "found".to_owned()),
            "added when first needed: by rustup, or on Debian as root from its packages",
        ),
        ("wasm-bindgen", tools.installed_wasm_bindgen(), on_demand),
        ("wasm-pack", tools.installed_wasm_pack(), on_demand),
        ("wasm-opt", tools.installed_wasm_opt(), on_demand),
        (
            "node",
            version("node"),
            "https://nodejs.org, version 20 or newer",
        ),
        ("npm", version("npm"), "it comes with Node.js"),
        (
            "Chromium",
            Chromium::find().map(|chromium| chromium.version),
            "for the browser tests: your system's package `chromium`; as root on Debian \
             installed when first needed",
        ),
        (
            "chromedriver",
            driver_of().and_then(|driver| Run::new(driver, "").arg("--version").output().ok()),
            "your system's package `chromium-driver`, in Chromium's version",
        ),
        (
            "Firefox",
            firefox().and_then(|program| Run::new(program, "").arg("--version").output().ok()),
            "for the page's tests in it, which are skipped without: your system's package; as \
             root on Debian installed when first needed",
        ),
        (
            "WebKit",
            webkit().map(|driver| driver.display().to_string()), // which tells no version
            "for the page's tests in it, which are skipped without: your system's packages of \
             WebKitGTK's driver and Xvfb; as root on Debian installed when first needed",
        ),
        (
            "git",
            on_path("git").and_then(|_| version("git")),
            "https://git-scm.com; without it `invariants` looks at every file",
        ),
    ];
    for (name, found, otherwise) in lines {
        match found {
            Some(found) => say::line(format_args!("found    {name:<14} {found}")),
            None => say::line(format_args!("missing  {name:<14} {otherwise}")),
        }
    }
    say::line(format_args!(
        "\nTools and build products: {}",
        paths.cache.display()
    ));
    say::line(format_args!("The site: {}", paths.show(&paths.site())));
    Ok(())
}
