//! What of a DICOM file's elements a picture is made of.

use super::elements::{Elements, Encoding, PIXEL_DATA, Tag};
use super::{Told, recognise};
use crate::grading::eye::Side;
use crate::photo::PhotoError;

/// Elements by their keywords (PS3.6).
mod tags {
    use super::Tag;

    pub const MEDIA_STORAGE_SOP_CLASS_UID: Tag = (0x0002, 0x0002);
    pub const TRANSFER_SYNTAX_UID: Tag = (0x0002, 0x0010);
    pub const SOP_CLASS_UID: Tag = (0x0008, 0x0016);
    pub const MODALITY: Tag = (0x0008, 0x0060);
    pub const LATERALITY: Tag = (0x0020, 0x0060);
    pub const IMAGE_LATERALITY: Tag = (0x0020, 0x0062);
    pub const SAMPLES_PER_PIXEL: Tag = (0x0028, 0x0002);
    pub const PHOTOMETRIC_INTERPRETATION: Tag = (0x0028, 0x0004);
    pub const PLANAR_CONFIGURATION: Tag = (0x0028, 0x0006);
    pub const NUMBER_OF_FRAMES: Tag = (0x0028, 0x0008);
    pub const ROWS: Tag = (0x0028, 0x0010);
    pub const COLUMNS: Tag = (0x0028, 0x0011);
    pub const BITS_ALLOCATED: Tag = (0x0028, 0x0100);
    pub const BITS_STORED: Tag = (0x0028, 0x0101);
    pub const HIGH_BIT: Tag = (0x0028, 0x0102);
    pub const PIXEL_REPRESENTATION: Tag = (0x0028, 0x0103);
}

/// The group of elements about the file itself.
const META: u16 = 0x0002;

/// Transfer syntaxes and kinds of objects by their keywords (PS3.6, annex A).
mod uids {
    pub const IMPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";
    pub const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
    pub const DEFLATED_EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1.99";
    /// Retired from the standard; old archives hold it.
    pub const EXPLICIT_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
    pub const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
    pub const JPEG_EXTENDED: &str = "1.2.840.10008.1.2.4.51";
    pub const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.57";
    pub const JPEG_LOSSLESS_FIRST_ORDER: &str = "1.2.840.10008.1.2.4.70";
    pub const JPEG_LS_LOSSLESS: &str = "1.2.840.10008.1.2.4.80";
    pub const JPEG_LS: &str = "1.2.840.10008.1.2.4.81";
    pub const JPEG_2000_LOSSLESS: &str = "1.2.840.10008.1.2.4.90";
    pub const JPEG_2000: &str = "1.2.840.10008.1.2.4.91";
    pub const RLE_LOSSLESS: &str = "1.2.840.10008.1.2.5";

    pub const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";
    pub const MULTI_FRAME_GREY_BYTE_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7.2";
    pub const MULTI_FRAME_GREY_WORD_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7.3";
    pub const MULTI_FRAME_COLOUR_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7.4";
    pub const VL_PHOTOGRAPHIC: &str = "1.2.840.10008.5.1.4.1.1.77.1.4";
    pub const OPHTHALMIC_8_BIT: &str = "1.2.840.10008.5.1.4.1.1.77.1.5.1";
    pub const OPHTHALMIC_16_BIT: &str = "1.2.840.10008.5.1.4.1.1.77.1.5.2";
    pub const WIDE_FIELD_STEREOGRAPHIC: &str = "1.2.840.10008.5.1.4.1.1.77.1.5.5";
    pub const WIDE_FIELD_3D_COORDINATES: &str = "1.2.840.10008.5.1.4.1.1.77.1.5.6";
}

/// Photographs of the eye, whatever else the file says.
const OPHTHALMIC: [&str; 4] = [
    uids::OPHTHALMIC_8_BIT,
    uids::OPHTHALMIC_16_BIT,
    uids::WIDE_FIELD_STEREOGRAPHIC,
    uids::WIDE_FIELD_3D_COORDINATES,
];
/// Pictures of anything, among them photographs sent on from older cameras.
const ANY_PICTURE: [&str; 5] = [
    uids::SECONDARY_CAPTURE,
    uids::MULTI_FRAME_GREY_BYTE_CAPTURE,
    uids::MULTI_FRAME_GREY_WORD_CAPTURE,
    uids::MULTI_FRAME_COLOUR_CAPTURE,
    uids::VL_PHOTOGRAPHIC,
];
/// Modalities (PS3.3, C.7.3.1.1.1) under which a photograph of the eye may travel:
/// ophthalmic photography, external camera, other, secondary capture, or none.
const PHOTOGRAPHIC: [&str; 5] = ["OP", "XC", "OT", "SC", ""];

/// How the pixels are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    Plain { big_endian: bool },
    Jpeg,
    Rle,
}

