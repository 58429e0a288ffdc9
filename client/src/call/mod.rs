//! The pipelines of a call: camera and microphone to tracks, tracks to screen and speaker, each on a thread of its own.
//!
//! Nothing here knows a network: what is sent goes into a [`Track`], from which the link takes what is still worth
//! sending; what came is handed in by a sink. The engine starts a [`Media`] when a call is accepted and stops it at the end.

mod arrivals;
mod backlog;
mod course;
mod far_end;
mod picture_size;
mod receive_audio;
mod receive_video;
mod recording;
mod report;
mod send_audio;
mod send_video;
mod setup;
mod tallies;
mod voice;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    thread::JoinHandle,
};

use parking_lot::Mutex;
use relay::{
    Frame, FrameHeader, Kind, Micros, SECOND, TrackId,
    link::Statistics,
    track::{Retention, Track},
    vocabulary::{CallId, MediaTracks},
};
use thiserror::Error;
use tokio::sync::Notify;

pub use course::{Course, REMEMBERED, Second};
pub use report::{AudioReport, Delays, Report, VideoReport};
pub use setup::{AudioQuality, DeviceSetup, Devices, VideoQuality};
pub use voice::{VOICE_MEDIA, record_voice};

use crate::{
    desktop::process_time,
    device::{DeviceControls, DeviceError},
    link::{Clock, Sink},
};
use arrivals::Arrivals;
use course::Counted;
use far_end::FarEnd;
use recording::Recording;
use tallies::Tallies;

/// What is kept of the own tracks for a link that is a little behind.
const VIDEO: Retention = Retention::Group { max_bytes: 4 << 20, max_time: 12 * SECOND };
const AUDIO: Retention = Retention::Group { max_bytes: 256 << 10, max_time: 2 * SECOND };

/// Frames on their way from the link to a pipeline. More wait only when a pipeline hangs.
const WAITING: usize = 512;

