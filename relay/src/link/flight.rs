//! Packets on their way: what was sent and not yet acknowledged, and how much of it there may be.
//!
//! A proxy splits TCP and hides its own buffers, so only the far end's acknowledgements say what has arrived. The cap on
//! bytes in flight grows while the path takes more without delay and shrinks to what the path delivered when a queue
//! builds up somewhere, much as delay-based congestion control does (RFC 6817, LEDBAT; BBR's delivery rate).

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::{ExchangeId, message::Acknowledgement, outgoing::Piece};
use crate::{MILLISECOND, Micros, SECOND, TrackId};

/// The cap a link begins with: about one first keyframe.
const INITIAL_CAP: usize = 64 * 1024;

/// Below this nothing useful can be sent at all.
const MIN_CAP: usize = 8 * 1024;

const MAX_CAP: usize = 4 << 20;

/// Sound and commands may go over the cap by this much, so that a picture never blocks them.
pub const RESERVE: usize = 24 * 1024;

/// The queueing delay that is taken as a sign of a full buffer.
const TARGET_QUEUE: Micros = 100 * MILLISECOND;

/// The shortest round trip is believed for this long, then measured anew.
const ROUND_TRIP_WINDOW: Micros = 15 * SECOND;

/// An acknowledgement that takes this much longer than two round trips was held up.
const PROMPT: Micros = 150 * MILLISECOND;

/// Delivery is measured over windows of this length.
const RATE_WINDOW: Micros = 300 * MILLISECOND;

/// A pause of this length is no measure of the path.
const RATE_PAUSE: Micros = SECOND;

/// What a packet carries: nearly always one frame or one part of one.
pub type Pieces = SmallVec<[Piece; 1]>;

/// Packets for which an idle link keeps room.
const IDLE_CAPACITY: usize = 16;

/// A packet in flight.
#[derive(Debug)]
pub struct Sent {
    pub exchange: ExchangeId,
    pub bytes: usize,
    pub at: Micros,
    pub pieces: Pieces,
    /// It told the far end which exchange to use.
    pub prefers: Option<ExchangeId>,
}

/// What lost packets carried.
#[derive(Debug, Default)]
pub struct Lost {
    pub packets: u64,
    pub pieces: Vec<Piece>,
    pub prefers: Option<ExchangeId>,
}

/// What acknowledged packets amount to.
#[derive(Debug, Default)]
pub struct Acknowledged {
    pub bytes: usize,
    /// When the packet with the largest number was sent, if this acknowledgement is the first to name it.
    pub largest_sent_at: Option<Micros>,
    /// The exchange each was sent on, and whether its acknowledgement came promptly.
    pub packets: Vec<(ExchangeId, bool)>,
}

#[derive(Debug)]
pub struct Flight {
    /// By number, ascending; `None` where one was acknowledged before those in front of it.
    packets: VecDeque<(u64, Option<Sent>)>,
    bytes: usize,
    cap: usize,
    capped: bool,
    next_number: u64,
    largest_acknowledged: Option<u64>,
    smoothed: Option<Micros>,
    shortest: [(Micros, Micros); 2],
    reduced_until: Micros,
    window: (Micros, usize),
    rate: u64,
    delivered: u64,
}

impl Default for Flight {
    fn default() -> Self {
        Self {
            packets: VecDeque::new(),
            bytes: 0,
            cap: INITIAL_CAP,
            capped: false,
            next_number: 0,
            largest_acknowledged: None,
            smoothed: None,
            shortest: [(0, Micros::MAX); 2],
            reduced_until: 0,
            window: (0, 0),
            rate: 0,
            delivered: 0,
        }
    }
}

impl Flight {
    /// Bytes that may still be sent.
    pub fn room(&self) -> usize {
        self.cap.saturating_sub(self.bytes)
    }

    /// The same for what may use the reserve.
    pub fn room_with_reserve(&self) -> usize {
        (self.cap + RESERVE).saturating_sub(self.bytes)
    }

    /// There was more to send than the cap allowed.
    pub fn note_capped(&mut self) {
        self.capped = true;
    }

