//! Voice messages: a microphone for a while, as Opus in Matroska, with its loudness for those who look before they
//! listen.

use std::{fs::File, io::BufWriter, path::Path, time::Duration};

use codec::{
    container::matroska::{AudioTrack, MatroskaWriter},
    opus::{Channels, Encoder, EncoderConfig},
};
use relay::vocabulary::{Voice, WAVEFORM_MAX};

use super::{AudioQuality, MediaError};
use crate::device::{BLOCK, BLOCK_TIME, Microphone};

/// The media type of a voice message.
pub const VOICE_MEDIA: &str = "audio/x-matroska";

/// Records a microphone to `path` until `length` has passed, it gives no more, or `stop` says so. Blocks meanwhile.
pub fn record_voice(
    mut microphone: Box<dyn Microphone>,
    quality: AudioQuality,
    length: Duration,
    path: &Path,
    mut stop: impl FnMut() -> bool,
) -> Result<Voice, MediaError> {
    let failed = |reason: &dyn std::fmt::Display| MediaError::Recording {
        path: path.display().to_string(),
        reason: reason.to_string(),
    };
    let config = EncoderConfig {
        channels: Channels::Mono,
        frame: quality.frame,
        bitrate: quality.bitrate,
        content: quality.content,
        ..EncoderConfig::default()
    };
    let mut encoder = Encoder::new(config)?;
    let file = BufWriter::new(File::create(path).map_err(|error| failed(&error))?);
    let audio = Some(AudioTrack::new(Channels::Mono));
    let mut writer = MatroskaWriter::new(file, None, audio).map_err(|error| failed(&error))?;
    let packet_samples = quality.frame.samples();
    let (mut block, mut waiting, mut loudness, mut packets) = ([0.0; BLOCK], Vec::new(), Vec::new(), 0_u64);
    let blocks = u64::try_from(length.as_micros()).unwrap_or(u64::MAX) / BLOCK_TIME;
    for _ in 0..blocks {
        if stop() || microphone.capture(&mut block)?.is_none() {
            break;
        }
        loudness.push(rms(&block));
        waiting.extend_from_slice(&block);
        if waiting.len() >= packet_samples {
            let packet = encoder.encode(&waiting)?;
            writer.write_audio(&packet, packets * quality.frame.us()).map_err(|error| failed(&error))?;
            packets += 1;
            waiting.clear();
        }
    }
    writer.finish().map_err(|error| failed(&error))?;
    Ok(Voice { duration_ms: packets * quality.frame.us() / 1_000, waveform: waveform(&loudness) })
}

fn rms(block: &[f32]) -> f32 {
    (block.iter().map(|sample| sample * sample).sum::<f32>() / block.len() as f32).sqrt()
}

/// The loudest of each step of time, from −60 dB (0) to full scale (255).
fn waveform(loudness: &[f32]) -> Vec<u8> {
    let steps = loudness.len().min(WAVEFORM_MAX);
    let step = |at: usize| {
        let (from, to) = (at * loudness.len() / steps, (at + 1) * loudness.len() / steps);
        let loudest = loudness[from..to].iter().copied().fold(0.0, f32::max);
        ((20.0 * loudest.max(1e-6).log10() + 60.0) / 60.0 * 255.0).clamp(0.0, 255.0) as u8
    };
    (0..steps).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceError;
    use relay::Micros;

    /// Half of the time silent, then loud.
    struct Speaker(u64);

    impl Microphone for Speaker {
        fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError> {
            let loud = if self.0 < 50 { 0.0 } else { 0.5 };
            block.iter_mut().enumerate().for_each(|(at, sample)| *sample = loud * (at as f32 / 7.0).sin());
            self.0 += 1;
            Ok((self.0 <= 100).then_some(self.0 * BLOCK_TIME))
        }
    }

    #[test]
    fn a_voice_message_knows_its_length_and_its_loudness() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voice.mka");
        let minute = Duration::from_secs(60);
        let voice = record_voice(Box::new(Speaker(0)), AudioQuality::default(), minute, &path, || false).unwrap();
        assert_eq!((voice.duration_ms, voice.waveform.len()), (1_000, 100));
        assert!(voice.waveform[..50].iter().all(|value| *value == 0));
        assert!(voice.waveform[50..].iter().all(|value| *value > 180));
        assert!(std::fs::read(&path).unwrap().starts_with(&[0x1a, 0x45, 0xdf, 0xa3]));
        let short = Duration::from_millis(300);
        let voice = record_voice(Box::new(Speaker(0)), AudioQuality::default(), short, &path, || false).unwrap();
        assert_eq!(voice.duration_ms, 300);
    }

    #[test]
    fn a_long_waveform_is_thinned_by_the_loudest() {
        let mut loudness = vec![0.0; 10_000];
        loudness[9_999] = 1.0;
        let wave = waveform(&loudness);
        assert_eq!((wave.len(), wave[WAVEFORM_MAX - 1], wave[0]), (WAVEFORM_MAX, 255, 0));
        assert!(waveform(&[]).is_empty());
    }
}
