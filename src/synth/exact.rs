//! Arithmetic that every platform rounds alike: sums, products, quotients and
//! square roots, which IEEE 754 fixes to the last bit, and what is made of them.

use rand::Rng;
use rand::rngs::StdRng;

/// A point or a direction. The retina's disc has radius 1 around (0, 0); x grows
/// to the right, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

impl Point {
    pub(super) const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    pub(super) fn plus(self, other: Self, times: f64) -> Self {
        Self::new(self.x + other.x * times, self.y + other.y * times)
    }

    pub(super) fn to(self, other: Self) -> Self {
        Self::new(other.x - self.x, other.y - self.y)
    }

    pub(super) fn length(self) -> f64 {
        (self.x * self.x + self.y * self.y).sqrt()
    }

    pub(super) fn distance(self, other: Self) -> f64 {
        self.to(other).length()
    }

    /// The same direction, one long; a zero stays zero.
    pub(super) fn unit(self) -> Self {
        let length = self.length();
        if length < 1e-12 {
            return Self::new(0.0, 0.0);
        }
        Self::new(self.x / length, self.y / length)
    }

    /// A quarter turn.
    pub(super) fn across(self) -> Self {
        Self::new(-self.y, self.x)
    }

    /// Turned by a part of a full turn.
    pub(super) fn turned(self, turn: f64) -> Self {
        let (sin, cos) = sin_cos(turn);
        Self::new(self.x * cos - self.y * sin, self.x * sin + self.y * cos)
    }
}

/// Sine and cosine of `turn` full turns, within 1e-6, by Taylor's series on an
/// eighth of a turn.
pub(super) fn sin_cos(turn: f64) -> (f64, f64) {
    let turn = turn - turn.floor();
    let eighth = (turn * 8.0) as u32 % 8;
    // Distance to the nearest quarter turn, in radians, at most pi/4 either way.
    let quarter = eighth.div_ceil(2);
    let x = (turn - f64::from(quarter) / 4.0) * std::f64::consts::TAU;
    let square = x * x;
    let sin = x * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0)));
    let cos =
        1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)));
    match quarter % 4 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// 0 below `from`, 1 above `to`, smooth between; `from` may exceed `to`.
pub(super) fn smooth(from: f64, to: f64, at: f64) -> f64 {
    let t = ((at - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A bell of height 1 that ends at 1: the biweight, for want of an exact `exp`.
pub(super) fn bell(at: f64) -> f64 {
    let rest = 1.0 - at * at;
    if rest > 0.0 { rest * rest } else { 0.0 }
}

/// Evenly from `low` to `high`.
pub(super) fn between(random: &mut StdRng, low: f64, high: f64) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// A whole number from `low` to `high`, both included.
pub(super) fn count(random: &mut StdRng, low: u32, high: u32) -> u32 {
    random.random_range(low..=high)
}

/// Noise from 0 to 1 that changes smoothly over one unit of its coordinates.
pub(super) fn noise(seed: u64, x: f64, y: f64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let (u, v) = (smooth(0.0, 1.0, x - left), smooth(0.0, 1.0, y - top));
    let at = |dx: i64, dy: i64| scatter(seed, left as i64 + dx, top as i64 + dy);
    let upper = at(0, 0) * (1.0 - u) + at(1, 0) * u;
    let lower = at(0, 1) * (1.0 - u) + at(1, 1) * u;
    upper * (1.0 - v) + lower * v
}

/// A number from 0 to 1 for each point of a grid (splitmix64's mixing).
pub(super) fn scatter(seed: u64, x: i64, y: i64) -> f64 {
    let mut z = seed
        .wrapping_add((x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .wrapping_add((y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_agree_with_the_platforms() {
        for step in -200..400 {
            let turn = f64::from(step) / 97.0;
            let (sin, cos) = sin_cos(turn);
            let (expected_sin, expected_cos) = (turn * std::f64::consts::TAU).sin_cos();
            assert!(
                (sin - expected_sin).abs() < 1e-5,
                "sine of {turn} turns: {sin}"
            );
            assert!(
                (cos - expected_cos).abs() < 1e-5,
                "cosine of {turn} turns: {cos}"
            );
        }
    }
}
