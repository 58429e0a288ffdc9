//! The shell around the switchboard: brings it commands and the time, and does what it says.

use super::machine::{Effect, Refusal, Scope};
use super::switchboard::Switchboard;
use crate::chat::Chats;
use crate::clock::{Clock, unix_ms};
use crate::delivery::{Delivery, LinkCommand};
use crate::identity::AccountId;
use crate::identity::authority::{Owner, Readers};
use crate::presence::Presences;
use crate::tracks::{Content, Tracks};
use parking_lot::Mutex;
use relay::TrackId;
use relay::seal::LinkId;
use relay::vocabulary::{Call, CallId, ChatId, EndReason, MediaTracks, Member, Notice};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How often a line for the chat is tried again while the database does not take it.
const NOTE_ATTEMPTS: u32 = 5;
const NOTE_PAUSE: Duration = Duration::from_secs(1);

/// All calls, alive.
#[derive(Debug)]
pub struct Calls {
    switchboard: Mutex<Switchboard>,
    delivery: Arc<Delivery>,
    tracks: Arc<Tracks>,
    chats: Arc<Chats>,
    presences: Arc<Presences>,
    clock: Clock,
    changed: Notify,
    notes: Mutex<JoinSet<()>>,
}

impl Calls {
    /// Calls that reach devices by `delivery`, find their tracks in `tracks`, write into `chats` and show in
    /// `presences`. Let [`watch`] run beside it.
    pub fn new(
        delivery: Arc<Delivery>,
        tracks: Arc<Tracks>,
        chats: Arc<Chats>,
        presences: Arc<Presences>,
        clock: Clock,
    ) -> Self {
        let switchboard = Mutex::new(Switchboard::new(unix_ms()));
        Self { switchboard, delivery, tracks, chats, presences, clock, changed: Notify::new(), notes: Mutex::default() }
    }

