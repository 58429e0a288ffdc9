//! Counts that the pipelines of a call keep, and the report they make.

use relay::{Micros, SECOND};

use super::{
    receive_audio::Figures,
    report::{AudioReport, Delays, Report, VideoReport},
};

/// Delays from −500 ms to 9.5 s in steps of 0.1 ms; what lies outside counts at the edge.
const STEP: f64 = 0.1;
const LOWEST: f64 = -500.0;
const STEPS: usize = 100_000;

/// A distribution of delays.
#[derive(Debug, Clone)]
pub struct Distribution {
    counts: Vec<u32>,
    count: u64,
    /// In microseconds.
    sum: i64,
    max: f64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { counts: vec![0; STEPS], count: 0, sum: 0, max: f64::NEG_INFINITY }
    }
}

impl Distribution {
    pub fn add(&mut self, microseconds: i64) {
        let milliseconds = microseconds as f64 / 1_000.0;
        let step = ((milliseconds - LOWEST) / STEP).clamp(0.0, (STEPS - 1) as f64);
        self.counts[step as usize] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(microseconds);
        self.max = self.max.max(milliseconds);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// All delays together, in microseconds.
    pub fn sum(&self) -> i64 {
        self.sum
    }

    pub fn delays(&self) -> Delays {
        if self.count == 0 {
            return Delays::default();
        }
        Delays {
            count: self.count,
            p50: self.percentile(0.50),
            p95: self.percentile(0.95),
            p99: self.percentile(0.99),
            max: self.max,
        }
    }

    fn percentile(&self, share: f64) -> f64 {
        let mut left = (self.count as f64 * share).ceil().max(1.0) as u64;
        for (step, count) in self.counts.iter().enumerate() {
            match left.checked_sub(u64::from(*count)) {
                Some(0) | None => return LOWEST + step as f64 * STEP,
                Some(rest) => left = rest,
            }
        }
        self.max
    }
}

#[derive(Debug)]
pub struct Tallies {
    began: Micros,
    pub sent_size: (u32, u32),
    pub size: (u32, u32),
    pub video_sent: u64,
    pub video_skipped: u64,
    pub video_bytes_sent: u64,
    pub keyframes_sent: u64,
    pub video_received: u64,
    pub video_bytes_received: u64,
    pub decoded: u64,
    pub undecodable: u64,
    pub shown: u64,
    pub late: u64,
    /// Frames the decoder had no time for.
    pub video_overrun: u64,
    pub video_bitrate: u32,
    pub decoded_delay: Distribution,
    pub shown_delay: Distribution,
    pub playout: Micros,
    pub freezes: u64,
    pub frozen: Micros,
    pub audio_sent: u64,
    pub audio_bytes_sent: u64,
    pub audio_received: u64,
    pub audio_bytes_received: u64,
    pub heard_delay: Distribution,
    /// Blocks of the other side's sound that were played, made-up ones left out.
    pub audio_played: u64,
    /// The loudest sample that the microphone gave since this was taken last; `None` if it gave none.
    pub loudest: Option<f32>,
    pub skew: Distribution,
    pub dropped_unsent: u64,
    pub failures: Vec<String>,
}

impl Tallies {
    pub fn new(began: Micros) -> Self {
        Self {
            began,
            sent_size: (0, 0),
            size: (0, 0),
            video_sent: 0,
            video_skipped: 0,
            video_bytes_sent: 0,
            keyframes_sent: 0,
            video_received: 0,
            video_bytes_received: 0,
            decoded: 0,
            undecodable: 0,
            shown: 0,
            late: 0,
            video_overrun: 0,
            video_bitrate: 0,
            decoded_delay: Distribution::default(),
            shown_delay: Distribution::default(),
            playout: 0,
            freezes: 0,
            frozen: 0,
            audio_sent: 0,
            audio_bytes_sent: 0,
            audio_received: 0,
            audio_bytes_received: 0,
            heard_delay: Distribution::default(),
            audio_played: 0,
            loudest: None,
            skew: Distribution::default(),
            dropped_unsent: 0,
            failures: Vec::new(),
        }
    }

    /// Pictures that came too late, could not be decoded, or for which there was no time.
    pub fn dropped(&self) -> u64 {
        self.undecodable + self.late + self.video_overrun
    }

    pub fn report(&self, now: Micros, sound: Figures) -> Report {
        let seconds = (now.saturating_sub(self.began) as f64 / SECOND as f64).max(0.001);
        let kbps = |bytes: u64| bytes as f64 * 8.0 / 1_000.0 / seconds;
        let ms = |micros: Micros| micros as f64 / 1_000.0;
        Report {
            duration_s: seconds,
            video: VideoReport {
                sent_width: self.sent_size.0,
                sent_height: self.sent_size.1,
                width: self.size.0,
                height: self.size.1,
                sent: self.video_sent,
                skipped: self.video_skipped,
                keyframes_sent: self.keyframes_sent,
                received: self.video_received,
                decoded: self.decoded,
                shown: self.shown,
                dropped: self.dropped(),
                camera: crate::device::DeviceState::default(),
                sent_kbps: kbps(self.video_bytes_sent),
                received_kbps: kbps(self.video_bytes_received),
                target_bitrate: self.video_bitrate,
                delay_ms: self.decoded_delay.delays(),
                shown_delay_ms: self.shown_delay.delays(),
                playout_ms: ms(self.playout),
                freezes: self.freezes,
                frozen_ms: ms(self.frozen),
            },
            audio: AudioReport {
                sent: self.audio_sent,
                received: self.audio_received,
                sent_kbps: kbps(self.audio_bytes_sent),
                received_kbps: kbps(self.audio_bytes_received),
                delay_ms: self.heard_delay.delays(),
                buffer_ms: ms(sound.buffered),
                concealed_ms: ms(sound.concealed),
                stretched_ms: ms(sound.stretched),
                ..AudioReport::default()
            },
            skew_ms: self.skew.delays(),
            dropped_unsent: self.dropped_unsent,
            failures: self.failures.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_a_tenth_of_a_millisecond() {
        let mut distribution = Distribution::default();
        for millisecond in 1..=1000 {
            distribution.add(millisecond * 1_000);
        }
        let delays = distribution.delays();
        assert!((delays.p50 - 500.0).abs() < 0.2 && (delays.p99 - 990.0).abs() < 0.2, "{delays:?}");
        assert_eq!((delays.count, delays.max), (1000, 1000.0));
        assert_eq!(Distribution::default().delays(), Delays::default());
    }
}
