//! What the GPU runs, in CubeCL. A matrix `[rows, columns]` lies in rows; `x` of a
//! feature map is `[places, channels]`, a place being a pixel of a picture.

// A kernel is given no structs of slices, knows not every method of a number, and what
// is decided when it is compiled stands outside what is decided when it runs.
#![allow(
    clippy::too_many_arguments,
    clippy::manual_is_multiple_of,
    clippy::collapsible_if
)]

use cubecl::prelude::*;

/// Units that share a channel in the kernels that sum over places.
pub const ROWS: u32 = 8;
/// Channels of a cube in those.
pub const LANES: u32 = 32;

/// A convolution's sizes, as the kernels need them.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct Window {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub tall: usize,
    pub wide: usize,
    pub down: usize,
    pub right: usize,
    pub stride_down: usize,
    pub stride_right: usize,
    pub padding_down: usize,
    pub padding_right: usize,
    /// Columns of the unfolded input: taps times channels, and what fills it up.
    pub columns: usize,
}

/// Steps from one picture, channel, row and column to the next.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct Steps {
    pub picture: usize,
    pub channel: usize,
    pub row: usize,
    pub column: usize,
}

/// The patches of `x`, a row for every place of the output, for many channels: a
/// unit fetches one channel of one place through all taps.
#[cube(launch_unchecked)]
pub fn unfold_channels<E: Numeric, F: Numeric>(
    x: &[E],
    unfolded: &mut [F],
    window: Window,
    steps: Steps,
    places: usize,
    #[define(E, F)] _types: [ElemType; 2],
) {
    if ABSOLUTE_POS >= places * window.channels {
        terminate!();
    }
    let channel = ABSOLUTE_POS % window.channels;
    let place = ABSOLUTE_POS / window.channels;
    let across = place % window.wide;
    let rest = place / window.wide;
    let row = rest % window.tall;
    let picture = rest / window.tall;
    let from = picture * steps.picture + channel * steps.channel;
    let mut to = place * window.columns + channel;
    for down in 0..window.down {
        let y = row * window.stride_down + down;
        let within = y >= window.padding_down && y - window.padding_down < window.height;
        for right in 0..window.right {
            let at = across * window.stride_right + right;
            let mut value = F::from_int(0);
            if within && at >= window.padding_right && at - window.padding_right < window.width {
                value = F::cast_from(
                    x[from
                        + (y - window.padding_down) * steps.row
                        + (at - window.padding_right) * steps.column],
                );
            }
            unfolded[to] = value;
            to += window.channels;
        }
    }
}

/// The same for few channels, a unit to a number, filled up with nothing. What it
/// divides by is known when it is compiled.
#[cube(launch_unchecked)]
pub fn unfold_taps<E: Numeric, F: Numeric>(
    x: &[E],
    unfolded: &mut [F],
    window: Window,
    steps: Steps,
    places: usize,
    #[comptime] columns: usize,
    #[comptime] channels: usize,
    #[comptime] right: usize,
    #[comptime] filled: usize,
    #[define(E, F)] _types: [ElemType; 2],
) {
    if ABSOLUTE_POS >= places * columns {
        terminate!();
    }
    let column = ABSOLUTE_POS % columns;
    let place = ABSOLUTE_POS / columns;
    let mut value = F::from_int(0);
    if column < filled {
        let channel = column % channels;
        let tap = column / channels;
        let across = place % window.wide;
        let rest = place / window.wide;
        let row = rest % window.tall;
        let picture = rest / window.tall;
        let y = row * window.stride_down + tap / right;
        let at = across * window.stride_right + tap % right;
        if y >= window.padding_down
            && y - window.padding_down < window.height
            && at >= window.padding_right
            && at - window.padding_right < window.width
        {
            value = F::cast_from(
                x[picture * steps.picture
                    + channel * steps.channel
                    + (y - window.padding_down) * steps.row
                    + (at - window.padding_right) * steps.column],
            );
        }
    }
    unfolded[ABSOLUTE_POS] = value;
}

/// Every number of unfolded patches added to where it came from: the gradient of a
/// convolution's input, `[pictures * height * width, channels]`.
#[cube(launch_unchecked)]
pub fn fold<F: Numeric>(
    unfolded: &[F],
    x: &mut [f32],
    window: Window,
    len: usize,
    #[define(F)] _type: ElemType,
) {
    if ABSOLUTE_POS >= len {
        terminate!();
    }
    let channel = ABSOLUTE_POS % window.channels;
    let place = ABSOLUTE_POS / window.channels;
    let at = place % window.width + window.padding_right;
    let rest = place / window.width;
    let y = rest % window.height + window.padding_down;
    let picture = rest / window.height;
    let mut sum = 0.0f32;
    for down in 0..window.down {
        if y >= down && (y - down) % window.stride_down == 0 {
            let row = (y - down) / window.stride_down;
            if row < window.tall {
                for right in 0..window.right {
                    if at >= right && (at - right) % window.stride_right == 0 {
                        let across = (at - right) / window.stride_right;
                        if across < window.wide {
                            let place = (picture * window.tall + row) * window.wide + across;
                            sum += f32::cast_from(
                                unfolded[place * window.columns
                                    + (down * window.right + right) * window.channels
                                    + channel],
                            );
                        }
                    }
                }
            }
        }
    }
    x[ABSOLUTE_POS] = sum;
}

