//! Painting a plan: the lit retina first, then the disc, the vessels, the
//! lesions under and over them, and last what lens and sensor do.

use image::RgbImage;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::anatomy::{Vessel, VesselKind};
use super::exact::{Point, bell, between, count, noise, scatter, sin_cos, smooth};
use super::paint::{Blot, Canvas, Frame, Mask};
use super::plan::{Lesion, LesionKind, Plan};

/// What blood lets pass of red, green and blue, in an artery, a vein, within and
/// before the retina.
const ARTERY: [f32; 3] = [0.86, 0.55, 0.6];
const VEIN: [f32; 3] = [0.72, 0.4, 0.5];
const BLOOD: [f32; 3] = [0.6, 0.28, 0.42];
const POOLED_BLOOD: [f32; 3] = [0.5, 0.13, 0.22];
const NEW_VESSEL: [f32; 3] = [0.8, 0.36, 0.45];
const HARD_EXUDATE: [f32; 3] = [252.0, 214.0, 92.0];
const SOFT_EXUDATE: [f32; 3] = [232.0, 205.0, 160.0];

impl Plan {
    /// Paints the plan, `size` x `size` pixels (brought within 64 to 4096), the
    /// retina on black.
    pub fn render(&self, size: u32) -> RgbImage {
        let size = size.clamp(64, 4096);
        let frame = Frame {
            size,
            centre: Point::new(f64::from(size) / 2.0, f64::from(size) / 2.0),
            scale: f64::from(size) * 0.485,
        };
        let light = self.light(frame);
        let mut canvas = self.retina(frame, &light);
        self.optic_disc(&mut canvas, &light);
        self.paint(&mut canvas, &light, LesionKind::SoftExudate);
        self.vessels(&mut canvas);
        self.paint(&mut canvas, &light, LesionKind::Haemorrhage);
        self.paint(&mut canvas, &light, LesionKind::Microaneurysm);
        self.paint(&mut canvas, &light, LesionKind::Irma);
        self.paint(&mut canvas, &light, LesionKind::HardExudate);
        self.paint(&mut canvas, &light, LesionKind::Neovascularisation);
        self.paint(&mut canvas, &light, LesionKind::PreretinalHaemorrhage);
        canvas.soften(1 + size / 700);
        self.vitreous(&mut canvas);
        self.develop(&canvas)
    }

    /// How well each pixel is lit, 0 to 1 and a little more.
    fn light(&self, frame: Frame) -> Vec<f32> {
        let eye = &self.eye;
        each_pixel(frame, |at| {
            let away = at.distance(eye.lit);
            let uneven = noise(eye.texture ^ 0x11, 1.6 * at.x + 9.0, 1.6 * at.y + 9.0) - 0.5;
            let rim = smooth(0.75, 1.02, at.length());
            (1.0 - 0.26 * away * away - 0.14 * rim + 0.1 * uneven) as f32
        })
    }

    /// Pigment, choroid and macula.
    fn retina(&self, frame: Frame, light: &[f32]) -> Canvas {
        let eye = &self.eye;
        let texture = eye.texture;
        let mut pixels = Vec::with_capacity(light.len());
        for y in 0..frame.size {
            for x in 0..frame.size {
                let at = frame.to_units(x, y);
                let lit = f64::from(light[(y * frame.size + x) as usize]);
                let coarse = noise(texture, 3.0 * at.x + 20.0, 3.0 * at.y + 20.0) - 0.5;
                let middle = noise(texture ^ 2, 9.0 * at.x + 50.0, 9.0 * at.y + 50.0) - 0.5;
                let fine = noise(texture ^ 3, 38.0 * at.x + 90.0, 38.0 * at.y + 90.0) - 0.5;
                let mottle = 0.1 * coarse + 0.08 * middle + 0.06 * fine;
                // Darker where the macula's pigment is, darkest in the fovea.
                let away = at.distance(eye.fovea);
                let macula = 0.2 * bell(away / 0.42) + 0.16 * bell(away / 0.13);
                // Nerve fibres shine near the disc.
                let sheen = 0.1 * bell(at.distance(eye.disc) / 0.5);
                let shade = lit * (1.0 + mottle + sheen);
                let green = shade * (1.0 + 0.8 * mottle) * (1.0 - macula);
                pixels.push([
                    (eye.colour[0] * shade * (1.0 - 0.6 * macula)) as f32,
                    (eye.colour[1] * green) as f32,
                    (eye.colour[2] * green * (1.0 - 0.3 * macula)) as f32,
                ]);
            }
        }
        Canvas { frame, pixels }
    }

