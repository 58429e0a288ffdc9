//! The jitter buffer of sound: Opus packets in as they arrive, blocks of 10 ms out as the loudspeaker wants them.
//!
//! What is played lies as far behind the fastest packet as most packets take longer, and a block's length; nothing else
//! adds delay. Too much delay is worked off by shortening the sound by whole periods of its pitch, too little is made up
//! by lengthening it. A packet that is late stops playing (the gap is concealed), and is played when it comes; one that is
//! lost is recovered from the next or concealed.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::jitter::JitterMeter;
use super::pieces::Pieces;
use super::stretch::{self, Likeness, NEEDED_BEHIND, NEEDED_TO_SHORTEN};
use super::{BLOCK, BLOCK_US, Offset, SOUND_EARLY_US};
use crate::opus::{Channels, Decoder, OpusError, packet_samples};

/// Plays one stream of sound.
pub struct AudioPlayout {
    decoder: Decoder,
    channels: usize,
    waiting: BTreeMap<u64, Waiting>,
    meter: JitterMeter,
    /// Decoded and not played yet, interleaved.
    ahead: Vec<f32>,
    /// Played last, interleaved.
    behind: Vec<f32>,
    /// What follows the end of `ahead`; none before the start and after a long silence.
    next: Option<Next>,
    /// Samples per channel concealed since the last packet.
    concealed: usize,
    /// What `ahead` is made of.
    pieces: Pieces,
    /// Offsets of the last blocks, µs.
    offsets: VecDeque<i64>,
    since_stretch: u32,
    video: Option<Offset>,
    stats: AudioStats,
}

/// A packet of sound as it arrives.
#[derive(Clone, Debug)]
pub struct SoundPacket {
    /// Its number in the stream.
    pub sequence: u64,
    /// When its first sample was taken, µs of the publisher's clock.
    pub media_time_us: u64,
    /// The Opus packet.
    pub payload: Bytes,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Sound from packets, stretched perhaps.
    Packets,
    /// A guess where a packet is late or lost.
    Concealed,
    /// Nothing: the stream has not begun, or has been silent for long.
    Silence,
}

/// What [`AudioPlayout::pull`] gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the block holds.
    pub source: Source,
    /// Media time of its first sample, µs of the publisher's clock; none unless it is from packets.
    pub media_time_us: Option<u64>,
}

/// Counts since the start, and how things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioStats {
    /// How much later than the fastest packet could be played sound is played, µs.
    pub delay_us: u64,
    /// What that is aimed at, µs.
    pub target_us: u64,
    /// Packets that arrived, repeated ones not counted.
    pub received: u64,
    /// Packets that came twice.
    pub repeated: u64,
    /// Packets that came when their time was over.
    pub late: u64,
    /// Packets left out to catch up.
    pub dropped: u64,
    /// Packets that are no Opus.
    pub damaged: u64,
    /// Packets recovered from the one behind.
    pub recovered: u64,
    /// Samples per channel made up where packets were late or lost.
    pub concealed: u64,
    /// Samples per channel taken out by shortening.
    pub shortened: u64,
    /// Samples per channel put in by lengthening.
    pub lengthened: u64,
}

impl AudioPlayout {
    /// A buffer that plays in this many channels.
    ///
    /// # Errors
    /// [`OpusError::Library`] when memory is short.
    pub fn new(channels: Channels) -> Result<AudioPlayout, OpusError> {
        Ok(AudioPlayout {
            decoder: Decoder::new(channels)?,
            channels: channels.count(),
            waiting: BTreeMap::new(),
            meter: new_meter(),
            ahead: Vec::new(),
            behind: Vec::new(),
            next: None,
            concealed: 0,
            pieces: Pieces::default(),
            offsets: VecDeque::with_capacity(OFFSETS),
            since_stretch: 0,
            video: None,
            stats: AudioStats::default(),
        })
    }

