//! The answer to one HTTP/1.1 request, taken apart as it comes: the head, then a body in chunks, of a length, or until the end.

/// An answer in the making.
#[derive(Debug)]
pub struct Answer {
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Head(Vec<u8>),
    /// The chunk's size as read so far.
    Size(usize),
    /// After the size: an extension, and the line's end.
    SizeEnd(usize),
    /// Bytes of the chunk still to come.
    Data(usize),
    /// The line's end after a chunk.
    DataEnd,
    /// After the last chunk: fields, each a line, until an empty one. The bytes of the line so far.
    Trailer(usize),
    /// Bytes of a body of known length still to come.
    Length(usize),
    /// A body that ends with the connection.
    Unbounded,
    Done,
}

/// Why an answer is of no use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("the server answered {0:?}")]
    Refused(String),
    #[error("the response's head is longer than {MOST_HEAD} bytes")]
    LongHead,
    #[error("a chunk's size has the byte {0:#04x}")]
    BadChunk(u8),
}

impl Default for Answer {
    fn default() -> Self {
        Self { stage: Stage::Head(Vec::new()) }
    }
}

impl Answer {
    /// Whether the response's head has come.
    pub fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Head(_))
    }

    /// Whether the body has come to its end.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Takes some of `bytes`: says how many, and gives those that are the body's. Nothing is taken after the end.
    pub fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<(usize, &'a [u8]), AnswerError> {
        let Some(first) = bytes.first().copied() else { return Ok((0, &[])) };
        match &mut self.stage {
            Stage::Done => return Ok((0, &[])),
            Stage::Unbounded => return Ok((bytes.len(), bytes)),
            Stage::Data(left) | Stage::Length(left) => {
                let now = bytes.len().min(*left);
                *left -= now;
                if *left == 0 {
                    self.stage = if matches!(self.stage, Stage::Data(_)) { Stage::DataEnd } else { Stage::Done };
                }
                return Ok((now, &bytes[..now]));
            }
            Stage::Head(head) => {
                head.push(first);
                if head.ends_with(b"\r\n\r\n") {
                    self.stage = after_head(head)?;
                } else if head.len() > MOST_HEAD {
                    return Err(AnswerError::LongHead);
                }
            }
            Stage::Size(size) => match first {
                digit if digit.is_ascii_hexdigit() => {
                    let value = char::from(digit).to_digit(16).unwrap_or(0) as usize;
                    *size = (*size << 4 | value) & MOST_CHUNK;
                }
                b';' | b'\r' => self.stage = Stage::SizeEnd(*size),
                other => return Err(AnswerError::BadChunk(other)),
            },
            Stage::SizeEnd(size) => {
                if first == b'\n' {
                    self.stage = if *size == 0 { Stage::Trailer(0) } else { Stage::Data(*size) };
                }
            }
            Stage::DataEnd => {
                if first == b'\n' {
                    self.stage = Stage::Size(0);
                }
            }
            Stage::Trailer(line) => match first {
                b'\n' if *line == 0 => self.stage = Stage::Done,
                b'\n' => *line = 0,
                b'\r' => {}
                _ => *line += 1,
            },
        }
        Ok((1, &[]))
    }
}

fn after_head(head: &[u8]) -> Result<Stage, AnswerError> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.lines().next().unwrap_or("").to_owned();
    if !status.contains(" 200") {
        return Err(AnswerError::Refused(status));
    }
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("transfer-encoding:").is_some_and(|coding| coding.contains("chunked")) {
        return Ok(Stage::Size(0));
    }
    Ok(match field("content-length:").and_then(|length| length.parse().ok()) {
        Some(0) => Stage::Done,
        Some(length) => Stage::Length(length),
        None => Stage::Unbounded,
    })
}

const MOST_HEAD: usize = 16 * 1024;
const MOST_CHUNK: usize = 0xff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(wire: &[u8], step: usize) -> (Vec<u8>, Answer) {
        let mut answer = Answer::default();
        let mut body = Vec::new();
        for mut part in wire.chunks(step) {
            while !part.is_empty() && !answer.is_done() {
                let (taken, found) = answer.step(part).unwrap();
                body.extend(found);
                part = &part[taken..];
            }
        }
        (body, answer)
    }

    #[test]
    fn bodies_come_out_however_the_bytes_were_cut() {
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nA: b\r\n\r\n";
        let sized = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
        for step in [1, 2, 7, 200] {
            for wire in [&chunked[..], sized] {
                let (body, answer) = body(wire, step);
                assert_eq!((body.as_slice(), answer.is_done()), (&b"abcd"[..], true), "steps of {step}");
            }
        }
        let (_, open) = body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", 200);
        assert!(open.is_open() && !open.is_done());
    }

    #[test]
    fn a_refusal_is_told() {
        let mut answer = Answer::default();
        let refused = b"HTTP/1.1 410 Gone\r\n\r\n".iter().find_map(|byte| answer.step(&[*byte]).err());
        assert_eq!(refused, Some(AnswerError::Refused("http/1.1 410 gone".into())));
    }
}
