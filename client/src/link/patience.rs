//! How long to wait before trying again: short at first, longer while it does not help, never in step with others.

use std::time::{Duration, Instant};

/// Waits that double between two bounds.
#[derive(Debug)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, failures: 0 }
    }

    /// It worked: the next wait is short again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It did not work. Failures that come while one is waited out are the same one: several requests were under way.
    pub fn failed(&mut self, pause: &mut Instant) {
        let now = Instant::now();
        if *pause <= now {
            *pause = now + self.after_failure(chance());
        }
    }

    /// How long to wait after another failure. `chance` is between 0 and 1 and spreads the waits of many clients over
    /// the upper half.
    pub fn after_failure(&mut self, chance: f64) -> Duration {
        let doubled = self.shortest.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.longest).mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
    }
}

/// A number between 0 and 1 that no two clients share.
pub fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness waits are only less spread.
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    if filled.is_ok() { f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<u128> = (0..6).map(|_| backoff.after_failure(1.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.after_failure(0.0).as_millis(), 500);
        backoff.reset();
        assert_eq!(backoff.after_failure(0.0).as_millis(), 50);
        for _ in 0..100 {
            assert!((0.0..=1.0).contains(&chance()));
        }
    }
}
