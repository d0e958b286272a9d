//! From logits to an assessment a person can act on.
//!
//! Grade names, thresholds, referral wording and rounding live here and
//! nowhere else: the page and the command only lay them out.

mod assessment;
mod calibration;
mod cumulative_link;
pub mod doubt;
pub mod eye;
mod follow_up;
pub mod patient;
mod phrase;
mod scale;

pub use assessment::{Assessment, Codes, Fault, Milliseconds, Status};
pub use calibration::softmax;
pub use cumulative_link::CumulativeLink;
pub use doubt::Agreement;
pub use follow_up::FollowUp;
pub use phrase::codes;
pub use scale::Grade;
