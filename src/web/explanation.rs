//! An explanation as JavaScript's: pictures as PNG bytes, and words.

use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;

use super::error::coded;
use crate::explain::{ExplainError, Explanation, overlay, words};

/// Side of the prepared picture's overlay, in pixels: enough for the map, which
/// is smooth, and scaled with the picture.
const VIEW_SIDE: u32 = 320;

/// The plain object that `Grader.explain` promises.
///
/// - `photo`: the photo upright, its longer side as asked
/// - `photoMap`: the map over it, transparent where there is nothing
/// - `view`: what the network saw
/// - `viewMap`: the map over that
/// - `shows`: what the map shows, `place`: where it is brightest, sentences
/// - `caveats`: what it is not, sentences
/// - `placeCode` and `cells`: what a page needs to say these in another language
pub fn object(explanation: &Explanation) -> Result<JsValue, JsValue> {
    let Explanation {
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
    let caveats: Array = words::caveats(map.width())
        .iter()
        .map(|sentence| JsValue::from_str(sentence))
        .collect();
    for (name, value) in [
        ("photo", png(thumbnail.clone())?),
        ("photoMap", png(photo_map)?),
        ("view", png(prepared.picture.clone())?),
        ("viewMap", png(view_map)?),
        ("shows", words::grad_cam(*target).into()),
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

fn png(picture: impl Into<image::DynamicImage>) -> Result<JsValue, JsValue> {
    overlay::png(picture)
        .map(|bytes| Uint8Array::from(bytes.as_slice()).into())
        .map_err(|error| coded("drawing", &error.to_string()))
}
