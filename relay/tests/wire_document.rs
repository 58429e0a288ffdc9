//! The examples in `WIRE.md` are read, decoded and encoded again.

use bytes::{Bytes, BytesMut};
use relay::{
    Decoded, Frame, FrameHeader,
    link::{
        message::{Message, put_frame},
        ranges::Ranges,
        record::{Body, put_record},
    },
};

const DOCUMENT: &str = include_str!("../WIRE.md");

/// The examples of one kind: bytes and what is said of them.
fn examples(kind: &str) -> Vec<(Vec<u8>, String)> {
    let fence = format!("```{kind}\n");
    let found: Vec<_> = DOCUMENT
        .split(&fence)
        .skip(1)
        .map(|rest| {
            let block = rest.split("```").next().unwrap();
            let (bytes, said) = block.trim().split_once('\n').unwrap();
            (hex(&bytes.replace(' ', "")), said.trim().to_owned())
        })
        .collect();
    assert!(!found.is_empty(), "the document has examples of a {kind}");
    found
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn describe(frame: &Frame) -> String {
    let FrameHeader { track, sequence, time, kind, keyframe, layer, depends } = *frame.header();
    let (kind, keyframe, payload) = (kind as u8, u8::from(keyframe), digits(&frame.payload()));
    format!(
        "track={track} sequence={sequence} time={time} kind={kind} keyframe={keyframe} layer={layer} \
         depends={depends} payload={payload}"
    )
}

fn ranges(packets: &Ranges) -> String {
    packets.iter().map(|(first, last)| format!("{first}-{last}")).collect::<Vec<_>>().join(",")
}

#[test]
fn frames_are_as_the_document_says() {
    for (bytes, said) in examples("frame") {
        let mut input = BytesMut::from(&bytes[..]);
        let Ok(Decoded::Frame(frame)) = Frame::decode(&mut input) else { panic!("{said}") };
        assert!(input.is_empty());
        assert_eq!(describe(&frame), said);
        let again = Frame::new(*frame.header(), &frame.payload()).unwrap();
        assert_eq!(digits(again.encoded()), digits(&bytes));
    }
}

#[test]
fn messages_are_as_the_document_says() {
    for (bytes, said) in examples("message") {
        let mut content = Bytes::from(bytes.clone());
        let message = Message::decode(&mut content).unwrap().unwrap();
        let described = match &message {
            Message::Ping => "ping".to_owned(),
            Message::Acknowledgement(it) => {
                format!("acknowledgement delay={} clock={} packets={}", it.delay, it.clock, ranges(&it.packets))
            }
            Message::Frame(frame) => {
                let header = frame.header();
                format!(
                    "frame track={} sequence={} payload={}",
                    header.track,
                    header.sequence,
                    digits(&frame.payload())
                )
            }
            Message::Part(part) => format!(
                "part track={} sequence={} total={} offset={} bytes={}",
                part.track,
                part.sequence,
                part.total,
                part.offset,
                digits(&part.bytes)
            ),
            Message::Close { reason } => format!("close reason={reason}"),
            Message::Prefer { exchange } => format!("prefer exchange={exchange}"),
        };
        assert_eq!(described, said);
        let mut out = BytesMut::new();
        match &message {
            Message::Frame(frame) => put_frame(&mut out, frame.encoded()),
            other => other.encode(&mut out),
        }
        assert_eq!(digits(&out), digits(&bytes));
    }
}

#[test]
fn records_and_bodies_are_as_the_document_says() {
    for (bytes, said) in examples("record") {
        let mut body = Body::default();
        body.feed(b"KOMADO/1");
        body.feed(&bytes);
        let record = body.next_record(None).unwrap().unwrap();
        assert_eq!(format!("number={} content={}", record.number, digits(&record.content)), said);
        let mut out = BytesMut::new();
        put_record(&mut out, record.number, &record.content, None);
        assert_eq!(digits(&out), digits(&bytes));
    }
    for (bytes, said) in examples("body") {
        let mut body = Body::default();
        body.feed(&bytes);
        let numbers: Vec<_> =
            std::iter::from_fn(|| body.next_record(None).unwrap()).map(|record| record.number.to_string()).collect();
        assert_eq!(format!("numbers={}", numbers.join(",")), said);
    }
}
