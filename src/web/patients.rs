//! Names and patients, as JavaScript sees them.

use wasm_bindgen::prelude::*;

use super::error::coded;
use super::to_js;
use crate::explain::ExplainError;
use crate::grading::eye::{self, Named};
use crate::grading::patient::{self, Photo, Summary};

/// Which eye and whose, read from each file's name or path.
#[wasm_bindgen(js_name = readNames, unchecked_return_type = "NamedEye[]")]
pub fn read_names(names: Vec<String>) -> Result<JsValue, JsValue> {
    let read: Vec<Named> = names.iter().map(|name| eye::read(name)).collect();
    to_js(&read)
}

/// One decision for each patient, from all photos of both eyes.
#[wasm_bindgen(js_name = summarisePatients, unchecked_return_type = "PatientSummary[]")]
pub fn summarise_patients(
    #[wasm_bindgen(unchecked_param_type = "PatientPhoto[][]")] patients: JsValue,
) -> Result<JsValue, JsValue> {
    let patients: Vec<Vec<Photo>> = serde_wasm_bindgen::from_value(patients)
        .map_err(|error| coded("conversion", &error.to_string()))?;
    let decided: Vec<Summary> = patients.iter().map(|p| patient::summarise(p)).collect();
    to_js(&decided)
}

/// The keys of every sentence the library says, for those who translate them.
#[wasm_bindgen(js_name = phraseCodes)]
pub fn phrase_codes() -> Vec<String> {
    crate::grading::codes()
        .into_iter()
        .chain([ExplainError::NOT_RESIDUAL])
        .map(str::to_owned)
        .collect()
}

/// The library's version.
#[wasm_bindgen(js_name = libraryVersion)]
pub fn library_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
