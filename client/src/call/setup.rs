//! What a call is set up with: its devices and how good picture and sound should be.

use std::{fmt, path::PathBuf, sync::Arc};

use codec::{
    h264::Content,
    opus::{Content as SoundContent, FrameLength},
};

use crate::{
    device::{Camera, DeviceControls, DeviceError, Microphone, Screen, Speaker},
    link::Clock,
};

/// The devices of one call.
pub struct Devices {
    pub camera: Box<dyn Camera>,
    pub microphone: Box<dyn Microphone>,
    pub screen: Box<dyn Screen>,
    pub speaker: Box<dyn Speaker>,
    /// Where what is received is recorded (Matroska).
    pub recording: Option<PathBuf>,
    /// Where it is written down when each frame came (CSV).
    pub arrivals: Option<PathBuf>,
}

/// Bits a second and what they are for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VideoQuality {
    /// Bits a second on a path that carries them.
    pub bitrate: u32,
    pub temporal_layers: u8,
    pub content: Content,
}

impl Default for VideoQuality {
    fn default() -> Self {
        Self { bitrate: 1_000_000, temporal_layers: 2, content: Content::Camera }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AudioQuality {
    /// Bits a second.
    pub bitrate: u32,
    pub frame: FrameLength,
    pub content: SoundContent,
}

impl Default for AudioQuality {
    fn default() -> Self {
        Self { bitrate: 32_000, frame: FrameLength::Ms20, content: SoundContent::default() }
    }
}

type Opener = dyn Fn(Clock) -> Result<Devices, DeviceError> + Send + Sync;
type CameraOpener = dyn Fn(Clock) -> Result<Box<dyn Camera>, DeviceError> + Send + Sync;
type MicrophoneOpener = dyn Fn(Clock) -> Result<Box<dyn Microphone>, DeviceError> + Send + Sync;

/// How to open the devices of a call, each time there is one.
#[derive(Clone)]
pub struct DeviceSetup {
    open: Arc<Opener>,
    camera: Option<Arc<CameraOpener>>,
    microphone: Option<Arc<MicrophoneOpener>>,
    /// What is chosen of the devices, and what they say of themselves, where they are real ones.
    pub controls: DeviceControls,
    /// Whether calls are heard ringing: where the speaker is a real one.
    pub rings: bool,
    pub video: VideoQuality,
    pub audio: AudioQuality,
}

impl fmt::Debug for DeviceSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceSetup").field("video", &self.video).field("audio", &self.audio).finish_non_exhaustive()
    }
}

impl DeviceSetup {
    /// `open` is called at the beginning of each call.
    pub fn new(open: impl Fn(Clock) -> Result<Devices, DeviceError> + Send + Sync + 'static) -> Self {
        Self {
            open: Arc::new(open),
            camera: None,
            microphone: None,
            controls: DeviceControls::default(),
            rings: false,
            video: VideoQuality::default(),
            audio: AudioQuality::default(),
        }
    }

    /// `open` is called when the camera is tried out.
    pub fn with_camera(
        mut self,
        open: impl Fn(Clock) -> Result<Box<dyn Camera>, DeviceError> + Send + Sync + 'static,
    ) -> Self {
        self.camera = Some(Arc::new(open));
        self
    }

    /// `open` is called for each voice message, and when the microphone is tried out.
    pub fn with_microphone(
        mut self,
        open: impl Fn(Clock) -> Result<Box<dyn Microphone>, DeviceError> + Send + Sync + 'static,
    ) -> Self {
        self.microphone = Some(Arc::new(open));
        self
    }

    /// The same, with `change` done to the devices of each call.
    pub fn around(self, change: impl Fn(Devices) -> Devices + Send + Sync + 'static) -> Self {
        let open = self.open.clone();
        Self { open: Arc::new(move |clock| open(clock).map(&change)), ..self }
    }

    /// The camera alone; `None` if there is no way to open it.
    pub(crate) fn open_camera(&self, clock: Clock) -> Option<Result<Box<dyn Camera>, DeviceError>> {
        self.camera.as_ref().map(|open| open(clock))
    }

    /// The microphone alone; `None` if there is no way to open it.
    pub(crate) fn open_microphone(&self, clock: Clock) -> Option<Result<Box<dyn Microphone>, DeviceError>> {
        self.microphone.as_ref().map(|open| open(clock))
    }

    pub(super) fn open(&self, clock: Clock) -> Result<Devices, DeviceError> {
        (self.open)(clock)
    }
}
