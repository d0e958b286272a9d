//! The rim, and the dark around it: every fundus camera shows the retina through
//! a round stop, on a ground of its own black.

use super::planes::percentile;
use super::view::{RADIUS, SIDE, View, out};

/// Rays on which the rim is looked for.
const RAYS: usize = 96;

/// What rim and ground look like.
pub(super) struct Surround {
    /// Part of the circumference on which the light falls off at the rim.
    pub rim: f32,
    /// Part of the circumference that is in the frame, and where it does not.
    pub broken: f32,
    /// Part of the view outside the disc that is in the frame, and lit.
    pub lit: f32,
    /// Unevenness of the ground, over the retina's brightness.
    pub rough: f32,
}

impl Surround {
    pub(super) fn of(view: &View) -> Self {
        let max = |at: usize| view.rgb(at).into_iter().fold(0.0, f32::max);
        let mut inside = view.at_retina(max);
        let bright = percentile(&mut inside, 0.5).max(1.0);

        let (mut rim, mut broken) = (0, 0);
        for ray in 0..RAYS {
            let (sin, cos) = (std::f32::consts::TAU * ray as f32 / RAYS as f32).sin_cos();
            let level = |from: f32, to: f32| -> Option<f32> {
                const STEPS: usize = 4;
                let mut sum = 0.0;
                for step in 0..STEPS {
                    let far = (from + (to - from) * step as f32 / (STEPS - 1) as f32) * RADIUS;
                    let (x, y) = (far * cos, far * sin);
                    let place = |off: f32| (off + SIDE as f32 / 2.0) as usize;
                    let at = place(y) * SIDE + place(x);
                    if !view.framed[at] {
                        return None;
                    }
                    sum += max(at);
                }
                Some(sum / STEPS as f32)
            };
            if let (Some(within), Some(beyond)) = (level(0.88, 0.94), level(1.06, 1.12)) {
                // Where the retina itself is dark, so is what tells the rim.
                if beyond < 0.5 * within && within > 0.2 * bright {
                    rim += 1;
                } else {
                    broken += 1;
                }
            }
        }
        let ground: Vec<usize> = (0..SIDE * SIDE).filter(|&at| out(at) > 1.05).collect();
        let framed: Vec<f32> = ground
            .iter()
            .filter(|&&at| view.framed[at])
            .map(|&at| max(at))
            .collect();
        let lit = framed
            .iter()
            .filter(|level| **level > 0.35 * bright)
            .count();
        let mean = framed.iter().sum::<f32>() / framed.len().max(1) as f32;
        let rough = framed.iter().map(|l| (l - mean).abs()).sum::<f32>() / ground.len() as f32;
        Self {
            rim: rim as f32 / RAYS as f32,
            broken: broken as f32 / RAYS as f32,
            lit: lit as f32 / ground.len() as f32,
            rough: rough / bright,
        }
    }
}
