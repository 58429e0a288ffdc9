//! The one router of commands, and what stands around it for those who come over HTTP.
//!
//! # From a request to its command
//!
//! 1. Over https the listener says that TLS covers it; through a sealed link the link says so. In the clear nothing
//!    is even looked at.
//! 2. `http/caller.rs` finds who asks: the session shown as `Authorization: Bearer`, or the link's own.
//! 3. The route (method and path) is looked up in `identity/authority/table.rs`. What does not stand there is
//!    refused; what stands there needs a role. A test tries every route as everyone.
//! 4. The command runs. What it may do with *this* chat or channel, it asks `identity/authority` with what it knows:
//!    members, owner, role, grant.
//! 5. A command that comes with an `Idempotency-Key` (inside a link: with a `key`) notes the key in the transaction of
//!    the first write that it makes (`database/beside.rs`), and its answer, sealed, right after it (`repeats/`).
//!
//! Who proves an identity is one small trait, `identity/proof.rs`: passwords now, directories later. Every change of
//! an account is written together with its line in the log; the server follows that log, and so hears within seconds
//! of what `komado-server admin` changed in another process, and makes the account's links know.
//!
//! What the document says of a route is read from its handler's signature (`http/api/shape.rs`); what no signature
//! tells stands in `http/api/words/`. A test holds routes, rights and words against each other, and every refusal
//! that any test of the server meets against the document.

use super::problem::Refused;
use super::routes::{Listed, Routes};
use super::{
    admin, api, caller, calls, chats, connections, contacts, cursors, devices, events, files, joining, me, messages,
    pictures, presence, public, repeating, sessions, signals, tags, tokens, tracks,
};
use crate::state::State;
use axum::extract::{DefaultBodyLimit, Request};
use axum::{Json, Router, middleware};
use http::Method;
use relay::vocabulary::{PICTURE_MAX, PIECE_MAX, Problem, REQUEST_MAX, code};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// Every command, for links: a tower `Service` for requests that bring their [`caller::Caller`] in the extensions.
pub fn commands(state: &Arc<State>) -> Router {
    with_fallbacks(routes(state).with_state(state.clone()))
}

/// What the listener serves: commands, public tracks, the health check, and the exchanges of links.
pub fn outside(state: &Arc<State>) -> Router {
    let open = open_to_all().router.merge(api::routes().router);
    let here = routes(state).layer(middleware::from_fn(tags::tag)).merge(open).with_state(state.clone());
    with_fallbacks(here.merge(crate::link::routes(state)))
}

/// Every route that this server answers, as method and path.
pub fn listed() -> Vec<(Method, &'static str)> {
    routes_listed().into_iter().map(|one| (one.method, one.path)).collect()
}

/// The same with what each takes and gives.
pub(super) fn routes_listed() -> Vec<Listed> {
    [commands_of_rooms().listed, open_to_all().listed, api::routes().listed, crate::link::listed()].concat()
}

fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    commands_of_rooms()
        .router
        .route_layer(middleware::from_fn_with_state(state.clone(), repeating::answer_again))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::admit))
        .layer(DefaultBodyLimit::max(REQUEST_MAX))
}

/// What no route answers is a problem as well.
fn with_fallbacks(router: Router) -> Router {
    router.fallback(nothing_here).method_not_allowed_fallback(wrong_method)
}

fn open_to_all() -> Routes<Arc<State>> {
    Routes::new().on(Method::GET, "/v1/health", health).on(Method::GET, "/v1/public/{name}", public::read)
}

