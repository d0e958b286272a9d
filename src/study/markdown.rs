//! The study as Markdown, for a document that tells it: answers, table, and
//! what they were measured on.

use super::collect::{ArmSummary, Study};
use super::figure::{Figure, TALKED_OF};
use super::grid::{Arm, Start};
use super::page::elsewhere;
use crate::counted::counted;

/// The figures of the table's columns, by their names in [`super::figure::FIGURES`].
const COLUMNS: [(&str, &str); 7] = [
    ("accuracy", "Accuracy"),
    ("kappa_quadratic", "Kappa"),
    ("cross_entropy", "Cross-entropy"),
    ("cross_entropy_before", "before scaling"),
    ("macro_recall", "Recall, macro"),
    ("macro_specificity", "Specificity, macro"),
    ("auc_macro", "AUC, macro"),
];

/// The whole study.
pub fn of(study: &Study) -> String {
    let mut text = String::new();
    if !study.missing.is_empty() {
        text += &format!(
            "Not finished, no result yet: {}.\n\n",
            study.missing.join(", ")
        );
    }
    for claim in &study.claims {
        text += &format!("**{}**\n\n", claim.question);
        for figure in &claim.by_figure {
            text += &format!("- {}\n", figure.words);
        }
        text.push('\n');
    }
    for found in &study.break_even {
        text += &format!("- {}\n", found.words);
    }
    if !study.break_even.is_empty() {
        text.push('\n');
    }
    let titles = COLUMNS.map(|(_, title)| title).join(" | ");
    text += &format!(
        "| Run | Photos | Seeds | {titles} | Accuracy against | The talk, or its authors |\n"
    );
    text += &format!("|{}\n", "---|".repeat(COLUMNS.len() + 5));
    for arm in &study.arms {
        text += &row(study, arm);
    }
    text += &format!(
        "\nFovea {}, {} ({}) of {} kept aside, {} more chose epoch and temperature, \
         {} px, {}. A figure is the mean over seeds, after temperature scaling but where the \
         heading says before; in brackets its 95 % interval from {} resamplings of the groups, \
         and, where there are several, each seed's own. \
         “Accuracy against” compares TL with Ref on the same share and a preset with TL on all, by \
         a paired bootstrap.\n",
        study.version,
        counted(study.test_photos, "photo"),
        counted(study.test_groups, "group"),
        study.datasets.join(", "),
        study.validation_photos,
        study.size,
        counted(study.epochs, "epoch"),
        study.bootstrap.samples,
    );
    text
}

fn row(study: &Study, arm: &ArmSummary) -> String {
    let mut figures = COLUMNS.map(|(name, _)| arm.figures.get(name).map_or_else(missing, shown));
    // Every seed of every figure would drown the table.
    for (cell, (name, _)) in figures.iter_mut().zip(&COLUMNS[..TALKED_OF]) {
        if let Some(seeds) = arm.figures.get(*name).and_then(Figure::seeds) {
            *cell += &format!(" [{seeds}]");
        }
    }
    format!(
        "| {} | {:.0} | {} | {} | {} | {} |\n",
        arm.title,
        arm.photos.round(),
        arm.seeds.len(),
        figures.join(" | "),
        against(study, arm),
        elsewhere(study, arm),
    )
}

fn missing() -> String {
    "–".to_owned()
}

fn shown(figure: &Figure) -> String {
    match (figure.mean, figure.interval) {
        (Some(mean), Some(i)) => format!("{mean:.3} ({:.3}–{:.3})", i.low, i.high),
        (Some(mean), None) => format!("{mean:.3}"),
        (None, _) => missing(),
    }
}

fn against(study: &Study, arm: &ArmSummary) -> String {
    let grid = |start, percent| Arm::Grid { start, percent };
    let other = match arm.start {
        Some(Start::Ref) => return missing(),
        Some(Start::Tl) => grid(Start::Ref, arm.percent),
        None => grid(Start::Tl, 100),
    };
    study
        .difference(other, arm.arm, "accuracy")
        .and_then(|d| {
            let (difference, i, p) = (d.difference?, d.interval?, d.p?);
            Some(format!(
                "{difference:+.3} ({:+.3} to {:+.3}), p {p:.3}",
                i.low, i.high
            ))
        })
        .unwrap_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::super::collect::tests::{merged, plan, result};
    use super::*;

    #[test]
    fn a_row_holds_the_figures_the_difference_and_the_talk() {
        let runs = [("ref-100", 50), ("tl-100", 90)].map(|(arm, right)| result(arm, 1, right));
        let text = of(&merged(&runs, &plan(&[100], 1, &[])));
        let row = text
            .lines()
            .find(|line| line.starts_with("| TL 100 %"))
            .unwrap();
        assert_eq!(row.matches('|').count(), COLUMNS.len() + 6);
        for words in ["| 100 | 1 | 0.900 (", "+0.400 (", "0.82, 0.89, 0.62"] {
            assert!(row.contains(words), "{words} in {row}");
        }
        assert!(text.contains("100 photos (50 groups) of toy"), "{text}");
    }

    #[test]
    fn several_seeds_stand_beside_their_mean() {
        let runs = [result("tl-100", 1, 90), result("tl-100", 2, 80)];
        let text = of(&merged(&runs, &plan(&[100], 2, &[])));
        assert!(text.contains("| 2 | 0.850 ("), "{text}");
        assert!(text.contains(") [0.900, 0.800] |"), "{text}");
    }

    #[test]
    fn the_document_tells_the_published_results() {
        let root = env!("CARGO_MANIFEST_DIR");
        let document = std::fs::read_to_string(format!("{root}/docs/study.md")).unwrap();
        for name in ["study", "retinamnist"] {
            let json = std::fs::read(format!("{root}/www/study/{name}.json")).unwrap();
            let study: Study = serde_json::from_slice(&json).unwrap();
            assert!(
                document.contains(&of(&study)),
                "docs/study.md does not hold {name}'s study.md as `fovea study` writes it"
            );
        }
    }
}
