//! One HTML page that holds a whole evaluation: figures with their intervals,
//! curves, the worst mistakes as pictures, and the model card. It loads nothing
//! from anywhere, so it can be kept, mailed and opened years later.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};

use super::bootstrap::Interval;
use super::edema::{self, EdemaEvaluation};
use super::metrics::FIGURES;
use super::model_card::ModelCard;
use super::outcome::{AtThreshold, Evaluation};
use super::plots::{self, PlotError};
use super::predictions::Predictions;
use crate::bundle::{DoubtFigures, Estimate, Figures};
use crate::counted::counted;
use crate::grading::Grade;
use crate::standalone::{self, Page};

/// What to report.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub model: &'a ModelCard,
    /// One section a data set.
    pub sections: &'a [Section<'a>],
    /// Why the figures may look better than the model is, where they may.
    pub caution: Option<&'a str>,
    /// The command that measured, for whoever wants to repeat it.
    pub command: &'a str,
}

/// A data set's part of the report.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    pub dataset: &'a str,
    pub evaluation: &'a Evaluation,
    pub mistakes: &'a [Mistake],
    /// What the maps beside the mistakes show and what they do not, sentences.
    pub map_words: &'a [String],
}

/// A photo that was graded wrong.
#[derive(Debug, Clone)]
pub struct Mistake {
    pub name: String,
    /// True grade.
    pub truth: usize,
    /// Most probable grade.
    pub predicted: usize,
    /// Its probability.
    pub confidence: f64,
    /// The photo as JPEG.
    pub photo: Vec<u8>,
    /// The photo with its explanation map, as JPEG.
    pub explanation: Option<Vec<u8>>,
}

/// The photos graded furthest from the truth, of these the ones whose true
/// grade was thought least probable: indices, worst first, at most `count`.
pub fn worst_mistakes(predictions: &Predictions, count: usize) -> Vec<usize> {
    let apart = |i: usize| predictions.predicted[i].abs_diff(predictions.labels[i]);
    let mut wrong: Vec<usize> = (0..predictions.len()).filter(|&i| apart(i) > 0).collect();
    wrong.sort_by(|&a, &b| {
        apart(b)
            .cmp(&apart(a))
            .then(predictions.losses[b].total_cmp(&predictions.losses[a]))
            .then(a.cmp(&b))
    });
    wrong.truncate(count);
    wrong
}

/// The page as HTML.
pub fn render(report: &Report) -> Result<String, PlotError> {
    let model = report.model;
    let sections = report
        .sections
        .iter()
        .map(section)
        .collect::<Result<Vec<Markup>, PlotError>>()?;
    let body = html! {
        p { "Weights " code { (model.weights_sha256) } }
        section {
            h2 { "In short" }
            @if let Some(caution) = report.caution { p { strong { (caution) } } }
            (overview(report.sections))
            (notes(report.sections))
        }
        @for section in &sections { (section) }
        (card(model))
    };
    Ok(standalone::render(&Page {
        title: &format!("Evaluation of {} {}", model.name, model.version),
        style: STYLE,
        body: &body,
        command: report.command,
    }))
}

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

