//! Between the layouts of cameras and screens (NV12, YUYV, RGB, RGBA) and I420, and from one size to another, by SIMD
//! libraries (`yuv`, `fast_image_resize`).

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer, pixels};
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

use crate::picture::{Colour, Matrix, Picture, PictureError, PictureMut, PicturePool, PlanesMut, Range};

/// How the bytes of a picture from elsewhere are laid out. Rows follow one another without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Y plane, U plane, V plane, 4:2:0.
    I420,
    /// Y plane, then U and V of each two by two pixels in turn, 4:2:0.
    Nv12,
    /// Y U Y V of each two pixels in turn, 4:2:2.
    Yuyv,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha (not looked at).
    Rgba,
}

impl Format {
    /// Bytes of a picture of this size.
    pub fn bytes(self, width: u32, height: u32) -> usize {
        let (w, h) = (width as usize, height as usize);
        match self {
            Format::I420 | Format::Nv12 => w * h + 2 * w.div_ceil(2) * h.div_ceil(2),
            Format::Yuyv => w.next_multiple_of(2) * 2 * h,
            Format::Rgb => w * h * 3,
            Format::Rgba => w * h * 4,
        }
    }
}

/// Why a picture cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColourError {
    /// Too few bytes for the size.
    #[error("{got} bytes given, a {format:?} picture of {width}×{height} has {needed}: check the camera's format")]
    Short {
        /// Bytes given.
        got: usize,
        /// Bytes needed.
        needed: usize,
        /// The layout.
        format: Format,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// No picture has this size.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A library refused.
    #[error("the conversion failed: {0}")]
    Library(String),
}

/// Makes a picture of `colour` from bytes in another layout. Bytes beyond the picture (cameras pad to whole pages) are not
/// looked at. For RGB layouts `colour` chooses what the picture becomes, for the others it says what they are.
///
/// # Errors
/// [`ColourError`].
pub fn to_picture(
    format: Format,
    bytes: &[u8],
    width: u32,
    height: u32,
    colour: Colour,
    pool: &PicturePool,
) -> Result<Picture, ColourError> {
    let mut picture = pool.take(width, height)?;
    picture.set_colour(colour);
    let needed = format.bytes(width, height);
    let Some(bytes) = bytes.get(..needed) else {
        return Err(ColourError::Short { got: bytes.len(), needed, format, width, height });
    };
    match format {
        Format::I420 => copy_i420(bytes, &mut picture),
        Format::Nv12 => copy_nv12(bytes, &mut picture),
        Format::Yuyv => {
            let source = YuvPackedImage { yuy: bytes, yuy_stride: width.next_multiple_of(2) * 2, width, height };
            yuv::yuyv422_to_yuv420(&mut planar(&mut picture), &source).map_err(failed)?;
        }
        Format::Rgb => {
            let (range, matrix) = terms(colour);
            let mode = YuvConversionMode::Balanced;
            yuv::rgb_to_yuv420(&mut planar(&mut picture), bytes, width * 3, range, matrix, mode).map_err(failed)?;
        }
        Format::Rgba => {
            let (range, matrix) = terms(colour);
            let mode = YuvConversionMode::Balanced;
            yuv::rgba_to_yuv420(&mut planar(&mut picture), bytes, width * 4, range, matrix, mode).map_err(failed)?;
        }
    }
    Ok(picture.freeze())
}

/// Writes a picture as RGBA (alpha 255), rows without padding, into `out`, which takes its length.
///
/// # Errors
/// [`ColourError::Library`].
pub fn to_rgba(picture: &Picture, out: &mut Vec<u8>) -> Result<(), ColourError> {
    out.resize(Format::Rgba.bytes(picture.width(), picture.height()), 0);
    let (range, matrix) = terms(picture.colour());
    yuv::yuv420_to_rgba(&planar_view(picture), out, picture.width() * 4, range, matrix).map_err(failed)
}

/// Writes a picture as RGB, rows without padding, into `out`, which takes its length.
///
/// # Errors
/// [`ColourError::Library`].
pub fn to_rgb(picture: &Picture, out: &mut Vec<u8>) -> Result<(), ColourError> {
    out.resize(Format::Rgb.bytes(picture.width(), picture.height()), 0);
    let (range, matrix) = terms(picture.colour());
    yuv::yuv420_to_rgb(&planar_view(picture), out, picture.width() * 3, range, matrix).map_err(failed)
}

/// Scales pictures; keeps its tables between pictures of the same sizes.
pub struct Scaler {
    resizer: Resizer,
    packed: [Vec<u8>; 2],
}

impl Scaler {
    /// A scaler for any sizes.
    pub fn new() -> Scaler {
        Scaler { resizer: Resizer::new(), packed: [Vec::new(), Vec::new()] }
    }

