//! Between this project's networks and torchvision's names and layouts.
//!
//! Fields already carry torchvision's names; what differs is batch norm's
//! (`gamma`, `beta`), the shortcut's (numbered there) and the last layer's
//! weight (transposed there).

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use super::classifier::VARIANTS;
use super::state_dict::{Entry, StateDict, WeightsError};

/// The prefix of the last layer, which changes with the classes.
const HEAD: &str = "fc.";
/// The prefix of the layer beside it, which torchvision has not.
const BESIDE: &str = "fc_beside.";

/// All weights and running statistics of `network`, under torchvision's names.
pub fn state_dict(network: &impl Module) -> StateDict {
    let mut collector = Collector::default();
    network.visit(&mut collector);
    StateDict(collector.entries)
}

/// Loads every tensor of `network` from `weights`.
///
/// # Errors
/// [`WeightsError::Missing`], [`WeightsError::Shape`] or [`WeightsError::Unknown`]
/// where the weights are of another network.
pub fn load<M: Module>(network: M, weights: &StateDict) -> Result<M, WeightsError> {
    apply(network, weights, false)
}

/// Loads all but the last layer: the start of transfer learning. A head in the
/// file, of whatever classes, is passed over.
///
/// # Errors
/// As [`load`].
pub fn load_backbone<M: Module>(network: M, weights: &StateDict) -> Result<M, WeightsError> {
    apply(network, weights, true)
}

/// The weights without a layer beside the last.
pub fn without_beside(weights: &StateDict) -> StateDict {
    let named = weights.0.iter().filter(|(name, _)| !is_beside(name));
    StateDict(named.map(|(name, e)| (name.clone(), e.clone())).collect())
}

/// The weights with a layer beside the last: of `weight`, `[outputs, features]`, and
/// `bias`, in place of one that is there.
pub fn with_beside(weights: &StateDict, weight: Entry, bias: Entry) -> StateDict {
    let mut all = without_beside(weights);
    for (name, entry) in [("weight", weight), ("bias", bias)] {
        all.0.insert(format!("{BESIDE}{name}"), entry);
    }
    all
}

fn is_beside(name: &str) -> bool {
    name.starts_with(BESIDE)
}

fn is_head(name: &str) -> bool {
    name.starts_with(HEAD) || is_beside(name)
}

fn apply<M: Module>(network: M, weights: &StateDict, keep_head: bool) -> Result<M, WeightsError> {
    let mut loader = Loader {
        path: Vec::new(),
        weights,
        keep_head,
        used: BTreeSet::new(),
        fault: None,
    };
    let network = network.map(&mut loader);
    if let Some(fault) = loader.fault {
        return Err(fault);
    }
    let stray = weights
        .0
        .keys()
        .find(|name| !(loader.used.contains(*name) || keep_head && is_head(name)));
    match stray {
        Some(name) => Err(WeightsError::Unknown(name.clone())),
        None => Ok(network),
    }
}

fn torchvision_name(path: &[String]) -> String {
    // Which network a classifier is stands in the path, not in torchvision's.
    let inside = match path {
        [first, rest @ ..] if VARIANTS.contains(&first.as_str()) => rest,
        whole => whole,
    };
    let mut name = inside.join(".");
    for (ours, theirs) in [
        (".downsample.conv.", ".downsample.0."),
        (".downsample.bn.", ".downsample.1."),
    ] {
        name = name.replace(ours, theirs);
    }
    for (ours, theirs) in [(".gamma", ".weight"), (".beta", ".bias")] {
        if let Some(stem) = name.strip_suffix(ours) {
            name = format!("{stem}{theirs}");
        }
    }
    name
}

/// `[rows, columns]` to `[columns, rows]`.
fn transpose(shape: &[usize], values: &[f32]) -> Entry {
    let (rows, columns) = (shape[0], shape[1]);
    let mut turned = Vec::with_capacity(values.len());
    for column in 0..columns {
        turned.extend((0..rows).map(|row| values[row * columns + column]));
    }
    Entry {
        shape: vec![columns, rows],
        values: turned,
    }
}

/// In these networks a matrix is always a fully connected layer's weight.
fn is_linear(shape: &[usize]) -> bool {
    shape.len() == 2
}

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    entries: BTreeMap<String, Entry>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data().convert::<f32>();
        let shape: Vec<usize> = data.shape().to_vec();
        let values: Vec<f32> = data.iter::<f32>().collect();
        let entry = if is_linear(&shape) {
            transpose(&shape, &values)
        } else {
            Entry { shape, values }
        };
        self.entries.insert(torchvision_name(&self.path), entry);
    }
}

struct Loader<'a> {
    path: Vec<String>,
    weights: &'a StateDict,
    keep_head: bool,
    used: BTreeSet<String>,
    fault: Option<WeightsError>,
}

impl Loader<'_> {
    fn find(&mut self, shape: &[usize]) -> Result<Option<Entry>, WeightsError> {
        let name = torchvision_name(&self.path);
        if self.keep_head && is_head(&name) {
            return Ok(None);
        }
        let Some(stored) = self.weights.0.get(&name) else {
            return Err(WeightsError::Missing(name));
        };
        let entry = if is_linear(&stored.shape) {
            transpose(&stored.shape, &stored.values)
        } else {
            stored.clone()
        };
        if entry.shape != shape {
            let mut needed = shape.to_vec();
            if is_linear(shape) {
                needed.reverse();
            }
            return Err(WeightsError::Shape {
                name,
                found: stored.shape.clone(),
                needed,
            });
        }
        self.used.insert(name);
        Ok(Some(entry))
    }
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.fault.is_some() {
            return param;
        }
        let shape: Vec<usize> = param.lazy_shape().to_vec();
        match self.find(&shape) {
            Ok(Some(entry)) => {
                let device = param.lazy_device();
                let data = TensorData::new(entry.values, entry.shape);
                let id = param.id;
                param.transform_for_load(Tensor::from_data(data, &device), id)
            }
            Ok(None) => param,
            Err(fault) => {
                self.fault = Some(fault);
                param
            }
        }
    }
}
