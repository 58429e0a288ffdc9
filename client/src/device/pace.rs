//! The beat of devices that are files: pictures and blocks come out when a real device would give them.

use std::time::Duration;

use relay::{MILLISECOND, Micros};

use crate::link::Clock;

/// A beat that is missed by this much is not made up for: a real device would have lost what came in between.
const LOST: Micros = 250 * MILLISECOND;

#[derive(Debug)]
pub struct Pace {
    clock: Clock,
    began: Micros,
    /// Nanoseconds between beats, so that 30 a second do not drift.
    interval: u64,
    beats: u64,
}

impl Pace {
    /// Beats `per_second` times a second from `began` on.
    pub fn new(clock: Clock, began: Micros, per_second: f64) -> Self {
        Self { clock, began, interval: (1e9 / per_second) as u64, beats: 0 }
    }

    /// Waits for the next beat; gives its number, counted from 0, and the time it was due. Beats that were missed are
    /// passed over.
    pub fn next(&mut self) -> (u64, Micros) {
        let now = self.clock.now();
        let mut due = self.due(self.beats);
        if due + LOST < now {
            self.beats = now.saturating_sub(self.began) * 1_000 / self.interval;
            due = self.due(self.beats);
        }
        if due > now {
            std::thread::sleep(Duration::from_micros(due - now));
        }
        self.beats += 1;
        (self.beats - 1, due)
    }

    fn due(&self, beat: u64) -> Micros {
        self.began + beat * self.interval / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_come_when_due_and_missed_ones_are_passed_over() {
        let clock = Clock::start();
        let mut pace = Pace::new(clock, 0, 100.0);
        let beats: Vec<(u64, Micros)> = (0..5).map(|_| pace.next()).collect();
        assert_eq!(beats, [(0, 0), (1, 10_000), (2, 20_000), (3, 30_000), (4, 40_000)]);
        assert!(clock.now() >= 40_000);
        let mut late = Pace::new(clock, 0, 1_000_000.0);
        std::thread::sleep(Duration::from_micros(LOST));
        assert!(late.next().0 >= LOST);
    }
}
