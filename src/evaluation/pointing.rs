//! Does a map point at lesions? The pointing game (Zhang et al. 2016, "Top-down
//! Neural Attention by Excitation Backprop": does the map's peak fall on a marked
//! object, give or take a tolerance) and the share of the map that lies on
//! lesions, against controls that have seen no photo.

use std::fmt::Write;

use serde::Serialize;

use super::bootstrap::{Bootstrap, Interval, interval};
use crate::counted::counted;
use crate::explain::Map;
use crate::photo::Prepared;

/// Zhang et al.'s 15 pixels, in a photo 500 pixels wide, as a share of half its
/// width: here, of the retina's radius.
pub const TOLERANCE: f64 = 0.06;

/// Cells along a side of the controls that no network made: an odd number, so
/// that one of them is the middle.
const CONTROL_CELLS: usize = 65;
/// Standard deviation of the centred blob, as a share of the picture's side.
const BLOB_SIGMA: f32 = 0.25;

/// Pixels of a photo that an expert marked, as column and row.
pub type Marks = Vec<(u32, u32)>;

/// How a map did on one photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// 1 where the peak fell on a lesion, 0 where not, between for the mean of
    /// several maps; none for a map without a peak of its own.
    pub hit: Option<f64>,
    /// The part of the whole map, the black around the retina included, that
    /// lies on lesions.
    pub share: f64,
}

/// Scores a map over the prepared picture; `tolerance` is in radii of the retina.
/// A map without evidence misses.
pub fn score(map: &Map, marks: &[(u32, u32)], view: &Prepared, tolerance: f64) -> Score {
    let side = view.picture.width() as f32;
    let middle = |(x, y): &(u32, u32)| (*x as f32 + 0.5, *y as f32 + 0.5);
    let hit = map.peak().is_some_and(|(x, y)| {
        let peak = view.to_photo(x * side, y * side);
        let retina = &view.retina;
        marks.iter().map(middle).any(|(x, y)| {
            let across = f64::from((x - peak.0) / retina.radius_x);
            let down = f64::from((y - peak.1) / retina.radius_y);
            across.hypot(down) <= tolerance
        })
    });
    let on_lesions: f64 = marks
        .iter()
        .map(|mark| {
            let (x, y) = middle(mark);
            let (x, y) = view.from_photo(x, y);
            let seen = (0.0..=side).contains(&x) && (0.0..=side).contains(&y);
            if seen {
                f64::from(map.at(x / side, y / side))
            } else {
                0.0
            }
        })
        .sum();
    // Between cells a map goes in straight lines, so its mean is that of its cells;
    // times the square's area in pixels of the photo, it is the whole map.
    let cells = map.values();
    let mean = cells.iter().map(|v| f64::from(*v)).sum::<f64>() / cells.len() as f64;
    let (left, top) = view.to_photo(0.0, 0.0);
    let (right, bottom) = view.to_photo(side, side);
    let whole = mean * f64::from(right - left) * f64::from(bottom - top);
    Score {
        hit: Some(f64::from(u8::from(hit))),
        share: if whole > 0.0 { on_lesions / whole } else { 0.0 },
    }
}

/// A Gaussian in the middle of the picture.
///
/// # Panics
/// Never: its numbers are finite.
pub fn centred_blob() -> Map {
    control(|x, y| {
        let off = (x - 0.5).hypot(y - 0.5) / BLOB_SIGMA;
        (-off * off / 2.0).exp()
    })
}

/// The same everywhere.
pub fn even() -> Map {
    control(|_, _| 1.0)
}

fn control(at: impl Fn(f32, f32) -> f32) -> Map {
    let middle = |cell: usize| (cell as f32 + 0.5) / CONTROL_CELLS as f32;
    let values = (0..CONTROL_CELLS)
        .flat_map(|row| (0..CONTROL_CELLS).map(move |column| (column, row)))
        .map(|(column, row)| at(middle(column), middle(row)))
        .collect();
    Map::new(CONTROL_CELLS, CONTROL_CELLS, values).expect("as many finite numbers as cells")
}

/// Which map was scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contender {
    Network,
    RandomWeights,
    CentredBlob,
    Even,
}

impl Contender {
    pub const ALL: [Self; 4] = [
        Self::Network,
        Self::RandomWeights,
        Self::CentredBlob,
        Self::Even,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Network => "the network",
            Self::RandomWeights => "random weights",
            Self::CentredBlob => "centred blob",
            Self::Even => "the same everywhere",
        }
    }
}

/// The scores of every contender on one photo, in the order of [`Contender::ALL`].
pub type Scores = [Score; 4];

/// A mean over photos.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub value: f64,
    pub interval: Option<Interval>,
}

/// A contender's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub contender: Contender,
    /// How often the peak fell on a lesion.
    pub hits: Option<Estimate>,
    /// The part of the map on lesions, meaned over photos.
    pub share: Estimate,
    /// How much more the network has; none for itself.
    pub network_hits_more: Option<Estimate>,
    pub network_share_more: Option<Estimate>,
}

