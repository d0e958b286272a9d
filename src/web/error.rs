//! Errors as JavaScript's: an `Error` with a sentence and a stable `code`.

use wasm_bindgen::JsValue;

use crate::bundle::BundleError;

/// An `Error` with `message` and `code`.
pub fn coded(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    // Setting a property of an object just made cannot fail.
    let _ = js_sys::Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

/// A refused bundle.
pub fn refused(error: &BundleError) -> JsValue {
    coded(error.code(), &error.to_string())
}
