//! A trial step: whether a GPU computes what the processor does.
//!
//! A driver, or a kernel that was searched out as the fastest because it does nothing,
//! can give gradients that are zero or nonsense without any error; all that such a
//! training would show is that it learns badly. So the first batch goes through the
//! network on both before anything is written.

use burn::module::Module;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::Device;

use super::start;
use super::{TrainError, Watch};
use crate::network::{self, Architecture, StateDict};
use crate::training::album::{Sized, grades};
use crate::training::batches::{self, Batch};
use crate::training::config::TrainConfig;
use crate::training::devices::Devices;
use crate::training::schedule::constant;
use crate::training::step;

/// How far a GPU's gradients may be from the processor's, a parameter at a time: by the
/// cosine of the angle between them, and by how many times the longer is as long.
///
/// Products in bfloat16 leave 0.94 and 1.14 at worst (2026-11-28, ResNet-18 from
/// ImageNet, 2, 8 and 32 photos of 160 px, PyTorch's autocast against single precision).
const ALIKE: f64 = 0.5;
const LONGER: f64 = 3.0;

/// So high that what a step changes is not lost in the digits of what it changes.
const RATE: f64 = 1e3;

/// What a step came to.
struct Trial {
    loss: f32,
    /// The network's numbers after a step of plain descent at [`RATE`].
    after: StateDict,
}

/// Takes the first step of a training on the processor and on each GPU, and compares them.
/// Where a training runs on the processor there is nothing to do.
///
/// # Errors
/// [`TrainError`]; where a GPU computes something else, with the layer.
pub(super) fn check(
    config: &TrainConfig,
    photos: &Sized,
    devices: &Devices,
    watch: &dyn Watch,
) -> Result<(), TrainError> {
    let processor = Device::flex();
    let gpus = || devices.iter().filter(|device| **device != processor);
    if gpus().next().is_none() {
        return Ok(());
    }
    let mut config = config.clone();
    if config.architecture.depth().is_none() {
        // Its dropout draws otherwise on every device: a residual network stands in.
        (config.architecture, config.from) = (Architecture::ResNet18, None);
    }
    let network = config.network(&processor);
    let network = match &config.from {
        None => network,
        Some(path) => start::loaded(&config, network, path, &start::beginning(&config, path)?)?,
    };
    let begun = network::state_dict(&network);
    let drawing = config.drawing(photos.size);
    let Ok(batch) = batches::epoch(&photos.train, &photos.opinions, &drawing, 1).recv() else {
        // The training says so itself.
        return Ok(());
    };
    let attempt = |device: &Device| -> Result<Trial, TrainError> {
        take(&begun, batch.clone(), photos, &config, device).map_err(TrainError::Stopped)
    };
    watch.stage(
        "Trying a step on the processor and on the GPU",
        gpus().count(),
    );
    let right = attempt(&processor)?;
    for (number, gpu) in gpus().enumerate() {
        let tried = attempt(gpu)?;
        if let Some(fault) = fault(&begun, &right, &tried) {
            let gpu = match gpus().count() {
                1 => "the GPU".to_owned(),
                _ => format!("GPU {}", number + 1),
            };
            return Err(TrainError::Stopped(format!(
                "{gpu} computes something else than the processor: {fault}. What is trained \
                 on it would be worth nothing; install its maker's newest driver, or train \
                 with --device cpu"
            )));
        }
        watch.advance(number + 1);
    }
    Ok(())
}

fn take(
    begun: &StateDict,
    batch: Batch,
    photos: &Sized,
    config: &TrainConfig,
    device: &Device,
) -> Result<Trial, String> {
    let devices = Devices::from(device.clone()).autodiff();
    let network =
        network::load(config.network(devices.first()), begun).map_err(|error| error.to_string())?;
    let weights = config.balance.loss_weights(&grades(&photos.train));
    let size = photos.size as usize;
    let step = step::take(&network, batch, size, &weights, config, &devices);
    let mut descent: ModuleOptimizer = SgdConfig::new().init();
    let rates = constant(RATE, 1.0)?.step();
    let network = descent.step_multi(rates, network, step.gradients);
    Ok(Trial {
        loss: step.loss.into_scalar(),
        after: network::state_dict(&network.valid()),
    })
}

