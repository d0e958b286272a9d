//! An evaluation as text for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::bootstrap::Interval;
use super::comparison::Difference;
use super::edema::{self, EdemaEvaluation};
use super::metrics::FIGURES;
use super::outcome::Evaluation;
use crate::bundle::{DoubtFigures, Estimate, Figures};
use crate::counted::counted;

/// Width of the column of names.
const NAMES: usize = 42;

/// Every figure with its interval, the confusion matrix, each grade, and what
/// the thresholds do.
pub fn evaluation(of: &Evaluation) -> String {
    let mut text = format!(
        "{} of {}; in brackets 95 % intervals from {} bootstraps of patients, which tell nothing of \
         others where all photos came out alike\n\n",
        counted(of.metrics.n, "photo"),
        counted(of.clusters, "patient"),
        of.bootstrap.samples
    );
    let values: BTreeMap<String, Option<f64>> = of.metrics.named().into_iter().collect();
    for (name, title) in FIGURES {
        let value = values.get(name).copied().flatten();
        line(
            &mut text,
            title,
            &with_interval(value, of.intervals.get(name)),
        );
    }
    let calibrated = &of.ece_if_calibrated;
    line(
        &mut text,
        "ECE if every confidence were true",
        &format!(
            "{:.3} on average, up to {:.3} in 95 of 100; {}",
            calibrated.mean,
            calibrated.high,
            chance(calibrated.p)
        ),
    );
    let above = |interval: &Interval| interval.low - of.metrics.ece > 5e-4;
    if of.intervals.get("ece").is_some_and(above) {
        text.push_str(
            "  Resamples show a larger ECE by chance alone, so that its interval leaves it out.\n",
        );
    }
    if let Some(raw) = &of.uncalibrated {
        let before = format!(
            "{:.3}, {:.3} and {:.3} before (T = {:.3})",
            raw.cross_entropy, raw.ece, raw.brier, raw.temperature
        );
        line(&mut text, "Cross-entropy, ECE and Brier score", &before);
    }

    if !of.by_dataset.is_empty() {
        text.push('\n');
        text.push_str(&by_dataset(&of.by_dataset));
    }

    text.push_str("\nConfusion, true grade down, given grade across\n");
    confusion(&mut text, &of.metrics.confusion);

    let _ = writeln!(
        text,
        "\n{:<7}{:<25}{:<25}AUC against the rest",
        "Grade", "recall", "specificity"
    );
    for class in 0..of.metrics.confusion.len() {
        let cell = |name: &str, values: &[Option<f64>]| {
            with_interval(values[class], of.intervals.get(&format!("{name}.{class}")))
        };
        let _ = writeln!(
            text,
            "{class:<7}{:<25}{:<25}{}",
            cell("recall_per_class", &of.metrics.recall_per_class),
            cell("specificity_per_class", &of.metrics.specificity_per_class),
            cell("auc_one_vs_rest", &of.metrics.auc_one_vs_rest),
        );
    }

    for at in &of.thresholds {
        let threshold = &at.threshold;
        let _ = writeln!(
            text,
            "\n{} (grade {} or worse, called at {:.3})",
            threshold.name, threshold.from_grade, threshold.threshold
        );
        let prevalence = threshold.prevalence * 100.0;
        for (name, title, value) in [
            ("sensitivity", "sensitivity".into(), at.rates.sensitivity),
            ("specificity", "specificity".into(), at.rates.specificity),
            (
                "positive_predictive_value",
                format!("PPV at a prevalence of {prevalence:.1} %"),
                at.at_prevalence.positive,
            ),
            (
                "negative_predictive_value",
                format!("NPV at a prevalence of {prevalence:.1} %"),
                at.at_prevalence.negative,
            ),
        ] {
            line(
                &mut text,
                &title,
                &with_interval(value, at.intervals.get(name)),
            );
        }
    }
    for set in &of.doubt {
        text.push('\n');
        text.push_str(&doubt(set));
    }
    if let Some(edema) = &of.edema {
        text.push('\n');
        text.push_str(&self::edema(edema));
    }
    text
}

