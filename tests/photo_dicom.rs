//! DICOM photographs: every way they are packed gives the picture that went in,
//! what is no photograph is refused, and no file, however broken, panics.
#![cfg(not(target_arch = "wasm32"))]

mod photo_support;

#[path = "photo_support/dicom.rs"]
mod file;

use file::{Dicom, Writer, run_lengths};
use fovea::grading::eye::Side;
use fovea::photo::dicom::{self, Picture, open, told};
use fovea::photo::{DecodeLimits, PhotoError, decode};
use image::{DynamicImage, Rgb, RgbImage};
use photo_support::progressive::progressive_jpeg;
use photo_support::{Format, encode, grainy, scatter};

const WIDTH: u32 = 48;
const HEIGHT: u32 = 36;

/// As the command reads it, and as the page does: converted first.
fn read(bytes: &[u8]) -> Result<RgbImage, PhotoError> {
    let limits = DecodeLimits::default();
    let picture = decode(bytes, &limits);
    if dicom::recognise(bytes) {
        let converted = dicom::convert(bytes, &limits);
        assert_eq!(converted.and_then(|c| decode(&c.bytes, &limits)), picture);
    }
    picture
}

fn refusal(bytes: &[u8]) -> PhotoError {
    read(bytes).expect_err("this was to be refused")
}

/// One channel after the other.
fn planes(picture: &RgbImage) -> Vec<Vec<u8>> {
    let plane = |channel: usize| picture.pixels().map(|p| p.0[channel]).collect();
    (0..3).map(plane).collect()
}

fn grey_ramp() -> Vec<u16> {
    (0..WIDTH * HEIGHT)
        .map(|at| (at * 7 % 4096) as u16)
        .collect()
}

#[test]
fn plain_rgb_comes_back_as_it_went_in_whatever_the_syntax() {
    let picture = grainy(WIDTH, HEIGHT);
    for syntax in [
        file::EXPLICIT_LITTLE,
        file::IMPLICIT_LITTLE,
        file::EXPLICIT_BIG,
    ] {
        let dicom = Dicom {
            syntax,
            ..Dicom::rgb(WIDTH, HEIGHT)
        };
        assert_eq!(
            read(&dicom.plain(picture.as_raw())).unwrap(),
            picture,
            "{syntax}"
        );
        let planar = Dicom { planar: 1, ..dicom };
        let pixels = planes(&picture).concat();
        assert_eq!(
            read(&planar.plain(&pixels)).unwrap(),
            picture,
            "{syntax}, planar"
        );
    }
    // Bytes written as words of the other order.
    let words = Dicom {
        syntax: file::EXPLICIT_BIG,
        pixel_type: *b"OW",
        ..Dicom::rgb(WIDTH, HEIGHT)
    };
    let mut swapped = picture.as_raw().clone();
    swapped
        .as_chunks_mut::<2>()
        .0
        .iter_mut()
        .for_each(|pair| pair.swap(0, 1));
    assert_eq!(read(&words.plain(&swapped)).unwrap(), picture);
}

#[test]
fn luminance_and_chroma_become_colours() {
    let wanted = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        // Pairs of pixels share their colour and differ in brightness only.
        let level = (40 + 2 * (x / 2) + y + 9 * (x % 2)) as u8;
        Rgb([level + 60, level, level / 2 + 20])
    });
    let ybr = |[r, g, b]: [u8; 3]| {
        let (r, g, b) = (f32::from(r), f32::from(g), f32::from(b));
        [
            0.2990 * r + 0.5870 * g + 0.1140 * b,
            -0.1687 * r - 0.3313 * g + 0.5000 * b + 128.0,
            0.5000 * r - 0.4187 * g - 0.0813 * b + 128.0,
        ]
        .map(|v| v.round() as u8)
    };
    let full: Vec<u8> = wanted.pixels().flat_map(|p| ybr(p.0)).collect();
    let dicom = Dicom {
        photometric: "YBR_FULL",
        ..Dicom::rgb(WIDTH, HEIGHT)
    };
    assert_near(&read(&dicom.plain(&full)).unwrap(), &wanted, 2);

    let halved: Vec<u8> = full
        .chunks(6)
        .flat_map(|pair| [pair[0], pair[3], pair[1], pair[2]])
        .collect();
    let dicom = Dicom {
        photometric: "YBR_FULL_422",
        ..dicom
    };
    assert_near(&read(&dicom.plain(&halved)).unwrap(), &wanted, 6);
}

