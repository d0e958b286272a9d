//! Whatever results there are, merged: the curves of Ref and TL with their
//! intervals, paired differences, and the answers they give.
//!
//! A figure is the mean over seeds. Its interval comes from resampling the test
//! photos by group, every run measured on the very same samples; it says how far
//! other photos would have moved the figure, not other seeds, whose figures
//! stand beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cell::{self, CellResult};
use super::claims::{self, BreakEven, Claim};
use super::figure::{FIGURES, Figure};
use super::grid::{Arm, Start};
use super::measured::{Measured, Paired, Run};
use super::plan::{Plan, TestPhotos};
use super::talk::{self, TalkRow};
use crate::evaluation::Bootstrap;
use crate::evaluation::bootstrap::interval;

/// Of `study.json`, for whoever reads it later.
pub const FORMAT: u32 = 1;

/// What one arm came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmSummary {
    pub arm: Arm,
    /// For a reader.
    pub title: String,
    pub start: Option<Start>,
    /// Of the training photos.
    pub percent: u32,
    /// Photos trained on, mean over seeds.
    pub photos: f64,
    pub seeds: Vec<u64>,
    pub recipe: String,
    /// By the names of [`FIGURES`].
    pub figures: BTreeMap<String, Figure>,
    /// What its authors measured elsewhere, where it is theirs.
    pub published: BTreeMap<String, f64>,
    /// Mean over seeds.
    pub seconds: f64,
}

/// Everything a study came to: `study.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Study {
    pub format: u32,
    pub version: String,
    pub datasets: Vec<String>,
    /// Side of the pictures, in pixels.
    pub size: u32,
    pub epochs: usize,
    /// Photos that chose epoch and temperature.
    pub validation_photos: usize,
    /// Photos measured, and the groups that were resampled.
    pub test_photos: usize,
    pub test_groups: usize,
    pub bootstrap: Bootstrap,
    pub arms: Vec<ArmSummary>,
    /// TL less Ref at each share, TL on the smallest share less Ref on all, and
    /// each preset less TL on all.
    pub differences: Vec<Paired>,
    pub claims: Vec<Claim>,
    pub break_even: Vec<BreakEven>,
    pub talk: Vec<TalkRow>,
    pub talk_source: String,
    pub collecting_source: String,
    pub months_for_all: f64,
    /// Runs of the plan without a result.
    pub missing: Vec<String>,
}

impl Study {
    pub fn arm(&self, arm: Arm) -> Option<&ArmSummary> {
        self.arms.iter().find(|summary| summary.arm == arm)
    }

    /// The arms of one start, from the smallest share up.
    pub fn curve(&self, start: Start) -> Vec<&ArmSummary> {
        let mut curve: Vec<&ArmSummary> = self
            .arms
            .iter()
            .filter(|a| a.start == Some(start))
            .collect();
        curve.sort_by_key(|a| a.percent);
        curve
    }

    pub fn difference(&self, a: Arm, b: Arm, figure: &str) -> Option<&Paired> {
        self.differences
            .iter()
            .find(|d| d.a == a && d.b == b && d.figure == figure)
    }
}

/// Merges the results in the folder of a study.
///
/// # Errors
/// A sentence naming the file, where there is none or one does not fit the others.
pub fn collect(out: &Path, plan: &Plan) -> Result<Study, String> {
    let mut results = Vec::new();
    let mut missing = Vec::new();
    for cell in plan.grid.cells() {
        if cell::is_done(out, cell) {
            let path = cell::folder(out, cell).join(cell::RESULT);
            let result = cell::read(&path)?;
            if result.cell != cell {
                return Err(format!("{} is of {}", path.display(), result.cell));
            }
            results.push(result);
        } else {
            missing.push(cell.to_string());
        }
    }
    merge(&results, missing, plan, Bootstrap::default())
        .map_err(|fault| format!("{}: {fault}", out.join("runs").display()))
}

