//! Presence: who is here, ready to take a chat, away, not to be disturbed or in a call, and who is told of it.
//!
//! The rules are pure: one person ([`person`](self)), everyone together ([`board`](self)), who watches whom
//! ([`inboxes`](self)). Here is the shell that brings them what happens and the time.
//!
//! # The walk of a change
//!
//! 1. A link falls silent, says good-bye or is opened; a person says to be away; a call begins. `link/liveness.rs`
//!    says what a silence means, `link/driver.rs` and `call/shell.rs` tell `presence/`.
//! 2. `presence/person.rs` reckons one person's state from all devices, by one table, with the time as an argument. A
//!    link that was lost counts for ten seconds more; after a restart everyone does, as what they were
//!    (`presence/store.rs` keeps that, two seconds after it changed, many at once).
//! 3. If the state is another one, `presence/inboxes.rs` encodes it once and appends the one buffer to the inbox of
//!    each watcher: a track that keeps the latest, one for each watching account, all with the number 1.
//! 4. Each link of a watcher has one cursor there, however many contacts there are. (A track for each person would
//!    need a cursor for each contact on each link: 0.5 kB each instead of 0.15 kB for an account.)
//! 5. `client/engine/roster.rs` takes the list and the changes in whatever order they come: their numbers say what is
//!    newer.
//!
//! Before anyone asks, chats with or calls someone, the one question `Contacts::may_reach` is asked
//! (`contact/blocks.rs`): who was blocked sees the one who did it as offline, and reaches them in no way. A line asks
//! it once more in the transaction that stores it, which holds for what was written down to be sent later.

mod board;
mod inboxes;
mod keeper;
mod pace;
mod person;
mod store;

pub use keeper::keep;
pub use person::{GRACE, merge};
pub use store::Kept;

use crate::clock::{Clock, unix_ms};
use crate::database::{Connection, Database, DatabaseError};
use crate::delivery::Delivery;
use crate::identity::AccountId;
use crate::identity::authority::Owner;
use board::Board;
use inboxes::{Inboxes, Opening};
use parking_lot::Mutex;
use person::Now;
use relay::seal::LinkId;
use relay::track::Track;
use relay::vocabulary::{OwnPresence, PresenceInfo, SetPresence};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OnceCell};

/// Removes from the database what stands there about the presence of an account that is removed, in the caller's
/// transaction.
///
/// # Errors
/// [`DatabaseError`].
pub fn forget(c: &Connection, account: AccountId) -> Result<(), DatabaseError> {
    store::forget(c, account)
}

/// Everyone's presence.
#[derive(Debug)]
pub struct Presences {
    database: Arc<Database>,
    delivery: Arc<Delivery>,
    clock: Clock,
    here: Mutex<Here>,
    /// Set once those who were here before the restart are known.
    remembered: OnceCell<()>,
    /// Rung for the keeper.
    changed: Notify,
}

#[derive(Debug)]
struct Here {
    board: Board,
    inboxes: Inboxes,
}

