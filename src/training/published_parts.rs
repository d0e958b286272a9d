//! Splits that keep the parts a data set was published in: figures on what others
//! kept aside can be set beside theirs.

use std::collections::HashMap;

use super::dataset::Record;
use super::split::{Fractions, Part, Split, SplitError};

impl Split {
    /// Draws a split around what is `kept`, a part a photo or none. A group (from
    /// [`super::split::groups`]) with a photo kept for testing is for testing, else one
    /// with a photo kept for validation is for that, so that neither patient nor copy is
    /// on two sides. The rest is drawn as [`Split::draw`] does, within each data set, and
    /// of a data set that has such a part already, nothing is drawn for it.
    ///
    /// # Errors
    /// [`SplitError::Fractions`].
    pub fn draw_around(
        kept: &[Option<Part>],
        records: &[Record],
        group: &[usize],
        fractions: Fractions,
        seed: u64,
    ) -> Result<Self, SplitError> {
        fractions.check()?;
        let has = |dataset: &str, part: Part| {
            (records.iter().zip(kept))
                .any(|(record, kept)| record.dataset == dataset && *kept == Some(part))
        };
        let mut of_group: HashMap<usize, Part> = HashMap::new();
        for (group, kept) in group.iter().zip(kept) {
            if let Some(part @ (Part::Test | Part::Validation)) = *kept {
                let held = of_group.entry(*group).or_insert(part);
                *held = part.max(*held);
            }
        }
        let mut parts: Vec<Part> = (group.iter())
            .map(|group| of_group.get(group).copied().unwrap_or(Part::Train))
            .collect();
        let mut free: Vec<(&str, Vec<usize>)> = Vec::new();
        for (i, group) in group.iter().enumerate() {
            if of_group.contains_key(group) {
                continue;
            }
            // A copy may lie in two data sets: its group is drawn with the first.
            let dataset = records[*group].dataset.as_str();
            match free.iter_mut().find(|(name, _)| *name == dataset) {
                Some((_, photos)) => photos.push(i),
                None => free.push((dataset, vec![i])),
            }
        }
        for (dataset, among) in free {
            let unless_kept = |part, fraction| if has(dataset, part) { 0.0 } else { fraction };
            let validation = unless_kept(Part::Validation, fractions.validation);
            let test = unless_kept(Part::Test, fractions.test);
            let fractions = Fractions {
                train: 1.0 - validation - test,
                validation,
                test,
            };
            Self::divide(records, group, &among, fractions, seed, &mut parts);
        }
        Ok(Self::from_parts(&parts, group.to_vec()))
    }

    /// The split that a data set comes with: photos named `train/…`, `val/…` and
    /// `test/…`, as MedMNIST's archives have them. Where one of the last two is
    /// missing, the other is for testing and `validation` of the training part is
    /// drawn from `seed`.
    ///
    /// # Errors
    /// A sentence where photos name no such part, or there is nothing to test on.
    pub fn published(
        records: &[Record],
        group: &[usize],
        validation: f64,
        seed: u64,
    ) -> Result<Self, String> {
        let mut parts = Vec::with_capacity(records.len());
        for record in records {
            parts.push(match record.name.split('/').next() {
                Some("train") => Part::Train,
                Some("val") => Part::Validation,
                Some("test") => Part::Test,
                _ => {
                    return Err(format!(
                        "“{}” names no part of a MedMNIST archive (train, val or test)",
                        record.name
                    ));
                }
            });
        }
        let has = |part| parts.contains(&part);
        let (validated, tested) = (has(Part::Validation), has(Part::Test));
        if !has(Part::Train) || !(validated || tested) {
            return Err("the archive holds no training part, or nothing beside it".to_owned());
        }
        if !(validated && tested) {
            let training: Vec<usize> = (0..parts.len())
                .filter(|&i| parts[i] == Part::Train)
                .collect();
            for part in &mut parts {
                if *part == Part::Validation {
                    *part = Part::Test;
                }
            }
            let fractions = Fractions {
                train: 1.0 - validation,
                validation,
                test: 0.0,
            };
            Self::divide(records, group, &training, fractions, seed, &mut parts);
        }
        Ok(Self::from_parts(&parts, group.to_vec()))
    }
}
