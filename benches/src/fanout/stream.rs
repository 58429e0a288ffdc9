//! What one reader receives: an HTTP response with a chunked body, in it the native framing, or bare frames.

use bytes::BytesMut;
use relay::{Decoded, Frame, WireError};

use crate::answer::{Answer, AnswerError};

/// Takes bytes as they come and hands out frames.
#[derive(Debug)]
pub struct Stream {
    /// `None` for frames without HTTP.
    answer: Option<Answer>,
    body: BytesMut,
    /// Bytes of the stream's magic still to come.
    magic: usize,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("the body ended")]
    Ended,
    #[error("not a frame: {0}")]
    Wire(#[from] WireError),
}

impl Stream {
    /// Frames, one after another, from the first byte on.
    pub fn bare() -> Self {
        Self { answer: None, body: BytesMut::new(), magic: 0 }
    }

    /// The answer to a GET, its body in native framing.
    pub fn http() -> Self {
        Self { answer: Some(Answer::default()), body: BytesMut::new(), magic: MAGIC_BYTES }
    }

    /// Whether the response's head has come.
    pub fn is_open(&self) -> bool {
        self.answer.as_ref().is_none_or(Answer::is_open)
    }

    /// Takes `bytes`, calls `each` with every frame that they complete.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&Frame)) -> Result<(), StreamError> {
        match &mut self.answer {
            None => self.body.extend_from_slice(bytes),
            Some(answer) => {
                while !bytes.is_empty() {
                    let (taken, part) = answer.step(bytes)?;
                    if answer.is_done() {
                        return Err(StreamError::Ended);
                    }
                    let skipped = self.magic.min(part.len());
                    self.magic -= skipped;
                    self.body.extend_from_slice(&part[skipped..]);
                    bytes = &bytes[taken..];
                }
            }
        }
        loop {
            match Frame::decode(&mut self.body)? {
                Decoded::Frame(frame) => each(&frame),
                Decoded::Incomplete { .. } => return Ok(()),
            }
        }
    }
}

/// The native framing begins with eight bytes that say what it is.
const MAGIC_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use relay::{FrameHeader, Kind, TrackId};

    fn frame(sequence: u64, length: usize) -> Frame {
        Frame::new(FrameHeader::alone(TrackId(2), sequence, 0, Kind::Video), &vec![b'\n'; length]).unwrap()
    }

    fn sequences(stream: &mut Stream, bytes: &[u8], step: usize) -> Vec<u64> {
        let mut seen = Vec::new();
        for part in bytes.chunks(step) {
            stream.feed(part, |frame| seen.push(frame.header().sequence)).unwrap();
        }
        seen
    }

    #[test]
    fn frames_come_out_however_the_bytes_were_cut() {
        let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nmagicmag\r\n".to_vec();
        let body: Vec<u8> = (1..=3).flat_map(|n| frame(n, 300).encoded().to_vec()).collect();
        for part in body.chunks(170) {
            wire.extend(format!("{:x};x=y\r\n", part.len()).bytes());
            wire.extend(part);
            wire.extend(b"\r\n");
        }
        for step in [1, 2, 7, 100, wire.len()] {
            assert_eq!(sequences(&mut Stream::http(), &wire, step), [1, 2, 3], "steps of {step}");
        }
        let ended = Stream::http().feed(&[&wire[..], b"0\r\n\r\n"].concat(), |_| ());
        assert_eq!(ended, Err(StreamError::Ended));
    }

    #[test]
    fn bare_frames_need_no_head() {
        let bytes = [frame(8, 10).encoded().to_vec(), frame(9, 0).encoded().to_vec()].concat();
        assert_eq!(sequences(&mut Stream::bare(), &bytes, 3), [8, 9]);
    }

    #[test]
    fn a_refusal_is_told() {
        let refused = Stream::http().feed(b"HTTP/1.1 404 Not Found\r\n\r\n", |_| ());
        let words = AnswerError::Refused("http/1.1 404 not found".into());
        assert_eq!(refused, Err(StreamError::Answer(words)));
    }
}
