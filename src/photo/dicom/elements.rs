//! Walking the elements of a DICOM data set (PS3.5, 7) in the bytes they lie in.
//! Values are borrowed, never copied, and what is not asked for is stepped over,
//! so that no length a file claims can make anything grow.

use crate::photo::PhotoError;

/// Group and element.
pub type Tag = (u16, u16);

/// What holds sequences together (PS3.5, 7.5).
const ITEM: Tag = (0xfffe, 0xe000);
const ITEM_END: Tag = (0xfffe, 0xe00d);
const SEQUENCE_END: Tag = (0xfffe, 0xe0dd);
pub const PIXEL_DATA: Tag = (0x7fe0, 0x0010);

/// Types whose length takes four bytes (PS3.5, table 7.1-1).
const LONG: [&[u8; 2]; 13] = [
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
];
/// The length of what ends by a delimiter.
const OPEN: u32 = u32::MAX;

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    ExplicitLittle,
    ExplicitBig,
    ImplicitLittle,
}

impl Encoding {
    pub fn two(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::ExplicitBig => u16::from_be_bytes(bytes),
            _ => u16::from_le_bytes(bytes),
        }
    }

    fn four(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::ExplicitBig => u32::from_be_bytes(bytes),
            _ => u32::from_le_bytes(bytes),
        }
    }
}

/// An element of the data set itself, not of a sequence within it.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    pub tag: Tag,
    /// The type, two capitals; none where types are not written.
    pub kind: Option<[u8; 2]>,
    /// None where the length is not given: encapsulated pixels follow.
    pub value: Option<&'a [u8]>,
}

struct Header {
    tag: Tag,
    kind: Option<[u8; 2]>,
    length: u32,
}

/// A place in a data set.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
    encoding: Encoding,
}

impl<'a> Elements<'a> {
    pub fn new(bytes: &'a [u8], at: usize, encoding: Encoding) -> Self {
        Self {
            bytes,
            at,
            encoding,
        }
    }

    pub fn position(&self) -> usize {
        self.at
    }

    /// The group of what comes next, written in this encoding.
    pub fn next_group(&self) -> Option<u16> {
        let rest = self.bytes.get(self.at..)?;
        rest.first_chunk().map(|group| self.encoding.two(*group))
    }

    /// The next element of the data set; sequences are stepped over whole.
    ///
    /// # Errors
    /// [`PhotoError::Truncated`] where a value reaches past the end,
    /// [`PhotoError::Corrupt`] where delimiters do not match.
    pub fn next(&mut self) -> Result<Option<Element<'a>>, PhotoError> {
        let mut depth = 0_usize;
        // A sequence whose type is unknown is written implicitly (PS3.5, 6.2.2).
        let mut implicit_below = None;
        loop {
            // Trailing zeros, with which some programs fill a file up, are no element.
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if depth == 0 && rest.iter().take(8).all(|byte| *byte == 0) {
                return Ok(None);
            }
            let encoding = match implicit_below {
                Some(level) if depth >= level => Encoding::ImplicitLittle,
                _ => self.encoding,
            };
            let Header { tag, kind, length } = self.header(encoding)?;
            match tag {
                ITEM_END | SEQUENCE_END => {
                    let Some(outer) = depth.checked_sub(1) else {
                        return Err(PhotoError::Corrupt {
                            reason: "a sequence in it ends that never began".to_owned(),
                        });
                    };
                    depth = outer;
                    if implicit_below.is_some_and(|level| depth < level) {
                        implicit_below = None;
                    }
                }
                PIXEL_DATA if depth == 0 && length == OPEN => {
                    return Ok(Some(Element {
                        tag,
                        kind,
                        value: None,
                    }));
                }
                _ if length == OPEN => {
                    depth += 1;
                    if kind == Some(*b"UN") && implicit_below.is_none() {
                        implicit_below = Some(depth);
                    }
                }
                _ => {
                    let value = self.take(length)?;
                    if depth == 0 {
                        return Ok(Some(Element {
                            tag,
                            kind,
                            value: Some(value),
                        }));
                    }
                }
            }
        }
    }

    /// The items of encapsulated pixels: the table of offsets, then fragments.
    pub fn fragments(&mut self) -> Result<Vec<&'a [u8]>, PhotoError> {
        let mut found = Vec::new();
        loop {
            let header = self.header(self.encoding)?;
            match header.tag {
                ITEM if header.length != OPEN => found.push(self.take(header.length)?),
                SEQUENCE_END => return Ok(found),
                _ => {
                    return Err(PhotoError::Corrupt {
                        reason: "its picture is not in pieces as it says".to_owned(),
                    });
                }
            }
        }
    }

    fn header(&mut self, encoding: Encoding) -> Result<Header, PhotoError> {
        let tag = (encoding.two(self.array()?), encoding.two(self.array()?));
        // Items and delimiters have no type in any encoding.
        if encoding == Encoding::ImplicitLittle || tag.0 == ITEM.0 {
            return Ok(Header {
                tag,
                kind: None,
                length: encoding.four(self.array()?),
            });
        }
        let kind: [u8; 2] = self.array()?;
        let length = if LONG.contains(&&kind) {
            let _reserved: [u8; 2] = self.array()?;
            encoding.four(self.array()?)
        } else {
            u32::from(encoding.two(self.array()?))
        };
        Ok(Header {
            tag,
            kind: Some(kind),
            length,
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PhotoError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let bytes = rest.first_chunk().ok_or(PhotoError::Truncated)?;
        self.at += N;
        Ok(*bytes)
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], PhotoError> {
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| self.at.checked_add(length));
        let value = end.and_then(|end| self.bytes.get(self.at..end));
        let value = value.ok_or(PhotoError::Truncated)?;
        self.at += value.len();
        Ok(value)
    }
}
