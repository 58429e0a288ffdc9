//! Chats on both engines: what is stored, who reads it, in which order, and what later entries make of earlier ones.

mod bounds;
mod changes;
mod lookups;
mod membership;
mod time;

use super::*;
use crate::database::both::{Engine, Home, on_both};
use crate::database::params;
use crate::delivery::{COMMANDS_WAITING, EVENTS_WAITING, LinkCommand, LinkHandle};
use crate::identity::{AccountId, Accounts, Actor, Hasher, Identity};
use crate::mailbox::{self, mailbox};
use relay::seal::LinkId;
use relay::track::{Next, Start};
use relay::vocabulary::{
    AskIn, Change, ChangeChat, ChatRole, ClosedReason, Erased, Event, Member, Notice, OpenChat, Role, SendMessage,
    SetMarks, Signal, Standing, With,
};
use std::sync::atomic::{AtomicU64, Ordering};

struct World {
    home: Home,
    database: Arc<Database>,
    chats: Arc<Chats>,
    delivery: Arc<Delivery>,
    people: Vec<Member>,
    changes: AtomicU64,
}

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

async fn world(engine: Engine) -> World {
    let home = Home::of(engine);
    let (database, chats, delivery) = chats_in(&home);
    let accounts = Accounts::new(database.clone(), Arc::new(Hasher::start(2).unwrap()));
    let mut people = Vec::new();
    for name in NAMES {
        people.push(accounts.add(name, None, Role::Member, Actor::console()).await.unwrap());
    }
    World { home, database, chats, delivery, people, changes: AtomicU64::new(0) }
}

fn chats_in(home: &Home) -> (Arc<Database>, Arc<Chats>, Arc<Delivery>) {
    let (database, delivery) = (Arc::new(home.open().unwrap()), Arc::new(Delivery::new(8)));
    let chats = Arc::new(Chats::new(database.clone(), delivery.clone(), Clock::start()));
    (database, chats, delivery)
}

impl World {
    fn of(&self, name: &str) -> Member {
        self.people.iter().find(|person| person.name == name).unwrap().clone()
    }

    fn id(&self, name: &str) -> AccountId {
        self.of(name).id
    }

    async fn direct(&self) -> Arc<Room> {
        self.chats.open(&self.of("alice"), OpenChat::direct("bob"), false).await.unwrap().0
    }

    /// Of alice, who owns it, and those who accept.
    async fn group(&self, accepting: &[&str]) -> Arc<Room> {
        let asked = NAMES[1..].iter().map(|name| (*name).to_owned()).collect();
        let open = OpenChat {
            with: With::Group(asked),
            name: "lunch".into(),
            text: Some("Hungry?".into()),
            key: Some("first".into()),
        };
        let (room, made) = self.chats.open(&self.of("alice"), open, false).await.unwrap();
        assert!(made);
        for name in accepting {
            self.chats.answer(&room, &self.of(name), Answer::Accept).await.unwrap();
        }
        room
    }

    async fn say(&self, room: &Arc<Room>, name: &str, text: &str) -> u64 {
        let key = format!("line-{}", self.changes.fetch_add(1, Ordering::Relaxed));
        self.chats.post(room, self.of(name), SendMessage::line(text, key)).await.unwrap().sequence
    }

    async fn change(&self, room: &Arc<Room>, name: &str, change: Change) -> Result<u64, ChatRefusal> {
        let key = format!("change-{}", self.changes.fetch_add(1, Ordering::Relaxed));
        Ok(self.chats.post(room, self.of(name), SendMessage::change(change, key)).await?.sequence)
    }

    async fn newest(&self, room: &Room) -> Vec<Message> {
        self.chats.history(room.id, 0, Page::Newest, 200).await.unwrap().messages
    }

    fn link(&self, name: &str) -> (LinkHandle, mailbox::Receiver<LinkCommand>, mailbox::Receiver<Event>) {
        let (commands, commanded) = mailbox(COMMANDS_WAITING);
        let (events, happened) = mailbox(EVENTS_WAITING);
        let person = self.of(name);
        let handle = LinkHandle::new(LinkId([u8::try_from(person.id).unwrap(); 16]), commands, events);
        let identity = Identity {
            account: person.id,
            name: person.name,
            role: Role::Member,
            session: 1,
            expires_at: u64::MAX,
            device: "desk".into(),
        };
        self.delivery.register(&identity, handle.clone());
        (handle, commanded, happened)
    }
}

