//! The connection list, for administrators: who is connected since when, from where, by which kind of path.

use super::caller::Known;
use super::extract::Asked;
use super::pages::{Paged, cursor};
use super::problem::Refused;
use crate::state::State;
use axum::Json;
use relay::vocabulary::{CONNECTIONS_MAX, Connections};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Which page is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Page {
    /// What the page before gave as `next`.
    cursor: Option<String>,
    /// Only links with higher numbers than this one.
    #[serde(default)]
    after: u64,
    /// How many at most.
    limit: Option<u32>,
}

/// `GET /v1/connections?cursor=&limit=`
pub(super) async fn list(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    _: Known,
    Asked(page): Asked<Page>,
) -> Result<Json<Paged<Connections>>, Refused> {
    let limit = page.limit.unwrap_or(CONNECTIONS_MAX).clamp(1, CONNECTIONS_MAX);
    let after = cursor(page.cursor.as_deref())?.unwrap_or(page.after);
    let links = state.connections.page(after, limit as usize);
    let last = links.connections.last().filter(|_| links.more).map(|link| link.number);
    Ok(Json(Paged::new(links, last)))
}
