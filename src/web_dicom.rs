//! DICOM photographs as JavaScript sees them: a wasm file of its own, without the
//! grader, so that a page fetches it when the first such file arrives.

use js_sys::{Object, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::photo::{DecodeLimits, dicom};
use crate::web_bytes;

/// What the function below answers with, as TypeScript.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A file: what `await blob.arrayBuffer()` answers, or a view of such. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/** A DICOM file's picture, and what the file tells beside it: nothing of the patient. */
export interface DicomPhoto {
  /** A JPEG as the camera wrote it, or a PNG: what `Grader.grade` takes. Null where there is none. */
  picture: Uint8Array<ArrayBuffer> | null;
  type: "image/jpeg" | "image/png" | null;
  /** The eye it shows, where the file says so. */
  side: "right" | "left" | null;
  /** Pictures in the file, of which `picture` is the first. */
  frames: number;
  /** Why there is no picture: what `Grader.refuse` takes. */
  error: { code: string; message: string; [more: string]: unknown } | null;
}
"#;

/// Takes the first picture out of a DICOM file. One that cannot be read is an
/// answer with its reason; only what is no file's bytes at all is thrown.
#[wasm_bindgen(js_name = openDicom, unchecked_return_type = "DicomPhoto")]
pub fn open_dicom(
    #[wasm_bindgen(unchecked_param_type = "Bytes")] file: &JsValue,
) -> Result<JsValue, JsValue> {
    let file = &*web_bytes::of(file)?;
    let told = dicom::told(file);
    let side = told.and_then(|told| told.side);
    let (mut picture, mut media_type, mut error) = (JsValue::NULL, JsValue::NULL, JsValue::NULL);
    match dicom::convert(file, &DecodeLimits::default()) {
        Ok(converted) => {
            picture = Uint8Array::from(&*converted.bytes).into();
            media_type = converted.media_type.into();
        }
        Err(refused) => {
            error = refused.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?;
            let message = refused.to_string();
            Reflect::set(&error, &"message".into(), &message.into())?;
        }
    }
    let object = Object::new();
    for (name, value) in [
        ("picture", picture),
        ("type", media_type),
        (
            "side",
            side.map_or(JsValue::NULL, |side| side.name().into()),
        ),
        ("frames", told.map_or(1, |told| told.frames).into()),
        ("error", error),
    ] {
        Reflect::set(&object, &name.into(), &value)?;
    }
    Ok(object.into())
}
