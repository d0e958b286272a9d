//! A healthy eye made up from a seed: where its optic disc and fovea lie, its
//! colours, and its vessels, grown from the disc and arching round the macula.
//!
//! Proportions are those of a 45 degree photograph: the optic disc is 1.5 mm
//! across, a seventh of the field, and the fovea lies 2.5 of its diameters away
//! on the temporal side, a little lower.

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::exact::{Point, between, count};

/// Which eye. In a photo of a right eye the optic disc is on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// An eye as it would be without disease.
#[derive(Clone, Debug, PartialEq)]
pub struct Eye {
    pub side: Side,
    /// Centre of the optic disc.
    pub disc: Point,
    pub disc_radius: f64,
    /// Radius of the cup as a part of the disc's.
    pub cup: f64,
    pub fovea: Point,
    /// Red, green and blue (0 to 255) of the retina where it is lit best.
    pub colour: [f64; 3],
    /// The same of the optic disc's rim.
    pub disc_colour: [f64; 3],
    /// Where the light falls best.
    pub lit: Point,
    pub vessels: Vec<Vessel>,
    /// For textures.
    pub(super) texture: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VesselKind {
    Artery,
    Vein,
}

/// One vessel from its beginning to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Vessel {
    pub kind: VesselKind,
    /// 0 for those that leave the disc, 1 for their branches, and so on.
    pub order: u32,
    /// Points along it, with half its width there.
    pub path: Vec<(Point, f64)>,
    /// How far its width swells and shrinks, as a part of it: 0 in health.
    pub beading: f64,
}

