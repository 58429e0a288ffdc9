//! What the server does by itself at intervals: ends abandoned tracks, makes links know what was changed about their
//! accounts, forgets what is too old.

use crate::clock::unix_ms;
use crate::database::DatabaseError;
use crate::state::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

const INTERVAL: Duration = Duration::from_secs(1);
/// Every fifth interval it is looked whether another process changed anything.
const CHANGES_EVERY: u32 = 5;
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Keeps the state tidy for as long as it is polled.
pub async fn run(state: Arc<State>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = None;
    let mut forgotten: Option<Instant> = None;
    for round in (0..CHANGES_EVERY).cycle() {
        interval.tick().await;
        state.end_abandoned_tracks();
        if round > 0 {
            continue;
        }
        state.delivery.close_expired(unix_ms());
        match hear(&state, heard).await {
            Ok(last) => heard = Some(last),
            Err(error) => tracing::warn!(%error, "cannot look whether accounts or sessions were changed"),
        }
        if forgotten.is_none_or(|when| when.elapsed() >= FORGET_EVERY) {
            forgotten = Some(Instant::now());
            if let Err(error) = state.audit.forget(state.config.audit).await {
                tracing::warn!(%error, "cannot shorten the log of what was done");
            }
            if let Err(error) = state.repeats.forget().await {
                tracing::warn!(%error, "cannot forget old keys");
            }
        }
    }
}

/// Makes links know what happened to their accounts after entry `heard` of the log. Says how far it has come; a server
/// that just started has no links, and begins at the end.
async fn hear(state: &State, heard: Option<u64>) -> Result<u64, DatabaseError> {
    let Some(mut heard) = heard else {
        let last = state.audit.last().await?;
        state.chats.part_with_removed().await?;
        return Ok(last);
    };
    loop {
        let (accounts, last) = state.audit.since(heard).await?;
        let any = !accounts.is_empty();
        for account in accounts {
            state.refresh(account).await?;
        }
        if any {
            state.chats.part_with_removed().await?;
        }
        if last == heard {
            return Ok(last);
        }
        heard = last;
    }
}
