//! Photos, each with its maps: files of their own and one page.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use maud::{Markup, html};

use super::page;
use crate::cli::progress::bar;
use crate::cli::{command_line, output};
use crate::explain::{self, Explanation, Map, Occlusion, overlay, words};
use crate::grader::Grader;
use crate::grading::Assessment;
use crate::training::export::write_whole;

/// Longer side of the photo on the page, in pixels.
const PHOTO_SIDE: u32 = 1024;
/// Side of the prepared picture on the page, in pixels: small ones are enlarged,
/// so that the map over them is smooth.
const VIEW_SIDE: u32 = 512;

/// Explains each photo and writes the page; ends with a failure code where one
/// could not be explained.
pub fn explain(
    grader: &Grader,
    photos: &[PathBuf],
    out: &Path,
    occlusion: Option<u32>,
) -> Result<ExitCode> {
    are_files(photos)?;
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let mut names = Names::default();
    let mut sections = Vec::new();
    let mut failed = false;
    for photo in photos {
        let title = photo.display().to_string();
        match explain_one(grader, photo, out, &names.of(photo), occlusion) {
            Ok(section) => sections.push(section),
            Err(error) => {
                failed = true;
                output::aside(format_args!("{title}: {error:#}"));
                sections.push(html! {
                    section { h2 { (title) } p { (format!("{error:#}")) } }
                });
            }
        }
    }
    let body = html! {
        p { "Graded and explained by " (grader.manifest().id()) "." }
        @for section in &sections { (section) }
    };
    let file = out.join("index.html");
    let html = page::whole("Where the network looked", &body, &command_line());
    write(&file, html.as_bytes())?;
    output::line(file.display())?;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Whether each is there and no folder, before anything is written.
fn are_files(photos: &[PathBuf]) -> Result<()> {
    for photo in photos {
        let named = || photo.display().to_string();
        if std::fs::metadata(photo).with_context(named)?.is_dir() {
            bail!("{} is a folder; name the photos in it", named());
        }
    }
    Ok(())
}

fn explain_one(
    grader: &Grader,
    photo: &Path,
    out: &Path,
    name: &str,
    occlusion: Option<u32>,
) -> Result<Markup> {
    let bytes = std::fs::read(photo).context("the file could not be read")?;
    let start = Instant::now();
    let clock = move || start.elapsed().as_secs_f64() * 1000.0;
    let assessment = pollster::block_on(grader.grade(&bytes, &clock));
    let explanation = pollster::block_on(explain::explain(grader, &bytes, PHOTO_SIDE))?;
    let Explanation {
        prepared,
        thumbnail,
        photo_size,
        target,
        map,
        ..
    } = &explanation;

    let view = image::imageops::resize(
        &prepared.picture,
        VIEW_SIDE.max(prepared.picture.width()),
        VIEW_SIDE.max(prepared.picture.height()),
        image::imageops::FilterType::CatmullRom,
    );
    let on_view = |map: &Map| overlay::blend(&view, &overlay::over_prepared(map, view.width()));
    let over_photo = overlay::over_photo(map, prepared, *photo_size, thumbnail.dimensions());
    let mut pictures = vec![
        Picture::new("photo", thumbnail.clone(), "The photo.")?,
        Picture::new(
            "map-on-photo",
            overlay::blend(thumbnail, &over_photo),
            "The photo under the map.",
        )?,
        Picture::new("seen", prepared.picture.clone(), "What the network saw.")?,
        Picture::new("map-on-seen", on_view(map), "The same under the map.")?,
    ];
    let mut sentences = vec![words::grad_cam(*target), words::place(map)];
    if let Some(cells) = occlusion {
        let covered = cover(grader, &explanation, name, cells)?;
        sentences.push(words::occlusion(*target));
        sentences.push(words::COVERED.to_owned());
        pictures.push(Picture::new(
            "occlusion",
            on_view(&covered.positive()),
            "The occlusion map.",
        )?);
    }
    for picture in &pictures {
        write(
            &out.join(format!("{name}-{}.png", picture.kind)),
            &picture.png,
        )?;
    }
    Ok(section(
        photo,
        &assessment,
        &pictures,
        &sentences,
        map.width(),
    ))
}

fn cover(grader: &Grader, explanation: &Explanation, name: &str, cells: u32) -> Result<Map> {
    let options = Occlusion {
        cells,
        ..Occlusion::default()
    };
    let progress = bar(&format!("Covering {name}"), 0);
    let map = pollster::block_on(explain::occlude(
        &|pictures| grader.network().forward(pictures),
        &explanation.prepared.picture,
        &grader.manifest().preprocessing,
        explanation.target,
        &options,
        grader.device(),
        async |done, total| {
            progress.set_length(total as u64);
            progress.set_position(done as u64);
            true
        },
    ))?;
    progress.finish_and_clear();
    map.context("nobody stops it here")
}

/// A picture that goes to a file and onto the page.
struct Picture {
    kind: &'static str,
    caption: &'static str,
    png: Vec<u8>,
}

impl Picture {
    fn new(kind: &'static str, picture: image::RgbImage, caption: &'static str) -> Result<Self> {
        Ok(Self {
            kind,
            caption,
            png: overlay::png(picture)?,
        })
    }
}

fn section(
    photo: &Path,
    assessment: &Assessment,
    pictures: &[Picture],
    sentences: &[String],
    cells: usize,
) -> Markup {
    let result = [assessment.referral, assessment.doubt.as_deref()];
    html! {
        section {
            h2 { (photo.display()) }
            @if let Some(label) = assessment.grade_label { p.grade { (label) } }
            @for line in result.into_iter().flatten() { p { (line) } }
            div.pictures {
                @for picture in pictures {
                    (page::figure(&picture.png, picture.caption, picture.caption))
                }
            }
            @for sentence in sentences { p { (sentence) } }
            (page::caveats(&words::caveats(cells)))
        }
    }
}

/// The photos' file names without their endings, made different from each other.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
}

impl Names {
    fn of(&mut self, photo: &Path) -> String {
        let stem = photo
            .file_stem()
            .map_or("photo".into(), |stem| stem.to_string_lossy());
        let mut name = stem.clone().into_owned();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{stem}-{number}");
            number += 1;
        }
        name
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_whole(path, bytes).map_err(|error| anyhow!(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_the_same_name_do_not_overwrite_each_other() {
        let mut names = Names::default();
        let of = ["a/left.jpg", "b/left.png", "c/right.jpg", "left.jpg"]
            .map(|photo| names.of(Path::new(photo)));
        assert_eq!(of, ["left", "left-2", "right", "left-3"]);
    }
}
