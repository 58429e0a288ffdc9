//! Real microphones and speakers, through cpal: PulseAudio (or PipeWire in its guise) first on Linux, else what the
//! platform has.

use std::{sync::Arc, time::Duration};

use cpal::{
    BufferSize, Device, ErrorKind, Host, Stream, StreamConfig,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use parking_lot::{Condvar, Mutex};
use relay::{MILLISECOND, Micros};

use super::{BLOCK, BLOCK_TIME, DeviceError, Microphone, Played, Speaker};
use crate::link::Clock;

const RATE: u32 = 48_000;

/// Sound that waits between a device and its pipeline at most; what is older is lost, so that nothing lags behind.
const WAITING: usize = 20 * BLOCK;

/// A speaker is fed so far ahead. Devices ask for up to a block at a time.
const AHEAD: usize = 2 * BLOCK;

/// A device that is silent for so long has stopped: the pipeline goes on without it.
const STALLED: Micros = 100 * MILLISECOND;

/// A sound system that hangs is not waited for longer.
const OPENING: Option<Duration> = Some(Duration::from_secs(2));

/// What the errors call them.
const MICROPHONE: &str = "microphone";
const SPEAKER: &str = "speaker";

/// Samples between a device's own thread and a pipeline's, and what the device said went wrong.
#[derive(Default)]
struct Between {
    samples: Mutex<(std::collections::VecDeque<f32>, Option<cpal::Error>)>,
    changed: Condvar,
}

impl Between {
    fn failed(&self, error: cpal::Error) {
        // A gap, or another route, is no end.
        if !matches!(error.kind(), ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied) {
            self.samples.lock().1 = Some(error);
            self.changed.notify_one();
        }
    }
}

/// A microphone: its sound is mixed to mono.
pub struct SoundMicrophone {
    between: Arc<Between>,
    clock: Clock,
    _stream: Stream,
}

impl SoundMicrophone {
    /// The microphone of that name (or a part of it), or the system's choice when it is empty.
    pub fn open(name: &str, clock: Clock) -> Result<Self, DeviceError> {
        let device = choose(MICROPHONE, name, Host::default_input_device, Device::supports_input)?;
        let channels = device.default_input_config().map_err(|error| broken(MICROPHONE, &error))?.channels();
        let between = Arc::new(Between::default());
        let (taken, complained) = (between.clone(), between.clone());
        let width = usize::from(channels.max(1));
        let take = move |sound: &[f32], _: &_| {
            let mut samples = taken.samples.lock();
            samples.0.extend(sound.chunks_exact(width).map(|frame| frame.iter().sum::<f32>() / width as f32));
            let over = samples.0.len().saturating_sub(WAITING);
            samples.0.drain(..over);
            taken.changed.notify_one();
        };
        let stream = device
            .build_input_stream::<f32, _, _>(config(channels), take, move |error| complained.failed(error), OPENING)
            .map_err(|error| broken(MICROPHONE, &error))?;
        stream.play().map_err(|error| broken(MICROPHONE, &error))?;
        Ok(Self { between, clock, _stream: stream })
    }
}

impl Microphone for SoundMicrophone {
    fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError> {
        let mut samples = self.between.samples.lock();
        let deadline = std::time::Instant::now() + Duration::from_micros(STALLED);
        while samples.0.len() < BLOCK {
            if let Some(error) = samples.1.take() {
                return Err(broken(MICROPHONE, &error));
            }
            if self.between.changed.wait_until(&mut samples, deadline).timed_out() {
                break;
            }
        }
        let waited = samples.0.len() as Micros * BLOCK_TIME / BLOCK as Micros;
        let there = samples.0.len().min(BLOCK);
        block.fill(0.0);
        block.iter_mut().zip(samples.0.drain(..there)).for_each(|(out, sample)| *out = sample);
        Ok(Some(self.clock.now().saturating_sub(waited.max(BLOCK_TIME))))
    }
}

/// A speaker: mono on all its channels.
pub struct SoundSpeaker {
    between: Arc<Between>,
    clock: Clock,
    _stream: Stream,
}

impl SoundSpeaker {
    /// The speaker of that name (or a part of it), or the system's choice when it is empty.
    pub fn open(name: &str, clock: Clock) -> Result<Self, DeviceError> {
        let device = choose(SPEAKER, name, Host::default_output_device, Device::supports_output)?;
        let channels = device.default_output_config().map_err(|error| broken(SPEAKER, &error))?.channels();
        let between = Arc::new(Between::default());
        let (given, complained) = (between.clone(), between.clone());
        let width = usize::from(channels.max(1));
        let give = move |sound: &mut [f32], _: &_| {
            let mut samples = given.samples.lock();
            for frame in sound.chunks_mut(width) {
                frame.fill(samples.0.pop_front().unwrap_or(0.0));
            }
            given.changed.notify_one();
        };
        let stream = device
            .build_output_stream::<f32, _, _>(config(channels), give, move |error| complained.failed(error), OPENING)
            .map_err(|error| broken(SPEAKER, &error))?;
        stream.play().map_err(|error| broken(SPEAKER, &error))?;
        Ok(Self { between, clock, _stream: stream })
    }
}

impl Speaker for SoundSpeaker {
    fn wait(&mut self) -> Micros {
        let mut samples = self.between.samples.lock();
        let deadline = std::time::Instant::now() + Duration::from_micros(STALLED);
        while samples.0.len() > AHEAD - BLOCK && samples.1.is_none() {
            if self.between.changed.wait_until(&mut samples, deadline).timed_out() {
                samples.0.clear();
            }
        }
        self.clock.now() + samples.0.len() as Micros * BLOCK_TIME / BLOCK as Micros
    }

    fn play(&mut self, played: &Played<'_>) -> Result<(), DeviceError> {
        let mut samples = self.between.samples.lock();
        if let Some(error) = samples.1.take() {
            return Err(broken(SPEAKER, &error));
        }
        samples.0.extend(played.block);
        Ok(())
    }
}

/// Never the default size: on PulseAudio that is two seconds.
fn config(channels: u16) -> StreamConfig {
    StreamConfig { channels, sample_rate: RATE, buffer_size: BufferSize::Fixed(BLOCK as u32) }
}

fn host() -> Host {
    #[cfg(target_os = "linux")]
    if let Ok(host) = cpal::host_from_id(cpal::HostId::PulseAudio) {
        return host;
    }
    cpal::default_host()
}

/// The device of that name (or a part of it), or the system's choice when it is empty.
fn choose(
    what: &'static str,
    name: &str,
    default: fn(&Host) -> Option<Device>,
    fits: fn(&Device) -> bool,
) -> Result<Device, DeviceError> {
    let host = host();
    if name.is_empty() {
        return default(&host).ok_or(DeviceError::NoSound(what));
    }
    let mut known = Vec::new();
    for device in host.devices().map_err(|error| broken(what, &error))?.filter(fits) {
        let id = device.id().map(|id| id.to_string()).unwrap_or_default();
        let label = device.description().map(|about| about.name().to_owned()).unwrap_or_default();
        if id.ends_with(name) || label.contains(name) {
            return Ok(device);
        }
        known.push(label);
    }
    if known.is_empty() {
        return Err(DeviceError::NoSound(what));
    }
    Err(DeviceError::UnknownSound { what, name: name.to_owned(), known: known.join(", ") })
}

fn broken(what: &'static str, error: &cpal::Error) -> DeviceError {
    let reason = error.to_string();
    match error.kind() {
        ErrorKind::DeviceBusy => DeviceError::SoundBusy { what, reason },
        ErrorKind::PermissionDenied => DeviceError::SoundForbidden { what, reason },
        ErrorKind::HostUnavailable | ErrorKind::DeviceNotAvailable => DeviceError::NoSound(what),
        _ => DeviceError::SoundBroken { what, reason },
    }
}
