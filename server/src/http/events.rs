//! `GET /v1/events`: what happens, as server-sent events, for bots and scripts.

use super::caller::Known;
use super::extract::Asked;
use super::problem::{Refused, said};
use crate::connections::Origin;
use crate::events::{Place, Stream};
use crate::state::State;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use relay::vocabulary::{Problem, code};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Keeps nginx and its kin from collecting the body in blocks.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Wish {
    /// The `id` of the last event that is known, for clients that cannot set the header `Last-Event-ID`.
    after: Option<String>,
    /// Whether to tell as well who types and who has read how far.
    #[serde(default)]
    signals: bool,
}

/// `GET /v1/events?after=&signals=`
pub(super) async fn listen(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Asked(wish): Asked<Wish>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if known.link.is_some() {
        let detail = "A link has its events without asking. This address is for plain https requests.";
        return Err(Problem::new(422, code::INVALID, detail).into());
    }
    let last = headers.get(LAST_EVENT_ID).map(|last| last.to_str().unwrap_or("not ASCII").to_owned()).or(wish.after);
    let from: Option<Place> = last
        .filter(|last| !last.is_empty())
        .map(|last| last.parse())
        .transpose()
        .map_err(|error| said(400, code::MALFORMED, &error))?;
    let origin = Origin::new(known.address, false, &headers);
    let stream = Stream::open(state, known.identity, origin, from, wish.signals).await?;
    let mut response = Response::new(Body::new(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}
