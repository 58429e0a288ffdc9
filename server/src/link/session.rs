//! One link at the server: its sans-IO core behind a lock, the tracks it may write, and what waits for its driver.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
    time::Duration,
};

use bytes::BytesMut;
use parking_lot::Mutex;
use relay::{
    Frame, Micros, SECOND, TrackId,
    link::{
        Config, Ended, ExchangeId, Freshness, HEARTBEAT, Keepalive, Link, LinkError, Output, Role, Transmitted, Use,
        WAKING,
    },
    seal::{Keys, LinkId},
    track::Track,
    vocabulary::Carriage,
};

use super::{
    doorbell::Doorbell,
    liveness::Silence,
    pulse::{Pulse, Pulses},
};
use crate::clock::Clock;
use crate::connections::{Gauge, Reading};
use crate::http::socket::Line;

/// Outputs that may wait for the driver. More wait only when the far end floods or the driver hangs.
const OUTPUTS_WAITING: usize = 4096;

/// Bytes of commands with pieces of files that may wait for the driver: an honest client has a few pieces on the way.
const BULK_WAITING: usize = 1 << 20;

/// Signs of life on a long answer while something goes on: often enough for every proxy that was measured.
const SIGN_OF_LIFE: Micros = SECOND;
const SIGN_OF_LIFE_BYTES: usize = 64;

#[derive(Debug)]
pub(super) struct Session {
    pub id: LinkId,
    pub clock: Clock,
    pub doorbell: Arc<Doorbell>,
    pub pulse: Pulse,
    inner: Mutex<Inner>,
    /// How many long answers are open: nearly always one, which then need not ask whether another has replaced it.
    open_streams: AtomicUsize,
    /// How many bodies without a length are on their way up.
    long_uploads: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    link: Link,
    writable: HashMap<TrackId, Track>,
    waiting: VecDeque<Output>,
    bulk: VecDeque<Frame>,
    bulk_bytes: usize,
    /// Whether the link was at rest when it was last looked at.
    rests: bool,
    /// Long answers that are open, newest last.
    streams: Vec<ExchangeId>,
    /// The connection that brings heartbeats.
    line: Line,
    ended: Option<String>,
}

/// How a link stands in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub now: Micros,
    /// When the link's timers want to be looked at.
    pub due: Option<Micros>,
    pub silence: Silence,
}

/// Why bytes from the far end, or for it, were refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("this link has ended: {0}")]
    Ended(String),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(
        "more than {OUTPUTS_WAITING} commands or {BULK_WAITING} bytes of files wait: the client sends faster than the \
         server can answer"
    )]
    Flooded,
}

impl Session {
    pub fn new(id: LinkId, keys: Option<Keys>, clock: Clock, pulses: &Arc<Pulses>) -> Self {
        let doorbell = Arc::new(Doorbell::default());
        let config =
            Config { role: Role::Server, keys, freshness: Freshness::default(), driver: Waker::from(doorbell.clone()) };
        let now = clock.micros();
        let inner = Inner {
            link: Link::new(config, now),
            writable: HashMap::new(),
            waiting: VecDeque::new(),
            bulk: VecDeque::new(),
            bulk_bytes: 0,
            rests: false,
            streams: Vec::new(),
            line: Line::default(),
            ended: None,
        };
        let (open_streams, long_uploads) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pulse = pulses.begin(doorbell.clone());
        Self { id, clock, doorbell, pulse, inner: Mutex::new(inner), open_streams, long_uploads }
    }

    /// Runs `act` on the link; what comes of it is handed on.
    pub fn with_link<T>(&self, act: impl FnOnce(&mut Link, Micros) -> T) -> T {
        let now = self.clock.micros();
        let mut inner = self.inner.lock();
        let result = act(&mut inner.link, now);
        self.hand_on(&mut inner, now);
        result
    }

    pub fn open_exchange(&self, id: ExchangeId, answer: Answer) -> Result<(), SessionError> {
        let now = self.clock.micros();
        let mut inner = self.inner.lock();
        inner.check()?;
        self.note_heard(now);
        // The same number again is a proxy that repeats a request: the first one's answer will never be read.
        inner.link.close_exchange(id, Ended::Broken, now);
        let purpose = match answer {
            Answer::Acknowledgement => Use::Receive,
            Answer::Short => Use::Send,
            Answer::Long { at_rest } => {
                Use::Trial(Keepalive { interval: SIGN_OF_LIFE, at_rest, bytes: SIGN_OF_LIFE_BYTES })
            }
        };
        inner.link.open_exchange(id, purpose, now);
        if let Answer::Long { .. } = answer {
            inner.streams.push(id);
            self.open_streams.store(inner.streams.len(), Ordering::Relaxed);
            self.doorbell.ring_driver();
        }
        Ok(())
    }

