//! Files that are broken, cut short, disguised or built to hurt: each gets its
//! own error at once, and none a panic or half a picture.

mod photo_support;

use std::time::{Duration, Instant};

use fovea::photo::{DecodeLimits, PhotoError, decode, find};
use image::{DynamicImage, GrayImage, Rgb, RgbImage};
use photo_support::progressive::progressive_jpeg;
use photo_support::{
    FORMATS, Format, encode, four_channel_jpeg, grainy, jpeg_in_scans, png_chunk, png_header,
    scatter,
};

fn refusal(bytes: &[u8]) -> PhotoError {
    match decode(bytes, &DecodeLimits::default()) {
        Err(error) => error,
        Ok(picture) => panic!("a picture of {:?} was taken", picture.dimensions()),
    }
}

#[test]
fn an_empty_file() {
    let error = refusal(b"");
    assert_eq!(error, PhotoError::Empty);
    assert_eq!(error.code(), "empty");
    assert!(error.to_string().contains("empty"));
}

#[test]
fn a_text_file_by_another_name() {
    let text = b"Dear colleague, please find the photographs of both eyes below.\n".repeat(50);
    let error = refusal(&text);
    assert_eq!(error, PhotoError::NotAnImage);
    assert_eq!(error.code(), "not-an-image");
    for other in [&b"a"[..], b"\0\0\0\0\0\0", b"<svg/>", &[0xff; 500]] {
        assert_eq!(refusal(other), PhotoError::NotAnImage, "{other:?}");
    }
}

