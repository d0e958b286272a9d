//! What training hands to the page and the command: a manifest and weights.
//!
//! A bundle is hostile until its hash, sizes, numbers and shapes are checked;
//! nothing here reads files, callers bring the bytes.

mod doubt;
mod edema;
mod error;
mod manifest;

use sha2::{Digest, Sha256};

pub use doubt::{
    Area, AtCoverage, CONFIDENCE, DOUBT, Doubt, DoubtFigures, DoubtWeights, Estimate, Looks,
};
pub use edema::{Edema, EdemaFigures, HIGHEST_LINE, RISKS};
pub use error::BundleError;
pub use manifest::{
    Calibration, DataSource, FORMAT, Figures, FurtherPoint, IfCalibrated, Manifest, OperatingPoint,
    Thresholds, Training, WeightsFile,
};

use crate::network::StateDict;

/// A manifest and the weights it speaks of, checked against each other.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub manifest: Manifest,
    pub weights: StateDict,
}

impl Bundle {
    /// Checks a manifest and a weights file and reads them.
    ///
    /// # Errors
    /// [`BundleError`] with the reason: malformed or future manifest, cut or
    /// altered weights, numbers out of range.
    pub fn open(manifest: &[u8], weights: &[u8]) -> Result<Self, BundleError> {
        let manifest = Manifest::from_json(manifest)?;
        let expected = manifest.weights.bytes;
        let found = weights.len() as u64;
        if found != expected {
            return Err(BundleError::Size { expected, found });
        }
        let hash = sha256_hex(weights);
        if hash != manifest.weights.sha256 {
            return Err(BundleError::Hash {
                expected: manifest.weights.sha256.clone(),
                found: hash,
            });
        }
        Ok(Self {
            weights: StateDict::from_safetensors(weights)?,
            manifest,
        })
    }
}

/// Bytes summed up at once.
const CHUNK: usize = 1 << 16;

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    // A little at a time: a browser makes wasm fast between calls, not within one,
    // and all of the weights at once take it ten times as long.
    let mut sum = Sha256::new();
    bytes.chunks(CHUNK).for_each(|chunk| sum.update(chunk));
    let sum = sum.finalize();
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}