    /// Calls everyone else in a chat.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn start(&self, caller: Member, owner: &Owner, chat: ChatId, members: &[Member]) -> Result<Call, Refusal> {
        let mut switchboard = self.switchboard.lock();
        let (call, effects) = switchboard.start((caller, owner), chat, members, self.clock.elapsed())?;
        self.act(&mut switchboard, call.id, effects);
        let account = owner.account;
        Ok(switchboard.view(call.id, account).unwrap_or(call))
    }

    /// A device takes a call.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn accept(&self, id: CallId, owner: &Owner) -> Result<Call, Refusal> {
        let mut switchboard = self.switchboard.lock();
        let mut allot = |owner: &Owner, readers: &[AccountId]| self.allot(owner, readers);
        let (call, effects) = switchboard.accept(id, owner, self.clock.elapsed(), &mut allot)?;
        self.act(&mut switchboard, id, effects);
        Ok(call)
    }

    /// Someone says no.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decline(&self, id: CallId, owner: &Owner) -> Result<Call, Refusal> {
        let mut switchboard = self.switchboard.lock();
        let (call, effects) = switchboard.decline(id, owner, self.clock.elapsed())?;
        self.act(&mut switchboard, id, effects);
        Ok(call)
    }

    /// Someone leaves.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn hang_up(&self, id: CallId, owner: &Owner) -> Result<Call, Refusal> {
        let mut switchboard = self.switchboard.lock();
        let (call, effects) = switchboard.hang_up(id, owner, self.clock.elapsed())?;
        self.act(&mut switchboard, id, effects);
        Ok(call)
    }

    /// A call as this account may see it, even if it is over.
    pub fn view(&self, id: CallId, account: AccountId) -> Option<Call> {
        self.switchboard.lock().view(id, account)
    }

    /// The call that this account is in or is rung for.
    pub fn current(&self, account: AccountId) -> Option<Call> {
        self.switchboard.lock().current(account)
    }

    /// A link of a device can be reached: new, or heard again after a silence.
    pub fn link_reachable(&self, owner: &Owner, link: LinkId) {
        let mut switchboard = self.switchboard.lock();
        if let Some((call, event)) = switchboard.link_reachable(owner, link, self.clock.elapsed())
            && self.delivery.send_link(owner.account, link, &event) > 0
        {
            let effects = switchboard.rings(call, owner.account);
            self.act(&mut switchboard, call, effects);
        }
        self.changed.notify_one();
    }

    /// A link of a device cannot be reached: silent, or gone.
    pub fn link_unreachable(&self, owner: &Owner, link: LinkId) {
        self.switchboard.lock().link_unreachable(owner, link, self.clock.elapsed());
        self.changed.notify_one();
    }

    /// Ends every call, because the server closes, and waits until their lines stand in the chats.
    pub async fn close(&self) {
        {
            let mut switchboard = self.switchboard.lock();
            let effects = switchboard.close(EndReason::ServerClosing, self.clock.elapsed());
            self.act(&mut switchboard, 0, effects);
        }
        let notes = std::mem::take(&mut *self.notes.lock());
        notes.join_all().await;
    }

    fn allot(&self, owner: &Owner, readers: &[AccountId]) -> MediaTracks {
        let create = |content| {
            let track = self.tracks.create(content, owner.clone(), Readers::Accounts(readers.to_vec()));
            self.delivery.command_device(owner, || LinkCommand::Write { track: track.clone() });
            track.id().0
        };
        MediaTracks { audio: create(Content::Audio), video: create(Content::Video) }
    }

    /// Does what a step of `call` asks for, in its order. The switchboard stays locked, so that nobody is told of a
    /// later step before an earlier one.
    fn act(&self, switchboard: &mut Switchboard, call: CallId, effects: Vec<Effect>) {
        for (account, in_call) in switchboard.take_talk_changes() {
            self.presences.talk(account, in_call);
        }
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Tell(scope, event) => {
                    match scope {
                        Scope::Account(account) => self.delivery.send(account, &event),
                        Scope::Device(owner) => self.delivery.send_device(&owner, &event),
                        Scope::Others(owner) => self.delivery.send_others(&owner, &event),
                    };
                }
                Effect::Ring(account, event) => {
                    if self.delivery.send(account, &event) > 0 {
                        effects.extend(switchboard.rings(call, account));
                    }
                }
                Effect::CloseTracks(owner, tracks) => {
                    for track in [tracks.audio, tracks.video].map(TrackId) {
                        self.tracks.close(track);
                        self.delivery.command_device(&owner, || LinkCommand::Unwrite { track });
                    }
                }
                Effect::Note { chat, from, notice } => self.note(chat, from, notice),
            }
        }
        self.changed.notify_one();
    }

    fn note(&self, chat: ChatId, from: AccountId, notice: Notice) {
        let chats = self.chats.clone();
        let mut notes = self.notes.lock();
        while notes.try_join_next().is_some() {}
        notes.spawn(async move {
            for attempt in 1..=NOTE_ATTEMPTS {
                match write_note(&chats, chat, from, &notice).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(%error, chat, attempt, "a call's line was not written into its chat"),
                }
                tokio::time::sleep(NOTE_PAUSE * attempt).await;
            }
        });
    }
}

async fn write_note(
    chats: &Chats,
    chat: ChatId,
    from: AccountId,
    notice: &Notice,
) -> Result<(), crate::database::DatabaseError> {
    if let Some(room) = chats.room(chat).await? {
        let (Notice::MissedCall { call } | Notice::CallEnded { call, .. }) = notice else { return Ok(()) };
        chats.note(&room, from, format!("call-{call}"), notice.clone()).await?;
    }
    Ok(())
}

/// Brings the switchboard the time, for as long as it is polled.
pub async fn watch(calls: Arc<Calls>) {
    loop {
        let deadline = calls.switchboard.lock().deadline();
        let due = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(calls.clock.instant(deadline).into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = calls.changed.notified() => {}
            () = due => {
                let mut switchboard = calls.switchboard.lock();
                let effects = switchboard.tick(calls.clock.elapsed());
                calls.act(&mut switchboard, 0, effects);
            }
        }
    }
}
