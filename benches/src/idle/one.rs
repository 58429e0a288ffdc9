//! One link of the crowd: opened, logged in, watching its contacts, then idle. What it must answer it gives to be posted.

use std::task::Waker;

use bytes::BytesMut;
use relay::link::record::MAGIC;
use relay::link::{Config, Ended, ExchangeId, Freshness, HEARTBEAT, Link, Output, Promise, Role, Use};
use relay::seal::{ClientHandshake, Fingerprint, LinkId, ServerProof};
use relay::vocabulary::{Contacts, Event, ReadFrom, Request, Response, Resume};
use relay::{Kind, Micros, SECOND, TrackId};
use serde::Serialize;

use super::wire::{Way, Wire};
use crate::answer::Answer;
use crate::failure::BenchError;
use crate::machine::clock;

/// Both ways at once: the long answer to a POST whose body has heartbeats. It is a link's first exchange.
const DOWN: ExchangeId = ExchangeId(1);
/// As the client asks for: proxies hold up to this much back before they pass anything on.
const PAD: usize = 4096;
/// As the client asks for: how often something comes at rest, in milliseconds.
const BEAT: u64 = 600_000;
/// How long the body of heartbeats says that it is.
const LENGTH: u64 = 16 << 20;
/// The most bytes of a short POST.
const SHORT: usize = 64 * 1024;

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    LoggingIn,
    Listing,
    Watching,
    Idle,
}

/// A link.
#[derive(Debug)]
pub struct One {
    pub wire: Wire<mio::net::TcpStream>,
    answer: Answer,
    link: Link,
    id: LinkId,
    exchanges: u64,
    stage: Stage,
    spoke_at: Micros,
    /// How often it says at rest that it is there. A little different for each, as clients do it.
    heartbeat: Micros,
    preferred: bool,
}

/// What came in on a link.
#[derive(Debug, Default)]
pub struct Came {
    /// The stamps of changes of presence.
    pub stamps: Vec<u64>,
    /// Whether the link has just begun to be idle.
    pub settled: bool,
}

impl One {
    /// Opens a link and its long GET, and asks to be let in.
    pub fn open(way: &Way, pin: Fingerprint, session: &str) -> Result<Self, BenchError> {
        let mut wire = Wire::connect(way).map_err(BenchError::io("connecting"))?;
        let (id, keys) = match way.tls {
            Some(_) => (named(&wire.exchange(&post("/v1/link", MAGIC))?)?.0, None),
            None => {
                let refused = |error| BenchError::Refused(format!("the seal's handshake: {error}"));
                let host = way.target.ip().to_string();
                let (handshake, hello) = ClientHandshake::begin(&host, ServerProof::Pinned(pin)).map_err(refused)?;
                let answer = wire.exchange(&post("/v1/link/seal", &[MAGIC, &hello[..]].concat()))?;
                let (id, flight) = named(&answer)?;
                let (end, keys, _) = handshake.finish(id, flight).map_err(refused)?;
                wire.exchange(&post(&format!("/v1/link/seal/{id}"), &[MAGIC, &end[..]].concat()))?;
                (id, Some(keys))
            }
        };
        let now = clock::now();
        let driver = Waker::noop().clone();
        let mut link = Link::new(Config { role: Role::Client, keys, freshness: Freshness::default(), driver }, now);
        let heartbeat = HEARTBEAT - HEARTBEAT / 20 * Micros::from(id.0[0]) / 256;
        link.open_exchange(DOWN, Use::Heartbeat(heartbeat), now);
        link.accept_track(TrackId::PRESENCE, Promise::Latest);
        let request = format!(
            "POST /v1/link/{id}/duplex?x={DOWN}&pad={PAD}&beat={BEAT} HTTP/1.1\r\nHost: bench\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {LENGTH}\r\n\r\n"
        );
        let failed = || BenchError::io("asking for a long answer");
        wire.send(request.as_bytes()).map_err(failed())?;
        let wire = wire.into_nonblocking().map_err(failed())?;
        let (answer, stage) = (Answer::default(), Stage::LoggingIn);
        let mut one =
            Self { wire, answer, link, id, exchanges: DOWN.0, stage, spoke_at: now, heartbeat, preferred: false };
        one.ask("POST", "/v1/session", &Resume { session: session.to_owned() })?;
        Ok(one)
    }

