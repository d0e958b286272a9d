//! Finding the retina: the bright disc on a dark ground that every fundus camera
//! writes, whether whole, cut by the frame, off-centre, squashed to an ellipse
//! by an earlier resize, or filling the frame.
//!
//! Whether the disc shows an eye at all is not decided here.

mod light;
mod pair;
mod patch;

use serde::Serialize;

use fast_image_resize::FilterType;
use image::RgbImage;

use super::PhotoError;
use super::resize::{Area, resize};
use super::rim::{self, Ellipse, Fit, Plausible, Point, Shape};
use light::{Ground, Light, percentile};
use pair::shows_two;
use patch::Component;

/// Where the retina lies in a photo, in the photo's pixels; the upper left
/// corner of the upper left pixel is (0, 0). Where the frame cuts the retina,
/// the ellipse reaches beyond the photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Retina {
    pub center_x: f32,
    pub center_y: f32,
    /// Half the width.
    pub radius_x: f32,
    /// Half the height; unlike `radius_x` where the photo was squashed.
    pub radius_y: f32,
    /// The sides on which the frame cuts the retina.
    pub cut: Cut,
}

/// Sides of a photo on which its frame cuts the retina.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cut {
    pub left: bool,
    pub right: bool,
    pub top: bool,
    pub bottom: bool,
}

/// Longer side of the copy that is searched: the rim is found to a few tenths
/// of its pixels, camera noise averages out, and time no longer depends on the
/// camera.
const SEARCHED_SIDE: u32 = 320;
/// Least difference between retina and ground, in levels of 255.
const LEAST_CONTRAST: f32 = 6.0;
/// Ground, hazed over by the flash, stays below this level.
const LIGHTEST_GROUND: f32 = 70.0;
/// A retina, squashed or not, is never longer than this by its width.
const MOST_ASPECT: f64 = 1.75;

/// Finds the retina.
///
/// # Errors
/// [`PhotoError::NoRetina`] where the picture is of one colour, or shows nothing
/// that could be a retina; [`PhotoError::SeveralRetinas`] where it shows two, as a
/// clinic's program may put a patient's eyes side by side.
pub fn find(photo: &RgbImage) -> Result<Retina, PhotoError> {
    let whole = Area::whole(photo);
    match find_in(photo, whole)? {
        Found::Retina(retina) => Ok(retina),
        // As if somebody had cut the photo to it.
        Found::Part(part) => match find_in(photo, part)? {
            Found::Retina(retina) => Ok(retina),
            Found::Part(_) => Err(PhotoError::NoRetina),
        },
    }
}

/// What a look at a photo, or at part of it, comes to.
enum Found {
    Retina(Retina),
    /// All that is lit is in this part.
    Part(Area),
}

fn find_in(photo: &RgbImage, seen: Area) -> Result<Found, PhotoError> {
    // One scale for both axes, exactly, so that a circle stays one: what is left
    // of the shorter side is less than a pixel of the copy.
    let longer = seen.width.max(seen.height).max(1.0);
    let scale = longer / longer.min(f64::from(SEARCHED_SIDE));
    let shrunk = |side: f64| (side / scale + 1e-6).floor();
    let (width, height) = (shrunk(seen.width), shrunk(seen.height));
    if width < 8.0 || height < 8.0 {
        return Err(PhotoError::NoRetina);
    }
    let area = Area {
        width: (width * scale).min(seen.width),
        height: (height * scale).min(seen.height),
        ..seen
    };
    let small = resize(
        photo,
        area,
        width as u32,
        height as u32,
        FilterType::Bilinear,
    )?;
    if shows_two(&small) {
        return Err(PhotoError::SeveralRetinas);
    }
    let light = Light::of(&small);
    let ellipse = match search(&light, &small) {
        Some(Sought::Disc(ellipse)) => ellipse,
        Some(Sought::Within(part)) => {
            return Ok(Found::Part(part.scaled(scale).within(photo)));
        }
        None => return Err(PhotoError::NoRetina),
    };
    // Less than a pixel of the copy is no cut, and where the photo goes on none is.
    let beyond = |edge: f64, frame: bool| edge > 1.0 && frame;
    let right = seen.left + seen.width >= f64::from(photo.width());
    let bottom = seen.top + seen.height >= f64::from(photo.height());
    Ok(Found::Retina(Retina {
        center_x: (seen.left + ellipse.x * scale) as f32,
        center_y: (seen.top + ellipse.y * scale) as f32,
        radius_x: (ellipse.rx * scale) as f32,
        radius_y: (ellipse.ry * scale) as f32,
        cut: Cut {
            left: beyond(ellipse.rx - ellipse.x, seen.left <= 0.0),
            right: beyond(ellipse.x + ellipse.rx - width, right),
            top: beyond(ellipse.ry - ellipse.y, seen.top <= 0.0),
            bottom: beyond(ellipse.y + ellipse.ry - height, bottom),
        },
    }))
}

/// What a search comes to.
enum Sought {
    Disc(Ellipse),
    /// The retina lights less than half of the frame's middle, as one photographed
    /// through a lens held in the hand: this holds it, with some of its ground.
    Within(Area),
}

fn search(light: &Light, small: &RgbImage) -> Option<Sought> {
    let ground = Ground::of(light);
    let bright = light.centre_level();
    if light.spread() < LEAST_CONTRAST {
        return None;
    }
    // Corners too light for any camera's ground are retina.
    let no_ground = ground.level > LIGHTEST_GROUND && ground.level > 0.4 * bright;
    if no_ground {
        return fills_frame(light, small).map(Sought::Disc);
    }
    if bright - ground.level < LEAST_CONTRAST {
        let part = lit_part(light, &ground).map(Sought::Within);
        return part.or_else(|| fills_frame(light, small).map(Sought::Disc));
    }
    disc(light, small, &ground, bright).map(Sought::Disc)
}

