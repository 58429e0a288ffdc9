//! One HTTP exchange as its link sees it: open, stalled, ending.

use std::fmt;

use super::record::Body;
use crate::{MILLISECOND, Micros};

/// Names an exchange within its link. The client counts them up; a number is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub u64);

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Signs of life on an exchange that stays open: proxies cut what is idle or slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Something is sent at least this often.
    pub interval: Micros,
    /// A sign of life is padded to this many bytes.
    pub bytes: usize,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As both ends meant it to: what was sent last may still be on its way.
    Complete,
    /// Cut, or refused: what is not acknowledged is taken for lost at once.
    Broken,
}

/// After a complete end, packets have this long to be acknowledged.
const GRACE: Micros = 600 * MILLISECOND;

#[derive(Debug)]
pub struct Exchange {
    pub incoming: Body,
    pub begun: bool,
    outgoing: bool,
    keepalive: Option<Keepalive>,
    last_sent: Micros,
    stalled: bool,
    over_at: Option<Micros>,
}

impl Exchange {
    pub fn new(outgoing: bool, keepalive: Option<Keepalive>, now: Micros) -> Self {
        Self {
            incoming: Body::default(),
            begun: false,
            outgoing,
            keepalive,
            last_sent: now,
            stalled: false,
            over_at: None,
        }
    }

    pub fn note_sent(&mut self, now: Micros) {
        self.last_sent = now;
    }

    /// Whether a sign of life is due, and how long it is.
    pub fn keepalive_due(&self, now: Micros) -> Option<usize> {
        let keepalive = self.keepalive.filter(|_| self.over_at.is_none())?;
        (self.last_sent + keepalive.interval <= now).then_some(keepalive.bytes)
    }

    pub fn next_timeout(&self) -> Option<Micros> {
        self.over_at.or(self.keepalive.map(|keepalive| self.last_sent + keepalive.interval))
    }

    /// Whether something can be sent on it with hope.
    pub fn can_carry(&self) -> bool {
        self.outgoing && !self.stalled && self.over_at.is_none()
    }

    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Notes that nothing sent on it arrives. False when that was known.
    pub fn stall(&mut self) -> bool {
        !std::mem::replace(&mut self.stalled, true)
    }

    pub fn revive(&mut self) {
        self.stalled = false;
    }

    pub fn end_gracefully(&mut self, now: Micros) {
        self.over_at.get_or_insert(now + GRACE);
    }

    pub fn is_over(&self, now: Micros) -> bool {
        self.over_at.is_some_and(|at| at <= now)
    }
}
