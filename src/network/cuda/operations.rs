//! What lies under the network's operations on a GPU.

use burn::backend::DType;
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::kernels;
use super::normalisation;
use super::unfold::{self, as_pictures, dims, geometry, pictures, places, room, units};
use crate::network::kernels::operations::Answer;
use crate::network::step::operations::{
    Convolved, Gradients, Made, Norm, Normalised, TrainingStep, WithGradients,
};

/// A convolution's output with its bias and a shortcut added, rectified or not.
fn convolved(
    x: &CubeTensor,
    weight: &CubeTensor,
    bias: Option<CubeTensor>,
    shortcut: Option<CubeTensor>,
    [stride, padding]: [[usize; 2]; 2],
    rectify: bool,
) -> CubeTensor {
    let g = geometry(x, weight, stride, padding);
    let output = unfold::forward(&g, x, weight);
    if bias.is_none() && shortcut.is_none() && !rectify {
        return as_pictures(&g, output);
    }
    let shortcut = shortcut.map(places);
    let finished = room(&output, output.meta.shape().clone(), DType::F32);
    let none = room(&output, [1], DType::F32);
    let len = output.meta.num_elements();
    let (count, dim) = units(&output.client, len);
    let or_none = |tensor: &Option<CubeTensor>| {
        let tensor = tensor.clone().map(into_contiguous);
        tensor.unwrap_or_else(|| none.clone()).into_buffer_arg()
    };
    // SAFETY: no unit beyond the last number does anything.
    unsafe {
        kernels::finish::launch_unchecked(
            &output.client.clone(),
            count,
            dim,
            output.into_buffer_arg(),
            or_none(&shortcut),
            or_none(&bias),
            finished.clone().into_buffer_arg(),
            g.outputs,
            len,
            bias.is_some(),
            shortcut.is_some(),
            rectify,
        );
    }
    as_pictures(&g, finished)
}

impl Answer for CubeBackend {
    fn convolve(
        x: CubeTensor,
        weight: CubeTensor,
        stride: [usize; 2],
        padding: [usize; 2],
        rectify: bool,
    ) -> CubeTensor {
        convolved(&x, &weight, None, None, [stride, padding], rectify)
    }

    fn convolve_with_bias(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        stride: [usize; 2],
        padding: [usize; 2],
        rectify: bool,
    ) -> CubeTensor {
        convolved(&x, &weight, Some(bias), None, [stride, padding], rectify)
    }

    fn close(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        shortcut: CubeTensor,
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> CubeTensor {
        let layout = [stride, padding];
        convolved(&x, &weight, Some(bias), Some(shortcut), layout, true)
    }

    fn pool(x: CubeTensor) -> CubeTensor {
        let ([kernel, stride, padding], dilation) = ([[3, 3], [2, 2], [1, 1]], [1, 1]);
        <Self as ModuleOps<Self>>::max_pool2d(x, kernel, stride, padding, dilation, false)
    }
}

impl TrainingStep for CubeBackend {
    fn convolve(
        x: CubeTensor,
        weight: CubeTensor,
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> CubeTensor {
        convolved(&x, &weight, None, None, [stride, padding], false)
    }

    fn normalise(
        x: CubeTensor,
        norm: Norm<Self>,
        rectify: bool,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let made = Self::normalisation(x, norm, None, rectify);
        (made.output, made.running_mean, made.running_variance)
    }

    fn join(
        x: CubeTensor,
        shortcut: CubeTensor,
        norm: Norm<Self>,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let made = Self::normalisation(x, norm, Some(shortcut), true);
        (made.output, made.running_mean, made.running_variance)
    }
}

impl WithGradients for CubeBackend {
    fn of_convolution(
        of: &Convolved<Self>,
        gradient: FloatTensor<Self>,
        wanted: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2] {
        let g = geometry(&of.x, &of.weight, of.stride, of.padding);
        let gradient = unfold::factor(places(gradient));
        [
            wanted[0].then(|| unfold::input_gradient(&g, &of.weight, &gradient)),
            wanted[1].then(|| unfold::weight_gradient(&g, &of.x, &gradient)),
        ]
    }

    fn normalisation(
        x: CubeTensor,
        norm: Norm<Self>,
        shortcut: Option<CubeTensor>,
        rectify: bool,
    ) -> Made<Self> {
        let [batch, _, height, width] = dims(&x);
        let norm = Norm {
            gamma: into_contiguous(norm.gamma),
            beta: into_contiguous(norm.beta),
            running_mean: into_contiguous(norm.running_mean),
            running_variance: into_contiguous(norm.running_variance),
            ..norm
        };
        let made = normalisation::forward(&places(x), &norm, shortcut.map(places), rectify);
        Made {
            output: pictures(made.output, batch, [height, width]),
            ..made
        }
    }

    fn of_normalisation(of: &Normalised<Self>, gradient: FloatTensor<Self>) -> Gradients<Self> {
        let [batch, _, height, width] = dims(&of.x);
        let of = Normalised {
            x: places(of.x.clone()),
            rectified: of.rectified.clone().map(places),
            gamma: into_contiguous(of.gamma.clone()),
            ..of.clone()
        };
        let made = normalisation::backward(&of, &places(gradient));
        let whole = |places| pictures(places, batch, [height, width]);
        Gradients {
            x: whole(made.x),
            shortcut: made.shortcut.map(whole),
            ..made
        }
    }
}
