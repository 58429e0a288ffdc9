//! Thumbnails: a picture is decoded within bounds and encoded anew, small, upright and without what a camera wrote into
//! it.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use std::path::Path;

/// Most pixels along either side of a thumbnail.
const SIDE: u32 = 320;
const QUALITY: u8 = 80;
/// Most pixels along either side of a picture that is looked at.
const SIDE_MAX: u32 = 12_000;
/// Most memory that decoding may take.
const MEMORY_MAX: u64 = 160 << 20;

/// A thumbnail, and the size of the picture it is of.
#[derive(Debug)]
pub(super) struct Thumbnail {
    pub(super) size: (u32, u32),
    pub(super) jpeg: Vec<u8>,
}

/// The thumbnail of the picture at `path`; `None` if it is none, or one that is too large to be looked at: it is a file
/// like any other then. Blocks, for up to a second.
pub(super) fn of(path: &Path) -> Option<Thumbnail> {
    made(path).inspect_err(|error| tracing::debug!(%error, "a picture has no thumbnail")).ok()
}

fn made(path: &Path) -> Result<Thumbnail, image::ImageError> {
    let mut reader = ImageReader::open(path)?.with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    // A camera says which side is up instead of turning the picture.
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let size = (picture.width(), picture.height());
    if size.0 > SIDE || size.1 > SIDE {
        picture = picture.resize(SIDE, SIDE, FilterType::Triangle);
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&on_white(&picture))?;
    Ok(Thumbnail { size, jpeg })
}

/// What is transparent shows white.
fn on_white(picture: &DynamicImage) -> image::RgbImage {
    let source = picture.to_rgba8();
    image::RgbImage::from_fn(source.width(), source.height(), |x, y| {
        let [red, green, blue, alpha] = source.get_pixel(x, y).0.map(u16::from);
        let over = |colour: u16| u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX);
        image::Rgb([over(red), over(green), over(blue)])
    })
}