/// The pixel element, still packed.
#[derive(Clone, Debug)]
pub enum PixelData<'a> {
    Plain {
        bytes: &'a [u8],
        /// Written as words of sixteen bits.
        words: bool,
    },
    Fragments {
        /// Where each frame begins, counted from the first fragment; often empty.
        offsets: Vec<u32>,
        fragments: Vec<&'a [u8]>,
    },
}

/// How samples make a picture (PS3.3, C.7.6.3).
#[derive(Clone, Debug)]
pub struct Layout {
    pub rows: u32,
    pub columns: u32,
    /// Channels a pixel: 1 or 3.
    pub samples: usize,
    pub photometric: Photometric,
    /// Channel after channel rather than pixel after pixel.
    pub planar: bool,
    /// Bits a sample takes: 8 or 16.
    pub allocated: u16,
    /// Bits of it that count.
    pub stored: u16,
    /// The highest of those.
    pub high: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photometric {
    /// Zero is white.
    Monochrome1,
    Monochrome2,
    Rgb,
    YbrFull,
    YbrFull422,
}

impl Layout {
    pub fn is_rgb(&self) -> bool {
        self.photometric == Photometric::Rgb
    }

    pub fn is_inverted(&self) -> bool {
        self.photometric == Photometric::Monochrome1
    }

    /// Pixels of a frame; within [`DecodeLimits`](crate::photo::DecodeLimits).
    pub fn pixels(&self) -> usize {
        self.rows as usize * self.columns as usize
    }
}

/// The elements of interest, borrowed from the file.
#[derive(Debug, Default)]
pub struct Header<'a> {
    transfer_syntax: &'a str,
    sop_class: &'a str,
    modality: &'a str,
    image_laterality: &'a str,
    laterality: &'a str,
    photometric: &'a str,
    frames: &'a str,
    rows: Option<u16>,
    columns: Option<u16>,
    samples: Option<u16>,
    planar: Option<u16>,
    allocated: Option<u16>,
    stored: Option<u16>,
    high: Option<u16>,
    signed: Option<u16>,
    pub pixels: Option<PixelData<'a>>,
}

