//! Noise suppression by a small neural network (RNNoise, Valin 2018, in its Rust form).

use nnnoiseless::DenoiseState;

use super::BLOCK;

/// The network was trained on 16-bit samples.
const SCALE: f32 = 32_768.0;

const _: () = assert!(DenoiseState::FRAME_SIZE == BLOCK);

/// Takes out what is no voice: fans, keys, traffic.
pub struct NoiseSuppressor {
    state: Box<DenoiseState<'static>>,
}

impl Default for NoiseSuppressor {
    fn default() -> Self {
        Self::new()
    }
}

impl NoiseSuppressor {
    pub fn new() -> Self {
        Self { state: DenoiseState::new() }
    }

    /// Works on a block, which becomes what it was a block before. Gives how likely there is a voice in it: 0 to 1.
    pub fn process(&mut self, block: &mut [f32; BLOCK]) -> f32 {
        let sound = |sample: f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) * SCALE } else { 0.0 };
        let noisy = block.map(sound);
        let voice = self.state.process_frame(block, &noisy);
        block.iter_mut().for_each(|sample| *sample /= SCALE);
        if !voice.is_finite() || block.iter().any(|sample| !sample.is_finite()) {
            *self = Self::new();
            block.fill(0.0);
            return 0.0;
        }
        voice
    }
}
