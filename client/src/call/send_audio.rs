//! Microphone to track: blocks of 10 ms become packets of Opus.

use std::sync::Arc;

use codec::opus::{Channels, Encoder, EncoderConfig};
use relay::{FrameHeader, Kind, track::Track};

use super::{AudioQuality, MediaError, Shared, publish};
use crate::device::{BLOCK, Microphone};

pub struct AudioSender {
    microphone: Box<dyn Microphone>,
    encoder: Encoder,
    packet: usize,
    track: Track,
    shared: Arc<Shared>,
}

impl AudioSender {
    pub fn new(
        microphone: Box<dyn Microphone>,
        quality: AudioQuality,
        track: Track,
        shared: Arc<Shared>,
    ) -> Result<Self, MediaError> {
        let config = EncoderConfig {
            channels: Channels::Mono,
            frame: quality.frame,
            bitrate: quality.bitrate,
            content: quality.content,
            ..EncoderConfig::default()
        };
        let packet = quality.frame.samples();
        Ok(Self { microphone, encoder: Encoder::new(config)?, packet, track, shared })
    }

    pub fn run(mut self) {
        let mut block = [0.0; BLOCK];
        let mut waiting = Vec::with_capacity(2 * self.packet);
        let mut began = 0;
        let mut sequence = 0;
        while self.shared.runs() {
            match self.microphone.capture(&mut block) {
                Ok(Some(at)) if waiting.is_empty() => began = at,
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => return self.shared.failed("the microphone", &error),
            }
            let loudest = block.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
            let mut tallies = self.shared.tallies.lock();
            tallies.loudest = Some(tallies.loudest.map_or(loudest, |known| known.max(loudest)));
            drop(tallies);
            waiting.extend_from_slice(&block);
            if waiting.len() < self.packet {
                continue;
            }
            let packet = match self.encoder.encode(&waiting) {
                Ok(packet) => packet,
                Err(error) => return self.shared.failed("the microphone", &error),
            };
            waiting.clear();
            sequence += 1;
            let mut tallies = self.shared.tallies.lock();
            tallies.audio_sent += 1;
            tallies.audio_bytes_sent += packet.len() as u64;
            drop(tallies);
            let header = FrameHeader::alone(self.track.id(), sequence, began, Kind::Audio);
            publish(&self.track, header, &packet, self.shared.clock.now());
        }
    }
}
