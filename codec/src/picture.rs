//! A picture in I420 (planar YUV, 4:2:0, 8 bit) whose planes live in one shared buffer that returns to its pool when
//! the last holder lets go.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

/// The matrix that relates Y′CbCr to R′G′B′.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Matrix {
    /// ITU-R BT.601, the habit of webcams and of everything below 720 lines.
    #[default]
    Bt601,
    /// ITU-R BT.709, the habit of HD.
    Bt709,
}

/// Which part of the 8-bit range is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Range {
    /// Luma 16–235, chroma 16–240: what video uses.
    #[default]
    Limited,
    /// 0–255: what JPEG and RGB use.
    Full,
}

/// How the numbers of a picture are to be understood as colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Colour {
    /// The matrix between Y′CbCr and R′G′B′.
    pub matrix: Matrix,
    /// The range of the sample values.
    pub range: Range,
}

impl Colour {
    /// What an unmarked picture of this height most likely is: BT.709 from 720 lines on, BT.601 below, limited range.
    pub fn assumed(height: u32) -> Colour {
        let matrix = if height >= 720 { Matrix::Bt709 } else { Matrix::Bt601 };
        Colour { matrix, range: Range::Limited }
    }
}

/// A finished picture. Cloning shares the planes.
///
/// Chroma planes have `(width + 1) / 2` by `(height + 1) / 2` samples.
#[derive(Clone)]
pub struct Picture {
    storage: Arc<Storage>,
    layout: Layout,
    colour: Colour,
}

impl Picture {
    /// Width in luma samples.
    pub fn width(&self) -> u32 {
        self.layout.width as u32
    }

    /// Height in luma samples.
    pub fn height(&self) -> u32 {
        self.layout.height as u32
    }

    /// How the sample values are to be understood.
    pub fn colour(&self) -> Colour {
        self.colour
    }

    /// The same planes, to be understood otherwise.
    pub fn with_colour(mut self, colour: Colour) -> Picture {
        self.colour = colour;
        self
    }

    /// The luma plane; row `r` begins at `r * self.strides().0`.
    pub fn y(&self) -> &[u8] {
        &self.storage.data[..self.layout.y_len()]
    }

    /// The Cb plane; row `r` begins at `r * self.strides().1`.
    pub fn u(&self) -> &[u8] {
        let start = self.layout.u_start;
        &self.storage.data[start..start + self.layout.c_len()]
    }

    /// The Cr plane; row `r` begins at `r * self.strides().1`.
    pub fn v(&self) -> &[u8] {
        let start = self.layout.v_start;
        &self.storage.data[start..start + self.layout.c_len()]
    }

    /// Bytes from one row to the next: of the luma plane, of each chroma plane.
    pub fn strides(&self) -> (usize, usize) {
        (self.layout.y_stride, self.layout.c_stride)
    }

    /// The same picture without its last column or row where width or height is odd (encoders want even sizes).
    /// Shares the planes.
    pub fn cropped_to_even(&self) -> Picture {
        let mut cropped = self.clone();
        cropped.layout.width &= !1;
        cropped.layout.height &= !1;
        cropped
    }

    /// Luma and chroma rows without padding, one after the other: `width` bytes each of Y, then of U, then of V.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let Layout { width, height, y_stride, c_stride, .. } = self.layout;
        let (cw, ch) = (width.div_ceil(2), height.div_ceil(2));
        let luma = self.y().chunks(y_stride).take(height).map(move |row| &row[..width]);
        let u = self.u().chunks(c_stride).take(ch).map(move |row| &row[..cw]);
        let v = self.v().chunks(c_stride).take(ch).map(move |row| &row[..cw]);
        luma.chain(u).chain(v)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}×{}, {:?})", self.width(), self.height(), self.colour)
    }
}

impl PartialEq for Picture {
    /// Equal size and equal samples; padding does not count.
    fn eq(&self, other: &Picture) -> bool {
        self.width() == other.width() && self.height() == other.height() && self.rows().eq(other.rows())
    }
}

