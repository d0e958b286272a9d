//! What is measured of a photo before it is graded.
//!
//! The measures follow what human graders of image quality look at (focus and
//! clarity, illumination, field: Fleming et al., "Automated assessment of
//! diabetic retinal image quality based on clarity and field definition", IOVS
//! 2006; 47:1120) and what automated gates have found to tell (colour, sharpness
//! and vessels: Pires Dias et al., "Retinal image quality assessment using
//! generic image quality indicators", Information Fusion 2014; 19:73; Paulus et
//! al., IJCARS 2010; 5:557). All are relative to the retina's own size and, but
//! for the few that mean brightness itself, to its own brightness.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::planes::{Plane, percentile};
use super::ridges::{Lines, Ridges};
use super::surround::Surround;
use super::view::{SIDE, View};
use crate::photo::{PhotoError, Retina};

/// Number of measures.
pub const COUNT: usize = 29;

/// The measures' names, in order: kebab-case, as the fitted gate's file has them.
pub const NAMES: [&str; COUNT] = [
    // Colour
    "red-share",
    "blue-share",
    "colour-spread",
    "red-over-green-over-blue",
    "saturation",
    // Light
    "brightness",
    "dark-part",
    "saturated-part",
    "highlight",
    "unevenness",
    "lit-part",
    "contrast",
    "black-level",
    "blue-level",
    // Sharpness
    "grain",
    "detail-finest",
    "detail-fine",
    "detail-medium",
    "detail-coarse",
    "edges",
    "one-direction",
    // Vessels
    "vessels-thin",
    "vessels-wide",
    "darkness-thin",
    "darkness-wide",
    "long-lines",
    "vessel-colour",
    // Rim and ground
    "rim",
    "ground",
];

/// The measures of one photo, and what of them is a rule of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// In the order of [`NAMES`].
    pub values: [f32; COUNT],
    /// Part of the retina's disc that lies in the frame, 0 to 1.
    pub visible: f32,
    /// Diameter of the retina in the photo, in pixels: the smaller one of an
    /// ellipse.
    pub diameter: f32,
}

/// Standard deviations of the Gaussians between which detail is measured, in
/// pixels of the view: each band's structures are twice as large as the last's.
const SCALES: [f32; 5] = [0.7, 1.4, 2.8, 5.6, 11.2];
/// Added to every local brightness, so that noise in the dark is not detail.
const FLOOR: f32 = 4.0;
/// Fewer lit pixels than these show no retina.
const LEAST_RETINA: usize = 1000;

impl Measures {
    /// Measures the retina that was found in the photo.
    ///
    /// # Errors
    /// [`PhotoError::NoRetina`] where next to nothing of it is lit.
    pub fn of(photo: &RgbImage, retina: &Retina) -> Result<Self, PhotoError> {
        let view = View::of(photo, retina)?;
        let lit = view.retina.iter().filter(|r| **r).count();
        if lit < LEAST_RETINA {
            return Err(PhotoError::NoRetina);
        }
        let scales = Scales::of(&view);
        let surround = Surround::of(&view);
        let taken = colour(&view)
            .into_iter()
            .chain(light(&view, &scales, lit))
            .chain(sharpness(&view, &scales))
            .chain(vessels(&view, &scales))
            .chain([
                surround.rim - surround.broken,
                surround.lit + surround.rough,
            ]);
        let mut values = [0.0; COUNT];
        for (value, taken) in values.iter_mut().zip(taken) {
            *value = taken;
        }
        Ok(Self {
            values,
            visible: view.visible,
            diameter: 2.0 * retina.radius_x.min(retina.radius_y),
        })
    }
}

/// The retina's luma at several scales, each the mean of retina alone.
struct Scales {
    smooth: Vec<Plane>,
    /// The coarsest, and a little more, to divide by.
    local: Plane,
    /// Weight of retina at each scale.
    weights: Vec<Plane>,
}

impl Scales {
    fn of(view: &View) -> Self {
        let mask = Plane::of(SIDE, |at| f32::from(u8::from(view.retina[at])));
        let weights: Vec<Plane> = SCALES.iter().map(|&sigma| mask.blurred(sigma)).collect();
        let smooth: Vec<Plane> = SCALES
            .iter()
            .zip(&weights)
            .map(|(&sigma, weight)| smooth(view, |at| view.luma.values[at], sigma, weight))
            .collect();
        let local = Plane::of(SIDE, |at| smooth[SCALES.len() - 1].values[at] + FLOOR);
        Self {
            smooth,
            local,
            weights,
        }
    }
}

