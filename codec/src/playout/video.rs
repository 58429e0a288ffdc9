//! The playout of pictures: each at its time, at once where the path has no jitter, in step with the sound.

use std::collections::{BTreeMap, VecDeque};

use super::jitter::JitterMeter;
use super::{Offset, SOUND_LATE_US};

/// Orders the decoded pictures of one stream by media time and says when to show which. `P` is whatever stands for a
/// picture.
pub struct VideoPlayout<P> {
    waiting: BTreeMap<u64, P>,
    meter: JitterMeter,
    /// Media time of the last picture shown, µs.
    shown: Option<u64>,
    /// When the last picture was shown, µs.
    shown_at: Option<u64>,
    /// Intervals between the last pictures shown, µs.
    intervals: VecDeque<u64>,
    offset: Option<Offset>,
    stats: VideoStats,
}

/// A picture to be shown now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<P> {
    /// The picture.
    pub picture: P,
    /// Its media time, µs of the publisher's clock.
    pub media_time_us: u64,
}

/// Counts since the start, and how things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoStats {
    /// How much later than the fastest picture could be shown pictures are shown, µs.
    pub delay_us: u64,
    /// What that is aimed at for the pictures' own sake, µs.
    pub target_us: u64,
    /// Pictures that arrived.
    pub received: u64,
    /// Pictures shown.
    pub shown: u64,
    /// Pictures that were not shown because a newer one was due.
    pub dropped: u64,
    /// Intervals between pictures longer than both three times the average and the average plus 150 ms (W3C
    /// webrtc-stats, `freezeCount`).
    pub freezes: u64,
    /// How long these were together, µs (`totalFreezesDuration`).
    pub frozen_us: u64,
}

impl<P> VideoPlayout<P> {
    /// A playout for one stream.
    pub fn new() -> VideoPlayout<P> {
        VideoPlayout {
            waiting: BTreeMap::new(),
            meter: JitterMeter::new(QUANTILE, 0),
            shown: None,
            shown_at: None,
            intervals: VecDeque::with_capacity(AVERAGED),
            offset: None,
            stats: VideoStats::default(),
        }
    }

    /// Takes a picture that was decoded at `now_us`.
    pub fn push(&mut self, picture: P, media_time_us: u64, now_us: u64) {
        self.stats.received += 1;
        let newest = self.waiting.last_key_value().map(|(&time, _)| time).max(self.shown);
        if newest.is_some_and(|newest| media_time_us + RESTART_US < newest) {
            // The publisher's clock began anew.
            self.waiting.clear();
            self.meter = JitterMeter::new(QUANTILE, 0);
            self.shown = None;
        }
        self.meter.arrived(media_time_us, now_us);
        if self.shown.is_some_and(|shown| media_time_us <= shown) {
            self.stats.dropped += 1;
            return;
        }
        self.waiting.insert(media_time_us, picture);
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_first();
            self.stats.dropped += 1;
        }
    }

    /// The picture to show at `now_us`, if it is time for a new one. `sound` is the offset at which the publisher's sound
    /// is heard ([`AudioPlayout::offset`] and what the device adds), where there is any.
    ///
    /// [`AudioPlayout::offset`]: super::AudioPlayout::offset
    pub fn take(&mut self, now_us: u64, sound: Option<Offset>) -> Option<Shown<P>> {
        let target = self.target(sound)?;
        let mut due = None;
        while let Some(first) = self.waiting.first_entry() {
            if target.plays_at(*first.key()) > now_us {
                break;
            }
            let (media_time_us, picture) = first.remove_entry();
            if due.replace(Shown { picture, media_time_us }).is_some() {
                self.stats.dropped += 1;
            }
        }
        if let Some(shown) = &due {
            self.note_shown(shown.media_time_us, now_us);
        }
        due
    }

    /// When [`VideoPlayout::take`] will have a picture, if it has one by then; none when no picture waits.
    pub fn next_due(&self, sound: Option<Offset>) -> Option<u64> {
        let (&first, _) = self.waiting.first_key_value()?;
        Some(self.target(sound)?.plays_at(first))
    }

    /// The offset at which pictures are to be shown for their own sake, for [`AudioPlayout::keep_with`].
    ///
    /// [`AudioPlayout::keep_with`]: super::AudioPlayout::keep_with
    pub fn offset(&self) -> Option<Offset> {
        let fastest = self.meter.fastest()?;
        Some(Offset(fastest + self.meter.spread_us().min(MOST_SPREAD_US) as i64))
    }

    /// Counts since the start, and how things stand.
    pub fn stats(&self) -> VideoStats {
        let fastest = Offset(self.meter.fastest().unwrap_or(0));
        let since =
            |offset: Option<Offset>| offset.map_or(0, |offset| u64::try_from(offset.behind(fastest)).unwrap_or(0));
        VideoStats { delay_us: since(self.offset), target_us: since(self.offset()), ..self.stats }
    }

    /// When pictures are to be shown: for their own sake, but not so early that sound would be late.
    fn target(&self, sound: Option<Offset>) -> Option<Offset> {
        let own = self.offset()?;
        let with_sound = sound.map(|sound| Offset((sound.0 - SOUND_LATE_US).min(own.0 + MOST_WAIT_FOR_SOUND_US)));
        Some(own.max(with_sound.unwrap_or(own)))
    }

    fn note_shown(&mut self, media_time_us: u64, now_us: u64) {
        self.stats.shown += 1;
        self.shown = Some(media_time_us);
        self.offset = Some(Offset::of(media_time_us, now_us));
        if let Some(last) = self.shown_at.replace(now_us) {
            let interval = now_us.saturating_sub(last);
            if !self.intervals.is_empty() {
                let average = self.intervals.iter().sum::<u64>() / self.intervals.len() as u64;
                if interval > (3 * average).max(average + FREEZE_US) {
                    self.stats.freezes += 1;
                    self.stats.frozen_us += interval;
                }
            }
            if self.intervals.len() == AVERAGED {
                self.intervals.pop_front();
            }
            self.intervals.push_back(interval);
        }
    }
}

impl<P> Default for VideoPlayout<P> {
    fn default() -> VideoPlayout<P> {
        VideoPlayout::new()
    }
}

/// The share of pictures that shall come in time. The others are shown when they come.
const QUANTILE: f64 = 0.95;

/// Pictures held at most: each has its memory.
const MOST_WAITING: usize = 60;

/// The longest spread of arrivals that is waited for, µs.
const MOST_SPREAD_US: u64 = 800_000;

/// The longest that pictures wait for sound beyond their own delay, µs.
const MOST_WAIT_FOR_SOUND_US: i64 = 400_000;

/// A media time that goes back by so much, µs, is another clock's; a picture that is late may go back by less.
const RESTART_US: u64 = 30_000_000;

/// Intervals that the average is taken of (W3C webrtc-stats: the last 30 frames).
const AVERAGED: usize = 30;

/// See [`VideoStats::freezes`], µs.
const FREEZE_US: u64 = 150_000;
