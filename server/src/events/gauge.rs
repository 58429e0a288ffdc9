//! How a stream of events goes, for the list of connections.

use super::stream::HEARTBEAT;
use crate::clock::Clock;
use crate::connections::{Gauge, Reading};
use relay::Micros;
use relay::link::Statistics;
use relay::vocabulary::Carriage;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What was sent on a stream, and when its connection last had room for more.
#[derive(Debug)]
pub(super) struct StreamGauge {
    clock: Clock,
    opened_at: Micros,
    had_room_at: AtomicU64,
    sent: AtomicU64,
}

impl StreamGauge {
    pub(super) fn new(clock: Clock) -> Self {
        let now = clock.micros();
        Self { clock, opened_at: now, had_room_at: AtomicU64::new(now), sent: AtomicU64::new(0) }
    }

    /// The connection asks for more.
    pub(super) fn has_room(&self) {
        self.had_room_at.store(self.clock.micros(), Ordering::Relaxed);
    }

    /// It took so many bytes.
    pub(super) fn took(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Gauge for StreamGauge {
    fn read(&self) -> Reading {
        let now = self.clock.micros();
        let since = |then: Micros| Duration::from_micros(now.saturating_sub(then));
        // Where there is room, something is sent this often.
        let stuck = since(self.had_room_at.load(Ordering::Relaxed)).saturating_sub(HEARTBEAT);
        let statistics = Statistics {
            queue: stuck.as_micros() as Micros,
            bytes_sent: self.sent.load(Ordering::Relaxed),
            ..Statistics::default()
        };
        // Nothing has come since the request.
        let silence = since(self.opened_at);
        Reading { up: Carriage::None, down: Carriage::Streaming, silence, waiting: 0, statistics }
    }
}
