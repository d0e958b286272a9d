//! From samples to colours (PS3.3, C.7.6.3.1.2).

use image::{DynamicImage, GrayImage, RgbImage};

use super::header::{Layout, Photometric};
use crate::photo::PhotoError;

/// The samples of one frame.
pub struct Frame<'a> {
    /// At least one frame's; more is ignored.
    pub samples: &'a [u8],
    /// Byte order of sixteen-bit samples.
    pub big_endian: bool,
    /// Neighbouring bytes changed places.
    pub swapped: bool,
    /// Channel after channel rather than pixel after pixel.
    pub planar: bool,
}

/// The frame as eight bits a channel.
pub fn picture(layout: &Layout, frame: &Frame<'_>) -> Result<DynamicImage, PhotoError> {
    let halved = layout.photometric == Photometric::YbrFull422 && !frame.planar;
    let wanted = layout.pixels() * if halved { 2 } else { layout.samples };
    let mut samples = eight_bits(layout, frame, wanted)?;
    if frame.planar && layout.samples == 3 {
        let plane = layout.pixels();
        samples = (0..plane)
            .flat_map(|at| [samples[at], samples[plane + at], samples[2 * plane + at]])
            .collect();
    }
    if halved {
        if !layout.columns.is_multiple_of(2) {
            return Err(mismatch());
        }
        // Two of brightness, then the colour both share.
        let (quads, _) = samples.as_chunks::<4>();
        samples = quads
            .iter()
            .flat_map(|&[first, second, blue, red]| [first, blue, red, second, blue, red])
            .collect();
    }
    match layout.photometric {
        Photometric::Monochrome1 => samples.iter_mut().for_each(|v| *v = 255 - *v),
        Photometric::Monochrome2 | Photometric::Rgb => {}
        Photometric::YbrFull | Photometric::YbrFull422 => {
            let (pixels, _) = samples.as_chunks_mut::<3>();
            pixels.iter_mut().for_each(|pixel| *pixel = rgb(*pixel));
        }
    }
    let (width, height) = (layout.columns, layout.rows);
    let picture = if layout.samples == 1 {
        GrayImage::from_raw(width, height, samples).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, samples).map(DynamicImage::from)
    };
    picture.ok_or_else(mismatch)
}

/// `wanted` samples, each scaled from the bits that are stored to eight.
fn eight_bits(layout: &Layout, frame: &Frame<'_>, wanted: usize) -> Result<Vec<u8>, PhotoError> {
    let bytes = usize::from(layout.allocated / 8);
    let mut length = wanted * bytes;
    if frame.swapped {
        length = length.next_multiple_of(2);
    }
    let stored = frame.samples.get(..length).ok_or(PhotoError::Truncated)?;
    let shift = layout.high + 1 - layout.stored;
    let most = (1_u32 << layout.stored) - 1;
    let scale = |sample: u16| {
        let value = (u32::from(sample) >> shift) & most;
        ((value * 255 + most / 2) / most) as u8
    };
    let mut samples: Vec<u8> = match (bytes, frame.swapped) {
        (1, false) if layout.stored == 8 => stored.to_vec(),
        (1, false) => stored.iter().map(|&v| scale(u16::from(v))).collect(),
        (1, true) => {
            let (pairs, _) = stored.as_chunks::<2>();
            pairs
                .iter()
                .flat_map(|&[first, second]| [second, first].map(|v| scale(u16::from(v))))
                .collect()
        }
        _ => {
            let (pairs, _) = stored.as_chunks::<2>();
            let read = if frame.big_endian {
                u16::from_be_bytes
            } else {
                u16::from_le_bytes
            };
            pairs.iter().map(|&pair| scale(read(pair))).collect()
        }
    };
    samples.truncate(wanted);
    Ok(samples)
}

/// ITU-R BT.601 over the full range, the inverse of PS3.3's equations.
fn rgb([y, blue, red]: [u8; 3]) -> [u8; 3] {
    let (y, blue, red) = (
        f32::from(y),
        f32::from(blue) - 128.0,
        f32::from(red) - 128.0,
    );
    [
        y + 1.402 * red,
        y - 0.344_136 * blue - 0.714_136 * red,
        y + 1.772 * blue,
    ]
    .map(|value| value.round().clamp(0.0, 255.0) as u8)
}

fn mismatch() -> PhotoError {
    PhotoError::Corrupt {
        reason: "its pixels do not match its header".to_owned(),
    }
}
