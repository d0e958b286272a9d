//! The study as one HTML page that loads nothing, and as a table for a
//! spreadsheet.

use maud::{Markup, PreEscaped, html};

use super::collect::{ArmSummary, Study};
use super::figure::{FIGURES, TALKED_OF};
use super::grid::{Arm, Start};
use super::talk::TalkRow;
use crate::counted::counted;
use crate::standalone::{self, Page};

/// A row a figure of an arm.
///
/// # Errors
/// A sentence where it could not be written.
pub fn csv(study: &Study) -> Result<Vec<u8>, String> {
    let attempt = || -> csv::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record([
            "run", "start", "percent", "photos", "seeds", "figure", "mean", "low", "high",
        ])?;
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        for arm in &study.arms {
            for kind in &FIGURES {
                let Some(figure) = arm.figures.get(kind.name) else {
                    continue;
                };
                writer.write_record([
                    arm.arm.to_string(),
                    arm.start.map_or_else(String::new, |s| s.name().to_owned()),
                    arm.percent.to_string(),
                    arm.photos.to_string(),
                    arm.seeds.len().to_string(),
                    kind.name.to_owned(),
                    number(figure.mean),
                    number(figure.interval.map(|i| i.low)),
                    number(figure.interval.map(|i| i.high)),
                ])?;
            }
        }
        writer.into_inner().map_err(|e| e.into_error().into())
    };
    attempt().map_err(|e| e.to_string())
}

/// The page as HTML, with `plot` (an SVG) in it and `command` at its foot.
pub fn html(study: &Study, plot: &str, command: &str) -> String {
    let body = html! {
        p {
            "One network from random weights (Ref) and from ImageNet (TL) on ever fewer photos of \
             the retina."
        }
        @if !study.missing.is_empty() {
            p.warning {
                "Not finished: " (study.missing.len()) " runs have no result yet ("
                (study.missing.join(", ")) ")."
            }
        }
        @for claim in &study.claims {
            section {
                h2 { (claim.question) }
                ul { @for figure in &claim.by_figure { li { (figure.words) } } }
            }
        }
        section {
            h2 { "How many photos does TL need for what Ref does with all?" }
            @if study.break_even.is_empty() {
                p { "Not known before Ref and TL were run on all photos." }
            }
            ul { @for found in &study.break_even { li { (found.words) } } }
            p.note { (study.collecting_source) }
        }
        div.plot role="img" aria-label="Accuracy, kappa and cross-entropy against the share of the photos; the table below holds the same numbers" {
            (PreEscaped(plot))
        }
        (table(study))
        p.note {
            "Measured on " (counted(study.test_photos, "photo")) " of " (study.datasets.join(", "))
            " kept aside, " (study.size) " px, " (counted(study.epochs, "epoch")) ", after temperature \
             scaling but where the heading says before. A figure is the mean over seeds; \
             below it stands its 95 % interval from " (study.bootstrap.samples)
            " resamplings of " (counted(study.test_groups, "group")) " of test photos, which holds \
             chance in the photos, not in the seeds, and then each seed's own. p is that of a paired bootstrap of \
             the accuracy: each TL against Ref on the same share, a preset against TL on \
             all. " (study.talk_source)
        }
    };
    standalone::render(&Page {
        title: "What transfer learning is worth",
        style: STYLE,
        body: &body,
        command,
    })
}

fn table(study: &Study) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Run" }
                th scope="col" { "Photos" }
                th scope="col" { "Seeds" }
                @for kind in &FIGURES { th scope="col" { (kind.title) } }
                th scope="col" { "Difference in accuracy" }
                th scope="col" { "The talk, or its authors" }
            } }
            tbody { @for arm in &study.arms { (row(study, arm)) } }
        } }
    }
}

fn row(study: &Study, arm: &ArmSummary) -> Markup {
    html! { tr {
        th scope="row" { (arm.title) }
        td { (format!("{:.0}", arm.photos.round())) }
        td { (arm.seeds.len()) }
        @for kind in &FIGURES {
            td {
                @match arm.figures.get(kind.name).and_then(|f| Some((f.mean?, f.interval, f.seeds()))) {
                    None => "–",
                    Some((mean, interval, seeds)) => {
                        (format!("{mean:.3}"))
                        @if let Some(i) = interval {
                            br; small { (format!("{:.3} – {:.3}", i.low, i.high)) }
                        }
                        @if let Some(seeds) = seeds { br; small { (seeds) } }
                    }
                }
            }
        }
        td { (difference(study, arm)) }
        td { (elsewhere(study, arm)) }
    } }
}

