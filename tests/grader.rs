//! The whole way from a photo's bytes to what is said of it: a bad shot never comes
//! to the network, and a network that answers no numbers grades nobody.
#![cfg(feature = "cli")]

mod bundle_support;

use std::io::Cursor;

use burn::tensor::Device;
use fovea::bundle::{Bundle, Manifest};
use fovea::grader::Grader;
use fovea::grading::{Assessment, Status};
use fovea::network::{self, Architecture, Precision, StateDict};
use fovea::photo::Preprocessing;
use image::{ImageFormat, RgbImage};

fn weights() -> StateDict {
    let device = Device::flex();
    device.seed(5);
    network::state_dict(&Architecture::ResNet18.init(5, 32, &device))
}

fn graded(weights: &StateDict, photo: &RgbImage) -> Assessment {
    let weights = weights.to_safetensors(Precision::Full).unwrap();
    let manifest = Manifest {
        preprocessing: Preprocessing::imagenet(64),
        ..bundle_support::manifest(&weights)
    };
    let bundle = Bundle::open(manifest.to_json().as_bytes(), &weights).unwrap();
    let grader = Grader::new(&bundle, Device::flex(), "cpu").unwrap();
    let mut bytes = Cursor::new(Vec::new());
    photo.write_to(&mut bytes, ImageFormat::Png).unwrap();
    pollster::block_on(grader.grade(&bytes.into_inner(), &|| 0.0))
}

#[test]
fn a_bad_shot_is_refused_before_it_is_graded() {
    let photo = fovea::synth::draw(1, 3, 400);
    let good = graded(&weights(), &photo);
    assert_eq!(good.status, Status::Graded, "{:?}", good.error);
    let mut dark = photo;
    dark.iter_mut().for_each(|level| *level /= 9);
    let refused = graded(&weights(), &dark);
    assert_eq!(refused.status, Status::Ungradable);
    assert_eq!(refused.error.unwrap().code, "too-dark");
    assert_eq!((refused.grade, refused.referable), (None, Some(true)));
}

#[test]
fn outputs_that_are_no_numbers_are_no_grade() {
    let photo = fovea::synth::draw(1, 3, 400);
    let mut overflowing = weights();
    // Finite weights, all of which a bundle may hold, for one of the outputs.
    let last = overflowing.0.get_mut("fc.weight").unwrap();
    last.values[..512].fill(f32::MAX);
    // A finite answer, too, which summed up over several looks is none.
    let mut vast = weights();
    let last = vast.0.get_mut("fc.bias").unwrap();
    last.values.fill(f32::MAX / 2.0);
    for weights in [overflowing, vast] {
        let failed = graded(&weights, &photo);
        assert_eq!(failed.status, Status::Error);
        assert_eq!(failed.error.unwrap().code, "network-failed");
        assert_eq!((failed.grade, failed.referable), (None, None));
    }
}
