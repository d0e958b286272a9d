//! `fovea card`: a bundle's model card as Markdown, every figure its manifest's.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::{bundle_file, output};
use crate::bundle::{Calibration, DataSource, Manifest, Thresholds};
use crate::counted::counted;
use crate::evaluation::model_card::{ModelCard, doubt_section, edema_section, gate_section};
use crate::grading::Lines;
use crate::quality::Gate;

/// Print a model's card as Markdown
#[derive(Args)]
pub struct Arguments {
    /// The model: its model.json or the folder of it [default: the shipped one]
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
}

/// Prints the card.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = arguments
        .bundle
        .clone()
        .unwrap_or_else(bundle_file::default_path);
    output::text(markdown(&bundle_file::open(&path)?.manifest))?;
    Ok(ExitCode::SUCCESS)
}

fn markdown(manifest: &Manifest) -> String {
    let card = ModelCard::of(manifest);
    let mut text = format!(
        "# {} {}\n\n{}\n\nWeights: `{}`, SHA-256 `{}`.\n\n## Trained on\n\n",
        card.name, card.version, card.intended_use, manifest.weights.file, card.weights_sha256
    );
    for source in &card.data {
        text += &format!(
            "- {}, {}: {}\n",
            source.name,
            counted(source.photos, "photo"),
            source.terms
        );
    }
    let DataSource { name, terms, .. } = &card.initial_weights;
    text += &format!("- starting from {name}: {terms}\n");
    for source in &card.taught_by {
        text += &format!(
            "- taught by the answers of {} to {} of these photos: {}\n",
            source.name, source.photos, source.terms
        );
    }
    text += &format!(
        "\nRecipe: {}.\n\n```\n{}\n```\n\n",
        card.recipe, card.command
    );
    text += "## Measured\n\nOn photos that chose the epoch, the temperature and the threshold, so \
             rather too well; ";
    text += apart(&card.initial_weights);
    text += "\n\n| photos | n | accuracy | quadratic kappa | cross-entropy | referable AUC | ECE | ECE if calibrated |\n\
             |---|---|---|---|---|---|---|---|\n";
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    for f in &manifest.figures {
        text += &format!(
            "| {} | {} | {:.3} | {} | {:.3} | {} | {:.3} | {} |\n",
            f.dataset,
            f.n,
            f.accuracy,
            number(f.kappa_quadratic),
            f.cross_entropy,
            number(f.referable_auc),
            f.ece,
            f.ece_if_calibrated.map_or_else(
                || "-".to_owned(),
                |chance| format!("{:.3}, up to {:.3}", chance.mean, chance.high)
            )
        );
    }
    text += "\nECE if calibrated: what a model shows on as few photos by chance although each of \
             its confidences is true, on average and in 95 of 100 cases at most.\n";
    let point = &manifest.thresholds.referable;
    text += &format!(
        "\nA photo is called referable from a probability of {:.3} for grade 2 or above: \
         sensitivity {:.3}, specificity {:.3} on {}. {}\n",
        point.threshold,
        point.sensitivity,
        point.specificity,
        point.fixed_on,
        probabilities(&manifest.calibration)
    );
    text += &operating_points(&manifest.thresholds);
    text += "\n## Limits\n\n";
    for limit in &card.limits {
        text += &format!("- {limit}\n");
    }
    if let Some(edema) = &manifest.edema {
        text += "\n";
        text += &edema_section(edema);
    }
    if let Some(doubt) = &manifest.doubt {
        text += "\n";
        text += &doubt_section(doubt);
    }
    text + "\n" + &gate_section(Gate::shipped())
}

/// What makes probabilities of the network's outputs.
fn probabilities(calibration: &Calibration) -> String {
    match &calibration.cumulative_link {
        None => format!(
            "Probabilities are softmax of the logits over a temperature of {:.3}.",
            calibration.temperature
        ),
        Some(link) => format!(
            "The network gives one number a photo, on the scale of the grades; probabilities are \
             those of a cumulative link with a slope of {:.3} and cut points at {}, fitted to the \
             same photos.",
            link.slope,
            link.cut_points().map(|cut| format!("{cut:.3}")).join(", ")
        ),
    }
}

/// Whose photos are not among those trained on; what a model that the training began
/// with had seen, this one's manifest does not know.
fn apart(initial_weights: &DataSource) -> &'static str {
    if Manifest::names_a_model(&initial_weights.name) {
        "nobody's photos are among those trained on here. Whether those that trained the weights \
         it starts from were divided in the same way, only their own trainings can tell."
    } else {
        "nobody's photos are among those trained on."
    }
}

/// The lines of every point and what they reached; nothing where there is one point.
fn operating_points(thresholds: &Thresholds) -> String {
    let offered = Lines::offered(thresholds);
    if offered.len() < 2 {
        return String::new();
    }
    let mut text = "\nThe operating points, each a line for referral and one for disease that \
                    threatens sight, with what they reached on the same photos. Screening is \
                    the one in use unless another is chosen.\n\n\
                    | point | line for | threshold | sensitivity | specificity |\n\
                    |---|---|---|---|---|\n"
        .to_owned();
    for lines in offered {
        let rows = [
            ("referral", Some(lines.referable)),
            ("sight-threatening", lines.sight_threatening),
        ];
        for (disease, point) in rows {
            if let Some(point) = point {
                text += &format!(
                    "| {} | {disease} | {:.3} | {:.3} | {:.3} |\n",
                    lines.name, point.threshold, point.sensitivity, point.specificity
                );
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::CumulativeLink;

    #[test]
    fn probabilities_are_told_as_they_are_made() {
        let mut calibration = Calibration {
            temperature: 1.25,
            cumulative_link: None,
        };
        let told = probabilities(&calibration);
        assert!(told.ends_with("a temperature of 1.250."), "{told}");
        calibration.cumulative_link = Some(CumulativeLink {
            slope: 2.0,
            intercepts: [1.0, 3.0, 5.0, 7.5],
        });
        let told = probabilities(&calibration);
        assert!(told.contains("slope of 2.000 and cut points at 0.500, 1.500, 2.500, 3.750"));
        assert!(!told.contains("softmax"), "{told}");
    }

    #[test]
    fn nothing_is_said_of_what_another_model_was_trained_on() {
        let from = |name: &str| {
            apart(&DataSource {
                name: name.to_owned(),
                photos: 0,
                terms: String::new(),
            })
        };
        for alone in ["random", "resnet18-imagenet.pth.xz", "weights (old)"] {
            assert!(from(alone).ends_with("trained on."), "{alone}");
        }
        for model in [
            "mine 0.1.0 (e94bb537)",
            "the mean of mine 0.1.0 (e94bb537) and other.safetensors",
        ] {
            assert!(from(model).contains("only their own trainings"), "{model}");
        }
    }
}
