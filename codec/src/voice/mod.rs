//! What makes a telephone of a microphone and a loudspeaker: the echo is taken out, then the noise, then the voice is
//! brought to an even loudness. Blocks of 10 ms at 48 kHz, mono; each part can be switched while it runs.

mod echo;
mod echo_filter;
mod echo_suppressor;
mod gain;
mod noise;
mod spectrum;

pub use echo::EchoCanceller;
pub use gain::GainControl;
pub use noise::NoiseSuppressor;

/// Samples of one block: 10 ms at 48 kHz.
pub const BLOCK: usize = 480;

/// Which parts of [`VoiceProcessing`] are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceParts {
    pub echo: bool,
    pub noise: bool,
    pub gain: bool,
}

impl VoiceParts {
    pub const ALL: Self = Self { echo: true, noise: true, gain: true };
    pub const NONE: Self = Self { echo: false, noise: false, gain: false };
}

/// The whole way from a microphone's block to the one that is sent.
pub struct VoiceProcessing {
    parts: VoiceParts,
    echo: EchoCanceller,
    noise: NoiseSuppressor,
    gain: GainControl,
}

impl Default for VoiceProcessing {
    fn default() -> Self {
        Self::new(VoiceParts::ALL)
    }
}

impl VoiceProcessing {
    pub fn new(parts: VoiceParts) -> Self {
        Self { parts, echo: EchoCanceller::new(), noise: NoiseSuppressor::new(), gain: GainControl::new() }
    }

    /// Switches parts on or off. What is switched on begins anew.
    pub fn switch(&mut self, parts: VoiceParts) {
        if parts.echo && !self.parts.echo {
            self.echo = EchoCanceller::new();
        }
        if (parts.noise || parts.gain) && !(self.parts.noise || self.parts.gain) {
            self.noise = NoiseSuppressor::new();
        }
        if parts.gain && !self.parts.gain {
            self.gain = GainControl::new();
        }
        self.parts = parts;
    }

    /// Samples by which what comes out lies behind what went in.
    pub fn delay(&self) -> usize {
        let VoiceParts { echo, noise, .. } = self.parts;
        BLOCK * (usize::from(echo) + usize::from(noise))
    }

    /// Works on a microphone's block. `far` is what the loudspeaker was given: always the same time before its echo
    /// comes, at most 400 ms; without it, its next block is late ([`EchoCanceller::process`]).
    pub fn process(&mut self, far: Option<&[f32; BLOCK]>, near: &mut [f32; BLOCK]) {
        if self.parts.echo {
            self.echo.process(far, near);
        }
        let VoiceParts { noise, gain, .. } = self.parts;
        if !noise && !gain {
            return;
        }
        let before = *near;
        let voice = self.noise.process(near);
        if !noise {
            *near = before;
        }
        if gain {
            self.gain.process(near, voice);
        }
    }

    /// [`EchoCanceller::skip`].
    pub fn skip(&mut self, far: &[f32; BLOCK]) {
        if self.parts.echo {
            self.echo.skip(far);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_by_parts_that_are_off() {
        let mut voice = VoiceProcessing::new(VoiceParts::NONE);
        let mut block: [f32; BLOCK] = std::array::from_fn(|at| (at as f32 / 9.0).sin() * 0.3);
        let before = block;
        voice.process(Some(&[0.1; BLOCK]), &mut block);
        assert_eq!((block, voice.delay()), (before, 0));
        voice.switch(VoiceParts { echo: true, ..VoiceParts::NONE });
        assert_eq!(voice.delay(), BLOCK);
        voice.switch(VoiceParts::ALL);
        assert_eq!(voice.delay(), 2 * BLOCK);
        for _ in 0..50 {
            block = before;
            voice.process(Some(&[0.1; BLOCK]), &mut block);
            assert!(block.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
        }
    }

    #[test]
    fn sound_that_is_no_number_harms_nothing_for_long() {
        let mut voice = VoiceProcessing::default();
        let tone: [f32; BLOCK] = std::array::from_fn(|at| (at as f32 / 9.0).sin() * 0.3);
        for evil in [f32::NAN, f32::INFINITY, 1e30] {
            let mut block = [evil; BLOCK];
            voice.process(Some(&[evil; BLOCK]), &mut block);
            for _ in 0..100 {
                block = tone;
                voice.process(Some(&tone), &mut block);
            }
            assert!(block.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0), "after {evil}");
        }
    }
}
