//! Pictures of a call as they stand in the other side's window: their marks, read from its pixels.

use std::time::{Duration, Instant};

use super::screen::{Screen, Seen};
use crate::failure::BenchError;
use crate::latency::marker::{self, Luma, Mark};
use crate::machine::clock;
use crate::statistics::Distribution;

/// What was seen in the window.
#[derive(Debug, Default)]
pub struct Photons {
    /// From the camera to the window's pixels.
    pub delay: Distribution,
    /// When each picture was seen first, in microseconds of the machine's clock.
    pub at: Vec<u64>,
    /// How often the window was drawn anew with the picture that was already there.
    pub same: u64,
    /// How often the window was drawn with no mark to be read.
    pub unreadable: u64,
}

impl Photons {
    fn take(&mut self, mark: Option<Mark>, last: &mut Option<u32>, now: u64) {
        match mark {
            None => self.unreadable += 1,
            Some(mark) if *last == Some(mark.frame) => self.same += 1,
            Some(mark) => {
                *last = Some(mark.frame);
                self.delay.record(mark.age(now));
                self.at.push(now);
            }
        }
    }
}

/// Waits until a mark is seen in the window, and says in which row it begins to be readable.
pub fn find(screen: &Screen, seen: Seen) -> Result<u16, BenchError> {
    let deadline = Instant::now() + FOUND_WITHIN;
    loop {
        let pixels = screen.pixels(seen, 0, seen.height)?;
        let luma = luma(&pixels);
        if let Some(row) = (0..seen.height).find(|row| mark_at(&luma, seen, *row).is_some()) {
            // In the middle of the rows in which it can be read.
            let last = (row..seen.height).take_while(|row| mark_at(&luma, seen, *row).is_some()).last();
            return Ok(row.midpoint(last.unwrap_or(row)));
        }
        if !screen.wait_changed(seen, deadline)? {
            return Err(BenchError::Refused("no marked picture was seen in the window".to_owned()));
        }
    }
}

/// Reads marks from `row` on, each time that the window changes, until `until` of the machine's clock. What is seen
/// before `from` is not counted.
pub fn watch(screen: &Screen, seen: Seen, row: u16, from: u64, until: u64) -> Result<Photons, BenchError> {
    let (mut photons, mut last) = (Photons::default(), None);
    // Four rows of blocks, one above them, one below.
    let rows = seen.width * 6 / 26 + 1;
    loop {
        let now = clock::now();
        if now >= until {
            return Ok(photons);
        }
        let deadline = Instant::now() + Duration::from_micros(until - now);
        if !screen.wait_changed(seen, deadline)? {
            return Ok(photons);
        }
        let pixels = screen.pixels(seen, row, rows)?;
        let now = clock::now();
        let mark = mark_at(&luma(&pixels), seen, 0);
        if now < from {
            last = mark.map(|mark| mark.frame);
        } else {
            photons.take(mark, &mut last, now);
        }
    }
}

/// The luma of BT.601 is near enough for light and dark.
fn luma(pixels: &[u8]) -> Vec<u8> {
    let luma = |pixel: &[u8]| (29 * u32::from(pixel[0]) + 150 * u32::from(pixel[1]) + 77 * u32::from(pixel[2])) / 256;
    pixels.chunks_exact(4).map(|pixel| luma(pixel) as u8).collect()
}

fn mark_at(luma: &[u8], seen: Seen, row: u16) -> Option<Mark> {
    let (width, row) = (usize::from(seen.width), usize::from(row));
    let samples = luma.get(row * width..)?;
    marker::read(Luma { samples, stride: width, width, height: samples.len() / width })
}

const FOUND_WITHIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_counts_once_and_what_is_unclear_is_told() {
        let (mut photons, mut last) = (Photons::default(), None);
        for (frame, now) in [(1, 10_000), (1, 20_000), (2, 43_000)] {
            photons.take(Some(Mark::new(frame, u64::from(frame) * 1_000)), &mut last, now);
        }
        photons.take(None, &mut last, 50_000);
        assert_eq!((photons.delay.count(), photons.same, photons.unreadable), (2, 1, 1));
        assert_eq!((photons.delay.min(), photons.delay.max()), (9_000, 41_000));
        assert_eq!(photons.at, [10_000, 43_000]);
    }

    #[test]
    fn light_and_dark_are_told_apart() {
        assert_eq!(luma(&[255, 255, 255, 0, 0, 0, 0, 0, 0, 255, 0, 9]), [255, 0, 149]);
    }
}
