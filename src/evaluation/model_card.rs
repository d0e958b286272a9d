//! The model card (Mitchell et al. 2019): what a model is for, what it learnt
//! from and on which terms, and where it must not be trusted.

use std::collections::BTreeMap;

use super::table;
use crate::bundle::{CONFIDENCE, DOUBT, DataSource, Doubt, DoubtFigures, Edema, Looks, Manifest};
use crate::counted::counted;
use crate::quality::{COUNT, Figure, Gate, Reason};

/// What every model of this kind cannot do, whatever its figures; the second is
/// [`OEDEMA_LIMIT`] where it has a head for it.
const LIMITS: [&str; 7] = [
    "For research and teaching. It is not a medical device, and no decision on treatment may rest \
     on it.",
    "It grades diabetic retinopathy alone: other diseases of the eye, and macular oedema, pass \
     unseen.",
    "The gate before grading does not refuse every picture that is no retina, nor every bad shot: \
     look at the photo before the grade.",
    "One photo shows a part of the retina. What lies outside it is not graded.",
    "The grades it learnt from were given by few people, who do not always agree with one another; \
     a part of what counts here as a mistake is theirs.",
    "Cameras, populations and screening programmes unlike those it learnt from can lower every \
     figure. Measure it on photos of your own first.",
    "Predictive values hold for the prevalence they are stated at, and for no other.",
];

const OEDEMA_LIMIT: &str = "Other diseases of the eye pass unseen. Of macular oedema it tells a \
     risk by what hard exudates in one photo suggest: swelling itself shows in depth, and oedema \
     without exudates is missed.";

/// What a reader must know of a model beside its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCard {
    pub name: String,
    pub version: String,
    /// The weights' SHA-256.
    pub weights_sha256: String,
    pub intended_use: String,
    pub data: Vec<DataSource>,
    pub initial_weights: DataSource,
    pub taught_by: Vec<DataSource>,
    pub recipe: String,
    /// The command that repeats the training.
    pub command: String,
    pub seed: u64,
    pub limits: Vec<String>,
}

impl ModelCard {
    /// The card of a bundle.
    pub fn of(manifest: &Manifest) -> Self {
        let training = &manifest.training;
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            weights_sha256: manifest.weights.sha256.clone(),
            intended_use: manifest.intended_use.clone(),
            data: training.data.clone(),
            initial_weights: training.initial_weights.clone(),
            taught_by: training.taught_by.clone(),
            recipe: training.recipe.clone(),
            command: training.command.clone(),
            seed: training.seed,
            limits: limits(manifest),
        }
    }
}

fn limits(manifest: &Manifest) -> Vec<String> {
    let mut limits = LIMITS.map(str::to_owned);
    if manifest.edema.is_some() {
        limits[1] = OEDEMA_LIMIT.to_owned();
    }
    let margin = manifest.preprocessing.margin;
    if margin < 0.0 {
        limits[3] = format!(
            "One photo shows a part of the retina. What lies outside it is not graded, nor what \
             lies beyond a square about the middle, as wide as {:.0} % of the retina's disc.",
            100.0 * (1.0 + margin)
        );
    }
    limits.into()
}

/// How the risk of macular oedema is told and what that is worth, as Markdown: every
/// figure is the manifest's own.
pub fn edema_section(edema: &Edema) -> String {
    let of = &edema.figures;
    let line = &edema.referable;
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    format!(
        "## Macular oedema\n\nBeside the grade the model tells the risk of macular oedema on \
         IDRiD's scale: 0 no hard exudates, 1 hard exudates further from the macula's centre \
         than a diameter of the disc, 2 nearer. The answer is that of a layer beside the last \
         one, a regression on the features the grade is told from, taught by {} with a penalty \
         of {} that cross-validation chose; the grades are what they were without it. A photo \
         is referred for it from a probability of {:.3} for risk 1 or 2, at every operating \
         point: sensitivity {:.3}, specificity {:.3} on {}, which fixed that line and a \
         temperature of {:.3}, so rather too good.\n\n```\n{}\n```\n\n\
         | photos | n | accuracy | quadratic kappa | cross-entropy | AUC of any risk | ECE |\n\
         |---|---|---|---|---|---|---|\n\
         | {} | {} | {:.3} | {} | {:.3} | {} | {:.3} |\n",
        edema.taught_by,
        edema.penalty,
        line.threshold,
        line.sensitivity,
        line.specificity,
        line.fixed_on,
        edema.temperature,
        edema.command,
        of.dataset,
        of.n,
        of.accuracy,
        number(of.kappa_quadratic),
        of.cross_entropy,
        number(of.referable_auc),
        of.ece,
    )
}

