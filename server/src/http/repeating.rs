//! The `Idempotency-Key` of a request: a command that comes once more with it is answered as before.

use super::caller::Caller;
use super::extract::Octets;
use super::problem::Refused;
use crate::repeats::{ANSWER_MAX, Answer, Fingerprint, Known, Repeats, Working};
use crate::state::State;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use relay::vocabulary::{KEY_MAX, Problem, RESPONSE_MAX, code};
use std::sync::Arc;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The key that a request came with, for bodies that have a `key` of their own.
#[derive(Debug, Clone)]
pub(super) struct Key(pub(super) String);

/// Answers a command that comes once more with its key as before; everything else goes through.
pub(super) async fn answer_again(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let account =
        request.extensions().get::<Caller>().and_then(|caller| caller.identity.as_ref()).map(|who| who.account);
    let changes = !request.method().is_safe();
    let (Some(account), Some(key), true) = (account, key(request.headers())?, changes) else {
        return Ok(next.run(request).await);
    };
    let repeats = state.repeats.clone();
    let held = repeats.begin(account, &key).ok_or_else(|| {
        let detail = "The first request with this Idempotency-Key is still being worked on. Ask again in a moment.";
        Problem::new(409, code::STILL_WORKING, detail).retry_after_ms(1_000)
    })?;
    let (mut parts, body) = request.into_parts();
    let Octets(body) = Octets::from_request(Request::from_parts(parts.clone(), body), &()).await?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let fingerprint = repeats.fingerprint(parts.method.as_str(), path, &body);
    match repeats.known(&held, &fingerprint).await? {
        Known::Answered(answer) => return Ok(replayed(answer)),
        Known::OtherRequest => {
            let detail = "This Idempotency-Key was used for another request within the last day. Make a new key.";
            return Err(Problem::new(422, code::KEY_REUSED, detail).into());
        }
        // The body's own key finds again what was made.
        Known::AnswerLost if finds_again(parts.uri.path()) => {}
        Known::AnswerLost => {
            let detail = "What this request asks for was done, but its answer is not kept. Look what is there now.";
            return Err(Problem::new(409, code::ANSWER_LOST, detail).into());
        }
        Known::Nothing => {}
    }
    parts.extensions.insert(Key(key));
    let request = Request::from_parts(parts, Body::from(body));
    // Whoever asks may go away in this moment, and that is what keys are for: the answer is brought to the disk all the
    // same.
    let working = tokio::spawn(async move { carry_out(&repeats, &held, &fingerprint, next.run(request)).await });
    working.await.map_err(|error| {
        tracing::error!(%error, "a command with a key broke off");
        Problem::new(500, code::INTERNAL, "The fault is the server's. Its log says more.")
    })?
}

async fn carry_out(
    repeats: &Repeats,
    held: &Working,
    fingerprint: &Fingerprint,
    command: impl Future<Output = Response>,
) -> Result<Response, Refused> {
    let response = repeats.carry_out(held, fingerprint, command).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let broken = |error| {
        tracing::error!(%error, "an answer could not be kept");
        Problem::new(500, code::INTERNAL, "The fault is the server's. Its log says more.")
    };
    let body = to_bytes(body, RESPONSE_MAX).await.map_err(broken)?;
    // Of an answer that is too long to be kept it is still noted that it was given.
    let kept = if body.len() <= ANSWER_MAX { body.to_vec() } else { vec![0; ANSWER_MAX + 1] };
    let answer = Answer { status: parts.status.as_u16(), body: kept };
    repeats.answered(held, fingerprint, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// The key, without the quotes that a structured field has around a string.
fn key(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let detail = format!("An Idempotency-Key has 1 to {KEY_MAX} visible ASCII characters, such as a UUID.");
        return Err(Problem::new(422, code::INVALID, detail).into());
    }
    Ok(Some(key.to_owned()))
}

/// Whether what is made here carries the key itself, so that the same request finds it again.
fn finds_again(path: &str) -> bool {
    path == "/v1/chats" || path == "/v1/files" || path.starts_with("/v1/chats/") && path.ends_with("/messages")
}

fn replayed(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let empty = answer.body.is_empty();
    let mut response = (status, answer.body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    if !empty {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
