//! Weights after a step, on an NVIDIA GPU.

use burn::backend::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::kernels;
use super::unfold::{room, units};
use crate::network::step::update::{Adamw, Update};

impl Update for CubeBackend {
    fn adamw(
        weight: CubeTensor,
        gradient: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        step: Adamw,
        fresh: bool,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let like = |tensor: &CubeTensor| room(tensor, tensor.meta.shape().clone(), DType::F32);
        let made = [(); 3].map(|()| like(&weight));
        let all = [weight, gradient, first, second].map(into_contiguous);
        let client = all[0].client.clone();
        let len = all[0].meta.num_elements();
        let (count, dim) = units(&client, len);
        let [weight, gradient, first, second] = all.map(CubeTensor::into_buffer_arg);
        let [stepped, mean, square] = made.clone().map(CubeTensor::into_buffer_arg);
        // SAFETY: no unit beyond the last number does anything.
        unsafe {
            kernels::adamw::launch_unchecked(
                &client,
                count,
                dim,
                weight,
                gradient,
                first,
                second,
                stepped,
                mean,
                square,
                step.betas[0],
                step.betas[1],
                step.corrections[0],
                step.corrections[1],
                step.epsilon,
                step.rate,
                step.decay,
                len,
                fresh,
            );
        }
        let [weight, first, second] = made;
        (weight, first, second)
    }

    fn blend(one: CubeTensor, other: CubeTensor, kept: f32) -> CubeTensor {
        let blended = room(&one, one.meta.shape().clone(), DType::F32);
        let len = one.meta.num_elements();
        let (count, dim) = units(&blended.client, len);
        // SAFETY: no unit beyond the last number does anything.
        unsafe {
            kernels::blend::launch_unchecked(
                &blended.client,
                count,
                dim,
                into_contiguous(one).into_buffer_arg(),
                into_contiguous(other).into_buffer_arg(),
                blended.clone().into_buffer_arg(),
                kept,
                len,
            );
        }
        blended
    }
}
