//! Voice messages to listen to: Opus in Matroska or Ogg, taken apart by `symphonia` and decoded a packet at a time.

use std::fs::File;
use std::path::Path;

use symphonia_core::codecs::CodecParameters;
use symphonia_core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia_core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia_core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia_format_mkv::MkvReader;
use symphonia_format_ogg::OggReader;

use crate::opus::{Channels, Decoder, packet_samples};

/// Samples that the decoder needs before its sound is right (RFC 7845, section 4.6): 80 ms.
const PRE_ROLL: u64 = 3_840;

/// Why a voice message cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// The file cannot be opened or read.
    #[error("the voice message cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// It is neither Matroska nor Ogg, or damaged.
    #[error("the voice message is damaged, or of a kind that is not known: {0}")]
    Container(String),
    /// Its sound is not Opus.
    #[error("the voice message holds no Opus sound")]
    NoOpus,
}

/// A voice message that is being read.
pub struct VoiceReader {
    format: Box<dyn FormatReader>,
    track: u32,
    decoder: Decoder,
}

impl VoiceReader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`VoiceError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, VoiceError> {
        let stream = || -> Result<MediaSourceStream<'static>, VoiceError> {
            let file = Box::new(File::open(path.as_ref())?);
            Ok(MediaSourceStream::new(file, MediaSourceStreamOptions::default()))
        };
        let options = FormatOptions::default;
        let damaged = |error: symphonia_core::errors::Error| VoiceError::Container(error.to_string());
        let format: Box<dyn FormatReader> = match MkvReader::try_new(stream()?, options()) {
            Ok(matroska) => Box::new(matroska),
            Err(_) => Box::new(OggReader::try_new(stream()?, options()).map_err(damaged)?),
        };
        let is_opus = |codec: &Option<CodecParameters>| match codec {
            Some(CodecParameters::Audio(audio)) => audio.codec == CODEC_ID_OPUS,
            _ => false,
        };
        let track = format.first_track(TrackType::Audio).filter(|track| is_opus(&track.codec_params));
        let track = track.ok_or(VoiceError::NoOpus)?.id;
        let decoder = Decoder::new(Channels::Mono).map_err(|error| VoiceError::Container(error.to_string()))?;
        Ok(Self { format, track, decoder })
    }

    /// Decodes the next packet to the end of `out`, at 48 kHz, mono. False when no more comes.
    ///
    /// # Errors
    /// [`VoiceError::Container`] for a file that is damaged from here on. A packet that is damaged alone is passed over.
    pub fn read(&mut self, out: &mut Vec<f32>) -> Result<bool, VoiceError> {
        while let Some(packet) = self.next_packet()? {
            if self.decoder.decode(&packet, out).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Passes over so many samples (48 kHz) from here on; what comes after them in the same packet goes to `out`. False if
    /// it ends before.
    ///
    /// # Errors
    /// As [`VoiceReader::read`].
    pub fn skip(&mut self, samples: u64, out: &mut Vec<f32>) -> Result<bool, VoiceError> {
        let mut left = samples;
        let mut decoded = Vec::new();
        while left > 0 {
            let Some(packet) = self.next_packet()? else { return Ok(false) };
            let length = packet_samples(&packet).unwrap_or(0) as u64;
            if left > length + PRE_ROLL {
                left -= length;
                continue;
            }
            decoded.clear();
            if self.decoder.decode(&packet, &mut decoded).is_ok() {
                let passed = left.min(decoded.len() as u64);
                out.extend_from_slice(&decoded[passed as usize..]);
                left -= passed;
            }
        }
        Ok(true)
    }

    fn next_packet(&mut self) -> Result<Option<Box<[u8]>>, VoiceError> {
        loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Ok(Some(packet.data)),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(error) => return Err(VoiceError::Container(error.to_string())),
            }
        }
    }
}
