//! One HTTP exchange as its link sees it: on trial, carrying, stalled, ending.

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
    /// The same while the link is at rest.
    pub at_rest: Micros,
    /// A sign of life is padded to this many bytes.
    pub bytes: usize,
}

/// What this end does with an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is only received on; at most acknowledgements go back.
    Receive,
    /// One batch is sent.
    Send,
    /// It is sent on for as long as it is open.
    Stream(Keepalive),
    /// It is only received on, and while the link is at rest acknowledgements go back, or at least a sign of life this
    /// often. Only each [`ASK_EACH`]th asks for an acknowledgement, from which this end knows that the far end hears it; the
    /// others are fillers. Records are [`WAKING`] bytes long.
    Heartbeat(Micros),
    /// It will be, once it has proven to deliver: until then only [`TRIALS`] small records go out, one each
    /// [`TRIAL_INTERVAL`], and then signs of life.
    Trial(Keepalive),
}

/// Records that an exchange on trial is tried with.
pub const TRIALS: u32 = 20;

/// Time between them.
pub const TRIAL_INTERVAL: Micros = 50 * MILLISECOND;

/// Size of each: as small as a packet of sound.
const TRIAL_BYTES: usize = 100;

/// Of so many heartbeats one asks for an acknowledgement, the first before all. Something comes down within a minute so,
/// after which either end would take the other for gone.
pub const ASK_EACH: u32 = 15;

/// Heartbeats that ask nothing are a byte each. Among them a record, which the far end is to look at, has at least so many
/// bytes, more than all heartbeats before it together: a system that knows when something came need not wake its program
/// for less.
pub const WAKING: usize = 512;

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As both ends meant it to: what was sent last may still be on its way.
    Complete,
    /// Cut, or refused: what is not acknowledged is taken for lost at once.
    Broken,
}

/// What is known of an exchange that is sent on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// Records of it that were acknowledged.
    pub arrived: u32,
    /// How many of these were acknowledged within what the path's round trip and 150 ms explain.
    pub prompt: u32,
}

#[derive(Debug)]
pub struct Exchange {
    pub incoming: Body,
    pub begun: bool,
    /// Records that came in.
    pub received: u32,
    pub proof: Proof,
    purpose: Use,
    /// Records that it was tried with, or heartbeats.
    signs: u32,
    last_sent: Micros,
    /// When a sign of life was asked for that is still to be sent.
    asked_at: Option<Micros>,
    stalled: bool,
    over_at: Option<Micros>,
}

impl Exchange {
    pub fn new(purpose: Use, now: Micros) -> Self {
        Self {
            incoming: Body::default(),
            begun: false,
            received: 0,
            proof: Proof::default(),
            purpose,
            signs: 0,
            last_sent: now,
            asked_at: None,
            stalled: false,
            over_at: None,
        }
    }

    /// Something is sent on it.
    pub fn note_sent(&mut self, now: Micros) {
        self.last_sent = now;
        self.asked_at = None;
        if matches!(self.purpose, Use::Trial(_) | Use::Heartbeat(_)) {
            self.signs += 1;
        }
    }

    /// The next sign of life is due now, if this exchange shows any.
    pub fn ask(&mut self, now: Micros) {
        self.asked_at = Some(now);
    }

    /// Whether a sign of life is due, and how long it is. `rests` says whether the link is at rest.
    pub fn keepalive_due(&self, rests: bool, now: Micros) -> Option<usize> {
        let (at, bytes) = self.next_keepalive(rests)?;
        (at <= now).then_some(bytes)
    }

    pub fn next_timeout(&self, rests: bool) -> Option<Micros> {
        self.over_at.or(self.next_keepalive(rests).map(|(at, _)| at))
    }

    fn next_keepalive(&self, rests: bool) -> Option<(Micros, usize)> {
        match self.purpose {
            _ if self.over_at.is_some() => None,
            Use::Trial(_) if self.signs < TRIALS => Some((self.last_sent + TRIAL_INTERVAL, TRIAL_BYTES)),
            Use::Stream(keepalive) | Use::Trial(keepalive) => {
                let interval = if rests { keepalive.at_rest } else { keepalive.interval };
                let due = self.last_sent + interval;
                Some((self.asked_at.map_or(due, |asked| asked.min(due)), keepalive.bytes))
            }
            Use::Heartbeat(interval) => {
                let due = self.last_sent + interval;
                rests.then_some((self.asked_at.map_or(due, |asked| asked.min(due)), WAKING))
            }
            Use::Send | Use::Receive => None,
        }
    }

    /// Whether the next sign of life asks for an acknowledgement.
    pub fn keepalive_asks(&self) -> bool {
        let is_heartbeat = matches!(self.purpose, Use::Heartbeat(_));
        !is_heartbeat || self.stalled || self.asked_at.is_some() || self.signs.is_multiple_of(ASK_EACH)
    }

    /// Whether the far end is known to hear this one's heartbeats.
    pub fn beats(&self) -> bool {
        matches!(self.purpose, Use::Heartbeat(_)) && self.proof.arrived > 0 && !self.stalled && self.over_at.is_none()
    }

    /// Bytes of content that a record has at least.
    pub fn waking(&self) -> usize {
        if let Use::Heartbeat(_) = self.purpose { WAKING } else { 0 }
    }

    /// Whether a sign of life need not be a record: it asks nothing.
    pub fn may_fill(&self) -> bool {
        matches!(self.purpose, Use::Heartbeat(_)) && !self.keepalive_asks()
    }

    /// Whether nothing is sent on it but signs of life.
    pub fn only_shows_life(&self) -> bool {
        matches!(self.purpose, Use::Trial(_) | Use::Heartbeat(_))
    }

    /// The trial is over: from now on it carries what the link has to send.
    pub fn carry(&mut self) {
        if let Use::Trial(keepalive) = self.purpose {
            self.purpose = Use::Stream(keepalive);
        }
    }

    pub fn is_on_trial(&self) -> bool {
        matches!(self.purpose, Use::Trial(_))
    }

    /// Whether what was lost elsewhere can be sent on it with hope.
    pub fn can_carry(&self) -> bool {
        matches!(self.purpose, Use::Send | Use::Stream(_)) && !self.stalled && self.over_at.is_none()
    }

    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Notes that nothing sent on it arrives. False when that was known.
    pub fn stall(&mut self) -> bool {
        !std::mem::replace(&mut self.stalled, true)
    }

    /// A record that was sent on it has arrived.
    pub fn prove(&mut self, prompt: bool) {
        self.proof.arrived += 1;
        self.proof.prompt += u32::from(prompt);
        self.stalled = false;
    }

    /// Nothing more is sent on it; what was sent has until `over_at` to be acknowledged.
    pub fn end_gracefully(&mut self, over_at: Micros) {
        self.over_at.get_or_insert(over_at);
    }

    pub fn is_over(&self, now: Micros) -> bool {
        self.over_at.is_some_and(|at| at <= now)
    }
}
