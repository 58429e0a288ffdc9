//! A clip as camera and microphone: MP4 with H.264 and AAC or Opus, or Y4M with WAV; played again from its beginning
//! when it ends.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use codec::{
    Picture, PicturePool,
    colour::Scaler,
    container::{
        mp4::{Clip, ClipAudio, ClipVideo},
        wav::WavReader,
        y4m::Y4mReader,
    },
    opus::Channels,
};
use relay::Micros;

use super::{BLOCK, BLOCK_TIME, Camera, CameraFormat, Captured, DeviceError, Microphone, pace::Pace};
use crate::link::Clock;

/// A clip as camera.
pub struct ClipCamera {
    source: Source,
    path: PathBuf,
    format: CameraFormat,
    pace: Pace,
    scaler: Option<(Scaler, PicturePool)>,
    /// What the source gives for the beat that comes next.
    taken: u64,
}

enum Source {
    Mp4(ClipVideo),
    Y4m(Y4mReader<BufReader<File>>),
}

impl ClipCamera {
    /// Opens a clip. Its pictures are scaled to `size` where one is given.
    pub fn open(path: &Path, size: Option<(u32, u32)>, clock: Clock, began: Micros) -> Result<Self, DeviceError> {
        let failed = |reason: &dyn std::fmt::Display| unusable(path, reason);
        let source = open_video(path)?;
        let (width, height, frame_rate) = match &source {
            Source::Mp4(video) => (video.width(), video.height(), video.frame_rate()),
            Source::Y4m(video) => (video.width(), video.height(), video.frame_rate()),
        };
        if !(1.0..=120.0).contains(&frame_rate) {
            return Err(failed(&format!("it has {frame_rate} pictures a second")));
        }
        let (width, height) = size.unwrap_or((width & !1, height & !1));
        Ok(Self {
            source,
            path: path.to_owned(),
            format: CameraFormat { width, height, frame_rate },
            pace: Pace::new(clock, began, f64::from(frame_rate)),
            scaler: size.map(|_| (Scaler::new(), PicturePool::new(4))),
            taken: 0,
        })
    }

    fn next_picture(&mut self) -> Result<Picture, DeviceError> {
        for _ in 0..2 {
            let next = match &mut self.source {
                Source::Mp4(video) => video.next_picture().map_err(|error| unusable(&self.path, &error))?,
                Source::Y4m(video) => video.next_picture().map_err(|error| unusable(&self.path, &error))?,
            };
            if let Some(next) = next {
                return Ok(next.picture);
            }
            match &mut self.source {
                Source::Mp4(video) => video.rewind().map_err(|error| unusable(&self.path, &error))?,
                Source::Y4m(_) => self.source = open_video(&self.path)?,
            }
        }
        Err(unusable(&self.path, &"it has no pictures"))
    }
}

impl Camera for ClipCamera {
    fn format(&self) -> CameraFormat {
        self.format
    }

    fn capture(&mut self) -> Result<Option<Captured>, DeviceError> {
        // Decoded before the beat, so that the picture is there when it is due.
        let mut picture = self.next_picture()?;
        self.taken += 1;
        let (beat, at) = self.pace.next();
        while self.taken <= beat {
            picture = self.next_picture()?;
            self.taken += 1;
        }
        let picture = match &mut self.scaler {
            Some((scaler, pool)) => scaler
                .scale(&picture, self.format.width, self.format.height, pool)
                .map_err(|error| DeviceError::Picture(error.to_string()))?,
            None => picture.cropped_to_even(),
        };
        Ok(Some(Captured { picture, at }))
    }
}

/// A clip's sound, or a WAV file, as microphone.
pub struct ClipMicrophone {
    source: Sound,
    path: PathBuf,
    pace: Pace,
    waiting: Vec<f32>,
}

enum Sound {
    Mp4(Box<ClipAudio>),
    Wav(Box<WavReader<BufReader<File>>>),
}

impl ClipMicrophone {
    pub fn open(path: &Path, clock: Clock, began: Micros) -> Result<Self, DeviceError> {
        let pace = Pace::new(clock, began, 1e6 / BLOCK_TIME as f64);
        Ok(Self { source: open_sound(path)?, path: path.to_owned(), pace, waiting: Vec::new() })
    }

    fn fill(&mut self) -> Result<(), DeviceError> {
        let mut again = false;
        while self.waiting.len() < BLOCK {
            let before = self.waiting.len();
            let more = match &mut self.source {
                Sound::Mp4(sound) => sound.read(&mut self.waiting).map_err(|error| unusable(&self.path, &error))?,
                Sound::Wav(sound) => sound.read(&mut self.waiting).map_err(|error| unheard(&self.path, &error))?,
            };
            if more || self.waiting.len() > before {
                again = false;
                continue;
            }
            if again {
                return Err(unheard(&self.path, &"it has no sound"));
            }
            again = true;
            match &mut self.source {
                Sound::Mp4(sound) => sound.rewind().map_err(|error| unusable(&self.path, &error))?,
                Sound::Wav(_) => self.source = open_sound(&self.path)?,
            }
        }
        Ok(())
    }
}

impl Microphone for ClipMicrophone {
    fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError> {
        self.fill()?;
        block.copy_from_slice(&self.waiting[..BLOCK]);
        self.waiting.drain(..BLOCK);
        // A block is there when its last sample was taken.
        let (_, due) = self.pace.next();
        Ok(Some(due.saturating_sub(BLOCK_TIME)))
    }
}

fn open_video(path: &Path) -> Result<Source, DeviceError> {
    let failed = |error: &dyn std::fmt::Display| unusable(path, error);
    if has_extension(path, "y4m") {
        let file = File::open(path).map_err(|error| failed(&error))?;
        return Y4mReader::new(BufReader::new(file)).map(Source::Y4m).map_err(|error| failed(&error));
    }
    let clip = Clip::open(path).map_err(|error| failed(&error))?;
    clip.video().map_err(|error| failed(&error))?.map(Source::Mp4).ok_or_else(|| failed(&"it has no video"))
}

fn open_sound(path: &Path) -> Result<Sound, DeviceError> {
    if has_extension(path, "wav") {
        return WavReader::open(path, Channels::Mono)
            .map(|sound| Sound::Wav(Box::new(sound)))
            .map_err(|error| unheard(path, &error));
    }
    let failed = |error: &dyn std::fmt::Display| unusable(path, error);
    let clip = Clip::open(path).map_err(|error| failed(&error))?;
    let sound = clip.audio(Channels::Mono).map_err(|error| failed(&error))?;
    sound.map(|sound| Sound::Mp4(Box::new(sound))).ok_or_else(|| failed(&"it has no sound"))
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> DeviceError {
    DeviceError::Clip { path: path.display().to_string(), reason: reason.to_string() }
}

fn unheard(path: &Path, reason: &dyn std::fmt::Display) -> DeviceError {
    DeviceError::Sound { path: path.display().to_string(), reason: reason.to_string() }
}
