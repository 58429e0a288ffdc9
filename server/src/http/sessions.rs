//! Commands about who someone is: log in, resume a session, renew it, log out.

use super::caller::{Caller, Known, session_ended};
use super::extract::Body;
use super::guard;
use super::problem::Refused;
use crate::delivery::LinkHandle;
use crate::identity::{Act, Identity, Token};
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{Account, Login, Problem, Resume, SessionOpened, code};
use std::sync::Arc;

/// `POST /v1/login`
pub(super) async fn login(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    caller: Caller,
    Body(login): Body<Login>,
) -> Result<(StatusCode, Json<SessionOpened>), Refused> {
    let account = guard::prove(&state, &login.user, login.password, caller.address).await?;
    Ok((StatusCode::CREATED, Json(open(&state, &caller, account, &login.device).await?)))
}

/// Opens a session for who has just proven to be this account, and authenticates the link that it came by.
pub(super) async fn open(state: &State, caller: &Caller, account: u64, device: &str) -> Result<SessionOpened, Refused> {
    if let Some(link) = &caller.link {
        must_belong(link, account, device)?;
    }
    let opened = state.sessions.open(account, device, Act::Login, caller.actor()).await?;
    // Removed or locked in this very moment.
    let opened = opened.ok_or_else(session_ended)?;
    if let Some(link) = &caller.link {
        state.link_authenticated(link, &opened.identity);
    }
    Ok(answer(opened.token.reveal(), opened.identity))
}

/// `POST /v1/session`
pub(super) async fn resume(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    caller: Caller,
    Body(shown): Body<Resume>,
) -> Result<Json<SessionOpened>, Refused> {
    let token = Token::parse(&shown.session).map_err(|_| session_ended())?;
    let identity = state.sessions.identify(&token, caller.address).await?.ok_or_else(session_ended)?;
    if let Some(link) = &caller.link {
        must_belong(link, identity.account, &identity.device)?;
        state.link_authenticated(link, &identity);
    }
    Ok(Json(answer(shown.session, identity)))
}

/// `POST /v1/session/renew`: a new token and a new span of life. The old token is good until the new one is first shown.
pub(super) async fn renew(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<Json<SessionOpened>, Refused> {
    let renewed = state.sessions.renew(known.identity.session).await?.ok_or_else(session_ended)?;
    state.refresh(known.identity.account).await?;
    Ok(Json(answer(renewed.token.reveal(), renewed.identity)))
}

/// `POST /v1/logout`: ends the session and every link that showed it, this one too once its answer is sent.
pub(super) async fn logout(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<StatusCode, Refused> {
    let Identity { account, session, .. } = known.identity;
    state.sessions.end(account, session, known.actor()).await?;
    state.delivery.close_session(session);
    Ok(StatusCode::NO_CONTENT)
}

/// A link belongs to one device of one account for all of its life: its cursors were judged by that.
fn must_belong(link: &LinkHandle, account: u64, device: &str) -> Result<(), Refused> {
    if link.identity().is_some_and(|before| before.account != account || before.device != device) {
        let detail = "This link belongs to another account or device. Open a new link for this one.";
        return Err(Problem::new(409, code::INVALID, detail).into());
    }
    Ok(())
}

pub(super) fn answer(session: String, identity: Identity) -> SessionOpened {
    let account = Account { id: identity.account, name: identity.name };
    SessionOpened { session, account, expires_at: identity.expires_at }
}
