//! The network against PyTorch 2.15 on the same weights and input
//! (`../shared/fixtures/resnet18_golden.safetensors`).
#![cfg(feature = "train")]

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use fovea::network::{self, Architecture, Depth, Precision, ResNet, StateDict, WeightsError};
use fovea::training::weights_file;
use safetensors::SafeTensors;

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(path);
    if path.exists() {
        Some(path)
    } else {
        eprintln!("skipped: ../shared is absent");
        None
    }
}

/// torchvision's ResNet-18 with its 1000-class head.
fn imagenet() -> Option<StateDict> {
    let packed = shared("weights/resnet18-imagenet.pth.xz")?;
    Some(weights_file::read(&packed).unwrap())
}

struct Golden(Vec<u8>);

impl Golden {
    fn read(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file
            .tensor(name)
            .unwrap_or_else(|_| panic!("{name}: {:?}", file.names()));
        let values = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        (view.shape().to_vec(), values)
    }
}

fn worst(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let gap = |(a, b): (&f32, &f32)| (a - b).abs();
    found.iter().zip(expected).map(gap).fold(0.0, f32::max)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[test]
fn logits_and_activations_are_pytorchs() {
    let (Some(weights), Some(golden)) =
        (imagenet(), shared("fixtures/resnet18_golden.safetensors"))
    else {
        return;
    };
    let golden = Golden(std::fs::read(golden).unwrap());
    let (shape, input) = golden.read("input");
    let device = Device::flex();
    let network = ResNet::init(Depth::D18, 1000, &device);
    let network = network::load(network, &weights).unwrap();
    let input = || Tensor::<4>::from_data(TensorData::new(input.clone(), shape.clone()), &device);

    let seen = network.activations(input());
    let (_, logits) = golden.read("logits");
    assert!(worst(&values(seen.logits.clone()), &logits) < 1e-3);
    let [one, two, three, four] = seen.layers;
    for (name, tensor) in [
        ("conv1", seen.conv1),
        ("bn1", seen.bn1),
        ("layer1", one),
        ("layer2", two),
        ("layer3", three),
        ("layer4", four),
    ] {
        let [batch, channels, height, width] = tensor.dims();
        let flat = tensor.reshape([batch, channels, height * width]);
        for (statistic, found) in [
            ("mean", values(flat.clone().mean_dim(2))),
            ("max", values(flat.clone().max_dim(2))),
        ] {
            let (_, expected) = golden.read(&format!("{statistic}_{name}"));
            let gap = worst(&found, &expected);
            assert!(gap < 1e-3, "{statistic} of {name} is off by {gap}");
        }
    }

    let folded = values(network.folded().forward(input()));
    assert!(worst(&folded, &logits) < 1e-3, "folding changes the answer");
}

#[test]
fn what_is_written_reads_back_under_torchvisions_names() {
    let Some(weights) = imagenet() else { return };
    let bytes = weights.to_safetensors(Precision::Full).unwrap();
    assert_eq!(StateDict::from_safetensors(&bytes).unwrap(), weights);
    let names: Vec<String> = SafeTensors::deserialize(&bytes)
        .unwrap()
        .names()
        .iter()
        .map(|name| name.to_string())
        .collect();
    for name in [
        "conv1.weight",
        "bn1.running_var",
        "bn1.num_batches_tracked",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.bias",
        "fc.weight",
    ] {
        assert!(names.iter().any(|n| n == name), "{name} is missing");
    }
    // 62 tensors and 20 batch-norm counters, as torchvision's resnet18 has.
    assert_eq!(names.len(), 122);
}

#[test]
fn a_thousand_class_head_gives_way_to_a_new_one() {
    let Some(weights) = imagenet() else { return };
    let device = Device::flex();
    let network = ResNet::init(Depth::D18, 5, &device);
    let error = network::load(network.clone(), &weights).unwrap_err();
    assert!(matches!(error, WeightsError::Shape { .. }), "{error}");
    let network = network::load_backbone(network, &weights).unwrap();
    let ours = network::state_dict(&network);
    assert_eq!(
        ours.0["layer4.1.conv2.weight"],
        weights.0["layer4.1.conv2.weight"]
    );
    assert_eq!(ours.0["fc.weight"].shape, [5, 512]);
}

#[test]
fn every_architecture_has_torchvisions_parameters() {
    // Counted in torchvision 0.26: parameters plus running statistics.
    for (architecture, parameters) in [
        (Architecture::ResNet18, 11_689_512 + 9_600),
        (Architecture::ResNet34, 21_797_672 + 17_024),
        (Architecture::ResNet50, 25_557_032 + 53_120),
    ] {
        let network = architecture.init(1000, 224, &Device::flex());
        let held: usize = network::state_dict(&network)
            .0
            .values()
            .map(|entry| entry.values.len())
            .sum();
        assert_eq!(held, parameters, "{architecture}");
    }
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let device = Device::flex();
    let small = network::state_dict(&ResNet::init(Depth::D18, 5, &device));
    let error = network::load(ResNet::init(Depth::D34, 5, &device), &small).unwrap_err();
    assert!(matches!(error, WeightsError::Missing(_)), "{error}");
    let large = network::state_dict(&ResNet::init(Depth::D34, 5, &device));
    let error = network::load(ResNet::init(Depth::D18, 5, &device), &large).unwrap_err();
    assert!(matches!(error, WeightsError::Unknown(_)), "{error}");
}
