//! The link: one client joined to its server through any number of HTTP exchanges.
//!
//! A [`Link`] is one end. It reads tracks to the far end (a set of cursors, merged by priority) and takes in the far
//! end's tracks. Its driver moves bytes between HTTP bodies and the link, in a loop:
//!
//! 1. bytes came in on an exchange: [`Link::receive`], then drain [`Link::poll_output`];
//! 2. an exchange can take bytes: [`Link::transmit`], which decides only now what is worth sending;
//! 3. an exchange begins or ends: [`Link::open_exchange`], [`Link::close_exchange`];
//! 4. time passes: at [`Link::next_timeout`] call [`Link::handle_timeout`], then drain the outputs.
//!
//! Long and short exchanges differ only in how long the driver keeps them open. Any of them may be cut at any byte: what
//! was not acknowledged is sent again on another one, or dropped where it has become stale.

pub mod arrivals;
mod bulk;
mod clock;
mod exchange;
mod flight;
mod freshness;
pub mod incoming;
pub mod message;
mod outgoing;
pub mod ranges;
mod receiving;
pub mod record;
mod rest;
mod transmitting;

use std::{
    collections::{BTreeMap, VecDeque},
    task::Waker,
};

use litemap::LiteMap;
use thiserror::Error;

pub use bulk::BULK_MAX;
pub use exchange::{ASK_EACH, Ended, ExchangeId, Keepalive, Proof, TRIAL_INTERVAL, TRIALS, Use, WAKING};
pub use freshness::{Class, Freshness};
pub use incoming::Promise;
pub use rest::{FAR_PORT, HEARTBEAT, REST_AFTER};
pub use transmitting::Transmitted;

use crate::{
    Frame, FrameHeader, Kind, MILLISECOND, Micros, TrackId, WireError,
    seal::{Direction, Keys, Opener, Sealer},
    track::{Start, Track},
};
use arrivals::Arrivals;
use bulk::Bulk;
use clock::FarClock;
use exchange::Exchange;
use flight::Flight;
use incoming::{Incoming, IncomingError};
use message::MessageError;
use outgoing::{Need, Outgoing};
use record::RecordError;
use rest::Rest;

/// Commands, answers and events that may wait to be sent, in bytes. A far end that lets more pile up is gone.
const MAX_CONTROL: usize = 1 << 20;

/// Frames wait this long for one they refer to before a keyframe is asked for.
const STARVING: Micros = 400 * MILLISECOND;

/// A keyframe is asked for again after this.
const ASK_AGAIN: Micros = 500 * MILLISECOND;

/// Which end this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// How a link is set up.
#[derive(Debug)]
pub struct Config {
    pub role: Role,
    /// The keys that seal its records; `None` where TLS covers the exchanges.
    pub keys: Option<Keys>,
    pub freshness: Freshness,
    /// Woken when there is something new to transmit.
    pub driver: Waker,
}

/// What a link tells its driver.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// A frame came in.
    Frame(Frame),
    /// The far end can show no picture of this track, which this end sends, before its publisher makes a keyframe.
    KeyframeWanted(TrackId),
    /// This end can show no picture of this track, which the far end sends, before a keyframe comes.
    KeyframeMissing(TrackId),
    /// A reader of this track begins before what memory holds: bring the frames after `after` up to `until` with
    /// [`Link::feed_archive`].
    Archive { track: TrackId, after: u64, until: u64 },
    /// [`Link::send_bulk`] takes a frame again, after it had refused one.
    BulkTaken,
    /// Nothing that was sent on this exchange has been acknowledged for long: something on the path holds it.
    Stalled(ExchangeId),
    /// The far end ended the link.
    Closed { reason: String },
}

/// Why a link must end. The far end, or something that pretends to be it, broke the rules.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LinkError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Incoming(#[from] IncomingError),
    #[error("a packet was acknowledged that was never sent")]
    NeverSent,
    #[error("exchange {0} is not open")]
    NotOpen(ExchangeId),
    #[error("more than {MAX_CONTROL} bytes of commands and events wait to be sent: the far end does not take them")]
    Overflow,
    #[error("a command or event cannot be written: {0}")]
    Wire(#[from] WireError),
}

/// Figures of a link at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Smoothed time from sending to acknowledgement, without the far end's own waiting.
    pub round_trip: Option<Micros>,
    /// How much longer than at its shortest it is, or will be for what is on its way: what waits somewhere on the path.
    pub queueing: Micros,
    pub bytes_in_flight: usize,
    pub flight_cap: usize,
    /// Bytes a second that lately arrived at the far end.
    pub delivery_rate: u64,
    /// Bytes that arrived at the far end, since the beginning.
    pub delivered: u64,
    /// Age of the oldest frame that waits to be sent.
    pub queue: Micros,
    /// Frames dropped here before they were sent.
    pub dropped: u64,
    /// Bytes sent and received in records, since the beginning.
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Packets whose content had to be sent again or given up.
    pub packets_lost: u64,
    /// Bytes held for frames that came in and cannot be delivered yet.
    pub bytes_held: usize,
}

