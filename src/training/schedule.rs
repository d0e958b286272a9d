//! Learning rates: one cycle (Smith 2018), discriminative by depth (Howard &
//! Ruder 2018), put together from burn's schedulers.

use burn::lr_scheduler::LrSchedulerConfig;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::{ModuleLrScheduler, ModuleLrSchedulerConfig};
use burn::lr_scheduler::sequential::SequentialLrSchedulerConfig;
use burn::module::ParamGroup;

/// Share of the steps spent warming up, as fast.ai's `fit_one_cycle` has it.
const WARM_UP: f64 = 0.25;
/// The cycle starts at a 25th of its peak, as in fast.ai.
const START: f64 = 1.0 / 25.0;

/// One cycle over `steps`: linear warm-up to `peak`, cosine down to nothing.
pub fn one_cycle(peak: f64, steps: usize) -> LrSchedulerConfig {
    let warm_up = ((steps as f64 * WARM_UP) as usize).clamp(1, steps.max(2) - 1);
    LrSchedulerConfig::Sequential(SequentialLrSchedulerConfig::new(
        vec![
            LrSchedulerConfig::Linear(LinearLrSchedulerConfig::new(peak * START, peak, warm_up)),
            LrSchedulerConfig::Cosine(CosineAnnealingLrSchedulerConfig::new(
                peak,
                steps.saturating_sub(warm_up).max(1),
            )),
        ],
        vec![warm_up],
    ))
}

/// One cycle in which the head learns at `peak`, the last two stages at
/// `peak * discrimination` and everything before them at `peak * discrimination²`.
///
/// # Errors
/// burn's words where a rate is out of its range (0, 1].
pub fn discriminative(
    peak: f64,
    discrimination: f64,
    steps: usize,
) -> Result<ModuleLrScheduler, String> {
    let middle = peak * discrimination;
    ModuleLrSchedulerConfig::new(one_cycle(middle * discrimination, steps))
        .with_group(group(r"(^|\.)layer[34]\."), one_cycle(middle, steps))
        .with_group(group(r"(^|\.)fc\."), one_cycle(peak, steps))
        .init()
}

/// The same rates by depth, standing still at `peak`.
///
/// # Errors
/// As [`discriminative`].
pub fn constant(peak: f64, discrimination: f64) -> Result<ModuleLrScheduler, String> {
    let still = LrSchedulerConfig::Constant;
    let middle = peak * discrimination;
    ModuleLrSchedulerConfig::new(still(middle * discrimination))
        .with_group(group(r"(^|\.)layer[34]\."), still(middle))
        .with_group(group(r"(^|\.)fc\."), still(peak))
        .init()
}

/// Parameters whose whole path matches; plain predicates are substring matches.
fn group(pattern: &str) -> ParamGroup {
    ParamGroup::from_regex(pattern).expect("the pattern is a constant of this file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cycle_rises_to_its_peak_and_falls_to_nothing() {
        let steps = 100;
        let mut cycle = ModuleLrSchedulerConfig::new(one_cycle(0.01, steps))
            .init()
            .unwrap();
        let rates: Vec<f64> = (0..steps).map(|_| cycle.step().base()).collect();
        let peak = rates.iter().copied().fold(0.0, f64::max);
        assert!((peak - 0.01).abs() < 1e-9, "{peak}");
        assert!((rates[0] - 0.0004).abs() < 1e-9, "{}", rates[0]);
        let at = rates.iter().position(|rate| *rate == peak).unwrap();
        assert!((20..30).contains(&at), "peak at step {at}");
        assert!(rates[99] < 1e-4, "{}", rates[99]);
    }

    #[test]
    fn earlier_layers_learn_slower() {
        let mut rates = discriminative(0.01, 0.3, 10).unwrap();
        let rates = rates.step();
        let of = |path: &str| rates.lr_from_param(burn::module::ParamId::new(), Some(path));
        assert!((of("layer4.1.conv2.weight") / of("fc.weight") - 0.3).abs() < 1e-9);
        assert!((of("layer1.0.conv1.weight") / of("fc.weight") - 0.09).abs() < 1e-9);
        assert!((of("conv1.weight") / of("fc.weight") - 0.09).abs() < 1e-9);
    }

    #[test]
    fn standing_still_earlier_layers_learn_slower_too() {
        let mut rates = constant(0.01, 0.3).unwrap();
        for _ in 0..3 {
            let rates = rates.step();
            let of = |path: &str| rates.lr_from_param(burn::module::ParamId::new(), Some(path));
            assert!((of("fc.weight") - 0.01).abs() < 1e-12);
            assert!((of("layer4.1.conv2.weight") - 0.003).abs() < 1e-12);
            assert!((of("conv1.weight") - 0.0009).abs() < 1e-12);
        }
    }

    #[test]
    fn even_a_single_step_has_a_cycle() {
        for steps in 1..5 {
            let mut cycle = discriminative(0.01, 0.5, steps).unwrap();
            for _ in 0..steps {
                cycle.step();
            }
        }
    }
}
