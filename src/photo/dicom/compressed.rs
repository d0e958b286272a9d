//! Compressed frames: JPEG, found whole among the fragments, and run lengths.

use std::borrow::Cow;

use super::header::Layout;
use crate::photo::PhotoError;

/// The first frame's JPEG. A frame may lie in several fragments; where the next
/// one begins the table of offsets tells, else the number of frames, else the
/// marker that ends a JPEG.
pub fn first_jpeg<'a>(offsets: &[u32], fragments: &[&'a [u8]], frames: u32) -> Cow<'a, [u8]> {
    let count = if frames == 1 {
        fragments.len()
    } else if let Some(&second) = offsets.get(1) {
        let mut at = 0_u64;
        let before = |fragment: &&&[u8]| {
            let here = at;
            at += fragment.len() as u64 + 8; // an item's tag and length
            here < u64::from(second)
        };
        fragments.iter().take_while(before).count()
    } else if fragments.len() as u64 == u64::from(frames) {
        1
    } else {
        let ends = fragments.iter().position(|fragment| {
            let padding = fragment.iter().rev().take_while(|byte| **byte == 0).count();
            fragment[..fragment.len() - padding].ends_with(&[0xff, 0xd9])
        });
        ends.map_or(fragments.len(), |last| last + 1)
    };
    match &fragments[..count] {
        [whole] => Cow::Borrowed(whole),
        pieces => Cow::Owned(pieces.concat()),
    }
}

/// A JPEG whose three channels are red, green and blue, marked as such by an
/// Adobe segment: decoders take three channels for YCbCr. One that says itself
/// what it is, by a JFIF or Adobe segment, is believed, and so is one whose channels
/// have sizes of their own: colours are made coarser than brightness, red is not, and
/// cameras write RGB into headers whatever their JPEG holds.
pub fn marked_rgb(stream: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    const START: [u8; 2] = [0xff, 0xd8];
    const ADOBE_RGB: [u8; 16] = *b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00";
    let mut at = START.len();
    while let Some(&[0xff, marker, high, low]) = stream.get(at..at + 4) {
        if matches!(marker, 0xe0 | 0xee) || !stream.starts_with(&START) {
            return stream;
        }
        if matches!(marker, 0xc0..=0xc3 | 0xda) {
            // Of each channel of a frame, after its number, how finely it is sampled.
            let channels = stream.get(at + 10..at + 19).filter(|_| marker != 0xda);
            if channels.is_some_and(|c| c[1] != c[4] || c[1] != c[7]) {
                return stream;
            }
            break;
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    let rest = stream.get(START.len()..).unwrap_or_default();
    Cow::Owned([&START, ADOBE_RGB.as_slice(), rest].concat())
}

/// Unpacks run lengths (PS3.5, annex G) into planar samples, the high byte of
/// two first.
pub fn unpack(fragment: &[u8], layout: &Layout) -> Result<Vec<u8>, PhotoError> {
    let wide = usize::from(layout.allocated / 8);
    let (numbers, _) = fragment
        .get(..64)
        .ok_or(PhotoError::Truncated)?
        .as_chunks::<4>();
    let count = numbers
        .first()
        .map_or(0, |n| u32::from_le_bytes(*n) as usize);
    if count != layout.samples * wide {
        return Err(PhotoError::Corrupt {
            reason: "its run lengths do not match its header".to_owned(),
        });
    }
    let starts: Vec<usize> = numbers[1..=count]
        .iter()
        .map(|n| u32::from_le_bytes(*n) as usize)
        .collect();
    let plane = layout.pixels();
    let mut segments = Vec::with_capacity(count);
    for (segment, &start) in starts.iter().enumerate() {
        let end = starts.get(segment + 1).copied().unwrap_or(fragment.len());
        let packed = fragment.get(start..end).ok_or(PhotoError::Truncated)?;
        // Two bytes make 128 at most: nothing is set aside for what cannot come.
        if packed.len().saturating_mul(64) < plane {
            return Err(PhotoError::Truncated);
        }
        segments.push(packed);
    }
    let mut samples = vec![0; plane * count];
    for (segment, packed) in segments.into_iter().enumerate() {
        // Segments hold one byte of every sample of a channel, the high one first.
        let (channel, byte) = (segment / wide, segment % wide);
        for (at, value) in unpack_bits(packed, plane)?.into_iter().enumerate() {
            samples[(channel * plane + at) * wide + byte] = value;
        }
    }
    Ok(samples)
}

/// PackBits: a count and what follows it, never more than `length` bytes.
fn unpack_bits(packed: &[u8], length: usize) -> Result<Vec<u8>, PhotoError> {
    let mut bytes = Vec::with_capacity(length);
    let mut at = 0;
    while bytes.len() < length {
        let &count = packed.get(at).ok_or(PhotoError::Truncated)?;
        at += 1;
        match count {
            0..=127 => {
                let run = packed.get(at..at + usize::from(count) + 1);
                bytes.extend_from_slice(run.ok_or(PhotoError::Truncated)?);
                at += usize::from(count) + 1;
            }
            128 => {}
            _ => {
                let &value = packed.get(at).ok_or(PhotoError::Truncated)?;
                bytes.resize(bytes.len() + 257 - usize::from(count), value);
                at += 1;
            }
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}
