//! A picture of a person or a group, made ready to be sent: its middle as a square, small enough for any link.

use std::{io, path::Path};

use image::{ImageFormat, RgbImage, imageops::FilterType};
use tempfile::TempPath;

use super::stills::{StillError, decode};

/// Width and height, in pixels: twice what servers keep, so that theirs is as sharp as can be. As JPEG that is well below
/// the 128 kB that a link takes at once.
const SIDE: u32 = 2 * relay::vocabulary::PICTURE_SIDE;

/// Makes it from any picture that can be read; what shines through becomes white. It takes a while.
///
/// # Errors
/// [`StillError`] if the file cannot be read, is no picture, or the new one cannot be written.
pub fn portrait(path: &Path) -> Result<TempPath, StillError> {
    let picture = decode(path)?;
    let side = picture.width().min(picture.height()).min(SIDE);
    let picture = picture.resize_to_fill(side, side, FilterType::CatmullRom).into_rgba8();
    let mut flat = RgbImage::new(side, side);
    for (from, to) in picture.pixels().zip(flat.pixels_mut()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        let over_white = |colour: u32| ((colour * alpha + 255 * (255 - alpha)) / 255) as u8;
        to.0 = [over_white(red), over_white(green), over_white(blue)];
    }
    let file = tempfile::Builder::new().prefix("komado-portrait-").suffix(".jpg").tempfile()?;
    flat.write_to(&mut io::BufWriter::new(file.as_file()), ImageFormat::Jpeg)?;
    Ok(file.into_temp_path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::write_png;

    #[test]
    fn the_middle_of_a_picture_becomes_a_small_square() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        // Noise is what compresses worst.
        let noise: Vec<u8> = (0..1_600_u32 * 900 * 4).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        write_png(&path, 1_600, 900, noise).unwrap();
        let made = portrait(&path).unwrap();
        let read = decode(&made).unwrap();
        assert_eq!((read.width(), read.height()), (SIDE, SIDE));
        assert!(std::fs::metadata(&made).unwrap().len() < relay::vocabulary::BULK_BYTES_MAX as u64);
        write_png(&path, 40, 30, [0, 0, 0, 0].repeat(1_200)).unwrap();
        let read = decode(&portrait(&path).unwrap()).unwrap().into_rgb8();
        assert_eq!(
            (read.width(), read.get_pixel(5, 5).0),
            (30, [255, 255, 255]),
            "small ones stay, and nothing is black"
        );
        std::fs::write(&path, b"no picture").unwrap();
        assert!(matches!(portrait(&path), Err(StillError::Decode(_))));
    }
}
