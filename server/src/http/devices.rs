//! Commands about where one is logged in: list sessions, open another for a script, end them.

use super::caller::{Known, session_ended};
use super::extract::{At, Body};
use super::problem::Refused;
use super::sessions::answer;
use crate::identity::{Act, SessionId};
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{DeviceSessions, OpenSession, Problem, SessionOpened, code};
use std::sync::Arc;

/// `GET /v1/sessions`
pub(super) async fn list(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<Json<DeviceSessions>, Refused> {
    let sessions = state.sessions.list(known.identity.account, Some(known.identity.session)).await?;
    Ok(Json(DeviceSessions { sessions }))
}

/// `POST /v1/sessions`
pub(super) async fn open(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(wish): Body<OpenSession>,
) -> Result<(StatusCode, Json<SessionOpened>), Refused> {
    let opening = state.sessions.open(known.identity.account, &wish.device, Act::SessionOpened, known.actor());
    let opened = opening.await?.ok_or_else(session_ended)?;
    Ok((StatusCode::CREATED, Json(answer(opened.token.reveal(), opened.identity))))
}

/// `DELETE /v1/sessions`: all but the caller's own.
pub(super) async fn end_others(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<StatusCode, Refused> {
    let account = known.identity.account;
    state.sessions.end_others(account, Some(known.identity.session), known.actor()).await?;
    state.refresh(account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/sessions/{id}`
pub(super) async fn end(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(session): At<SessionId>,
) -> Result<StatusCode, Refused> {
    if !state.sessions.end(known.identity.account, session, known.actor()).await? {
        return Err(Problem::new(404, code::NOT_FOUND, format!("You have no session {session}.")).into());
    }
    state.delivery.close_session(session);
    Ok(StatusCode::NO_CONTENT)
}
