//! Records: the numbered, optionally sealed pieces that the body of an exchange is made of.
//!
//! `WIRE.md` (section "Body of an exchange") is the specification. A body begins with [`MAGIC`], so that a proxy's block
//! page is never taken for a link; then records follow. Whatever is cut off is lost as whole records.

use bytes::{Buf, BufMut, BytesMut};
use thiserror::Error;

use crate::{
    seal::{OpenError, Opener, Sealer, TAG_LENGTH},
    varint::{self, Reader},
};

/// The first bytes of every body, in both directions.
pub const MAGIC: &[u8; 8] = b"KOMADO/1";

/// The most plain bytes one record carries. Small enough that sound never waits long behind a picture.
pub const MAX_CONTENT: usize = 16 * 1024;

/// A record of length 0, which has no number either: it is nothing but a byte on its way.
pub const FILLER: u8 = 0;

/// The largest value of a record's length field.
const MAX_LENGTH: usize = 8 + MAX_CONTENT + TAG_LENGTH;

/// Why a body is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    #[error("the body does not begin with KOMADO/1: something on the path answered in the server's place")]
    Magic,
    #[error("a record of {0} bytes is over the limit of {MAX_LENGTH}")]
    TooLong(u64),
    #[error("a record is too short to hold its own number")]
    TooShort,
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// One record, opened.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    pub number: u64,
    pub content: BytesMut,
}

/// Cuts a body into records as its bytes come in.
#[derive(Debug, Default)]
pub struct Body {
    input: BytesMut,
    begun: bool,
}

impl Body {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The next whole record; `None` when more bytes are needed.
    pub fn next_record(&mut self, opener: Option<&mut Opener>) -> Result<Option<Record>, RecordError> {
        if !self.begun {
            let here = self.input.len().min(MAGIC.len());
            if self.input[..here] != MAGIC[..here] {
                return Err(RecordError::Magic);
            }
            if here < MAGIC.len() {
                return Ok(None);
            }
            self.input.advance(MAGIC.len());
            self.begun = true;
        }
        let fillers = self.input.iter().take_while(|byte| **byte == FILLER).count();
        self.input.advance(fillers);
        if self.input.is_empty() {
            // What a link at rest holds is held ten thousand times.
            self.input = BytesMut::new();
        }
        let mut reader = Reader::new(&self.input);
        let Some(length) = reader.varint() else {
            return Ok(None);
        };
        if length > MAX_LENGTH as u64 {
            return Err(RecordError::TooLong(length));
        }
        let length_size = reader.position();
        let Some(record) = reader.bytes(length as usize) else {
            return Ok(None);
        };
        let (number, number_size) = varint::read(record).ok_or(RecordError::TooShort)?;
        self.input.advance(length_size);
        let mut content = self.input.split_to(length as usize);
        content.advance(number_size);
        if let Some(opener) = opener {
            opener.open(number, &mut content)?;
        }
        Ok(Some(Record { number, content }))
    }
}

/// The most bytes that stand before a record's content: its length and its number.
const HEAD: usize = 4 + 8;

/// A record whose content is being written at the end of a buffer, to be sealed where it stands.
#[derive(Debug)]
pub struct Draft {
    at: usize,
}

impl Draft {
    /// Begins a record for which about `room` bytes of content are to come, [`MAX_CONTENT`] at most.
    pub fn begin(out: &mut BytesMut, room: usize) -> Self {
        let at = out.len();
        out.reserve(HEAD + room + TAG_LENGTH);
        out.put_bytes(0, HEAD);
        Self { at }
    }

    /// Bytes of content written so far.
    pub fn length(&self, out: &BytesMut) -> usize {
        out.len() - self.at - HEAD
    }

    /// Seals the content where a sealer is given, and says how many bytes the record has.
    pub fn finish(self, out: &mut BytesMut, number: u64, sealer: Option<&mut Sealer>) -> usize {
        let (start, content) = (out.len(), self.at + HEAD);
        if let Some(sealer) = sealer {
            match sealer.seal(number, &mut out[content..]) {
                Some(tag) => out.put_slice(&tag),
                None => out.truncate(content),
            }
        }
        debug_assert!(start - content <= MAX_CONTENT);
        let length = (varint::size(number) + out.len() - content) as u64;
        let head = varint::size(length) + varint::size(number);
        let begin = content - head;
        let mut front = &mut out[begin..content];
        varint::put(&mut front, length);
        varint::put(&mut front, number);
        // The head is shorter than the room that was left for it: the record moves up, or the buffer begins later.
        if self.at == 0 {
            out.advance(begin);
        } else {
            let whole = begin..out.len();
            out.copy_within(whole.clone(), self.at);
            out.truncate(self.at + whole.len());
        }
        out.len() - self.at
    }
}

/// Writes one record of `content`, which is at most [`MAX_CONTENT`] bytes; sealed where a sealer is given.
pub fn put_record(out: &mut BytesMut, number: u64, content: &[u8], sealer: Option<&mut Sealer>) {
    let draft = Draft::begin(out, content.len());
    out.put_slice(content);
    draft.finish(out, number, sealer);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(records: &[(u64, &[u8])]) -> BytesMut {
        let mut out = BytesMut::from(&MAGIC[..]);
        for (number, content) in records {
            put_record(&mut out, *number, content, None);
        }
        out
    }

    #[test]
    fn records_come_out_whole_whatever_the_pieces() {
        let bytes = body(&[(1, b"one"), (70_000, b""), (3, &[9; MAX_CONTENT])]);
        for piece in [1, 7, 4096, bytes.len()] {
            assert_eq!(in_pieces(&bytes, piece), [(1, 3), (70_000, 0), (3, MAX_CONTENT)]);
        }
    }

    /// The number of each record and the size of its content, if the body comes in pieces of so many bytes.
    fn in_pieces(bytes: &[u8], piece: usize) -> Vec<(u64, usize)> {
        let mut body = Body::default();
        let mut found = Vec::new();
        for part in bytes.chunks(piece) {
            body.feed(part);
            while let Some(record) = body.next_record(None).unwrap() {
                found.push((record.number, record.content.len()));
            }
        }
        assert!(body.input.is_empty(), "all of it is used");
        found
    }

    #[test]
    fn a_block_page_is_recognised_at_its_first_byte() {
        let mut page = Body::default();
        page.feed(b"<");
        assert_eq!(page.next_record(None), Err(RecordError::Magic));
    }

    #[test]
    fn a_record_at_the_limit_passes_and_one_over_it_does_not() {
        for (length, fine) in [(MAX_LENGTH as u64, true), (MAX_LENGTH as u64 + 1, false)] {
            let mut bytes = BytesMut::from(&MAGIC[..]);
            varint::put(&mut bytes, length);
            let mut body = Body::default();
            body.feed(&bytes);
            assert_eq!(body.next_record(None).is_ok(), fine);
        }
        let mut body = Body::default();
        body.feed(b"KOMADO/1\x01\x40");
        assert_eq!(body.next_record(None), Err(RecordError::TooShort));
    }

    #[test]
    fn fillers_are_nothing_wherever_they_stand() {
        let mut bytes = BytesMut::from(&MAGIC[..]);
        for number in 1..4 {
            bytes.put_bytes(FILLER, number as usize);
            put_record(&mut bytes, number, &[FILLER; 5], None);
        }
        bytes.put_u8(FILLER);
        for piece in [1, 3, bytes.len()] {
            assert_eq!(in_pieces(&bytes, piece), [(1, 5), (2, 5), (3, 5)]);
        }
    }
}
