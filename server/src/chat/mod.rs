//! Chats: each is a track that keeps everything, backed by the database, ordered and written by the server alone.
//!
//! A message gets its sequence in the transaction that stores it, and reaches the track only after the commit: whoever
//! sees it may rely on it. The newest of each chat are held in memory; older ones come from the archive.

mod archive;

use crate::clock::{Clock, unix_ms};
use crate::database::{Connection, Database, DatabaseError};
use crate::identity::AccountId;
use parking_lot::Mutex;
use relay::track::Track;
use relay::vocabulary::{Chat, ChatId, History, Member, Message, MessageAccepted, Notice, SendMessage};
use relay::{Frame, FrameHeader, Kind, TrackId};
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of the newest messages held in memory for each chat that was opened since the server's start.
const HELD: usize = 64 << 10;

/// One chat in memory.
#[derive(Debug)]
pub struct Room {
    /// Its number.
    pub id: ChatId,
    /// Everyone in it.
    pub members: Vec<Member>,
    /// Its messages.
    pub track: Track,
}

impl Room {
    /// Whether this account belongs to it.
    pub fn has(&self, account: AccountId) -> bool {
        self.members.iter().any(|member| member.id == account)
    }

    /// The chat as its members see it.
    pub fn view(&self) -> Chat {
        Chat {
            id: self.id,
            track: self.track.id().0,
            members: self.members.clone(),
            latest: self.track.newest().unwrap_or_default(),
        }
    }

    fn member(&self, account: AccountId) -> Member {
        let known = self.members.iter().find(|member| member.id == account).cloned();
        known.unwrap_or_else(|| Member { id: account, name: String::new() })
    }
}

/// All chats.
#[derive(Debug)]
pub struct Chats {
    database: Arc<Database>,
    clock: Clock,
    rooms: Mutex<HashMap<ChatId, Arc<Room>>>,
}

impl Chats {
    /// The chats in `database`.
    pub fn new(database: Arc<Database>, clock: Clock) -> Self {
        Self { database, clock, rooms: Mutex::default() }
    }

    /// The direct chat of two accounts, and whether it was made just now.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open(&self, one: AccountId, other: AccountId) -> Result<(Arc<Room>, bool), DatabaseError> {
        let (id, made) = self.database.write(move |c| archive::open(c, one, other, unix_ms())).await?;
        let room = self.room(id).await?.ok_or(DatabaseError::Sql("a chat just opened is missing".to_owned()))?;
        Ok((room, made))
    }

    /// The chats of an account, the one with the newest message first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn of(&self, account: AccountId) -> Result<Vec<Chat>, DatabaseError> {
        self.database.read(move |c| archive::of(c, account)).await
    }

    /// The chat of that number, brought into memory if need be.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn room(&self, id: ChatId) -> Result<Option<Arc<Room>>, DatabaseError> {
        if let Some(room) = self.rooms.lock().get(&id) {
            return Ok(Some(room.clone()));
        }
        let Some((members, latest)) = self.database.read(move |c| archive::room(c, id)).await? else {
            return Ok(None);
        };
        // Nobody writes to a chat but through the room in this table, so whoever came first has what is newest.
        let mut rooms = self.rooms.lock();
        let room = rooms.entry(id).or_insert_with(|| {
            let track = Track::resumed(track_of(id), HELD, latest + 1);
            Arc::new(Room { id, members, track })
        });
        Ok(Some(room.clone()))
    }

    /// Stores a message, then puts it on the track. A repeated key is answered like the first time and changes nothing.
    ///
    /// # Errors
    /// [`DatabaseError`]; the message is not stored then.
    pub async fn post(
        &self,
        room: &Arc<Room>,
        author: AccountId,
        message: SendMessage,
    ) -> Result<MessageAccepted, DatabaseError> {
        self.store(room, author, message.key, message.text, None).await
    }

    /// Writes a notice of the server's own, caused by `author`, once for each `key`.
    ///
    /// # Errors
    /// [`DatabaseError`]; the notice is not stored then.
    pub async fn note(
        &self,
        room: &Arc<Room>,
        author: AccountId,
        key: &str,
        text: String,
        notice: Notice,
    ) -> Result<MessageAccepted, DatabaseError> {
        // No client can send a key with a control character.
        self.store(room, author, format!("\u{1}{key}"), text, Some(notice)).await
    }

    /// A page of a chat: what follows `after`, at most `limit` messages.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn history(&self, chat: ChatId, after: u64, limit: u32) -> Result<History, DatabaseError> {
        self.database.read(move |c| archive::history(c, chat, after, limit)).await
    }

    /// A page of a chat as frames of its track: for cursors that stand earlier than memory reaches. Empty if `track`
    /// is no chat's or nothing follows.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn frames(&self, track: TrackId, after: u64, limit: u32) -> Result<Vec<Frame>, DatabaseError> {
        let Some(chat) = chat_of(track) else { return Ok(Vec::new()) };
        let history = self.history(chat, after, limit).await?;
        let now = self.clock.micros();
        Ok(history.messages.iter().filter_map(|message| frame(track, message, now)).collect())
    }

    async fn store(
        &self,
        room: &Arc<Room>,
        author: AccountId,
        key: String,
        text: String,
        notice: Option<Notice>,
    ) -> Result<MessageAccepted, DatabaseError> {
        let (chat, at) = (room.id, unix_ms());
        let mut message = Message { sequence: 0, from: room.member(author), text, at, key, notice };
        let written = message.clone();
        let (room, clock) = (room.clone(), self.clock);
        let job = move |c: &Connection| archive::store(c, chat, &written);
        let after = move |stored: &archive::Stored| {
            if !stored.fresh {
                return;
            }
            message.sequence = stored.sequence;
            if message.notice.is_some() {
                message.key.clear();
            }
            let now = clock.micros();
            let appended = frame(room.track.id(), &message, now).map(|frame| room.track.append(frame, now));
            if let Some(Err(error)) = appended {
                tracing::error!(chat, sequence = stored.sequence, %error, "a stored message did not reach its track");
            }
        };
        let stored = self.database.write_then(job, after).await?;
        Ok(MessageAccepted { sequence: stored.sequence, at: stored.at })
    }
}

