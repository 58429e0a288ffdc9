//! Filling an exchange: the decision what to send, made when the exchange can take it and not before.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Ended, ExchangeId, Link, LinkError, Use,
    exchange::{Exchange, Proof},
    flight::{Pieces, Sent},
    freshness::Class,
    message::{self, Message, PART_OVERHEAD},
    record::{Draft, FILLER, MAGIC, MAX_CONTENT},
};
use crate::{MILLISECOND, Micros, seal::TAG_LENGTH};

/// Room kept in a record for an acknowledgement: its four numbers and 32 ranges, most of them short.
const ACKNOWLEDGEMENT_ROOM: usize = 256;

/// Room that every record has, however little the exchange asks for: a sound frame and an acknowledgement.
const MIN_CONTENT: usize = 1200;

/// A frame is not cut to fill less than this: it begins in the next record.
const WORTH_CUTTING: usize = 256;

/// After a complete end, packets have this long and two round trips to be acknowledged.
const GRACE: Micros = 600 * MILLISECOND;

/// What a probe has beside its padding: the question itself, and perhaps which exchange to use.
const PROBE_BESIDE: usize = 1 + 9;

/// The bytes around a record's content, at most.
const RECORD_OVERHEAD: usize = 4 + 8 + TAG_LENGTH;

/// What [`Link::transmit`] has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transmitted {
    /// There was nothing to write.
    Nothing,
    /// Everything that was worth sending; the driver is woken when there is more.
    All,
    /// As much as was asked for; more may wait.
    Some,
}

impl Transmitted {
    /// Whether anything was written.
    pub fn is_something(self) -> bool {
        self != Self::Nothing
    }
}

impl Link {
    /// An exchange begins.
    pub fn open_exchange(&mut self, id: ExchangeId, purpose: Use, now: Micros) {
        self.exchanges.insert(id, Exchange::new(purpose, now));
    }

    /// An exchange on trial has proven itself: from now on it carries what the link has to send.
    pub fn carry(&mut self, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.get_mut(&id) {
            exchange.carry();
            self.driver.wake_by_ref();
        }
    }

    /// Tells the far end, which has this exchange on trial, that what it sends there comes as it should.
    pub fn prefer(&mut self, id: ExchangeId) {
        self.prefers = Some(id);
        self.driver.wake_by_ref();
    }

    /// An exchange ended, or was replaced by another one.
    pub fn close_exchange(&mut self, id: ExchangeId, ended: Ended, now: Micros) {
        match ended {
            Ended::Complete => {
                // With nothing on its way there is nothing to wait for.
                if self.flight.oldest(Some(id)).is_none() {
                    self.exchanges.remove(&id);
                    return;
                }
                let over_at = now + GRACE + 2 * self.flight.round_trip().unwrap_or(0);
                if let Some(exchange) = self.exchanges.get_mut(&id) {
                    exchange.end_gracefully(over_at);
                }
            }
            Ended::Broken => {
                self.exchanges.remove(&id);
                self.lose(id);
            }
        }
    }

    /// Whether the link still has to do with an exchange.
    pub fn knows_exchange(&self, id: ExchangeId) -> bool {
        self.exchanges.contains_key(&id)
    }

    /// What is known of how records sent on this exchange arrive.
    pub fn proof(&self, id: ExchangeId) -> Proof {
        self.exchanges.get(&id).map_or_else(Proof::default, |exchange| exchange.proof)
    }

    /// Whether something that was sent on this exchange has arrived, and it carries what the link has to send.
    pub fn is_proven(&self, id: ExchangeId) -> bool {
        self.exchanges.get(&id).is_some_and(|exchange| exchange.proof.arrived > 0 && !exchange.is_on_trial())
    }

    /// How many records came in on this exchange.
    pub fn received_on(&self, id: ExchangeId) -> u32 {
        self.exchanges.get(&id).map_or(0, |exchange| exchange.received)
    }

    /// Lets an acknowledgement that waits for something to travel with go with the next transmission.
    pub fn hasten(&mut self, now: Micros) {
        if self.arrivals.pending() {
            self.arrivals.repeat(now);
        }
    }

    /// Writes one record with the acknowledgement that waits, if one does, and nothing else.
    pub fn transmit_acknowledgement(
        &mut self,
        id: ExchangeId,
        out: &mut BytesMut,
        now: Micros,
    ) -> Result<(), LinkError> {
        if let Some(acknowledgement) = self.arrivals.pending().then(|| self.arrivals.acknowledge(now)).flatten() {
            let draft = self.begin_record(id, ACKNOWLEDGEMENT_ROOM, out)?;
            Message::Acknowledgement(acknowledgement).encode(out);
            self.finish_record(id, draft, Pieces::new(), false, out, now)?;
        }
        Ok(())
    }

