//! From logits to an assessment a person can act on.
//!
//! Grade names, thresholds, referral wording and rounding live here and
//! nowhere else: the page and the command only lay them out.

mod assessment;
mod calibration;
mod cumulative_link;
mod decision;
pub mod doubt;
mod edema;
pub mod eye;
mod follow_up;
mod looks;
mod operating_point;
pub mod patient;
mod phrase;
mod scale;

pub use assessment::{Assessment, Codes, Fault, Milliseconds, Status};
pub use calibration::{most_probable, softmax};
pub use cumulative_link::CumulativeLink;
pub use decision::{Decision, Evidence};
pub use doubt::Agreement;
pub use edema::EDEMA_FROM;
pub use follow_up::FollowUp;
pub use looks::Reading;
pub use operating_point::{Lines, PointName, REFERABLE_FROM, SIGHT_THREATENING_FROM};
pub use phrase::codes;
pub use scale::Grade;
