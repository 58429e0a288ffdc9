//! Commands that come inside a link: from the envelope to the router and back.

use super::caller::Caller;
use axum::Router;
use axum::body::Body;
use http::{Request, header};
use relay::vocabulary::{self, Problem, RESPONSE_MAX, Response, code};
use serde_json::Value;
use tower::ServiceExt;

/// Gives a command to the router as `caller` and brings its answer back. Never fails: what went wrong is a problem in
/// the answer.
pub async fn dispatch(router: &Router, caller: Caller, request: vocabulary::Request) -> Response {
    let id = request.id;
    match answer(router, caller, request).await {
        Ok(response) => response,
        Err(problem) => Response::problem(id, &problem),
    }
}

async fn answer(router: &Router, caller: Caller, command: vocabulary::Request) -> Result<Response, Problem> {
    let malformed = |error: &dyn std::fmt::Display| Problem::new(400, code::MALFORMED, format!("{error}."));
    let body = match command.body {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string()),
    };
    let mut request = Request::builder()
        .method(command.method.as_str())
        .uri(command.path.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .map_err(|error| malformed(&error))?;
    request.extensions_mut().insert(caller);
    let response = match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status().as_u16();
    let internal = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, path = command.path, "a command's answer cannot be sent through a link");
        Problem::new(500, code::INTERNAL, "The answer cannot be sent. The server's log says more.")
    };
    let bytes = axum::body::to_bytes(response.into_body(), RESPONSE_MAX).await.map_err(|error| internal(&error))?;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).map_err(|error| internal(&error))?
    };
    Ok(Response { id: command.id, status, body })
}