    /// Takes a packet that arrived at `now_us`.
    pub fn push(&mut self, packet: SoundPacket, now_us: u64) {
        let SoundPacket { sequence, media_time_us, payload } = packet;
        let Some(samples) = packet_samples(&payload) else {
            self.stats.damaged += 1;
            return;
        };
        let newest = self.waiting.last_key_value().map(|(&sequence, waiting)| (sequence, waiting.media_time_us));
        let newest = newest.or(self.next.map(|next| (next.sequence.saturating_sub(1), next.media_time_us)));
        if newest.is_some_and(|(last, time)| sequence > last && media_time_us + RESTART_US < time) {
            // The publisher's clock began anew.
            self.restart();
        }
        if self.waiting.contains_key(&sequence) {
            self.stats.repeated += 1;
            return;
        }
        self.stats.received += 1;
        self.meter.arrived(media_time_us, now_us);
        if self.next.is_some_and(|next| sequence < next.sequence) {
            self.stats.late += 1;
            return;
        }
        self.waiting.insert(sequence, Waiting { media_time_us, samples, payload, arrived_us: now_us });
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_first();
            self.stats.dropped += 1;
        }
    }

    /// Fills `out` with the next [`BLOCK`] samples per channel, interleaved, to be played at `now_us`. Call it each 10 ms.
    ///
    /// Whatever `out` has beyond that is left alone; of a shorter one, only so much is filled.
    pub fn pull(&mut self, now_us: u64, out: &mut [f32]) -> Heard {
        self.fill(now_us);
        self.steer(now_us);
        let wanted = (BLOCK * self.channels).min(self.ahead.len());
        let media_time_us = self.first_media_time();
        if let Some(media_time_us) = media_time_us {
            if self.offsets.len() == OFFSETS {
                self.offsets.pop_front();
            }
            self.offsets.push_back(Offset::of(media_time_us, now_us).0);
        }
        let made_up = self.pieces.take(BLOCK);
        let source = match (made_up == BLOCK, self.next.is_some()) {
            (true, false) => Source::Silence,
            (true, true) => Source::Concealed,
            (false, _) => Source::Packets,
        };
        self.stats.concealed += if self.next.is_some() { made_up as u64 } else { 0 };
        let count = wanted.min(out.len());
        out[..count].copy_from_slice(&self.ahead[..count]);
        self.behind.extend(self.ahead.drain(..wanted));
        let surplus = self.behind.len().saturating_sub(NEEDED_BEHIND * self.channels);
        self.behind.drain(..surplus);
        Heard { source, media_time_us }
    }

    /// How far behind the publisher's clock sound is played; none before it begins and in long silence.
    pub fn offset(&self) -> Option<Offset> {
        self.next?;
        self.offsets.back().map(|&offset| Offset(offset))
    }

    /// Says at which offset the publisher's pictures are shown for their own sake ([`VideoPlayout::offset`]), so that
    /// sound does not come before them; at most 400 ms are waited for that.
    ///
    /// [`VideoPlayout::offset`]: super::VideoPlayout::offset
    pub fn keep_with(&mut self, video: Option<Offset>) {
        self.video = video;
    }

    /// Counts since the start, and how things stand.
    pub fn stats(&self) -> AudioStats {
        let fastest = self.meter.fastest().unwrap_or(0);
        let behind_fastest = |offset: i64| u64::try_from(offset - fastest).unwrap_or(0);
        AudioStats {
            delay_us: self.offset().map_or(0, |offset| behind_fastest(offset.0)),
            target_us: self.target().map_or(0, behind_fastest),
            ..self.stats
        }
    }

    /// Forgets the stream and waits for another.
    pub fn restart(&mut self) {
        self.waiting.clear();
        self.meter = new_meter();
        self.next = None;
        self.offsets.clear();
    }

    /// The offset to play at: late enough for most packets, and for the pictures.
    fn target(&self) -> Option<i64> {
        let fastest = self.meter.fastest()?;
        let own = fastest + self.meter.spread_us().clamp(LEAST_SPREAD_US, MOST_SPREAD_US) as i64 + BLOCK_US as i64;
        let with_video = self.video.map_or(own, |video| (video.0 - SOUND_EARLY_US).min(own + MOST_WAIT_FOR_VIDEO_US));
        Some(own.max(with_video))
    }

    /// The media time of what is played next; none where that is made up.
    fn first_media_time(&self) -> Option<u64> {
        let real = self.pieces.real_if_first()?;
        self.next.map(|next| next.media_time_us.saturating_sub(us(real)))
    }

    /// Sees to it that there is a block to play.
    fn fill(&mut self, now_us: u64) {
        while self.ahead.len() < BLOCK * self.channels {
            let due_us = now_us + us(self.ahead.len() / self.channels);
            if !self.take_next(due_us) {
                self.conceal();
            }
        }
    }

    /// Decodes what is to be played at `due_us`, if it is there and its time has come.
    fn take_next(&mut self, due_us: u64) -> bool {
        let Some(target) = self.target() else { return false };
        self.drop_stale(due_us, target);
        let Some((&sequence, waiting)) = self.waiting.first_key_value() else { return false };
        let lateness = Offset::of(waiting.media_time_us, due_us).0 - target;
        if lateness > TOO_LATE_US && due_us.saturating_sub(waiting.arrived_us) < PATIENCE_US {
            return false; // newer ones are about to come
        }
        let frame_us = us(waiting.samples) as i64;
        match self.next {
            Some(next) if sequence == next.sequence && waiting.media_time_us < next.media_time_us + PAUSE_US => {
                self.decode_first(false)
            }
            None if lateness >= 0 => self.decode_first(false),
            Some(_) if lateness >= -TOLERANCE_US => self.decode_first(true),
            // The packet before is lost; its time is one frame earlier.
            Some(next) if sequence > next.sequence && lateness >= -TOLERANCE_US - frame_us => {
                self.recover_before_first()
            }
            _ => false,
        }
    }

    /// Leaves out what is far too late, down to what should be played now, but never the newest.
    fn drop_stale(&mut self, due_us: u64, target: i64) {
        let lateness = |waiting: &Waiting| Offset::of(waiting.media_time_us, due_us).0 - target;
        if self.waiting.first_key_value().is_none_or(|(_, first)| lateness(first) <= TOO_LATE_US) {
            return;
        }
        while self.waiting.len() > 1 {
            let Some(first) = self.waiting.first_entry() else { return };
            if lateness(first.get()) <= BLOCK_US as i64 {
                return;
            }
            first.remove();
            self.stats.dropped += 1;
        }
    }

    fn decode_first(&mut self, splice: bool) -> bool {
        let Some((sequence, waiting)) = self.waiting.pop_first() else { return false };
        let start = self.ahead.len();
        if splice && self.concealed < SILENT_AFTER {
            // Fade over from where the decoder was going.
            let mut bridge = Vec::new();
            let bridged = self.decoder.conceal(SPLICE, &mut bridge).is_ok();
            let decoded = self.decoder.decode(&waiting.payload, &mut self.ahead);
            if bridged && decoded.is_ok() {
                let frames =
                    self.ahead[start..].chunks_exact_mut(self.channels).zip(bridge.chunks_exact(self.channels));
                for (n, (new, old)) in frames.enumerate() {
                    let weight = n as f32 / SPLICE as f32;
                    for (new, old) in new.iter_mut().zip(old) {
                        *new = old * fade(self.concealed) * (1.0 - weight) + *new * weight;
                    }
                }
            }
            if decoded.is_err() {
                self.stats.damaged += 1;
            }
        } else if self.decoder.decode(&waiting.payload, &mut self.ahead).is_err() {
            self.stats.damaged += 1;
        } else if self.concealed > FADE_FROM {
            // Come back from the fade without a step.
            let from = fade(self.concealed);
            for (n, frame) in self.ahead[start..].chunks_exact_mut(self.channels).take(SPLICE).enumerate() {
                let gain = from + (1.0 - from) * n as f32 / SPLICE as f32;
                frame.iter_mut().for_each(|sample| *sample *= gain);
            }
        }
        if self.ahead.len() == start {
            // A damaged packet: its time passes all the same.
            self.ahead.resize(start + waiting.samples * self.channels, 0.0);
        }
        self.pieces.add(false, self.ahead.len() / self.channels - start / self.channels);
        self.concealed = 0;
        self.next = Some(Next { sequence: sequence + 1, media_time_us: waiting.media_time_us + us(waiting.samples) });
        true
    }

    fn recover_before_first(&mut self) -> bool {
        let Some((&sequence, waiting)) = self.waiting.first_key_value() else { return false };
        let Ok(recovered) = self.decoder.recover(&waiting.payload, waiting.samples, &mut self.ahead) else {
            return false;
        };
        self.pieces.add(false, recovered);
        self.stats.recovered += 1;
        self.next = Some(Next { sequence, media_time_us: waiting.media_time_us });
        self.concealed = 0;
        true
    }

    /// Appends a block that goes on from what was played, and fades away in time.
    fn conceal(&mut self) {
        let start = self.ahead.len();
        let playing = self.next.is_some() && self.concealed < SILENT_AFTER;
        if !playing || self.decoder.conceal(BLOCK, &mut self.ahead).is_err() {
            self.ahead.resize(start + BLOCK * self.channels, 0.0);
        }
        for (n, frame) in self.ahead[start..].chunks_exact_mut(self.channels).enumerate() {
            let gain = fade(self.concealed + n);
            frame.iter_mut().for_each(|sample| *sample *= gain);
        }
        self.pieces.add(true, BLOCK);
        self.concealed = self.concealed.saturating_add(BLOCK);
        if self.concealed > FORGOTTEN_AFTER {
            self.next = None;
            self.offsets.clear();
        }
    }

    /// Works towards the target by stretching.
    fn steer(&mut self, now_us: u64) {
        self.since_stretch = self.since_stretch.saturating_add(1);
        if self.offsets.len() < OFFSETS_NEEDED || !self.pieces.all_real() {
            return;
        }
        let (Some(target), Some(&offset)) = (self.target(), self.offsets.iter().min()) else { return };
        let excess = offset - target;
        let (pause, wanted) = if excess.abs() > URGENT_US { (2, Likeness::HASTY) } else { (10, Likeness::UNHEARD) };
        if self.since_stretch < pause {
            return;
        }
        if excess > EXCESS_US {
            while self.ahead.len() < NEEDED_TO_SHORTEN * self.channels {
                let contiguous = self.waiting.first_key_value().zip(self.next);
                let contiguous = contiguous.is_some_and(|((&sequence, waiting), next)| {
                    sequence == next.sequence && waiting.media_time_us < next.media_time_us + PAUSE_US
                });
                if !contiguous || !self.take_next(now_us + us(self.ahead.len() / self.channels)) {
                    return;
                }
            }
            let lag = stretch::shorten(&mut self.ahead, self.channels, samples(excess), wanted);
            self.pieces.shorten(lag);
            self.stretched(-(us(lag) as i64));
            self.stats.shortened += lag as u64;
        } else if excess < 0 {
            let most = samples(EXCESS_US - excess);
            let lag = stretch::lengthen(&self.behind, &mut self.ahead, self.channels, most, wanted);
            self.pieces.lengthen(lag);
            self.stretched(us(lag) as i64);
            self.stats.lengthened += lag as u64;
        }
    }

    fn stretched(&mut self, change_us: i64) {
        if change_us != 0 {
            self.offsets.iter_mut().for_each(|offset| *offset += change_us);
            self.since_stretch = 0;
        }
    }
}