/// The figures for one kind of lesion, over the photos that show it.
#[derive(Clone, Debug, Serialize)]
pub struct Kind {
    pub lesions: String,
    pub photos: usize,
    pub rows: Vec<Row>,
}

impl Kind {
    /// Means and intervals; photos are drawn one by one, because whose they are
    /// is not known.
    pub fn of(lesions: &str, scores: &[Scores], bootstrap: Bootstrap) -> Self {
        let row = |contender: Contender| {
            let index = contender as usize;
            let column = |of: &dyn Fn(&Score) -> Option<f64>, less: bool| -> Option<Estimate> {
                let values: Option<Vec<f64>> = scores
                    .iter()
                    .map(|row| {
                        let own = of(&row[index])?;
                        Some(if less { of(&row[0])? - own } else { own })
                    })
                    .collect();
                estimate(&values?, bootstrap)
            };
            let hit = |score: &Score| score.hit;
            let share = |score: &Score| Some(score.share);
            let other = contender != Contender::Network;
            Row {
                contender,
                hits: column(&hit, false),
                share: column(&share, false).unwrap_or(Estimate {
                    value: f64::NAN,
                    interval: None,
                }),
                network_hits_more: column(&hit, true).filter(|_| other),
                network_share_more: column(&share, true).filter(|_| other),
            }
        };
        Self {
            lesions: lesions.to_owned(),
            photos: scores.len(),
            rows: Contender::ALL.map(row).into(),
        }
    }
}

/// The mean of one number a photo; none of no photos.
fn estimate(values: &[f64], bootstrap: Bootstrap) -> Option<Estimate> {
    let own_cluster: Vec<usize> = (0..values.len()).collect();
    let means = bootstrap.run(&own_cluster, |weights| {
        let total: f64 = weights
            .iter()
            .zip(values)
            .map(|(weight, value)| f64::from(*weight) * value)
            .sum();
        Some(total / values.len() as f64)
    });
    (!values.is_empty()).then(|| Estimate {
        value: values.iter().sum::<f64>() / values.len() as f64,
        interval: interval(&means),
    })
}

/// The whole measurement, with what must be known to read it.
#[derive(Clone, Debug, Serialize)]
pub struct Pointing {
    pub model: String,
    pub photos: usize,
    /// In radii of the retina.
    pub tolerance: f64,
    /// Networks of random weights whose scores were meaned.
    pub random_networks: usize,
    pub bootstrap: Bootstrap,
    /// Photos in which the network found no evidence at all: a miss each.
    pub empty_maps: usize,
    pub kinds: Vec<Kind>,
    /// What the figures are not, sentences.
    pub notes: Vec<String>,
}

impl Pointing {
    /// As text for a terminal.
    pub fn table(&self) -> String {
        let mut text = format!(
            "Grad-CAM of {} on {} with marked lesions\n\
             Peak: how often the map's highest place falls on a lesion, give or take {:.0} % of \
             the retina's radius\nShare: the part of the map that lies on lesions\n\
             In brackets 95 % intervals from {} bootstraps of photos; random weights are the mean \
             of {} networks\n",
            self.model,
            counted(self.photos, "photo"),
            self.tolerance * 100.0,
            self.bootstrap.samples,
            self.random_networks
        );
        for kind in &self.kinds {
            let _ = writeln!(
                text,
                "\n{} ({})",
                kind.lesions,
                counted(kind.photos, "photo")
            );
            let _ = writeln!(text, "  {:<22}{:<26}{:<26}", "", "Peak", "Share");
            for row in &kind.rows {
                let hits = row.hits.as_ref().map_or("–".to_owned(), percent);
                let share = percent(&row.share);
                let _ = writeln!(text, "  {:<22}{hits:<26}{share:<26}", row.contender.title());
            }
            for row in &kind.rows {
                let (Some(hits), Some(share)) = (&row.network_hits_more, &row.network_share_more)
                else {
                    continue;
                };
                let name = format!("more than {}", row.contender.title());
                let _ = writeln!(text, "  {name:<30}{:<26}{}", percent(hits), percent(share));
            }
        }
        let _ = writeln!(text);
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        text
    }
}

