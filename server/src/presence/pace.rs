//! How often someone may change what is told of them: each change reaches all contacts. A token bucket; pure.

use std::time::Duration;

/// Changes that may be made at once.
const BURST: u32 = 20;
/// Time in which one more is allowed.
const EACH: Duration = Duration::from_secs(1);

/// The changes that one person has made lately.
#[derive(Debug, Default)]
pub struct Pace {
    /// When all of them will be forgotten.
    paid_at: Duration,
}

impl Pace {
    /// Notes a change, or says how long to wait before it is allowed.
    pub fn take(&mut self, now: Duration) -> Option<Duration> {
        let paid_at = self.paid_at.max(now) + EACH;
        let wait = paid_at.saturating_sub(now + EACH * BURST);
        if wait.is_zero() {
            self.paid_at = paid_at;
            return None;
        }
        Some(wait)
    }

    /// Whether nothing is remembered any more.
    pub fn is_rested(&self, now: Duration) -> bool {
        self.paid_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let mut pace = Pace::default();
        let now = Duration::from_secs(100);
        assert!((0..BURST).all(|_| pace.take(now).is_none()));
        assert_eq!(pace.take(now), Some(EACH));
        assert_eq!(pace.take(now + EACH / 2), Some(EACH / 2));
        assert_eq!(pace.take(now + EACH), None);
        assert!(pace.take(now + EACH).is_some());
        assert!(!pace.is_rested(now + EACH * BURST) && pace.is_rested(now + EACH * (BURST + 1)));
    }
}