#[test]
fn formats_not_read_are_named() {
    let cases: [(&[u8], &str); 7] = [
        (b"%PDF-1.7\n", "PDF"),
        (b"GIF89a\x01\0\x01\0\0\0\0;", "GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"II\x2b\0\x08\0\0\0", "BigTIFF"),
        (b"MM\0\x2b\0\x08\0\0", "BigTIFF"),
    ];
    for (file, name) in cases {
        let error = refusal(file);
        assert_eq!(error.code(), "unsupported");
        assert!(error.to_string().starts_with(name), "{error}");
    }
}

#[test]
fn a_flavour_not_read_is_named_as_a_person_would() {
    let mut tiff = photo_support::tiff_with_orientation(&grainy(40, 40), 1);
    let directory = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let entries = u16::from_le_bytes(tiff[directory..directory + 2].try_into().unwrap());
    let colours = (0..usize::from(entries))
        .map(|entry| directory + 2 + 12 * entry)
        .find(|&entry| tiff[entry..entry + 2] == 262_u16.to_le_bytes())
        .unwrap();
    tiff[colours + 8..colours + 10].copy_from_slice(&6_u16.to_le_bytes()); // YCbCr
    assert_eq!(
        refusal(&tiff).to_string(),
        "this kind of TIFF is not read here; save the photo as JPEG, PNG, WebP, TIFF or BMP"
    );
}

#[test]
fn a_huge_picture_is_refused_before_it_is_decoded() {
    let begin = Instant::now();
    let expected = PhotoError::TooManyPixels {
        width: 60_000,
        height: 60_000,
        limit: DecodeLimits::default().max_pixels,
    };
    let mut png = png_header(60_000, 60_000);
    assert_eq!(refusal(&png), expected, "a PNG's header alone");
    png.extend(png_chunk(b"IDAT", &[0x78, 0x9c, 0x63, 0, 0, 0, 0, 0xff]));
    png.extend(png_chunk(b"IEND", &[]));
    assert_eq!(refusal(&png), expected, "a PNG with an end");

    let mut jpeg = four_channel_jpeg(32, [0; 4], None);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .expect("a frame");
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    assert_eq!(refusal(&jpeg), expected, "a JPEG");

    let mut bmp = encode(&grainy(40, 40).into(), Format::Bmp, None);
    bmp[18..22].copy_from_slice(&60_000i32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000i32.to_le_bytes());
    assert_eq!(refusal(&bmp).code(), "too-many-pixels", "a BMP");

    let small = photo_support::tiff_with_orientation(&grainy(40, 40), 1);
    let mut tiff = small.clone();
    let directory = small.len() - 4 - 11 * 12;
    tiff[directory + 8..directory + 12].copy_from_slice(&60_000u32.to_le_bytes());
    for entry in [1, 8] {
        let value = directory + 12 * entry + 8;
        tiff[value..value + 4].copy_from_slice(&60_000u32.to_le_bytes());
    }
    assert_eq!(refusal(&tiff), expected, "a TIFF");
    assert!(begin.elapsed() < Duration::from_secs(1), "at once");
}

#[test]
fn a_file_over_the_limit_is_not_even_looked_at() {
    let limits = DecodeLimits {
        max_bytes: 1000,
        ..DecodeLimits::default()
    };
    let error = decode(&[7; 1001], &limits).expect_err("too long");
    assert_eq!(error.code(), "too-many-bytes");
}

/// Every format cut at every byte: never half a picture. An end that holds no
/// pixel may be missing.
#[test]
fn a_file_cut_short_never_becomes_a_picture() {
    let limits = DecodeLimits::default();
    for format in FORMATS {
        let file = encode(&DynamicImage::from(grainy(48, 40)), format, None);
        let whole = decode(&file, &limits).expect("the whole file is fine");
        for length in 1..file.len() {
            if let Ok(picture) = decode(&file[..length], &limits) {
                assert!(
                    picture == whole && file.len() - length <= 16,
                    "{format:?} cut to {length} of {} bytes was taken",
                    file.len()
                );
            }
        }
        for percent in [30, 50, 75, 95] {
            let length = file.len() * percent / 100;
            let error = decode(&file[..length], &limits).expect_err("cut");
            let what = format!("{format:?} cut to {percent} percent: {error:?}");
            assert_eq!(error, PhotoError::Truncated, "{what}");
        }
    }
}

/// The decoder of TIFF fills up what is missing of a JPEG in it.
#[test]
fn a_jpeg_in_a_tiff_cut_short_never_becomes_a_picture() {
    let limits = DecodeLimits::default();
    let grey = DynamicImage::from(grainy(160, 120)).into_luma8();
    let jpeg = encode(&grey.into(), Format::Jpeg, None);
    let whole = photo_support::jpeg_in_tiff(&jpeg, None, 160, 120);
    let picture = decode(&whole, &limits).expect("the whole file is fine");
    assert_eq!(Ok(picture), decode(&jpeg, &limits), "as by itself");
    for length in (200..whole.len()).step_by(7) {
        let error = refusal(&whole[..length]);
        let damaged = ["truncated", "corrupt"].contains(&error.code());
        assert!(damaged, "cut to {length}: {error}");
    }
    let mut blank = whole.clone();
    let half = blank.len() - jpeg.len() / 2;
    blank[half..].fill(0);
    assert_eq!(refusal(&blank), PhotoError::Truncated, "its end is blank");
}

/// Nor one with a gap, whether it has its own tables or leans on some that lie apart.
#[test]
fn a_jpeg_in_a_tiff_with_a_gap_never_becomes_a_picture() {
    let grey = DynamicImage::from(grainy(160, 120)).into_luma8();
    let jpeg = encode(&grey.into(), Format::Jpeg, None);
    let marker = |marker: u8| jpeg.windows(2).position(|two| two == [0xff, marker]);
    // Its tables of codes lie between its frame and its scan.
    let (codes, scan) = (marker(0xc4).expect("tables"), marker(0xda).expect("a scan"));
    let tables = [&jpeg[..2], &jpeg[codes..scan], &[0xff, 0xd9]].concat();
    let apart = [&jpeg[..codes], &jpeg[scan..]].concat();
    let limits = DecodeLimits::default();
    let expected = decode(&jpeg, &limits);
    for (jpeg, tables) in [(&jpeg, None), (&apart, Some(&tables[..]))] {
        let whole = photo_support::jpeg_in_tiff(jpeg, tables, 160, 120);
        assert_eq!(decode(&whole, &limits), expected, "whole");
        let half = jpeg.len() / 2;
        let holed = [&jpeg[..half], &jpeg[half + jpeg.len() / 8..]].concat();
        let holed = photo_support::jpeg_in_tiff(&holed, tables, 160, 120);
        assert_eq!(refusal(&holed), PhotoError::Truncated);
    }
}

/// The decoder of TIFF would set aside a line of such a tile, more than a browser has.
#[test]
fn a_tiff_of_vast_tiles_is_refused_before_it_is_decoded() {
    let usual = photo_support::tiff_of_tiles(64, 64);
    assert_eq!(refusal(&usual), PhotoError::Truncated, "nothing is in it");
    for (width, height) in [(0x3fff_ffff, 48), (0xffff_ffff, 0xffff_ffff)] {
        let vast = photo_support::tiff_of_tiles(width, height);
        let error = refusal(&vast);
        assert_eq!(error.code(), "corrupt", "{error}");
        assert!(error.to_string().contains("tiles"), "{error}");
    }
}

/// The decoder of TIFF reads on beyond the end of a strip, into what lies there.
#[test]
fn a_tiff_whose_strips_end_early_never_becomes_a_picture() {
    let grey = DynamicImage::from(grainy(48, 40)).into_luma8();
    let limits = DecodeLimits::default();
    let expected = DynamicImage::from(grey.clone()).into_rgb8();
    let read = |told: fn([u32; 2], [u32; 2]) -> photo_support::Strips| {
        decode(&photo_support::tiff_of_two_strips(&grey, told), &limits)
    };
    let whole = read(|begins, counts| (begins, counts));
    assert_eq!(whole.as_ref(), Ok(&expected));
    // Wrong numbers of bytes that are all there, as some programs write them.
    assert_eq!(read(|begins, _| (begins, [1, 1])), whole);
    assert_eq!(read(|begins, [a, b]| (begins, [a + 9, b + 9])), whole);
    // One strip for two places.
    assert!(read(|[a, _], counts| ([a, a], counts)).is_ok());
    let refused = Err(PhotoError::Truncated);
    let early = read(|[a, b], [c, d]| ([a, b - 48], [c - 48, d]));
    assert_eq!(early, refused, "the second lies in the end of the first");
    assert_eq!(
        read(|begins, [a, _]| (begins, [a, 0])),
        refused,
        "not there"
    );
    assert_eq!(read(|[a, _], [c, _]| ([a, 0], [c, 0])), refused, "nowhere");
}

/// The decoder of WebP would set aside all of it, more than a browser has.
#[test]
fn a_webp_that_claims_four_gigabytes_of_notes_is_refused() {
    let exif = Some(photo_support::exif(6, false));
    let mut file = encode(&DynamicImage::from(grainy(48, 40)), Format::WebP, exif);
    let notes = file.windows(4).rposition(|four| four == b"EXIF");
    let notes = notes.expect("notes");
    file[notes + 4..notes + 8].fill(0xff);
    assert_eq!(refusal(&file), PhotoError::Truncated);
}

/// The end overwritten with zeros, as a copy that broke off leaves it.
#[test]
fn a_jpeg_whose_end_is_blank_is_refused() {
    let mut file = encode(&DynamicImage::from(grainy(160, 120)), Format::Jpeg, None);
    let half = file.len() / 2;
    file[half..].fill(0);
    assert_eq!(refusal(&file), PhotoError::Truncated);
}

/// Without its middle, as a bad sector or a broken copy leaves it, end and all. The
/// decoder goes on with zeros once it has seen the end.
#[test]
fn a_jpeg_with_a_gap_never_becomes_a_picture() {
    for (width, height) in [(160, 120), (640, 480)] {
        let picture = DynamicImage::from(grainy(width, height));
        let file = encode(&picture, Format::Jpeg, None);
        for part in [4, 8, 12] {
            for from in [file.len() / 3, file.len() / 2, file.len() * 2 / 3] {
                let holed = [&file[..from], &file[from + file.len() / part..]].concat();
                let taken = decode(&holed, &DecodeLimits::default()).is_ok();
                assert!(!taken, "{width} x {height} without a {part}th from {from}");
            }
        }
    }
}

/// Its last bytes alone are missing, and its end is there: the decoder would go on with
/// what stands behind the data.
#[test]
fn a_jpeg_without_its_last_bytes_never_becomes_a_picture() {
    let file = encode(&DynamicImage::from(grainy(160, 120)), Format::Jpeg, None);
    let (data, end) = file.split_at(file.len() - 2);
    for missing in 2..40 {
        let holed = [&data[..data.len() - missing], end].concat();
        let code = refusal(&holed).code();
        assert!(["truncated", "corrupt"].contains(&code), "{missing}");
    }
}

/// At every restart the decoder forgets what was missing before.
#[test]
fn a_jpeg_with_a_gap_between_two_restarts_never_becomes_a_picture() {
    let grey = DynamicImage::from(grainy(160, 120)).into_luma8();
    let limits = DecodeLimits::default();
    let (file, places) = photo_support::jpeg_with_restarts(&grey);
    let whole = decode(&file, &limits).expect("the whole file is fine");
    let far = whole.pixels().zip(grey.pixels());
    let far = far.map(|(a, b)| a.0[0].abs_diff(b.0[0])).max();
    assert!(far < Some(20), "{far:?} apart");
    let mut taken = 0;
    for place in &places {
        let (middle, length) = (place.start + place.len() / 2, place.len());
        for gap in [length / 8, length / 4, length / 2] {
            let holed = [&file[..middle], &file[middle + gap..]].concat();
            taken += usize::from(decode(&holed, &limits).is_ok());
        }
        // Some of it twice: nothing is missing, and too much is there.
        let doubled = [&file[..middle], &file[middle - length / 4..]].concat();
        taken += usize::from(decode(&doubled, &limits).is_ok());
    }
    // Where what is left happens to code as many blocks as were lost, nothing can tell.
    let tried = 4 * places.len();
    assert!(8 * taken < tried, "{taken} of {tried} were taken");
    // A line with its restart, and eight, after which the numbers are right again.
    for lines in [1, 8] {
        let holed = [&file[..places[3].start], &file[places[3 + lines].start..]].concat();
        assert!(decode(&holed, &limits).is_err(), "{lines} lines");
    }
}

/// Of several scans, with a piece missing from the middle of one, or from one to the
/// next: the decoder of progressive ones makes do with what is there.
#[test]
fn a_jpeg_of_several_scans_with_a_gap_never_becomes_a_picture() {
    let channels = [0, 1, 2].map(|salt| {
        GrayImage::from_fn(160, 120, |x, y| {
            image::Luma([(90.0 * scatter(x, y, salt)) as u8])
        })
    });
    let colours = [(2, 2), (1, 1), (1, 1)];
    for (kind, (file, scans)) in [
        ("grey", progressive_jpeg(160, 120, &[(1, 1)], 0)),
        ("in colour", progressive_jpeg(161, 123, &colours, 0)),
        ("with restarts", progressive_jpeg(161, 123, &colours, 7)),
        ("sequential", jpeg_in_scans(&channels)),
    ] {
        assert!(
            decode(&file, &DecodeLimits::default()).is_ok(),
            "{kind}, whole"
        );
        for (number, scan) in scans.iter().enumerate() {
            let part = scan.len() / 4;
            let middle = scan.start + scan.len() / 2;
            let next = scans.get(number + 1);
            let to_next = next.map(|next| middle..next.start + next.len() / 2);
            for gap in [Some(middle..middle + part), to_next].into_iter().flatten() {
                let holed = [&file[..gap.start], &file[gap.end..]].concat();
                let taken = decode(&holed, &DecodeLimits::default()).is_ok();
                assert!(
                    !taken,
                    "{kind}, without {gap:?} in scan {number} of {scans:?}"
                );
            }
        }
    }
}

#[test]
fn a_progressive_jpeg_without_one_of_its_scans_is_refused() {
    let (file, scans) = progressive_jpeg(160, 120, &[(1, 1)], 0);
    // All but the second have a next that adds to it, or add to one.
    for number in [0, 2] {
        let scan = &scans[number];
        let holed = [&file[..scan.start], &file[scan.end..]].concat();
        assert_eq!(refusal(&holed).code(), "corrupt", "scan {number}");
    }
    let first = &scans[0];
    let holed = [
        &file[..first.start],
        &file[first.end..scans[3].start],
        &file[scans[4].start..],
    ];
    assert_eq!(refusal(&holed.concat()), PhotoError::Truncated, "no means");
}

#[test]
fn a_jpeg_followed_by_other_bytes_is_read() {
    let mut file = encode(&DynamicImage::from(grainy(160, 120)), Format::Jpeg, None);
    let alone = decode(&file, &DecodeLimits::default()).expect("fine");
    file.extend(b"notes a camera left behind \xff\xd8\xff");
    assert_eq!(decode(&file, &DecodeLimits::default()), Ok(alone));
}

/// Bytes changed at random: an error or a picture, never a panic.
#[test]
fn damaged_files_never_panic() {
    let limits = DecodeLimits {
        max_pixels: 1_000_000,
        ..DecodeLimits::default()
    };
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut files: Vec<Vec<u8>> = FORMATS
        .iter()
        .map(|&format| {
            let exif = matches!(format, Format::Jpeg | Format::Png | Format::WebP)
                .then(|| photo_support::exif(6, false));
            encode(&DynamicImage::from(grainy(48, 40)), format, exif)
        })
        .collect();
    files.push(four_channel_jpeg(40, [10, 200, 30, 90], Some(2)));
    files.push(progressive_jpeg(48, 40, &[(2, 2), (1, 1), (1, 1)], 0).0);
    files.push(progressive_jpeg(48, 40, &[(1, 1)], 5).0);
    files.push(photo_support::tiff_with_orientation(&grainy(40, 40), 6));
    for file in &files {
        for round in 0..1500 {
            let mut damaged = file.clone();
            for _ in 0..=random(4) {
                // Headers are where the harm is done: every other time, there.
                let reach = if round % 2 == 0 {
                    damaged.len()
                } else {
                    damaged.len().min(200)
                };
                let at = random(reach);
                match random(4) {
                    0 => damaged[at] = random(256) as u8,
                    1 => damaged[at] ^= 1 << random(8),
                    2 => damaged[at] = [0, 0xff, 0x7f, 0x80][random(4)],
                    _ => {
                        damaged.remove(at);
                    }
                }
            }
            if let Ok(picture) = decode(&damaged, &limits) {
                assert!(u64::from(picture.width()) * u64::from(picture.height()) <= 1_000_000);
                // Whatever came of it goes on down the same road.
                let _ = find(&picture);
            }
        }
    }
}

#[test]
fn pictures_of_any_shape_never_panic() {
    for (width, height) in [
        (0, 0),
        (1, 1),
        (1, 3000),
        (3000, 1),
        (7, 9),
        (320, 8),
        (33, 2000),
    ] {
        for level in [0, 90, 255] {
            let picture = RgbImage::from_pixel(width, height, Rgb([level, level / 2, 0]));
            let _ = find(&picture);
            let _ = find(&grainy(width, height));
            let _ = fovea::photo::thumbnail(&picture, 20);
        }
    }
}

#[test]
fn every_error_says_what_to_do() {
    let errors = [
        PhotoError::Empty,
        PhotoError::NotAnImage,
        PhotoError::Unsupported {
            format: "GIF".into(),
        },
        PhotoError::NotAPhotograph {
            what: "its modality is CT".into(),
        },
        PhotoError::Truncated,
        PhotoError::Corrupt {
            reason: "no table".into(),
        },
        PhotoError::TooManyBytes { bytes: 2, limit: 1 },
        PhotoError::TooManyPixels {
            width: 9,
            height: 9,
            limit: 80,
        },
        PhotoError::TooSmall {
            width: 9,
            height: 9,
            least: 32,
        },
        PhotoError::NoRetina,
        PhotoError::SeveralRetinas,
        PhotoError::Settings {
            reason: "size is 0".into(),
        },
    ];
    let mut codes: Vec<&str> = errors.iter().map(PhotoError::code).collect();
    for error in &errors {
        let said = error.to_string();
        assert!(
            ["choose", "copy", "save", "use"]
                .iter()
                .any(|word| said.contains(word)),
            "no advice: {said}"
        );
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), errors.len(), "each error its own code");
}