fn merge(
    results: &[CellResult],
    missing: Vec<String>,
    plan: &Plan,
    bootstrap: Bootstrap,
) -> Result<Study, String> {
    let Some(first) = results.first() else {
        return Err("no run has a result yet; run `fovea study` without --collect first".into());
    };
    for result in results {
        check_same_photos(first, result)?;
    }
    let runs = results
        .iter()
        .map(|result| {
            let of = |which: fn(&cell::TestPhoto) -> &[f32]| {
                cell::predictions(&result.photos, which)
                    .map_err(|fault| format!("{}: {fault}", result.cell))
            };
            Ok(Run {
                result,
                before: of(|photo| &photo.before)?,
                after: of(|photo| &photo.after)?,
            })
        })
        .collect::<Result<Vec<Run>, String>>()?;
    let groups: Vec<usize> = first.photos.iter().map(|photo| photo.group).collect();
    let measured = Measured {
        arms: runs.iter().map(|run| run.result.cell.arm).collect(),
        seeds: runs.iter().map(|run| run.result.cell.seed).collect(),
        plain: runs.iter().map(|run| run.measure(None)).collect(),
        samples: bootstrap.run(&groups, |weights| {
            runs.iter().map(|run| run.measure(Some(weights))).collect()
        }),
    };
    let arms: Vec<ArmSummary> = plan
        .grid
        .arms()
        .into_iter()
        .filter_map(|arm| summarise(arm, plan, results, &measured))
        .collect();
    let mut study = Study {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        datasets: {
            let names: BTreeSet<&str> = first.photos.iter().map(|p| p.dataset.as_str()).collect();
            names.into_iter().map(str::to_owned).collect()
        },
        size: plan.transfer.preprocessing.size,
        epochs: plan.transfer.epochs,
        validation_photos: first.validation_photos,
        test_photos: first.photos.len(),
        test_groups: groups.iter().collect::<BTreeSet<_>>().len(),
        bootstrap,
        differences: differences(&arms, &measured),
        arms,
        claims: Vec::new(),
        break_even: Vec::new(),
        // The talk's photos are not of MedMNIST's kind.
        talk: match plan.test_photos {
            TestPhotos::Drawn => talk::TALK.to_vec(),
            TestPhotos::PublishedPart => Vec::new(),
        },
        talk_source: talk::TALK_SOURCE.to_owned(),
        collecting_source: talk::COLLECTING_SOURCE.to_owned(),
        months_for_all: talk::MONTHS_FOR_ALL,
        missing,
    };
    study.break_even = claims::break_even(&study, &measured);
    study.claims = claims::answer(&study);
    Ok(study)
}

fn check_same_photos(a: &CellResult, b: &CellResult) -> Result<(), String> {
    let same = a.photos.len() == b.photos.len()
        && a.photos.iter().zip(&b.photos).all(|(a, b)| {
            (&a.dataset, &a.photo, a.group, a.grade) == (&b.dataset, &b.photo, b.group, b.grade)
        });
    if same {
        Ok(())
    } else {
        Err(format!(
            "{} and {} were not measured on the same photos; delete the folder of one of them \
             and run the study again",
            a.cell, b.cell
        ))
    }
}

fn summarise(
    arm: Arm,
    plan: &Plan,
    results: &[CellResult],
    measured: &Measured,
) -> Option<ArmSummary> {
    let runs: Vec<usize> = measured.runs(arm, &measured.seeds_of(arm));
    let first = results.get(*runs.first()?)?;
    let mean = |of: &dyn Fn(&CellResult) -> f64| {
        runs.iter().map(|&i| of(&results[i])).sum::<f64>() / runs.len() as f64
    };
    let (title, start, percent, published) = match arm {
        Arm::Grid { start, percent } => {
            let from = match start {
                Start::Ref => "Ref",
                Start::Tl => "TL",
            };
            let published = match plan.test_photos {
                TestPhotos::PublishedPart if (start, percent) == (Start::Ref, 100) => {
                    &talk::RETINAMNIST[..]
                }
                _ => &[],
            };
            (
                format!("{from} {percent} %"),
                Some(start),
                percent,
                published,
            )
        }
        Arm::Preset(preset) => (preset.title().to_owned(), None, 100, preset.published()),
    };
    Some(ArmSummary {
        arm,
        title,
        start,
        percent,
        photos: mean(&|r| r.trained_on.iter().sum::<usize>() as f64),
        seeds: runs.iter().map(|&i| measured.seeds[i]).collect(),
        recipe: first.recipe.clone(),
        figures: FIGURES
            .iter()
            .enumerate()
            .map(|(place, kind)| {
                let (mean, samples) = measured.means_of(&runs, place);
                let figure = Figure {
                    mean,
                    interval: interval(&samples),
                    by_seed: runs.iter().map(|&i| measured.plain[i][place]).collect(),
                };
                (kind.name.to_owned(), figure)
            })
            .collect(),
        published: published
            .iter()
            .map(|&(name, value)| (name.to_owned(), value))
            .collect(),
        seconds: mean(&|r| r.seconds),
    })
}

