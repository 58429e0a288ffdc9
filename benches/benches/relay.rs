//! What the relay costs: one frame encoded, decoded, fanned out to 1, 100 and 10,000 readers, and sent down
//! links, with allocations counted.
//!
//! `cargo bench -p komado-bench`. Before the timings a table of allocations is printed: a frame to one more reader
//! must cost none.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use relay::link::{Class, Config, ExchangeId, Freshness, HEARTBEAT, Keepalive, Link, Promise, Role, Use};
use relay::track::{Cursor, Next, Retention, Start, Track};
use relay::{Decoded, Frame, FrameHeader, Kind, SECOND, TrackId};

/// Counts every allocation of this process.
struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

criterion_group!(benches, frames, fan_out, links);
criterion_main!(count_allocations, benches);

/// A frame encoded once and taken by every reader; readers wait as tasks do.
struct Hall {
    track: Track,
    readers: Vec<Cursor>,
    sequence: u64,
}

impl Hall {
    fn new(readers: usize) -> Self {
        let track = Track::new(TRACK, Retention::Group { max_bytes: 1 << 20, max_time: 2 * SECOND });
        let readers = (0..readers).map(|_| track.cursor(Start::Live)).collect();
        Self { track, readers, sequence: 0 }
    }

    fn append(&mut self) {
        self.sequence += 1;
        let frame = frame(self.sequence, PAYLOAD);
        self.track.append(frame, self.sequence * 33_333).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Every reader takes the frame and waits again; returns how many got one.
    fn deliver(&mut self) -> usize {
        let mut context = Context::from_waker(Waker::noop());
        let mut taken = 0;
        for reader in &mut self.readers {
            while let Poll::Ready(Next::Frame { frame, .. }) = reader.poll_next(&mut context) {
                black_box(frame.encoded());
                taken += 1;
            }
        }
        taken
    }
}

fn frame(sequence: u64, payload: usize) -> Frame {
    let keyframe = sequence % 60 == 1;
    let header = FrameHeader {
        keyframe,
        depends: u64::from(!keyframe),
        ..FrameHeader::alone(TRACK, sequence, sequence * 33_333, Kind::Video)
    };
    Frame::new(header, &vec![7; payload]).unwrap_or_else(|error| panic!("{error}"))
}

fn count_allocations() {
    println!("allocations for one frame, after warm-up:");
    println!("{:>10} {:>10} {:>10} {:>24}", "readers", "append", "deliver", "delivered per reader");
    for readers in [1, 100, 10_000] {
        let mut hall = Hall::new(readers);
        for _ in 0..120 {
            hall.append();
            hall.deliver();
        }
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        hall.append();
        let appended = ALLOCATIONS.load(Ordering::Relaxed);
        let taken = hall.deliver();
        let delivered = ALLOCATIONS.load(Ordering::Relaxed);
        assert_eq!(taken, readers, "every reader gets the frame");
        let each = (delivered - appended) as f64 / readers as f64;
        println!("{readers:>10} {:>10} {:>10} {each:>24.4}", appended - before, delivered - appended);
        // The first clone of a frame makes its buffer a shared one, once for all readers.
        assert!(delivered - appended <= 1, "a frame to one more reader must cost no allocation in the relay");
    }
    let mut links = Links::new(100);
    for _ in 0..120 {
        links.send_one();
    }
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    links.send_one();
    let each = (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / 100.0;
    println!("a frame down a link, both ends: {each:.2} allocations\n");
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for payload in [175, PAYLOAD, 65_536] {
        let encoded = frame(77, payload);
        let bytes = vec![7; payload];
        let header = *encoded.header();
        group.bench_function(BenchmarkId::new("encode", payload), |bencher| {
            bencher.iter(|| Frame::new(black_box(header), black_box(&bytes)));
        });
        group.bench_function(BenchmarkId::new("decode", payload), |bencher| {
            let wire = BytesMut::from(&encoded.encoded()[..]);
            bencher.iter_batched_ref(|| wire.clone(), decode, BatchSize::SmallInput);
        });
        let mut shared = encoded.encoded().clone();
        group.bench_function(BenchmarkId::new("decode shared", payload), |bencher| {
            bencher.iter(|| {
                let decoded = Frame::decode_shared(&mut shared.clone());
                shared = encoded.encoded().clone();
                decoded
            });
        });
    }
    group.finish();
}

fn decode(wire: &mut BytesMut) -> Result<Decoded, relay::WireError> {
    Frame::decode(wire)
}

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan-out of one frame");
    for readers in [1usize, 100, 10_000] {
        let mut hall = Hall::new(readers);
        group.throughput(Throughput::Elements(readers as u64));
        group.bench_function(BenchmarkId::from_parameter(readers), |bencher| {
            bencher.iter(|| {
                hall.append();
                hall.deliver()
            });
        });
    }
    group.finish();
}

/// Links that all carry one track down, each with the far end that acknowledges.
struct Links {
    track: Track,
    ends: Vec<(Link, Link)>,
    out: Vec<BytesMut>,
    sequence: u64,
    now: u64,
}

impl Links {
    fn new(count: usize) -> Self {
        let track = Track::new(TRACK, Retention::Group { max_bytes: 1 << 20, max_time: 2 * SECOND });
        let end = |role| {
            let driver = Waker::noop().clone();
            let mut link = Link::new(Config { role, keys: None, freshness: Freshness::default(), driver }, 0);
            link.open_exchange(DOWN, Use::Stream(Keepalive { interval: SECOND, at_rest: HEARTBEAT, bytes: 64 }), 0);
            link.open_exchange(UP, Use::Stream(Keepalive { interval: SECOND, at_rest: HEARTBEAT, bytes: 64 }), 0);
            link
        };
        let ends = (0..count).map(|_| {
            let (mut server, mut client) = (end(Role::Server), end(Role::Client));
            server.send_track(&track, Start::Live, Class::Video, 0);
            client.accept_track(TRACK, Promise::Once);
            (server, client)
        });
        let ends: Vec<_> = ends.collect();
        Self { track, out: vec![BytesMut::new(); ends.len()], ends, sequence: 0, now: 0 }
    }

