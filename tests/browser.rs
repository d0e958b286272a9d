//! The real model in a real browser, on its CPU: run by
//! `wasm-pack test --headless --chrome`.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[cfg(shipped_model)]
mod shipped {
    use super::wasm_bindgen_test;
    use burn::tensor::Device;
    use fovea::bundle::{Bundle, BundleError};
    use fovea::grader::Grader;
    use fovea::grading::Status;

    const MANIFEST: &[u8] = include_bytes!(concat!(env!("FOVEA_MODEL"), "/model.json"));
    const WEIGHTS: &[u8] = include_bytes!(env!("FOVEA_WEIGHTS"));

    fn drawn(grade: u8) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        fovea::synth::draw(grade, 1, 512)
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    #[wasm_bindgen_test]
    async fn the_shipped_model_grades_drawn_photographs() {
        let bundle = Bundle::open(MANIFEST, WEIGHTS).unwrap();
        let grader = Grader::new(&bundle, Device::flex(), "cpu").unwrap();
        for grade in [0, 4] {
            let assessment = grader.grade(&drawn(grade), &|| 0.0).await;
            assert_eq!(assessment.status, Status::Graded, "{:?}", assessment.error);
            let total: f64 = assessment.probabilities.unwrap().iter().sum();
            assert!((total - 1.0).abs() < 1e-9, "{total}");
        }
    }

    #[wasm_bindgen_test]
    async fn a_photo_that_is_none_is_a_result_with_a_reason() {
        let bundle = Bundle::open(MANIFEST, WEIGHTS).unwrap();
        let grader = Grader::new(&bundle, Device::flex(), "cpu").unwrap();
        for bytes in [&b""[..], b"this is a text file", &drawn(1)[..2000]] {
            let assessment = grader.grade(bytes, &|| 0.0).await;
            assert_eq!(assessment.status, Status::Error);
            assert!(!assessment.error.unwrap().message.is_empty());
        }
    }

    #[wasm_bindgen_test]
    fn cut_weights_are_refused() {
        let error = Bundle::open(MANIFEST, &WEIGHTS[..WEIGHTS.len() / 2]).unwrap_err();
        assert!(matches!(error, BundleError::Size { .. }), "{error}");
    }
}

#[cfg(reference_answers)]
mod reference {
    use super::wasm_bindgen_test;
    use burn::tensor::{Device, Tensor, TensorData};
    use fovea::network::{self, Depth, ResNet, StateDict};

    const WEIGHTS: &[u8] = include_bytes!(concat!(env!("FOVEA_REFERENCE"), "/weights.safetensors"));
    const GOLDEN: &[u8] = include_bytes!(concat!(env!("FOVEA_REFERENCE"), "/golden.safetensors"));

    #[wasm_bindgen_test]
    async fn logits_are_pytorchs() {
        let golden = StateDict::from_safetensors(GOLDEN).unwrap();
        let weights = StateDict::from_safetensors(WEIGHTS).unwrap();
        let device = Device::flex();
        let network = network::load(ResNet::init(Depth::D18, 1000, &device), &weights).unwrap();
        let input = &golden.0["input"];
        for network in [network.clone(), network.folded()] {
            let data = TensorData::new(input.values.clone(), input.shape.clone());
            let logits = network.forward(Tensor::from_data(data, &device));
            let found: Vec<f32> = logits.into_data_async().await.unwrap().iter().collect();
            let expected = &golden.0["logits"].values;
            assert_eq!(found.len(), expected.len());
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-3, "{a} against PyTorch's {b}");
            }
        }
    }
}

/// The picture that training prepared is the picture the browser prepares.
#[wasm_bindgen_test]
fn a_drawing_is_prepared_to_the_same_bytes_as_natively() {
    let settings = fovea::photo::Preprocessing::imagenet(64);
    let drawn = fovea::synth::draw(3, 5, 300);
    let prepared = fovea::photo::prepare(&drawn, &settings).unwrap();
    let hash = fovea::bundle::sha256_hex(prepared.picture.as_raw());
    assert_eq!(hash, include_str!("prepared_drawing.sha256").trim());
}
