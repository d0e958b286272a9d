//! Max pooling over 3x3 places, every second one, with one place of padding: the
//! one a ResNet has.

use rayon::prelude::*;

const KERNEL: usize = 3;
const STRIDE: usize = 2;
const PADDING: usize = 1;

/// Outputs along an axis of `size` places.
pub fn output_size(size: usize) -> usize {
    (size + 2 * PADDING - KERNEL) / STRIDE + 1
}

/// `[planes, height, width]` to `[planes, output_size(height), output_size(width)]`;
/// what is no number wins.
pub fn maximum(x: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let [tall, wide] = [height, width].map(output_size);
    let plane = height * width;
    let mut output = vec![0.0; x.len() / plane * tall * wide];
    let planes = output.par_chunks_exact_mut(tall * wide);
    planes
        .zip(x.par_chunks_exact(plane))
        .for_each_init(Vec::new, |line, (to, from)| {
            for (row, to) in to.chunks_exact_mut(wide).enumerate() {
                down(from, [height, width], row, line);
                across(line, to);
            }
        });
    output
}

fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// The largest number above, at and below output row `row`, for every column.
fn down(from: &[f32], [height, width]: [usize; 2], row: usize, line: &mut Vec<f32>) {
    let top = (row * STRIDE).saturating_sub(PADDING);
    let bottom = (row * STRIDE + KERNEL - PADDING).min(height);
    line.clear();
    line.extend_from_slice(&from[top * width..][..width]);
    for next in from[top * width..bottom * width]
        .chunks_exact(width)
        .skip(1)
    {
        for (most, value) in line.iter_mut().zip(next) {
            *most = larger(*value, *most);
        }
    }
}

/// The largest of each output's columns of `line`.
fn across(line: &[f32], to: &mut [f32]) {
    for (column, to) in to.iter_mut().enumerate() {
        let left = (column * STRIDE).saturating_sub(PADDING);
        let right = (column * STRIDE + KERNEL - PADDING).min(line.len());
        *to = line[left + 1..right]
            .iter()
            .fold(line[left], |a, b| larger(*b, a));
    }
}
