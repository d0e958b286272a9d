//! The largest patch of light in a photo.

use super::MOST_ASPECT;
use super::light::Light;
use crate::photo::rim::{Ellipse, Point};

/// A connected patch brighter than the threshold.
pub struct Component {
    width: usize,
    height: usize,
    pub area: usize,
    /// Of each row, its first and last column; of each column, its first and
    /// last row.
    rows: Vec<Option<(usize, usize)>>,
    columns: Vec<Option<(usize, usize)>>,
}

impl Component {
    pub fn largest(light: &Light, threshold: f32) -> Option<Self> {
        let (width, height) = (light.width, light.height);
        let mut label = vec![0u32; width * height];
        let mut waiting = Vec::new();
        let mut best = (0usize, 0u32);
        let mut next = 0u32;
        for start in 0..label.len() {
            if label[start] != 0 || light.levels[start] <= threshold {
                continue;
            }
            next += 1;
            label[start] = next;
            waiting.push(start);
            let mut area = 0;
            while let Some(at) = waiting.pop() {
                area += 1;
                let (x, y) = (at % width, at / width);
                let mut visit = |to: usize| {
                    if label[to] == 0 && light.levels[to] > threshold {
                        label[to] = next;
                        waiting.push(to);
                    }
                };
                if x > 0 {
                    visit(at - 1);
                }
                if x + 1 < width {
                    visit(at + 1);
                }
                if y > 0 {
                    visit(at - width);
                }
                if y + 1 < height {
                    visit(at + width);
                }
            }
            if area > best.0 {
                best = (area, next);
            }
        }
        if best.0 == 0 {
            return None;
        }
        let mut rows = vec![None; height];
        let mut columns = vec![None; width];
        for (at, _) in label.iter().enumerate().filter(|(_, l)| **l == best.1) {
            let (x, y) = (at % width, at / width);
            let widen = |span: &mut Option<(usize, usize)>, to: usize| {
                *span = Some(span.map_or((to, to), |(a, b)| (a.min(to), b.max(to))));
            };
            widen(&mut rows[y], x);
            widen(&mut columns[x], y);
        }
        Some(Self {
            width,
            height,
            area: best.0,
            rows,
            columns,
        })
    }

    /// The patch's outline as rows and columns meet it, without what lies on the
    /// frame: there the frame ends, not the retina.
    pub fn rim_points(&self) -> Vec<Point> {
        const FRAME: usize = 2;
        let mut points = Vec::new();
        let inside = |at: usize, side: usize| at >= FRAME && at + FRAME < side;
        for (y, span) in self.rows.iter().enumerate() {
            if !inside(y, self.height) {
                continue;
            }
            if let Some((first, last)) = *span {
                if inside(first, self.width) {
                    points.push((first as f64, y as f64 + 0.5));
                }
                if inside(last, self.width) {
                    points.push((last as f64 + 1.0, y as f64 + 0.5));
                }
            }
        }
        for (x, span) in self.columns.iter().enumerate() {
            if !inside(x, self.width) {
                continue;
            }
            if let Some((first, last)) = *span {
                if inside(first, self.height) {
                    points.push((x as f64 + 0.5, first as f64));
                }
                if inside(last, self.height) {
                    points.push((x as f64 + 0.5, last as f64 + 1.0));
                }
            }
        }
        points
    }

    /// Its left, right, upper and lower edge.
    pub fn extent(&self) -> Option<[f64; 4]> {
        let extent = |spans: &[Option<(usize, usize)>]| {
            let first = spans.iter().position(Option::is_some)?;
            let last = spans.iter().rposition(Option::is_some)?;
            Some((first as f64, last as f64 + 1.0))
        };
        let (left, right) = extent(&self.columns)?;
        let (top, bottom) = extent(&self.rows)?;
        Some([left, right, top, bottom])
    }

    /// The patch's own extent, where no ellipse runs along enough of its rim.
    pub fn as_ellipse(&self) -> Option<Ellipse> {
        let [left, right, top, bottom] = self.extent()?;
        let (rx, ry) = ((right - left) / 2.0, (bottom - top) / 2.0);
        if rx > ry * MOST_ASPECT || ry > rx * MOST_ASPECT {
            return None;
        }
        // A disc fills its box by pi/4, and one cut by the frame by more.
        if (self.area as f64) < 0.5 * 4.0 * rx * ry {
            return None;
        }
        Some(Ellipse {
            x: (left + right) / 2.0,
            y: (top + bottom) / 2.0,
            rx,
            ry,
        })
    }
}
