//! How a call goes second by second, over its last minute: for curves, and for saying what is wrong.

use std::{collections::VecDeque, time::Duration};

use relay::{Micros, SECOND, link::Statistics};

use super::{
    receive_audio::Figures,
    tallies::{Distribution, Tallies},
};

/// Seconds that are remembered.
pub const REMEMBERED: usize = 60;

/// One second of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Second {
    pub round_trip_ms: Option<f32>,
    /// From capture at the far end to decoded here: the mean of what came in this second.
    pub video_delay_ms: Option<f32>,
    /// From the far end's mouth to this end's ear.
    pub audio_delay_ms: Option<f32>,
    /// Sound that waits in the jitter buffer.
    pub buffer_ms: f32,
    /// Picture and sound.
    pub sent_kbps: f32,
    pub received_kbps: f32,
    /// Pictures a second.
    pub sent_rate: f32,
    pub shown_rate: f32,
    /// Pictures that came too late, could not be decoded, or for which there was no time.
    pub dropped: u64,
    /// Packets of sound that came.
    pub sound_received: u64,
    /// CPU time of this process, as a share of one core.
    pub cpu: Option<f32>,
    /// The loudest sample of the own microphone, in decibels of full scale; `None` if it gave none at all.
    pub loudest_db: Option<f32>,
    /// Whether the far end hears this one, as it says.
    pub heard: Option<bool>,
}

/// The last minute, the newest second at the end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course(VecDeque<Second>);

impl Course {
    pub fn push(&mut self, second: Second) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(second);
    }

    pub fn seconds(&self) -> impl DoubleEndedIterator<Item = &Second> + ExactSizeIterator {
        self.0.iter()
    }

    pub fn last(&self) -> Option<&Second> {
        self.0.back()
    }

    /// For how many seconds up to now something has been so.
    pub fn lasting(&self, so: impl Fn(&Second) -> bool) -> usize {
        self.0.iter().rev().take_while(|second| so(second)).count()
    }
}

impl FromIterator<Second> for Course {
    fn from_iter<T: IntoIterator<Item = Second>>(seconds: T) -> Self {
        let mut course = Self::default();
        seconds.into_iter().for_each(|second| course.push(second));
        course
    }
}

/// What had been counted at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    at: Micros,
    cpu: Option<Duration>,
    bytes: (u64, u64),
    pictures: (u64, u64),
    dropped: u64,
    sound: u64,
    decoded: (u64, i64),
    heard: (u64, i64),
}

impl Counted {
    pub fn now(tallies: &Tallies, at: Micros, cpu: Option<Duration>) -> Self {
        let total = |delay: &Distribution| (delay.count(), delay.sum());
        Self {
            at,
            cpu,
            bytes: (
                tallies.video_bytes_sent + tallies.audio_bytes_sent,
                tallies.video_bytes_received + tallies.audio_bytes_received,
            ),
            pictures: (tallies.video_sent, tallies.shown),
            dropped: tallies.dropped(),
            sound: tallies.audio_received,
            decoded: total(&tallies.decoded_delay),
            heard: total(&tallies.heard_delay),
        }
    }

    /// What happened from `before` to now, with what holds only at this moment.
    pub fn since(&self, before: &Self, link: &Statistics, sound: Figures, loudest: Option<f32>) -> Second {
        let seconds = (self.at.saturating_sub(before.at) as f32 / SECOND as f32).max(0.001);
        let ms = |micros: Micros| micros as f32 / 1_000.0;
        let kbps = |now: u64, before: u64| now.saturating_sub(before) as f32 * 8.0 / 1_000.0 / seconds;
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f32 / seconds;
        let mean = |now: (u64, i64), before: (u64, i64)| {
            let count = now.0.saturating_sub(before.0);
            (count > 0).then(|| (now.1 - before.1) as f32 / count as f32 / 1_000.0)
        };
        let cpu = self.cpu.zip(before.cpu).map(|(now, before)| now.saturating_sub(before).as_secs_f32() / seconds);
        Second {
            round_trip_ms: link.round_trip.map(ms),
            video_delay_ms: mean(self.decoded, before.decoded),
            audio_delay_ms: mean(self.heard, before.heard),
            buffer_ms: ms(sound.buffered),
            sent_kbps: kbps(self.bytes.0, before.bytes.0),
            received_kbps: kbps(self.bytes.1, before.bytes.1),
            sent_rate: rate(self.pictures.0, before.pictures.0),
            shown_rate: rate(self.pictures.1, before.pictures.1),
            dropped: self.dropped.saturating_sub(before.dropped),
            sound_received: self.sound.saturating_sub(before.sound),
            cpu,
            loudest_db: loudest.map(decibels),
            heard: None,
        }
    }
}

/// A sample's loudness; silence is −120 dB.
fn decibels(sample: f32) -> f32 {
    20.0 * sample.max(1e-6).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_what_was_counted_in_it() {
        let mut tallies = Tallies::new(0);
        tallies.video_sent = 100;
        tallies.decoded_delay.add(900_000);
        let before = Counted::now(&tallies, 10 * SECOND, Some(Duration::from_millis(500)));
        tallies.video_sent += 60;
        tallies.shown += 58;
        tallies.late += 2;
        tallies.video_bytes_received += 50_000;
        tallies.audio_received += 100;
        tallies.decoded_delay.add(40_000);
        tallies.decoded_delay.add(60_000);
        let now = Counted::now(&tallies, 12 * SECOND, Some(Duration::from_millis(1_300)));
        let link = Statistics { round_trip: Some(31_000), ..Statistics::default() };
        let second = now.since(&before, &link, Figures { buffered: 60_000, ..Figures::default() }, Some(0.1));
        assert_eq!((second.sent_rate, second.shown_rate, second.dropped), (30.0, 29.0, 2));
        assert_eq!((second.video_delay_ms, second.audio_delay_ms), (Some(50.0), None));
        assert_eq!((second.round_trip_ms, second.buffer_ms), (Some(31.0), 60.0));
        assert_eq!((second.received_kbps, second.sent_kbps, second.sound_received), (200.0, 0.0, 100));
        assert!((second.cpu.unwrap() - 0.4).abs() < 1e-6);
        assert!((second.loudest_db.unwrap() + 20.0).abs() < 1e-3);
        // No time at all divides nothing by nothing.
        assert_eq!(now.since(&now, &link, Figures::default(), None).shown_rate, 0.0);
    }

    #[test]
    fn a_minute_is_remembered() {
        let mut course: Course = (0..70).map(|n| Second { dropped: n, ..Second::default() }).collect();
        assert_eq!((course.seconds().len(), course.seconds().next().unwrap().dropped), (REMEMBERED, 10));
        assert_eq!(course.lasting(|second| second.dropped > 66), 3);
        course.push(Second::default());
        assert_eq!((course.last().unwrap().dropped, course.lasting(|second| second.dropped > 66)), (0, 0));
    }
}
