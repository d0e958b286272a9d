//! The convolutional networks, and their weights under torchvision's names.
//!
//! Knows nothing of files, photographs or grades: pictures come in as a tensor
//! `[batch, 3, height, width]`, logits `[batch, classes]` go out.

mod architecture;
mod block;
mod classifier;
#[cfg(feature = "cuda")]
pub mod cuda;
mod deconvnet;
mod kernels;
mod pratt;
mod resnet;
mod state_dict;
#[cfg(feature = "train")]
mod step;
mod torchvision;
mod views;

pub use architecture::Architecture;
pub use classifier::Classifier;
pub use deconvnet::Projection;
pub use pratt::Pratt2016;
pub use resnet::{Activations, Depth, ResNet};
pub use state_dict::{Entry, Precision, StateDict, WeightsError};
#[cfg(feature = "train")]
pub use step::update::{Adamw as AdamwStep, adamw, blend, updates};
pub use torchvision::{load, load_backbone, state_dict, with_beside, without_beside};
pub use views::{Views, outputs};

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
