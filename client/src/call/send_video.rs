//! Camera to track: pictures are encoded as they come, at the bitrate the path carries, as large as that and this machine
//! are worth.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use codec::{
    PicturePool,
    colour::Scaler,
    h264::{Content, Encoded, Encoder, EncoderConfig},
};
use relay::{FrameHeader, Kind, MILLISECOND, Micros, SECOND, link::Statistics, track::Track};

use super::{
    MediaError, Shared, VideoQuality,
    far_end::TrackFacts,
    picture_size::{PictureSize, Second},
    publish,
};
use crate::device::{Camera, Captured, DeviceError};

/// Facts about a track are told this often.
const FACTS: Micros = SECOND;

/// No picture refers further back than this.
const REFERENCES: usize = 16;

/// Below this a picture of any size is of no use.
const LOWEST_BITRATE: u32 = 80_000;

/// So many frames a second may be dropped without a sign of a narrow path: the first keyframe makes others late.
const DROPS_BEARABLE: u64 = 3;

/// A queue of this age means that the path carries less than is sent.
const QUEUE_GROWS: Micros = 120 * MILLISECOND;

/// Sums over some time of encoding.
#[derive(Debug, Default)]
struct Spell {
    /// Pictures that the camera gave, and those that were not left out.
    pictures: u32,
    encoded: u32,
    took: Micros,
    quantisers: u32,
}

impl Spell {
    fn mean(&self, frame_rate: f32) -> Second {
        let encoded = self.encoded.max(1) as f32;
        Second {
            quantiser: self.quantisers as f32 / encoded,
            kept: self.encoded as f32 / self.pictures.max(1) as f32,
            busy: self.took as f32 / encoded * frame_rate / SECOND as f32,
        }
    }
}

pub struct VideoSender {
    camera: Box<dyn Camera>,
    encoder: Encoder,
    track: Track,
    shared: Arc<Shared>,
    sequence: u64,
    /// Sequence numbers of the last pictures.
    sent: VecDeque<u64>,
    bitrate: u32,
    size: PictureSize,
    scaler: Scaler,
    pool: PicturePool,
    /// How encoding went since the size was looked at last.
    spell: Spell,
    size_at: Micros,
    facts_at: Option<Micros>,
    /// Packets of the other side's sound that had come, and blocks of it that had been played, at the last facts.
    heard: (u64, u64),
}

impl VideoSender {
    pub fn new(
        camera: Box<dyn Camera>,
        quality: VideoQuality,
        track: Track,
        shared: Arc<Shared>,
    ) -> Result<Self, MediaError> {
        let format = camera.format();
        let mut config = EncoderConfig::new(format.width, format.height, format.frame_rate, quality.bitrate);
        config.temporal_layers = quality.temporal_layers;
        config.content = quality.content;
        let encoder = Encoder::new(config)?;
        let now = shared.clock.now();
        shared.tallies.lock().sent_size = (format.width, format.height);
        Ok(Self {
            camera,
            encoder,
            track,
            shared,
            sequence: 0,
            sent: VecDeque::new(),
            bitrate: quality.bitrate,
            size: PictureSize::new((format.width, format.height)),
            scaler: Scaler::new(),
            pool: PicturePool::new(2),
            spell: Spell::default(),
            size_at: now,
            facts_at: None,
            heard: (0, 0),
        })
    }

