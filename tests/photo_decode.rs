//! What `photo::decode` makes of well-formed files.

mod photo_support;

use fovea::photo::{DecodeLimits, PhotoError, decode};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba};
use photo_support::progressive::progressive_jpeg;
use photo_support::{
    FORMATS, Format, corners, encode, exif, four_channel_jpeg, grainy, jpeg_in_scans, scatter,
    stored, tiff_with_orientation,
};

fn read(bytes: &[u8]) -> RgbImage {
    decode(bytes, &DecodeLimits::default()).expect("the file is decoded")
}

/// The colour that most of each corner has.
fn assert_alike(found: &RgbImage, expected: &RgbImage, tolerance: u8, what: &str) {
    assert_eq!(found.dimensions(), expected.dimensions(), "{what}: size");
    for (x, y, pixel) in found.enumerate_pixels() {
        let other = expected.get_pixel(x, y);
        for (a, b) in pixel.0.iter().zip(&other.0) {
            assert!(
                a.abs_diff(*b) <= tolerance,
                "{what}: pixel ({x}, {y}) is {pixel:?}, not {other:?}"
            );
        }
    }
}

#[test]
fn every_format_gives_its_pixels() {
    let picture = DynamicImage::from(corners(64, 48));
    for format in FORMATS {
        let tolerance = if format == Format::Jpeg { 12 } else { 0 };
        let found = read(&encode(&picture, format, None));
        assert_alike(
            &found,
            &picture.to_rgb8(),
            tolerance,
            &format!("{format:?}"),
        );
    }
}

/// Their scans are gone through before they are decoded: none may be refused.
#[test]
fn jpegs_of_several_scans_are_read() {
    let channels = [0, 1, 2]
        .map(|salt| GrayImage::from_fn(65, 47, |x, y| Luma([(90.0 * scatter(x, y, salt)) as u8])));
    assert_eq!(read(&jpeg_in_scans(&channels).0).dimensions(), (65, 47));
    for (width, height) in [(32, 32), (65, 47), (160, 120), (39, 300)] {
        for sampling in [
            &[(1, 1)][..],
            &[(2, 2)],
            &[(1, 1), (1, 1), (1, 1)],
            &[(2, 2), (1, 1), (1, 1)],
            &[(2, 1), (1, 1), (1, 1)],
            &[(1, 2), (1, 1), (1, 1)],
            &[(4, 1), (1, 1), (1, 1)],
        ] {
            for interval in [0, 1, 4, 100] {
                let (file, _) = progressive_jpeg(width, height, sampling, interval);
                let size = (width as u32, height as u32);
                let what = format!("{size:?}, {sampling:?}, {interval}");
                let picture = decode(&file, &DecodeLimits::default());
                assert_eq!(picture.map(|one| one.dimensions()), Ok(size), "{what}");
            }
        }
    }
}

#[test]
fn exif_orientation_is_applied() {
    let upright = corners(80, 48);
    for orientation in 1..=8 {
        let turned = DynamicImage::from(stored(&upright, orientation));
        for format in [Format::Jpeg, Format::Png, Format::WebP] {
            for big_endian in [false, true] {
                let tolerance = if format == Format::Jpeg { 14 } else { 0 };
                let file = encode(&turned, format, Some(exif(orientation, big_endian)));
                let what = format!("{format:?}, orientation {orientation}");
                assert_alike(&read(&file), &upright, tolerance, &what);
            }
        }
    }
}

#[test]
fn tiff_orientation_is_applied() {
    let upright = corners(80, 48);
    for orientation in 1..=8u8 {
        let turned = stored(&upright, orientation);
        let file = tiff_with_orientation(&turned, u16::from(orientation));
        let what = format!("orientation {orientation}");
        assert_alike(&read(&file), &upright, 0, &what);
    }
}

#[test]
fn an_orientation_that_does_not_exist_changes_nothing() {
    let picture = corners(64, 48);
    for orientation in [0, 9, 255] {
        let file = encode(
            &picture.clone().into(),
            Format::Png,
            Some(exif(orientation, false)),
        );
        assert_alike(&read(&file), &picture, 0, "PNG");
    }
}

/// EXIF wants it in 16 bits; Chromium, Firefox and WebKit show a photo that has it as
/// one byte or in 32 bits as it is stored, and so it is graded.
#[test]
fn an_orientation_of_another_width_is_none_as_in_browsers() {
    let picture = corners(64, 48);
    for kind in [1, 4] {
        let mut exif = exif(6, false);
        exif[12] = kind;
        for format in [Format::Jpeg, Format::Png] {
            let file = encode(&picture.clone().into(), format, Some(exif.clone()));
            assert_alike(&read(&file), &picture, 12, &format!("{format:?}, {kind}"));
        }
    }
}

#[test]
fn broken_exif_does_not_cost_the_picture() {
    let picture = corners(64, 48);
    for broken in [
        b"II\x2a\0\xff\xff\xff\xff".to_vec(),
        vec![0; 40],
        vec![0x4d],
    ] {
        for format in [Format::Jpeg, Format::Png, Format::WebP] {
            let file = encode(&picture.clone().into(), format, Some(broken.clone()));
            assert_alike(&read(&file), &picture, 12, &format!("{format:?}"));
        }
    }
}

