//! Drawn photographs of the retina, to try the grader on and to test it with:
//! no patient's eye, and never training data. An eye is made up from a seed, the
//! lesions of one ICDR grade are put on it, and both are painted.
//!
//! The same grade, seed and size give the same bytes on every machine: nothing
//! here uses a floating-point function that platforms round differently.

mod anatomy;
mod exact;
mod paint;
mod plan;
mod render;

pub use anatomy::{Eye, Side, Vessel, VesselKind};
pub use plan::{Lesion, LesionKind, Plan};

use image::RgbImage;

/// Draws a fundus photograph of `size` x `size` pixels (64 to 4096; sizes beyond
/// are brought within) with the lesions of ICDR grade 0 to 4 (above: 4). One
/// seed is one eye, at every grade.
pub fn draw(grade: u8, seed: u64, size: u32) -> RgbImage {
    Plan::new(grade, seed).render(size)
}
