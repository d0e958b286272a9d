//! Batch norm with the batch's own statistics (Ioffe & Szegedy 2015), with the sum
//! and the rectifier after it.

use burn::backend::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::kernels::{self, LANES, ROWS};
use super::unfold::{room, units};
use crate::network::step::operations::{Gradients, Made, Norm, Normalised};

/// Places a unit sums at least, and shares there are at most.
const WORTHWHILE: usize = 16;
const SHARES: usize = 256;

/// How places are shared among cubes.
struct Shares {
    places: usize,
    channels: usize,
    /// Places in each.
    share: usize,
    count: usize,
}

impl Shares {
    fn of(x: &CubeTensor) -> Self {
        let (places, channels) = (x.meta.shape()[0], x.meta.shape()[1]);
        let count = places.div_ceil(ROWS as usize * WORTHWHILE).min(SHARES);
        let share = places.div_ceil(count);
        Self {
            places,
            channels,
            share,
            count: places.div_ceil(share),
        }
    }

    fn cubes(&self, shares: usize) -> (CubeCount, CubeDim) {
        let across = self.channels.div_ceil(LANES as usize) as u32;
        (
            CubeCount::Static(across, shares as u32, 1),
            CubeDim::new_2d(LANES, ROWS),
        )
    }

    fn room(&self, near: &CubeTensor) -> CubeTensor {
        room(near, [self.count, 2, self.channels], DType::F32)
    }
}

/// `x` and the shortcut are `[places, channels]`, and so is the output.
pub fn forward(
    x: &CubeTensor,
    norm: &Norm<CubeBackend>,
    shortcut: Option<CubeTensor>,
    rectify: bool,
) -> Made<CubeBackend> {
    let client = &x.client;
    let shares = Shares::of(x);
    let sums = shares.room(x);
    let [mean, variance, running_mean, running_variance] =
        [(); 4].map(|()| room(x, [shares.channels], DType::F32));
    let output = room(x, x.meta.shape().clone(), DType::F32);
    let none = room(x, [1], DType::F32);
    let len = x.meta.num_elements();
    // SAFETY: no unit beyond the last channel, place or number does anything.
    unsafe {
        let (count, dim) = shares.cubes(shares.count);
        kernels::sum_of_channels::launch_unchecked(
            client,
            count,
            dim,
            x.clone().into_buffer_arg(),
            sums.clone().into_buffer_arg(),
            shares.places,
            shares.channels,
            shares.share,
        );
        let (count, dim) = shares.cubes(1);
        kernels::statistics::launch_unchecked(
            client,
            count,
            dim,
            x.clone().into_buffer_arg(),
            sums.into_buffer_arg(),
            mean.clone().into_buffer_arg(),
            variance.clone().into_buffer_arg(),
            norm.running_mean.clone().into_buffer_arg(),
            norm.running_variance.clone().into_buffer_arg(),
            running_mean.clone().into_buffer_arg(),
            running_variance.clone().into_buffer_arg(),
            norm.settings.momentum as f32,
            shares.places,
            shares.channels,
            shares.count,
        );
        let (count, dim) = units(client, len);
        kernels::normalise::launch_unchecked(
            client,
            count,
            dim,
            x.clone().into_buffer_arg(),
            shortcut.as_ref().unwrap_or(&none).clone().into_buffer_arg(),
            mean.clone().into_buffer_arg(),
            variance.clone().into_buffer_arg(),
            norm.gamma.clone().into_buffer_arg(),
            norm.beta.clone().into_buffer_arg(),
            output.clone().into_buffer_arg(),
            norm.settings.epsilon as f32,
            shares.channels,
            len,
            shortcut.is_some(),
            rectify,
        );
    }
    Made {
        output,
        mean,
        variance,
        running_mean,
        running_variance,
    }
}

/// Gradients from that of the output, all of the size of `x` as above.
pub fn backward(of: &Normalised<CubeBackend>, gradient: &CubeTensor) -> Gradients<CubeBackend> {
    let Normalised {
        x,
        gamma,
        mean,
        variance,
        ..
    } = of;
    let client = &x.client;
    let shares = Shares::of(x);
    let sums = shares.room(x);
    let [of_gamma, of_beta] = [(); 2].map(|()| room(x, [shares.channels], DType::F32));
    let of_x = room(x, x.meta.shape().clone(), DType::F32);
    let of_shortcut = of
        .shortcut
        .then(|| room(x, x.meta.shape().clone(), DType::F32));
    let [none, unwritten] = [(); 2].map(|()| room(x, [1], DType::F32));
    let rectified = of.rectified.as_ref().unwrap_or(&none);
    let len = x.meta.num_elements();
    // SAFETY: no unit beyond the last channel, place or number does anything.
    unsafe {
        let (count, dim) = shares.cubes(shares.count);
        kernels::sum_of_gradients::launch_unchecked(
            client,
            count,
            dim,
            x.clone().into_buffer_arg(),
            gradient.clone().into_buffer_arg(),
            rectified.clone().into_buffer_arg(),
            mean.clone().into_buffer_arg(),
            variance.clone().into_buffer_arg(),
            sums.clone().into_buffer_arg(),
            of.epsilon as f32,
            shares.places,
            shares.channels,
            shares.share,
            of.rectified.is_some(),
        );
        let (count, dim) = shares.cubes(1);
        kernels::sum_of_shares::launch_unchecked(
            client,
            count,
            dim,
            sums.into_buffer_arg(),
            of_beta.clone().into_buffer_arg(),
            of_gamma.clone().into_buffer_arg(),
            shares.channels,
            shares.count,
        );
        let (count, dim) = units(client, len);
        kernels::normalise_back::launch_unchecked(
            client,
            count,
            dim,
            x.clone().into_buffer_arg(),
            gradient.clone().into_buffer_arg(),
            rectified.clone().into_buffer_arg(),
            mean.clone().into_buffer_arg(),
            variance.clone().into_buffer_arg(),
            gamma.clone().into_buffer_arg(),
            of_beta.clone().into_buffer_arg(),
            of_gamma.clone().into_buffer_arg(),
            of_x.clone().into_buffer_arg(),
            of_shortcut
                .as_ref()
                .unwrap_or(&unwritten)
                .clone()
                .into_buffer_arg(),
            of.epsilon as f32,
            shares.places,
            shares.channels,
            len,
            of.shortcut,
            of.rectified.is_some(),
        );
    }
    Gradients {
        x: of_x,
        gamma: of_gamma,
        beta: of_beta,
        shortcut: of_shortcut,
    }
}
