//! Where a training runs.

use burn::tensor::Device;

/// One device, or several of a kind that divide each batch among them.
#[derive(Clone, Debug)]
pub struct Devices {
    first: Device,
    others: Vec<Device>,
}

impl Devices {
    /// The device that holds the optimiser and judges epochs, then those that help it.
    pub fn new(first: Device, others: Vec<Device>) -> Self {
        Self { first, others }
    }

    pub fn first(&self) -> &Device {
        &self.first
    }

    pub fn iter(&self) -> impl Iterator<Item = &Device> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The same with gradients.
    pub fn autodiff(&self) -> Self {
        Self {
            first: self.first.clone().autodiff(),
            others: self.others.iter().cloned().map(Device::autodiff).collect(),
        }
    }

    /// Sets what the devices draw from; each draws otherwise than the next.
    pub fn seed(&self, seed: u64) {
        for (place, device) in self.iter().enumerate() {
            device.seed(seed.wrapping_add((place as u64) << 32));
        }
    }
}

impl From<Device> for Devices {
    fn from(device: Device) -> Self {
        Self::new(device, Vec::new())
    }
}
