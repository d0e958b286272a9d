//! Whether the scans of a JPEG code exactly the blocks that its picture has. A
//! decoder makes do with what is there, and a file with a piece missing from its
//! middle, end and all, becomes a picture that shows something else than the retina.
//!
//! The scans are gone through code by code (ITU-T T.81, annexes F and G), and no
//! picture is made: what is counted are bits and coefficients.

use super::blocks::Data;
use super::huffman::{Table, is_padding};
use super::{END, Fault, Segment};

/// More scans than any encoder writes; the decoder refuses a file of more.
const MOST_SCANS: usize = 100;

/// Checks the scans of a JPEG's segments, whose picture has this width and height.
/// What is not known here is left to the decoder.
///
/// # Errors
/// What shows that the scans are not as they were written.
pub(super) fn check<'a>(
    segments: impl Iterator<Item = Segment<'a>>,
    size: (u32, u32),
) -> Result<(), Fault> {
    let mut frame: Option<Frame> = None;
    let mut tables = Tables::default();
    let mut interval = 0;
    let mut scans = 0;
    for Segment {
        marker,
        body,
        coded,
        ..
    } in segments
    {
        match marker {
            0xc0..=0xc2 if frame.is_none() => {
                frame = Frame::new(body, size, marker == 0xc2);
            }
            0xc4 => tables.define(body).ok_or(Fault::Wrong("broken tables"))?,
            0xda => {
                scans += 1;
                let Some(frame) = frame.as_mut().filter(|_| scans <= MOST_SCANS) else {
                    return Ok(());
                };
                let Some(scan) = Scan::new(body, frame, &tables) else {
                    return Ok(());
                };
                frame.goes_on_with(&scan)?;
                frame.walk(&scan, coded, interval)?;
            }
            0xdd => interval = number(body, 0).unwrap_or(0),
            END => break,
            // Another kind of frame, or another frame.
            0xc0..=0xcf => return Ok(()),
            _ => {}
        }
        // What is left of a scan whose header is gone.
        if scans > 0 && marker != 0xda && !is_padding(coded) {
            return Err(Fault::Wrong("data that belongs to no scan"));
        }
    }
    let without = |component: &Component| component.coded_to[0].is_none();
    match frame.is_some_and(|frame| frame.components.iter().any(without)) {
        true => Err(Fault::Ended),
        false => Ok(()),
    }
}

/// The width and height that a frame header tells.
pub(super) fn size(body: &[u8]) -> Option<(u32, u32)> {
    let (height, width) = (number(body, 1)?, number(body, 3)?);
    Some((width as u32, height as u32))
}

fn number(body: &[u8], at: usize) -> Option<usize> {
    let two = body.get(at..)?.first_chunk()?;
    Some(usize::from(u16::from_be_bytes(*two)))
}

/// The Huffman tables as they are defined at a place of the file.
#[derive(Default)]
struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
}

impl Tables {
    /// None where the segment is not made of tables, to the byte.
    fn define(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = body.split_first() {
            let (counts, rest) = rest.split_at_checked(16)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *tables.get_mut(usize::from(kind & 15))? = Some(Table::new(counts, symbols)?);
            body = rest;
        }
        Some(())
    }
}

/// One channel of a frame, in blocks of 8 x 8.
struct Component {
    id: u8,
    /// Blocks of it in an interleaved unit.
    in_unit: usize,
    /// Blocks that the picture has.
    width: usize,
    height: usize,
    /// Blocks in a row with those that fill up the last unit.
    stride: usize,
    /// The coefficients of each block that are other than 0, of a progressive frame.
    filled: Vec<u64>,
    /// To which bit each coefficient has been coded.
    coded_to: [Option<u8>; 64],
}

/// What a frame header says.
struct Frame {
    is_progressive: bool,
    /// Interleaved units.
    wide: usize,
    high: usize,
    components: Vec<Component>,
}

/// What a scan header says.
pub(super) struct Scan<'t> {
    pub(super) kind: Kind,
    /// Which components, and by which tables.
    parts: Vec<Part<'t>>,
    /// The first and last coefficient, in zigzag order.
    pub(super) first: u32,
    pub(super) last: u32,
    /// To which bit these have been coded before, if they have, and are now.
    from_bit: Option<u8>,
    to_bit: u8,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// All coefficients.
    Sequential,
    /// The first coefficient but for its last bits, or one of these.
    Mean,
    MeanBit,
    /// Other coefficients but for their last bits, or one of these.
    Others,
    OthersBit,
}

pub(super) struct Part<'t> {
    component: usize,
    pub(super) dc: Option<&'t Table>,
    pub(super) ac: Option<&'t Table>,
}

