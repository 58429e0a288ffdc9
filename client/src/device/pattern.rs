//! A test picture with a frame counter, and a tone: for calls without camera and microphone.

use codec::{Picture, PictureMut, PicturePool};
use relay::Micros;

use super::{BLOCK, BLOCK_TIME, Camera, CameraFormat, Captured, DeviceError, Microphone, pace::Pace};
use crate::link::Clock;

/// Luma, U and V of the bars: those of the 75 % colour bars (SMPTE RP 219), left to right.
const BARS: [(u8, u8, u8); 7] =
    [(180, 128, 128), (162, 44, 142), (131, 156, 44), (112, 72, 58), (84, 184, 198), (65, 100, 212), (35, 212, 114)];

/// Digits as 3 × 5 blocks, a row in three bits.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 2, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

/// A dark picture.
pub(crate) fn black(width: u32, height: u32) -> Result<Picture, DeviceError> {
    PictureMut::black(width, height).map(PictureMut::freeze).map_err(|error| DeviceError::Picture(error.to_string()))
}

/// Colour bars, a block that moves, and the number of the picture.
pub struct PatternCamera {
    format: CameraFormat,
    pace: Pace,
    pool: PicturePool,
}

impl PatternCamera {
    pub fn new(format: CameraFormat, clock: Clock, began: Micros) -> Self {
        let pace = Pace::new(clock, began, f64::from(format.frame_rate));
        Self { format, pace, pool: PicturePool::new(4) }
    }
}

impl Camera for PatternCamera {
    fn format(&self) -> CameraFormat {
        self.format
    }

    fn capture(&mut self) -> Result<Option<Captured>, DeviceError> {
        let (number, at) = self.pace.next();
        let (width, height) = (self.format.width as usize, self.format.height as usize);
        let taken = self.pool.take(self.format.width, self.format.height);
        let mut picture = taken.map_err(|error| DeviceError::Picture(error.to_string()))?;
        let planes = picture.planes_mut();
        for (row, line) in planes.y.chunks_mut(planes.y_stride).take(height).enumerate() {
            for (column, luma) in line.iter_mut().take(width).enumerate() {
                *luma = BARS[column * BARS.len() / width].0;
            }
            draw_block(line, row, number, width, height);
            draw_number(line, row, number, width, height);
        }
        let chroma_width = width.div_ceil(2);
        for (plane, value) in [(planes.u, 1), (planes.v, 2)] {
            for line in plane.chunks_mut(planes.c_stride) {
                for (column, chroma) in line.iter_mut().take(chroma_width).enumerate() {
                    let bar = BARS[column * BARS.len() / chroma_width];
                    *chroma = if value == 1 { bar.1 } else { bar.2 };
                }
            }
        }
        Ok(Some(Captured { picture: picture.freeze(), at }))
    }
}

fn draw_block(line: &mut [u8], row: usize, number: u64, width: usize, height: usize) {
    let size = height / 8;
    let top = height * 5 / 8;
    if (top..top + size).contains(&row) {
        let travel = (width - size).max(1);
        let left = (number as usize * (width / 90).max(1)) % travel;
        line[left..left + size].fill(235);
    }
}

/// Six digits, black on white, a third of the way down.
fn draw_number(line: &mut [u8], row: usize, number: u64, width: usize, height: usize) {
    let cell = (height / 40).max(2);
    let top = height / 4;
    let Some(inside) = row.checked_sub(top).filter(|inside| *inside < 7 * cell) else { return };
    let left = width / 16;
    let end = (left + (6 * 4 + 1) * cell).min(width);
    line[left..end].fill(235);
    let Some(digit_row) = (inside / cell).checked_sub(1).filter(|row| *row < 5) else { return };
    for place in 0..6u32 {
        let digit = number / 10u64.pow(5 - place) % 10;
        let bits = DIGITS[digit as usize][digit_row];
        for column in 0..3usize {
            let from = left + (place as usize * 4 + column + 1) * cell;
            if bits >> (2 - column) & 1 == 1 && from + cell <= width {
                line[from..from + cell].fill(16);
            }
        }
    }
}

/// A quiet tone of 440 Hz, or silence.
pub struct ToneMicrophone {
    pace: Pace,
    hertz: f32,
    sample: u64,
}

impl ToneMicrophone {
    /// `hertz` 0 is silence.
    pub fn new(hertz: f32, clock: Clock, began: Micros) -> Self {
        Self { pace: Pace::new(clock, began, 1e6 / BLOCK_TIME as f64), hertz, sample: 0 }
    }
}

impl Microphone for ToneMicrophone {
    fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError> {
        for sample in block.iter_mut() {
            let turn = (self.sample as f32 * self.hertz / 48_000.0).fract();
            *sample = if self.hertz > 0.0 { 0.1 * (turn * std::f32::consts::TAU).sin() } else { 0.0 };
            self.sample += 1;
        }
        let (_, due) = self.pace.next();
        Ok(Some(due.saturating_sub(BLOCK_TIME)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_moves_and_counts() {
        let clock = Clock::start();
        let format = CameraFormat { width: 640, height: 360, frame_rate: 100.0 };
        let mut camera = PatternCamera::new(format, clock, 0);
        let first = camera.capture().unwrap().unwrap();
        let second = camera.capture().unwrap().unwrap();
        assert_ne!(first.picture.y(), second.picture.y());
        assert!(second.at > first.at);
        let smallest = CameraFormat { width: 16, height: 16, frame_rate: 100.0 };
        assert!(PatternCamera::new(smallest, clock, 0).capture().unwrap().is_some());
    }
}
