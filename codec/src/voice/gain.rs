//! Automatic gain: whoever speaks softly or loudly is heard at the same loudness, and never distorted.

use super::BLOCK;

/// The level that a voice is brought to: its power while it speaks, in decibels of full scale.
const TARGET: f32 = -23.0;

/// How far it may be made louder or softer, in decibels.
const MOST: f32 = 24.0;
const LEAST: f32 = -12.0;

/// How fast, in decibels a block: louder slowly, softer quickly.
const LOUDER: f32 = 0.03;
const SOFTER: f32 = 0.15;

/// Below this, in decibels, even a voice is none that should be heard.
const INAUDIBLE: f32 = -60.0;

/// From this probability on a block is a voice's.
const VOICE: f32 = 0.6;

/// What loudness is smoothed by: about half a second of voice.
const SMOOTHED: f32 = 0.02;

/// No sample goes past this.
const CEILING: f32 = 0.95;

/// Brings a voice to an even loudness.
pub struct GainControl {
    /// Loudness of the voice so far, in decibels; `None` before it has spoken.
    loudness: Option<f32>,
    /// In decibels.
    gain: f32,
    /// What the last sample was multiplied by.
    applied: f32,
}

impl Default for GainControl {
    fn default() -> Self {
        Self::new()
    }
}

impl GainControl {
    pub fn new() -> Self {
        Self { loudness: None, gain: 0.0, applied: 1.0 }
    }

    /// What a voice is made louder by now, in decibels.
    pub fn gain(&self) -> f32 {
        self.gain
    }

    /// Works on a block in which a voice is as likely as `voice` (0 to 1).
    pub fn process(&mut self, block: &mut [f32; BLOCK], voice: f32) {
        let power = super::spectrum::energy(block) / BLOCK as f32;
        let loud = 10.0 * power.max(1e-12).log10();
        if voice >= VOICE && loud > INAUDIBLE {
            let loudness = self.loudness.get_or_insert(loud);
            *loudness += SMOOTHED * (loud - *loudness);
            let wanted = (TARGET - *loudness).clamp(LEAST, MOST);
            self.gain += (wanted - self.gain).clamp(-SOFTER, LOUDER);
        }
        let peak = block.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let factor = 10.0_f32.powf(self.gain / 20.0).min(CEILING / peak.max(CEILING / 100.0));
        // A block that would go too far is lower from its first sample on; otherwise there is no step.
        let from = if self.applied * peak > CEILING { factor } else { self.applied };
        for (at, sample) in block.iter_mut().enumerate() {
            *sample *= from + (factor - from) * at as f32 / BLOCK as f32;
        }
        self.applied = factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f32) -> [f32; BLOCK] {
        std::array::from_fn(|at| amplitude * (std::f32::consts::TAU * at as f32 / 96.0).sin())
    }

    fn level_after(gain: &mut GainControl, amplitude: f32, voice: f32) -> f32 {
        let mut block = [0.0; BLOCK];
        for _ in 0..2_000 {
            block = tone(amplitude);
            gain.process(&mut block, voice);
            assert!(block.iter().all(|sample| sample.abs() <= CEILING + 1e-6));
        }
        10.0 * (block.iter().map(|sample| sample * sample).sum::<f32>() / BLOCK as f32).log10()
    }

    #[test]
    fn soft_and_loud_voices_come_to_the_same_loudness() {
        for amplitude in [0.008, 0.1, 0.3] {
            let level = level_after(&mut GainControl::new(), amplitude, 1.0);
            assert!((level - TARGET).abs() < 1.5, "{amplitude}: {level} dB");
        }
    }

    #[test]
    fn what_is_no_voice_is_never_made_louder() {
        let mut gain = GainControl::new();
        level_after(&mut gain, 0.01, 0.1);
        assert_eq!(gain.gain(), 0.0);
        level_after(&mut gain, 0.0005, 1.0);
        assert_eq!(gain.gain(), 0.0);
    }

    #[test]
    fn a_sudden_shout_is_not_cut_off() {
        let mut gain = GainControl::new();
        level_after(&mut gain, 0.005, 1.0);
        assert!(gain.gain() > 15.0);
        let mut shout = tone(0.9);
        gain.process(&mut shout, 1.0);
        assert!(shout.iter().all(|sample| sample.abs() <= CEILING + 1e-6));
        // Its shape is kept: the tone's third harmonic stays away.
        let third: f32 =
            shout.iter().enumerate().map(|(at, s)| s * (std::f32::consts::TAU * at as f32 / 32.0).sin()).sum();
        assert!(third.abs() / (BLOCK as f32) < 0.02, "{third}");
    }
}