/// Why someone's presence was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// Too often.
    #[error("each change is told to all your contacts: wait {} s before the next one", .0.as_secs_f64().ceil())]
    TooOften(Duration),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Presences {
    /// Presence of those whose links are in `delivery`. Let [`keep`] run beside it.
    pub fn new(database: Arc<Database>, delivery: Arc<Delivery>, clock: Clock) -> Self {
        // Numbers of changes rise over restarts as long as there are less than a million changes a second.
        let here = Here { board: Board::default(), inboxes: Inboxes::new(unix_ms() * 1_000) };
        Self { database, delivery, clock, here: Mutex::new(here), remembered: OnceCell::new(), changed: Notify::new() }
    }

    /// A link of a device is heard: a new one, or one that was silent.
    pub fn found(&self, owner: &Owner, link: LinkId) {
        self.happen(|board, now| board.found(owner, link, now));
    }

    /// A link is not heard any more, or has ended otherwise than its person meant it to; it was heard `silence` ago.
    pub fn lost(&self, owner: &Owner, link: LinkId, silence: Duration) {
        self.happen(|board, now| board.lost(owner, link, silence, now));
    }

    /// A link has ended as its person meant it to.
    pub fn left(&self, owner: &Owner, link: LinkId) {
        self.happen(|board, now| board.left(owner, link, now));
    }

    /// Whether nobody uses a device.
    ///
    /// # Errors
    /// [`SetError::TooOften`].
    pub fn set_idle(&self, owner: &Owner, idle: bool) -> Result<(), SetError> {
        self.pace(owner.account)?;
        self.happen(|board, now| board.set_idle(owner, idle, now));
        Ok(())
    }

    /// Whether someone is in a call.
    pub fn talk(&self, account: AccountId, in_call: bool) {
        self.happen(|board, now| board.talk(account, in_call, now));
    }

    /// Stores what someone chooses to be and to say, and tells contacts.
    ///
    /// # Errors
    /// [`SetError`].
    pub async fn choose(self: &Arc<Self>, account: AccountId, set: SetPresence) -> Result<(), SetError> {
        self.pace(account)?;
        let this = self.clone();
        let job = move |c: &Connection| store::choose(c, account, &set);
        self.database.write_then(job, move |kept| this.settle(account, kept)).await?;
        Ok(())
    }

    /// Someone's status text was changed with the profile: tells contacts.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn reread(self: &Arc<Self>, account: AccountId) -> Result<(), DatabaseError> {
        let this = self.clone();
        // By way of the writer, so that of two changes the later one is told later.
        let job = move |c: &Connection| store::kept(c, account);
        self.database.write_then(job, move |kept| this.settle(account, kept)).await.map(drop)
    }

    /// Someone has chosen this. Contacts are told by the keeper: the database's thread has other things to do.
    fn settle(&self, account: AccountId, kept: &Kept) {
        let now = self.now();
        self.here.lock().board.settle(account, kept.settings.clone(), kept.last_seen, now);
        self.changed.notify_one();
    }

    /// What someone has chosen, and what contacts see of it.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn own(&self, account: AccountId) -> Result<OwnPresence, DatabaseError> {
        self.ready().await?;
        let kept = self.database.read(move |c| store::kept(c, account)).await?;
        Ok(OwnPresence { chosen: kept.settings.wish, presence: self.view(account, kept) })
    }

    /// What contacts see of someone of whom this is stored.
    pub fn view(&self, account: AccountId, kept: Kept) -> PresenceInfo {
        self.here.lock().board.info(account).unwrap_or_else(|| kept.info())
    }

    /// Number of the newest change of anyone: what is seen of anyone from now on is at least as new.
    pub fn newest(&self) -> u64 {
        self.here.lock().inboxes.newest()
    }

    /// Waits until it is known who was here before the restart.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn ready(&self) -> Result<(), DatabaseError> {
        let remember = || async {
            let people = self.database.read(store::remembered).await?;
            let mut here = self.here.lock();
            let now = self.now();
            for (account, was) in people {
                here.board.remember(account, was, now);
            }
            drop(here);
            self.changed.notify_one();
            Ok(())
        };
        self.remembered.get_or_try_init(remember).await.map(drop)
    }

    /// Begins to note for an account what changes about its contacts.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn watch(&self, account: AccountId) -> Result<(), DatabaseError> {
        loop {
            let opening = self.here.lock().inboxes.open(account);
            let Opening::Load(ticket) = opening else {
                // The link that asked may have ended meanwhile.
                self.leave(account);
                return Ok(());
            };
            let contacts = self.database.read(move |c| store::watched(c, account)).await?;
            self.here.lock().inboxes.loaded(account, ticket, contacts);
        }
    }

    /// The track with the presence of an account's contacts, for a reader who has everything up to `after`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn track(&self, account: AccountId, after: Option<u64>) -> Result<Option<Track>, DatabaseError> {
        self.ready().await?;
        self.watch(account).await?;
        let Some((track, has_all)) = self.here.lock().inboxes.track(account, after) else { return Ok(None) };
        if !has_all {
            self.fill(account).await?;
        }
        Ok(Some(track))
    }

    /// Two accounts see each other from now on.
    pub fn introduce(&self, one: AccountId, other: AccountId) {
        let mut here = self.here.lock();
        here.inboxes.watch(one, other);
        here.inboxes.watch(other, one);
    }

    /// Two accounts see nothing of each other any more.
    pub fn part(&self, one: AccountId, other: AccountId) {
        let mut here = self.here.lock();
        here.inboxes.unwatch(one, other);
        here.inboxes.unwatch(other, one);
    }

    /// Tells one account of another one what is not so, or so again: by a block and its end.
    pub fn whisper(&self, to: AccountId, about: AccountId, info: &PresenceInfo) {
        self.here.lock().inboxes.whisper(to, about, info, self.clock.micros());
    }

    /// The last link of an account may have ended: nobody reads its track then.
    pub fn leave(&self, account: AccountId) {
        let mut here = self.here.lock();
        // Asked under this lock: a link that comes in this moment either is seen or opens the inbox anew.
        if !self.delivery.has_links(account) {
            here.inboxes.close(account);
        }
    }

    /// Brings what people are to the disk, for the next start.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn close(&self) -> Result<(), DatabaseError> {
        self.save().await?;
        self.database.write(|c| store::mark(c, unix_ms())).await
    }

    /// Puts what is missing into the track of an account.
    async fn fill(&self, account: AccountId) -> Result<(), DatabaseError> {
        let missing = self.here.lock().inboxes.missing(account);
        let kept = self.database.read(move |c| store::kept_of(c, &missing)).await?;
        let mut here = self.here.lock();
        let Here { board, inboxes } = &mut *here;
        for (one, kept) in kept {
            let info = board.info(one).unwrap_or_else(|| kept.info());
            if inboxes.missing(account).contains(&one) {
                inboxes.whisper(account, one, &info, self.clock.micros());
            }
        }
        if inboxes.missing(account).is_empty() {
            inboxes.is_whole(account);
        }
        Ok(())
    }

    /// Lets something happen, and tells whoever is to be told of it.
    fn happen(&self, happening: impl FnOnce(&mut Board, Now)) {
        let mut here = self.here.lock();
        happening(&mut here.board, self.now());
        self.tell(&mut here);
        drop(here);
        self.changed.notify_one();
    }

    fn tell(&self, here: &mut Here) {
        for account in here.board.take_changed() {
            if let Some(info) = here.board.info(account) {
                here.inboxes.tell(account, &info, self.clock.micros());
            }
        }
    }

    /// Asks for leave to change once more what is told of someone.
    ///
    /// # Errors
    /// [`SetError::TooOften`].
    pub fn pace(&self, account: AccountId) -> Result<(), SetError> {
        match self.here.lock().board.may_change(account, self.now()) {
            None => Ok(()),
            Some(wait) => Err(SetError::TooOften(wait)),
        }
    }

    fn now(&self) -> Now {
        Now { elapsed: self.clock.elapsed(), unix_ms: unix_ms() }
    }
}

#[cfg(test)]
mod tests;
