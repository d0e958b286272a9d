//! How many pictures a file holds: some cameras write both eyes into one TIFF, and
//! whoever graded the first alone has to know.

use std::io::Cursor;

use image::ImageFormat;
use image_webp::WebPDecoder;
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::decode::recognise;

/// More than any camera writes; a file that claims more is not counted through.
const MOST: u32 = 1000;

/// The bit of TIFF's `NewSubfileType` that says: a smaller copy of another picture.
const SMALLER_COPY: u32 = 1;

/// The pictures in the file, of which [`decode`](super::decode) reads the first.
/// One where it cannot be told. A DICOM file tells its own number.
pub fn pictures(bytes: &[u8]) -> u32 {
    let counted = match recognise(bytes) {
        Ok(ImageFormat::Tiff) => pages(bytes),
        Ok(ImageFormat::WebP) => WebPDecoder::new(Cursor::new(bytes))
            .ok()
            .map(|decoder| decoder.num_frames()),
        _ => None,
    };
    counted.unwrap_or(1).max(1)
}

/// Pages that are no smaller copies of others.
fn pages(bytes: &[u8]) -> Option<u32> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
    let mut pages = 1;
    for _ in 0..MOST {
        // The decoder refuses to go round in circles.
        if !decoder.more_images() || decoder.next_image().is_err() {
            break;
        }
        let kind = decoder.find_tag_unsigned(Tag::NewSubfileType);
        if kind.ok().flatten().unwrap_or(0) & SMALLER_COPY == 0 {
            pages += 1;
        }
    }
    Some(pages)
}

#[cfg(test)]
mod tests {
    use tiff::encoder::{TiffEncoder, colortype::Gray8};

    use super::*;

    /// A TIFF of as many pages, of which some are smaller copies.
    fn tiff(kinds: &[u32]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        for kind in kinds {
            let mut page = encoder.new_image::<Gray8>(4, 4).unwrap();
            page.encoder()
                .write_tag(Tag::NewSubfileType, *kind)
                .unwrap();
            page.write_data(&[7; 16]).unwrap();
        }
        bytes.into_inner()
    }

    #[test]
    fn pages_count_and_their_smaller_copies_do_not() {
        assert_eq!(pictures(&tiff(&[0])), 1);
        assert_eq!(pictures(&tiff(&[0, 0])), 2);
        assert_eq!(pictures(&tiff(&[0, SMALLER_COPY, 0])), 2);
    }

    #[test]
    fn what_cannot_be_counted_is_one() {
        assert_eq!(pictures(&[]), 1);
        let whole = tiff(&[0, 0]);
        for end in 0..whole.len() {
            assert!(pictures(&whole[..end]) <= 2);
        }
    }
}
