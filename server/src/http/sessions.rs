//! Commands about who someone is: log in, resume a session, log out.

use super::caller::{Caller, Known, session_ended};
use super::extract::Body;
use super::problem::Refused;
use crate::delivery::LinkHandle;
use crate::identity::{Identity, Token};
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
    if let Some(wait) = state.backoff.wait(&login.user, caller.address, state.clock.elapsed()) {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let detail = format!("Too many wrong attempts. Try again in {} s.", wait.div_ceil(1000));
        return Err(Problem::new(429, code::TOO_MANY_ATTEMPTS, detail).retry_after_ms(wait).into());
    }
    let Some(member) = state.accounts.verify(&login.user, login.password).await? else {
        state.backoff.failed(&login.user, caller.address, state.clock.elapsed());
        tracing::info!(user = login.user, address = %caller.address, "a login failed");
        return Err(wrong().into());
    };
    state.backoff.succeeded(&login.user);
    let opened = state.sessions.open(member.id, &login.device).await?.ok_or_else(wrong)?;
    if let Some(link) = &caller.link {
        authenticate(&state, link, &opened.identity)?;
    }
    Ok((StatusCode::CREATED, Json(answer(opened.token.reveal(), opened.identity))))
}

/// `POST /v1/session`
pub(super) async fn resume(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    caller: Caller,
    Body(shown): Body<Resume>,
) -> Result<Json<SessionOpened>, Refused> {
    let token = Token::parse(&shown.session).map_err(|_| session_ended())?;
    let identity = state.sessions.identify(&token).await?.ok_or_else(session_ended)?;
    if let Some(link) = &caller.link {
        authenticate(&state, link, &identity)?;
    }
    Ok(Json(answer(shown.session, identity)))
}

/// `POST /v1/logout`: ends the session and every link that showed it, this one too once its answer is sent.
pub(super) async fn logout(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<StatusCode, Refused> {
    state.sessions.close(known.identity.session).await?;
    state.delivery.close_session(known.identity.session);
    Ok(StatusCode::NO_CONTENT)
}

/// A link belongs to one device of one account for all of its life: its cursors were judged by that.
fn authenticate(state: &State, link: &LinkHandle, identity: &Identity) -> Result<(), Refused> {
    let other =
        link.identity().is_some_and(|before| before.account != identity.account || before.device != identity.device);
    if other {
        let detail = "This link belongs to another account or device. Open a new link for this one.";
        return Err(Problem::new(409, code::INVALID, detail).into());
    }
    state.link_authenticated(link, identity);
    Ok(())
}

fn answer(session: String, identity: Identity) -> SessionOpened {
    let account = Account { id: identity.account, name: identity.name };
    SessionOpened { session, account, expires_at: identity.expires_at }
}

fn wrong() -> Problem {
    Problem::new(401, code::WRONG_PASSWORD, "There is no account with this name and password. Check both.")
}
