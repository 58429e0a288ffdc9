//! Who calls: over which carrier a command came, and as whom.

use super::problem::Refused;
use super::socket::Line;
use crate::clock::unix_ms;
use crate::delivery::LinkHandle;
use crate::identity::authority::{self, Denied};
use crate::identity::{Actor, Identity, Token};
use crate::state::State;
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, header};
use relay::vocabulary::{Problem, code};
use std::net::IpAddr;
use std::sync::Arc;

/// The TCP connection that a request came by; the listener puts it into each request's extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Whether TLS covers it.
    pub secure: bool,
    /// The far end: a person's machine, or a proxy.
    pub address: IpAddr,
    /// The connection itself; none where others share it.
    pub line: Line,
}

/// Who gives a command. In the extensions of every request that reaches a command.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is, once a session was shown.
    pub identity: Option<Identity>,
    /// The link that the command came by; `None` for a plain https request.
    pub link: Option<LinkHandle>,
    /// Whether nobody on the way can read along: TLS, or a sealed link.
    pub secure: bool,
    /// The far end's address.
    pub address: IpAddr,
}

impl Caller {
    /// For the log of what is done.
    pub(super) fn actor(&self) -> Actor {
        match &self.identity {
            Some(identity) => Actor::known(identity, self.address),
            None => Actor::stranger(self.address),
        }
    }

    /// The caller at the far end of a link, as whom it has last authenticated. `secure`: the link is sealed or came
    /// over TLS.
    pub fn of_link(link: &LinkHandle, secure: bool, address: IpAddr) -> Self {
        Self { identity: link.identity(), link: Some(link.clone()), secure, address }
    }
}

/// Lets a request through to the commands if nobody can read along and the caller may give this command, with its
/// [`Caller`]. A link brings its own; a plain request shows a session as `Authorization: Bearer`.
pub(super) async fn admit(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let caller = match request.extensions().get::<Caller>() {
        Some(caller) => caller.clone(),
        None => {
            let peer = request.extensions().get::<Peer>().cloned();
            let peer = peer.filter(|peer| peer.secure).ok_or_else(not_secure)?;
            // What came in the clear is not even looked at.
            let identity = match bearer(request.headers())? {
                Some(token) => Some(state.sessions.identify(&token, peer.address).await?.ok_or_else(session_ended)?),
                None => None,
            };
            Caller { identity, link: None, secure: peer.secure, address: peer.address }
        }
    };
    if !caller.secure {
        return Err(not_secure().into());
    }
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    authority::may_command(request.method().as_str(), path, caller.identity.as_ref(), unix_ms())?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The session shown in a request's headers.
fn bearer(headers: &HeaderMap) -> Result<Option<Token>, Refused> {
    let Some(shown) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let shown = shown.to_str().ok().and_then(|text| text.split_once(' '));
    let token = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = token.and_then(|(_, token)| Token::parse(token.trim()).ok());
    let detail = "Show a session as `Authorization: Bearer <session>`.";
    Ok(Some(token.ok_or_else(|| Problem::new(401, code::NO_SESSION, detail))?))
}

/// For an unknown, ended or expired session.
pub(super) fn session_ended() -> Problem {
    Problem::new(401, code::SESSION_EXPIRED, "The session is unknown, has ended or has expired. Log in again.")
}

fn not_secure() -> Problem {
    Problem::new(
        403,
        code::NOT_SECURE,
        "Over plain http commands go through a sealed link only. Use https, or a Komado client.",
    )
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        Ok(parts.extensions.get::<Self>().cloned().ok_or_else(not_secure)?)
    }
}

/// A caller who has shown a session.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who it is.
    pub identity: Identity,
    /// The link that the command came by.
    pub link: Option<LinkHandle>,
    /// The far end's address.
    pub address: IpAddr,
}

impl Known {
    /// For the log of what is done.
    pub(super) fn actor(&self) -> Actor {
        Actor::known(&self.identity, self.address)
    }

    /// The link, for commands that mean nothing without one.
    pub(super) fn link(&self) -> Result<&LinkHandle, Refused> {
        let needed = || Problem::new(409, code::LINK_NEEDED, "Give this command inside a link: it is about that link.");
        Ok(self.link.as_ref().ok_or_else(needed)?)
    }
}

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let caller = Caller::from_request_parts(parts, state).await?;
        // That the session still holds was seen when the command was admitted.
        let identity = caller.identity.ok_or(Denied::NoSession)?;
        Ok(Self { identity, link: caller.link, address: caller.address })
    }
}