fn assert_near(found: &RgbImage, wanted: &RgbImage, most: u8) {
    assert_eq!(found.dimensions(), wanted.dimensions());
    let apart = found.iter().zip(wanted.iter()).map(|(a, b)| a.abs_diff(*b));
    let worst = apart.max().unwrap();
    assert!(worst <= most, "{worst} apart");
}

#[test]
fn grey_is_scaled_by_the_bits_that_count_and_bright_is_bright() {
    let ramp = grey_ramp();
    let shade = |v: u16| ((u32::from(v) * 255 + 2047) / 4095) as u8;
    let wanted = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        Rgb([shade(ramp[(y * WIDTH + x) as usize]); 3])
    });
    let twelve = Dicom {
        class: file::OPHTHALMIC_16,
        allocated: 16,
        stored: 12,
        pixel_type: *b"OW",
        ..Dicom::grey(WIDTH, HEIGHT)
    };
    let little: Vec<u8> = ramp.iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(read(&twelve.plain(&little)).unwrap(), wanted);
    let big = Dicom {
        syntax: file::EXPLICIT_BIG,
        ..twelve.clone()
    };
    let turned: Vec<u8> = ramp.iter().flat_map(|v| v.to_be_bytes()).collect();
    assert_eq!(read(&big.plain(&turned)).unwrap(), wanted);
    // Bits above those stored are somebody else's: overlays once lay there.
    let marked: Vec<u8> = ramp
        .iter()
        .flat_map(|v| (v | 0xa000).to_le_bytes())
        .collect();
    assert_eq!(read(&twelve.plain(&marked)).unwrap(), wanted);

    let inverted = Dicom {
        photometric: "MONOCHROME1",
        ..twelve
    };
    let dark: Vec<u8> = ramp.iter().flat_map(|v| (4095 - v).to_le_bytes()).collect();
    assert_near(&read(&inverted.plain(&dark)).unwrap(), &wanted, 1);
}

#[test]
fn run_lengths_are_unpacked() {
    // Large areas of one colour, grain, and a run across the end of a row.
    let picture = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| match y {
        0..12 => Rgb([9, 90, 200]),
        _ => Rgb([0, 1, 2].map(|c| (scatter(x, y, c) * 255.0) as u8)),
    });
    let dicom = Dicom {
        syntax: file::RLE,
        ..Dicom::rgb(WIDTH, HEIGHT)
    };
    let packed = run_lengths(&planes(&picture));
    assert_eq!(read(&dicom.encapsulated(&[&[], &packed])).unwrap(), picture);
    for cut in [0, 3, 63, 64, 70, packed.len() / 2, packed.len() - 3] {
        assert_eq!(
            refusal(&dicom.encapsulated(&[&[], &packed[..cut]])).code(),
            "truncated",
            "{cut}"
        );
    }

    let ramp = grey_ramp();
    let grey = Dicom {
        syntax: file::RLE,
        allocated: 16,
        stored: 12,
        ..Dicom::grey(WIDTH, HEIGHT)
    };
    let bytes = |shift: u16| ramp.iter().map(|v| (v >> shift) as u8).collect();
    let packed = run_lengths(&[bytes(8), bytes(0)]);
    let found = read(&grey.encapsulated(&[&[], &packed])).unwrap();
    let plain = Dicom {
        syntax: file::EXPLICIT_LITTLE,
        pixel_type: *b"OW",
        ..grey
    };
    let little: Vec<u8> = ramp.iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(found, read(&plain.plain(&little)).unwrap());
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    encode(&DynamicImage::from(picture.clone()), Format::Jpeg, None)
}