    /// The picture in another size (its shape is not kept: see [`fit`]). The same size shares the planes.
    ///
    /// # Errors
    /// [`ColourError`].
    pub fn scale(
        &mut self,
        picture: &Picture,
        width: u32,
        height: u32,
        pool: &PicturePool,
    ) -> Result<Picture, ColourError> {
        if (picture.width(), picture.height()) == (width, height) {
            return Ok(picture.clone());
        }
        let mut scaled = pool.take(width, height)?;
        scaled.set_colour(picture.colour());
        let (y_stride, c_stride) = picture.strides();
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let (to_w, to_h) = (width as usize, height as usize);
        let to = scaled.planes_mut();
        let half = |n: usize| n.div_ceil(2);
        self.plane(
            Plane { samples: picture.y(), stride: y_stride, width: w, height: h },
            to.y,
            to.y_stride,
            (to_w, to_h),
        )?;
        for (samples, into) in [(picture.u(), to.u), (picture.v(), to.v)] {
            let from = Plane { samples, stride: c_stride, width: half(w), height: half(h) };
            self.plane(from, into, to.c_stride, (half(to_w), half(to_h)))?;
        }
        Ok(scaled.freeze())
    }

    /// The whole picture, as large as it can be, in the middle of a black one of this size. The same size shares the
    /// planes.
    ///
    /// # Errors
    /// [`ColourError`].
    pub fn letterbox(
        &mut self,
        picture: &Picture,
        width: u32,
        height: u32,
        pool: &PicturePool,
    ) -> Result<Picture, ColourError> {
        let (inner_width, inner_height) = shaped(picture.width(), picture.height(), width, height);
        let scaled = self.scale(picture, inner_width, inner_height, pool)?;
        if (inner_width, inner_height) == (width, height) {
            return Ok(scaled);
        }
        let mut boxed = pool.take(width, height)?;
        boxed.set_colour(picture.colour());
        let black = if picture.colour().range == Range::Full { 0 } else { 16 };
        boxed.fill(black, 128, 128);
        // Chroma has one sample for two by two pixels.
        let (left, top) = ((width - inner_width) as usize / 4 * 2, (height - inner_height) as usize / 4 * 2);
        let (inner_width, inner_height) = (inner_width as usize, inner_height as usize);
        let (y_from, c_from) = scaled.strides();
        let into = boxed.planes_mut();
        for (from, stride, plane, to_stride, halved) in [
            (scaled.y(), y_from, into.y, into.y_stride, 1),
            (scaled.u(), c_from, into.u, into.c_stride, 2),
            (scaled.v(), c_from, into.v, into.c_stride, 2),
        ] {
            let (left, top, columns) = (left / halved, top / halved, inner_width.div_ceil(halved));
            let rows = from.chunks(stride).take(inner_height.div_ceil(halved));
            for (row, samples) in plane.chunks_mut(to_stride).skip(top).zip(rows) {
                row[left..left + columns].copy_from_slice(&samples[..columns]);
            }
        }
        Ok(boxed.freeze())
    }

    /// The library knows no strides, so rows are packed on the way in and spread on the way out.
    fn plane(
        &mut self,
        from: Plane<'_>,
        into: &mut [u8],
        stride: usize,
        (width, height): (usize, usize),
    ) -> Result<(), ColourError> {
        let [packed, scaled] = &mut self.packed;
        packed.clear();
        for row in from.samples.chunks(from.stride).take(from.height) {
            packed.extend_from_slice(&row[..from.width]);
        }
        scaled.resize(width * height, 0);
        let source = TypedImageRef::<pixels::U8>::from_buffer(from.width as u32, from.height as u32, packed)
            .map_err(|error| ColourError::Library(error.to_string()))?;
        let mut target = TypedImage::<pixels::U8>::from_buffer(width as u32, height as u32, scaled)
            .map_err(|error| ColourError::Library(error.to_string()))?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.resizer
            .resize_typed::<pixels::U8>(&source, &mut target, &options)
            .map_err(|error| ColourError::Library(error.to_string()))?;
        for (row, samples) in into.chunks_mut(stride).zip(scaled.chunks_exact(width)) {
            row[..width].copy_from_slice(samples);
        }
        Ok(())
    }
}

impl Default for Scaler {
    fn default() -> Scaler {
        Scaler::new()
    }
}

/// The largest even size of the shape `width`×`height` that fits into `max_width`×`max_height`, never larger than it is.
pub fn fit(width: u32, height: u32, max_width: u32, max_height: u32) -> (u32, u32) {
    shaped(width, height, max_width.min(width.max(1)), max_height.min(height.max(1)))
}

