//! One frame: a compact binary header and its payload, encoded once into one shared buffer for all of its readers.
//!
//! `WIRE.md` (section "Frame") is the specification; [`Frame::decode`] is the only decoder, used by sockets, tests and
//! fuzzers alike. Bytes that end too early are a result ([`Decoded::Incomplete`]), not an error.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    Micros,
    varint::{self, Reader},
};

/// The largest payload of one frame, in bytes. A first 720p keyframe has 36–65 kB; this leaves room for stills.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// The largest encoded header: the flag byte and five variable-length integers.
pub const MAX_HEADER: usize = 1 + 5 * 8;

/// The highest temporal layer a header can name.
pub const MAX_LAYER: u8 = 3;

/// Names a track. The server gives the numbers, and gives none twice as long as it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrackId(pub u64);

impl TrackId {
    /// The track that every link has in each direction: requests up, responses and events down.
    pub const CONTROL: TrackId = TrackId(0);

    /// The track that every link has down: the presence of the reader's contacts, the newest of each. One number for
    /// all readers, so that one encoded frame serves them all.
    pub const PRESENCE: TrackId = TrackId(1);

    /// The track that every link has in each direction for commands and answers with bytes of their own: pieces of files.
    pub const BULK: TrackId = TrackId(3);
}

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a payload is. A relay decides nothing by it except priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// An access unit of coded video.
    Video = 0,
    /// A packet of coded sound.
    Audio = 1,
    /// JSON: one line of a chat.
    Message = 2,
    /// JSON: a command on its way to the server's router.
    Request = 3,
    /// JSON: the answer to a command.
    Response = 4,
    /// JSON: something that happened.
    Event = 5,
    /// JSON: facts about the track itself, such as its codec and its publisher's clock offset.
    Info = 6,
    /// Bytes that may wait: files, pages.
    Bulk = 7,
}

impl Kind {
    /// Every kind, in the order of its number on the wire.
    pub const ALL: [Kind; 8] =
        [Kind::Video, Kind::Audio, Kind::Message, Kind::Request, Kind::Response, Kind::Event, Kind::Info, Kind::Bulk];
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    pub track: TrackId,
    /// The frame's place in its track; a publisher counts up by one.
    pub sequence: u64,
    /// Media time in microseconds, on the publisher's own media clock.
    pub time: Micros,
    pub kind: Kind,
    /// A reader can begin here.
    pub keyframe: bool,
    /// Temporal layer, 0 (needed by all) to [`MAX_LAYER`].
    pub layer: u8,
    /// How many places back in the track the frame stands that this one refers to; 0 when it refers to none.
    pub depends: u64,
}

impl FrameHeader {
    /// A header for a frame that stands alone: no temporal layer, no reference.
    pub fn alone(track: TrackId, sequence: u64, time: Micros, kind: Kind) -> Self {
        Self { track, sequence, time, kind, keyframe: true, layer: 0, depends: 0 }
    }

    /// The sequence number of the frame this one refers to.
    pub fn reference(&self) -> Option<u64> {
        match self.depends {
            0 => None,
            distance => self.sequence.checked_sub(distance),
        }
    }

    fn check(&self, payload: usize) -> Result<(), WireError> {
        if payload > MAX_PAYLOAD {
            return Err(WireError::TooLong { length: payload as u64 });
        }
        if self.layer > MAX_LAYER {
            return Err(WireError::Layer { layer: self.layer });
        }
        if self.keyframe && self.depends != 0 || self.depends > self.sequence {
            return Err(WireError::Reference { sequence: self.sequence, depends: self.depends });
        }
        if self.track.0 > varint::MAX || self.sequence > varint::MAX || self.time > varint::MAX {
            return Err(WireError::TooLarge);
        }
        Ok(())
    }
}

/// Why bytes are not a frame, or a frame cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    #[error("a payload of {length} bytes is over the limit of {MAX_PAYLOAD}; split it")]
    TooLong { length: u64 },
    #[error("temporal layer {layer} is over the limit of {MAX_LAYER}")]
    Layer { layer: u8 },
    #[error("frame {sequence} cannot refer {depends} frames back")]
    Reference { sequence: u64, depends: u64 },
    #[error("the reserved bits of the flag byte {flags:#04x} are set: the sender speaks a newer version")]
    Reserved { flags: u8 },
    #[error("a number does not fit into 62 bits")]
    TooLarge,
}

