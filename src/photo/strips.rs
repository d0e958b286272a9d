//! The pieces, strips or tiles, that a TIFF's picture lies in. Its decoder fills up with
//! grey what is missing of a JPEG in one, and reads on beyond the end of one that is not
//! compressed.

use std::io::Cursor;

use tiff::decoder::{ChunkType, Decoder};
use tiff::tags::{CompressionMethod, PlanarConfiguration, Tag};

use super::{DecodeLimits, PhotoError, jpeg};

/// What stands in front of every picture: byte order, mark and the directory's place.
const HEADER: u64 = 8;

/// Checks that the tiles of a TIFF's first picture are no larger than pictures are: its
/// decoder sets aside a line of one before it looks for what is in it.
///
/// # Errors
/// [`PhotoError::Corrupt`] where they are larger.
pub(super) fn check_size(bytes: &[u8], limits: &DecodeLimits) -> Result<(), PhotoError> {
    let Ok(decoder) = Decoder::new(Cursor::new(bytes)) else {
        return Ok(());
    };
    let (width, height) = decoder.chunk_dimensions();
    let is_vast = u64::from(width) * u64::from(height) > limits.max_pixels;
    match decoder.get_chunk_type() {
        ChunkType::Tile if is_vast => Err(PhotoError::Corrupt {
            reason: "its tiles are larger than pictures are".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Checks that the pieces of a TIFF's first picture are whole, where their decoder does
/// not.
///
/// # Errors
/// [`PhotoError::Truncated`] or [`PhotoError::Corrupt`] where one is not.
pub(super) fn check(bytes: &[u8]) -> Result<(), PhotoError> {
    // What cannot be read here the picture's own decoder has refused.
    let Ok(mut decoder) = Decoder::new(Cursor::new(bytes)) else {
        return Ok(());
    };
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression);
    let packed = compression.ok().flatten();
    let pieces = pieces(&mut decoder);
    match packed.map_or(
        CompressionMethod::None,
        CompressionMethod::from_u16_exhaustive,
    ) {
        CompressionMethod::ModernJPEG => check_jpegs(&mut decoder, &pieces, bytes),
        CompressionMethod::None => check_plain(&mut decoder, &pieces),
        _ => Ok(()),
    }
}

/// Where each piece begins, and how many bytes it has.
fn pieces(decoder: &mut Decoder<Cursor<&[u8]>>) -> Vec<(u64, u64)> {
    let mut numbers = |tag| decoder.find_tag_unsigned_vec::<u64>(tag).ok().flatten();
    let strips = numbers(Tag::StripOffsets).zip(numbers(Tag::StripByteCounts));
    let tiles = numbers(Tag::TileOffsets).zip(numbers(Tag::TileByteCounts));
    strips
        .into_iter()
        .chain(tiles)
        .flat_map(|(offsets, counts)| offsets.into_iter().zip(counts))
        .collect()
}

fn check_jpegs(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    pieces: &[(u64, u64)],
    bytes: &[u8],
) -> Result<(), PhotoError> {
    let tables = decoder.get_tag_u8_vec(Tag::JPEGTables).unwrap_or_default();
    let piece = |offset: u64, count: u64| {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(count).ok()?)?;
        bytes.get(start..end)
    };
    pieces.iter().try_for_each(|&(offset, count)| {
        let piece = piece(offset, count).ok_or(PhotoError::Truncated)?;
        jpeg::check(&tables, piece)
    })
}

/// Some programs write a wrong number of bytes where the pixels are all there: what is
/// too short is only refused where something else lies in the place of what is missing.
fn check_plain(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    pieces: &[(u64, u64)],
) -> Result<(), PhotoError> {
    let mut number = |tag, without| {
        let found = decoder.find_tag_unsigned_vec::<u64>(tag).ok().flatten();
        found
            .and_then(|found| found.first().copied())
            .unwrap_or(without)
    };
    let planar = u64::from(PlanarConfiguration::Planar.to_u16());
    let samples = match number(Tag::PlanarConfiguration, 1) == planar {
        true => 1,
        false => number(Tag::SamplesPerPixel, 1),
    };
    let bits = number(Tag::BitsPerSample, 1).saturating_mul(samples);
    let mut begins: Vec<u64> = pieces.iter().map(|&(offset, _)| offset).collect();
    begins.sort_unstable();
    for (index, &(offset, count)) in (0..).zip(pieces) {
        let (width, height) = match decoder.get_chunk_type() {
            ChunkType::Strip => decoder.chunk_data_dimensions(index),
            // All tiles are of one size; what reaches beyond the picture is there, too.
            ChunkType::Tile => decoder.chunk_dimensions(),
        };
        let row = u64::from(width).saturating_mul(bits).div_ceil(8);
        let end = offset.saturating_add(row.saturating_mul(u64::from(height)));
        let told = offset.saturating_add(count);
        let next = begins.partition_point(|&begin| begin < told.max(offset.saturating_add(1)));
        let is_taken = begins.get(next).is_some_and(|&begin| begin < end);
        if told < end && (is_taken || count == 0 || offset < HEADER) {
            return Err(PhotoError::Truncated);
        }
    }
    Ok(())
}