/// One end of a link. See the module for the loop that drives it.
#[derive(Debug)]
pub struct Link {
    freshness: Freshness,
    driver: Waker,
    sealer: Option<Sealer>,
    opener: Option<Opener>,
    /// Few, like what is incoming: a tree's first node alone would be larger than everything else of a link at rest.
    exchanges: LiteMap<ExchangeId, Exchange>,
    control: Track,
    next_control: u64,
    bulk: Bulk,
    outgoing: Vec<Outgoing>,
    incoming: LiteMap<TrackId, Incoming>,
    arrivals: Arrivals,
    flight: Flight,
    clock: FarClock,
    rest: Rest,
    outputs: VecDeque<Output>,
    keyframe_asked: BTreeMap<TrackId, Micros>,
    closing: Option<String>,
    prefers: Option<ExchangeId>,
    bytes_sent: u64,
    bytes_received: u64,
    packets_lost: u64,
    dropped_by_ended: u64,
}

impl Link {
    /// A link whose driver's clock shows `now`.
    pub fn new(config: Config, now: Micros) -> Self {
        let (send, receive) = match config.role {
            Role::Client => (Direction::Up, Direction::Down),
            Role::Server => (Direction::Down, Direction::Up),
        };
        let control = Track::resumed(TrackId::CONTROL, MAX_CONTROL, 1);
        let mut link = Self {
            freshness: config.freshness,
            driver: config.driver,
            sealer: config.keys.as_ref().map(|keys| keys.sealer(send)),
            opener: config.keys.as_ref().map(|keys| keys.opener(receive)),
            exchanges: LiteMap::new(),
            control: control.clone(),
            next_control: 1,
            bulk: Bulk::default(),
            outgoing: Vec::new(),
            incoming: LiteMap::new(),
            arrivals: Arrivals::default(),
            flight: Flight::default(),
            clock: FarClock::default(),
            rest: Rest::stirred(now),
            outputs: VecDeque::new(),
            keyframe_asked: BTreeMap::new(),
            closing: None,
            prefers: None,
            bytes_sent: 0,
            bytes_received: 0,
            packets_lost: 0,
            dropped_by_ended: 0,
        };
        link.send_track(&control, Start::Oldest, Class::Control, now);
        link.accept_track(TrackId::CONTROL, Promise::Complete { after: 0 });
        link.accept_track(TrackId::BULK, Promise::Complete { after: 0 });
        link
    }

    /// Sends a command, an answer or an event: `kind` says which, `payload` is its JSON.
    pub fn send_control(&mut self, kind: Kind, payload: &[u8], now: Micros) -> Result<(), LinkError> {
        let header = FrameHeader::alone(TrackId::CONTROL, self.next_control, now, kind);
        let frame = Frame::new(header, payload)?;
        if self.control.append(frame, now).is_ok() {
            self.next_control += 1;
        }
        Ok(())
    }

    /// Sends a track from `start` on until [`Link::stop_track`]. A track that is sent already goes on as it was.
    pub fn send_track(&mut self, track: &Track, start: Start, class: Class, now: Micros) {
        if self.outgoing.iter().any(|known| known.id() == track.id()) {
            return;
        }
        // A link at rest has two, and there are many of those.
        self.outgoing.reserve_exact(1);
        self.outgoing.push(Outgoing::new(track, start, class, self.freshness, self.driver.clone(), now));
        self.outgoing.sort_by_key(Outgoing::class);
        self.driver.wake_by_ref();
    }

    pub fn stop_track(&mut self, track: TrackId) {
        self.outgoing.retain(|known| {
            let ends = known.id() == track;
            if ends {
                self.dropped_by_ended += known.dropped();
            }
            !ends
        });
        self.keyframe_asked.remove(&track);
    }

    /// Takes in a track of the far end. Frames of tracks that are not accepted are passed over.
    pub fn accept_track(&mut self, track: TrackId, promise: Promise) {
        self.incoming.entry(track).or_insert_with(|| Incoming::new(track, promise));
    }

    pub fn refuse_track(&mut self, track: TrackId) {
        self.incoming.remove(&track);
        self.keyframe_asked.remove(&track);
    }

    /// The answer to [`Output::Archive`]: frames in order, none when the archive has no more.
    pub fn feed_archive(&mut self, track: TrackId, frames: Vec<Frame>) {
        if let Some(outgoing) = self.outgoing.iter_mut().find(|known| known.id() == track) {
            outgoing.feed_archive(frames);
            self.driver.wake_by_ref();
        }
    }

    /// Says good-bye with the next thing that is transmitted.
    pub fn close(&mut self, reason: &str) {
        self.closing = Some(reason.to_owned());
        self.driver.wake_by_ref();
    }

    /// Whether [`Link::poll_output`] has something.
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// What happened, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What to add to a time of this end's clock to get the far end's, once something was acknowledged.
    pub fn clock_offset(&self) -> Option<i64> {
        self.clock.offset()
    }

