//! Files and nothing as screen and speaker: snapshots as PNG, sound as WAV.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use codec::{
    container::{png, wav::WavWriter},
    opus::Channels,
};
use relay::{Micros, SECOND};

use super::{BLOCK_TIME, DeviceError, Played, Screen, Shown, Speaker, pace::Pace};
use crate::link::Clock;

/// Shows nothing.
#[derive(Debug, Default)]
pub struct NullScreen;

impl Screen for NullScreen {
    fn show(&mut self, _: &Shown) -> Result<(), DeviceError> {
        Ok(())
    }
}

/// Writes a picture to a folder now and then.
#[derive(Debug)]
pub struct SnapshotScreen {
    folder: PathBuf,
    every: Micros,
    next: Option<Micros>,
    written: u32,
    most: u32,
}

impl SnapshotScreen {
    /// A picture each `seconds`, `most` in all. The folder is made when it is missing.
    pub fn new(folder: &Path, seconds: f64, most: u32) -> Result<Self, DeviceError> {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        let every = (seconds * SECOND as f64) as Micros;
        Ok(Self { folder: folder.to_owned(), every, next: None, written: 0, most })
    }
}

impl Screen for SnapshotScreen {
    fn show(&mut self, shown: &Shown) -> Result<(), DeviceError> {
        // The first picture of a call is its worst: the beginning is waited for.
        let next = *self.next.get_or_insert(shown.at + self.every);
        if shown.at < next || self.written >= self.most {
            return Ok(());
        }
        self.next = Some(shown.at + self.every);
        self.written += 1;
        let path = self.folder.join(format!("snapshot-{:03}.png", self.written));
        let file = File::create(&path).map_err(|error| unwritable(&path, &error))?;
        png::write(&shown.picture, BufWriter::new(file)).map_err(|error| unwritable(&path, &error))
    }
}

/// Plays into nothing, in time.
pub struct NullSpeaker {
    pace: Pace,
}

impl NullSpeaker {
    pub fn new(clock: Clock) -> Self {
        Self { pace: Pace::new(clock, clock.now(), 1e6 / BLOCK_TIME as f64) }
    }
}

impl Speaker for NullSpeaker {
    fn wait(&mut self) -> Micros {
        self.pace.next().1
    }

    fn play(&mut self, _: &Played<'_>) -> Result<(), DeviceError> {
        Ok(())
    }
}

/// Plays into a WAV file, in time.
pub struct WavSpeaker {
    pace: Pace,
    path: PathBuf,
    writer: Option<WavWriter<BufWriter<File>>>,
}

impl WavSpeaker {
    pub fn create(path: &Path, clock: Clock) -> Result<Self, DeviceError> {
        let writer = WavWriter::create(path, Channels::Mono).map_err(|error| unwritable(path, &error))?;
        let pace = Pace::new(clock, clock.now(), 1e6 / BLOCK_TIME as f64);
        Ok(Self { pace, path: path.to_owned(), writer: Some(writer) })
    }
}

impl Speaker for WavSpeaker {
    fn wait(&mut self) -> Micros {
        self.pace.next().1
    }

    fn play(&mut self, played: &Played<'_>) -> Result<(), DeviceError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(played.block).map_err(|error| unwritable(&self.path, &error))
    }
}

impl Drop for WavSpeaker {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.writer.take().map(WavWriter::finish) {
            tracing::error!(path = %self.path.display(), %error, "a sound file could not be finished");
        }
    }
}

fn unwritable(path: &Path, reason: &dyn std::fmt::Display) -> DeviceError {
    DeviceError::Write { path: path.display().to_string(), reason: reason.to_string() }
}
