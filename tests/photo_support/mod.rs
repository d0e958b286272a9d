//! Pictures and files for the tests of `photo`, made here: no photograph of an
//! eye lies in this tree.
#![allow(dead_code)]

pub mod progressive;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::{
    bmp::BmpEncoder, jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder,
};
use image::{DynamicImage, ImageEncoder, Rgb, RgbImage};

/// Four colours, one a corner: whichever way it is turned, it shows.
pub fn corners(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        match (x < width / 2, y < height / 2) {
            (true, true) => Rgb([220, 30, 30]),
            (false, true) => Rgb([30, 200, 30]),
            (true, false) => Rgb([30, 30, 220]),
            (false, false) => Rgb([200, 200, 200]),
        }
    })
}

/// A number from 0 to 1 for every pixel and channel.
pub fn scatter(x: u32, y: u32, salt: u32) -> f32 {
    let mut z = x
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(y.wrapping_mul(0x85eb_ca77))
        .wrapping_add(salt.wrapping_mul(0xc2b2_ae3d));
    z = (z ^ (z >> 15)).wrapping_mul(0x2c1b_3c6d);
    z = (z ^ (z >> 12)).wrapping_mul(0x297a_2d39);
    (z ^ (z >> 15)) as f32 / u32::MAX as f32
}

/// Shades with grain, so that no codec gets away with a few bytes.
pub fn grainy(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([0, 1, 2].map(|c| (3 * x + 2 * y + (80.0 * scatter(x, y, c)) as u32) as u8))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Tiff,
    Bmp,
}

pub const FORMATS: [Format; 5] = [
    Format::Jpeg,
    Format::Png,
    Format::WebP,
    Format::Tiff,
    Format::Bmp,
];

/// An encoded picture, with EXIF where the format carries it.
pub fn encode(picture: &DynamicImage, format: Format, exif: Option<Vec<u8>>) -> Vec<u8> {
    fn write<E: ImageEncoder>(mut encoder: E, picture: &DynamicImage, exif: Option<Vec<u8>>) {
        if let Some(exif) = exif {
            encoder.set_exif_metadata(exif).expect("EXIF is carried");
        }
        let colour = picture.color().into();
        encoder
            .write_image(
                picture.as_bytes(),
                picture.width(),
                picture.height(),
                colour,
            )
            .expect("the picture is encoded");
    }
    let mut bytes = Vec::new();
    match format {
        Format::Jpeg => write(JpegEncoder::new_with_quality(&mut bytes, 95), picture, exif),
        Format::Png => write(PngEncoder::new(&mut bytes), picture, exif),
        Format::WebP => write(WebPEncoder::new_lossless(&mut bytes), picture, exif),
        Format::Tiff => {
            let mut file = Cursor::new(Vec::new());
            write(TiffEncoder::new(&mut file), picture, exif);
            bytes = file.into_inner();
        }
        Format::Bmp => write(BmpEncoder::new(&mut bytes), picture, exif),
    }
    bytes
}

/// A bare EXIF block that holds an orientation and nothing else.
pub fn exif(orientation: u8, big_endian: bool) -> Vec<u8> {
    if big_endian {
        let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        exif
    } else {
        let mut exif = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        exif
    }
}

/// The picture as a camera held otherwise would store it. EXIF says on which
/// side of the scene the first stored row and the first stored column lie.
pub fn stored(upright: &RgbImage, orientation: u8) -> RgbImage {
    let (width, height) = upright.dimensions();
    let (stored_width, stored_height) = if orientation < 5 {
        (width, height)
    } else {
        (height, width)
    };
    RgbImage::from_fn(stored_width, stored_height, |column, row| {
        let (x, y) = match orientation {
            1 => (column, row),                          // top, left
            2 => (width - 1 - column, row),              // top, right
            3 => (width - 1 - column, height - 1 - row), // bottom, right
            4 => (column, height - 1 - row),             // bottom, left
            5 => (row, column),                          // left, top
            6 => (width - 1 - row, column),              // right, top
            7 => (width - 1 - row, height - 1 - column), // right, bottom
            _ => (row, height - 1 - column),             // left, bottom
        };
        *upright.get_pixel(x, y)
    })
}

