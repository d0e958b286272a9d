//! The worst mistakes of an evaluation as pictures, each beside the map of what
//! the wrong grade rested on.

use std::io::Cursor;

use anyhow::Result;
use image::{ImageFormat, RgbImage};

use crate::evaluation::Predictions;
use crate::evaluation::report::{Mistake, worst_mistakes};
use crate::explain::{self, CamError, overlay, words};
use crate::grader::Grader;
use crate::training::picture::Picture;

/// Mistakes shown in a report.
const SHOWN: usize = 12;

/// A measured photo.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub name: &'a str,
    /// Prepared for the network.
    pub picture: &'a Picture,
}

/// The worst mistakes, worst first, and what their maps are and are not;
/// `photos` are in the order of `predictions`.
///
/// # Errors
/// Where the network could not run once more.
pub fn worst(
    predictions: &Predictions,
    photos: &[Shown],
    grader: &Grader,
) -> Result<(Vec<Mistake>, Vec<String>)> {
    let mut sentences = Vec::new();
    let mut mistakes = Vec::new();
    for index in worst_mistakes(predictions, SHOWN) {
        let Shown { name, picture } = photos[index];
        let picture = picture.pixels();
        let explanation = match pollster::block_on(explain::look(grader, &picture)) {
            Ok(cam) => {
                if sentences.is_empty() {
                    sentences.push(words::BESIDE.to_owned());
                    sentences.extend(words::caveats(cam.map.width()));
                }
                let map = overlay::over_prepared(&cam.map, picture.width());
                Some(jpeg(&overlay::blend(&picture, &map))?)
            }
            Err(fault @ CamError::NotResidual) => {
                sentences = vec![fault.to_string()];
                None
            }
            Err(fault) => return Err(fault.into()),
        };
        let predicted = predictions.predicted()[index];
        mistakes.push(Mistake {
            name: name.to_owned(),
            truth: predictions.labels()[index],
            predicted,
            confidence: predictions.probabilities()[index][predicted],
            photo: jpeg(&picture)?,
            explanation,
        });
    }
    Ok((mistakes, sentences))
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}
