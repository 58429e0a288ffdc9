//! WAV: sound without compression, read at any rate and written at 48 kHz (by a library: hound).

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use hound::{SampleFormat, WavSpec};

use super::mix::mix;
use crate::opus::{Channels, SAMPLE_RATE};
use crate::resample::Resampler;

/// Reads sound from a WAV file as 48 kHz in one or two channels.
pub struct WavReader<R> {
    input: hound::WavReader<R>,
    spec: WavSpec,
    channels: Channels,
    resampler: Resampler,
    skip: usize,
    ended: bool,
    raw: Vec<f32>,
    mixed: Vec<f32>,
}

/// Why a WAV file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// It is no WAV file, of an unknown kind, or cannot be read or written.
    #[error("the WAV file cannot be read or written: {0}")]
    Wav(#[from] hound::Error),
    /// Its rate or channel count cannot be converted.
    #[error(transparent)]
    Rate(#[from] crate::resample::ResampleError),
}

impl WavReader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn open(path: impl AsRef<Path>, channels: Channels) -> Result<Self, WavError> {
        Self::from_reader(hound::WavReader::open(path)?, channels)
    }
}

impl<R: Read> WavReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn new(input: R, channels: Channels) -> Result<Self, WavError> {
        Self::from_reader(hound::WavReader::new(input)?, channels)
    }

    fn from_reader(input: hound::WavReader<R>, channels: Channels) -> Result<Self, WavError> {
        let spec = input.spec();
        let resampler = Resampler::new(spec.sample_rate, SAMPLE_RATE, channels.count())?;
        let skip = resampler.delay();
        Ok(WavReader { input, spec, channels, resampler, skip, ended: false, raw: Vec::new(), mixed: Vec::new() })
    }

    /// Appends the next piece of sound, interleaved at 48 kHz, and says whether there was one.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn read(&mut self, out: &mut Vec<f32>) -> Result<bool, WavError> {
        let (from, count) = (usize::from(self.spec.channels), self.channels.count());
        while !self.ended {
            self.raw.clear();
            self.mixed.clear();
            let piece = self.spec.sample_rate as usize / 100 * from;
            match self.spec.sample_format {
                SampleFormat::Float => {
                    for sample in self.input.samples::<f32>().take(piece) {
                        self.raw.push(sample?);
                    }
                }
                SampleFormat::Int => {
                    let scale = 1.0 / (1u64 << (self.spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
                    for sample in self.input.samples::<i32>().take(piece) {
                        self.raw.push(sample? as f32 * scale);
                    }
                }
            }
            self.ended = self.raw.len() < piece;
            mix(&self.raw, from, self.channels, &mut self.mixed);
            if self.ended {
                // Push out what the resampler still holds.
                self.mixed.resize(self.mixed.len() + self.resampler.delay() * count, 0.0);
            }
            let start = out.len();
            self.resampler.push(&self.mixed, out)?;
            let skipped = self.skip.min((out.len() - start) / count);
            out.drain(start..start + skipped * count);
            self.skip -= skipped;
            if out.len() > start {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Writes 48 kHz sound as 16-bit WAV.
pub struct WavWriter<W: Write + Seek> {
    output: hound::WavWriter<W>,
}

impl WavWriter<BufWriter<File>> {
    /// Makes a file, or empties it.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn create(path: impl AsRef<Path>, channels: Channels) -> Result<Self, WavError> {
        Ok(WavWriter { output: hound::WavWriter::create(path, spec(channels))? })
    }
}

impl<W: Write + Seek> WavWriter<W> {
    /// Writes to a stream.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn new(output: W, channels: Channels) -> Result<Self, WavError> {
        Ok(WavWriter { output: hound::WavWriter::new(output, spec(channels))? })
    }

    /// Writes interleaved samples; what is beyond −1 to 1 is cut off.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn write(&mut self, samples: &[f32]) -> Result<(), WavError> {
        for &sample in samples {
            self.output.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
        }
        Ok(())
    }

    /// Makes the file readable as it stands, and goes on.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn flush(&mut self) -> Result<(), WavError> {
        Ok(self.output.flush()?)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn finish(self) -> Result<(), WavError> {
        Ok(self.output.finalize()?)
    }
}

fn spec(channels: Channels) -> WavSpec {
    let channels = channels.count() as u16;
    WavSpec { channels, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn tone(rate: u32, count: usize) -> Vec<f32> {
        (0..count).map(|n| (n as f32 / rate as f32 * 300.0 * std::f32::consts::TAU).sin() * 0.5).collect()
    }

    fn read(file: &[u8], channels: Channels) -> Vec<f32> {
        let mut reader = WavReader::new(file, channels).unwrap();
        let mut out = Vec::new();
        while reader.read(&mut out).unwrap() {}
        out
    }

    #[test]
    fn sound_comes_back_as_written() {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, Channels::Mono).unwrap();
        writer.write(&tone(48_000, 4_801)).unwrap();
        writer.finish().unwrap();
        let back = read(file.get_ref(), Channels::Mono);
        assert_eq!(back.len(), 4_801);
        assert!(back.iter().zip(tone(48_000, 4_801)).all(|(a, b)| (a - b).abs() < 1e-4));
        assert_eq!(read(file.get_ref(), Channels::Stereo).len(), 2 * 4_801);
    }

    #[test]
    fn other_rates_and_widths_become_48_khz() {
        for (rate, bits, format) in
            [(16_000, 16, SampleFormat::Int), (44_100, 24, SampleFormat::Int), (8_000, 32, SampleFormat::Float)]
        {
            let mut file = Cursor::new(Vec::new());
            let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: bits, sample_format: format };
            let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
            for sample in tone(rate, rate as usize) {
                match format {
                    SampleFormat::Float => writer.write_sample(sample).unwrap(),
                    SampleFormat::Int => {
                        writer.write_sample((sample * ((1u32 << (bits - 1)) - 1) as f32) as i32).unwrap()
                    }
                }
            }
            writer.finalize().unwrap();
            let back = read(file.get_ref(), Channels::Mono);
            assert!(back.len().abs_diff(48_000) < 1_500, "{} samples", back.len());
            let wanted = tone(48_000, 48_000);
            let error =
                back[1_000..40_000].iter().zip(&wanted[1_000..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 0.03, "{rate} Hz, {bits} bits: {error}");
        }
    }

    #[test]
    fn what_is_no_wav_is_refused() {
        assert!(WavReader::new(&b"RIFFxxxxWAVE"[..], Channels::Mono).is_err());
        assert!(WavReader::new(&b""[..], Channels::Mono).is_err());
    }
}
