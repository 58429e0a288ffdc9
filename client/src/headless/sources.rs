//! The devices that the arguments name: clips, patterns, files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use codec::{h264::Content, opus};

use super::{
    arguments::{Arguments, PacketLength},
    failure::HeadlessError,
};
use crate::{
    call::{AudioQuality, DeviceSetup, Devices, VideoQuality},
    device::{
        CAMERA_FORMAT, Camera, CameraFormat, ClipCamera, ClipMicrophone, DeviceControls, DeviceError, Microphone,
        NativeCamera, NullScreen, NullSpeaker, PatternCamera, Screen, SnapshotScreen, SoundMicrophone, Speaker,
        SystemCamera, TelephoneMicrophone, TelephoneSpeaker, ToneMicrophone, WavSpeaker,
    },
    link::Clock,
};

/// A recording of a day has so many snapshots; more would fill a disk.
const MOST_SNAPSHOTS: u32 = 10_000;

/// Looks at the devices once, so that what is wrong with them is said before anyone rings. A window does not: it says so
/// while it runs, where another device can be chosen.
pub(crate) fn devices(arguments: &Arguments) -> Result<DeviceSetup, HeadlessError> {
    let (camera, microphone, speaker) = (camera(arguments).to_owned(), microphone(arguments), speaker(arguments));
    let named = |source: &str| device(source).filter(|name| !name.is_empty()).map(str::to_owned);
    let sources = Sources {
        controls: DeviceControls::pinned(named(&camera), named(&microphone), named(&speaker)),
        camera,
        microphone,
        size: arguments.size.as_deref().map(size).transpose()?,
        frame_rate: arguments.frame_rate,
        speaker,
        snapshots: arguments.snapshots.clone(),
        snapshot_every: arguments.snapshot_every,
        record: arguments.record.clone(),
        arrivals: arguments.arrivals.clone(),
    };
    match device(&sources.camera) {
        Some(name) if arguments.headless => drop(NativeCamera::open(name, sources.format(), Clock::start())?),
        Some(_) => {}
        None => drop(sources.camera(Clock::start())?),
    }
    match device(&sources.microphone) {
        Some(name) if arguments.headless => drop(SoundMicrophone::open(name, Clock::start())?),
        Some(_) => {}
        None => drop(sources.microphone(Clock::start())?),
    }
    let controls = sources.controls.clone();
    let rings = device(&sources.speaker).is_some();
    let sources = Arc::new(sources);
    let (sight, voice) = (sources.clone(), sources.clone());
    let mut setup = DeviceSetup::new(move |clock| sources.open(clock))
        .with_camera(move |clock| sight.camera(clock))
        .with_microphone(move |clock| voice.microphone(clock));
    setup.controls = controls;
    setup.rings = rings;
    let bitrate = arguments.video_kbps.saturating_mul(1_000);
    setup.video = VideoQuality { bitrate, temporal_layers: 2, content: Content::Camera };
    setup.audio = AudioQuality {
        bitrate: arguments.audio_kbps.saturating_mul(1_000),
        frame: match arguments.packet_ms {
            PacketLength::Ms10 => opus::FrameLength::Ms10,
            PacketLength::Ms20 => opus::FrameLength::Ms20,
        },
        content: opus::Content::default(),
    };
    Ok(setup)
}

fn camera(arguments: &Arguments) -> &str {
    let by_default = if arguments.headless { "pattern" } else { "device" };
    arguments.camera.as_deref().unwrap_or(by_default)
}

fn microphone(arguments: &Arguments) -> String {
    let camera = camera(arguments);
    match &arguments.microphone {
        Some(microphone) => microphone.clone(),
        None if ClipMicrophone::open(Path::new(camera), Clock::start(), 0).is_ok() => camera.to_owned(),
        None if arguments.headless => "silence".to_owned(),
        None => "device".to_owned(),
    }
}

fn speaker(arguments: &Arguments) -> String {
    let by_default = if arguments.headless { "none" } else { "device" };
    arguments.speaker.clone().unwrap_or_else(|| by_default.to_owned())
}

fn size(text: &str) -> Result<(u32, u32), HeadlessError> {
    let parsed = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    parsed.ok_or_else(|| HeadlessError::Size(text.to_owned()))
}

/// The name in `device:NAME`; an empty one is the system's choice. `None` for what is no device.
fn device(source: &str) -> Option<&str> {
    if source == "device" { Some("") } else { source.strip_prefix("device:") }
}

struct Sources {
    controls: DeviceControls,
    camera: String,
    microphone: String,
    size: Option<(u32, u32)>,
    frame_rate: f32,
    speaker: String,
    snapshots: Option<PathBuf>,
    snapshot_every: f64,
    record: Option<PathBuf>,
    arrivals: Option<PathBuf>,
}

impl Sources {
    /// What a pattern or a real camera gives.
    fn format(&self) -> CameraFormat {
        let (width, height) = self.size.unwrap_or((CAMERA_FORMAT.width, CAMERA_FORMAT.height));
        CameraFormat { width, height, frame_rate: self.frame_rate }
    }

    fn camera(&self, clock: Clock) -> Result<Box<dyn Camera>, DeviceError> {
        let began = clock.now();
        Ok(match self.camera.as_str() {
            "pattern" => Box::new(PatternCamera::new(self.format(), clock, began)),
            source if device(source).is_some() => {
                Box::new(SystemCamera::new(self.controls.clone(), self.format(), clock))
            }
            path => Box::new(ClipCamera::open(Path::new(path), self.size, clock, began)?),
        })
    }

    fn microphone(&self, clock: Clock) -> Result<Box<dyn Microphone>, DeviceError> {
        let began = clock.now();
        Ok(match self.microphone.as_str() {
            "silence" => Box::new(ToneMicrophone::new(0.0, clock, began)),
            "tone" => Box::new(ToneMicrophone::new(440.0, clock, began)),
            path if device(path).is_some() => Box::new(TelephoneMicrophone::new(self.controls.clone(), clock)),
            path => Box::new(ClipMicrophone::open(Path::new(path), clock, began)?),
        })
    }

    fn open(&self, clock: Clock) -> Result<Devices, DeviceError> {
        let (camera, microphone) = (self.camera(clock)?, self.microphone(clock)?);
        let screen: Box<dyn Screen> = match &self.snapshots {
            Some(folder) => Box::new(SnapshotScreen::new(folder, self.snapshot_every, MOST_SNAPSHOTS)?),
            None => Box::new(NullScreen),
        };
        let speaker: Box<dyn Speaker> = match self.speaker.as_str() {
            "none" => Box::new(NullSpeaker::new(clock)),
            sink if device(sink).is_some() => Box::new(TelephoneSpeaker::new(self.controls.clone(), clock)),
            path => Box::new(WavSpeaker::create(Path::new(path), clock)?),
        };
        let (recording, arrivals) = (self.record.clone(), self.arrivals.clone());
        Ok(Devices { camera, microphone, screen, speaker, recording, arrivals })
    }
}
