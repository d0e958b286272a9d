//! The library as JavaScript sees it: conversion and forwarding, nothing else.
//!
//! Every rule lives in the modules this one calls, where native tests reach it.

mod error;
mod explanation;
#[cfg(feature = "web-gpu")]
mod gpu;
mod patients;

use burn::tensor::Device;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::bundle::{Bundle, Manifest};
use crate::grading::Grade;
use error::{coded, refused};

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since the page or worker began.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// What the functions below answer with, as TypeScript.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("types.d.ts");

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| coded("conversion", &error.to_string()))
}

/// Reads and checks a manifest: what the model is, and which weights file to fetch.
///
/// Throws an `Error` with a `code` where the manifest cannot be used.
#[wasm_bindgen(js_name = bundleInfo, unchecked_return_type = "Manifest")]
pub fn bundle_info(manifest: &[u8]) -> Result<JsValue, JsValue> {
    let manifest = Manifest::from_json(manifest).map_err(|e| refused(&e))?;
    to_js(&manifest)
}

/// The five ICDR grades with their names and what defines them.
#[wasm_bindgen(js_name = gradeScale, unchecked_return_type = "GradeEntry[]")]
pub fn grade_scale() -> Result<JsValue, JsValue> {
    #[derive(Serialize)]
    struct Entry {
        grade: u8,
        name: &'static str,
        label: &'static str,
        summary: &'static str,
    }
    let scale = Grade::ALL.map(|grade| Entry {
        grade: grade.number(),
        name: grade.name(),
        label: grade.label(),
        summary: grade.findings(),
    });
    to_js(&scale.as_slice())
}

/// A drawn photograph of a retina with the lesions of `grade`, as PNG bytes.
#[wasm_bindgen(js_name = drawPhotograph)]
pub fn draw_photograph(grade: u8, seed: u32) -> Result<Vec<u8>, JsValue> {
    const SIDE: u32 = 768;
    let grade = Grade::try_from(grade).map_err(|e| coded("grade", &e))?;
    let picture = crate::synth::draw(grade.number(), u64::from(seed), SIDE);
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(|error| coded("drawing", &error.to_string()))?;
    Ok(bytes.into_inner())
}

/// A model ready to grade.
#[wasm_bindgen]
pub struct Grader {
    inner: crate::grader::Grader,
}

#[wasm_bindgen]
impl Grader {
    /// Checks a bundle and builds its network on `backend`, `"cpu"` or `"webgpu"`.
    /// A GPU is used only once it has agreed with the CPU in this very browser.
    ///
    /// Rejects with an `Error` with a `code`.
    pub async fn load(
        manifest: Vec<u8>,
        weights: Vec<u8>,
        backend: String,
    ) -> Result<Grader, JsValue> {
        let bundle = Bundle::open(&manifest, &weights).map_err(|e| refused(&e))?;
        drop(weights);
        let inner = match backend.as_str() {
            "cpu" => crate::grader::Grader::new(&bundle, Device::flex(), "cpu-simd")
                .map_err(|e| refused(&e))?,
            #[cfg(feature = "web-gpu")]
            "webgpu" => gpu::grader(&bundle).await?,
            other => {
                return Err(coded(
                    "backend",
                    &format!("this build has no backend called {other}"),
                ));
            }
        };
        Ok(Self { inner })
    }

    /// What runs: `cpu-simd` or `webgpu`.
    #[wasm_bindgen(getter)]
    pub fn backend(&self) -> String {
        self.inner.backend().to_owned()
    }

    /// Name, version and hash of the model.
    #[wasm_bindgen(getter)]
    pub fn bundle(&self) -> String {
        self.inner.manifest().id()
    }

    /// The whole manifest.
    #[wasm_bindgen(unchecked_return_type = "Manifest")]
    pub fn card(&self) -> Result<JsValue, JsValue> {
        to_js(self.inner.manifest())
    }

    /// Grades the bytes of one photo. A photo that cannot be graded is a result
    /// with its reason, not a rejection.
    #[wasm_bindgen(unchecked_return_type = "Assessment")]
    pub async fn grade(&self, photo: Vec<u8>) -> Result<JsValue, JsValue> {
        to_js(&self.inner.grade(&photo, &now).await)
    }

    /// Where in a photo its grade came from: pictures as PNG bytes and the words
    /// that belong to them; `side` is the photo's longer side in pixels.
    ///
    /// Rejects with an `Error` with a `code` where the photo cannot be prepared.
    pub async fn explain(&self, photo: Vec<u8>, side: u32) -> Result<JsValue, JsValue> {
        let explanation = crate::explain::explain(&self.inner, &photo, side)
            .await
            .map_err(|e| explanation::failed(&e))?;
        explanation::object(&explanation)
    }
}
