//! The façade: bytes of a photo in, an assessment out.
//!
//! The command, the page and the tests all grade through here, so that none
//! of them can grade differently. Knows no clock: the caller hands one in.

use burn::tensor::Device;
use image::RgbImage;

use crate::bundle::{Bundle, BundleError, Manifest, RISKS};
use crate::grading::{Assessment, Milliseconds};
use crate::network::{self, Classifier, Views, WeightsError};
use crate::photo::{self, DecodeLimits, PhotoError, Prepared, Retina};
use crate::quality::{Gate, Reason};

/// Milliseconds since any fixed moment.
pub type Clock<'a> = &'a dyn Fn() -> f64;

/// More than any network answers: the mean over several looks at a photo is a number
/// still.
const MOST_OUTPUT: f32 = 1e30;

/// Why a photo does not get as far as the network.
enum Unfit {
    Photo(PhotoError),
    Shot(Reason, Retina),
}

impl From<PhotoError> for Unfit {
    fn from(error: PhotoError) -> Self {
        Self::Photo(error)
    }
}

/// A photo prepared for the network.
pub struct Ready {
    tensor: Vec<f32>,
    prepared: Prepared,
    pictures: u32,
    milliseconds: Milliseconds,
}

/// A bundle ready to grade on one device.
pub struct Grader {
    manifest: Manifest,
    network: Classifier,
    device: Device,
    backend: String,
    limits: DecodeLimits,
}

