//! Real microphones and speakers, through cpal: PulseAudio (or PipeWire in its guise) first on Linux, else what the
//! platform has.

mod format;
mod microphone;
mod speaker;

use std::{collections::VecDeque, time::Duration};

use cpal::{
    Device, ErrorKind, Host,
    traits::{DeviceTrait, HostTrait},
};
use parking_lot::{Condvar, Mutex};
use relay::{MILLISECOND, Micros};

pub use microphone::SoundMicrophone;
pub use speaker::SoundSpeaker;

use super::DeviceError;

/// Samples a second of what pipelines take and give.
const RATE: u32 = 48_000;

/// A device that is silent for so long has stopped for now: the pipeline goes on without it.
const STALLED: Micros = 100 * MILLISECOND;

/// After so many such times in a row it will not come again.
const GIVEN_UP: u32 = 10;

/// A sound system that hangs is not waited for longer.
const OPENING: Option<Duration> = Some(Duration::from_secs(2));

/// What the errors call them.
const MICROPHONE: &str = "microphone";
const SPEAKER: &str = "speaker";

/// Samples between a device's own thread and a pipeline's, what the device said went wrong, and how many were lost.
#[derive(Default)]
struct Between {
    samples: Mutex<(VecDeque<f32>, Option<cpal::Error>, usize)>,
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

/// The names of what there is to hear and to speak with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoundNames {
    pub microphones: Vec<String>,
    pub speakers: Vec<String>,
}

impl SoundNames {
    /// Asks the sound system, which may take a moment.
    pub fn ask() -> Result<Self, DeviceError> {
        let mut names = Self::default();
        for device in host().devices().map_err(|error| broken("sound system", &error))? {
            let name = label(&device);
            // What a speaker plays is no microphone, though it can be listened to.
            if device.supports_input() && !name.starts_with("Monitor of ") {
                names.microphones.push(name.clone());
            }
            if device.supports_output() {
                names.speakers.push(name);
            }
        }
        for names in [&mut names.microphones, &mut names.speakers] {
            names.sort();
            names.dedup();
        }
        Ok(names)
    }
}

fn host() -> Host {
    #[cfg(target_os = "linux")]
    if let Ok(host) = cpal::host_from_id(cpal::HostId::PulseAudio) {
        return host;
    }
    cpal::default_host()
}

fn label(device: &Device) -> String {
    device.description().map(|about| about.name().to_owned()).unwrap_or_default()
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
        return default(&host).ok_or(DeviceError::Absent(what));
    }
    let devices: Vec<Device> = host.devices().map_err(|error| broken(what, &error))?.filter(fits).collect();
    let labels: Vec<String> = devices.iter().map(label).collect();
    let id = |device: &Device| device.id().map(|id| id.to_string()).unwrap_or_default();
    // The whole name before a part of it: one device's may be the beginning of another's.
    let found = labels.iter().position(|label| label == name).or_else(|| {
        devices.iter().zip(&labels).position(|(device, label)| id(device).ends_with(name) || label.contains(name))
    });
    match found {
        Some(at) => Ok(devices.into_iter().nth(at).ok_or(DeviceError::Absent(what))?),
        None if labels.is_empty() => Err(DeviceError::Absent(what)),
        None => Err(DeviceError::Unknown { what, name: name.to_owned(), known: labels.join(", ") }),
    }
}

fn broken(what: &'static str, error: &cpal::Error) -> DeviceError {
    let reason = error.to_string();
    match error.kind() {
        ErrorKind::DeviceBusy => DeviceError::Busy { what, reason },
        ErrorKind::PermissionDenied => DeviceError::Forbidden { what, reason },
        ErrorKind::HostUnavailable | ErrorKind::DeviceNotAvailable => DeviceError::Absent(what),
        _ => DeviceError::Broken { what, reason },
    }
}

fn stopped(what: &'static str) -> DeviceError {
    DeviceError::Broken { what, reason: "it has stopped by itself".to_owned() }
}
