//! The kernels as operations burn can record and differentiate.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, ExtensionType, Flex, backend_extension};

use super::normalisation::{self, Extent, Forward};
use crate::network::kernels::gradients;
use crate::network::kernels::operations::{Values, convolved, geometry, sizes, tensor};

/// What a training step does most of its work in.
#[backend_extension(Flex, Cube: cfg(feature = "cuda"), Autodiff)]
pub trait TrainingStep: Backend {
    /// A convolution without bias, groups or dilation.
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> FloatTensor<Self>;

    /// Batch norm with the batch's statistics, rectified or not: the output, and what
    /// becomes of the running mean and variance.
    fn normalise(
        x: FloatTensor<Self>,
        #[extension_type] norm: Norm<Self>,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The end of a residual block: batch norm, plus the shortcut, rectified.
    fn join(
        x: FloatTensor<Self>,
        shortcut: FloatTensor<Self>,
        #[extension_type] norm: Norm<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// A batch norm's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub epsilon: f64,
    /// Share of a batch's statistics in the running ones.
    pub momentum: f64,
}

/// A batch norm: its tensors, `[channels]` each, and its numbers.
#[derive(ExtensionType)]
pub struct Norm<B: Backend> {
    pub gamma: FloatTensor<B>,
    pub beta: FloatTensor<B>,
    pub running_mean: FloatTensor<B>,
    pub running_variance: FloatTensor<B>,
    pub settings: Settings,
}

impl<B: Backend, C: CheckpointStrategy> Norm<Autodiff<B, C>> {
    fn into_primitives(self) -> Norm<B> {
        Norm {
            gamma: self.gamma.into_primitive(),
            beta: self.beta.into_primitive(),
            running_mean: self.running_mean.into_primitive(),
            running_variance: self.running_variance.into_primitive(),
            settings: self.settings,
        }
    }
}

/// What batch norm with what follows it comes to.
pub struct Made<B: Backend> {
    pub output: FloatTensor<B>,
    /// The batch's, the variance being the biased one.
    pub mean: FloatTensor<B>,
    pub variance: FloatTensor<B>,
    pub running_mean: FloatTensor<B>,
    pub running_variance: FloatTensor<B>,
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

impl TrainingStep for Flex {
    fn convolve(x: Values, weight: Values, stride: [usize; 2], padding: [usize; 2]) -> Values {
        convolved(&x, &weight, stride, padding, |_, _| {})
    }

    fn normalise(x: Values, norm: Norm<Self>, rectify: bool) -> (Values, Values, Values) {
        let made = Self::normalisation(x, norm, None, rectify);
        (made.output, made.running_mean, made.running_variance)
    }

    fn join(x: Values, shortcut: Values, norm: Norm<Self>) -> (Values, Values, Values) {
        let made = Self::normalisation(x, norm, Some(shortcut), true);
        (made.output, made.running_mean, made.running_variance)
    }
}

/// What a convolution's gradients are made of.
#[derive(Clone, Debug)]
pub struct Convolved<B: Backend> {
    pub x: FloatTensor<B>,
    pub weight: FloatTensor<B>,
    pub stride: [usize; 2],
    pub padding: [usize; 2],
}

/// What those of batch norm, with what follows it, are made of.
#[derive(Clone, Debug)]
pub struct Normalised<B: Backend> {
    pub x: FloatTensor<B>,
    pub gamma: FloatTensor<B>,
    pub mean: FloatTensor<B>,
    pub variance: FloatTensor<B>,
    /// The output, where it was rectified.
    pub rectified: Option<FloatTensor<B>>,
    pub shortcut: bool,
    pub epsilon: f64,
}

/// The gradients of batch norm and of what was added before the rectifier.
pub struct Gradients<B: Backend> {
    pub x: FloatTensor<B>,
    pub gamma: FloatTensor<B>,
    pub beta: FloatTensor<B>,
    pub shortcut: Option<FloatTensor<B>>,
}

/// A backend that has the gradients of these operations, too.
pub trait WithGradients: TrainingStep {
    /// Of input and weight, where wanted.
    fn of_convolution(
        of: &Convolved<Self>,
        gradient: FloatTensor<Self>,
        wanted: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2];

    /// Batch norm, a shortcut added and rectified where asked for.
    fn normalisation(
        x: FloatTensor<Self>,
        norm: Norm<Self>,
        shortcut: Option<FloatTensor<Self>>,
        rectify: bool,
    ) -> Made<Self>;

    fn of_normalisation(of: &Normalised<Self>, gradient: FloatTensor<Self>) -> Gradients<Self>;
}

/// What running statistics become of a batch's.
fn moved(running: &Values, batch: &[f32], momentum: f64) -> Values {
    let running = running.to_contiguous();
    let kept = (1.0 - momentum) as f32;
    let values: Vec<f32> = running
        .storage::<f32>()
        .iter()
        .zip(batch)
        .map(|(running, batch)| running * kept + batch * momentum as f32)
        .collect();
    let channels = [values.len()];
    tensor(values, &channels)
}

impl WithGradients for Flex {
    fn of_convolution(
        of: &Convolved<Self>,
        gradient: Values,
        wanted: [bool; 2],
    ) -> [Option<Values>; 2] {
        let [x, weight, gradient] = [&of.x, &of.weight, &gradient].map(Values::to_contiguous);
        let geometry = geometry(&x, &weight, of.stride, of.padding);
        let of_output = gradient.storage();
        let of_x = || gradients::input_gradient(&geometry, weight.storage(), of_output);
        let of_weight = || gradients::weight_gradient(&geometry, x.storage(), of_output);
        [
            wanted[0].then(|| tensor(of_x(), &shape(&x))),
            wanted[1].then(|| tensor(of_weight(), &shape(&weight))),
        ]
    }

    fn normalisation(
        x: Values,
        norm: Norm<Self>,
        shortcut: Option<Values>,
        rectify: bool,
    ) -> Made<Self> {
        let [x, gamma, beta] = [&x, &norm.gamma, &norm.beta].map(Values::to_contiguous);
        let shortcut = shortcut.map(|values| values.to_contiguous());
        let made = normalisation::forward(
            extent(&x),
            x.storage(),
            [gamma.storage(), beta.storage()],
            norm.settings.epsilon,
            shortcut.as_ref().map(|values| values.storage()),
            rectify,
        );
        let (momentum, channels) = (norm.settings.momentum, [made.mean.len()]);
        Made {
            running_mean: moved(&norm.running_mean, &made.mean, momentum),
            running_variance: moved(&norm.running_variance, &made.variance, momentum),
            output: tensor(made.output, &shape(&x)),
            mean: tensor(made.mean, &channels),
            variance: tensor(made.variance, &channels),
        }
    }

    fn of_normalisation(of: &Normalised<Self>, gradient: Values) -> Gradients<Self> {
        let [x, gamma, gradient] = [&of.x, &of.gamma, &gradient].map(Values::to_contiguous);
        let forward = Forward {
            x: x.storage(),
            gamma: gamma.storage(),
            mean: of.mean.storage(),
            variance: of.variance.storage(),
            rectified: of.rectified.as_ref().map(|values| values.storage()),
            shortcut: of.shortcut,
            epsilon: of.epsilon,
        };
        let made = normalisation::backward(extent(&x), forward, gradient.storage());
        let (whole, channels) = (shape(&x), [made.gamma.len()]);
        Gradients {
            x: tensor(made.x, &whole),
            gamma: tensor(made.gamma, &channels),
            beta: tensor(made.beta, &channels),
            shortcut: made.shortcut.map(|values| tensor(values, &whole)),
        }
    }
}

#[derive(Debug)]
struct Convolution;

impl<B: WithGradients> Backward<B, 2> for Convolution {
    type State = Convolved<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut burn::backend::autodiff::grads::Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let made = B::of_convolution(&ops.state, grads.consume::<B>(&ops.node), wanted);
        for (node, gradient) in ops.parents.into_iter().zip(made) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Normalisation;

impl<B: WithGradients> Backward<B, 3> for Normalisation {
    type State = Normalised<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut burn::backend::autodiff::grads::Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let made = B::of_normalisation(&ops.state, grads.consume::<B>(&ops.node));
        let made = [made.x, made.gamma, made.beta];
        for (node, gradient) in ops.parents.into_iter().zip(made) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Join;

impl<B: WithGradients> Backward<B, 4> for Join {
    type State = Normalised<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut burn::backend::autodiff::grads::Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let made = B::of_normalisation(&ops.state, grads.consume::<B>(&ops.node));
        let shortcut = made.shortcut.expect("there was a shortcut");
        let made = [made.x, shortcut, made.gamma, made.beta];
        for (node, gradient) in ops.parents.into_iter().zip(made) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: WithGradients, C: CheckpointStrategy> TrainingStep for Autodiff<B, C> {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        let output = B::convolve(x.clone(), weight.clone(), stride, padding);
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let kept = Convolved {
                    x,
                    weight,
                    stride,
                    padding,
                };
                prep.finish(kept, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn normalise(
        x: FloatTensor<Self>,
        norm: Norm<Self>,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), norm.gamma.node(), norm.beta.node()];
        let (x, norm) = (x.into_primitive(), norm.into_primitives());
        let (gamma, epsilon) = (norm.gamma.clone(), norm.settings.epsilon);
        let made = B::normalisation(x.clone(), norm, None, rectify);
        let running = [made.running_mean, made.running_variance];
        let output = made.output;
        let output = match Normalisation.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let kept = Normalised {
                    x,
                    gamma,
                    mean: made.mean,
                    variance: made.variance,
                    rectified: rectify.then(|| output.clone()),
                    shortcut: false,
                    epsilon,
                };
                prep.finish(kept, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        let [mean, variance] = running.map(FloatTensor::<Self>::new);
        (output, mean, variance)
    }

    fn join(
        x: FloatTensor<Self>,
        shortcut: FloatTensor<Self>,
        norm: Norm<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [
            x.node(),
            shortcut.node(),
            norm.gamma.node(),
            norm.beta.node(),
        ];
        let (x, norm) = (x.into_primitive(), norm.into_primitives());
        let (gamma, epsilon) = (norm.gamma.clone(), norm.settings.epsilon);
        let made = B::normalisation(x.clone(), norm, Some(shortcut.into_primitive()), true);
        let running = [made.running_mean, made.running_variance];
        let output = made.output;
        let output = match Join.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let kept = Normalised {
                    x,
                    gamma,
                    mean: made.mean,
                    variance: made.variance,
                    rectified: Some(output.clone()),
                    shortcut: true,
                    epsilon,
                };
                prep.finish(kept, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        let [mean, variance] = running.map(FloatTensor::<Self>::new);
        (output, mean, variance)
    }
}
