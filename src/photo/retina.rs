//! Finding the retina: the bright disc on a dark ground that every fundus camera
//! writes, whether whole, cut by the frame, off-centre, squashed to an ellipse
//! by an earlier resize, or filling the frame.
//!
//! Whether the disc shows an eye at all is not decided here.

use serde::Serialize;

use fast_image_resize::FilterType;
use image::RgbImage;
use image::imageops::crop_imm;

use super::PhotoError;
use super::resize::{Area, resize};
use super::rim::{self, Ellipse, Fit, Plausible, Point, Shape};

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

/// Whether each half of a long picture holds a disc in its middle. Of one retina the
/// halves hold halves, whose discs have their middle where the picture is parted.
fn shows_two(small: &RgbImage) -> bool {
    let (width, height) = small.dimensions();
    let is_wide = width > height;
    let (longer, shorter) = (width.max(height), width.min(height));
    // Two photos as wide as cameras take them, one above the other, are this long.
    if 4 * longer < 5 * shorter {
        return false;
    }
    let half = longer / 2;
    let discs = [0, longer - half].map(|from| {
        let part = match is_wide {
            true => crop_imm(small, from, 0, half, height),
            false => crop_imm(small, 0, from, width, half),
        };
        let part = part.to_image();
        let light = Light::of(&part);
        let disc = match search(&light, &part)? {
            Sought::Disc(disc) => disc,
            Sought::Within(_) => return None,
        };
        let (middle, radius) = match is_wide {
            true => (disc.x, disc.rx),
            false => (disc.y, disc.ry),
        };
        let side = f64::from(half);
        let is_amid = (0.3 * side..0.7 * side).contains(&middle);
        // One that reaches into the corners is a picture without a ground.
        let corner = side.hypot(f64::from(shorter)) / 2.0;
        let is_disc = radius > 0.2 * side && disc.mean_radius() < 0.95 * corner;
        (is_amid && is_disc && light.ends_at(&disc)).then_some(radius)
    });
    match discs {
        [Some(first), Some(second)] => first.max(second) < 1.25 * first.min(second),
        _ => false,
    }
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

/// The brightest channel of each pixel, averaged over its neighbours: a retina
/// is bright in red, or in green in red-free light, and its ground in none.
struct Light {
    width: usize,
    height: usize,
    levels: Vec<f32>,
}

impl Light {
    fn of(small: &RgbImage) -> Self {
        let (width, height) = (small.width() as usize, small.height() as usize);
        let raw: Vec<f32> = small
            .pixels()
            .map(|p| f32::from(p.0[0].max(p.0[1]).max(p.0[2])))
            .collect();
        let mut levels = Vec::with_capacity(raw.len());
        for y in 0..height {
            for x in 0..width {
                let mut sum = 0.0;
                let mut count = 0.0;
                for row in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                    for column in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                        sum += raw[row * width + column];
                        count += 1.0;
                    }
                }
                levels.push(sum / count);
            }
        }
        Self {
            width,
            height,
            levels,
        }
    }

    /// Between pixel centres, by straight lines; `None` outside the frame.
    fn at(&self, (x, y): Point) -> Option<f32> {
        if x < 0.0 || y < 0.0 || x > self.width as f64 || y > self.height as f64 {
            return None;
        }
        let (x, y) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
        let (left, top) = (
            (x as usize).min(self.width - 1),
            (y as usize).min(self.height - 1),
        );
        let (right, bottom) = (
            (left + 1).min(self.width - 1),
            (top + 1).min(self.height - 1),
        );
        let (fx, fy) = ((x - left as f64) as f32, (y - top as f64) as f32);
        let get = |column: usize, row: usize| self.levels[row * self.width + column];
        let upper = get(left, top) * (1.0 - fx) + get(right, top) * fx;
        let lower = get(left, bottom) * (1.0 - fx) + get(right, bottom) * fx;
        Some(upper * (1.0 - fy) + lower * fy)
    }

    /// Whether it is dark around the ellipse, nearly everywhere in the frame where it is
    /// not cut.
    fn ends_at(&self, e: &Ellipse) -> bool {
        const RAYS: usize = 48;
        let least = 0.3 * self.centre_level();
        let (mut seen, mut dark) = (0, 0);
        for ray in 0..RAYS {
            let (sin, cos) = (std::f64::consts::TAU * ray as f64 / RAYS as f64).sin_cos();
            let level = |out: f64| self.at((e.x + e.rx * out * cos, e.y + e.ry * out * sin));
            if let (Some(within), Some(beyond)) = (level(0.92), level(1.06))
                && within > least
            {
                seen += 1;
                dark += usize::from(beyond < 0.4 * within);
            }
        }
        seen >= RAYS / 8 && 10 * dark >= 9 * seen
    }

    /// The level most of the frame's middle exceeds.
    fn centre_level(&self) -> f32 {
        let middle = |side: usize| side / 4..side - side / 4;
        let mut levels: Vec<f32> = middle(self.height)
            .flat_map(|y| middle(self.width).map(move |x| (x, y)))
            .map(|(x, y)| self.levels[y * self.width + x])
            .collect();
        percentile(&mut levels, 0.6)
    }

    /// Between the darkest and the brightest hundredth.
    fn spread(&self) -> f32 {
        let mut levels = self.levels.clone();
        percentile(&mut levels, 0.99) - percentile(&mut levels, 0.01)
    }
}

fn percentile(levels: &mut [f32], part: f64) -> f32 {
    if levels.is_empty() {
        return 0.0;
    }
    let at = ((levels.len() - 1) as f64 * part) as usize;
    *levels.select_nth_unstable_by(at, f32::total_cmp).1
}

