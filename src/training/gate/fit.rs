//! From measured pictures to a gate: regressions on training pictures, and
//! thresholds that let all but a few of their good photos through.

use std::collections::BTreeMap;

use super::degrade::Kind;
use super::samples::{Origin, Sample};
use crate::quality::{COUNT, Fault, Gate, Measures, NAMES, Reason, Record, Scaling, Score, TERMS};
use crate::training::regression::{self, Case};
use crate::training::split::Part;

/// Penalty on the regressions' weights. Every group of pictures counts as a
/// thousand: this is strong enough that no score hangs on one measure alone.
const RIDGE: f64 = 30.0;
const GROUP: f64 = 1000.0;
/// Part of a data set's good photos that may be taken for no retina.
const MISTAKEN: f64 = 0.0025;
/// Part of them that may be found to have any one fault.
const FAULTY: f64 = 0.0035;
/// Part of them that may show less of the disc than is asked for.
const CUT: f64 = 0.003;
/// The least log-odds at which a shot has a fault, whatever the data sets' worst
/// photos: a camera that none of them was taken with deserves a margin.
const FAULT_ODDS: f64 = 1.0;
/// Part of every kind of other picture that may be taken for a ruined retina.
const NO_EYE: f64 = 0.01;
/// The most at which a picture is asked to be a retina: even odds.
const FUNDUS_ODDS: f64 = 0.0;
/// From this severity on a spoilt photo is to be refused; up to the other it is
/// still good; what lies between is left to the regression.
const HOPELESS: usize = 4;
const HARMLESS: usize = 2;

/// The fault that a kind of spoiling is to be recognised as; a crop is told by
/// geometry alone.
fn fault_of(kind: Kind) -> Option<Reason> {
    match kind {
        Kind::Blur | Kind::Motion => Some(Reason::Blurred),
        Kind::Darkness => Some(Reason::TooDark),
        Kind::Overexposure | Kind::Glare => Some(Reason::Glare),
        Kind::Haze => Some(Reason::Hazy),
        Kind::Crop => None,
    }
}

/// Fits a gate to the training pictures among `samples`.
pub fn fit(samples: &[&Sample]) -> Gate {
    let used: Vec<(&Sample, &Measures)> = samples
        .iter()
        .filter(|sample| sample.part == Part::Train)
        .filter_map(|sample| Some((*sample, sample.measures.as_ref()?)))
        .collect();
    let scaling = scaling(&used);
    let terms: Vec<[f64; TERMS]> = used
        .iter()
        .map(|(_, measures)| scaling.terms(&measures.values))
        .collect();
    let fundus = fundus(&used, &terms);
    let ruined = ruined(&used, &terms);
    let faults = [
        Reason::Blurred,
        Reason::TooDark,
        Reason::Glare,
        Reason::Hazy,
    ]
    .into_iter()
    .map(|reason| Fault {
        reason,
        score: fault(&used, &terms, reason),
    })
    .collect();
    let visible = used
        .iter()
        .filter(|(sample, _)| sample.origin == Origin::Good)
        .map(|(sample, measures)| (sample.dataset.as_str(), f64::from(measures.visible)));
    let least_visible = lowest(visible, CUT).min(0.75) as f32;
    Gate {
        measures: NAMES.map(str::to_owned).to_vec(),
        scaling,
        fundus,
        ruined,
        faults,
        // Rounded down: what is asked for is a margin, not a photo's own figure.
        least_visible: (least_visible * 50.0).floor() / 50.0,
        record: Record::default(),
    }
}

/// Mean and deviation over good photos, every data set counting the same.
fn scaling(used: &[(&Sample, &Measures)]) -> Scaling {
    let mut sets: BTreeMap<&str, Vec<&Measures>> = BTreeMap::new();
    for (sample, measures) in used {
        if sample.origin == Origin::Good {
            sets.entry(&sample.dataset).or_default().push(measures);
        }
    }
    let over = |value: &dyn Fn(&Measures) -> f64| -> f64 {
        let of_set = |set: &Vec<&Measures>| {
            set.iter().map(|measures| value(measures)).sum::<f64>() / set.len() as f64
        };
        sets.values().map(of_set).sum::<f64>() / sets.len().max(1) as f64
    };
    let mean: Vec<f64> = (0..COUNT)
        .map(|index| over(&|m| f64::from(m.values[index])))
        .collect();
    let deviation = (0..COUNT)
        .map(|index| over(&|m| (f64::from(m.values[index]) - mean[index]).powi(2)))
        .map(|variance| variance.sqrt().max(0.01))
        .collect();
    Scaling { mean, deviation }
}