    pub fn close_exchange(&self, id: ExchangeId, ended: Ended) {
        let now = self.clock.micros();
        let mut inner = self.inner.lock();
        inner.streams.retain(|stream| *stream != id);
        self.open_streams.store(inner.streams.len(), Ordering::Relaxed);
        inner.link.close_exchange(id, ended, now);
        let timers_changed = inner.link.knows_exchange(id) || ended == Ended::Broken;
        drop(inner);
        if timers_changed {
            self.doorbell.ring_driver();
        }
    }

    /// Takes bytes that came up. `answered` says that the answer to them follows at once and brings the acknowledgement.
    pub fn receive(&self, id: ExchangeId, bytes: &[u8], answered: bool) -> Result<(), SessionError> {
        self.take(id, bytes, 0, |_, _| answered).map(drop)
    }

    /// Takes bytes that came up on an exchange that goes both ways, and may have waited. True if its answer has to bring an
    /// acknowledgement now.
    pub fn receive_duplex(&self, id: ExchangeId, bytes: &[u8], line: &Line) -> Result<bool, SessionError> {
        let is_due = |link: &Link, now| link.acknowledgement_due().is_some_and(|due| due <= now);
        let waited = line.heard_ago().map_or(0, |ago| Micros::try_from(ago.as_micros()).unwrap_or(Micros::MAX));
        self.take(id, bytes, waited, |link, now| link.is_proven(id) && is_due(link, now))
    }

    /// `waited` is for how long they have been there. Says whether there is an acknowledgement and `is_answered`: then
    /// whoever called brings it.
    fn take(
        &self,
        id: ExchangeId,
        bytes: &[u8],
        waited: Micros,
        is_answered: impl FnOnce(&Link, Micros) -> bool,
    ) -> Result<bool, SessionError> {
        let now = self.clock.micros();
        let mut inner = self.inner.lock();
        inner.check()?;
        self.note_heard(now.saturating_sub(waited));
        let result = inner.link.receive(id, bytes, now);
        let acknowledges = inner.link.acknowledgement_due().is_some() && is_answered(&inner.link, now);
        self.hand_on_quietly(&mut inner, now, acknowledges);
        if inner.waiting.len() > OUTPUTS_WAITING || inner.bulk_bytes > BULK_WAITING {
            return Err(SessionError::Flooded);
        }
        result?;
        Ok(acknowledges)
    }

    /// Writes what is worth sending now, and lets `waker` be woken for the next thing. Gives how often the doorbell had
    /// rung when it looked.
    pub fn transmit(
        &self,
        id: ExchangeId,
        limit: usize,
        out: &mut BytesMut,
        waker: &Waker,
    ) -> Result<(Transmitted, u32), SessionError> {
        // Asked for first: what is appended while the link looks for something to send must ring.
        let rings = self.doorbell.wait(waker);
        let now = self.clock.micros();
        let mut inner = self.inner.lock();
        let transmitted = inner.link.transmit(id, limit, out, now);
        self.hand_on(&mut inner, now);
        let transmitted = transmitted?;
        if transmitted == Transmitted::Nothing {
            // A link that has ended says so first, then falls silent.
            inner.check()?;
        }
        Ok((transmitted, rings))
    }

    /// Whether a newer long answer than `id` is known to arrive, so that this one may end.
    pub fn is_replaced(&self, id: ExchangeId) -> bool {
        if self.open_streams.load(Ordering::Relaxed) < 2 {
            return false;
        }
        let inner = self.inner.lock();
        let newer = inner.streams.iter().skip_while(|stream| **stream != id).skip(1);
        newer.copied().any(|stream| inner.link.is_proven(stream))
    }

    /// Whether a long answer is open that carries something.
    pub fn has_stream(&self) -> bool {
        let inner = self.inner.lock();
        inner.streams.iter().any(|stream| inner.link.is_proven(*stream))
    }