    /// Appends a frame and lets every link write it. Returns how long that took the sending ends, acknowledgements
    /// included.
    fn send_one(&mut self) -> Duration {
        self.sequence += 1;
        self.now = self.sequence * 33_333;
        let frame = frame(self.sequence, PAYLOAD);
        let begin = Instant::now();
        self.track.append(frame, self.now).unwrap_or_else(|error| panic!("{error}"));
        for ((server, _), out) in self.ends.iter_mut().zip(&mut self.out) {
            *out = BytesMut::new();
            server.transmit(DOWN, 16 << 10, out, self.now).unwrap_or_else(|error| panic!("{error}"));
        }
        let mut took = begin.elapsed();
        for ((server, client), out) in self.ends.iter_mut().zip(&self.out) {
            client.receive(DOWN, out, self.now).unwrap_or_else(|error| panic!("{error}"));
            while let Some(output) = client.poll_output() {
                black_box(output);
            }
            let mut back = BytesMut::new();
            client.transmit(UP, 16 << 10, &mut back, self.now).unwrap_or_else(|error| panic!("{error}"));
            let begin = Instant::now();
            if !back.is_empty() {
                server.receive(UP, &back, self.now).unwrap_or_else(|error| panic!("{error}"));
            }
            took += begin.elapsed();
        }
        took
    }
}

fn links(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one frame down links");
    for count in [1usize, 1_000] {
        let mut links = Links::new(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| links.send_one()).sum());
        });
    }
    group.finish();
}

const DOWN: ExchangeId = ExchangeId(1);
const UP: ExchangeId = ExchangeId(2);
const TRACK: TrackId = TrackId(2);
/// A video frame at 1 Mb/s and 30 frames a second.
const PAYLOAD: usize = 4_167;
