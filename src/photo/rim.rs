//! An ellipse, axes level, fitted to the part of a retina's rim that a photo
//! shows. Points that do not lie on it (a notch, a shadow, a caption) do not
//! pull at it: the fit begins with random samples (Fischler and Bolles 1981) and
//! ends with reweighted least squares.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(super) type Point = (f64, f64);

/// An ellipse with level axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ellipse {
    pub x: f64,
    pub y: f64,
    pub rx: f64,
    pub ry: f64,
}

/// What is being fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Ellipse,
}

impl Shape {
    /// Points that determine it.
    fn needs(self) -> usize {
        match self {
            Self::Circle => 3,
            Self::Ellipse => 4,
        }
    }
}

impl Ellipse {
    pub(super) fn mean_radius(&self) -> f64 {
        (self.rx * self.ry).sqrt()
    }

    /// How far outside (positive) or inside the ellipse a point lies, in pixels,
    /// nearly.
    pub(super) fn distance(&self, (x, y): Point) -> f64 {
        let u = (x - self.x) / self.rx;
        let v = (y - self.y) / self.ry;
        ((u * u + v * v).sqrt() - 1.0) * self.mean_radius()
    }
}

/// What can be a retina in a frame: a filter for samples that fit nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plausible {
    pub min_radius: f64,
    pub max_radius: f64,
    /// Largest ratio of one radius to the other.
    pub max_aspect: f64,
    /// The centre lies in this frame.
    pub width: f64,
    pub height: f64,
}

impl Plausible {
    fn holds(&self, e: &Ellipse) -> bool {
        let radii = self.min_radius..=self.max_radius;
        radii.contains(&e.rx)
            && radii.contains(&e.ry)
            && e.rx <= e.ry * self.max_aspect
            && e.ry <= e.rx * self.max_aspect
            && (0.0..=self.width).contains(&e.x)
            && (0.0..=self.height).contains(&e.y)
    }
}

/// A fit, and the share of the points it runs through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    pub ellipse: Ellipse,
    pub share: f64,
}

/// How far off the rim a point of it may lie: a pixel, or a hundredth of the
/// radius.
fn tolerance(ellipse: &Ellipse) -> f64 {
    (0.012 * ellipse.mean_radius()).max(1.0)
}

/// The shape through as many of the points as possible.
pub(super) fn fit(points: &[Point], shape: Shape, plausible: &Plausible) -> Option<Fit> {
    const SAMPLES: usize = 400;
    if points.len() < 3 * shape.needs() {
        return None;
    }
    // The same photo always gives the same retina.
    let mut random = StdRng::seed_from_u64(points.len() as u64);
    let mut best: Option<Fit> = None;
    for _ in 0..SAMPLES {
        let mut sample = [(0.0, 0.0); 4];
        let sample = &mut sample[..shape.needs()];
        for point in sample.iter_mut() {
            *point = points[random.random_range(0..points.len() as u32) as usize];
        }
        let Some(ellipse) = least_squares(sample.iter().map(|&p| (p, 1.0)), shape) else {
            continue;
        };
        if !plausible.holds(&ellipse) {
            continue;
        }
        let share = share(points, &ellipse);
        if best.is_none_or(|b| share > b.share) {
            best = Some(Fit { ellipse, share });
        }
    }
    best.map(|first| polish(points, shape, plausible, first))
}

fn share(points: &[Point], ellipse: &Ellipse) -> f64 {
    let near = tolerance(ellipse);
    let on = points
        .iter()
        .filter(|&&p| ellipse.distance(p).abs() <= near)
        .count();
    on as f64 / points.len().max(1) as f64
}

/// Least squares over the points near the shape, nearer ones counting more
/// (Tukey's biweight), a few times over.
pub(super) fn polish(points: &[Point], shape: Shape, plausible: &Plausible, mut best: Fit) -> Fit {
    for round in 0..6 {
        let ellipse = best.ellipse;
        let reach = tolerance(&ellipse) * if round < 2 { 3.0 } else { 2.0 };
        let weighted = points.iter().filter_map(|&p| {
            let off = ellipse.distance(p) / reach;
            let rest = 1.0 - off * off;
            (rest > 0.0).then_some((p, rest * rest))
        });
        let Some(next) = least_squares(weighted, shape) else {
            break;
        };
        let share = share(points, &next);
        if !plausible.holds(&next) || share < best.share * 0.98 {
            break;
        }
        best = Fit {
            ellipse: next,
            share,
        };
    }
    best
}

/// Solves `a x^2 + b y^2 + c x + d y = 1` (for a circle, `a = b`) in the least
/// squares sense, in coordinates centred and scaled for the arithmetic's sake.
pub(super) fn least_squares(
    points: impl Iterator<Item = (Point, f64)>,
    shape: Shape,
) -> Option<Ellipse> {
    let points: Vec<(Point, f64)> = points.collect();
    let n = points.len() as f64;
    if points.len() < shape.needs() {
        return None;
    }
    let mx = points.iter().map(|(p, _)| p.0).sum::<f64>() / n;
    let my = points.iter().map(|(p, _)| p.1).sum::<f64>() / n;
    let spread = points
        .iter()
        .map(|(p, _)| (p.0 - mx).abs().max((p.1 - my).abs()))
        .fold(0.0, f64::max);
    if spread <= 0.0 {
        return None;
    }
    // Unknowns of the row [x^2, x, y, 1] = -y^2 (and with y^2 apart, its own
    // coefficient): x^2 + k y^2 + c x + d y + e = 0.
    let size = shape.needs();
    let mut normal = [[0.0; 5]; 4];
    for &((px, py), weight) in &points {
        let (x, y) = ((px - mx) / spread, (py - my) / spread);
        let (row, target) = match shape {
            Shape::Circle => ([x, y, 1.0, 0.0], -(x * x + y * y)),
            Shape::Ellipse => ([x, y, 1.0, y * y], -(x * x)),
        };
        for i in 0..size {
            for j in 0..size {
                normal[i][j] += weight * row[i] * row[j];
            }
            normal[i][4] += weight * row[i] * target;
        }
    }
    let solved = solve(&mut normal, size)?;
    let [c, d, e, k] = solved;
    let k = if shape == Shape::Circle { 1.0 } else { k };
    if k <= 1e-6 {
        return None;
    }
    let (x0, y0) = (-c / 2.0, -d / (2.0 * k));
    let squared = x0 * x0 + k * y0 * y0 - e;
    if squared <= 1e-9 {
        return None;
    }
    Some(Ellipse {
        x: x0 * spread + mx,
        y: y0 * spread + my,
        rx: squared.sqrt() * spread,
        ry: (squared / k).sqrt() * spread,
    })
}

