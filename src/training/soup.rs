//! The mean of the weights of several trainings that began with the same network:
//! often better than each on photos unlike those trained on (Wortsman et al. 2022,
//! "Model soups: averaging weights of multiple fine-tuned models improves accuracy
//! without increasing inference time").

use std::path::{Path, PathBuf};

use super::weights_file::{self, WeightsFileError};
use crate::network::{StateDict, WeightsError};

/// The weights of `first`, or their mean with those of `others`, each counting the
/// same.
///
/// # Errors
/// [`WeightsFileError`], which names the file that cannot be read or is of another
/// network than the first.
pub fn read(first: &Path, others: &[PathBuf]) -> Result<StateDict, WeightsFileError> {
    let mut mean = weights_file::read(first)?;
    for (before, path) in (1..).zip(others) {
        let more = weights_file::read(path)?;
        stir(&mut mean, before, &more).map_err(|source| WeightsFileError::Weights {
            path: path.clone(),
            source,
        })?;
    }
    Ok(mean)
}

/// Takes `more` into the mean of `before` networks.
fn stir(mean: &mut StateDict, before: u16, more: &StateDict) -> Result<(), WeightsError> {
    if let Some(name) = more.0.keys().find(|name| !mean.0.contains_key(*name)) {
        return Err(WeightsError::Unknown(name.clone()));
    }
    let share = 1.0 / (f32::from(before) + 1.0);
    for (name, entry) in &mut mean.0 {
        let new = more
            .0
            .get(name)
            .ok_or_else(|| WeightsError::Missing(name.clone()))?;
        if new.shape != entry.shape {
            return Err(WeightsError::Shape {
                name: name.clone(),
                found: new.shape.clone(),
                needed: entry.shape.clone(),
            });
        }
        for (mean, new) in entry.values.iter_mut().zip(&new.values) {
            *mean += share * (new - *mean);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Entry, Precision};

    fn weights(name: &str, values: &[f32]) -> StateDict {
        let entry = Entry {
            shape: vec![values.len()],
            values: values.to_vec(),
        };
        StateDict([(name.to_owned(), entry)].into())
    }

    #[test]
    fn each_counts_the_same_and_a_stranger_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, weights: StateDict| {
            let path = folder.path().join(file);
            std::fs::write(&path, weights.to_safetensors(Precision::Full).unwrap()).unwrap();
            path
        };
        let first = write("first.safetensors", weights("fc.bias", &[3.0, 0.0]));
        let second = write("second.safetensors", weights("fc.bias", &[0.0, 6.0]));
        let third = write("third.safetensors", weights("fc.bias", &[6.0, 3.0]));
        assert_eq!(read(&first, &[]).unwrap(), weights("fc.bias", &[3.0, 0.0]));
        let mean = read(&first, &[second.clone(), third]).unwrap();
        assert_eq!(mean, weights("fc.bias", &[3.0, 3.0]));

        for stranger in [weights("fc.bias", &[1.0]), weights("fc1.bias", &[1.0, 1.0])] {
            let stranger = write("stranger.safetensors", stranger);
            let error = read(&first, &[second.clone(), stranger]).unwrap_err();
            assert!(
                error.to_string().contains("stranger.safetensors"),
                "{error}"
            );
        }
    }
}
