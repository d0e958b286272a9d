//! Where in a photo a grade came from.
//!
//! [`grad_cam`] says which places spoke for an answer, from one forward pass;
//! [`occlude`] asks the network again and again with a part covered, which is
//! slower and trusts no gradient. Both give a [`Map`] over the prepared picture,
//! which [`overlay`] colours and lays over that picture or over the photo.
//! [`words`] say what such a map is not, and go wherever one is shown.

pub mod features;
mod grad_cam;
mod map;
mod occlusion;
pub mod overlay;
mod target;
pub mod words;

pub use grad_cam::{CamError, GradCam, grad_cam};
pub use map::Map;
pub use occlusion::{Occlusion, occlude};
pub use target::Target;

use image::RgbImage;

use crate::grader::Grader;
use crate::photo::{self, PhotoError, Prepared};

/// How a map was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    GradCam,
    Occlusion,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Self::GradCam => "grad-cam",
            Self::Occlusion => "occlusion",
        }
    }
}

/// A photo, what the network saw of it, and where its evidence lay.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub method: Method,
    pub prepared: Prepared,
    /// The photo upright, small enough to show.
    pub thumbnail: RgbImage,
    /// Width and height of the photo itself, in pixels.
    pub photo_size: (u32, u32),
    /// What the map speaks for.
    pub target: Target,
    pub map: Map,
}

/// Why a photo has no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error(transparent)]
    Photo(#[from] PhotoError),
    #[error(transparent)]
    Network(#[from] CamError),
}

impl ExplainError {
    /// The code of a model of which no such map can be made.
    pub const NOT_RESIDUAL: &'static str = "not-residual";

    /// Stable and kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Photo(error) => error.code(),
            Self::Network(CamError::NotResidual) => Self::NOT_RESIDUAL,
            Self::Network(CamError::Run(_)) => "network-failed",
        }
    }
}

/// The Grad-CAM of the grade that `grader` gives this photo, the same way that
/// it is graded; `side` is the longer side of the thumbnail in pixels.
///
/// # Errors
/// Where the photo cannot be prepared or the network could not run.
pub async fn explain(
    grader: &Grader,
    bytes: &[u8],
    side: u32,
) -> Result<Explanation, ExplainError> {
    let ready = Ready::of(grader, bytes, side)?;
    let cam = look(grader, &ready.prepared.picture).await?;
    Ok(ready.with(Method::GradCam, cam.target, cam.map))
}

/// The occlusion map of the same grade, with the searching that [`Occlusion`]
/// has by default; where covering helped, it is clear. `go_on` hears how many
/// covered pictures of how many are done; where it answers false, there is none.
///
/// # Errors
/// As for [`explain`].
pub async fn cover(
    grader: &Grader,
    bytes: &[u8],
    side: u32,
    go_on: impl AsyncFnMut(usize, usize) -> bool,
) -> Result<Option<Explanation>, ExplainError> {
    let ready = Ready::of(grader, bytes, side)?;
    let settings = &grader.manifest().preprocessing;
    let target = answered(grader, &ready.prepared.picture).await?;
    let map = occlude(
        &|pictures| grader.network().forward(pictures),
        &ready.prepared.picture,
        settings,
        target,
        &Occlusion::default(),
        grader.device(),
        go_on,
    )
    .await?;
    Ok(map.map(|map| ready.with(Method::Occlusion, target, map.positive())))
}

/// A photo read and prepared, as every explanation begins.
struct Ready {
    prepared: Prepared,
    thumbnail: RgbImage,
    photo_size: (u32, u32),
}

impl Ready {
    fn of(grader: &Grader, bytes: &[u8], side: u32) -> Result<Self, PhotoError> {
        // A camera's photo can be hundreds of megabytes: it goes at the end of this.
        let decoded = photo::decode(bytes, grader.limits())?;
        Ok(Self {
            prepared: photo::prepare(&decoded, &grader.manifest().preprocessing)?,
            thumbnail: photo::thumbnail(&decoded, side),
            photo_size: decoded.dimensions(),
        })
    }

    fn with(self, method: Method, target: Target, map: Map) -> Explanation {
        Explanation {
            method,
            prepared: self.prepared,
            thumbnail: self.thumbnail,
            photo_size: self.photo_size,
            target,
            map,
        }
    }
}

/// The Grad-CAM of the grade that `grader` gives a prepared picture.
///
/// # Errors
/// Where the network could not run.
pub async fn look(grader: &Grader, picture: &RgbImage) -> Result<GradCam, CamError> {
    let settings = &grader.manifest().preprocessing;
    let network = grader.network().residual().ok_or(CamError::NotResidual)?;
    let target = answered(grader, picture).await?;
    grad_cam(
        network,
        photo::to_tensor(picture, settings),
        settings.size as usize,
        |_| target,
        grader.device(),
    )
    .await
}

/// The grade a prepared picture is given, which the map is to be about, however
/// many looks it took.
async fn answered(grader: &Grader, picture: &RgbImage) -> Result<Target, CamError> {
    let mut outputs = grader.answered(picture).await.map_err(CamError::Run)?;
    // What else the network answers follows the grade's.
    outputs.truncate(grader.manifest().calibration.outputs());
    Ok(Target::predicted(&outputs))
}
