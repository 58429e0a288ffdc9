//! Retention: chats that keep lines for a while only. What is older leaves nothing but its place in the log.

use super::entries::{self, kind};
use super::{ChatRefusal, Chats, search};
use crate::clock::unix_ms;
use crate::database::{Connection, DatabaseError, params};
use relay::vocabulary::{ChatId, Message};
use std::time::Duration;

/// How often chats are looked through.
const INTERVAL: Duration = Duration::from_secs(20);
/// Entries that are looked at in one transaction: others write meanwhile.
const BATCH: u32 = 200;

impl Chats {
    /// Forgets what is older than its chat keeps, for as long as it is polled.
    pub async fn forget_old(&self) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            if let Err(error) = self.forget_what_is_old(unix_ms()).await {
                tracing::warn!(%error, "lines that are too old wait to be forgotten");
            }
        }
    }

    /// Forgets what is too old at `now`.
    pub(super) async fn forget_what_is_old(&self, now: u64) -> Result<(), ChatRefusal> {
        let sql = "SELECT id FROM chats WHERE retention_ms IS NOT NULL";
        let chats: Vec<ChatId> = self.database.read(move |c| c.query(sql, &[], |row| row.get(0))).await?;
        for chat in chats {
            let Some(room) = self.room(chat).await? else { continue };
            // One look without a transaction: most chats have nothing to forget.
            while self.database.read(move |c| Ok(!too_old(c, chat, now, 1)?.is_empty())).await? {
                let forgotten = self.change(&room, move |c| {
                    let old = too_old(c, chat, now, BATCH)?;
                    for (sequence, _) in &old {
                        search::forget(c, chat, *sequence)?;
                        entries::erase(c, chat, *sequence, kind::EXPIRED, now)?;
                    }
                    if let Some((last, _)) = old.last() {
                        c.execute("UPDATE chats SET expired = ?2 WHERE id = ?1", params![chat, last])?;
                    }
                    Ok((old, Vec::new()))
                });
                for (_, mut message) in forgotten.await? {
                    message.erase(relay::vocabulary::Erased::Expired);
                    message.change = None;
                    message.notice = None;
                    room.replace(&message, self.clock.micros());
                }
            }
        }
        Ok(())
    }
}

/// The next entries that are too old, in order, up to the first that is not.
fn too_old(c: &Connection, chat: ChatId, now: u64, limit: u32) -> Result<Vec<(u64, Message)>, DatabaseError> {
    let keeps = "SELECT retention_ms, expired FROM chats WHERE id = ?1";
    let keeps = c.query_optional(keeps, params![chat], |row| Ok((row.get::<Option<u64>>(0)?, row.get::<u64>(1)?)))?;
    let Some((Some(retention), expired)) = keeps else { return Ok(Vec::new()) };
    let before = now.saturating_sub(retention);
    let next = super::pages::entries(c, chat, expired, limit)?;
    let old = next.into_iter().take_while(|message| message.at < before);
    Ok(old.map(|message| (message.sequence, message)).collect())
}