#[test]
fn a_jpeg_inside_is_read_as_if_it_lay_alone() {
    let dicom = Dicom {
        syntax: file::JPEG_BASELINE,
        photometric: "YBR_FULL_422",
        ..Dicom::rgb(WIDTH, HEIGHT)
    };
    let (first, second) = (
        jpeg(&grainy(WIDTH, HEIGHT)),
        jpeg(&RgbImage::new(WIDTH, HEIGHT)),
    );
    let alone = read(&first).unwrap();
    let whole = dicom.encapsulated(&[&[], &first]);
    assert_eq!(read(&whole).unwrap(), alone);
    assert!(matches!(
        open(&whole, &DecodeLimits::default()),
        Ok(Picture::Jpeg(stream)) if stream.starts_with(&first)
    ));
    // Pieces are of even length, but for the last.
    let (start, end) = first.split_at(first.len() / 4 * 2);
    assert_eq!(
        read(&dicom.encapsulated(&[&[], start, end])).unwrap(),
        alone
    );
    assert_eq!(
        refusal(&dicom.encapsulated(&[&[], start])).code(),
        "truncated"
    );
    assert_eq!(refusal(&dicom.encapsulated(&[&[]])).code(), "truncated");

    // Two frames: by the table of offsets, by their number, by the end marker.
    let two = Dicom {
        frames: "2",
        ..dicom
    };
    let begins = (start.len() + end.len().next_multiple_of(2) + 16) as u32;
    let table = [0_u32.to_le_bytes(), begins.to_le_bytes()].concat();
    for pieces in [
        [&table[..], start, end, &second].as_slice(),
        &[&[], &first, &second],
        &[&[], start, end, &second],
    ] {
        let bytes = two.encapsulated(pieces);
        assert_eq!(read(&bytes).unwrap(), alone, "{} pieces", pieces.len());
        assert_eq!(told(&bytes).unwrap().frames, 2);
    }
}

#[test]
fn a_jpeg_of_red_green_and_blue_keeps_its_colours() {
    // The encoder turns RGB into YCbCr: fed with what that is the inverse of, it
    // stores the wanted red, green and blue. Its JFIF segment would deny it.
    let wanted = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        Rgb([150 + (x / 4) as u8, 110 + (y / 4) as u8, 120])
    });
    let turned = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let [y, cb, cr] = wanted.get_pixel(x, y).0.map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        Rgb([
            y + 1.402 * cr,
            y - 0.344_136 * cb - 0.714_136 * cr,
            y + 1.772 * cb,
        ]
        .map(|v| v.round().clamp(0.0, 255.0) as u8))
    });
    let stored = jpeg(&turned);
    assert_eq!(&stored[2..4], [0xff, 0xe0]);
    let segment = 2 + usize::from(u16::from_be_bytes([stored[4], stored[5]]));
    let bare = [&stored[..2], &stored[2 + segment..]].concat();
    let dicom = Dicom {
        syntax: file::JPEG_BASELINE,
        ..Dicom::rgb(WIDTH, HEIGHT)
    };
    assert_near(
        &read(&dicom.encapsulated(&[&[], &bare])).unwrap(),
        &wanted,
        4,
    );
    // A JPEG that says itself that it is YCbCr is believed.
    let found = read(&dicom.encapsulated(&[&[], &stored])).unwrap();
    assert_eq!(found, read(&stored).unwrap());
    // So is one whose colours are coarser than its brightness, as no RGB is.
    for fine in [(2, 1), (2, 2)] {
        let sampling = [fine, (1, 1), (1, 1)];
        let (stored, _) = progressive_jpeg(WIDTH as usize, HEIGHT as usize, &sampling, 0);
        let found = read(&dicom.encapsulated(&[&[], &stored])).unwrap();
        assert_eq!(found, read(&stored).unwrap());
    }
}

#[test]
fn an_inverted_jpeg_is_turned() {
    let grey = DynamicImage::from(grainy(WIDTH, HEIGHT)).into_luma8();
    let stream = encode(&DynamicImage::from(grey), Format::Jpeg, None);
    let dicom = Dicom {
        syntax: file::JPEG_BASELINE,
        photometric: "MONOCHROME1",
        ..Dicom::grey(WIDTH, HEIGHT)
    };
    let mut wanted = read(&stream).unwrap();
    image::imageops::invert(&mut wanted);
    assert_eq!(read(&dicom.encapsulated(&[&[], &stream])).unwrap(), wanted);
}

