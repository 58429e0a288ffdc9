//! Pictures as cameras give them where raw ones would not fit through the cable: each a JPEG of its own ("Motion JPEG",
//! also without the Huffman tables that all of them share).

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::colour::{self, ColourError, Format};
use crate::picture::{Colour, MAX_SIDE, Picture, PicturePool};

/// Why a JPEG gives no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JpegError {
    /// Damaged, or none.
    #[error("the JPEG cannot be read: {0}")]
    Unreadable(String),
    /// Its pixels cannot become a picture.
    #[error(transparent)]
    Colour(#[from] ColourError),
}

/// Decodes one picture. Bytes after its end (cameras pad to whole pages) are not looked at.
///
/// # Errors
/// [`JpegError`].
pub fn to_picture(bytes: &[u8], pool: &PicturePool) -> Result<Picture, JpegError> {
    let unreadable = |error: &dyn std::fmt::Display| JpegError::Unreadable(error.to_string());
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|error| unreadable(&error))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| unreadable(&"it does not say its size"))?;
    let (width, height) = (u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(height).unwrap_or(u32::MAX));
    Ok(colour::to_picture(Format::Rgb, &pixels, width, height, Colour::assumed(height), pool)?)
}