struct Waiting {
    media_time_us: u64,
    samples: usize,
    payload: Bytes,
    arrived_us: u64,
}

#[derive(Clone, Copy)]
struct Next {
    sequence: u64,
    media_time_us: u64,
}

/// The gain of concealed sound after so many samples of it.
fn fade(concealed: usize) -> f32 {
    let gone = concealed.saturating_sub(FADE_FROM) as f32 / (SILENT_AFTER - FADE_FROM) as f32;
    (1.0 - gone).max(0.0)
}

fn us(samples: usize) -> u64 {
    samples as u64 * 1_000_000 / u64::from(crate::opus::SAMPLE_RATE)
}

fn samples(us: i64) -> usize {
    usize::try_from(us * i64::from(crate::opus::SAMPLE_RATE) / 1_000_000).unwrap_or(0)
}

fn new_meter() -> JitterMeter {
    // NetEq's quantile. Sound begins one to two blocks after the first packet; without jitter it never has to change that.
    JitterMeter::new(0.97, 0)
}

/// Blocks whose least offset counts: a block that is fetched late must not look like delay.
const OFFSETS: usize = 32;
const OFFSETS_NEEDED: usize = 8;

/// Delay beyond the target that is left alone, µs: a period of a voice.
const EXCESS_US: i64 = 12_000;

