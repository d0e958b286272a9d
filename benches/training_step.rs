//! One training step of ResNet-18 on this machine: ours, and PyTorch's
//! beside it, in turns, so that whatever else the machine does meets both.
//!
//! ```text
//! python3 -m venv ~/.cache/fovea/python && ~/.cache/fovea/python/bin/pip install torch
//! cargo bench --profile dev --bench training_step -- --python ~/.cache/fovea/python/bin/python
//! ```
//!
//! Both sides: the same network, batch, size and number of threads; forward
//! pass, label-smoothed cross-entropy, backward pass and AdamW, in `f32`, on a
//! batch that lies in memory. Without `--python`, ours alone. Further flags:
//! `--size 128 --batch 32 --threads 2 --steps 3 --rounds 7`, and `--device cuda`
//! in a build with `--features cuda`. PyTorch is then told to use TensorFloat-32
//! in all products, as ours do, and to lay feature maps with the channels last.
//! `--mixed` has both sides multiply in bfloat16.
//! A ratio above 1 means that ours is faster. The processor's own time is what
//! other work on the machine disturbs least.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Int, Tensor, TensorData};
use fovea::network::{Depth, ResNet};
use fovea::training::optimizer::Optimizer;
use fovea::training::schedule::discriminative;

#[cfg(feature = "cuda")]
fn open(device: &str, mixed: bool) -> Device {
    fovea::network::cuda::mix_precision(mixed);
    if device == "cuda" {
        Device::cuda(0)
    } else {
        Device::flex()
    }
}

#[cfg(not(feature = "cuda"))]
fn open(device: &str, mixed: bool) -> Device {
    assert!(device == "cpu" && !mixed, "built without --features cuda");
    Device::flex()
}

/// What one measurement came to, for one step.
#[derive(Clone, Copy)]
struct Measured {
    /// Seconds on the clock.
    wall: f64,
    /// Seconds of processor time, all threads together.
    processor: f64,
    /// The last step's loss: a step that does nothing would show here.
    loss: f64,
}

struct Flags {
    python: Option<String>,
    size: usize,
    batch: usize,
    threads: usize,
    steps: usize,
    rounds: usize,
    device: &'static str,
    mixed: bool,
}

impl Flags {
    fn read() -> Self {
        let mut flags = Self {
            python: None,
            size: 128,
            batch: 32,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            steps: 3,
            rounds: 7,
            device: "cpu",
            mixed: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .unwrap_or_else(|| panic!("{word} needs a value"))
            };
            let number = |text: String| {
                text.parse()
                    .unwrap_or_else(|_| panic!("{text:?} is not a number"))
            };
            match word.as_str() {
                "--python" => flags.python = Some(value()),
                "--size" => flags.size = number(value()),
                "--batch" => flags.batch = number(value()),
                "--threads" => flags.threads = number(value()),
                "--steps" => flags.steps = number(value()),
                "--rounds" => flags.rounds = number(value()),
                "--device" => {
                    flags.device = match value().as_str() {
                        "cpu" => "cpu",
                        "cuda" => "cuda",
                        other => panic!("--device is cpu or cuda, not {other}"),
                    }
                }
                "--mixed" => flags.mixed = true,
                // What `cargo bench` itself passes on.
                "--bench" => {}
                other => panic!("unknown flag {other}"),
            }
        }
        flags
    }
}

/// Our side: what `training::finetune` does with a batch.
struct Ours {
    network: Option<ResNet>,
    optimizer: ModuleOptimizer,
    loss: CrossEntropyLoss,
    pictures: Vec<f32>,
    flags: (usize, usize),
    device: Device,
}

impl Ours {
    fn new(flags: &Flags) -> Self {
        let device = open(flags.device, flags.mixed).autodiff();
        let numbers = flags.batch * 3 * flags.size * flags.size;
        Self {
            network: Some(ResNet::init(Depth::D18, 5, &device)),
            optimizer: Optimizer::Adamw.init(0.01),
            loss: CrossEntropyLossConfig::new()
                .with_smoothing(Some(0.1))
                .init(&device),
            // Any numbers of about unit variance will do.
            pictures: (0..numbers).map(|i| (i as f32 * 0.7).sin() * 1.4).collect(),
            flags: (flags.size, flags.batch),
            device,
        }
    }