#[test]
fn sequences_are_stepped_over_whole() {
    const OPEN: u32 = u32::MAX;
    let picture = grainy(WIDTH, HEIGHT);
    for syntax in [
        file::EXPLICIT_LITTLE,
        file::IMPLICIT_LITTLE,
        file::EXPLICIT_BIG,
    ] {
        let mut dicom = Dicom {
            syntax,
            ..Dicom::rgb(WIDTH, HEIGHT)
        };
        let writer = dicom.writer();
        let mut inner = Vec::new();
        // Within a sequence they mean another picture's.
        writer.number(&mut inner, (0x0028, 0x0010), 7);
        writer.element(&mut inner, (0x0020, 0x0062), *b"CS", b"L");
        let between = &mut dicom.between;
        // With lengths, and without, one in the other.
        writer.header(between, (0x0018, 0x9004), *b"SQ", inner.len() as u32 + 8);
        writer.item(between, 0xe000, inner.len() as u32);
        between.extend(&inner);
        writer.header(between, (0x0018, 0x9006), *b"SQ", OPEN);
        writer.item(between, 0xe000, OPEN);
        between.extend(&inner);
        writer.header(between, (0x0028, 0x9110), *b"SQ", OPEN);
        writer.item(between, 0xe000, inner.len() as u32);
        between.extend(&inner);
        writer.item(between, 0xe0dd, 0);
        writer.item(between, 0xe00d, 0);
        writer.item(between, 0xe0dd, 0);
        if syntax == file::EXPLICIT_LITTLE {
            // Of unknown type: what is inside is written implicitly.
            let implicit = Writer {
                implicit: true,
                big: false,
            };
            writer.header(between, (0x0019, 0x1001), *b"UN", OPEN);
            implicit.item(between, 0xe000, OPEN);
            implicit.number(between, (0x0028, 0x0010), 9);
            implicit.item(between, 0xe00d, 0);
            implicit.item(between, 0xe0dd, 0);
        }
        let bytes = dicom.plain(picture.as_raw());
        assert_eq!(read(&bytes).unwrap(), picture, "{syntax}");
        assert_eq!(told(&bytes).unwrap().side, Some(Side::Right), "{syntax}");
    }
}

#[test]
fn the_side_is_the_images_own_else_the_series() {
    let side = |image_laterality, laterality| {
        let dicom = Dicom {
            image_laterality,
            laterality,
            ..Dicom::rgb(WIDTH, HEIGHT)
        };
        told(&dicom.plain(&[])).unwrap().side
    };
    assert_eq!(side("R", ""), Some(Side::Right));
    assert_eq!(side("L", "R"), Some(Side::Left));
    assert_eq!(side("", "L"), Some(Side::Left));
    assert_eq!(side("B", "R"), None, "both eyes");
    assert_eq!(side("", ""), None);
    assert_eq!(told(b"not a DICOM file at all"), None);
}

