//! The echo canceller: what the loudspeaker plays is taken out of what the microphone hears.

use super::{BLOCK, echo_filter::EchoFilter, echo_suppressor::EchoSuppressor, spectrum::energy};

/// Blocks of a far voice after which the filter has learnt enough for something to be let through.
const SETTLED: u32 = 50;

/// A far end's block with this energy is a voice (−46 dB).
const VOICE: f32 = 2.5e-5 * BLOCK as f32;

/// How much of a far voice's energy still counts a block later: its echo and reverberation take a while.
const LINGERS: f32 = 0.85;

/// Takes the loudspeaker's echo out of a microphone's sound.
///
/// It works on echoes that come 0 to 400 ms after `far`, and follows when their way changes. For the first half second of
/// a far voice, while nothing is known, the microphone is closed under it.
pub struct EchoCanceller {
    filter: EchoFilter,
    suppressor: EchoSuppressor,
    /// Blocks of far voice that were learnt from.
    learnt: u32,
    far: f32,
}

impl Default for EchoCanceller {
    fn default() -> Self {
        Self::new()
    }
}

impl EchoCanceller {
    pub fn new() -> Self {
        Self { filter: EchoFilter::new(), suppressor: EchoSuppressor::new(), learnt: 0, far: 0.0 }
    }

    /// Takes the echo of `far` out of `near`, which becomes what it was a block before. Without `far` its next block is
    /// late, and will come with the next of `near`: the microphone's clock is the faster one.
    pub fn process(&mut self, far: Option<&[f32; BLOCK]>, near: &mut [f32; BLOCK]) {
        // Full scale is what a device can give; anything else is a fault that must not be learnt from.
        let sound = |sample: &f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        let heard = std::array::from_fn(|at| sound(&near[at]));
        let far: Option<[f32; BLOCK]> = far.map(|far| std::array::from_fn(|at| sound(&far[at])));
        self.far = far.as_ref().map_or(0.0, |far| energy(far)).max(LINGERS * self.far);
        let is_voice = self.far > VOICE;
        if is_voice {
            self.learnt = self.learnt.saturating_add(1);
        }
        let (mut echo, mut rest) = ([0.0; BLOCK], [0.0; BLOCK]);
        if self.filter.process(far.as_ref(), &heard, &mut echo, &mut rest) {
            self.learnt = 0;
            self.suppressor.forget();
        }
        self.suppressor.process(&echo, &rest, is_voice && self.learnt < SETTLED, near);
    }

    /// Takes a block of the far end beside which the microphone gave none: its clock is the slower one.
    pub fn skip(&mut self, far: &[f32; BLOCK]) {
        self.filter.skip(far);
    }
}
