//! Photos that are there twice: byte for byte (SHA-256), or the same picture
//! saved again in another size or quality.
//!
//! Retinas all look alike, so the measure is strict. Of 3,112 APTOS, 413 IDRiD
//! and 878 EyePACS photos no two of different eyes are closer than 1.96 in
//! [`Fingerprint::distance`], while the same picture saved again is at most 0.84
//! away (a quarter of the size, or JPEG quality 50; 1.4 at half the size and
//! quality 30, which goes unnoticed), and the known copies in APTOS 0.11.
//! Crops, mirrored copies and changes of brightness are not found.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicUsize, Ordering};
use thiserror::Error;

use super::dataset::{Fault, Record};
use super::disjoint_sets::DisjointSets;
use crate::counted::counted;
use crate::photo::{self, DecodeLimits};

/// Side of the grey thumbnail that is compared, in pixels.
const THUMBNAIL: u32 = 32;
/// Mean absolute difference of two thumbnails of the same picture, in grey
/// levels of 256.
const MAX_DISTANCE: f64 = 1.0;
/// Of the 256 bits of the gradient hash, how many may differ. It tells apart
/// photos too dark for the thumbnails to differ.
const MAX_HASH_DISTANCE: u32 = 32;

/// The usual limits, but MedMNIST's pictures of 28 pixels are let in.
const ANY_SIDE: DecodeLimits = DecodeLimits {
    max_bytes: 64_000_000,
    max_pixels: 120_000_000,
    min_side: 1,
};

/// Photos that cannot be read, all of them.
#[derive(Debug, Error)]
#[error("{} cannot be read:{}", counted(faults.len(), "photo"), faults.iter().map(|f| format!("\n  {f}")).collect::<String>())]
pub struct UnreadableError {
    pub faults: Vec<Fault>,
}

/// What a photo is recognised by.
#[derive(Debug, Clone)]
pub struct Fingerprint {
    sha256: [u8; 32],
    thumbnail: Vec<u8>,
    /// Sum of the thumbnail's grey levels.
    brightness: u32,
    /// For 16x16 places, whether the picture gets brighter to the right there.
    gradient: [u64; 4],
}

impl Fingerprint {
    /// Of an encoded photo; says what is wrong with one that cannot be decoded.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        let picture = photo::decode(bytes, &ANY_SIDE).map_err(|error| error.to_string())?;
        let grey = image::imageops::grayscale(&picture);
        let filter = image::imageops::FilterType::Triangle;
        let thumbnail = image::imageops::resize(&grey, THUMBNAIL, THUMBNAIL, filter).into_raw();
        let small = image::imageops::resize(&grey, 17, 16, filter);
        let mut gradient = [0; 4];
        for (i, (x, y)) in (0..16)
            .flat_map(|y| (0..16).map(move |x| (x, y)))
            .enumerate()
        {
            if small.get_pixel(x, y).0 < small.get_pixel(x + 1, y).0 {
                gradient[i / 64] |= 1 << (i % 64);
            }
        }
        Ok(Self {
            sha256: Sha256::digest(bytes).into(),
            brightness: thumbnail.iter().map(|&grey| u32::from(grey)).sum(),
            thumbnail,
            gradient,
        })
    }

    /// SHA-256 of the photo's file.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Mean absolute difference of the thumbnails, in grey levels of 256.
    pub fn distance(&self, other: &Self) -> f64 {
        let sum: u32 = self
            .thumbnail
            .iter()
            .zip(&other.thumbnail)
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum();
        f64::from(sum) / f64::from(THUMBNAIL * THUMBNAIL)
    }

    fn hash_distance(&self, other: &Self) -> u32 {
        self.gradient
            .iter()
            .zip(&other.gradient)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum()
    }

    /// Whether both are the same picture.
    pub fn same_picture(&self, other: &Self) -> bool {
        self.hash_distance(other) <= MAX_HASH_DISTANCE && self.distance(other) <= MAX_DISTANCE
    }
}

/// The photos that are there more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// For each photo the index of the first photo that shows the same picture;
    /// its own index where there is none.
    pub group: Vec<usize>,
    /// Sets of photos that are the same byte for byte.
    pub identical: Vec<Vec<usize>>,
    /// Sets of photos that show the same picture without all being the same byte
    /// for byte.
    pub near_identical: Vec<Vec<usize>>,
    /// Those sets, of either kind, whose photos do not all have one grade.
    pub conflicting: Vec<Vec<usize>>,
}

impl Duplicates {
    /// Photos with a copy of another grade: two grades for one picture teach nothing.
    pub fn disputed(&self) -> HashSet<usize> {
        self.conflicting.iter().flatten().copied().collect()
    }
}