impl<'a> Header<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, PhotoError> {
        if !recognise(bytes) {
            return Err(PhotoError::NotAnImage);
        }
        let mut header = Self::default();
        // The file's own group is always written this way (PS3.10, 7.1).
        let mut place = Elements::new(bytes, 132, Encoding::ExplicitLittle);
        while place.next_group() == Some(META) {
            let Some(element) = place.next()? else { break };
            let value = element.value.unwrap_or_default();
            match element.tag {
                tags::TRANSFER_SYNTAX_UID => header.transfer_syntax = text(value),
                tags::MEDIA_STORAGE_SOP_CLASS_UID => header.sop_class = text(value),
                _ => {}
            }
        }
        let encoding = match header.transfer_syntax {
            "" | uids::IMPLICIT_LITTLE_ENDIAN => Encoding::ImplicitLittle,
            uids::EXPLICIT_BIG_ENDIAN => Encoding::ExplicitBig,
            uids::DEFLATED_EXPLICIT_LITTLE_ENDIAN => return Err(unsupported("deflated DICOM")),
            _ => Encoding::ExplicitLittle,
        };
        header.read_data_set(Elements::new(bytes, place.position(), encoding), encoding)?;
        Ok(header)
    }

    fn read_data_set(
        &mut self,
        mut elements: Elements<'a>,
        encoding: Encoding,
    ) -> Result<(), PhotoError> {
        let number = |value: &[u8]| {
            let two: [u8; 2] = value.get(..2)?.try_into().ok()?;
            Some(encoding.two(two))
        };
        while let Some(element) = elements.next()? {
            let Some(value) = element.value else {
                let mut items = elements.fragments()?.into_iter();
                let table = items.next().unwrap_or_default();
                self.pixels = Some(PixelData::Fragments {
                    offsets: table
                        .as_chunks()
                        .0
                        .iter()
                        .copied()
                        .map(u32::from_le_bytes)
                        .collect(),
                    fragments: items.collect(),
                });
                return Ok(());
            };
            match element.tag {
                tags::SOP_CLASS_UID => self.sop_class = text(value),
                tags::MODALITY => self.modality = text(value),
                tags::IMAGE_LATERALITY => self.image_laterality = text(value),
                tags::LATERALITY => self.laterality = text(value),
                tags::PHOTOMETRIC_INTERPRETATION => self.photometric = text(value),
                tags::NUMBER_OF_FRAMES => self.frames = text(value),
                tags::ROWS => self.rows = number(value),
                tags::COLUMNS => self.columns = number(value),
                tags::SAMPLES_PER_PIXEL => self.samples = number(value),
                tags::PLANAR_CONFIGURATION => self.planar = number(value),
                tags::BITS_ALLOCATED => self.allocated = number(value),
                tags::BITS_STORED => self.stored = number(value),
                tags::HIGH_BIT => self.high = number(value),
                tags::PIXEL_REPRESENTATION => self.signed = number(value),
                PIXEL_DATA => {
                    self.pixels = Some(PixelData::Plain {
                        bytes: value,
                        words: element.kind == Some(*b"OW"),
                    });
                    return Ok(());
                }
                // Elements come in the order of their tags: no picture is to come.
                (group, _) if group > 0x7fe0 => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Is this a photograph that may show an eye?
    pub fn check_photograph(&self) -> Result<(), PhotoError> {
        let photographic = match self.sop_class {
            class if OPHTHALMIC.contains(&class) => true,
            class if ANY_PICTURE.contains(&class) => PHOTOGRAPHIC.contains(&self.modality),
            "" => self.modality == "OP",
            _ => false,
        };
        if photographic {
            return Ok(());
        }
        // A modality is a code of capitals; anything else may be about a person.
        let is_code = !self.modality.is_empty()
            && self.modality.len() <= 16
            && self.modality.bytes().all(|byte| byte.is_ascii_uppercase());
        Err(PhotoError::NotAPhotograph {
            what: if is_code {
                format!("its modality is {}", self.modality)
            } else {
                "it is of another kind".to_owned()
            },
        })
    }

    pub fn told(&self) -> Told {
        let side = match (self.image_laterality, self.laterality) {
            ("R", _) | ("", "R") => Some(Side::Right),
            ("L", _) | ("", "L") => Some(Side::Left),
            _ => None,
        };
        Told {
            side,
            frames: self.frames.parse().unwrap_or(1).max(1),
        }
    }

    pub fn syntax(&self) -> Result<Syntax, PhotoError> {
        let name = match self.transfer_syntax {
            "" | uids::IMPLICIT_LITTLE_ENDIAN | uids::EXPLICIT_LITTLE_ENDIAN => {
                return Ok(Syntax::Plain { big_endian: false });
            }
            uids::EXPLICIT_BIG_ENDIAN => return Ok(Syntax::Plain { big_endian: true }),
            uids::JPEG_BASELINE | uids::JPEG_EXTENDED => return Ok(Syntax::Jpeg),
            uids::RLE_LOSSLESS => return Ok(Syntax::Rle),
            uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_FIRST_ORDER => "DICOM with lossless JPEG",
            uids::JPEG_LS_LOSSLESS | uids::JPEG_LS => "DICOM with JPEG-LS",
            uids::JPEG_2000 | uids::JPEG_2000_LOSSLESS => "DICOM with JPEG 2000",
            _ => "DICOM compressed this way",
        };
        Err(unsupported(name))
    }

    pub fn layout(&self) -> Result<Layout, PhotoError> {
        let (Some(rows), Some(columns)) = (self.rows, self.columns) else {
            return Err(PhotoError::NotAPhotograph {
                what: "it holds no picture".to_owned(),
            });
        };
        let photometric = match self.photometric {
            "MONOCHROME1" => Photometric::Monochrome1,
            "MONOCHROME2" => Photometric::Monochrome2,
            "RGB" => Photometric::Rgb,
            "YBR_FULL" => Photometric::YbrFull,
            "YBR_FULL_422" => Photometric::YbrFull422,
            _ => return Err(unsupported("DICOM in these colours")),
        };
        let samples = match photometric {
            Photometric::Monochrome1 | Photometric::Monochrome2 => 1,
            _ => 3,
        };
        let allocated = self.allocated.unwrap_or(8);
        let stored = self.stored.unwrap_or(allocated);
        let high = self.high.unwrap_or(stored.saturating_sub(1));
        if self
            .samples
            .is_some_and(|told| usize::from(told) != samples)
        {
            return Err(PhotoError::Corrupt {
                reason: "its channels do not match its colours".to_owned(),
            });
        }
        if !matches!(allocated, 8 | 16) || self.signed == Some(1) {
            return Err(unsupported("DICOM with such numbers"));
        }
        if stored == 0 || stored > allocated || high >= allocated || high + 1 < stored {
            return Err(PhotoError::Corrupt {
                reason: "its bits do not add up".to_owned(),
            });
        }
        Ok(Layout {
            rows: u32::from(rows),
            columns: u32::from(columns),
            samples,
            photometric,
            planar: samples > 1 && self.planar == Some(1),
            allocated,
            stored,
            high,
        })
    }
}

fn unsupported(format: &str) -> PhotoError {
    PhotoError::Unsupported {
        format: format.to_owned(),
    }
}

/// Plain text without its padding; empty where it is no plain text.
fn text(value: &[u8]) -> &str {
    let text = std::str::from_utf8(value).unwrap_or_default();
    text.trim_matches(|c: char| c == ' ' || c == '\0')
}
