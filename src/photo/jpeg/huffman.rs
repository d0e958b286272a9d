//! The bits of a JPEG's entropy-coded data and the Huffman codes in them (ITU-T
//! T.81, annexes C and F.2.2).

use super::Fault;

/// Codes up to this length are looked up at once.
const QUICK: usize = 10;

/// Bits that are held at least, as far as the data goes: the longest code (16) and
/// the bits that may follow one (15), with one to spare.
const HELD: i32 = 32;

/// A Huffman table: code to symbol.
pub(super) struct Table {
    /// By the first bits: the code's length above, the symbol in the lower eight bits;
    /// 0 where the code is longer, or none.
    quick: [u16; 1 << QUICK],
    /// By length: where codes of it end, and what takes a code to its symbol's place.
    lengths: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From a table's part of a DHT segment: how many codes each length has, then the
    /// symbols. None where they are no prefix code.
    pub(super) fn new(counts: &[u8], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            quick: [0; 1 << QUICK],
            lengths: [(0, 0); 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0, 0);
        for (length, &count) in (1_usize..).zip(counts) {
            table.lengths[length].1 = place as i32 - code as i32;
            for _ in 0..count {
                if code >> length != 0 {
                    return None;
                }
                if let Some(spare) = QUICK.checked_sub(length) {
                    let entry = (length as u16) << 8 | u16::from(*symbols.get(place)?);
                    table.quick[code << spare..(code + 1) << spare].fill(entry);
                }
                code += 1;
                place += 1;
            }
            table.lengths[length].0 = (code << (16 - length)) as u32;
            code <<= 1;
        }
        Some(table)
    }

    /// The symbol that these 16 bits begin with, and the length of its code.
    fn find(&self, bits: u32) -> Option<(u8, u32)> {
        let entry = self.quick[(bits >> (16 - QUICK)) as usize];
        if entry != 0 {
            return Some((entry as u8, u32::from(entry >> 8)));
        }
        let length = (QUICK + 1..=16).find(|&length| bits < self.lengths[length].0)?;
        let place = (bits >> (16 - length)) as i32 + self.lengths[length].1;
        let symbol = self.symbols.get(usize::try_from(place).ok()?)?;
        Some((*symbol, length as u32))
    }
}

/// Bits of entropy-coded data, to its end or a restart marker.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, the first of them on top.
    held: u64,
    count: i32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            held: 0,
            count: 0,
        }
    }

    /// The next symbol by a table.
    #[inline]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        if self.count < HELD {
            self.fill();
        }
        match table.find((self.held >> 48) as u32) {
            Some((symbol, length)) => {
                self.drop(length)?;
                Ok(symbol)
            }
            None if self.count < 16 => Err(Fault::Ended),
            None => Err(Fault::UNKNOWN_CODE),
        }
    }

    /// The next bits, at most 16, as a number.
    pub(super) fn take(&mut self, bits: u32) -> Result<u32, Fault> {
        if self.count < HELD {
            self.fill();
        }
        let value = (self.held >> 32) as u32;
        self.drop(bits)?;
        Ok(value.checked_shr(32 - bits).unwrap_or(0))
    }

    /// Passes over bits, however many.
    pub(super) fn skip(&mut self, mut bits: u32) -> Result<(), Fault> {
        while bits > 0 {
            if self.count < HELD {
                self.fill();
            }
            let step = bits.min(HELD as u32);
            self.drop(step)?;
            bits -= step;
        }
        Ok(())
    }

    /// Passes over the bits that follow a symbol, which are held with it.
    #[inline]
    pub(super) fn drop(&mut self, bits: u32) -> Result<(), Fault> {
        self.count -= bits as i32;
        self.held <<= bits;
        match self.count {
            0.. => Ok(()),
            _ => Err(Fault::Ended),
        }
    }

    fn fill(&mut self) {
        while self.count <= HELD {
            let next = self.data.get(self.at..).and_then(<[u8]>::first_chunk::<4>);
            if let Some(four) = next.filter(|four| !four.contains(&0xff)) {
                self.held |= u64::from(u32::from_be_bytes(*four)) << (32 - self.count);
                self.count += 32;
                self.at += 4;
                continue;
            }
            let Some(&byte) = self.data.get(self.at) else {
                return;
            };
            if byte == 0xff {
                // A 0xff of the data is followed by a zero, else a marker begins.
                let rest = &self.data[self.at..];
                match rest.iter().position(|&byte| byte != 0xff) {
                    Some(zero) if rest[zero] == 0 => self.at += zero,
                    _ => return,
                }
            }
            self.at += 1;
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Goes on after the next restart marker, which has to be this one of the eight, with
    /// nothing but padding before it.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Fault> {
        let rest = &self.data[self.at..];
        let is_restart = |pair: &[u8]| pair[0] == 0xff && matches!(pair[1], 0xd0..=0xd7);
        let marker = rest.windows(2).position(is_restart).ok_or(Fault::Ended)?;
        if rest[marker + 1] != 0xd0 + number {
            return Err(Fault::Wrong("a restart is missing"));
        }
        if self.is_left_over(marker) {
            return Err(Fault::Wrong("a restart comes too late"));
        }
        self.at += marker + 2;
        self.held = 0;
        self.count = 0;
        Ok(())
    }

    /// Is there more than padding left in all?
    pub(super) fn is_any_left_over(&self) -> bool {
        self.is_left_over(self.data.len() - self.at)
    }

    /// Is there more than padding, and the rest of a byte, in the next so many bytes?
    fn is_left_over(&self, bytes: usize) -> bool {
        let whole = self.count as usize / 8;
        let held = (self.held << (self.count % 8)).to_be_bytes();
        !is_padding(&held[..whole]) || !is_padding(&self.data[self.at..self.at + bytes])
    }
}

/// Zeros and 0xff are written between segments, and by some a last restart marker.
pub(super) fn is_padding(bytes: &[u8]) -> bool {
    let mut before = 0;
    bytes.iter().all(|&byte| {
        let restart = before == 0xff && matches!(byte, 0xd0..=0xd7);
        before = byte;
        restart || matches!(byte, 0 | 0xff)
    })
}
