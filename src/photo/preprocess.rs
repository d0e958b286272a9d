//! From a photo to the picture a network sees: the retina as a centred disc on
//! black, always the same size, whatever the camera's frame was.
//!
//! The settings travel inside the model bundle and have no second home.

use fast_image_resize::FilterType;
use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::resize::{Area, resize};
use super::{PhotoError, Retina, find};

/// How a photo becomes the numbers a network was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Side of the square picture, in pixels.
    pub size: u32,
    /// Room around the disc, as a fraction of the retina's radius; below zero,
    /// the picture begins inside the rim.
    pub margin: f32,
    /// Subtract the local mean, or leave the colours as they are.
    pub local_mean: Option<LocalMean>,
    /// Mean of red, green and blue, on a scale of 0 to 1, taken off each pixel.
    pub mean: [f32; 3],
    /// Standard deviation each channel is then divided by.
    pub std: [f32; 3],
}

/// Local-mean subtraction after B. Graham, "Kaggle diabetic retinopathy
/// detection competition report" (2015): `gain * (picture - blurred) + mid`,
/// which evens out lighting and lifts lesions. His values are a sigma of 1/30,
/// a gain of 4 and a mid of 128.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalMean {
    /// Standard deviation of the Gaussian, as a fraction of the retina's radius.
    pub sigma: f32,
    /// What the difference is multiplied by.
    pub gain: f32,
    /// The level (0 to 255) that no difference comes to.
    pub mid: f32,
}

impl Default for LocalMean {
    fn default() -> Self {
        Self {
            sigma: 1.0 / 30.0,
            gain: 4.0,
            mid: 128.0,
        }
    }
}

/// The part of the disc, from its centre, that local-mean subtraction keeps: at
/// the rim itself the mean is that of the lens's shadow.
const LOCAL_MEAN_KEEPS: f64 = 0.97;

impl Preprocessing {
    /// Largest side of the square picture, in pixels.
    pub const MAX_SIZE: u32 = 4096;

    /// Margins that leave something to see.
    pub const MARGINS: std::ops::RangeInclusive<f32> = -0.5..=1.0;

    /// A disc that fills the picture, its colours normalised as ImageNet's are.
    pub fn imagenet(size: u32) -> Self {
        Self {
            size,
            margin: 0.0,
            local_mean: None,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }

    /// Checks that the settings can be used.
    ///
    /// # Errors
    /// [`PhotoError::Settings`], naming the first setting that cannot.
    pub fn validate(&self) -> Result<(), PhotoError> {
        let refuse = |reason: String| Err(PhotoError::Settings { reason });
        if !(8..=Self::MAX_SIZE).contains(&self.size) {
            let most = Self::MAX_SIZE;
            return refuse(format!("size is {}, not 8 to {most}", self.size));
        }
        if !Self::MARGINS.contains(&self.margin) {
            return refuse(format!("margin is {}, not -0.5 to 1", self.margin));
        }
        if let Some(local) = &self.local_mean {
            if !(0.001..=1.0).contains(&local.sigma) {
                return refuse(format!("sigma is {}, not 0.001 to 1", local.sigma));
            }
            if !(0.1..=100.0).contains(&local.gain) {
                return refuse(format!("gain is {}, not 0.1 to 100", local.gain));
            }
            if !(0.0..=255.0).contains(&local.mid) {
                return refuse(format!("mid is {}, not 0 to 255", local.mid));
            }
        }
        if let Some(mean) = self.mean.iter().find(|m| !(-10.0..=10.0).contains(*m)) {
            return refuse(format!("a mean is {mean}, not -10 to 10"));
        }
        if let Some(std) = self.std.iter().find(|s| !(1e-4..=10.0).contains(*s)) {
            return refuse(format!("a std is {std}, not 0.0001 to 10"));
        }
        Ok(())
    }

    /// Radius of the disc in the square picture, in its pixels.
    pub fn disc_radius(&self) -> f64 {
        f64::from(self.size) / 2.0 / (1.0 + f64::from(self.margin))
    }
}

/// A photo made ready for the network.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// `size` x `size` pixels: the retina as a centred disc, black outside it.
    pub picture: RgbImage,
    /// Where the retina was in the photo.
    pub retina: Retina,
    /// Radius of the disc in `picture`, in its pixels.
    disc_radius: f64,
}