/// Fits one score: `role` says for each picture whether it is looked for, and
/// the group of which it is one.
fn score<'a>(
    used: &[(&'a Sample, &Measures)],
    terms: &[[f64; TERMS]],
    role: impl Fn(&'a Sample) -> Option<(bool, String, f64)>,
) -> Vec<f64> {
    let roles: Vec<Option<(bool, String, f64)>> =
        used.iter().map(|(sample, _)| role(sample)).collect();
    let mut groups: BTreeMap<(bool, &str), f64> = BTreeMap::new();
    for (positive, group, _) in roles.iter().flatten() {
        *groups.entry((*positive, group)).or_default() += 1.0;
    }
    let cases: Vec<Case<'_, TERMS>> = roles
        .iter()
        .zip(terms)
        .filter_map(|(role, terms)| {
            let (positive, group, share) = role.as_ref()?;
            Some(Case {
                terms,
                positive: *positive,
                weight: GROUP * share / groups[&(*positive, group.as_str())],
            })
        })
        .collect();
    regression::fit(&cases, RIDGE)
}

/// What is a photograph of a retina, good or bad.
fn fundus(used: &[(&Sample, &Measures)], terms: &[[f64; TERMS]]) -> Score {
    let weights = score(used, terms, |sample| {
        Some(match sample.origin {
            Origin::Good => (true, sample.dataset.clone(), 1.0),
            Origin::Colourless => (true, "colourless".to_owned(), 0.5),
            Origin::Drawn => (true, "drawn".to_owned(), 0.25),
            Origin::Spoilt { severity, .. } if severity < HOPELESS => {
                (true, "spoilt".to_owned(), 1.0)
            }
            // What is spoilt beyond recognition is refused one way or the other.
            Origin::Spoilt { severity, .. } if severity == HOPELESS => {
                (true, "badly spoilt".to_owned(), 0.25)
            }
            Origin::Spoilt { .. } => return None,
            Origin::Everyday => (false, "everyday".to_owned(), 1.0),
            Origin::Disguised => (false, "disguised".to_owned(), 2.0),
            Origin::Thing => (false, "thing".to_owned(), 1.0),
        })
    });
    let score = Score {
        weights,
        threshold: 0.0,
    };
    let good = good(used, terms, &score);
    Score {
        threshold: lowest(good.into_iter(), MISTAKEN).min(FUNDUS_ODDS),
        ..score
    }
}

/// What is an eye all the same, of pictures too bad to be taken for a retina.
fn ruined(used: &[(&Sample, &Measures)], terms: &[[f64; TERMS]]) -> Score {
    let weights = score(used, terms, |sample| {
        Some(match sample.origin {
            Origin::Spoilt { severity, .. } if severity < HOPELESS => return None,
            Origin::Spoilt { kind, .. } => (true, kind.name().to_owned(), 1.0),
            Origin::Good | Origin::Colourless | Origin::Drawn => return None,
            Origin::Everyday => (false, "everyday".to_owned(), 2.0),
            Origin::Disguised => (false, "disguised".to_owned(), 2.0),
            Origin::Thing => (false, "thing".to_owned(), 1.0),
        })
    });
    let score = Score {
        weights,
        threshold: 0.0,
    };
    let others = used.iter().zip(terms).filter_map(|((sample, _), terms)| {
        let name = match sample.origin {
            Origin::Everyday => "everyday",
            Origin::Disguised => "disguised",
            Origin::Thing => "thing",
            _ => return None,
        };
        Some((name, -score.margin(terms)))
    });
    Score {
        threshold: (-lowest(others, NO_EYE)).max(0.0),
        ..score
    }
}

/// What has one fault.
fn fault(used: &[(&Sample, &Measures)], terms: &[[f64; TERMS]], reason: Reason) -> Score {
    let weights = score(used, terms, |sample| {
        Some(match sample.origin {
            Origin::Good => (false, sample.dataset.clone(), 1.0),
            Origin::Colourless => (false, "colourless".to_owned(), 0.3),
            Origin::Drawn => (false, "drawn".to_owned(), 0.5),
            Origin::Spoilt { kind, severity } => {
                let looked_for = fault_of(kind) == Some(reason);
                if looked_for && severity >= HOPELESS {
                    (true, kind.name().to_owned(), 1.0)
                } else if severity <= HARMLESS || fault_of(kind).is_none() {
                    (false, "slightly spoilt".to_owned(), 0.5)
                } else if !looked_for {
                    // So that the reason given is the right one.
                    (false, "spoilt otherwise".to_owned(), 0.2)
                } else {
                    return None;
                }
            }
            Origin::Everyday | Origin::Disguised | Origin::Thing => return None,
        })
    });
    let score = Score {
        weights,
        threshold: 0.0,
    };
    let good = good(used, terms, &score);
    let highest = -lowest(good.into_iter().map(|(set, odds)| (set, -odds)), FAULTY);
    Score {
        threshold: highest.max(FAULT_ODDS),
        ..score
    }
}

/// Data set and log-odds of every good photo.
fn good<'a>(
    used: &[(&'a Sample, &Measures)],
    terms: &[[f64; TERMS]],
    score: &Score,
) -> Vec<(&'a str, f64)> {
    used.iter()
        .zip(terms)
        .filter(|((sample, _), _)| matches!(sample.origin, Origin::Good | Origin::Drawn))
        .map(|((sample, _), terms)| (sample.dataset.as_str(), score.margin(terms)))
        .collect()
}

/// The value below which at most `part` of every data set lies.
fn lowest<'a>(values: impl Iterator<Item = (&'a str, f64)>, part: f64) -> f64 {
    let mut sets: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (set, value) in values {
        sets.entry(set).or_default().push(value);
    }
    sets.into_values()
        .map(|mut values| {
            values.sort_by(f64::total_cmp);
            values[(part * values.len() as f64) as usize]
        })
        .fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(origin: Origin, dataset: &str, first: f32) -> Sample {
        let mut values = [0.0; COUNT];
        values[0] = first;
        Sample {
            origin,
            dataset: dataset.to_owned(),
            part: Part::Train,
            fold: 0,
            measures: Some(Measures {
                values,
                visible: 1.0,
                diameter: 300.0,
            }),
        }
    }

    #[test]
    fn every_data_set_counts_the_same_and_good_photos_alone() {
        let mut samples = vec![
            sample(Origin::Good, "one", 1.0),
            sample(Origin::Good, "one", 3.0),
            sample(Origin::Everyday, "", 90.0),
            sample(Origin::Drawn, "", -90.0),
        ];
        samples.extend((0..4).map(|_| sample(Origin::Good, "two", 10.0)));
        let used: Vec<(&Sample, &Measures)> = samples
            .iter()
            .map(|sample| (sample, sample.measures.as_ref().unwrap()))
            .collect();
        let scaling = scaling(&used);
        // Means of 2 and 10; squares off 6 of 25, 9 and 16.
        assert_eq!(scaling.mean[0], 6.0);
        assert!((scaling.deviation[0] - 16.5f64.sqrt()).abs() < 1e-12);
        // What never varies is divided by little, not by nothing.
        assert_eq!((scaling.mean[1], scaling.deviation[1]), (0.0, 0.01));
    }

    #[test]
    fn a_threshold_is_the_strictest_set_s() {
        let one = [5.0, 1.0, 4.0, 2.0, 3.0].map(|value| ("one", value));
        let two = [9.0, 7.0, 8.0, 6.5, 10.0].map(|value| ("two", value));
        let of = |part: f64| lowest(one.into_iter().chain(two), part);
        // None, one, and two of five below it.
        assert_eq!((of(0.1), of(0.2), of(0.4)), (1.0, 2.0, 3.0));
        assert_eq!(lowest(two.into_iter(), 0.0), 6.5);
        assert_eq!(lowest([].into_iter(), 0.1), f64::INFINITY);
    }

    #[test]
    fn lines_lie_on_the_side_of_the_photo() {
        let mut samples = Vec::new();
        for number in 0..60 {
            let spread = (number % 10) as f32 / 5.0;
            samples.push(sample(Origin::Good, "one", spread));
            samples.push(sample(Origin::Everyday, "", 6.0 + spread));
            let origin = Origin::Spoilt {
                kind: Kind::Haze,
                severity: 5,
            };
            samples.push(sample(origin, "one", 3.0 + spread));
        }
        let gate = fit(&samples.iter().collect::<Vec<_>>());
        assert!(gate.fundus.threshold <= 0.0 && gate.ruined.threshold >= 0.0);
        for fault in &gate.faults {
            assert!(fault.score.threshold >= 1.0, "{fault:?}");
        }
        for sample in &samples {
            let measures = sample.measures.as_ref().unwrap();
            let terms = gate.scaling.terms(&measures.values);
            match sample.origin {
                Origin::Good => assert_eq!(gate.judge(measures), Ok(())),
                // Refused, and taken for nobody's eye.
                Origin::Everyday => assert!(gate.ruined.margin(&terms) <= 0.0),
                _ => {}
            }
        }
    }
}