fn disc(light: &Light, small: &RgbImage, ground: &Ground, bright: f32) -> Option<Ellipse> {
    let (width, height) = (light.width as f64, light.height as f64);
    let threshold = ground.threshold(bright);
    let disc = Component::largest(light, threshold)?;
    let frame = width * height;
    if (disc.area as f64) < 0.04 * frame {
        return None;
    }
    let points = disc.rim_points();
    let plausible = Plausible {
        min_radius: 0.15 * width.min(height),
        max_radius: 1.2 * width.hypot(height) / 2.0 * 1.2,
        max_aspect: MOST_ASPECT,
        width,
        height,
    };
    // A rim that shows only in specks is the frame's, not the retina's.
    let around = width + height;
    if (points.len() as f64) < 0.04 * around {
        return fills_frame(light, small);
    }
    let circle = rim::fit(&points, Shape::Circle, &plausible);
    let squashed = rim::fit(&points, Shape::Ellipse, &plausible);
    // A camera's disc is round: an ellipse has to earn its fourth parameter.
    let (shape, fit) = match (circle, squashed) {
        (Some(c), Some(e)) if e.share > 1.08 * c.share => (Shape::Ellipse, e),
        (Some(c), _) => (Shape::Circle, c),
        (None, Some(e)) => (Shape::Ellipse, e),
        (None, None) => return disc.as_ellipse(),
    };
    if fit.share < 0.35 {
        return disc.as_ellipse();
    }
    Some(sharpen(light, shape, fit, &plausible).ellipse)
}

/// Where the largest patch of light lies, and as much around it as half of it; none
/// where it is a speck, or all of the frame.
fn lit_part(light: &Light, ground: &Ground) -> Option<Area> {
    let (width, height) = (light.width as f64, light.height as f64);
    let bright = percentile(&mut light.levels.clone(), 0.995);
    let patch = Component::largest(light, ground.threshold(bright))?;
    let [left, right, top, bottom] = patch.extent()?;
    let around = (right - left).max(bottom - top) / 2.0;
    let (from_x, from_y) = ((left - around).max(0.0), (top - around).max(0.0));
    let part = Area {
        left: from_x,
        top: from_y,
        width: (right + around).min(width) - from_x,
        height: (bottom + around).min(height) - from_y,
    };
    let is_speck = (patch.area as f64) < 0.008 * width * height;
    let is_smaller = part.width * part.height < 0.9 * width * height;
    (is_smaller && !is_speck).then_some(part)
}

/// A photo cropped to inside the rim: a disc that holds all of it. Only colours
/// of an eye make it one.
fn fills_frame(light: &Light, small: &RgbImage) -> Option<Ellipse> {
    let mut sums = [0u64; 3];
    for pixel in small.pixels() {
        for (sum, &value) in sums.iter_mut().zip(&pixel.0) {
            *sum += u64::from(value);
        }
    }
    let [red, green, blue] = sums;
    if red * 10 < green * 11 || green < blue {
        return None;
    }
    let (width, height) = (light.width as f64, light.height as f64);
    let radius = width.hypot(height) / 2.0;
    Some(Ellipse {
        x: width / 2.0,
        y: height / 2.0,
        rx: radius,
        ry: radius,
    })
}

/// Moves the fit from the threshold's contour to where the light falls fastest,
/// which a shadowed or hazy rim does not shift.
fn sharpen(light: &Light, shape: Shape, fit: Fit, plausible: &Plausible) -> Fit {
    const RAYS: usize = 240;
    let e = fit.ellipse;
    let mut points: Vec<Point> = Vec::with_capacity(RAYS);
    let reach = (0.035 * e.mean_radius()).max(2.5);
    for ray in 0..RAYS {
        let angle = std::f64::consts::TAU * ray as f64 / RAYS as f64;
        let (sin, cos) = angle.sin_cos();
        let at = |off: f64| {
            let grow = 1.0 + off / e.mean_radius();
            (e.x + e.rx * grow * cos, e.y + e.ry * grow * sin)
        };
        let level = |off: f64| light.at(at(off));
        let (Some(inside), Some(outside)) = (level(-2.0 * reach), level(2.0 * reach)) else {
            continue;
        };
        if inside - outside < LEAST_CONTRAST {
            continue;
        }
        // Steepest fall between the two, in half pixels.
        let steps = (reach * 2.0) as i32;
        let mut fastest = (0.0f32, 0.0f64);
        for step in -steps..=steps {
            let off = f64::from(step) / 2.0;
            if let (Some(before), Some(after)) = (level(off - 1.0), level(off + 1.0)) {
                let fall = before - after;
                if fall > fastest.0 {
                    fastest = (fall, off);
                }
            }
        }
        if fastest.0 > 0.25 * (inside - outside) {
            points.push(at(fastest.1));
        }
    }
    if points.len() < RAYS / 8 {
        return fit;
    }
    let start = Fit {
        share: 0.0,
        ellipse: e,
    };
    let polished = rim::polish(&points, shape, plausible, start);
    let near = |a: f64, b: f64| (a - b).abs() < 0.06 * e.mean_radius();
    let p = polished.ellipse;
    if near(p.x, e.x) && near(p.y, e.y) && near(p.rx, e.rx) && near(p.ry, e.ry) {
        polished
    } else {
        fit
    }
}
