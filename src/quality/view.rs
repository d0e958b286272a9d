//! The picture that is measured: the retina brought to one size, with some of
//! the ground around it, whatever the camera and the network's own settings.

use image::RgbImage;

use super::planes::{Plane, percentile};
use crate::photo::{self, PhotoError, Retina};

/// Radius of the retina in the view, in pixels: small enough that the APTOS
/// photos (224 pixels wide) need not be enlarged, large enough for the vessels.
pub(super) const RADIUS: f32 = 96.0;
/// Side of the view: the retina and a sixth of its radius around it.
pub(super) const SIDE: usize = 224;

/// A photo as it is measured.
pub(super) struct View {
    pub picture: RgbImage,
    /// What is inside the photo's frame.
    pub framed: Vec<bool>,
    /// What is retina: inside the rim, in the frame, lit, and away from the
    /// edges of all three.
    pub retina: Vec<bool>,
    /// Part of the disc that lies in the frame.
    pub visible: f32,
    pub luma: Plane,
}

impl View {
    pub(super) fn of(photo: &RgbImage, retina: &Retina) -> Result<Self, PhotoError> {
        let picture = photo::around(photo, retina, SIDE as u32, RADIUS)?;
        let framed = framed(photo, retina);
        let inside: Vec<bool> = (0..SIDE * SIDE).map(|at| out(at) <= 0.97).collect();
        let (disc, seen) = (0..SIDE * SIDE)
            .filter(|&at| inside[at])
            .fold((0, 0), |(disc, seen), at| {
                (disc + 1, seen + usize::from(framed[at]))
            });
        let raw = picture.as_raw();
        let luma = Plane::of(SIDE, |at| {
            let [r, g, b] = [0, 1, 2].map(|channel| f32::from(raw[3 * at + channel]));
            0.3 * r + 0.6 * g + 0.1 * b
        });
        let lit = lit(&luma, |at| inside[at] && framed[at]);
        Ok(Self {
            picture,
            retina: eroded(&lit, 4),
            framed,
            visible: seen as f32 / disc as f32,
            luma,
        })
    }

    /// The values at every pixel of retina.
    pub(super) fn at_retina(&self, value: impl Fn(usize) -> f32) -> Vec<f32> {
        (0..self.retina.len())
            .filter(|&at| self.retina[at])
            .map(value)
            .collect()
    }

    /// Red, green and blue of a pixel, 0 to 255.
    pub(super) fn rgb(&self, at: usize) -> [f32; 3] {
        let raw = self.picture.as_raw();
        [0, 1, 2].map(|channel| f32::from(raw[3 * at + channel]))
    }
}

/// How far out of the disc's centre a pixel lies; 1 on its rim.
pub(super) fn out(at: usize) -> f32 {
    let centre = SIDE as f32 / 2.0;
    let (x, y) = ((at % SIDE) as f32 + 0.5, (at / SIDE) as f32 + 0.5);
    (x - centre).hypot(y - centre) / RADIUS
}

fn framed(photo: &RgbImage, retina: &Retina) -> Vec<bool> {
    let axis = |centre: f32, radius: f32, side: u32| -> Vec<bool> {
        // A pixel of the view may reach half of itself beyond the frame.
        let slack = 0.5 * radius / RADIUS;
        (0..SIDE)
            .map(|at| {
                let place = centre + (at as f32 + 0.5 - SIDE as f32 / 2.0) * radius / RADIUS;
                place >= slack && place <= side as f32 - slack
            })
            .collect()
    };
    let across = axis(retina.center_x, retina.radius_x, photo.width());
    let down = axis(retina.center_y, retina.radius_y, photo.height());
    (0..SIDE * SIDE)
        .map(|at| across[at % SIDE] && down[at / SIDE])
        .collect()
}

/// What is not the black that some cameras mask the retina's sides with.
fn lit(luma: &Plane, within: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut levels: Vec<f32> = (0..SIDE * SIDE)
        .filter(|&at| within(at))
        .map(|at| luma.values[at])
        .collect();
    let least = 0.2 * percentile(&mut levels, 0.6);
    let smooth = luma.blurred(1.5);
    (0..SIDE * SIDE)
        .map(|at| within(at) && smooth.values[at] > least)
        .collect()
}

