//! The devices of a measured call: a camera that marks its pictures, a microphone that chirps, a screen and a speaker
//! that write down what came when.

use std::path::PathBuf;
use std::sync::Arc;

use client::device::{
    BLOCK, BLOCK_TIME, Camera, CameraFormat, Captured, ClipCamera, DeviceError, Microphone, NullSpeaker, PatternCamera,
    Played, Screen, Shown, Speaker, ToneMicrophone,
};
use client::link::Clock;
use codec::{Picture, PicturePool};
use parking_lot::Mutex;

use super::chirp;
use super::marker::{self, Luma, Mark};
use crate::machine::clock;

/// Sound is sampled at 48 kHz.
pub const RATE: u32 = 48_000;

/// A picture that was seen: its number, and how old it was, in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub frame: u32,
    pub at: u64,
    pub decoded_age: u64,
    pub shown_age: u64,
}

/// What one end wrote down. Times are this machine's.
#[derive(Debug, Default)]
pub struct Notes {
    /// Pictures made, by number and time.
    pub made: Vec<(u32, u64)>,
    pub seen: Vec<Seen>,
    /// Pictures whose mark could not be read.
    pub unreadable: u64,
    /// When the first sample of each chirp was spoken.
    pub spoken: Vec<u64>,
    /// Blocks of sound as they were played, and when the first sample of each was.
    pub heard: Vec<(u64, [f32; BLOCK])>,
}

pub type Notebook = Arc<Mutex<Notes>>;

/// What the camera looks at.
#[derive(Debug, Clone)]
pub struct Scene {
    pub clip: Option<PathBuf>,
    pub format: CameraFormat,
    /// How far down the mark stands, as a share of the picture's height.
    pub mark: f32,
}

/// Marks every picture of another camera.
pub struct MarkingCamera {
    inner: Box<dyn Camera>,
    pool: PicturePool,
    frame: u32,
    mark: f32,
    notes: Notebook,
}

impl MarkingCamera {
    pub fn open(scene: &Scene, our_clock: Clock, notes: Notebook) -> Result<Self, DeviceError> {
        let began = our_clock.now();
        let size = (scene.format.width, scene.format.height);
        let inner: Box<dyn Camera> = match &scene.clip {
            Some(path) => Box::new(ClipCamera::open(path, Some(size), our_clock, began)?),
            None => Box::new(PatternCamera::new(scene.format, our_clock, began)),
        };
        Ok(Self { inner, pool: PicturePool::new(4), frame: 0, mark: scene.mark, notes })
    }

    fn marked(&mut self, picture: &Picture, mark: Mark) -> Result<Picture, DeviceError> {
        let failed = |error: &dyn std::fmt::Display| DeviceError::Picture(error.to_string());
        let mut copy = self.pool.take(picture.width(), picture.height()).map_err(|error| failed(&error))?;
        copy.set_colour(picture.colour());
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let (y_stride, c_stride) = picture.strides();
        let planes = copy.planes_mut();
        copy_rows(picture.y(), y_stride, planes.y, planes.y_stride, (width, height));
        let half = (width.div_ceil(2), height.div_ceil(2));
        copy_rows(picture.u(), c_stride, planes.u, planes.c_stride, half);
        copy_rows(picture.v(), c_stride, planes.v, planes.c_stride, half);
        let above = (self.mark * height as f32) as usize;
        let below = planes.y.get_mut(above * planes.y_stride..).unwrap_or_default();
        if !marker::burn(below, planes.y_stride, width, height.saturating_sub(above), mark) {
            return Err(failed(&"the picture is too small for a mark: give at least 208x48"));
        }
        Ok(copy.freeze())
    }
}

fn copy_rows(from: &[u8], from_stride: usize, to: &mut [u8], to_stride: usize, (width, height): (usize, usize)) {
    for (row, into) in from.chunks(from_stride).zip(to.chunks_mut(to_stride)).take(height) {
        into[..width].copy_from_slice(&row[..width]);
    }
}

impl Camera for MarkingCamera {
    fn format(&self) -> CameraFormat {
        self.inner.format()
    }

    fn capture(&mut self) -> Result<Option<Captured>, DeviceError> {
        let Some(captured) = self.inner.capture()? else { return Ok(None) };
        self.frame += 1;
        let now = clock::now();
        self.notes.lock().made.push((self.frame, now));
        let picture = self.marked(&captured.picture, Mark::new(self.frame, now))?;
        Ok(Some(Captured { picture, at: captured.at }))
    }
}

