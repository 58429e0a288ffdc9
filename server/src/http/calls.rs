//! Commands about calls: start, accept, decline, hang up, look.

use super::caller::Known;
use super::extract::{At, Body};
use super::problem::Refused;
use crate::identity::authority::Owner;
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{Call, CallId, Problem, StartCall, code};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// `POST /v1/calls`
pub(super) async fn start(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(start): Body<StartCall>,
) -> Result<(StatusCode, Json<Call>), Refused> {
    let room = super::chats::of_caller(&state, &known, start.chat).await?;
    super::chats::may_talk(&state, &known, &room).await?;
    let owner = linked(&state, &known)?;
    let callable = state.contacts.reachable(owner.account, room.callable()).await?;
    let call = state.calls.start(known.identity.member(), &owner, room.id, &callable)?;
    tracing::info!(call = call.id, chat = room.id, caller = known.identity.account, "a call starts");
    Ok((StatusCode::CREATED, Json(call)))
}

/// The calls that someone is in or is rung for: none or one.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Current {
    /// None or one.
    calls: Vec<Call>,
}

/// `GET /v1/calls`
pub(super) async fn current(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Json<Current> {
    Json(Current { calls: state.calls.current(known.identity.account).into_iter().collect() })
}

/// `GET /v1/calls/{id}`
pub(super) async fn show(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(id): At<CallId>,
) -> Result<Json<Call>, Refused> {
    let call = state.calls.view(id, known.identity.account).ok_or(crate::call::Refusal::Unknown)?;
    Ok(Json(call))
}

/// `POST /v1/calls/{id}/accept`
pub(super) async fn accept(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(id): At<CallId>,
) -> Result<Json<Call>, Refused> {
    let owner = linked(&state, &known)?;
    let call = state.calls.accept(id, &owner)?;
    tracing::info!(call = id, account = owner.account, "a call is taken");
    Ok(Json(call))
}

/// `POST /v1/calls/{id}/decline`
pub(super) async fn decline(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(id): At<CallId>,
) -> Result<Json<Call>, Refused> {
    Ok(Json(state.calls.decline(id, &Owner::of(&known.identity))?))
}

/// `POST /v1/calls/{id}/hangup`
pub(super) async fn hang_up(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(id): At<CallId>,
) -> Result<Json<Call>, Refused> {
    let call = state.calls.hang_up(id, &Owner::of(&known.identity))?;
    tracing::info!(call = id, account = known.identity.account, "someone hangs up");
    Ok(Json(call))
}

/// The caller's device, which must have a link: without one it could neither hear nor be heard.
fn linked(state: &State, known: &Known) -> Result<Owner, Refused> {
    let owner = Owner::of(&known.identity);
    if state.delivery.links_of(&owner) == 0 {
        let detail = "This device has no link, so it could neither hear nor be heard. Open a link and log in over it.";
        return Err(Problem::new(409, code::LINK_NEEDED, detail).into());
    }
    Ok(owner)
}