/// When the model's answers are not to be relied on and what leaving those to a
/// person gains, as Markdown: every figure is the manifest's own.
pub fn doubt_section(doubt: &Doubt) -> String {
    let mut text = format!(
        "## When it is unsure\n\nAn answer is unsure where the chance that its grade or its \
         referral is wrong reaches {:.2}. That chance is a logistic regression of how little the \
         most probable grade has, of how close the photo is to the line of referral, and of how \
         far looks at the photo are from each other's mean. {} An answer whose grade and \
         referral contradict each other is always unsure. An unsure photo counts as one to refer.\n\nFitted to {}, by\n\n```\n{}\n```\n\n\
         The figures are those of the same photos, each judged by a fit without its patient; the \
         line of referral, the temperature and the share that is answered were fixed on them, \
         though. In brackets 95 % intervals from bootstraps of patients; one without width says \
         that these photos came out alike, not that others would. Sensitivity and specificity are \
         those for grade 2 or above: of the answered photos, and of all photos where those left \
         to a person count as referred. The last row of each table is what the grader does.\n",
        doubt.unsure_from,
        who_is_looked_at_again(doubt),
        doubt.fixed_on,
        doubt.command
    );
    for set in &doubt.figures {
        text += &format!(
            "\n{} (validation), {}:\n\n\
             | answered | quadratic kappa | accuracy | sensitivity, answered | specificity, \
             answered | sensitivity, all | specificity, all |\n|---|---|---|---|---|---|---|\n",
            set.dataset,
            counted(set.n, "photo")
        );
        for row in &set.rows {
            let cells = [
                row.coverage,
                row.kappa_quadratic,
                row.accuracy,
                row.answered_sensitivity,
                row.answered_specificity,
                row.sensitivity,
                row.specificity,
            ];
            text += &format!("| {} |\n", cells.map(|e| table::estimate(&e)).join(" | "));
        }
    }
    text += "\nArea under the curve of wrong answers against the share answered (less is better), \
             when the photos are ordered by\n\n\
             | photos | ordered by | wrong grade | wrong referral | either |\n|---|---|---|---|---|\n";
    for set in &doubt.figures {
        for area in &set.areas {
            text += &format!(
                "| {} (validation) | {} | {:.4} | {:.4} | {:.4} |\n",
                set.dataset, area.by, area.wrong_grade, area.wrong_referral, area.wrong
            );
        }
    }
    text + &where_it_fails(&doubt.figures)
}

fn who_is_looked_at_again(doubt: &Doubt) -> String {
    match doubt.looks {
        Looks::MeanOfQuarterTurns => format!(
            "Where the first answer's chance of being wrong reaches {:.2}, three further looks \
             are taken (mirrored, turned by a quarter, and both), and the mean of all four is the \
             answer; elsewhere the first is.",
            doubt.look_again_from
        ),
        Looks::FirstAlone => "Each photo is looked at once: mirrored and turned, photos were \
                              answered worse."
            .to_owned(),
    }
}

/// The data sets on which doubt is worth no more than the highest probability.
fn where_it_fails(figures: &[DoubtFigures]) -> String {
    let wrong = |set: &DoubtFigures, by: &str| {
        let area = set.areas.iter().find(|area| area.by == by);
        area.map(|area| area.wrong)
    };
    let sets: Vec<String> = figures
        .iter()
        .filter_map(|set| {
            let (ours, usual) = (wrong(set, DOUBT)?, wrong(set, CONFIDENCE)?);
            (ours >= usual).then(|| format!("{} ({ours:.4} against {usual:.4})", set.dataset))
        })
        .collect();
    if sets.is_empty() {
        return String::new();
    }
    format!(
        "\nDoubt does not help on {}: there the highest probability alone tells wrong answers \
         from right ones as well or better.\n",
        sets.join(", ")
    )
}

