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
    let packed = BufReader::new(File::open(path).map_err(io)?);
    let start = beginning(packed).map_err(io)?;
    if start.starts_with(b"{") && !is_safetensors(&start) {
        return Ok(open_bundle(path)?.weights);
    }
    let weights = |source| WeightsFileError::Weights {
        path: path.to_owned(),
        source,
    };
    if !start.starts_with(b"\xFD7zXZ\0") {
        return unpacked(path).map_err(io)?.map_err(weights);
    }
    let mut file = tempfile::NamedTempFile::new().map_err(io)?;
    let mut packed = BufReader::new(File::open(path).map_err(io)?);
    lzma_rs::xz_decompress(&mut packed, &mut file).map_err(|error| WeightsFileError::Packed {
        path: path.to_owned(),
        reason: format!("{error:?}"),
    })?;
    file.flush().map_err(io)?;
    // What is wrong with it is told of the file that was named.
    unpacked(file.path()).map_err(io)?.map_err(weights)
}

/// As many of a file's first bytes as tell what it is.
fn beginning(file: impl Read) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.take(9).read_to_end(&mut start)?;
    Ok(start)
}

/// A safetensors file is a little-endian length and then JSON.
fn is_safetensors(start: &[u8]) -> bool {
    start.get(8) == Some(&b'{')
}

/// A state dict that is not packed.
fn unpacked(path: &Path) -> std::io::Result<Result<StateDict, WeightsError>> {
    if is_safetensors(&beginning(File::open(path)?)?) {
        return Ok(StateDict::from_safetensors(&std::fs::read(path)?));
    }
    Ok(from_pytorch(path))
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
        if weights.0.insert(name.clone(), entry).is_some() {
            return Err(WeightsError::Twice(name));
        }
    }
    if weights.0.is_empty() {
        return Err(unreadable("it holds no tensors".to_owned()));
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut xz = Vec::new();
        lzma_rs::xz_compress(&mut &bytes[..], &mut xz).unwrap();
        xz
    }

    /// What `torch.save` writes of a dict of such names, each a tensor of one number.
    fn pth(path: &Path, names: &[&str]) {
        let text = |text: &str| {
            let mut pickled = vec![b'X', text.len() as u8, 0, 0, 0];
            pickled.extend(text.bytes());
            pickled
        };
        let mut pickle = b"\x80\x02}(".to_vec();
        for name in names {
            pickle.extend(text(name));
            pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            pickle.extend(text("storage"));
            pickle.extend(b"ctorch\nFloatStorage\n");
            pickle.extend([text("0"), text("cpu")].concat());
            // Storage, offset, shape, stride, no gradient, no hooks.
            pickle.extend(b"K\x01tQK\x00K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR");
        }
        pickle.extend(b"u.");
        let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        for (entry, bytes) in [
            ("archive/data.pkl", &pickle[..]),
            ("archive/data/0", &1.5_f32.to_le_bytes()),
            ("archive/version", b"3\n"),
        ] {
            zip.start_file(entry, stored).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
    }

    /// Which of the two were taken would be chance.
    #[test]
    fn a_tensor_under_two_prefixes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.pth");
        pth(&path, &["module.fc.bias", "bn1.bias"]);
        let names: Vec<String> = read(&path).unwrap().0.into_keys().collect();
        assert_eq!(names, ["bn1.bias", "fc.bias"]);
        pth(&path, &["module.fc.bias", "fc.bias"]);
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("\"fc.bias\" is there twice"), "{error}");
    }

    #[test]
    fn what_is_wrong_inside_an_archive_is_told_of_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.pth.xz");
        for inside in [
            &b"no weights"[..],
            b"{\"format\":1}",
            b"\x08\0\0\0\0\0\0\0{",
        ] {
            std::fs::write(&path, packed(inside)).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.starts_with(&path.display().to_string()), "{error}");
        }
    }
}
