//! Painting: coverage masks with soft edges, and what light does where they
//! cover. Knows pixels and shapes, and nothing of eyes.

use super::exact::{Point, noise, smooth};

/// Maps the retina's unit disc to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub size: u32,
    pub centre: Point,
    /// Pixels to one unit.
    pub scale: f64,
}

impl Frame {
    fn to_pixels(self, at: Point) -> Point {
        self.centre.plus(at, self.scale)
    }

    /// The pixel's centre in units.
    pub(super) fn to_units(self, x: u32, y: u32) -> Point {
        Point::new(
            (f64::from(x) + 0.5 - self.centre.x) / self.scale,
            (f64::from(y) + 0.5 - self.centre.y) / self.scale,
        )
    }
}

/// How much of each pixel a shape covers, 0 to 1.
pub(super) struct Mask {
    pub frame: Frame,
    pub cover: Vec<f32>,
}

impl Mask {
    pub(super) fn new(frame: Frame) -> Self {
        let pixels = frame.size as usize * frame.size as usize;
        Self {
            frame,
            cover: vec![0.0; pixels],
        }
    }

    /// Calls `cover` with each pixel within `reach` units of `around`, in units,
    /// and keeps the most any shape covers.
    fn each(&mut self, around: Point, reach: f64, cover: impl Fn(Point) -> f64) {
        let size = f64::from(self.frame.size);
        let middle = self.frame.to_pixels(around);
        let reach = reach * self.frame.scale + 1.5;
        let clip = |at: f64| at.clamp(0.0, size) as u32;
        for y in clip(middle.y - reach)..clip(middle.y + reach + 1.0) {
            for x in clip(middle.x - reach)..clip(middle.x + reach + 1.0) {
                let covered = cover(self.frame.to_units(x, y)) as f32;
                let at = (y * self.frame.size + x) as usize;
                if covered > self.cover[at] {
                    self.cover[at] = covered;
                }
            }
        }
    }

    /// A line of changing half-width along a path. `strength` scales its
    /// coverage.
    pub(super) fn stroke(&mut self, path: &[(Point, f64)], strength: f64) {
        let soft = 0.75 / self.frame.scale;
        for pair in path.windows(2) {
            let ((a, wide_a), (b, wide_b)) = (pair[0], pair[1]);
            let way = a.to(b);
            let square = (way.x * way.x + way.y * way.y).max(1e-12);
            let middle = a.plus(way, 0.5);
            let reach = 0.5 * square.sqrt() + wide_a.max(wide_b) + soft;
            self.each(middle, reach, |at| {
                let from = a.to(at);
                let t = ((from.x * way.x + from.y * way.y) / square).clamp(0.0, 1.0);
                let width = wide_a + (wide_b - wide_a) * t;
                let away = at.distance(a.plus(way, t));
                // What is thinner than a pixel covers only a part of it.
                let thin = (2.0 * width / (1.5 * soft)).min(1.0);
                strength * thin * smooth(width + soft, (width - soft).max(0.0), away)
            });
        }
    }

    /// An ellipse with a ragged outline (0 smooth, 1 very) and an edge that
    /// fades over `fade` of its size.
    pub(super) fn blot(&mut self, blot: &Blot) {
        let soft = (0.75 / self.frame.scale / blot.size).max(blot.fade);
        let reach = blot.size * (1.0 + 0.6 * blot.ragged) + 1.5 / self.frame.scale;
        self.each(blot.at, reach * 1.2, |at| {
            let from = blot.at.to(at);
            let u = (from.x * blot.along.x + from.y * blot.along.y) / blot.size;
            let across = blot.along.across();
            let v = (from.x * across.x + from.y * across.y) / (blot.size * blot.slimness);
            let ragged = blot.ragged
                * (noise(blot.shape, 1.7 * u + 9.0, 1.7 * v + 9.0) - 0.5
                    + 0.3 * (noise(blot.shape ^ 1, 5.0 * u + 9.0, 5.0 * v + 9.0) - 0.5))
                * 2.0;
            let away = (u * u + v * v).sqrt() + ragged;
            blot.strength * smooth(1.0 + soft, 1.0 - soft, away)
        });
    }
}

/// See [`Mask::blot`].
pub(super) struct Blot {
    pub at: Point,
    pub size: f64,
    pub slimness: f64,
    pub along: Point,
    pub ragged: f64,
    pub fade: f64,
    pub strength: f64,
    pub shape: u64,
}

/// A picture in the making, 0 to 255 a channel.
pub(super) struct Canvas {
    pub frame: Frame,
    pub pixels: Vec<[f32; 3]>,
}

impl Canvas {
    /// Where the mask covers, light comes back weaker by `passes` in each
    /// channel: blood over the retina.
    pub(super) fn absorb(&mut self, mask: &Mask, passes: [f32; 3]) {
        for (pixel, &cover) in self.pixels.iter_mut().zip(&mask.cover) {
            if cover > 0.0 {
                for (value, pass) in pixel.iter_mut().zip(passes) {
                    *value *= 1.0 - cover * (1.0 - pass);
                }
            }
        }
    }

    /// Where the mask covers, the retina is hidden under `colour`, lit as its
    /// place is.
    pub(super) fn lay(&mut self, mask: &Mask, colour: [f32; 3], light: &[f32]) {
        for ((pixel, &cover), &light) in self.pixels.iter_mut().zip(&mask.cover).zip(light) {
            if cover > 0.0 {
                for (value, laid) in pixel.iter_mut().zip(colour) {
                    *value += cover * (laid * light - *value);
                }
            }
        }
    }

    /// A lens's softness: each pixel shared with its neighbours, a few times.
    pub(super) fn soften(&mut self, times: u32) {
        let side = self.frame.size as usize;
        for _ in 0..times {
            for stride in [1, side] {
                let before = self.pixels.clone();
                for (at, pixel) in self.pixels.iter_mut().enumerate() {
                    let along = if stride == 1 { at % side } else { at / side };
                    if along == 0 || along == side - 1 {
                        continue;
                    }
                    let (left, own, right) = (before[at - stride], before[at], before[at + stride]);
                    for (channel, value) in pixel.iter_mut().enumerate() {
                        *value = 0.25 * left[channel] + 0.5 * own[channel] + 0.25 * right[channel];
                    }
                }
            }
        }
    }
}
