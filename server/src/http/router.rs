//! The one router of commands, and what stands around it for those who come over HTTP.

use super::problem::Refused;
use super::{caller, calls, chats, cursors, public, sessions, tracks};
use crate::state::State;
use axum::extract::{DefaultBodyLimit, Request};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router, middleware};
use relay::vocabulary::{Problem, REQUEST_MAX, code};
use serde::Serialize;
use std::sync::Arc;

/// Every command, for links: a tower `Service` for requests that bring their [`caller::Caller`] in the extensions.
pub fn commands(state: &Arc<State>) -> Router {
    routes(state).with_state(state.clone())
}

/// What the listener serves: commands, public tracks and the health check. Link exchanges are merged to it.
pub fn outside(state: &Arc<State>) -> Router {
    let open = Router::new().route("/v1/health", get(health)).route("/v1/public/{name}", get(public::read));
    routes(state).merge(open).with_state(state.clone())
}

fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    Router::new()
        .route("/v1/login", post(sessions::login))
        .route("/v1/session", post(sessions::resume))
        .route("/v1/logout", post(sessions::logout))
        .route("/v1/chats", get(chats::list).post(chats::open))
        .route("/v1/chats/{id}/messages", get(chats::history).post(chats::send))
        .route("/v1/cursors/{track}", put(cursors::put).delete(cursors::delete))
        .route("/v1/calls", get(calls::current).post(calls::start))
        .route("/v1/calls/{id}", get(calls::show))
        .route("/v1/calls/{id}/accept", post(calls::accept))
        .route("/v1/calls/{id}/decline", post(calls::decline))
        .route("/v1/calls/{id}/hangup", post(calls::hang_up))
        .route("/v1/tracks", post(tracks::create))
        .route("/v1/tracks/{id}", delete(tracks::delete))
        .route("/v1/tracks/{id}/keyframe", post(tracks::keyframe))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::admit))
        .layer(DefaultBodyLimit::max(REQUEST_MAX))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
}

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

async fn nothing_here(request: Request) -> Refused {
    Problem::new(404, code::NOT_FOUND, format!("There is nothing at {}.", request.uri().path())).into()
}

async fn wrong_method(request: Request) -> Refused {
    let detail = format!("{} cannot be used at {}.", request.method(), request.uri().path());
    Problem::new(405, code::METHOD_NOT_ALLOWED, detail).into()
}