    pub fn statistics(&mut self, now: Micros) -> Statistics {
        let oldest = self.outgoing.iter_mut().filter_map(|track| track.urgency(now)).map(|(_, since)| since).min();
        Statistics {
            round_trip: self.flight.round_trip(),
            queueing: self.flight.queueing(now),
            bytes_in_flight: self.flight.bytes(),
            flight_cap: self.flight.cap(),
            delivery_rate: self.flight.rate(),
            delivered: self.flight.delivered(),
            queue: oldest.map_or(0, |since| now.saturating_sub(since)),
            dropped: self.outgoing.iter().map(Outgoing::dropped).sum::<u64>() + self.dropped_by_ended,
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            packets_lost: self.packets_lost,
            bytes_held: self.incoming.values().map(Incoming::held).sum(),
        }
    }

    /// Frames of one track dropped at this end before they were sent.
    pub fn dropped(&self, track: TrackId) -> u64 {
        self.outgoing.iter().find(|known| known.id() == track).map_or(0, Outgoing::dropped)
    }

    /// When an acknowledgement must go out by itself: the one timer that bytes coming in can bring forward.
    pub fn acknowledgement_due(&self) -> Option<Micros> {
        self.arrivals.due()
    }

    /// When [`Link::handle_timeout`] has something to do, as things stand at `now`.
    pub fn next_timeout(&self, now: Micros) -> Option<Micros> {
        let rests = self.rest.is_at_rest(now);
        let acknowledge = self.arrivals.due();
        let exchanges = self.exchanges.iter().filter_map(|(id, exchange)| {
            let silence = self.flight.oldest(Some(*id)).map(|at| at + self.flight.patience());
            let silence = silence.filter(|_| !exchange.is_stalled());
            exchange.next_timeout(rests).into_iter().chain(silence).min()
        });
        let starving = self.incoming.iter().filter_map(|(track, incoming)| {
            let asked = self.keyframe_asked.get(track).map(|at| at + ASK_AGAIN);
            incoming.starving_since().map(|since| (since + STARVING).max(asked.unwrap_or(0)))
        });
        let awaiting = self
            .outgoing
            .iter()
            .filter(|track| track.awaits_keyframe())
            .filter_map(|track| self.keyframe_asked.get(&track.id()).map(|at| at + ASK_AGAIN));
        acknowledge.into_iter().chain(exchanges).chain(starving).chain(awaiting).min()
    }

    /// Does what is due: asks again, notes stalled exchanges, takes back what was lost. Acknowledgements and signs of
    /// life that are due are written by the next [`Link::transmit`], for which the driver is woken.
    pub fn handle_timeout(&mut self, now: Micros) {
        let patience = self.flight.patience();
        let mut stalled = Vec::new();
        for (id, exchange) in self.exchanges.iter_mut() {
            let late = self.flight.oldest(Some(*id)).is_some_and(|at| at + patience <= now);
            if late && exchange.stall() {
                stalled.push(*id);
            }
        }
        for id in stalled {
            self.outputs.push_back(Output::Stalled(id));
            if self.exchanges.values().any(Exchange::can_carry) {
                self.lose(id);
            }
        }
        let ended: Vec<_> =
            self.exchanges.iter().filter(|(_, exchange)| exchange.is_over(now)).map(|(id, _)| *id).collect();
        for id in ended {
            self.exchanges.remove(&id);
            self.lose(id);
        }
        self.ask_for_keyframes(now);
        if self.wants_to_transmit(now) {
            self.driver.wake_by_ref();
        }
    }

    fn ask_for_keyframes(&mut self, now: Micros) {
        let missing = self.incoming.iter().filter_map(|(track, incoming)| {
            let starving = incoming.starving_since().is_some_and(|since| since + STARVING <= now);
            starving.then_some((*track, true))
        });
        let wanted = self.outgoing.iter().filter(|track| track.awaits_keyframe()).map(|track| (track.id(), false));
        for (track, here) in missing.chain(wanted).collect::<Vec<_>>() {
            let asked = self.keyframe_asked.get(&track).copied();
            if asked.is_some_and(|at| at + ASK_AGAIN > now) {
                continue;
            }
            self.keyframe_asked.insert(track, now);
            self.outputs.push_back(if here { Output::KeyframeMissing(track) } else { Output::KeyframeWanted(track) });
        }
    }

    fn tell_needs(&mut self, now: Micros) -> Result<(), LinkError> {
        let mut keyframes = false;
        for track in &mut self.outgoing {
            match track.take_need() {
                None => {}
                Some(Need::Overflow) => return Err(LinkError::Overflow),
                Some(Need::Keyframe) => keyframes = true,
                Some(Need::Archive { after, until }) => {
                    self.outputs.push_back(Output::Archive { track: track.id(), after, until });
                }
            }
        }
        if keyframes {
            self.ask_for_keyframes(now);
        }
        Ok(())
    }

    fn lose(&mut self, id: ExchangeId) {
        let lost = self.flight.lose(id);
        if lost.packets == 0 {
            return;
        }
        self.packets_lost += lost.packets;
        self.prefers = self.prefers.or(lost.prefers);
        for piece in lost.pieces {
            if let Some(track) = self.outgoing.iter_mut().find(|known| known.id() == piece.header.track) {
                track.send_again(piece);
            }
        }
        self.driver.wake_by_ref();
    }
}

#[cfg(test)]
mod tests;
