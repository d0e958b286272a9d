//! The native half of a promise: preparing gives the same bytes everywhere.
//! `tests/browser.rs` holds the other half to the same hash.
#![cfg(not(target_arch = "wasm32"))]

#[test]
fn a_drawing_is_prepared_to_the_same_bytes_as_in_the_browser() {
    let settings = fovea::photo::Preprocessing::imagenet(64);
    let drawn = fovea::synth::draw(3, 5, 300);
    let prepared = fovea::photo::prepare(&drawn, &settings).unwrap();
    let hash = fovea::bundle::sha256_hex(prepared.picture.as_raw());
    assert_eq!(hash, include_str!("prepared_drawing.sha256").trim());
}
