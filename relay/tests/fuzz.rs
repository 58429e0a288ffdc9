//! Fuzz harnesses: bytes that were damaged in every way meet the decoders and a running link.
//!
//! In the test command each runs for two seconds. `KOMADO_FUZZ_SECONDS=600 cargo test --release -p relay --test fuzz`
//! runs them longer; `KOMADO_FUZZ_SEED` repeats a run.
#![expect(clippy::disallowed_methods, reason = "how long a fuzzer runs is measured by a clock; the relay gets none")]

use std::{
    task::Waker,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use relay::{
    Decoded, Frame, FrameHeader, Kind, MILLISECOND, SECOND, TrackId,
    link::{
        Class, Config, Ended, ExchangeId, Freshness, HEARTBEAT, Keepalive, Link, Output, Promise, Role, Use,
        message::Message,
        record::{Body, MAGIC, put_record},
    },
    track::{Retention, Start, Track},
};

/// Xorshift (Marsaglia, 2003): repeatable, and good enough to break things with.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let seed = std::env::var("KOMADO_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            now.as_nanos() as u64 | 1
        });
        println!("KOMADO_FUZZ_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.next().is_multiple_of(chances)
    }

    /// Changes, cuts, doubles or drops some bytes.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..1 + self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[at] = self.next() as u8,
                1 => bytes[at] ^= 1 << self.below(8),
                2 => bytes.truncate(at),
                3 => bytes.insert(at, self.next() as u8),
                4 => drop(bytes.drain(at..(at + self.below(40)).min(bytes.len()))),
                _ => {
                    let end = (at + self.below(40)).min(bytes.len());
                    bytes.extend_from_within(at..end);
                }
            }
        }
    }

    fn header(&mut self) -> FrameHeader {
        let sequence = self.next() >> (2 + self.below(62));
        let keyframe = self.one_in(3);
        FrameHeader {
            track: TrackId(self.next() >> (2 + self.below(62))),
            sequence,
            time: self.next() >> (2 + self.below(62)),
            kind: Kind::ALL[self.below(8)],
            keyframe,
            layer: self.below(4) as u8,
            depends: if keyframe { 0 } else { (self.next() % 70).min(sequence) },
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most);
        (0..length).map(|_| self.next() as u8).collect()
    }
}

