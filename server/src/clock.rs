//! The server's clocks: one that only ever goes forward, for the relay and for deadlines, and the calendar's.

use relay::Micros;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Counts from the start of the server.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// Time since the start; never goes back.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The same in the relay's unit.
    pub fn micros(&self) -> Micros {
        Micros::try_from(self.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    /// The instant that `elapsed` after the start is.
    pub fn instant(&self, elapsed: Duration) -> Instant {
        self.began + elapsed
    }
}

/// The calendar's time in Unix milliseconds.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
