//! JPEG, the format cameras write, read more strictly than browsers do: half a
//! picture filled up with grey must never be graded as a retina.

use std::borrow::Cow;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{DecodeLimits, PhotoError};

/// Decodes a JPEG; the orientation is returned, not yet applied.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<(DynamicImage, Orientation), PhotoError> {
    // The header leniently (cameras pad between segments), the pixels strictly.
    let lenient = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let structure = Structure::walk(bytes);
    let stream = structure.without_end(bytes);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*stream), lenient);
    decoder.decode_headers().map_err(refuse)?;
    let (Some((width, height)), Some(stored)) = (decoder.dimensions(), decoder.input_colorspace())
    else {
        return Err(PhotoError::Truncated);
    };
    let (width, height) = (width as u32, height as u32);
    limits.check_size(width, height)?;
    if structure.end.is_none() {
        return Err(PhotoError::Truncated);
    }
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif))
        .unwrap_or(Orientation::NoTransforms);

    // CMYK is taken as it is stored; YCCK the decoder turns into RGB itself. An
    // Adobe segment that names no transform means CMYK only with four channels.
    let channels = decoder.info().map_or(0, |info| info.components);
    let wanted = match stored {
        ColorSpace::Luma => ColorSpace::Luma,
        ColorSpace::CMYK if channels == 4 => ColorSpace::CMYK,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(
        lenient
            .set_strict_mode(true)
            .jpeg_set_out_colorspace(wanted),
    );
    let pixels = decoder.decode().map_err(refuse)?;
    let picture = match wanted {
        ColorSpace::Luma => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorSpace::CMYK => RgbImage::from_raw(width, height, cmyk_to_rgb(pixels, structure.adobe))
            .map(DynamicImage::from),
        _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
    };
    let picture = picture.ok_or_else(|| PhotoError::Corrupt {
        reason: "its pixels do not match its header".to_owned(),
    })?;
    Ok((picture, orientation))
}

/// Whether a JPEG has all its scans and its end, as far as its markers tell.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    Structure::walk(bytes).end.is_some()
}

/// Four ink channels to RGB. Programs that write an Adobe segment store ink
/// inverted (255 is none); the rest store it as the standard says (0 is none).
fn cmyk_to_rgb(mut pixels: Vec<u8>, inverted: bool) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(pixels.len() / 4 * 3);
    if !inverted {
        pixels.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    for ink in pixels.chunks_exact(4) {
        let key = u16::from(ink[3]);
        rgb.extend(
            ink[..3]
                .iter()
                .map(|&v| ((u16::from(v) * key + 127) / 255) as u8),
        );
    }
    rgb
}

fn refuse(error: DecodeErrors) -> PhotoError {
    match error {
        DecodeErrors::ExhaustedData
        | DecodeErrors::IoErrors(_)
        | DecodeErrors::FormatStatic("Premature end of buffer") => PhotoError::Truncated,
        DecodeErrors::Unsupported(scheme) => PhotoError::Unsupported {
            format: format!("this kind of JPEG ({scheme:?})"),
        },
        other => PhotoError::Corrupt {
            reason: other.to_string(),
        },
    }
}

/// What the segments of a JPEG tell (ITU-T T.81, annex B), without decoding.
struct Structure {
    /// Where the end-of-image marker is that follows the last scan.
    end: Option<usize>,
    /// All of the picture is in one sequential scan, as cameras write it.
    is_one_scan: bool,
    /// An Adobe APP14 segment is there.
    adobe: bool,
}

impl Structure {
    fn walk(bytes: &[u8]) -> Self {
        let mut found = Self {
            end: None,
            is_one_scan: false,
            adobe: false,
        };
        let mut at = 2; // after the start-of-image marker
        let mut is_sequential = false;
        let mut scans = 0;
        loop {
            // The next marker: 0xff, then neither 0x00 (a stuffed 0xff of the
            // entropy-coded data), nor 0xff (padding), nor a restart.
            let Some(step) = bytes
                .get(at..)
                .and_then(|rest| rest.iter().position(|&b| b == 0xff))
            else {
                return found;
            };
            at += step + 1;
            let Some(&marker) = bytes.get(at) else {
                return found;
            };
            match marker {
                0xff => continue,
                0x00 | 0x01 | 0xd0..=0xd8 => {
                    at += 1;
                    continue;
                }
                0xd9 => {
                    found.end = (scans > 0).then_some(at - 1);
                    found.is_one_scan = is_sequential && scans == 1;
                    return found;
                }
                _ => at += 1,
            }
            let Some(&[high, low]) = bytes.get(at..at + 2) else {
                return found;
            };
            let length = usize::from(u16::from_be_bytes([high, low])).max(2);
            match marker {
                0xc0 | 0xc1 => is_sequential = true,
                0xda => scans += 1,
                0xee => {
                    found.adobe |= bytes
                        .get(at + 2..at + length)
                        .is_some_and(|segment| segment.starts_with(b"Adobe"));
                }
                _ => {}
            }
            at += length;
        }
    }

    /// The JPEG up to its end marker. Having seen that, the decoder fills up with zeros
    /// what a gap in the scan has taken away; without it, it says so. It reads some
    /// bytes ahead, which are put there.
    fn without_end<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        const AHEAD: [u8; 16] = [0; 16];
        match self.end {
            Some(end) if self.is_one_scan => Cow::Owned([&bytes[..end], &AHEAD].concat()),
            _ => Cow::Borrowed(bytes),
        }
    }
}