#[test]
fn grey_becomes_equal_red_green_and_blue() {
    let grey = GrayImage::from_fn(64, 48, |x, y| Luma([(2 * x + y) as u8]));
    let expected = DynamicImage::from(grey.clone()).to_rgb8();
    for format in [Format::Jpeg, Format::Png, Format::Tiff, Format::Bmp] {
        let tolerance = if format == Format::Jpeg { 6 } else { 0 };
        let found = read(&encode(&grey.clone().into(), format, None));
        assert_alike(&found, &expected, tolerance, &format!("{format:?}"));
    }
}

#[test]
fn sixteen_bits_are_rounded_to_eight() {
    let deep = ImageBuffer::<Rgb<u16>, _>::from_fn(64, 48, |x, y| {
        Rgb([0, 1, 2].map(|c| (scatter(x, y, c) * 65535.0) as u16))
    });
    let expected = RgbImage::from_fn(64, 48, |x, y| {
        Rgb(deep
            .get_pixel(x, y)
            .0
            .map(|v| ((u32::from(v) + 128) / 257) as u8))
    });
    for format in [Format::Png, Format::Tiff] {
        let found = read(&encode(&deep.clone().into(), format, None));
        assert_alike(&found, &expected, 0, &format!("{format:?}"));
    }
    let grey = ImageBuffer::<Luma<u16>, _>::from_fn(64, 48, |x, _| Luma([(x * 1000) as u16]));
    let expected = RgbImage::from_fn(64, 48, |x, _| Rgb([((x * 1000 + 128) / 257) as u8; 3]));
    for format in [Format::Png, Format::Tiff] {
        let found = read(&encode(&grey.clone().into(), format, None));
        assert_alike(&found, &expected, 0, &format!("grey {format:?}"));
    }
}

#[test]
fn what_is_transparent_shows_black() {
    let glass = ImageBuffer::from_fn(64, 48, |x, _| Rgba([200u8, 100, 50, (4 * x) as u8]));
    let expected = RgbImage::from_fn(64, 48, |x, _| {
        Rgb([200, 100, 50].map(|v: u32| ((v * 4 * x + 127) / 255) as u8))
    });
    for format in [Format::Png, Format::WebP, Format::Tiff] {
        let found = read(&encode(&glass.clone().into(), format, None));
        assert_alike(&found, &expected, 0, &format!("{format:?}"));
    }
    let grey = ImageBuffer::from_fn(64, 48, |x, _| LumaA([150u8, (4 * x) as u8]));
    let found = read(&encode(&grey.into(), Format::Png, None));
    assert_eq!(found.get_pixel(0, 0).0, [0, 0, 0]);
    assert_eq!(found.get_pixel(63, 0).0, [148, 148, 148]);
}

#[test]
fn four_inks_become_the_colour_they_print() {
    type Case = (&'static str, [u8; 4], Option<u8>, [u8; 3]);
    let red = [255, 0, 0];
    let cases: [Case; 8] = [
        // No Adobe segment: 0 is no ink.
        ("CMYK red", [0, 255, 255, 0], None, red),
        ("CMYK black", [0, 0, 0, 255], None, [0, 0, 0]),
        ("CMYK paper", [0, 0, 0, 0], None, [255, 255, 255]),
        // With one, 255 is no ink.
        ("Adobe CMYK red", [255, 0, 0, 255], Some(0), red),
        (
            "Adobe CMYK dark red",
            [255, 0, 0, 128],
            Some(0),
            [128, 0, 0],
        ),
        // YCCK: luma and chroma of red, green and blue inverted, then key.
        ("YCCK red", [179, 171, 1, 255], Some(2), red),
        ("YCCK paper", [0, 128, 128, 255], Some(2), [255, 255, 255]),
        ("YCCK grey", [127, 128, 128, 255], Some(2), [128, 128, 128]),
    ];
    for (what, channels, adobe, expected) in cases {
        for side in [32, 40] {
            let found = read(&four_channel_jpeg(side, channels, adobe));
            assert_eq!(found.dimensions(), (u32::from(side), u32::from(side)));
            let expected = RgbImage::from_pixel(found.width(), found.height(), Rgb(expected));
            assert_alike(&found, &expected, 3, what);
        }
    }
}

#[test]
fn the_content_decides_and_not_the_name() {
    // No name reaches the decoder at all; what remains is that each format's
    // first bytes are enough.
    for format in FORMATS {
        let file = encode(&grainy(40, 40).into(), format, None);
        assert_eq!(read(&file).dimensions(), (40, 40));
    }
}

#[test]
fn limits_are_kept_to_the_byte_and_the_pixel() {
    let file = encode(&grainy(40, 50).into(), Format::Png, None);
    let length = file.len() as u64;
    let allowed = |max_bytes, max_pixels, min_side| {
        let limits = DecodeLimits {
            max_bytes,
            max_pixels,
            min_side,
        };
        decode(&file, &limits).map(|picture| picture.dimensions())
    };
    assert_eq!(allowed(length, 2000, 40), Ok((40, 50)));
    assert_eq!(
        allowed(length - 1, 2000, 40),
        Err(PhotoError::TooManyBytes {
            bytes: length,
            limit: length - 1
        })
    );
    assert_eq!(
        allowed(length, 1999, 40),
        Err(PhotoError::TooManyPixels {
            width: 40,
            height: 50,
            limit: 1999
        })
    );
    assert_eq!(
        allowed(length, 2000, 41),
        Err(PhotoError::TooSmall {
            width: 40,
            height: 50,
            least: 41
        })
    );
}
