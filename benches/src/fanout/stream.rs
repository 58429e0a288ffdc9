//! What one reader receives: an HTTP response with a chunked body, in it the native framing, or bare frames.

use bytes::BytesMut;
use relay::{Decoded, Frame, WireError};

/// Takes bytes as they come and hands out frames.
#[derive(Debug)]
pub struct Stream {
    stage: Stage,
    body: BytesMut,
    /// Bytes of the stream's magic still to come.
    magic: usize,
}

#[derive(Debug)]
enum Stage {
    /// Frames without HTTP.
    Bare,
    Head(Vec<u8>),
    /// The chunk's size as read so far.
    Size(usize),
    /// After the size: an extension, and the line's end.
    SizeEnd(usize),
    /// Bytes of the chunk still to come.
    Data(usize),
    /// The line's end after a chunk.
    DataEnd,
    /// A body that ends with the connection.
    Unchunked,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("the server answered {0:?}")]
    Refused(String),
    #[error("the response's head is longer than {MOST_HEAD} bytes")]
    LongHead,
    #[error("a chunk's size has the byte {0:#04x}")]
    BadChunk(u8),
    #[error("the body ended")]
    Ended,
    #[error("not a frame: {0}")]
    Wire(#[from] WireError),
}

impl Stream {
    /// Frames, one after another, from the first byte on.
    pub fn bare() -> Self {
        Self { stage: Stage::Bare, body: BytesMut::new(), magic: 0 }
    }

    /// The answer to a GET, its body in native framing.
    pub fn http() -> Self {
        Self { stage: Stage::Head(Vec::new()), body: BytesMut::new(), magic: MAGIC_BYTES }
    }

    /// Whether the response's head has come.
    pub fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Head(_))
    }

    /// Takes `bytes`, calls `each` with every frame that they complete.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&Frame)) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            let taken = self.step(bytes)?;
            bytes = &bytes[taken..];
        }
        loop {
            match Frame::decode(&mut self.body)? {
                Decoded::Frame(frame) => each(&frame),
                Decoded::Incomplete { .. } => return Ok(()),
            }
        }
    }

    /// Takes some of `bytes` and says how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, StreamError> {
        match &mut self.stage {
            Stage::Bare | Stage::Unchunked => {
                self.take_body(bytes);
                return Ok(bytes.len());
            }
            Stage::Data(left) => {
                let now = bytes.len().min(*left);
                *left -= now;
                if *left == 0 {
                    self.stage = Stage::DataEnd;
                }
                self.take_body(&bytes[..now]);
                return Ok(now);
            }
            Stage::Head(head) => {
                head.push(bytes[0]);
                if head.ends_with(b"\r\n\r\n") {
                    self.stage = after_head(head)?;
                } else if head.len() > MOST_HEAD {
                    return Err(StreamError::LongHead);
                }
            }
            Stage::Size(size) => match bytes[0] {
                digit if digit.is_ascii_hexdigit() => {
                    let value = char::from(digit).to_digit(16).unwrap_or(0) as usize;
                    *size = (*size << 4 | value) & MOST_CHUNK;
                }
                b';' | b'\r' => self.stage = Stage::SizeEnd(*size),
                other => return Err(StreamError::BadChunk(other)),
            },
            Stage::SizeEnd(size) => {
                if bytes[0] == b'\n' {
                    match *size {
                        0 => return Err(StreamError::Ended),
                        size => self.stage = Stage::Data(size),
                    }
                }
            }
            Stage::DataEnd => {
                if bytes[0] == b'\n' {
                    self.stage = Stage::Size(0);
                }
            }
        }
        Ok(1)
    }

    fn take_body(&mut self, bytes: &[u8]) {
        let skipped = self.magic.min(bytes.len());
        self.magic -= skipped;
        self.body.extend_from_slice(&bytes[skipped..]);
    }
}

fn after_head(head: &[u8]) -> Result<Stage, StreamError> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.lines().next().unwrap_or("").to_owned();
    if !status.contains(" 200") {
        return Err(StreamError::Refused(status));
    }
    let chunked = head.lines().any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked"));
    Ok(if chunked { Stage::Size(0) } else { Stage::Unchunked })
}

/// The native framing begins with eight bytes that say what it is.
const MAGIC_BYTES: usize = 8;
const MOST_HEAD: usize = 16 * 1024;
const MOST_CHUNK: usize = 0xff_ffff;

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
        assert_eq!(refused, Err(StreamError::Refused("http/1.1 404 not found".into())));
    }
}
