//! What follows from the confusion matrix alone: recall, specificity and the
//! three kinds of Cohen's kappa.

/// Counts `[true grade][predicted grade]`, as scikit-learn lays them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    counts: Vec<Vec<u64>>,
}

/// How a disagreement of `d` grades is weighed in Cohen's kappa.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KappaWeights {
    /// Every disagreement alike (Cohen 1960).
    Unweighted,
    /// By `d` (Cohen 1968).
    Linear,
    /// By `d²`: the measure of the EyePACS and APTOS competitions.
    Quadratic,
}

impl Confusion {
    /// Counts each photo `weights[i]` times, or once without weights.
    pub fn count(
        classes: usize,
        labels: &[usize],
        predicted: &[usize],
        weights: Option<&[u32]>,
    ) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        for (i, (&label, &guess)) in labels.iter().zip(predicted).enumerate() {
            counts[label][guess] += weights.map_or(1, |w| u64::from(w[i]));
        }
        Self { counts }
    }

    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    fn truly(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    fn called(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// The part of photos given exactly their true grade.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.counts.len()).map(|c| self.counts[c][c]).sum();
        right as f64 / self.total() as f64
    }

    /// Of the photos truly of each grade, the part called so; `None` for a
    /// grade that no photo has.
    pub fn recall(&self) -> Vec<Option<f64>> {
        (0..self.counts.len())
            .map(|c| ratio(self.counts[c][c], self.truly(c)))
            .collect()
    }

    /// Of the photos not of each grade, the part not called so; `None` where
    /// every photo has that grade.
    pub fn specificity(&self) -> Vec<Option<f64>> {
        let total = self.total();
        (0..self.counts.len())
            .map(|c| {
                let negatives = total - self.truly(c);
                let false_alarms = self.called(c) - self.counts[c][c];
                ratio(negatives - false_alarms, negatives)
            })
            .collect()
    }

    /// Cohen's kappa: agreement beyond what the two margins give by chance.
    /// `None` where chance alone agrees fully (one grade only, on both sides).
    pub fn kappa(&self, weights: KappaWeights) -> Option<f64> {
        let total = self.total() as f64;
        let called: Vec<f64> = (0..self.counts.len())
            .map(|c| self.called(c) as f64)
            .collect();
        let (mut observed, mut expected) = (0.0, 0.0);
        for (i, row) in self.counts.iter().enumerate() {
            let truly = self.truly(i) as f64;
            for (j, &count) in row.iter().enumerate() {
                let apart = i.abs_diff(j) as f64;
                let weight = match weights {
                    KappaWeights::Unweighted => f64::from(u8::from(i != j)),
                    KappaWeights::Linear => apart,
                    KappaWeights::Quadratic => apart * apart,
                };
                observed += weight * count as f64;
                expected += weight * truly * called[j] / total;
            }
        }
        (expected > 0.0).then(|| 1.0 - observed / expected)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The mean over the classes for which a value is defined, as scikit-learn's
/// `macro` average over the labels present.
pub fn macro_mean(values: &[Option<f64>]) -> Option<f64> {
    let defined: Vec<f64> = values.iter().copied().flatten().collect();
    (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_grade_on_both_sides_has_no_kappa() {
        let confusion = Confusion::count(5, &[2, 2], &[2, 2], None);
        assert_eq!(confusion.kappa(KappaWeights::Quadratic), None);
        assert_eq!(confusion.accuracy(), 1.0);
        assert_eq!(confusion.specificity()[2], None);
        assert_eq!(confusion.recall()[0], None);
    }

    #[test]
    fn a_weight_counts_a_photo_that_often() {
        let weighted = Confusion::count(2, &[0, 1], &[0, 0], Some(&[3, 2]));
        let repeated = Confusion::count(2, &[0, 0, 0, 1, 1], &[0; 5], None);
        assert_eq!(weighted, repeated);
    }
}