/// An uncompressed RGB TIFF with an orientation tag.
pub fn tiff_with_orientation(picture: &RgbImage, orientation: u16) -> Vec<u8> {
    let data = picture.as_raw();
    let bits_at = 8 + data.len() as u32;
    let directory_at = bits_at + 6;
    let mut file = b"II\x2a\0".to_vec();
    file.extend(directory_at.to_le_bytes());
    file.extend(data);
    file.extend([8, 0, 8, 0, 8, 0]);
    let entries: [(u16, u16, u32, u32); 11] = [
        (256, 4, 1, picture.width()),
        (257, 4, 1, picture.height()),
        (258, 3, 3, bits_at),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
        (274, 3, 1, u32::from(orientation)),
        (277, 3, 1, 3),
        (278, 4, 1, picture.height()),
        (279, 4, 1, data.len() as u32),
        (284, 3, 1, 1),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0, 0, 0, 0]);
    file
}

/// A TIFF around a grey JPEG, its directory in front; with `tables` the JPEG of tables
/// alone that it leans on.
pub fn jpeg_in_tiff(jpeg: &[u8], tables: Option<&[u8]>, width: u32, height: u32) -> Vec<u8> {
    const DATA_AT: u32 = 8 + 2 + 12 * 10 + 4;
    let mut entries: Vec<(u16, u16, u32, u32)> = vec![
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 7), // JPEG
        (262, 3, 1, 1), // zero is black
        (273, 4, 1, DATA_AT),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, jpeg.len() as u32),
    ];
    if let Some(tables) = tables {
        let count = tables.len() as u32;
        entries.push((347, 7, count, DATA_AT + jpeg.len() as u32));
    }
    let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
    file.extend(directory(&entries));
    file.resize(DATA_AT as usize, 0);
    file.extend(jpeg);
    file.extend(tables.unwrap_or_default());
    file
}

/// A TIFF's directory of tags, each with its type, count and value.
fn directory(entries: &[(u16, u16, u32, u32)]) -> Vec<u8> {
    let mut directory = (entries.len() as u16).to_le_bytes().to_vec();
    for (tag, kind, count, value) in entries {
        directory.extend(tag.to_le_bytes());
        directory.extend(kind.to_le_bytes());
        directory.extend(count.to_le_bytes());
        directory.extend(value.to_le_bytes());
    }
    directory.extend([0; 4]);
    directory
}

/// A TIFF that promises tiles of this size, with a channel beside red, green and blue.
pub fn tiff_of_tiles(tile_width: u32, tile_height: u32) -> Vec<u8> {
    let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
    file.extend(directory(&[
        (256, 4, 1, 40),
        (257, 4, 1, 40),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (277, 3, 1, 4),
        (322, 4, 1, tile_width),
        (323, 4, 1, tile_height),
        (324, 4, 1, 8),
        (325, 4, 1, 64),
        (338, 3, 1, 0),
    ]));
    file
}

/// Where each of two strips begins, and how many bytes it has.
pub type Strips = ([u32; 2], [u32; 2]);

/// An uncompressed grey TIFF of two strips, one after the other; `told` is where each
/// begins and how many bytes it has, instead of what is so.
pub fn tiff_of_two_strips(
    picture: &image::GrayImage,
    told: impl Fn([u32; 2], [u32; 2]) -> Strips,
) -> Vec<u8> {
    let rows = picture.height().div_ceil(2);
    let first = rows * picture.width();
    let (data, all) = (picture.as_raw(), picture.as_raw().len() as u32);
    let (begins, counts) = told([8, 8 + first], [first, all - first]);
    let mut file = b"II\x2a\0".to_vec();
    file.extend((8 + all + 16).to_le_bytes());
    file.extend(data);
    for number in begins.into_iter().chain(counts) {
        file.extend(number.to_le_bytes());
    }
    file.extend(directory(&[
        (256, 4, 1, picture.width()),
        (257, 4, 1, picture.height()),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 2, 8 + all),
        (277, 3, 1, 1),
        (278, 4, 1, rows),
        (279, 4, 2, 8 + all + 8),
    ]));
    file
}

