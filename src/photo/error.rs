//! What can be wrong with a photo, said to the person who dropped it: what
//! happened and what to do about it. The file's name is added by the caller,
//! who knows it; nothing here may name a file, a path or a library.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a photo could not be read or prepared. Written out, it is its
/// [`code`](PhotoError::code) and what its sentence names.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PhotoError {
    /// The file has no bytes at all.
    #[error("the file is empty; copy or export it again from where it came from")]
    Empty,

    /// The bytes begin like no picture known here.
    #[error(
        "this is not a picture, whatever its name says; choose a JPEG, PNG, WebP, TIFF or BMP file"
    )]
    NotAnImage,

    /// A picture, or a flavour of one, that is not read here.
    #[error("{format} is not read here; save the photo as JPEG, PNG, WebP, TIFF or BMP")]
    Unsupported {
        /// The format or flavour, as a person would call it.
        format: String,
    },

    /// A DICOM file of something else: a scan, a report, a plan.
    #[error("this DICOM file is no photograph of the eye ({what}); choose a fundus photograph")]
    NotAPhotograph {
        /// How it can be told: never anything about the patient.
        what: String,
    },

    /// The file ends before the picture does.
    #[error(
        "the file ends before the picture is complete, so part of the retina is missing; copy or export it again"
    )]
    Truncated,

    /// The file has the right beginning, and damage after it.
    #[error("the file is damaged ({reason}); copy or export it again")]
    Corrupt {
        /// What the decoder stumbled over.
        reason: String,
    },

    /// The file is larger than [`DecodeLimits::max_bytes`](super::DecodeLimits).
    #[error(
        "the file holds {bytes} bytes and at most {limit} are read; save the photo smaller, as JPEG for example"
    )]
    TooManyBytes {
        /// Bytes in the file.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },

    /// The picture is larger than [`DecodeLimits::max_pixels`](super::DecodeLimits).
    #[error(
        "the picture measures {width} x {height} pixels and at most {limit} pixels in all are read; save it smaller"
    )]
    TooManyPixels {
        /// Width in pixels, from the file's header.
        width: u32,
        /// Height in pixels, from the file's header.
        height: u32,
        /// Pixels allowed.
        limit: u64,
    },

    /// Too few pixels to show a lesion, or anything else.
    #[error(
        "the picture measures only {width} x {height} pixels and at least {least} on each side are needed; use the original photo"
    )]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Pixels needed on each side.
        least: u32,
    },

    /// Nothing in the picture looks like the bright disc of a retina.
    #[error(
        "no retina was found in the picture; use a photo of the back of the eye, in colour, with its round edge visible"
    )]
    NoRetina,

    /// Two retinas side by side, or one above the other: the grade would be of one alone.
    #[error("the picture shows more than one retina; save each as a photo of its own")]
    SeveralRetinas,

    /// The preprocessing settings cannot be used: the bundle's fault, not the photo's.
    #[error("the preprocessing settings are wrong: {reason}; use another model bundle")]
    Settings {
        /// Which setting, and why it cannot be used.
        reason: String,
    },
}

impl PhotoError {
    /// Every name [`code`](Self::code) gives.
    pub const CODES: [&'static str; 12] = [
        "empty",
        "not-an-image",
        "unsupported",
        "not-a-photograph",
        "truncated",
        "corrupt",
        "too-many-bytes",
        "too-many-pixels",
        "too-small",
        "no-retina",
        "several-retinas",
        "settings",
    ];

    /// A name that never changes, for programs and for the page's translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAnImage => "not-an-image",
            Self::Unsupported { .. } => "unsupported",
            Self::NotAPhotograph { .. } => "not-a-photograph",
            Self::Truncated => "truncated",
            Self::Corrupt { .. } => "corrupt",
            Self::TooManyBytes { .. } => "too-many-bytes",
            Self::TooManyPixels { .. } => "too-many-pixels",
            Self::TooSmall { .. } => "too-small",
            Self::NoRetina => "no-retina",
            Self::SeveralRetinas => "several-retinas",
            Self::Settings { .. } => "settings",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_out_it_is_its_code_and_comes_back_whole() {
        let what = String::from("its modality is CT");
        for error in [
            PhotoError::Empty,
            PhotoError::NotAnImage,
            PhotoError::Unsupported {
                format: what.clone(),
            },
            PhotoError::NotAPhotograph { what: what.clone() },
            PhotoError::Truncated,
            PhotoError::Corrupt {
                reason: what.clone(),
            },
            PhotoError::TooManyBytes { bytes: 2, limit: 1 },
            PhotoError::TooManyPixels {
                width: 3,
                height: 2,
                limit: 1,
            },
            PhotoError::TooSmall {
                width: 3,
                height: 2,
                least: 4,
            },
            PhotoError::NoRetina,
            PhotoError::SeveralRetinas,
            PhotoError::Settings { reason: what },
        ] {
            let written = serde_json::to_value(&error).unwrap();
            assert_eq!(written["code"], error.code());
            assert!(PhotoError::CODES.contains(&error.code()));
            assert_eq!(
                serde_json::from_value::<PhotoError>(written).unwrap(),
                error
            );
        }
    }
}
