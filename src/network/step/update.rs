//! What becomes of weights after a step, in one pass over memory.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::network::kernels;
use crate::network::kernels::operations::Values;

/// Numbers that one task takes.
const TASK: usize = 1 << 16;

/// A step of AdamW: its settings, and what depends on how many were taken.
#[derive(Clone, Copy, Debug)]
pub struct Adamw {
    pub betas: [f32; 2],
    /// What is left of a mean that began at nothing: `1 - beta ^ steps`.
    pub corrections: [f32; 2],
    pub epsilon: f32,
    pub rate: f32,
    /// Share of the weight that is taken off it.
    pub decay: f32,
}

impl Adamw {
    /// Weight and moments after the step; `fresh` as [`Update::adamw`] has it.
    fn after(&self, [weight, gradient, first, second]: [f32; 4], fresh: bool) -> [f32; 3] {
        let [beta_1, beta_2] = self.betas;
        let mut mean = (1.0 - beta_1) * gradient;
        let mut square = (1.0 - beta_2) * gradient * gradient;
        if !fresh {
            mean += beta_1 * first;
            square += beta_2 * second;
        }
        let [of_mean, of_square] = self.corrections;
        let step = (mean / of_mean) / ((square / of_square).sqrt() + self.epsilon);
        [weight * (1.0 - self.decay) - self.rate * step, mean, square]
    }
}

#[backend_extension(Flex, Cube: cfg(feature = "cuda"))]
pub trait Update: Backend {
    /// The weight after a step of AdamW (Loshchilov & Hutter 2019), and both moments.
    /// All are of one shape. `fresh`: the first step has no moments behind it, and those
    /// given are not read.
    fn adamw(
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: Adamw,
        fresh: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The share `kept` of one and the rest of the other, of one shape.
    fn blend(one: FloatTensor<Self>, other: FloatTensor<Self>, kept: f32) -> FloatTensor<Self>;
}

fn like(values: Vec<f32>, other: &Values) -> Values {
    let shape = other.layout().shape().to_vec();
    Values::from_data(TensorData::new(values, shape))
}

impl Update for Flex {
    fn adamw(
        weight: Values,
        gradient: Values,
        first: Values,
        second: Values,
        step: Adamw,
        fresh: bool,
    ) -> (Values, Values, Values) {
        let all = [&weight, &gradient, &first, &second].map(Values::to_contiguous);
        let [weights, gradients, firsts, seconds] = all.each_ref().map(|v| v.storage::<f32>());
        let mut made = [(); 3].map(|()| vec![0.0; weights.len()]);
        let [stepped, mean, square] = &mut made;
        let parts = stepped
            .par_chunks_mut(TASK)
            .zip(mean.par_chunks_mut(TASK))
            .zip(square.par_chunks_mut(TASK));
        parts
            .enumerate()
            .for_each(|(part, ((stepped, mean), square))| {
                let of = |values: &[f32], i: usize| values[part * TASK + i];
                for i in 0..stepped.len() {
                    [stepped[i], mean[i], square[i]] = step.after(
                        [
                            of(weights, i),
                            of(gradients, i),
                            of(firsts, i),
                            of(seconds, i),
                        ],
                        fresh,
                    );
                }
            });
        let [stepped, mean, square] = made.map(|values| like(values, &weight));
        (stepped, mean, square)
    }

    fn blend(one: Values, other: Values, kept: f32) -> Values {
        let [one, other] = [&one, &other].map(Values::to_contiguous);
        let pairs = one.storage::<f32>().par_iter().zip(other.storage::<f32>());
        let blended = pairs.map(|(one, other)| kept * one + (1.0 - kept) * other);
        like(blended.collect(), &one)
    }
}

/// Whether weights on `device` can be updated in one pass.
pub fn updates(device: &Device) -> bool {
    !device.is_autodiff() && kernels::reach(device)
}

/// [`Update::adamw`] on tensors that record nothing and lie where it [`updates`]; without moments, the first step.
pub fn adamw<const D: usize>(
    weight: Tensor<D>,
    gradient: Tensor<D>,
    moments: Option<[Tensor<D>; 2]>,
    step: Adamw,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let fresh = moments.is_none();
    let [first, second] = moments.unwrap_or_else(|| [gradient.clone(), gradient.clone()]);
    let (weight, first, second) = <Dispatch as Update>::adamw(
        weight.into_dispatch(),
        gradient.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        step,
        fresh,
    );
    (
        Tensor::from_dispatch(weight),
        [first, second].map(Tensor::from_dispatch),
    )
}

/// The share `kept` of one and the rest of the other, of tensors that record nothing.
pub fn blend<const D: usize>(one: Tensor<D>, other: Tensor<D>, kept: f32) -> Tensor<D> {
    if !updates(&one.device()) {
        return one * kept + other * (1.0 - kept);
    }
    let (one, other) = (one.into_dispatch(), other.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Update>::blend(one, other, kept))
}
