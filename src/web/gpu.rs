//! A grader on WebGPU, trusted only after it agreed with the CPU.
//!
//! An invalid shader is only logged by the browser while stale numbers come
//! back, so a device that initialised proves nothing yet.

use std::cell::RefCell;

use burn::tensor::Device;
use burn::tensor::wgpu::WgpuSetup;
use burn::tensor::wgpu::wgpu::Features;
use wasm_bindgen::JsValue;

use super::error::{coded, refused};
use crate::bundle::Bundle;
use crate::grader::Grader;
use crate::photo;

/// Logits may differ by so much between CPU and GPU: rounding, not faults.
const AGREEMENT: f32 = 0.02;

thread_local! {
    /// What came of starting its runtime, which can be started once: further models
    /// run on the same device.
    static STARTED: RefCell<Option<Result<Device, String>>> = const { RefCell::new(None) };
}

async fn device() -> Result<Device, JsValue> {
    let before = || STARTED.with_borrow(Option::clone);
    let found = match before() {
        Some(found) => found,
        None => match Device::wgpu_options().init_with_setup_async().await {
            Ok((device, setup)) => {
                let found = usable(&setup).map(|()| device);
                STARTED.set(Some(found.clone()));
                found
            }
            // Another model, loaded at the same time, may have started it before.
            Err(error) => before().unwrap_or_else(|| Err(error.to_string())),
        },
    };
    found.map_err(|reason| coded("gpu-init", &format!("WebGPU could not start: {reason}")))
}

/// Without timestamps the runtime panics at its first kernel, and whoever waits for it
/// never hears.
fn usable(setup: &WgpuSetup) -> Result<(), String> {
    if setup.adapter.features().contains(Features::TIMESTAMP_QUERY) {
        Ok(())
    } else {
        Err("the graphics processor lacks timestamp-query".to_owned())
    }
}

/// Builds the network on the GPU and compares a drawn photograph's logits with
/// the CPU's, twice: the first run compiles, the second is what will be used.
pub async fn grader(bundle: &Bundle) -> Result<Grader, JsValue> {
    let gpu = Grader::new(bundle, device().await?, "webgpu").map_err(|e| refused(&e))?;
    let cpu = Grader::new(bundle, Device::flex(), "cpu-simd").map_err(|e| refused(&e))?;

    let settings = &bundle.manifest.preprocessing;
    let drawn = crate::synth::draw(2, 1, settings.size);
    let prepared = photo::prepare(&drawn, settings)
        .map_err(|error| coded("gpu-self-test", &error.to_string()))?;
    let input = photo::to_tensor(&prepared.picture, settings);
    let failed = |reason: String| coded("gpu-self-test", &reason);
    let expected = cpu.outputs(input.clone()).await.map_err(failed)?;
    for _ in 0..2 {
        let found = gpu.outputs(input.clone()).await.map_err(failed)?;
        let gap = found
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        if gap.is_nan() || gap > AGREEMENT {
            return Err(coded(
                "gpu-self-test",
                &format!("the GPU's answer is {gap:.3} away from the CPU's; it is not used"),
            ));
        }
    }
    Ok(gpu)
}
