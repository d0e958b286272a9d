//! The talk's two claims, answered in words, and the share of photos at which
//! transfer learning does what random weights do on all of them.

use serde::{Deserialize, Serialize};

use super::collect::Study;
use super::figure::{FIGURES, FigureKind, TALKED_OF};
use super::grid::{Arm, Start};
use super::measured::{Measured, Paired};
use super::talk::MONTHS_FOR_ALL;
use crate::evaluation::Interval;

/// What the figures say to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Yes,
    No,
    /// The interval holds both: these photos do not tell.
    Undecided,
    /// A run it takes is missing.
    Unknown,
}

impl Answer {
    fn word(self) -> &'static str {
        match self {
            Self::Yes => "Yes",
            Self::No => "No",
            Self::Undecided => "Not shown",
            Self::Unknown => "Not known yet",
        }
    }
}

/// A claim and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub question: String,
    /// Of the figure that says the least for it.
    pub answer: Answer,
    pub by_figure: Vec<FigureAnswer>,
}

/// What one figure says to a claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigureAnswer {
    pub figure: String,
    pub answer: Answer,
    /// A sentence with its numbers.
    pub words: String,
}

/// Answers the talk's two claims.
pub fn answer(study: &Study) -> Vec<Claim> {
    let smallest = study.curve(Start::Tl).first().map_or(10, |arm| arm.percent);
    let claim = |question: String, of: &dyn Fn(&FigureKind) -> (Answer, String)| {
        let by_figure: Vec<FigureAnswer> = FIGURES[..TALKED_OF]
            .iter()
            .map(|kind| {
                let (answer, reason) = of(kind);
                FigureAnswer {
                    figure: kind.name.to_owned(),
                    answer,
                    words: format!("{}: {}. {reason}", kind.title, answer.word().to_lowercase()),
                }
            })
            .collect();
        let given = |answer| by_figure.iter().any(|f| f.answer == answer);
        let answer = [Answer::Unknown, Answer::No, Answer::Undecided]
            .into_iter()
            .find(|&answer| given(answer))
            .unwrap_or(Answer::Yes);
        Claim {
            question,
            answer,
            by_figure,
        }
    };
    let mut claims = vec![claim(
        "Does transfer learning (TL) beat random weights (Ref) at every share of the photos?"
            .to_owned(),
        &|kind| beats_everywhere(study, kind),
    )];
    if smallest < 100 {
        claims.push(claim(
            format!("Does TL on {smallest} % of the photos equal Ref on all of them?"),
            &|kind| equals(study, kind, smallest),
        ));
    }
    claims
}

/// Which way a difference points: `Yes` in favour of `b`, `No` against.
fn verdict(paired: &Paired, kind: &FigureKind) -> Answer {
    let Some(interval) = paired.interval else {
        return Answer::Unknown;
    };
    let (better, worse) = if kind.higher_is_better {
        (interval.low > 0.0, interval.high < 0.0)
    } else {
        (interval.high < 0.0, interval.low > 0.0)
    };
    match (better, worse) {
        (true, _) => Answer::Yes,
        (_, true) => Answer::No,
        _ => Answer::Undecided,
    }
}

fn beats_everywhere(study: &Study, kind: &FigureKind) -> (Answer, String) {
    let mut at: [Vec<String>; 4] = Default::default();
    for arm in study.curve(Start::Tl) {
        let reference = Arm::Grid {
            start: Start::Ref,
            percent: arm.percent,
        };
        let found = study.difference(reference, arm.arm, kind.name);
        let answer = found.map_or(Answer::Unknown, |paired| verdict(paired, kind));
        let words = found.map_or_else(|| "Ref is missing".to_owned(), |p| numbers(p, kind));
        at[answer as usize].push(format!("{} % ({words})", arm.percent));
    }
    let [yes, no, undecided, unknown] = at.map(|shares| shares.join(", "));
    let mut sentences = Vec::new();
    for (shares, lead) in [
        (&no, "Ref is better at"),
        (&undecided, "Neither is shown to be better at"),
        (&unknown, "Nothing is known at"),
        (&yes, "TL is better at"),
    ] {
        if !shares.is_empty() {
            sentences.push(format!("{lead} {shares}."));
        }
    }
    let answer = if yes.is_empty() && no.is_empty() && undecided.is_empty() || !unknown.is_empty() {
        Answer::Unknown
    } else if !no.is_empty() {
        Answer::No
    } else if !undecided.is_empty() {
        Answer::Undecided
    } else {
        Answer::Yes
    };
    (answer, sentences.join(" "))
}

