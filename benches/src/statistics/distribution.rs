//! A distribution of durations: counts in buckets no wider than 1.6 % of their value, so that percentiles stay true.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts of durations in microseconds. Merging two is adding them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    counts: BTreeMap<u32, u64>,
    count: u64,
    sum: u64,
    least: u64,
    most: u64,
}

/// The few numbers people ask for, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub count: u64,
    pub mean: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl Distribution {
    pub fn record(&mut self, micros: u64) {
        self.least = if self.count == 0 { micros } else { self.least.min(micros) };
        self.most = self.most.max(micros);
        self.count += 1;
        self.sum += micros;
        *self.counts.entry(bucket(micros)).or_default() += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        self.count += other.count;
        self.sum += other.sum;
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The duration in microseconds that `share` (0.0 to 1.0) of all do not exceed; 0 when there are none.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (bucket, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return middle(*bucket).clamp(self.least, self.most);
            }
        }
        0
    }

    /// The mean in microseconds.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count.max(1) as f64
    }

    /// The longest, in microseconds, exact.
    pub fn max(&self) -> u64 {
        self.most
    }

    /// The shortest, in microseconds, exact.
    pub fn min(&self) -> u64 {
        self.least
    }

    pub fn summary(&self) -> Summary {
        let ms = |micros: u64| micros as f64 / 1_000.0;
        Summary {
            count: self.count,
            mean: self.mean() / 1_000.0,
            p50: ms(self.quantile(0.50)),
            p95: ms(self.quantile(0.95)),
            p99: ms(self.quantile(0.99)),
            max: ms(self.most),
        }
    }

    /// How many fall into `from..to` (microseconds), to the width of a bucket.
    pub fn count_between(&self, from: u64, to: u64) -> u64 {
        let buckets = self.counts.range(bucket(from)..=bucket(to));
        buckets.filter(|(bucket, _)| (from..to).contains(&middle(**bucket))).map(|(_, count)| count).sum()
    }
}

impl Extend<u64> for Distribution {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, micros: I) {
        micros.into_iter().for_each(|micros| self.record(micros));
    }
}

/// Values below 2^MANTISSA have a bucket each; above, each power of two is split into 2^MANTISSA buckets.
fn bucket(micros: u64) -> u32 {
    let shift = (64 - micros.leading_zeros()).saturating_sub(MANTISSA + 1);
    let lead = (micros >> shift) as u32;
    (shift << MANTISSA) + lead
}

fn middle(bucket: u32) -> u64 {
    let shift = (bucket >> MANTISSA).saturating_sub(1);
    let lead = u64::from(bucket - (shift << MANTISSA));
    (lead << shift) + ((1u64 << shift) >> 1)
}

/// 2^6 buckets for each doubling.
const MANTISSA: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_below_64_and_within_two_percent_above() {
        let mut small = Distribution::default();
        small.extend(1..=60);
        assert_eq!((small.quantile(0.0), small.quantile(0.5), small.quantile(1.0)), (1, 30, 60));
        let mut large = Distribution::default();
        large.extend(1..=100_000);
        for share in [0.01, 0.5, 0.95, 0.99] {
            let exact = share * 100_000.0;
            let error = (large.quantile(share) as f64 - exact).abs() / exact;
            assert!(error < 0.02, "{share}: off by {error}");
        }
        assert_eq!((large.min(), large.max()), (1, 100_000));
    }

    #[test]
    fn every_value_falls_into_a_bucket_around_it() {
        for shift in 0..40 {
            for value in [1u64 << shift, (1 << shift) + 1, (1 << shift) * 3 / 2] {
                let found = middle(bucket(value)) as f64;
                assert!((found - value as f64).abs() <= value as f64 * 0.016, "{value} → {found}");
            }
        }
    }

    #[test]
    fn merging_is_adding() {
        let (mut odd, mut even, mut all) = (Distribution::default(), Distribution::default(), Distribution::default());
        odd.extend((0..1_000).map(|n| n * 2 + 1));
        even.extend((0..1_000).map(|n| n * 2));
        all.extend(0..2_000);
        odd.merge(&even);
        odd.merge(&Distribution::default());
        assert_eq!(odd, all);
        assert_eq!(odd.count_between(0, 10_000), 2_000);
    }

    #[test]
    fn nothing_recorded_is_no_trouble() {
        assert_eq!(Distribution::default().summary().p99, 0.0);
    }
}
