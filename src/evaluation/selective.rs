//! What is gained by leaving doubtful photos to a person: the error among the
//! photos graded, against the part of photos graded (El-Yaniv & Wiener 2010).

use serde::{Deserialize, Serialize};

use super::predictions::Predictions;

/// More points than this are thinned out: no plot shows more.
const MAX_POINTS: usize = 200;

/// Grading only the most confident photos.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskPoint {
    /// The part of photos graded.
    pub coverage: f64,
    /// The part of those given a wrong grade.
    pub risk: f64,
    /// The part of those that were referable and are called not so, or the other
    /// way round.
    pub referral_risk: f64,
    /// A photo is graded if its highest probability is at least this.
    pub confidence: f64,
}

/// The risk-coverage curve with the area under it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskCoverage {
    pub points: Vec<RiskPoint>,
    /// Mean risk over all coverages; less is better (Geifman et al. 2019).
    pub area: f64,
}

/// Orders photos by their highest probability and measures every coverage;
/// equally confident photos come in together. `referred` says whether each
/// photo is called referable, `referable` whether it truly is.
pub fn risk_coverage(
    predictions: &Predictions,
    referred: &[bool],
    referable: &[bool],
) -> RiskCoverage {
    let n = predictions.len();
    let confidence: Vec<f64> = (0..n)
        .map(|i| predictions.probabilities[i][predictions.predicted[i]])
        .collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| confidence[b].total_cmp(&confidence[a]).then(a.cmp(&b)));

    let (mut wrong, mut referred_wrong) = (0, 0);
    let mut all = Vec::new();
    let mut area = 0.0;
    let mut since = 0;
    for (graded, &i) in (1..).zip(&order) {
        wrong += usize::from(predictions.predicted[i] != predictions.labels[i]);
        referred_wrong += usize::from(referred[i] != referable[i]);
        let tied = order
            .get(graded)
            .is_some_and(|&next| confidence[next] == confidence[i]);
        if tied {
            continue;
        }
        let risk = wrong as f64 / graded as f64;
        area += risk * (graded - since) as f64 / n as f64;
        since = graded;
        all.push(RiskPoint {
            coverage: graded as f64 / n as f64,
            risk,
            referral_risk: referred_wrong as f64 / graded as f64,
            confidence: confidence[i],
        });
    }
    let step = all.len().div_ceil(MAX_POINTS).max(1);
    let last = all.len() - 1;
    let points = all
        .into_iter()
        .enumerate()
        // Counted from the end, so that full coverage is always among them.
        .filter(|(place, _)| (last - place) % step == 0)
        .map(|(_, point)| point)
        .collect();
    RiskCoverage { points, area }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risk_grows_as_doubtful_photos_come_in() {
        let predictions = Predictions::from_probabilities(
            &[
                vec![0.9, 0.1],
                vec![0.6, 0.4],
                vec![0.6, 0.4],
                vec![0.2, 0.8],
            ],
            &[0, 1, 0, 1],
        )
        .unwrap();
        let referred = [false, false, false, true];
        let referable = [false, true, false, true];
        let curve = risk_coverage(&predictions, &referred, &referable);
        let points: Vec<_> = curve.points.iter().map(|p| (p.coverage, p.risk)).collect();
        // The two photos of equal confidence come in together.
        assert_eq!(points, [(0.25, 0.0), (0.5, 0.0), (1.0, 0.25)]);
        assert!((curve.area - 0.125).abs() < 1e-12);
        assert_eq!(curve.points[2].referral_risk, 0.25);
    }

    #[test]
    fn a_long_curve_is_thinned_but_keeps_its_end() {
        let rows: Vec<Vec<f64>> = (0..1000)
            .map(|i| {
                let p = 0.5 + f64::from(i) / 2000.0;
                vec![p, 1.0 - p]
            })
            .collect();
        let predictions = Predictions::from_probabilities(&rows, &[0; 1000]).unwrap();
        let curve = risk_coverage(&predictions, &[false; 1000], &[false; 1000]);
        assert!(curve.points.len() <= MAX_POINTS);
        assert_eq!(curve.points.last().map(|p| p.coverage), Some(1.0));
    }
}