fn percent(estimate: &Estimate) -> String {
    let value = format!("{:.1} %", estimate.value * 100.0);
    match estimate.interval {
        Some(Interval { low, high }) => {
            format!("{value} [{:.1}, {:.1}]", low * 100.0, high * 100.0)
        }
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::{Preprocessing, prepare};

    fn view() -> Prepared {
        prepare(
            &crate::synth::draw(0, 1, 300),
            &Preprocessing::imagenet(100),
        )
        .unwrap()
    }

    /// Every pixel of the photo within this square of the prepared picture.
    fn square(view: &Prepared, from: (f32, f32), to: (f32, f32)) -> Marks {
        (0..300)
            .flat_map(|y| (0..300).map(move |x| (x, y)))
            .filter(|(x, y)| {
                let (x, y) = view.from_photo(*x as f32 + 0.5, *y as f32 + 0.5);
                x >= from.0 && x < to.0 && y >= from.1 && y < to.1
            })
            .collect()
    }

    #[test]
    fn a_peak_on_a_lesion_is_a_hit_and_one_beside_it_only_within_the_tolerance() {
        let view = view();
        // The highest of four cells is the upper left one, its middle at (25, 25).
        let map = Map::new(2, 2, vec![1.0, 0.0, 0.0, 0.0]).unwrap();
        let on = square(&view, (20.0, 20.0), (30.0, 30.0));
        let beside = square(&view, (28.0, 24.0), (30.0, 26.0));
        assert_eq!(score(&map, &on, &view, 0.0001 + 0.02).hit, Some(1.0));
        // Three of a hundred pixels are 0.06 radii.
        assert_eq!(score(&map, &beside, &view, 0.04).hit, Some(0.0));
        assert_eq!(score(&map, &beside, &view, 0.1).hit, Some(1.0));
        let nothing = Map::new(2, 2, vec![0.0; 4]).unwrap();
        let missed = score(&nothing, &on, &view, 5.0);
        assert_eq!((missed.hit, missed.share), (Some(0.0), 0.0));
    }

    #[test]
    fn of_an_even_map_the_share_is_that_of_the_area() {
        let view = view();
        let quarter = square(&view, (0.0, 0.0), (50.0, 50.0));
        let found = score(&even(), &quarter, &view, 0.0).share;
        assert!((found - 0.25).abs() < 0.005, "{found}");
        // A map that is all in one half: its straight slope leaves an eighth of it in the other.
        let half = Map::new(2, 1, vec![1.0, 0.0]).unwrap();
        let left = square(&view, (0.0, 0.0), (50.0, 100.0));
        let found = score(&half, &left, &view, 0.0).share;
        assert!((found - 0.875).abs() < 0.01, "{found}");
        let upper = Map::new(1, 2, vec![1.0, 0.0]).unwrap();
        let lower_half = square(&view, (0.0, 50.0), (100.0, 100.0));
        let found = score(&upper, &lower_half, &view, 0.0).share;
        assert!((found - 0.125).abs() < 0.01, "{found}");
    }

    #[test]
    fn a_lesion_that_the_picture_leaves_out_gathers_nothing() {
        let larger = Preprocessing {
            margin: -0.3,
            ..Preprocessing::imagenet(100)
        };
        let view = prepare(&crate::synth::draw(0, 1, 300), &larger).unwrap();
        let far = 1000.0;
        for (from, to) in [
            ((-far, 0.0), (0.0, 100.0)),
            ((101.0, 0.0), (far, 100.0)),
            ((0.0, -far), (100.0, 0.0)),
            ((0.0, 101.0), (100.0, far)),
        ] {
            let outside = square(&view, from, to);
            assert!(!outside.is_empty());
            assert_eq!(score(&even(), &outside, &view, 0.0).share, 0.0);
        }
    }

    #[test]
    fn the_blob_peaks_in_the_middle() {
        let blob = centred_blob();
        assert_eq!(blob.peak(), Some((0.5, 0.5)));
        // As a Gaussian does, by the root of e a standard deviation away.
        let falls = blob.at(0.5 + BLOB_SIGMA, 0.5) / blob.at(0.5, 0.5);
        assert!((falls - (-0.5f32).exp()).abs() < 0.02, "{falls}");
        let falls = blob.at(0.5, 0.5 - 2.0 * BLOB_SIGMA) / blob.at(0.5, 0.5);
        assert!((falls - (-2f32).exp()).abs() < 0.02, "{falls}");
    }

    #[test]
    fn means_and_differences_are_taken_photo_by_photo() {
        let of = |hit: f64, share: f64| Score {
            hit: Some(hit),
            share,
        };
        let even = Score {
            hit: None,
            share: 0.1,
        };
        let scores = [
            [of(1.0, 0.4), of(0.2, 0.1), of(0.0, 0.2), even],
            [of(0.0, 0.2), of(0.2, 0.1), of(0.0, 0.2), even],
        ];
        let kind = Kind::of("all", &scores, Bootstrap::default());
        let [network, random, blob, even] = &kind.rows[..] else {
            panic!("{kind:?}")
        };
        assert_eq!(network.hits.unwrap().value, 0.5);
        assert!((network.share.value - 0.3).abs() < 1e-12);
        assert_eq!(network.network_hits_more, None);
        assert!((random.network_hits_more.unwrap().value - 0.3).abs() < 1e-12);
        assert!((blob.network_share_more.unwrap().value - 0.1).abs() < 1e-12);
        assert_eq!((even.hits, even.network_hits_more), (None, None));
        // Of two photos, a sample holds one of them twice as often as not.
        let interval = network.hits.unwrap().interval.unwrap();
        assert_eq!((interval.low, interval.high), (0.0, 1.0));
    }
}
