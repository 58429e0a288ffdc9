//! Links under virtual time: a network of exchanges that are cut, delayed, doubled and held.

use std::{collections::BTreeMap, task::Waker};

use bytes::BytesMut;
use proptest::prelude::*;

mod bulk;
mod rest;

use super::*;
use crate::{MILLISECOND, SECOND, track::Retention};

const CHAT: TrackId = TrackId(11);
const VIDEO: TrackId = TrackId(12);
const AUDIO: TrackId = TrackId(13);
const UP_VIDEO: TrackId = TrackId(14);
const STEP: Micros = 5 * MILLISECOND;

/// One exchange: bytes on their way in one direction.
struct Pipe {
    id: ExchangeId,
    up: bool,
    delay: Micros,
    /// Bytes an end may write in one step.
    rate: usize,
    transit: Vec<(Micros, Vec<u8>)>,
    delivered: Vec<u8>,
}

struct Sim {
    now: Micros,
    client: Link,
    server: Link,
    pipes: Vec<Pipe>,
    next_id: u64,
    at_client: Vec<Frame>,
    at_server: Vec<Frame>,
    wanted: Vec<TrackId>,
    archive: Vec<Frame>,
    bulk_taken: usize,
}

impl Sim {
    fn new() -> Self {
        let end = |role| {
            let config = Config { role, keys: None, freshness: Freshness::default(), driver: Waker::noop().clone() };
            Link::new(config, 0)
        };
        Self {
            now: 0,
            client: end(Role::Client),
            server: end(Role::Server),
            pipes: Vec::new(),
            next_id: 0,
            at_client: Vec::new(),
            at_server: Vec::new(),
            wanted: Vec::new(),
            archive: Vec::new(),
            bulk_taken: 0,
        }
    }

    fn open(&mut self, up: bool, delay: Micros, rate: usize) {
        self.next_id += 1;
        let id = ExchangeId(self.next_id);
        let keepalive = Keepalive { interval: SECOND, at_rest: HEARTBEAT, bytes: 64 };
        let (sends, receives) = (Use::Stream(keepalive), Use::Receive);
        self.client.open_exchange(id, if up { sends } else { receives }, self.now);
        self.server.open_exchange(id, if up { receives } else { sends }, self.now);
        self.pipes.push(Pipe { id, up, delay, rate, transit: Vec::new(), delivered: Vec::new() });
    }

    /// One exchange that goes both ways at once.
    fn open_duplex(&mut self, delay: Micros) {
        self.open(false, delay, 10_000);
        let id = self.pipes[self.pipes.len() - 1].id;
        let seldom = Keepalive { interval: SECOND, at_rest: 600 * SECOND, bytes: 64 };
        self.server.open_exchange(id, Use::Stream(seldom), self.now);
        self.client.open_exchange(id, Use::Heartbeat(HEARTBEAT), self.now);
        self.pipes.push(Pipe { id, up: true, delay, rate: 10_000, transit: Vec::new(), delivered: Vec::new() });
    }

    fn has(&self, up: bool) -> bool {
        self.pipes.iter().any(|pipe| pipe.up == up)
    }

    /// Cuts a pipe; of what is on its way only the first `keep` bytes still arrive.
    fn cut(&mut self, index: usize, keep: usize) {
        let pipe = self.pipes.remove(index);
        let mut rest: Vec<u8> = pipe.transit.into_iter().flat_map(|(_, bytes)| bytes).collect();
        rest.truncate(keep);
        let receiver = if pipe.up { &mut self.server } else { &mut self.client };
        receiver.receive(pipe.id, &rest, self.now).unwrap();
        self.client.close_exchange(pipe.id, Ended::Broken, self.now);
        self.server.close_exchange(pipe.id, Ended::Broken, self.now);
        self.drain();
    }

    /// Delivers everything that ever arrived on a pipe once more, as a proxy does that repeats a request.
    fn repeat(&mut self, index: usize) {
        let (up, bytes) = (self.pipes[index].up, self.pipes[index].delivered.clone());
        self.next_id += 1;
        let id = ExchangeId(self.next_id);
        let receiver = if up { &mut self.server } else { &mut self.client };
        receiver.open_exchange(id, Use::Receive, self.now);
        receiver.receive(id, &bytes, self.now).unwrap();
        receiver.close_exchange(id, Ended::Complete, self.now);
        self.drain();
    }