    fn measure(&mut self, steps: usize) -> Measured {
        let (size, batch) = self.flags;
        let mut schedule =
            discriminative(1e-3, 0.3, 1000).expect("the rates are within their range");
        let mut last = f64::NAN;
        let (start, before) = (Instant::now(), processor_seconds());
        for _ in 0..steps {
            let network = self.network.take().expect("it is put back below");
            let pictures = TensorData::new(self.pictures.clone(), [batch, 3, size, size]);
            let grades: Vec<i32> = (0..batch as i32).map(|i| i % 5).collect();
            let grades = TensorData::new(grades, [batch]);
            let logits = network.forward(Tensor::from_data(pictures, &self.device));
            let value = self
                .loss
                .forward(logits, Tensor::<1, Int>::from_data(grades, &self.device));
            last = f64::from(value.clone().into_scalar::<f32>());
            let gradients = GradientsParams::from_grads(value.backward(), &network);
            self.network = Some(self.optimizer.step(schedule.step(), network, gradients));
        }
        Measured {
            wall: start.elapsed().as_secs_f64() / steps as f64,
            processor: (processor_seconds() - before) / steps as f64,
            loss: last,
        }
    }
}

/// User and system time of this process so far (Linux; elsewhere not a number).
fn processor_seconds() -> f64 {
    /// Ticks of `/proc`: always 100 a second on Linux.
    const TICKS: f64 = 100.0;
    let Ok(line) = std::fs::read_to_string("/proc/self/stat") else {
        return f64::NAN;
    };
    // The name in brackets may hold blanks; the 12th and 13th field after it are meant.
    let ticks = line.rsplit_once(')').map(|(_, rest)| {
        rest.split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum::<f64>()
    });
    ticks.map_or(f64::NAN, |ticks| ticks / TICKS)
}

/// PyTorch's side: a process that waits for its turn.
struct Theirs {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Theirs {
    fn new(python: &str, flags: &Flags) -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/benches/pytorch_training_step.py"
        );
        let mut process = Command::new(python)
            .arg(script)
            .args([flags.size, flags.batch, flags.threads].map(|n| n.to_string()))
            .arg(flags.device)
            .arg(if flags.mixed { "mixed" } else { "single" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{python} does not start: {error}"));
        let orders = process.stdin.take().expect("it was asked for");
        let answers = BufReader::new(process.stdout.take().expect("it was asked for"));
        let mut made = Self {
            process,
            orders,
            answers,
        };
        println!("{}", made.line());
        made
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("a line of text");
        assert!(
            !line.is_empty(),
            "PyTorch's side ended; its words are above"
        );
        line.trim().to_owned()
    }

    fn measure(&mut self, steps: usize) -> Measured {
        writeln!(self.orders, "{steps}").expect("PyTorch's side listens");
        let line = self.line();
        let numbers: Vec<f64> = line.split(' ').filter_map(|n| n.parse().ok()).collect();
        let [wall, processor, loss] = numbers[..] else {
            panic!("PyTorch's side answered {line:?}");
        };
        Measured {
            wall,
            processor,
            loss,
        }
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Median, lowest and highest.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[values.len() - 1]);
    let middle = values[values.len() / 2];
    // A GPU's steps take thousandths of a second.
    let digits = if middle < 0.1 { 4 } else { 3 };
    format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
}

fn report(name: &str, rounds: &[Measured], batch: usize) {
    let wall = |m: &Measured| batch as f64 / m.wall;
    println!(
        "{name}: {} s on the clock, {} s of processor time, {} photos/s, last loss {:.4}",
        spread(rounds.iter().map(|m| m.wall).collect()),
        spread(rounds.iter().map(|m| m.processor).collect()),
        spread(rounds.iter().map(wall).collect()),
        rounds[rounds.len() - 1].loss,
    );
}

fn main() {
    let flags = Flags::read();
    fovea::training::memory::keep();
    rayon::ThreadPoolBuilder::new()
        .num_threads(flags.threads)
        .build_global()
        .expect("nothing has used the threads yet");
    println!(
        "ResNet-18, batch {}, {} px, {}, {}, {} threads, {} rounds of {} steps",
        flags.batch,
        flags.size,
        flags.device,
        if flags.mixed {
            "mixed precision"
        } else {
            "single precision"
        },
        flags.threads,
        flags.rounds,
        flags.steps
    );
    let mut ours = Ours::new(&flags);
    let mut theirs = flags.python.as_deref().map(|p| Theirs::new(p, &flags));
    // Memory is asked for, pages are touched, threads start.
    ours.measure(2);
    if let Some(theirs) = &mut theirs {
        theirs.measure(2);
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..flags.rounds {
        a.push(ours.measure(flags.steps));
        if let Some(theirs) = &mut theirs {
            b.push(theirs.measure(flags.steps));
        }
    }
    report("fovea", &a, flags.batch);
    if !b.is_empty() {
        report("PyTorch", &b, flags.batch);
        let ratio = |of: fn(&Measured) -> f64| {
            spread(a.iter().zip(&b).map(|(a, b)| of(b) / of(a)).collect())
        };
        println!(
            "PyTorch's time over ours: {} on the clock, {} of processor time",
            ratio(|m| m.wall),
            ratio(|m| m.processor)
        );
    }
}
