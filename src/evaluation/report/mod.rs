//! One HTML page that holds a whole evaluation: figures with their intervals,
//! curves, the worst mistakes as pictures, and the model card. It loads nothing
//! from anywhere, so it can be kept, mailed and opened years later.

mod card;
mod cells;
mod mistakes;
mod overview;
mod section;
mod tables;

use maud::{Markup, html};

use super::model_card::ModelCard;
use super::outcome::Evaluation;
use super::plots::PlotError;
use super::predictions::Predictions;
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
        .map(section::section)
        .collect::<Result<Vec<Markup>, PlotError>>()?;
    let body = html! {
        p { "Weights " code { (model.weights_sha256) } }
        section {
            h2 { "In short" }
            @if let Some(caution) = report.caution { p { strong { (caution) } } }
            (overview::overview(report.sections))
            (overview::notes(report.sections))
        }
        @for section in &sections { (section) }
        (card::card(model))
    };
    Ok(standalone::render(&Page {
        title: &format!("Evaluation of {} {}", model.name, model.version),
        style: STYLE,
        body: &body,
        command: report.command,
    }))
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
    use crate::bundle::{DataSource, Figures};
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