    /// The pale disc, its brighter cup, and the dark crescent beside it.
    fn optic_disc(&self, canvas: &mut Canvas, light: &[f32]) {
        let eye = &self.eye;
        let temporal = eye.disc.to(eye.fovea).unit();
        let round = |at: Point, size: f64, fade: f64, strength: f64| Blot {
            at,
            size,
            slimness: 0.92,
            along: Point::new(0.0, 1.0),
            ragged: 0.1,
            fade,
            strength,
            shape: eye.texture ^ 0x0d15c,
        };
        let mut shadow = Mask::new(canvas.frame);
        shadow.blot(&round(
            eye.disc.plus(temporal, 0.06 * eye.disc_radius),
            1.1 * eye.disc_radius,
            0.1,
            0.5,
        ));
        canvas.absorb(&shadow, [0.85, 0.72, 0.75]);
        let mut rim = Mask::new(canvas.frame);
        rim.blot(&round(eye.disc, eye.disc_radius, 0.07, 0.93));
        let bright = |level: &f32| 0.55 + 0.45 * level;
        let light: Vec<f32> = light.iter().map(bright).collect();
        canvas.lay(&rim, eye.disc_colour.map(|level| level as f32), &light);
        let mut cup = Mask::new(canvas.frame);
        cup.blot(&round(
            eye.disc.plus(temporal, 0.1 * eye.disc_radius),
            eye.cup * eye.disc_radius,
            0.35,
            0.85,
        ));
        canvas.lay(&cup, [255.0, 236.0, 182.0], &light);
    }

    fn vessels(&self, canvas: &mut Canvas) {
        for (kind, passes) in [(VesselKind::Artery, ARTERY), (VesselKind::Vein, VEIN)] {
            let mut mask = Mask::new(canvas.frame);
            for vessel in self.eye.vessels.iter().filter(|v| v.kind == kind) {
                // Capillaries hold less blood, and so less colour.
                let strength = [0.95, 0.75, 0.55, 0.4][vessel.order.min(3) as usize];
                mask.stroke(&beaded(vessel), strength);
            }
            canvas.absorb(&mask, passes);
        }
        // The light's reflex along the great arteries' middle.
        let mut reflex = Mask::new(canvas.frame);
        for vessel in self.eye.vessels.iter() {
            if vessel.kind == VesselKind::Artery && vessel.order == 0 {
                let middle: Vec<(Point, f64)> =
                    vessel.path.iter().map(|&(at, w)| (at, 0.28 * w)).collect();
                reflex.stroke(&middle, 0.5);
            }
        }
        canvas.absorb(&reflex, [1.12, 1.35, 1.2]);
    }

    /// All lesions of one kind.
    fn paint(&self, canvas: &mut Canvas, light: &[f32], kind: LesionKind) {
        let mut mask = Mask::new(canvas.frame);
        let mut any = false;
        for lesion in self.lesions.iter().filter(|l| l.kind == kind) {
            any = true;
            match kind {
                LesionKind::Irma => tangle(&mut mask, lesion, 5, 0.0022),
                LesionKind::Neovascularisation => tangle(&mut mask, lesion, 15, 0.003),
                LesionKind::PreretinalHaemorrhage => boat(&mut mask, lesion),
                _ => mask.blot(&blot(lesion)),
            }
        }
        if !any {
            return;
        }
        match kind {
            LesionKind::Microaneurysm | LesionKind::Haemorrhage => canvas.absorb(&mask, BLOOD),
            LesionKind::Irma | LesionKind::Neovascularisation => canvas.absorb(&mask, NEW_VESSEL),
            LesionKind::PreretinalHaemorrhage => canvas.absorb(&mask, POOLED_BLOOD),
            LesionKind::HardExudate => canvas.lay(&mask, HARD_EXUDATE, light),
            LesionKind::SoftExudate => canvas.lay(&mask, SOFT_EXUDATE, light),
            // Beads are part of their vein; the vitreous lies before the lens's blur.
            LesionKind::VenousBeading | LesionKind::VitreousHaemorrhage => {}
        }
    }

    /// Blood afloat before the retina: clouds out of focus.
    fn vitreous(&self, canvas: &mut Canvas) {
        let frame = canvas.frame;
        for lesion in &self.lesions {
            if lesion.kind != LesionKind::VitreousHaemorrhage {
                continue;
            }
            let mut mask = Mask::new(frame);
            mask.cover = each_pixel(frame, |at| {
                let near = bell(at.distance(lesion.at) / (1.5 * lesion.size));
                let cloud = 0.6 * noise(lesion.shape, 3.0 * at.x + 9.0, 3.0 * at.y + 9.0)
                    + 0.3 * noise(lesion.shape ^ 1, 7.0 * at.x + 9.0, 7.0 * at.y + 9.0)
                    + 0.1 * noise(lesion.shape ^ 2, 16.0 * at.x + 9.0, 16.0 * at.y + 9.0);
                (near * smooth(0.2, 0.75, cloud)) as f32
            });
            canvas.absorb(&mask, [0.5, 0.3, 0.4]);
        }
    }

