//! The convolutional networks, and their weights under torchvision's names.
//!
//! Knows nothing of files, photographs or grades: pictures come in as a tensor
//! `[batch, 3, height, width]`, logits `[batch, classes]` go out.

mod block;
mod resnet;
mod state_dict;
#[cfg(feature = "train")]
mod step;
mod torchvision;
mod views;

pub use resnet::{Activations, Architecture, ResNet};
pub use state_dict::{Entry, Precision, StateDict, WeightsError};
pub use torchvision::{load, load_backbone, state_dict};
pub use views::{Views, outputs};
