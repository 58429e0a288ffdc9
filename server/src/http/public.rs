//! Public tracks: one long GET each, readable by anyone, in the clear if need be.
//!
//! The body is the mark `KOMADO/1` and then encoded frames, exactly as the publisher's were encoded: each is shared by
//! all readers and written without a copy. A reader costs its cursor and its socket; one that never reads holds up
//! nothing but itself, and skips to the newest keyframe when it reads again.

use super::extract::{Asked, At};
use super::problem::Refused;
use crate::state::State;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use http_body::Frame;
use relay::link::record::MAGIC;
use relay::track::{Cursor, Next, Start};
use relay::vocabulary::{Problem, code};
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// The longest merge window, in milliseconds.
const MERGE_MAX_MS: u64 = 1_000;
/// Keeps nginx and its kin from collecting the body in blocks.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How a public track is to be read.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    merge_ms: u64,
}

/// `GET /v1/public/{name}?merge_ms=`
pub(super) async fn read(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    At(name): At<String>,
    Asked(wish): Asked<Wish>,
) -> Result<Response, Refused> {
    if wish.merge_ms > MERGE_MAX_MS {
        let detail = format!("merge_ms is at most {MERGE_MAX_MS}.");
        return Err(Problem::new(422, code::INVALID, detail).into());
    }
    let missing = || {
        let detail = format!("Nobody publishes {name:?} at the moment. Try again later.");
        Problem::new(404, code::NOT_FOUND, detail).retry_after_ms(1_000)
    };
    let cursor = state.tracks.public(&name).ok_or_else(missing)?.cursor(Start::Oldest);
    let body = match wish.merge_ms {
        0 => Body::new(Live { begun: false, cursor }),
        window => Body::new(Merged::new(cursor, Duration::from_millis(window))),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

type Piece = Poll<Option<Result<Frame<Bytes>, Infallible>>>;

fn piece(bytes: Bytes) -> Piece {
    Poll::Ready(Some(Ok(Frame::data(bytes))))
}

/// Each frame as soon as it is there. Frames that are ready together leave in one write all the same: hyper asks for
/// more before it writes.
struct Live {
    begun: bool,
    cursor: Cursor,
}

impl http_body::Body for Live {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Piece {
        let this = self.get_mut();
        if !this.begun {
            this.begun = true;
            return piece(Bytes::from_static(MAGIC));
        }
        match ready!(this.cursor.poll_next(context)) {
            Next::Frame { frame, .. } => piece(frame.encoded().clone()),
            // A public track is a group: nothing of it is archived, and its end is the body's.
            Next::Archived { .. } | Next::Empty | Next::Closed => Poll::Ready(None),
        }
    }
}

/// All frames of a window in one write. The windows of all readers end at the same ticks, so that one turn of the timer
/// serves them all.
struct Merged {
    begun: bool,
    cursor: Cursor,
    window: Duration,
    tick: Option<Pin<Box<Sleep>>>,
    /// Something was sent in this window.
    busy: bool,
    epoch: Instant,
}

impl Merged {
    fn new(cursor: Cursor, window: Duration) -> Self {
        Self { begun: false, cursor, window, tick: None, busy: false, epoch: epoch() }
    }

    fn next_tick(&self) -> Instant {
        let window = self.window.as_nanos();
        let passed = self.epoch.elapsed().as_nanos();
        let until = window - passed % window;
        Instant::now() + Duration::from_nanos(u64::try_from(until).unwrap_or_default())
    }
}

/// What the ticks of every window are counted from.
fn epoch() -> Instant {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

impl http_body::Body for Merged {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Piece {
        let this = self.get_mut();
        if !this.begun {
            this.begun = true;
            return piece(Bytes::from_static(MAGIC));
        }
        loop {
            if let Some(tick) = &mut this.tick {
                ready!(tick.as_mut().poll(context));
                this.tick = None;
                this.busy = false;
            }
            match this.cursor.next_frame() {
                Next::Frame { frame, .. } => {
                    this.busy = true;
                    return piece(frame.encoded().clone());
                }
                Next::Empty => {
                    // While media flow the next tick finds some; after an empty window the track itself wakes.
                    if !this.busy && this.cursor.wait(context) {
                        return Poll::Pending;
                    }
                    this.tick = Some(Box::pin(tokio::time::sleep_until(this.next_tick())));
                }
                Next::Archived { .. } | Next::Closed => return Poll::Ready(None),
            }
        }
    }
}