fn seconds() -> Duration {
    let seconds = std::env::var("KOMADO_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

/// Whatever the bytes: frames that come out can be encoded again, and nothing is read twice or beyond the end.
#[test]
fn decoders_take_anything() {
    let mut chance = Chance::new();
    let began = Instant::now();
    let (mut frames, mut messages, mut records) = (0u64, 0u64, 0u64);
    while began.elapsed() < seconds() {
        let mut bytes = Vec::new();
        for _ in 0..1 + chance.below(4) {
            let header = chance.header();
            let payload = chance.bytes(300);
            bytes.extend_from_slice(Frame::new(header, &payload).unwrap().encoded());
        }
        chance.damage(&mut bytes);
        let mut input = BytesMut::from(&bytes[..]);
        while let Ok(Decoded::Frame(frame)) = Frame::decode(&mut input) {
            let again = Frame::new(*frame.header(), &frame.payload()).unwrap();
            assert_eq!(again.payload(), frame.payload());
            frames += 1;
        }
        let mut content = BytesMut::new();
        for _ in 0..1 + chance.below(5) {
            match chance.below(3) {
                0 => Message::Ping.encode(&mut content),
                1 => Message::Frame(Frame::new(chance.header(), b"payload").unwrap()).encode(&mut content),
                _ => Message::Close { reason: "so it is".to_owned() }.encode(&mut content),
            }
        }
        let mut damaged = content.to_vec();
        chance.damage(&mut damaged);
        let mut left = Bytes::from(damaged.clone());
        while let Ok(Some(_)) = Message::decode(&mut left) {
            messages += 1;
        }
        let mut whole = BytesMut::from(&MAGIC[..]);
        for number in 0..3 {
            put_record(&mut whole, number, &damaged, None);
        }
        let mut whole = whole.to_vec();
        chance.damage(&mut whole);
        let mut body = Body::default();
        for piece in whole.chunks(1 + chance.below(64)) {
            body.feed(piece);
            while let Ok(Some(_)) = body.next_record(None) {
                records += 1;
            }
        }
    }
    println!("{frames} frames, {messages} messages, {records} records came out");
    assert!(frames > 0 && messages > 0 && records > 0);
}

struct End {
    link: Link,
    media: Track,
    next: u64,
}

impl End {
    fn new(role: Role) -> Self {
        let config = Config { role, keys: None, freshness: Freshness::default(), driver: Waker::noop().clone() };
        let mut link = Link::new(config, 0);
        let retention = Retention::Group { max_bytes: 1 << 20, max_time: 5 * SECOND };
        let media = Track::new(TrackId(9), retention);
        link.send_track(&media, Start::Live, Class::Video, 0);
        link.accept_track(TrackId(9), Promise::Referenced);
        Self { link, media, next: 1 }
    }

    fn publish(&mut self, chance: &mut Chance, now: u64) {
        let keyframe = self.next == 1 || chance.one_in(9);
        let header = FrameHeader {
            track: TrackId(9),
            sequence: self.next,
            time: now,
            kind: Kind::Video,
            keyframe,
            layer: 0,
            depends: u64::from(!keyframe),
        };
        let payload = vec![7; chance.below(30_000)];
        self.media.append(Frame::new(header, &payload).unwrap(), now).unwrap();
        self.next += 1;
    }
}

/// Two links that hear damaged bytes refuse them, or pass over them, and never panic, hang or hold without bound.
#[test]
fn links_take_anything() {
    let mut chance = Chance::new();
    let began = Instant::now();
    let (mut refused, mut delivered, mut links) = (0u64, 0u64, 0u64);
    while began.elapsed() < seconds() {
        links += 1;
        let (mut client, mut server) = (End::new(Role::Client), End::new(Role::Server));
        let mut now = 0;
        let mut id = 0;
        for _ in 0..60 {
            id += 1;
            let exchange = ExchangeId(id);
            let up = chance.one_in(2);
            let (sender, receiver) = if up { (&mut client, &mut server) } else { (&mut server, &mut client) };
            let keepalive = Keepalive { interval: SECOND, at_rest: HEARTBEAT, bytes: 64 };
            let purpose = match chance.below(10) {
                0..2 => Use::Trial(keepalive),
                2..4 => Use::Heartbeat(HEARTBEAT),
                _ => Use::Stream(keepalive),
            };
            sender.link.open_exchange(exchange, purpose, now);
            let answers = if chance.one_in(2) { Use::Receive } else { Use::Heartbeat(HEARTBEAT) };
            receiver.link.open_exchange(exchange, answers, now);
            for _ in 0..1 + chance.below(6) {
                now += chance.next() % (400 * MILLISECOND);
                sender.publish(&mut chance, now);
                if chance.one_in(4) && sender.link.send_control(Kind::Event, b"{}", now).is_err() {
                    break;
                }
                let mut out = BytesMut::new();
                if sender.link.transmit(exchange, 1 + chance.below(50_000), &mut out, now).is_err() {
                    break;
                }
                let mut bytes = out.to_vec();
                if chance.one_in(3) {
                    chance.damage(&mut bytes);
                }
                let mut broken = false;
                for piece in bytes.chunks(1 + chance.below(3_000)) {
                    broken |= receiver.link.receive(exchange, piece, now).is_err();
                    if broken {
                        refused += 1;
                        break;
                    }
                }
                for end in [&mut *sender, &mut *receiver] {
                    if end.link.next_timeout(now).is_some_and(|at| at <= now) {
                        end.link.handle_timeout(now);
                    }
                    while let Some(output) = end.link.poll_output() {
                        delivered += u64::from(matches!(output, Output::Frame(_)));
                    }
                    let statistics = end.link.statistics(now);
                    assert!(statistics.bytes_held <= 20 << 20, "{statistics:?}");
                    assert!(statistics.bytes_in_flight <= statistics.flight_cap + (64 << 10), "{statistics:?}");
                }
                if broken {
                    break;
                }
            }
            let ended = if chance.one_in(2) { Ended::Complete } else { Ended::Broken };
            sender.link.close_exchange(exchange, ended, now);
            receiver.link.close_exchange(exchange, ended, now);
        }
    }
    println!("{links} links: {delivered} frames delivered, {refused} bodies refused");
    assert!(delivered > 0 && refused > 0);
}
