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
    /// A photo is graded if its confidence is at least this.
    pub confidence: f64,
}

/// The risk-coverage curve with the area under it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskCoverage {
    pub points: Vec<RiskPoint>,
    /// Mean risk over all coverages; less is better (Geifman et al. 2019).
    pub area: f64,
    /// The same of the referral's risk.
    pub referral_area: f64,
}

/// The probability of each photo's most probable grade: the usual confidence.
pub fn highest_probability(predictions: &Predictions) -> Vec<f64> {
    predictions
        .predicted
        .iter()
        .zip(&predictions.probabilities)
        .map(|(grade, row)| row[*grade])
        .collect()
}

/// Orders photos by `confidence` and measures every coverage; equally confident
/// photos come in together. `referred` says whether each photo is called
/// referable, `referable` whether it truly is.
pub fn risk_coverage(
    predictions: &Predictions,
    confidence: &[f64],
    referred: &[bool],
    referable: &[bool],
) -> RiskCoverage {
    let n = predictions.len();
    let order = surest_first(confidence);
    let wrong_grade: Vec<bool> = (0..n)
        .map(|i| predictions.predicted[i] != predictions.labels[i])
        .collect();
    let wrong_referral: Vec<bool> = (0..n).map(|i| referred[i] != referable[i]).collect();

    let (mut wrong, mut referred_wrong) = (0, 0);
    let mut all = Vec::new();
    for (graded, &i) in (1..).zip(&order) {
        wrong += usize::from(wrong_grade[i]);
        referred_wrong += usize::from(wrong_referral[i]);
        let tied = order
            .get(graded)
            .is_some_and(|&next| confidence[next] == confidence[i]);
        if tied {
            continue;
        }
        let risk = wrong as f64 / graded as f64;
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
    RiskCoverage {
        points,
        area: area(confidence, &wrong_grade),
        referral_area: area(confidence, &wrong_referral),
    }
}

fn surest_first(confidence: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..confidence.len()).collect();
    order.sort_by(|&a, &b| confidence[b].total_cmp(&confidence[a]).then(a.cmp(&b)));
    order
}

/// The area under a risk-coverage curve: the mean over all coverages of the share
/// that is `wrong` among the photos graded, the most confident first; equally
/// confident photos come in together (Geifman et al. 2019).
pub fn area(confidence: &[f64], wrong: &[bool]) -> f64 {
    let order = surest_first(confidence);
    let (mut mistakes, mut area, mut since) = (0, 0.0, 0);
    for (graded, &i) in (1..).zip(&order) {
        mistakes += usize::from(wrong[i]);
        let tied = order
            .get(graded)
            .is_some_and(|&next| confidence[next] == confidence[i]);
        if tied {
            continue;
        }
        area += mistakes as f64 / graded as f64 * (graded - since) as f64 / order.len() as f64;
        since = graded;
    }
    area
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
        let curve = risk_coverage(
            &predictions,
            &highest_probability(&predictions),
            &referred,
            &referable,
        );
        let points: Vec<_> = curve.points.iter().map(|p| (p.coverage, p.risk)).collect();
        // The two photos of equal confidence come in together.
        assert_eq!(points, [(0.25, 0.0), (0.5, 0.0), (1.0, 0.25)]);
        assert!((curve.area - 0.125).abs() < 1e-12);
        assert!((curve.referral_area - 0.125).abs() < 1e-12);
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
        let confidence = highest_probability(&predictions);
        let curve = risk_coverage(&predictions, &confidence, &[false; 1000], &[false; 1000]);
        assert!(curve.points.len() <= MAX_POINTS);
        assert_eq!(curve.points.last().map(|p| p.coverage), Some(1.0));
    }
}
