//! What to know of how a data set was read: what is left out of it and why, and that
//! its parts are read as one.

use super::Dataset;
use crate::counted::counted;

impl Dataset {
    /// A sentence for each thing to know; none where everything was read. `kept_apart`
    /// is whether a split keeps the parts that it was published in.
    pub fn remarks(&self, kept_apart: bool) -> Vec<String> {
        let mut sentences = Vec::new();
        if !self.parts.is_empty() {
            let fate = if kept_apart {
                "which are kept apart"
            } else {
                "which are read as one, unless a training is told --published-parts"
            };
            let parts = self.parts.join(", ");
            sentences.push(format!("it came in parts ({parts}), {fate}"));
        }
        sentences.extend(self.left_out());
        sentences
    }

    /// A sentence for each kind of thing that was left out, and why.
    pub fn left_out(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.unlabelled > 0 {
            sentences.push(format!(
                "left out: {}, which no table names",
                counted(self.unlabelled, "photo")
            ));
            if !self.unread.is_empty() {
                sentences.push(format!(
                    "{} cannot be opened: where it holds grades, save it as CSV",
                    self.unread.join(" or ")
                ));
            }
        }
        if self.ungradable > 0 {
            sentences.push(format!(
                "left out: {}, of which the data set says that nobody can grade it",
                counted(self.ungradable, "row")
            ));
        }
        if self.without_patient > 0 {
            sentences.push(format!(
                "without a patient: {}, in a table that names others': each is taken by its name, \
                 or for a person of its own",
                counted(self.without_patient, "photo")
            ));
        }
        sentences
    }
}