/// Gauss's elimination with pivoting; `None` where the points do not determine
/// the shape.
fn solve(rows: &mut [[f64; 5]; 4], size: usize) -> Option<[f64; 4]> {
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        if rows[pivot][column].abs() < 1e-10 {
            return None;
        }
        rows.swap(column, pivot);
        let above = rows[column];
        for row in rows[..size].iter_mut().skip(column + 1) {
            let factor = row[column] / above[column];
            for (value, &up) in row.iter_mut().zip(&above) {
                *value -= factor * up;
            }
        }
    }
    let mut solved = [0.0; 4];
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|j| rows[row][j] * solved[j]).sum();
        solved[row] = (rows[row][4] - known) / rows[row][row];
    }
    Some(solved)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Ellipse = Ellipse {
        x: 150.0,
        y: 110.0,
        rx: 100.0,
        ry: 80.0,
    };

    fn plausible() -> Plausible {
        Plausible {
            min_radius: 30.0,
            max_radius: 300.0,
            max_aspect: 1.75,
            width: 320.0,
            height: 240.0,
        }
    }

    /// Points of the rim from one angle to another, in degrees.
    fn rim(e: Ellipse, from: u32, to: u32) -> Vec<Point> {
        (from..to)
            .map(|degree| f64::from(degree).to_radians().sin_cos())
            .map(|(sin, cos)| (e.x + e.rx * cos, e.y + e.ry * sin))
            .collect()
    }

    fn assert_close(found: Ellipse, expected: Ellipse, within: f64) {
        for (found, expected) in [
            (found.x, expected.x),
            (found.y, expected.y),
            (found.rx, expected.rx),
            (found.ry, expected.ry),
        ] {
            assert!((found - expected).abs() < within, "{found}, not {expected}");
        }
    }

    #[test]
    fn a_rim_is_found_though_a_third_of_the_points_lie_elsewhere() {
        let round = Ellipse { ry: 100.0, ..WIDE };
        for (shape, ellipse) in [(Shape::Circle, round), (Shape::Ellipse, WIDE)] {
            let mut points = rim(ellipse, 0, 200);
            // A straight line through it, such as a notch's edge.
            points.extend((0..100).map(|step| (60.0 + f64::from(step), 90.0)));
            let fit = fit(&points, shape, &plausible()).expect("fitted");
            assert_close(fit.ellipse, ellipse, 0.5);
            assert!((0.66..0.75).contains(&fit.share), "{}", fit.share);
        }
    }

    #[test]
    fn what_cannot_be_a_retina_is_not_fitted() {
        let none = |ellipse: Ellipse| {
            let fit = fit(&rim(ellipse, 0, 360), Shape::Ellipse, &plausible());
            assert!(fit.is_none(), "{ellipse:?}: {fit:?}");
        };
        none(Ellipse {
            rx: 20.0,
            ry: 20.0,
            ..WIDE
        });
        none(Ellipse {
            rx: 400.0,
            ry: 400.0,
            ..WIDE
        });
        none(Ellipse { rx: 150.0, ..WIDE });
        none(Ellipse { ry: 180.0, ..WIDE });
        for (x, y) in [(-5.0, 110.0), (325.0, 110.0), (150.0, -5.0), (150.0, 245.0)] {
            none(Ellipse { x, y, ..WIDE });
        }
        let few = &rim(WIDE, 0, 360)[..11];
        assert!(fit(few, Shape::Ellipse, &plausible()).is_none());
    }

    #[test]
    fn points_that_determine_no_shape_fit_none() {
        let line: Vec<(Point, f64)> = (0..30).map(|x| ((f64::from(x), 7.0), 1.0)).collect();
        let one = vec![((3.0, 4.0), 1.0); 9];
        for points in [line, one] {
            for shape in [Shape::Circle, Shape::Ellipse] {
                assert!(least_squares(points.iter().copied(), shape).is_none());
            }
        }
        // Of weights nothing counts as nothing.
        let weighted = rim(WIDE, 0, 90).into_iter().map(|p| (p, 1.0));
        let with_none = weighted.chain([((0.0, 0.0), 0.0); 40]);
        let found = least_squares(with_none, Shape::Ellipse).expect("solved");
        assert_close(found, WIDE, 1e-6);
    }

    #[test]
    fn a_distance_is_outward() {
        let round = Ellipse { ry: 100.0, ..WIDE };
        assert!((round.distance((275.0, 110.0)) - 25.0).abs() < 1e-9);
        assert!((round.distance((150.0, 40.0)) + 30.0).abs() < 1e-9);
        assert_eq!(WIDE.mean_radius(), 8000f64.sqrt());
    }
}