/// Chirps once a second.
pub struct ChirpMicrophone {
    pace: ToneMicrophone,
    source: chirp::Source,
    sample: u64,
    our_clock: Clock,
    notes: Notebook,
}

impl ChirpMicrophone {
    pub fn new(our_clock: Clock, notes: Notebook) -> Self {
        let pace = ToneMicrophone::new(0.0, our_clock, our_clock.now());
        Self { pace, source: chirp::Source::new(RATE), sample: 0, our_clock, notes }
    }
}

impl Microphone for ChirpMicrophone {
    fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<u64>, DeviceError> {
        let Some(at) = self.pace.capture(block)? else { return Ok(None) };
        self.source.fill(block);
        let period = (chirp::PERIOD * f64::from(RATE)) as u64;
        if self.sample.is_multiple_of(period) {
            self.notes.lock().spoken.push(on_machine_clock(self.our_clock, at));
        }
        self.sample += BLOCK as u64;
        Ok(Some(at))
    }
}

/// Reads the mark of every picture.
pub struct ReadingScreen {
    pub our_clock: Clock,
    pub notes: Notebook,
}

impl Screen for ReadingScreen {
    fn show(&mut self, shown: &Shown) -> Result<(), DeviceError> {
        let now = clock::now();
        let since_decoded = self.our_clock.now().saturating_sub(shown.decoded_at);
        let picture = &shown.picture;
        let luma = Luma {
            samples: picture.y(),
            stride: picture.strides().0,
            width: picture.width() as usize,
            height: picture.height() as usize,
        };
        let mut notes = self.notes.lock();
        match marker::read(luma) {
            Some(mark) => {
                let shown_age = mark.age(now);
                let decoded_age = shown_age.saturating_sub(since_decoded);
                notes.seen.push(Seen { frame: mark.frame, at: now, decoded_age, shown_age });
            }
            None => notes.unreadable += 1,
        }
        Ok(())
    }
}

/// Keeps every block.
pub struct ListeningSpeaker {
    pace: NullSpeaker,
    our_clock: Clock,
    notes: Notebook,
}

impl ListeningSpeaker {
    pub fn new(our_clock: Clock, notes: Notebook) -> Self {
        Self { pace: NullSpeaker::new(our_clock), our_clock, notes }
    }
}

impl Speaker for ListeningSpeaker {
    fn wait(&mut self) -> u64 {
        self.pace.wait()
    }

    fn play(&mut self, played: &Played<'_>) -> Result<(), DeviceError> {
        let at = on_machine_clock(self.our_clock, played.at);
        self.notes.lock().heard.push((at, *played.block));
        Ok(())
    }
}

/// A time of an engine's clock on the machine's.
fn on_machine_clock(our_clock: Clock, at: u64) -> u64 {
    let (machine, ours) = (clock::now(), our_clock.now());
    (machine + at).saturating_sub(ours)
}

/// Delays from mouth to ear of the chirps in what was heard, with when each was heard, in microseconds.
pub fn mouth_to_ear(spoken: &[u64], heard: &[(u64, [f32; BLOCK])]) -> Vec<(u64, u64)> {
    let mut detector = chirp::Detector::new(RATE);
    let mut delays = Vec::new();
    for (_, block) in heard {
        for arrival in detector.push(block) {
            let index = arrival.begins.max(0.0) as usize / BLOCK;
            let Some((block_at, _)) = heard.get(index) else { continue };
            let inside = arrival.begins - (index * BLOCK) as f64;
            let at = block_at + (inside * BLOCK_TIME as f64 / BLOCK as f64) as u64;
            // The chirp that was spoken last before it was heard.
            let said = spoken.partition_point(|said| *said <= at).checked_sub(1).and_then(|last| spoken.get(last));
            delays.extend(said.map(|said| (at, at - said)));
        }
    }
    delays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chirp_is_timed_from_its_first_sample() {
        let mut source = chirp::Source::new(RATE);
        let spoken = vec![1_000_000, 2_000_000];
        // Played 50 ms after it was spoken.
        let heard: Vec<(u64, [f32; BLOCK])> = (0..220)
            .map(|block| {
                let mut samples = [0.0; BLOCK];
                source.fill(&mut samples);
                (1_050_000 + block * BLOCK_TIME, samples)
            })
            .collect();
        let delays = mouth_to_ear(&spoken, &heard);
        assert!(delays.len() >= 2, "{delays:?}");
        assert!(delays.iter().take(2).all(|(_, delay)| delay.abs_diff(50_000) < 1_000), "{delays:?}");
    }
}
