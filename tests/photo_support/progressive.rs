//! A progressive JPEG, written code by code (ITU-T T.81, annex G), for no encoder at
//! hand writes one.

use std::ops::Range;

use super::scatter;

/// Bits, a zero stuffed after each byte of ones.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, length: u32) {
        for bit in (0..length).rev() {
            self.held = self.held << 1 | (value >> bit & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.held as u8);
                if self.held == 0xff {
                    self.bytes.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    /// Fills up the last byte with ones.
    fn align(&mut self) {
        self.push(0xff, (8 - self.count) % 8);
    }
}

/// Symbols of codes that are all as long; the code of ones alone is none.
struct Table {
    symbols: Vec<u8>,
    length: u32,
}

impl Table {
    fn of(runs: u8, sizes: u8) -> Self {
        const LONGEST_RUN: u8 = 0xe0; // more blocks than are written here
        let all = (0..runs).flat_map(|run| (0..sizes).map(move |size| run << 4 | size));
        let symbols: Vec<u8> = all.filter(|&symbol| symbol != LONGEST_RUN).collect();
        let length = symbols.len().next_power_of_two().ilog2();
        Self { symbols, length }
    }

    fn segment(&self, kind: u8) -> Vec<u8> {
        let mut body = vec![kind];
        body.extend((1..=16).map(|length| match length == self.length {
            true => self.symbols.len() as u8,
            false => 0,
        }));
        body.extend(&self.symbols);
        body
    }

    fn push(&self, bits: &mut Bits, run: u32, size: u32) {
        let symbol = (run << 4 | size) as u8;
        let code = self.symbols.iter().position(|&one| one == symbol);
        bits.push(code.expect("a symbol of the table") as u32, self.length);
    }
}

/// A run of blocks with nothing new, and the bits of what they had before.
#[derive(Default)]
struct Run {
    blocks: u32,
    old: Vec<u32>,
}

impl Run {
    fn push(&mut self, table: &Table, bits: &mut Bits) {
        if self.blocks > 0 {
            let size = self.blocks.ilog2();
            table.push(bits, size, 0);
            bits.push(self.blocks, size);
            self.blocks = 0;
        }
        self.old.drain(..).for_each(|bit| bits.push(bit, 1));
    }
}

struct Channel {
    across: usize,
    down: usize,
    width: usize,
    height: usize,
    stride: usize,
    blocks: Vec<[i32; 64]>,
}

/// What a scan codes: channels, first and last coefficient, and bits from and to.
struct Scan(Vec<usize>, usize, usize, u32, u32);

/// A progressive JPEG of noise and where its scans are, markers and all. `sampling` is
/// that of its channels, `interval` how many units stand between restarts.
pub fn progressive_jpeg(
    width: usize,
    height: usize,
    sampling: &[(usize, usize)],
    interval: usize,
) -> (Vec<u8>, Vec<Range<usize>>) {
    let most_across = sampling.iter().map(|one| one.0).max().unwrap();
    let most_down = sampling.iter().map(|one| one.1).max().unwrap();
    let wide = width.div_ceil(8 * most_across);
    let high = height.div_ceil(8 * most_down);
    let channels: Vec<Channel> = (0..)
        .zip(sampling)
        .map(|(salt, &(across, down))| {
            let stride = wide * across;
            let all = 0..(stride * high * down) as u32;
            Channel {
                across,
                down,
                width: (width * across).div_ceil(most_across).div_ceil(8),
                height: (height * down).div_ceil(most_down).div_ceil(8),
                stride,
                blocks: all.map(|at| noise(at, salt)).collect(),
            }
        })
        .collect();

    let mut file = vec![0xff, 0xd8];
    let mut steps = vec![0];
    steps.extend([4; 64]);
    segment(&mut file, 0xdb, &steps);
    let mut frame = vec![8];
    frame.extend((height as u16).to_be_bytes());
    frame.extend((width as u16).to_be_bytes());
    frame.push(sampling.len() as u8);
    for (id, &(across, down)) in (1..).zip(sampling) {
        frame.extend([id, (across << 4 | down) as u8, 0]);
    }
    segment(&mut file, 0xc2, &frame);
    // Means, other coefficients, and their last bits.
    let tables = [Table::of(1, 12), Table::of(16, 4), Table::of(16, 2)];
    for (kind, table) in [0x00, 0x10, 0x11].into_iter().zip(&tables) {
        segment(&mut file, 0xc4, &table.segment(kind));
    }
    segment(&mut file, 0xdd, &(interval as u16).to_be_bytes());

    let all: Vec<usize> = (0..channels.len()).collect();
    let mut scans = vec![Scan(all.clone(), 0, 0, 0, 1)];
    scans.extend(all.iter().map(|&one| Scan(vec![one], 1, 5, 0, 0)));
    scans.extend(all.iter().map(|&one| Scan(vec![one], 6, 63, 0, 1)));
    scans.push(Scan(all.clone(), 0, 0, 1, 0));
    scans.extend(all.iter().map(|&one| Scan(vec![one], 6, 63, 1, 0)));
    let mut places = Vec::new();
    for scan in &scans {
        let begin = file.len();
        let mut header = vec![scan.0.len() as u8];
        for &channel in &scan.0 {
            header.extend([channel as u8 + 1, u8::from(scan.3 > 0)]);
        }
        header.extend([scan.1 as u8, scan.2 as u8, (scan.3 << 4 | scan.4) as u8]);
        segment(&mut file, 0xda, &header);
        file.extend(coded(scan, &channels, &tables, interval, wide * high));
        places.push(begin..file.len());
    }
    file.extend([0xff, 0xd9]);
    (file, places)
}

fn segment(file: &mut Vec<u8>, marker: u8, body: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((body.len() as u16 + 2).to_be_bytes());
    file.extend(body);
}

/// A block's coefficients: a third of the blocks have a mean alone.
fn noise(at: u32, salt: u32) -> [i32; 64] {
    let is_flat = scatter(at, 64, salt) < 0.33;
    let mut block = [0; 64];
    for (k, coefficient) in (0..).zip(&mut block) {
        let level = scatter(at, k, salt) - 0.5;
        *coefficient = match k {
            0 => (300.0 * level) as i32,
            _ if is_flat || k > 40 => 0,
            _ if level.abs() < 0.4 => 0,
            _ => (30.0 * (level - 0.36 * level.signum())) as i32,
        };
    }
    block
}

/// A scan's data.
fn coded(
    scan: &Scan,
    channels: &[Channel],
    tables: &[Table; 3],
    interval: usize,
    units: usize,
) -> Vec<u8> {
    let mut bits = Bits::default();
    let mut run = Run::default();
    let mut means = vec![0; channels.len()];
    let table = &tables[1 + usize::from(scan.3 > 0)];
    let single = (scan.0.len() == 1).then(|| &channels[scan.0[0]]);
    let units = single.map_or(units, |channel| channel.width * channel.height);
    for unit in 0..units {
        if interval > 0 && unit > 0 && unit % interval == 0 {
            run.push(table, &mut bits);
            bits.align();
            bits.bytes
                .extend([0xff, 0xd0 + (unit / interval - 1) as u8 % 8]);
            means.fill(0);
        }
        if let Some(channel) = single {
            let at = unit / channel.width * channel.stride + unit % channel.width;
            let block = &channel.blocks[at];
            match (scan.1, scan.3) {
                (0, _) => push_mean(&mut bits, &tables[0], block, &mut means[0], scan),
                (_, 0) => push_first(&mut bits, &mut run, table, block, scan),
                _ => push_last(&mut bits, &mut run, table, block, scan),
            }
            continue;
        }
        for (&channel, mean) in scan.0.iter().zip(&mut means) {
            let channel = &channels[channel];
            let wide = channel.stride / channel.across;
            for part in 0..channel.across * channel.down {
                let row = unit / wide * channel.down + part / channel.across;
                let column = unit % wide * channel.across + part % channel.across;
                let block = &channel.blocks[row * channel.stride + column];
                push_mean(&mut bits, &tables[0], block, mean, scan);
            }
        }
    }
    run.push(table, &mut bits);
    bits.align();
    bits.bytes
}

/// How many bits a number takes, and which.
fn written(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = if value < 0 {
        value + (1 << size) - 1
    } else {
        value
    };
    (size, bits as u32)
}

fn push_mean(bits: &mut Bits, table: &Table, block: &[i32; 64], mean: &mut i32, scan: &Scan) {
    let value = block[0] >> scan.4;
    if scan.3 > 0 {
        return bits.push(value as u32 & 1, 1);
    }
    let (size, change) = written(value - *mean);
    table.push(bits, 0, size);
    bits.push(change, size);
    *mean = value;
}

fn push_first(bits: &mut Bits, run: &mut Run, table: &Table, block: &[i32; 64], scan: &Scan) {
    let mut zeros = 0;
    for &coefficient in &block[scan.1..=scan.2] {
        let value = coefficient.signum() * (coefficient.abs() >> scan.4);
        if value == 0 {
            zeros += 1;
            continue;
        }
        run.push(table, bits);
        for _ in 0..zeros / 16 {
            table.push(bits, 15, 0);
        }
        let (size, value) = written(value);
        table.push(bits, zeros % 16, size);
        bits.push(value, size);
        zeros = 0;
    }
    run.blocks += u32::from(zeros > 0);
}

fn push_last(bits: &mut Bits, run: &mut Run, table: &Table, block: &[i32; 64], scan: &Scan) {
    let is_new = |coefficient: &i32| coefficient.abs() >> scan.4 == 1;
    let band = &block[scan.1..=scan.2];
    let last_new = band.iter().rposition(is_new);
    let (mut zeros, mut old) = (0, Vec::new());
    for (at, coefficient) in band.iter().enumerate() {
        let value = coefficient.abs() >> scan.4;
        if value == 0 {
            zeros += 1;
            continue;
        }
        while zeros > 15 && last_new.is_some_and(|last| at <= last) {
            run.push(table, bits);
            table.push(bits, 15, 0);
            old.drain(..).for_each(|bit| bits.push(bit, 1));
            zeros -= 16;
        }
        if !is_new(coefficient) {
            old.push(value as u32 & 1);
            continue;
        }
        run.push(table, bits);
        table.push(bits, zeros, 1);
        bits.push(u32::from(*coefficient > 0), 1);
        old.drain(..).for_each(|bit| bits.push(bit, 1));
        zeros = 0;
    }
    if zeros > 0 || !old.is_empty() {
        run.blocks += 1;
        run.old.append(&mut old);
    }
}