/// A picture being filled, held by one owner.
pub struct PictureMut {
    storage: Storage,
    layout: Layout,
    colour: Colour,
}

impl PictureMut {
    /// A picture in memory of its own, black. Where many are needed, take them from a [`PicturePool`].
    ///
    /// # Errors
    /// [`PictureError`] when a side is 0 or beyond [`MAX_SIDE`].
    pub fn black(width: u32, height: u32) -> Result<PictureMut, PictureError> {
        let layout = Layout::new(width, height)?;
        let mut picture = PictureMut {
            storage: Storage { data: vec![0; layout.total()], home: Weak::new() },
            layout,
            colour: Colour::assumed(height),
        };
        picture.fill(16, 128, 128);
        Ok(picture)
    }

    /// Sets every sample of the three planes.
    pub fn fill(&mut self, y: u8, u: u8, v: u8) {
        let planes = self.planes_mut();
        planes.y.fill(y);
        planes.u.fill(u);
        planes.v.fill(v);
    }

    /// Width in luma samples.
    pub fn width(&self) -> u32 {
        self.layout.width as u32
    }

    /// Height in luma samples.
    pub fn height(&self) -> u32 {
        self.layout.height as u32
    }

    /// Says how the samples are to be understood.
    pub fn set_colour(&mut self, colour: Colour) {
        self.colour = colour;
    }

    /// The three planes to write to, with their strides in bytes.
    pub fn planes_mut(&mut self) -> PlanesMut<'_> {
        let Layout { u_start, v_start, y_stride, c_stride, .. } = self.layout;
        let (y_len, c_len) = (self.layout.y_len(), self.layout.c_len());
        let (luma, chroma) = self.storage.data.split_at_mut(u_start);
        let (u, v) = chroma.split_at_mut(v_start - u_start);
        PlanesMut { y: &mut luma[..y_len], u: &mut u[..c_len], v: &mut v[..c_len], y_stride, c_stride }
    }

    /// Ends the filling: from here on the picture is shared and never changes.
    pub fn freeze(self) -> Picture {
        Picture { storage: Arc::new(self.storage), layout: self.layout, colour: self.colour }
    }
}

/// The planes of a [`PictureMut`] and their strides in bytes.
pub struct PlanesMut<'a> {
    /// Luma, `y_stride` bytes a row.
    pub y: &'a mut [u8],
    /// Cb, `c_stride` bytes a row.
    pub u: &'a mut [u8],
    /// Cr, `c_stride` bytes a row.
    pub v: &'a mut [u8],
    /// Bytes from one luma row to the next.
    pub y_stride: usize,
    /// Bytes from one chroma row to the next.
    pub c_stride: usize,
}

/// Keeps the buffers of pictures that nobody holds any more, so that a running call allocates none.
#[derive(Clone)]
pub struct PicturePool {
    shelf: Arc<Mutex<Shelf>>,
}

impl PicturePool {
    /// A pool that keeps at most `spare` buffers for reuse (it hands out as many pictures as it is asked for).
    pub fn new(spare: usize) -> PicturePool {
        PicturePool { shelf: Arc::new(Mutex::new(Shelf { spare, buffers: Vec::with_capacity(spare) })) }
    }

    /// A picture to fill; its samples are whatever was there before.
    ///
    /// # Errors
    /// [`PictureError`] when a side is 0 or beyond [`MAX_SIDE`].
    pub fn take(&self, width: u32, height: u32) -> Result<PictureMut, PictureError> {
        let layout = Layout::new(width, height)?;
        let total = layout.total();
        let spare = match self.shelf.lock() {
            Ok(mut shelf) => shelf.take(total),
            Err(_) => None,
        };
        let data = spare.unwrap_or_else(|| vec![0; total]);
        let storage = Storage { data, home: Arc::downgrade(&self.shelf) };
        Ok(PictureMut { storage, layout, colour: Colour::assumed(height) })
    }
}

