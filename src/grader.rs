//! The façade: bytes of a photo in, an assessment out.
//!
//! The command, the page and the tests all grade through here, so that none
//! of them can grade differently. Knows no clock: the caller hands one in.

use burn::tensor::Device;

use crate::bundle::{Bundle, BundleError, Manifest};
use crate::grading::{Assessment, Milliseconds};
use crate::network::{self, Architecture, ResNet, Views, WeightsError};
use crate::photo::{self, DecodeLimits, PhotoError, Retina};
use crate::quality::{Gate, Reason};

/// Milliseconds since any fixed moment.
pub type Clock<'a> = &'a dyn Fn() -> f64;

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
    retina: Retina,
    milliseconds: Milliseconds,
}

/// A bundle ready to grade on one device.
pub struct Grader {
    manifest: Manifest,
    network: ResNet,
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
            network: build(
                manifest.architecture,
                manifest.calibration.outputs(),
                bundle,
                &device,
            )?,
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
    pub fn network(&self) -> &ResNet {
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
        match prepared {
            Ok((tensor, retina)) => Ok(Ready {
                tensor,
                retina,
                milliseconds,
            }),
            Err(Unfit::Photo(error)) => Err(Box::new(Assessment::refused(
                manifest,
                backend,
                &error,
                milliseconds,
            ))),
            Err(Unfit::Shot(reason, retina)) => Err(Box::new(Assessment::turned_away(
                manifest,
                backend,
                reason,
                retina,
                milliseconds,
            ))),
        }
    }

    /// The second half: the network, and what its outputs mean.
    pub async fn assess(&self, ready: Ready, clock: Clock<'_>) -> Assessment {
        let Ready {
            tensor,
            retina,
            mut milliseconds,
        } = ready;
        let before = clock();
        match self.outputs(tensor).await {
            Err(reason) => Assessment::failed(&self.manifest, &self.backend, &reason),
            Ok(outputs) => {
                milliseconds.network = clock() - before;
                milliseconds.total += milliseconds.network;
                Assessment::graded(
                    &self.manifest,
                    &self.backend,
                    &outputs,
                    retina,
                    milliseconds,
                )
            }
        }
    }

    fn prepare(
        &self,
        bytes: &[u8],
        clock: Clock<'_>,
        milliseconds: &mut Milliseconds,
    ) -> Result<(Vec<f32>, Retina), Unfit> {
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
        Ok((tensor, prepared.retina))
    }

    /// What the network gives for a prepared picture, planar `[3, size, size]`,
    /// before calibration: the mean over its flips where the bundle asks for them.
    ///
    /// # Errors
    /// The backend's words where it could not compute, or a number that is not finite.
    pub async fn outputs(&self, picture: Vec<f32>) -> Result<Vec<f32>, String> {
        let size = self.manifest.preprocessing.size as usize;
        let views = Views::of(self.manifest.test_time_flips);
        let outputs = network::outputs(&self.network, picture, size, views, &self.device).await?;
        let expected = self.manifest.calibration.outputs();
        if outputs.len() == expected && outputs.iter().all(|o| o.is_finite()) {
            Ok(outputs)
        } else {
            Err(format!("it answered {outputs:?}"))
        }
    }
}

fn build(
    architecture: Architecture,
    outputs: usize,
    bundle: &Bundle,
    device: &Device,
) -> Result<ResNet, WeightsError> {
    let network = architecture.init(outputs, device);
    Ok(network::load(network, &bundle.weights)?.folded())
}
