//! The model card (Mitchell et al. 2019): what a model is for, what it learnt
//! from and on which terms, and where it must not be trusted.

use std::collections::BTreeMap;

use crate::bundle::{DataSource, Manifest};
use crate::quality::{COUNT, Figure, Gate, Reason};

/// What every model of this kind cannot do, whatever its figures.
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
            recipe: training.recipe.clone(),
            command: training.command.clone(),
            seed: training.seed,
            limits: LIMITS.map(str::to_string).into(),
        }
    }
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
            severities.entry(kind).or_default().push(refused(figure));
            continue;
        }
        // Where no retina was found there is no reason of the gate's own.
        let other: usize = figure
            .reasons
            .iter()
            .filter(|(reason, _)| **reason != Reason::NotFundus)
            .map(|(_, n)| n)
            .sum();
        text += &format!(
            "| {} | {} | {} | {} |\n",
            figure.pictures,
            figure.n,
            refused(figure),
            figure.refused - other
        );
    }
    text += "\nRefused of validation photos that were spoilt, by severity:\n\n\
             | spoilt by | 1 | 2 | 3 | 4 | 5 |\n|---|---|---|---|---|---|\n";
    for (kind, shares) in severities {
        text += &format!("| {kind} | {} |\n", shares.join(" | "));
    }
    text
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
