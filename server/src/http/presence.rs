//! Commands about one's own presence.

use super::caller::Known;
use super::extract::Body;
use super::problem::Refused;
use crate::identity::authority::Owner;
use crate::presence::SetError;
use crate::state::State;
use axum::Json;
use relay::vocabulary::{OwnPresence, Problem, SetPresence, code};
use std::sync::Arc;

/// `GET /v1/presence`
pub(super) async fn show(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<Json<OwnPresence>, Refused> {
    Ok(Json(state.presences.own(known.identity.account).await?))
}

/// `PUT /v1/presence`
pub(super) async fn set(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(set): Body<SetPresence>,
) -> Result<Json<OwnPresence>, Refused> {
    let account = known.identity.account;
    if let Some(idle) = set.idle {
        known.link()?;
        state.presences.set_idle(&Owner::of(&known.identity), idle)?;
    }
    if set.state.is_some() || set.status.is_some() {
        state.presences.choose(account, set).await?;
    }
    Ok(Json(state.presences.own(account).await?))
}

impl From<SetError> for Refused {
    fn from(error: SetError) -> Self {
        match error {
            SetError::Database(error) => error.into(),
            SetError::TooOften(wait) => {
                let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                Problem::new(429, code::TOO_MANY_ATTEMPTS, format!("{error}.")).retry_after_ms(wait).into()
            }
        }
    }
}
