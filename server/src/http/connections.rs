//! The connection list, for administrators: who is connected since when, from where, by which kind of path.

use super::caller::Known;
use super::extract::Asked;
use super::problem::Refused;
use crate::state::State;
use axum::Json;
use relay::vocabulary::{CONNECTIONS_MAX, Connections};
use serde::Deserialize;
use std::sync::Arc;

/// Which page is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// `GET /v1/connections?after=&limit=`
pub(super) async fn list(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    _: Known,
    Asked(page): Asked<Page>,
) -> Result<Json<Connections>, Refused> {
    let limit = page.limit.unwrap_or(CONNECTIONS_MAX).clamp(1, CONNECTIONS_MAX);
    Ok(Json(state.connections.page(page.after, limit as usize)))
}
