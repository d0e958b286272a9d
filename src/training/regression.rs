//! Logistic regression with a ridge penalty, by Newton's method (iteratively
//! reweighted least squares): few terms, one optimum, no randomness.

/// One photo: its terms, the first of which is the constant's 1, whether it is
/// what the regression looks for, and how much it counts.
pub struct Case<'a, const TERMS: usize> {
    pub terms: &'a [f64; TERMS],
    pub positive: bool,
    pub weight: f64,
}

/// Largest number of Newton steps; a dozen do.
const STEPS: usize = 60;

/// The weights under a penalty of `ridge / 2` times the sum of their squares,
/// the constant's apart; the cases' weights count as numbers of photos.
pub fn fit<const TERMS: usize>(cases: &[Case<'_, TERMS>], ridge: f64) -> Vec<f64> {
    let mut weights = vec![0.0; TERMS];
    let mut loss = penalised(cases, &weights, ridge);
    for _ in 0..STEPS {
        let mut gradient = vec![0.0; TERMS];
        let mut curvature = vec![0.0; TERMS * TERMS];
        for term in 1..TERMS {
            gradient[term] = ridge * weights[term];
            curvature[term * TERMS + term] = ridge;
        }
        curvature[0] = 1e-9;
        for case in cases {
            let p = probability(case, &weights);
            let off = case.weight * (p - f64::from(u8::from(case.positive)));
            let bend = case.weight * (p * (1.0 - p)).max(1e-9);
            for (i, a) in case.terms.iter().enumerate() {
                gradient[i] += off * a;
                for (j, b) in case.terms[..=i].iter().enumerate() {
                    curvature[i * TERMS + j] += bend * a * b;
                }
            }
        }
        let step = solve::<TERMS>(curvature, gradient);
        let mut length = 1.0;
        let moved = loop {
            let tried: Vec<f64> = weights
                .iter()
                .zip(&step)
                .map(|(w, s)| w - length * s)
                .collect();
            let found = penalised(cases, &tried, ridge);
            if found <= loss {
                weights = tried;
                let gained = loss - found;
                loss = found;
                break gained;
            }
            length /= 2.0;
            if length < 1e-6 {
                break 0.0;
            }
        };
        if moved < 1e-9 * loss.max(1.0) {
            break;
        }
    }
    weights
}

fn sum<const TERMS: usize>(case: &Case<'_, TERMS>, weights: &[f64]) -> f64 {
    weights.iter().zip(case.terms).map(|(w, t)| w * t).sum()
}

fn probability<const TERMS: usize>(case: &Case<'_, TERMS>, weights: &[f64]) -> f64 {
    1.0 / (1.0 + (-sum(case, weights)).exp())
}

fn penalised<const TERMS: usize>(cases: &[Case<'_, TERMS>], weights: &[f64], ridge: f64) -> f64 {
    let penalty: f64 = weights[1..].iter().map(|w| w * w).sum();
    let misfit: f64 = cases
        .iter()
        .map(|case| {
            let toward = sum(case, weights) * if case.positive { 1.0 } else { -1.0 };
            // ln(1 + exp(-toward)) without overflow.
            case.weight * ((-toward.abs()).exp().ln_1p() + (-toward).max(0.0))
        })
        .sum();
    misfit + 0.5 * ridge * penalty
}

/// Cholesky's solution; `matrix` is symmetric, its lower half filled.
fn solve<const TERMS: usize>(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    for i in 0..TERMS {
        for j in 0..=i {
            let mut value = matrix[i * TERMS + j];
            for k in 0..j {
                value -= matrix[i * TERMS + k] * matrix[j * TERMS + k];
            }
            matrix[i * TERMS + j] = if i == j {
                value.max(1e-12).sqrt()
            } else {
                value / matrix[j * TERMS + j]
            };
        }
    }
    for i in 0..TERMS {
        for k in 0..i {
            right[i] -= matrix[i * TERMS + k] * right[k];
        }
        right[i] /= matrix[i * TERMS + i];
    }
    for i in (0..TERMS).rev() {
        for k in i + 1..TERMS {
            right[i] -= matrix[k * TERMS + i] * right[k];
        }
        right[i] /= matrix[i * TERMS + i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: usize = 30;

    #[test]
    fn the_odds_of_one_measure_come_back() {
        // Of measure 0: at 1, three in four are positive; at -1, one in four.
        let terms = |value: f64| {
            let mut terms = [0.0; TERMS];
            terms[0] = 1.0;
            terms[1] = value;
            terms
        };
        let (low, high) = (terms(-1.0), terms(1.0));
        let case = |terms, positive, weight| Case {
            terms,
            positive,
            weight,
        };
        let cases = [
            case(&high, true, 300.0),
            case(&high, false, 100.0),
            case(&low, true, 100.0),
            case(&low, false, 300.0),
        ];
        let weights = fit(&cases, 1e-6);
        assert!(weights[0].abs() < 1e-6, "{}", weights[0]);
        assert!((weights[1] - 3.0f64.ln()).abs() < 1e-4, "{}", weights[1]);
        assert!(weights[2..].iter().all(|w| w.abs() < 1e-9));
    }

    #[test]
    fn at_what_is_found_the_penalised_likelihood_is_flat() {
        let rows = [
            ([1.0, 0.5, -1.0], true, 1.0),
            ([1.0, 2.0, 0.3], true, 2.0),
            ([1.0, -1.0, 0.7], false, 3.0),
            ([1.0, 0.2, 0.2], false, 1.0),
            ([1.0, 1.1, -0.4], false, 2.0),
        ];
        let cases: Vec<Case<'_, 3>> = rows
            .iter()
            .map(|(terms, positive, weight)| Case {
                terms,
                positive: *positive,
                weight: *weight,
            })
            .collect();
        let ridge = 0.7;
        let found = fit(&cases, ridge);
        for term in 0..3 {
            let slope: f64 = rows
                .iter()
                .map(|(terms, positive, weight)| {
                    let sum: f64 = terms.iter().zip(&found).map(|(t, w)| t * w).sum();
                    let chance = 1.0 / (1.0 + (-sum).exp());
                    weight * terms[term] * (chance - f64::from(u8::from(*positive)))
                })
                .sum();
            // The constant alone is not held back.
            let held = if term == 0 { 0.0 } else { ridge * found[term] };
            assert!((slope + held).abs() < 1e-4, "{term}: {slope} and {held}");
        }
    }

    #[test]
    fn a_ridge_keeps_separable_cases_finite() {
        let mut terms = [0.0; TERMS];
        terms[0] = 1.0;
        terms[1] = 2.0;
        let other = terms.map(|t| -t);
        let mut other = other;
        other[0] = 1.0;
        let cases = [
            Case {
                terms: &terms,
                positive: true,
                weight: 50.0,
            },
            Case {
                terms: &other,
                positive: false,
                weight: 50.0,
            },
        ];
        let weights = fit(&cases, 1.0);
        assert!(weights.iter().all(|w| w.is_finite() && w.abs() < 10.0));
        assert!(weights[1] > 0.5, "{}", weights[1]);
    }
}