#[test]
fn what_is_no_photograph_of_the_eye_is_refused_by_name_but_nobodys() {
    let refused = |class, modality, between: Vec<u8>| {
        let dicom = Dicom {
            class,
            modality,
            between,
            ..Dicom::rgb(WIDTH, HEIGHT)
        };
        read(&dicom.plain(grainy(WIDTH, HEIGHT).as_raw()))
    };
    for (class, modality) in [
        (file::CT, "CT"),
        (file::OCT_VOLUME, "OPT"),
        (file::SECONDARY_CAPTURE, "MR"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC"),
        ("", "US"),
        ("", ""),
        (file::CT, file::PATIENT),
    ] {
        let error = refused(class, modality, Vec::new()).unwrap_err();
        let words = error.to_string();
        assert_eq!(error.code(), "not-a-photograph", "{class} {modality}");
        assert!(words.len() < 110, "{words}");
        assert!(!words.contains("Doe"), "{words}");
        assert!(modality.len() != 2 || words.contains(modality), "{words}");
    }
    for (class, modality) in [
        (file::OPHTHALMIC_8, "OP"),
        (file::SECONDARY_CAPTURE, "OT"),
        (file::SECONDARY_CAPTURE, ""),
        ("", "OP"),
    ] {
        assert!(
            refused(class, modality, Vec::new()).is_ok(),
            "{class} {modality}"
        );
    }
    // A photograph's class, and no picture in it.
    let head = Dicom::rgb(WIDTH, HEIGHT).head();
    assert_eq!(refusal(&head).code(), "not-a-photograph");
}

#[test]
fn what_is_not_read_here_says_so() {
    let with = |change: fn(&mut Dicom)| {
        let mut dicom = Dicom::rgb(WIDTH, HEIGHT);
        change(&mut dicom);
        let pixels = vec![0; 6 * (WIDTH * HEIGHT) as usize];
        refusal(&dicom.plain(&pixels))
    };
    for (error, code, word) in [
        (
            with(|d| d.syntax = "1.2.840.10008.1.2.4.90"),
            "unsupported",
            "JPEG 2000",
        ),
        (
            with(|d| d.syntax = "1.2.840.10008.1.2.4.70"),
            "unsupported",
            "lossless JPEG",
        ),
        (
            with(|d| d.syntax = "1.2.840.10008.1.2.1.99"),
            "unsupported",
            "deflated",
        ),
        (with(|d| d.syntax = "1.2.3"), "unsupported", "DICOM"),
        (
            with(|d| d.photometric = "PALETTE COLOR"),
            "unsupported",
            "colours",
        ),
        (with(|d| d.allocated = 32), "unsupported", "numbers"),
        (with(|d| d.signed = 1), "unsupported", "numbers"),
        (with(|d| d.samples = 4), "corrupt", "channels"),
        (with(|d| d.stored = 9), "corrupt", "bits"),
        (
            with(|d| d.syntax = file::JPEG_BASELINE),
            "corrupt",
            "packed",
        ),
    ] {
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn size_is_settled_before_a_pixel_is_looked_at() {
    let vast = Dicom::rgb(60_000, 60_000).plain(&[0; 8]);
    assert_eq!(refusal(&vast).code(), "too-many-pixels");
    let tiny = Dicom::rgb(20, 20).plain(&[0; 1200]);
    assert_eq!(refusal(&tiny).code(), "too-small");
    let limits = DecodeLimits {
        max_bytes: 1000,
        ..DecodeLimits::default()
    };
    let whole = Dicom::rgb(WIDTH, HEIGHT).plain(grainy(WIDTH, HEIGHT).as_raw());
    assert_eq!(
        decode(&whole, &limits).unwrap_err().code(),
        "too-many-bytes"
    );
}

#[test]
fn cut_short_or_damaged_anywhere_it_is_refused_or_read_and_never_panics() {
    let picture = grainy(WIDTH, HEIGHT);
    let stream = jpeg(&picture);
    let mut nested = Dicom::rgb(WIDTH, HEIGHT);
    let writer = nested.writer();
    writer.header(&mut nested.between, (0x0018, 0x9006), *b"SQ", u32::MAX);
    writer.item(&mut nested.between, 0xe000, u32::MAX);
    writer.item(&mut nested.between, 0xe00d, 0);
    writer.item(&mut nested.between, 0xe0dd, 0);
    let compressed = |syntax| Dicom {
        syntax,
        ..nested.clone()
    };
    let files = [
        nested.plain(picture.as_raw()),
        compressed(file::RLE).encapsulated(&[&[], &run_lengths(&planes(&picture))]),
        compressed(file::JPEG_BASELINE).encapsulated(&[&[], &stream]),
    ];
    for (kind, bytes) in files.iter().enumerate() {
        assert_eq!(read(bytes).unwrap().dimensions(), (WIDTH, HEIGHT));
        let head = bytes.len().min(700);
        for length in (0..head).chain((head..bytes.len()).step_by(97)) {
            assert!(
                read(&bytes[..length]).is_err(),
                "file {kind} cut at {length}"
            );
        }
        for at in 128..head {
            for value in [0, 1, 0x7f, 0x80, 0xfe, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let _ = (read(&damaged), told(&damaged));
            }
        }
        for salt in 0..300 {
            let mut damaged = bytes.clone();
            for n in 0..12 {
                let at = 128 + (scatter(n, salt, 1) * (head - 129) as f32) as usize;
                damaged[at] = (scatter(n, salt, 2) * 255.0) as u8;
            }
            let _ = (read(&damaged), told(&damaged));
        }
    }
    // Delimiters of nothing.
    for element in [0xe00d, 0xe0dd] {
        let mut dicom = Dicom::rgb(WIDTH, HEIGHT);
        let writer = dicom.writer();
        writer.item(&mut dicom.between, element, 0);
        let error = refusal(&dicom.plain(picture.as_raw()));
        assert_eq!(error.code(), "corrupt", "{error}");
    }
}
