//! Batches, drawn and augmented on another thread so that the network never waits.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rayon::prelude::*;

use super::augment::{Augmentation, Change};
use super::balance::Balance;
use super::mixup::{self, Overlay};
use super::opinions::Opinion;
use super::picture::Picture;
use crate::photo::Preprocessing;

/// Batches made ahead of the network; more would only hold memory.
const AHEAD: usize = 3;

/// A batch on the host: pictures `[n, 3, size, size]`, their grades, a second
/// opinion on each where any was asked, and what is laid over each where pictures
/// are mixed.
#[derive(Clone)]
pub struct Batch {
    pub pictures: Vec<f32>,
    pub grades: Vec<u8>,
    pub opinions: Vec<Option<Opinion>>,
    pub overlays: Vec<Overlay>,
}

/// A labelled picture.
pub type Example = (Picture, u8);

/// How batches are drawn.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// At the size of the examples.
    pub preprocessing: Preprocessing,
    pub augmentation: Augmentation,
    pub balance: Balance,
    /// As [`mixup::mix`] has it.
    pub mixup: f64,
    pub batch: usize,
    pub seed: u64,
}

/// One epoch of augmented batches in an order drawn from `(seed, epoch)` alone,
/// so that a resumed training sees what an unbroken one would have.
///
/// A last batch of a single picture is left out: batch norm cannot use it.
///
/// `opinions` has one for every example or none at all.
pub fn epoch(
    examples: &Arc<Vec<Example>>,
    opinions: &Arc<Vec<Option<Opinion>>>,
    drawing: &Drawing,
    epoch: usize,
) -> Receiver<Batch> {
    let (send, receive) = sync_channel(AHEAD);
    let examples = Arc::clone(examples);
    let opinions = Arc::clone(opinions);
    let drawing = drawing.clone();
    std::thread::spawn(move || {
        let seed = drawing.seed;
        let grades: Vec<u8> = examples.iter().map(|(_, grade)| *grade).collect();
        let mut rng = StdRng::seed_from_u64(mix(seed, epoch, usize::MAX));
        let order: Vec<(usize, usize)> = drawing
            .balance
            .order(&grades, &mut rng)
            .into_iter()
            .enumerate()
            .collect();
        for chunk in order.chunks(drawing.batch).filter(|chunk| chunk.len() > 1) {
            let pictures: Vec<Vec<f32>> = chunk
                .par_iter()
                .map(|(place, index)| {
                    // By its place too: a sampler may draw a photo twice.
                    let mut rng = StdRng::seed_from_u64(mix(mix(seed, epoch, *place), 0, *index));
                    let mut planes = Vec::new();
                    Change::draw(&drawing.augmentation, &mut rng).apply(
                        &examples[*index].0.pixels(),
                        &drawing.preprocessing,
                        &mut planes,
                    );
                    planes
                })
                .collect();
            let mut made = Batch {
                pictures: pictures.concat(),
                grades: chunk.iter().map(|(_, index)| grades[*index]).collect(),
                opinions: chunk
                    .iter()
                    .filter_map(|(_, index)| opinions.get(*index).copied())
                    .collect(),
                overlays: Vec::new(),
            };
            let mut rng = StdRng::seed_from_u64(mix(mix(seed, epoch, chunk[0].0), 1, usize::MAX));
            mixup::mix(&mut made, drawing.mixup, &mut rng);
            // The receiver is gone: the training stopped, and so does this.
            if send.send(made).is_err() {
                return;
            }
        }
    });
    receive
}

/// Batches in an epoch of `examples` pictures.
pub fn batches_in_epoch(examples: usize, batch: usize) -> usize {
    examples / batch + usize::from(examples % batch > 1)
}

/// One seed from three numbers (SplitMix64's finaliser).
fn mix(seed: u64, epoch: usize, index: usize) -> u64 {
    let mut z = seed
        .wrapping_add((epoch as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .wrapping_add((index as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn examples(count: usize) -> Arc<Vec<Example>> {
        Arc::new(
            (0..count)
                .map(|i| {
                    let shade = (40 + i * 10) as u8;
                    let picture = RgbImage::from_pixel(8, 8, image::Rgb([shade; 3]));
                    (picture.into(), (i % 5) as u8)
                })
                .collect(),
        )
    }

    fn drawing() -> Drawing {
        Drawing {
            preprocessing: Preprocessing::imagenet(8),
            augmentation: Augmentation::default(),
            balance: Balance::Neither,
            mixup: 0.0,
            batch: 4,
            seed: 7,
        }
    }

    #[test]
    fn an_epoch_holds_every_example_once_and_repeats_exactly() {
        let run = |number| -> Vec<(Vec<f32>, Vec<u8>)> {
            epoch(&examples(10), &Arc::default(), &drawing(), number)
                .into_iter()
                .map(|batch| (batch.pictures, batch.grades))
                .collect()
        };
        let first = run(0);
        assert_eq!(first.len(), batches_in_epoch(10, 4));
        let mut grades: Vec<u8> = first.iter().flat_map(|b| b.1.clone()).collect();
        grades.sort_unstable();
        assert_eq!(grades, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(first, run(0));
        assert_ne!(first, run(1));
    }

    #[test]
    fn mixtures_differ_between_epochs_and_repeat_exactly() {
        let drawing = Drawing {
            mixup: 0.4,
            augmentation: Augmentation::NONE,
            ..drawing()
        };
        let run = |number| -> Vec<Vec<f32>> {
            epoch(&examples(8), &Arc::default(), &drawing, number)
                .into_iter()
                .inspect(|batch| assert_eq!(batch.overlays.len(), batch.grades.len()))
                .map(|batch| batch.pictures)
                .collect()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn an_opinion_goes_with_its_photo() {
        let examples = examples(10);
        let opinions: Vec<Option<Opinion>> = examples
            .iter()
            .enumerate()
            .map(|(place, (_, grade))| (place % 3 > 0).then_some([f32::from(*grade); 5]))
            .collect();
        let mut heard = 0;
        for batch in epoch(&examples, &Arc::new(opinions), &drawing(), 0) {
            assert_eq!(batch.opinions.len(), batch.grades.len());
            for (opinion, grade) in batch.opinions.iter().zip(&batch.grades) {
                if let Some(opinion) = opinion {
                    assert_eq!(opinion[0], f32::from(*grade));
                    heard += 1;
                }
            }
        }
        assert_eq!(heard, 6);
    }

    #[test]
    fn a_picture_that_cannot_be_had_ends_an_epoch_before_its_last_batch() {
        let mut all = examples(10).to_vec();
        all[3].0 = all[3].0.through(|_| panic!("as a disk that fails"));
        let batches = epoch(&Arc::new(all), &Arc::default(), &drawing(), 0).into_iter();
        assert!(batches.count() < batches_in_epoch(10, 4));
    }

    #[test]
    fn a_lone_last_picture_is_left_out() {
        let batches: Vec<Batch> = epoch(&examples(9), &Arc::default(), &drawing(), 0)
            .into_iter()
            .collect();
        assert_eq!(batches.len(), 2);
        assert_eq!(batches_in_epoch(9, 4), 2);
    }
}
