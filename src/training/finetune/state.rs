//! A training between two epochs: begun or gone on with, measured, kept.

use burn::module::Module;
use burn::optim::ModuleOptimizer;

use super::{EpochFigures, Finetune, FinetuneError, Progress};
use crate::network::{self, Classifier, StateDict};
use crate::training::album::Sized;
use crate::training::averaging::Average;
use crate::training::batches;
use crate::training::checkpoint::Saved;
use crate::training::judge;

/// Network and memory of a training under way.
pub struct State {
    pub network: Classifier,
    pub optimizer: ModuleOptimizer,
    /// The mean of the weights so far, where the configuration asks for one.
    pub average: Option<Average>,
    pub history: Vec<EpochFigures>,
    pub best: Option<StateDict>,
}

impl Finetune<'_> {
    /// The state to start from, and the epochs it has behind it.
    pub(super) fn begin(&self, network: Classifier) -> Result<(State, usize), FinetuneError> {
        let config = self.config;
        let steps = batches::batches_in_epoch(self.album.train.len(), config.batch);
        let reach = config.average_epochs;
        let optimizer = config.optimizer.init(config.weight_decay);
        let foreign = |error: network::WeightsError| FinetuneError::Other(error.to_string());
        if self.checkpoints.any()
            && let Some(saved) =
                (self.checkpoints).load(network.clone(), optimizer.clone(), reach > 0.0)?
        {
            let average = saved
                .average
                .map(|weights| Average::of(&saved.network, &weights, reach, steps));
            let state = State {
                network: saved.network,
                optimizer: saved.optimizer,
                average: average.transpose().map_err(foreign)?,
                history: saved.history,
                best: saved.best,
            };
            return Ok((state, saved.epoch));
        }
        let average = (reach > 0.0).then(|| Average::starting_at(&network, reach, steps));
        let state = State {
            average: average.transpose().map_err(foreign)?,
            network,
            optimizer,
            history: Vec::new(),
            best: None,
        };
        Ok((state, 0))
    }

    /// Measures the network (or the mean of its weights) on validation and keeps
    /// it if it is the best so far at the full size.
    pub(super) fn judge(
        &self,
        state: &mut State,
        epoch: usize,
        training_loss: Option<f64>,
        photos: &Sized,
        observe: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), FinetuneError> {
        let other = FinetuneError::Other;
        let plain = self.devices.first().clone().inner();
        let mut inference = state.network.valid().to_device(&plain);
        if let Some(average) = state.average.as_ref().filter(|_| epoch > 0) {
            inference = network::load(inference, &average.weights())
                .map_err(|error| other(error.to_string()))?;
        }
        let judged = judge::judge(
            &inference,
            &photos.validation,
            &self.config.preprocessing_at(photos.size),
            self.config.objective,
            &plain,
        )
        // Outputs that are no numbers any more.
        .map_err(|fault| match epoch {
            0 => other(fault),
            _ => FinetuneError::Diverged(format!("epoch {epoch} cannot be measured ({fault})")),
        })?;
        let mut figures = EpochFigures {
            epoch,
            size: photos.size,
            training_loss,
            validation: judged.metrics,
            scaled_cross_entropy: Some(judged.scaled_cross_entropy),
            best: false,
        };
        let score = |figures: &EpochFigures| self.config.keep.score(figures);
        let full = self.config.preprocessing.size;
        let highest = state
            .history
            .iter()
            .filter(|figures| figures.size == full)
            .map(score)
            .fold(f64::NEG_INFINITY, f64::max);
        figures.best = photos.size == full && (state.best.is_none() || score(&figures) > highest);
        if figures.best {
            state.best = Some(network::state_dict(&inference));
        }
        let logged = self.journal.epoch(&figures);
        logged.map_err(|fault| self.broken(fault))?;
        state.history.push(figures);
        observe(Progress::Epoch(&state.history));
        Ok(())
    }

    pub(super) fn save(&self, state: &State, epoch: usize) -> Result<(), FinetuneError> {
        let average = state.average.as_ref().map(Average::weights);
        self.checkpoints.save(&Saved {
            epoch,
            network: &state.network,
            optimizer: &state.optimizer,
            history: &state.history,
            average: average.as_ref(),
            best: state.best.as_ref(),
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawn::{Trained, config, start, train, train_stopping};
    use crate::training::config::SizeStage;

    /// An epoch comes to the mean of its steps, and the cycle of rates runs once.
    fn assert_steps(trained: &Trained) {
        assert_eq!((trained.history.len(), trained.steps.len()), (5, 12));
        assert_eq!(trained.history[0].training_loss, None);
        for (number, epoch) in trained.history.iter().enumerate().skip(1) {
            let steps = &trained.steps[3 * (number - 1)..3 * number];
            let mean = steps.iter().map(|(loss, ..)| loss).sum::<f64>() / 3.0;
            assert!((epoch.training_loss.unwrap() - mean).abs() < 1e-9);
            assert_eq!((epoch.epoch, epoch.size), (number, 32));
            // Shown is a mean that forgets slowly, anew in each epoch.
            let mut smoothed = steps[0].0;
            for (loss, _, shown) in steps {
                smoothed = 0.95 * smoothed + 0.05 * loss;
                assert!((shown - smoothed).abs() < 1e-9, "{shown}, not {smoothed}");
            }
        }
        // Three steps of twelve warm up; the head learns at the rate that was asked for.
        let rates: Vec<f64> = trained.steps.iter().map(|(_, rate, _)| *rate).collect();
        let peak = rates.iter().copied().fold(0.0, f64::max);
        assert!((peak - 1e-3).abs() < 1e-9, "{rates:?}");
        assert!((rates[0] - 4e-5).abs() < 1e-9, "{rates:?}");
        let top = rates.iter().position(|rate| *rate == peak).unwrap();
        assert!((2..=4).contains(&top), "{rates:?}");
        assert!(rates[..=top].is_sorted(), "{rates:?}");
        assert!(rates[top..].iter().rev().is_sorted(), "{rates:?}");
        assert!(rates[11] < 5e-5, "{rates:?}");
    }

    #[test]
    fn the_best_epoch_at_the_full_size_is_kept() {
        let mut config = config();
        config.smaller_first = vec![SizeStage {
            size: 24,
            epochs: 1,
        }];
        let trained = train(&config, &start());
        let sizes: Vec<u32> = trained.history.iter().map(|epoch| epoch.size).collect();
        assert_eq!(sizes, [24, 24, 32, 32, 32]);
        let mut lowest = f64::INFINITY;
        for epoch in &trained.history {
            let off = epoch.scaled_cross_entropy.unwrap();
            assert_eq!(epoch.best, epoch.size == 32 && off < lowest, "{epoch:?}");
            if epoch.best {
                lowest = off;
            }
        }
        assert!((trained.again - lowest).abs() < 1e-6, "{lowest}");
    }

    #[test]
    fn a_mean_of_weights_is_measured_and_kept_beside_a_training_that_counts_its_steps() {
        let start = start();
        let plain = train(&config(), &start);
        let mut averaged = config();
        averaged.average_epochs = 1.0;
        let stopped = train_stopping(&averaged, &start, Some(8));
        let averaged = train(&averaged, &start);
        // Stopped in the third epoch and gone on with, it is the same training.
        assert_eq!(stopped.weights, averaged.weights);
        let figures = |trained: &Trained| serde_json::to_string(&trained.history).unwrap();
        assert_eq!(figures(&stopped), figures(&averaged));
        assert_steps(&plain);
        assert_eq!(plain.steps, averaged.steps);
        let figures = |trained: &Trained, epoch: usize| trained.history[epoch].scaled_cross_entropy;
        assert_eq!(figures(&plain, 0), figures(&averaged, 0));
        for epoch in 2..=4 {
            assert_ne!(figures(&plain, epoch), figures(&averaged, epoch), "{epoch}");
        }
        assert_ne!(plain.weights, averaged.weights);
        let kept = averaged.history.iter().rfind(|epoch| epoch.best).unwrap();
        let measured = kept.scaled_cross_entropy.unwrap();
        assert!((averaged.again - measured).abs() < 1e-6);
    }
}