impl Eye {
    /// The eye of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0x0e7e);
        let side = if random.random::<bool>() {
            Side::Right
        } else {
            Side::Left
        };
        let nasal = match side {
            Side::Right => 1.0,
            Side::Left => -1.0,
        };
        let disc = Point::new(
            nasal * between(&mut random, 0.5, 0.58),
            between(&mut random, -0.08, 0.04),
        );
        let disc_radius = between(&mut random, 0.125, 0.145);
        let fovea = Point::new(
            disc.x - nasal * between(&mut random, 4.7, 5.1) * disc_radius,
            disc.y + between(&mut random, 0.03, 0.09),
        );
        let pigment = random.random::<f64>();
        let pallor = random.random::<f64>();
        let colour = [
            214.0 - 46.0 * pigment,
            104.0 - 30.0 * pigment + 24.0 * pallor,
            34.0 - 14.0 * pigment + 46.0 * pallor,
        ];
        let disc_colour = [252.0, 196.0 + 8.0 * pallor, 112.0 + 30.0 * pallor];
        let mut eye = Self {
            side,
            disc,
            disc_radius,
            cup: between(&mut random, 0.3, 0.5),
            fovea,
            colour,
            disc_colour,
            lit: Point::new(
                between(&mut random, -0.15, 0.15),
                between(&mut random, -0.15, 0.15),
            ),
            vessels: Vec::new(),
            texture: random.random(),
        };
        eye.grow_trunks(&mut random, nasal);
        eye
    }

    /// Two arteries and two veins to either side of the disc, and their
    /// branches.
    fn grow_trunks(&mut self, random: &mut StdRng, nasal: f64) {
        for down in [-1.0, 1.0] {
            let height = between(random, 0.52, 0.62);
            for (kind, spread) in [(VesselKind::Vein, 1.0), (VesselKind::Artery, 0.88)] {
                let spread = spread * between(random, 0.97, 1.05);
                let width = match kind {
                    VesselKind::Vein => between(random, 0.0105, 0.0125),
                    VesselKind::Artery => between(random, 0.0075, 0.009),
                };
                let start = self
                    .disc
                    .plus(Point::new(nasal, down), 0.22 * self.disc_radius);
                // The temporal arcade: up from the disc, over the macula, and
                // back towards the horizon beyond it.
                let far = Point::new(
                    self.fovea.x - nasal * between(random, 0.75, 0.95),
                    self.fovea.y + down * between(random, 0.25, 0.4) * spread,
                );
                let arcade = bezier(
                    start,
                    Point::new(
                        self.disc.x + nasal * 0.06,
                        self.disc.y + down * height * spread,
                    ),
                    Point::new(
                        self.fovea.x - nasal * 0.1,
                        self.fovea.y + down * (height + 0.22) * spread,
                    ),
                    far,
                );
                self.grow_along(random, kind, width, &arcade);
                // The nasal one: outwards in a flatter bow.
                let nasal_end = Point::new(
                    self.disc.x + nasal * between(random, 0.4, 0.6),
                    self.disc.y + down * between(random, 0.5, 0.75) * spread,
                );
                let bow = bezier(
                    start,
                    Point::new(
                        self.disc.x + nasal * 0.08,
                        self.disc.y + down * 0.22 * spread,
                    ),
                    Point::new(
                        self.disc.x + nasal * 0.22,
                        self.disc.y + down * 0.4 * spread,
                    ),
                    nasal_end,
                );
                self.grow_along(random, kind, width * 0.72, &bow);
            }
        }
        // Small ones from the temporal edge of the disc towards the macula.
        for _ in 0..count(random, 2, 4) {
            let slant = between(random, -0.16, 0.16);
            let heading = Point::new(-nasal, 0.0).turned(slant);
            let start = self.disc.plus(heading, 0.5 * self.disc_radius);
            self.grow_freely(random, VesselKind::Artery, 2, start, heading, 0.0042, 0.5);
        }
    }

    /// A vessel along a drawn course, with branches to either side.
    fn grow_along(&mut self, random: &mut StdRng, kind: VesselKind, width: f64, course: &[Point]) {
        let last = (course.len() - 1) as f64;
        let mut sway = 0.0;
        let mut drift = 0.0;
        let mut path = Vec::with_capacity(course.len());
        for (at, point) in course.iter().enumerate() {
            let t = at as f64 / last;
            drift = 0.86 * drift + between(random, -0.0022, 0.0022);
            sway = 0.97 * sway + drift;
            let next = course[(at + 1).min(course.len() - 1)];
            let before = course[at.saturating_sub(1)];
            let aside = before.to(next).unit().across();
            path.push((point.plus(aside, sway), width * (1.0 - 0.62 * t)));
        }
        let mut until_branch = between(random, 0.16, 0.24);
        let mut left = random.random::<bool>();
        for at in 1..path.len() - 2 {
            let (point, half_width) = path[at];
            until_branch -= point.distance(path[at - 1].0);
            if until_branch > 0.0 {
                continue;
            }
            until_branch = between(random, 0.09, 0.2);
            left = !left;
            let turn = between(random, 0.09, 0.16) * if left { 1.0 } else { -1.0 };
            let heading = path[at - 1].0.to(path[at + 1].0).unit().turned(turn);
            let part = between(random, 0.45, 0.7);
            let reach = between(random, 0.35, 0.7);
            self.grow_freely(random, kind, 1, point, heading, half_width * part, reach);
        }
        self.vessels.push(Vessel {
            kind,
            order: 0,
            path,
            beading: 0.0,
        });
    }

    /// A branch that finds its own way, clear of the fovea, and branches again.
    #[allow(clippy::too_many_arguments)]
    fn grow_freely(
        &mut self,
        random: &mut StdRng,
        kind: VesselKind,
        order: u32,
        start: Point,
        heading: Point,
        width: f64,
        reach: f64,
    ) {
        const STEP: f64 = 0.014;
        const FINEST: f64 = 0.0014;
        let steps = (reach / STEP) as u32;
        let mut at = start;
        let mut heading = heading;
        let mut bend = 0.0;
        let mut path = vec![(at, width)];
        let mut until_branch = between(random, 0.08, 0.16);
        for step in 0..steps {
            let half_width = width * (1.0 - 0.7 * f64::from(step) / f64::from(steps));
            bend = 0.8 * bend + between(random, -0.012, 0.012);
            heading = heading.turned(bend);
            let centre = at.to(self.fovea);
            let near = centre.length();
            if near < 0.2 {
                // Round the avascular zone: turned along its edge.
                let along = centre.unit().across();
                let side = if along.x * heading.x + along.y * heading.y < 0.0 {
                    -0.25
                } else {
                    0.25
                };
                heading = heading.plus(along, side).unit();
            }
            at = at.plus(heading, STEP);
            if near < 0.09 || half_width < FINEST || at.length() > 1.02 {
                break;
            }
            if at.distance(self.disc) < self.disc_radius && step > 4 {
                break;
            }
            path.push((at, half_width));
            until_branch -= STEP;
            if until_branch <= 0.0 && order < 3 {
                until_branch = between(random, 0.08, 0.18);
                let turn =
                    between(random, 0.08, 0.15) * if random.random::<bool>() { 1.0 } else { -1.0 };
                let part = between(random, 0.5, 0.75);
                let further = reach * between(random, 0.35, 0.65);
                self.grow_freely(
                    random,
                    kind,
                    order + 1,
                    at,
                    heading.turned(turn),
                    half_width * part,
                    further,
                );
            }
        }
        if path.len() > 3 {
            self.vessels.push(Vessel {
                kind,
                order,
                path,
                beading: 0.0,
            });
        }
    }
}

/// Points along a cubic Bezier curve.
fn bezier(a: Point, b: Point, c: Point, d: Point) -> Vec<Point> {
    const POINTS: u32 = 110;
    (0..=POINTS)
        .map(|step| {
            let t = f64::from(step) / f64::from(POINTS);
            let s = 1.0 - t;
            let mix = |a: f64, b: f64, c: f64, d: f64| {
                s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
            };
            Point::new(mix(a.x, b.x, c.x, d.x), mix(a.y, b.y, c.y, d.y))
        })
        .collect()
}
