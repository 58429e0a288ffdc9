//! When a link is at rest: nothing that is in a hurry has passed for a while, and few signs of life are enough.

use super::{Link, exchange::Exchange};
use crate::{FrameHeader, Kind, Micros, SECOND, TrackId};

/// A link is at rest when for this long nothing went either way but what can wait for an acknowledgement to show that
/// it did not arrive: lines of chats, presence.
pub const REST_AFTER: Micros = 10 * SECOND;

/// The client of a link at rest shows at least this often that it is there: a path that is cut for ten seconds leaves time
/// to show it again before a client counts as dead.
pub const HEARTBEAT: Micros = 3 * SECOND;

/// The header by which the answer to a duplex exchange names the far port of its connection as the server sees it. A client
/// whose own port is another one knows that something stands between, which may end the connection at will.
pub const FAR_PORT: &str = "komado-far-port";

/// When there was something in a hurry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    stirred_at: Micros,
    /// The beginning of the stir that lasts, or of the last one.
    since: Micros,
}

impl Rest {
    /// As if something in a hurry had just passed.
    pub fn stirred(now: Micros) -> Self {
        Self { stirred_at: now, since: now }
    }

    pub fn is_at_rest(&self, now: Micros) -> bool {
        now.saturating_sub(self.stirred_at) >= REST_AFTER
    }

    /// Something with this header passes.
    pub fn note(&mut self, header: &FrameHeader, now: Micros) {
        if matches!(header.kind, Kind::Video | Kind::Audio | Kind::Bulk) || header.track == TrackId::CONTROL {
            self.stir(now);
        }
    }

    /// Something in a hurry passes.
    pub fn stir(&mut self, now: Micros) {
        if self.is_at_rest(now) {
            self.since = now;
        }
        self.stirred_at = now;
    }
}

impl Link {
    /// Whether the link is at rest.
    pub fn is_at_rest(&self, now: Micros) -> bool {
        self.rest.is_at_rest(now)
    }

    /// Asks the far end whether it is there, on everything that is open to it: the next [`Link::transmit`] has a ping.
    pub fn ask(&mut self, now: Micros) {
        self.exchanges.iter_mut().for_each(|(_, exchange)| exchange.ask(now));
        self.driver.wake_by_ref();
    }

    /// Whether the link is at rest, and the far end is known to hear of this end by heartbeats on an exchange that is
    /// open. Acknowledgements travel with them then.
    pub fn beats(&self, now: Micros) -> bool {
        self.is_at_rest(now) && self.exchanges.values().any(Exchange::beats)
    }

    /// The far end asks whether this one is there: what it heard of it may have been lost.
    pub(super) fn is_asked(&mut self, now: Micros) {
        self.exchanges.iter_mut().filter(|(_, exchange)| exchange.beats()).for_each(|(_, exchange)| exchange.ask(now));
    }

    /// Since when the link has not been at rest; `None` while it is.
    pub fn stirred_since(&self, now: Micros) -> Option<Micros> {
        (!self.rest.is_at_rest(now)).then_some(self.rest.since)
    }
}
