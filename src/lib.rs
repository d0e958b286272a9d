//! Fovea grades photographs of the retina for diabetic retinopathy on the
//! device it runs on: the same code natively and in a browser.
//!
//! The way of a photo: [`photo`] turns bytes into an upright picture, finds the
//! retina and prepares it; [`quality`] refuses what is no retina or cannot be
//! graded; [`network`] turns the prepared picture into logits;
//! [`grading`] turns logits into an assessment a person can act on. [`grader`]
//! is the one façade over all of it. [`explain`] shows where in a photo a grade
//! came from. [`bundle`] is what training hands over.

pub mod bundle;
pub mod explain;
pub mod grader;
pub mod grading;
pub mod network;
pub mod photo;
pub mod quality;
pub mod synth;

#[cfg(feature = "train")]
mod counted;
#[cfg(feature = "train")]
pub mod evaluation;
#[cfg(feature = "train")]
mod quoted;
#[cfg(feature = "train")]
pub mod standalone;
#[cfg(feature = "train")]
pub mod study;
#[cfg(feature = "train")]
pub mod training;

#[cfg(feature = "cli")]
pub mod cli;

#[cfg(feature = "web")]
mod web;
#[cfg(any(feature = "web", feature = "web-dicom"))]
mod web_bytes;
#[cfg(feature = "web-dicom")]
mod web_dicom;