    fn step(&mut self) {
        self.now += STEP;
        for pipe in &mut self.pipes {
            let (sender, receiver) =
                if pipe.up { (&mut self.client, &mut self.server) } else { (&mut self.server, &mut self.client) };
            let mut out = BytesMut::new();
            if sender.transmit(pipe.id, pipe.rate, &mut out, self.now).unwrap().is_something() {
                pipe.transit.push((self.now + pipe.delay, out.to_vec()));
            }
            while pipe.transit.first().is_some_and(|(at, _)| *at <= self.now) {
                let (_, bytes) = pipe.transit.remove(0);
                receiver.receive(pipe.id, &bytes, self.now).unwrap();
                pipe.delivered.extend(bytes);
            }
        }
        for link in [&mut self.client, &mut self.server] {
            if link.next_timeout(self.now).is_some_and(|at| at <= self.now) {
                link.handle_timeout(self.now);
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Frame(frame) => self.at_client.push(frame),
                Output::KeyframeWanted(track) => self.wanted.push(track),
                _ => {}
            }
        }
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frame(frame) => self.at_server.push(frame),
                Output::KeyframeWanted(track) => self.wanted.push(track),
                Output::BulkTaken => self.bulk_taken += 1,
                Output::Archive { track, after, until } => {
                    let wanted = |frame: &&Frame| (after + 1..=until).contains(&frame.header().sequence);
                    let page = self.archive.iter().filter(wanted).take(7).cloned().collect();
                    self.server.feed_archive(track, page);
                }
                _ => {}
            }
        }
    }

    fn sequences(&self, track: TrackId) -> Vec<u64> {
        of(&self.at_client, track)
    }
}

fn of(frames: &[Frame], track: TrackId) -> Vec<u64> {
    frames.iter().map(Frame::header).filter(|header| header.track == track).map(|header| header.sequence).collect()
}

/// A publisher of two temporal layers, which answers requests for keyframes.
struct Camera {
    track: Track,
    next: u64,
    since_keyframe: u64,
}

impl Camera {
    fn new(id: TrackId) -> Self {
        let retention = Retention::Group { max_bytes: 4 << 20, max_time: 12 * SECOND };
        Self { track: Track::new(id, retention), next: 1, since_keyframe: 0 }
    }

    fn capture(&mut self, keyframe: bool, now: Micros) {
        let keyframe = keyframe || self.next == 1;
        self.since_keyframe = if keyframe { 0 } else { self.since_keyframe + 1 };
        let layer = (self.since_keyframe % 2) as u8;
        let depends = match (keyframe, layer) {
            (true, _) => 0,
            (false, 1) => 1,
            (false, _) => 2,
        };
        let header = FrameHeader {
            track: self.track.id(),
            sequence: self.next,
            time: now,
            kind: Kind::Video,
            keyframe,
            layer,
            depends,
        };
        let size = if keyframe { 30_000 } else { 3_000 };
        self.track.append(Frame::new(header, &vec![0; size]).unwrap(), now).unwrap();
        self.next += 1;
    }
}

fn alone(track: TrackId, kind: Kind, sequence: u64, now: Micros) -> Frame {
    let payload = format!("{track} {sequence}").repeat(12);
    Frame::new(FrameHeader::alone(track, sequence, now, kind), payload.as_bytes()).unwrap()
}

/// No frame without the one it refers to, and none twice.
fn check_references(frames: &[Frame], track: TrackId) {
    let mut seen = BTreeMap::new();
    for header in frames.iter().map(Frame::header).filter(|header| header.track == track) {
        if let Some(reference) = header.reference() {
            assert!(seen.contains_key(&reference), "{track}: {} came without {reference}", header.sequence);
        }
        assert!(seen.insert(header.sequence, ()).is_none(), "{track}: {} came twice", header.sequence);
    }
}