impl Prepared {
    /// Where a point of [`picture`](Self::picture) lies in the photo. Both in
    /// pixels, the upper left corner of the upper left pixel being (0, 0); the
    /// answer is outside the photo where the retina was cut.
    pub fn to_photo(&self, x: f32, y: f32) -> (f32, f32) {
        let centre = f64::from(self.picture.width()) / 2.0;
        let across = |at: f32| (f64::from(at) - centre) / self.disc_radius;
        let retina = &self.retina;
        (
            (f64::from(retina.center_x) + across(x) * f64::from(retina.radius_x)) as f32,
            (f64::from(retina.center_y) + across(y) * f64::from(retina.radius_y)) as f32,
        )
    }

    /// What [`picture`](Self::picture) shows of a photo of `width` x `height`
    /// pixels: left, top, width and height as fractions of the photo's own; below
    /// nothing or above one where it reaches beyond.
    pub fn placed(&self, (width, height): (u32, u32)) -> [f32; 4] {
        let side = self.picture.width() as f32;
        let (left, top) = self.to_photo(0.0, 0.0);
        let (right, bottom) = self.to_photo(side, side);
        let (width, height) = (width.max(1) as f32, height.max(1) as f32);
        [
            left / width,
            top / height,
            (right - left) / width,
            (bottom - top) / height,
        ]
    }

    /// Where a point of the photo lies in [`picture`](Self::picture): the way back
    /// from [`to_photo`](Self::to_photo). Outside the picture where the photo
    /// shows more than was prepared.
    pub fn from_photo(&self, x: f32, y: f32) -> (f32, f32) {
        let centre = f64::from(self.picture.width()) / 2.0;
        let retina = &self.retina;
        let across = |at: f32, middle: f32, radius: f32| {
            let off = (f64::from(at) - f64::from(middle)) / f64::from(radius);
            (centre + off * self.disc_radius) as f32
        };
        (
            across(x, retina.center_x, retina.radius_x),
            across(y, retina.center_y, retina.radius_y),
        )
    }
}

/// Finds the retina and brings it to a centred disc, un-squashed and cut free of
/// its ground.
///
/// # Errors
/// [`PhotoError::NoRetina`], [`PhotoError::SeveralRetinas`], or
/// [`PhotoError::Settings`] where the settings cannot be used.
pub fn prepare(photo: &RgbImage, settings: &Preprocessing) -> Result<Prepared, PhotoError> {
    settings.validate()?;
    let retina = find(photo)?;
    let disc_radius = settings.disc_radius();
    let mut picture = square(photo, &retina, settings.size, disc_radius)?;
    let kept = match &settings.local_mean {
        Some(local) => {
            subtract_local_mean(&mut picture, local, disc_radius);
            disc_radius * LOCAL_MEAN_KEEPS
        }
        None => disc_radius,
    };
    blacken_outside(&mut picture, kept);
    Ok(Prepared {
        picture,
        retina,
        disc_radius,
    })
}

/// The retina as a disc of `radius` pixels in the middle of a square of `size`,
/// with what lies around it in the photo; beyond the photo, black.
///
/// # Errors
/// [`PhotoError::NoRetina`] where less than a pixel of the photo is in it.
pub fn around(
    photo: &RgbImage,
    retina: &Retina,
    size: u32,
    radius: f32,
) -> Result<RgbImage, PhotoError> {
    square(photo, retina, size, f64::from(radius))
}

/// The square around the retina, resized; where it reaches beyond the photo,
/// black.
fn square(
    photo: &RgbImage,
    retina: &Retina,
    size: u32,
    disc_radius: f64,
) -> Result<RgbImage, PhotoError> {
    let across = Span::of(
        retina.center_x,
        retina.radius_x,
        disc_radius,
        size,
        photo.width(),
    );
    let down = Span::of(
        retina.center_y,
        retina.radius_y,
        disc_radius,
        size,
        photo.height(),
    );
    if across.pixels() == 0 || down.pixels() == 0 {
        return Err(PhotoError::NoRetina);
    }
    let area = Area {
        left: across.from,
        top: down.from,
        width: across.length,
        height: down.length,
    };
    let seen = resize(
        photo,
        area,
        across.pixels(),
        down.pixels(),
        FilterType::CatmullRom,
    )?;
    if seen.dimensions() == (size, size) {
        return Ok(seen);
    }
    let mut picture = RgbImage::new(size, size);
    image::imageops::replace(
        &mut picture,
        &seen,
        i64::from(across.first),
        i64::from(down.first),
    );
    Ok(picture)
}

