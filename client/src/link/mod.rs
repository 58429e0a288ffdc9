//! The client's end of a link: opened over HTTP, kept alive through cuts, moved to streaming where the path allows it.
//!
//! A [`Connection`] lives through any number of exchanges. It begins on short ones, which pass everything, and has one
//! long exchange on trial in each direction; what proves itself carries from then on, and what stops delivering is left
//! again. Nothing here decides what to send: that is the sans-IO link's.

mod doorbell;
mod down;
mod long_upload;
mod opening;
mod patience;
mod session;
mod up;
mod ways;

use std::sync::Arc;

use relay::{
    Kind, TrackId,
    link::{Class, LinkError, Promise, Statistics},
    seal::{Fingerprint, ServerProof},
    track::{Start, Track},
};
use tokio::task::JoinSet;

pub use opening::{OpenError, fingerprint, probe};
pub use patience::{Backoff, chance};
pub use session::{Clock, LinkEvent, Sink};

use crate::http::Http;
use session::Session;

/// How a direction travels at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carriage {
    /// POSTs with a length, or GETs that wait for one batch.
    Short,
    /// One long body.
    Streaming,
}

/// How a link travels at the moment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Path {
    /// The proxy it goes through, if any.
    pub proxy: Option<String>,
    pub up: Carriage,
    pub down: Carriage,
    /// Whether something came from the server lately.
    pub alive: bool,
    /// Exchanges begun, and those that were cut or refused.
    pub exchanges: u64,
    pub cuts: u64,
}

/// An open link. Dropping it ends everything that works for it.
#[derive(Debug)]
pub struct Connection {
    session: Arc<Session>,
    http: Http,
    fingerprint: Option<Fingerprint>,
    _tasks: JoinSet<()>,
}

impl Connection {
    /// Opens a link: sealed by itself over http, plainly inside TLS over https.
    pub async fn open(http: Http, proof: ServerProof, clock: Clock) -> Result<Self, OpenError> {
        let opened = opening::open(&http, proof).await?;
        let session = Arc::new(Session::new(opened.link, opened.keys, clock));
        let mut tasks = JoinSet::new();
        tasks.spawn(session.clone().keep_time());
        tasks.spawn(up::send_short(session.clone(), http.clone()));
        tasks.spawn(up::keep_streaming(session.clone(), http.clone()));
        tasks.spawn(down::keep_polling(session.clone(), http.clone()));
        tasks.spawn(down::keep_streaming(session.clone(), http.clone()));
        Ok(Self { session, http, fingerprint: opened.fingerprint, _tasks: tasks })
    }

    /// The fingerprint of the certificate that sealed this link.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// The next thing that happened. After [`LinkEvent::Ended`] nothing more does.
    pub async fn next_event(&self) -> LinkEvent {
        self.session.next_event().await
    }

    /// Sends a command's JSON.
    pub fn send_request(&self, payload: &[u8]) -> Result<(), LinkError> {
        self.session.with_link(|link, now| link.send_control(Kind::Request, payload, now))
    }

    /// Sends a command with bytes of its own, after everything else. False if enough wait already:
    /// [`LinkEvent::BulkTaken`] says when to try again.
    pub fn send_bulk(&self, payload: &[u8]) -> Result<bool, LinkError> {
        self.session.with_link(|link, now| link.send_bulk(payload, now))
    }

    /// Sends a track from its next keyframe on.
    pub fn send_track(&self, track: &Track, class: Class) {
        self.session.with_link(|link, now| link.send_track(track, Start::Oldest, class, now));
    }

    pub fn stop_track(&self, track: TrackId) {
        self.session.with_link(|link, _| link.stop_track(track));
    }

    /// Takes in a track; its frames go to `sink` as they come, on the thread that received them.
    pub fn accept_track(&self, track: TrackId, promise: Promise, sink: Sink) {
        self.session.accept_track(track, promise, sink);
    }

    pub fn refuse_track(&self, track: TrackId) {
        self.session.refuse_track(track);
    }

    /// What to add to this end's clock to get the server's, in microseconds.
    pub fn clock_offset(&self) -> Option<i64> {
        self.session.with_link(|link, _| link.clock_offset())
    }

    pub fn statistics(&self) -> Statistics {
        self.session.with_link(|link, now| link.statistics(now))
    }

    /// Frames of a track that were dropped here before they were sent.
    pub fn dropped(&self, track: TrackId) -> u64 {
        self.session.with_link(|link, _| link.dropped(track))
    }

    pub fn path(&self) -> Path {
        self.session.path(self.http.proxy().map(ToString::to_string))
    }

    /// Says good-bye; the link's tasks go on until it was said.
    pub fn close(&self, reason: &str) {
        self.session.with_link(|link, _| link.close(reason));
    }
}
