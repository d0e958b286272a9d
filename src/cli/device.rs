//! `--device`: where a training runs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, anyhow, bail};
use burn::tensor::{Device, Tensor};
use clap::{Args, ValueEnum};

/// A kind of hardware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Hardware {
    /// This machine's processor, in every build
    #[default]
    Cpu,
    /// A GPU through Vulkan or Metal, in a build with `--features gpu`
    Gpu,
    /// An NVIDIA GPU through CUDA, in a build with `--features cuda`; the first run looks for
    /// the fastest kernels, which takes many minutes
    Cuda,
}

/// Flags of the commands that train.
#[derive(Args)]
pub struct DeviceFlags {
    /// Hardware to train on; figures of one kind and of another differ in the last digits
    #[arg(long, value_enum, default_value = "cpu")]
    device: Hardware,
}

impl DeviceFlags {
    /// The device, once it has answered.
    ///
    /// # Errors
    /// Where this build cannot use it or the machine has none.
    pub fn open(&self) -> Result<Device> {
        let device = match self.device {
            Hardware::Cpu => Device::flex(),
            Hardware::Gpu => gpu()?,
            Hardware::Cuda => cuda()?,
        };
        if self.device == Hardware::Cpu || answers(&device) {
            return Ok(device);
        }
        let (name, fix) = match self.device {
            Hardware::Cuda => ("cuda", "install NVIDIA's driver and CUDA 12 or later"),
            _ => ("gpu", "install the driver of its maker, with Vulkan"),
        };
        bail!("--device {name}: no such GPU answers here; {fix}, or use --device cpu")
    }
}

/// Whether a sum comes back right: a device that is not there panics only when used.
fn answers(device: &Device) -> bool {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let sum = catch_unwind(AssertUnwindSafe(|| {
        Tensor::<1>::ones([8], device).sum().into_scalar::<f32>()
    }));
    std::panic::set_hook(quiet);
    sum.is_ok_and(|sum| sum == 8.0)
}

#[cfg(feature = "gpu")]
#[allow(clippy::unnecessary_wraps)] // A build without the feature has nothing to give.
fn gpu() -> Result<Device> {
    Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "gpu"))]
fn gpu() -> Result<Device> {
    Err(not_built("gpu"))
}

#[cfg(feature = "cuda")]
#[allow(clippy::unnecessary_wraps)] // A build without the feature has nothing to give.
fn cuda() -> Result<Device> {
    Ok(Device::cuda(0))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device> {
    Err(not_built("cuda"))
}

#[cfg(not(all(feature = "gpu", feature = "cuda")))]
fn not_built(feature: &str) -> anyhow::Error {
    anyhow!(
        "--device {feature}: this fovea was built without it; build it with `cargo build --release \
         --features {feature}`, or use --device cpu"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_answers() {
        let flags = DeviceFlags {
            device: Hardware::Cpu,
        };
        assert!(answers(&flags.open().unwrap()));
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_a_device_names_the_one_that_has_it() {
        let flags = DeviceFlags {
            device: Hardware::Cuda,
        };
        let words = flags.open().unwrap_err().to_string();
        assert!(words.contains("--features cuda"), "{words}");
    }
}
