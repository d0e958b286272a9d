//! `--device` and `--devices`: where a training runs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, bail};
use burn::tensor::{Device, DeviceKind, Tensor};
use clap::{Args, ValueEnum};

use crate::training::devices::Devices;

/// A kind of hardware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Hardware {
    /// This machine's processor, in every build
    #[default]
    Cpu,
    /// A GPU through Vulkan or Metal, in a build with `--features gpu`
    Gpu,
    /// An NVIDIA GPU through CUDA, in a build with `--features cuda`
    Cuda,
}

/// What convolutions multiply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// Numbers of 32 bits; in the matrix units of an NVIDIA GPU, TensorFloat-32
    #[default]
    Single,
    /// Numbers of 16 bits (bfloat16), summed in 32, with --device cuda; weights and all else
    /// stay in 32
    Mixed,
}

/// Flags of the commands that train.
#[derive(Args)]
pub struct DeviceFlags {
    /// Hardware to train on; figures of one kind and of another differ in the last digits
    #[arg(long, value_enum, default_value = "cpu")]
    device: Hardware,
    /// GPUs that divide each batch among them; batch norm sees a part at a time, so another
    /// number gives other weights, and a training that goes on wants the same
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=64))]
    devices: u16,
    /// Precision of an NVIDIA GPU's convolutions; a training that goes on wants the same
    #[arg(long, value_enum, default_value = "single")]
    precision: Precision,
}

impl DeviceFlags {
    /// The devices, once each has answered.
    ///
    /// # Errors
    /// Where this build cannot use them or the machine has too few.
    pub fn open(&self) -> Result<Devices> {
        if self.device == Hardware::Cpu && self.devices > 1 {
            bail!(
                "--devices {}: a processor is one device and already uses all its cores; leave \
                 --devices out, or name --device cuda or gpu",
                self.devices
            );
        }
        if self.device != Hardware::Cuda && self.precision == Precision::Mixed {
            bail!(
                "--precision mixed: only --device cuda multiplies in it; leave --precision out, or \
                 name that"
            );
        }
        let first = self.open_one(0)?;
        self.set_precision(&first)?;
        let others = (1..self.devices)
            .map(|index| self.open_one(index))
            .collect::<Result<_>>()?;
        Ok(Devices::new(first, others))
    }

    #[cfg(feature = "cuda")]
    fn set_precision(&self, device: &Device) -> Result<()> {
        let mixed = self.precision == Precision::Mixed;
        if mixed && !device.supports_dtype(burn::tensor::DType::BF16) {
            bail!("--precision mixed: this GPU knows no bfloat16; use --precision single");
        }
        crate::network::cuda::mix_precision(mixed);
        Ok(())
    }

    #[cfg(not(feature = "cuda"))]
    #[allow(clippy::unnecessary_wraps, clippy::unused_self)] // There is no GPU to set.
    fn set_precision(&self, _: &Device) -> Result<()> {
        Ok(())
    }

    fn open_one(&self, index: u16) -> Result<Device> {
        let device = match self.device {
            Hardware::Cpu => Device::flex(),
            Hardware::Gpu => gpu(self.kind(index))?,
            Hardware::Cuda => cuda(index)?,
        };
        if self.device == Hardware::Cpu || answers(&device) {
            return Ok(device);
        }
        if index > 0 {
            bail!(
                "--devices {}: only {index} answered here; lower it",
                self.devices
            );
        }
        let (name, fix) = match self.device {
            Hardware::Cuda => ("cuda", "install NVIDIA's driver and CUDA 12 or later"),
            _ => ("gpu", "install the driver of its maker, with Vulkan"),
        };
        bail!("--device {name}: no such GPU answers here; {fix}, or use --device cpu")
    }

    /// A machine's own GPU may be no card of its own, but several are.
    fn kind(&self, index: u16) -> DeviceKind {
        if self.devices == 1 {
            DeviceKind::DefaultDevice
        } else {
            DeviceKind::DiscreteGpu(index.into())
        }
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
fn gpu(kind: DeviceKind) -> Result<Device> {
    Ok(Device::wgpu(kind))
}

#[cfg(not(feature = "gpu"))]
fn gpu(_: DeviceKind) -> Result<Device> {
    Err(not_built("gpu"))
}

#[cfg(feature = "cuda")]
#[allow(clippy::unnecessary_wraps)] // A build without the feature has nothing to give.
fn cuda(index: u16) -> Result<Device> {
    Ok(Device::cuda(usize::from(index)))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: u16) -> Result<Device> {
    Err(not_built("cuda"))
}

#[cfg(not(all(feature = "gpu", feature = "cuda")))]
fn not_built(feature: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "--device {feature}: this fovea was built without it; build it with `cargo build --release \
         --features {feature}`, or use --device cpu"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(device: Hardware, devices: u16) -> DeviceFlags {
        DeviceFlags {
            device,
            devices,
            precision: Precision::Single,
        }
    }

    #[test]
    fn the_processor_answers() {
        let devices = flags(Hardware::Cpu, 1).open().unwrap();
        assert!(answers(devices.first()));
    }

    #[test]
    fn a_processor_is_one_device() {
        let words = flags(Hardware::Cpu, 2).open().unwrap_err().to_string();
        assert!(words.contains("--devices 2"), "{words}");
    }

    #[test]
    fn a_processor_mixes_no_precisions() {
        let mut flags = flags(Hardware::Cpu, 1);
        flags.precision = Precision::Mixed;
        let words = flags.open().unwrap_err().to_string();
        assert!(words.contains("--precision mixed"), "{words}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_a_device_names_the_one_that_has_it() {
        let words = flags(Hardware::Cuda, 1).open().unwrap_err().to_string();
        assert!(words.contains("--features cuda"), "{words}");
    }
}