fn differences(arms: &[ArmSummary], measured: &Measured) -> Vec<Paired> {
    let grid = |start, percent| Arm::Grid { start, percent };
    let mut pairs = Vec::new();
    let tl: Vec<&ArmSummary> = arms.iter().filter(|a| a.start == Some(Start::Tl)).collect();
    for arm in &tl {
        pairs.push((grid(Start::Ref, arm.percent), arm.arm));
    }
    if let Some(smallest) = tl.iter().map(|arm| arm.percent).min()
        && smallest < 100
    {
        pairs.push((grid(Start::Ref, 100), grid(Start::Tl, smallest)));
    }
    for arm in arms.iter().filter(|arm| arm.start.is_none()) {
        pairs.push((grid(Start::Tl, 100), arm.arm));
    }
    pairs
        .into_iter()
        .flat_map(|(a, b)| {
            (0..FIGURES.len()).filter_map(move |figure| measured.paired(a, b, figure))
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::evaluation::Metrics;
    use crate::study::claims::Answer;
    use crate::study::grid::{Cell, Grid};
    use crate::study::preset::Preset;

    pub(in crate::study) fn plan(percents: &[u32], seeds: u64, presets: &[Preset]) -> Plan {
        let transfer = serde_json::json!({
            "data": ["photos"], "from": "imagenet.pth", "architecture": "resnet18",
            "preprocessing": crate::photo::Preprocessing::imagenet(64),
            "smaller_first": [], "head_epochs": 2, "epochs": 3, "batch": 8,
            "learning_rate": 0.001, "discrimination": 0.5, "weight_decay": 0.01,
            "objective": {"kind": "cross-entropy"}, "label_smoothing": 0.0,
            "balance": {"kind": "neither"},
            "augmentation": crate::training::augment::Augmentation::AT_ANY_ANGLE,
            "average_epochs": 0.5, "test_time_flips": false,
            "validation": 0.15, "test": 0.15, "seed": 1
        });
        Plan {
            grid: Grid {
                percents: percents.to_vec(),
                seeds,
                presets: presets.to_vec(),
            },
            transfer: serde_json::from_value(transfer).unwrap(),
            test_photos: TestPhotos::Drawn,
        }
    }

    /// A run on 100 photos of two grades that gets the first `right` of them
    /// right; it is 80 % sure after scaling and 60 % sure before.
    pub(in crate::study) fn result(arm: &str, seed: u64, right: usize) -> CellResult {
        let photos: Vec<cell::TestPhoto> = (0..100)
            .map(|i| {
                let grade = (i % 2 * 2) as u8;
                let said = if i < right { grade } else { 2 - grade };
                let sure = |p: f32| {
                    let mut row = vec![(1.0 - p) / 4.0; 5];
                    row[usize::from(said)] = p;
                    row
                };
                cell::TestPhoto {
                    dataset: "toy".into(),
                    photo: format!("{i}"),
                    group: i / 2,
                    grade,
                    before: sure(0.6),
                    after: sure(0.8),
                }
            })
            .collect();
        let metrics = |of: fn(&cell::TestPhoto) -> &[f32]| {
            Metrics::of(&cell::predictions(&photos, of).unwrap())
        };
        CellResult {
            cell: Cell {
                arm: arm.parse().unwrap(),
                seed,
            },
            version: "0".into(),
            recipe: "by hand".into(),
            weights_sha256: String::new(),
            trained_on: [70, 0, 30, 0, 0],
            validation_photos: 20,
            temperature: 1.0,
            seconds: 2.0,
            resumed: false,
            before: metrics(|photo| &photo.before),
            after: metrics(|photo| &photo.after),
            photos,
        }
    }

    pub(in crate::study) fn merged(results: &[CellResult], plan: &Plan) -> Study {
        let bootstrap = Bootstrap {
            samples: 300,
            seed: 1,
        };
        merge(results, Vec::new(), plan, bootstrap).unwrap()
    }

    fn close(found: Option<f64>, expected: f64) {
        assert!(
            (found.unwrap() - expected).abs() < 1e-6,
            "{found:?} for {expected}"
        );
    }

    #[test]
    fn figures_are_means_over_seeds() {
        let plan = plan(&[100], 2, &[]);
        let study = merged(
            &[
                result("ref-100", 1, 60),
                result("ref-100", 2, 70),
                result("tl-100", 1, 80),
                result("tl-100", 2, 100),
            ],
            &plan,
        );
        let of = |arm: &str| study.arm(arm.parse().unwrap()).unwrap();
        let accuracy = &of("ref-100").figures["accuracy"];
        close(accuracy.mean, 0.65);
        assert_eq!(accuracy.by_seed, [Some(0.6), Some(0.7)]);
        // Wrong answers leave 5 % to the truth, before scaling 10 %.
        let loss =
            |right: f64, sure: f64, wrong: f64| -(right * sure.ln() + (1.0 - right) * wrong.ln());
        let tl = of("tl-100");
        let after = (loss(0.8, 0.8, 0.05) + loss(1.0, 0.8, 0.05)) / 2.0;
        close(tl.figures["cross_entropy"].mean, after);
        let before = (loss(0.8, 0.6, 0.1) + loss(1.0, 0.6, 0.1)) / 2.0;
        close(tl.figures["cross_entropy_before"].mean, before);
        assert_eq!((tl.photos, tl.seeds.as_slice()), (100.0, &[1, 2][..]));
        assert_eq!((study.test_photos, study.test_groups), (100, 50));
        let paired = study
            .difference(of("ref-100").arm, tl.arm, "accuracy")
            .unwrap();
        close(paired.difference, 0.25);
        let interval = paired.interval.unwrap();
        // 30 and 20 of the differing photos of seeds 2 and 1, in pairs of two:
        // a standard error of about 0.06.
        assert!(interval.low > 0.1 && interval.high < 0.4, "{interval:?}");
        assert!(paired.p.unwrap() < 0.02);
    }

    #[test]
    fn pairs_are_of_the_seeds_both_have() {
        let plan = plan(&[100], 2, &[]);
        let study = merged(
            &[
                result("ref-100", 1, 60),
                result("ref-100", 2, 20),
                result("tl-100", 1, 80),
            ],
            &plan,
        );
        let arm = |name: &str| name.parse::<Arm>().unwrap();
        let paired = study.difference(arm("ref-100"), arm("tl-100"), "accuracy");
        close(paired.unwrap().difference, 0.2);
    }

    #[test]
    fn a_preset_stands_beside_its_authors_figures_and_tl() {
        let plan = plan(&[100], 1, &[Preset::Sallam2020]);
        let study = merged(
            &[result("tl-100", 1, 80), result("sallam2020", 1, 75)],
            &plan,
        );
        let arm = Arm::Preset(Preset::Sallam2020);
        assert_eq!(study.arm(arm).unwrap().published["accuracy"], 0.7);
        let paired = study.difference("tl-100".parse().unwrap(), arm, "accuracy");
        close(paired.unwrap().difference, -0.05);
    }

    #[test]
    fn other_photos_are_refused() {
        let mut other = result("tl-100", 1, 80);
        other.photos[3].photo = "elsewhere".into();
        let fault = merge(
            &[result("ref-100", 1, 60), other],
            Vec::new(),
            &plan(&[100], 1, &[]),
            Bootstrap::default(),
        );
        let fault = fault.unwrap_err();
        assert!(fault.contains("tl-100-seed1"), "{fault}");
    }

    #[test]
    fn what_is_there_is_merged_and_what_is_not_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(&[100, 10], 1, &[]);
        let nothing = collect(folder.path(), &plan).unwrap_err();
        assert!(nothing.contains("no run has a result"), "{nothing}");
        for (arm, right) in [("ref-100", 60), ("tl-010", 60)] {
            let result = result(arm, 1, right);
            let here = cell::folder(folder.path(), result.cell);
            std::fs::create_dir_all(&here).unwrap();
            let json = serde_json::to_vec(&result).unwrap();
            std::fs::write(here.join(cell::RESULT), json).unwrap();
        }
        let study = collect(folder.path(), &plan).unwrap();
        assert_eq!(study.missing, ["ref-010-seed1", "tl-100-seed1"]);
        let equal = &study.claims[1];
        assert_eq!(equal.answer, Answer::Undecided, "{equal:?}");
        let json = serde_json::to_string(&study).unwrap();
        let read: Study = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&read.claims, &read.missing),
            (&study.claims, &study.missing)
        );
        assert!(read.arm("tl-010".parse().unwrap()).is_some());
    }

    #[test]
    fn the_results_that_the_page_is_tested_with_are_of_this_format() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/help/study.json");
        let study: Study = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(study.format, FORMAT);
        for arm in &study.arms {
            for kind in &FIGURES {
                assert!(arm.figures.contains_key(kind.name), "{}", kind.name);
            }
        }
    }
}
