//! One stream of events: what its listener is told, as bytes of an HTTP body that are made when there is room for them.

use super::chats::{Followed, Found};
use super::feed::Listening;
use super::gauge::StreamGauge;
use super::place::Place;
use super::written;
use crate::connections::{Gauge, Listed, Origin};
use crate::database::DatabaseError;
use crate::delivery::{CloseReason, LinkCommand, LinkHandle};
use crate::identity::Identity;
use crate::mailbox::Receiver;
use crate::state::State;
use bytes::{Bytes, BytesMut};
use http_body::Frame as BodyFrame;
use relay::Frame;
use relay::track::{Cursor, Next, Start};
use relay::vocabulary::{ChatId, Event};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// When the reader should come back after a cut, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// Something goes down this often: some proxies cut what is silent for five seconds.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(4);
/// Bytes after which a piece of the body is handed on.
const PIECE: usize = 16 << 10;
/// When so many chats stand in a place, it is drawn together.
const LONG_PLACE: usize = 32;

/// The body of an answer that goes on until either side ends it. Dropping it takes its listener off everything.
pub struct Stream {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    pieces: mpsc::Receiver<Bytes>,
    gauge: Arc<StreamGauge>,
    /// Its place on the list of connections.
    _listed: Listed,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream(…)")
    }
}

impl Stream {
    /// What this caller, who came from `origin`, is told from `from` on, or from now on. `signals`: also who types and
    /// who has read how far.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open(
        state: Arc<State>,
        identity: Identity,
        origin: Origin,
        from: Option<Place>,
        signals: bool,
    ) -> Result<Self, DatabaseError> {
        let (sender, pieces) = mpsc::channel(1);
        let gauge = Arc::new(StreamGauge::new(state.clock));
        let listener = Listener::open(state.clone(), identity, from, signals).await?;
        let counted: Arc<dyn Gauge> = gauge.clone();
        let listed = state.connections.list(origin, listener.registered.handle.clone(), Arc::downgrade(&counted));
        let work: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            if let Err(error) = listener.work(&sender).await {
                tracing::warn!(%error, "a stream of events ends: its listener will come back");
            }
        });
        Ok(Self { work: Some(work), pieces, gauge, _listed: listed })
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        this.gauge.has_room();
        // The work goes on only here, when the connection has room: what is not taken is not made.
        if let Some(work) = &mut this.work
            && work.as_mut().poll(context).is_ready()
        {
            this.work = None;
        }
        let piece = std::task::ready!(this.pieces.poll_recv(context));
        if let Some(bytes) = &piece {
            this.gauge.took(bytes.len());
        }
        Poll::Ready(piece.map(|bytes| Ok(BodyFrame::data(bytes))))
    }
}

/// A listener among the links of its account, until dropped.
struct Registered {
    state: Arc<State>,
    handle: LinkHandle,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.state.stream_gone(&self.handle);
    }
}

struct Listener {
    registered: Registered,
    commanded: Receiver<LinkCommand>,
    listening: Listening,
    place: Place,
    fresh: bool,
    told: Cursor,
    present: Option<Cursor>,
    followed: Followed,
    /// Once everything that stands in the tracks is sent, all that is stored up to this number is known.
    known_then: Option<u64>,
    out: BytesMut,
}

enum Heard {
    Told(Frame),
    Gap(u64),
    Present(Frame),
    InChat(Found),
}

impl Listener {
    async fn open(
        state: Arc<State>,
        identity: Identity,
        from: Option<Place>,
        signals: bool,
    ) -> Result<Self, DatabaseError> {
        let account = identity.account;
        // In this order, so that nothing falls between: first whatever is told is kept, then it is looked what is there.
        let listening = state.feeds().listen(account);
        let (handle, commanded) = state.stream_opened(&identity)?;
        let registered = Registered { state: state.clone(), handle };
        let fresh = from.is_none();
        let place = match from {
            Some(place) => place,
            None => {
                let told = listening.track.newest().unwrap_or_default();
                let present = state.presences.newest();
                Place { stored: state.chats.barrier().await?, told, present, ..Place::default() }
            }
        };
        let told = listening.track.cursor(Start::After(place.told));
        let present = state.presences.track(account, Some(place.present)).await?;
        let present = present.map(|track| track.cursor(Start::After(place.present)));
        let followed = Followed::all(&state, account, &place, signals).await?;
        let out = BytesMut::new();
        Ok(Self { registered, commanded, listening, place, fresh, told, present, followed, known_then: None, out })
    }

    async fn work(mut self, pieces: &mpsc::Sender<Bytes>) -> Result<(), DatabaseError> {
        written::retry(&mut self.out, RETRY_MS);
        // A place that is ahead of the feed is another server's, or of a time that is set back.
        let lost = self.listening.track.newest().is_none_or(|newest| newest < self.place.told);
        if self.fresh {
            written::of_stream(&mut self.out, "stream.opened", &self.place);
        } else if lost {
            self.gap(self.listening.track.newest().unwrap_or_default());
        }
        let handle = self.registered.handle.clone();
        let closed = std::pin::pin!(handle.closed());
        let mut closed = closed;
        let mut life = tokio::time::interval(HEARTBEAT);
        life.reset();
        loop {
            if !self.out.is_empty() {
                let piece = self.out.split().freeze();
                if pieces.send(piece).await.is_err() {
                    return Ok(());
                }
                life.reset();
            }
            tokio::select! {
                biased;
                reason = &mut closed => {
                    self.farewell(reason);
                    let piece = self.out.split().freeze();
                    // Whoever is gone hears no farewell.
                    let _gone = pieces.send(piece).await;
                    return Ok(());
                }
                Some(command) = self.commanded.recv() => self.obey(&command),
                heard = next(&mut self.told, &mut self.present, &mut self.followed) => self.take(heard).await?,
                _ = life.tick() => self.out.extend_from_slice(written::HEARTBEAT),
            }
            self.gather().await?;
        }
    }

