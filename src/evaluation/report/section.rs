//! All that is told of one data set.

use maud::{Markup, PreEscaped, html};

use super::Section;
use super::cells::{by_name, figure, percent, three};
use super::mistakes::mistakes;
use super::tables::{by_dataset, confusion, doubt, edema, operating_points, per_class};
use crate::counted::counted;
use crate::evaluation::metrics::FIGURES;
use crate::evaluation::plots::{self, PlotError};

pub(super) fn section(section: &Section) -> Result<Markup, PlotError> {
    let evaluation = section.evaluation;
    let values = by_name(evaluation);
    let uncalibrated = evaluation.uncalibrated.as_ref();
    let reliability = plots::reliability(
        &evaluation.reliability,
        uncalibrated.map(|raw| raw.reliability.as_slice()),
    )?;
    let figures = [
        (
            "ROC",
            "Every threshold's sensitivity against its false alarms; the grey line is guessing.",
            plots::roc(&evaluation.curves)?,
        ),
        (
            "Precision and recall",
            "How much of what is called diseased is so, against how much of the disease is found.",
            plots::precision_recall(&evaluation.curves)?,
        ),
        (
            "Reliability",
            "How often a grade given with some confidence is right; the grey line is calibration.",
            reliability,
        ),
        (
            "Risk and coverage",
            "The part of wrong answers if only the surest photos are graded and the rest go to a person.",
            plots::risk_coverage(&evaluation.risk_coverage)?,
        ),
    ];
    Ok(html! {
        section {
            h2 { (section.dataset) }
            p {
                (counted(evaluation.metrics.n, "photo")) " of "
                (counted(evaluation.clusters, "patient")) "."
            }
            @if !evaluation.by_dataset.is_empty() { (by_dataset(&evaluation.by_dataset)) }
            div.columns {
                table {
                    caption { "Figures" }
                    tbody {
                        @for (name, title) in FIGURES {
                            tr {
                                th scope="row" { (title) }
                                td { (figure(values.get(name).copied().flatten(), evaluation.intervals.get(name))) }
                            }
                        }
                    }
                }
                div {
                    (confusion(evaluation))
                    (per_class(evaluation))
                }
            }
            @if !evaluation.thresholds.is_empty() { (operating_points(&evaluation.thresholds)) }
            @let calibrated = &evaluation.ece_if_calibrated;
            p {
                "A grader with these confidences of which each is true would show an ECE of "
                (three(calibrated.mean)) " on as many photos by chance alone, up to "
                (three(calibrated.high)) " in 95 of 100 cases; at least the "
                (three(evaluation.metrics.ece)) " found here in " (percent(calibrated.p)) " of them."
            }
            @if let Some(raw) = uncalibrated {
                p {
                    "Temperature scaling (T = " (three(raw.temperature)) ", fitted on validation) "
                    "changes cross-entropy from " (three(raw.cross_entropy)) " to "
                    (three(evaluation.metrics.cross_entropy)) ", the calibration error from "
                    (three(raw.ece)) " to " (three(evaluation.metrics.ece))
                    " and the Brier score from " (three(raw.brier)) " to "
                    (three(evaluation.metrics.brier)) ". It never changes a grade."
                }
            }
            @for set in &evaluation.doubt { (doubt(set)) }
            @if let Some(measured) = &evaluation.edema { (edema(measured)) }
            div.plots {
                @for (title, caption, svg) in &figures {
                    figure {
                        div role="img" aria-label={ (title) ". " (caption) } { (PreEscaped(svg)) }
                        figcaption { strong { (title) ". " } (caption) }
                    }
                }
            }
            @if !section.mistakes.is_empty() {
                h3 { "The worst mistakes" }
                @if !section.map_words.is_empty() {
                    ul.note { @for sentence in section.map_words { li { (sentence) } } }
                }
                (mistakes(section.mistakes, evaluation.metrics.confusion.len()))
            }
        }
    })
}