/// The main figures of each data set alone, a line each.
fn by_dataset(sets: &[Figures]) -> String {
    let row = |cells: [String; 7]| {
        let [dataset, n, rest @ ..] = cells;
        let rest: String = rest.iter().map(|cell| format!("{cell:>23}")).collect();
        format!("{}\n", format!("{dataset:<24}{n:>8}{rest}").trim_end())
    };
    let mut text = row([
        "By data set".into(),
        "photos".into(),
        "accuracy".into(),
        "kappa, quadratic".into(),
        "cross-entropy".into(),
        "AUC, grade 2 or worse".into(),
        "ECE".into(),
    ]);
    for of in sets {
        text += &row([
            of.dataset.clone(),
            of.n.to_string(),
            number(Some(of.accuracy)),
            number(of.kappa_quadratic),
            number(Some(of.cross_entropy)),
            number(of.referable_auc),
            number(Some(of.ece)),
        ]);
    }
    text
}

/// What the head for the risk of macular oedema is worth.
fn edema(of: &EdemaEvaluation) -> String {
    let mut text = format!(
        "Risk of macular oedema, {} of {} labelled with it; any risk is called at {:.3}\n",
        counted(of.n, "photo"),
        counted(of.clusters, "patient"),
        of.threshold
    );
    for ((name, title), value) in edema::FIGURES.iter().zip(of.values()) {
        let value = with_interval(value, of.intervals.get(*name));
        line(&mut text, title, &value);
    }
    text.push_str("Confusion, true risk down, given risk across\n");
    confusion(&mut text, &of.confusion);
    text
}

/// What leaving unsure photos to a person does on one data set.
pub fn doubt(of: &DoubtFigures) -> String {
    let mut text = format!(
        "Answering fewer of {}, {}; who is left to a person counts as referred\n",
        of.dataset,
        counted(of.n, "photo")
    );
    let _ = writeln!(
        text,
        "{:<24}{:<22}{:<22}{:<22}{:<22}specificity",
        "answered", "kappa, quadratic", "accuracy", "sens. of answered", "sensitivity"
    );
    for (place, row) in (1..).zip(&of.rows) {
        let what = if place == of.rows.len() {
            "   what the grader does"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "{:<24}{:<22}{:<22}{:<22}{:<22}{}{what}",
            estimate(&row.coverage),
            estimate(&row.kappa_quadratic),
            estimate(&row.accuracy),
            estimate(&row.answered_sensitivity),
            estimate(&row.sensitivity),
            estimate(&row.specificity)
        );
    }
    let _ = writeln!(
        text,
        "{:<30}{:>12}{:>16}{:>12}",
        "Area under risk-coverage, by", "wrong grade", "wrong referral", "either"
    );
    for area in &of.areas {
        let _ = writeln!(
            text,
            "{:<30}{:>12.4}{:>16.4}{:>12.4}",
            area.by, area.wrong_grade, area.wrong_referral, area.wrong
        );
    }
    text
}

/// A figure and, where there is one, its interval.
pub fn estimate(of: &Estimate) -> String {
    match (of.value, of.low, of.high) {
        (None, _, _) => "–".into(),
        (Some(value), Some(low), Some(high)) => format!("{value:.3} [{low:.3}, {high:.3}]"),
        (Some(value), _, _) => format!("{value:.3}"),
    }
}

/// Two graders side by side, a line a figure.
pub fn comparison(differences: &[Difference]) -> String {
    let mut text = format!("{:<NAMES$}{:>9}{:>9}   B − A\n", "", "A", "B");
    for difference in differences {
        let title = title(&difference.name);
        let p = difference
            .p
            .map_or_else(String::new, |p| format!(", {}", chance(p)));
        let _ = writeln!(
            text,
            "{title:<NAMES$}{:>9}{:>9}   {}{p}",
            number(difference.a),
            number(difference.b),
            with_interval(difference.difference, difference.interval.as_ref()),
        );
    }
    text
}

/// A p-value; none is nought.
fn chance(p: f64) -> String {
    if p < 0.0005 {
        "p < 0.001".to_owned()
    } else {
        format!("p = {p:.3}")
    }
}

/// What a figure is called for reading; those of a grade are named after it.
fn title(name: &str) -> String {
    let of_all = FIGURES.iter().find(|(figure, _)| *figure == name);
    let of_grade = name.rsplit_once('.').and_then(|(figure, grade)| {
        let figure = match figure {
            "recall_per_class" => "recall",
            "specificity_per_class" => "specificity",
            "auc_one_vs_rest" => "AUC, one against the rest",
            _ => return None,
        };
        Some(format!("grade {grade}: {figure}"))
    });
    of_all
        .map(|(_, title)| (*title).to_owned())
        .or(of_grade)
        .unwrap_or_else(|| name.to_owned())
}

