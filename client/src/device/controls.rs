//! What a person chooses of camera, microphone and speaker, and what these say of themselves: shared by the window and the
//! pipelines.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use codec::voice::VoiceParts;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{BLOCK, DeviceError, serving::Role, telephone::FarEnd};

/// Instead of a peak, when no microphone served.
const UNHEARD: f32 = -1.0;

/// How fast the level falls, a block.
const FALLS: f32 = 0.92;

/// What a person prefers of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct DeviceChoice {
    /// The name of the camera; empty for the system's choice.
    pub camera: String,
    /// The name of the microphone; empty for the system's choice.
    pub microphone: String,
    /// The name of the speaker; empty for the system's choice.
    pub speaker: String,
    pub echo_cancellation: bool,
    pub noise_suppression: bool,
    pub automatic_gain: bool,
    /// How loud others are, in percent of how loud they come.
    pub volume: u8,
}

impl Default for DeviceChoice {
    fn default() -> Self {
        Self {
            camera: String::new(),
            microphone: String::new(),
            speaker: String::new(),
            echo_cancellation: true,
            noise_suppression: true,
            automatic_gain: true,
            volume: 100,
        }
    }
}

impl DeviceChoice {
    pub(super) fn parts(&self) -> VoiceParts {
        let (echo, noise, gain) = (self.echo_cancellation, self.noise_suppression, self.automatic_gain);
        VoiceParts { echo, noise, gain }
    }

    pub(super) fn factor(&self) -> f32 {
        f32::from(self.volume) / 100.0
    }

    pub(super) fn name(&self, role: Role) -> &str {
        match role {
            Role::Camera => &self.camera,
            Role::Microphone => &self.microphone,
            Role::Speaker => &self.speaker,
        }
    }
}

/// How a device does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// It serves, or has not been needed yet.
    #[default]
    Fine,
    /// The chosen one is not there; the system's choice serves until it is back.
    Substituted,
    /// This computer has none.
    Absent,
    /// Another program has it.
    Busy,
    /// The system does not allow it.
    Forbidden,
    /// It does not work; the log says why.
    Broken,
}

impl From<&DeviceError> for DeviceState {
    fn from(error: &DeviceError) -> Self {
        match error {
            DeviceError::Absent(_) | DeviceError::Unknown { .. } => Self::Absent,
            DeviceError::Busy { .. } => Self::Busy,
            DeviceError::Forbidden { .. } => Self::Forbidden,
            _ => Self::Broken,
        }
    }
}

/// Chosen by one side and followed by the other. Clones are the same.
#[derive(Clone, Default)]
pub struct DeviceControls(Arc<Inner>);

struct Inner {
    choice: Mutex<Arc<DeviceChoice>>,
    /// Grows with each choice.
    generation: AtomicU64,
    /// The microphone's peak, as the bits of a number from 0 to 1.
    level: AtomicU32,
    /// The loudest of what it gave since that was taken last, in the same way; `UNHEARD` if it gave nothing.
    loudest: AtomicU32,
    states: Mutex<[DeviceState; 3]>,
    far: FarEnd,
    /// Names that no choice changes: they were given on the command line.
    pinned: [Option<String>; 3],
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            choice: Mutex::default(),
            generation: AtomicU64::new(0),
            level: AtomicU32::new(0),
            loudest: AtomicU32::new(UNHEARD.to_bits()),
            states: Mutex::default(),
            far: FarEnd::default(),
            pinned: [None, None, None],
        }
    }
}

impl std::fmt::Debug for DeviceControls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DeviceControls").field(&self.choice()).finish()
    }
}

impl DeviceControls {
    pub fn new(choice: DeviceChoice) -> Self {
        let controls = Self::default();
        controls.choose(choice);
        controls
    }

    /// The same, with a camera, a microphone and a speaker that no choice changes.
    pub fn pinned(camera: Option<String>, microphone: Option<String>, speaker: Option<String>) -> Self {
        let controls = Self(Arc::new(Inner { pinned: [camera, microphone, speaker], ..Inner::default() }));
        controls.choose(DeviceChoice::default());
        controls
    }

