//! What a call sees, hears, shows and plays: cameras, microphones, screens and speakers behind four small traits.
//!
//! A device runs on a pipeline's own thread and may block there for as long as one picture or one block of sound takes.
//! Times are those of the process's [`Clock`].

mod camera;
mod clip;
mod controls;
mod files;
mod pace;
mod pattern;
mod ringing;
mod serving;
mod sound;
mod telephone;

pub use codec::{Matrix, Picture, Range};
use relay::Micros;
use thiserror::Error;

pub use camera::{FORMAT as CAMERA_FORMAT, NativeCamera, SystemCamera, names as camera_names};
pub use clip::{ClipCamera, ClipMicrophone};
pub use controls::{DeviceChoice, DeviceControls, DeviceState};
pub use files::{NullScreen, NullSpeaker, SnapshotScreen, WavSpeaker};
pub(crate) use pattern::black;
pub use pattern::{PatternCamera, ToneMicrophone};
pub use ringing::{Ringing, Tune};
pub use sound::{SoundMicrophone, SoundNames, SoundSpeaker};
pub use telephone::{TelephoneMicrophone, TelephoneSpeaker};

/// Samples of one block of sound: 10 ms at 48 kHz, mono.
pub const BLOCK: usize = 480;

/// Time that one block lasts.
pub const BLOCK_TIME: Micros = 10_000;

/// A device does not work, or not any more.
#[derive(Debug, Error)]
pub enum DeviceError {
    #[error("the clip {path} cannot be used: {reason}. Give an MP4 with H.264 (and AAC or Opus), or a Y4M file")]
    Clip { path: String, reason: String },
    #[error("the sound file {path} cannot be used: {reason}. Give a WAV file")]
    Sound { path: String, reason: String },
    #[error("cannot write {path}: {reason}")]
    Write { path: String, reason: String },
    #[error("this computer has no {0}: connect one, or check that the system sees it")]
    Absent(&'static str),
    #[error("there is no {what} named \"{name}\"; there are: {known}")]
    Unknown { what: &'static str, name: String, known: String },
    #[error("the {what} is used by another program: close that one, or choose another device ({reason})")]
    Busy { what: &'static str, reason: String },
    #[error("the system does not let this program use the {what}: allow it in the system's settings ({reason})")]
    Forbidden { what: &'static str, reason: String },
    #[error("the {what} does not work: {reason}")]
    Broken { what: &'static str, reason: String },
    #[error("a picture cannot be made: {0}")]
    Picture(String),
}

/// A picture and when it was taken.
#[derive(Debug, Clone)]
pub struct Captured {
    pub picture: Picture,
    pub at: Micros,
}

/// What a camera gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CameraFormat {
    pub width: u32,
    pub height: u32,
    /// Pictures a second.
    pub frame_rate: f32,
}

pub trait Camera: Send {
    fn format(&self) -> CameraFormat;

    /// Waits for the next picture; `None` when no more will come.
    fn capture(&mut self) -> Result<Option<Captured>, DeviceError>;
}

pub trait Microphone: Send {
    /// Waits for the next block, writes its [`BLOCK`] samples (−1 to 1) and says when the first was taken; `None` when
    /// no more will come.
    fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError>;
}

/// A picture on its way to a person's eyes.
#[derive(Debug, Clone)]
pub struct Shown {
    pub picture: Picture,
    /// When it was taken, on the sender's clock.
    pub media_time: Micros,
    /// When it was decoded, on this process's clock.
    pub decoded_at: Micros,
    /// When it is shown, on this process's clock.
    pub at: Micros,
}

pub trait Screen: Send {
    fn show(&mut self, shown: &Shown) -> Result<(), DeviceError>;
}

/// A block of sound on its way to a person's ears.
#[derive(Debug, Clone, Copy)]
pub struct Played<'a> {
    pub block: &'a [f32; BLOCK],
    /// When its first sample was taken, on the sender's clock; `None` while there is nothing to play.
    pub media_time: Option<Micros>,
    /// When it is played, on this process's clock.
    pub at: Micros,
}

pub trait Speaker: Send {
    /// Waits until the next block is to be played, and says when that is.
    fn wait(&mut self) -> Micros;

    fn play(&mut self, played: &Played<'_>) -> Result<(), DeviceError>;
}
