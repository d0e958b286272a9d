//! A training's configuration in a sentence, for the manifest and the card.

use super::augment::Augmentation;
use super::balance::Balance;
use super::config::TrainConfig;
use super::objective::Objective;
use super::optimizer::Optimizer;
use crate::counted::counted;

/// What `config` does, in the field's words.
pub fn sentence(config: &TrainConfig) -> String {
    if config.trains_nothing() {
        return untrained(config);
    }
    let mut parts = vec![start(config)];
    if config.share < 1.0 {
        let percent = (config.share * 1000.0).round() / 10.0;
        parts.push(format!("{percent} % of the training photos"));
    }
    let (optimizer, decay) = match config.optimizer {
        Optimizer::Adamw => ("AdamW".to_owned(), "weight decay"),
        Optimizer::NesterovSgd { momentum } => (
            format!("SGD with Nesterov momentum {momentum}"),
            "L2 penalty",
        ),
    };
    let by_depth = match config.epochs {
        0 => String::new(),
        _ => format!(", discriminative rates ({} a group)", config.discrimination),
    };
    parts.push(format!(
        "{optimizer}, one cycle to {:e}{by_depth}, {decay} {}, batches of {}",
        config.learning_rate, config.weight_decay, config.batch
    ));
    parts.push(loss(config));
    parts.push(match config.balance {
        Balance::Neither => "every photo once an epoch".to_owned(),
        Balance::Sampler { strength } => format!("rare grades drawn more often ({strength})"),
        Balance::BatchWeights => "the grades of a batch weigh the same".to_owned(),
        Balance::Weights { strength } => format!("rare grades weigh more ({strength})"),
    });
    if let Some(heard) = &config.opinions {
        parts.push(format!(
            "{} % of the truth from what other networks make of the photo",
            (heard.share * 100.0).round()
        ));
    }
    parts.extend(shown(config));
    // A head alone learns from photos as they are.
    if config.epochs > 0 {
        parts.push(changes(&config.augmentation));
    }
    if config.mixup > 0.0 && config.epochs > 0 {
        parts.push(format!("photos mixed by twos (mixup {})", config.mixup));
    }
    if config.average_epochs > 0.0 && config.epochs > 0 {
        parts.push(format!(
            "exponential mean of the weights over {}",
            counted(config.average_epochs, "epoch")
        ));
    }
    parts.extend(judged(config));
    if config.epochs > 0 {
        parts.push(config.keep.words().to_owned());
    }
    parts.join("; ")
}

/// Where weights stayed as they came.
fn untrained(config: &TrainConfig) -> String {
    let size = config.preprocessing.size;
    let mut parts = vec![format!(
        "the weights as they came, calibrated anew at {size} px"
    )];
    parts.extend(shown(config));
    parts.extend(judged(config));
    parts.join("; ")
}

/// What of a photo the network is shown, where that is not the plain disc.
fn shown(config: &TrainConfig) -> Vec<String> {
    let mut parts = Vec::new();
    if config.preprocessing.local_mean.is_some() {
        parts.push("local mean subtracted".to_owned());
    }
    match config.preprocessing.margin {
        margin if margin < 0.0 => parts.push(format!(
            "the middle {} % of the disc shown",
            percent(1.0 + margin)
        )),
        margin if margin > 0.0 => parts.push(format!(
            "{} % of the radius left around the disc",
            percent(margin)
        )),
        _ => {}
    }
    parts
}

fn judged(config: &TrainConfig) -> Option<String> {
    config
        .test_time_flips
        .then(|| "judged in four flips".to_owned())
}

fn start(config: &TrainConfig) -> String {
    let size = config.preprocessing.size;
    let whole = if config.epochs == 0 {
        "the rest of the network frozen".to_owned()
    } else {
        let mut sizes: Vec<String> = config
            .smaller_first
            .iter()
            .map(|stage| format!("{} at {} px", stage.epochs, stage.size))
            .collect();
        let small: usize = config.smaller_first.iter().map(|stage| stage.epochs).sum();
        sizes.push(format!("{} at {size} px", config.epochs - small));
        format!(
            "the whole {} for {} ({})",
            config.architecture,
            counted(config.epochs, "epoch"),
            sizes.join(", ")
        )
    };
    if config.from.is_none() {
        return format!("random weights; {whole}");
    }
    match config.head_epochs {
        0 => whole,
        epochs => format!(
            "new head alone for {} on frozen features, then {whole}",
            counted(epochs, "epoch")
        ),
    }
}

fn loss(config: &TrainConfig) -> String {
    let smoothing = match config.label_smoothing {
        0.0 => String::new(),
        share => format!(", label smoothing {share}"),
    };
    match config.objective {
        Objective::CrossEntropy => format!("cross-entropy{smoothing}"),
        Objective::Focal { gamma } => format!("focal loss (gamma {gamma}){smoothing}"),
        Objective::Ordinal => {
            "squared error on the scale of the grades, cut points fitted on validation".to_owned()
        }
    }
}

fn percent(share: f32) -> f32 {
    (share * 100.0).round()
}

fn changes(a: &Augmentation) -> String {
    let of_photos = |share: f64| (share * 100.0).round();
    let named: [(bool, String); 11] = [
        (a.flip, "flips".to_owned()),
        (a.quarter_turns, "quarter turns".to_owned()),
        (a.rotate && !a.quarter_turns, "any rotation".to_owned()),
        (a.zoom > 0.0, format!("zoom {} %", percent(a.zoom))),
        (a.shift > 0.0, format!("shift {} %", percent(a.shift))),
        (
            a.brightness > 0.0 || a.contrast > 0.0,
            format!(
                "brightness {} % and contrast {} %",
                percent(a.brightness),
                percent(a.contrast)
            ),
        ),
        (a.colour > 0.0, format!("colour {} %", percent(a.colour))),
        (a.blur > 0.0, format!("blur in {} %", of_photos(a.blur))),
        (
            a.jpeg > 0.0,
            format!("JPEG noise in {} %", of_photos(a.jpeg)),
        ),
        (
            a.framing > 0.0,
            format!("disc cut above and below in {} %", of_photos(a.framing)),
        ),
        (
            a.oversampling > 1,
            format!("changed at {} times the size", a.oversampling),
        ),
    ];
    let drawn: Vec<String> = named
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect();
    if drawn.is_empty() {
        "no augmentation".to_owned()
    } else {
        format!("random {}", drawn.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::config::EARLIER;

    #[test]
    fn of_a_head_alone_nothing_is_said_that_was_not_done() {
        let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        config.from = Some("a.pth".into());
        config.head_epochs = 3;
        let all = sentence(&config);
        assert!(all.contains("one cycle to 1e-3, discriminative rates (0.5 a group), weight"));
        assert!(all.contains("random flips, any rotation"), "{all}");
        config.epochs = 0;
        let head = sentence(&config);
        assert!(
            head.contains("AdamW, one cycle to 1e-3, weight decay 0.01"),
            "{head}"
        );
        for undone in ["flips", "augmentation", "discriminative", "best epoch"] {
            assert!(!head.contains(undone), "{undone}: {head}");
        }
    }
}