impl Grader {
    /// Builds the bundle's network on `device`; `backend` is its name for the reader.
    ///
    /// # Errors
    /// [`BundleError::Weights`] where the weights do not fit the architecture.
    pub fn new(bundle: &Bundle, device: Device, backend: &str) -> Result<Self, BundleError> {
        let manifest = bundle.manifest.clone();
        Ok(Self {
            network: build(bundle, &device)?,
            manifest,
            device,
            backend: backend.to_owned(),
            limits: DecodeLimits::default(),
        })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The network as it runs, batch norms folded away.
    pub fn network(&self) -> &Classifier {
        &self.network
    }

    /// Where the network runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How large a photo may be.
    pub fn limits(&self) -> &DecodeLimits {
        &self.limits
    }

    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Grades one photo. Every failure is an assessment too, with its reason.
    pub async fn grade(&self, photo: &[u8], clock: Clock<'_>) -> Assessment {
        match self.ready(photo, clock) {
            Ok(ready) => self.assess(ready, clock).await,
            Err(assessment) => *assessment,
        }
    }

    /// The first half of [`grade`](Self::grade), which needs no network and may run
    /// on any thread while the network is at another photo.
    ///
    /// # Errors
    /// The assessment of a photo that gets no further.
    pub fn ready(&self, photo: &[u8], clock: Clock<'_>) -> Result<Ready, Box<Assessment>> {
        let start = clock();
        let mut milliseconds = Milliseconds::default();
        let prepared = self.prepare(photo, clock, &mut milliseconds);
        milliseconds.total = clock() - start;
        let (manifest, backend) = (&self.manifest, &self.backend);
        let pictures = photo::pictures(photo);
        let refused = match prepared {
            Ok((tensor, prepared)) => {
                return Ok(Ready {
                    tensor,
                    prepared,
                    pictures,
                    milliseconds,
                });
            }
            Err(Unfit::Photo(error)) => {
                Assessment::refused(manifest, backend, &error, milliseconds)
            }
            Err(Unfit::Shot(reason, retina)) => {
                Assessment::turned_away(manifest, backend, reason, retina, milliseconds)
            }
        };
        Err(Box::new(Assessment {
            pictures,
            ..refused
        }))
    }

    /// The assessment of a photo that could not be read, and never came here.
    pub fn refuse(&self, error: &PhotoError) -> Assessment {
        let none = Milliseconds::default();
        Assessment::refused(&self.manifest, &self.backend, error, none)
    }

    /// The second half: the network, and what its outputs mean.
    pub async fn assess(&self, ready: Ready, clock: Clock<'_>) -> Assessment {
        let Ready {
            tensor,
            prepared,
            pictures,
            mut milliseconds,
        } = ready;
        let start = clock();
        let answered = self.answer(tensor, &prepared.picture, clock, &mut milliseconds);
        match answered.await {
            Err(reason) => Assessment::failed(&self.manifest, &self.backend, &reason),
            Ok((outputs, further)) => {
                milliseconds.total += clock() - start;
                let graded = Assessment::graded(
                    &self.manifest,
                    &self.backend,
                    &outputs,
                    &further,
                    prepared.retina,
                    milliseconds,
                );
                Assessment { pictures, ..graded }
            }
        }
    }

    /// The first look's outputs, and those of further looks where the manifest
    /// asks for them: the photos whose first answer is not clear. Of such a photo
    /// the network sees four pictures, of others one.
    async fn answer(
        &self,
        tensor: Vec<f32>,
        picture: &RgbImage,
        clock: Clock<'_>,
        milliseconds: &mut Milliseconds,
    ) -> Result<(Vec<f32>, Vec<Vec<f32>>), String> {
        let start = clock();
        let outputs = self.outputs(tensor).await?;
        milliseconds.network = clock() - start;
        let looks_again = self.manifest.doubt.as_ref().is_some_and(|doubt| {
            let probabilities = self.manifest.calibration.probabilities(&outputs);
            doubt.looks_again(&probabilities, self.manifest.thresholds.referable.threshold)
        });
        if !looks_again {
            return Ok((outputs, Vec::new()));
        }
        let start = clock();
        let further = self.further(picture).await?;
        milliseconds.looks = clock() - start;
        Ok((outputs, further))
    }

    /// The outputs by which a prepared picture is answered: those of the first look,
    /// or the mean over all looks where the first answer is not clear.
    ///
    /// # Errors
    /// As [`outputs`](Self::outputs).
    pub async fn answered(&self, picture: &RgbImage) -> Result<Vec<f32>, String> {
        let tensor = photo::to_tensor(picture, &self.manifest.preprocessing);
        let mut untimed = Milliseconds::default();
        let answer = self.answer(tensor, picture, &|| 0.0, &mut untimed);
        let (first, further) = answer.await?;
        Ok(Views::of(self.manifest.test_time_flips).mean(&first, &further))
    }

    /// Outputs of further looks at a prepared picture (see [`photo::looks`]), a row
    /// a look, each in one pass whether or not the bundle averages flips.
    ///
    /// # Errors
    /// As [`outputs`](Self::outputs).
    pub async fn further(&self, picture: &RgbImage) -> Result<Vec<Vec<f32>>, String> {
        let settings = &self.manifest.preprocessing;
        let pictures: Vec<f32> = photo::looks(picture)
            .iter()
            .flat_map(|look| photo::to_tensor(look, settings))
            .collect();
        self.run(pictures, Views::One).await
    }

    fn prepare(
        &self,
        bytes: &[u8],
        clock: Clock<'_>,
        milliseconds: &mut Milliseconds,
    ) -> Result<(Vec<f32>, Prepared), Unfit> {
        let start = clock();
        let decoded = photo::decode(bytes, &self.limits);
        milliseconds.decode = clock() - start;
        let before = clock();
        let settings = &self.manifest.preprocessing;
        let decoded = decoded?;
        let prepared = photo::prepare(&decoded, settings)?;
        let verdict = Gate::shipped().check(&decoded, &prepared.retina);
        let tensor = photo::to_tensor(&prepared.picture, settings);
        milliseconds.prepare = clock() - before;
        verdict.map_err(|reason| Unfit::Shot(reason, prepared.retina))?;
        Ok((tensor, prepared))
    }

    /// What the network gives for a prepared picture, planar `[3, size, size]`,
    /// before calibration: the mean over its flips where the bundle asks for them.
    ///
    /// # Errors
    /// The backend's words where it could not compute, or an answer that cannot be used.
    pub async fn outputs(&self, picture: Vec<f32>) -> Result<Vec<f32>, String> {
        let views = Views::of(self.manifest.test_time_flips);
        let rows = self.run(picture, views).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| "it answered nothing".to_owned())
    }

    async fn run(&self, pictures: Vec<f32>, views: Views) -> Result<Vec<Vec<f32>>, String> {
        let size = self.manifest.preprocessing.size as usize;
        let rows = network::outputs(&self.network, pictures, size, views, &self.device).await?;
        let expected = self.manifest.outputs();
        let sound = |row: &Vec<f32>| {
            row.len() == expected && row.iter().all(|output| output.abs() <= MOST_OUTPUT)
        };
        if rows.iter().all(sound) {
            Ok(rows)
        } else {
            Err(format!("it answered {rows:?}"))
        }
    }
}

fn build(bundle: &Bundle, device: &Device) -> Result<Classifier, WeightsError> {
    let manifest = &bundle.manifest;
    let mut network = manifest.architecture.init(
        manifest.calibration.outputs(),
        manifest.preprocessing.size,
        device,
    );
    if manifest.edema.is_some() {
        network = network.with_beside(RISKS, device);
    }
    Ok(network::load(network, &bundle.weights)?.folded())
}