/// What [`Frame::decode`] found at the front of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    Frame(Frame),
    /// At least this many bytes more are needed.
    Incomplete {
        needed: usize,
    },
}

/// A frame, encoded. Cloning it shares the one buffer.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    header: FrameHeader,
    encoded: Bytes,
    payload_at: usize,
}

impl Frame {
    /// Encodes a frame. Errors when the header contradicts itself or a limit is passed.
    pub fn new(header: FrameHeader, payload: &[u8]) -> Result<Self, WireError> {
        header.check(payload.len())?;
        let size = header_size(&header, payload.len());
        let mut out = BytesMut::with_capacity(size + payload.len());
        put_header(&mut out, &header, payload.len());
        out.put_slice(payload);
        Ok(Self { header, encoded: out.freeze(), payload_at: size })
    }

    pub fn header(&self) -> &FrameHeader {
        &self.header
    }

    /// The payload, sharing the frame's buffer.
    pub fn payload(&self) -> Bytes {
        self.encoded.slice(self.payload_at..)
    }

    /// Header and payload as they stand on the wire, shared by all readers.
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// The same frame in a buffer of just its size, when it is a slice of something larger.
    pub fn into_own_buffer(self) -> Self {
        Self { encoded: Bytes::copy_from_slice(&self.encoded), ..self }
    }

    /// Frames that follow each other in one track as one buffer, for readers that take bytes as they come. Its header is
    /// the first one's; what stands behind that is no single payload. `None` of no frames.
    pub fn joined(frames: &[Self]) -> Option<Self> {
        let [first, rest @ ..] = frames else { return None };
        if rest.is_empty() {
            return Some(first.clone());
        }
        let mut encoded = BytesMut::with_capacity(frames.iter().map(|frame| frame.encoded.len()).sum());
        frames.iter().for_each(|frame| encoded.put_slice(&frame.encoded));
        Some(Self { encoded: encoded.freeze(), ..first.clone() })
    }

    /// Takes one frame from the front of `input`, or says how many bytes are missing and leaves `input` as it is.
    pub fn decode(input: &mut BytesMut) -> Result<Decoded, WireError> {
        match measure(input)? {
            Measured::Incomplete { needed } => Ok(Decoded::Incomplete { needed }),
            Measured::Whole { header, payload_at, length } => {
                let encoded = input.split_to(length).freeze();
                Ok(Decoded::Frame(Self { header, encoded, payload_at }))
            }
        }
    }

    /// The same for bytes that are already shared: the frame is a slice of `input`.
    pub fn decode_shared(input: &mut Bytes) -> Result<Decoded, WireError> {
        match measure(input)? {
            Measured::Incomplete { needed } => Ok(Decoded::Incomplete { needed }),
            Measured::Whole { header, payload_at, length } => {
                let encoded = input.split_to(length);
                Ok(Decoded::Frame(Self { header, encoded, payload_at }))
            }
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("header", &self.header)
            .field("payload", &(self.encoded.len() - self.payload_at))
            .finish()
    }
}

enum Measured {
    Incomplete { needed: usize },
    Whole { header: FrameHeader, payload_at: usize, length: usize },
}

fn measure(input: &[u8]) -> Result<Measured, WireError> {
    let mut reader = Reader::new(input);
    let Some(flags) = reader.byte() else {
        return Ok(Measured::Incomplete { needed: 1 });
    };
    if flags & RESERVED != 0 {
        return Err(WireError::Reserved { flags });
    }
    let mut numbers = [0u64; 5];
    for number in &mut numbers {
        match reader.varint() {
            Some(value) => *number = value,
            None => return Ok(Measured::Incomplete { needed: 1 }),
        }
    }
    let [track, sequence, time, depends, length] = numbers;
    let header = FrameHeader {
        track: TrackId(track),
        sequence,
        time,
        kind: Kind::ALL[usize::from(flags >> KIND_SHIFT)],
        keyframe: flags & KEYFRAME != 0,
        layer: flags >> LAYER_SHIFT & MAX_LAYER,
        depends,
    };
    let payload = usize::try_from(length).map_err(|_| WireError::TooLong { length })?;
    header.check(payload)?;
    let payload_at = reader.position();
    let whole = payload_at + payload;
    if input.len() < whole {
        return Ok(Measured::Incomplete { needed: whole - input.len() });
    }
    Ok(Measured::Whole { header, payload_at, length: whole })
}

fn header_size(header: &FrameHeader, payload: usize) -> usize {
    [header.track.0, header.sequence, header.time, header.depends, payload as u64]
        .into_iter()
        .map(varint::size)
        .sum::<usize>()
        + 1
}

fn put_header(out: &mut BytesMut, header: &FrameHeader, payload: usize) {
    let keyframe = if header.keyframe { KEYFRAME } else { 0 };
    out.put_u8((header.kind as u8) << KIND_SHIFT | keyframe | header.layer << LAYER_SHIFT);
    for number in [header.track.0, header.sequence, header.time, header.depends, payload as u64] {
        varint::put(out, number);
    }
}

const KIND_SHIFT: u8 = 5;
const KEYFRAME: u8 = 0b0001_0000;
const LAYER_SHIFT: u8 = 2;
const RESERVED: u8 = 0b0000_0011;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers() -> impl Strategy<Value = FrameHeader> {
        (0..=varint::MAX, 0..=varint::MAX, 0..=varint::MAX, 0..8usize, any::<bool>(), 0..=MAX_LAYER, 0..=64u64)
            .prop_map(|(track, sequence, time, kind, keyframe, layer, depends)| FrameHeader {
                track: TrackId(track),
                sequence,
                time,
                kind: Kind::ALL[kind],
                keyframe,
                layer,
                depends: if keyframe { 0 } else { depends.min(sequence) },
            })
    }

