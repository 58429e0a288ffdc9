//! Commands about cursors: what the caller's link reads.

use super::caller::Known;
use super::extract::{At, Body};
use super::problem::Refused;
use crate::delivery::LinkCommand;
use crate::state::State;
use http::StatusCode;
use relay::vocabulary::ReadFrom;
use relay::{TrackId, varint};
use std::sync::Arc;

/// `PUT /v1/cursors/{track}`
pub(super) async fn put(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(track): At<u64>,
    Body(from): Body<ReadFrom>,
) -> Result<StatusCode, Refused> {
    let link = known.link()?;
    let after = from.after.map(|after| after.min(varint::MAX));
    state.read(&known.identity, link, TrackId(track), after).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/cursors/{track}`
pub(super) async fn delete(known: Known, At(track): At<u64>) -> Result<StatusCode, Refused> {
    known.link()?.command(LinkCommand::Stop { track: TrackId(track) })?;
    Ok(StatusCode::NO_CONTENT)
}