    /// Takes what came down.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<Came, BenchError> {
        while !bytes.is_empty() {
            let (taken, part) = self.answer.step(bytes).map_err(refused)?;
            if self.answer.is_done() {
                return Err(refused("the long answer ended"));
            }
            bytes = &bytes[taken..];
            if !part.is_empty() {
                self.link.receive(DOWN, part, clock::now()).map_err(refused)?;
                if !std::mem::replace(&mut self.preferred, true) {
                    self.link.prefer(DOWN);
                }
            }
        }
        self.happened()
    }

    /// Looks at the link's timers, and sends a heartbeat if it is time for one.
    fn keep_time(&mut self, now: Micros) -> Result<(), BenchError> {
        if self.link.next_timeout(now).is_none_or(|at| at > now) {
            return Ok(());
        }
        self.link.handle_timeout(now);
        let mut heartbeat = BytesMut::new();
        self.link.transmit(DOWN, SHORT, &mut heartbeat, now).map_err(refused)?;
        if heartbeat.is_empty() {
            return Ok(());
        }
        self.wire.send(&heartbeat).map_err(BenchError::io("sending a heartbeat"))
    }

    /// Begins a short POST if there is anything to say.
    pub fn begin_post(&mut self) -> Result<Option<(ExchangeId, Vec<u8>)>, BenchError> {
        let now = clock::now();
        self.keep_time(now)?;
        let sign_of_life = if self.link.is_at_rest(now) { self.heartbeat } else { SECOND };
        let silent = now.saturating_sub(self.spoke_at) >= sign_of_life && !self.link.beats(now);
        if !silent && !self.link.has_content(now) {
            return Ok(None);
        }
        self.exchanges += 1;
        let exchange = ExchangeId(self.exchanges);
        self.link.open_exchange(exchange, Use::Send, now);
        let mut body = BytesMut::new();
        self.link.transmit(exchange, SHORT, &mut body, now).map_err(refused)?;
        if body.is_empty() && silent {
            self.link.transmit_probe(exchange, 0, &mut body, now).map_err(refused)?;
        }
        if body.is_empty() {
            self.link.close_exchange(exchange, Ended::Complete, now);
            return Ok(None);
        }
        self.spoke_at = now;
        Ok(Some((exchange, post(&format!("/v1/link/{}/up?x={exchange}", self.id), &body))))
    }

    /// Takes what the answer to a POST carries.
    pub fn take_answer(&mut self, exchange: ExchangeId, body: &[u8]) -> Result<(), BenchError> {
        self.link.receive(exchange, body, clock::now()).map_err(refused)
    }

    /// The answer has come to its end.
    pub fn end_post(&mut self, exchange: ExchangeId) -> Result<Came, BenchError> {
        self.link.close_exchange(exchange, Ended::Complete, clock::now());
        self.happened()
    }

    fn happened(&mut self) -> Result<Came, BenchError> {
        let mut came = Came::default();
        while let Some(output) = self.link.poll_output() {
            match output {
                Output::Frame(frame) if frame.header().kind == Kind::Response => {
                    came.settled |= self.answered(&Response::parse(&frame.payload()).map_err(refused)?)?;
                }
                Output::Frame(frame) if frame.header().track == TrackId::PRESENCE => {
                    let event = Event::parse(&frame.payload()).map_err(refused)?;
                    if let Event::PresenceChanged { presence, .. } = event {
                        came.stamps.extend(presence.status.parse::<u64>());
                    }
                }
                Output::Closed { reason } => return Err(refused(reason)),
                _ => {}
            }
        }
        Ok(came)
    }

    /// Goes on to the next stage. Says whether it is the last.
    fn answered(&mut self, response: &Response) -> Result<bool, BenchError> {
        if response.status >= 400 {
            return Err(refused(format!("{:?}: {}", self.stage, response.body)));
        }
        match self.stage {
            Stage::LoggingIn => {
                self.stage = Stage::Listing;
                self.ask("GET", "/v1/contacts", &())?;
            }
            Stage::Listing => {
                let listed: Contacts = response.clone().read().map_err(refused)?;
                self.stage = Stage::Watching;
                self.ask("PUT", "/v1/cursors/1", &ReadFrom { after: Some(listed.as_of) })?;
            }
            Stage::Watching => {
                self.stage = Stage::Idle;
                return Ok(true);
            }
            Stage::Idle => {}
        }
        Ok(false)
    }

    fn ask(&mut self, method: &str, path: &str, body: &impl Serialize) -> Result<(), BenchError> {
        let request = Request::new(1, method, path, body).and_then(|request| request.encode()).map_err(refused)?;
        self.link.send_control(Kind::Request, &request, clock::now()).map_err(refused)
    }
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let kind = "application/octet-stream";
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn named(answer: &[u8]) -> Result<(LinkId, &[u8]), BenchError> {
    let named = answer.strip_prefix(MAGIC.as_slice()).and_then(<[u8]>::split_first_chunk::<16>);
    named.map(|(name, rest)| (LinkId(*name), rest)).ok_or_else(|| refused("no link was opened"))
}

fn refused(error: impl std::fmt::Display) -> BenchError {
    BenchError::Refused(format!("a link: {error}"))
}
