//! A coarse map over the prepared picture.

/// Cells that tile the prepared picture evenly, each with a number; rows from
/// the top, the first cell in the upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Map {
    /// `None` where the numbers are not `width * height` finite ones, or none.
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Option<Self> {
        let whole = width > 0 && height > 0 && values.len() == width * height;
        (whole && values.iter().all(|v| v.is_finite())).then_some(Self {
            width,
            height,
            values,
        })
    }

    /// Cells from left to right.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Cells from top to bottom.
    pub fn height(&self) -> usize {
        self.height
    }

    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// What speaks for the answer; what speaks against it becomes nothing.
    pub fn positive(mut self) -> Self {
        for value in &mut self.values {
            *value = value.max(0.0);
        }
        self
    }

    /// The highest number.
    pub fn highest(&self) -> f32 {
        self.values.iter().copied().fold(f32::MIN, f32::max)
    }

    /// The middle of the highest cell, as fractions of the picture's width and
    /// height; the first of equal ones. `None` where no cell is above nothing.
    pub fn peak(&self) -> Option<(f32, f32)> {
        let highest = self.highest();
        let index = self.values.iter().position(|value| *value == highest)?;
        let (x, y) = (index % self.width, index / self.width);
        (highest > 0.0).then_some((
            (x as f32 + 0.5) / self.width as f32,
            (y as f32 + 0.5) / self.height as f32,
        ))
    }

    /// The number at a point, given as fractions of the picture's width and
    /// height: straight lines between the middles of cells, level beyond the
    /// outermost ones.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let (left, right, across) = between(x, self.width);
        let (top, bottom, down) = between(y, self.height);
        let cell = |column: usize, row: usize| self.values[row * self.width + column];
        let upper = cell(left, top) * (1.0 - across) + cell(right, top) * across;
        let lower = cell(left, bottom) * (1.0 - across) + cell(right, bottom) * across;
        upper * (1.0 - down) + lower * down
    }
}

/// The two cells a point lies between, and how far it is from the first.
fn between(at: f32, cells: usize) -> (usize, usize, f32) {
    let place = (at * cells as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
    let first = place.floor();
    let index = first as usize;
    (index, (index + 1).min(cells - 1), place - first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_a_finite_number_a_cell() {
        assert_eq!(Map::new(2, 2, vec![0.0; 3]), None);
        assert_eq!(Map::new(1, 1, vec![f32::NAN]), None);
        assert_eq!(Map::new(0, 0, vec![]), None);
    }

    #[test]
    fn between_the_middles_of_cells_it_goes_in_straight_lines() {
        let map = Map::new(2, 2, vec![0.0, 4.0, 8.0, 12.0]).unwrap();
        // Middles of the four cells.
        assert_eq!(map.at(0.25, 0.25), 0.0);
        assert_eq!(map.at(0.75, 0.25), 4.0);
        assert_eq!(map.at(0.25, 0.75), 8.0);
        assert_eq!(map.at(0.75, 0.75), 12.0);
        // Half way, and beyond the middles of the outermost.
        assert_eq!(map.at(0.5, 0.25), 2.0);
        assert_eq!(map.at(0.5, 0.5), 6.0);
        assert_eq!(map.at(0.0, 0.0), 0.0);
        assert_eq!(map.at(1.0, 1.0), 12.0);
    }

    #[test]
    fn the_peak_is_the_middle_of_the_highest_cell_if_any_is_above_nothing() {
        let map = Map::new(3, 2, vec![0.0, 1.0, 0.0, 0.0, 0.0, 5.0]).unwrap();
        let (x, y) = map.peak().unwrap();
        assert!((x - 5.0 / 6.0).abs() < 1e-6 && (y - 0.75).abs() < 1e-6);
        let against = Map::new(1, 2, vec![-1.0, -2.0]).unwrap();
        assert_eq!(against.peak(), None);
        assert_eq!(against.positive().values(), [0.0, 0.0]);
    }
}
