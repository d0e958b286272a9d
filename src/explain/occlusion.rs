//! Occlusion sensitivity (Zeiler and Fergus 2014, "Visualizing and Understanding
//! Convolutional Networks", section 4.2): a grey patch is slid over the picture,
//! and where the answer falls, something that it rested on was covered.

use burn::tensor::{Device, Tensor, TensorData};
use image::{Rgb, RgbImage};

use super::{CamError, Map, Target};
use crate::network;
use crate::photo::{self, Preprocessing};

/// How finely the picture is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occlusion {
    /// Cells of the map along one side.
    pub cells: u32,
    /// Side of the patch, in cells; it moves by one cell.
    pub patch: u32,
    /// Covered pictures that go through the network together.
    pub batch: usize,
}

impl Default for Occlusion {
    /// 225 positions of a patch of an eighth of the picture's side.
    fn default() -> Self {
        Self {
            cells: 16,
            patch: 2,
            batch: 8,
        }
    }
}

/// Covered pictures whose answer is not of the kind asked for.
fn unusable(answer: &[f32]) -> CamError {
    CamError::Run(format!("it answered {answer:?}"))
}

/// How far the target falls while each cell is covered, averaged over the patches
/// that cover it: in units of the output, below nothing where covering helped.
///
/// The patch has the mean colour of the disc, and only covers the disc: the black
/// around it is no part of the eye. `forward` takes pictures `[n, 3, S, S]` to
/// outputs `[n, outputs]`; `go_on` hears how many of how many are done and may
/// stop it by answering false, which gives no map.
///
/// # Errors
/// [`CamError`], with the backend's words or the answer that cannot be used.
pub async fn occlude(
    forward: &dyn Fn(Tensor<4>) -> Tensor<2>,
    picture: &RgbImage,
    settings: &Preprocessing,
    target: Target,
    options: &Occlusion,
    device: &Device,
    mut go_on: impl AsyncFnMut(usize, usize) -> bool,
) -> Result<Option<Map>, CamError> {
    let cells = options.cells.clamp(1, picture.width().max(1));
    let patch = options.patch.clamp(1, cells);
    let grid = Grid {
        cells,
        patch,
        side: picture.width(),
    };
    let grey = mean_of_disc(picture);
    let positions: Vec<(u32, u32)> = grid
        .positions()
        .filter(|position| grid.covers_disc(picture, *position))
        .collect();
    let total = positions.len();
    if !go_on(0, total).await {
        return Ok(None);
    }

    let uncovered = answers(
        forward,
        std::slice::from_ref(picture),
        settings,
        target,
        device,
    )
    .await?;
    let mut sums = vec![0.0; (cells * cells) as usize];
    let mut counts = vec![0.0; sums.len()];
    let mut done = 0;
    for some in positions.chunks(options.batch.max(1)) {
        let covered: Vec<RgbImage> = some
            .iter()
            .map(|position| grid.covered(picture, *position, grey))
            .collect();
        let found = answers(forward, &covered, settings, target, device).await?;
        for (position, answer) in some.iter().zip(found) {
            for cell in grid.cells_under(*position) {
                sums[cell] += uncovered[0] - answer;
                counts[cell] += 1.0;
            }
        }
        done += some.len();
        if !go_on(done, total).await {
            return Ok(None);
        }
    }
    let falls = sums
        .iter()
        .zip(&counts)
        .map(|(sum, count)| if *count > 0.0 { sum / count } else { 0.0 })
        .collect();
    match Map::new(cells as usize, cells as usize, falls) {
        Some(map) => Ok(Some(map)),
        None => Err(unusable(&uncovered)),
    }
}

/// The target's value for each picture.
async fn answers(
    forward: &dyn Fn(Tensor<4>) -> Tensor<2>,
    pictures: &[RgbImage],
    settings: &Preprocessing,
    target: Target,
    device: &Device,
) -> Result<Vec<f32>, CamError> {
    let planes: Vec<f32> = pictures
        .iter()
        .flat_map(|picture| photo::to_tensor(picture, settings))
        .collect();
    let size = settings.size as usize;
    let data = TensorData::new(planes, [pictures.len(), 3, size, size]);
    let output = forward(Tensor::from_data(data, device));
    let outputs = output.dims()[1];
    let values = network::values(output).await.map_err(CamError::Run)?;
    let chosen: Option<Vec<f32>> = values
        .chunks(outputs)
        .map(|row| Some(row.get(target.output)? * target.sign()))
        .collect();
    match chosen {
        Some(chosen) if chosen.iter().all(|value| value.is_finite()) => Ok(chosen),
        _ => Err(unusable(&values)),
    }
}

/// The cells of the map and the patch that moves over them.
struct Grid {
    cells: u32,
    /// Side of the patch, in cells.
    patch: u32,
    /// Side of the picture, in pixels.
    side: u32,
}

impl Grid {
    fn positions(&self) -> impl Iterator<Item = (u32, u32)> {
        let last = self.cells - self.patch;
        (0..=last).flat_map(move |row| (0..=last).map(move |column| (column, row)))
    }

    /// The first pixel of a cell.
    fn edge(&self, cell: u32) -> u32 {
        (u64::from(cell) * u64::from(self.side) / u64::from(self.cells)) as u32
    }

    fn pixels(&self, (column, row): (u32, u32)) -> impl Iterator<Item = (u32, u32)> {
        let across = self.edge(column)..self.edge(column + self.patch);
        let down = self.edge(row)..self.edge(row + self.patch);
        down.flat_map(move |y| across.clone().map(move |x| (x, y)))
    }