    /// Writes one record that asks for an acknowledgement and has about `bytes` bytes: the first of an exchange, which
    /// shows whether the path passes it and fills the buffers that hold small beginnings back.
    pub fn transmit_probe(
        &mut self,
        id: ExchangeId,
        bytes: usize,
        out: &mut BytesMut,
        now: Micros,
    ) -> Result<(), LinkError> {
        let padding = bytes.min(MAX_CONTENT - PROBE_BESIDE);
        let draft = self.begin_record(id, padding + PROBE_BESIDE, out)?;
        Message::Ping.encode(out);
        message::put_padding(out, padding);
        self.finish_record(id, draft, Pieces::new(), true, out, now)
    }

    /// Whether [`Link::transmit`] on an exchange that is open would write something now.
    pub fn wants_to_transmit(&mut self, now: Micros) -> bool {
        let rests = self.rest.is_at_rest(now);
        self.has_content(now)
            || self.acknowledgement_due().is_some_and(|due| due <= now)
            || self.exchanges.values().any(|exchange| exchange.keepalive_due(rests, now).is_some())
    }

    /// The same without signs of life: whether there is anything worth opening an exchange for.
    pub fn has_content(&mut self, now: Micros) -> bool {
        self.closing.is_some()
            || self.prefers.is_some()
            || self.arrivals.due().is_some_and(|due| due <= now) && !self.beats(now)
            || self.most_urgent(now).is_some()
    }

    /// Writes up to `limit` bytes for an exchange to `out`: whole records, after the mark that begins a body.
    pub fn transmit(
        &mut self,
        id: ExchangeId,
        limit: usize,
        out: &mut BytesMut,
        now: Micros,
    ) -> Result<Transmitted, LinkError> {
        let start = out.len();
        let mut is_all = false;
        while out.len() - start + RECORD_OVERHEAD + MIN_CONTENT <= limit.max(RECORD_OVERHEAD + MIN_CONTENT) {
            let left = limit.saturating_sub(out.len() - start + RECORD_OVERHEAD).clamp(MIN_CONTENT, MAX_CONTENT);
            if !self.transmit_record(id, left, out, now)? {
                is_all = true;
                break;
            }
        }
        self.tell_needs(now)?;
        self.tell_room_for_bulk();
        Ok(match (out.len() > start, is_all) {
            (false, _) => Transmitted::Nothing,
            (true, true) => Transmitted::All,
            (true, false) => Transmitted::Some,
        })
    }

    fn transmit_record(
        &mut self,
        id: ExchangeId,
        limit: usize,
        out: &mut BytesMut,
        now: Micros,
    ) -> Result<bool, LinkError> {
        let exchange = self.exchanges.get(&id).ok_or(LinkError::NotOpen(id))?;
        let rests = self.rest.is_at_rest(now);
        let keepalive = exchange.keepalive_due(rests, now);
        let (asks_for_life, carries) = (exchange.keepalive_asks(), !exchange.only_shows_life());
        let waking = exchange.waking();
        let acknowledges = carries || rests && exchange.beats();
        let acknowledge = acknowledges && self.arrivals.due().is_some_and(|due| due <= now);
        if keepalive.is_some() && exchange.may_fill() && !(acknowledges && self.arrivals.pending()) {
            self.transmit_filler(id, out, now)?;
            return Ok(true);
        }
        // What acknowledges is a sign of life as well.
        let keepalive = keepalive.or((acknowledge && !carries).then_some(0));
        let mut pieces = Pieces::new();
        let room = if self.arrivals.pending() { limit - ACKNOWLEDGEMENT_ROOM } else { limit };
        // Begun when something is found that is worth a record.
        let mut draft = None;
        let mut asks = false;
        if carries {
            self.fill(id, &mut draft, &mut pieces, room, out, now)?;
            asks = !pieces.is_empty();
            if let Some(reason) = self.closing.take() {
                self.begun_record(&mut draft, id, reason.len(), out)?;
                Message::Close { reason }.encode(out);
            }
        }
        if let Some(bytes) = keepalive.filter(|_| draft.is_none()) {
            let padding = bytes.min(room).saturating_sub(usize::from(asks_for_life));
            self.begun_record(&mut draft, id, padding + PROBE_BESIDE, out)?;
            if asks_for_life {
                Message::Ping.encode(out);
            }
            message::put_padding(out, padding);
            asks = asks_for_life;
        }
        if acknowledges
            && (acknowledge || draft.is_some() && self.arrivals.pending())
            && let Some(acknowledgement) = self.arrivals.acknowledge(now)
        {
            self.begun_record(&mut draft, id, ACKNOWLEDGEMENT_ROOM, out)?;
            Message::Acknowledgement(acknowledgement).encode(out);
        }
        if carries && self.prefers.is_some() {
            self.begun_record(&mut draft, id, ACKNOWLEDGEMENT_ROOM, out)?;
        }
        let Some(draft) = draft else { return Ok(false) };
        let short_by = waking.saturating_sub(draft.length(out));
        out.reserve(short_by + TAG_LENGTH);
        message::put_padding(out, short_by);
        self.finish_record(id, draft, pieces, asks, out, now)?;
        Ok(true)
    }

