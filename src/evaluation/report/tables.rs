//! A data set's tables.

use maud::{Markup, html};

use super::cells::{figure, grade_name, percent, three};
use crate::bundle::{DoubtFigures, Estimate, Figures};
use crate::counted::counted;
use crate::evaluation::bootstrap::Interval;
use crate::evaluation::edema::{self, EdemaEvaluation};
use crate::evaluation::outcome::{AtThreshold, Evaluation};

pub(super) fn by_dataset(sets: &[Figures]) -> Markup {
    let cell = |value: Option<f64>| figure(value, None);
    html! {
        div.scroll {
            table {
                caption { "Each data set alone" }
                thead {
                    tr {
                        th scope="col" { "Data set" }
                        th scope="col" { "Photos" }
                        th scope="col" { "Accuracy" }
                        th scope="col" { "Kappa, quadratic" }
                        th scope="col" { "Cross-entropy" }
                        th scope="col" { "AUC, grade 2 or worse" }
                        th scope="col" { "ECE" }
                    }
                }
                tbody {
                    @for set in sets {
                        tr {
                            th scope="row" { (set.dataset) }
                            td { (set.n) }
                            td { (cell(Some(set.accuracy))) }
                            td { (cell(set.kappa_quadratic)) }
                            td { (cell(Some(set.cross_entropy))) }
                            td { (cell(set.referable_auc)) }
                            td { (cell(Some(set.ece))) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn confusion(evaluation: &Evaluation) -> Markup {
    let counts = &evaluation.metrics.confusion;
    let classes = counts.len();
    html! {
        table.confusion {
            caption { "Confusion: true grade down, given grade across" }
            thead {
                tr {
                    td {}
                    @for class in 0..classes { th scope="col" { (class) } }
                }
            }
            tbody {
                @for (truth, row) in counts.iter().enumerate() {
                    @let total: u64 = row.iter().sum();
                    tr {
                        th scope="row" { (grade_name(truth, classes)) }
                        @for (given, &count) in row.iter().enumerate() {
                            @let part = if total > 0 { count as f64 / total as f64 } else { 0.0 };
                            @let tint = if truth == given { "0,114,178" } else { "213,94,0" };
                            td style={ "background:rgba(" (tint) "," (format!("{:.2}", part * 0.6)) ")" } {
                                (count)
                                @if count > 0 { br; small { (format!("{:.0} %", part * 100.0)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn per_class(evaluation: &Evaluation) -> Markup {
    let metrics = &evaluation.metrics;
    let classes = metrics.confusion.len();
    let columns = [
        ("recall_per_class", "Recall", &metrics.recall_per_class),
        (
            "specificity_per_class",
            "Specificity",
            &metrics.specificity_per_class,
        ),
        (
            "auc_one_vs_rest",
            "AUC against the rest",
            &metrics.auc_one_vs_rest,
        ),
    ];
    html! {
        table {
            caption { "Each grade" }
            thead {
                tr {
                    th scope="col" { "Grade" }
                    @for (_, title, _) in columns { th scope="col" { (title) } }
                }
            }
            tbody {
                @for class in 0..classes {
                    tr {
                        th scope="row" { (grade_name(class, classes)) }
                        @for (name, _, values) in columns {
                            @let interval = evaluation.intervals.get(&format!("{name}.{class}"));
                            td { (figure(values[class], interval)) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn operating_points(thresholds: &[AtThreshold]) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "At the thresholds fixed on validation" }
                thead {
                    tr {
                        th scope="col" { "Threshold" }
                        th scope="col" { "Called at" }
                        th scope="col" { "Sensitivity" }
                        th scope="col" { "Specificity" }
                        th scope="col" { "Found / missed" }
                        th scope="col" { "Cleared / false alarms" }
                        th scope="col" { "Prevalence" }
                        th scope="col" { "PPV there" }
                        th scope="col" { "NPV there" }
                    }
                }
                tbody {
                    @for at in thresholds {
                        @let interval = |name: &str| at.intervals.get(name);
                        tr {
                            th scope="row" { (at.threshold.name) }
                            td { (three(at.threshold.threshold)) }
                            td { (figure(at.rates.sensitivity, interval("sensitivity"))) }
                            td { (figure(at.rates.specificity, interval("specificity"))) }
                            td { (at.rates.true_positives) " / " (at.rates.false_negatives) }
                            td { (at.rates.true_negatives) " / " (at.rates.false_positives) }
                            td { (percent(at.threshold.prevalence)) }
                            td { (figure(at.at_prevalence.positive, interval("positive_predictive_value"))) }
                            td { (figure(at.at_prevalence.negative, interval("negative_predictive_value"))) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn doubt(set: &DoubtFigures) -> Markup {
    let cell = |of: &Estimate| {
        let interval = of
            .low
            .zip(of.high)
            .map(|(low, high)| Interval { low, high });
        figure(of.value, interval.as_ref())
    };
    html! {
        div.scroll {
            table {
                caption {
                    "Unsure photos of " (set.dataset) " left to a person, which counts as referred; "
                    "the last row is what the grader does"
                }
                thead {
                    tr {
                        th scope="col" { "Answered" }
                        th scope="col" { "Kappa, quadratic" }
                        th scope="col" { "Accuracy" }
                        th scope="col" { "Sensitivity, answered" }
                        th scope="col" { "Specificity, answered" }
                        th scope="col" { "Sensitivity, all" }
                        th scope="col" { "Specificity, all" }
                    }
                }
                tbody {
                    @for row in &set.rows {
                        tr {
                            th scope="row" { (cell(&row.coverage)) }
                            td { (cell(&row.kappa_quadratic)) }
                            td { (cell(&row.accuracy)) }
                            td { (cell(&row.answered_sensitivity)) }
                            td { (cell(&row.answered_specificity)) }
                            td { (cell(&row.sensitivity)) }
                            td { (cell(&row.specificity)) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn edema(of: &EdemaEvaluation) -> Markup {
    html! {
        table {
            caption {
                "Risk of macular oedema, " (counted(of.n, "photo")) " of "
                (counted(of.clusters, "patient")) " labelled with it; any risk is called at " (three(of.threshold))
            }
            tbody {
                @for ((name, title), value) in edema::FIGURES.iter().zip(of.values()) {
                    tr {
                        th scope="row" { (title) }
                        td { (figure(value, of.intervals.get(*name))) }
                    }
                }
            }
        }
    }
}
