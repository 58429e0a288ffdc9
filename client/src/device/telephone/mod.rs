//! The microphone and the speaker of a telephone: those that a person chose or the system's, changed in the middle of a
//! call, gone and back again; with the echo of the one taken out of the other.
//!
//! Neither ever fails: where no device serves, there is silence in time, and [`DeviceControls`] says why.

mod far_end;

pub(super) use far_end::FarEnd;

use codec::voice::VoiceProcessing;
use relay::Micros;

use super::{
    BLOCK, BLOCK_TIME, DeviceControls, DeviceError, Microphone, NullSpeaker, Played, SoundMicrophone, SoundSpeaker,
    Speaker,
    pace::Pace,
    serving::{Role, Serving},
};
use crate::link::Clock;

/// A microphone that is always there.
pub struct TelephoneMicrophone {
    serving: Serving<SoundMicrophone>,
    controls: DeviceControls,
    clock: Clock,
    voice: VoiceProcessing,
    /// Beats while there is no device.
    silence: Option<Pace>,
}

impl TelephoneMicrophone {
    pub fn new(controls: DeviceControls, clock: Clock) -> Self {
        let open = move |name: &str| SoundMicrophone::open(name, clock);
        let voice = VoiceProcessing::new(controls.choice().parts());
        let serving = Serving::new(Role::Microphone, controls.clone(), clock, open);
        Self { serving, controls, clock, voice, silence: None }
    }

    fn silent(&mut self, block: &mut [f32; BLOCK]) -> Micros {
        block.fill(0.0);
        self.controls.deaf();
        let clock = self.clock;
        let pace = self.silence.get_or_insert_with(|| Pace::new(clock, clock.now(), 1e6 / BLOCK_TIME as f64));
        pace.next().1.saturating_sub(BLOCK_TIME)
    }
}

impl Microphone for TelephoneMicrophone {
    fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError> {
        if self.serving.renew() {
            self.voice.switch(self.controls.choice().parts());
        }
        let captured = match self.serving.device() {
            Some(device) => device.next(block).map(|at| at.map(|at| (at, device.lost()))),
            None => {
                let at = self.silent(block);
                return Ok(Some(at));
            }
        };
        match captured {
            Ok(Some((at, lost))) => {
                if self.silence.take().is_some() {
                    // What was played before it served is of no use.
                    self.controls.far_end().clear();
                }
                self.controls.heard(block);
                let far = self.controls.far_end().next(lost, |surplus| self.voice.skip(surplus));
                self.voice.process(far.as_ref(), block);
                let delay = self.voice.delay() as Micros * BLOCK_TIME / BLOCK as Micros;
                Ok(Some(at.saturating_sub(delay)))
            }
            // What comes late goes with the far end that it heard: nothing is worked on meanwhile.
            Ok(None) => Ok(Some(self.clock.now().saturating_sub(BLOCK_TIME))),
            Err(error) => {
                self.serving.lost(&error);
                Ok(Some(self.silent(block)))
            }
        }
    }
}

/// A speaker that is always there.
pub struct TelephoneSpeaker {
    serving: Serving<SoundSpeaker>,
    controls: DeviceControls,
    /// Serves while there is no device.
    nothing: NullSpeaker,
    clock: Clock,
    without: bool,
}

impl TelephoneSpeaker {
    pub fn new(controls: DeviceControls, clock: Clock) -> Self {
        let listener = controls.clone();
        let open = move |name: &str| {
            let listener = listener.clone();
            SoundSpeaker::open_listening(name, clock, move |sound| listener.far_end().played(sound))
        };
        let serving = Serving::new(Role::Speaker, controls.clone(), clock, open);
        Self { serving, controls, nothing: NullSpeaker::new(clock), clock, without: true }
    }
}

impl TelephoneSpeaker {
    /// Whether a device serves now.
    pub fn serves(&mut self) -> bool {
        self.serving.device().is_some()
    }
}

impl Speaker for TelephoneSpeaker {
    fn wait(&mut self) -> Micros {
        self.serving.renew();
        match self.serving.device() {
            Some(device) => {
                self.without = false;
                device.wait()
            }
            None => {
                if !std::mem::replace(&mut self.without, true) {
                    self.nothing = NullSpeaker::new(self.clock);
                }
                self.nothing.wait()
            }
        }
    }

    fn play(&mut self, played: &Played<'_>) -> Result<(), DeviceError> {
        let volume = self.controls.choice().factor();
        let block = played.block.map(|sample| (sample * volume).clamp(-1.0, 1.0));
        if let Some(device) = self.serving.device()
            && let Err(error) = device.play(&Played { block: &block, ..*played })
        {
            self.serving.lost(&error);
        }
        Ok(())
    }
}
