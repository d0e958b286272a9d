//! Bytes to an upright RGB picture. What a file is, its content says, never its
//! name; how large it may be is settled from its header, before a pixel is
//! decoded.

use std::io::{Cursor, ErrorKind};

use image::codecs::{bmp::BmpDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::error::ImageFormatHint;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, RgbImage};

use super::{PhotoError, jpeg, strips};

/// How large a photo may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes in the file.
    pub max_bytes: u64,
    /// Width times height.
    pub max_pixels: u64,
    /// Least width and least height, in pixels: less shows no lesion.
    pub min_side: u32,
}

impl Default for DecodeLimits {
    /// 64 MB, 120 megapixels, at least 32 pixels a side: every fundus camera on
    /// the market fits twice over, and the decoded picture fits in a browser.
    fn default() -> Self {
        Self {
            max_bytes: 64_000_000,
            max_pixels: 120_000_000,
            min_side: 32,
        }
    }
}

impl DecodeLimits {
    /// Checks a file's length.
    pub(super) fn check_bytes(&self, bytes: &[u8]) -> Result<(), PhotoError> {
        let length = bytes.len() as u64;
        if length > self.max_bytes {
            return Err(PhotoError::TooManyBytes {
                bytes: length,
                limit: self.max_bytes,
            });
        }
        Ok(())
    }

    /// Checks a picture's size as its header tells it.
    pub(super) fn check_size(&self, width: u32, height: u32) -> Result<(), PhotoError> {
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(PhotoError::TooManyPixels {
                width,
                height,
                limit: self.max_pixels,
            });
        }
        if width.min(height) < self.min_side {
            return Err(PhotoError::TooSmall {
                width,
                height,
                least: self.min_side,
            });
        }
        Ok(())
    }
}

/// Decodes a JPEG, PNG, WebP, TIFF or BMP photo, or with the feature `dicom` a
/// DICOM one, into 8-bit RGB, turned upright after its EXIF (or TIFF) orientation.
///
/// Grey becomes equal red, green and blue; 16 bits are rounded to 8; what is
/// transparent shows black, the retina's own ground; CMYK is converted without
/// colour management.
///
/// # Errors
/// Every [`PhotoError`] but `NoRetina`, `SeveralRetinas` and `Settings`. A file that ends early is
/// refused even where a decoder would have filled the rest with grey.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, PhotoError> {
    if bytes.is_empty() {
        return Err(PhotoError::Empty);
    }
    limits.check_bytes(bytes)?;
    #[cfg(feature = "dicom")]
    if super::dicom::recognise(bytes) {
        let (mut picture, orientation) = super::dicom::decode(bytes, limits)?;
        picture.apply_orientation(orientation);
        return Ok(over_black(picture));
    }
    let (mut picture, orientation) = match recognise(bytes)? {
        ImageFormat::Jpeg => jpeg::decode(bytes, limits)?,
        ImageFormat::Png => {
            let (width, height) = png_size(bytes)?;
            limits.check_size(width, height)?;
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), allocation(width, height));
            read(decoder, limits)?
        }
        ImageFormat::WebP => {
            let riff = riff(bytes)?;
            read(WebPDecoder::new(Cursor::new(riff)), limits)?
        }
        ImageFormat::Tiff => {
            strips::check_size(bytes, limits)?;
            let read = read(TiffDecoder::new(Cursor::new(bytes)), limits)?;
            strips::check(bytes)?;
            read
        }
        // `recognise` lets no other format through.
        _ => read(BmpDecoder::new(Cursor::new(bytes)), limits)?,
    };
    picture.apply_orientation(orientation);
    Ok(over_black(picture))
}

/// The format, from the first bytes.
pub(super) fn recognise(bytes: &[u8]) -> Result<ImageFormat, PhotoError> {
    let unsupported = |format: &str| {
        Err(PhotoError::Unsupported {
            format: format.to_owned(),
        })
    };
    if bytes.len() >= 132 && &bytes[128..132] == b"DICM" {
        return unsupported("DICOM");
    }
    if bytes.starts_with(b"%PDF-") {
        return unsupported("PDF");
    }
    if bytes.starts_with(&[0, 0, 0, 12, b'j', b'P', b' ', b' ']) {
        return unsupported("JPEG 2000");
    }
    if bytes.starts_with(&[0, 0, 0, 12, b'J', b'X', b'L', b' ']) || bytes.starts_with(&[0xff, 0x0a])
    {
        return unsupported("JPEG XL");
    }
    if bytes.starts_with(b"II\x2b\0") || bytes.starts_with(b"MM\0\x2b") {
        return unsupported("BigTIFF");
    }
    if bytes.len() >= 12 && &bytes[4..8] == b"ftyp" {
        return match &bytes[8..12] {
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1" => {
                unsupported("HEIC")
            }
            b"avif" | b"avis" => unsupported("AVIF"),
            _ => unsupported("video"),
        };
    }
    match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Jpeg
            | ImageFormat::Png
            | ImageFormat::WebP
            | ImageFormat::Tiff
            | ImageFormat::Bmp),
        ) => Ok(format),
        Ok(ImageFormat::Gif) => unsupported("GIF"),
        Ok(ImageFormat::Ico) => unsupported("ICO"),
        Ok(ImageFormat::OpenExr) => unsupported("OpenEXR"),
        Ok(ImageFormat::Pnm) => unsupported("PNM"),
        Ok(ImageFormat::Hdr) => unsupported("Radiance HDR"),
        Ok(ImageFormat::Dds) => unsupported("DDS"),
        Ok(ImageFormat::Qoi) => unsupported("QOI"),
        Ok(ImageFormat::Farbfeld) => unsupported("farbfeld"),
        Ok(ImageFormat::Avif) => unsupported("AVIF"),
        Ok(_) => unsupported("this picture format"),
        // A beginning cut so short that it is no whole signature any more.
        Err(_) if is_signature_start(bytes) => Err(PhotoError::Truncated),
        Err(_) => Err(PhotoError::NotAnImage),
    }
}

