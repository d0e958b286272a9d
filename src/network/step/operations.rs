//! The kernels as operations burn can record and differentiate.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, backend_extension};

use super::normalisation::{self, Extent, Forward};
use crate::network::kernels::geometry::Geometry;
use crate::network::kernels::gradients;
use crate::network::kernels::operations::{Values, convolved, geometry, sizes, tensor};

/// What a training step on the CPU does most of its work in.
#[backend_extension(Flex, Autodiff)]
pub trait TrainingStep: Backend {
    /// A convolution without bias, groups or dilation.
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> FloatTensor<Self>;

    /// Batch norm with the batch's statistics, rectified or not; output, mean
    /// and biased variance.
    fn normalise(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The end of a residual block: batch norm, plus the shortcut, rectified.
    fn join(
        x: FloatTensor<Self>,
        shortcut: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

fn shape(of: &Values) -> Vec<usize> {
    of.layout().shape().to_vec()
}

fn extent(x: &Values) -> Extent {
    let [batch, channels, height, width] = sizes(x);
    Extent {
        batch,
        channels,
        plane: height * width,
    }
}

/// [`normalisation::forward`] on tensors.
fn normalised(
    x: &Values,
    [gamma, beta]: [&Values; 2],
    epsilon: f64,
    shortcut: Option<&Values>,
    rectify: bool,
) -> (Values, Values, Values) {
    let (gamma, beta) = (gamma.to_contiguous(), beta.to_contiguous());
    let shortcut = shortcut.map(Values::to_contiguous);
    let made = normalisation::forward(
        extent(x),
        x.to_contiguous().storage(),
        [gamma.storage(), beta.storage()],
        epsilon,
        shortcut.as_ref().map(|values| values.storage()),
        rectify,
    );
    let channels = [made.mean.len()];
    (
        tensor(made.output, &shape(x)),
        tensor(made.mean, &channels),
        tensor(made.variance, &channels),
    )
}

impl TrainingStep for Flex {
    fn convolve(x: Values, weight: Values, stride: [usize; 2], padding: [usize; 2]) -> Values {
        convolved(&x, &weight, stride, padding, |_, _| {})
    }

    fn normalise(
        x: Values,
        gamma: Values,
        beta: Values,
        epsilon: f64,
        rectify: bool,
    ) -> (Values, Values, Values) {
        normalised(&x, [&gamma, &beta], epsilon, None, rectify)
    }

    fn join(
        x: Values,
        shortcut: Values,
        gamma: Values,
        beta: Values,
        epsilon: f64,
    ) -> (Values, Values, Values) {
        normalised(&x, [&gamma, &beta], epsilon, Some(&shortcut), true)
    }
}

#[derive(Debug)]
struct Convolution;

impl Backward<Flex, 2> for Convolution {
    type State = (Values, Values, Geometry);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [x_node, weight_node] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (x, weight, geometry) = ops.state;
        let of_output = gradient.storage();
        if let Some(node) = x_node {
            let values = gradients::input_gradient(&geometry, weight.storage(), of_output);
            grads.register::<Flex>(node.id, tensor(values, &shape(&x)));
        }
        if let Some(node) = weight_node {
            let values = gradients::weight_gradient(&geometry, x.storage(), of_output);
            grads.register::<Flex>(node.id, tensor(values, &shape(&weight)));
        }
    }
}

/// What [`normalisation::backward`] needs of the forward pass.
#[derive(Clone, Debug)]
struct Kept {
    x: Values,
    gamma: Values,
    mean: Values,
    variance: Values,
    rectified: Option<Values>,
    shortcut: bool,
    epsilon: f64,
}

impl Kept {
    fn backward(&self, gradient: &Values) -> normalisation::Gradients {
        let of = Forward {
            x: self.x.storage(),
            gamma: self.gamma.storage(),
            mean: self.mean.storage(),
            variance: self.variance.storage(),
            rectified: self.rectified.as_ref().map(|values| values.storage()),
            shortcut: self.shortcut,
            epsilon: self.epsilon,
        };
        normalisation::backward(extent(&self.x), of, gradient.to_contiguous().storage())
    }
}

#[derive(Debug)]
struct Normalisation;

impl Backward<Flex, 3> for Normalisation {
    type State = Kept;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let made = ops.state.backward(&grads.consume::<Flex>(&ops.node));
        let channels = [made.gamma.len()];
        let whole = shape(&ops.state.x);
        let [x, gamma, beta] = ops.parents;
        for (node, values, shape) in [
            (x, made.x, &whole[..]),
            (gamma, made.gamma, &channels),
            (beta, made.beta, &channels),
        ] {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, tensor(values, shape));
            }
        }
    }
}

#[derive(Debug)]
struct Join;

impl Backward<Flex, 4> for Join {
    type State = Kept;

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let made = ops.state.backward(&grads.consume::<Flex>(&ops.node));
        let channels = [made.gamma.len()];
        let whole = shape(&ops.state.x);
        let [x, shortcut, gamma, beta] = ops.parents;
        let of_shortcut = made.shortcut.expect("there was a shortcut");
        for (node, values, shape) in [
            (x, made.x, &whole[..]),
            (shortcut, of_shortcut, &whole[..]),
            (gamma, made.gamma, &channels),
            (beta, made.beta, &channels),
        ] {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, tensor(values, shape));
            }
        }
    }
}

impl<C: CheckpointStrategy> TrainingStep for Autodiff<Flex, C> {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        let x = x.into_primitive().to_contiguous();
        let weight = weight.into_primitive().to_contiguous();
        let output = Flex::convolve(x.clone(), weight.clone(), stride, padding);
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let geometry = geometry(&x, &weight, stride, padding);
                prep.finish((x, weight, geometry), output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn normalise(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let x = x.into_primitive().to_contiguous();
        let gamma = gamma.into_primitive().to_contiguous();
        let (output, mean, variance) = Flex::normalise(
            x.clone(),
            gamma.clone(),
            beta.into_primitive(),
            epsilon,
            rectify,
        );
        let statistics = [mean.clone(), variance.clone()].map(FloatTensor::<Self>::new);
        let output = match Normalisation.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let kept = Kept {
                    x,
                    gamma,
                    mean,
                    variance,
                    rectified: rectify.then(|| output.clone()),
                    shortcut: false,
                    epsilon,
                };
                prep.finish(kept, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        let [mean, variance] = statistics;
        (output, mean, variance)
    }

    fn join(
        x: FloatTensor<Self>,
        shortcut: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), shortcut.node(), gamma.node(), beta.node()];
        let x = x.into_primitive().to_contiguous();
        let gamma = gamma.into_primitive().to_contiguous();
        let (output, mean, variance) = Flex::join(
            x.clone(),
            shortcut.into_primitive(),
            gamma.clone(),
            beta.into_primitive(),
            epsilon,
        );
        let statistics = [mean.clone(), variance.clone()].map(FloatTensor::<Self>::new);
        let output = match Join.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let kept = Kept {
                    x,
                    gamma,
                    mean,
                    variance,
                    rectified: Some(output.clone()),
                    shortcut: true,
                    epsilon,
                };
                prep.finish(kept, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        let [mean, variance] = statistics;
        (output, mean, variance)
    }
}