#[derive(Debug, Error)]
pub enum MediaError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("the video encoder does not start: {0}")]
    VideoEncoder(#[from] codec::h264::EncodeError),
    #[error("the video decoder does not start: {0}")]
    VideoDecoder(#[from] codec::h264::DecodeError),
    #[error("sound cannot be coded: {0}")]
    Opus(#[from] codec::opus::OpusError),
    #[error("the recording {path} cannot be written: {reason}")]
    Recording { path: String, reason: String },
    #[error("the times of arrival cannot be written to {path}: {reason}")]
    Arrivals { path: String, reason: String },
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// What the pipelines of one call share.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    stop: AtomicBool,
    /// The next picture is to be a keyframe.
    keyframe: AtomicBool,
    /// Bits a second that the path can carry for the picture.
    video_bitrate: AtomicU32,
    /// What to add to this clock to get the server's; `i64::MIN` while it is not known.
    offset: AtomicI64,
    far: FarEnd,
    tallies: Mutex<Tallies>,
    recording: Option<Mutex<Recording>>,
    arrivals: Option<Mutex<Arrivals>>,
    keyframe_needed: Notify,
}

impl Shared {
    fn runs(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn offset(&self) -> Option<i64> {
        Some(self.offset.load(Ordering::Relaxed)).filter(|offset| *offset != i64::MIN)
    }

    /// Microseconds from when the far end captured something at `media_time` until `now` here.
    fn delay(&self, media_time: Micros, now: Micros) -> Option<i64> {
        let here = (now as i64).checked_add(self.offset()?)?;
        Some(here - self.far.at_server(media_time)?)
    }

    /// A frame of the far end came.
    fn arrived(&self, frame: &Frame, now: Micros) {
        if let Some(arrivals) = &self.arrivals
            && let Err(error) = arrivals.lock().note(frame.header(), now)
        {
            self.failed("the times of arrival", &error);
        }
    }

    /// A pipeline broke off.
    fn failed(&self, what: &str, error: &dyn std::fmt::Display) {
        tracing::error!(%error, "{what} stops");
        self.tallies.lock().failures.push(format!("{what}: {error}"));
    }
}

/// A call's pipelines, running. Dropping it stops them.
#[derive(Debug)]
pub struct Media {
    call: CallId,
    mine: MediaTracks,
    theirs: MediaTracks,
    audio: Track,
    video: Track,
    shared: Arc<Shared>,
    quality: VideoQuality,
    devices: DeviceControls,
    ears: receive_audio::Ears,
    eyes: std::sync::mpsc::SyncSender<(Frame, Micros)>,
    threads: Vec<JoinHandle<()>>,
    adaptation: Mutex<send_video::Adaptation>,
    /// What had been counted when a second was taken last.
    counted: Mutex<Counted>,
}

impl Media {
    /// Opens the devices and starts. `mine` are the tracks that this end writes, `theirs` those that it reads; `round_trip`
    /// is that of the path, as far as it is known.
    pub fn start(
        call: CallId,
        mine: MediaTracks,
        theirs: MediaTracks,
        setup: &DeviceSetup,
        round_trip: Option<Micros>,
        clock: Clock,
    ) -> Result<Self, MediaError> {
        let devices = setup.open(clock)?;
        let quality = setup.video;
        let adaptation = send_video::Adaptation::new(quality.bitrate, round_trip);
        let recording = devices.recording.as_deref().map(Recording::create).transpose()?.map(Mutex::new);
        let arrivals = devices.arrivals.as_deref().map(Arrivals::create).transpose()?.map(Mutex::new);
        let shared = Arc::new(Shared {
            clock,
            stop: AtomicBool::new(false),
            keyframe: AtomicBool::new(false),
            video_bitrate: AtomicU32::new(adaptation.bitrate()),
            offset: AtomicI64::new(i64::MIN),
            far: FarEnd::default(),
            tallies: Mutex::new(Tallies::new(clock.now())),
            recording,
            arrivals,
            keyframe_needed: Notify::new(),
        });
        let audio = Track::new(TrackId(mine.audio), AUDIO);
        let video = Track::new(TrackId(mine.video), VIDEO);
        let (eyes, seen) = std::sync::mpsc::sync_channel(WAITING);
        let ears = receive_audio::Ears::new(shared.clone())?;
        let mut media = Self {
            call,
            mine,
            theirs,
            audio,
            video,
            shared: shared.clone(),
            quality,
            devices: setup.controls.clone(),
            ears: ears.clone(),
            eyes,
            threads: Vec::new(),
            adaptation: Mutex::new(adaptation),
            counted: Mutex::new(Counted::now(&Tallies::new(0), clock.now(), process_time())),
        };
        let sender = send_video::VideoSender::new(devices.camera, quality, media.video.clone(), shared.clone())?;
        media.spawn("camera", move || sender.run())?;
        let sender =
            send_audio::AudioSender::new(devices.microphone, setup.audio, media.audio.clone(), shared.clone())?;
        media.spawn("microphone", move || sender.run())?;
        let receiver = receive_video::VideoReceiver::new(devices.screen, seen, ears.clone(), shared)?;
        media.spawn("screen", move || receiver.run())?;
        media.spawn("speaker", move || ears.run(devices.speaker))?;
        Ok(media)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), MediaError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(MediaError::Thread)?;
        self.threads.push(thread);
        Ok(())
    }

    pub fn call(&self) -> CallId {
        self.call
    }

    /// This end's tracks, and the other's.
    pub fn tracks(&self) -> (MediaTracks, MediaTracks) {
        (self.mine, self.theirs)
    }

    pub fn audio_track(&self) -> &Track {
        &self.audio
    }

    pub fn video_track(&self) -> &Track {
        &self.video
    }

    /// Where the other's sound goes.
    pub fn audio_sink(&self) -> Sink {
        let (shared, ears) = (self.shared.clone(), self.ears.clone());
        Box::new(move |frame| {
            let now = shared.clock.now();
            if frame.header().kind == Kind::Info {
                shared.far.take(&frame);
            } else {
                ears.hear(&frame, now);
            }
        })
    }

    /// Where the other's picture goes.
    pub fn video_sink(&self) -> Sink {
        let (shared, eyes) = (self.shared.clone(), self.eyes.clone());
        Box::new(move |frame| {
            let now = shared.clock.now();
            if frame.header().kind == Kind::Info {
                shared.far.take(&frame);
            } else if eyes.try_send((frame, now)).is_err() {
                shared.tallies.lock().video_overrun += 1;
            }
        })
    }

    /// The next picture this end sends is a keyframe.
    pub fn make_keyframe(&self) {
        self.shared.keyframe.store(true, Ordering::Relaxed);
    }

    /// Resolves when the picture of the other end cannot be decoded before it sends a keyframe.
    pub async fn keyframe_needed(&self) {
        self.shared.keyframe_needed.notified().await;
    }

    /// Takes in how the link does: once a second is enough.
    pub fn renew(&self, statistics: &Statistics, offset: Option<i64>) {
        if let Some(offset) = offset {
            self.shared.offset.store(offset, Ordering::Relaxed);
        }
        let bitrate = self.adaptation.lock().renew(statistics, self.quality.bitrate);
        self.shared.video_bitrate.store(bitrate, Ordering::Relaxed);
        let mut tallies = self.shared.tallies.lock();
        tallies.video_bitrate = bitrate;
        tallies.dropped_unsent = tallies.dropped_unsent.max(statistics.dropped);
    }

    /// How the call went since this was asked last: to be asked once a second.
    pub fn second(&self, link: &Statistics) -> Second {
        let sound = self.ears.figures();
        let mut tallies = self.shared.tallies.lock();
        // What a real microphone gives is judged before its noise is taken out: nothing may be left of a quiet room.
        let loudest = self.devices.take_loudest().or(tallies.loudest.take());
        let now = Counted::now(&tallies, self.shared.clock.now(), process_time());
        drop(tallies);
        let before = std::mem::replace(&mut *self.counted.lock(), now);
        Second { heard: self.shared.far.hears(), ..now.since(&before, link, sound, loudest) }
    }

    pub fn report(&self) -> Report {
        let figures = self.ears.figures();
        let mut report = self.shared.tallies.lock().report(self.shared.clock.now(), figures);
        report.video.camera = self.devices.camera();
        report.audio.microphone = self.devices.microphone();
        report.audio.speaker = self.devices.speaker();
        report
    }

    /// Stops the pipelines, finishes what is written to files, and gives the last report.
    pub fn stop(mut self) -> Report {
        self.halt();
        self.report()
    }

    fn halt(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or("pipeline").to_owned();
            if thread.join().is_err() {
                self.shared.failed(&name, &"it panicked");
            }
        }
        if let Some(recording) = &self.shared.recording
            && let Err(error) = recording.lock().finish()
        {
            self.shared.failed("the recording", &error);
        }
        if let Some(arrivals) = &self.shared.arrivals
            && let Err(error) = arrivals.lock().finish()
        {
            self.shared.failed("the times of arrival", &error);
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Puts one frame into an own track.
fn publish(track: &Track, header: FrameHeader, payload: &[u8], now: Micros) {
    match Frame::new(header, payload) {
        // The track closes only with the call.
        Ok(frame) => drop(track.append(frame, now)),
        Err(error) => tracing::warn!(track = %track.id(), %error, "a frame cannot be sent"),
    }
}
