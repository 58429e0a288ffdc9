//! Commands of those who have no session: join by an invitation, set a new password with a one-time code.

use super::caller::Caller;
use super::extract::Body;
use super::problem::Refused;
use super::{guard, sessions};
use crate::config::Registration;
use crate::identity::JoinError;
use crate::identity::{AccountsError, ResetError};
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{Join, Reset, SessionOpened};
use std::sync::Arc;

/// `POST /v1/join`
pub(super) async fn join(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    caller: Caller,
    Body(join): Body<Join>,
) -> Result<(StatusCode, Json<SessionOpened>), Refused> {
    let attempt = guard::begin(&state, None, caller.address)?;
    let open = state.config.registration == Registration::Open;
    let joined = state.accounts.join(join.code.as_deref(), open, &join.user, join.password, caller.actor()).await;
    let member = match joined {
        Ok(member) => {
            guard::succeeded(&state, attempt);
            member
        }
        Err(error) => {
            // Without an invitation, names could be tried out one after the other.
            let guessed = matches!(error, JoinError::WrongCode | JoinError::Accounts(AccountsError::Taken(_)));
            if guessed {
                guard::failed(&state, attempt);
            } else {
                guard::succeeded(&state, attempt);
            }
            if error == JoinError::WrongCode {
                tracing::info!(address = %caller.address, "an invitation was wrong");
                state.accounts.note_wrong_invitation(caller.actor()).await?;
            }
            return Err(error.into());
        }
    };
    tracing::info!(account = member.id, "someone joins");
    Ok((StatusCode::CREATED, Json(sessions::open(&state, &caller, member.id, &join.device).await?)))
}

/// `POST /v1/reset`
pub(super) async fn reset(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    caller: Caller,
    Body(reset): Body<Reset>,
) -> Result<StatusCode, Refused> {
    let attempt = guard::begin(&state, Some(&reset.user), caller.address)?;
    let done = state.accounts.redeem_reset(&reset.user, &reset.code, reset.password, caller.actor()).await;
    match done {
        Err(ResetError::WrongCode) => {
            tracing::info!(user = reset.user, address = %caller.address, "a reset code was wrong");
            guard::failed(&state, attempt);
        }
        _ => guard::succeeded(&state, attempt),
    }
    done?;
    tracing::info!(user = reset.user, address = %caller.address, "a reset code set a new password");
    if let Some(member) = state.accounts.by_name(&reset.user).await? {
        state.refresh(member.id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