fn difference(study: &Study, arm: &ArmSummary) -> Markup {
    let grid = |start, percent| Arm::Grid { start, percent };
    let against = match arm.start {
        Some(Start::Ref) => return html! { "–" },
        Some(Start::Tl) => grid(Start::Ref, arm.percent),
        None => grid(Start::Tl, 100),
    };
    let found = study
        .difference(against, arm.arm, "accuracy")
        .and_then(|d| Some((d.difference?, d.interval?, d.p?)));
    html! {
        @match found {
            None => "–",
            Some((difference, interval, p)) => {
                (format!("{difference:+.3}"))
                br;
                small { (format!("{:+.3} – {:+.3}, p {p:.3}", interval.low, interval.high)) }
            }
        }
    }
}

pub(super) fn elsewhere(study: &Study, arm: &ArmSummary) -> String {
    let told = |row: &TalkRow| {
        format!(
            "{:.2}, {:.2}, {:.2}",
            row.accuracy, row.kappa_quadratic, row.cross_entropy
        )
    };
    if let Some(start) = arm.start
        && arm.published.is_empty()
    {
        let same =
            |row: &&TalkRow| row.percent == arm.percent && row.transfer == (start == Start::Tl);
        return study
            .talk
            .iter()
            .find(same)
            .map_or_else(|| "–".into(), told);
    }
    let published: Vec<String> = FIGURES
        .iter()
        .filter_map(|kind| {
            let value = arm.published.get(kind.name)?;
            Some(format!("{} {value:.2}", kind.title.to_lowercase()))
        })
        .collect();
    if published.is_empty() {
        "–".into()
    } else {
        published.join(", ")
    }
}

/// The answers and the talk's figures for a terminal.
pub fn text(study: &Study) -> String {
    let mut lines = Vec::new();
    for arm in &study.arms {
        let figures: Vec<String> = FIGURES[..TALKED_OF]
            .iter()
            .filter_map(|kind| {
                let figure = arm.figures.get(kind.name)?;
                let interval = figure
                    .interval
                    .map_or_else(String::new, |i| format!(" ({:.3} to {:.3})", i.low, i.high));
                Some(format!(
                    "{} {:.3}{interval}",
                    kind.title.to_lowercase(),
                    figure.mean?
                ))
            })
            .collect();
        lines.push(format!(
            "{:<18} {}",
            arm.arm.to_string(),
            figures.join(", ")
        ));
    }
    for claim in &study.claims {
        lines.push(String::new());
        lines.push(claim.question.clone());
        lines.extend(claim.by_figure.iter().map(|f| format!("  {}", f.words)));
    }
    if !study.break_even.is_empty() {
        lines.push(String::new());
        lines.extend(study.break_even.iter().map(|found| found.words.clone()));
    }
    if !study.missing.is_empty() {
        lines.push(String::new());
        lines.push(format!("without a result: {}", study.missing.join(", ")));
    }
    lines.join("\n") + "\n"
}

const STYLE: &str = "
body { max-width: 80rem; }
h2 { font-size: 1.1rem; }
.note { max-width: 60em; font-size: .9rem; }
.plot { overflow-x: auto; margin: 1.5rem 0; }
table { font-size: .9rem; }
th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid #d3d9d9; }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody th { min-width: 8rem; font-weight: 600; }
";

#[cfg(test)]
mod tests {
    use super::super::collect::tests::{merged, plan, result};
    use super::super::preset::Preset;
    use super::*;

    fn study() -> Study {
        let runs = [("ref-100", 50), ("tl-100", 90), ("sallam2020", 80)];
        let results = runs.map(|(arm, right)| result(arm, 1, right));
        merged(&results, &plan(&[100], 1, &[Preset::Sallam2020]))
    }

    #[test]
    fn the_table_for_a_spreadsheet_holds_every_figure_of_every_run() {
        let bytes = csv(&study()).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3 * FIGURES.len());
        assert_eq!(
            (&rows[0][0], &rows[0][5], &rows[0][6]),
            ("ref-100", "accuracy", "0.5")
        );
        let (low, high): (f64, f64) = (rows[0][7].parse().unwrap(), rows[0][8].parse().unwrap());
        assert!(low < 0.5 && 0.5 < high);
    }

    #[test]
    fn the_page_needs_nothing_and_tells_the_talk_beside_the_figures() {
        let page = html(&study(), "<svg></svg>", "fovea study");
        for words in [
            "0.72, 0.74, 0.79",
            "accuracy 0.70",
            "Ref 100 %",
            "0.900",
            "<svg>",
        ] {
            assert!(page.contains(words), "{words}");
        }
        assert!(
            !page.contains("http://") && !page.contains("https://") && !page.contains("<script")
        );
    }
}
