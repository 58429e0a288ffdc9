//! The keeper: brings presence the time, asks the database for what is not known yet, and stores what was, sparingly.

use super::{Kept, Presences, store};
use crate::clock::unix_ms;
use crate::database::DatabaseError;
use std::sync::Arc;
use std::time::Duration;

/// What people are is stored this long after it has changed, with everything else that has changed meanwhile.
const SAVE_AFTER: Duration = Duration::from_secs(2);
/// While anyone is here, it is noted this often that the server runs.
const MARK_EVERY: Duration = Duration::from_secs(60);
/// People that are read or stored at a time.
const AT_A_TIME: usize = 500;
/// When a database that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps presence up to date for as long as it is polled.
pub async fn keep(presences: Arc<Presences>) {
    while let Err(error) = presences.ready().await {
        tracing::warn!(%error, "it cannot be read who was here before the restart");
        tokio::time::sleep(RETRY).await;
    }
    let (mut save_at, mut mark_at) = (None, Duration::ZERO);
    loop {
        let now = presences.clock.elapsed();
        let worked = presences.work(now, &mut save_at, &mut mark_at).await;
        if let Err(error) = worked {
            tracing::warn!(%error, "presence goes on with what is known");
            tokio::time::sleep(RETRY).await;
            continue;
        }
        let (deadline, someone) = {
            let here = presences.here.lock();
            (here.board.deadline(), !here.board.is_empty())
        };
        let due = deadline.into_iter().chain(save_at).chain(someone.then_some(mark_at)).min();
        let due = async {
            match due {
                Some(due) => tokio::time::sleep_until(presences.clock.instant(due).into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = presences.changed.notified() => {}
            () = due => {}
        }
    }
}

impl Presences {
    async fn work(
        &self,
        now: Duration,
        save_at: &mut Option<Duration>,
        mark_at: &mut Duration,
    ) -> Result<(), DatabaseError> {
        self.tick();
        self.get_to_know().await?;
        let (someone, unsaved) = {
            let here = self.here.lock();
            (!here.board.is_empty(), here.board.has_unsaved())
        };
        if unsaved && *save_at.get_or_insert(now + SAVE_AFTER) <= now {
            self.save().await?;
            *save_at = None;
        }
        if someone && *mark_at <= now {
            self.database.write(|c| store::mark(c, unix_ms())).await?;
            *mark_at = now + MARK_EVERY;
        }
        Ok(())
    }

    /// Does what is due, and tells of what has changed.
    fn tick(&self) {
        let mut here = self.here.lock();
        here.board.tick(self.now());
        self.tell(&mut here);
    }

    /// Reads what newcomers have chosen.
    async fn get_to_know(&self) -> Result<(), DatabaseError> {
        loop {
            let unknown = self.here.lock().board.unknown(AT_A_TIME);
            if unknown.is_empty() {
                return Ok(());
            }
            let known = self.database.read(move |c| store::kept_of(c, &unknown)).await?;
            let mut here = self.here.lock();
            for (account, Kept { settings, .. }) in known {
                here.board.know(account, settings, self.now());
            }
            self.tell(&mut here);
        }
    }

    /// Stores what has changed since it was stored last.
    pub(super) async fn save(&self) -> Result<(), DatabaseError> {
        loop {
            let unsaved = self.here.lock().board.unsaved(AT_A_TIME);
            if unsaved.is_empty() {
                return Ok(());
            }
            let people = unsaved.clone();
            self.database.write(move |c| store::save(c, &people)).await?;
            self.here.lock().board.saved(&unsaved);
        }
    }
}
