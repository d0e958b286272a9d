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

mod blocks;
mod huffman;
mod scans;

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
    if !structure.is_plain {
        scans::check(Segments::of(bytes), (width, height))?;
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

/// Checks a JPEG that another file holds, and that another decoder will read: it has to
/// have its end, and its scans have to code its picture. `tables` is the JPEG of tables
/// alone that it may lean on.
///
/// # Errors
/// What shows that it is not as it was written.
pub(super) fn check(tables: &[u8], bytes: &[u8]) -> Result<(), PhotoError> {
    if Structure::walk(bytes).end.is_none() {
        return Err(PhotoError::Truncated);
    }
    let frame = Segments::of(bytes).find(|segment| matches!(segment.marker, 0xc0..=0xc2));
    let Some(size) = frame.and_then(|frame| scans::size(frame.body)) else {
        return Ok(());
    };
    let tables = Segments::of(tables).filter(|segment| segment.marker != END);
    scans::check(tables.chain(Segments::of(bytes)), size)?;
    Ok(())
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
        DecodeErrors::Format(reason) if reason.starts_with("Bad Huffman Code") => {
            Fault::UNKNOWN_CODE.into()
        }
        DecodeErrors::Unsupported(scheme) => PhotoError::Unsupported {
            format: format!("this kind of JPEG ({scheme:?})"),
        },
        other => PhotoError::Corrupt {
            reason: other.to_string(),
        },
    }
}

/// The marker of the end of the image.
const END: u8 = 0xd9;

/// What shows that a JPEG is not as it was written.
enum Fault {
    /// Its data ends before what it codes.
    Ended,
    /// Something that no encoder writes.
    Wrong(&'static str),
}

impl Fault {
    const UNKNOWN_CODE: Self = Self::Wrong("a code that is in no table");
}

impl From<Fault> for PhotoError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ended => Self::Truncated,
            Fault::Wrong(reason) => Self::Corrupt {
                reason: format!("a piece is missing or changed: {reason}"),
            },
        }
    }
}

/// A part of a JPEG: a marker and what belongs to it.
struct Segment<'a> {
    /// Where its 0xff is.
    at: usize,
    marker: u8,
    /// What its length spans.
    body: &'a [u8],
    /// What follows, up to the next marker other than a restart: a scan's data.
    coded: &'a [u8],
}

/// The segments of a JPEG as far as they go, its end among them (ITU-T T.81, annex B).
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2 } // after the start-of-image marker
    }

    /// Where the next marker's second byte is: after 0xff, neither 0x00 (a stuffed 0xff
    /// of the entropy-coded data), nor 0xff (padding), nor a restart.
    fn marker(&self) -> Option<usize> {
        let mut at = self.at;
        loop {
            at += 1 + self.bytes.get(at..)?.iter().position(|&b| b == 0xff)?;
            match self.bytes.get(at)? {
                0xff | 0x00 | 0x01 | 0xd0..=0xd8 => {}
                _ => return Some(at),
            }
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        let at = self.marker()?;
        let rest = &self.bytes[at + 1..];
        let length = match self.bytes[at] {
            END => 0,
            _ => usize::from(u16::from_be_bytes(*rest.first_chunk()?)).max(2),
        };
        let (body, coded) = rest.split_at(length.min(rest.len()));
        let begin = at + 1 + body.len();
        self.at = begin;
        self.at = self.marker().map_or(self.bytes.len(), |next| next - 1);
        Some(Segment {
            at: at - 1,
            marker: self.bytes[at],
            body: body.get(2..).unwrap_or_default(),
            coded: &coded[..self.at - begin],
        })
    }
}

/// What the segments of a JPEG tell, without decoding.
#[derive(Default)]
struct Structure {
    /// Where the end-of-image marker is that follows the last scan.
    end: Option<usize>,
    /// All of the picture is in one sequential scan, as cameras write it, without
    /// restarts, at each of which a decoder forgets what was missing before.
    is_plain: bool,
    /// An Adobe APP14 segment is there.
    adobe: bool,
}

impl Structure {
    fn walk(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let mut is_sequential = false;
        let (mut scans, mut restarts) = (0, false);
        for segment in Segments::of(bytes) {
            match segment.marker {
                0xc0 | 0xc1 => is_sequential = true,
                0xda => scans += 1,
                0xdd => restarts |= segment.body.iter().any(|&byte| byte != 0),
                0xee => found.adobe |= segment.body.starts_with(b"Adobe"),
                END => {
                    found.end = (scans > 0).then_some(segment.at);
                    found.is_plain = is_sequential && scans == 1 && !restarts;
                    break;
                }
                _ => {}
            }
        }
        found
    }

    /// The JPEG up to its end marker. Having seen that, the decoder fills up with zeros
    /// what a gap in the scan has taken away; without it, it says so. It reads some
    /// bytes ahead, which are put there: ones, that no code is made of (ITU-T T.81, C.2),
    /// each byte with the zero stuffed after it. [`scans::check`] would tell a little more,
    /// and takes a third of the time that decoding does: it is for files of several scans,
    /// and for those with restarts.
    fn without_end<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        const AHEAD: [u8; 32] = *b"\xff\0\xff\0\xff\0\xff\0\xff\0\xff\0\xff\0\xff\0\
            \xff\0\xff\0\xff\0\xff\0\xff\0\xff\0\xff\0\xff\0";
        match self.end {
            Some(end) if self.is_plain => Cow::Owned([&bytes[..end], &AHEAD].concat()),
            _ => Cow::Borrowed(bytes),
        }
    }
}
