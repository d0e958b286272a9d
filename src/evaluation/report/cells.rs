//! What stands in a table's cell.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::evaluation::bootstrap::Interval;
use crate::evaluation::outcome::Evaluation;
use crate::grading::Grade;

/// The figures by their names in [`Evaluation::intervals`].
pub(super) fn by_name(evaluation: &Evaluation) -> BTreeMap<String, Option<f64>> {
    evaluation.metrics.named().into_iter().collect()
}

/// A figure with its interval below it.
pub(super) fn figure(value: Option<f64>, interval: Option<&Interval>) -> Markup {
    html! {
        @match value {
            None => "–",
            Some(value) => {
                (three(value))
                @if let Some(interval) = interval {
                    br;
                    small { (three(interval.low)) " – " (three(interval.high)) }
                }
            }
        }
    }
}

pub(super) fn three(value: f64) -> String {
    format!("{value:.3}")
}

pub(super) fn percent(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// The name of a class of the network; numbers alone where it has not the five
/// ICDR grades.
pub(super) fn grade_name(class: usize, classes: usize) -> String {
    match Grade::ALL.get(class) {
        Some(grade) if classes == Grade::ALL.len() => grade.label().to_string(),
        _ => class.to_string(),
    }
}
