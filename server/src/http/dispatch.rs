//! Commands that come inside a link: from the envelope to the router and back.

use super::caller::Caller;
use super::repeating::IDEMPOTENCY_KEY;
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use relay::vocabulary::{self, BULK_BYTES_MAX, Bulk, Problem, RESPONSE_MAX, Response, code};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The answer to a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// JSON, or nothing: for the control track.
    Plain(Response),
    /// Bytes: for the bulk track.
    Bulk(Bulk<Response>),
}

/// Gives a command to the router as `caller` and brings its answer back. Never fails: what went wrong is a problem in
/// the answer.
pub async fn dispatch(router: &Router, caller: Caller, request: vocabulary::Request) -> Response {
    let id = request.id;
    let body = match &request.body {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string()),
    };
    match answer(router, caller, &request, "application/json", body).await {
        Ok(Answer::Plain(response)) => response,
        Ok(Answer::Bulk(_)) => {
            let detail = "What this gives is bytes. Inside a link, send the command on the bulk track.";
            Response::problem(id, &Problem::new(406, code::BULK_NEEDED, detail))
        }
        Err(problem) => Response::problem(id, &problem),
    }
}

/// The same for a command that comes with bytes of its own, or asks for some.
pub async fn dispatch_bulk(router: &Router, caller: Caller, command: Bulk<vocabulary::Request>) -> Answer {
    let Bulk { envelope, bytes } = command;
    match answer(router, caller, &envelope, "application/octet-stream", Body::from(bytes)).await {
        Ok(answer) => answer,
        Err(problem) => Answer::Plain(Response::problem(envelope.id, &problem)),
    }
}

async fn answer(
    router: &Router,
    caller: Caller,
    command: &vocabulary::Request,
    media: &str,
    body: Body,
) -> Result<Answer, Problem> {
    let malformed = |error: &dyn std::fmt::Display| Problem::new(400, code::MALFORMED, format!("{error}."));
    let mut request = Request::builder()
        .method(command.method.as_str())
        .uri(command.path.as_str())
        .header(header::CONTENT_TYPE, media);
    if let Some(key) = &command.key {
        request = request.header(IDEMPOTENCY_KEY, key);
    }
    let mut request = request.body(body).map_err(|error| malformed(&error))?;
    request.extensions_mut().insert(caller);
    let response = match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (status, is_json, size) = (response.status(), is_json(&response), whole_size(&response));
    let internal = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, path = command.path, "a command's answer cannot be sent through a link");
        Problem::new(500, code::INTERNAL, "The answer cannot be sent. The server's log says more.")
    };
    let limit = if is_json { RESPONSE_MAX } else { BULK_BYTES_MAX };
    let bytes = axum::body::to_bytes(response.into_body(), limit).await.map_err(|error| internal(&error))?;
    let envelope = |status: StatusCode, body| Response { id: command.id, status: status.as_u16(), body };
    Ok(match (bytes.is_empty(), is_json) {
        (true, _) => Answer::Plain(envelope(status, Value::Null)),
        (false, true) => {
            Answer::Plain(envelope(status, serde_json::from_slice(&bytes).map_err(|error| internal(&error))?))
        }
        (false, false) => {
            let size = size.unwrap_or(bytes.len() as u64);
            Answer::Bulk(Bulk { envelope: envelope(status, json!({"size": size})), bytes })
        }
    })
}

/// The size of the whole that an answer is a part of.
fn whole_size(response: &http::Response<Body>) -> Option<u64> {
    response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.parse().ok()
}

fn is_json(response: &http::Response<Body>) -> bool {
    let media = response.headers().get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    media.starts_with("application/json") || media.starts_with("application/problem+json")
}
