//! From logits to an assessment a person can act on.
//!
//! Grade names, thresholds, referral wording and rounding live here and
//! nowhere else: the page and the command only lay them out.

mod assessment;
mod calibration;
mod cumulative_link;
mod scale;

pub use assessment::{Assessment, Fault, Milliseconds, Status};
pub use calibration::softmax;
pub use cumulative_link::CumulativeLink;
pub use scale::Grade;
