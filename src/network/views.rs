//! One picture through the network, as it is or in its four flips.

use burn::tensor::{Device, Tensor, TensorData};

use super::Classifier;

/// How often a picture is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Views {
    /// As it is.
    One,
    /// As it is, mirrored left to right, top to bottom, and both: a retina has
    /// no up, so the mean of the four outputs is steadier than any of them.
    Flips,
}

impl Views {
    /// What a bundle asks for.
    pub fn of(test_time_flips: bool) -> Self {
        if test_time_flips {
            Self::Flips
        } else {
            Self::One
        }
    }

    /// How many there are of each picture.
    pub fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Flips => 4,
        }
    }

    /// The mean of the outputs of all looks at a picture: `first`, which is a mean
    /// over these views already, and further ones of one view each. Where there
    /// are none that is `first`.
    pub fn mean(self, first: &[f32], further: &[Vec<f32>]) -> Vec<f32> {
        let own = self.count() as f32;
        let all = own + further.len() as f32;
        let outputs = first.iter().enumerate();
        outputs
            .map(|(place, output)| {
                let others: f32 = further.iter().map(|look| look[place]).sum();
                (own * output + others) / all
            })
            .collect()
    }

    /// Pictures `[batch, 3, height, width]` to outputs `[batch, n]`, the mean
    /// over the views.
    pub fn forward(self, network: &Classifier, pictures: Tensor<4>) -> Tensor<2> {
        match self {
            Self::One => network.forward(pictures),
            Self::Flips => {
                let batch = pictures.dims()[0];
                let mirrored = pictures.clone().flip([3]);
                let views = Tensor::cat(
                    vec![
                        pictures.clone().flip([2]),
                        mirrored.clone().flip([2]),
                        pictures,
                        mirrored,
                    ],
                    0,
                );
                let outputs = network.forward(views);
                let count = outputs.dims()[1];
                outputs
                    .reshape([4, batch, count])
                    .mean_dim(0)
                    .reshape([batch, count])
            }
        }
    }
}

/// Outputs of pictures `[n, 3, size, size]`, one row a picture, computed in one
/// batch without blocking (a browser cannot block).
///
/// Each picture is planar `[3, size, size]`, as the photo module prepares it;
/// several follow one another.
///
/// # Errors
/// The backend's own words where it could not compute or hand back the result.
pub async fn outputs(
    network: &Classifier,
    pictures: Vec<f32>,
    size: usize,
    views: Views,
    device: &Device,
) -> Result<Vec<Vec<f32>>, String> {
    let count = pictures.len() / (3 * size * size);
    let input = Tensor::<4>::from_data(TensorData::new(pictures, [count, 3, size, size]), device);
    let output = views.forward(network, input);
    let columns = output.dims()[1];
    let data = output
        .into_data_async()
        .await
        .map_err(|error| format!("{error:?}"))?;
    let values = data
        .convert::<f32>()
        .try_into_vec::<f32>()
        .map_err(|error| format!("{error:?}"))?;
    Ok(values.chunks(columns).map(<[f32]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Architecture;

    #[test]
    fn each_view_of_a_picture_counts_once() {
        let first = [4.0, 0.0];
        let further = vec![vec![0.0, 8.0]];
        assert_eq!(Views::One.mean(&first, &further), [2.0, 4.0]);
        assert_eq!(Views::Flips.mean(&first, &further), [3.2, 1.6]);
        assert_eq!(Views::Flips.mean(&first, &[]), first);
    }

    #[test]
    fn a_flipped_picture_has_the_same_outputs_in_four_views_alone() {
        let device = Device::flex();
        device.seed(3);
        let network = Architecture::ResNet18.init(5, 32, &device).folded();
        let values: Vec<f32> = (0..2 * 3 * 32 * 32)
            .map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0)
            .collect();
        let pictures = Tensor::<4>::from_data(TensorData::new(values, [2, 3, 32, 32]), &device);
        let of = |views: Views, pictures: Tensor<4>| -> Vec<f32> {
            views
                .forward(&network, pictures)
                .into_data()
                .try_into_vec()
                .unwrap()
        };
        let distance = |a: &[f32], b: &[f32]| {
            a.iter()
                .zip(b)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max)
        };
        let four = of(Views::Flips, pictures.clone());
        let four_flipped = of(Views::Flips, pictures.clone().flip([3]));
        assert!(distance(&four, &four_flipped) < 1e-4);
        let one = of(Views::One, pictures.clone());
        let one_flipped = of(Views::One, pictures.flip([3]));
        assert!(distance(&one, &one_flipped) > 1e-3);
        assert_eq!(four.len(), 10);
    }
}
