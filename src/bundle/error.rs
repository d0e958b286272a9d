//! Why a bundle was refused.

use crate::network::WeightsError;

/// Each kind says what is wrong with the bundle and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the model's manifest cannot be read ({0}); it is damaged or not a Fovea manifest")]
    Manifest(String),
    #[error(
        "the model's manifest has format {found}, this Fovea reads format {readable}; update Fovea or train the model again"
    )]
    Format { found: u64, readable: u32 },
    #[error("the model's manifest says {field} is {value}, which cannot be right: {why}")]
    Value {
        field: &'static str,
        value: String,
        why: &'static str,
    },
    #[error(
        "the model's weights are {found} bytes, the manifest says {expected}; the file is cut or of another model"
    )]
    Size { expected: u64, found: u64 },
    #[error(
        "the model's weights have SHA-256 {found}, the manifest says {expected}; the file was altered or is of another model"
    )]
    Hash { expected: String, found: String },
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl BundleError {
    /// A stable name of the kind, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Manifest(_) => "manifest-unreadable",
            Self::Format { .. } => "manifest-format",
            Self::Value { .. } => "manifest-value",
            Self::Size { .. } => "weights-size",
            Self::Hash { .. } => "weights-hash",
            Self::Weights(_) => "weights-unreadable",
        }
    }
}
