//! From the bytes of a photo to the numbers a network reads, once and for all:
//! training, evaluation, the command and the page come through here.
//!
//! [`decode`] makes an upright RGB picture of a file's bytes, [`find`] finds the
//! retina in it, [`prepare`] brings the retina to a centred disc and
//! [`to_tensor`] lays the disc out for the network. Nothing here touches a file
//! system, a clock or a network, and no input, however broken, may panic.

mod decode;
#[cfg(feature = "dicom")]
pub mod dicom;
mod error;
mod jpeg;
mod looks;
mod pictures;
mod preprocess;
mod resize;
mod retina;
mod rim;
mod strips;

pub use decode::{DecodeLimits, decode};
pub use error::PhotoError;
pub use looks::{LOOKS, looks};
pub use pictures::pictures;
pub use preprocess::{LocalMean, Prepared, Preprocessing, around, prepare, to_tensor};
pub use resize::thumbnail;
pub use retina::{Cut, Retina, find};
