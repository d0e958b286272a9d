//! AdamW, a step of it in one pass over memory where the network has that: burn's
//! takes a dozen, each a call of its own, which on a GPU took longer than the network's
//! forward pass.

use burn::optim::{AdamWConfig, AdamWState, AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};

use crate::network::{self, AdamwStep};

/// Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", with burn's
/// settings and burn's state.
#[derive(Clone, Debug)]
pub struct AdamW {
    betas: [f32; 2],
    epsilon: f32,
    weight_decay: f32,
}

impl AdamW {
    pub fn new(weight_decay: f32) -> Self {
        Self {
            betas: [0.9, 0.999],
            epsilon: 1e-5,
            weight_decay,
        }
    }
}

impl Optimizer for AdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weight: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        if !network::updates(&weight.device()) {
            let burns = AdamWConfig::new()
                .with_beta_1(self.betas[0])
                .with_beta_2(self.betas[1])
                .with_epsilon(self.epsilon)
                .with_weight_decay(self.weight_decay);
            return burns.build().step(rate, weight, gradient, state);
        }
        let state = state.map(|state| state.momentum);
        let time = state.as_ref().map_or(0, |state| state.time) + 1;
        let moments = state.map(|state| [state.moment_1, state.moment_2]);
        let step = AdamwStep {
            betas: self.betas,
            corrections: self.betas.map(|beta| 1.0 - beta.powi(time as i32)),
            epsilon: self.epsilon,
            rate: rate as f32,
            decay: (rate * f64::from(self.weight_decay)) as f32,
        };
        let (weight, [moment_1, moment_2]) = network::adamw(weight, gradient, moments, step);
        let state = AdaptiveMomentumState::new(time, moment_1, moment_2);
        (weight, Some(AdamWState::new(state)))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        AdamWState::new(state.momentum.to_device(device))
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::{GradientsParams, ModuleOptimizer};
    use burn::tensor::{TensorData, Tolerance};

    use super::super::schedule::constant;
    use super::*;

    /// Steps, and demands to be given what can be stepped in one pass.
    #[derive(Clone)]
    struct OnePass(AdamW);

    impl Optimizer for OnePass {
        type State<const D: usize> = AdamWState<D>;

        fn step<const D: usize>(
            &self,
            rate: LearningRate,
            weight: Tensor<D>,
            gradient: Tensor<D>,
            state: Option<Self::State<D>>,
        ) -> (Tensor<D>, Option<Self::State<D>>) {
            assert!(network::updates(&weight.device()));
            self.0.step(rate, weight, gradient, state)
        }

        fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
            AdamW::to_device(state, device)
        }
    }

    #[test]
    fn a_training_steps_in_one_pass() {
        let device = Device::flex().autodiff();
        let layer: Linear = LinearConfig::new(3, 2).init(&device);
        let before = layer.weight.val().into_data();
        let output = layer.forward(Tensor::<2>::ones([1, 3], &device)).sum();
        let gradients = GradientsParams::from_grads(output.backward(), &layer);
        let rates = constant(0.1, 1.0).unwrap().step();
        let mut optimizer = ModuleOptimizer::from(OnePass(AdamW::new(0.0)));
        let layer = optimizer.step(rates, layer, gradients);
        assert_ne!(layer.weight.val().into_data(), before);
    }

    #[test]
    fn steps_are_those_of_burns_adamw() {
        let device = Device::flex();
        let of = |seed: f32| {
            let values: Vec<f32> = (0..70_000).map(|i| (i as f32 * seed).sin()).collect();
            Tensor::<2>::from_data(TensorData::new(values, [700, 100]), &device)
        };
        let (ours, burns) = (
            AdamW::new(0.1),
            AdamWConfig::new().with_weight_decay(0.1).build(),
        );
        let (mut a, mut b) = ((of(0.3), None), (of(0.3), None));
        for step in 1..=4 {
            let gradient = of(0.7 * step as f32);
            a = ours.step(1e-2, a.0, gradient.clone(), a.1);
            b = burns.step(1e-2, b.0, gradient, b.1);
            let (a, b) = (a.0.to_data(), b.0.to_data());
            a.assert_approx_eq::<f32>(&b, Tolerance::rel_abs(1e-5, 1e-6));
        }
        let [a, b] = [a, b].map(|(_, state)| state.unwrap().momentum);
        assert_eq!(a.time, b.time);
        for (a, b) in [(a.moment_1, b.moment_1), (a.moment_2, b.moment_2)] {
            let (a, b) = (a.to_data(), b.to_data());
            a.assert_approx_eq::<f32>(&b, Tolerance::rel_abs(1e-5, 1e-6));
        }
    }
}
