//! How late packets come, measured: the fastest way lately, and how much longer most take (a quantile over a histogram
//! that forgets, after the delay manager of WebRTC's NetEq).

use std::collections::VecDeque;

/// Measures the arrival times of one stream.
pub(super) struct JitterMeter {
    fastest: RecentMinimum,
    histogram: Histogram,
    quantile: f64,
    last_arrival: Option<u64>,
    /// When the last interruption ended, while packets still come late because of it: that says nothing about jitter.
    interrupted: Option<u64>,
    /// When the last interruptions ended. Frequent ones are jitter after all.
    interruptions: VecDeque<u64>,
}

/// A pause in arrivals from which on it is an interruption and not jitter, µs: proxies hold sound for up to 211 ms.
const INTERRUPTION_US: u64 = 250_000;

/// So long after an interruption packets may still come late because of it, µs.
const AFTERMATH_US: u64 = 2_000_000;

/// So many interruptions in so many µs are jitter.
const FREQUENT: usize = 4;
const FREQUENT_US: u64 = 10_000_000;

impl JitterMeter {
    /// A meter that wants this share of packets in time and, before it knows better, expects `first_guess_us` of jitter.
    pub fn new(quantile: f64, first_guess_us: u64) -> JitterMeter {
        JitterMeter {
            fastest: RecentMinimum::default(),
            histogram: Histogram::new(first_guess_us),
            quantile,
            last_arrival: None,
            interrupted: None,
            interruptions: VecDeque::with_capacity(FREQUENT),
        }
    }

    /// Enters an arrival.
    pub fn arrived(&mut self, media_time_us: u64, now_us: u64) {
        let transit = now_us as i64 - media_time_us as i64;
        if let Some(last) = self.last_arrival
            && now_us.saturating_sub(last) >= INTERRUPTION_US
        {
            if self.interruptions.len() == FREQUENT {
                self.interruptions.pop_front();
            }
            self.interruptions.push_back(now_us);
            let frequent = self.interruptions.len() == FREQUENT
                && self.interruptions.front().is_some_and(|first| now_us - first < FREQUENT_US);
            self.interrupted = (!frequent).then_some(now_us);
        }
        self.last_arrival = Some(now_us.max(self.last_arrival.unwrap_or(0)));
        if let (Some(end), Some(fastest)) = (self.interrupted, self.fastest.value()) {
            let lateness = transit - fastest;
            if now_us.saturating_sub(end) < AFTERMATH_US && lateness > self.spread_us() as i64 {
                // While only such packets come, the fastest way must not be forgotten for them.
                self.fastest.renew(now_us);
                return;
            }
            self.interrupted = None;
        }
        let before = self.fastest.value();
        let fastest = self.fastest.enter(transit, now_us);
        if let Some(slower) = before.and_then(|before| u64::try_from(fastest - before).ok()) {
            // The way has become longer: what came late is not so late after all.
            self.histogram.come_earlier(slower);
        }
        self.histogram.enter((transit - fastest) as u64);
    }

    /// The transit time of the fastest packet lately (arrival on the local clock minus media time), µs; none before the
    /// first packet.
    pub fn fastest(&self) -> Option<i64> {
        self.fastest.value()
    }

    /// How much longer than the fastest the wanted share of packets take at most, µs: 0 where there is no jitter, else
    /// rounded up to 5 ms.
    pub fn spread_us(&self) -> u64 {
        self.histogram.quantile(self.quantile)
    }
}

/// The smallest of the values of the last seconds, in steps of a quarter second.
#[derive(Default)]
struct RecentMinimum {
    /// Minimum and quarter second of each step, oldest first.
    steps: VecDeque<(u64, i64)>,
}

/// So long the fastest packet counts. A drift of 300 ppm is 1.2 ms in it.
const MEMORY_STEPS: u64 = 16;
const STEP_US: u64 = 250_000;

impl RecentMinimum {
    fn enter(&mut self, value: i64, now_us: u64) -> i64 {
        let step = now_us / STEP_US;
        match self.steps.back_mut() {
            Some((last, least)) if *last >= step => *least = (*least).min(value),
            _ => self.steps.push_back((step, value)),
        }
        while self.steps.len() > 1 && self.steps.front().is_some_and(|(first, _)| first + MEMORY_STEPS < step) {
            self.steps.pop_front();
        }
        self.value().unwrap_or(value)
    }

    fn renew(&mut self, now_us: u64) {
        if let Some(least) = self.value() {
            self.steps.clear();
            self.steps.push_back((now_us / STEP_US, least));
        }
    }

