//! Batch norm with the batch's own statistics (Ioffe & Szegedy 2015), with the
//! sum and the rectifier after it, a channel at a time: each number is fetched
//! from memory once, where one tensor operation after the other takes a dozen
//! passes. Results do not depend on the number of threads.

use rayon::prelude::*;

use crate::network::kernels::shared::{Shared, filled};

/// The sizes of a feature map `[batch, channels, plane]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub batch: usize,
    pub channels: usize,
    /// Height times width.
    pub plane: usize,
}

impl Extent {
    fn len(&self) -> usize {
        self.batch * self.channels * self.plane
    }

    /// Where the planes of a channel start.
    fn starts(self, channel: usize) -> impl Iterator<Item = usize> + Clone {
        (0..self.batch).map(move |picture| (picture * self.channels + channel) * self.plane)
    }

    /// The planes of a channel.
    fn planes(self, values: &[f32], channel: usize) -> impl Iterator<Item = &[f32]> {
        self.starts(channel)
            .map(move |start| &values[start..start + self.plane])
    }
}

/// What the forward pass gives; the variance is the biased one.
pub struct Normalised {
    pub output: Vec<f32>,
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
}

/// What the backward pass gives.
pub struct Gradients {
    pub x: Vec<f32>,
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
    /// Of what was added before the rectifier, where there was any.
    pub shortcut: Option<Vec<f32>>,
}

/// Numbers added up side by side, which is what the processor can do.
const LANES: usize = 16;

/// The sum of `of(a, b)` over two planes.
fn sum(a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32) -> f64 {
    let mut lanes = [0.0_f32; LANES];
    let (a_all, b_all) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_all.remainder(), b_all.remainder());
    for (a, b) in a_all.zip(b_all) {
        for lane in 0..LANES {
            lanes[lane] += of(a[lane], b[lane]);
        }
    }
    let rest: f64 = a_rest
        .iter()
        .zip(b_rest)
        .map(|(a, b)| f64::from(of(*a, *b)))
        .sum();
    rest + lanes.iter().copied().map(f64::from).sum::<f64>()
}

/// `γ·(x − μ)/√(σ² + ε) + β`, `+ shortcut` where there is one, and `max(·, 0)`
/// where `rectify` says so.
pub fn forward(
    extent: Extent,
    x: &[f32],
    [gamma, beta]: [&[f32]; 2],
    epsilon: f64,
    shortcut: Option<&[f32]>,
    rectify: bool,
) -> Normalised {
    assert_eq!(
        [x.len(), gamma.len(), beta.len()],
        [extent.len(), extent.channels, extent.channels]
    );
    assert!(shortcut.is_none_or(|values| values.len() == x.len()));
    let count = (extent.batch * extent.plane) as f64;
    let mut statistics = Vec::new();
    let fill = |target: Shared| {
        (0..extent.channels)
            .into_par_iter()
            .map(|channel| {
                let total: f64 = extent.planes(x, channel).map(|p| sum(p, p, |x, _| x)).sum();
                let mean = (total / count) as f32;
                let squares: f64 = extent
                    .planes(x, channel)
                    .map(|p| sum(p, p, |x, _| (x - mean) * (x - mean)))
                    .sum();
                let variance = squares / count;
                let scale = (f64::from(gamma[channel]) / (variance + epsilon).sqrt()) as f32;
                let beta = beta[channel];
                let lowest = if rectify { 0.0 } else { f32::NEG_INFINITY };
                // A number that is none stays so, as PyTorch's rectifier has it.
                let bound = |value: f32| if value < lowest { lowest } else { value };
                for start in extent.starts(channel) {
                    let from = &x[start..start + extent.plane];
                    // SAFETY: a plane of this task's channel.
                    let to = unsafe { target.slice(start, extent.plane) };
                    match shortcut {
                        None => {
                            for (to, x) in to.iter_mut().zip(from) {
                                to.write(bound((x - mean) * scale + beta));
                            }
                        }
                        Some(shortcut) => {
                            let added = &shortcut[start..start + extent.plane];
                            for ((to, x), added) in to.iter_mut().zip(from).zip(added) {
                                to.write(bound((x - mean) * scale + beta + added));
                            }
                        }
                    }
                }
                (mean, variance as f32)
            })
            .collect_into_vec(&mut statistics);
    };
    // SAFETY: every plane of every channel is written.
    let output = unsafe { filled(extent.len(), fill) };
    let (mean, variance) = statistics.into_iter().unzip();
    Normalised {
        output,
        mean,
        variance,
    }
}

