//! The main figures, a row a data set, and what to know of them.

use maud::{Markup, html};

use super::Section;
use super::cells::{by_name, figure};

/// A figure of the overview: its name in [`Evaluation::intervals`] and ours.
const HEADLINES: [(&str, &str); 7] = [
    ("accuracy", "Accuracy"),
    ("kappa_quadratic", "Kappa, quadratic"),
    ("cross_entropy", "Cross-entropy"),
    ("macro_recall", "Recall, macro"),
    ("referable_auc", "AUC, grade 2 or worse"),
    ("sight_threatening_auc", "AUC, grade 3 or worse"),
    ("ece", "ECE"),
];

pub(super) fn overview(sections: &[Section]) -> Markup {
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th scope="col" { "Data set" }
                        th scope="col" { "Photos" }
                        th scope="col" { "Patients" }
                        @for (_, title) in HEADLINES { th scope="col" { (title) } }
                    }
                }
                tbody {
                    @for section in sections {
                        @let evaluation = section.evaluation;
                        @let values = by_name(evaluation);
                        tr {
                            th scope="row" { (section.dataset) }
                            td { (evaluation.metrics.n) }
                            td { (evaluation.clusters) }
                            @for (name, _) in HEADLINES {
                                td { (figure(values.get(name).copied().flatten(), evaluation.intervals.get(name))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn notes(sections: &[Section]) -> Markup {
    let samples = sections
        .first()
        .map_or(0, |section| section.evaluation.bootstrap.samples);
    html! {
        p.note {
            "Small print under a figure is its 95 % percentile interval from " (samples)
            " bootstrap samples of patients; one without width says that these photos came out "
            "alike, not that others would. A dash stands for a figure these photos do not define; "
            "means over grades leave such grades out. Resamples show a larger ECE by chance alone, so "
            "that its interval lies high and may leave it out. Thresholds and temperature were fixed on "
            "validation photos of the model's training: figures on those look a little too well, "
            "figures on photos that it was trained on much too well."
        }
    }
}
