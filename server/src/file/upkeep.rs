//! The upkeep of files: what hangs nowhere is removed, with its content.

use super::{FileRefusal, Files, blocking, records};
use crate::clock::unix_ms;
use std::time::Duration;

/// How often files are looked through.
const INTERVAL: Duration = Duration::from_secs(60);
/// A file that was sent and hung on no line for this long is not needed, in milliseconds.
const PATIENCE_MS: u64 = 24 * 3_600_000;
/// Files that are removed at a time.
const BATCH: u32 = 100;

impl Files {
    /// Removes what nobody needs, for as long as it is polled.
    pub async fn tidy(&self) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            if let Err(error) = self.remove_unneeded(unix_ms().saturating_sub(PATIENCE_MS)).await {
                tracing::warn!(%error, "files that nobody needs wait to be removed");
            }
        }
    }

    /// Removes files that hang nowhere, if their line was erased or they were announced before `before`.
    pub(super) async fn remove_unneeded(&self, before: u64) -> Result<usize, FileRefusal> {
        let mut removed = 0;
        loop {
            let _settling = self.settling.lock().await;
            let unneeded = self.database.write(move |c| records::remove_unneeded(c, before, BATCH)).await?;
            removed += unneeded.len();
            for file in &unneeded {
                let (store, id) = (self.store.clone(), file.id.clone());
                blocking(move || store.give_up(&id)).await??;
                for content in file.contents.clone() {
                    let hash = content.clone();
                    if self.database.read(move |c| records::is_used(c, &hash)).await? {
                        continue;
                    }
                    let store = self.store.clone();
                    blocking(move || store.remove(&content)).await??;
                }
            }
            if unneeded.len() < BATCH as usize {
                return Ok(removed);
            }
        }
    }
}
