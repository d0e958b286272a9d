//! SHA-256 of files and of everything a build step depends on.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Sixty-four hexadecimal digits.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub fn of_file(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut file =
        File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    io::copy(&mut file, &mut hasher)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(hex(&hasher.finalize()))
}

/// The digest of several parts, each with its length, so that no two different
/// lists of parts share one.
#[derive(Default)]
pub struct Stamp(Sha256);

impl Stamp {
    pub fn add(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    pub fn add_file(self, path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(self.add(bytes))
    }

    /// The first sixteen digits: enough to name a folder or a version by.
    pub fn short(self) -> String {
        hex(&self.0.finalize())[..16].to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_fips_180() {
        assert_eq!(
            of_bytes(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn where_one_part_ends_matters() {
        let one = Stamp::default().add("ab").add("c").short();
        let other = Stamp::default().add("a").add("bc").short();
        assert_ne!(one, other);
        assert_eq!(one, Stamp::default().add("ab").add("c").short());
    }
}
