//! Commands of moderators and administrators: accounts, sessions, grants, invitations, the log.

use super::caller::Known;
use super::extract::{Asked, At, Body};
use super::pages::{Paged, cursor};
use super::problem::Refused;
use crate::identity::{AccountId, AccountsError};
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{
    Account, AccountEntries, AccountEntry, AuditPage, ChangeAccount, DeviceSessions, Grant, Grants, Invitations,
    Invite, Invited, MakeAccount, PAGE_MAX, Problem, ResetCode, Ungrant, code,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

type Shared = axum::extract::State<Arc<State>>;

/// Which page of a list is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct After {
    /// What the page before gave as `next`.
    cursor: Option<String>,
    /// Only what has a higher number than this.
    #[serde(default)]
    after: u64,
    /// How many at most.
    limit: Option<u32>,
}

/// Which page of the log is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Before {
    /// What the page before gave as `next`.
    cursor: Option<String>,
    /// Only entries with lower numbers than this one.
    before: Option<u64>,
    /// How many at most.
    limit: Option<u32>,
}

/// `GET /v1/admin/accounts?cursor=&limit=`
pub(super) async fn accounts(
    axum::extract::State(state): Shared,
    Asked(page): Asked<After>,
) -> Result<Json<Paged<AccountEntries>>, Refused> {
    let after = cursor(page.cursor.as_deref())?.unwrap_or(page.after);
    let accounts = state.accounts.list(after, page.limit.unwrap_or(PAGE_MAX)).await?;
    let last = accounts.accounts.last().filter(|_| accounts.more).map(|entry| entry.account.id);
    Ok(Json(Paged::new(accounts, last)))
}

/// `POST /v1/admin/accounts`
pub(super) async fn make_account(
    axum::extract::State(state): Shared,
    known: Known,
    Body(make): Body<MakeAccount>,
) -> Result<(StatusCode, Json<Account>), Refused> {
    let account = state.accounts.add(&make.user, make.password, make.role, known.actor()).await?;
    Ok((StatusCode::CREATED, Json(account)))
}

/// `GET /v1/admin/accounts/{id}`
pub(super) async fn account(
    axum::extract::State(state): Shared,
    At(id): At<AccountId>,
) -> Result<Json<AccountEntry>, Refused> {
    Ok(Json(state.accounts.entry(id).await?.ok_or_else(|| AccountsError::Unknown(id.to_string()))?))
}

/// `PATCH /v1/admin/accounts/{id}`
pub(super) async fn change_account(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<AccountId>,
    Body(change): Body<ChangeAccount>,
) -> Result<Json<AccountEntry>, Refused> {
    state.accounts.change(id, change, Some(known.identity.role), known.actor()).await?;
    state.refresh(id).await?;
    account(axum::extract::State(state), At(id)).await
}

/// `DELETE /v1/admin/accounts/{id}`
pub(super) async fn remove_account(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<AccountId>,
) -> Result<StatusCode, Refused> {
    state.remove_account(id, Some(known.identity.role), known.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/admin/accounts/{id}/reset`
pub(super) async fn make_reset(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<AccountId>,
) -> Result<(StatusCode, Json<ResetCode>), Refused> {
    let code = state.accounts.make_reset(id, Some(known.identity.role), known.actor()).await?;
    Ok((StatusCode::CREATED, Json(code)))
}

/// `GET /v1/admin/accounts/{id}/sessions`
pub(super) async fn sessions(
    axum::extract::State(state): Shared,
    At(id): At<AccountId>,
) -> Result<Json<DeviceSessions>, Refused> {
    Ok(Json(DeviceSessions { sessions: state.sessions.list(id, None).await? }))
}

/// `DELETE /v1/admin/accounts/{id}/sessions`
pub(super) async fn end_sessions(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<AccountId>,
) -> Result<StatusCode, Refused> {
    state.sessions.end_others(id, None, known.actor()).await?;
    state.refresh(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/admin/accounts/{id}/grants`
pub(super) async fn grants(
    axum::extract::State(state): Shared,
    At(id): At<AccountId>,
) -> Result<Json<Grants>, Refused> {
    Ok(Json(Grants { grants: state.grants.list(id).await? }))
}

/// `PUT /v1/admin/grants`
pub(super) async fn give_grant(
    axum::extract::State(state): Shared,
    known: Known,
    Body(grant): Body<Grant>,
) -> Result<StatusCode, Refused> {
    state.grants.give(grant, known.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/admin/grants`
pub(super) async fn take_grant(
    axum::extract::State(state): Shared,
    known: Known,
    Body(grant): Body<Ungrant>,
) -> Result<StatusCode, Refused> {
    if !state.grants.take(grant, known.actor()).await? {
        return Err(Problem::new(404, code::NOT_FOUND, "There is no such grant.").into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/admin/invitations?cursor=&limit=`
pub(super) async fn invitations(
    axum::extract::State(state): Shared,
    Asked(page): Asked<Before>,
) -> Result<Json<Paged<Invitations>>, Refused> {
    let before = cursor(page.cursor.as_deref())?.or(page.before);
    let (invitations, more) = state.accounts.invitations(before, page.limit.unwrap_or(PAGE_MAX)).await?;
    let last = invitations.last().filter(|_| more).map(|invitation| invitation.id);
    Ok(Json(Paged::new(Invitations { invitations }, last)))
}

/// `POST /v1/admin/invitations`
pub(super) async fn invite(
    axum::extract::State(state): Shared,
    known: Known,
    Body(invite): Body<Invite>,
) -> Result<(StatusCode, Json<Invited>), Refused> {
    let (invitation, code) = state.accounts.invite(invite, known.actor()).await?;
    let link = state.config.invitation_link(state.certificate.fingerprint, &code).to_string();
    Ok((StatusCode::CREATED, Json(Invited { invitation, link })))
}

/// `DELETE /v1/admin/invitations/{id}`
pub(super) async fn withdraw(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<u64>,
) -> Result<StatusCode, Refused> {
    if !state.accounts.withdraw(id, known.actor()).await? {
        return Err(Problem::new(404, code::NOT_FOUND, format!("There is no invitation {id} that is good.")).into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/admin/audit?cursor=&limit=`
pub(super) async fn audit(
    axum::extract::State(state): Shared,
    Asked(page): Asked<Before>,
) -> Result<Json<Paged<AuditPage>>, Refused> {
    let before = cursor(page.cursor.as_deref())?.or(page.before);
    let log = state.audit.page(before, page.limit.unwrap_or(PAGE_MAX)).await?;
    let last = log.entries.last().filter(|_| log.more).map(|entry| entry.id);
    Ok(Json(Paged::new(log, last)))
}
