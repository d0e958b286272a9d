//! Weights to start from: torchvision's `.pth`, or safetensors, either packed
//! with `xz` if it comes so, or a bundle named by its manifest or folder.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use burn::store::pytorch_reader::{DType, PytorchReader};
use half::{bf16, f16};

use crate::bundle::{Bundle, BundleError, Manifest};
use crate::network::{Entry, StateDict, WeightsError};

/// Why a weights file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsFileError {
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: the xz archive is damaged ({reason}); fetch it again", path.display())]
    Packed { path: PathBuf, reason: String },
    #[error("{}: {source}", path.display())]
    Weights { path: PathBuf, source: WeightsError },
    #[error("{}: {source}", path.display())]
    Bundle { path: PathBuf, source: BundleError },
}

/// Reads a state dict; the format is told from the content, not the name.
///
/// # Errors
/// [`WeightsFileError`], which names the file.
pub fn read(path: &Path) -> Result<StateDict, WeightsFileError> {
    let io = |source| WeightsFileError::Io {
        path: path.to_owned(),
        source,
    };
    if path.is_dir() {
        return read(&path.join(super::export::MANIFEST));
    }
    let mut start = [0u8; 9];
    let mut file = File::open(path).map_err(io)?;
    let count = file.read(&mut start).map_err(io)?;
    if start.starts_with(b"\xFD7zXZ\0") {
        let mut unpacked = tempfile::NamedTempFile::new().map_err(io)?;
        let mut packed = BufReader::new(File::open(path).map_err(io)?);
        lzma_rs::xz_decompress(&mut packed, &mut unpacked).map_err(|error| {
            WeightsFileError::Packed {
                path: path.to_owned(),
                reason: format!("{error:?}"),
            }
        })?;
        unpacked.flush().map_err(io)?;
        return read(unpacked.path());
    }
    let weights = |source| WeightsFileError::Weights {
        path: path.to_owned(),
        source,
    };
    // A safetensors file is a little-endian length and then JSON.
    if count == start.len() && start[8] == b'{' {
        let bytes = std::fs::read(path).map_err(io)?;
        return StateDict::from_safetensors(&bytes).map_err(weights);
    }
    if start.starts_with(b"{") {
        return Ok(open_bundle(path)?.weights);
    }
    from_pytorch(path).map_err(weights)
}

/// The bundle of a manifest, checked.
///
/// # Errors
/// [`WeightsFileError`], which names the file.
pub fn open_bundle(manifest: &Path) -> Result<Bundle, WeightsFileError> {
    let bundle = |source| WeightsFileError::Bundle {
        path: manifest.to_owned(),
        source,
    };
    let file = |path: PathBuf| {
        std::fs::read(&path).map_err(|source| WeightsFileError::Io { path, source })
    };
    let json = file(manifest.to_owned())?;
    let named = Manifest::from_json(&json).map_err(bundle)?.weights.file;
    let weights = file(manifest.with_file_name(named))?;
    Bundle::open(&json, &weights).map_err(bundle)
}

/// What `torch.save(model.state_dict(), …)` wrote, alone or nested under
/// `state_dict` or `model`, with or without `DataParallel`'s prefix.
fn from_pytorch(path: &Path) -> Result<StateDict, WeightsError> {
    let unreadable = |reason: String| WeightsError::NotPytorch(reason);
    let reader = PytorchReader::new(path).map_err(|error| unreadable(error.to_string()))?;
    let mut weights = StateDict::default();
    for (name, tensor) in reader.into_tensors() {
        let name = ["state_dict.", "model.", "module."]
            .iter()
            .fold(name.as_str(), |name, prefix| {
                name.strip_prefix(prefix).unwrap_or(name)
            })
            .to_owned();
        if StateDict::is_counter(&name) {
            continue;
        }
        let bytes = tensor
            .read()
            .map_err(|error| unreadable(error.to_string()))?;
        let values = match tensor.dtype() {
            DType::F32 => bytes
                .chunks_exact(4)
                .map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            DType::F16 => bytes
                .chunks_exact(2)
                .map(|b| f16::from_ne_bytes([b[0], b[1]]).to_f32())
                .collect(),
            DType::BF16 => bytes
                .chunks_exact(2)
                .map(|b| bf16::from_ne_bytes([b[0], b[1]]).to_f32())
                .collect(),
            other => {
                return Err(WeightsError::Type {
                    name,
                    dtype: format!("{other:?}"),
                });
            }
        };
        let entry = Entry::finite(&name, tensor.shape().to_vec(), values)?;
        weights.0.insert(name, entry);
    }
    if weights.0.is_empty() {
        return Err(unreadable("it holds no tensors".to_owned()));
    }
    Ok(weights)
}
