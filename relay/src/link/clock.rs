//! The far end's clock, estimated from acknowledgements as NTP does (RFC 5905, section 8): the sample with the shortest
//! round trip has seen the least queueing and is believed.

use std::collections::VecDeque;

use crate::{Micros, SECOND};

/// Samples older than this say nothing about a drifting clock.
const WINDOW: Micros = 20 * SECOND;

/// A new sample no longer than the best by this share replaces it: it is fresher and as good.
const AS_GOOD: Micros = 8;

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Micros,
    round_trip: Micros,
    offset: i64,
}

/// Offset between the two ends' clocks.
#[derive(Debug, Default)]
pub struct FarClock {
    /// Round trips ascending: the front is the best sample of the window.
    samples: VecDeque<Sample>,
}

impl FarClock {
    /// One exchange of times: sent here at `sent`, received there at `far_received`, answered there at `far_sent`,
    /// received here at `received`.
    pub fn sample(&mut self, sent: Micros, far_received: Micros, far_sent: Micros, received: Micros) {
        let held = far_sent.saturating_sub(far_received);
        let round_trip = received.saturating_sub(sent).saturating_sub(held);
        let (there, back) = (far_received as i64 - sent as i64, far_sent as i64 - received as i64);
        let sample = Sample { at: received, round_trip, offset: (there + back) / 2 };
        while self.samples.back().is_some_and(|worse| worse.round_trip + worse.round_trip / AS_GOOD >= round_trip) {
            self.samples.pop_back();
        }
        self.samples.push_back(sample);
        while self.samples.front().is_some_and(|best| best.at + WINDOW < received) && self.samples.len() > 1 {
            self.samples.pop_front();
        }
    }

    /// What to add to a time of this end to get the far end's, in microseconds.
    pub fn offset(&self) -> Option<i64> {
        self.samples.front().map(|best| best.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// With one undisturbed sample in the window the error stays below the path's own asymmetry plus drift.
        #[test]
        fn finds_the_offset_through_queues(offset in -1_000_000i64..1_000_000, queues in proptest::collection::vec((0..80_000u64, 0..80_000u64), 20..60)) {
            let mut clock = FarClock::default();
            for (index, (up, down)) in queues.iter().enumerate() {
                let (up, down) = if index == 7 { (0, 0) } else { (*up, *down) };
                let sent = 10 * SECOND + index as u64 * 200_000;
                let far_received = (sent + 5_000 + up).checked_add_signed(offset).unwrap();
                clock.sample(sent, far_received, far_received + 1_000, sent + 11_000 + up + down);
            }
            let error = clock.offset().unwrap() - offset;
            prop_assert!(error.abs() <= 1_300, "{error}");
        }
    }
}