    fn value(&self) -> Option<i64> {
        self.steps.iter().map(|(_, least)| *least).min()
    }
}

/// Shares of packets by how late they come.
struct Histogram {
    shares: [f64; BUCKETS],
    entered: u32,
}

/// 5 ms each; the last holds all that is later than a second.
const BUCKETS: usize = 201;
const BUCKET_US: u64 = 5_000;

/// Of the past, this much is kept with each packet: half of it after 3.5 s of 20 ms packets.
const KEEP: f64 = 0.996;

impl Histogram {
    fn new(first_guess_us: u64) -> Histogram {
        let mut shares = [0.0; BUCKETS];
        shares[bucket(first_guess_us)] = 1.0;
        Histogram { shares, entered: 0 }
    }

    fn enter(&mut self, late_us: u64) {
        self.entered = self.entered.saturating_add(1);
        // At first each packet counts the same, and the guess as one of them.
        let keep = KEEP.min(1.0 - 1.0 / (f64::from(self.entered) + 1.0));
        for share in &mut self.shares {
            *share *= keep;
        }
        self.shares[bucket(late_us)] += 1.0 - keep;
    }

    fn come_earlier(&mut self, us: u64) {
        let by = bucket(us);
        for index in 1..if by > 0 { BUCKETS } else { 0 } {
            let share = std::mem::take(&mut self.shares[index]);
            self.shares[index.saturating_sub(by)] += share;
        }
    }

    fn quantile(&self, wanted: f64) -> u64 {
        let mut sum = 0.0;
        for (index, share) in self.shares.iter().enumerate() {
            sum += share;
            if sum >= wanted {
                return if index == 0 { 0 } else { (index as u64 + 1) * BUCKET_US };
            }
        }
        BUCKETS as u64 * BUCKET_US
    }
}

fn bucket(late_us: u64) -> usize {
    usize::try_from(late_us / BUCKET_US).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(lateness: impl Fn(u64) -> u64, packets: u64) -> JitterMeter {
        let mut meter = JitterMeter::new(0.97, 20_000);
        for n in 0..packets {
            meter.arrived(n * 20_000, 7_000_000 + n * 20_000 + lateness(n));
        }
        meter
    }

    #[test]
    fn without_jitter_there_is_no_spread() {
        assert_eq!(meter(|_| 0, 1).spread_us(), 25_000, "the guess");
        assert_eq!(meter(|_| 0, 60).spread_us(), 0);
        assert_eq!(meter(|_| 0, 60).fastest(), Some(7_000_000));
        assert_eq!(meter(|n| n % 3 * 1_000, 1_000).spread_us(), 0);
    }

    #[test]
    fn the_spread_covers_most_and_forgets() {
        assert_eq!(meter(|n| n * 7 % 10 * 10_000, 1_000).spread_us(), 95_000);
        // One in fifty is later still: that is too few.
        assert_eq!(meter(|n| if n % 50 == 0 { 200_000 } else { 12_000 * (n % 2) }, 2_000).spread_us(), 15_000);
        assert_eq!(meter(|n| if n < 500 { n % 5 * 20_000 } else { 0 }, 3_000).spread_us(), 0);
        assert_eq!(meter(|n| n % 2 * 5_000_000, 1_000).spread_us(), BUCKETS as u64 * BUCKET_US);
    }

    #[test]
    fn an_interruption_is_not_jitter() {
        // For three seconds nothing comes, then all of it at once.
        let meter = meter(|n| if (200..350).contains(&n) { (350 - n) * 20_000 } else { 0 }, 500);
        assert_eq!(meter.spread_us(), 0);
        assert_eq!(meter.fastest(), Some(7_000_000));
    }

    #[test]
    fn interruptions_again_and_again_are() {
        // A proxy that passes on what it has each half second.
        let meter = meter(|n| 500_000 - n * 20_000 % 500_000, 2_000);
        assert!((480_000..=500_000).contains(&meter.spread_us()), "{}", meter.spread_us());
    }

    #[test]
    fn a_way_that_becomes_longer_or_shorter_is_followed() {
        let longer = meter(|n| if n < 200 { 0 } else { 90_000 }, 450);
        assert_eq!((longer.fastest(), longer.spread_us()), (Some(7_090_000), 0));
        assert_eq!(meter(|n| if n < 200 { 90_000 } else { 0 }, 201).fastest(), Some(7_000_000));
    }
}