    pub fn choice(&self) -> Arc<DeviceChoice> {
        self.0.choice.lock().clone()
    }

    /// Effective at once, in a running call too.
    pub fn choose(&self, mut choice: DeviceChoice) {
        let [camera, microphone, speaker] = self.0.pinned.clone();
        choice.camera = camera.unwrap_or(choice.camera);
        choice.microphone = microphone.unwrap_or(choice.microphone);
        choice.speaker = speaker.unwrap_or(choice.speaker);
        let mut current = self.0.choice.lock();
        if **current != choice {
            *current = Arc::new(choice);
            self.0.generation.fetch_add(1, Ordering::Release);
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// The microphone's level now: its peak, 0 to 1, falling slowly.
    pub fn level(&self) -> f32 {
        f32::from_bits(self.0.level.load(Ordering::Relaxed))
    }

    /// The loudest sample that the microphone gave since this was asked last, before anything was done with it, 0 to
    /// 1; `None` if none served.
    pub fn take_loudest(&self) -> Option<f32> {
        let loudest = f32::from_bits(self.0.loudest.swap(UNHEARD.to_bits(), Ordering::Relaxed));
        (loudest >= 0.0).then_some(loudest)
    }

    pub fn camera(&self) -> DeviceState {
        self.0.states.lock()[Role::Camera as usize]
    }

    pub fn microphone(&self) -> DeviceState {
        self.0.states.lock()[Role::Microphone as usize]
    }

    pub fn speaker(&self) -> DeviceState {
        self.0.states.lock()[Role::Speaker as usize]
    }

    pub(super) fn report(&self, role: Role, state: DeviceState) {
        self.0.states.lock()[role as usize] = state;
    }

    pub(super) fn far_end(&self) -> &FarEnd {
        &self.0.far
    }

    /// No microphone serves.
    pub(super) fn deaf(&self) {
        self.0.level.store(0, Ordering::Relaxed);
    }

    /// The microphone gave this, before anything was done with it.
    pub(super) fn heard(&self, block: &[f32; BLOCK]) {
        let peak = block.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        self.0.level.store(peak.max(FALLS * self.level()).min(1.0).to_bits(), Ordering::Relaxed);
        let loudest = peak.max(f32::from_bits(self.0.loudest.load(Ordering::Relaxed)));
        self.0.loudest.store(loudest.to_bits(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_rises_at_once_and_the_loudest_is_told_once() {
        let controls = DeviceControls::default();
        assert_eq!(controls.take_loudest(), None);
        controls.heard(&[0.0; BLOCK]);
        assert_eq!(controls.take_loudest(), Some(0.0));
        controls.heard(&[-0.5; BLOCK]);
        controls.heard(&[0.1; BLOCK]);
        assert_eq!((controls.take_loudest(), controls.take_loudest()), (Some(0.5), None));
        controls.heard(&[0.5; BLOCK]);
        assert_eq!(controls.level(), 0.5);
        controls.heard(&[0.0; BLOCK]);
        assert!((0.4..0.5).contains(&controls.level()));
    }

    #[test]
    fn what_the_command_line_names_stays() {
        let controls = DeviceControls::pinned(None, Some("Headset".into()), None);
        assert_eq!(controls.choice().microphone, "Headset");
        controls.choose(DeviceChoice { microphone: "Desk".into(), speaker: "Hall".into(), ..DeviceChoice::default() });
        let choice = controls.choice();
        assert_eq!((choice.microphone.as_str(), choice.speaker.as_str()), ("Headset", "Hall"));
    }

    #[test]
    fn only_another_choice_is_a_change() {
        let controls = DeviceControls::new(DeviceChoice::default());
        assert_eq!(controls.generation(), 0);
        controls.choose(DeviceChoice { volume: 50, ..DeviceChoice::default() });
        assert_eq!((controls.generation(), controls.choice().factor()), (1, 0.5));
    }
}