impl Frame {
    /// None where it is none of a picture of this size.
    fn new(body: &[u8], size: (u32, u32), is_progressive: bool) -> Option<Self> {
        let (height, width) = (number(body, 1)?, number(body, 3)?);
        let told = body.get(6..6 + 3 * usize::from(*body.get(5)?))?;
        let sampling = |told: &[u8]| (usize::from(told[1] >> 4), usize::from(told[1] & 15));
        let sampled = || told.chunks_exact(3).map(sampling);
        let usual = |(across, down)| (1..=4).contains(&across) && (1..=4).contains(&down);
        let is_of_size = self::size(body) == Some(size);
        if !is_of_size || told.len() > 4 * 3 || !sampled().all(usual) {
            return None;
        }
        let most_across = sampled().map(|(across, _)| across).max()?;
        let most_down = sampled().map(|(_, down)| down).max()?;
        let wide = width.div_ceil(8 * most_across);
        let high = height.div_ceil(8 * most_down);
        let component = |told: &[u8]| {
            let (across, down) = sampling(told);
            let blocks = wide * across * high * down;
            Component {
                id: told[0],
                in_unit: across * down,
                width: (width * across).div_ceil(most_across).div_ceil(8),
                height: (height * down).div_ceil(most_down).div_ceil(8),
                stride: wide * across,
                filled: vec![0; if is_progressive { blocks } else { 0 }],
                coded_to: [None; 64],
            }
        };
        Some(Self {
            is_progressive,
            wide,
            high,
            components: told.chunks_exact(3).map(component).collect(),
        })
    }

    /// Notes what a scan codes: of coefficients coded before it adds the next bit.
    fn goes_on_with(&mut self, scan: &Scan) -> Result<(), Fault> {
        let Scan { first, last, .. } = *scan;
        let is_possible = match first {
            0 => last == 0 || !self.is_progressive,
            _ => (first..64).contains(&last) && scan.parts.len() == 1,
        };
        let is_next = scan.from_bit.is_none_or(|from| from == scan.to_bit + 1);
        if !(is_possible && is_next) {
            return Err(Fault::Wrong("a scan that cannot be"));
        }
        for part in &scan.parts {
            let coded = &mut self.components[part.component].coded_to;
            for to in &mut coded[first as usize..=last as usize] {
                if scan.from_bit.is_some() && scan.from_bit != *to {
                    return Err(Fault::Wrong("a scan is missing"));
                }
                *to = Some(scan.to_bit);
            }
        }
        Ok(())
    }

    /// Goes through a scan's data.
    fn walk(&mut self, scan: &Scan, coded: &[u8], interval: usize) -> Result<(), Fault> {
        let mut data = Data::new(coded);
        let mut units = 0;
        let mut next_unit = |data: &mut Data| {
            if interval > 0 && units > 0 && units % interval == 0 {
                data.restart()?;
            }
            units += 1;
            Ok(())
        };
        if let [part] = &scan.parts[..] {
            let component = &mut self.components[part.component];
            for row in 0..component.height {
                for column in 0..component.width {
                    next_unit(&mut data)?;
                    let at = row * component.stride + column;
                    match component.filled.get_mut(at) {
                        Some(filled) => data.pass_block(scan, part, filled)?,
                        None => data.pass_block(scan, part, &mut 0)?,
                    }
                }
            }
        } else {
            for _ in 0..self.wide * self.high {
                next_unit(&mut data)?;
                for part in &scan.parts {
                    for _ in 0..self.components[part.component].in_unit {
                        // Of several components there are only the coefficients that
                        // nothing has to be known of.
                        data.pass_block(scan, part, &mut 0)?;
                    }
                }
            }
        }
        data.end()?;
        // A sequential scan without restarts may code more than its picture by some encoder:
        // nothing of what is shown hangs on it.
        let is_exact = self.is_progressive || interval > 0;
        match is_exact && data.is_left_over() {
            true => Err(Fault::Wrong("a scan codes more than its picture")),
            false => Ok(()),
        }
    }
}

impl<'t> Scan<'t> {
    /// None where it is not known here, and the decoder refuses it.
    fn new(body: &[u8], frame: &Frame, tables: &'t Tables) -> Option<Self> {
        let (&count, rest) = body.split_first()?;
        let (named, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[first, last, bits, ..] = rest else {
            return None;
        };
        let parts: Option<Vec<Part>> = named
            .chunks_exact(2)
            .map(|part| {
                let is_it = |component: &Component| component.id == part[0];
                Some(Part {
                    component: frame.components.iter().position(is_it)?,
                    dc: tables.dc.get(usize::from(part[1] >> 4))?.as_ref(),
                    ac: tables.ac.get(usize::from(part[1] & 15))?.as_ref(),
                })
            })
            .collect();
        let parts = parts.filter(|parts| !parts.is_empty())?;
        // Some encoders leave these open where there is nothing to choose.
        let (first, last, bits) = match frame.is_progressive {
            true => (first, last, bits),
            false => (0, 63, 0),
        };
        let (high, low) = (bits >> 4, bits & 15);
        let kind = match (frame.is_progressive, first, high) {
            (false, ..) => Kind::Sequential,
            (true, 0, 0) => Kind::Mean,
            (true, 0, _) => Kind::MeanBit,
            (true, _, 0) => Kind::Others,
            (true, ..) => Kind::OthersBit,
        };
        let dc = parts.iter().all(|part| part.dc.is_some());
        let ac = parts.iter().all(|part| part.ac.is_some());
        let is_known = match kind {
            Kind::Sequential => dc && ac,
            Kind::Mean => dc,
            Kind::MeanBit => true,
            Kind::Others | Kind::OthersBit => ac,
        };
        is_known.then_some(Self {
            kind,
            parts,
            first: u32::from(first),
            last: u32::from(last),
            from_bit: (high > 0).then_some(high),
            to_bit: low,
        })
    }
}
