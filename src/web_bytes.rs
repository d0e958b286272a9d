//! What JavaScript hands over as a file: checked, because whatever holds no bytes
//! would pass for an empty file.

use js_sys::{ArrayBuffer, Error, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// A copy of an `ArrayBuffer`, or of what a view shows of one.
pub fn of(file: &JsValue) -> Result<Vec<u8>, JsValue> {
    if file.is_instance_of::<ArrayBuffer>() {
        return Ok(Uint8Array::new(file).to_vec());
    }
    if ArrayBuffer::is_view(file) {
        // Every view has these three.
        let view: &Uint8Array = file.unchecked_ref();
        let (start, length) = (view.byte_offset(), view.byte_length());
        let shown = Uint8Array::new_with_byte_offset_and_length(&view.buffer(), start, length);
        return Ok(shown.to_vec());
    }
    let error = Error::new(
        "these are not the bytes of a file; hand over an ArrayBuffer or a Uint8Array, such as blob.arrayBuffer() resolves to",
    );
    Reflect::set(&error, &"code".into(), &"bytes".into())?;
    Err(error.into())
}
