//! One link at the client: its sans-IO core behind a lock, where incoming tracks go, and how the path behaves.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, atomic::AtomicBool},
    task::Waker,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use relay::{
    Frame, MILLISECOND, Micros, SECOND, TrackId,
    link::{ASK_EACH, Config, Ended, ExchangeId, Freshness, HEARTBEAT, Link, LinkError, Output, Promise, Role, Use},
    seal::{Keys, LinkId},
};
use tokio::sync::{Notify, watch};

use super::{Carriage, Path, doorbell::Doorbell};

/// A link that was not heard of for this long has ended at the server too.
const FORGOTTEN: Micros = 60 * SECOND;

/// Something comes at least every ten seconds: the answer to a sign of life, or to a poll.
const ALIVE: Micros = 12 * SECOND;

/// The same while heartbeats go up, of which the server acknowledges some.
const ALIVE_BEATING: Micros = ALIVE + (ASK_EACH as Micros - 1) * HEARTBEAT;

/// Timers are not looked at more often than this.
const TICK: Micros = 5 * MILLISECOND;

/// Takes the frames of one track.
pub type Sink = Box<dyn Fn(Frame) + Send>;

/// This process's clock: microseconds since it began.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(&self) -> Micros {
        self.0.elapsed().as_micros() as Micros
    }
}

/// What a link tells the engine.
#[derive(Debug)]
pub enum LinkEvent {
    /// A response or an event on the control track.
    Control(Frame),
    /// An answer with bytes of its own.
    Bulk(Frame),
    /// [`super::Connection::send_bulk`] takes something again.
    BulkTaken,
    /// Readers of this track, which this client sends, need a keyframe.
    KeyframeWanted(TrackId),
    /// This client needs a keyframe of this track to show anything.
    KeyframeMissing(TrackId),
    /// The link is over; a new one can be opened.
    Ended { reason: String },
}

