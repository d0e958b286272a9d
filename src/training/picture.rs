//! A prepared picture of many: in memory while they leave room there, else in a file.
//!
//! At 320 pixels a photo takes 0.3 MB, so those of EyePACS' training part take 11 GB.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use sysinfo::{CGroupLimits, System};

/// A prepared picture, which is square. Copies of it share its pixels.
#[derive(Clone)]
pub struct Picture {
    held: Held,
    changed: Option<fn(&RgbImage) -> RgbImage>,
}

#[derive(Clone)]
enum Held {
    Memory(Arc<RgbImage>),
    File(Arc<Store>, usize),
}

impl From<RgbImage> for Picture {
    fn from(picture: RgbImage) -> Self {
        Self {
            held: Held::Memory(Arc::new(picture)),
            changed: None,
        }
    }
}

impl Picture {
    /// Its pixels.
    ///
    /// # Panics
    /// Where the file it was put in cannot be read any more: a disk that fails.
    pub fn pixels(&self) -> Arc<RgbImage> {
        let picture = match &self.held {
            Held::Memory(picture) => Arc::clone(picture),
            Held::File(store, place) => Arc::new(store.read(*place)),
        };
        match self.changed {
            Some(change) => Arc::new(change(&picture)),
            None => picture,
        }
    }

    /// The same picture seen through `change` each time its pixels are asked for.
    pub fn through(&self, change: fn(&RgbImage) -> RgbImage) -> Self {
        Self {
            held: self.held.clone(),
            changed: Some(change),
        }
    }
}

/// Where prepared pictures are kept.
#[derive(Clone, Debug)]
pub struct Room {
    /// Folders where a file may be made, the first that lets one.
    folders: Vec<PathBuf>,
    /// Bytes that pictures may take in memory.
    memory: u64,
}

impl Room {
    /// In memory as long as they take no more than half of what is free there, else in
    /// a file without a name, which is gone when the program ends, however it ends: on
    /// the disk of `folder`, which need not be there yet, or beside the command where
    /// there is none.
    pub fn new(folder: Option<&Path>) -> Self {
        let folders = match folder {
            Some(folder) => folder
                .ancestors()
                .find(|part| part.is_dir())
                .map_or_else(|| vec![".".into()], |part| vec![part.to_owned()]),
            None => vec![".".into(), std::env::temp_dir()],
        };
        Self {
            folders,
            memory: free_memory() / 2,
        }
    }

    /// The same with room for so many bytes in memory.
    pub fn with_memory(self, memory: u64) -> Self {
        Self { memory, ..self }
    }

    /// A place for `count` pictures of `side` pixels.
    ///
    /// # Errors
    /// A sentence, where they want a file and none can be made.
    pub fn take(&self, count: usize, side: u32) -> Result<Place, String> {
        let size = Store::size(side) as u64 * count as u64;
        if size <= self.memory {
            return Ok(Place(None));
        }
        let made = self.folders.iter().map(tempfile::tempfile_in);
        let file = made.reduce(Result::or).expect("a room has a folder");
        let file = file.map_err(|error| no_room(size, &error))?;
        Ok(Place(Some(Arc::new(Store {
            file: Mutex::new(file),
            side,
            all: size,
        }))))
    }
}

/// A place taken.
pub struct Place(Option<Arc<Store>>);

impl Place {
    /// Puts a picture at its place among them.
    ///
    /// # Errors
    /// A sentence, where the disk is full.
    pub fn put(&self, place: usize, picture: RgbImage) -> Result<Picture, String> {
        let Some(store) = &self.0 else {
            return Ok(picture.into());
        };
        store.write(place, &picture)?;
        Ok(Picture {
            held: Held::File(Arc::clone(store), place),
            changed: None,
        })
    }
}

/// Square pictures of one size, one after the other.
struct Store {
    file: Mutex<File>,
    side: u32,
    /// Bytes of all of them.
    all: u64,
}

impl Store {
    fn size(side: u32) -> usize {
        3 * (side as usize) * (side as usize)
    }

    fn at(&self, place: usize) -> SeekFrom {
        SeekFrom::Start(Self::size(self.side) as u64 * place as u64)
    }

