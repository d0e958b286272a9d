//! A training step's heavy parts, and an answer's, on an NVIDIA GPU.
//!
//! burn's convolutions there are chosen by a search that takes longer than a small
//! training, or are slow without it. Here each is the matrix product it is: the
//! input's patches unfolded into rows (Chellapilla et al. 2006), multiplied by
//! cubek's kernels for the GPU's matrix units. Batch norm, sum and rectifier are
//! taken in as few passes over memory as they need. Feature maps lie in memory with
//! the channels last, whatever their shape says.

mod kernels;
mod normalisation;
mod operations;
mod product;
mod unfold;
mod update;

use std::sync::atomic::{AtomicBool, Ordering};

use burn::backend::DType;

/// Whether products are taken of numbers rounded to bfloat16.
static MIXED: AtomicBool = AtomicBool::new(false);

/// Has convolutions on such a GPU multiply numbers rounded to bfloat16 and sum in single
/// precision (Micikevicius et al. 2018, “Mixed Precision Training”; bfloat16 has
/// float's range, so no loss is scaled), or single precision throughout. What the
/// weights, the sums of batch norm and the optimiser are is not changed. For the
/// whole process.
pub fn mix_precision(mixed: bool) {
    MIXED.store(mixed, Ordering::Relaxed);
}

/// What is multiplied.
fn factors() -> DType {
    match MIXED.load(Ordering::Relaxed) {
        true => DType::BF16,
        false => DType::F32,
    }
}