/// The same, also larger than it is.
fn shaped(width: u32, height: u32, max_width: u32, max_height: u32) -> (u32, u32) {
    let (w, h) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let (mw, mh) = (u64::from(max_width), u64::from(max_height));
    let (fw, fh) = if mw * h <= mh * w { (mw, mw * h / w) } else { (mh * w / h, mh) };
    let even = |side: u64| u32::try_from(side).unwrap_or(u32::MAX) & !1;
    (even(fw).max(2), even(fh).max(2))
}

struct Plane<'a> {
    samples: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

fn copy_i420(bytes: &[u8], picture: &mut PictureMut) {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
    let PlanesMut { y, u, v, y_stride, c_stride } = picture.planes_mut();
    let (luma, chroma) = bytes.split_at(w * h);
    let (cb, cr) = chroma.split_at(cw * ch);
    for (from, width, into, stride) in [(luma, w, y, y_stride), (cb, cw, u, c_stride), (cr, cw, v, c_stride)] {
        for (row, samples) in into.chunks_mut(stride).zip(from.chunks_exact(width)) {
            row[..width].copy_from_slice(samples);
        }
    }
}

fn copy_nv12(bytes: &[u8], picture: &mut PictureMut) {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let cw = w.div_ceil(2);
    let PlanesMut { y, u, v, y_stride, c_stride } = picture.planes_mut();
    let (luma, chroma) = bytes.split_at(w * h);
    for (row, samples) in y.chunks_mut(y_stride).zip(luma.chunks_exact(w)) {
        row[..w].copy_from_slice(samples);
    }
    let rows = u.chunks_mut(c_stride).zip(v.chunks_mut(c_stride)).zip(chroma.chunks_exact(2 * cw));
    for ((u_row, v_row), pairs) in rows {
        for ((cb, cr), pair) in u_row.iter_mut().zip(v_row).zip(pairs.chunks_exact(2)) {
            (*cb, *cr) = (pair[0], pair[1]);
        }
    }
}

fn planar(picture: &mut PictureMut) -> YuvPlanarImageMut<'_, u8> {
    let (width, height) = (picture.width(), picture.height());
    let PlanesMut { y, u, v, y_stride, c_stride } = picture.planes_mut();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: y_stride as u32,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: c_stride as u32,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: c_stride as u32,
        width,
        height,
    }
}

fn planar_view(picture: &Picture) -> YuvPlanarImage<'_, u8> {
    let (y_stride, c_stride) = picture.strides();
    YuvPlanarImage {
        y_plane: picture.y(),
        y_stride: y_stride as u32,
        u_plane: picture.u(),
        u_stride: c_stride as u32,
        v_plane: picture.v(),
        v_stride: c_stride as u32,
        width: picture.width(),
        height: picture.height(),
    }
}

fn terms(colour: Colour) -> (YuvRange, YuvStandardMatrix) {
    let range = match colour.range {
        Range::Limited => YuvRange::Limited,
        Range::Full => YuvRange::Full,
    };
    let matrix = match colour.matrix {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
    };
    (range, matrix)
}