/// What is wrong with a step `tried` beside the `right` one; both began at `begun`.
fn fault(begun: &StateDict, right: &Trial, tried: &Trial) -> Option<String> {
    let (theirs, ours) = (tried.loss, right.loss);
    // Not the other way round: a loss that is no number is as far off as any.
    let near = (theirs - ours).abs() <= 0.1 * ours.abs().max(0.1);
    if !near {
        return Some(format!(
            "the loss of a batch is {theirs} there, {ours} here"
        ));
    }
    let learnt = (right.after.0.iter()).filter(|(name, _)| !name.contains("running_"));
    learnt.into_iter().find_map(|(name, ours)| {
        let (before, theirs) = (begun.0.get(name)?, tried.after.0.get(name)?);
        let gradients = (before.values.iter().zip(&ours.values).zip(&theirs.values))
            .map(|((before, ours), theirs)| [ours - before, theirs - before].map(f64::from));
        let [mut of_ours, mut of_both, mut of_theirs] = [0.0; 3];
        for [ours, theirs] in gradients {
            of_ours += ours * ours;
            of_both += ours * theirs;
            of_theirs += theirs * theirs;
        }
        let longer = (of_theirs / of_ours).sqrt();
        let cosine = of_both / (of_ours * of_theirs).sqrt().max(f64::MIN_POSITIVE);
        let alike = cosine >= ALIKE && (LONGER.recip()..=LONGER).contains(&longer);
        (of_ours > 0.0 && !alike).then(|| {
            format!(
                "the gradient of {name} is {longer:.2} times as long there as here, the cosine \
                 between the two is {cosine:.2}"
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::config::EARLIER;
    use crate::training::opinions::Opinion;

    /// A layer of four weights, and where such gradients lead it.
    fn stepped(gradients: [f32; 4], loss: f32) -> Trial {
        let mut after = layer();
        for entry in after.0.values_mut() {
            for (value, gradient) in entry.values.iter_mut().zip(gradients) {
                *value -= gradient;
            }
        }
        Trial { loss, after }
    }

    fn layer() -> StateDict {
        let entry = network::Entry {
            shape: vec![4],
            values: vec![1.0, -2.0, 0.5, 0.0],
        };
        StateDict([("fc.bias".to_owned(), entry)].into())
    }

    #[test]
    fn roundings_pass_and_gradients_that_are_none_do_not() {
        let right = stepped([0.3, -0.1, 0.2, 0.4], 1.6);
        let tried = |gradients, loss| fault(&layer(), &right, &stepped(gradients, loss));
        assert_eq!(tried([0.3, -0.1, 0.2, 0.4], 1.6), None);
        assert_eq!(tried([0.2, -0.15, 0.3, 0.3], 1.63), None);
        for wrong in [
            [0.0; 4],
            [-0.3, 0.1, -0.2, -0.4],
            [3.0, -1.0, 2.0, 4.0],
            [0.3, -0.1, f32::NAN, 0.4],
        ] {
            let words = tried(wrong, 1.6).unwrap();
            assert!(words.contains("the gradient of fc.bias"), "{words}");
        }
        for wrong in [2.4, f32::NAN] {
            let words = tried([0.3, -0.1, 0.2, 0.4], wrong).unwrap();
            assert!(words.starts_with("the loss of a batch is"), "{words}");
        }
    }

    #[test]
    fn the_processor_agrees_with_itself_and_its_gradients_are_there() {
        let mut config: TrainConfig = serde_json::from_str(EARLIER).unwrap();
        config.preprocessing.size = 32;
        let begun = network::state_dict(&config.network(&Device::flex()));
        let batch = Batch {
            pictures: (0..4 * 3 * 32 * 32)
                .map(|i| (i as f32 * 0.37).sin())
                .collect(),
            grades: vec![0, 2, 3, 4],
            opinions: vec![None::<Opinion>; 4],
            overlays: Vec::new(),
        };
        let photos = Sized {
            size: 32,
            train: Default::default(),
            opinions: Default::default(),
            validation: Default::default(),
        };
        let attempt = || take(&begun, batch.clone(), &photos, &config, &Device::flex()).unwrap();
        assert_eq!(fault(&begun, &attempt(), &attempt()), None);
        let idle = Trial {
            loss: attempt().loss,
            after: begun.clone(),
        };
        let words = fault(&begun, &attempt(), &idle).unwrap();
        assert!(
            words.contains("0.00 times as long there as here"),
            "{words}"
        );
    }
}