/// Along one axis: the pixels of the square that the photo covers wholly, and
/// what they cover of it.
struct Span {
    first: u32,
    end: u32,
    from: f64,
    length: f64,
}

impl Span {
    fn of(centre: f32, radius: f32, disc_radius: f64, size: u32, photo_side: u32) -> Self {
        let step = f64::from(radius) / disc_radius; // photo pixels to one of the square
        let start = f64::from(centre) - f64::from(size) / 2.0 * step;
        let side = f64::from(photo_side);
        let clip = |at: f64| at.clamp(0.0, f64::from(size)) as u32;
        // The last bits of these sums differ between processors; a whole pixel
        // must not hang on them.
        const SLACK: f64 = 1e-6;
        let first = clip((-start / step - SLACK).ceil());
        let end = clip(((side - start) / step + SLACK).floor()).max(first);
        let from = (start + f64::from(first) * step).clamp(0.0, side);
        let length = (f64::from(end - first) * step).min(side - from);
        Self {
            first,
            end,
            from,
            length,
        }
    }

    fn pixels(&self) -> u32 {
        self.end - self.first
    }
}

/// The picture minus its surroundings, whose mean is taken over the seen part of
/// the disc alone, so that neither ground nor cut edges leave a halo.
fn subtract_local_mean(picture: &mut RgbImage, local: &LocalMean, disc_radius: f64) {
    let (width, height) = picture.dimensions();
    let inside = Disc::centred(picture, disc_radius);
    let mut seen = image::Rgba32FImage::new(width, height);
    for (x, y, pixel) in picture.enumerate_pixels() {
        // Where a retina was cut, the square is exactly black.
        if inside.holds(x, y) && pixel.0 != [0, 0, 0] {
            let [r, g, b] = pixel.0.map(f32::from);
            seen.put_pixel(x, y, image::Rgba([r, g, b, 1.0]));
        }
    }
    let sigma = (f64::from(local.sigma) * disc_radius) as f32;
    let blurred = image::imageops::blur(&seen, sigma);
    for (pixel, (own, mean)) in picture
        .pixels_mut()
        .zip(seen.pixels().zip(blurred.pixels()))
    {
        let weight = mean.0[3];
        if own.0[3] == 0.0 || weight <= 0.0 {
            pixel.0 = [0, 0, 0];
            continue;
        }
        for channel in 0..3 {
            let difference = own.0[channel] - mean.0[channel] / weight;
            let level = local.gain * difference + local.mid;
            pixel.0[channel] = level.round().clamp(0.0, 255.0) as u8;
        }
    }
}

fn blacken_outside(picture: &mut RgbImage, radius: f64) {
    let inside = Disc::centred(picture, radius);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if !inside.holds(x, y) {
            pixel.0 = [0, 0, 0];
        }
    }
}

/// A disc around a picture's centre.
struct Disc {
    centre: (f64, f64),
    radius_squared: f64,
}

impl Disc {
    fn centred(picture: &RgbImage, radius: f64) -> Self {
        Self {
            centre: (
                f64::from(picture.width()) / 2.0,
                f64::from(picture.height()) / 2.0,
            ),
            radius_squared: radius * radius,
        }
    }

    /// Is the pixel's centre inside?
    fn holds(&self, x: u32, y: u32) -> bool {
        let dx = f64::from(x) + 0.5 - self.centre.0;
        let dy = f64::from(y) + 0.5 - self.centre.1;
        dx * dx + dy * dy <= self.radius_squared
    }
}

/// Lays a picture out for the network: [3, S, S], red, green and blue planes in
/// this order, each pixel on a scale of 0 to 1, minus the mean, over the
/// standard deviation.
pub fn to_tensor(picture: &RgbImage, settings: &Preprocessing) -> Vec<f32> {
    let plane = (picture.width() as usize) * (picture.height() as usize);
    let mut tensor = vec![0.0; 3 * plane];
    for (channel, values) in tensor.chunks_exact_mut(plane.max(1)).enumerate() {
        let (mean, std) = (settings.mean[channel], settings.std[channel]);
        for (value, pixel) in values.iter_mut().zip(picture.pixels()) {
            *value = (f32::from(pixel.0[channel]) / 255.0 - mean) / std;
        }
    }
    tensor
}
