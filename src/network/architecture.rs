//! The networks this project can build, by name.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::classifier::Classifier;
use super::pratt::Pratt2016;
use super::resnet::{Depth, ResNet};
use super::state_dict::StateDict;

/// A network by name: torchvision's for residual networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    ResNet18,
    ResNet34,
    ResNet50,
    /// Pratt et al. 2016, for pictures of one size.
    Pratt2016,
}

impl Architecture {
    pub const ALL: [Self; 4] = [
        Self::ResNet18,
        Self::ResNet34,
        Self::ResNet50,
        Self::Pratt2016,
    ];

    /// As manifests and flags name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ResNet18 => "resnet18",
            Self::ResNet34 => "resnet34",
            Self::ResNet50 => "resnet50",
            Self::Pratt2016 => "pratt2016",
        }
    }

    /// Whether one network takes pictures of every size.
    pub fn takes_any_size(self) -> bool {
        !matches!(self, Self::Pratt2016)
    }

    /// The depth of a residual network.
    pub fn depth(self) -> Option<Depth> {
        match self {
            Self::ResNet18 => Some(Depth::D18),
            Self::ResNet34 => Some(Depth::D34),
            Self::ResNet50 => Some(Depth::D50),
            Self::Pratt2016 => None,
        }
    }

    /// The residual network that weights are of, told by their layers; none where it is
    /// none of these.
    pub fn of(weights: &StateDict) -> Option<Self> {
        let built = |one: &Self| one.depth().is_some_and(|depth| depth.built(weights));
        Self::ALL.into_iter().find(built)
    }

    /// Builds the network with fresh random weights, for pictures of
    /// `size` x `size` pixels where it does not take any.
    pub fn init(self, classes: usize, size: u32, device: &Device) -> Classifier {
        match self.depth() {
            Some(depth) => Classifier::ResNet(ResNet::init(depth, classes, device)),
            None => Classifier::Pratt2016(Pratt2016::init(classes, size as usize, device)),
        }
    }
}

impl std::str::FromStr for Architecture {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|architecture| architecture.name() == name)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::name).join(", ");
                format!("no network is called {name:?}; choose one of {known}")
            })
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::state_dict;

    #[test]
    fn weights_are_known_for_their_networks() {
        let device = Device::flex();
        for architecture in Architecture::ALL {
            let mut weights = state_dict(&architecture.init(7, 64, &device));
            let told = Architecture::of(&weights);
            assert_eq!(told, architecture.depth().map(|_| architecture));
            // As ResNeXt and wide networks are, and deeper ones.
            let first = weights.0.get_mut("layer1.0.conv1.weight");
            let Some(first) = first else { continue };
            first.shape[0] = 128;
            assert_eq!(Architecture::of(&weights), None);
            weights = state_dict(&architecture.init(5, 64, &device));
            let more = weights.0["layer3.1.conv1.weight"].clone();
            weights
                .0
                .insert("layer3.6.conv1.weight".to_owned(), more.clone());
            weights.0.insert("layer3.2.conv1.weight".to_owned(), more);
            assert_eq!(Architecture::of(&weights), None);
        }
    }
}