fn equals(study: &Study, kind: &FigureKind, smallest: u32) -> (Answer, String) {
    let arm = |start, percent| Arm::Grid { start, percent };
    let found = study.difference(arm(Start::Ref, 100), arm(Start::Tl, smallest), kind.name);
    let Some(paired) = found else {
        return (Answer::Unknown, "A run it takes is missing.".to_owned());
    };
    let answer = verdict(paired, kind);
    let lead = match answer {
        Answer::Yes => "TL on the few is even better:",
        Answer::No => "Ref on all is better:",
        Answer::Undecided => "The two are not told apart, which does not show them equal:",
        Answer::Unknown => "These photos do not define the figure:",
    };
    (
        answer,
        format!("{lead} TL less Ref {}.", numbers(paired, kind)),
    )
}

/// `+3.1 points, 1.0 to 5.2`, or plain numbers for what is no share.
fn numbers(paired: &Paired, kind: &FigureKind) -> String {
    let (scale, digits, unit) = if kind.name == "accuracy" {
        (100.0, 1, " points")
    } else {
        (1.0, 3, "")
    };
    let signed = |value: f64| {
        let text = format!("{:+.digits$}", value * scale);
        text.replace('-', "−")
    };
    match (paired.difference, paired.interval) {
        (Some(difference), Some(interval)) => format!(
            "{}{unit}, {} to {}",
            signed(difference),
            signed(interval.low),
            signed(interval.high)
        ),
        _ => "not defined".to_owned(),
    }
}

/// The share of the photos at which TL equals Ref on all of them, by one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakEven {
    pub figure: String,
    /// Ref's on all photos.
    pub target: f64,
    /// Percent; none where TL does not get there with all photos.
    pub percent: Option<f64>,
    /// TL is there already on the smallest share measured: it may take fewer.
    pub at_most: bool,
    /// 95 %: ends at or below the smallest share stand for that share, a high
    /// end of none for more than all photos.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Photos TL takes there.
    pub photos: Option<f64>,
    /// Months it saves of the six that Desautels et al. collected for.
    pub months_saved: Option<f64>,
    pub words: String,
}

/// For each of the talk's figures, where the curve of TL reaches Ref on all
/// photos, read off straight lines between the shares measured.
pub(super) fn break_even(study: &Study, measured: &Measured) -> Vec<BreakEven> {
    let curve = study.curve(Start::Tl);
    let reference = Arm::Grid {
        start: Start::Ref,
        percent: 100,
    };
    // One share is no curve, and one that does not reach all photos cannot say that
    // they are too few.
    if curve.len() < 2
        || study.arm(reference).is_none()
        || curve.last().is_none_or(|arm| arm.percent < 100)
    {
        return Vec::new();
    }
    let shares: Vec<f64> = curve.iter().map(|arm| f64::from(arm.percent)).collect();
    FIGURES[..TALKED_OF]
        .iter()
        .enumerate()
        .filter_map(|(place, kind)| {
            let sign = if kind.higher_is_better { 1.0 } else { -1.0 };
            let (target, targets) = measured.means(reference, place);
            let of_arms: Vec<(Option<f64>, Vec<Option<f64>>)> = curve
                .iter()
                .map(|arm| measured.means(arm.arm, place))
                .collect();
            let reached = |target: Option<f64>, values: Option<Vec<f64>>| {
                let target = target?;
                let above: Vec<f64> = values?.iter().map(|v| sign * (v - target)).collect();
                Some(crossing(&shares, &above))
            };
            let plain = reached(target, of_arms.iter().map(|(plain, _)| *plain).collect())?;
            let samples: Vec<f64> = (0..targets.len())
                .filter_map(|i| {
                    let values = of_arms.iter().map(|(_, samples)| samples[i]).collect();
                    reached(targets[i], values)
                })
                .collect();
            Some(describe(study, kind, target?, plain, middle(samples)))
        })
        .collect()
}