impl Default for PicturePool {
    fn default() -> PicturePool {
        PicturePool::new(8)
    }
}

/// The longest side of a picture, in samples. H.264 level 5.2 allows no more.
pub const MAX_SIDE: u32 = 8192;

/// Why a picture cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// A side is zero or absurdly long.
    #[error("a picture of {width}×{height} is impossible: each side must be 1 to {MAX_SIDE}")]
    Size {
        /// Asked width.
        width: u32,
        /// Asked height.
        height: u32,
    },
}

/// Rows begin at multiples of this many bytes, for SIMD.
const ALIGN: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Layout {
    width: usize,
    height: usize,
    y_stride: usize,
    c_stride: usize,
    u_start: usize,
    v_start: usize,
}

impl Layout {
    fn new(width: u32, height: u32) -> Result<Layout, PictureError> {
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(PictureError::Size { width, height });
        }
        let (width, height) = (width as usize, height as usize);
        let y_stride = width.next_multiple_of(ALIGN);
        let c_stride = width.div_ceil(2).next_multiple_of(ALIGN);
        let u_start = y_stride * height;
        let v_start = u_start + c_stride * height.div_ceil(2);
        Ok(Layout { width, height, y_stride, c_stride, u_start, v_start })
    }

    fn y_len(&self) -> usize {
        self.y_stride * self.height
    }

    fn c_len(&self) -> usize {
        self.c_stride * self.height.div_ceil(2)
    }

    fn total(&self) -> usize {
        self.v_start + self.c_len()
    }
}

struct Storage {
    data: Vec<u8>,
    home: Weak<Mutex<Shelf>>,
}

impl Drop for Storage {
    fn drop(&mut self) {
        if let Some(shelf) = self.home.upgrade()
            && let Ok(mut shelf) = shelf.lock()
        {
            shelf.put(std::mem::take(&mut self.data));
        }
    }
}

struct Shelf {
    spare: usize,
    buffers: Vec<Vec<u8>>,
}

impl Shelf {
    /// A buffer of exactly this size. Others are thrown away: the size of the pictures has changed.
    fn take(&mut self, total: usize) -> Option<Vec<u8>> {
        while let Some(buffer) = self.buffers.pop() {
            if buffer.len() == total {
                return Some(buffer);
            }
        }
        None
    }

    fn put(&mut self, buffer: Vec<u8>) {
        if self.buffers.len() < self.spare {
            self.buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_just_inside_and_just_outside() {
        assert!(PictureMut::black(1, 1).is_ok());
        assert!(PictureMut::black(MAX_SIDE, 2).is_ok());
        assert!(PictureMut::black(MAX_SIDE + 1, 2).is_err());
        assert!(PictureMut::black(0, 2).is_err());
    }

    #[test]
    fn odd_sizes_have_rounded_up_chroma_and_crop_to_even() {
        let picture = PictureMut::black(5, 3).unwrap().freeze();
        assert_eq!(picture.rows().count(), 3 + 2 + 2);
        assert_eq!(picture.rows().map(<[u8]>::len).sum::<usize>(), 15 + 6 + 6);
        let even = picture.cropped_to_even();
        assert_eq!((even.width(), even.height()), (4, 2));
        assert_eq!(even.rows().map(<[u8]>::len).sum::<usize>(), 8 + 2 + 2);
    }

    #[test]
    fn a_dropped_picture_gives_its_buffer_to_the_next() {
        let pool = PicturePool::new(2);
        let first = pool.take(64, 64).unwrap().freeze();
        let address = first.y().as_ptr();
        let second_holder = first.clone();
        drop(first);
        assert_ne!(pool.take(64, 64).unwrap().freeze().y().as_ptr(), address, "still held");
        drop(second_holder);
        let taken: Vec<_> = (0..2).map(|_| pool.take(64, 64).unwrap()).collect();
        assert!(taken.into_iter().any(|p| p.freeze().y().as_ptr() == address), "reused");
    }
}