fn overview(sections: &[Section]) -> Markup {
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

fn notes(sections: &[Section]) -> Markup {
    let samples = sections
        .first()
        .map_or(0, |section| section.evaluation.bootstrap.samples);
    html! {
        p.note {
            "Small print under a figure is its 95 % percentile interval from " (samples)
            " bootstrap samples of patients; one without width says that these photos came out "
            "alike, not that others would. A dash stands for a figure these photos do not define; "
            "means over grades leave such grades out. Thresholds and temperature were fixed on "
            "validation photos of the model's training: figures on those look a little too well, "
            "figures on photos that it was trained on much too well."
        }
    }
}

fn by_name(evaluation: &Evaluation) -> BTreeMap<String, Option<f64>> {
    evaluation.metrics.named().into_iter().collect()
}

/// A figure with its interval below it.
fn figure(value: Option<f64>, interval: Option<&Interval>) -> Markup {
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

fn three(value: f64) -> String {
    format!("{value:.3}")
}

fn percent(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// The name of a class of the network; numbers alone where it has not the five
/// ICDR grades.
fn grade_name(class: usize, classes: usize) -> String {
    match Grade::ALL.get(class) {
        Some(grade) if classes == Grade::ALL.len() => grade.label().to_string(),
        _ => class.to_string(),
    }
}

fn section(section: &Section) -> Result<Markup, PlotError> {
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

fn by_dataset(sets: &[Figures]) -> Markup {
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

fn confusion(evaluation: &Evaluation) -> Markup {
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

fn per_class(evaluation: &Evaluation) -> Markup {
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

fn operating_points(thresholds: &[AtThreshold]) -> Markup {
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

fn doubt(set: &DoubtFigures) -> Markup {
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

fn edema(of: &EdemaEvaluation) -> Markup {
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

fn mistakes(mistakes: &[Mistake], classes: usize) -> Markup {
    let picture = |jpeg: &[u8], alt: &str| {
        let data = format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg));
        html! { img src=(data) alt=(alt); }
    };
    html! {
        div.mistakes {
            @for mistake in mistakes {
                figure {
                    div {
                        (picture(&mistake.photo, &mistake.name))
                        @if let Some(explanation) = &mistake.explanation {
                            (picture(explanation, "the same under the map of the network’s evidence"))
                        }
                    }
                    figcaption {
                        strong { (mistake.name) } br;
                        "true: " (grade_name(mistake.truth, classes)) br;
                        "given: " (grade_name(mistake.predicted, classes))
                        ", " (percent(mistake.confidence)) " sure"
                    }
                }
            }
        }
    }
}

fn card(model: &ModelCard) -> Markup {
    html! {
        section {
            h2 { "Model card" }
            h3 { "Intended use" }
            p { (model.intended_use) }
            h3 { "Limits" }
            ul { @for limit in &model.limits { li { (limit) } } }
            h3 { "Learnt from" }
            div.scroll {
                table {
                    thead {
                        tr {
                            th scope="col" { "Source" }
                            th scope="col" { "Photos" }
                            th scope="col" { "Terms" }
                        }
                    }
                    tbody {
                        @for source in model.data.iter().chain([&model.initial_weights]).chain(&model.taught_by) {
                            tr {
                                th scope="row" { (source.name) }
                                td { @if source.photos > 0 { (source.photos) } @else { "–" } }
                                td.text { (source.terms) }
                            }
                        }
                    }
                }
            }
            h3 { "Recipe" }
            p { (model.recipe) }
            pre { (model.command) }
            p { "Seed " (model.seed) "." }
        }
    }
}

const STYLE: &str = "
small { font-size: .75em; white-space: nowrap; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #e3e3e3; text-align: right;
  vertical-align: top; line-height: 1.25; }
th[scope=row], .text, thead th:first-child { text-align: left; font-weight: 500; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1.5rem; }
.confusion td { text-align: center; min-width: 3rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; }
.plots svg { max-width: 100%; height: auto; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
.mistakes img { width: 48%; height: auto; }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::DataSource;
    use crate::evaluation::{Bootstrap, Request, Threshold};

    fn card() -> ModelCard {
        ModelCard {
            name: "toy".into(),
            version: "1".into(),
            weights_sha256: "0".repeat(64),
            intended_use: "Teaching.".into(),
            data: vec![DataSource {
                name: "photos".into(),
                photos: 60,
                terms: "CC BY 4.0".into(),
            }],
            taught_by: Vec::new(),
            initial_weights: DataSource {
                name: "ImageNet".into(),
                photos: 0,
                terms: "non-commercial".into(),
            },
            recipe: "two stages".into(),
            command: "fovea train".into(),
            seed: 7,
            limits: vec!["Not a device.".into()],
        }
    }

    /// 60 photos of three grades; the last one, of grade 2, is called 0.
    fn evaluated() -> (Evaluation, Predictions) {
        let labels: Vec<u8> = (0..60).map(|i| (i % 3) as u8).collect();
        let logits: Vec<Vec<f64>> = (0..60)
            .map(|i| {
                let guess = if i == 59 { 0 } else { i % 3 };
                (0..5).map(|c| if c == guess { 2.0 } else { 0.0 }).collect()
            })
            .collect();
        let clusters: Vec<usize> = (0..60).collect();
        let evaluation = Evaluation::of(&Request {
            logits: &logits,
            labels: &labels,
            clusters: &clusters,
            temperature: 1.5,
            thresholds: &[Threshold {
                name: "referable".into(),
                from_grade: 2,
                threshold: 0.5,
                referred_from: None,
                prevalence: 0.1,
            }],
            bootstrap: Bootstrap {
                samples: 100,
                seed: 0,
            },
        })
        .unwrap();
        let predictions = Predictions::from_logits(&logits, &labels).unwrap();
        (evaluation, predictions)
    }

    #[test]
    fn the_worst_mistake_is_the_furthest() {
        let (_, predictions) = evaluated();
        assert_eq!(worst_mistakes(&predictions, 5), [59]);
    }

    #[test]
    fn the_page_holds_everything_and_loads_nothing() {
        let (mut evaluation, _) = evaluated();
        evaluation.by_dataset = vec![Figures {
            dataset: "toy".into(),
            n: 60,
            accuracy: 0.5,
            kappa_quadratic: None,
            cross_entropy: 1.0,
            referable_auc: None,
            ece: 0.0,
            ece_if_calibrated: None,
        }];
        let mistakes = [Mistake {
            name: "<script>alert(1)</script>.jpg".into(),
            truth: 2,
            predicted: 0,
            confidence: 0.8,
            photo: vec![0xff, 0xd8],
            explanation: Some(vec![0xff, 0xd9]),
        }];
        let page = render(&Report {
            model: &card(),
            sections: &[Section {
                dataset: "toy & co",
                evaluation: &evaluation,
                mistakes: &mistakes,
                map_words: &["Not where lesions are.".into()],
            }],
            caution: Some("Trained on photos of toy & co."),
            command: "fovea evaluate --report",
        })
        .unwrap();
        for part in [
            "toy &amp; co",
            "<strong>Trained on photos of toy &amp; co.</strong>",
            "Each data set alone",
            "Sensitivity",
            "Temperature scaling (T = 1.500",
            "would show an ECE of ",
            "CC BY 4.0",
            "non-commercial",
            "data:image/jpeg;base64,/9g=",
            "data:image/jpeg;base64,/9k=",
            "2 · Moderate",
            "Not where lesions are.",
            "&lt;script&gt;",
            "fovea evaluate --report",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert_eq!(page.matches("<svg").count(), 4);
        assert!(!page.contains("<script"), "names are text");
        // Namespaces are names; nothing else may point anywhere.
        let links = page.replace("http://www.w3.org/2000/svg", "");
        for link in ["http:", "https:", "href=", "url("] {
            assert!(!links.contains(link), "{link}");
        }
    }
}
