//! Who is told of a training's progress, and may stop it.

use crate::training::finetune::EpochFigures;
use crate::training::keep::Keep;

/// Told of a training's progress.
pub trait Watch: Sync {
    /// A stage of `total` parts begins.
    fn stage(&self, name: &str, total: usize);
    /// So many parts of the stage are done.
    fn advance(&self, done: usize);
    /// Running loss of the stage.
    fn loss(&self, loss: f64);
    /// Something worth a line.
    fn say(&self, sentence: &str);
    /// An epoch is measured; the training keeps the best by `keep`.
    fn epoch(&self, figures: &EpochFigures, keep: Keep);
    /// Whether the training should stop at the next step: asked between steps alone.
    fn stop(&self) -> bool;
}