/// The mean around each pixel over retina alone.
fn smooth(view: &View, value: impl Fn(usize) -> f32, sigma: f32, weight: &Plane) -> Plane {
    let seen = Plane::of(SIDE, |at| if view.retina[at] { value(at) } else { 0.0 });
    let mut smooth = seen.blurred(sigma);
    for (value, weight) in smooth.values.iter_mut().zip(&weight.values) {
        *value /= weight.max(1e-3);
    }
    smooth
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// Of a mean that spans orders of magnitude.
fn log(value: f32) -> f32 {
    (value + 1e-4).ln()
}

fn colour(view: &View) -> [f32; 5] {
    let share = |channel: usize| {
        move |at: usize| {
            let rgb = view.rgb(at);
            rgb[channel] / (rgb[0] + rgb[1] + rgb[2]).max(1.0)
        }
    };
    let red = view.at_retina(share(0));
    let middle = percentile(&mut red.clone(), 0.5);
    let spread: Vec<f32> = red.iter().map(|r| (r - middle).abs()).collect();
    let ordered = view.at_retina(|at| {
        let [r, g, b] = view.rgb(at);
        f32::from(u8::from(r >= g && g >= b))
    });
    let saturation = view.at_retina(|at| {
        let [r, g, b] = view.rgb(at);
        let most = r.max(g).max(b);
        (most - r.min(g).min(b)) / most.max(1.0)
    });
    [
        middle,
        percentile(&mut view.at_retina(share(2)), 0.5),
        mean(&spread),
        mean(&ordered),
        mean(&saturation),
    ]
}

fn light(view: &View, scales: &Scales, lit: usize) -> [f32; 9] {
    let luma = &view.luma.values;
    let mut levels = view.at_retina(|at| luma[at]);
    let median = percentile(&mut levels, 0.5);
    let part =
        |held: &dyn Fn(usize) -> bool| mean(&view.at_retina(|at| f32::from(u8::from(held(at)))));
    let coarse = &scales.smooth[SCALES.len() - 1].values;
    let mut wide = view.at_retina(|at| coarse[at]);
    let uneven = (percentile(&mut wide, 0.9) + FLOOR) / (percentile(&mut wide, 0.1) + FLOOR);
    let relative = view.at_retina(|at| (luma[at] / scales.local.values[at] - 1.0).abs());
    let disc = std::f32::consts::PI * super::view::RADIUS * super::view::RADIUS;
    [
        (median + FLOOR).ln(),
        part(&|at| luma[at] < 24.0),
        part(&|at| view.rgb(at)[1] >= 240.0),
        percentile(&mut levels, 0.95) / 255.0,
        uneven.ln(),
        lit as f32 / (disc * view.visible.max(0.05)),
        log(mean(&relative)),
        percentile(&mut levels, 0.02) / (median + FLOOR),
        percentile(&mut view.at_retina(|at| view.rgb(at)[2]), 0.1) / (median + FLOOR),
    ]
}

fn sharpness(view: &View, scales: &Scales) -> [f32; 7] {
    let luma = &view.luma.values;
    let local = &scales.local.values;
    let level = |scale: usize| &scales.smooth[scale].values;
    let band = |scale: usize| {
        view.at_retina(|at| ((level(scale)[at] - level(scale + 1)[at]) / local[at]).abs())
    };
    let grain = view.at_retina(|at| ((luma[at] - level(0)[at]) / local[at]).abs());
    let bands: Vec<Vec<f32>> = (0..4).map(band).collect();
    let edges = percentile(&mut bands[1].clone(), 0.98) / (mean(&bands[1]) + 1e-4);
    [
        log(mean(&grain)),
        log(mean(&bands[0])),
        log(mean(&bands[1])),
        log(mean(&bands[2])),
        log(mean(&bands[3])),
        edges,
        one_direction(view, scales),
    ]
}

/// How much less the finest detail changes along one direction than across it:
/// what motion leaves.
fn one_direction(view: &View, scales: &Scales) -> f32 {
    let detail = &scales.smooth[0].values;
    let mut changes = [0.0f32; 4];
    for at in (0..SIDE * SIDE).filter(|&at| view.retina[at]) {
        let steps = [1, SIDE, SIDE + 1, SIDE - 1];
        for ((change, step), length) in changes.iter_mut().zip(steps).zip([1.0, 1.0, 2.0, 2.0]) {
            let slope = (detail[at + step] - detail[at - step]) / scales.local.values[at];
            *change += slope * slope / length;
        }
    }
    let most = changes.iter().copied().fold(0.0, f32::max);
    let least = changes.iter().copied().fold(f32::INFINITY, f32::min);
    ((most + 1e-4) / (least + 1e-4)).ln()
}

fn vessels(view: &View, scales: &Scales) -> [f32; 6] {
    let ridges = |scale: usize| Ridges::of(&scales.smooth[scale], &scales.local, SCALES[scale]);
    let strength = |ridges: &Ridges| {
        let dark = mean(&view.at_retina(|at| ridges.dark[at]));
        let bright = mean(&view.at_retina(|at| ridges.bright[at]));
        (log(dark), (dark - bright) / (dark + bright + 1e-4))
    };
    let (thin, wide) = (ridges(1), ridges(2));
    let (thin_strength, thin_darkness) = strength(&thin);
    let (wide_strength, wide_darkness) = strength(&wide);
    let lines = Lines::of(&thin.dark, &view.retina);
    [
        thin_strength,
        wide_strength,
        thin_darkness,
        wide_darkness,
        lines.long + lines.longest,
        vessel_colour(view, scales, &lines),
    ]
}

/// How much darker vessels are in green than in red: blood absorbs green.
fn vessel_colour(view: &View, scales: &Scales, lines: &Lines) -> f32 {
    let depth = |channel: usize| {
        let fine = smooth(
            view,
            |at| view.rgb(at)[channel],
            SCALES[1],
            &scales.weights[1],
        );
        let coarse = smooth(
            view,
            |at| view.rgb(at)[channel],
            SCALES[3],
            &scales.weights[3],
        );
        let depths: Vec<f32> = lines
            .pixels
            .iter()
            .map(|&at| (coarse.values[at] - fine.values[at]) / (coarse.values[at] + FLOOR))
            .collect();
        mean(&depths)
    };
    let (red, green) = (depth(0), depth(1));
    (green - red) / (green.abs() + red.abs() + 0.01)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo;

    fn measures(photo: &RgbImage) -> Measures {
        let retina = photo::find(photo).expect("a retina is found");
        Measures::of(photo, &retina).expect("measured")
    }

    fn named(measures: &Measures, name: &str) -> f32 {
        let at = NAMES.iter().position(|n| *n == name).expect("known");
        measures.values[at]
    }

    #[test]
    fn a_blurred_drawing_has_less_fine_detail() {
        let sharp = crate::synth::draw(2, 3, 400);
        let soft = image::imageops::blur(&sharp, 4.0);
        let (sharp, soft) = (measures(&sharp), measures(&soft));
        for name in ["detail-finest", "detail-fine", "vessels-thin"] {
            assert!(named(&sharp, name) > named(&soft, name) + 0.3, "{name}");
        }
    }

    #[test]
    fn vessels_are_dark_and_darker_in_green() {
        let drawing = crate::synth::draw(0, 4, 400);
        let drawn = measures(&drawing);
        assert!(named(&drawn, "darkness-thin") > 0.03, "{drawn:?}");
        assert!(named(&drawn, "vessel-colour") > 0.1, "{drawn:?}");
        assert!(named(&drawn, "ground") < 0.1, "{drawn:?}");
        // The same with every vessel lighter than its surroundings.
        let mut light = drawing.clone();
        for pixel in light.pixels_mut().filter(|p| p.0[0] > 20) {
            pixel.0 = pixel.0.map(|level| 255 - level);
        }
        let light = measures(&light);
        assert!(named(&light, "darkness-thin") < 0.0, "{light:?}");
    }

    #[test]
    fn half_the_light_changes_brightness_and_little_else() {
        let full = crate::synth::draw(0, 5, 400);
        let mut half = full.clone();
        half.iter_mut().for_each(|level| *level /= 2);
        let (full, half) = (measures(&full), measures(&half));
        let fallen = named(&full, "brightness") - named(&half, "brightness");
        assert!((0.5..0.8).contains(&fallen), "{fallen}");
        for name in ["red-share", "detail-medium", "vessels-wide", "rim"] {
            let (a, b) = (named(&full, name), named(&half, name));
            assert!((a - b).abs() < 0.15, "{name}: {a} and {b}");
        }
    }

    /// A retina as large as it is measured, cut off above, with vessels, an optic disc,
    /// a shadow, a reflection and a pale ground below: something for every measure.
    fn retina_of_everything() -> (RgbImage, Retina) {
        let photo = RgbImage::from_fn(224, 170, |column, row| {
            let z = column
                .wrapping_mul(0x9e37_79b1)
                .wrapping_add(row.wrapping_mul(0x85eb_ca77));
            let grain = ((z ^ (z >> 15)).wrapping_mul(0x2c1b_3c6d) >> 24) as i32 & 15;
            let (x, y) = (column as i32, row as i32);
            let within = |x: i32, y: i32, reach: i32| x * x + y * y < reach * reach;
            if !within(2 * x - 223, 2 * y - 139, 192) {
                let dark = [3 + grain % 4, 2 + grain % 3, 4 + grain % 2];
                let ground = if y < 120 { dark } else { [140, 90, 30] };
                return image::Rgb(ground.map(|level| level as u8));
            }
            let light = 60 + x * 90 / 224 + y * 20 / 170;
            let mut rgb = [light + 60, light / 2 + 20, light / 4 + 6];
            let mut darker = |by: [i32; 3]| {
                for (level, by) in rgb.iter_mut().zip(by) {
                    *level -= by;
                }
            };
            if (3 * y - x - 120).abs() < 9 || (x - 90).abs() < 2 && y > 60 {
                darker([12, 24, 3]);
            }
            if (x + y - 210).abs() < 2 {
                darker([5, 14, 0]);
            }
            if within(x - 160, y - 84, 14) {
                rgb = [250, 244, 150];
            }
            if within(x - 50, y - 120, 20) {
                rgb = [26, 15, 4 + grain];
            }
            if x > 120 && x < 150 && y > 140 && y < 150 {
                rgb = [90, 110, 120];
            }
            image::Rgb(rgb.map(|level| (level + grain).min(255) as u8))
        });
        let retina = Retina {
            center_x: 112.0,
            center_y: 70.0,
            radius_x: 96.0,
            radius_y: 96.0,
            cut: photo::Cut::default(),
        };
        (photo, retina)
    }

    /// The gate was fitted to these very numbers: a measure that is taken otherwise is
    /// weighed as if it were not. They were computed from the definitions by numpy and
    /// scipy (eigenvalues, labelled components and all), by a script that is not kept.
    #[test]
    fn every_measure_is_what_numpy_makes_of_it() {
        let (photo, retina) = retina_of_everything();
        let taken = Measures::of(&photo, &retina).expect("measured");
        let expected = [
            ("red-share", 0.58991),
            ("blue-share", 0.13725),
            ("colour-spread", 0.02598),
            ("red-over-green-over-blue", 0.97771),
            ("saturation", 0.74222),
            ("brightness", 4.71492),
            ("dark-part", 0.01671),
            ("saturated-part", 0.02699),
            ("highlight", 0.51412),
            ("unevenness", 0.39146),
            ("lit-part", 0.83937),
            ("contrast", -2.36529),
            ("black-level", 0.23297),
            ("blue-level", 0.27778),
            ("grain", -3.50775),
            ("detail-finest", -4.20708),
            ("detail-fine", -4.24735),
            ("detail-medium", -3.93491),
            ("detail-coarse", -3.45186),
            ("edges", 8.13604),
            ("one-direction", 0.26966),
            ("vessels-thin", -4.88575),
            ("vessels-wide", -4.53539),
            ("darkness-thin", 0.04781),
            ("darkness-wide", 0.09911),
            ("long-lines", 1.95505),
            ("vessel-colour", 0.27983),
            ("rim", 0.14583),
            ("ground", 0.45936),
        ];
        for ((name, expected), (measure, value)) in
            expected.into_iter().zip(NAMES.iter().zip(taken.values))
        {
            assert_eq!(name, *measure);
            let off = (value - expected).abs();
            assert!(off < 1e-3, "{name} is {value}, not {expected}");
        }
        assert!((taken.visible - 0.92856).abs() < 1e-4, "{}", taken.visible);
        assert_eq!(taken.diameter, 192.0);
        for (radius_x, radius_y) in [(96.0, 90.0), (90.0, 96.0)] {
            let squashed = Retina {
                radius_x,
                radius_y,
                ..retina
            };
            let taken = Measures::of(&photo, &squashed).expect("measured");
            assert_eq!(taken.diameter, 180.0);
        }
    }
}
