//! Resizing, by fast_image_resize: integer arithmetic on 8-bit channels and
//! weights from a polynomial, so that every processor gives the same bytes.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::PhotoError;

/// A rectangle of a photo in pixels; pixel (0, 0) covers 0 to 1 on both axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    pub(super) fn whole(photo: &RgbImage) -> Self {
        Self {
            left: 0.0,
            top: 0.0,
            width: f64::from(photo.width()),
            height: f64::from(photo.height()),
        }
    }

    /// The same of a picture that is so much larger.
    pub(super) fn scaled(self, by: f64) -> Self {
        Self {
            left: self.left * by,
            top: self.top * by,
            width: self.width * by,
            height: self.height * by,
        }
    }

    /// The part of it that lies in the photo, in whole pixels.
    pub(super) fn within(self, photo: &RgbImage) -> Self {
        let (left, top) = (self.left.max(0.0).floor(), self.top.max(0.0).floor());
        let right = (self.left + self.width)
            .min(f64::from(photo.width()))
            .floor();
        let bottom = (self.top + self.height)
            .min(f64::from(photo.height()))
            .floor();
        Self {
            left,
            top,
            width: right - left,
            height: bottom - top,
        }
    }
}

/// The area of the photo at `width` x `height` pixels, averaged over what each
/// new pixel covers. The area must lie inside the photo.
pub(super) fn resize(
    photo: &RgbImage,
    area: Area,
    width: u32,
    height: u32,
    filter: FilterType,
) -> Result<RgbImage, PhotoError> {
    let source = ImageRef::new(
        photo.width(),
        photo.height(),
        photo.as_raw(),
        PixelType::U8x3,
    )
    .map_err(wrong_area)?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(area.left, area.top, area.width, area.height);
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(wrong_area)?;
    RgbImage::from_raw(width, height, target.into_vec()).ok_or_else(|| PhotoError::Settings {
        reason: format!("no picture of {width} x {height} pixels can be made"),
    })
}

fn wrong_area(error: impl std::fmt::Display) -> PhotoError {
    PhotoError::Settings {
        reason: format!("the photo cannot be resized ({error})"),
    }
}

/// The size that `width` x `height` takes when its longer side is brought down
/// to `max_side`; smaller pictures keep theirs.
pub(super) fn fit(width: u32, height: u32, max_side: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= max_side {
        return (width, height);
    }
    let scaled = |side: u32| {
        let exact = u64::from(side) * u64::from(max_side) + u64::from(longer) / 2;
        (exact / u64::from(longer)).max(1) as u32
    };
    (scaled(width), scaled(height))
}

/// The picture with its longer side brought down to `max_side` pixels (at least
/// one); a smaller picture comes back as it is.
pub fn thumbnail(picture: &RgbImage, max_side: u32) -> RgbImage {
    let (width, height) = fit(picture.width(), picture.height(), max_side.max(1));
    if (width, height) == picture.dimensions() {
        return picture.clone();
    }
    resize(
        picture,
        Area::whole(picture),
        width,
        height,
        FilterType::Bilinear,
    )
    .unwrap_or_else(|_| RgbImage::new(width, height))
}
