//! Commands about live tracks: create a public one, end it, ask for a keyframe.

use super::caller::Known;
use super::extract::{At, Body};
use super::problem::Refused;
use crate::delivery::LinkCommand;
use crate::identity::authority::{self, Owner};
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::TrackId;
use relay::vocabulary::{CreateTrack, Event, Problem, Right, Thing, TrackCreated, code};
use std::sync::Arc;

/// `POST /v1/tracks`
pub(super) async fn create(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(create): Body<CreateTrack>,
) -> Result<(StatusCode, Json<TrackCreated>), Refused> {
    let granted = state.grants.of(known.identity.account, Thing::Channel, &create.name).await?;
    if !authority::may_use(known.identity.role, Thing::Channel, Right::Write, granted) {
        let detail = "This account may not create this public track. An administrator makes it a provider with \
                      `komado-server admin user role NAME provider`, or grants it this channel alone.";
        return Err(Problem::new(403, code::NOT_ALLOWED, detail).into());
    }
    if !create.public {
        let detail = "Only public tracks are created this way: set \"public\" to true.";
        return Err(Problem::new(422, code::INVALID, detail).into());
    }
    let link = known.link()?;
    let owner = Owner::of(&known.identity);
    let track = state.tracks.publish(&create.name, owner.clone())?;
    link.command(LinkCommand::Write { track: track.clone() })?;
    // Other links of the device may write it too: an upload can move from one to another.
    state.delivery.command_device(&owner, || LinkCommand::Write { track: track.clone() });
    tracing::info!(track = %track.id(), name = create.name, account = owner.account, "a public track begins");
    Ok((StatusCode::CREATED, Json(TrackCreated { track: track.id().0, name: create.name })))
}

/// `DELETE /v1/tracks/{id}`
pub(super) async fn delete(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(id): At<u64>,
) -> Result<StatusCode, Refused> {
    let track = TrackId(id);
    let mine = state.tracks.find(track).filter(|live| live.name.is_some());
    let mine = mine.filter(|live| live.owner.account == known.identity.account);
    let Some(live) = mine else {
        return Err(Problem::new(404, code::NOT_FOUND, format!("There is no public track {id} of yours.")).into());
    };
    state.tracks.close(track);
    state.delivery.command_device(&live.owner, || LinkCommand::Unwrite { track });
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/tracks/{id}/keyframe`: asks whoever writes the track for a keyframe. Wishes that come together count once.
pub(super) async fn keyframe(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(id): At<u64>,
) -> Result<StatusCode, Refused> {
    let track = TrackId(id);
    state.readable(&known.identity, track)?;
    if let Some(live) = state.tracks.find(track)
        && state.tracks.keyframe_due(track, state.clock.elapsed())
    {
        state.delivery.send_device(&live.owner, &Event::KeyframeWanted { track: id });
    }
    Ok(StatusCode::ACCEPTED)
}
