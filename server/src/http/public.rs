//! Public tracks: one long GET each, readable by anyone, in the clear if need be.
//!
//! The body is the mark `KOMADO/1` and then encoded frames, exactly as the publisher's were encoded: each is shared by
//! all readers and written without a copy. A reader costs its cursor and its socket; one that never reads holds up
//! nothing but itself, and skips to the newest keyframe when it reads again.

use super::extract::{Asked, At};
use super::merge;
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
use schemars::JsonSchema;
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Keeps nginx and its kin from collecting the body in blocks.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How a public track is to be read.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Wish {
    /// Milliseconds within which frames are gathered into one write.
    #[serde(default)]
    merge_ms: u64,
}

/// `GET /v1/public/{name}?merge_ms=`
pub(super) async fn read(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    At(name): At<String>,
    Asked(wish): Asked<Wish>,
) -> Result<Response, Refused> {
    if wish.merge_ms > merge::LONGEST_MS {
        let detail = format!("merge_ms is at most {}.", merge::LONGEST_MS);
        return Err(Problem::new(422, code::INVALID, detail).into());
    }
    let missing = || {
        let detail = format!("Nobody publishes {name:?} at the moment. Try again later.");
        Problem::new(404, code::NOT_FOUND, detail).retry_after_ms(1_000)
    };
    let track = state.tracks.public(&name).ok_or_else(missing)?;
    let cursor = match wish.merge_ms {
        0 => track.cursor(Start::Oldest),
        window => state.merging.reader(&track, window, state.clock),
    };
    let mut response = Response::new(Body::new(Live { begun: false, cursor }));
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
