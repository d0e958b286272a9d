//! Vessels as dark ridges: lines along which the picture is darker than on both
//! sides, told by the Hessian's eigenvalues (Frangi et al., "Multiscale vessel
//! enhancement filtering", MICCAI 1998).

use super::planes::{Plane, percentile};
use super::view::{RADIUS, SIDE};

/// Ridge strength at one scale, relative to the local brightness.
pub(super) struct Ridges {
    pub dark: Vec<f32>,
    pub bright: Vec<f32>,
}

impl Ridges {
    /// Of a picture smoothed by `sigma` pixels, over its local brightness.
    pub(super) fn of(smooth: &Plane, local: &Plane, sigma: f32) -> Self {
        let mut dark = vec![0.0; SIDE * SIDE];
        let mut bright = vec![0.0; SIDE * SIDE];
        let v = &smooth.values;
        for y in 1..SIDE - 1 {
            for x in 1..SIDE - 1 {
                let at = y * SIDE + x;
                let xx = v[at - 1] + v[at + 1] - 2.0 * v[at];
                let yy = v[at - SIDE] + v[at + SIDE] - 2.0 * v[at];
                let xy = 0.25
                    * (v[at - SIDE - 1] + v[at + SIDE + 1] - v[at - SIDE + 1] - v[at + SIDE - 1]);
                let mean = 0.5 * (xx + yy);
                let apart = (0.25 * (xx - yy) * (xx - yy) + xy * xy).sqrt();
                let scale = sigma * sigma / local.values[at];
                // A blob curves both ways and is no ridge.
                let (most, least) = (mean + apart, mean - apart);
                dark[at] = ((most - least.abs()) * scale).max(0.0);
                bright[at] = ((-least - most.abs()) * scale).max(0.0);
            }
        }
        Self { dark, bright }
    }
}

/// The strongest dark ridges, joined up.
pub(super) struct Lines {
    /// Their pixels.
    pub pixels: Vec<usize>,
    /// Part of the pixels that belong to long lines.
    pub long: f32,
    /// Extent of the longest line, in diameters of the retina.
    pub longest: f32,
}

/// Part of the retina that is looked at as ridges.
const STRONGEST: f64 = 0.08;
/// A line is long from this extent, in diameters of the retina.
const LONG: f32 = 0.15;

impl Lines {
    pub(super) fn of(dark: &[f32], retina: &[bool]) -> Self {
        let mut strengths: Vec<f32> = (0..dark.len())
            .filter(|&at| retina[at])
            .map(|at| dark[at])
            .collect();
        let least = percentile(&mut strengths, 1.0 - STRONGEST);
        let mut open: Vec<bool> = (0..dark.len())
            .map(|at| retina[at] && dark[at] > least)
            .collect();
        let pixels: Vec<usize> = (0..open.len()).filter(|&at| open[at]).collect();
        let (mut in_long, mut longest) = (0, 0.0f32);
        for &start in &pixels {
            if !open[start] {
                continue;
            }
            open[start] = false;
            let mut waiting = vec![start];
            let (mut count, mut low, mut high) = (0, (SIDE, SIDE), (0, 0));
            while let Some(at) = waiting.pop() {
                let (x, y) = (at % SIDE, at / SIDE);
                count += 1;
                low = (low.0.min(x), low.1.min(y));
                high = (high.0.max(x), high.1.max(y));
                // Retina never touches the view's edge: every neighbour exists.
                for to in [
                    at - SIDE - 1,
                    at - SIDE,
                    at - SIDE + 1,
                    at - 1,
                    at + 1,
                    at + SIDE - 1,
                    at + SIDE,
                    at + SIDE + 1,
                ] {
                    if open[to] {
                        open[to] = false;
                        waiting.push(to);
                    }
                }
            }
            let extent = ((high.0 - low.0) as f32).hypot((high.1 - low.1) as f32) / (2.0 * RADIUS);
            longest = longest.max(extent);
            if extent >= LONG {
                in_long += count;
            }
        }
        Self {
            long: in_long as f32 / pixels.len().max(1) as f32,
            longest,
            pixels,
        }
    }
}