/// What the backward pass starts from: the forward pass's input and results.
#[derive(Clone, Copy)]
pub struct Forward<'a> {
    pub x: &'a [f32],
    pub gamma: &'a [f32],
    pub mean: &'a [f32],
    pub variance: &'a [f32],
    /// Where it was rectified, its output.
    pub rectified: Option<&'a [f32]>,
    /// Whether something was added to it.
    pub shortcut: bool,
    pub epsilon: f64,
}

/// The gradients from that of the output.
pub fn backward(extent: Extent, of: Forward<'_>, gradient: &[f32]) -> Gradients {
    assert_eq!([of.x.len(), gradient.len()], [extent.len(); 2]);
    assert_eq!(
        [of.gamma.len(), of.mean.len(), of.variance.len()],
        [extent.channels; 3]
    );
    assert!(
        of.rectified
            .is_none_or(|values| values.len() == gradient.len())
    );
    // What got past the rectifier: the shortcut's gradient, and the first of
    // two steps to that of `x`.
    let mut shortcut = None;
    let mut sums = Vec::new();
    let mut fill = |target: Shared, passed: Shared| {
        (0..extent.channels)
            .into_par_iter()
            .map(|channel| {
                // SAFETY: only this task touches its channel's planes.
                unsafe { backward_channel(extent, of, gradient, channel, target, passed) }
            })
            .collect_into_vec(&mut sums);
    };
    let x = if of.shortcut {
        let mut x = Vec::new();
        // SAFETY: every plane of every channel is written, in both.
        shortcut = Some(unsafe {
            filled(extent.len(), |passed| {
                x = filled(extent.len(), |target| fill(target, passed));
            })
        });
        x
    } else {
        // SAFETY: every plane of every channel is written.
        unsafe { filled(extent.len(), |target| fill(target, target)) }
    };
    let (gamma, beta) = sums.into_iter().unzip();
    Gradients {
        x,
        gamma,
        beta,
        shortcut,
    }
}

/// One channel of [`backward`]: writes its planes of `target` and of `passed`,
/// which may be one, and gives the gradients of γ and β.
///
/// # Safety
/// Nobody else touches these planes meanwhile.
unsafe fn backward_channel(
    extent: Extent,
    of: Forward<'_>,
    gradient: &[f32],
    channel: usize,
    target: Shared,
    passed: Shared,
) -> (f32, f32) {
    let plane = extent.plane;
    let mean = of.mean[channel];
    let (mut plain, mut weighted) = (0.0, 0.0);
    for start in extent.starts(channel) {
        let place = start..start + plane;
        let from = &gradient[place.clone()];
        // SAFETY: promised by the caller; the slice ends before the next is made.
        let to = unsafe { passed.slice(start, plane) };
        match of.rectified {
            None => {
                for (to, gradient) in to.iter_mut().zip(from) {
                    to.write(*gradient);
                }
            }
            Some(output) => {
                for ((to, gradient), output) in to.iter_mut().zip(from).zip(&output[place.clone()])
                {
                    to.write(if *output > 0.0 { *gradient } else { 0.0 });
                }
            }
        }
        // SAFETY: written just now.
        let kept = unsafe { std::slice::from_raw_parts(passed.at(start), plane) };
        plain += sum(kept, kept, |gradient, _| gradient);
        weighted += sum(kept, &of.x[place], |gradient, x| gradient * (x - mean));
    }
    let count = (extent.batch * plane) as f64;
    let inverse = 1.0 / (f64::from(of.variance[channel]) + of.epsilon).sqrt();
    let scale = (f64::from(of.gamma[channel]) * inverse) as f32;
    let level = (plain / count) as f32;
    let slope = (weighted / count * inverse * inverse) as f32;
    for start in extent.starts(channel) {
        for (place, x) in of.x[start..start + plane].iter().enumerate() {
            // SAFETY: promised by the caller; the place was written above.
            unsafe {
                let gradient = *passed.at(start + place);
                *target.at(start + place) = scale * (gradient - level - (x - mean) * slope);
            }
        }
    }
    ((weighted * inverse) as f32, plain as f32)
}
