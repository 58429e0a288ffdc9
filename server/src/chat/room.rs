//! One chat in memory: its roll, the track of its entries, the track of its signals.

use super::roll::{Person, Roll};
use crate::delivery::{Delivery, LinkCommand};
use crate::identity::AccountId;
use parking_lot::RwLock;
use relay::track::{Retention, Track};
use relay::vocabulary::{Chat, ChatId, GROUP_MAX, Marks, Member, Message, Signal, Standing};
use relay::{Frame, FrameHeader, Kind, Micros};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of the newest entries held in memory for each chat that is there.
const HELD: usize = 64 << 10;
/// Everyone's marks, and whether everyone types.
const SIGNALS: Retention = Retention::Latest { max_keys: 2 * GROUP_MAX };

/// One chat in memory.
#[derive(Debug)]
pub struct Room {
    /// Its number.
    pub id: ChatId,
    /// Its entries.
    pub track: Track,
    /// Who types, who has come how far.
    pub signals: Track,
    roll: RwLock<Arc<Roll>>,
    last_signal: AtomicU64,
}

impl Room {
    /// A chat whose newest entry is `latest`.
    pub(super) fn new(id: ChatId, roll: Roll, latest: u64) -> Self {
        let track = Track::resumed(super::track_of(id), HELD, latest + 1);
        let signals = Track::new(super::signals_of(id), SIGNALS);
        Self { id, track, signals, roll: RwLock::new(Arc::new(roll)), last_signal: AtomicU64::new(0) }
    }

    /// Who belongs to it at this moment.
    pub fn roll(&self) -> Arc<Roll> {
        self.roll.read().clone()
    }

    /// The sequence of its newest entry.
    pub fn latest(&self) -> u64 {
        self.track.newest().unwrap_or_default()
    }

    /// The chat as `account` sees it.
    pub fn view(&self, account: AccountId) -> Option<Chat> {
        self.roll().view(self.id, self.latest(), account)
    }

    /// Does something for someone who may read the chat, and while they may: whoever loses the right meanwhile loses it
    /// afterwards. `None` for everyone else.
    pub fn for_reader<T>(&self, account: AccountId, act: impl FnOnce(&Roll, &Person) -> T) -> Option<T> {
        let roll = self.roll.read();
        let person = roll.reader(account)?;
        Some(act(&roll, person))
    }

    /// Whether anybody reads it.
    pub(super) fn is_read(&self) -> bool {
        self.track.is_shared() || self.signals.is_shared()
    }

    /// Those whom a call from this chat rings, and the one who calls.
    pub fn callable(&self) -> Vec<Member> {
        self.roll().listeners().map(|person| person.member.clone()).collect()
    }

    /// Another roll is the right one from now on. Whoever may no longer read has the chat's cursors taken away at once.
    pub(super) fn renew(&self, roll: Roll, delivery: &Delivery) {
        let mut known = self.roll.write();
        let lost = known.people.iter().filter(|person| {
            let account = person.member.id;
            known.reader(account).is_some() && roll.reader(account).is_none()
        });
        let lost: Vec<AccountId> = lost.map(|person| person.member.id).collect();
        *known = Arc::new(roll);
        // Still under the lock: a cursor put on meanwhile would stay.
        for account in lost {
            for track in [self.track.id(), self.signals.id()] {
                delivery.command_account(account, || LinkCommand::Stop { track });
            }
        }
    }

    /// Moves someone's marks forward, and gives those that others may see: nobody is told how far someone has come who
    /// has not accepted a request.
    pub(super) fn mark(&self, marks: Marks) -> Option<Marks> {
        let mut roll = self.roll.write();
        let at = roll.people.binary_search_by_key(&marks.account, |person| person.member.id).ok()?;
        let person = &mut Arc::make_mut(&mut roll).people[at];
        let read = person.marks.read.max(marks.read);
        let delivered = person.marks.delivered.max(marks.delivered).max(read);
        person.marks = Marks { read, delivered, ..marks };
        Some(person.marks).filter(|_| person.standing == Standing::Joined)
    }

    /// Puts an entry on the track that was stored before.
    pub(super) fn append(&self, message: &Message, now: Micros) {
        let Some(frame) = frame(&self.track, message, now) else { return };
        if let Err(error) = self.track.append(frame, now) {
            let (chat, sequence) = (self.id, message.sequence);
            tracing::error!(chat, sequence, %error, "a stored message did not reach its track");
        }
    }

    /// Puts an entry in the place of one that the track still holds: nothing else is left of it.
    pub(super) fn replace(&self, message: &Message, now: Micros) {
        if let Some(frame) = frame(&self.track, message, now) {
            self.track.replace(frame);
        }
    }

    /// Shows everyone who looks the newest signal of its kind about someone.
    pub(super) fn signal(&self, signal: &Signal, now: Micros) {
        let typing = u64::from(matches!(signal, Signal::Typing { .. }));
        let sequence = self.last_signal.fetch_add(1, Ordering::Relaxed) + 1;
        let header = FrameHeader::alone(self.signals.id(), sequence, now, Kind::Event);
        let appended = signal.encode().map_err(|error| error.to_string()).and_then(|payload| {
            let frame = Frame::new(header, &payload).map_err(|error| error.to_string())?;
            self.signals.append_keyed(signal.account() * 2 + typing, frame, now).map_err(|error| error.to_string())
        });
        if let Err(error) = appended {
            tracing::debug!(chat = self.id, error, "a signal was not shown");
        }
    }
}

/// An entry as a frame of its chat's track.
pub(super) fn frame(track: &Track, message: &Message, now: Micros) -> Option<Frame> {
    let header = FrameHeader::alone(track.id(), message.sequence, now, Kind::Message);
    let payload = message.encode().inspect_err(|error| tracing::error!(%error, "a message cannot be written")).ok()?;
    Frame::new(header, &payload).inspect_err(|error| tracing::error!(%error, "a message does not fit a frame")).ok()
}