/// How the gate before grading was made and what it does, as Markdown: every
/// figure is the gate's own record.
pub fn gate_section(gate: &Gate) -> String {
    let record = &gate.record;
    let mut text = format!(
        "## The gate before grading\n\nBefore a photo is graded it is asked whether it is a \
         photograph of the retina, and good enough to be graded. {COUNT} measures of colour, \
         light, sharpness, vessels, rim and ground are weighed by logistic regressions that know \
         nothing of the network. A shot that cannot be graded counts as refer.\n\nNo photo at \
         hand is labelled for its quality. Photos that people have graded count as gradable; the \
         bad shots were made from them by a program, in five severities from harmless to hopeless, \
         and faults unlike these may pass. What is no retina came from everyday photos, from parts \
         of them disguised as retinas, and from drawings. The gate was fitted to {} training \
         photos and what was made of them; the figures are those of other pictures.\n\n\
         ```\n{}\n```\n\n\
         | pictures | n | refused | as no retina |\n|---|---|---|---|\n",
        record.photos, record.command
    );
    let mut severities: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for figure in &record.figures {
        if let Some(kind) = spoilt(figure) {
            let mut words = refused(figure);
            if as_no_retina(figure) > 0 {
                words += &format!(", {} as no retina", as_no_retina(figure));
            }
            severities.entry(kind).or_default().push(words);
            continue;
        }
        text += &format!(
            "| {} | {} | {} | {} |\n",
            figure.pictures,
            figure.n,
            refused(figure),
            as_no_retina(figure)
        );
    }
    text += "\nRefused of validation photos that were spoilt, by severity:\n\n\
             | spoilt by | 1 | 2 | 3 | 4 | 5 |\n|---|---|---|---|---|---|\n";
    for (kind, shares) in severities {
        text += &format!("| {kind} | {} |\n", shares.join(" | "));
    }
    text
}

/// Pictures that were refused and do not count as ones to refer. Where no retina
/// was found there is no reason of the gate's own.
fn as_no_retina(figure: &Figure) -> usize {
    let other = figure.reasons.iter();
    let other = other.filter(|(reason, _)| **reason != Reason::NotFundus);
    figure.refused - other.map(|(_, n)| n).sum::<usize>()
}

/// The kind of a figure on spoilt photos: `blur` for `blur 3 of 5`.
fn spoilt(figure: &Figure) -> Option<&str> {
    let (kind, _) = figure.pictures.strip_suffix(" of 5")?.rsplit_once(' ')?;
    Some(kind)
}

fn refused(figure: &Figure) -> String {
    let share = 100.0 * figure.refused as f64 / figure.n.max(1) as f64;
    format!("{share:.1} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Area, AtCoverage, DoubtWeights, Estimate};

    #[test]
    fn doubt_is_told_with_its_figures_and_where_it_does_not_help() {
        let estimate = |value| Estimate {
            value: Some(value),
            low: Some(value - 0.01),
            high: Some(value + 0.01),
        };
        let set = |dataset: &str, ours| DoubtFigures {
            dataset: dataset.to_owned(),
            n: 123,
            areas: [(CONFIDENCE, 0.2), (DOUBT, ours)]
                .map(|(by, wrong)| Area {
                    by: by.to_owned(),
                    wrong_grade: 0.3,
                    wrong_referral: 0.4,
                    wrong,
                })
                .to_vec(),
            rows: vec![AtCoverage {
                coverage: estimate(0.8),
                left_from: Some(0.5),
                accuracy: estimate(0.81),
                kappa_quadratic: estimate(0.82),
                answered_sensitivity: estimate(0.83),
                answered_specificity: estimate(0.84),
                sensitivity: estimate(0.85),
                specificity: estimate(0.86),
            }],
        };
        let mut doubt = Doubt {
            looks: Looks::MeanOfQuarterTurns,
            weights: DoubtWeights {
                constant: -3.0,
                guess: 4.0,
                line: 2.0,
                moved: 3.0,
            },
            unsure_from: 0.53,
            look_again_from: 0.21,
            fixed_on: "246 validation photos".to_owned(),
            command: "fovea doubt fit --data toys".to_owned(),
            figures: vec![set("better", 0.1), set("worse", 0.25)],
        };
        let text = doubt_section(&doubt);
        for part in [
            "reaches 0.53",
            "reaches 0.21",
            "246 validation photos",
            "fovea doubt fit --data toys",
            "better (validation), 123 photos",
            "| 0.800 [0.790, 0.810] | 0.820 [0.810, 0.830] | 0.810",
            "| worse (validation) | doubt | 0.3000 | 0.4000 | 0.2500 |",
            "does not help on worse (0.2500 against 0.2000)",
        ] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        assert!(!text.contains("help on better"));
        doubt.looks = Looks::FirstAlone;
        let text = doubt_section(&doubt);
        assert!(text.contains("looked at once") && !text.contains("further looks"));
    }

    #[test]
    fn the_gate_is_told_with_every_figure_of_its_record() {
        let gate = Gate::shipped();
        let text = gate_section(gate);
        assert!(text.contains(&gate.record.command));
        for figure in &gate.record.figures {
            let name = spoilt(figure).unwrap_or(&figure.pictures);
            let row = text
                .lines()
                .find(|line| line.starts_with(&format!("| {name} |")))
                .unwrap_or_else(|| panic!("{name} is missing"));
            assert!(row.contains(&refused(figure)), "{row}");
        }
    }
}