    /// Takes what else stands there, up to a piece.
    async fn gather(&mut self) -> Result<(), DatabaseError> {
        while self.out.len() < PIECE {
            while let Some(command) = self.commanded.try_recv() {
                self.obey(&command);
            }
            let Self { told, present, followed, .. } = self;
            let now = poll_fn(|context| {
                Poll::Ready(match poll(told, present, followed, context) {
                    Poll::Ready(heard) => Some(heard),
                    Poll::Pending => None,
                })
            });
            match now.await {
                Some(heard) => self.take(heard).await?,
                None => {
                    if let Some(stored) = self.known_then.take() {
                        self.draw_together(stored).await?;
                    } else if self.place.chats.len() >= LONG_PLACE {
                        // Everything that was stored until then stands in the tracks when this is answered.
                        self.known_then = Some(self.registered.state.chats.barrier().await?);
                        continue;
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Everything that is stored up to number `stored` has been sent: only chats of which more has been sent are still
    /// named.
    async fn draw_together(&mut self, stored: u64) -> Result<(), DatabaseError> {
        let account = self.followed.account();
        let known: HashMap<_, _> =
            self.registered.state.chats.places(account, None, stored).await?.into_iter().collect();
        let is_further = |chat: &ChatId, sent: &u64| known.get(chat).is_some_and(|sequence| sent > sequence);
        self.place.chats.retain(|chat, sent| is_further(chat, sent));
        self.place.stored = self.place.stored.max(stored);
        Ok(())
    }

    fn obey(&mut self, command: &LinkCommand) {
        // A stream only reads, and what it reads it finds itself.
        if let LinkCommand::Stop { track } = command {
            self.followed.stop(*track);
        }
    }

    async fn take(&mut self, heard: Heard) -> Result<(), DatabaseError> {
        match heard {
            Heard::Told(frame) => {
                self.place.told = frame.header().sequence;
                written::event(&mut self.out, &self.place, &frame);
                self.follow(&frame).await?;
            }
            Heard::Gap(until) => self.gap(until),
            Heard::Present(frame) => {
                self.place.present = self.place.present.max(frame.header().sequence);
                written::event(&mut self.out, &self.place, &frame);
            }
            Heard::InChat(Found::Entry(chat, frame)) => self.entry(chat, &frame),
            Heard::InChat(Found::Signal(chat, frame)) => {
                written::of_chat(&mut self.out, "chat.signal", "signal", &self.place, chat, &frame);
            }
            Heard::InChat(Found::Archived(chat, after, until)) => {
                let frames = self.followed.bring(&self.registered.state, chat, after, until).await?;
                frames.iter().for_each(|frame| self.entry(chat, frame));
            }
        }
        Ok(())
    }

    fn entry(&mut self, chat: u64, frame: &Frame) {
        self.place.chats.insert(chat, frame.header().sequence);
        written::of_chat(&mut self.out, "chat.entry", "entry", &self.place, chat, frame);
    }

    /// Events up to this one were passed over.
    fn gap(&mut self, until: u64) {
        self.place.told = until;
        self.told = self.listening.track.cursor(Start::After(until));
        written::of_stream(&mut self.out, "stream.gap", &self.place);
    }

    /// Follows the chats that an event tells of.
    async fn follow(&mut self, frame: &Frame) -> Result<(), DatabaseError> {
        match Event::parse(&frame.payload()) {
            Ok(Event::ChatOpened { chat } | Event::ChatChanged { chat }) => {
                self.followed.follow(&self.registered.state, chat.id, &self.place).await
            }
            Ok(Event::ChatClosed { chat, .. }) => {
                self.followed.leave(chat);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What is still to be told when the stream ends: that the server closes, above all.
    fn farewell(&mut self, reason: CloseReason) {
        if reason != CloseReason::ServerClosing {
            return;
        }
        while let Next::Frame { frame, .. } = self.told.next_frame() {
            self.place.told = frame.header().sequence;
            written::event(&mut self.out, &self.place, &frame);
        }
    }
}

/// What comes next. Cancelling it loses nothing.
async fn next(told: &mut Cursor, present: &mut Option<Cursor>, followed: &mut Followed) -> Heard {
    poll_fn(|context| poll(told, present, followed, context)).await
}

/// The account's own events first, then what is said in chats, then who is there.
fn poll(
    told: &mut Cursor,
    present: &mut Option<Cursor>,
    followed: &mut Followed,
    context: &mut Context<'_>,
) -> Poll<Heard> {
    match told.poll_next(context) {
        Poll::Ready(Next::Frame { frame, .. }) => return Poll::Ready(Heard::Told(frame)),
        Poll::Ready(Next::Archived { until, .. }) => return Poll::Ready(Heard::Gap(until)),
        // A feed does not close before its last listener.
        Poll::Ready(Next::Empty | Next::Closed) | Poll::Pending => {}
    }
    if let Poll::Ready(found) = followed.poll(context) {
        return Poll::Ready(Heard::InChat(found));
    }
    if let Some(Poll::Ready(Next::Frame { frame, .. })) = present.as_mut().map(|present| present.poll_next(context)) {
        return Poll::Ready(Heard::Present(frame));
    }
    Poll::Pending
}
