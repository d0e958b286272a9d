//! One epoch: a step a batch, and the losses as they come off the device.

use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::module::ParamId;
use burn::tensor::Tensor;

use super::state::State;
use super::{Finetune, FinetuneError, Progress};
use crate::training::album::{Sized, grades};
use crate::training::batches;
use crate::training::journal;
use crate::training::step;

/// A parameter of the last layer, whose learning rate is the highest.
const HEAD: &str = "fc.weight";

/// The loss of a step, still on the device.
struct Unread {
    /// From 1.
    step: usize,
    value: Tensor<1>,
    /// Of the head.
    learning_rate: f64,
}

/// Losses of an epoch, as they come off the device.
struct Losses<'a> {
    of: &'a Finetune<'a>,
    epoch: usize,
    steps: usize,
    size: u32,
    sum: f64,
    smoothed: Option<f64>,
}

impl Losses<'_> {
    fn read(
        &mut self,
        step: Unread,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), FinetuneError> {
        let loss = f64::from(step.value.into_scalar::<f32>());
        if !loss.is_finite() {
            let (epoch, step) = (self.epoch, step.step);
            return Err(FinetuneError::Diverged(format!(
                "the loss became {loss} in epoch {epoch}, step {step}"
            )));
        }
        self.sum += loss;
        let shown = self.smoothed.map_or(loss, |s| 0.95 * s + 0.05 * loss);
        self.smoothed = Some(shown);
        let line = journal::Step {
            epoch: self.epoch,
            step: step.step,
            loss,
            learning_rate: step.learning_rate,
            size: self.size,
        };
        let logged = self.of.journal.step(&line);
        logged.map_err(|fault| self.of.broken(fault))?;
        observe(Progress::Step {
            epoch: self.epoch,
            step: step.step,
            steps: self.steps,
            loss: shown,
        });
        Ok(())
    }
}

impl Finetune<'_> {
    /// One epoch; its mean loss, or `None` where asked to stop.
    pub(super) fn epoch(
        &self,
        mut state: State,
        schedule: &mut ModuleLrScheduler,
        epoch: usize,
        steps: usize,
        photos: &Sized,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(State, Option<f64>), FinetuneError> {
        let config = self.config;
        let size = photos.size as usize;
        // Dropout draws from the device: the same in an epoch whatever came before.
        self.devices.seed(config.seed.wrapping_add(epoch as u64));
        let weights = config.balance.loss_weights(&grades(&photos.train));
        let mut losses = Losses {
            of: self,
            epoch,
            steps,
            size: photos.size,
            sum: 0.0,
            smoothed: None,
        };
        // A loss is read once the next step is under way: to wait for it at once
        // would leave a GPU idle while that step is prepared.
        let mut unread: Option<Unread> = None;
        let drawing = config.drawing(photos.size);
        let received = batches::epoch(&photos.train, &photos.opinions, &drawing, epoch);
        let mut done = 0;
        for (number, batch) in received.into_iter().enumerate() {
            if (self.stop)() {
                return Ok((state, None));
            }
            let taken = step::take(&state.network, batch, size, &weights, config, self.devices);
            let rates = schedule.step();
            let learning_rate = rates.lr_from_param(ParamId::new(), Some(HEAD));
            state.network = state
                .optimizer
                .step_multi(rates, state.network, taken.gradients);
            let before = unread.replace(Unread {
                step: number + 1,
                value: taken.loss,
                learning_rate,
            });
            if let Some(before) = before {
                losses.read(before, observe)?;
            }
            if let Some(average) = &mut state.average {
                average.update(&state.network, (epoch - 1) * steps + number + 1);
            }
            done = number + 1;
        }
        // What makes them died of a fault, such as a disk that cannot be read any more.
        if done < steps {
            return Err(self.broken(format!(
                "photos ran out in epoch {epoch} after step {done} of {steps}, for the reason above"
            )));
        }
        if let Some(last) = unread {
            losses.read(last, observe)?;
        }
        Ok((state, Some(losses.sum / steps as f64)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawn::{Set, WHOLE, config, start};
    use super::*;

    #[test]
    fn a_loss_that_is_no_number_ends_the_training_beside_its_last_checkpoint() {
        let set = Set::drawn();
        // In 64 bits the difference of the two is a number, in 32 it is none.
        let mut start = start();
        let bias = start.0.get_mut("fc.bias").unwrap();
        bias.values[..2].copy_from_slice(&[2e38, -2e38]);
        let words = set.broken(&config(), &start, &|| ());
        assert!(words.contains("in epoch 1, step 1; the last"), "{words}");
        assert!(words.contains("a lower --learning-rate"), "{words}");
        assert_eq!(set.checkpoints().epochs(), Some(0));
    }
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_ends_it_with_what_to_do() {
        let (set, start) = (Set::drawn(), start());
        let log = set.folder.path().join(journal::FILE);
        let words = set.broken(&config(), &start, &|| {
            std::fs::remove_file(&log).unwrap();
            std::os::unix::fs::symlink("/dev/full", &log).unwrap();
        });
        assert!(words.contains("log.jsonl: No space left"), "{words}");
        assert!(
            words.contains(WHOLE) && words.ends_with("--resume"),
            "{words}"
        );
    }
}