/// A sequential grey JPEG that restarts after every eight lines, and where the data
/// between the restarts is.
pub fn jpeg_with_restarts(picture: &image::GrayImage) -> (Vec<u8>, Vec<std::ops::Range<usize>>) {
    let (width, height) = picture.dimensions();
    let rows: Vec<Vec<u8>> = (0..height / 8)
        .map(|row| image::imageops::crop_imm(picture, 0, 8 * row, width, 8).to_image())
        .map(|row| encode(&row.into(), Format::Jpeg, None))
        .collect();
    let marker = |file: &[u8], marker: u8| file.windows(2).position(|two| two == [0xff, marker]);
    let (first, scan) = (&rows[0], marker(&rows[0], 0xda).expect("a scan"));
    let mut file = first[..scan].to_vec();
    let frame = marker(&file, 0xc0).expect("a frame");
    file[frame + 5..frame + 7].copy_from_slice(&(height as u16).to_be_bytes());
    file.extend([0xff, 0xdd, 0, 4]);
    file.extend((width.div_ceil(8) as u16).to_be_bytes());
    file.extend(&first[scan..scan + 10]);
    let mut places = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            file.extend([0xff, 0xd0 + (number as u8 - 1) % 8]);
        }
        let begin = file.len();
        let scan = marker(row, 0xda).expect("a scan");
        file.extend(&row[scan + 10..row.len() - 2]);
        places.push(begin..file.len());
    }
    file.extend([0xff, 0xd9]);
    (file, places)
}

/// A sequential JPEG of several channels, a scan each, and where the scans are.
pub fn jpeg_in_scans(pictures: &[image::GrayImage]) -> (Vec<u8>, Vec<std::ops::Range<usize>>) {
    let files: Vec<Vec<u8>> = pictures
        .iter()
        .map(|picture| encode(&picture.clone().into(), Format::Jpeg, None))
        .collect();
    let marker = |file: &[u8], marker: u8| file.windows(2).position(|two| two == [0xff, marker]);
    let first = &files[0];
    let frame = marker(first, 0xc0).expect("a frame");
    let mut file = first[..frame + 2].to_vec();
    file.extend((8 + 3 * files.len() as u16).to_be_bytes());
    file.extend(&first[frame + 4..frame + 9]);
    file.push(files.len() as u8);
    for id in 1..=files.len() as u8 {
        file.extend([id, 0x11, 0]);
    }
    let scan = marker(first, 0xda).expect("a scan");
    let length = usize::from(first[frame + 3]);
    file.extend(&first[frame + 2 + length..scan]);
    let mut places = Vec::new();
    for (id, one) in (1..).zip(&files) {
        let begin = file.len();
        let scan = marker(one, 0xda).expect("a scan");
        file.extend(&one[scan..scan + 10]);
        file[begin + 5] = id;
        file.extend(&one[scan + 10..one.len() - 2]);
        places.push(begin..file.len());
    }
    file.extend([0xff, 0xd9]);
    (file, places)
}

/// The CRC-32 that PNG chunks end with.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

pub fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut body = kind.to_vec();
    body.extend(data);
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(&body);
    chunk.extend(crc(&body).to_be_bytes());
    chunk
}

/// A PNG's beginning that promises an RGB picture of this size.
pub fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(png_chunk(b"IHDR", &header));
    file
}