/// What is true together with everything up to `reach` pixels across or down.
fn eroded(mask: &[bool], reach: usize) -> Vec<bool> {
    let pass = |mask: &[bool], step: usize, place: fn(usize) -> usize| -> Vec<bool> {
        (0..mask.len())
            .map(|at| {
                let here = place(at);
                let from = at - here.min(reach) * step;
                let to = at + (SIDE - 1 - here).min(reach) * step;
                (from..=to).step_by(step).all(|at| mask[at])
            })
            .collect()
    };
    let across = pass(mask, 1, |at| at % SIDE);
    pass(&across, SIDE, |at| at / SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_retina_is_measured_whole_and_without_its_rim() {
        let photo = crate::synth::draw(0, 1, 300);
        let retina = photo::find(&photo).expect("found");
        let view = View::of(&photo, &retina).expect("viewed");
        assert!(view.visible > 0.99, "{}", view.visible);
        let part = view.retina.iter().filter(|r| **r).count() as f32
            / (std::f32::consts::PI * RADIUS * RADIUS);
        assert!((0.75..0.95).contains(&part), "{part}");
        assert!(view.retina[SIDE / 2 * SIDE + SIDE / 2]);
        assert!((0..SIDE).all(|at| !view.retina[at]), "the ground above");
    }

    #[test]
    fn half_a_retina_is_half_visible() {
        let photo = crate::synth::draw(0, 1, 300);
        let half = image::imageops::crop_imm(&photo, 0, 0, 150, 300).to_image();
        let retina = photo::find(&half).expect("found");
        let view = View::of(&half, &retina).expect("viewed");
        assert!((0.4..0.62).contains(&view.visible), "{}", view.visible);
    }

    #[test]
    fn what_a_frame_cuts_off_is_a_segment_of_the_disc() {
        // A chord half a radius from the centre of a disc of 0.97 radii: beyond it lies
        // r²/2 (a - sin a) with a = 2 acos(0.5 / r), of pi r² in all.
        let (r, d) = (0.97f64, 0.5);
        let angle = 2.0 * (d / r).acos();
        let seen = 1.0 - (angle - angle.sin()) / (2.0 * std::f64::consts::PI);
        let photo = RgbImage::from_pixel(500, 400, image::Rgb([180, 90, 40]));
        let (rx, ry) = (150.0, 120.0);
        for (x, y) in [
            (d as f32 * rx, 200.0),
            (500.0 - d as f32 * rx, 200.0),
            (250.0, d as f32 * ry),
            (250.0, 400.0 - d as f32 * ry),
        ] {
            let retina = Retina {
                center_x: x,
                center_y: y,
                radius_x: rx,
                radius_y: ry,
                cut: photo::Cut::default(),
            };
            let view = View::of(&photo, &retina).expect("viewed");
            let off = f64::from(view.visible) - seen;
            assert!(off.abs() < 0.006, "({x}, {y}): {}", view.visible);
        }
    }

    #[test]
    fn what_a_camera_masks_is_no_retina_and_is_seen_all_the_same() {
        let photo = RgbImage::from_fn(224, 224, |x, y| {
            let away = (x as f32 - 111.5).hypot(y as f32 - 111.5);
            let shown = away < RADIUS && x >= 60;
            image::Rgb(if shown { [180, 90, 40] } else { [3, 2, 2] })
        });
        let retina = Retina {
            center_x: 112.0,
            center_y: 112.0,
            radius_x: RADIUS,
            radius_y: RADIUS,
            cut: photo::Cut::default(),
        };
        let view = View::of(&photo, &retina).expect("viewed");
        assert_eq!(view.visible, 1.0);
        let row = |x: usize| view.retina[112 * SIDE + x];
        assert!((0..=60).all(|x| !row(x)) && (68..=190).all(row));
    }
}
