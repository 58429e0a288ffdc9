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

/// At the beginning so much queueing on the path ends all growth for a while, and so much more means that it carries less.
const FILLS: Micros = 80 * MILLISECOND;
const OVERRUN: Micros = 250 * MILLISECOND;

/// For how many seconds at most the rate does not grow, so that what the beginning has put on the path can go.
const DRAINS: u32 = 6;

/// What a call begins with, in bits a second: nobody knows yet what the path carries, and what it does not carry delays the
/// first seconds of the sound as well.
const FIRST_BITRATE: u32 = 200_000;

/// So short a round trip is that of a local network, which carries a picture from the first one on.
const LOCAL: Micros = 10 * MILLISECOND;

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
            ramps: false,
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
    /// Bits a second on a path that carries them.
    wanted: u32,
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
        let bitrate = shared.video_bitrate.load(Ordering::Relaxed);
        let size = match quality.content {
            Content::Camera => PictureSize::new((format.width, format.height), format.frame_rate, bitrate),
            // Writing is worth its size, whatever it costs.
            Content::Screen => PictureSize::whole((format.width, format.height)),
        };
        let (width, height) = size.size();
        let mut config = EncoderConfig::new(width, height, format.frame_rate, bitrate);
        config.temporal_layers = quality.temporal_layers;
        config.content = quality.content;
        let encoder = Encoder::new(config)?;
        let now = shared.clock.now();
        shared.tallies.lock().sent_size = (width, height);
        Ok(Self {
            camera,
            encoder,
            track,
            shared,
            sequence: 0,
            sent: VecDeque::new(),
            bitrate,
            wanted: quality.bitrate,
            size,
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

    /// Looks once a second whether the picture is worth its size.
    fn choose_size(&mut self, now: Micros) -> Result<(), MediaError> {
        let EncoderConfig { width, height, frame_rate, .. } = *self.encoder.config();
        if now < self.size_at + SECOND {
            return Ok(());
        }
        self.size_at = now;
        let ramps = self.bitrate < self.wanted;
        let second = Second { ramps, ..std::mem::take(&mut self.spell).mean(frame_rate) };
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

/// Finds the bitrate that a path carries: down fast when what waits grows old, up slowly while nothing waits, and fast at
/// the beginning, until there is a first sign of what it carries.
#[derive(Debug)]
pub struct Adaptation {
    bitrate: u32,
    begins: bool,
    /// Seconds that are left for the path to be emptied.
    drains: u32,
    /// What the link had dropped and delivered when it was looked at last.
    counted: Option<(u64, u64)>,
}

impl Adaptation {
    /// For a picture that is to have so many bits a second, on a path of which no more is known than its round trip.
    pub fn new(wanted: u32, round_trip: Option<Micros>) -> Self {
        let is_local = round_trip.is_some_and(|round_trip| round_trip < LOCAL);
        let bitrate = if is_local { wanted } else { wanted.min(FIRST_BITRATE) };
        Self { bitrate, begins: bitrate < wanted, drains: 0, counted: None }
    }

    pub fn bitrate(&self) -> u32 {
        self.bitrate
    }

    /// Takes in how the link did since the last time; gives the bitrate for the picture, at most `wanted`.
    pub fn renew(&mut self, statistics: &Statistics, wanted: u32) -> u32 {
        let before = self.counted.replace((statistics.dropped, statistics.delivered));
        // What the link did before the call says nothing.
        let Some((dropped, delivered)) = before else { return self.bitrate };
        let drops = statistics.dropped.saturating_sub(dropped);
        if statistics.delivered <= delivered {
            // A path that is cut says nothing about what it will carry when it is back.
            return self.bitrate;
        }
        let overrun = self.begins && statistics.queueing > OVERRUN;
        self.drains = if statistics.queueing > FILLS { self.drains.saturating_sub(1) } else { 0 };
        if drops > DROPS_BEARABLE || statistics.queue > QUEUE_GROWS || overrun {
            let carried = u32::try_from(statistics.delivery_rate.saturating_mul(8)).unwrap_or(u32::MAX);
            let lower = (self.bitrate - self.bitrate / 4).min(carried - carried / 5);
            // The delivery of one second may have been low for want of anything to send.
            self.bitrate = lower.max(self.bitrate / 2);
            self.end_beginning();
        } else if self.begins && statistics.queueing > FILLS {
            self.end_beginning();
        } else if self.drains > 0 {
            // It stays as it is.
        } else if self.begins {
            self.bitrate = self.bitrate.saturating_mul(2);
            self.begins = self.bitrate < wanted;
        } else {
            self.bitrate = self.bitrate.saturating_add(self.bitrate / 4 + wanted / 32);
        }
        self.bitrate = self.bitrate.clamp(LOWEST_BITRATE.min(wanted), wanted);
        self.bitrate
    }

    fn end_beginning(&mut self) {
        if std::mem::take(&mut self.begins) {
            self.drains = DRAINS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bitrate_falls_to_what_the_path_carries_and_comes_back() {
        let far = Some(LOCAL);
        assert_eq!(Adaptation::new(1_500_000, Some(LOCAL - 1)).bitrate(), 1_500_000);
        assert_eq!(Adaptation::new(1_500_000, None).bitrate(), FIRST_BITRATE);
        let mut adaptation = Adaptation::new(1_500_000, far);
        assert_eq!(adaptation.bitrate(), FIRST_BITRATE);
        adaptation.renew(&Statistics::default(), 1_500_000);
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
        assert_eq!(seconds(0, 0, 50_000, 1_500_000, 3), 1_500_000, "a path that carries it is found out at once");
        let bitrate = seconds(300 * MILLISECOND, 0, 50_000, 1_500_000, 4);
        assert!((LOWEST_BITRATE..400_000).contains(&bitrate), "{bitrate}");
        assert_eq!(seconds(0, 0, 50_000, 1_500_000, 12), 1_500_000);
        assert_eq!(seconds(0, 3, u64::MAX, 1_500_000, 1), 1_500_000);
        assert!(seconds(0, 7, u64::MAX, 1_500_000, 1) < 1_500_000);
        assert!(seconds(0, 7, u64::MAX, 50_000, 1) <= 50_000, "never above what is wanted");
    }

    #[test]
    fn a_path_on_which_the_first_seconds_queue_is_not_filled_any_further() {
        let renew = |queueing| {
            let mut adaptation = Adaptation::new(1_000_000, None);
            let before = Statistics { delivered: 40_000, ..Statistics::default() };
            assert_eq!(adaptation.renew(&before, 1_000_000), FIRST_BITRATE, "of the link before the call");
            let statistics = Statistics { queueing, delivered: 50_000, delivery_rate: 25_000, ..Statistics::default() };
            let first = adaptation.renew(&statistics, 1_000_000);
            (first, adaptation.begins)
        };
        assert_eq!(renew(10 * MILLISECOND), (2 * FIRST_BITRATE, true));
        assert_eq!(renew(120 * MILLISECOND), (FIRST_BITRATE, false));
        assert_eq!(renew(700 * MILLISECOND), (FIRST_BITRATE / 4 * 3, false));
    }

    #[test]
    fn a_cut_path_does_not_lower_the_bitrate() {
        let mut adaptation = Adaptation::new(1_000_000, None);
        adaptation.renew(&Statistics::default(), 1_000_000);
        let cut = Statistics { queue: 3 * SECOND, dropped: 90, ..Statistics::default() };
        assert_eq!(adaptation.renew(&cut, 1_000_000), FIRST_BITRATE);
    }
}
