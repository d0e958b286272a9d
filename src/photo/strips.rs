//! The JPEGs inside a TIFF, a strip or a tile each, of which its decoder fills up
//! what is missing with grey.

use std::io::Cursor;

use tiff::decoder::Decoder;
use tiff::tags::{CompressionMethod, Tag};

use super::{PhotoError, jpeg};

/// Checks that the JPEGs of a TIFF's first picture are whole, if it has some.
///
/// # Errors
/// [`PhotoError::Truncated`] where one is not.
pub(super) fn check_jpegs(bytes: &[u8]) -> Result<(), PhotoError> {
    // What cannot be read here the picture's own decoder has refused.
    let Ok(mut decoder) = Decoder::new(Cursor::new(bytes)) else {
        return Ok(());
    };
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression);
    let packed = compression.ok().flatten();
    if packed != Some(CompressionMethod::ModernJPEG.to_u16()) {
        return Ok(());
    }
    let mut numbers = |tag| decoder.find_tag_unsigned_vec::<u64>(tag).ok().flatten();
    let strips = numbers(Tag::StripOffsets).zip(numbers(Tag::StripByteCounts));
    let tiles = numbers(Tag::TileOffsets).zip(numbers(Tag::TileByteCounts));
    let whole = |(offset, count): (u64, u64)| {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(count).ok()?)?;
        bytes.get(start..end).map(jpeg::is_complete)
    };
    let mut pieces = strips
        .into_iter()
        .chain(tiles)
        .flat_map(|(offsets, counts)| offsets.into_iter().zip(counts));
    match pieces.all(|piece| whole(piece) == Some(true)) {
        true => Ok(()),
        false => Err(PhotoError::Truncated),
    }
}