/// A baseline JPEG of four channels and one colour, written bit by bit (ITU-T
/// T.81), for no encoder at hand writes four; `adobe` is the transform its
/// APP14 segment names, if it has one.
pub fn four_channel_jpeg(side: u16, channels: [u8; 4], adobe: Option<u8>) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    let mut segment = |marker: u8, body: &[u8]| {
        file.extend([0xff, marker]);
        file.extend((body.len() as u16 + 2).to_be_bytes());
        file.extend(body);
    };
    if let Some(transform) = adobe {
        let mut body = b"Adobe\0\x64\0\0\0\0".to_vec();
        body.push(transform);
        segment(0xee, &body);
    }
    // With every step 8, a block's mean is its first coefficient plus 128.
    let mut steps = vec![0];
    steps.extend([8; 64]);
    segment(0xdb, &steps);
    let [high, low] = side.to_be_bytes();
    let mut frame = vec![8, high, low, high, low, 4];
    for id in 1..=4 {
        frame.extend([id, 0x11, 0]);
    }
    segment(0xc0, &frame);
    // First coefficients: nine sizes, codes of four bits. Others: "no more".
    let mut first = vec![0x00];
    first.extend([0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    first.extend(0..9);
    segment(0xc4, &first);
    let mut others = vec![0x10];
    others.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00]);
    segment(0xc4, &others);
    segment(0xda, &[4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0]);

    let mut bits: Vec<bool> = Vec::new();
    let mut push = |value: u32, length: u32| {
        bits.extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
    };
    let blocks = u32::from(side).div_ceil(8).pow(2);
    for block in 0..blocks {
        for channel in channels {
            let change = if block == 0 {
                i32::from(channel) - 128
            } else {
                0
            };
            let length = 32 - change.unsigned_abs().leading_zeros();
            push(length, 4);
            let value = if change < 0 {
                change + (1 << length) - 1
            } else {
                change
            };
            push(value as u32, length);
            push(0, 1);
        }
    }
    while !bits.len().is_multiple_of(8) {
        bits.push(true);
    }
    for byte in bits.chunks(8) {
        let byte = byte.iter().fold(0u8, |all, &bit| all << 1 | u8::from(bit));
        file.push(byte);
        if byte == 0xff {
            file.push(0);
        }
    }
    file.extend([0xff, 0xd9]);
    file
}

/// What a drawn photo looks like.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    pub width: u32,
    pub height: u32,
    pub x: f32,
    pub y: f32,
    pub rx: f32,
    pub ry: f32,
    /// Level of the ground, and how far its noise reaches to either side.
    pub ground: f32,
    pub noise: f32,
    /// Brightness of the retina: 1 well exposed, 0.3 dark.
    pub exposure: f32,
}

impl Scene {
    /// A whole circle in the middle.
    pub fn whole(width: u32, height: u32, radius: f32) -> Self {
        Self {
            width,
            height,
            x: width as f32 / 2.0,
            y: height as f32 / 2.0,
            rx: radius,
            ry: radius,
            ground: 3.0,
            noise: 3.0,
            exposure: 1.0,
        }
    }

    /// Shaded like a retina, with a bright optic disc and a dark macula.
    pub fn draw(&self) -> RgbImage {
        RgbImage::from_fn(self.width, self.height, |x, y| {
            let u = (x as f32 + 0.5 - self.x) / self.rx;
            let v = (y as f32 + 0.5 - self.y) / self.ry;
            let away = (u * u + v * v).sqrt();
            let edge = ((1.0 - away) * self.rx + 0.5).clamp(0.0, 1.0);
            let disc = ((u - 0.55).powi(2) + v * v).sqrt() < 0.13;
            let macula = ((u + 0.1).powi(2) + v * v).sqrt() < 0.12;
            let shade = self.exposure * (1.0 - 0.35 * away * away) * (1.0 + 0.1 * u);
            let colour = match (disc, macula) {
                (true, _) => [250.0, 200.0, 120.0],
                (_, true) => [150.0, 60.0, 25.0],
                _ => [200.0, 100.0, 40.0],
            };
            let mut channel = 0;
            Rgb(colour.map(|level: f32| {
                channel += 1;
                let noise = self.noise * (2.0 * scatter(x, y, channel) - 1.0);
                let level = level * shade * edge + self.ground * (1.0 - edge) + noise;
                level.round().clamp(0.0, 255.0) as u8
            }))
        })
    }
}

/// The photographs beside the project, where they are.
pub fn shared_photos(folder: &str) -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: ../shared is absent");
        return None;
    };
    let mut photos: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.is_file())
        .collect();
    photos.sort();
    Some(photos)
}
