//! Tells the browser tests where the shipped weights lie and, where the machine
//! has them, the reference answers: a browser cannot open files.

use std::path::Path;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shipped_model)");
    println!("cargo::rustc-check-cfg=cfg(reference_answers)");

    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let model = Path::new(&root).join("www/model");
    println!(
        "cargo::rerun-if-changed={}",
        model.join("model.json").display()
    );
    if let Ok(manifest) = std::fs::read_to_string(model.join("model.json"))
        && let Some(file) = weights_file(&manifest)
        && model.join(file).exists()
    {
        println!("cargo::rustc-cfg=shipped_model");
        println!("cargo::rustc-env=FOVEA_MODEL={}", model.display());
        println!(
            "cargo::rustc-env=FOVEA_WEIGHTS={}",
            model.join(file).display()
        );
    }

    // A folder with `weights.safetensors` and `golden.safetensors`, made by xtask.
    println!("cargo::rerun-if-env-changed=FOVEA_REFERENCE");
    if let Ok(folder) = std::env::var("FOVEA_REFERENCE")
        && Path::new(&folder).join("weights.safetensors").exists()
    {
        println!("cargo::rustc-cfg=reference_answers");
        println!("cargo::rustc-env=FOVEA_REFERENCE={folder}");
    }
}

/// The manifest's `"file"`; the library checks the manifest, this only finds it.
fn weights_file(manifest: &str) -> Option<&str> {
    manifest.split("\"file\"").nth(1)?.split('"').nth(1)
}
