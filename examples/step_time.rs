use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use fovea::network::Architecture;
use std::time::Instant;
fn main() {
    let size: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let n = 32;
    let device = Device::flex().autodiff();
    let mut net = Architecture::ResNet18.init(5, &device);
    let mut opt = AdamWConfig::new().init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    for _ in 0..4 {
        let t = Instant::now();
        let x = Tensor::<4>::from_data(TensorData::new(vec![0.3f32; n * 3 * size * size], [n, 3, size, size]), &device);
        let y = Tensor::<1, Int>::from_data(TensorData::new(vec![1i32; n], [n]), &device);
        let l = loss.forward(net.forward(x), y);
        let f = t.elapsed();
        let g = l.backward();
        let b = t.elapsed();
        let g = GradientsParams::from_grads(g, &net);
        net = opt.step(1e-4, net, g);
        println!("forward {f:?} backward {:?} step {:?} total {:?} = {:.1}/s", b - f, t.elapsed() - b, t.elapsed(), n as f64 / t.elapsed().as_secs_f64());
    }
}
