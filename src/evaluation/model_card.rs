//! The model card (Mitchell et al. 2019): what a model is for, what it learnt
//! from and on which terms, and where it must not be trusted.

use crate::bundle::{DataSource, Manifest};

/// What every model of this kind cannot do, whatever its figures.
const LIMITS: [&str; 7] = [
    "For research and teaching. It is not a medical device, and no decision on treatment may rest \
     on it.",
    "It grades diabetic retinopathy alone: other diseases of the eye, and macular oedema, pass \
     unseen.",
    "It does not yet refuse every everyday picture or badly taken photo: look at the photo before \
     the grade.",
    "One photo shows a part of the retina. What lies outside it is not graded.",
    "The grades it learnt from were given by few people, who do not always agree with one another; \
     a part of what counts here as a mistake is theirs.",
    "Cameras, populations and screening programmes unlike those it learnt from can lower every \
     figure. Measure it on photos of your own first.",
    "Predictive values hold for the prevalence they are stated at, and for no other.",
];

/// What a reader must know of a model beside its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCard {
    pub name: String,
    pub version: String,
    /// The weights' SHA-256.
    pub weights_sha256: String,
    pub intended_use: String,
    pub data: Vec<DataSource>,
    pub initial_weights: DataSource,
    pub recipe: String,
    /// The command that repeats the training.
    pub command: String,
    pub seed: u64,
    pub limits: Vec<String>,
}

impl ModelCard {
    /// The card of a bundle.
    pub fn of(manifest: &Manifest) -> Self {
        let training = &manifest.training;
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            weights_sha256: manifest.weights.sha256.clone(),
            intended_use: manifest.intended_use.clone(),
            data: training.data.clone(),
            initial_weights: training.initial_weights.clone(),
            recipe: training.recipe.clone(),
            command: training.command.clone(),
            seed: training.seed,
            limits: LIMITS.map(str::to_string).into(),
        }
    }
}