/// A weight `[outputs, channels, down, right]` as `[outputs, columns]`, in the order
/// of unfolded patches and filled up with nothing.
#[cube(launch_unchecked)]
pub fn arrange<F: Numeric>(
    weight: &[f32],
    arranged: &mut [F],
    channels: usize,
    taps: usize,
    columns: usize,
    len: usize,
    #[define(F)] _type: ElemType,
) {
    if ABSOLUTE_POS >= len {
        terminate!();
    }
    let column = ABSOLUTE_POS % columns;
    let output = ABSOLUTE_POS / columns;
    let mut value = F::from_int(0);
    if column < channels * taps {
        let channel = column % channels;
        let tap = column / channels;
        value = F::cast_from(weight[(output * channels + channel) * taps + tap]);
    }
    arranged[ABSOLUTE_POS] = value;
}

/// The other way: the sum of `parts` such matrices as a weight.
#[cube(launch_unchecked)]
pub fn gather(
    products: &[f32],
    weight: &mut [f32],
    channels: usize,
    taps: usize,
    columns: usize,
    parts: usize,
    len: usize,
) {
    if ABSOLUTE_POS >= len {
        terminate!();
    }
    let tap = ABSOLUTE_POS % taps;
    let rest = ABSOLUTE_POS / taps;
    let channel = rest % channels;
    let output = rest / channels;
    let whole = len / (channels * taps) * columns;
    let mut at = output * columns + tap * channels + channel;
    let mut sum = 0.0f32;
    for _ in 0..parts {
        sum += products[at];
        at += whole;
    }
    weight[ABSOLUTE_POS] = sum;
}

/// Sums over the units of a cube that share a channel; to be read by the first of
/// them.
#[cube]
fn sum_rows(mine: f32, shared: &mut [f32]) -> f32 {
    shared[(UNIT_POS_Y * LANES + UNIT_POS_X) as usize] = mine;
    sync_cube();
    let mut sum = 0.0f32;
    if UNIT_POS_Y == 0 {
        for row in 0..ROWS {
            sum += shared[(row * LANES + UNIT_POS_X) as usize];
        }
    }
    sync_cube();
    sum
}

/// For each channel and share of the places, the sum of `x` and of its square, both
/// less the channel's first number, which keeps large means from drowning small
/// variances: `[shares, 2, channels]`.
#[cube(launch_unchecked)]
pub fn sum_of_channels(x: &[f32], sums: &mut [f32], places: usize, channels: usize, share: usize) {
    let mut shared = Shared::new_slice((ROWS * LANES) as usize);
    let channel = (CUBE_POS_X * LANES + UNIT_POS_X) as usize;
    let first = CUBE_POS_Y as usize * share;
    let mut sum = 0.0f32;
    let mut square = 0.0f32;
    if channel < channels {
        let shift = x[channel];
        let last = clamp_max(first + share, places);
        let mut place = first + UNIT_POS_Y as usize;
        while place < last {
            let value = x[place * channels + channel] - shift;
            sum += value;
            square += value * value;
            place += ROWS as usize;
        }
    }
    let sum = sum_rows(sum, &mut shared);
    let square = sum_rows(square, &mut shared);
    if UNIT_POS_Y == 0 && channel < channels {
        let to = 2 * CUBE_POS_Y as usize * channels + channel;
        sums[to] = sum;
        sums[to + channels] = square;
    }
}

#[cube]
fn clamp_max(value: usize, most: usize) -> usize {
    let mut value = value;
    if value > most {
        value = most;
    }
    value
}

