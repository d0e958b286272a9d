//! Which lesions a drawn eye has, and where: those by which the International
//! Clinical Diabetic Retinopathy scale tells its grades apart (Wilkinson et al.,
//! Ophthalmology 2003; 110:1677).
//!
//! - 0: none
//! - 1: microaneurysms only
//! - 2: more than microaneurysms, less than 3
//! - 3: any of: more than 20 haemorrhages in each of four quadrants, definite
//!   venous beading in two or more, prominent intraretinal microvascular
//!   abnormalities in one or more; here all of them, and nothing of 4
//! - 4: neovascularisation, or vitreous or preretinal haemorrhage

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::anatomy::{Eye, VesselKind};
use super::exact::{Point, between, count};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LesionKind {
    Microaneurysm,
    /// Dot, blot or flame haemorrhage within the retina.
    Haemorrhage,
    HardExudate,
    /// Cotton-wool spot.
    SoftExudate,
    /// A stretch of vein like a string of beads.
    VenousBeading,
    /// Intraretinal microvascular abnormality.
    Irma,
    /// New vessels on the disc or elsewhere.
    Neovascularisation,
    PreretinalHaemorrhage,
    VitreousHaemorrhage,
}

/// One lesion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesion {
    pub kind: LesionKind,
    pub at: Point,
    /// Half its length, the retina's radius being 1.
    pub size: f64,
    /// Half its width by half its length.
    pub slimness: f64,
    /// Where its length points, one long.
    pub along: Point,
    /// For its outline.
    pub(super) shape: u64,
}

impl Lesion {
    /// 0 to 3: upper left, upper right, lower left, lower right of the field.
    pub fn quadrant(&self) -> usize {
        usize::from(self.at.x >= 0.0) + 2 * usize::from(self.at.y >= 0.0)
    }
}

/// All that is drawn: an eye and what is on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// ICDR grade, 0 to 4.
    pub grade: u8,
    pub eye: Eye,
    pub lesions: Vec<Lesion>,
}

impl Plan {
    /// The eye of `seed` with the lesions of `grade` (above 4: 4).
    pub fn new(grade: u8, seed: u64) -> Self {
        let grade = grade.min(4);
        let mut plan = Self {
            grade,
            eye: Eye::new(seed),
            lesions: Vec::new(),
        };
        let mut random = StdRng::seed_from_u64(seed ^ (u64::from(grade) << 56) ^ 0x1e51);
        match grade {
            0 => {}
            1 => plan.mild(&mut random),
            2 => plan.moderate(&mut random),
            3 => plan.severe(&mut random),
            _ => plan.proliferative(&mut random),
        }
        plan
    }

    /// How many lesions of a kind there are.
    pub fn count(&self, kind: LesionKind) -> usize {
        self.of(kind).count()
    }

    /// How many lesions of a kind each quadrant has.
    pub fn count_by_quadrant(&self, kind: LesionKind) -> [usize; 4] {
        let mut counts = [0; 4];
        for lesion in self.of(kind) {
            counts[lesion.quadrant()] += 1;
        }
        counts
    }

    fn of(&self, kind: LesionKind) -> impl Iterator<Item = &Lesion> {
        self.lesions.iter().filter(move |l| l.kind == kind)
    }

    fn mild(&mut self, random: &mut StdRng) {
        let number = count(random, 5, 11);
        self.microaneurysms(random, number);
    }

    fn moderate(&mut self, random: &mut StdRng) {
        let number = count(random, 14, 24);
        self.microaneurysms(random, number);
        for _ in 0..count(random, 8, 14) {
            let at = self.free_place(random, 0.8);
            self.haemorrhage(random, at);
        }
        for _ in 0..count(random, 2, 4) {
            self.exudates(random);
        }
        for _ in 0..count(random, 1, 3) {
            self.cotton_wool(random);
        }
    }