fn line(text: &mut String, title: &str, value: &str) {
    let _ = writeln!(text, "{title:<NAMES$}{value}");
}

fn confusion(text: &mut String, counts: &[Vec<u64>]) {
    for row in counts {
        for count in row {
            // Writing into a string cannot fail.
            let _ = write!(text, "{count:>7}");
        }
        text.push('\n');
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.3}"))
}

fn with_interval(value: Option<f64>, interval: Option<&Interval>) -> String {
    match (value, interval) {
        (Some(value), Some(interval)) => {
            format!("{value:.3} [{:.3}, {:.3}]", interval.low, interval.high)
        }
        (value, _) => number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::comparison::{Grader, compare};
    use crate::evaluation::{Bootstrap, Predictions, Request, Threshold};

    #[test]
    fn the_table_has_every_figure_and_a_dash_where_there_is_none() {
        let labels: Vec<u8> = (0..30).map(|i| (i % 3) as u8).collect();
        let logits: Vec<Vec<f64>> = labels
            .iter()
            .map(|&label| (0..5).map(|c| f64::from(u8::from(c == label))).collect())
            .collect();
        let clusters: Vec<usize> = (0..30).map(|i| i / 2).collect();
        let bootstrap = Bootstrap {
            samples: 40,
            seed: 0,
        };
        let mut measured = Evaluation::of(&Request {
            logits: &logits,
            labels: &labels,
            clusters: &clusters,
            temperature: 1.0,
            thresholds: &[Threshold {
                name: "referable".into(),
                from_grade: 2,
                threshold: 0.5,
                referred_from: None,
                prevalence: 0.12,
            }],
            bootstrap,
        })
        .unwrap();
        let text = evaluation(&measured);
        assert!(text.starts_with("30 photos of 15 patients"), "{text}");
        for (_, title) in FIGURES {
            assert!(text.contains(title), "{title}");
        }
        assert!(text.contains("Accuracy                                  1.000 [1.000, 1.000]"));
        let row = text.lines().find(|l| l.starts_with("4 ")).unwrap();
        assert!(row.ends_with('–'), "no photo of grade 4: {row}");
        assert!(
            text.contains("\nECE if every confidence were true         "),
            "{text}"
        );
        assert!(text.contains("PPV at a prevalence of 12.0 %"));

        assert!(!text.contains("leaves it out"), "{text}");
        let mut lower = measured.clone();
        lower.metrics.ece = measured.intervals["ece"].low - 0.01;
        assert!(evaluation(&lower).contains("its interval leaves it out"));

        let alone = |dataset: &str, referable_auc| Figures {
            dataset: dataset.into(),
            n: 15,
            accuracy: 0.5,
            kappa_quadratic: Some(0.25),
            cross_entropy: 1.125,
            referable_auc,
            ece: 0.0625,
            ece_if_calibrated: None,
        };
        assert!(!text.contains("By data set"), "there is one");
        measured.by_dataset = vec![alone("one", Some(0.75)), alone("other", None)];
        let text = evaluation(&measured);
        let cells = |name: &str| -> Vec<String> {
            let row = text.lines().find(|line| line.starts_with(name)).unwrap();
            row.split_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(
            cells("one "),
            ["one", "15", "0.500", "0.250", "1.125", "0.750", "0.062"]
        );
        assert_eq!(cells("other ")[5], "–");

        let predictions = Predictions::from_logits(&logits, &labels).unwrap();
        let grader = Grader {
            predictions: &predictions,
            thresholds: &[],
        };
        let same = compare(grader, grader, &clusters, bootstrap).unwrap();
        let text = comparison(&same);
        let row = text.lines().find(|l| l.starts_with("Accuracy")).unwrap();
        assert!(row.contains("0.000 [0.000, 0.000], p = 1.000"), "{row}");
        assert_eq!(
            [0.0, 0.0005, 0.035].map(chance),
            ["p < 0.001", "p = 0.001", "p = 0.035"]
        );
        assert!(
            text.contains("grade 2: AUC, one against the rest"),
            "{text}"
        );
        assert!(!text.contains('_'), "no name of the program's own: {text}");
    }
}
