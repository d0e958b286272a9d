//! Multinomial logistic regression with a ridge penalty: one optimum, found by
//! L-BFGS (Nocedal 1980), no randomness. Where features outnumber photos the
//! penalty is what keeps it from learning them by heart.

use rayon::prelude::*;

/// A row of features, its class, and how much it counts.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    pub features: &'a [f64],
    pub class: u8,
    pub weight: f64,
}

/// A linear layer: `classes` rows of `features` weights, and a bias each.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `[classes][features]`.
    pub weights: Vec<Vec<f64>>,
    pub biases: Vec<f64>,
}

/// Mean and spread of each feature; one that never varies has a spread of one.
#[derive(Clone, Debug)]
pub struct Standard {
    means: Vec<f64>,
    spreads: Vec<f64>,
}

/// Pairs of steps and changes of slope that L-BFGS remembers.
const MEMORY: usize = 12;
/// Most steps; a few dozen do.
const STEPS: usize = 300;
/// The search ends where no slope exceeds this, in units of a photo's loss.
const FLAT: f64 = 1e-5;

impl Standard {
    /// Of at least one row.
    pub fn of(rows: &[Vec<f64>]) -> Self {
        let n = rows.len().max(1) as f64;
        let width = rows.first().map_or(0, Vec::len);
        let column = |f: &dyn Fn(&[f64], usize) -> f64| -> Vec<f64> {
            (0..width)
                .map(|place| rows.iter().map(|row| f(row, place)).sum::<f64>() / n)
                .collect()
        };
        let means = column(&|row, place| row[place]);
        let spreads = column(&|row, place| (row[place] - means[place]).powi(2))
            .into_iter()
            .map(|variance| {
                if variance > 1e-12 {
                    variance.sqrt()
                } else {
                    1.0
                }
            })
            .collect();
        Self { means, spreads }
    }

    pub fn apply(&self, row: &[f64]) -> Vec<f64> {
        std::iter::zip(row, std::iter::zip(&self.means, &self.spreads))
            .map(|(value, (mean, spread))| (value - mean) / spread)
            .collect()
    }

    /// A layer for standardised features as one for features as they are.
    pub fn undo(&self, layer: &Layer) -> Layer {
        let weights: Vec<Vec<f64>> = layer
            .weights
            .iter()
            .map(|row| {
                std::iter::zip(row, &self.spreads)
                    .map(|(w, s)| w / s)
                    .collect()
            })
            .collect();
        let biases = std::iter::zip(&layer.biases, &weights)
            .map(|(bias, row)| bias - dot(row, &self.means))
            .collect();
        Layer { weights, biases }
    }
}

impl Layer {
    fn zero(classes: usize, features: usize) -> Self {
        Self {
            weights: vec![vec![0.0; features]; classes],
            biases: vec![0.0; classes],
        }
    }

    /// A logit a class.
    pub fn logits(&self, features: &[f64]) -> Vec<f64> {
        std::iter::zip(&self.weights, &self.biases)
            .map(|(row, bias)| bias + dot(row, features))
            .collect()
    }

    fn flat(&self) -> Vec<f64> {
        let rows = self.weights.iter().flatten().chain(&self.biases);
        rows.copied().collect()
    }

    fn of_flat(flat: &[f64], classes: usize) -> Self {
        let (weights, biases) = flat.split_at(flat.len() - classes);
        let width = weights.len() / classes;
        Self {
            weights: weights.chunks(width).map(<[f64]>::to_vec).collect(),
            biases: biases.to_vec(),
        }
    }
}

