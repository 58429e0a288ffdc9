//! Chats: each is a track that keeps everything, backed by the database, ordered and written by the server alone.
//!
//! Everything that is written into a chat is an entry of its log: lines, and likewise edits, deletions, reactions, pins
//! and notices. An entry gets its sequence in the transaction that stores it, and reaches the track only after the
//! commit: whoever sees it may rely on it. The newest of each chat are held in memory; older ones come from the
//! database. Who belongs to a chat changes in the same way, and its readers follow at once.
//!
//! # Memory, rights and search
//!
//! A chat is in memory while somebody reads or uses it; of the others some hundreds may be (`chat/mod.rs`).
//!
//! Who may read is the chat's roll (`chat/roll.rs`). It changes in the writer like everything else, and under its
//! lock: a cursor is put on for those who may, and taken off from those who no longer may, with nothing between.
//!
//! The search index follows the log by itself, a little behind it, and what it has not reached is looked through
//! directly: writing never waits for it, and everything that is acknowledged is found. It knows words, and pairs of
//! characters where a script does not part words (`chat/terms.rs`), in FTS5 on SQLite and as a `tsvector` on
//! PostgreSQL. What it gives are candidates; each is compared with the search.

mod attached;
mod departures;
mod entries;
mod later;
mod lists;
mod marks;
mod membership;
mod notices;
mod pages;
mod posting;
mod refusal;
mod retention;
pub mod rights;
mod roll;
mod rolls;
mod room;
mod search;
mod terms;
#[cfg(test)]
mod tests;

pub use lists::{Place, PlaceError};
pub use membership::Answer;
pub use pages::Page;
pub use refusal::ChatRefusal;
pub use roll::{Person, Roll};
pub use room::Room;
pub use search::NothingWanted;

use crate::clock::Clock;
use crate::database::{Connection, Database, DatabaseError};
use crate::delivery::Delivery;
use parking_lot::Mutex;
use relay::track::Track;
use relay::vocabulary::{ChatId, History, Message};
use relay::{Frame, TrackId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// So many chats may be in memory before those that nobody uses are let go of.
const ROOMS: usize = 1_000;

/// All chats.
#[derive(Debug)]
pub struct Chats {
    database: Arc<Database>,
    delivery: Arc<Delivery>,
    clock: Clock,
    rooms: Mutex<HashMap<ChatId, Arc<Room>>>,
    /// Held while a chat is brought into memory: what was read of one must be the newest when it is put there.
    loading: tokio::sync::Mutex<()>,
    /// With so many chats in memory it is looked which are not needed there.
    crowded: AtomicUsize,
    /// Rung when an entry was stored.
    written: Arc<Notify>,
    /// Rung when a line is to be sent later.
    waiting: Notify,
}

impl Chats {
    /// The chats in `database`, whose members are told of by `delivery`.
    pub fn new(database: Arc<Database>, delivery: Arc<Delivery>, clock: Clock) -> Self {
        let (written, waiting) = (Arc::new(Notify::new()), Notify::new());
        let (rooms, loading, crowded) = (Mutex::default(), tokio::sync::Mutex::default(), AtomicUsize::new(ROOMS));
        Self { database, delivery, clock, rooms, loading, crowded, written, waiting }
    }

    /// The chat of that number, brought into memory if need be.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn room(&self, id: ChatId) -> Result<Option<Arc<Room>>, DatabaseError> {
        if let Some(room) = self.rooms.lock().get(&id) {
            return Ok(Some(room.clone()));
        }
        // A number beyond what the database can hold is no chat's.
        if id > u64::from(u32::MAX) {
            return Ok(None);
        }
        let _loading = self.loading.lock().await;
        if let Some(room) = self.rooms.lock().get(&id) {
            return Ok(Some(room.clone()));
        }
        let Some((roll, latest)) = self.database.read(move |c| rolls::load(c, id)).await? else {
            return Ok(None);
        };
        // Nobody writes to a chat but through the room in this table, and nobody else can have put one there meanwhile.
        let mut rooms = self.rooms.lock();
        if rooms.len() >= self.crowded.load(Ordering::Relaxed) {
            // Whoever uses or reads a room has a handle on it: what nobody has one on is in the database as well.
            rooms.retain(|_, room| Arc::strong_count(room) > 1 || room.is_read());
            self.crowded.store(ROOMS.max(rooms.len() * 2), Ordering::Relaxed);
        }
        let room = rooms.entry(id).or_insert_with(|| Arc::new(Room::new(id, roll, latest)));
        Ok(Some(room.clone()))
    }

    /// A page of a chat's lines after `since`, as they are now.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn history(&self, chat: ChatId, since: u64, page: Page, limit: u32) -> Result<History, DatabaseError> {
        self.database.read(move |c| pages::history(c, chat, since, page, limit)).await
    }

    /// The pinned lines of a chat after `after`, as many as one answer holds.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn pinned(&self, chat: ChatId, after: u64) -> Result<History, DatabaseError> {
        self.database.read(move |c| pages::pinned(c, chat, after)).await
    }

    /// A page of a chat as frames of its track: for cursors that stand earlier than memory reaches. Empty if `track`
    /// is no chat's or nothing follows.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn frames(&self, track: TrackId, after: u64, limit: u32) -> Result<Vec<Frame>, DatabaseError> {
        let Some(chat) = chat_of(track) else { return Ok(Vec::new()) };
        let Some(room) = self.room(chat).await? else { return Ok(Vec::new()) };
        let entries = self.database.read(move |c| pages::entries(c, chat, after, limit)).await?;
        let now = self.clock.micros();
        Ok(entries.iter().filter_map(|message| room::frame(&room.track, message, now)).collect())
    }

    /// Changes who belongs to a chat, or how. `job` gives what to answer and the notices that it stored; the new roll
    /// and those notices are seen in the order of the changes.
    async fn change<T, J>(&self, room: &Arc<Room>, job: J) -> Result<T, ChatRefusal>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> Result<(T, Vec<Message>), ChatRefusal> + Send + 'static,
    {
        let (id, changing) = (room.id, room.clone());
        let (delivery, clock) = (self.delivery.clone(), self.clock);
        let job = move |c: &Connection| {
            let (answer, notices) = job(c)?;
            let (roll, _) = rolls::load(c, id)?.ok_or(ChatRefusal::Unknown)?;
            Ok::<_, ChatRefusal>((answer, notices, roll))
        };
        let after = move |(_, notices, roll): &(T, Vec<Message>, Roll)| {
            let now = clock.micros();
            notices.iter().for_each(|notice| changing.append(notice, now));
            changing.renew(roll.clone(), &delivery);
        };
        let (answer, ..) = self.database.write_then(job, after).await?;
        Ok(answer)
    }
}

/// The track of a chat's entries: a number that is odd and always the same.
pub fn track_of(chat: ChatId) -> TrackId {
    TrackId(chat * 4 + 1)
}

/// The track of a chat's signals: likewise.
pub fn signals_of(chat: ChatId) -> TrackId {
    TrackId(chat * 4 + 3)
}

/// The chat that one of these tracks belongs to.
pub fn chat_of(track: TrackId) -> Option<ChatId> {
    (track.0 % 2 == 1).then_some(track.0 / 4).filter(|chat| *chat > 0)
}

/// That track of a chat which has this number.
pub fn track_in(room: &Room, track: TrackId) -> &Track {
    if track == room.signals.id() { &room.signals } else { &room.track }
}
