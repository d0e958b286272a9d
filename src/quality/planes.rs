//! Arithmetic on planes of one number a pixel.

/// A square of numbers, row by row.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    pub side: usize,
    pub values: Vec<f32>,
}

impl Plane {
    pub(super) fn of(side: usize, value: impl Fn(usize) -> f32) -> Self {
        Self {
            side,
            values: (0..side * side).map(value).collect(),
        }
    }

    /// Blurred by a Gaussian of standard deviation `sigma`, in pixels; beyond
    /// the edge lies nothing.
    pub(super) fn blurred(&self, sigma: f32) -> Self {
        let reach = (2.5 * sigma).ceil() as usize;
        let bell = |off: usize| (-0.5 * (off as f32 / sigma).powi(2)).exp();
        let sum: f32 = 1.0 + 2.0 * (1..=reach).map(bell).sum::<f32>();
        let kernel: Vec<f32> = (0..=reach).map(|off| bell(off) / sum).collect();
        let side = self.side;

        let mut across = vec![0.0; side * side];
        for (row, out) in self
            .values
            .chunks_exact(side)
            .zip(across.chunks_exact_mut(side))
        {
            add(out, row, kernel[0]);
            for (off, &weight) in kernel.iter().enumerate().skip(1).take(side - 1) {
                add(&mut out[off..], row, weight);
                add(out, &row[off..], weight);
            }
        }
        let mut both = vec![0.0; side * side];
        for (y, out) in both.chunks_exact_mut(side).enumerate() {
            let row = |at: usize| &across[at * side..(at + 1) * side];
            add(out, row(y), kernel[0]);
            for (off, &weight) in kernel.iter().enumerate().skip(1) {
                if y >= off {
                    add(out, row(y - off), weight);
                }
                if y + off < side {
                    add(out, row(y + off), weight);
                }
            }
        }
        Self { side, values: both }
    }
}

/// `out += weight * row`, as far as both reach.
fn add(out: &mut [f32], row: &[f32], weight: f32) {
    for (out, value) in out.iter_mut().zip(row) {
        *out += weight * value;
    }
}

/// The value that `part` of all do not exceed; 0 of none.
pub(super) fn percentile(values: &mut [f32], part: f64) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f64 * part) as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_spreads_a_point_and_keeps_its_sum() {
        let point = Plane::of(41, |at| if at == 20 * 41 + 20 { 1.0 } else { 0.0 });
        let blurred = point.blurred(3.0);
        let sum: f32 = blurred.values.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        let peak = blurred.values[20 * 41 + 20];
        let beside = blurred.values[20 * 41 + 23];
        assert!(
            (beside / peak - (-0.5f32).exp()).abs() < 1e-3,
            "{beside} beside {peak}"
        );
        assert_eq!(blurred.values[23 * 41 + 20], beside);
    }

    #[test]
    fn percentiles_of_few_values() {
        assert_eq!(percentile(&mut [], 0.5), 0.0);
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 1.0), 3.0);
    }
}
