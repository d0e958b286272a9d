//! Named tensors: what PyTorch calls a state dict, held as `f32` on the host.
//!
//! A weights file is hostile input: everything is checked before it is used.

use std::collections::BTreeMap;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Why weights could not be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("the weights are not a readable safetensors file: {0}")]
    NotSafetensors(String),
    #[error("the weights are not a readable PyTorch file: {0}")]
    NotPytorch(String),
    #[error("tensor {name:?} has numbers of type {dtype}; expected f32, f16 or bf16")]
    Type { name: String, dtype: String },
    #[error("tensor {0:?} holds a number that is not finite; the file is damaged")]
    NotFinite(String),
    #[error("tensor {name:?} has shape {found:?}, the network needs {needed:?}")]
    Shape {
        name: String,
        found: Vec<usize>,
        needed: Vec<usize>,
    },
    #[error("tensor {0:?} is missing; these weights are of another network")]
    Missing(String),
    #[error("tensor {0:?} is there twice, under two prefixes; save one state dict alone")]
    Twice(String),
    #[error("tensor {0:?} belongs to no part of this network; these weights are of another one")]
    Unknown(String),
}

/// One tensor: shape and values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Number format of a weights file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Full,
    Half,
}

/// Tensors by their torchvision name, in name order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict(pub BTreeMap<String, Entry>);

/// torchvision saves this counter with every batch norm; nothing here needs it
/// to run, but a strict `load_state_dict` does.
const COUNTER: &str = "num_batches_tracked";

impl StateDict {
    /// Reads a safetensors file of f32, f16 or bf16 tensors (integer counters are passed over).
    ///
    /// # Errors
    /// [`WeightsError`] where the file is cut, malformed, of another number type or not finite.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, WeightsError> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| WeightsError::NotSafetensors(error.to_string()))?;
        let mut entries = BTreeMap::new();
        for (name, view) in file.tensors() {
            if Self::is_counter(&name) {
                continue;
            }
            entries.insert(name.clone(), Self::entry(&name, &view)?);
        }
        Ok(Self(entries))
    }

    fn entry(name: &str, view: &TensorView<'_>) -> Result<Entry, WeightsError> {
        let data = view.data();
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => data
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            Dtype::F16 => data
                .chunks_exact(2)
                .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
                .collect(),
            Dtype::BF16 => data
                .chunks_exact(2)
                .map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())
                .collect(),
            other => {
                return Err(WeightsError::Type {
                    name: name.to_owned(),
                    dtype: format!("{other:?}"),
                });
            }
        };
        Entry::finite(name, view.shape().to_vec(), values)
    }

    /// Whether a name is of torchvision's batch counters, which hold no weights.
    pub fn is_counter(name: &str) -> bool {
        name.ends_with(COUNTER)
    }

    /// Writes a safetensors file that torchvision and timm load unchanged,
    /// batch-norm counters included.
    pub fn to_safetensors(&self, precision: Precision) -> Result<Vec<u8>, WeightsError> {
        let mut stored: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, entry) in &self.0 {
            let (dtype, data) = match precision {
                Precision::Full => (
                    Dtype::F32,
                    entry.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                ),
                Precision::Half => (
                    Dtype::F16,
                    entry
                        .values
                        .iter()
                        .flat_map(|v| f16::from_f32(*v).to_le_bytes())
                        .collect(),
                ),
            };
            stored.push((name.clone(), dtype, entry.shape.clone(), data));
            if let Some(norm) = name.strip_suffix("running_var") {
                stored.push((
                    format!("{norm}{COUNTER}"),
                    Dtype::I64,
                    vec![],
                    0i64.to_le_bytes().to_vec(),
                ));
            }
        }
        let views = stored
            .iter()
            .map(|(name, dtype, shape, data)| {
                TensorView::new(*dtype, shape.clone(), data)
                    .map(|view| (name.as_str(), view))
                    .map_err(|error| WeightsError::NotSafetensors(error.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        safetensors::serialize(views, None)
            .map_err(|error| WeightsError::NotSafetensors(error.to_string()))
    }

    /// Values as they will be after a half-precision file: what a grader will run.
    pub fn rounded_to_half(mut self) -> Self {
        for entry in self.0.values_mut() {
            for value in &mut entry.values {
                *value = f16::from_f32(*value).to_f32();
            }
        }
        self
    }
}

impl Entry {
    /// A tensor whose every number is finite.
    ///
    /// # Errors
    /// [`WeightsError::NotFinite`], naming the tensor.
    pub fn finite(name: &str, shape: Vec<usize>, values: Vec<f32>) -> Result<Self, WeightsError> {
        if values.iter().all(|value| value.is_finite()) {
            Ok(Self { shape, values })
        } else {
            Err(WeightsError::NotFinite(name.to_owned()))
        }
    }
}
