//! The façade: bytes of a photo in, an assessment out.
//!
//! The command, the page and the tests all grade through here, so that none
//! of them can grade differently. Knows no clock: the caller hands one in.

use burn::tensor::Device;

use crate::bundle::{Bundle, BundleError, Manifest};
use crate::grading::{Assessment, Milliseconds};
use crate::network::{self, Architecture, ResNet, WeightsError};
use crate::photo::{self, DecodeLimits, PhotoError, Retina};

/// Milliseconds since any fixed moment.
pub type Clock<'a> = &'a dyn Fn() -> f64;

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
                manifest.classes.len(),
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
        let start = clock();
        let mut milliseconds = Milliseconds::default();
        match self.prepare(photo, clock, &mut milliseconds) {
            Err(error) => {
                milliseconds.total = clock() - start;
                Assessment::refused(&self.manifest, &self.backend, &error, milliseconds)
            }
            Ok((tensor, retina)) => {
                let before = clock();
                match self.logits(tensor).await {
                    Err(reason) => Assessment::failed(&self.manifest, &self.backend, &reason),
                    Ok(logits) => {
                        milliseconds.network = clock() - before;
                        milliseconds.total = clock() - start;
                        Assessment::graded(
                            &self.manifest,
                            &self.backend,
                            &logits,
                            retina,
                            milliseconds,
                        )
                    }
                }
            }
        }
    }

    fn prepare(
        &self,
        bytes: &[u8],
        clock: Clock<'_>,
        milliseconds: &mut Milliseconds,
    ) -> Result<(Vec<f32>, Retina), PhotoError> {
        let start = clock();
        let decoded = photo::decode(bytes, &self.limits);
        milliseconds.decode = clock() - start;
        let before = clock();
        let settings = &self.manifest.preprocessing;
        let prepared = photo::prepare(&decoded?, settings)?;
        let tensor = photo::to_tensor(&prepared.picture, settings);
        milliseconds.prepare = clock() - before;
        Ok((tensor, prepared.retina))
    }

    /// Uncalibrated logits of a prepared picture, planar `[3, size, size]`.
    ///
    /// # Errors
    /// The backend's words where it could not compute, or a number that is not finite.
    pub async fn logits(&self, picture: Vec<f32>) -> Result<Vec<f32>, String> {
        let size = self.manifest.preprocessing.size as usize;
        let logits = network::logits(&self.network, picture, size, &self.device).await?;
        if logits.len() == self.manifest.classes.len() && logits.iter().all(|l| l.is_finite()) {
            Ok(logits)
        } else {
            Err(format!("it answered {logits:?}"))
        }
    }
}

fn build(
    architecture: Architecture,
    classes: usize,
    bundle: &Bundle,
    device: &Device,
) -> Result<ResNet, WeightsError> {
    let network = architecture.init(classes, device);
    Ok(network::load(network, &bundle.weights)?.folded())
}
