//! Transfer learning on a folder of photos, natively.
//!
//! Validation photos choose the epoch, the temperature and the threshold; test
//! photos are never opened here.

mod adamw;
pub mod album;
pub mod augment;
pub mod averaging;
pub mod balance;
pub mod batches;
pub mod before;
pub mod check;
pub mod checkpoint;
pub mod config;
pub mod contact_sheet;
pub mod cut_points;
pub mod dataset;
pub mod devices;
mod disjoint_sets;
pub mod doubt;
pub mod doubt_figures;
pub mod duplicates;
pub mod edema;
pub mod export;
pub mod finetune;
pub mod gate;
pub mod head;
pub mod journal;
pub mod judge;
pub mod keep;
mod lines;
pub mod memory;
pub mod mixup;
pub mod objective;
pub mod opinions;
pub mod optimizer;
pub mod parent;
pub mod photos;
pub mod picture;
pub mod pictures;
pub mod predict;
pub mod prepared_folder;
mod published_parts;
pub mod rate_finder;
pub mod recipe;
mod regression;
pub mod run;
pub mod schedule;
pub mod settle;
pub mod shelf;
mod softmax_regression;
mod soup;
pub mod split;
pub mod step;
pub mod terms;
pub mod weights_file;

pub use config::TrainConfig;
pub use run::{TrainError, Watch};