/// The dark around the disc, as the frame's corners show it.
struct Ground {
    level: f32,
    /// Levels above it that its own noise reaches.
    noise: f32,
}

impl Ground {
    fn of(light: &Light) -> Self {
        let side = (light.width.min(light.height) / 14).max(2);
        let mut corners: Vec<(f32, f32)> = Vec::with_capacity(4);
        for right in [false, true] {
            for bottom in [false, true] {
                let mut levels = Vec::with_capacity(side * side);
                for y in 0..side {
                    for x in 0..side - y {
                        let column = if right { light.width - 1 - x } else { x };
                        let row = if bottom { light.height - 1 - y } else { y };
                        levels.push(light.levels[row * light.width + column]);
                    }
                }
                let level = percentile(&mut levels, 0.5);
                corners.push((level, percentile(&mut levels, 0.95) - level));
            }
        }
        // A caption or a flare may lighten a corner or two, never all four.
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (level, noise) = corners[1];
        Self {
            level: level.max(corners[0].0),
            noise,
        }
    }

    /// What is brighter is retina.
    fn threshold(&self, bright: f32) -> f32 {
        let contrast = bright - self.level;
        let margin = (0.15 * contrast).max(2.0 * self.noise.min(0.25 * contrast));
        self.level + margin.max(LEAST_CONTRAST / 2.0)
    }
}

/// A connected patch brighter than the threshold.
struct Component {
    width: usize,
    height: usize,
    area: usize,
    /// Of each row, its first and last column; of each column, its first and
    /// last row.
    rows: Vec<Option<(usize, usize)>>,
    columns: Vec<Option<(usize, usize)>>,
}

impl Component {
    fn largest(light: &Light, threshold: f32) -> Option<Self> {
        let (width, height) = (light.width, light.height);
        let mut label = vec![0u32; width * height];
        let mut waiting = Vec::new();
        let mut best = (0usize, 0u32);
        let mut next = 0u32;
        for start in 0..label.len() {
            if label[start] != 0 || light.levels[start] <= threshold {
                continue;
            }
            next += 1;
            label[start] = next;
            waiting.push(start);
            let mut area = 0;
            while let Some(at) = waiting.pop() {
                area += 1;
                let (x, y) = (at % width, at / width);
                let mut visit = |to: usize| {
                    if label[to] == 0 && light.levels[to] > threshold {
                        label[to] = next;
                        waiting.push(to);
                    }
                };
                if x > 0 {
                    visit(at - 1);
                }
                if x + 1 < width {
                    visit(at + 1);
                }
                if y > 0 {
                    visit(at - width);
                }
                if y + 1 < height {
                    visit(at + width);
                }
            }
            if area > best.0 {
                best = (area, next);
            }
        }
        if best.0 == 0 {
            return None;
        }
        let mut rows = vec![None; height];
        let mut columns = vec![None; width];
        for (at, _) in label.iter().enumerate().filter(|(_, l)| **l == best.1) {
            let (x, y) = (at % width, at / width);
            let widen = |span: &mut Option<(usize, usize)>, to: usize| {
                *span = Some(span.map_or((to, to), |(a, b)| (a.min(to), b.max(to))));
            };
            widen(&mut rows[y], x);
            widen(&mut columns[x], y);
        }
        Some(Self {
            width,
            height,
            area: best.0,
            rows,
            columns,
        })
    }

    /// The patch's outline as rows and columns meet it, without what lies on the
    /// frame: there the frame ends, not the retina.
    fn rim_points(&self) -> Vec<Point> {
        const FRAME: usize = 2;
        let mut points = Vec::new();
        let inside = |at: usize, side: usize| at >= FRAME && at + FRAME < side;
        for (y, span) in self.rows.iter().enumerate() {
            if !inside(y, self.height) {
                continue;
            }
            if let Some((first, last)) = *span {
                if inside(first, self.width) {
                    points.push((first as f64, y as f64 + 0.5));
                }
                if inside(last, self.width) {
                    points.push((last as f64 + 1.0, y as f64 + 0.5));
                }
            }
        }
        for (x, span) in self.columns.iter().enumerate() {
            if !inside(x, self.width) {
                continue;
            }
            if let Some((first, last)) = *span {
                if inside(first, self.height) {
                    points.push((x as f64 + 0.5, first as f64));
                }
                if inside(last, self.height) {
                    points.push((x as f64 + 0.5, last as f64 + 1.0));
                }
            }
        }
        points
    }

    /// Its left, right, upper and lower edge.
    fn extent(&self) -> Option<[f64; 4]> {
        let extent = |spans: &[Option<(usize, usize)>]| {
            let first = spans.iter().position(Option::is_some)?;
            let last = spans.iter().rposition(Option::is_some)?;
            Some((first as f64, last as f64 + 1.0))
        };
        let (left, right) = extent(&self.columns)?;
        let (top, bottom) = extent(&self.rows)?;
        Some([left, right, top, bottom])
    }

    /// The patch's own extent, where no ellipse runs along enough of its rim.
    fn as_ellipse(&self) -> Option<Ellipse> {
        let [left, right, top, bottom] = self.extent()?;
        let (rx, ry) = ((right - left) / 2.0, (bottom - top) / 2.0);
        if rx > ry * MOST_ASPECT || ry > rx * MOST_ASPECT {
            return None;
        }
        // A disc fills its box by pi/4, and one cut by the frame by more.
        if (self.area as f64) < 0.5 * 4.0 * rx * ry {
            return None;
        }
        Some(Ellipse {
            x: (left + right) / 2.0,
            y: (top + bottom) / 2.0,
            rx,
            ry,
        })
    }
}