/// Mean and biased variance from [`sum_of_channels`], and what the running ones become.
#[cube(launch_unchecked)]
pub fn statistics(
    x: &[f32],
    sums: &[f32],
    mean: &mut [f32],
    variance: &mut [f32],
    running_mean: &[f32],
    running_variance: &[f32],
    moved_mean: &mut [f32],
    moved_variance: &mut [f32],
    momentum: f32,
    places: usize,
    channels: usize,
    shares: usize,
) {
    let mut shared = Shared::new_slice((ROWS * LANES) as usize);
    let channel = (CUBE_POS_X * LANES + UNIT_POS_X) as usize;
    let mut sum = 0.0f32;
    let mut square = 0.0f32;
    if channel < channels {
        let mut share = UNIT_POS_Y as usize;
        while share < shares {
            sum += sums[2 * share * channels + channel];
            square += sums[(2 * share + 1) * channels + channel];
            share += ROWS as usize;
        }
    }
    let sum = sum_rows(sum, &mut shared);
    let square = sum_rows(square, &mut shared);
    if UNIT_POS_Y == 0 && channel < channels {
        let count = f32::cast_from(places as u32);
        let shifted = sum / count;
        let middle = shifted + x[channel];
        let spread = square / count - shifted * shifted;
        let mut positive = spread;
        if spread < 0.0f32 {
            positive = 0.0f32;
        }
        mean[channel] = middle;
        variance[channel] = positive;
        let kept = 1.0f32 - momentum;
        moved_mean[channel] = running_mean[channel] * kept + middle * momentum;
        moved_variance[channel] = running_variance[channel] * kept + positive * momentum;
    }
}

/// `x` normalised, scaled and shifted; a shortcut added, and rectified, where asked.
#[cube(launch_unchecked)]
pub fn normalise(
    x: &[f32],
    shortcut: &[f32],
    mean: &[f32],
    variance: &[f32],
    gamma: &[f32],
    beta: &[f32],
    output: &mut [f32],
    epsilon: f32,
    channels: usize,
    len: usize,
    #[comptime] add: bool,
    #[comptime] rectify: bool,
) {
    if ABSOLUTE_POS >= len {
        terminate!();
    }
    let channel = ABSOLUTE_POS % channels;
    let scale = gamma[channel] / (variance[channel] + epsilon).sqrt();
    let mut value = (x[ABSOLUTE_POS] - mean[channel]) * scale + beta[channel];
    if comptime!(add) {
        value += shortcut[ABSOLUTE_POS];
    }
    if comptime!(rectify) {
        // What is no number stays none, so that it is found at the end.
        if value < 0.0f32 {
            value = 0.0f32;
        }
    }
    output[ABSOLUTE_POS] = value;
}

/// A bias added to every channel, then as [`normalise`].
#[cube(launch_unchecked)]
pub fn finish(
    x: &[f32],
    shortcut: &[f32],
    bias: &[f32],
    output: &mut [f32],
    channels: usize,
    len: usize,
    #[comptime] biased: bool,
    #[comptime] add: bool,
    #[comptime] rectify: bool,
) {
    if ABSOLUTE_POS >= len {
        terminate!();
    }
    let mut value = x[ABSOLUTE_POS];
    if comptime!(biased) {
        value += bias[ABSOLUTE_POS % channels];
    }
    if comptime!(add) {
        value += shortcut[ABSOLUTE_POS];
    }
    if comptime!(rectify) {
        if value < 0.0f32 {
            value = 0.0f32;
        }
    }
    output[ABSOLUTE_POS] = value;
}

/// The gradient as it was before the rectifier.
#[cube]
fn passed(gradient: f32, rectified: f32, #[comptime] rectify: bool) -> f32 {
    let mut passed = gradient;
    if comptime!(rectify) {
        if rectified <= 0.0f32 {
            passed = 0.0f32;
        }
    }
    passed
}

/// For each channel and share of the places, the sum of the gradient and of the
/// gradient times the normalised `x`: `[shares, 2, channels]`.
#[cube(launch_unchecked)]
pub fn sum_of_gradients(
    x: &[f32],
    gradient: &[f32],
    rectified: &[f32],
    mean: &[f32],
    variance: &[f32],
    sums: &mut [f32],
    epsilon: f32,
    places: usize,
    channels: usize,
    share: usize,
    #[comptime] rectify: bool,
) {
    let mut shared = Shared::new_slice((ROWS * LANES) as usize);
    let channel = (CUBE_POS_X * LANES + UNIT_POS_X) as usize;
    let first = CUBE_POS_Y as usize * share;
    let mut sum = 0.0f32;
    let mut product = 0.0f32;
    if channel < channels {
        let middle = mean[channel];
        let scale = 1.0f32 / (variance[channel] + epsilon).sqrt();
        let last = clamp_max(first + share, places);
        let mut place = first + UNIT_POS_Y as usize;
        while place < last {
            let at = place * channels + channel;
            let value = passed(gradient[at], rectified[at], rectify);
            sum += value;
            product += value * (x[at] - middle) * scale;
            place += ROWS as usize;
        }
    }
    let sum = sum_rows(sum, &mut shared);
    let product = sum_rows(product, &mut shared);
    if UNIT_POS_Y == 0 && channel < channels {
        let to = 2 * CUBE_POS_Y as usize * channels + channel;
        sums[to] = sum;
        sums[to + channels] = product;
    }
}

