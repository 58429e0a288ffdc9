//! Public tracks, read by plain long GETs over real sockets.

mod world;

use bytes::BytesMut;
use relay::link::record::MAGIC;
use relay::track::Track;
use relay::{Decoded, Frame, FrameHeader, Kind};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use world::World;

async fn lobby() -> (World, Track, world::Link) {
    let world = World::new().await;
    world.account("studio", true).await;
    let mut link = world.link("studio", "camera").await;
    assert_eq!(link.post("/v1/tracks", json!({"name": "lobby", "public": true})).await.status, 201);
    let track = world.running.state.tracks.public("lobby").unwrap();
    (world, track, link)
}

fn append(track: &Track, sequence: u64, keyframe: bool, size: usize) {
    let header = FrameHeader {
        track: track.id(),
        sequence,
        time: sequence * 33_333,
        kind: Kind::Video,
        keyframe,
        layer: 0,
        depends: u64::from(!keyframe),
    };
    track.append(Frame::new(header, &vec![7; size]).unwrap(), sequence * 33_333).unwrap();
}

/// A reader of chunked bodies that knows nothing but chunks and frames.
struct Reader {
    stream: TcpStream,
    raw: BytesMut,
    body: BytesMut,
    begun: bool,
    ended: bool,
    reads: usize,
}

impl Reader {
    async fn open(world: &World, path: &str) -> (String, Self) {
        let mut stream = world.plain().await;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut raw = BytesMut::with_capacity(64 << 10);
        let head_ends = |raw: &BytesMut| raw.windows(4).position(|end| end == b"\r\n\r\n");
        while head_ends(&raw).is_none() {
            assert!(stream.read_buf(&mut raw).await.unwrap() > 0);
        }
        let head = raw.split_to(head_ends(&raw).unwrap() + 4);
        let head = String::from_utf8(head.to_vec()).unwrap();
        (head, Self { stream, raw, body: BytesMut::new(), begun: false, ended: false, reads: 1 })
    }

    fn unchunk(&mut self) {
        while let Some(end) = self.raw.windows(2).position(|end| end == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&self.raw[..end]).unwrap(), 16).unwrap();
            if self.raw.len() < end + 2 + size + 2 {
                return;
            }
            if size == 0 {
                self.ended = true;
                return;
            }
            let _size = self.raw.split_to(end + 2);
            self.body.extend_from_slice(&self.raw.split_to(size));
            let _end = self.raw.split_to(2);
        }
    }

    async fn frame(&mut self) -> Option<Frame> {
        loop {
            self.unchunk();
            if !self.begun && self.body.len() >= MAGIC.len() {
                assert_eq!(&self.body.split_to(MAGIC.len())[..], MAGIC);
                self.begun = true;
            }
            if self.begun
                && let Decoded::Frame(frame) = Frame::decode(&mut self.body).unwrap()
            {
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            let reading = tokio::time::timeout(world::PATIENCE, self.stream.read_buf(&mut self.raw));
            if reading.await.expect("no frame came").unwrap() == 0 {
                return None;
            }
            self.reads += 1;
        }
    }
}

#[tokio::test]
async fn a_reader_joins_at_the_keyframe_and_hears_all_that_follows() {
    let (world, track, _link) = lobby().await;
    for sequence in 0..10 {
        append(&track, sequence, sequence % 4 == 0, 1000);
    }
    let (head, mut reader) = Reader::open(&world, "/v1/public/lobby").await;
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"));
    for line in [
        "content-type: application/octet-stream",
        "cache-control: no-store, no-transform",
        "x-accel-buffering: no",
        "transfer-encoding: chunked",
    ] {
        assert!(head.contains(line), "{line} is missing in {head}");
    }
    assert!(reader.raw.len() > 8, "the body began in the same write as the head");
    for sequence in 8..10 {
        assert_eq!(reader.frame().await.unwrap().header().sequence, sequence);
    }
    for sequence in 10..20 {
        append(&track, sequence, false, 1000);
        let frame = reader.frame().await.unwrap();
        assert_eq!((frame.header().sequence, frame.payload().len()), (sequence, 1000));
    }
    track.close();
    assert_eq!(reader.frame().await, None);
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_wish_are_problems() {
    let (world, _track, _link) = lobby().await;
    let (head, _) = Reader::open(&world, "/v1/public/nothing").await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    let (head, _) = Reader::open(&world, "/v1/public/lobby?merge_ms=1001").await;
    assert!(head.starts_with("HTTP/1.1 422"), "{head}");
    let (head, _) = Reader::open(&world, "/v1/public/lobby?merge_ms=soon").await;
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
}

#[tokio::test]
async fn who_never_reads_holds_up_nobody_and_skips_to_a_keyframe() {
    let (world, track, _link) = lobby().await;
    append(&track, 0, true, 1000);
    let (_, mut lazy) = Reader::open(&world, "/v1/public/lobby").await;
    let (_, mut keen) = Reader::open(&world, "/v1/public/lobby").await;
    assert_eq!(keen.frame().await.unwrap().header().sequence, 0);
    // 60 MB: far more than the track and all buffers on the way hold.
    for sequence in 1..=600 {
        append(&track, sequence, sequence % 30 == 0, 100_000);
        assert_eq!(keen.frame().await.unwrap().header().sequence, sequence);
    }
    assert!(track.holding().bytes <= 4 << 20);
    assert_eq!(lazy.frame().await.unwrap().header().sequence, 0);
    let (mut last, mut skips) = (0, 0);
    while last < 600 {
        let frame = lazy.frame().await.unwrap();
        if frame.header().sequence != last + 1 {
            assert!(frame.header().keyframe, "after a skip the picture begins anew");
            skips += 1;
        }
        last = frame.header().sequence;
    }
    assert!(skips > 0);
}

#[tokio::test]
async fn a_merge_window_gathers_frames_into_few_writes() {
    let (world, track, _link) = lobby().await;
    append(&track, 0, true, 100);
    let (_, mut reader) = Reader::open(&world, "/v1/public/lobby?merge_ms=200").await;
    assert_eq!(reader.frame().await.unwrap().header().sequence, 0);
    let (began, reads) = (Instant::now(), reader.reads);
    let mut interval = tokio::time::interval(Duration::from_millis(5));
    for sequence in 1..=100 {
        interval.tick().await;
        append(&track, sequence, false, 100);
    }
    for sequence in 1..=100 {
        assert_eq!(reader.frame().await.unwrap().header().sequence, sequence);
    }
    let windows = usize::try_from(began.elapsed().as_millis()).unwrap() / 200 + 3;
    assert!(reader.reads - reads <= windows * 2, "{} reads in {windows} windows", reader.reads - reads);
    // After silence it wakes again.
    tokio::time::sleep(Duration::from_millis(500)).await;
    append(&track, 101, false, 100);
    assert_eq!(reader.frame().await.unwrap().header().sequence, 101);
    track.close();
    assert_eq!(reader.frame().await.map(|frame| frame.header().sequence), None);
}
