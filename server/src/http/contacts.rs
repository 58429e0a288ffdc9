//! Commands about contacts: ask, accept, decline, take back, list, group, remove, block, and the directory.

use super::caller::Known;
use super::extract::{Asked, At, Body};
use super::pages::{Paged, cursor};
use super::problem::Refused;
use crate::contact::{Answer, Refusal};
use crate::identity::{AccountId, authority};
use crate::state::State;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use relay::vocabulary::{
    AskContact, Blocks, Contact, ContactRequests, Contacts, Directory, NAME_MAX, Problem, RenameGroup, SetGroups, code,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Which page is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Page {
    /// What the page before gave as `next`.
    cursor: Option<String>,
    /// Only accounts with higher numbers than this one.
    #[serde(default)]
    after: u64,
    /// How many at most.
    limit: Option<u32>,
}

/// `GET /v1/contacts?cursor=&limit=`: inside a link, changes of presence are noted from then on for track 1.
pub(super) async fn list(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Asked(page): Asked<Page>,
) -> Result<Json<Paged<Contacts>>, Refused> {
    let watches = known.link.is_some();
    let after = cursor(page.cursor.as_deref())?.unwrap_or(page.after);
    let contacts = state.contacts.list(known.identity.account, after, page.limit, watches).await?;
    let last = contacts.contacts.last().filter(|_| contacts.more).map(|contact| contact.who.id);
    Ok(Json(Paged::new(contacts, last)))
}

/// `DELETE /v1/contacts/{account}`
pub(super) async fn remove(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(other): At<AccountId>,
) -> Result<StatusCode, Refused> {
    state.contacts.remove(known.identity.member(), other).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/contacts/requests`
pub(super) async fn requests(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<Json<ContactRequests>, Refused> {
    Ok(Json(state.contacts.requests(known.identity.member()).await?))
}

/// `POST /v1/contacts/requests`: 201 with a new request, 200 with one that waits already, 204 if both are contacts.
pub(super) async fn ask(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(ask): Body<AskContact>,
) -> Result<Response, Refused> {
    let unknown = || Problem::new(404, code::NOT_FOUND, format!("There is no account {:?} on this server.", ask.to));
    let to = state.accounts.by_name(&ask.to).await?.ok_or_else(unknown)?;
    Ok(match state.contacts.ask(known.identity.member(), to, ask.text).await? {
        Answer::Waits { request, fresh } => {
            (if fresh { StatusCode::CREATED } else { StatusCode::OK }, Json(request)).into_response()
        }
        Answer::Contacts => StatusCode::NO_CONTENT.into_response(),
    })
}

/// `POST /v1/contacts/requests/{account}/accept`
pub(super) async fn accept(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(asker): At<AccountId>,
) -> Result<Json<Contact>, Refused> {
    Ok(Json(state.contacts.accept(known.identity.member(), asker).await?))
}

/// `POST /v1/contacts/requests/{account}/decline`
pub(super) async fn decline(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(asker): At<AccountId>,
) -> Result<StatusCode, Refused> {
    state.contacts.decline(known.identity.member(), asker).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/contacts/requests/{account}`: takes the caller's own request back.
pub(super) async fn withdraw(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(asked): At<AccountId>,
) -> Result<StatusCode, Refused> {
    state.contacts.withdraw(known.identity.member(), asked).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v1/contacts/{account}/groups`
pub(super) async fn set_groups(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(contact): At<AccountId>,
    Body(set): Body<SetGroups>,
) -> Result<Json<SetGroups>, Refused> {
    let groups = state.contacts.set_groups(known.identity.account, contact, set.groups).await?;
    Ok(Json(SetGroups { groups }))
}

/// `POST /v1/contacts/groups/rename`
pub(super) async fn rename_group(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(rename): Body<RenameGroup>,
) -> Result<StatusCode, Refused> {
    state.contacts.rename_group(known.identity.account, rename.from, rename.to).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/blocks`
pub(super) async fn blocks(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<Json<Blocks>, Refused> {
    Ok(Json(state.contacts.blocked(known.identity.account).await?))
}

/// `PUT /v1/blocks/{account}`
pub(super) async fn block(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(other): At<AccountId>,
) -> Result<StatusCode, Refused> {
    state.contacts.block(known.identity.member(), other).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/blocks/{account}`
pub(super) async fn unblock(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(other): At<AccountId>,
) -> Result<StatusCode, Refused> {
    state.contacts.unblock(known.identity.member(), other).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is looked for in the directory.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Search {
    /// How the name or the display name begins.
    #[serde(default)]
    prefix: String,
    /// What the page before gave as `next`.
    cursor: Option<String>,
    /// Only names after this one.
    #[serde(default)]
    after: String,
    /// How many at most.
    limit: Option<u32>,
}

/// `GET /v1/directory?prefix=&cursor=&limit=`
pub(super) async fn search(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Asked(search): Asked<Search>,
) -> Result<Json<Paged<Directory>>, Refused> {
    if !authority::may_search(known.identity.role, state.config.directory) {
        let detail =
            "On this server the directory is not open to members. Ask for a contact by the name of the account.";
        return Err(Problem::new(403, code::NOT_ALLOWED, detail).into());
    }
    let after = search.cursor.unwrap_or(search.after);
    if search.prefix.len().max(after.len()) > NAME_MAX {
        return Err(Problem::new(422, code::INVALID, format!("A name has at most {NAME_MAX} bytes.")).into());
    }
    let found = state.contacts.search(known.identity.account, search.prefix, after, search.limit).await?;
    let last = found.people.last().filter(|_| found.more).map(|person| person.name.clone());
    Ok(Json(Paged::new(found, last)))
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match refusal {
            Refusal::Database(error) => return error.into(),
            Refusal::Oneself => (422, code::INVALID),
            Refusal::NotReachable(_) => (403, code::NOT_REACHABLE),
            Refusal::Blocked(_) => (409, code::BLOCKED_BY_YOU),
            Refusal::NoAccount(_) | Refusal::NoRequest | Refusal::NoContact | Refusal::NoGroup(_) => {
                (404, code::NOT_FOUND)
            }
            Refusal::TooManyContacts
            | Refusal::TheyHaveTooMany(_)
            | Refusal::TooManyAsked
            | Refusal::TooManyAsking(_)
            | Refusal::TooManyBlocks => (409, code::TOO_MANY),
        };
        let mut detail = refusal.to_string();
        // Sentences begin with a capital, names stay as they are.
        let named = matches!(refusal, Refusal::NotReachable(_) | Refusal::TheyHaveTooMany(_));
        if !named && let Some(first) = detail.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Problem::new(status, code, format!("{detail}.")).into()
    }
}
