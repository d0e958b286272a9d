//! Mixup: each picture of a batch with some of another laid over it, and the
//! truth mixed by the same shares (Zhang et al. 2018, "mixup: Beyond Empirical
//! Risk Minimization").
//!
//! No two epochs show the same mixture, so labels, some of them doubtful, are not
//! learnt by heart with the photos they belong to.

use rand::Rng;

use super::batches::Batch;
use super::opinions::Opinion;

/// What is laid over a picture, as far as the truth is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlay {
    /// Of the picture laid over.
    pub grade: u8,
    /// A second opinion on it.
    pub opinion: Option<Opinion>,
    /// Its share of the mixture, up to a half.
    pub share: f32,
}

/// Shapes of the distribution that mix something and still tell the two apart;
/// at one every share is as likely.
const SHAPES: std::ops::RangeInclusive<f64> = 0.0..=1.0;

/// # Errors
/// A sentence that names the flag.
pub fn validate(shape: f64) -> Result<(), String> {
    if SHAPES.contains(&shape) {
        Ok(())
    } else {
        Err("--mixup must lie between 0 (nothing is mixed) and 1".to_owned())
    }
}

/// Mixes the pictures of `batch` among each other, each with one other and as
/// often as the rest; their shares are drawn from a beta distribution whose two
/// parameters are `shape`. At zero, the batch stays as it is.
pub fn mix(batch: &mut Batch, shape: f64, rng: &mut impl Rng) {
    let count = batch.grades.len();
    if shape <= 0.0 || count < 2 {
        return;
    }
    let numbers = batch.pictures.len() / count;
    // Photos come in an order drawn at random: the one so many places on is any.
    let apart = rng.random_range(1..count);
    let unmixed = batch.pictures.clone();
    batch.overlays = (0..count)
        .map(|place| {
            let other = (place + apart) % count;
            let share = share(shape, rng);
            let own = &mut batch.pictures[place * numbers..][..numbers];
            for (value, laid) in own.iter_mut().zip(&unmixed[other * numbers..]) {
                *value += share * (laid - *value);
            }
            Overlay {
                grade: batch.grades[other],
                opinion: batch.opinions.get(other).copied().flatten(),
                share,
            }
        })
        .collect();
}

/// The smaller of the two shares of a mixture, by Jöhnk's method (1964).
fn share(shape: f64, rng: &mut impl Rng) -> f32 {
    loop {
        let mut draw = || rng.random::<f64>();
        let (one, other) = (draw(), draw());
        let power = |drawn: f64| drawn.powf(1.0 / shape);
        let (first, second) = (power(one), power(other));
        let sum = first + second;
        if sum > 0.0 && sum <= 1.0 {
            return (first.min(second) / sum) as f32;
        }
        // Both vanish at small shapes, but not the ratio of the smaller to the larger.
        if sum <= 0.0 {
            let ratio = (-(one.ln() - other.ln()).abs() / shape).exp();
            return (ratio / (1.0 + ratio)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    /// Four pictures of two pixels, each with its grade's number.
    fn batch() -> Batch {
        let grades = vec![0, 1, 2, 4];
        Batch {
            pictures: grades.iter().flat_map(|g| [f32::from(*g); 6]).collect(),
            opinions: grades.iter().map(|g| Some([f32::from(*g); 5])).collect(),
            grades,
            overlays: Vec::new(),
        }
    }

    #[test]
    fn a_picture_and_its_truth_are_mixed_by_the_same_share() {
        for seed in 0..20 {
            let mut mixed = batch();
            mix(&mut mixed, 0.4, &mut StdRng::seed_from_u64(seed));
            let mut laid: Vec<u8> = mixed.overlays.iter().map(|o| o.grade).collect();
            for (place, overlay) in mixed.overlays.iter().enumerate() {
                assert_ne!(overlay.grade, mixed.grades[place], "never with itself");
                assert!((0.0..=0.5).contains(&overlay.share));
                assert_eq!(overlay.opinion, Some([f32::from(overlay.grade); 5]));
                let own = f32::from(mixed.grades[place]);
                let expected = own + overlay.share * (f32::from(overlay.grade) - own);
                for value in &mixed.pictures[place * 6..][..6] {
                    assert!((value - expected).abs() < 1e-6, "{value} {expected}");
                }
            }
            laid.sort_unstable();
            assert_eq!(laid, mixed.grades, "each is laid over once");
        }
    }

    #[test]
    fn shares_have_the_spread_of_their_beta_distribution() {
        let mut rng = StdRng::seed_from_u64(5);
        for shape in [0.2, 0.4, 1.0] {
            // E[x (1 - x)] of a symmetric beta distribution.
            let expected = shape / (2.0 * (2.0 * shape + 1.0));
            let drawn: f64 = (0..20_000)
                .map(|_| f64::from(share(shape, &mut rng)))
                .map(|share| share * (1.0 - share))
                .sum::<f64>()
                / 20_000.0;
            assert!((drawn - expected).abs() < 0.003, "{shape}: {drawn}");
        }
    }

    #[test]
    fn at_the_smallest_shapes_next_to_nothing_is_mixed() {
        let mut rng = StdRng::seed_from_u64(5);
        for shape in [1e-4, 1e-12, f64::MIN_POSITIVE] {
            validate(shape).unwrap();
            for _ in 0..100 {
                let share = share(shape, &mut rng);
                assert!((0.0..=0.5).contains(&share), "{shape}: {share}");
            }
        }
        let mean: f32 = (0..1000).map(|_| share(1e-3, &mut rng)).sum::<f32>() / 1000.0;
        assert!(mean < 0.005, "{mean}");
    }

    #[test]
    fn nothing_is_mixed_unless_asked_for() {
        let mut same = batch();
        mix(&mut same, 0.0, &mut StdRng::seed_from_u64(1));
        assert_eq!(same.pictures, batch().pictures);
        assert!(same.overlays.is_empty());
        assert!(validate(0.0).is_ok() && validate(1.0).is_ok());
        for shape in [-0.1, 1.5, f64::NAN] {
            assert!(validate(shape).unwrap_err().contains("--mixup"), "{shape}");
        }
    }
}
