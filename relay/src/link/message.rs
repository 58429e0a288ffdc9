//! Messages: what a record's content is made of — frames, parts of frames, acknowledgements, signs of life.
//!
//! `WIRE.md` (section "Messages") is the specification.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::ranges::Ranges;
use crate::{
    Decoded, Frame, Micros, TrackId, WireError,
    frame::{MAX_HEADER, MAX_PAYLOAD},
    varint::{self, Reader},
};

/// The most ranges one acknowledgement lists; older gaps are given up.
pub const MAX_ACK_RANGES: usize = 32;

/// The longest reason a [`Message::Close`] gives, in bytes of UTF-8.
pub const MAX_REASON: usize = 256;

/// Which packets arrived, and what this end's clock showed when it said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Since the packet with the largest number arrived.
    pub delay: Micros,
    /// The sender's clock when it wrote this.
    pub clock: Micros,
    /// Never empty.
    pub packets: Ranges,
}

/// A piece of an encoded frame (header and payload) that is too long for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub track: TrackId,
    pub sequence: u64,
    /// Length of the whole encoded frame.
    pub total: usize,
    pub offset: usize,
    pub bytes: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Asks for an acknowledgement.
    Ping,
    Acknowledgement(Acknowledgement),
    Frame(Frame),
    Part(Part),
    /// The sender of this has found that records sent to it on this exchange come as they should: use it.
    Prefer {
        exchange: u64,
    },
    /// The link is over.
    Close {
        reason: String,
    },
}

/// Why a record's content makes no sense. A record arrives whole, so bytes that are missing are an error here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    #[error("unknown message type {0:#04x}: the other end speaks a newer version")]
    Unknown(u8),
    #[error("a record ends in the middle of a message")]
    Truncated,
    #[error("an acknowledgement lists ranges that overlap or run below zero")]
    Ranges,
    #[error("part {offset}+{length} does not lie within a frame of {total} bytes")]
    Part { offset: u64, length: u64, total: u64 },
    #[error("a close reason is longer than {MAX_REASON} bytes or not UTF-8")]
    Reason,
    #[error(transparent)]
    Frame(#[from] WireError),
}

/// The bytes a part takes beside its content, at most.
pub const PART_OVERHEAD: usize = 1 + 8 + 8 + 4 + 4 + 4;

impl Message {
    /// Takes the next message from a record's content; `None` at its end. Padding is passed over.
    pub fn decode(content: &mut Bytes) -> Result<Option<Self>, MessageError> {
        while content.first() == Some(&PADDING) {
            content.advance(1);
        }
        let Some(kind) = content.first().copied() else {
            return Ok(None);
        };
        content.advance(1);
        match kind {
            PING => Ok(Some(Self::Ping)),
            ACKNOWLEDGEMENT => {
                let mut reader = Reader::new(content);
                let found = read_acknowledgement(&mut reader)?;
                let length = reader.position();
                content.advance(length);
                Ok(Some(Self::Acknowledgement(found)))
            }
            FRAME => match Frame::decode_shared(content)? {
                Decoded::Frame(frame) => Ok(Some(Self::Frame(frame))),
                Decoded::Incomplete { .. } => Err(MessageError::Truncated),
            },
            PART => read_part(content).map(|part| Some(Self::Part(part))),
            PREFER => {
                let (exchange, length) = varint::read(content).ok_or(MessageError::Truncated)?;
                content.advance(length);
                Ok(Some(Self::Prefer { exchange }))
            }
            CLOSE => {
                let mut reader = Reader::new(content);
                let length = reader.varint().ok_or(MessageError::Truncated)?;
                if length > MAX_REASON as u64 {
                    return Err(MessageError::Reason);
                }
                let bytes = reader.bytes(length as usize).ok_or(MessageError::Truncated)?;
                let reason = str::from_utf8(bytes).map_err(|_| MessageError::Reason)?.to_owned();
                let length = reader.position();
                content.advance(length);
                Ok(Some(Self::Close { reason }))
            }
            other => Err(MessageError::Unknown(other)),
        }
    }

    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Ping => out.put_u8(PING),
            Self::Acknowledgement(acknowledgement) => put_acknowledgement(out, acknowledgement),
            Self::Frame(frame) => put_frame(out, frame.encoded()),
            Self::Part(part) => put_part(out, part.track, part.sequence, part.total, part.offset, &part.bytes),
            Self::Prefer { exchange } => {
                out.put_u8(PREFER);
                varint::put(out, *exchange);
            }
            Self::Close { reason } => {
                let mut end = reason.len().min(MAX_REASON);
                while !reason.is_char_boundary(end) {
                    end -= 1;
                }
                out.put_u8(CLOSE);
                varint::put(out, end as u64);
                out.put_slice(&reason.as_bytes()[..end]);
            }
        }
    }
}

/// Writes a whole frame that is already encoded.
pub fn put_frame(out: &mut BytesMut, encoded: &[u8]) {
    out.put_u8(FRAME);
    out.put_slice(encoded);
}

/// Writes one part of an encoded frame.
pub fn put_part(out: &mut BytesMut, track: TrackId, sequence: u64, total: usize, offset: usize, bytes: &[u8]) {
    out.put_u8(PART);
    for number in [track.0, sequence, total as u64, offset as u64, bytes.len() as u64] {
        varint::put(out, number);
    }
    out.put_slice(bytes);
}

/// Writes bytes that mean nothing, for proxies that wait for more.
pub fn put_padding(out: &mut BytesMut, length: usize) {
    out.put_bytes(PADDING, length);
}