pub(super) struct Session {
    pub id: LinkId,
    pub clock: Clock,
    pub doorbell: Arc<Doorbell>,
    /// Whether a long exchange carries each direction.
    pub streams: watch::Sender<Streams>,
    /// Whether the link is at rest.
    pub rests: watch::Sender<bool>,
    /// Whether the server hears of this client by heartbeats while the link is at rest.
    pub beats: watch::Sender<bool>,
    /// Whether a long body up has come through as it was sent.
    pub passes_long_uploads: AtomicBool,
    /// Told that nothing sent on an exchange arrives any more.
    pub stalled: watch::Sender<Option<ExchangeId>>,
    inner: Mutex<Inner>,
    happened: Notify,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Streams {
    pub up: Option<ExchangeId>,
    pub down: Option<ExchangeId>,
}

struct Inner {
    link: Link,
    sinks: HashMap<TrackId, Sink>,
    events: VecDeque<LinkEvent>,
    next_exchange: u64,
    heard_at: Micros,
    exchanges: u64,
    cuts: u64,
    ended: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Session {
    pub fn new(id: LinkId, keys: Option<Keys>, clock: Clock) -> Self {
        let doorbell = Arc::new(Doorbell::default());
        let now = clock.now();
        let config =
            Config { role: Role::Client, keys, freshness: Freshness::default(), driver: Waker::from(doorbell.clone()) };
        let inner = Inner {
            link: Link::new(config, now),
            sinks: HashMap::new(),
            events: VecDeque::new(),
            next_exchange: 0,
            heard_at: now,
            exchanges: 0,
            cuts: 0,
            ended: false,
        };
        Self {
            id,
            clock,
            doorbell,
            streams: watch::Sender::new(Streams::default()),
            rests: watch::Sender::new(false),
            beats: watch::Sender::new(false),
            passes_long_uploads: AtomicBool::new(false),
            stalled: watch::Sender::new(None),
            inner: Mutex::new(inner),
            happened: Notify::new(),
        }
    }

    pub fn with_link<T>(&self, act: impl FnOnce(&mut Link, Micros) -> T) -> T {
        let mut inner = self.inner.lock();
        let result = act(&mut inner.link, self.clock.now());
        self.hand_on(&mut inner);
        result
    }

    /// Begins an exchange.
    pub fn begin(&self, purpose: Use) -> ExchangeId {
        let mut inner = self.inner.lock();
        inner.next_exchange += 1;
        inner.exchanges += 1;
        let id = ExchangeId(inner.next_exchange);
        inner.link.open_exchange(id, purpose, self.clock.now());
        self.doorbell.timer.notify_one();
        id
    }

    pub fn end(&self, id: ExchangeId, ended: Ended) {
        let mut inner = self.inner.lock();
        inner.cuts += u64::from(ended == Ended::Broken);
        inner.link.close_exchange(id, ended, self.clock.now());
        self.hand_on(&mut inner);
    }

    pub fn receive(&self, id: ExchangeId, bytes: &[u8]) -> Result<(), LinkError> {
        let now = self.clock.now();
        let mut inner = self.inner.lock();
        let result = inner.link.receive(id, bytes, now);
        if result.is_ok() {
            inner.heard_at = now;
        }
        self.hand_on(&mut inner);
        result
    }

    /// One batch for a short POST.
    pub fn batch(&self, id: ExchangeId, limit: usize) -> Result<Bytes, LinkError> {
        let mut out = BytesMut::new();
        self.with_link(|link, now| link.transmit(id, limit, &mut out, now))?;
        Ok(out.freeze())
    }

    pub fn accept_track(&self, track: TrackId, promise: Promise, sink: Sink) {
        let mut inner = self.inner.lock();
        inner.link.accept_track(track, promise);
        inner.sinks.insert(track, sink);
    }

    pub fn refuse_track(&self, track: TrackId) {
        let mut inner = self.inner.lock();
        inner.link.refuse_track(track);
        inner.sinks.remove(&track);
    }

    /// The link is over. What waits to be handed out still is.
    pub fn finish(&self, reason: String) {
        let mut inner = self.inner.lock();
        if !std::mem::replace(&mut inner.ended, true) {
            inner.events.push_back(LinkEvent::Ended { reason });
            self.happened.notify_one();
        }
    }

    pub fn has_ended(&self) -> bool {
        self.inner.lock().ended
    }

    pub async fn next_event(&self) -> LinkEvent {
        loop {
            let event = self.inner.lock().events.pop_front();
            match event {
                Some(event) => return event,
                None => self.happened.notified().await,
            }
        }
    }

    pub fn path(&self, proxy: Option<String>) -> Path {
        let now = self.clock.now();
        let inner = self.inner.lock();
        let streams = *self.streams.borrow();
        let heard_within = if inner.link.beats(now) { ALIVE_BEATING } else { ALIVE };
        let carriage = |stream: Option<ExchangeId>| stream.map_or(Carriage::Short, |_| Carriage::Streaming);
        Path {
            proxy,
            up: carriage(streams.up),
            down: carriage(streams.down),
            alive: now.saturating_sub(inner.heard_at) < heard_within,
            exchanges: inner.exchanges,
            cuts: inner.cuts,
        }
    }

    /// Looks after the link's timers until it ends.
    pub async fn keep_time(self: Arc<Self>) {
        while !self.has_ended() {
            let (next, heard_at) = {
                let inner = self.inner.lock();
                (inner.link.next_timeout(self.clock.now()), inner.heard_at)
            };
            let now = self.clock.now();
            let next = next.unwrap_or(now + SECOND).clamp(now + TICK, now + SECOND);
            let rung = self.doorbell.timer.notified();
            if tokio::time::timeout(Duration::from_micros(next - now), rung).await.is_ok() {
                continue;
            }
            self.with_link(|link, now| link.handle_timeout(now));
            if now.saturating_sub(heard_at) > FORGOTTEN {
                self.finish("nothing came from the server for a minute".to_owned());
            }
        }
    }

    fn hand_on(&self, inner: &mut Inner) {
        while let Some(output) = inner.link.poll_output() {
            let event = match output {
                Output::Frame(frame) if frame.header().track == TrackId::CONTROL => LinkEvent::Control(frame),
                Output::Frame(frame) if frame.header().track == TrackId::BULK => LinkEvent::Bulk(frame),
                Output::BulkTaken => LinkEvent::BulkTaken,
                Output::Frame(frame) => {
                    if let Some(sink) = inner.sinks.get(&frame.header().track) {
                        sink(frame);
                    }
                    continue;
                }
                Output::KeyframeWanted(track) => LinkEvent::KeyframeWanted(track),
                Output::KeyframeMissing(track) => LinkEvent::KeyframeMissing(track),
                Output::Stalled(id) => {
                    self.stalled.send_replace(Some(id));
                    continue;
                }
                // A client's own tracks are media, of which nothing is archived.
                Output::Archive { track, .. } => {
                    inner.link.feed_archive(track, Vec::new());
                    continue;
                }
                Output::Closed { reason } => {
                    inner.ended = true;
                    LinkEvent::Ended { reason }
                }
            };
            inner.events.push_back(event);
            self.happened.notify_one();
        }
        let rests = inner.link.is_at_rest(self.clock.now());
        self.rests.send_if_modified(|known| std::mem::replace(known, rests) != rests);
        let beats = inner.link.beats(self.clock.now());
        self.beats.send_if_modified(|known| std::mem::replace(known, beats) != beats);
        // Acknowledgements fall due sooner than what the timer may be waiting for.
        self.doorbell.timer.notify_one();
    }
}
