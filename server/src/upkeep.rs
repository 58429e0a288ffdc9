//! What the server does by itself at intervals: ends abandoned tracks, and links whose sessions have ended.

use crate::state::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

const INTERVAL: Duration = Duration::from_secs(1);
/// Sessions are looked at in every fifth interval.
const SESSIONS_EVERY: u32 = 5;

/// Keeps the state tidy for as long as it is polled.
pub async fn run(state: Arc<State>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in (0..SESSIONS_EVERY).cycle() {
        interval.tick().await;
        state.end_abandoned_tracks();
        if round == 0 {
            end_sessions(&state).await;
        }
    }
}

/// Closes the links of sessions that expired, were logged out or whose account was removed.
async fn end_sessions(state: &State) {
    let sessions = state.delivery.sessions();
    if sessions.is_empty() {
        return;
    }
    match state.sessions.ended(sessions).await {
        Ok(ended) => ended.into_iter().for_each(|session| state.delivery.close_session(session)),
        Err(error) => tracing::warn!(%error, "cannot look whether sessions have ended"),
    }
}