/// The shares of [`sum_of_gradients`] added up: the gradients of beta and gamma.
#[cube(launch_unchecked)]
pub fn sum_of_shares(
    sums: &[f32],
    beta: &mut [f32],
    gamma: &mut [f32],
    channels: usize,
    shares: usize,
) {
    let mut shared = Shared::new_slice((ROWS * LANES) as usize);
    let channel = (CUBE_POS_X * LANES + UNIT_POS_X) as usize;
    let mut sum = 0.0f32;
    let mut product = 0.0f32;
    if channel < channels {
        let mut share = UNIT_POS_Y as usize;
        while share < shares {
            sum += sums[2 * share * channels + channel];
            product += sums[(2 * share + 1) * channels + channel];
            share += ROWS as usize;
        }
    }
    let sum = sum_rows(sum, &mut shared);
    let product = sum_rows(product, &mut shared);
    if UNIT_POS_Y == 0 && channel < channels {
        beta[channel] = sum;
        gamma[channel] = product;
    }
}

/// The gradient of batch norm's input (Ioffe & Szegedy 2015), and of the shortcut
/// where there was one.
#[cube(launch_unchecked)]
pub fn normalise_back(
    x: &[f32],
    gradient: &[f32],
    rectified: &[f32],
    mean: &[f32],
    variance: &[f32],
    gamma: &[f32],
    of_beta: &[f32],
    of_gamma: &[f32],
    of_x: &mut [f32],
    of_shortcut: &mut [f32],
    epsilon: f32,
    places: usize,
    channels: usize,
    len: usize,
    #[comptime] add: bool,
    #[comptime] rectify: bool,
) {
    if ABSOLUTE_POS >= len {
        terminate!();
    }
    let channel = ABSOLUTE_POS % channels;
    let count = f32::cast_from(places as u32);
    let value = passed(gradient[ABSOLUTE_POS], rectified[ABSOLUTE_POS], rectify);
    let scale = 1.0f32 / (variance[channel] + epsilon).sqrt();
    let normalised = (x[ABSOLUTE_POS] - mean[channel]) * scale;
    of_x[ABSOLUTE_POS] = gamma[channel]
        * scale
        * (value - (of_beta[channel] + normalised * of_gamma[channel]) / count);
    if comptime!(add) {
        of_shortcut[ABSOLUTE_POS] = value;
    }
}

/// Numbers in another precision.
#[cube(launch_unchecked)]
pub fn convert<F: Numeric>(from: &[f32], to: &mut [F], len: usize, #[define(F)] _type: ElemType) {
    if ABSOLUTE_POS < len {
        to[ABSOLUTE_POS] = F::cast_from(from[ABSOLUTE_POS]);
    }
}

/// A step of AdamW (Loshchilov & Hutter 2019), as burn takes it: moments, then the
/// weight. `fresh`: there are no moments yet.
#[cube(launch_unchecked)]
pub fn adamw(
    weight: &[f32],
    gradient: &[f32],
    first: &[f32],
    second: &[f32],
    stepped: &mut [f32],
    moved_first: &mut [f32],
    moved_second: &mut [f32],
    beta_1: f32,
    beta_2: f32,
    correction_1: f32,
    correction_2: f32,
    epsilon: f32,
    rate: f32,
    decay: f32,
    len: usize,
    #[comptime] fresh: bool,
) {
    if ABSOLUTE_POS >= len {
        terminate!();
    }
    let slope = gradient[ABSOLUTE_POS];
    let mut mean = (1.0f32 - beta_1) * slope;
    let mut square = (1.0f32 - beta_2) * slope * slope;
    if comptime!(!fresh) {
        mean += beta_1 * first[ABSOLUTE_POS];
        square += beta_2 * second[ABSOLUTE_POS];
    }
    moved_first[ABSOLUTE_POS] = mean;
    moved_second[ABSOLUTE_POS] = square;
    let step = (mean / correction_1) / ((square / correction_2).sqrt() + epsilon);
    stepped[ABSOLUTE_POS] = weight[ABSOLUTE_POS] * (1.0f32 - decay) - rate * step;
}

/// `kept` of one and the rest of the other.
#[cube(launch_unchecked)]
pub fn blend(one: &[f32], other: &[f32], blended: &mut [f32], kept: f32, len: usize) {
    if ABSOLUTE_POS < len {
        blended[ABSOLUTE_POS] = kept * one[ABSOLUTE_POS] + (1.0f32 - kept) * other[ABSOLUTE_POS];
    }
}