fn read(cursor: &mut relay::track::Cursor) -> Vec<Message> {
    let next = std::iter::from_fn(|| match cursor.next_frame() {
        Next::Frame { frame, .. } => Some(Message::parse(&frame.payload()).unwrap()),
        _ => None,
    });
    next.collect()
}

fn notices(messages: &[Message]) -> Vec<Notice> {
    messages.iter().filter_map(|message| message.notice.clone()).collect()
}

/// Takes everything into the index, as the upkeep does.
async fn index_all(world: &World) {
    while world.database.write(search::index_some).await.unwrap() > 0 {}
}

async fn a_message_is_stored_once_and_reaches_the_track_in_order(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    let (again, made_again) = world.chats.open(&world.of("bob"), OpenChat::direct("ALICE"), false).await.unwrap();
    assert!(!made_again && Arc::ptr_eq(&room, &again));
    let mut cursor = room.track.cursor(Start::After(0));
    let post = |name: &str, text: &str| world.chats.post(&room, world.of(name), SendMessage::line(text, "k1"));
    let first = post("alice", "hello").await.unwrap();
    let repeated = post("alice", "hello again").await.unwrap();
    assert_eq!(first, repeated);
    let theirs = post("bob", "hi").await.unwrap();
    assert_eq!((first.sequence, theirs.sequence), (1, 2));
    let lines = read(&mut cursor);
    let texts: Vec<_> = lines.iter().map(|m| (m.sequence, m.from.name.as_str(), m.text.as_str())).collect();
    assert_eq!(texts, [(1, "alice", "hello"), (2, "bob", "hi")]);
    assert_eq!(room.view(world.id("bob")).unwrap().latest, 2);
    assert_eq!(
        world.chats.post(&room, world.of("carol"), SendMessage::line("x", "k")).await,
        Err(ChatRefusal::Unknown)
    );
}

async fn many_at_once_leave_no_gap_and_survive_a_restart(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    let mut cursor = room.track.cursor(Start::After(0));
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..300 {
        let (chats, room) = (world.chats.clone(), room.clone());
        let author = world.of(if n % 2 == 0 { "alice" } else { "bob" });
        let line = SendMessage::line("x", n.to_string());
        posts.spawn(async move { chats.post(&room, author, line).await.unwrap().sequence });
    }
    let mut sequences = posts.join_all().await;
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=300).collect::<Vec<_>>());
    let seen: Vec<_> = read(&mut cursor).iter().map(|message| message.sequence).collect();
    assert_eq!(seen, sequences);
    let (id, track, alice) = (room.id, room.track.id(), world.of("alice"));
    drop((room, cursor));
    let World { home, database, chats, delivery, .. } = world;
    drop((database, chats, delivery));

    let (_database, chats, _) = chats_in(&home);
    let room = chats.room(id).await.unwrap().unwrap();
    assert_eq!((room.track.id(), room.latest()), (track, 300));
    let next = chats.post(&room, alice.clone(), SendMessage::line("back", "later")).await.unwrap();
    assert_eq!(next.sequence, 301);
    // An old key is still known.
    assert!(chats.post(&room, alice, SendMessage::line("x", "0")).await.unwrap().sequence <= 300);
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
    assert!(seen.iter().copied().eq(1..=301), "{seen:?}");
}

async fn a_notice_is_written_once_and_shows_no_key(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    for _ in 0..2 {
        let notice = Notice::MissedCall { call: 4 };
        world.chats.note(&room, world.id("alice"), "call-4".into(), notice).await.unwrap();
    }
    let messages = world.newest(&room).await;
    assert_eq!(notices(&messages), [Notice::MissedCall { call: 4 }]);
    assert_eq!((messages[0].key.as_str(), messages[0].text.as_str()), ("", "Missed call"));
}

on_both!(
    a_message_is_stored_once_and_reaches_the_track_in_order,
    many_at_once_leave_no_gap_and_survive_a_restart,
    a_notice_is_written_once_and_shows_no_key,
);