    /// Writes a byte that says nothing but that this end is there.
    fn transmit_filler(&mut self, id: ExchangeId, out: &mut BytesMut, now: Micros) -> Result<(), LinkError> {
        let exchange = self.exchanges.get_mut(&id).ok_or(LinkError::NotOpen(id))?;
        if !std::mem::replace(&mut exchange.begun, true) {
            out.extend_from_slice(MAGIC);
        }
        out.put_u8(FILLER);
        exchange.note_sent(now);
        self.bytes_sent += 1;
        Ok(())
    }

    fn begin_record(&mut self, id: ExchangeId, room: usize, out: &mut BytesMut) -> Result<Draft, LinkError> {
        let exchange = self.exchanges.get_mut(&id).ok_or(LinkError::NotOpen(id))?;
        if !std::mem::replace(&mut exchange.begun, true) {
            out.extend_from_slice(MAGIC);
        }
        Ok(Draft::begin(out, room))
    }

    /// Makes sure that a record is begun and has room for more.
    fn begun_record(
        &mut self,
        draft: &mut Option<Draft>,
        id: ExchangeId,
        room: usize,
        out: &mut BytesMut,
    ) -> Result<(), LinkError> {
        if draft.is_none() {
            *draft = Some(self.begin_record(id, room, out)?);
        } else {
            out.reserve(room + TAG_LENGTH);
        }
        Ok(())
    }

    fn finish_record(
        &mut self,
        id: ExchangeId,
        draft: Draft,
        pieces: Pieces,
        asks: bool,
        out: &mut BytesMut,
        now: Micros,
    ) -> Result<(), LinkError> {
        let exchange = self.exchanges.get_mut(&id).ok_or(LinkError::NotOpen(id))?;
        exchange.note_sent(now);
        let prefers = self.prefers.take_if(|_| !exchange.only_shows_life());
        if let Some(ExchangeId(exchange)) = prefers {
            Message::Prefer { exchange }.encode(out);
        }
        let number = self.flight.next_number();
        let bytes = draft.finish(out, number, self.sealer.as_mut());
        self.bytes_sent += bytes as u64;
        if asks || prefers.is_some() {
            self.flight.note_sent(number, Sent { exchange: id, bytes, at: now, pieces, prefers });
        }
        Ok(())
    }

    /// Writes frames and parts of frames, the most urgent first.
    fn fill(
        &mut self,
        id: ExchangeId,
        draft: &mut Option<Draft>,
        pieces: &mut Pieces,
        limit: usize,
        out: &mut BytesMut,
        now: Micros,
    ) -> Result<(), LinkError> {
        let in_flight_room = self.flight.room();
        let with_reserve = self.flight.room_with_reserve();
        loop {
            let used = draft.as_ref().map_or(0, |draft| draft.length(out));
            let Some(index) = self.most_urgent_within(used, in_flight_room, with_reserve, now) else { return Ok(()) };
            let left = limit.saturating_sub(used);
            if left < WORTH_CUTTING && used > 0 {
                return Ok(());
            }
            // A whole frame costs one byte beside its own; only one that must be cut costs a part's overhead.
            let Some(piece) = self.outgoing[index].next_piece(left - PART_OVERHEAD, now) else {
                continue;
            };
            self.begun_record(draft, id, piece.bytes.len() + PART_OVERHEAD + ACKNOWLEDGEMENT_ROOM, out)?;
            let header = &piece.header;
            self.rest.note(header, now);
            if piece.is_whole() {
                message::put_frame(out, &piece.bytes);
            } else {
                let bytes: &Bytes = &piece.bytes;
                message::put_part(out, header.track, header.sequence, piece.total, piece.offset, bytes);
            }
            pieces.push(piece);
        }
    }

    fn most_urgent_within(&mut self, used: usize, room: usize, with_reserve: usize, now: Micros) -> Option<usize> {
        let index = self.most_urgent_of(now)?;
        let room = if self.outgoing[index].class() <= Class::Audio { with_reserve } else { room };
        if used < room {
            return Some(index);
        }
        self.flight.note_capped();
        None
    }

    fn most_urgent(&mut self, now: Micros) -> Option<usize> {
        let (room, with_reserve) = (self.flight.room(), self.flight.room_with_reserve());
        self.most_urgent_within(0, room, with_reserve, now)
    }

    fn most_urgent_of(&mut self, now: Micros) -> Option<usize> {
        let mut best: Option<(Class, u8, Micros, usize)> = None;
        for (index, track) in self.outgoing.iter_mut().enumerate() {
            // Tracks stand in the order of their class.
            if best.is_some_and(|(class, ..)| class < track.class()) {
                break;
            }
            let class = track.class();
            if let Some((layer, since)) = track.urgency(now) {
                let found = (class, layer, since, index);
                best = Some(best.map_or(found, |best| best.min(found)));
            }
        }
        best.map(|(.., index)| index)
    }
}