/// The first share at which `above` (a value a share, ascending) is not below
/// zero; infinite where there is none.
fn crossing(shares: &[f64], above: &[f64]) -> f64 {
    if above[0] >= 0.0 {
        return shares[0];
    }
    for i in 1..shares.len() {
        if above[i] >= 0.0 {
            let part = -above[i - 1] / (above[i] - above[i - 1]);
            return shares[i - 1] + part * (shares[i] - shares[i - 1]);
        }
    }
    f64::INFINITY
}

/// The middle 95 % of the samples, by nearest rank: infinity has no middle.
fn middle(mut samples: Vec<f64>) -> Option<Interval> {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().checked_sub(1)?;
    let at = |q: f64| samples[(q * last as f64).round() as usize];
    Some(Interval {
        low: at(0.025),
        high: at(0.975),
    })
}

fn describe(
    study: &Study,
    kind: &FigureKind,
    target: f64,
    percent: f64,
    interval: Option<Interval>,
) -> BreakEven {
    let finite = |value: f64| value.is_finite().then_some(value);
    let smallest = study
        .curve(Start::Tl)
        .first()
        .map_or(0.0, |a| f64::from(a.percent));
    let at_most = percent <= smallest;
    let all = study
        .arm(Arm::Grid {
            start: Start::Tl,
            percent: 100,
        })
        .map_or(0.0, |arm| arm.photos);
    let photos = finite(percent).map(|percent| all * percent / 100.0);
    let months = finite(percent).map(|percent| MONTHS_FOR_ALL * (1.0 - percent / 100.0));
    let shown = |percent: f64| match finite(percent) {
        Some(percent) => format!("{percent:.0} %"),
        None => "more than all".to_owned(),
    };
    let between = interval.map_or_else(String::new, |i| {
        format!(" (95 %: {} to {})", shown(i.low), shown(i.high))
    });
    // Fewer photos than the smallest share were not tried: it may save more.
    let saved = |percent: f64| match finite(percent) {
        None => "none".to_owned(),
        Some(percent) => format!(
            "{:.1}{}",
            MONTHS_FOR_ALL * (1.0 - percent / 100.0),
            if percent <= smallest { " or more" } else { "" }
        ),
    };
    let months_between = interval.map_or_else(String::new, |i| {
        format!(" (95 %: {} to {})", saved(i.high), saved(i.low))
    });
    let words = match photos {
        Some(photos) => format!(
            "{}: TL reaches what Ref reaches on all photos with {}{} of them{between}, {photos:.0} \
             photos. Where collecting all takes six months, that saves {} of them{months_between}.",
            kind.title,
            if at_most { "at most " } else { "" },
            shown(percent),
            saved(percent),
        ),
        _ => format!(
            "{}: TL does not reach what Ref reaches on all photos{between}.",
            kind.title
        ),
    };
    BreakEven {
        figure: kind.name.to_owned(),
        target,
        percent: finite(percent),
        at_most,
        low: interval.and_then(|i| finite(i.low)),
        high: interval.and_then(|i| finite(i.high)),
        photos,
        months_saved: months,
        words,
    }
}

#[cfg(test)]
mod tests {
    use super::super::collect::tests::{merged, plan, result};
    use super::*;

