//! What the network's channels answer to, on one page.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::{Tensor, TensorData};
use maud::{Markup, html};

use super::page;
use crate::cli::progress::bar;
use crate::cli::{command_line, output};
use crate::counted::counted;
use crate::explain::features::{filters, patch, signed};
use crate::explain::{overlay, words};
use crate::grader::Grader;
use crate::network::{self, ResNet};
use crate::photo;
use crate::training::dataset::{self, Record};
use crate::training::export::write_whole;
use crate::training::picture::{Picture, Room};
use crate::training::pictures;

/// Pictures that go through the network together.
const BATCH: usize = 8;
/// Photos shown of each channel.
const SHOWN: usize = 5;

/// How much to look through and show.
pub struct Wanted {
    pub photos: usize,
    /// Channels of each stage.
    pub channels: usize,
}

/// The network, whose stages and channels only a residual one has.
fn residual(grader: &Grader) -> Result<&ResNet> {
    let network = grader.network().residual();
    network.with_context(|| {
        let architecture = grader.manifest().architecture;
        format!("--features looks into residual networks, and this bundle is of {architecture}")
    })
}

/// Writes `filters.png` and `index.html`.
pub fn show(grader: &Grader, data: &Path, out: &Path, wanted: &Wanted) -> Result<()> {
    let photos = prepare(grader, data, wanted.photos)?;
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let write = |name: &str, bytes: &[u8]| {
        write_whole(&out.join(name), bytes).map_err(|error| anyhow!(error))
    };
    let weights = residual(grader)?.first_filters();
    let [count, _, side, _] = weights.dims();
    let weights = pollster::block_on(network::values(weights)).map_err(|error| anyhow!(error))?;
    let sheet = overlay::png(filters(&weights, side))?;
    write("filters.png", &sheet)?;

    let excitations = excitations(grader, &photos)?;
    let progress = bar("Projecting", excitations.len() * wanted.channels * SHOWN);
    let mut stages = Vec::new();
    for (index, excitation) in excitations.iter().enumerate() {
        let mut channels = Vec::new();
        for (channel, best) in excitation.chosen(wanted.channels) {
            let mut pairs = Vec::new();
            for photo in best {
                pairs.push(project(grader, &photos[photo], index + 1, channel)?);
                progress.inc(1);
            }
            channels.push(html! {
                h3 { "Channel " (channel) }
                div.channel { @for pair in &pairs { (pair) } }
            });
        }
        stages.push(html! {
            section {
                h2 { "Stage " (index + 1) ", " (excitation.channels) " channels" }
                @for channel in &channels { (channel) }
            }
        });
    }
    progress.finish_and_clear();

    let caption = format!(
        "The {count} filters of the first layer, {side} by {side} pixels, each scaled to its own \
         largest weight; grey is nothing."
    );
    let body = html! {
        p {
            (counted(photos.len(), "photo")) " of " (data.display()) ", as " (grader.manifest().id())
            " sees them."
        }
        (page::caveats(&words::FEATURES.map(str::to_owned)))
        section.filters { h2 { "First layer" } (page::figure(&sheet, &caption, &caption)) }
        @for stage in &stages { (stage) }
    };
    let html = page::whole("What the network has learnt to see", &body, &command_line());
    write("index.html", html.as_bytes())?;
    output::line(out.join("index.html").display())?;
    Ok(())
}

/// A prepared photo.
struct Photo {
    name: String,
    picture: Picture,
}

fn prepare(grader: &Grader, data: &Path, most: usize) -> Result<Vec<Photo>> {
    let records: Vec<Record> = dataset::read_all(&[data.to_owned()])?
        .into_iter()
        .flat_map(|set| set.records)
        .collect();
    let step = records.len().div_ceil(most).max(1);
    let chosen: Vec<Record> = records.into_iter().step_by(step).collect();
    let settings = &grader.manifest().preprocessing;
    let progress = bar("Preparing", chosen.len());
    let (prepared, _) = pictures::prepare(&chosen, settings, &Room::new(None), &|done| {
        progress.set_position(done as u64);
    })
    .map_err(|reason| anyhow!(reason))?;
    progress.finish_and_clear();
    let photos: Vec<Photo> = chosen
        .iter()
        .zip(prepared)
        .filter_map(|(record, picture)| {
            Some(Photo {
                name: record.name.clone(),
                picture: picture?,
            })
        })
        .collect();
    if photos.is_empty() {
        bail!("{}: no photo could be prepared", data.display());
    }
    Ok(photos)
}

