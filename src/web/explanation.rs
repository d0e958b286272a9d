//! An explanation as JavaScript's: pictures as PNG bytes, and words.

use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;

use super::error::coded;
use crate::explain::{ExplainError, Explanation, Method, overlay, words};

/// Side of the prepared picture's overlay, in pixels: enough for the map, which
/// is smooth, and scaled with the picture.
const VIEW_SIDE: u32 = 320;

/// The plain object that `Grader.explain` and `Grader.occlude` promise:
/// `Explanation` in `types.d.ts` tells its fields.
pub fn object(explanation: &Explanation) -> Result<JsValue, JsValue> {
    let Explanation {
        method,
        prepared,
        thumbnail,
        photo_size,
        target,
        map,
        ..
    } = explanation;
    let view_map = overlay::over_prepared(map, VIEW_SIDE);
    let photo_map = overlay::over_photo(map, prepared, *photo_size, thumbnail.dimensions());
    let object = Object::new();
    let covered = (*method == Method::Occlusion).then(|| words::COVERED.to_owned());
    let caveats: Array = words::caveats(map.width())
        .iter()
        .chain(&covered)
        .map(|sentence| JsValue::from_str(sentence))
        .collect();
    let (width, height) = *photo_size;
    let size = [f64::from(width), f64::from(height)];
    let placed = prepared.placed(*photo_size).map(f64::from);
    for (name, value) in [
        ("method", method.name().into()),
        ("photoSize", numbers(["width", "height"], size)?),
        ("placed", numbers(["x", "y", "width", "height"], placed)?),
        ("photo", png(thumbnail.clone())?),
        ("photoMap", png(photo_map)?),
        ("view", png(prepared.picture.clone())?),
        ("viewMap", png(view_map)?),
        ("shows", words::shows(*method, *target).into()),
        ("place", words::place(map).into()),
        ("caveats", caveats.into()),
        ("placeCode", words::place_code(map).into()),
        ("cells", JsValue::from_f64(map.width() as f64)),
    ] {
        Reflect::set(&object, &name.into(), &value)?;
    }
    Ok(object.into())
}

/// Why there is none.
pub fn failed(error: &ExplainError) -> JsValue {
    coded(error.code(), &error.to_string())
}

fn numbers<const N: usize>(names: [&str; N], values: [f64; N]) -> Result<JsValue, JsValue> {
    let object = Object::new();
    for (name, value) in names.into_iter().zip(values) {
        Reflect::set(&object, &name.into(), &value.into())?;
    }
    Ok(object.into())
}

fn png(picture: impl Into<image::DynamicImage>) -> Result<JsValue, JsValue> {
    overlay::png(picture)
        .map(|bytes| Uint8Array::from(bytes.as_slice()).into())
        .map_err(|error| coded("drawing", &error.to_string()))
}
