//! The chats that a listener follows: a cursor on each, put on and taken off as the right to read comes and goes.

use super::place::Place;
use crate::chat::Room;
use crate::database::DatabaseError;
use crate::identity::AccountId;
use crate::state::State;
use relay::track::{Cursor, Next, Start};
use relay::vocabulary::ChatId;
use relay::{Frame, TrackId};
use std::sync::Arc;
use std::task::{Context, Poll};

/// Entries that are brought from the database at a time.
const PAGE: u32 = 100;

/// The followed chats of one listener.
#[derive(Debug)]
pub(super) struct Followed {
    account: AccountId,
    signals: bool,
    chats: Vec<One>,
    /// Whose turn it is, so that one busy chat does not hold up the others.
    turn: usize,
}

#[derive(Debug)]
struct One {
    room: Arc<Room>,
    entries: Cursor,
    signals: Option<Cursor>,
}

/// What one of the chats has.
#[derive(Debug)]
pub(super) enum Found {
    /// An entry.
    Entry(ChatId, Frame),
    /// A signal.
    Signal(ChatId, Frame),
    /// Entries after this sequence up to that one, which are to be brought from the database.
    Archived(ChatId, u64, u64),
}

impl Followed {
    /// Follows every chat that the account may read, from `place` on.
    pub(super) async fn all(
        state: &State,
        account: AccountId,
        place: &Place,
        signals: bool,
    ) -> Result<Self, DatabaseError> {
        let mut followed = Self { account, signals, chats: Vec::new(), turn: 0 };
        for (chat, sequence) in state.chats.places(account, None, place.stored).await? {
            followed.put(state, chat, place.chats.get(&chat).copied().unwrap_or(sequence)).await?;
        }
        Ok(followed)
    }

    /// Follows a chat that has come into the account's list, unless it is followed.
    pub(super) async fn follow(&mut self, state: &State, chat: ChatId, place: &Place) -> Result<(), DatabaseError> {
        if self.chats.iter().any(|one| one.room.id == chat) {
            return Ok(());
        }
        for (chat, sequence) in state.chats.places(self.account, Some(chat), place.stored).await? {
            self.put(state, chat, place.chats.get(&chat).copied().unwrap_or(sequence)).await?;
        }
        Ok(())
    }

    /// Whose chats they are.
    pub(super) fn account(&self) -> AccountId {
        self.account
    }

    /// Follows a chat no more.
    pub(super) fn leave(&mut self, chat: ChatId) {
        self.chats.retain(|one| one.room.id != chat);
    }

    /// The right to read this track has ended.
    pub(super) fn stop(&mut self, track: TrackId) {
        self.chats.retain(|one| one.room.track.id() != track && one.room.signals.id() != track);
    }

    async fn put(&mut self, state: &State, chat: ChatId, after: u64) -> Result<(), DatabaseError> {
        let Some(room) = state.chats.room(chat).await? else { return Ok(()) };
        let cursors = room.for_reader(self.account, |roll, person| {
            let after = after.max(roll.since(person)).min(room.latest());
            let signals = self.signals.then(|| room.signals.cursor(Start::Live));
            (room.track.cursor(Start::After(after)), signals)
        });
        if let Some((entries, signals)) = cursors {
            self.chats.push(One { room, entries, signals });
        }
        Ok(())
    }

    /// What stands next in any of them; whoever waits is woken when there is something.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Found> {
        for step in 0..self.chats.len() {
            let at = (self.turn + step) % self.chats.len();
            let one = &mut self.chats[at];
            let chat = one.room.id;
            match one.entries.poll_next(context) {
                Poll::Ready(Next::Frame { frame, .. }) => {
                    self.turn = at + 1;
                    return Poll::Ready(Found::Entry(chat, frame));
                }
                Poll::Ready(Next::Archived { after, until }) => {
                    return Poll::Ready(Found::Archived(chat, after, until));
                }
                // Chats do not close while the server runs.
                Poll::Ready(Next::Empty | Next::Closed) | Poll::Pending => {}
            }
            if let Some(signals) = &mut one.signals
                && let Poll::Ready(Next::Frame { frame, .. }) = signals.poll_next(context)
            {
                self.turn = at + 1;
                return Poll::Ready(Found::Signal(chat, frame));
            }
        }
        Poll::Pending
    }

    /// Brings what memory no longer holds, and puts the cursor after it. Nothing is given to whoever may not read it any
    /// more.
    pub(super) async fn bring(
        &mut self,
        state: &State,
        chat: ChatId,
        after: u64,
        until: u64,
    ) -> Result<Vec<Frame>, DatabaseError> {
        let Some(one) = self.chats.iter_mut().find(|one| one.room.id == chat) else { return Ok(Vec::new()) };
        let frames = state.chats.frames(one.room.track.id(), after, PAGE).await?;
        let end = frames.last().map_or(until, |frame| frame.header().sequence);
        let account = self.account;
        let read = one.room.for_reader(account, |_, _| one.entries.resume_after(end));
        if read.is_none() {
            self.leave(chat);
            return Ok(Vec::new());
        }
        Ok(frames)
    }
}