/// The track of a chat has an odd number, always the same.
pub fn track_of(chat: ChatId) -> TrackId {
    TrackId(chat * 2 + 1)
}

/// The chat whose track this is.
pub fn chat_of(track: TrackId) -> Option<ChatId> {
    (track.0 % 2 == 1).then_some(track.0 / 2).filter(|chat| *chat > 0)
}

fn frame(track: TrackId, message: &Message, now: relay::Micros) -> Option<Frame> {
    let header = FrameHeader::alone(track, message.sequence, now, Kind::Message);
    let payload = message.encode().inspect_err(|error| tracing::error!(%error, "a message cannot be written")).ok()?;
    Frame::new(header, &payload).inspect_err(|error| tracing::error!(%error, "a message does not fit a frame")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};
    use crate::identity::{Accounts, Actor, Hasher};
    use relay::track::{Next, Start};
    use relay::vocabulary::Role;

    struct World {
        home: Home,
        chats: Arc<Chats>,
        alice: AccountId,
        bob: AccountId,
    }

    fn chats_in(home: &Home) -> (Arc<Database>, Arc<Chats>) {
        let database = Arc::new(home.open().unwrap());
        (database.clone(), Arc::new(Chats::new(database, Clock::start())))
    }

    async fn world(engine: Engine) -> World {
        let home = Home::of(engine);
        let (database, chats) = chats_in(&home);
        let accounts = Accounts::new(database, Arc::new(Hasher::start(2).unwrap()));
        let alice = accounts.add("alice", None, Role::Member, Actor::console()).await.unwrap().id;
        let bob = accounts.add("bob", None, Role::Member, Actor::console()).await.unwrap().id;
        World { home, chats, alice, bob }
    }

    fn say(text: &str, key: &str) -> SendMessage {
        SendMessage { text: text.into(), key: key.into() }
    }

    fn read(cursor: &mut relay::track::Cursor) -> Vec<Message> {
        let next = std::iter::from_fn(|| match cursor.next_frame() {
            Next::Frame { frame, .. } => Some(Message::parse(&frame.payload()).unwrap()),
            _ => None,
        });
        next.collect()
    }

    async fn a_message_is_stored_once_and_reaches_the_track_in_order(engine: Engine) {
        let world = world(engine).await;
        let (room, made) = world.chats.open(world.alice, world.bob).await.unwrap();
        let (again, made_again) = world.chats.open(world.bob, world.alice).await.unwrap();
        assert!(made && !made_again && Arc::ptr_eq(&room, &again));
        let mut cursor = room.track.cursor(Start::After(0));
        let first = world.chats.post(&room, world.alice, say("hello", "k1")).await.unwrap();
        let repeated = world.chats.post(&room, world.alice, say("hello again", "k1")).await.unwrap();
        assert_eq!(first, repeated);
        let theirs = world.chats.post(&room, world.bob, say("hi", "k1")).await.unwrap();
        assert_eq!((first.sequence, theirs.sequence), (1, 2));
        let lines = read(&mut cursor);
        let texts: Vec<_> = lines.iter().map(|m| (m.sequence, m.from.name.as_str(), m.text.as_str())).collect();
        assert_eq!(texts, [(1, "alice", "hello"), (2, "bob", "hi")]);
        assert_eq!(room.view().latest, 2);
    }

    async fn many_at_once_leave_no_gap_and_survive_a_restart(engine: Engine) {
        let World { home, chats, alice, bob } = world(engine).await;
        let (room, _) = chats.open(alice, bob).await.unwrap();
        let mut cursor = room.track.cursor(Start::After(0));
        let mut posts = tokio::task::JoinSet::new();
        for n in 0..300 {
            let (chats, room) = (chats.clone(), room.clone());
            let author = if n % 2 == 0 { alice } else { bob };
            posts.spawn(async move { chats.post(&room, author, say("x", &n.to_string())).await.unwrap().sequence });
        }
        let mut sequences = posts.join_all().await;
        sequences.sort_unstable();
        assert_eq!(sequences, (1..=300).collect::<Vec<_>>());
        let seen: Vec<_> = read(&mut cursor).iter().map(|message| message.sequence).collect();
        assert_eq!(seen, sequences);
        let (id, track) = (room.id, room.track.id());
        drop((room, cursor, chats));

        let (_database, chats) = chats_in(&home);
        let room = chats.room(id).await.unwrap().unwrap();
        assert_eq!((room.track.id(), room.view().latest), (track, 300));
        let next = chats.post(&room, alice, say("back", "later")).await.unwrap();
        assert_eq!(next.sequence, 301);
        // An old key is still known.
        assert!(chats.post(&room, alice, say("x", "0")).await.unwrap().sequence <= 300);
        // A reader that begins at the start is sent to the archive, then goes on in memory.
        let mut cursor = room.track.cursor(Start::After(0));
        let mut seen = Vec::new();
        while let Next::Archived { after, until } = cursor.peek() {
            let page = chats.frames(track, after, 100).await.unwrap();
            assert!(!page.is_empty());
            seen.extend(page.iter().map(|frame| frame.header().sequence).filter(|n| *n <= until));
            cursor.resume_after(*seen.last().unwrap());
        }
        seen.extend(read(&mut cursor).iter().map(|message| message.sequence));
        assert_eq!(seen.last(), Some(&301));
        assert!(seen.iter().copied().eq(1..=301), "{seen:?}");
    }

    async fn history_comes_in_pages_bounded_in_number_and_bytes(engine: Engine) {
        let world = world(engine).await;
        let (room, _) = world.chats.open(world.alice, world.bob).await.unwrap();
        for n in 0..5 {
            world.chats.post(&room, world.alice, say(&n.to_string(), &n.to_string())).await.unwrap();
        }
        let page = world.chats.history(room.id, 1, 3).await.unwrap();
        let sequences: Vec<_> = page.messages.iter().map(|message| message.sequence).collect();
        assert_eq!((sequences, page.more), (vec![2, 3, 4], true));
        let page = world.chats.history(room.id, 4, 3).await.unwrap();
        assert_eq!((page.messages.len(), page.more), (1, false));
        for n in 0..40 {
            let long = "x".repeat(relay::vocabulary::TEXT_MAX);
            world.chats.post(&room, world.alice, say(&long, &format!("long{n}"))).await.unwrap();
        }
        let page = world.chats.history(room.id, 5, 200).await.unwrap();
        assert!(page.more && page.messages.len() < 40 && !page.messages.is_empty());
    }

    async fn a_notice_is_written_once_and_shows_no_key(engine: Engine) {
        let world = world(engine).await;
        let (room, _) = world.chats.open(world.alice, world.bob).await.unwrap();
        for _ in 0..2 {
            let notice = Notice::MissedCall { call: 4 };
            world.chats.note(&room, world.alice, "call-4", "Missed call".into(), notice).await.unwrap();
        }
        let history = world.chats.history(room.id, 0, 10).await.unwrap();
        assert_eq!(history.messages.len(), 1);
        assert_eq!(history.messages[0].notice, Some(Notice::MissedCall { call: 4 }));
        assert_eq!(history.messages[0].key, "");
        let list = world.chats.of(world.bob).await.unwrap();
        assert_eq!((list.len(), list[0].latest, list[0].members.len()), (1, 1, 2));
    }

    on_both!(
        a_message_is_stored_once_and_reaches_the_track_in_order,
        many_at_once_leave_no_gap_and_survive_a_restart,
        history_comes_in_pages_bounded_in_number_and_bytes,
        a_notice_is_written_once_and_shows_no_key,
    );
}
