//! What is received, kept as it came: H.264 and Opus in Matroska, not coded again.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use codec::{
    container::matroska::{AudioTrack, MatroskaWriter, VideoTrack},
    opus::Channels,
};
use relay::Micros;

use super::MediaError;

/// A recording begins with the first keyframe; sound that comes before it is left out.
pub struct Recording {
    path: PathBuf,
    state: State,
    began: Micros,
}

enum State {
    Waiting(BufWriter<File>),
    Writing(Box<MatroskaWriter<BufWriter<File>>>),
    Done,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Recording {
    pub fn create(path: &Path) -> Result<Self, MediaError> {
        let file = File::create(path).map_err(|error| failed(path, &error))?;
        Ok(Self { path: path.to_owned(), state: State::Waiting(BufWriter::new(file)), began: 0 })
    }

    /// A picture as it came, `time` on its sender's clock.
    pub fn video(&mut self, annex_b: &[u8], time: Micros, keyframe: bool) -> Result<(), MediaError> {
        if matches!(self.state, State::Waiting(_)) && keyframe {
            let video = VideoTrack::from_keyframe(annex_b).map_err(|error| failed(&self.path, &error))?;
            let State::Waiting(file) = std::mem::replace(&mut self.state, State::Done) else { return Ok(()) };
            let writer = MatroskaWriter::new(file, Some(video), Some(AudioTrack::new(Channels::Mono)));
            self.state = State::Writing(Box::new(writer.map_err(|error| failed(&self.path, &error))?));
            self.began = time;
        }
        match (&mut self.state, time.checked_sub(self.began)) {
            (State::Writing(writer), Some(time)) => {
                writer.write_video(annex_b, time, keyframe).map_err(|error| failed(&self.path, &error))
            }
            _ => Ok(()),
        }
    }

    /// A packet of sound as it came.
    pub fn audio(&mut self, packet: &[u8], time: Micros) -> Result<(), MediaError> {
        match (&mut self.state, time.checked_sub(self.began)) {
            (State::Writing(writer), Some(time)) => {
                writer.write_audio(packet, time).map_err(|error| failed(&self.path, &error))
            }
            _ => Ok(()),
        }
    }

    pub fn finish(&mut self) -> Result<(), MediaError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Writing(writer) => writer.finish().map(drop).map_err(|error| failed(&self.path, &error)),
            State::Waiting(_) | State::Done => Ok(()),
        }
    }
}

fn failed(path: &Path, reason: &dyn std::fmt::Display) -> MediaError {
    MediaError::Recording { path: path.display().to_string(), reason: reason.to_string() }
}
