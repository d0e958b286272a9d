pub mod dataset;
mod disjoint_sets;
pub mod duplicates;
pub mod split;
