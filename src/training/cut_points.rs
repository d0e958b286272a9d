//! Places the cut points between grades on validation, where a network gives
//! one number a photo: maximum likelihood of the cumulative link model.

use crate::grading::CumulativeLink;

const PARAMETERS: usize = 5;
/// Keeps the slope and the gaps between intercepts above zero, and a handful of
/// photos without mistakes from running away: the weight of a weak prior, in photos.
const PRIOR: f64 = 0.5;
const STEPS: usize = 200;

/// The link under which `grades` are likeliest given `outputs`.
///
/// # Errors
/// A sentence where there is nothing to fit or the outputs say nothing.
pub fn fit(outputs: &[f64], grades: &[u8]) -> Result<CumulativeLink, String> {
    if outputs.len() != grades.len() || outputs.is_empty() {
        return Err("cut points need validation photos, each with its grade".to_owned());
    }
    if outputs.iter().any(|output| !output.is_finite()) {
        return Err("an output is not finite: the network diverged".to_owned());
    }
    // Cut points half-way between whole grades, where a network that learnt the
    // scale already stands: slope 2, first intercept 1, gaps of 2.
    let mut at = [2f64.ln(), 1.0, 2f64.ln(), 2f64.ln(), 2f64.ln()];
    let mut value = loss(&at, outputs, grades);
    let mut damping = 1.0;
    for _ in 0..STEPS {
        let (slope, curvature) = derivatives(&at, outputs, grades);
        // Levenberg-Marquardt: damped Newton steps, bolder while they help.
        let mut matrix = curvature;
        for (i, row) in matrix.iter_mut().enumerate() {
            row[i] += damping * (1.0 + row[i].abs());
        }
        let Some(step) = solve(matrix, slope) else {
            damping *= 10.0;
            continue;
        };
        let next: [f64; PARAMETERS] = std::array::from_fn(|i| at[i] - step[i]);
        let better = loss(&next, outputs, grades);
        if better < value {
            let gain = value - better;
            (at, value, damping) = (next, better, damping / 5.0);
            if gain < 1e-12 * value.abs().max(1.0) {
                break;
            }
        } else {
            damping *= 5.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    let link = link(&at);
    if link.is_valid() {
        Ok(link)
    } else {
        Err("the outputs do not order the grades; train further".to_owned())
    }
}

/// Unbounded parameters to a link that is always valid: the logarithm of the
/// slope, the first intercept, and the logarithms of the gaps.
fn link(at: &[f64; PARAMETERS]) -> CumulativeLink {
    let mut intercept = at[1];
    let mut intercepts = [intercept; 4];
    for (place, gap) in intercepts[1..].iter_mut().zip(&at[2..]) {
        intercept += gap.exp();
        *place = intercept;
    }
    CumulativeLink {
        slope: at[0].exp(),
        intercepts,
    }
}

/// Minus the log-likelihood a photo, with the weak prior.
fn loss(at: &[f64; PARAMETERS], outputs: &[f64], grades: &[u8]) -> f64 {
    let link = link(at);
    let likelihood: f64 = outputs
        .iter()
        .zip(grades)
        .map(|(output, grade)| link.log_probabilities(*output)[usize::from(*grade)])
        .sum();
    let prior: f64 = [at[0] - 1.0, at[2] - 1.0, at[3] - 1.0, at[4] - 1.0]
        .iter()
        .map(|x| x * x / 8.0)
        .sum();
    (PRIOR * prior - likelihood) / outputs.len() as f64
}

/// Gradient and Hessian of [`loss`] by central differences: five parameters
/// and a smooth function need nothing finer.
fn derivatives(
    at: &[f64; PARAMETERS],
    outputs: &[f64],
    grades: &[u8],
) -> ([f64; PARAMETERS], [[f64; PARAMETERS]; PARAMETERS]) {
    const STEP: f64 = 1e-4;
    let moved = |moves: &[(usize, f64)]| {
        let mut point = *at;
        for (index, by) in moves {
            point[*index] += by * STEP;
        }
        loss(&point, outputs, grades)
    };
    let here = loss(at, outputs, grades);
    let mut gradient = [0.0; PARAMETERS];
    let mut hessian = [[0.0; PARAMETERS]; PARAMETERS];
    for i in 0..PARAMETERS {
        let (up, down) = (moved(&[(i, 1.0)]), moved(&[(i, -1.0)]));
        gradient[i] = (up - down) / (2.0 * STEP);
        hessian[i][i] = (up - 2.0 * here + down) / (STEP * STEP);
    }
    for (i, j) in (0..PARAMETERS).flat_map(|i| (0..i).map(move |j| (i, j))) {
        let mixed = moved(&[(i, 1.0), (j, 1.0)])
            - moved(&[(i, 1.0), (j, -1.0)])
            - moved(&[(i, -1.0), (j, 1.0)])
            + moved(&[(i, -1.0), (j, -1.0)]);
        hessian[i][j] = mixed / (4.0 * STEP * STEP);
        hessian[j][i] = hessian[i][j];
    }
    (gradient, hessian)
}

/// Solves `matrix * x = right` by elimination with pivoting; `None` where singular.
fn solve(
    mut matrix: [[f64; PARAMETERS]; PARAMETERS],
    mut right: [f64; PARAMETERS],
) -> Option<[f64; PARAMETERS]> {
    for column in 0..PARAMETERS {
        let pivot = (column..PARAMETERS).max_by(|a, b| {
            matrix[*a][column]
                .abs()
                .total_cmp(&matrix[*b][column].abs())
        })?;
        if matrix[pivot][column].abs() < 1e-300 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..PARAMETERS {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            for (cell, over) in matrix[row][column..].iter_mut().zip(&above[column..]) {
                *cell -= factor * over;
            }
            right[row] -= factor * right[column];
        }
    }
    for column in (0..PARAMETERS).rev() {
        let known: f64 = (column + 1..PARAMETERS)
            .map(|k| matrix[column][k] * right[k])
            .sum();
        right[column] = (right[column] - known) / matrix[column][column];
    }
    right.iter().all(|x| x.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    /// Grades drawn from a link over outputs spread evenly.
    fn drawn(link: &CumulativeLink, count: usize) -> (Vec<f64>, Vec<u8>) {
        let mut rng = StdRng::seed_from_u64(5);
        (0..count)
            .map(|_| {
                let output = rng.random_range(-1.0..5.0);
                let chance: f64 = rng.random();
                let mut sum = 0.0;
                let grade = link
                    .log_probabilities(output)
                    .iter()
                    .position(|l| {
                        sum += l.exp();
                        chance < sum
                    })
                    .unwrap_or(4);
                (output, grade as u8)
            })
            .unzip()
    }

    #[test]
    fn the_link_that_drew_the_grades_is_found_again() {
        let truth = CumulativeLink {
            slope: 2.5,
            intercepts: [1.0, 3.0, 7.0, 9.0],
        };
        let (outputs, grades) = drawn(&truth, 20_000);
        let found = fit(&outputs, &grades).unwrap();
        assert!((found.slope - truth.slope).abs() < 0.1, "{found:?}");
        for (a, b) in found.cut_points().iter().zip(truth.cut_points()) {
            assert!((a - b).abs() < 0.05, "{found:?}");
        }
    }

    #[test]
    fn a_handful_of_faultless_photos_and_a_missing_grade_still_give_a_link() {
        let found = fit(&[0.0, 0.1, 1.0, 2.0, 4.0], &[0, 0, 1, 2, 4]).unwrap();
        assert!(found.is_valid());
        let cuts = found.cut_points();
        assert!(cuts[0] > 0.1 && cuts[0] < 1.0, "{cuts:?}");
        assert!(cuts[1] > 1.0 && cuts[1] < 2.0, "{cuts:?}");
    }

    #[test]
    fn nothing_to_fit_is_told() {
        assert!(fit(&[], &[]).is_err());
        assert!(fit(&[f64::NAN], &[0]).is_err());
    }
}