    fn severe(&mut self, random: &mut StdRng) {
        let number = count(random, 24, 36);
        self.microaneurysms(random, number);
        for quadrant in 0..4 {
            for _ in 0..count(random, 22, 28) {
                let at = self.free_place_in(random, quadrant);
                self.haemorrhage(random, at);
            }
        }
        for _ in 0..count(random, 4, 6) {
            self.exudates(random);
        }
        for _ in 0..count(random, 3, 6) {
            self.cotton_wool(random);
        }
        self.beading();
        for quadrant in 0..count(random, 2, 4) as usize {
            let at = self.free_place_in(random, quadrant);
            let size = between(random, 0.05, 0.08);
            self.put(random, LesionKind::Irma, at, size, 0.6);
        }
    }

    fn proliferative(&mut self, random: &mut StdRng) {
        let number = count(random, 14, 26);
        self.microaneurysms(random, number);
        for _ in 0..count(random, 30, 45) {
            let at = self.free_place(random, 0.85);
            self.haemorrhage(random, at);
        }
        for _ in 0..count(random, 3, 5) {
            self.exudates(random);
        }
        for _ in 0..count(random, 1, 4) {
            self.cotton_wool(random);
        }
        self.beading();
        // New vessels: on the disc, elsewhere along the arcades, or both.
        let on_disc = random.random::<f64>() < 0.65;
        if on_disc {
            let size = self.eye.disc_radius * between(random, 1.2, 1.7);
            let at = self
                .eye
                .disc
                .plus(Point::new(0.0, -1.0).turned(random.random()), 0.3 * size);
            self.put(random, LesionKind::Neovascularisation, at, size, 0.9);
        }
        let elsewhere = count(random, u32::from(!on_disc), 2);
        for _ in 0..elsewhere {
            let at = self.on_arcade(random);
            let size = between(random, 0.12, 0.2);
            self.put(random, LesionKind::Neovascularisation, at, size, 0.8);
        }
        // It bleeds: before the retina, into the vitreous, or both.
        let before = random.random::<f64>() < 0.75;
        if before {
            let at = self.on_arcade(random);
            let size = between(random, 0.2, 0.34);
            self.put(random, LesionKind::PreretinalHaemorrhage, at, size, 0.55);
        }
        if !before || random.random::<f64>() < 0.25 {
            let at = self.free_place(random, 0.6);
            let size = between(random, 0.55, 0.85);
            self.put(random, LesionKind::VitreousHaemorrhage, at, size, 0.7);
        }
    }

    fn microaneurysms(&mut self, random: &mut StdRng, number: u32) {
        for _ in 0..number {
            let at = self.free_place(random, 0.7);
            let size = between(random, 0.0075, 0.0115);
            self.put(random, LesionKind::Microaneurysm, at, size, 1.0);
        }
    }

    /// A dot, a blot, or, among the nerve fibres round the disc, a flame.
    fn haemorrhage(&mut self, random: &mut StdRng, at: Point) {
        let near_disc = at.distance(self.eye.disc) < 0.45;
        let (size, slimness) = if near_disc && random.random::<f64>() < 0.5 {
            (between(random, 0.03, 0.055), between(random, 0.25, 0.4))
        } else if random.random::<f64>() < 0.55 {
            (between(random, 0.012, 0.018), between(random, 0.8, 1.0))
        } else {
            // Few are large.
            let part = random.random::<f64>();
            (0.02 + 0.045 * part * part, between(random, 0.55, 0.95))
        };
        self.put(random, LesionKind::Haemorrhage, at, size, slimness);
        // Flames follow the nerve fibres, away from the disc.
        if slimness < 0.5
            && let Some(lesion) = self.lesions.last_mut()
        {
            lesion.along = self.eye.disc.to(at).unit();
        }
    }

