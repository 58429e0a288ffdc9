//! Filling an exchange: the decision what to send, made when the exchange can take it and not before.

use bytes::{Bytes, BytesMut};

use super::{
    Ended, ExchangeId, Keepalive, Link, LinkError,
    exchange::Exchange,
    flight::Sent,
    freshness::Class,
    message::{self, Message, PART_OVERHEAD},
    outgoing::Piece,
    record::{self, MAGIC, MAX_CONTENT},
};
use crate::{Micros, seal::TAG_LENGTH};

/// Room kept in a record for an acknowledgement: its four numbers and 32 ranges, most of them short.
const ACKNOWLEDGEMENT_ROOM: usize = 256;

/// Room that every record has, however little the exchange asks for: a sound frame and an acknowledgement.
const MIN_CONTENT: usize = 1200;

/// A frame is not cut to fill less than this: it begins in the next record.
const WORTH_CUTTING: usize = 256;

/// The bytes around a record's content, at most.
const RECORD_OVERHEAD: usize = 4 + 8 + TAG_LENGTH;

impl Link {
    /// An exchange begins. `outgoing` says whether this end may send on it, `keepalive` which signs of life it needs.
    pub fn open_exchange(&mut self, id: ExchangeId, outgoing: bool, keepalive: Option<Keepalive>, now: Micros) {
        self.exchanges.insert(id, Exchange::new(outgoing, keepalive, now));
    }

    /// An exchange ended, or was replaced by another one.
    pub fn close_exchange(&mut self, id: ExchangeId, ended: Ended, now: Micros) {
        match ended {
            Ended::Complete => {
                if let Some(exchange) = self.exchanges.get_mut(&id) {
                    exchange.end_gracefully(now);
                }
            }
            Ended::Broken => {
                self.exchanges.remove(&id);
                self.lose(|flight| flight.lose(id));
            }
        }
    }

    /// Whether [`Link::transmit`] on an exchange would write something now.
    pub fn wants_to_transmit(&mut self, now: Micros) -> bool {
        self.closing.is_some()
            || self.arrivals.due().is_some_and(|due| due <= now)
            || self.exchanges.values().any(|exchange| exchange.can_carry() && exchange.keepalive_due(now).is_some())
            || self.has_urgent(now)
    }

    /// Whether frames wait that may be sent now. Unlike [`Link::wants_to_transmit`] this takes no notice of
    /// acknowledgements and signs of life.
    pub fn has_urgent(&mut self, now: Micros) -> bool {
        self.most_urgent(now).is_some()
    }

    /// Writes up to `limit` bytes for an exchange to `out`: whole records, after the mark that begins a body. Returns
    /// false when there was nothing to write.
    pub fn transmit(
        &mut self,
        id: ExchangeId,
        limit: usize,
        out: &mut BytesMut,
        now: Micros,
    ) -> Result<bool, LinkError> {
        let start = out.len();
        while out.len() - start + RECORD_OVERHEAD + MIN_CONTENT <= limit.max(RECORD_OVERHEAD + MIN_CONTENT) {
            let left = limit.saturating_sub(out.len() - start + RECORD_OVERHEAD).clamp(MIN_CONTENT, MAX_CONTENT);
            if !self.transmit_record(id, left, out, now)? {
                break;
            }
        }
        self.tell_needs(now)?;
        Ok(out.len() > start)
    }

    fn transmit_record(
        &mut self,
        id: ExchangeId,
        limit: usize,
        out: &mut BytesMut,
        now: Micros,
    ) -> Result<bool, LinkError> {
        let exchange = self.exchanges.get(&id).ok_or(LinkError::NotOpen(id))?;
        let keepalive = exchange.keepalive_due(now);
        let begun = exchange.begun;
        let mut content = BytesMut::with_capacity(limit + TAG_LENGTH);
        let mut pieces = Vec::new();
        let acknowledge = self.arrivals.due().is_some_and(|due| due <= now);
        let room = if self.arrivals.pending() { limit - ACKNOWLEDGEMENT_ROOM } else { limit };
        self.fill(&mut content, &mut pieces, room, now);
        let mut asks = !pieces.is_empty();
        if let Some(reason) = self.closing.take() {
            Message::Close { reason }.encode(&mut content);
        }
        if let Some(bytes) = keepalive.filter(|_| content.is_empty()) {
            Message::Ping.encode(&mut content);
            message::put_padding(&mut content, bytes.min(room).saturating_sub(1));
            asks = true;
        }
        if (acknowledge || !content.is_empty() && self.arrivals.pending())
            && let Some(acknowledgement) = self.arrivals.acknowledge(now)
        {
            Message::Acknowledgement(acknowledgement).encode(&mut content);
        }
        if content.is_empty() {
            return Ok(false);
        }
        if !begun {
            out.extend_from_slice(MAGIC);
        }
        let before = out.len();
        let number = self.flight.next_number();
        record::put_record(out, number, &mut content, self.sealer.as_mut());
        let bytes = out.len() - before;
        self.bytes_sent += bytes as u64;
        if asks {
            self.flight.note_sent(number, Sent { exchange: id, bytes, at: now, pieces });
        }
        if let Some(exchange) = self.exchanges.get_mut(&id) {
            exchange.begun = true;
            exchange.note_sent(now);
        }
        Ok(true)
    }

    /// Writes frames and parts of frames, the most urgent first.
    fn fill(&mut self, content: &mut BytesMut, pieces: &mut Vec<Piece>, limit: usize, now: Micros) {
        let in_flight_room = self.flight.room();
        let with_reserve = self.flight.room_with_reserve();
        while let Some(index) = self.most_urgent_within(content.len(), in_flight_room, with_reserve, now) {
            let left = limit.saturating_sub(content.len());
            if left < WORTH_CUTTING && !content.is_empty() {
                return;
            }
            // A whole frame costs one byte beside its own; only one that must be cut costs a part's overhead.
            let Some(piece) = self.outgoing[index].next_piece(left - PART_OVERHEAD, now) else {
                continue;
            };
            let header = &piece.header;
            if piece.is_whole() {
                message::put_frame(content, &piece.bytes);
            } else {
                let bytes: &Bytes = &piece.bytes;
                message::put_part(content, header.track, header.sequence, piece.total, piece.offset, bytes);
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
