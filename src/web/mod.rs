//! The library as JavaScript sees it: conversion and forwarding, nothing else.
//!
//! Every rule lives in the modules this one calls, where native tests reach it.

mod error;
mod explanation;
#[cfg(feature = "web-gpu")]
mod gpu;
mod patients;
mod points;

use std::rc::Rc;

use burn::tensor::Device;
use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::bundle::{Bundle, Manifest};
use crate::explain::overlay;
use crate::grading::Grade;
use crate::photo::{self, DecodeLimits, PhotoError};
use crate::web_bytes;
use error::{coded, refused};

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since the page or worker began.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// The CPU as results name it.
const CPU: &str = if cfg!(feature = "web-relaxed") {
    "cpu-relaxed-simd"
} else {
    "cpu-simd"
};

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
pub fn bundle_info(
    #[wasm_bindgen(unchecked_param_type = "Bytes")] manifest: &JsValue,
) -> Result<JsValue, JsValue> {
    let manifest = Manifest::from_json(&web_bytes::of(manifest)?).map_err(|e| refused(&e))?;
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
#[wasm_bindgen(js_name = drawPhotograph, unchecked_return_type = "Uint8Array<ArrayBuffer>")]
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

/// The photo in small as it is graded, as PNG bytes: for what a browser does not show,
/// a TIFF, or not turned as its EXIF tells, a WebP. `side` is its longer side in
/// pixels. Needs no model.
///
/// Throws an `Error` with a `code` where the photo cannot be read.
#[wasm_bindgen(js_name = smallPicture, unchecked_return_type = "Uint8Array<ArrayBuffer>")]
pub fn small_picture(
    #[wasm_bindgen(unchecked_param_type = "Bytes")] file: &JsValue,
    side: u32,
) -> Result<Vec<u8>, JsValue> {
    let picture = photo::decode(&web_bytes::of(file)?, &DecodeLimits::default())
        .map_err(|error| coded(error.code(), &error.to_string()))?;
    overlay::png(photo::thumbnail(&picture, side))
        .map_err(|error| coded("drawing", &error.to_string()))
}

/// A model ready to grade.
///
/// What takes a file copies it before it answers with its promise: the file may be
/// changed or handed on meanwhile.
#[wasm_bindgen]
pub struct Grader {
    inner: Rc<crate::grader::Grader>,
}

#[wasm_bindgen]
impl Grader {
    /// Checks a bundle and builds its network on `backend`, `"cpu"` or `"webgpu"`.
    /// A GPU is used only once it has agreed with the CPU in this very browser.
    ///
    /// Rejects with an `Error` with a `code`.
    #[wasm_bindgen(unchecked_return_type = "Promise<Grader>")]
    pub fn load(
        #[wasm_bindgen(unchecked_param_type = "Bytes")] manifest: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Bytes")] weights: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Backend")] backend: &JsValue,
    ) -> Promise {
        let (manifest, weights) = (web_bytes::of(manifest), web_bytes::of(weights));
        let backend = backend
            .as_string()
            .unwrap_or_else(|| format!("{backend:?}"));
        future_to_promise(async move {
            let bundle = Bundle::open(&manifest?, &weights?).map_err(|e| refused(&e))?;
            let inner = match backend.as_str() {
                "cpu" => crate::grader::Grader::new(&bundle, Device::flex(), CPU)
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
            let inner = Rc::new(inner);
            Ok(Self { inner }.into())
        })
    }

    /// What runs: `cpu-simd`, `cpu-relaxed-simd` or `webgpu`.
    #[wasm_bindgen(getter)]
    pub fn backend(&self) -> String {
        self.inner.backend().to_owned()
    }

    /// Name, version and hash of the model.
    #[wasm_bindgen(getter)]
    pub fn bundle(&self) -> String {
        self.inner.manifest().id()
    }

    /// SHA-256 of its settings, as results name it.
    #[wasm_bindgen(getter)]
    pub fn settings(&self) -> String {
        self.inner.manifest().settings()
    }

    /// The whole manifest.
    #[wasm_bindgen(unchecked_return_type = "Manifest")]
    pub fn card(&self) -> Result<JsValue, JsValue> {
        to_js(self.inner.manifest())
    }

    /// The operating points the model offers, the most cautious first, each with
    /// what its lines reached where they were fixed.
    #[wasm_bindgen(getter, js_name = operatingPoints, unchecked_return_type = "OperatingPoint[]")]
    pub fn operating_points(&self) -> Result<JsValue, JsValue> {
        points::offered(self.inner.manifest())
    }

    /// Grades the bytes of one photo and decides at an operating point, the one
    /// for screening unless another is named. A photo that cannot be graded is a
    /// result with its reason, not a rejection.
    #[wasm_bindgen(unchecked_return_type = "Promise<Assessment>")]
    pub fn grade(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Bytes")] photo: &JsValue,
        #[wasm_bindgen(
            js_name = operatingPoint,
            unchecked_optional_param_type = "OperatingPointName | null"
        )]
        operating_point: JsValue,
    ) -> Promise {
        let (grader, photo) = (Rc::clone(&self.inner), web_bytes::of(photo));
        future_to_promise(async move {
            let lines = points::named(grader.manifest(), operating_point)?;
            let mut assessment = grader.grade(&photo?, &now).await;
            assessment.decide(grader.manifest(), &lines);
            to_js(&assessment)
        })
    }

    /// The result for a photo that another part of the library could not read: what
    /// `openDicom` says in `error`.
    #[wasm_bindgen(unchecked_return_type = "Assessment")]
    pub fn refuse(
        &self,
        #[wasm_bindgen(unchecked_param_type = "{ code: string }")] error: JsValue,
    ) -> Result<JsValue, JsValue> {
        let error: PhotoError = serde_wasm_bindgen::from_value(error)
            .map_err(|error| coded("conversion", &error.to_string()))?;
        to_js(&self.inner.refuse(&error))
    }

    /// Decides again of results graded before, without their photos. An answer a
    /// result: null where its decision stands, because it has no grade or another
    /// model graded it.
    #[wasm_bindgen(unchecked_return_type = "(Decision | null)[]")]
    pub fn decide(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Graded[]")] results: JsValue,
        #[wasm_bindgen(
            js_name = operatingPoint,
            unchecked_param_type = "OperatingPointName"
        )]
        operating_point: JsValue,
    ) -> Result<JsValue, JsValue> {
        points::decide(self.inner.manifest(), results, operating_point)
    }

    /// Where in a photo its grade came from, by Grad-CAM: pictures as PNG bytes
    /// and the words that belong to them; `side` is the photo's longer side in
    /// pixels.
    ///
    /// Rejects with an `Error` with a `code` where the photo cannot be prepared.
    #[wasm_bindgen(unchecked_return_type = "Promise<Explanation>")]
    pub fn explain(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Bytes")] photo: &JsValue,
        side: u32,
    ) -> Promise {
        let (grader, photo) = (Rc::clone(&self.inner), web_bytes::of(photo));
        future_to_promise(async move {
            let explanation = crate::explain::explain(&grader, &photo?, side)
                .await
                .map_err(|e| explanation::failed(&e))?;
            explanation::object(&explanation)
        })
    }

    /// The same by occlusion: the network is asked some two hundred times with a
    /// part covered. `progress` hears how many are done; it may return a promise,
    /// which is waited for, and stops the search by `false`: then the answer is
    /// null.
    #[wasm_bindgen(unchecked_return_type = "Promise<Explanation | null>")]
    pub fn occlude(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Bytes")] photo: &JsValue,
        side: u32,
        #[wasm_bindgen(unchecked_param_type = "OcclusionProgress")] progress: js_sys::Function,
    ) -> Promise {
        let (grader, photo) = (Rc::clone(&self.inner), web_bytes::of(photo));
        future_to_promise(async move {
            let mut thrown = None;
            let found = crate::explain::cover(&grader, &photo?, side, async |done, total| {
                match told(&progress, done, total).await {
                    Ok(answer) => answer != false,
                    Err(error) => {
                        thrown = Some(error);
                        false
                    }
                }
            })
            .await
            .map_err(|e| explanation::failed(&e))?;
            match (thrown, found) {
                (Some(error), _) => Err(error),
                (None, Some(explanation)) => explanation::object(&explanation),
                (None, None) => Ok(JsValue::NULL),
            }
        })
    }
}

/// What a callback answers, its promise waited for.
async fn told(progress: &js_sys::Function, done: usize, total: usize) -> Result<JsValue, JsValue> {
    let answer = progress.call2(&JsValue::NULL, &done.into(), &total.into())?;
    wasm_bindgen_futures::JsFuture::from(js_sys::Promise::resolve(&answer)).await
}
