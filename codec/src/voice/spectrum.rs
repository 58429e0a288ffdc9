//! Transforms between two blocks of sound and their spectrum.

use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex, num_complex::Complex32};

use super::BLOCK;

/// Samples of a transform: two blocks.
pub(super) const FFT: usize = 2 * BLOCK;

/// Frequencies of a transform, 50 Hz apart.
pub(super) const BINS: usize = BLOCK + 1;

pub(super) type Spectrum = [Complex32; BINS];

pub(super) const ZERO: Complex32 = Complex32::new(0.0, 0.0);

const FITS: &str = "the buffers have the lengths that the transform was planned for";

pub(super) struct Transform {
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    scratch: Vec<Complex32>,
}

impl Transform {
    pub fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, backward) = (planner.plan_fft_forward(FFT), planner.plan_fft_inverse(FFT));
        let room = forward.get_scratch_len().max(backward.get_scratch_len());
        Self { forward, backward, scratch: vec![ZERO; room] }
    }

    /// Uses up `time`.
    pub fn forward(&mut self, time: &mut [f32; FFT], spectrum: &mut Spectrum) {
        self.forward.process_with_scratch(time, spectrum, &mut self.scratch).expect(FITS);
    }

    /// Uses up `spectrum`. Backward after forward changes nothing.
    pub fn backward(&mut self, spectrum: &mut Spectrum, time: &mut [f32; FFT]) {
        // What is real at both ends is so only to the last digit after calculations, and is demanded to be.
        spectrum[0].im = 0.0;
        spectrum[BINS - 1].im = 0.0;
        self.backward.process_with_scratch(spectrum, time, &mut self.scratch).expect(FITS);
        time.iter_mut().for_each(|sample| *sample /= FFT as f32);
    }
}

pub(super) fn energy(block: &[f32]) -> f32 {
    block.iter().map(|sample| sample * sample).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mut transform = Transform::new();
        let sound: [f32; FFT] = std::array::from_fn(|at| ((at * at) as f32 / 77.0).sin());
        let (mut time, mut spectrum) = (sound, [ZERO; BINS]);
        transform.forward(&mut time, &mut spectrum);
        transform.backward(&mut spectrum, &mut time);
        assert!(time.iter().zip(&sound).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
