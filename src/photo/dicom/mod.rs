//! DICOM photographs of the eye (PS3.3, A.41 and A.42): what a clinic's archive
//! hands out instead of a JPEG.
//!
//! Only the elements a picture is made of are looked at, and the side of the
//! eye. Names, dates and numbers of patients are stepped over where they lie:
//! nothing of them is ever copied out of the file's own bytes.

mod colour;
mod compressed;
mod converted;
mod elements;
mod header;

use std::borrow::Cow;

use image::metadata::Orientation;
use image::{DynamicImage, imageops};

use super::{DecodeLimits, PhotoError, jpeg};
use crate::grading::eye::Side;
pub use converted::{Converted, convert};
use header::{Header, PixelData, Syntax};

/// Is this a DICOM file? Its mark stands behind a preamble that is anyone's.
pub fn recognise(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM".as_slice())
}

/// What a DICOM file tells beside its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Image Laterality (0020,0062), else Laterality (0020,0060).
    pub side: Option<Side>,
    /// Pictures in the file; the first is the one that is read.
    pub frames: u32,
}

/// Reads side and number of frames; nothing for a file that cannot be read.
pub fn told(bytes: &[u8]) -> Option<Told> {
    Header::read(bytes).ok().map(|header| header.told())
}

/// A DICOM file's first picture, as far as it has to be taken out of it.
#[derive(Clone, Debug)]
pub enum Picture<'a> {
    /// A whole JPEG, as the camera wrote it.
    Jpeg(Cow<'a, [u8]>),
    /// Eight bits a channel, grey or RGB.
    Pixels(DynamicImage),
}

/// Takes the first picture out of a DICOM file.
///
/// Sixteen bits are scaled to eight by the bits that are stored, not by a
/// viewer's window; MONOCHROME1 is turned so that bright is bright.
///
/// # Errors
/// [`PhotoError::NotAPhotograph`] for a DICOM file of something else, and those
/// of [`decode`](super::decode).
pub fn open<'a>(bytes: &'a [u8], limits: &DecodeLimits) -> Result<Picture<'a>, PhotoError> {
    limits.check_bytes(bytes)?;
    let header = Header::read(bytes)?;
    header.check_photograph()?;
    let layout = header.layout()?;
    limits.check_size(layout.columns, layout.rows)?;
    match (header.syntax()?, &header.pixels) {
        (_, None) => Err(PhotoError::NotAPhotograph {
            what: "it holds no picture".to_owned(),
        }),
        (Syntax::Plain { big_endian }, Some(PixelData::Plain { bytes, words })) => {
            let frame = colour::Frame {
                samples: bytes,
                big_endian,
                // Eight-bit samples in words of sixteen were swapped with them.
                swapped: big_endian && *words && layout.allocated == 8,
                planar: layout.planar,
            };
            colour::picture(&layout, &frame).map(Picture::Pixels)
        }
        (Syntax::Rle, Some(PixelData::Fragments { fragments, .. })) => {
            // Each frame is one fragment (PS3.5, A.4.2).
            let fragment = fragments.first().copied().unwrap_or_default();
            let samples = compressed::unpack(fragment, &layout)?;
            let frame = colour::Frame {
                samples: &samples,
                big_endian: true,
                swapped: false,
                planar: true,
            };
            colour::picture(&layout, &frame).map(Picture::Pixels)
        }
        (Syntax::Jpeg, Some(PixelData::Fragments { offsets, fragments })) => {
            let stream = compressed::first_jpeg(offsets, fragments, header.told().frames);
            if stream.is_empty() {
                return Err(PhotoError::Truncated);
            }
            let stream = if layout.is_rgb() {
                compressed::marked_rgb(stream)
            } else {
                stream
            };
            if !layout.is_inverted() {
                return Ok(Picture::Jpeg(stream));
            }
            let (mut picture, _) = jpeg::decode(&stream, limits)?;
            imageops::invert(&mut picture);
            Ok(Picture::Pixels(picture))
        }
        _ => Err(PhotoError::Corrupt {
            reason: "its pixels are not packed as it says".to_owned(),
        }),
    }
}

/// The first picture, decoded; the orientation is returned, not yet applied.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<(DynamicImage, Orientation), PhotoError> {
    match open(bytes, limits)? {
        Picture::Jpeg(stream) => jpeg::decode(&stream, limits),
        Picture::Pixels(picture) => Ok((picture, Orientation::NoTransforms)),
    }
}
