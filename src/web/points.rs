//! Operating points, as JavaScript sees them.

use wasm_bindgen::JsValue;

use super::error::coded;
use super::to_js;
use crate::bundle::Manifest;
use crate::grading::{Decision, Evidence, Lines, PointName};

/// What the model offers.
pub fn offered(manifest: &Manifest) -> Result<JsValue, JsValue> {
    to_js(&Lines::offered(&manifest.thresholds))
}

/// The lines of a point by its name; of screening where none is named.
pub fn named(manifest: &Manifest, name: JsValue) -> Result<Lines<'_>, JsValue> {
    if name.is_undefined() || name.is_null() {
        return Ok(Lines::screening(&manifest.thresholds));
    }
    let said = name.as_string().unwrap_or_else(|| format!("{name:?}"));
    let unknown = || {
        let offered = Lines::offered(&manifest.thresholds);
        let names: Vec<&str> = offered.iter().map(|lines| lines.name.name()).collect();
        coded(
            "operating-point",
            &format!(
                "the model has no operating point for {said}; choose one of: {}",
                names.join(", ")
            ),
        )
    };
    let name: PointName = serde_wasm_bindgen::from_value(name).map_err(|_| unknown())?;
    Lines::at(&manifest.thresholds, name).ok_or_else(unknown)
}

/// A decision a result, or null.
pub fn decide(manifest: &Manifest, results: JsValue, name: JsValue) -> Result<JsValue, JsValue> {
    let lines = named(manifest, name)?;
    let results: Vec<Evidence> = serde_wasm_bindgen::from_value(results)
        .map_err(|error| coded("conversion", &error.to_string()))?;
    let decided: Vec<Option<Decision>> = results
        .iter()
        .map(|evidence| Decision::again(manifest, evidence, &lines))
        .collect();
    to_js(&decided)
}