    /// A body without a length begins to come up; until what this gives is dropped.
    pub fn note_long_upload(&self) -> impl Drop + '_ {
        struct Noted<'a>(&'a AtomicUsize);
        impl Drop for Noted<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.long_uploads.fetch_add(1, Ordering::Relaxed);
        Noted(&self.long_uploads)
    }

    pub fn allow(&self, track: Track) {
        let mut inner = self.inner.lock();
        inner.link.accept_track(track.id(), relay::link::Promise::Referenced);
        inner.writable.insert(track.id(), track);
    }

    pub fn forbid(&self, track: TrackId) {
        let mut inner = self.inner.lock();
        inner.link.refuse_track(track);
        inner.writable.remove(&track);
    }

    /// What waits for the driver, oldest first.
    pub fn next_output(&self) -> Option<Output> {
        let waiting = &mut self.inner.lock().waiting;
        let next = waiting.pop_front();
        if next.is_none() {
            // Most links are at rest most of the time.
            waiting.shrink_to(0);
        }
        next
    }

    /// A command with bytes that waits for the driver, if there is room for its answer.
    pub fn next_bulk(&self) -> Option<Frame> {
        let mut inner = self.inner.lock();
        if inner.bulk.is_empty() || !inner.link.takes_bulk() {
            return None;
        }
        let frame = inner.bulk.pop_front()?;
        inner.bulk_bytes -= frame.encoded().len();
        Some(frame)
    }

    /// When something is to be done about the link, and how long it has been silent.
    pub fn timing(&self) -> Timing {
        let now = self.clock.micros();
        let inner = self.inner.lock();
        let unheard = self.silence(&inner, now);
        Timing {
            now,
            due: inner.link.next_timeout(now),
            silence: Silence { unheard, stirred: inner.link.stirred_since(now).map(|since| now.saturating_sub(since)) },
        }
    }

    /// How long nothing has come, be it that nobody has looked at it yet.
    fn silence(&self, inner: &Inner, now: Micros) -> Micros {
        if self.pulse.silence(now) > HEARTBEAT {
            self.pulse.look_at(&inner.line, now);
        }
        self.pulse.silence(now)
    }

    /// Heartbeats will come by this connection. Those that say nothing else need not be looked at.
    pub fn expect_heartbeats(&self, line: Line) {
        line.wake_for(WAKING);
        self.pulse.lie_at(line.clone());
        self.inner.lock().line = line;
    }

    /// Whether each heartbeat is to be looked at when it comes.
    pub fn look_at_heartbeats(&self, looks: bool) {
        self.inner.lock().line.wake_for(if looks { 1 } else { WAKING });
    }

    /// Ends the link: the far end is told, and nothing more is taken from it.
    pub fn end(&self, reason: &str) {
        let mut inner = self.inner.lock();
        if inner.ended.is_none() {
            inner.link.close(reason);
            inner.ended = Some(reason.to_owned());
        }
        drop(inner);
        self.doorbell.ring_driver();
    }

    pub fn ended(&self) -> Option<String> {
        self.inner.lock().ended.clone()
    }

    fn note_heard(&self, at: Micros) {
        if self.pulse.beat(at) {
            self.doorbell.ring_driver();
        }
    }

    /// Media goes straight into its track, where its readers wait; everything else is the driver's.
    fn hand_on(&self, inner: &mut Inner, now: Micros) {
        self.hand_on_quietly(inner, now, false);
    }

    /// The same. The driver need not be told of an acknowledgement that is given anyhow.
    fn hand_on_quietly(&self, inner: &mut Inner, now: Micros, acknowledged: bool) {
        while let Some(output) = inner.link.poll_output() {
            match output {
                Output::Frame(frame) if frame.header().track == TrackId::BULK => {
                    inner.bulk_bytes += frame.encoded().len();
                    inner.bulk.push_back(frame);
                }
                Output::Frame(frame) if frame.header().track != TrackId::CONTROL => {
                    let Some(track) = inner.writable.get(&frame.header().track) else { continue };
                    if let Err(error) = track.append(frame, now) {
                        tracing::debug!(link = %self.id, track = %track.id(), %error, "a frame was not taken");
                    }
                }
                other => inner.waiting.push_back(other),
            }
        }
        // The driver looks at the other timers by itself; only these can come nearer.
        let rests = inner.link.is_at_rest(now);
        let stirred = std::mem::replace(&mut inner.rests, rests) && !rests;
        let waits = !inner.waiting.is_empty() || !inner.bulk.is_empty();
        let acknowledge = !acknowledged && inner.link.acknowledgement_due().is_some();
        if acknowledge || waits || stirred {
            self.doorbell.ring_driver();
        }
    }
}

impl Gauge for Session {
    fn read(&self) -> Reading {
        let now = self.clock.micros();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let carriage = |streams| if streams { Carriage::Streaming } else { Carriage::Short };
        Reading {
            up: carriage(self.long_uploads.load(Ordering::Relaxed) > 0),
            down: carriage(inner.streams.iter().any(|stream| inner.link.is_proven(*stream))),
            silence: Duration::from_micros(self.silence(inner, now)),
            waiting: inner.waiting.len(),
            statistics: inner.link.statistics(now),
        }
    }
}

/// What the answer to an exchange carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The answer to a POST: what was received, perhaps a little more.
    Acknowledgement,
    /// One batch.
    Short,
    /// Records for as long as the exchange lasts, once the client has found that they arrive. While the link is at
    /// rest there is a sign of life each `at_rest`.
    Long { at_rest: Micros },
}

impl Inner {
    fn check(&self) -> Result<(), SessionError> {
        self.ended.clone().map_or(Ok(()), |reason| Err(SessionError::Ended(reason)))
    }
}