    /// The disc on its black ground, with the sensor's grain.
    fn develop(&self, canvas: &Canvas) -> RgbImage {
        let frame = canvas.frame;
        let edge = 1.2 / frame.scale;
        RgbImage::from_fn(frame.size, frame.size, |x, y| {
            let at = frame.to_units(x, y);
            let shown = smooth(1.0 + edge, 1.0 - edge, at.length());
            let pixel = canvas.pixels[(y * frame.size + x) as usize];
            let mut channel = 0;
            image::Rgb(pixel.map(|value| {
                channel += 1;
                let seed = self.eye.texture ^ (channel << 32);
                let grain = 3.0 * (scatter(seed, i64::from(x), i64::from(y)) - 0.5);
                let level = (f64::from(value) + grain) * shown;
                (level + 0.5).clamp(0.0, 255.0) as u8
            }))
        })
    }
}

fn each_pixel(frame: Frame, level: impl Fn(Point) -> f32) -> Vec<f32> {
    let mut levels = Vec::with_capacity(frame.size as usize * frame.size as usize);
    for y in 0..frame.size {
        for x in 0..frame.size {
            levels.push(level(frame.to_units(x, y)));
        }
    }
    levels
}

/// A vessel's course with its width swelling and shrinking where it is beaded.
fn beaded(vessel: &Vessel) -> Vec<(Point, f64)> {
    let mut way = 0.0;
    let mut before = None;
    vessel
        .path
        .iter()
        .map(|&(at, width)| {
            way += before.map_or(0.0, |b: Point| b.distance(at));
            before = Some(at);
            let (swell, _) = sin_cos(way / 0.052);
            (at, width * (1.0 + vessel.beading * swell))
        })
        .collect()
}

fn blot(lesion: &Lesion) -> Blot {
    let (ragged, fade, strength) = match lesion.kind {
        LesionKind::Microaneurysm => (0.0, 0.3, 0.85),
        LesionKind::Haemorrhage if lesion.slimness < 0.5 => (0.5, 0.45, 0.8),
        LesionKind::Haemorrhage => (0.35, 0.4, 0.85),
        LesionKind::HardExudate => (0.6, 0.3, 0.95),
        _ => (0.6, 0.6, 0.72),
    };
    // No two bleed alike.
    let strength = strength * (0.72 + 0.28 * scatter(lesion.shape, 1, 1));
    Blot {
        at: lesion.at,
        size: lesion.size,
        slimness: lesion.slimness,
        along: lesion.along,
        ragged,
        fade,
        strength,
        shape: lesion.shape,
    }
}

/// Fine vessels without order: threads that wind about and close into loops.
fn tangle(mask: &mut Mask, lesion: &Lesion, threads: u32, width: f64) {
    let mut random = StdRng::seed_from_u64(lesion.shape);
    for _ in 0..threads {
        let mut heading = Point::new(1.0, 0.0).turned(between(&mut random, 0.0, 1.0));
        let mut at = lesion
            .at
            .plus(heading, 0.3 * lesion.size * between(&mut random, 0.0, 1.0));
        let mut bend = between(&mut random, -0.02, 0.02);
        let step = 0.05 * lesion.size;
        let mut path = Vec::new();
        for _ in 0..count(&mut random, 22, 46) {
            bend = 0.85 * bend + between(&mut random, -0.022, 0.022);
            heading = heading.turned(bend);
            // Back inwards at the edge: loops, and a fan with a rim.
            if at.distance(lesion.at) > lesion.size {
                heading = heading.plus(at.to(lesion.at).unit(), 0.35).unit();
            }
            at = at.plus(heading, step);
            path.push((at, width * between(&mut random, 0.7, 1.2)));
        }
        mask.stroke(&path, 0.9);
    }
}

/// Blood that has sunk between retina and vitreous: level above, round below.
fn boat(mask: &mut Mask, lesion: &Lesion) {
    let level = Point::new(1.0, 0.0);
    let frame = mask.frame;
    let mut hull = Mask::new(frame);
    hull.blot(&Blot {
        at: lesion.at,
        size: lesion.size,
        slimness: lesion.slimness,
        along: level,
        ragged: 0.12,
        fade: 0.04,
        strength: 1.0,
        shape: lesion.shape,
    });
    let surface = lesion.at.y - 0.12 * lesion.size;
    let soft = 0.012;
    for y in 0..frame.size {
        for x in 0..frame.size {
            let at = (y * frame.size + x) as usize;
            let below = smooth(surface - soft, surface + soft, frame.to_units(x, y).y) as f32;
            mask.cover[at] = mask.cover[at].max(hull.cover[at] * below);
        }
    }
}
