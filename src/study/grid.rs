//! The runs of a study: every start on every share of the photos with every
//! seed, and the presets. Each run has a name, which is its folder's.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::preset::Preset;

/// What a network starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Random weights: the reference.
    Ref,
    /// ImageNet's: transfer learning.
    Tl,
}

impl Start {
    pub const BOTH: [Self; 2] = [Self::Ref, Self::Tl];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ref => "ref",
            Self::Tl => "tl",
        }
    }
}

/// What is trained, whatever the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arm {
    Grid {
        start: Start,
        /// Of the training photos, 1 to 100.
        percent: u32,
    },
    /// On all photos.
    Preset(Preset),
}

impl std::fmt::Display for Arm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Grid { start, percent } => write!(f, "{}-{percent:03}", start.name()),
            Self::Preset(preset) => f.write_str(preset.name()),
        }
    }
}

impl FromStr for Arm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let grid = || {
            let (start, percent) = name.split_once('-')?;
            let start = Start::BOTH.into_iter().find(|s| s.name() == start)?;
            let percent = percent.parse().ok().filter(|p| (1..=100).contains(p))?;
            Some(Self::Grid { start, percent })
        };
        grid().map_or_else(|| name.parse().map(Self::Preset), Ok)
    }
}

impl Serialize for Arm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Arm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    pub arm: Arm,
    pub seed: u64,
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-seed{}", self.arm, self.seed)
    }
}

/// Which runs there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Percent of the training photos, each 1 to 100.
    pub percents: Vec<u32>,
    /// Seeds 1 to this.
    pub seeds: u64,
    pub presets: Vec<Preset>,
}

impl Grid {
    /// # Errors
    /// A sentence that names the flag.
    pub fn validate(&self) -> Result<(), String> {
        if self.percents.iter().any(|p| !(1..=100).contains(p)) {
            return Err("--fractions are percent of the photos, each 1 to 100".to_owned());
        }
        if !self.percents.contains(&100) {
            return Err("--fractions must name 100: all else is compared with it".to_owned());
        }
        let mut distinct = self.percents.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != self.percents.len() {
            return Err("--fractions names a share twice".to_owned());
        }
        if self.seeds == 0 {
            return Err("--seeds must be at least 1".to_owned());
        }
        Ok(())
    }

    /// What is trained, in the order of the table: Ref and TL from all photos
    /// down, then the presets.
    pub fn arms(&self) -> Vec<Arm> {
        let mut percents = self.percents.clone();
        percents.sort_unstable_by(|a, b| b.cmp(a));
        let grid = Start::BOTH.into_iter().flat_map(|start| {
            let at = move |&percent: &u32| Arm::Grid { start, percent };
            percents.iter().map(at).collect::<Vec<_>>()
        });
        grid.chain(self.presets.iter().copied().map(Arm::Preset))
            .collect()
    }

    /// All runs. A seed is finished before the next begins, so that a study cut
    /// short still has a whole table.
    pub fn cells(&self) -> Vec<Cell> {
        let arms = self.arms();
        (1..=self.seeds)
            .flat_map(|seed| arms.iter().map(move |&arm| Cell { arm, seed }))
            .collect()
    }
}

/// Every `count`-th run from the `index`-th, counted from 0: one job's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    pub index: usize,
    pub count: usize,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    pub fn of(self, cells: &[Cell]) -> Vec<Cell> {
        let part = cells.iter().skip(self.index).step_by(self.count);
        part.copied().collect()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('/')
            .and_then(|(index, count)| {
                Some(Self {
                    index: index.trim().parse().ok()?,
                    count: count.trim().parse().ok()?,
                })
            })
            .filter(|shard| shard.index < shard.count)
            .ok_or_else(|| format!("{text:?} is not a part such as 0/4 (the parts are 0/4 to 3/4)"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn grid() -> Grid {
        Grid {
            percents: vec![10, 100, 40],
            seeds: 3,
            presets: vec![Preset::Sallam2020],
        }
    }

    #[test]
    fn every_run_has_a_name_of_its_own() {
        let cells = grid().cells();
        assert_eq!(cells.len(), (2 * 3 + 1) * 3);
        let names: Vec<String> = cells.iter().map(Cell::to_string).collect();
        assert_eq!(names[0], "ref-100-seed1");
        assert_eq!(names[5], "tl-010-seed1");
        assert_eq!(names[6], "sallam2020-seed1");
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), cells.len());
        for cell in cells {
            assert_eq!(cell.arm.to_string().parse(), Ok(cell.arm));
        }
    }

    #[test]
    fn shards_are_parts_of_the_whole() {
        let cells = grid().cells();
        for count in [1, 2, 5, 40] {
            let mut together = Vec::new();
            for index in 0..count {
                together.extend(Shard { index, count }.of(&cells));
            }
            assert_eq!(together.len(), cells.len());
            let distinct: HashSet<Cell> = together.into_iter().collect();
            assert_eq!(distinct.len(), cells.len());
        }
        assert_eq!(Shard::WHOLE.of(&cells), cells);
    }

    #[test]
    fn a_shard_outside_its_count_is_refused() {
        assert_eq!("2/4".parse(), Ok(Shard { index: 2, count: 4 }));
        for wrong in ["4/4", "1", "a/2", "0/0", "-1/3"] {
            let error = wrong.parse::<Shard>().unwrap_err();
            assert!(error.contains("0/4"), "{error}");
        }
    }

    #[test]
    fn shares_that_cannot_be_compared_are_refused() {
        for percents in [vec![50], vec![100, 0], vec![100, 100], vec![101, 100]] {
            let grid = Grid { percents, ..grid() };
            assert!(grid.validate().unwrap_err().contains("--fractions"));
        }
        assert_eq!(grid().validate(), Ok(()));
    }
}
