//! Grad-CAM (Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep
//! Networks via Gradient-based Localization") on the last stage.
//!
//! These networks end in global average pooling and one linear layer, so the
//! gradient of a logit by a channel of the last feature map is the layer's
//! weight over the number of places, everywhere the same. The map is then exact
//! without automatic differentiation, and equals the class activation map of
//! Zhou et al. 2016, "Learning Deep Features for Discriminative Localization",
//! with what is below nothing cut off.

use burn::tensor::{Device, Tensor, TensorData};

use super::{Map, Target};
use crate::network::{self, ResNet};

/// The map, and the answer it belongs to.
#[derive(Clone, Debug)]
pub struct GradCam {
    pub logits: Vec<f32>,
    pub target: Target,
    /// A cell a place of the last feature map: a logit's share from there, nothing
    /// where it spoke against the target.
    pub map: Map,
}

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
pub enum CamError {
    /// The backend's words, or the answer that cannot be used.
    #[error("The network could not run ({0}). Reload and try again.")]
    Run(String),
    #[error("Such a map is made of residual networks only, and this model is of another kind.")]
    NotResidual,
}

/// Runs the network once on `picture`, planar `[3, size, size]` as the photo
/// module lays it out, and maps the evidence for what `choose` makes of the
/// logits. `network` must be in inference mode.
///
/// # Errors
/// [`CamError`], with the backend's words or the answer that cannot be used.
pub async fn grad_cam(
    network: &ResNet,
    picture: Vec<f32>,
    size: usize,
    choose: impl Fn(&[f32]) -> Target,
    device: &Device,
) -> Result<GradCam, CamError> {
    let input = Tensor::<4>::from_data(TensorData::new(picture, [1, 3, size, size]), device);
    let features = network.features(input);
    let evidence = network.evidence(features.clone());
    let [_, outputs, height, width] = evidence.dims();
    let logits = network::values(network.head(features))
        .await
        .map_err(CamError::Run)?;
    let unusable = || CamError::Run(format!("it answered {logits:?}"));
    if logits.iter().any(|logit| !logit.is_finite()) {
        return Err(unusable());
    }
    let target = choose(&logits);
    if target.output >= outputs {
        return Err(CamError::Run(format!("it has no output {}", target.output)));
    }
    let values = network::values(evidence).await.map_err(CamError::Run)?;
    let places = height * width;
    let signed = values[target.output * places..][..places]
        .iter()
        .map(|value| value * target.sign())
        .collect();
    let map = Map::new(width, height, signed).ok_or_else(unusable)?;
    Ok(GradCam {
        map: map.positive(),
        logits,
        target,
    })
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;
    use crate::network::Depth;

    const SIZE: usize = 96;

    fn picture() -> Vec<f32> {
        (0..3 * SIZE * SIZE)
            .map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0)
            .collect()
    }

    /// The definition, equations 1 and 2 of Selvaraju et al., by autodiff.
    fn by_autodiff(network: &ResNet, output: usize, sign: f32, device: &Device) -> Vec<f32> {
        let input = Tensor::<4>::from_data(TensorData::new(picture(), [1, 3, SIZE, SIZE]), device);
        let features = network.features(input).detach().require_grad();
        let logits = network.head(features.clone()) * sign;
        let gradients = logits.slice([0..1, output..output + 1]).sum().backward();
        let gradient = features.grad(&gradients).unwrap();
        let [_, channels, height, width] = gradient.dims();
        let weights = gradient
            .reshape([1, channels, height * width])
            .mean_dim(2)
            .reshape([1, channels, 1, 1]);
        let map = (weights * features.without_autodiff()).sum_dim(1);
        burn::tensor::activation::relu(map)
            .into_data()
            .iter::<f32>()
            .collect()
    }

    #[test]
    fn the_map_is_the_one_that_gradients_give() {
        let device = Device::flex().autodiff();
        for outputs in [5, 1] {
            device.seed(3);
            let network = ResNet::init(Depth::D18, outputs, &device);
            for against in [false, true] {
                let target = Target {
                    output: outputs - 1,
                    outputs,
                    against,
                };
                let found =
                    pollster::block_on(grad_cam(&network, picture(), SIZE, |_| target, &device))
                        .unwrap();
                let expected = by_autodiff(&network, target.output, target.sign(), &device);
                assert_eq!((found.map.width(), found.map.height()), (3, 3));
                let largest = expected.iter().copied().fold(0.0, f32::max);
                for (a, b) in found.map.values().iter().zip(&expected) {
                    assert!((a - b).abs() <= 1e-5 * largest.max(1.0), "{a} against {b}");
                }
            }
        }
    }

    #[test]
    fn the_places_of_a_map_add_up_to_the_logit_less_its_bias() {
        let device = Device::flex();
        device.seed(4);
        let network = ResNet::init(Depth::D18, 5, &device).folded();
        let input = Tensor::<4>::from_data(TensorData::new(picture(), [1, 3, SIZE, SIZE]), &device);
        let features = network.features(input);
        let logits = network.head(features.clone()).into_data();
        let nothing = network.head(features.zeros_like()).into_data();
        let evidence = network.evidence(features);
        let sums = evidence.reshape([5, 9]).sum_dim(1).into_data();
        let read = |data: TensorData| data.iter::<f32>().collect::<Vec<f32>>();
        let (logits, nothing, sums) = (read(logits), read(nothing), read(sums));
        for ((logit, bias), sum) in logits.iter().zip(&nothing).zip(&sums) {
            let scale = logit.abs().max(1.0);
            assert!((logit - bias - sum).abs() < 1e-4 * scale, "{logit} {sum}");
        }
        assert!(sums.iter().any(|sum| sum.abs() > 1e-3), "{sums:?}");
    }

    #[test]
    fn an_output_that_is_not_there_is_a_sentence() {
        let device = Device::flex();
        let network = ResNet::init(Depth::D18, 5, &device).folded();
        let error = pollster::block_on(grad_cam(
            &network,
            picture(),
            SIZE,
            |_| Target::raising(5, 6),
            &device,
        ))
        .unwrap_err();
        assert!(error.to_string().contains("no output 5"), "{error}");
    }
}
