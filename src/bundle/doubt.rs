//! When a model's answer is not to be relied on: the part of the manifest that
//! `fovea doubt fit` writes, and what was measured with it.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::BundleError;

/// How a photo's doubt is reckoned and from where it is too much. Without it a
/// bundle is unsure where no grade reaches one half, or grade and referral part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    pub looks: Looks,
    pub weights: DoubtWeights,
    /// A doubt of at least this is unsure.
    pub unsure_from: f64,
    /// From this doubt of the first look alone a photo is looked at again, and the
    /// mean over all looks is the answer; below it the first answer stands. Without
    /// meaning where no photo is looked at again ([`Looks::FirstAlone`]).
    pub look_again_from: f64,
    /// The photos it was fitted to.
    pub fixed_on: String,
    /// The command that fitted it.
    pub command: String,
    /// What it gained there, a dataset each.
    pub figures: Vec<DoubtFigures>,
}

/// How a photo is looked at again, and what becomes the answer then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Looks {
    /// Mirrored and turned by quarters ([`crate::photo::looks`]); the mean over
    /// the looks is the answer.
    MeanOfQuarterTurns,
    /// Never: the first answer stands, for a network that answers worse by turned
    /// photos, having never learnt any.
    FirstAlone,
}

/// A manifest's doubt. One that does not say how photos are looked at is of a time
/// when they were tilted and the first answer was kept: it was fitted to other
/// looks than are taken now, and is passed over, so that the rule of bundles
/// without one applies until `fovea doubt fit` fits it anew.
///
/// # Errors
/// The deserialiser's.
pub(super) fn current<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Doubt>, D::Error> {
    let found = Option::<serde_json::Value>::deserialize(from)?;
    found
        .filter(|doubt| doubt.get("looks").is_some())
        .map(|doubt| serde_json::from_value(doubt).map_err(D::Error::custom))
        .transpose()
}

/// Weights of the terms of a photo's doubt, the chance that its grade or its
/// referral is wrong as a logistic regression has it; see
/// [`Doubt::chance`] for the terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubtWeights {
    pub constant: f64,
    /// Of how little the most probable grade has.
    pub guess: f64,
    /// Of how close the answer is to the line between refer and not.
    pub line: f64,
    /// Of how far looks are from the answer.
    pub moved: f64,
}

impl Doubt {
    pub(super) fn check(&self) -> Result<(), BundleError> {
        let DoubtWeights {
            constant,
            guess,
            line,
            moved,
        } = self.weights;
        // What speaks for doubt must not take it away, or a photo that further
        // looks disagree about would seem the surer for it.
        if !constant.is_finite()
            || [guess, line, moved]
                .iter()
                .any(|w| !(0.0..=1e3).contains(w))
        {
            return Err(BundleError::Value {
                field: "doubt.weights",
                value: format!("{:?}", self.weights),
                why: "they must be finite, and none but the constant below zero",
            });
        }
        let Self {
            unsure_from,
            look_again_from,
            ..
        } = *self;
        if !(0.0..=1.0).contains(&unsure_from) || !(0.0..=unsure_from).contains(&look_again_from) {
            return Err(BundleError::Value {
                field: "doubt.unsure_from",
                value: format!("{unsure_from}, looked at again from {look_again_from}"),
                why: "it must be a probability, and not below look_again_from",
            });
        }
        Ok(())
    }
}

/// What leaving the doubtful photos of one dataset to a person does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubtFigures {
    /// Such as `aptos2019 (validation)`.
    pub dataset: String,
    pub n: usize,
    /// For each way of ordering the photos.
    pub areas: Vec<Area>,
    /// From all photos answered to fewer; then at `unsure_from`.
    pub rows: Vec<AtCoverage>,
}

/// [`Area::by`] of the usual way: by the most probable grade's probability.
pub const CONFIDENCE: &str = "highest probability";
/// [`Area::by`] of doubt.
pub const DOUBT: &str = "doubt";

/// The areas under the risk-coverage curves of one ordering of the photos, the
/// least doubtful first; less is better (Geifman et al. 2019).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// What the photos were ordered by.
    pub by: String,
    pub wrong_grade: f64,
    pub wrong_referral: f64,
    /// One or the other.
    pub wrong: f64,
}

/// What the answers are worth when only the less doubtful photos are answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtCoverage {
    /// The share of photos answered.
    pub coverage: Estimate,
    /// Photos of at least this doubt are left to a person; absent where none is.
    pub left_from: Option<f64>,
    /// Of the answered photos.
    pub accuracy: Estimate,
    pub kappa_quadratic: Estimate,
    pub answered_sensitivity: Estimate,
    pub answered_specificity: Estimate,
    /// Of all photos, those left to a person counting as referred.
    pub sensitivity: Estimate,
    pub specificity: Estimate,
}

/// A figure with its 95 % interval; absent where the photos do not define it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}
