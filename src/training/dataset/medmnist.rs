//! MedMNIST's `.npz` (Yang et al. 2023): a zip of numpy arrays, `train_images`
//! `[n, h, w]` or `[n, h, w, 3]` of bytes with `train_labels` `[n, 1]`, and the
//! same for `val` and `test`.
//!
//! The file comes from outside: sizes are checked against its header before
//! anything is allocated.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::{Dataset, Fault, GRADES, Pixels, Record, Source};

/// An array larger than this is refused: RetinaMNIST at 224 px has 240 MB.
const MAX_ARRAY_BYTES: u64 = 2 << 30;

/// An array of numbers with its shape.
struct Array {
    shape: Vec<usize>,
    numbers: Numbers,
    data: Vec<u8>,
}

/// How numpy wrote an array's numbers, in its own letters: `u` and `i` for whole
/// numbers without and with a sign, `f` for others, and the bytes each takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbers {
    kind: u8,
    width: usize,
    big_endian: bool,
}

impl Numbers {
    /// Reads numpy's description, such as `|u1` or `<f8`; `None` where it is none
    /// of numbers.
    fn of(described: &str) -> Option<Self> {
        let &[order, kind, digit] = described.as_bytes().get(..3)? else {
            return None;
        };
        let width = usize::from(digit.wrapping_sub(b'0'));
        let known = match kind {
            b'u' | b'i' => [1, 2, 4, 8].contains(&width),
            b'f' => [4, 8].contains(&width),
            _ => false,
        };
        known.then_some(Self {
            kind,
            width,
            big_endian: order == b'>',
        })
    }
}

impl Array {
    /// The number at `index`, counted through all of the array.
    fn number(&self, index: usize) -> f64 {
        let Numbers {
            kind,
            width,
            big_endian,
        } = self.numbers;
        let mut bytes = self.data[index * width..][..width].to_vec();
        if big_endian {
            bytes.reverse();
        }
        let bits = little_endian(&bytes);
        match (kind, width) {
            (b'f', 4) => f64::from(f32::from_bits(bits as u32)),
            (b'f', _) => f64::from_bits(bits),
            (b'u', _) => bits as f64,
            // The sign is the uppermost bit of what was written.
            _ => {
                let unused = 64 - 8 * width as u32;
                (((bits << unused) as i64) >> unused) as f64
            }
        }
    }
}

/// Adds every labelled picture of the archive to the data set, named
/// `PART/INDEX`.
pub(super) fn read(dataset: &mut Dataset, archive: &Path, faults: &mut Vec<Fault>) {
    if let Err(what) = read_parts(dataset, archive, faults) {
        faults.push(Fault::new(
            archive,
            None,
            what,
            "download it again from MedMNIST, or save it with numpy.savez",
        ));
    }
}