fn failed(error: yuv::YuvError) -> ColourError {
    ColourError::Library(format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: [Colour; 4] = [
        Colour { matrix: Matrix::Bt601, range: Range::Limited },
        Colour { matrix: Matrix::Bt601, range: Range::Full },
        Colour { matrix: Matrix::Bt709, range: Range::Limited },
        Colour { matrix: Matrix::Bt709, range: Range::Full },
    ];

    /// Y′CbCr of a flat colour by the book (ITU-R BT.601-7 and BT.709-6 section 3).
    fn by_the_book(rgb: [u8; 3], colour: Colour) -> [f32; 3] {
        let [r, g, b] = rgb.map(|v| f32::from(v) / 255.0);
        let (kr, kb) = match colour.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let y = kr * r + (1.0 - kr - kb) * g + kb * b;
        let (cb, cr) = ((b - y) / (2.0 - 2.0 * kb), (r - y) / (2.0 - 2.0 * kr));
        match colour.range {
            Range::Limited => [16.0 + 219.0 * y, 128.0 + 224.0 * cb, 128.0 + 224.0 * cr],
            Range::Full => [255.0 * y, 128.0 + 255.0 * cb, 128.0 + 255.0 * cr],
        }
    }

    #[test]
    fn flat_colours_become_what_the_standards_say_and_come_back() {
        let pool = PicturePool::default();
        for colour in SETS {
            for rgb in [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [180, 120, 90]] {
                let (w, h) = (34, 18);
                for format in [Format::Rgb, Format::Rgba] {
                    let pixel = if format == Format::Rgb { rgb.to_vec() } else { [rgb[0], rgb[1], rgb[2], 7].to_vec() };
                    let bytes = pixel.repeat(w as usize * h as usize);
                    let picture = to_picture(format, &bytes, w, h, colour, &pool).unwrap();
                    let wanted = by_the_book(rgb, colour);
                    for (got, wanted) in [picture.y()[0], picture.u()[0], picture.v()[0]].into_iter().zip(wanted) {
                        assert!(
                            (f32::from(got) - wanted.min(255.0)).abs() <= 1.5,
                            "{rgb:?} {colour:?}: {got} for {wanted}"
                        );
                    }
                    let mut back = Vec::new();
                    to_rgba(&picture, &mut back).unwrap();
                    assert_eq!((back.len(), back[3]), ((w * h * 4) as usize, 255));
                    assert!(
                        back.chunks(4).all(|p| (0..3).all(|k| p[k].abs_diff(rgb[k]) <= 5)),
                        "{:?} for {rgb:?}",
                        &back[..4]
                    );
                    to_rgb(&picture, &mut back).unwrap();
                    assert!(back.chunks(3).all(|p| (0..3).all(|k| p[k].abs_diff(rgb[k]) <= 5)));
                }
            }
        }
    }

    #[test]
    fn the_same_picture_from_every_yuv_layout() {
        let pool = PicturePool::default();
        for (w, h) in [(32u32, 16u32), (34, 18), (17, 9)] {
            let (cw, ch) = (w.div_ceil(2) as usize, h.div_ceil(2) as usize);
            let luma: Vec<u8> = (0..w * h).map(|n| (n * 7) as u8).collect();
            let (cb, cr): (Vec<u8>, Vec<u8>) = (0..cw * ch).map(|n| ((n * 3) as u8, (n * 5 + 1) as u8)).unzip();
            let i420 = [&luma[..], &cb, &cr].concat();
            let nv12 = [luma.clone(), cb.iter().zip(&cr).flat_map(|(&u, &v)| [u, v]).collect()].concat();
            let make = |format, bytes: &[u8]| to_picture(format, bytes, w, h, SETS[0], &pool).unwrap();
            let wanted = make(Format::I420, &i420);
            assert_eq!(wanted.rows().collect::<Vec<_>>().concat(), i420);
            assert_eq!(make(Format::Nv12, &nv12), wanted);
            if w % 2 == 0 {
                // 4:2:2 with each chroma row twice averages to the row.
                let mut yuyv = Vec::new();
                for y in 0..h as usize {
                    for x in 0..cw {
                        let (a, c) = (y * w as usize + 2 * x, y / 2 * cw + x);
                        yuyv.extend_from_slice(&[luma[a], cb[c], luma[a + 1], cr[c]]);
                    }
                }
                yuyv.extend_from_slice(&[9; 50]);
                assert_eq!(make(Format::Yuyv, &yuyv), wanted);
            }
        }
    }

    #[test]
    fn one_byte_too_few_is_refused() {
        let pool = PicturePool::default();
        for format in [Format::I420, Format::Nv12, Format::Yuyv, Format::Rgb, Format::Rgba] {
            for (w, h) in [(16, 16), (15, 7)] {
                let bytes = vec![128; format.bytes(w, h)];
                assert!(to_picture(format, &bytes, w, h, SETS[0], &pool).is_ok(), "{format:?} {w}×{h}");
                let short = to_picture(format, &bytes[1..], w, h, SETS[0], &pool);
                assert!(matches!(short, Err(ColourError::Short { .. })));
            }
        }
    }

    #[test]
    fn scaling_keeps_flat_colours_and_shapes() {
        let pool = PicturePool::default();
        let mut flat = PictureMut::black(64, 36).unwrap();
        flat.fill(99, 50, 200);
        let flat = flat.freeze();
        let mut scaler = Scaler::new();
        for (w, h) in [(128, 72), (33, 17), (2, 2), (64, 36)] {
            let scaled = scaler.scale(&flat, w, h, &pool).unwrap();
            assert_eq!((scaled.width(), scaled.height()), (w, h));
            let mut rows = scaled.rows();
            assert!(rows.by_ref().take(h as usize).all(|row| row.iter().all(|&y| y == 99)));
            assert!(rows.by_ref().take(h.div_ceil(2) as usize).all(|row| row.iter().all(|&u| u == 50)));
            assert!(rows.all(|row| row.iter().all(|&v| v == 200)));
        }
        assert_eq!(fit(1280, 720, 640, 640), (640, 360));
        assert_eq!(fit(720, 1280, 640, 640), (360, 640));
        assert_eq!(fit(100, 50, 640, 640), (100, 50));
        assert_eq!(fit(0, 0, 0, 0), (2, 2));
    }
}
