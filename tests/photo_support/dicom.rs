//! DICOM files, written here element by element (PS3.5 and PS3.10); the reader's
//! crates have no part in it.
#![allow(dead_code)]

pub const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
pub const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
pub const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";
pub const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
pub const RLE: &str = "1.2.840.10008.1.2.5";

pub const OPHTHALMIC_8: &str = "1.2.840.10008.5.1.4.1.1.77.1.5.1";
pub const OPHTHALMIC_16: &str = "1.2.840.10008.5.1.4.1.1.77.1.5.2";
pub const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";
pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const OCT_VOLUME: &str = "1.2.840.10008.5.1.4.1.1.77.1.5.4";

pub const PATIENT: &str = "Doe^Jane";

/// A DICOM photograph of the eye and how it is packed.
#[derive(Clone, Debug)]
pub struct Dicom {
    pub syntax: &'static str,
    pub class: &'static str,
    pub modality: &'static str,
    pub image_laterality: &'static str,
    pub laterality: &'static str,
    pub photometric: &'static str,
    pub width: u16,
    pub height: u16,
    pub samples: u16,
    pub planar: u16,
    pub allocated: u16,
    pub stored: u16,
    pub signed: u16,
    pub frames: &'static str,
    /// The pixel element's type, where it is not encapsulated.
    pub pixel_type: [u8; 2],
    /// Elements, written as they are, between patient and picture.
    pub between: Vec<u8>,
}

impl Dicom {
    /// Eight bits, RGB, plain.
    pub fn rgb(width: u32, height: u32) -> Self {
        Self {
            syntax: EXPLICIT_LITTLE,
            class: OPHTHALMIC_8,
            modality: "OP",
            image_laterality: "R",
            laterality: "",
            photometric: "RGB",
            width: width as u16,
            height: height as u16,
            samples: 3,
            planar: 0,
            allocated: 8,
            stored: 8,
            signed: 0,
            frames: "",
            pixel_type: *b"OB",
            between: Vec::new(),
        }
    }

    pub fn grey(width: u32, height: u32) -> Self {
        Self {
            photometric: "MONOCHROME2",
            samples: 1,
            ..Self::rgb(width, height)
        }
    }

    /// The file around these pixels; `pixels` of more than one byte are in the
    /// syntax's own order already.
    pub fn plain(&self, pixels: &[u8]) -> Vec<u8> {
        let mut file = self.head();
        let writer = self.writer();
        writer.element(&mut file, (0x7fe0, 0x0010), self.pixel_type, pixels);
        file
    }

    /// The file around compressed pieces, the first of them the table of offsets.
    pub fn encapsulated(&self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut file = self.head();
        file.extend([0xe0, 0x7f, 0x10, 0x00, b'O', b'B', 0, 0]);
        file.extend([0xff; 4]);
        for piece in pieces {
            file.extend([0xfe, 0xff, 0x00, 0xe0]);
            file.extend((piece.len() as u32).next_multiple_of(2).to_le_bytes());
            file.extend(*piece);
            file.extend(vec![0; piece.len() % 2]);
        }
        file.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        file
    }

    pub fn writer(&self) -> Writer {
        Writer {
            implicit: self.syntax == IMPLICIT_LITTLE,
            big: self.syntax == EXPLICIT_BIG,
        }
    }

