//! From one number on the scale of the grades to five probabilities: the
//! cumulative link (proportional odds) model of McCullagh 1980, "Regression
//! Models for Ordinal Data".

use serde::{Deserialize, Serialize};

use super::scale::Grade;

/// Cut points between neighbouring grades.
const CUTS: usize = Grade::ALL.len() - 1;

/// `P(grade >= k) = sigmoid(slope * output - intercepts[k - 1])`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CumulativeLink {
    /// Above zero: a higher output means a worse grade.
    pub slope: f64,
    /// Strictly rising.
    pub intercepts: [f64; CUTS],
}

impl CumulativeLink {
    /// The largest number of a link. With larger ones, two of which may come to no number
    /// at all, nothing is probable and a photo is none of its grades.
    const MOST: f64 = 1e100;

    /// Whether the numbers make probabilities, whatever a network answers.
    pub fn is_valid(&self) -> bool {
        self.slope > 0.0
            && self.slope <= Self::MOST
            && self.intercepts.iter().all(|a| a.abs() <= Self::MOST)
            && self.intercepts.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// The outputs at which two neighbouring grades are called: even odds of
    /// the worse one or beyond.
    pub fn cut_points(&self) -> [f64; CUTS] {
        self.intercepts.map(|a| a / self.slope)
    }

    /// Logarithms of the five probabilities; their softmax is themselves.
    pub fn log_probabilities(&self, output: f64) -> Vec<f64> {
        let margins = self.intercepts.map(|a| self.slope * output - a);
        (0..=CUTS)
            .map(|grade| {
                // sigmoid(low) - sigmoid(high), where low is the margin over the
                // cut below the grade and high that over the cut above it.
                let low = (grade > 0).then(|| margins[grade - 1]);
                let high = (grade < CUTS).then(|| margins[grade]);
                match (low, high) {
                    (None, Some(high)) => log_sigmoid(-high),
                    (Some(low), None) => log_sigmoid(low),
                    (Some(low), Some(high)) => {
                        // = sigmoid(low) * sigmoid(-high) * (1 - exp(high - low))
                        log_sigmoid(low) + log_sigmoid(-high) + (-(high - low).exp_m1()).ln()
                    }
                    (None, None) => 0.0,
                }
            })
            .collect()
    }
}

/// `ln(sigmoid(x))` without overflow.
fn log_sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        -(-x).exp().ln_1p()
    } else {
        x - x.exp().ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: CumulativeLink = CumulativeLink {
        slope: 3.0,
        intercepts: [1.5, 4.5, 7.5, 10.5],
    };

    #[test]
    fn probabilities_sum_to_one_however_far_the_output_lies() {
        for output in [-1000.0, -1.0, 0.0, 1.7, 4.0, 1000.0] {
            let total: f64 = LINK.log_probabilities(output).iter().map(|l| l.exp()).sum();
            assert!((total - 1.0).abs() < 1e-12, "{output}: {total}");
            assert!(LINK.log_probabilities(output).iter().all(|l| l.is_finite()));
        }
        let steep = CumulativeLink {
            slope: CumulativeLink::MOST,
            intercepts: [-CumulativeLink::MOST, 0.0, 1.0, CumulativeLink::MOST],
        };
        assert!(steep.is_valid());
        for output in [f32::MIN, -1.0, 0.0, 1.0, f32::MAX] {
            let row = steep.log_probabilities(f64::from(output));
            let total: f64 = row.iter().map(|l| l.exp()).sum();
            assert!((total - 1.0).abs() < 1e-12, "{output}: {row:?}");
        }
    }

    #[test]
    fn a_grade_is_likeliest_midway_between_its_cut_points() {
        for (grade, output) in [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)] {
            let row = LINK.log_probabilities(output);
            let best = (0..5).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
            assert_eq!(best, grade);
        }
        assert_eq!(LINK.cut_points(), [0.5, 1.5, 2.5, 3.5]);
    }

    #[test]
    fn intercepts_that_do_not_rise_are_no_scale() {
        assert!(LINK.is_valid());
        let crossed = CumulativeLink {
            intercepts: [1.0, 3.0, 2.0, 4.0],
            ..LINK
        };
        assert!(!crossed.is_valid());
        for slope in [-1.0, 0.0, 1e300, f64::INFINITY, f64::NAN] {
            assert!(!CumulativeLink { slope, ..LINK }.is_valid(), "{slope}");
        }
        for intercepts in [
            [1.0, 2.0, 2.0, 4.0],
            [1.0, 2.0, 3.0, f64::INFINITY],
            [f64::NEG_INFINITY, 2.0, 3.0, 4.0],
            [1.0, 2.0, 3.0, 1e300],
        ] {
            let link = CumulativeLink { intercepts, ..LINK };
            assert!(!link.is_valid(), "{intercepts:?}");
        }
    }
}