/// The group of each photo: photos of the same picture share one. `progress` is
/// called with the number of photos read so far, from several threads.
pub fn group(
    records: &[Record],
    progress: impl Fn(usize) + Sync,
) -> Result<Vec<usize>, UnreadableError> {
    Ok(find(records, progress)?.group)
}

/// Reads all photos and finds those that are there more than once.
pub fn find(
    records: &[Record],
    progress: impl Fn(usize) + Sync,
) -> Result<Duplicates, UnreadableError> {
    let mut faults = Vec::new();
    let prints: Vec<Option<Fingerprint>> = fingerprints(records, &|_, _| Ok(()), progress)
        .into_iter()
        .map(|print| print.map_err(|fault| faults.push(fault)).ok())
        .collect();
    if !faults.is_empty() {
        return Err(UnreadableError { faults });
    }
    Ok(compare(records, &prints))
}

/// Says what is wrong with a photo, read from its file, that cannot be used.
pub type Usable<'a> = &'a (dyn Fn(&Record, &[u8]) -> Result<(), String> + Sync);

/// The fingerprint of each photo, or what is wrong with it; `usable` may find more
/// than that it cannot be decoded.
pub fn fingerprints(
    records: &[Record],
    usable: Usable<'_>,
    progress: impl Fn(usize) + Sync,
) -> Vec<Result<Fingerprint, Fault>> {
    let done = AtomicUsize::new(0);
    records
        .par_iter()
        .map(|record| {
            let print = record
                .bytes()
                .map_err(|error| {
                    Fault::new(
                        record.path(),
                        None,
                        format!("the photo cannot be read ({error})"),
                        "check that it is there and that you may read it",
                    )
                })
                .and_then(|bytes| {
                    let fault = |trouble: &str, what: String| {
                        Fault::new(
                            record.path(),
                            None,
                            format!("“{}” {trouble} ({what})", record.name),
                            "copy it again from its source, or remove its row",
                        )
                    };
                    let print = Fingerprint::of(&bytes)
                        .map_err(|what| fault("is no photo that can be decoded", what))?;
                    usable(record, &bytes).map_err(|what| fault("cannot be trained on", what))?;
                    Ok(print)
                });
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            print
        })
        .collect()
}

/// Compares fingerprints; a photo without one is in no set.
pub fn compare(records: &[Record], prints: &[Option<Fingerprint>]) -> Duplicates {
    let mut sets = DisjointSets::new(records.len());
    let mut by_hash: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    for (i, print) in prints.iter().enumerate() {
        if let Some(print) = print {
            by_hash.entry(print.sha256).or_default().push(i);
        }
    }
    for same in by_hash.values() {
        for &i in &same[1..] {
            sets.join(same[0], i);
        }
    }
    for (i, j) in near_pairs(prints) {
        sets.join(i, j);
    }
    let group = sets.leaders();

    let mut members: Vec<Vec<usize>> = vec![Vec::new(); group.len()];
    for (i, &leader) in group.iter().enumerate() {
        members[leader].push(i);
    }
    members.retain(|set| set.len() > 1);
    let conflicting = members
        .iter()
        .filter(|set| {
            set.iter()
                .any(|&i| records[i].grade != records[set[0]].grade)
        })
        .cloned()
        .collect();
    let sha256 = |i: usize| prints[i].as_ref().map(Fingerprint::sha256);
    let near_identical = members
        .iter()
        .filter(|set| set.iter().any(|&i| sha256(i) != sha256(set[0])))
        .cloned()
        .collect();
    let mut identical: Vec<Vec<usize>> = by_hash
        .into_values()
        .filter(|same| same.len() > 1)
        .collect();
    identical.sort();
    Duplicates {
        group,
        identical,
        near_identical,
        conflicting,
    }
}

/// Pairs that show the same picture.
///
/// Two thumbnails differ at least by the difference of their mean brightness,
/// so only neighbours in order of brightness need comparing.
fn near_pairs(prints: &[Option<Fingerprint>]) -> Vec<(usize, usize)> {
    let mut order: Vec<(usize, &Fingerprint)> = prints
        .iter()
        .enumerate()
        .filter_map(|(i, print)| Some((i, print.as_ref()?)))
        .collect();
    order.sort_by_key(|(i, print)| (print.brightness, *i));
    let reach = (MAX_DISTANCE * f64::from(THUMBNAIL * THUMBNAIL)) as u32;
    (0..order.len())
        .into_par_iter()
        .flat_map_iter(|a| {
            let (i, print) = order[a];
            order[a + 1..]
                .iter()
                .take_while(move |(_, other)| other.brightness <= print.brightness + reach)
                .filter(move |(_, other)| print.same_picture(other))
                .map(move |&(j, _)| (i, j))
        })
        .collect()
}
