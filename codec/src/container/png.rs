//! Snapshots: a picture as a PNG file (by a library: png).

use std::io::Write;

use crate::colour::{self, ColourError};
use crate::picture::Picture;

/// Why a snapshot cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The picture cannot be converted to RGB.
    #[error(transparent)]
    Colour(#[from] ColourError),
    /// Writing failed.
    #[error("the snapshot cannot be written: {0}")]
    Png(#[from] ::png::EncodingError),
}

/// Writes a picture as 8-bit RGB.
///
/// # Errors
/// [`PngError`].
pub fn write(picture: &Picture, output: impl Write) -> Result<(), PngError> {
    let mut rgb = Vec::new();
    colour::to_rgb(picture, &mut rgb)?;
    let mut encoder = ::png::Encoder::new(output, picture.width(), picture.height());
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_compression(::png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::PictureMut;

    #[test]
    fn a_snapshot_has_size_and_colour_of_the_picture() {
        let mut picture = PictureMut::black(33, 17).unwrap();
        picture.fill(126, 128, 128);
        let mut file = Vec::new();
        write(&picture.freeze(), &mut file).unwrap();
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (33, 17, ::png::ColorType::Rgb));
        assert!(pixels.iter().all(|&value| value.abs_diff(128) <= 1), "{:?}", &pixels[..3]);
    }
}
