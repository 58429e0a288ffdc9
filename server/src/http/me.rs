//! Commands about one's own account: what it says of itself, its password, its end.

use super::caller::{Known, session_ended};
use super::extract::Body;
use super::guard;
use super::problem::Refused;
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{ChangePassword, ChangeProfile, Leave, Me};
use std::sync::Arc;

/// `GET /v1/me`
pub(super) async fn show(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<Json<Me>, Refused> {
    Ok(Json(state.profiles.me(known.identity.account).await?.ok_or_else(session_ended)?))
}

/// `PATCH /v1/me`
pub(super) async fn change(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(change): Body<ChangeProfile>,
) -> Result<Json<Me>, Refused> {
    let (account, says) = (known.identity.account, change.status_text.is_some());
    if says {
        state.presences.pace(account)?;
    }
    state.profiles.change(account, change).await?;
    if says {
        state.presences.reread(account).await?;
    }
    show(axum::extract::State(state), known).await
}

/// `PUT /v1/me/password`
pub(super) async fn change_password(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(change): Body<ChangePassword>,
) -> Result<StatusCode, Refused> {
    let identity = &known.identity;
    guard::prove(&state, &identity.name, change.old, known.address).await?;
    state.accounts.set_password(identity.account, change.new, Some(identity.session), known.actor()).await?;
    state.refresh(identity.account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/me`
pub(super) async fn leave(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(leave): Body<Leave>,
) -> Result<StatusCode, Refused> {
    let identity = &known.identity;
    guard::prove(&state, &identity.name, leave.password, known.address).await?;
    state.remove_account(identity.account, Some(identity.role), known.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