    fn study(runs: &[(&str, usize)]) -> Study {
        let results: Vec<_> = runs
            .iter()
            .map(|(arm, right)| result(arm, 1, *right))
            .collect();
        merged(&results, &plan(&[100, 50, 10], 1, &[]))
    }

    #[test]
    fn a_curve_crosses_where_the_straight_line_does() {
        let shares = [10.0, 50.0, 100.0];
        assert_eq!(crossing(&shares, &[-1.0, 1.0, 2.0]), 30.0);
        assert_eq!(crossing(&shares, &[0.5, 1.0, 2.0]), 10.0);
        assert_eq!(crossing(&shares, &[-3.0, -1.0, 0.0]), 100.0);
        assert_eq!(crossing(&shares, &[-3.0, -1.0, -0.5]), f64::INFINITY);
    }

    #[test]
    fn tl_far_ahead_is_a_yes_to_both_claims() {
        let study = study(&[
            ("ref-100", 50),
            ("ref-050", 40),
            ("ref-010", 20),
            ("tl-100", 95),
            ("tl-050", 90),
            ("tl-010", 85),
        ]);
        assert_eq!(study.claims[0].answer, Answer::Yes, "{:?}", study.claims[0]);
        assert_eq!(study.claims[1].answer, Answer::Yes, "{:?}", study.claims[1]);
        let accuracy = &study.break_even[0];
        assert!(accuracy.at_most && accuracy.percent == Some(10.0));
        assert!(
            accuracy.words.contains("saves 5.4 or more of them"),
            "{}",
            accuracy.words
        );
    }

    #[test]
    fn months_saved_are_told_with_what_the_interval_leaves_of_them() {
        let study = study(&[
            ("ref-100", 50),
            ("ref-050", 40),
            ("ref-010", 20),
            ("tl-100", 95),
            ("tl-050", 90),
            ("tl-010", 85),
        ]);
        let wide = Some(Interval {
            low: 10.0,
            high: f64::INFINITY,
        });
        let told = describe(&study, &FIGURES[0], 0.5, 10.0, wide).words;
        let saved = "saves 5.4 or more of them (95 %: none to 5.4 or more).";
        assert!(told.ends_with(saved), "{told}");
        let narrow = Some(Interval {
            low: 40.0,
            high: 60.0,
        });
        let told = describe(&study, &FIGURES[0], 0.5, 50.0, narrow).words;
        let saved = "saves 3.0 of them (95 %: 2.4 to 3.6).";
        assert!(told.ends_with(saved), "{told}");
    }

    #[test]
    fn where_ref_is_ahead_the_answer_is_no() {
        let study = study(&[
            ("ref-100", 80),
            ("ref-050", 40),
            ("ref-010", 40),
            ("tl-100", 95),
            ("tl-050", 90),
            ("tl-010", 10),
        ]);
        let [everywhere, equal] = &study.claims[..] else {
            panic!("two claims");
        };
        assert_eq!(everywhere.answer, Answer::No);
        assert!(
            everywhere.by_figure[0]
                .words
                .contains("Ref is better at 10 %"),
            "{everywhere:?}"
        );
        assert_eq!(equal.answer, Answer::No);
        // 80 lies at 7/8 of the way from 10 (at 10 %) to 90 (at 50 %).
        let percent = study.break_even[0].percent.unwrap();
        assert!((percent - 45.0).abs() < 1e-6, "{percent}");
        assert!((study.break_even[0].photos.unwrap() - 45.0).abs() < 1e-6);
    }

    #[test]
    fn a_missing_run_is_told() {
        let study = study(&[("ref-100", 50), ("tl-100", 90), ("tl-010", 80)]);
        let words = &study.claims[0].by_figure[0].words;
        assert_eq!(study.claims[0].answer, Answer::Unknown);
        assert!(words.contains("10 % (Ref is missing)"), "{words}");
        assert_eq!(study.claims[1].answer, Answer::Yes);
    }
}
