//! Pictures of people: whatever is sent is decoded within bounds and encoded anew, small, upright and without what a
//! camera wrote into it.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};
use relay::vocabulary::PICTURE_SIDE;
use std::io::Cursor;

/// Most pixels along either side of what is sent.
const SIDE_MAX: u32 = 8192;
/// Most memory that decoding may take.
const MEMORY_MAX: u64 = 96 << 20;
const QUALITY: u8 = 85;
/// What shows through where a picture is transparent.
const BEHIND: u8 = 255;

/// Why a picture cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// No image, or of a kind that is not read, or damaged.
    #[error("this is no picture that can be read: send a PNG, JPEG, WebP or GIF ({0})")]
    Unreadable(String),
    /// Too many pixels.
    #[error("this picture is too large: at most {SIDE_MAX} pixels along either side, and 24 million in all")]
    TooLarge,
}

/// Makes a JPEG of at most [`PICTURE_SIDE`] pixels along either side. Takes up to a second: not for a thread that others
/// wait for.
///
/// # Errors
/// [`PictureError`].
pub fn made_small(sent: &[u8]) -> Result<Vec<u8>, PictureError> {
    let unreadable = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => PictureError::TooLarge,
        other => PictureError::Unreadable(other.to_string()),
    };
    let mut reader = ImageReader::new(Cursor::new(sent))
        .with_guessed_format()
        .map_err(|error| PictureError::Unreadable(error.to_string()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    if decoder.total_bytes() > MEMORY_MAX {
        return Err(PictureError::TooLarge);
    }
    // A camera says which side is up instead of turning the picture.
    let orientation = decoder.orientation().map_err(unreadable)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    picture.apply_orientation(orientation);
    if picture.width() > PICTURE_SIDE || picture.height() > PICTURE_SIDE {
        picture = picture.resize(PICTURE_SIDE, PICTURE_SIDE, FilterType::CatmullRom);
    }
    let mut made = Vec::new();
    JpegEncoder::new_with_quality(&mut made, QUALITY).encode_image(&opaque(&picture)).map_err(unreadable)?;
    Ok(made)
}

fn opaque(picture: &DynamicImage) -> RgbImage {
    let source = picture.to_rgba8();
    RgbImage::from_fn(source.width(), source.height(), |x, y| {
        let [red, green, blue, alpha] = source.get_pixel(x, y).0;
        let over = |colour: u8| {
            let mixed = u16::from(colour) * u16::from(alpha) + u16::from(BEHIND) * u16::from(255 - alpha);
            u8::try_from(mixed / 255).unwrap_or(u8::MAX)
        };
        image::Rgb([over(red), over(green), over(blue)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Left half red, right half blue, the lower half transparent.
    fn flag(width: u32, height: u32) -> DynamicImage {
        RgbaImage::from_fn(width, height, |x, y| {
            let alpha = if y < height / 2 { 255 } else { 0 };
            if x < width / 2 { Rgba([255, 0, 0, alpha]) } else { Rgba([0, 0, 255, alpha]) }
        })
        .into()
    }

    fn near(pixel: &image::Rgb<u8>, wanted: [u8; 3]) -> bool {
        pixel.0.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) < 24)
    }

    #[test]
    fn every_kind_becomes_a_small_jpeg() {
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
            let made = made_small(&encoded(&flag(1024, 512), format)).unwrap();
            let kept = image::load_from_memory_with_format(&made, ImageFormat::Jpeg).unwrap().to_rgb8();
            assert_eq!((kept.width(), kept.height()), (PICTURE_SIDE, PICTURE_SIDE / 2), "{format:?}");
            assert!(near(kept.get_pixel(40, 20), [255, 0, 0]) && near(kept.get_pixel(200, 20), [0, 0, 255]));
            assert!(near(kept.get_pixel(40, 110), [255, 255, 255]), "{format:?}");
            assert!(made.len() < 20_000);
        }
        let small = made_small(&encoded(&flag(16, 16).to_rgb8().into(), ImageFormat::Jpeg)).unwrap();
        assert_eq!(image::load_from_memory(&small).unwrap().width(), 16, "what is small stays as it is");
    }

    #[test]
    fn what_the_camera_wrote_goes_and_its_turn_is_made() {
        let mut jpeg = encoded(&flag(64, 32).to_rgb8().into(), ImageFormat::Jpeg);
        // An APP1 segment with Exif that holds one entry: orientation 6, a quarter turn clockwise; and a place name.
        let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0Home, sweet home";
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        let segment = [&[0xff, 0xe1], length.as_slice(), exif].concat();
        jpeg.splice(2..2, segment);
        let made = made_small(&jpeg).unwrap();
        assert!(!made.windows(4).any(|window| window == b"Home" || window == b"Exif"));
        let kept = image::load_from_memory(&made).unwrap().to_rgb8();
        assert_eq!((kept.width(), kept.height()), (32, 64));
        assert!(near(kept.get_pixel(24, 16), [255, 0, 0]) && near(kept.get_pixel(24, 56), [0, 0, 255]));
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        for bytes in [&b""[..], b"GIF89a", b"hello", b"\x89PNG\r\n\x1a\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
        {
            assert!(matches!(made_small(bytes), Err(PictureError::Unreadable(_))), "{bytes:?}");
        }
        let whole = encoded(&flag(64, 64), ImageFormat::Png);
        assert!(matches!(made_small(&whole[..whole.len() / 2]), Err(PictureError::Unreadable(_))));
        // A bomb: a header that promises 30,000 × 30,000 pixels.
        let mut bomb = whole.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
        let checksum = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(made_small(&bomb), Err(PictureError::TooLarge));
    }

    /// The checksum of a PNG's chunk (ISO 3309).
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
