//! What to know of how a data set was read: what is left out of it and why, and that
//! its parts are read as one.

use super::Dataset;

impl Dataset {
    /// A sentence for each thing to know; none where everything was read.
    pub fn remarks(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if !self.parts.is_empty() {
            sentences.push(format!(
                "it came divided ({}): its parts are read as one, unless a training is told \
                 --published-parts",
                self.parts.join(", ")
            ));
        }
        if self.unlabelled > 0 {
            sentences.push(left_out(self.unlabelled, "photo", "no table names"));
            if !self.spreadsheets.is_empty() {
                sentences.push(format!(
                    "spreadsheets are not read: where {} holds grades, save it as CSV",
                    self.spreadsheets.join(" or ")
                ));
            }
        }
        if self.ungradable > 0 {
            sentences.push(left_out(
                self.ungradable,
                "row",
                "the data set says that nobody can grade",
            ));
        }
        sentences
    }
}

fn left_out(count: usize, what: &str, why: &str) -> String {
    match count {
        1 => format!("1 {what} is left out: {why} it"),
        _ => format!("{count} {what}s are left out: {why} them"),
    }
}