    /// Little is sent from now on: room for packets is given back.
    pub fn rest(&mut self) {
        if self.packets.is_empty() {
            self.packets.shrink_to(0);
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether something of this track is on its way.
    pub fn carries(&self, track: TrackId) -> bool {
        let mut sent = self.packets.iter().filter_map(|(_, sent)| sent.as_ref());
        sent.any(|sent| sent.pieces.iter().any(|piece| piece.header.track == track))
    }

    pub fn cap(&self) -> usize {
        self.cap
    }

    /// Smoothed round trip.
    pub fn round_trip(&self) -> Option<Micros> {
        self.smoothed
    }

    /// How much longer it is than the shortest that was measured lately, or will be for the oldest packet in flight.
    pub fn queueing(&self, now: Micros) -> Micros {
        let Some(smoothed) = self.smoothed else { return 0 };
        let waits =
            self.oldest(None).map_or(0, |at| now.saturating_sub(at).saturating_sub(super::arrivals::MAX_ACK_DELAY));
        smoothed.max(waits).saturating_sub(self.shortest())
    }

    fn shortest(&self) -> Micros {
        self.shortest[0].1.min(self.shortest[1].1)
    }

    /// Bytes a second that lately arrived.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// Bytes that arrived, since the beginning.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    pub fn next_number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    pub fn note_sent(&mut self, number: u64, sent: Sent) {
        self.bytes += sent.bytes;
        self.packets.push_back((number, Some(sent)));
    }

    /// The time after which silence means that something is wrong with the path.
    pub fn patience(&self) -> Micros {
        let round_trip = self.smoothed.unwrap_or(300 * MILLISECOND);
        (3 * round_trip + 2 * super::arrivals::MAX_ACK_DELAY).clamp(SECOND, 4 * SECOND)
    }

    /// The oldest packet in flight on `exchange`, or on any.
    pub fn oldest(&self, exchange: Option<ExchangeId>) -> Option<Micros> {
        let mut packets = self.packets.iter().filter_map(|(_, sent)| sent.as_ref());
        packets.find(|sent| exchange.is_none_or(|wanted| sent.exchange == wanted)).map(|sent| sent.at)
    }

    /// True when the acknowledgement names a packet that was never sent.
    pub fn is_impossible(&self, acknowledgement: &Acknowledgement) -> bool {
        acknowledgement.packets.largest().is_some_and(|largest| largest >= self.next_number)
    }

    pub fn acknowledge(&mut self, acknowledgement: &Acknowledgement, now: Micros) -> Acknowledged {
        let mut found = Acknowledged::default();
        let Some(largest) = acknowledgement.packets.largest() else {
            return found;
        };
        if self.largest_acknowledged.is_none_or(|known| largest > known) {
            self.largest_acknowledged = Some(largest);
            let at = self.packets.binary_search_by_key(&largest, |(number, _)| *number).ok();
            found.largest_sent_at = at.and_then(|at| self.packets[at].1.as_ref()).map(|sent| sent.at);
        }
        let prompt = PROMPT + 2 * self.smoothed.unwrap_or(0) + acknowledgement.delay;
        for (first, last) in acknowledgement.packets.iter() {
            let from = self.packets.partition_point(|(number, _)| *number < first);
            for (number, sent) in self.packets.range_mut(from..) {
                if *number > last {
                    break;
                }
                let Some(sent) = sent.take() else { continue };
                self.bytes -= sent.bytes;
                found.bytes += sent.bytes;
                found.packets.push((sent.exchange, now.saturating_sub(sent.at) <= prompt));
            }
        }
        self.forget_acknowledged();
        self.measure_rate(found.bytes, now);
        if let Some(sent_at) = found.largest_sent_at {
            let sample = now.saturating_sub(sent_at).saturating_sub(acknowledgement.delay);
            self.adapt(sample, found.bytes, now);
        }
        found
    }

    /// Takes back every packet that was sent on `exchange`.
    pub fn lose(&mut self, exchange: ExchangeId) -> Lost {
        let mut lost = Lost::default();
        let bytes = &mut self.bytes;
        for (_, place) in &mut self.packets {
            let Some(sent) = place.take_if(|sent| sent.exchange == exchange) else { continue };
            *bytes -= sent.bytes;
            lost.packets += 1;
            lost.pieces.extend(sent.pieces);
            lost.prefers = sent.prefers.or(lost.prefers);
        }
        self.forget_acknowledged();
        lost
    }

    fn forget_acknowledged(&mut self) {
        while self.packets.pop_front_if(|(_, sent)| sent.is_none()).is_some() {}
        // A link that was busy once and is idle now should not hold what it needed then.
        if self.packets.is_empty() && self.packets.capacity() > IDLE_CAPACITY {
            self.packets.shrink_to(0);
        }
    }

    fn measure_rate(&mut self, bytes: usize, now: Micros) {
        self.delivered += bytes as u64;
        self.window.1 += bytes;
        let elapsed = now.saturating_sub(self.window.0);
        if elapsed >= RATE_PAUSE {
            // The path was cut or idle: what it carries is not known from that.
            self.window = (now, 0);
        } else if elapsed >= RATE_WINDOW {
            self.rate = self.window.1 as u64 * SECOND / elapsed;
            self.window = (now, 0);
        }
    }

    fn adapt(&mut self, sample: Micros, acknowledged: usize, now: Micros) {
        self.smoothed = Some(self.smoothed.map_or(sample, |smoothed| (7 * smoothed + sample) / 8));
        let [older, newer] = &mut self.shortest;
        if now.saturating_sub(newer.0) > ROUND_TRIP_WINDOW {
            *older = *newer;
            *newer = (now, Micros::MAX);
        }
        newer.1 = newer.1.min(sample);
        let shortest = self.shortest();
        let queue = sample - shortest;
        let was_capped = std::mem::take(&mut self.capped);
        if queue > TARGET_QUEUE {
            if now >= self.reduced_until {
                let delivered = self.rate * (shortest + TARGET_QUEUE / 2) / SECOND;
                self.cap = (delivered as usize).max(self.cap / 2).clamp(MIN_CAP, self.cap.max(MIN_CAP));
                self.reduced_until = now + sample;
            }
        } else if was_capped {
            let step = if queue < TARGET_QUEUE / 2 { acknowledged } else { acknowledged / 8 };
            self.cap = (self.cap + step).min(MAX_CAP);
        } else if self.cap < INITIAL_CAP && queue < TARGET_QUEUE / 2 {
            // An idle path that has recovered is trusted again, slowly.
            self.cap = (self.cap + acknowledged / 4).min(INITIAL_CAP);
        }
    }
}
