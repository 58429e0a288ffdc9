//! Which packets of the far end arrived, and when to say so.

use super::{
    message::{Acknowledgement, MAX_ACK_RANGES},
    ranges::Ranges,
};
use crate::{MILLISECOND, Micros};

/// How long an acknowledgement waits for something to travel with.
pub const MAX_ACK_DELAY: Micros = 200 * MILLISECOND;

/// Unacknowledged bytes after which it waits no longer.
const ACK_EVERY: usize = 32 * 1024;

/// Gaps that are remembered: a packet that fills an older one counts as repeated, and its content is sent again anyway.
const MAX_GAPS: usize = 256;

#[derive(Debug, Default)]
pub struct Arrivals {
    packets: Ranges,
    largest_at: Micros,
    unacknowledged: usize,
    due: Option<Micros>,
}

impl Arrivals {
    /// False when packet `number` was here before.
    pub fn is_new(&self, number: u64) -> bool {
        !self.packets.contains(number)
    }

    /// Notes a packet. `asks` says that it carried something that wants an acknowledgement, `urgent` that it wants it
    /// now.
    pub fn note(&mut self, number: u64, length: usize, asks: bool, urgent: bool, now: Micros) {
        if self.packets.largest().is_none_or(|largest| number > largest) {
            self.largest_at = now;
        }
        self.packets.insert(number, number);
        self.packets.merge_lowest(MAX_GAPS);
        if !asks {
            return;
        }
        self.unacknowledged += length;
        let at = if urgent || self.unacknowledged >= ACK_EVERY { now } else { now + MAX_ACK_DELAY };
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// A packet came again: its sender has not heard of it.
    pub fn repeat(&mut self, now: Micros) {
        self.due = Some(now);
    }

    /// When an acknowledgement must go out by itself.
    pub fn due(&self) -> Option<Micros> {
        self.due
    }

    /// Whether there is anything not yet acknowledged, which may travel with something else.
    pub fn pending(&self) -> bool {
        self.due.is_some()
    }

    /// The acknowledgement to send now.
    pub fn acknowledge(&mut self, now: Micros) -> Option<Acknowledgement> {
        self.packets.largest()?;
        self.due = None;
        self.unacknowledged = 0;
        let mut packets = self.packets.clone();
        if packets.len() > MAX_ACK_RANGES {
            let mut newest = Ranges::default();
            for (first, last) in packets.iter().rev().take(MAX_ACK_RANGES) {
                newest.insert(first, last);
            }
            packets = newest;
        }
        Some(Acknowledgement { delay: now.saturating_sub(self.largest_at), clock: now, packets })
    }
}
