//! Measuring a grader honestly: what it gets right, how sure it is when it is
//! wrong, and where to put the threshold of referral.
//!
//! Everything here is arithmetic on `f64` over logits or probabilities and
//! labels. It never looks at a photo, never runs a network, and never chooses a
//! threshold or a temperature on the data it reports on: those come from
//! validation and are applied to test.

pub mod bootstrap;
pub mod calibration;
pub mod comparison;
pub mod confusion;
pub mod consistency;
pub mod coverage;
pub mod edema;
pub mod metrics;
pub mod model_card;
pub mod operating_point;
pub mod outcome;
pub mod plots;
pub mod pointing;
pub mod predictions;
pub mod ranking;
pub mod report;
pub mod selective;
pub mod table;
pub mod temperature;

pub use bootstrap::{Bootstrap, Interval};
pub use metrics::Metrics;
pub use outcome::{Evaluation, Request, Threshold};
pub use predictions::{InputError, Predictions};
