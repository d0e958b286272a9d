//! Photos pair to patients by name, where the name or the file says which eye.

use std::collections::HashMap;

use super::Graded;
use crate::grading::eye::Named;
use crate::grading::patient::{self, Decision, Photo};

/// A photo that has no result yet.
pub const WAITING: Photo = Photo {
    side: None,
    status: None,
    grade: None,
    referable: None,
    unsure: false,
    edema_alone: false,
    edema: false,
    threat: false,
};

/// By what a photo is paired; nothing for one that stands alone.
pub fn key(named: &Named) -> Option<&str> {
    named
        .side
        .filter(|_| !named.key.is_empty())
        .map(|_| named.key.as_str())
}

/// The decision from photos of one patient.
pub fn decide(photos: &[Photo]) -> Decision {
    patient::summarise(photos).decision
}

/// The decision that goes with each result.
pub fn decisions(results: &[Graded]) -> Vec<Decision> {
    let mut patients: HashMap<&str, Vec<Photo>> = HashMap::new();
    for result in results {
        if let Some(patient) = key(&result.named) {
            patients.entry(patient).or_default().push(result.photo());
        }
    }
    let decide = |result: &Graded| {
        let paired = key(&result.named).and_then(|patient| patients.get(patient));
        paired.map_or_else(|| decide(&[result.photo()]), |photos| decide(photos))
    };
    results.iter().map(decide).collect()
}