fn put_acknowledgement(out: &mut BytesMut, acknowledgement: &Acknowledgement) {
    let skip = acknowledgement.packets.len().saturating_sub(MAX_ACK_RANGES);
    let mut ranges = acknowledgement.packets.iter().skip(skip).collect::<Vec<_>>().into_iter().rev();
    let Some((mut lowest, largest)) = ranges.next() else {
        return;
    };
    out.put_u8(ACKNOWLEDGEMENT);
    varint::put(out, acknowledgement.delay.min(varint::MAX));
    varint::put(out, acknowledgement.clock);
    varint::put(out, largest);
    varint::put(out, largest - lowest);
    varint::put(out, ranges.len() as u64);
    for (start, end) in ranges {
        // At least one number lies between two ranges.
        varint::put(out, lowest - end - 2);
        varint::put(out, end - start);
        lowest = start;
    }
}

fn read_acknowledgement(reader: &mut Reader<'_>) -> Result<Acknowledgement, MessageError> {
    let mut number = || reader.varint().ok_or(MessageError::Truncated);
    let (delay, clock, largest, first, more) = (number()?, number()?, number()?, number()?, number()?);
    if more >= MAX_ACK_RANGES as u64 {
        return Err(MessageError::Ranges);
    }
    let mut packets = Ranges::default();
    let mut lowest = largest.checked_sub(first).ok_or(MessageError::Ranges)?;
    packets.insert(lowest, largest);
    for _ in 0..more {
        let (gap, length) = (number()?, number()?);
        let end = lowest.checked_sub(gap).and_then(|n| n.checked_sub(2)).ok_or(MessageError::Ranges)?;
        lowest = end.checked_sub(length).ok_or(MessageError::Ranges)?;
        packets.insert(lowest, end);
    }
    Ok(Acknowledgement { delay, clock, packets })
}

fn read_part(content: &mut Bytes) -> Result<Part, MessageError> {
    let mut reader = Reader::new(content);
    let mut number = || reader.varint().ok_or(MessageError::Truncated);
    let (track, sequence, total, offset, length) = (number()?, number()?, number()?, number()?, number()?);
    if total > (MAX_HEADER + MAX_PAYLOAD) as u64
        || length == 0
        || offset.checked_add(length).is_none_or(|end| end > total)
    {
        return Err(MessageError::Part { offset, length, total });
    }
    let header = reader.position();
    content.advance(header);
    if content.len() < length as usize {
        return Err(MessageError::Truncated);
    }
    let bytes = content.split_to(length as usize);
    Ok(Part { track: TrackId(track), sequence, total: total as usize, offset: offset as usize, bytes })
}

const PADDING: u8 = 0x00;
const PING: u8 = 0x01;
const ACKNOWLEDGEMENT: u8 = 0x02;
const FRAME: u8 = 0x03;
const PART: u8 = 0x04;
const CLOSE: u8 = 0x05;
const PREFER: u8 = 0x06;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrameHeader, Kind};
    use proptest::prelude::*;

    fn messages() -> impl Strategy<Value = Message> {
        let ranges = proptest::collection::vec((0..4_000u64, 0..9u64), 1..40).prop_map(|inserts| {
            let mut ranges = Ranges::default();
            for (first, more) in inserts {
                ranges.insert(first, first + more);
            }
            ranges.merge_lowest(MAX_ACK_RANGES);
            ranges
        });
        prop_oneof![
            Just(Message::Ping),
            (0..=varint::MAX).prop_map(|exchange| Message::Prefer { exchange }),
            (0..=varint::MAX, 0..=varint::MAX, ranges).prop_map(|(delay, clock, packets)| {
                Message::Acknowledgement(Acknowledgement { delay, clock, packets })
            }),
            (0..99u64, proptest::collection::vec(any::<u8>(), 0..90)).prop_map(|(sequence, payload)| {
                let header = FrameHeader::alone(TrackId(5), sequence, 1, Kind::Audio);
                Message::Frame(Frame::new(header, &payload).unwrap())
            }),
            (0..99u64, 0..500usize, proptest::collection::vec(any::<u8>(), 1..90)).prop_map(
                |(sequence, offset, payload)| Message::Part(Part {
                    track: TrackId(6),
                    sequence,
                    total: offset + payload.len() + 3,
                    offset,
                    bytes: payload.into(),
                })
            ),
            "[a-zé]{0,80}".prop_map(|reason| Message::Close { reason }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(list in proptest::collection::vec(messages(), 0..8), padding in 0..5usize) {
            let mut out = BytesMut::new();
            for message in &list {
                message.encode(&mut out);
                put_padding(&mut out, padding);
            }
            let mut content = out.freeze();
            let mut found = Vec::new();
            while let Some(message) = Message::decode(&mut content).unwrap() {
                found.push(message);
            }
            prop_assert_eq!(found, list);
        }

        #[test]
        fn anything_is_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut content = Bytes::from(bytes);
            while let Ok(Some(_)) = Message::decode(&mut content) {}
        }
    }

    #[test]
    fn a_part_may_end_with_its_frame_and_not_after_it() {
        for (offset, fine) in [(7, true), (8, false)] {
            let mut out = BytesMut::new();
            put_part(&mut out, TrackId(1), 1, 10, offset, &[1, 2, 3]);
            assert_eq!(Message::decode(&mut out.freeze()).is_ok(), fine);
        }
    }
}
