//! A DICOM file's picture as a file of its own, for whatever reads no DICOM.

use std::borrow::Cow;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageFormat};

use super::{Picture, open};
use crate::photo::decode::recognise;
use crate::photo::{DecodeLimits, PhotoError, jpeg};

/// The first picture, with nothing else of what the DICOM file holds.
#[derive(Clone, Debug)]
pub struct Converted<'a> {
    /// The JPEG as the camera wrote it, or a PNG of the pixels.
    pub bytes: Cow<'a, [u8]>,
    /// `image/jpeg` or `image/png`.
    pub media_type: &'static str,
}

/// Takes the first picture out of a DICOM file, as a file by itself, of which
/// [`decode`](crate::photo::decode) makes the same picture, or says the same
/// error, as of the DICOM file. Only its length is another: a PNG may be longer
/// than what it was made of, and so longer than the limits allow.
///
/// # Errors
/// Those of [`open`]; what is wrong with a JPEG inside, its decoder says.
pub fn convert<'a>(bytes: &'a [u8], limits: &DecodeLimits) -> Result<Converted<'a>, PhotoError> {
    match open(bytes, limits)? {
        Picture::Jpeg(stream) if matches!(recognise(&stream), Ok(ImageFormat::Jpeg)) => {
            Ok(Converted {
                bytes: stream,
                media_type: "image/jpeg",
            })
        }
        // One that by itself would not be known for a JPEG.
        Picture::Jpeg(stream) => {
            let (mut picture, orientation) = jpeg::decode(&stream, limits)?;
            picture.apply_orientation(orientation);
            png(&picture)
        }
        Picture::Pixels(picture) => png(&picture),
    }
}

fn png<'a>(picture: &DynamicImage) -> Result<Converted<'a>, PhotoError> {
    let mut bytes = Vec::new();
    let quick =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    picture
        .write_with_encoder(quick)
        .map_err(|error| PhotoError::Corrupt {
            reason: error.to_string(),
        })?;
    Ok(Converted {
        bytes: Cow::Owned(bytes),
        media_type: "image/png",
    })
}
