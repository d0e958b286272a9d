//! Progress bars on a terminal, plain lines elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::training::Watch;
use crate::training::finetune::EpochFigures;
use crate::training::keep::Keep;

/// Shows a training's progress on standard error and listens for Ctrl-C.
pub struct Terminal {
    bar: Mutex<Option<ProgressBar>>,
    stop: Arc<AtomicBool>,
    /// Whether it is asked for: between the steps of an epoch, and in no other stage.
    heeded: Arc<AtomicBool>,
}

impl Terminal {
    /// Shows what goes on; Ctrl-C ends the program as it always does.
    pub fn showing() -> Self {
        Self {
            bar: Mutex::new(None),
            stop: Arc::default(),
            heeded: Arc::default(),
        }
    }

    /// Among the steps of an epoch the first Ctrl-C asks the training to stop and the
    /// second ends the program; elsewhere, as while photos are prepared, the first does:
    /// nothing would be gained by waiting for a step.
    pub fn listening() -> Self {
        let heeded = Arc::default();
        let words = "stopping after this step; press Ctrl-C again to stop at once";
        Self {
            bar: Mutex::new(None),
            stop: interrupted(words, Arc::clone(&heeded)),
            heeded,
        }
    }
}

/// Becomes true at the first Ctrl-C, which says `words`; the second ends the
/// program, and so does the first while it is not `heeded`.
pub fn interrupted(words: &'static str, heeded: Arc<AtomicBool>) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let listening = ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::SeqCst) || !heeded.load(Ordering::SeqCst) {
            std::process::exit(130);
        }
        output::aside(format_args!("\n{words}"));
    });
    if let Err(error) = listening {
        output::aside(format_args!(
            "Ctrl-C will stop this without a word ({error})"
        ));
    }
    stop
}

impl Terminal {
    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = &*self.bar.lock().unwrap_or_else(|e| e.into_inner()) {
            act(bar);
        }
    }

    fn line(&self, text: &str) {
        let guard = self.bar.lock().unwrap_or_else(|e| e.into_inner());
        match &*guard {
            Some(bar) if !bar.is_hidden() => bar.suspend(|| output::aside(text)),
            _ => output::aside(text),
        }
    }
}

/// A bar with the time left; hidden where standard error is no terminal.
pub fn bar(name: &str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len}, {eta} left {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    let bar = ProgressBar::new(total as u64).with_style(style);
    bar.set_prefix(name.to_owned());
    bar
}

impl Watch for Terminal {
    fn stage(&self, name: &str, total: usize) {
        self.heeded.store(false, Ordering::SeqCst);
        let next = bar(name, total);
        let mut guard = self.bar.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(last) = guard.take() {
            last.finish_and_clear();
        }
        if next.is_hidden() {
            output::aside(format_args!("{name} ({total})"));
        }
        *guard = Some(next);
    }

    fn advance(&self, done: usize) {
        self.with(|bar| bar.set_position(done as u64));
    }

    fn loss(&self, loss: f64) {
        self.heeded.store(true, Ordering::SeqCst);
        self.with(|bar| bar.set_message(format!("· loss {loss:.3}")));
    }

    fn say(&self, sentence: &str) {
        self.line(sentence);
    }

    fn epoch(&self, figures: &EpochFigures, keep: Keep) {
        self.line(&told(figures, keep));
    }

    fn stop(&self) -> bool {
        self.heeded.store(true, Ordering::SeqCst);
        self.stop.load(Ordering::SeqCst)
    }
}

/// An epoch in a line. The figure that chooses the epoch is marked where it is the
/// best so far: the others may all have got worse.
fn told(figures: &EpochFigures, keep: Keep) -> String {
    let m = &figures.validation;
    let name = match figures.epoch {
        0 => "at the start".to_owned(),
        epoch => format!("epoch {epoch}"),
    };
    let loss = figures
        .training_loss
        .map_or_else(String::new, |loss| format!("training loss {loss:.3}, "));
    let kappa = m.kappa_quadratic.unwrap_or(f64::NAN);
    let mark = |by: Keep, words: &'static str| {
        if figures.best && keep == by {
            words
        } else {
            ""
        }
    };
    let lowest = mark(Keep::CrossEntropy, " (the lowest so far)");
    let scaled = match (keep, figures.scaled_cross_entropy) {
        // Left as it is where none does.
        (Keep::CrossEntropy, Some(scaled)) if scaled == m.cross_entropy => {
            format!(", and no temperature fits{lowest}")
        }
        (Keep::CrossEntropy, Some(scaled)) => {
            format!(", after temperature scaling {scaled:.3}{lowest}")
        }
        _ => String::new(),
    };
    format!(
        "{name}: {loss}validation accuracy {:.1} %, kappa {kappa:.3}{}, cross-entropy \
         {:.3}{scaled}",
        m.accuracy * 100.0,
        mark(Keep::Kappa, " (the highest so far)"),
        m.cross_entropy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Metrics, Predictions};

    #[test]
    fn the_figure_that_chooses_the_epoch_is_the_one_marked() {
        let logits = [vec![2.0, 0.0, 0.0, 0.0, 0.0], vec![0.0, 0.0, 0.0, 0.0, 2.0]];
        let predictions = Predictions::from_logits(&logits, &[0, 4]).unwrap();
        let figures = EpochFigures {
            epoch: 3,
            size: 64,
            training_loss: Some(0.5),
            validation: Metrics::of(&predictions),
            scaled_cross_entropy: Some(0.25),
            best: true,
        };
        let by_loss = told(&figures, Keep::CrossEntropy);
        assert!(
            by_loss.ends_with(", after temperature scaling 0.250 (the lowest so far)"),
            "{by_loss}"
        );
        assert!(!by_loss.contains("highest"), "{by_loss}");
        let mut wild = figures.clone();
        wild.scaled_cross_entropy = Some(wild.validation.cross_entropy);
        let by_loss = told(&wild, Keep::CrossEntropy);
        assert!(
            by_loss.ends_with(", and no temperature fits (the lowest so far)"),
            "{by_loss}"
        );
        let by_kappa = told(&figures, Keep::Kappa);
        assert!(
            by_kappa.contains("kappa 1.000 (the highest so far), cross-entropy"),
            "{by_kappa}"
        );
        assert!(!by_kappa.contains("scaling"), "{by_kappa}");
    }
}
