//! Still pictures that somebody looks at: thumbnails and whole pictures. A bounded store that the window reads from
//! and the application fills; decoding happens on threads of its own.

use std::{collections::HashMap, io, path::Path, sync::Arc};

use egui::ColorImage;
use image::{DynamicImage, ImageReader, Limits};
use parking_lot::Mutex;
use thiserror::Error;

/// Bytes of pixels that are kept; what was looked at longest ago goes first.
const BYTES_KEPT: usize = 64 << 20;

/// Pictures that are known of, those that are awaited or cannot be shown among them.
const KNOWN_MAX: usize = 4_096;

/// The longest side of a picture that is kept, in pixels: as much as a screen shows.
const SIDE_KEPT: u32 = 2_048;

/// The longest side of a picture that is decoded at all, in pixels, and the bytes that decoding may take.
const SIDE_MAX: u32 = 16_384;
const DECODING_MAX: u64 = 256 << 20;

/// Which picture.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StillKey {
    /// The thumbnail of a file that hangs on a line.
    Thumbnail(String),
    /// The whole of it.
    Whole(String),
    /// The picture of someone, by the name that their profile has for it.
    Person(String),
}

/// What there is of a picture.
#[derive(Debug, Clone)]
pub enum Look {
    /// Nobody has asked for it.
    Unknown,
    /// It is on its way.
    Awaited,
    /// It cannot be shown.
    Broken,
    Here(Arc<ColorImage>),
}

#[derive(Debug, Error)]
pub enum StillError {
    #[error("the picture cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Write(#[from] codec::container::png::PngError),
    #[error("this is not a picture that can be shown: {0}")]
    Decode(#[from] image::ImageError),
}

/// The store.
#[derive(Debug, Default)]
pub struct Stills(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    known: HashMap<StillKey, (u64, Look)>,
    bytes: usize,
    /// Counts what is looked at.
    looks: u64,
}

impl Stills {
    /// What there is of a picture now.
    pub fn look(&self, key: &StillKey) -> Look {
        let mut kept = self.0.lock();
        kept.looks += 1;
        let now = kept.looks;
        match kept.known.get_mut(key) {
            Some((at, look)) => {
                *at = now;
                look.clone()
            }
            None => Look::Unknown,
        }
    }

    /// Notes that a picture is on its way. False if nothing has to be done for it.
    pub fn wait_for(&self, key: &StillKey) -> bool {
        let mut kept = self.0.lock();
        if kept.known.contains_key(key) {
            return false;
        }
        kept.put(key.clone(), Look::Awaited);
        true
    }

    pub fn put(&self, key: StillKey, still: ColorImage) {
        self.0.lock().put(key, Look::Here(Arc::new(still)));
    }

    pub fn put_broken(&self, key: StillKey) {
        self.0.lock().put(key, Look::Broken);
    }

    /// Forgets all of them: somebody else may look next, and what is on its way does not come any more.
    pub fn clear(&self) {
        *self.0.lock() = Kept::default();
    }
}

impl Kept {
    fn put(&mut self, key: StillKey, look: Look) {
        self.looks += 1;
        self.bytes += bytes(&look);
        let before = self.known.insert(key, (self.looks, look));
        self.bytes -= before.map_or(0, |(_, look)| bytes(&look));
        while self.bytes > BYTES_KEPT || self.known.len() > KNOWN_MAX {
            let oldest = self.known.iter().filter(|(_, (_, look))| self.known.len() > KNOWN_MAX || bytes(look) > 0);
            let Some(key) = oldest.min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone()) else { return };
            let gone = self.known.remove(&key);
            self.bytes -= gone.map_or(0, |(_, look)| bytes(&look));
        }
    }
}

fn bytes(look: &Look) -> usize {
    match look {
        Look::Here(still) => std::mem::size_of_val(&*still.pixels),
        _ => 0,
    }
}

/// Reads and decodes a picture, and makes it smaller if it is larger than a screen shows. It takes a while.
pub fn read(path: &Path) -> Result<ColorImage, StillError> {
    let mut picture = decode(path)?;
    if picture.width().max(picture.height()) > SIDE_KEPT {
        picture = picture.thumbnail(SIDE_KEPT, SIDE_KEPT);
    }
    let picture = picture.into_rgba8();
    let size = [picture.width() as usize, picture.height() as usize];
    Ok(ColorImage::from_rgba_unmultiplied(size, &picture))
}

/// Decodes a picture within bounds.
pub(super) fn decode(path: &Path) -> Result<DynamicImage, StillError> {
    let mut reader = ImageReader::open(path)?.with_guessed_format()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(DECODING_MAX);
    reader.limits(limits);
    Ok(reader.decode()?)
}

/// Writes a picture of a call as a PNG file. It takes a while.
pub fn keep_picture(path: &Path, picture: &crate::device::Picture) -> Result<(), StillError> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    codec::container::png::write(picture, &mut file)?;
    Ok(std::io::Write::flush(&mut file)?)
}

/// Writes a picture, four bytes for each pixel, as a PNG file for sending. It takes a while.
pub fn write_png(path: &Path, width: u32, height: u32, rgba: Vec<u8>) -> Result<(), StillError> {
    let picture = image::RgbaImage::from_raw(width, height, rgba)
        .ok_or_else(|| io::Error::other("a picture without all its pixels"))?;
    Ok(picture.save_with_format(path, image::ImageFormat::Png)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn still(width: usize, height: usize) -> ColorImage {
        ColorImage::filled([width, height], egui::Color32::from_rgba_unmultiplied(200, 100, 50, 128))
    }

    fn key(n: usize) -> StillKey {
        StillKey::Thumbnail(n.to_string())
    }

    #[test]
    fn what_was_looked_at_longest_ago_goes_first() {
        let stills = Stills::default();
        // Eight pictures of 8 MiB fill it.
        for n in 0..8 {
            stills.put(key(n), still(2_048, 1_024));
        }
        assert!(matches!(stills.look(&key(0)), Look::Here(_)));
        stills.put(key(8), still(2_048, 1_024));
        assert!(matches!(stills.look(&key(1)), Look::Unknown));
        for n in [0, 2, 7, 8] {
            assert!(matches!(stills.look(&key(n)), Look::Here(_)), "{n}");
        }
        assert!(stills.wait_for(&key(1)) && !stills.wait_for(&key(1)) && !stills.wait_for(&key(8)));
        (100..100 + 2 * KNOWN_MAX).for_each(|n| stills.put_broken(key(n)));
        assert_eq!(stills.0.lock().known.len(), KNOWN_MAX);
        assert_eq!(stills.0.lock().bytes, 0, "all pictures were the older ones");
    }

    #[test]
    fn a_picture_is_written_and_read_and_made_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let pixels = |count: usize| [200, 100, 50, 128].repeat(count);
        write_png(&path, 3, 2, pixels(6)).unwrap();
        assert_eq!(read(&path).unwrap(), still(3, 2));
        write_png(&path, 4_096, 1_024, pixels(4_096 * 1_024)).unwrap();
        assert_eq!(read(&path).unwrap().size, [2_048, 512]);
        assert!(matches!(write_png(&path, 3, 2, pixels(5)), Err(StillError::Read(_))));
        std::fs::write(&path, b"no picture").unwrap();
        assert!(matches!(read(&path), Err(StillError::Decode(_))));
        assert!(matches!(read(&folder.path().join("none")), Err(StillError::Read(_))));
    }
}