/// Each stands in [`crate::identity::authority::TABLE`] as well, which says who may.
fn commands_of_rooms() -> Routes<Arc<State>> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    Routes::new()
        .on(POST, "/v1/login", sessions::login)
        .on(POST, "/v1/session", sessions::resume)
        .on(POST, "/v1/session/renew", sessions::renew)
        .on(POST, "/v1/logout", sessions::logout)
        .on(POST, "/v1/join", joining::join)
        .on(POST, "/v1/reset", joining::reset)
        .on(GET, "/v1/sessions", devices::list)
        .on(POST, "/v1/sessions", devices::open)
        .on(DELETE, "/v1/sessions", devices::end_others)
        .on(DELETE, "/v1/sessions/{id}", devices::end)
        .on(GET, "/v1/tokens", tokens::list)
        .on(POST, "/v1/tokens", tokens::make)
        .on(DELETE, "/v1/tokens/{id}", tokens::revoke)
        .on(GET, "/v1/me", me::show)
        .on(PATCH, "/v1/me", me::change)
        .on(DELETE, "/v1/me", me::leave)
        .on(PUT, "/v1/me/password", me::change_password)
        .on_up_to(PICTURE_MAX, PUT, "/v1/me/picture", pictures::put)
        .on(DELETE, "/v1/me/picture", pictures::clear)
        .on(GET, "/v1/pictures/{picture}", pictures::show)
        .on(GET, "/v1/chats", chats::list)
        .on(POST, "/v1/chats", chats::open)
        .on(GET, "/v1/chats/{id}", chats::show)
        .on(PATCH, "/v1/chats/{id}", chats::change)
        .on(POST, "/v1/chats/{id}/accept", chats::accept)
        .on(POST, "/v1/chats/{id}/decline", chats::decline)
        .on(POST, "/v1/chats/{id}/ignore", chats::ignore)
        .on(GET, "/v1/chats/{id}/members", chats::members)
        .on(POST, "/v1/chats/{id}/members", chats::ask_in)
        .on(PUT, "/v1/chats/{id}/members/{account}", chats::set_role)
        .on(DELETE, "/v1/chats/{id}/members/{account}", chats::remove)
        .on(GET, "/v1/chats/{id}/messages", messages::history)
        .on(POST, "/v1/chats/{id}/messages", messages::send)
        .on(GET, "/v1/chats/{id}/pins", messages::pins)
        .on(GET, "/v1/chats/{id}/scheduled", messages::scheduled)
        .on(DELETE, "/v1/chats/{id}/scheduled/{scheduled}", messages::take_back)
        .on(GET, "/v1/chats/{id}/marks", signals::marks)
        .on(PUT, "/v1/chats/{id}/marks", signals::set_marks)
        .on(POST, "/v1/chats/{id}/typing", signals::set_typing)
        .on(GET, "/v1/search", messages::search)
        .on(POST, "/v1/files", files::announce)
        .on(GET, "/v1/files/{id}", files::progress)
        .on_up_to(PIECE_MAX, PUT, "/v1/files/{id}", files::write)
        .on(GET, "/v1/files/{id}/content", files::content)
        .on(GET, "/v1/files/{id}/thumbnail", files::thumbnail)
        .on(PUT, "/v1/cursors/{track}", cursors::put)
        .on(DELETE, "/v1/cursors/{track}", cursors::delete)
        .on(GET, "/v1/contacts", contacts::list)
        .on(DELETE, "/v1/contacts/{account}", contacts::remove)
        .on(PUT, "/v1/contacts/{account}/groups", contacts::set_groups)
        .on(POST, "/v1/contacts/groups/rename", contacts::rename_group)
        .on(GET, "/v1/contacts/requests", contacts::requests)
        .on(POST, "/v1/contacts/requests", contacts::ask)
        .on(DELETE, "/v1/contacts/requests/{account}", contacts::withdraw)
        .on(POST, "/v1/contacts/requests/{account}/accept", contacts::accept)
        .on(POST, "/v1/contacts/requests/{account}/decline", contacts::decline)
        .on(GET, "/v1/blocks", contacts::blocks)
        .on(PUT, "/v1/blocks/{account}", contacts::block)
        .on(DELETE, "/v1/blocks/{account}", contacts::unblock)
        .on(GET, "/v1/directory", contacts::search)
        .on(GET, "/v1/presence", presence::show)
        .on(PUT, "/v1/presence", presence::set)
        .on(GET, "/v1/connections", connections::list)
        .on(GET, "/v1/events", events::listen)
        .on(GET, "/v1/calls", calls::current)
        .on(POST, "/v1/calls", calls::start)
        .on(GET, "/v1/calls/{id}", calls::show)
        .on(POST, "/v1/calls/{id}/accept", calls::accept)
        .on(POST, "/v1/calls/{id}/decline", calls::decline)
        .on(POST, "/v1/calls/{id}/hangup", calls::hang_up)
        .on(POST, "/v1/tracks", tracks::create)
        .on(DELETE, "/v1/tracks/{id}", tracks::delete)
        .on(POST, "/v1/tracks/{id}/keyframe", tracks::keyframe)
        .on(GET, "/v1/admin/accounts", admin::accounts)
        .on(POST, "/v1/admin/accounts", admin::make_account)
        .on(GET, "/v1/admin/accounts/{id}", admin::account)
        .on(PATCH, "/v1/admin/accounts/{id}", admin::change_account)
        .on(DELETE, "/v1/admin/accounts/{id}", admin::remove_account)
        .on(POST, "/v1/admin/accounts/{id}/reset", admin::make_reset)
        .on(GET, "/v1/admin/accounts/{id}/sessions", admin::sessions)
        .on(DELETE, "/v1/admin/accounts/{id}/sessions", admin::end_sessions)
        .on(GET, "/v1/admin/accounts/{id}/grants", admin::grants)
        .on(PUT, "/v1/admin/grants", admin::give_grant)
        .on(DELETE, "/v1/admin/grants", admin::take_grant)
        .on(GET, "/v1/admin/invitations", admin::invitations)
        .on(POST, "/v1/admin/invitations", admin::invite)
        .on(DELETE, "/v1/admin/invitations/{id}", admin::withdraw)
        .on(GET, "/v1/admin/audit", admin::audit)
}

/// That the server runs.
#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
    /// The server's version.
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