    /// A cluster of specks that run together, often in part of a ring round
    /// leaking vessels, in the posterior pole.
    fn exudates(&mut self, random: &mut StdRng) {
        let mut centre = self.free_place(random, 0.55);
        for _ in 0..8 {
            if centre.distance(self.eye.fovea) < 0.5 {
                break;
            }
            centre = self.free_place(random, 0.55);
        }
        let ring = between(random, 0.06, 0.14);
        let begin = random.random::<f64>();
        let sweep = between(random, 0.35, 0.9);
        for _ in 0..count(random, 30, 60) {
            let turn = begin + sweep * random.random::<f64>();
            let away = ring * between(random, 0.5, 1.2);
            let at = centre.plus(Point::new(1.0, 0.0).turned(turn), away);
            if at.distance(self.eye.fovea) < 0.04 || self.on_disc(at) {
                continue;
            }
            // Many specks, few plaques.
            let part = random.random::<f64>();
            let size = 0.006 + 0.022 * part * part;
            let slimness = between(random, 0.5, 1.0);
            self.put(random, LesionKind::HardExudate, at, size, slimness);
        }
    }

    /// In the nerve fibres, within a few disc diameters of the disc.
    fn cotton_wool(&mut self, random: &mut StdRng) {
        let mut at = self.free_place(random, 0.75);
        for _ in 0..20 {
            let away = at.distance(self.eye.disc);
            if (0.25..0.75).contains(&away) && at.distance(self.eye.fovea) > 0.25 {
                break;
            }
            at = self.free_place(random, 0.75);
        }
        let size = between(random, 0.045, 0.08);
        let slimness = between(random, 0.5, 0.8);
        self.put(random, LesionKind::SoftExudate, at, size, slimness);
    }

    /// Beads the veins of every quadrant they pass.
    fn beading(&mut self) {
        let mut beads = Vec::new();
        for vessel in &mut self.eye.vessels {
            if vessel.kind == VesselKind::Vein && vessel.order == 0 {
                vessel.beading = 0.42;
                let (at, width) = vessel.path[vessel.path.len() / 2];
                beads.push((at, width));
            }
        }
        for (at, width) in beads {
            self.lesions.push(Lesion {
                kind: LesionKind::VenousBeading,
                at,
                size: width,
                slimness: 1.0,
                along: Point::new(1.0, 0.0),
                shape: 0,
            });
        }
    }

    fn put(&mut self, random: &mut StdRng, kind: LesionKind, at: Point, size: f64, slim: f64) {
        let along = Point::new(1.0, 0.0).turned(random.random());
        self.lesions.push(Lesion {
            kind,
            at,
            size,
            slimness: slim,
            along,
            shape: random.random(),
        });
    }

    fn on_disc(&self, at: Point) -> bool {
        at.distance(self.eye.disc) < 1.25 * self.eye.disc_radius
    }

    /// Anywhere within `reach` of the field's centre, but not on the disc nor in
    /// the fovea.
    fn free_place(&self, random: &mut StdRng, reach: f64) -> Point {
        loop {
            let at = Point::new(
                between(random, -reach, reach),
                between(random, -reach, reach),
            );
            if at.length() < reach && !self.on_disc(at) && at.distance(self.eye.fovea) > 0.07 {
                return at;
            }
        }
    }

    fn free_place_in(&self, random: &mut StdRng, quadrant: usize) -> Point {
        let sign = |positive: bool| if positive { 1.0 } else { -1.0 };
        let (right, down) = (sign(quadrant % 2 == 1), sign(quadrant / 2 == 1));
        loop {
            let at = Point::new(
                right * between(random, 0.02, 0.85),
                down * between(random, 0.02, 0.85),
            );
            if at.length() < 0.87 && !self.on_disc(at) && at.distance(self.eye.fovea) > 0.09 {
                return at;
            }
        }
    }

    /// A place along one of the great veins, away from the disc.
    fn on_arcade(&self, random: &mut StdRng) -> Point {
        let veins: Vec<&Vec<(Point, f64)>> = self
            .eye
            .vessels
            .iter()
            .filter(|v| v.kind == VesselKind::Vein && v.order == 0)
            .map(|v| &v.path)
            .collect();
        for _ in 0..40 {
            let path = veins[random.random_range(0..veins.len() as u32) as usize];
            let at = path[random.random_range(0..path.len() as u32) as usize].0;
            if at.length() < 0.75 && at.distance(self.eye.disc) > 0.3 {
                return at;
            }
        }
        self.free_place(random, 0.6)
    }
}