    #[test]
    fn a_payload_at_the_limit_passes_and_one_over_it_does_not() {
        let header = FrameHeader::alone(TrackId(1), 1, 0, Kind::Bulk);
        let whole = Frame::new(header, &vec![7; MAX_PAYLOAD]).unwrap();
        let mut input = BytesMut::from(whole.encoded().as_ref());
        assert_eq!(Frame::decode(&mut input), Ok(Decoded::Frame(whole)));

        assert_eq!(
            Frame::new(header, &vec![7; MAX_PAYLOAD + 1]),
            Err(WireError::TooLong { length: MAX_PAYLOAD as u64 + 1 })
        );
        let mut forged = BytesMut::new();
        put_header(&mut forged, &header, MAX_PAYLOAD + 1);
        assert!(matches!(Frame::decode(&mut forged), Err(WireError::TooLong { .. })));
    }

    #[test]
    fn contradictions_are_refused_on_both_sides() {
        let mut header = FrameHeader::alone(TrackId(1), 3, 0, Kind::Video);
        header.depends = 1;
        assert_eq!(Frame::new(header, b""), Err(WireError::Reference { sequence: 3, depends: 1 }));
        header.keyframe = false;
        assert!(Frame::new(header, b"").is_ok());
        header.depends = 4;
        let mut forged = BytesMut::new();
        put_header(&mut forged, &header, 0);
        assert_eq!(Frame::decode(&mut forged), Err(WireError::Reference { sequence: 3, depends: 4 }));
        let mut newer = BytesMut::from(&[0x01u8][..]);
        assert_eq!(Frame::decode(&mut newer), Err(WireError::Reserved { flags: 1 }));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(header in headers(), payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let frame = Frame::new(header, &payload).unwrap();
            let mut input = BytesMut::from(frame.encoded().as_ref());
            input.extend_from_slice(b"tail");
            prop_assert_eq!(Frame::decode(&mut input), Ok(Decoded::Frame(frame.clone())));
            prop_assert_eq!(&frame.payload()[..], &payload[..]);
            prop_assert_eq!(&input[..], b"tail");
            let mut shared = frame.encoded().clone();
            prop_assert_eq!(Frame::decode_shared(&mut shared), Ok(Decoded::Frame(frame)));
        }

        #[test]
        fn a_frame_cut_anywhere_is_incomplete(header in headers(), payload in proptest::collection::vec(any::<u8>(), 0..300), cut in any::<prop::sample::Index>()) {
            let frame = Frame::new(header, &payload).unwrap();
            let end = cut.index(frame.encoded().len());
            let mut input = BytesMut::from(&frame.encoded()[..end]);
            let Ok(Decoded::Incomplete { needed }) = Frame::decode(&mut input) else { panic!("decoded a cut frame") };
            prop_assert!(needed >= 1 && end + needed <= frame.encoded().len());
            prop_assert_eq!(input.len(), end);
        }

        #[test]
        fn anything_is_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut input = BytesMut::from(&bytes[..]);
            while let Ok(Decoded::Frame(_)) = Frame::decode(&mut input) {}
        }
    }
}
