//! What turns gradients into steps.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{ModuleOptimizer, SgdConfig};
use serde::{Deserialize, Serialize};

use super::adamw::AdamW;

/// The optimiser of a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
    #[default]
    Adamw,
    /// Stochastic gradient descent with Nesterov's momentum, as Pratt et al. 2016
    /// had it.
    NesterovSgd { momentum: f64 },
}

impl Optimizer {
    /// Momentum where none is named.
    pub const MOMENTUM: f64 = 0.9;

    /// # Errors
    /// A sentence that names the flag.
    pub fn validate(self) -> Result<(), String> {
        match self {
            Self::NesterovSgd { momentum } if !(momentum > 0.0 && momentum < 1.0) => {
                Err("--momentum must lie between 0 and 1".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The optimiser with nothing behind it.
    pub fn init(self, weight_decay: f32) -> ModuleOptimizer {
        match self {
            Self::Adamw => AdamW::new(weight_decay).into(),
            Self::NesterovSgd { momentum } => SgdConfig::new()
                .with_weight_decay(Some(WeightDecayConfig::new(weight_decay)))
                .with_momentum(Some(
                    // Undamped, as the textbook and PyTorch have it.
                    MomentumConfig::new()
                        .with_momentum(momentum)
                        .with_dampening(0.0)
                        .with_nesterov(true),
                ))
                .init(),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::nn::{Initializer, Linear, LinearConfig};
    use burn::optim::GradientsParams;
    use burn::tensor::{Device, Tensor};

    use super::super::schedule::constant;
    use super::*;

    /// The weight of a layer of one unit after each of two steps down a slope of 2.
    fn walk(optimizer: Optimizer, weight_decay: f32) -> [f32; 2] {
        let device = Device::flex().autodiff();
        let mut layer: Linear = LinearConfig::new(1, 1)
            .with_bias(false)
            .with_initializer(Initializer::Ones)
            .init(&device);
        let mut optimizer = optimizer.init(weight_decay);
        [0, 1].map(|_| {
            let input = Tensor::<2>::ones([1, 1], &device) * 2.0;
            let gradients =
                GradientsParams::from_grads(layer.forward(input).sum().backward(), &layer);
            let rates = constant(0.1, 1.0).unwrap().step();
            layer = optimizer.step(rates, layer.clone(), gradients);
            layer.clone().valid().weight.val().into_scalar::<f32>()
        })
    }

    #[test]
    fn nesterov_looks_ahead_as_in_pytorch() {
        // torch.optim.SGD(lr=0.1, momentum=0.9, nesterov=True), gradient 2:
        // velocity 2, step 2 + 0.9 * 2 = 3.8; velocity 3.8, step 2 + 0.9 * 3.8 = 5.42.
        let [first, second] = walk(Optimizer::NesterovSgd { momentum: 0.9 }, 0.0);
        assert!((first - (1.0 - 0.38)).abs() < 1e-6, "{first}");
        assert!((second - (1.0 - 0.38 - 0.542)).abs() < 1e-6, "{second}");
    }

    #[test]
    fn an_l2_penalty_adds_to_the_gradient() {
        // Gradient 2 + 0.5 * 1: a first step of 1.9 * 2.5 * 0.1.
        let [first, _] = walk(Optimizer::NesterovSgd { momentum: 0.9 }, 0.5);
        assert!((first - (1.0 - 0.475)).abs() < 1e-6, "{first}");
    }
}
