//! The experiment behind the talk: what transfer learning is worth.
//!
//! One network, from random weights (Ref) and from ImageNet's (TL), trained on
//! ever smaller shares of the photos with validation and test photos fixed, and
//! measured on the test photos. One run is one folder; what has a result is
//! never done again, and [`collect`] merges whatever results there are.

pub mod cell;
pub mod claims;
pub mod collect;
pub mod figure;
pub mod grid;
pub mod markdown;
pub mod measured;
pub mod page;
pub mod plan;
pub mod plot;
pub mod preset;
pub mod talk;

pub use collect::Study;
pub use grid::{Arm, Cell, Grid, Shard, Start};
pub use plan::{Plan, TestPhotos};
pub use preset::Preset;
