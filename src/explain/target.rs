//! The answer that a map is about.

use crate::grading::Grade;

/// One output of the network, and whether more of it or less of it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Index among the network's outputs.
    pub output: usize,
    /// Number of the network's outputs: one for regression, else a class each.
    pub outputs: usize,
    /// What lowers the output, instead of what raises it.
    pub against: bool,
}

impl Target {
    /// What raises one output of several.
    pub fn raising(output: usize, outputs: usize) -> Self {
        Self {
            output,
            outputs,
            against: false,
        }
    }

    /// The most probable class, the worse of two equal ones; where the network
    /// answers one number that grows with the grade, a worse grade.
    pub fn predicted(logits: &[f32]) -> Self {
        let mut best = 0;
        for (index, logit) in logits.iter().enumerate() {
            if *logit >= logits[best] {
                best = index;
            }
        }
        Self::raising(best, logits.len())
    }

    /// 1, or -1 where what lowers the output is meant.
    pub fn sign(self) -> f32 {
        if self.against { -1.0 } else { 1.0 }
    }

    /// What the map speaks for, to follow "evidence for".
    pub fn words(self) -> String {
        let output = match Grade::ALL.get(self.output) {
            _ if self.outputs == 1 => "a worse grade".to_owned(),
            Some(grade) if self.outputs == Grade::ALL.len() => format!("“{}”", grade.label()),
            _ => format!("class {}", self.output),
        };
        if self.against {
            format!("anything but {output}")
        } else {
            output
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_equal_classes_the_worse_is_explained_as_it_is_graded() {
        assert_eq!(
            Target::predicted(&[0.0, 2.0, 2.0, 1.0, -1.0]),
            Target::raising(2, 5)
        );
        assert_eq!(Target::raising(2, 5).words(), "“2 · Moderate”");
    }

    #[test]
    fn one_number_is_explained_as_a_worse_grade() {
        let target = Target::predicted(&[-3.0]);
        assert_eq!((target.output, target.sign()), (0, 1.0));
        assert_eq!(target.words(), "a worse grade");
    }
}
