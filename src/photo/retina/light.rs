//! How bright a photo is: where its retina may be, and the dark around it.

use image::RgbImage;

use super::LEAST_CONTRAST;
use crate::photo::rim::{Ellipse, Point};

/// The brightest channel of each pixel, averaged over its neighbours: a retina
/// is bright in red, or in green in red-free light, and its ground in none.
pub struct Light {
    pub width: usize,
    pub height: usize,
    pub levels: Vec<f32>,
}

impl Light {
    pub fn of(small: &RgbImage) -> Self {
        let (width, height) = (small.width() as usize, small.height() as usize);
        let raw: Vec<f32> = small
            .pixels()
            .map(|p| f32::from(p.0[0].max(p.0[1]).max(p.0[2])))
            .collect();
        let mut levels = Vec::with_capacity(raw.len());
        for y in 0..height {
            for x in 0..width {
                let mut sum = 0.0;
                let mut count = 0.0;
                for row in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                    for column in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                        sum += raw[row * width + column];
                        count += 1.0;
                    }
                }
                levels.push(sum / count);
            }
        }
        Self {
            width,
            height,
            levels,
        }
    }

    /// Between pixel centres, by straight lines; `None` outside the frame.
    pub fn at(&self, (x, y): Point) -> Option<f32> {
        if x < 0.0 || y < 0.0 || x > self.width as f64 || y > self.height as f64 {
            return None;
        }
        let (x, y) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
        let (left, top) = (
            (x as usize).min(self.width - 1),
            (y as usize).min(self.height - 1),
        );
        let (right, bottom) = (
            (left + 1).min(self.width - 1),
            (top + 1).min(self.height - 1),
        );
        let (fx, fy) = ((x - left as f64) as f32, (y - top as f64) as f32);
        let get = |column: usize, row: usize| self.levels[row * self.width + column];
        let upper = get(left, top) * (1.0 - fx) + get(right, top) * fx;
        let lower = get(left, bottom) * (1.0 - fx) + get(right, bottom) * fx;
        Some(upper * (1.0 - fy) + lower * fy)
    }

    /// Whether it is dark around the ellipse, nearly everywhere in the frame where it is
    /// not cut.
    pub fn ends_at(&self, e: &Ellipse) -> bool {
        const RAYS: usize = 48;
        let least = 0.3 * self.centre_level();
        let (mut seen, mut dark) = (0, 0);
        for ray in 0..RAYS {
            let (sin, cos) = (std::f64::consts::TAU * ray as f64 / RAYS as f64).sin_cos();
            let level = |out: f64| self.at((e.x + e.rx * out * cos, e.y + e.ry * out * sin));
            if let (Some(within), Some(beyond)) = (level(0.92), level(1.06))
                && within > least
            {
                seen += 1;
                dark += usize::from(beyond < 0.4 * within);
            }
        }
        seen >= RAYS / 8 && 10 * dark >= 9 * seen
    }

    /// The level most of the frame's middle exceeds.
    pub fn centre_level(&self) -> f32 {
        let middle = |side: usize| side / 4..side - side / 4;
        let mut levels: Vec<f32> = middle(self.height)
            .flat_map(|y| middle(self.width).map(move |x| (x, y)))
            .map(|(x, y)| self.levels[y * self.width + x])
            .collect();
        percentile(&mut levels, 0.6)
    }

    /// Between the darkest and the brightest hundredth.
    pub fn spread(&self) -> f32 {
        let mut levels = self.levels.clone();
        percentile(&mut levels, 0.99) - percentile(&mut levels, 0.01)
    }
}

pub fn percentile(levels: &mut [f32], part: f64) -> f32 {
    if levels.is_empty() {
        return 0.0;
    }
    let at = ((levels.len() - 1) as f64 * part) as usize;
    *levels.select_nth_unstable_by(at, f32::total_cmp).1
}

/// The dark around the disc, as the frame's corners show it.
pub struct Ground {
    pub level: f32,
    /// Levels above it that its own noise reaches.
    noise: f32,
}

impl Ground {
    pub fn of(light: &Light) -> Self {
        let side = (light.width.min(light.height) / 14).max(2);
        let mut corners: Vec<(f32, f32)> = Vec::with_capacity(4);
        for right in [false, true] {
            for bottom in [false, true] {
                let mut levels = Vec::with_capacity(side * side);
                for y in 0..side {
                    for x in 0..side - y {
                        let column = if right { light.width - 1 - x } else { x };
                        let row = if bottom { light.height - 1 - y } else { y };
                        levels.push(light.levels[row * light.width + column]);
                    }
                }
                let level = percentile(&mut levels, 0.5);
                corners.push((level, percentile(&mut levels, 0.95) - level));
            }
        }
        // A caption or a flare may lighten a corner or two, never all four.
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (level, noise) = corners[1];
        Self {
            level: level.max(corners[0].0),
            noise,
        }
    }

    /// What is brighter is retina.
    pub fn threshold(&self, bright: f32) -> f32 {
        let contrast = bright - self.level;
        let margin = (0.15 * contrast).max(2.0 * self.noise.min(0.25 * contrast));
        self.level + margin.max(LEAST_CONTRAST / 2.0)
    }
}