fn read_parts(dataset: &mut Dataset, path: &Path, faults: &mut Vec<Fault>) -> Result<(), String> {
    let file = std::fs::File::open(path).map_err(|e| format!("it cannot be opened ({e})"))?;
    let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file))
        .map_err(|e| format!("it is no .npz archive ({e})"))?;
    let mut parts: Vec<String> = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.strip_suffix("_images.npy")?.to_string()))
        .collect();
    parts.sort();
    if parts.is_empty() {
        return Err("it holds no array named train_images".into());
    }
    for part in parts {
        let images = array(&mut archive, &format!("{part}_images.npy"))?;
        let labels = array(&mut archive, &format!("{part}_labels.npy"))?;
        let (n, height, width, channels) = match images.shape[..] {
            [n, height, width] => (n, height, width, 1),
            [n, height, width, 3] => (n, height, width, 3),
            _ => {
                return Err(format!(
                    "{part}_images has the shape {:?} instead of [n, h, w] or [n, h, w, 3]",
                    images.shape
                ));
            }
        };
        if (images.numbers.kind, images.numbers.width) != (b'u', 1) {
            return Err(format!("{part}_images is not of bytes"));
        }
        if labels.shape.iter().product::<usize>() != n {
            return Err(format!(
                "{part}_labels has the shape {:?} for {n} pictures",
                labels.shape
            ));
        }
        // The shape multiplies to the length of the data: this cannot overflow.
        let size = images.data.len() / n.max(1);
        if size == 0 {
            return Err(format!("{part}_images holds no pictures"));
        }
        for (index, picture) in images.data.chunks_exact(size).enumerate() {
            let label = labels.number(index);
            let Some(grade) = (0..GRADES as u8).find(|&grade| f64::from(grade) == label) else {
                faults.push(Fault::new(
                    path,
                    None,
                    format!("label {label} of {part}/{index} is outside the scale"),
                    "write a grade from 0 to 4",
                ));
                continue;
            };
            let rgb = match channels {
                1 => picture.iter().flat_map(|&grey| [grey; 3]).collect(),
                _ => picture.to_vec(),
            };
            let name = format!("{part}/{index}");
            dataset.records.push(Record {
                dataset: dataset.name.clone(),
                patient: name.clone(),
                name,
                source: Source::Pixels(Arc::new(Pixels {
                    archive: path.to_path_buf(),
                    width: width as u32,
                    height: height as u32,
                    rgb,
                })),
                grade,
                edema: None,
            });
        }
    }
    Ok(())
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| (value << 8) | u64::from(byte))
}

/// Reads one `.npy` (numpy's format, versions 1 to 3) of numbers.
fn array<R: Read + std::io::Seek>(
    archive: &mut zip::ZipArchive<R>,
    name: &str,
) -> Result<Array, String> {
    let entry = archive
        .by_name(name)
        .map_err(|e| format!("{name} cannot be read ({e})"))?;
    let mut bytes = Vec::new();
    entry
        .take(MAX_ARRAY_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("{name} cannot be unpacked ({e})"))?;
    parse(bytes).map_err(|what| format!("{name} {what}"))
}

fn parse(mut bytes: Vec<u8>) -> Result<Array, String> {
    let cut = || "is cut off".to_string();
    if bytes.get(..6) != Some(b"\x93NUMPY".as_slice()) {
        return Err("is no numpy array".into());
    }
    let (start, length) = match bytes.get(6).ok_or_else(cut)? {
        1 => (10, little_endian(bytes.get(8..10).ok_or_else(cut)?)),
        2 | 3 => (12, little_endian(bytes.get(8..12).ok_or_else(cut)?)),
        version => return Err(format!("has numpy's format {version}, which is not known")),
    };
    let end = start + length as usize;
    let header = String::from_utf8_lossy(bytes.get(start..end).ok_or_else(cut)?).into_owned();
    let value = |key: &str| {
        let after = header.split(&format!("'{key}':")).nth(1)?;
        Some(after.trim_start().to_string())
    };
    let described = value("descr").ok_or("has no element type")?;
    let described = described.split(',').next().unwrap_or_default();
    let numbers = Numbers::of(described.trim_matches(['\'', '"']))
        .ok_or_else(|| format!("has elements that are no numbers ({described})"))?;
    if !value("fortran_order").is_some_and(|order| order.starts_with("False")) {
        return Err("is stored column by column".into());
    }
    let shape = value("shape").ok_or("has no shape")?;
    let shape: Vec<usize> = shape
        .trim_start_matches('(')
        .split(')')
        .next()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().map_err(|_| format!("has no shape ({size})")))
        .collect::<Result<_, String>>()?;
    let expected = shape
        .iter()
        .try_fold(numbers.width, |product: usize, &size| {
            product.checked_mul(size)
        })
        .ok_or("is too large")?;
    let data = bytes.split_off(end);
    if data.len() != expected {
        return Err(format!(
            "has {} bytes of data where its shape needs {expected}",
            data.len()
        ));
    }
    Ok(Array {
        shape,
        numbers,
        data,
    })
}