/// How much each channel of a stage answered to each photo, at most.
struct Excitation {
    channels: usize,
    /// A row of channels a photo.
    highest: Vec<Vec<f32>>,
}

fn excitations(grader: &Grader, photos: &[Photo]) -> Result<Vec<Excitation>> {
    let settings = &grader.manifest().preprocessing;
    let side = settings.size as usize;
    let mut stages: Vec<Excitation> = Vec::new();
    let progress = bar("Looking", photos.len());
    for some in photos.chunks(BATCH) {
        let planes: Vec<f32> = some
            .iter()
            .flat_map(|photo| photo::to_tensor(&photo.picture.pixels(), settings))
            .collect();
        let data = TensorData::new(planes, [some.len(), 3, side, side]);
        let input = Tensor::<4>::from_data(data, grader.device());
        let layers = residual(grader)?.activations(input).layers;
        for (index, layer) in layers.into_iter().enumerate() {
            let [batch, channels, height, width] = layer.dims();
            let highest = layer.reshape([batch, channels, height * width]).max_dim(2);
            let values =
                pollster::block_on(network::values(highest)).map_err(|error| anyhow!(error))?;
            if stages.len() == index {
                stages.push(Excitation {
                    channels,
                    highest: Vec::new(),
                });
            }
            let rows = values.chunks(channels).map(<[f32]>::to_vec);
            stages[index].highest.extend(rows);
        }
        progress.inc(some.len() as u64);
    }
    progress.finish_and_clear();
    Ok(stages)
}

impl Excitation {
    /// The channels that tell photos apart most, by how far the answer to the
    /// photos they like best lies above their mean answer, each with those photos.
    fn chosen(&self, count: usize) -> Vec<(usize, Vec<usize>)> {
        let photos = self.highest.len() as f32;
        let of = |channel: usize| self.highest.iter().map(move |row| row[channel]);
        let usual = (0..self.channels).flat_map(of).sum::<f32>() / photos / self.channels as f32;
        let mut ranked: Vec<(f32, usize, Vec<usize>)> = (0..self.channels)
            .map(|channel| {
                let answers: Vec<f32> = of(channel).collect();
                let mut order: Vec<usize> = (0..answers.len()).collect();
                order.sort_by(|a, b| answers[*b].total_cmp(&answers[*a]).then(a.cmp(b)));
                order.truncate(SHOWN);
                let mean = answers.iter().sum::<f32>() / photos;
                let top = order.iter().map(|photo| answers[*photo]).sum::<f32>();
                let apart = (top / order.len() as f32 - mean) / (mean + usual);
                (apart, channel, order)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked
            .into_iter()
            .take(count)
            .map(|(_, channel, photos)| (channel, photos))
            .collect()
    }
}

/// The part of a photo that a channel answered to, and the way back to its pixels.
fn project(grader: &Grader, photo: &Photo, stage: usize, channel: usize) -> Result<Markup> {
    let settings = &grader.manifest().preprocessing;
    let side = settings.size as usize;
    let data = TensorData::new(
        photo::to_tensor(&photo.picture.pixels(), settings),
        [1, 3, side, side],
    );
    let input = Tensor::<4>::from_data(data, grader.device());
    let found = pollster::block_on(residual(grader)?.project(input, stage, channel))
        .map_err(|error| anyhow!(error))?;
    let patch = patch(&found.pixels, side);
    let own = overlay::png(patch.of(&photo.picture.pixels()))?;
    let back = overlay::png(patch.of(&signed(&found.pixels, side)))?;
    Ok(html! {
        div.pair {
            (page::image(&own, &format!("part of {}", photo.name)))
            (page::image(&back, &format!("what channel {channel} answered to in it")))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_that_tell_photos_apart_come_first_with_the_photos_they_like() {
        // Channel 0 answers to all alike, channel 1 to one photo, channel 2 to none.
        let highest = (0..10)
            .map(|photo| vec![5.0, if photo == 7 { 9.0 } else { 0.0 }, 0.0])
            .collect();
        let stage = Excitation {
            channels: 3,
            highest,
        };
        let chosen = stage.chosen(2);
        assert_eq!((chosen[0].0, chosen[0].1[0]), (1, 7));
        assert_eq!(chosen[0].1.len(), SHOWN);
        assert_eq!(chosen[1].0, 0);
    }
}