/// From here on sound is stretched as fast as can be, µs.
const URGENT_US: i64 = 40_000;

/// What is so much later than the target is not played any more if there is something newer, µs.
const TOO_LATE_US: i64 = 400_000;

/// So long the only packet that is too late waits for newer ones, µs.
const PATIENCE_US: u64 = 60_000;

/// A packet behind a gap may be played this much before its time, µs.
const TOLERANCE_US: i64 = 5_000;

/// A gap in media time from here on is one, µs, even where no packet is missing (discontinuous transmission).
const PAUSE_US: u64 = 60_000;

/// A media time that goes back by so much, µs, is another clock's.
const RESTART_US: u64 = 1_000_000;

/// What threads that wake up late are good for, µs.
const LEAST_SPREAD_US: u64 = 2_500;

/// The longest spread of arrivals that is waited for, µs.
const MOST_SPREAD_US: u64 = 800_000;

/// The longest that sound waits for pictures beyond its own delay, µs.
const MOST_WAIT_FOR_VIDEO_US: i64 = 400_000;

/// Packets held at most: 5 s of 10 ms, 10 s of 20 ms.
const MOST_WAITING: usize = 500;

/// Concealed sound begins to fade after 60 ms, is silent after 200 ms, and the stream starts anew after 2 s (samples).
const FADE_FROM: usize = 2_880;
const SILENT_AFTER: usize = 9_600;
const FORGOTTEN_AFTER: usize = 96_000;

/// Samples over which one piece of sound is faded into another.
const SPLICE: usize = 240;