    fn cells_under(&self, (column, row): (u32, u32)) -> impl Iterator<Item = usize> {
        let (cells, patch) = (self.cells, self.patch);
        (row..row + patch)
            .flat_map(move |y| (column..column + patch).map(move |x| (y * cells + x) as usize))
    }

    fn covers_disc(&self, picture: &RgbImage, position: (u32, u32)) -> bool {
        self.pixels(position)
            .any(|(x, y)| is_disc(picture.get_pixel(x, y)))
    }

    fn covered(&self, picture: &RgbImage, position: (u32, u32), grey: Rgb<u8>) -> RgbImage {
        let mut covered = picture.clone();
        for (x, y) in self.pixels(position) {
            let pixel = covered.get_pixel_mut(x, y);
            if is_disc(pixel) {
                *pixel = grey;
            }
        }
        covered
    }
}

/// What is not disc is exactly black.
fn is_disc(pixel: &Rgb<u8>) -> bool {
    pixel.0 != [0, 0, 0]
}

fn mean_of_disc(picture: &RgbImage) -> Rgb<u8> {
    let mut sums = [0_u64; 3];
    let mut count = 0;
    for pixel in picture.pixels().filter(|pixel| is_disc(pixel)) {
        for (sum, value) in sums.iter_mut().zip(pixel.0) {
            *sum += u64::from(value);
        }
        count += 1;
    }
    let half = count / 2;
    Rgb(sums.map(|sum| ((sum + half) / count.max(1)) as u8))
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const SIZE: u32 = 32;

    /// A grey disc-less square with a bright spot in cell (5, 2) of eight by eight,
    /// black below row 24.
    fn picture() -> RgbImage {
        RgbImage::from_fn(SIZE, SIZE, |x, y| match (x, y) {
            (_, 24..) => Rgb([0, 0, 0]),
            (20..24, 8..12) => Rgb([255, 255, 255]),
            _ => Rgb([100, 100, 100]),
        })
    }

    fn settings() -> Preprocessing {
        Preprocessing {
            mean: [0.0; 3],
            std: [1.0; 3],
            ..Preprocessing::imagenet(SIZE)
        }
    }

    /// Output 0 is how much light falls on the spot's place, output 1 nothing.
    fn looks_at_the_spot(pictures: Tensor<4>) -> Tensor<2> {
        let [batch, ..] = pictures.dims();
        let light = pictures
            .slice([0..batch, 0..1, 8..12, 20..24])
            .reshape([batch, 16])
            .mean_dim(1);
        Tensor::cat(vec![light.clone(), light.zeros_like()], 1)
    }

    fn falls(target: Target, batch: usize) -> Map {
        let options = Occlusion {
            cells: 8,
            patch: 1,
            batch,
        };
        let told = RefCell::new(Vec::new());
        let map = pollster::block_on(occlude(
            &looks_at_the_spot,
            &picture(),
            &settings(),
            target,
            &options,
            &Device::flex(),
            async |done, total| {
                told.borrow_mut().push((done, total));
                true
            },
        ))
        .unwrap()
        .expect("nobody stopped it");
        let told = told.into_inner();
        // Two of the eight rows are all black and never covered.
        assert_eq!(told.first(), Some(&(0, 48)));
        assert_eq!(told.last(), Some(&(48, 48)));
        map
    }

    #[test]
    fn the_answer_falls_where_its_evidence_is_covered_and_nowhere_else() {
        let grey = f32::from(mean_of_disc(&picture()).0[0]) / 255.0;
        for batch in [1, 5, 100] {
            let map = falls(Target::raising(0, 2), batch);
            for (cell, fall) in map.values().iter().enumerate() {
                let expected = if cell == 2 * 8 + 5 { 1.0 - grey } else { 0.0 };
                assert!((fall - expected).abs() < 1e-6, "cell {cell}: {fall}");
            }
        }
    }

    #[test]
    fn what_speaks_against_turns_the_sign_and_other_outputs_feel_nothing() {
        let against = Target {
            against: true,
            ..Target::raising(0, 2)
        };
        assert!(falls(against, 8).values()[2 * 8 + 5] < -0.5);
        assert!(
            falls(Target::raising(1, 2), 8)
                .values()
                .iter()
                .all(|v| *v == 0.0)
        );
    }

    #[test]
    fn a_wider_patch_is_averaged_over_the_cells_it_covers() {
        let options = Occlusion {
            cells: 8,
            patch: 2,
            batch: 8,
        };
        let map = pollster::block_on(occlude(
            &looks_at_the_spot,
            &picture(),
            &settings(),
            Target::raising(0, 2),
            &options,
            &Device::flex(),
            async |_, _| true,
        ))
        .unwrap()
        .expect("nobody stopped it");
        let whole = map.values()[2 * 8 + 5];
        // All four patches over the spot's own cell hit it, one of four its diagonal neighbour's.
        assert!((map.values()[3 * 8 + 6] - whole / 4.0).abs() < 1e-6);
        assert!((map.values()[2 * 8 + 6] - whole / 2.0).abs() < 1e-6);
        assert_eq!(map.values()[0], 0.0);
        assert_eq!(map.peak(), Some((5.5 / 8.0, 2.5 / 8.0)));
    }

    #[test]
    fn stopped_it_covers_nothing_more_and_gives_no_map() {
        let seen = RefCell::new(Vec::new());
        let map = pollster::block_on(occlude(
            &looks_at_the_spot,
            &picture(),
            &settings(),
            Target::raising(0, 2),
            &Occlusion {
                cells: 8,
                patch: 1,
                batch: 5,
            },
            &Device::flex(),
            async |done, _| {
                seen.borrow_mut().push(done);
                done < 10
            },
        ))
        .unwrap();
        assert_eq!(map, None);
        assert_eq!(seen.into_inner(), [0, 5, 10]);
    }
}