    /// Everything before the pixels.
    pub fn head(&self) -> Vec<u8> {
        let mut meta = Vec::new();
        let plain = Writer {
            implicit: false,
            big: false,
        };
        plain.element(&mut meta, (2, 0x0002), *b"UI", self.class.as_bytes());
        plain.element(&mut meta, (2, 0x0010), *b"UI", self.syntax.as_bytes());
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        let length = (meta.len() as u32).to_le_bytes();
        plain.element(&mut file, (2, 0x0000), *b"UL", &length);
        file.extend(meta);

        let writer = self.writer();
        let mut text = |tag, kind: &[u8; 2], value: &str| {
            if !value.is_empty() {
                writer.element(&mut file, tag, *kind, value.as_bytes());
            }
        };
        text((0x0008, 0x0016), b"UI", self.class);
        text((0x0008, 0x0060), b"CS", self.modality);
        text((0x0010, 0x0010), b"PN", PATIENT);
        file.extend(&self.between);
        let mut text = |tag, kind: &[u8; 2], value: &str| {
            if !value.is_empty() {
                writer.element(&mut file, tag, *kind, value.as_bytes());
            }
        };
        text((0x0020, 0x0060), b"CS", self.laterality);
        text((0x0020, 0x0062), b"CS", self.image_laterality);
        writer.number(&mut file, (0x0028, 0x0002), self.samples);
        writer.element(
            &mut file,
            (0x0028, 0x0004),
            *b"CS",
            self.photometric.as_bytes(),
        );
        if self.samples > 1 {
            writer.number(&mut file, (0x0028, 0x0006), self.planar);
        }
        if !self.frames.is_empty() {
            writer.element(&mut file, (0x0028, 0x0008), *b"IS", self.frames.as_bytes());
        }
        for (element, value) in [
            (0x0010, self.height),
            (0x0011, self.width),
            (0x0100, self.allocated),
            (0x0101, self.stored),
            (0x0102, self.stored - 1),
            (0x0103, self.signed),
        ] {
            writer.number(&mut file, (0x0028, element), value);
        }
        file
    }
}

/// How elements are written.
#[derive(Clone, Copy)]
pub struct Writer {
    pub implicit: bool,
    pub big: bool,
}

impl Writer {
    fn two(self, value: u16) -> [u8; 2] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn four(self, value: u32) -> [u8; 4] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    pub fn number(self, file: &mut Vec<u8>, tag: (u16, u16), value: u16) {
        self.element(file, tag, *b"US", &self.two(value));
    }

    pub fn element(self, file: &mut Vec<u8>, tag: (u16, u16), kind: [u8; 2], value: &[u8]) {
        let length = (value.len() as u32).next_multiple_of(2);
        self.header(file, tag, kind, length);
        file.extend(value);
        if value.len() % 2 == 1 {
            file.push(if &kind == b"UI" || &kind == b"OB" {
                0
            } else {
                b' '
            });
        }
    }

    pub fn header(self, file: &mut Vec<u8>, tag: (u16, u16), kind: [u8; 2], length: u32) {
        file.extend(self.two(tag.0));
        file.extend(self.two(tag.1));
        if self.implicit {
            file.extend(self.four(length));
            return;
        }
        file.extend(kind);
        if [b"OB", b"OW", b"SQ", b"UN", b"UT"].contains(&&kind) {
            file.extend([0, 0]);
            file.extend(self.four(length));
        } else {
            file.extend(self.two(length as u16));
        }
    }

    /// An item's or a delimiter's tag and length.
    pub fn item(self, file: &mut Vec<u8>, element: u16, length: u32) {
        file.extend(self.two(0xfffe));
        file.extend(self.two(element));
        file.extend(self.four(length));
    }
}

/// Run lengths (PS3.5, annex G) of planes, each a byte a sample.
pub fn run_lengths(planes: &[Vec<u8>]) -> Vec<u8> {
    let mut segments = Vec::new();
    for plane in planes {
        let mut packed = Vec::new();
        let mut rest = plane.as_slice();
        while let Some(&first) = rest.first() {
            let run = rest.iter().take(128).take_while(|v| **v == first).count();
            if run > 1 {
                packed.extend([(257 - run) as u8, first]);
                rest = &rest[run..];
                continue;
            }
            let pairs = rest.windows(2).take(127);
            let length = 1 + pairs.take_while(|pair| pair[0] != pair[1]).count();
            let length = length.min(rest.len());
            packed.push(length as u8 - 1);
            packed.extend(&rest[..length]);
            rest = &rest[length..];
        }
        packed.extend(vec![0x80; packed.len() % 2]);
        segments.push(packed);
    }
    let mut file = (segments.len() as u32).to_le_bytes().to_vec();
    let mut at = 64_u32;
    for segment in &segments {
        file.extend(at.to_le_bytes());
        at += segment.len() as u32;
    }
    file.resize(64, 0);
    file.extend(segments.concat());
    file
}
