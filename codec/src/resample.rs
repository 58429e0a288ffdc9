//! Sound from one sample rate to another, in a stream, by a library (rubato's FFT resampler).

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// Changes the sample rate of interleaved sound as it comes, in pieces of any length.
pub struct Resampler {
    /// None where both rates are the same.
    native: Option<Fft<f32>>,
    channels: usize,
    waiting: Vec<f32>,
    output: Vec<f32>,
}

/// Why there is no resampler, or it failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// A rate or a channel count is out of bounds.
    #[error(
        "{from} Hz to {to} Hz in {channels} channels is not possible: rates go from 4 000 to 384 000 Hz, channels from 1 to 32"
    )]
    Bounds {
        /// Samples per second that come.
        from: u32,
        /// Samples per second that are wanted.
        to: u32,
        /// Channels.
        channels: usize,
    },
    /// rubato refused.
    #[error("the resampler failed: {0}")]
    Library(String),
}

impl Resampler {
    /// A resampler from one rate to another, both in Hz, for this many interleaved channels.
    ///
    /// # Errors
    /// [`ResampleError::Bounds`].
    pub fn new(from: u32, to: u32, channels: usize) -> Result<Resampler, ResampleError> {
        let possible = 4_000..=384_000;
        if !possible.contains(&from) || !possible.contains(&to) || !(1..=32).contains(&channels) {
            return Err(ResampleError::Bounds { from, to, channels });
        }
        let native = if from == to {
            None
        } else {
            // 10 ms at a time keeps the delay short.
            let chunk = (from / 100) as usize;
            let fft = Fft::new(from as usize, to as usize, chunk, channels, FixedSync::Input);
            Some(fft.map_err(|error| ResampleError::Library(error.to_string()))?)
        };
        let output = native.as_ref().map_or(0, |native| native.output_frames_max() * channels);
        Ok(Resampler { native, channels, waiting: Vec::new(), output: vec![0.0; output] })
    }

    /// Samples per channel, at the new rate, by which what comes out lies behind what went in.
    pub fn delay(&self) -> usize {
        self.native.as_ref().map_or(0, |native| native.output_delay())
    }

    /// Takes interleaved samples and appends what is ready to `out`. What does not fill a step waits for the next call.
    ///
    /// # Errors
    /// [`ResampleError::Library`].
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), ResampleError> {
        let Some(native) = &mut self.native else {
            out.extend_from_slice(samples);
            return Ok(());
        };
        let failed = |error: &dyn std::fmt::Display| ResampleError::Library(error.to_string());
        self.waiting.extend_from_slice(samples);
        let mut done = 0;
        loop {
            let frames = native.input_frames_next();
            let step = &self.waiting[done..];
            if step.len() < frames * self.channels {
                break;
            }
            let input = InterleavedSlice::new(step, self.channels, frames).map_err(|error| failed(&error))?;
            let room = self.output.len() / self.channels;
            let mut output =
                InterleavedSlice::new_mut(&mut self.output, self.channels, room).map_err(|error| failed(&error))?;
            let (taken, given) =
                native.process_into_buffer(&input, &mut output, None).map_err(|error| failed(&error))?;
            out.extend_from_slice(&self.output[..given * self.channels]);
            done += taken * self.channels;
        }
        self.waiting.drain(..done);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: f64, count: usize) -> Vec<f32> {
        (0..count).map(|n| (n as f64 / rate * 440.0 * std::f64::consts::TAU).sin() as f32 * 0.5).collect()
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_level_in_any_pieces() {
        for (from, to) in [(44_100, 48_000), (16_000, 48_000), (48_000, 16_000), (48_000, 44_100)] {
            let mut resampler = Resampler::new(from, to, 1).unwrap();
            let mut out = Vec::new();
            for (n, piece) in tone(f64::from(from), from as usize).chunks(331).enumerate() {
                resampler.push(&piece[..piece.len() / 2], &mut out).unwrap();
                resampler.push(&piece[piece.len() / 2..], &mut out).unwrap();
                assert!(n < 100 || out.len() > 100);
            }
            let wanted = tone(f64::from(to), to as usize);
            // The delay is whole samples only to half a sample.
            let (skip, delay) = (2_000, resampler.delay());
            let error = out[skip + delay..].iter().zip(&wanted[skip..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 0.03, "{from} to {to}: {error}");
        }
    }

    #[test]
    fn channels_stay_apart_and_equal_rates_pass_through() {
        let stereo: Vec<f32> = tone(44_100.0, 44_100).iter().flat_map(|&s| [s, 0.0]).collect();
        let mut out = Vec::new();
        Resampler::new(44_100, 48_000, 2).unwrap().push(&stereo, &mut out).unwrap();
        assert!(out.chunks(2).all(|frame| frame[1].abs() < 1e-6));
        assert!(out.chunks(2).any(|frame| frame[0].abs() > 0.4));
        out.clear();
        Resampler::new(48_000, 48_000, 2).unwrap().push(&stereo, &mut out).unwrap();
        assert_eq!(out, stereo);
    }

    #[test]
    fn bounds() {
        assert!(Resampler::new(4_000, 48_000, 1).is_ok());
        assert!(Resampler::new(3_999, 48_000, 1).is_err());
        assert!(Resampler::new(48_000, 48_000, 0).is_err());
    }
}
