//! fast.ai's first step: the new head alone. The body is frozen, batch norm's
//! statistics included, so its features are computed once, which is exact.

use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::config::TrainConfig;
use super::opinions::Opinion;
use super::schedule::one_cycle;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrSchedulerConfig;

/// Features, grade and second opinion a photo.
pub struct Features<'a> {
    pub rows: Vec<Vec<f32>>,
    pub grades: Vec<u8>,
    /// Empty where none was asked.
    pub opinions: &'a [Option<Opinion>],
}

/// Trains a fresh last layer on frozen features and returns it.
///
/// # Errors
/// A sentence where the learning rate is out of range or the loss stops being a number.
pub fn train(
    features: &Features<'_>,
    config: &TrainConfig,
    device: &Device,
) -> Result<Linear, String> {
    let width = features.rows.first().map_or(0, Vec::len);
    device.seed(config.seed);
    let mut head = LinearConfig::new(width, config.objective.outputs()).init(device);
    let steps = features.rows.len().div_ceil(config.batch) * config.head_epochs;
    let mut schedule =
        ModuleLrSchedulerConfig::new(one_cycle(config.learning_rate, steps)).init()?;
    let mut optimizer = config.optimizer.init(config.weight_decay);
    let weights = config.balance.loss_weights(&features.grades);
    let mut rng = StdRng::seed_from_u64(config.seed);
    for _ in 0..config.head_epochs {
        let order = config.balance.order(&features.grades, &mut rng);
        for chunk in order.chunks(config.batch) {
            let rows: Vec<f32> = chunk
                .iter()
                .flat_map(|i| features.rows[*i].clone())
                .collect();
            let grades: Vec<u8> = chunk.iter().map(|i| features.grades[*i]).collect();
            let input = Tensor::<2>::from_data(TensorData::new(rows, [chunk.len(), width]), device);
            let opinions: Vec<Option<Opinion>> = chunk
                .iter()
                .filter_map(|i| features.opinions.get(*i).copied())
                .collect();
            let weights = config.balance.in_batch(&weights, &grades);
            let targets = config.targets(&grades, &weights, &opinions);
            let value = config.objective.loss(head.forward(input), &targets, device);
            let gradients = GradientsParams::from_grads(value.backward(), &head);
            head = optimizer.step(schedule.step(), head, gradients);
        }
    }
    let weights: Vec<f32> = head.weight.val().into_data().iter::<f32>().collect();
    if weights.iter().all(|w| w.is_finite()) {
        Ok(head)
    } else {
        Err("the head's weights stopped being numbers; lower --learning-rate".to_owned())
    }
}
