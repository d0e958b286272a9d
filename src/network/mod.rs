//! The convolutional networks, and their weights under torchvision's names.
//!
//! Knows nothing of files, photographs or grades: pictures come in as a tensor
//! `[batch, 3, height, width]`, logits `[batch, classes]` go out.

mod block;
mod deconvnet;
mod resnet;
mod state_dict;
mod torchvision;

pub use deconvnet::Projection;
pub use resnet::{Activations, Architecture, ResNet};
pub use state_dict::{Entry, Precision, StateDict, WeightsError};
pub use torchvision::{load, load_backbone, state_dict};

/// Logits of one picture, computed without blocking (a browser cannot block).
///
/// `picture` is planar `[3, size, size]`, as the photo module prepares it.
///
/// # Errors
/// The backend's own words where it could not compute or hand back the result.
pub async fn logits(
    network: &ResNet,
    picture: Vec<f32>,
    size: usize,
    device: &burn::tensor::Device,
) -> Result<Vec<f32>, String> {
    use burn::tensor::{Tensor, TensorData};
    let input = Tensor::<4>::from_data(TensorData::new(picture, [1, 3, size, size]), device);
    values(network.forward(input)).await
}

/// A tensor's numbers in row-major order, read without blocking.
///
/// # Errors
/// The backend's own words where it could not compute or hand back the result.
pub async fn values<const D: usize>(tensor: burn::tensor::Tensor<D>) -> Result<Vec<f32>, String> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|error| format!("{error:?}"))?;
    data.convert::<f32>()
        .try_into_vec::<f32>()
        .map_err(|error| format!("{error:?}"))
}