#[derive(Debug, Clone)]
enum Fault {
    None,
    Cut { which: usize, keep: usize },
    Repeat { which: usize },
    Another { up: bool, delay: u64 },
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        12 => Just(Fault::None),
        2 => (0..8usize, 0..40_000usize).prop_map(|(which, keep)| Fault::Cut { which, keep }),
        1 => (0..8usize).prop_map(|which| Fault::Repeat { which }),
        1 => (any::<bool>(), 0..150u64).prop_map(|(up, delay)| Fault::Another { up, delay }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever is cut, delayed, reordered or repeated: chat, commands and bulk arrive complete, in order and once; no
    /// picture comes without its reference; sound comes at most once; of presence the newest of each arrives.
    #[test]
    fn tracks_keep_their_promises(faults in proptest::collection::vec(faults(), 60..200), rate in 600..60_000usize) {
        let mut sim = Sim::new();
        let chat = Track::resumed(CHAT, 2_000, 1);
        let sound = Track::new(AUDIO, Retention::Group { max_bytes: 1 << 20, max_time: 2 * SECOND });
        let (mut camera, mut up_camera) = (Camera::new(VIDEO), Camera::new(UP_VIDEO));
        sim.server.send_track(&chat, Start::After(0), Class::Message, 0);
        sim.server.send_track(&sound, Start::Live, Class::Audio, 0);
        sim.server.send_track(&camera.track, Start::Live, Class::Video, 0);
        sim.client.send_track(&up_camera.track, Start::Live, Class::Video, 0);
        sim.client.accept_track(CHAT, Promise::Complete { after: 0 });
        sim.client.accept_track(AUDIO, Promise::Referenced);
        sim.client.accept_track(VIDEO, Promise::Referenced);
        sim.server.accept_track(UP_VIDEO, Promise::Referenced);
        let presence = Track::new(TrackId::PRESENCE, Retention::Latest { max_keys: 7 });
        sim.server.send_track(&presence, Start::Oldest, Class::Message, 0);
        sim.client.accept_track(TrackId::PRESENCE, Promise::Latest);
        let (mut requests, mut pieces) = (0, [0, 0]);
        for (tick, fault) in faults.iter().enumerate() {
            let tick = tick as u64 + 1;
            match fault {
                Fault::None => {}
                Fault::Cut { which, keep } if !sim.pipes.is_empty() => sim.cut(which % sim.pipes.len(), *keep),
                Fault::Repeat { which } if !sim.pipes.is_empty() => sim.repeat(which % sim.pipes.len()),
                Fault::Another { up, delay } => sim.open(*up, delay * MILLISECOND, rate),
                Fault::Cut { .. } | Fault::Repeat { .. } => {}
            }
            for up in [true, false] {
                if !sim.has(up) && tick.is_multiple_of(3) {
                    sim.open(up, 20 * MILLISECOND, rate);
                }
            }
            let line = alone(CHAT, Kind::Message, tick, sim.now);
            sim.archive.push(line.clone());
            chat.append(line, sim.now).unwrap();
            sound.append(alone(AUDIO, Kind::Audio, tick, sim.now), sim.now).unwrap();
            // The numbers of a presence track have gaps: they count the changes of everybody.
            let change = alone(TrackId::PRESENCE, Kind::Event, tick * 1_000, sim.now);
            presence.append_keyed(tick % 7, change, sim.now).unwrap();
            let wanted = std::mem::take(&mut sim.wanted);
            camera.capture(wanted.contains(&VIDEO), sim.now);
            up_camera.capture(wanted.contains(&UP_VIDEO), sim.now);
            if tick.is_multiple_of(5) {
                requests += 1;
                sim.client.send_control(Kind::Request, format!("{{\"id\":{requests}}}").as_bytes(), sim.now).unwrap();
                sim.server.send_control(Kind::Event, format!("{{\"n\":{requests}}}").as_bytes(), sim.now).unwrap();
            }
            if tick.is_multiple_of(4) {
                for (end, sent) in [&mut sim.client, &mut sim.server].into_iter().zip(&mut pieces) {
                    *sent += u64::from(end.send_bulk(&[tick as u8; 9_000], sim.now).unwrap());
                }
            }
            for _ in 0..6 {
                sim.step();
            }
        }
        // A calm path for a while.
        for up in [true, false] {
            sim.open(up, 10 * MILLISECOND, 60_000);
        }
        camera.capture(true, sim.now);
        up_camera.capture(true, sim.now);
        for _ in 0..4_000 {
            sim.step();
            // A publisher whose last keyframe was given up on the way is asked for another one.
            for wanted in std::mem::take(&mut sim.wanted) {
                [&mut camera, &mut up_camera].into_iter().filter(|camera| camera.track.id() == wanted).for_each(|camera| camera.capture(true, sim.now));
            }
        }
        let all: Vec<u64> = (1..=faults.len() as u64).collect();
        prop_assert_eq!(sim.sequences(CHAT), all.clone());
        let commands: Vec<u64> = (1..=requests).collect();
        prop_assert_eq!(sim.sequences(TrackId::CONTROL), commands.clone());
        prop_assert_eq!(of(&sim.at_server, TrackId::CONTROL), commands);
        let newest = |ticks: &[u64]| (0..7).map(|key| ticks.iter().filter(|tick| **tick % 7 == key).max().copied())
            .collect::<Vec<_>>();
        let changes: Vec<u64> = sim.sequences(TrackId::PRESENCE).iter().map(|sequence| sequence / 1_000).collect();
        prop_assert_eq!(newest(&changes), newest(&all));
        for (arrived, sent) in [&sim.at_server, &sim.at_client].into_iter().zip(pieces) {
            prop_assert!(of(arrived, TrackId::BULK).into_iter().eq(1..=sent));
        }
        for end in [&mut sim.client, &mut sim.server] {
            prop_assert!(end.bulk.track.is_none(), "what has arrived is not held");
        }
        check_references(&sim.at_client, VIDEO);
        check_references(&sim.at_client, AUDIO);
        check_references(&sim.at_server, UP_VIDEO);
        prop_assert_eq!(sim.client.statistics(sim.now).bytes_held, 0);
        prop_assert!(sim.server.statistics(sim.now).bytes_in_flight < 1_000);
    }
}

#[test]
fn a_reader_that_stalls_holds_at_most_its_bound_and_goes_on_fresh() {
    let mut sim = Sim::new();
    let mut camera = Camera::new(VIDEO);
    let sound = Track::new(AUDIO, Retention::Group { max_bytes: 1 << 20, max_time: 2 * SECOND });
    sim.server.send_track(&camera.track, Start::Live, Class::Video, 0);
    sim.server.send_track(&sound, Start::Live, Class::Audio, 0);
    sim.client.accept_track(VIDEO, Promise::Referenced);
    sim.client.accept_track(AUDIO, Promise::Referenced);
    sim.open(true, 10 * MILLISECOND, 100_000);
    sim.open(false, 10 * MILLISECOND, 100_000);
    let mut sounds = 0;
    let mut run = |sim: &mut Sim, span: Micros| {
        let end = sim.now + span;
        while sim.now < end {
            if sim.now.is_multiple_of(35 * MILLISECOND) {
                let wanted = std::mem::take(&mut sim.wanted).contains(&VIDEO);
                camera.capture(wanted, sim.now);
            }
            if sim.now.is_multiple_of(20 * MILLISECOND) {
                sounds += 1;
                sound.append(alone(AUDIO, Kind::Audio, sounds, sim.now), sim.now).unwrap();
            }
            sim.step();
        }
    };
    run(&mut sim, 2 * SECOND);
    let before = sim.at_client.len();
    assert!(before > 140, "{before} frames in two seconds");
    // The proxy goes on taking bytes and delivers none of them.
    for pipe in &mut sim.pipes {
        pipe.delay = 3_600 * SECOND;
    }
    run(&mut sim, 8 * SECOND);
    let held = sim.server.statistics(sim.now);
    let reserve = 24 * 1024 + record::MAX_CONTENT;
    assert!(held.bytes_in_flight <= held.flight_cap + reserve, "{held:?}");
    assert!(held.dropped > 0);
    // The plug is put back: what comes first is new.
    while !sim.pipes.is_empty() {
        sim.cut(0, 0);
    }
    let (count, at) = (sim.at_client.len(), sim.now);
    sim.open(true, 10 * MILLISECOND, 100_000);
    sim.open(false, 10 * MILLISECOND, 100_000);
    run(&mut sim, SECOND);
    let fresh = &sim.at_client[count..];
    check_references(&sim.at_client, VIDEO);
    assert!(fresh.iter().any(|frame| frame.header().kind == Kind::Video && frame.header().keyframe));
    let oldest = fresh.iter().map(|frame| frame.header().time).min().unwrap();
    assert!(at - oldest <= 2 * SECOND, "{} ms old", (at - oldest) / MILLISECOND);
    let sound_of_last_second = of(fresh, AUDIO).len();
    assert!(sound_of_last_second >= 45, "{sound_of_last_second}");
}

#[test]
fn sound_passes_a_path_too_narrow_for_the_picture() {
    let mut sim = Sim::new();
    let mut camera = Camera::new(VIDEO);
    let sound = Track::new(AUDIO, Retention::Group { max_bytes: 1 << 20, max_time: 2 * SECOND });
    sim.server.send_track(&camera.track, Start::Live, Class::Video, 0);
    sim.server.send_track(&sound, Start::Live, Class::Audio, 0);
    sim.client.accept_track(VIDEO, Promise::Referenced);
    sim.client.accept_track(AUDIO, Promise::Referenced);
    sim.open(true, 20 * MILLISECOND, 100_000);
    // 1,100 bytes in 20 ms are 440 kb/s; the picture alone has about 700.
    sim.open(false, 20 * MILLISECOND, 0);
    let mut sounds = 0u64;
    while sim.now < 20 * SECOND {
        if sim.now.is_multiple_of(35 * MILLISECOND) {
            let wanted = std::mem::take(&mut sim.wanted).contains(&VIDEO);
            camera.capture(wanted, sim.now);
        }
        if sim.now.is_multiple_of(20 * MILLISECOND) {
            sounds += 1;
            sound.append(alone(AUDIO, Kind::Audio, sounds, sim.now), sim.now).unwrap();
        }
        sim.pipes[1].rate = 0;
        if !sim.now.is_multiple_of(20 * MILLISECOND) {
            // A zero limit still lets one small record through; a closed pipe lets none.
            let pipe = sim.pipes.pop().unwrap();
            sim.step();
            sim.pipes.push(pipe);
        } else {
            sim.step();
        }
    }
    check_references(&sim.at_client, VIDEO);
    let heard = sim.sequences(AUDIO).len() as u64;
    assert!(heard * 100 >= sounds * 95, "{heard} of {sounds}");
    assert!(sim.sequences(VIDEO).len() > 60, "{} pictures", sim.sequences(VIDEO).len());
}

#[test]
fn a_far_end_that_breaks_the_rules_is_told_apart() {
    let mut sim = Sim::new();
    sim.open(true, 0, 1_000);
    let id = sim.pipes[0].id;
    assert!(matches!(sim.server.receive(id, b"<html>blocked", 0), Err(LinkError::Record(RecordError::Magic))));
    sim.open(true, 0, 1_000);
    let id = sim.pipes[1].id;
    let mut body = BytesMut::from(&record::MAGIC[..]);
    record::put_record(&mut body, 0, &[0x02, 0, 0, 9, 0, 0], None);
    assert_eq!(sim.server.receive(id, &body, 0), Err(LinkError::NeverSent));
    assert_eq!(sim.server.receive(ExchangeId(99), b"", 0), Err(LinkError::NotOpen(ExchangeId(99))));
}

#[test]
fn commands_that_pile_up_end_the_link() {
    let mut sim = Sim::new();
    sim.open(false, 0, 1_000);
    let id = sim.pipes[0].id;
    let payload = vec![b' '; 100_000];
    for _ in 0..12 {
        sim.server.send_control(Kind::Event, &payload, 0).unwrap();
    }
    assert_eq!(sim.server.transmit(id, 1_000, &mut BytesMut::new(), 0), Err(LinkError::Overflow));
}

#[test]
fn the_far_clock_is_known_after_one_acknowledgement() {
    let mut sim = Sim::new();
    sim.open(true, 30 * MILLISECOND, 10_000);
    sim.open(false, 30 * MILLISECOND, 10_000);
    sim.client.send_control(Kind::Request, b"{}", 0).unwrap();
    for _ in 0..100 {
        sim.step();
    }
    let offset = sim.client.clock_offset().unwrap();
    assert!(offset.unsigned_abs() <= STEP, "{offset}");
    let round_trip = sim.client.statistics(sim.now).round_trip.unwrap();
    assert!((60..=80).contains(&(round_trip / MILLISECOND)), "{round_trip}");
}

#[test]
fn an_exchange_on_trial_carries_nothing_until_it_is_preferred() {
    let mut sim = Sim::new();
    let id = ExchangeId(1);
    let keepalive = Keepalive { interval: SECOND, at_rest: HEARTBEAT, bytes: 64 };
    sim.server.open_exchange(id, Use::Trial(keepalive), 0);
    sim.client.open_exchange(id, Use::Receive, 0);
    sim.pipes.push(Pipe { id, up: false, delay: 0, rate: 9_000, transit: Vec::new(), delivered: Vec::new() });
    sim.next_id = 1;
    sim.open(true, 0, 9_000);
    sim.server.send_control(Kind::Event, b"{}", 0).unwrap();
    while sim.now < 2 * SECOND {
        sim.step();
    }
    assert!(sim.at_client.is_empty());
    assert_eq!(sim.client.received_on(id), TRIALS + 1, "twenty trials in a second, then a sign of life");
    let proof = sim.server.proof(id);
    assert_eq!((proof.arrived, proof.prompt), (TRIALS + 1, TRIALS + 1));
    assert!(!sim.server.is_proven(id));
    sim.client.prefer(id);
    // What tells of it is lost on the way, and told again.
    sim.step();
    let up = sim.pipes.iter().position(|pipe| pipe.up).unwrap();
    sim.cut(up, 0);
    sim.open(true, 0, 9_000);
    for _ in 0..40 {
        sim.step();
    }
    assert_eq!(sim.sequences(TrackId::CONTROL), [1]);
    assert!(sim.server.is_proven(id));
}