/// The layer with the lowest loss: cross-entropy summed over the cases by their
/// weight, plus `ridge / 2` times the sum of the squared weights, biases apart.
/// `start` is where to begin, which changes only how long it takes.
pub fn fit(cases: &[Case<'_>], classes: usize, ridge: f64, start: Option<&Layer>) -> Layer {
    let width = cases.first().map_or(0, |case| case.features.len());
    if width == 0 {
        return Layer::zero(classes, width);
    }
    let mut at = start.map_or_else(|| Layer::zero(classes, width).flat(), Layer::flat);
    let (mut loss, mut slope) = loss(cases, classes, ridge, &at);
    let mut memory: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for _ in 0..STEPS {
        if slope.iter().all(|s| s.abs() < FLAT) {
            break;
        }
        let direction = direction(&slope, &memory);
        let downhill = dot(&direction, &slope);
        let mut length = if memory.is_empty() {
            1.0 / dot(&slope, &slope).sqrt().max(1.0)
        } else {
            1.0
        };
        let next = loop {
            let tried: Vec<f64> = std::iter::zip(&at, &direction)
                .map(|(a, d)| a + length * d)
                .collect();
            let found = self::loss(cases, classes, ridge, &tried);
            // Armijo's rule: a fair part of the fall that the slope promises.
            if found.0 <= loss + 1e-4 * length * downhill {
                break Some((tried, found));
            }
            length /= 2.0;
            if length < 1e-12 {
                break None;
            }
        };
        // No step lowers it any more: rounding is all that is left.
        let Some((tried, (lower, new))) = next else {
            break;
        };
        let step: Vec<f64> = std::iter::zip(&tried, &at).map(|(t, a)| t - a).collect();
        let change: Vec<f64> = std::iter::zip(&new, &slope).map(|(n, s)| n - s).collect();
        if dot(&step, &change) > 0.0 {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push((step, change));
        }
        (at, loss, slope) = (tried, lower, new);
    }
    Layer::of_flat(&at, classes)
}

/// L-BFGS's two loops: the slope through the inverse curvature that the last
/// steps tell of, downhill.
fn direction(slope: &[f64], memory: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let mut direction: Vec<f64> = slope.iter().map(|s| -s).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (step, change) in memory.iter().rev() {
        let share = dot(step, &direction) / dot(step, change);
        add(&mut direction, -share, change);
        shares.push(share);
    }
    if let Some((step, change)) = memory.last() {
        let scale = dot(step, change) / dot(change, change);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for ((step, change), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = dot(change, &direction) / dot(step, change);
        add(&mut direction, share - back, step);
    }
    direction
}

/// The loss and its slope. Cases are summed in blocks of fixed size, so that the
/// number of threads changes no digit.
fn loss(cases: &[Case<'_>], classes: usize, ridge: f64, at: &[f64]) -> (f64, Vec<f64>) {
    const BLOCK: usize = 64;
    let layer = Layer::of_flat(at, classes);
    let width = layer.weights[0].len();
    let blocks: Vec<(f64, Vec<f64>)> = cases
        .par_chunks(BLOCK)
        .map(|block| {
            let mut loss = 0.0;
            let mut slope = vec![0.0; at.len()];
            for case in block {
                let logs =
                    crate::evaluation::predictions::log_softmax(&layer.logits(case.features));
                let truth = usize::from(case.class);
                loss -= case.weight * logs[truth];
                for (class, log) in logs.iter().enumerate() {
                    let off = case.weight * (log.exp() - f64::from(u8::from(class == truth)));
                    add(
                        &mut slope[class * width..(class + 1) * width],
                        off,
                        case.features,
                    );
                    slope[classes * width + class] += off;
                }
            }
            (loss, slope)
        })
        .collect();
    let weights = &at[..classes * width];
    let mut total = 0.5 * ridge * dot(weights, weights);
    let mut slope: Vec<f64> = weights.iter().map(|w| ridge * w).collect();
    slope.resize(at.len(), 0.0);
    for (loss, part) in blocks {
        total += loss;
        add(&mut slope, 1.0, &part);
    }
    (total, slope)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    std::iter::zip(a, b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], share: f64, of: &[f64]) {
    for (to, of) in to.iter_mut().zip(of) {
        *to += share * of;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(features: &[f64], class: u8, weight: f64) -> Case<'_> {
        Case {
            features,
            class,
            weight,
        }
    }

    #[test]
    fn the_odds_of_three_classes_come_back() {
        // Of a feature of 1: classes 0 to 2 in proportions 1 to 2 to 5; of -1, 4 to 3 to 1.
        let (high, low) = ([1.0], [-1.0]);
        let cases = [
            case(&high, 0, 10.0),
            case(&high, 1, 20.0),
            case(&high, 2, 50.0),
            case(&low, 0, 40.0),
            case(&low, 1, 30.0),
            case(&low, 2, 10.0),
        ];
        let layer = fit(&cases, 3, 1e-9, None);
        for (features, odds) in [(high, [1.0, 2.0, 5.0]), (low, [4.0, 3.0, 1.0])] {
            let logits = layer.logits(&features);
            for class in 1..3 {
                let found = (logits[class] - logits[0]).exp();
                assert!((found - odds[class] / odds[0]).abs() < 1e-4, "{found}");
            }
        }
    }

    #[test]
    fn it_is_the_optimum_wherever_it_starts_and_finite_where_classes_part() {
        let rows = [[2.0, 0.3], [1.5, -0.2], [-2.0, 0.1], [-1.0, 0.4]];
        let cases: Vec<Case<'_>> = rows
            .iter()
            .zip([1, 1, 0, 2])
            .map(|(row, class)| case(row, class, 25.0))
            .collect();
        let one = fit(&cases, 3, 1.0, None);
        let far = Layer {
            weights: vec![vec![3.0, -2.0]; 3],
            biases: vec![1.0, -1.0, 0.0],
        };
        let other = fit(&cases, 3, 1.0, Some(&far));
        for (a, b) in one.flat().iter().zip(other.flat()).take(6) {
            assert!(a.is_finite() && (a - b).abs() < 1e-3, "{a} against {b}");
        }
        // A stronger penalty leaves smaller weights.
        let weak: f64 = one.weights.iter().flatten().map(|w| w * w).sum();
        let strong = fit(&cases, 3, 100.0, None);
        let strong: f64 = strong.weights.iter().flatten().map(|w| w * w).sum();
        assert!(strong < weak);
    }

    #[test]
    fn a_standardised_layer_is_the_same_function_of_features_as_they_are() {
        let rows = vec![
            vec![10.0, 5.0, 1.0],
            vec![30.0, 5.0, 2.0],
            vec![20.0, 5.0, 6.0],
        ];
        let standard = Standard::of(&rows);
        let layer = Layer {
            weights: vec![vec![1.0, 2.0, -1.0], vec![0.5, 0.0, 3.0]],
            biases: vec![0.1, -0.2],
        };
        let undone = standard.undo(&layer);
        for row in &rows {
            let (one, other) = (layer.logits(&standard.apply(row)), undone.logits(row));
            for (a, b) in one.iter().zip(other) {
                assert!((a - b).abs() < 1e-9, "{a} against {b}");
            }
        }
    }
}