    fn write(&self, place: usize, picture: &RgbImage) -> Result<(), String> {
        debug_assert_eq!(picture.dimensions(), (self.side, self.side));
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(self.at(place))
            .and_then(|_| file.write_all(picture))
            .map_err(|error| no_room(self.all, &error))
    }

    fn read(&self, place: usize) -> RgbImage {
        let mut bytes = vec![0; Self::size(self.side)];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(self.at(place))
            .and_then(|_| file.read_exact(&mut bytes))
            .unwrap_or_else(|error| panic!("a prepared picture cannot be read again: {error}"));
        RgbImage::from_raw(self.side, self.side, bytes).expect("as many bytes as pixels want")
    }
}

fn no_room(size: u64, error: &std::io::Error) -> String {
    format!(
        "the prepared pictures take {:.1} GB, more than half of the memory that is free, and \
         cannot be kept in a file either ({error}): free memory or disk, take fewer \
         photos, or train at a smaller --size",
        size as f64 / 1e9
    )
}

/// Bytes that programs may still take, in this one's container where it has one.
fn free_memory() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    free_of(system.available_memory(), system.cgroup_limits())
}

/// Files that were read count as taken in a container, and are let go as soon as a
/// program wants the room: what programs hold is what is taken.
fn free_of(machine: u64, container: Option<CGroupLimits>) -> u64 {
    match container {
        Some(limits) => machine.min(limits.total_memory.saturating_sub(limits.rss)),
        None => machine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures() -> Vec<RgbImage> {
        let shade = |number: u8| {
            RgbImage::from_fn(8, 8, move |x, y| {
                image::Rgb([number, x as u8, 10 * y as u8])
            })
        };
        (0..5).map(shade).collect()
    }

    fn kept(memory: u64) -> Vec<Picture> {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::new(Some(folder.path())).with_memory(memory);
        let place = room.take(5, 8).unwrap();
        let put = |(at, picture)| place.put(at, picture).unwrap();
        // From the last to the first: as they come, not as they stand.
        let mut kept: Vec<Picture> = pictures().into_iter().enumerate().rev().map(put).collect();
        kept.reverse();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        kept
    }

    #[test]
    fn pictures_come_back_as_they_were_put_from_memory_and_from_a_file() {
        let (here, away) = (kept(5 * 192), kept(5 * 192 - 1));
        assert!(matches!(here[0].held, Held::Memory(_)));
        assert!(matches!(away[0].held, Held::File(..)));
        for ((was, here), away) in pictures().iter().zip(&here).zip(&away) {
            assert_eq!(here.pixels().as_ref(), was);
            assert_eq!(away.pixels().as_ref(), was);
            let turned = away.through(image::imageops::rotate180).pixels();
            assert_eq!(turned.as_ref(), &image::imageops::rotate180(was));
        }
    }

    #[test]
    fn a_file_is_made_where_a_folder_will_be() {
        let folder = tempfile::tempdir().unwrap();
        for later in [&folder.path().join("runs/first"), Path::new("runs/no/such")] {
            let room = Room::new(Some(later)).with_memory(0);
            assert!(room.take(1, 8).unwrap().0.is_some());
            assert!(!later.exists());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_file_where_one_is_needed_is_told_with_what_to_do() {
        let room = Room::new(Some(Path::new("/proc"))).with_memory(0);
        let words = room.take(1000, 1000).err().unwrap();
        assert!(
            words.contains("3.0 GB") && words.contains("--size"),
            "{words}"
        );
    }

    #[test]
    fn what_a_container_read_from_disk_is_not_taken() {
        let container = |rss| CGroupLimits {
            total_memory: 8 << 30,
            free_memory: 0,
            free_swap: 0,
            rss,
        };
        assert_eq!(free_of(20 << 30, Some(container(1 << 30))), 7 << 30);
        assert_eq!(free_of(20 << 30, Some(container(9 << 30))), 0);
        assert_eq!(free_of(2 << 30, Some(container(1 << 30))), 2 << 30);
        assert_eq!(free_of(20 << 30, None), 20 << 30);
    }

    #[test]
    fn this_machine_has_some_memory_free() {
        assert!(free_memory() > 1 << 20);
    }
}