    pub fn run(mut self) {
        while self.shared.runs() {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.shared.failed("the camera", &error),
            }
        }
    }

    fn step(&mut self) -> Result<bool, MediaError> {
        let Some(captured) = self.camera.capture()? else { return Ok(false) };
        let wanted = self.shared.video_bitrate.load(Ordering::Relaxed);
        if wanted != self.bitrate {
            self.encoder.set_bitrate(wanted, wanted + wanted / 4)?;
            self.bitrate = wanted;
        }
        if self.shared.keyframe.swap(false, Ordering::Relaxed) {
            self.encoder.request_keyframe();
        }
        // Another camera may mean its colours otherwise.
        self.encoder.set_colour(captured.picture.colour())?;
        let encoded = self.encode(&captured)?;
        let now = self.shared.clock.now();
        self.choose_size(now)?;
        self.tell_facts(now);
        let mut tallies = self.shared.tallies.lock();
        let Encoded::Packet(packet) = encoded else {
            tallies.video_skipped += 1;
            return Ok(true);
        };
        tallies.video_sent += 1;
        tallies.video_bytes_sent += packet.bytes.len() as u64;
        tallies.keyframes_sent += u64::from(packet.keyframe);
        drop(tallies);
        self.sequence += 1;
        let header = FrameHeader {
            track: self.track.id(),
            sequence: self.sequence,
            time: captured.at,
            kind: Kind::Video,
            keyframe: packet.keyframe,
            layer: packet.layer,
            depends: self.distance(packet.depends),
        };
        if self.sent.len() == REFERENCES {
            self.sent.pop_front();
        }
        self.sent.push_back(self.sequence);
        publish(&self.track, header, &packet.bytes, now);
        Ok(true)
    }

    fn encode(&mut self, captured: &Captured) -> Result<Encoded, MediaError> {
        let began = self.shared.clock.now();
        let EncoderConfig { width, height, .. } = *self.encoder.config();
        let scaled = self.scaler.scale(&captured.picture, width, height, &self.pool);
        let scaled = scaled.map_err(|error| DeviceError::Picture(error.to_string()))?;
        let encoded = self.encoder.encode(&scaled, captured.at)?;
        self.spell.pictures += 1;
        if let Encoded::Packet(packet) = &encoded {
            self.spell.encoded += 1;
            self.spell.took += self.shared.clock.now() - began;
            self.spell.quantisers += u32::from(packet.quantiser);
        }
        Ok(encoded)
    }

    /// Looks once a second whether the picture is worth its size. Writing on a screen is, whatever it costs.
    fn choose_size(&mut self, now: Micros) -> Result<(), MediaError> {
        let EncoderConfig { width, height, frame_rate, content, .. } = *self.encoder.config();
        if content == Content::Screen || now < self.size_at + SECOND {
            return Ok(());
        }
        self.size_at = now;
        let second = std::mem::take(&mut self.spell).mean(frame_rate);
        let (wide, high) = self.size.renew(second);
        if (wide, high) != (width, height) {
            tracing::info!(wide, high, bitrate = self.bitrate, ?second, "the picture that is sent has another size");
            self.encoder.resize(wide, high)?;
            self.shared.tallies.lock().sent_size = (wide, high);
        }
        Ok(())
    }

    /// From a distance in packets, as the encoder counts, to one in sequence numbers: facts stand between pictures.
    fn distance(&self, packets: u64) -> u64 {
        let back = self.sent.len().checked_sub(packets as usize);
        match back.and_then(|index| self.sent.get(index)) {
            Some(reference) if packets > 0 => self.sequence - reference,
            _ => 0,
        }
    }

    fn tell_facts(&mut self, now: Micros) {
        let offset = self.shared.offset();
        if offset.is_none() || self.facts_at.is_some_and(|at| at + FACTS > now) {
            return;
        }
        let begins = self.facts_at.replace(now).is_none();
        self.sequence += 1;
        let tallies = self.shared.tallies.lock();
        let heard = (tallies.audio_received, tallies.audio_played);
        drop(tallies);
        let before = std::mem::replace(&mut self.heard, heard);
        // Sound that only waits is not heard, and what is made up in its place is none.
        let hears = (!begins).then_some(heard.0 > before.0 && heard.1 > before.1);
        let facts = TrackFacts { v: 1, codec: "h264".to_owned(), clock_offset_us: offset, hears };
        let mut header = FrameHeader::alone(self.track.id(), self.sequence, now, Kind::Info);
        header.keyframe = false;
        match serde_json::to_vec(&facts) {
            Ok(payload) => publish(&self.track, header, &payload, now),
            Err(error) => tracing::error!(%error, "facts about a track cannot be written"),
        }
    }
}

/// Finds the bitrate that a path carries: down fast when what waits grows old, up slowly while nothing waits.
#[derive(Debug)]
pub struct Adaptation {
    bitrate: u32,
    dropped: u64,
    delivered: u64,
}

impl Adaptation {
    pub fn new(bitrate: u32) -> Self {
        Self { bitrate, dropped: 0, delivered: 0 }
    }

    /// Takes in how the link did since the last time; gives the bitrate for the picture, at most `wanted`.
    pub fn renew(&mut self, statistics: &Statistics, wanted: u32) -> u32 {
        let drops = statistics.dropped.saturating_sub(self.dropped);
        self.dropped = statistics.dropped;
        let delivered = statistics.delivered.saturating_sub(self.delivered);
        self.delivered = statistics.delivered;
        if delivered == 0 {
            // A path that is cut says nothing about what it will carry when it is back.
            return self.bitrate;
        }
        if drops > DROPS_BEARABLE || statistics.queue > QUEUE_GROWS {
            let carried = u32::try_from(statistics.delivery_rate.saturating_mul(8)).unwrap_or(u32::MAX);
            let lower = (self.bitrate - self.bitrate / 4).min(carried - carried / 5);
            // The delivery of one second may have been low for want of anything to send.
            self.bitrate = lower.max(self.bitrate / 2);
        } else {
            self.bitrate = self.bitrate.saturating_add(self.bitrate / 4 + wanted / 32);
        }
        self.bitrate = self.bitrate.clamp(LOWEST_BITRATE.min(wanted), wanted);
        self.bitrate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bitrate_falls_to_what_the_path_carries_and_comes_back() {
        let mut adaptation = Adaptation::new(1_500_000);
        let mut delivered = 0;
        let mut seconds = |queue, dropped, delivery_rate, wanted, count| {
            let mut bitrate = 0;
            for _ in 0..count {
                delivered += 50_000;
                let statistics = Statistics { queue, dropped, delivery_rate, delivered, ..Statistics::default() };
                bitrate = adaptation.renew(&statistics, wanted);
            }
            bitrate
        };
        let bitrate = seconds(300 * MILLISECOND, 0, 50_000, 1_500_000, 4);
        assert!((LOWEST_BITRATE..400_000).contains(&bitrate), "{bitrate}");
        assert_eq!(seconds(0, 0, 50_000, 1_500_000, 12), 1_500_000);
        assert_eq!(seconds(0, 3, u64::MAX, 1_500_000, 1), 1_500_000);
        assert!(seconds(0, 7, u64::MAX, 1_500_000, 1) < 1_500_000);
        assert!(seconds(0, 7, u64::MAX, 50_000, 1) <= 50_000, "never above what is wanted");
    }

    #[test]
    fn a_cut_path_does_not_lower_the_bitrate() {
        let mut adaptation = Adaptation::new(1_000_000);
        let cut = Statistics { queue: 3 * SECOND, dropped: 90, ..Statistics::default() };
        assert_eq!(adaptation.renew(&cut, 1_000_000), 1_000_000);
    }
}
