//! The blocks in a scan's data: which codes and bits belong to each (ITU-T T.81,
//! F.2.2 of sequential scans, G.1.2 of progressive ones).

use super::Fault;
use super::huffman::{Bits, Table};
use super::scans::{Kind, Part, Scan};

/// Bits that the first coefficient's change takes at most, of 8-bit pictures.
const MOST_BITS: u8 = 11;

/// The data of a scan, as far as it has been gone through.
pub(super) struct Data<'a> {
    bits: Bits<'a>,
    /// How many blocks more have nothing new.
    run: u32,
    /// How many restarts there were.
    restarts: usize,
}

impl<'a> Data<'a> {
    pub(super) fn new(coded: &'a [u8]) -> Self {
        Self {
            bits: Bits::new(coded),
            run: 0,
            restarts: 0,
        }
    }

    pub(super) fn pass_block(
        &mut self,
        scan: &Scan,
        part: &Part,
        filled: &mut u64,
    ) -> Result<(), Fault> {
        match (scan.kind, part.dc, part.ac) {
            (Kind::Sequential, Some(dc), Some(ac)) => {
                self.pass_mean(dc)?;
                self.pass_all_others(ac)
            }
            (Kind::Mean, Some(dc), _) => self.pass_mean(dc),
            (Kind::MeanBit, ..) => self.bits.skip(1),
            (Kind::Others, _, Some(ac)) => self.pass_others(ac, scan, filled),
            (Kind::OthersBit, _, Some(ac)) => self.pass_others_bit(ac, scan, filled),
            _ => Ok(()), // `Scan::new` lets none through
        }
    }

    fn pass_mean(&mut self, dc: &Table) -> Result<(), Fault> {
        let size = self.bits.symbol(dc)?;
        if size > MOST_BITS {
            return Err(Fault::Wrong("a brightness that no picture has"));
        }
        self.bits.drop(u32::from(size))
    }

    fn pass_all_others(&mut self, ac: &Table) -> Result<(), Fault> {
        let mut at = 1;
        while at < 64 {
            let (zeros, size) = halves(self.bits.symbol(ac)?);
            if size == 0 && zeros < 15 {
                return Ok(());
            }
            at += zeros + 1;
            self.bits.drop(size)?;
        }
        within(at, 64)
    }

    fn pass_others(&mut self, ac: &Table, scan: &Scan, filled: &mut u64) -> Result<(), Fault> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut at = scan.first;
        while at <= scan.last {
            let (zeros, size) = halves(self.bits.symbol(ac)?);
            if size == 0 && zeros < 15 {
                self.run = (1 << zeros) - 1 + self.bits.take(zeros)?;
                return Ok(());
            }
            at += zeros + 1;
            within(at, scan.last + 1)?;
            if size > 0 {
                *filled |= 1 << (at - 1);
            }
            self.bits.drop(size)?;
        }
        Ok(())
    }

    /// Each coefficient that was filled before has a bit here, and those that are
    /// filled now their sign.
    fn pass_others_bit(&mut self, ac: &Table, scan: &Scan, filled: &mut u64) -> Result<(), Fault> {
        let before = *filled;
        // Which coefficients are still to come.
        let mut rest = (u64::MAX << scan.first) & (u64::MAX >> (63 - scan.last));
        while self.run == 0 && rest != 0 {
            let (zeros, size) = halves(self.bits.symbol(ac)?);
            if size == 0 && zeros < 15 {
                self.run = (1 << zeros) + self.bits.take(zeros)?;
                break;
            }
            if size > 1 {
                return Err(Fault::Wrong("two bits where one is added"));
            }
            self.bits.drop(size)?;
            // The next after so many that were not filled, nor are now.
            let mut open = rest & !before;
            for _ in 0..zeros {
                open &= open.wrapping_sub(1);
            }
            if open == 0 {
                return Err(Fault::Wrong("a block of more than its coefficients"));
            }
            let next = open.trailing_zeros();
            *filled |= u64::from(size) << next;
            let passed = rest & before & !(u64::MAX << next);
            self.bits.skip(passed.count_ones())?;
            rest &= (u64::MAX - 1) << next;
        }
        if self.run > 0 {
            self.run -= 1;
            self.bits.skip((rest & before).count_ones())?;
        }
        Ok(())
    }

    pub(super) fn restart(&mut self) -> Result<(), Fault> {
        self.end()?;
        self.bits.restart((self.restarts % 8) as u8)?;
        self.restarts += 1;
        Ok(())
    }

    /// A run of blocks ends with its scan, and before a restart.
    pub(super) fn end(&self) -> Result<(), Fault> {
        match self.run {
            0 => Ok(()),
            _ => Err(Fault::Wrong("a run goes on beyond its scan")),
        }
    }

    pub(super) fn is_left_over(&self) -> bool {
        self.bits.is_any_left_over()
    }
}

/// How many zeros go before a coefficient, and how many bits it has.
fn halves(symbol: u8) -> (u32, u32) {
    (u32::from(symbol >> 4), u32::from(symbol & 15))
}

fn within(at: u32, end: u32) -> Result<(), Fault> {
    match at <= end {
        true => Ok(()),
        false => Err(Fault::Wrong("a block of more than its coefficients")),
    }
}
