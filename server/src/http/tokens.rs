//! Commands about tokens for bots and scripts: make, list, revoke.

use super::caller::Known;
use super::extract::{At, Body};
use super::problem::{Refused, said};
use crate::identity::{SessionId, TokenRefusal};
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{ApiTokens, MakeToken, Problem, TokenMade, code};
use std::sync::Arc;

/// `GET /v1/tokens`
pub(super) async fn list(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<Json<ApiTokens>, Refused> {
    Ok(Json(ApiTokens { tokens: state.sessions.tokens(known.identity.account).await? }))
}

/// `POST /v1/tokens`
pub(super) async fn make(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(wish): Body<MakeToken>,
) -> Result<(StatusCode, Json<TokenMade>), Refused> {
    let (token, made) = state.sessions.make_token(known.identity.account, &wish.name, known.actor()).await?;
    Ok((StatusCode::CREATED, Json(TokenMade { secret: token.reveal(), token: made })))
}

/// `DELETE /v1/tokens/{id}`
pub(super) async fn revoke(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(token): At<SessionId>,
) -> Result<StatusCode, Refused> {
    if !state.sessions.revoke_token(known.identity.account, token, known.actor()).await? {
        return Err(Problem::new(404, code::NOT_FOUND, format!("You have no token {token}.")).into());
    }
    state.delivery.close_session(token);
    Ok(StatusCode::NO_CONTENT)
}

impl From<TokenRefusal> for Refused {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::TooMany => said(409, code::LIMIT_REACHED, &refusal).into(),
            TokenRefusal::NoAccount => super::caller::session_ended().into(),
            TokenRefusal::Database(error) => error.into(),
        }
    }
}