/// Is this a few bytes long, and the beginning of a file read here?
fn is_signature_start(bytes: &[u8]) -> bool {
    const SIGNATURES: [&[u8]; 4] = [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"II\x2a\0",
        b"MM\0\x2a",
    ];
    (bytes.len() >= 2 && SIGNATURES.iter().any(|s| s.starts_with(bytes)))
        || (bytes.len() < 12 && bytes.len() >= 4 && bytes.starts_with(b"RIFF"))
}

/// A WebP file says in its first bytes how long it is, and of each of its chunks
/// how long that is: the decoder sets aside what a chunk claims before it reads it.
fn riff(bytes: &[u8]) -> Result<&[u8], PhotoError> {
    let number = |at: usize| {
        let four = bytes.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*four)).ok()
    };
    let riff = number(4)
        .and_then(|told| bytes.get(..told.checked_add(8)?))
        .ok_or(PhotoError::Truncated)?;
    let mut at = 12; // after RIFF, its length and WEBP
    while at + 8 <= riff.len() {
        at = number(at + 4)
            .and_then(|told| told.checked_add(at + 8))
            .filter(|end| *end <= riff.len())
            .ok_or(PhotoError::Truncated)?
            .next_multiple_of(2);
    }
    Ok(riff)
}

/// A PNG's size, from the header chunk every PNG begins with: known before the
/// decoder allocates its first line.
fn png_size(bytes: &[u8]) -> Result<(u32, u32), PhotoError> {
    let Some(header) = bytes.get(8..24) else {
        return Err(PhotoError::Truncated);
    };
    if &header[4..8] != b"IHDR" {
        return Err(PhotoError::Corrupt {
            reason: "its header is missing".to_owned(),
        });
    }
    let number = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    Ok((number(8), number(12)))
}

/// What the decoders behind `image` may allocate: the widest pixel they know,
/// as it is decoded and once more as it is converted, and room for metadata.
fn allocation(width: u32, height: u32) -> image::Limits {
    const WIDEST_PIXEL: u64 = 16;
    const METADATA: u64 = 16_000_000;
    let pixels = u64::from(width) * u64::from(height);
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(
        pixels
            .saturating_mul(2 * WIDEST_PIXEL)
            .saturating_add(METADATA),
    );
    allowed
}

/// Reads header, orientation and pixels, in this order.
fn read<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    limits: &DecodeLimits,
) -> Result<(DynamicImage, Orientation), PhotoError> {
    let mut decoder = decoder.map_err(refuse)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    decoder
        .set_limits(allocation(width, height))
        .map_err(refuse)?;
    // Unreadable metadata never costs the picture: it stays as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(refuse)?;
    Ok((picture, orientation))
}

/// A decoder's complaint in our words.
fn refuse(error: ImageError) -> PhotoError {
    if ends_early(&error) {
        return PhotoError::Truncated;
    }
    match error {
        ImageError::Unsupported(unsupported) => PhotoError::Unsupported {
            format: kind_of(&unsupported.format_hint()),
        },
        other => PhotoError::Corrupt {
            reason: other.to_string(),
        },
    }
}

/// A flavour of a format that is read else, as a person would call it.
fn kind_of(format: &ImageFormatHint) -> String {
    let format = match format {
        ImageFormatHint::Exact(ImageFormat::Tiff) => "TIFF",
        ImageFormatHint::Exact(ImageFormat::Png) => "PNG",
        ImageFormatHint::Exact(ImageFormat::WebP) => "WebP",
        ImageFormatHint::Exact(ImageFormat::Bmp) => "BMP",
        _ => "picture",
    };
    format!("this kind of {format}")
}

/// Does this error, or one that caused it, say that the bytes ran out?
fn ends_early(error: &ImageError) -> bool {
    if let ImageError::IoError(io) = error {
        return io.kind() == ErrorKind::UnexpectedEof;
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io.kind() == ErrorKind::UnexpectedEof;
        }
        cause = inner.source();
    }
    false
}

/// Eight bits a channel, with what is transparent on black.
fn over_black(picture: DynamicImage) -> RgbImage {
    if let DynamicImage::ImageRgb8(rgb) = picture {
        return rgb;
    }
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let rgba = picture.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        let shown = |v: u8| ((u16::from(v) * u16::from(a) + 127) / 255) as u8;
        image::Rgb([shown(r), shown(g), shown(b)])
    })
}
