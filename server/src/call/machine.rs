//! One call as a pure state machine: what happened comes in with the time, what is to be done goes out.
//!
//! It holds any number of participants. The caller is joined from the start; the others are rung on all their devices
//! until one accepts. A call is over when fewer than two people are left who are in it or may still come.

use crate::identity::AccountId;
use crate::identity::authority::Owner;
use relay::vocabulary::{self, CallId, CallPhase, ChatId, EndReason, Event, MediaTracks, Member, Notice, Presence};
use std::time::Duration;

/// How long a device rings.
pub const PATIENCE_RING: Duration = Duration::from_secs(30);
/// How long someone in a call may be unreachable.
pub const PATIENCE_ABSENT: Duration = Duration::from_secs(10);

/// Which devices of an account are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Account(AccountId),
    /// One.
    Device(Owner),
    /// All but one.
    Others(Owner),
}

/// What is to be done because of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell someone.
    Tell(Scope, Event),
    /// Ring all devices of an account; when at least one took it, say so with [`Call::rings`].
    Ring(AccountId, Event),
    /// End the tracks that this device wrote.
    CloseTracks(Owner, MediaTracks),
    /// Write a line into the call's chat.
    Note {
        /// The chat.
        chat: ChatId,
        /// Who caused it.
        from: AccountId,
        /// What to write.
        notice: Notice,
    },
}

/// Gives a device its tracks, which the accounts may read.
pub type Allot<'a> = &'a mut dyn FnMut(&Owner, &[AccountId]) -> MediaTracks;

/// Why a step is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller has a call already.
    #[error("you are in a call, or one is ringing: hang up or answer that one first")]
    InACall,
    /// Nobody else is in the chat.
    #[error("there is nobody else in this chat to call")]
    Nobody,
    /// No such call, or none of the caller's.
    #[error("there is no such call of yours: it may be over")]
    Unknown,
    /// Another device of the account took it.
    #[error("another device of yours has answered this call")]
    AnsweredElsewhere,
    /// Whoever asks is not being rung any more.
    #[error("this call is not ringing for you any more")]
    NotRinging,
}

#[derive(Debug, Clone)]
struct Party {
    member: Member,
    presence: Presence,
    device: Option<String>,
    tracks: Option<MediaTracks>,
    absent_since: Option<Duration>,
}

impl Party {
    fn owner(&self) -> Option<Owner> {
        let device = self.device.clone()?;
        Some(Owner { account: self.member.id, device })
    }

    fn pending(&self) -> bool {
        matches!(self.presence, Presence::Invited | Presence::Ringing)
    }

    fn joined(&self) -> bool {
        self.presence == Presence::Joined
    }

    fn is(&self, owner: &Owner) -> bool {
        self.member.id == owner.account && self.device.as_deref() == Some(owner.device.as_str())
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    id: CallId,
    chat: ChatId,
    parties: Vec<Party>,
    phase: CallPhase,
    began: Duration,
    talking_since: Option<Duration>,
}

impl Call {
    /// Starts a call from `caller`'s device to `callees`, of whom those in `busy` are in another call.
    pub fn start(
        id: CallId,
        chat: ChatId,
        caller: (Member, &Owner),
        callees: Vec<(Member, bool)>,
        now: Duration,
    ) -> (Self, Vec<Effect>) {
        let party = |member, presence, device| Party { member, presence, device, tracks: None, absent_since: None };
        let mut parties = vec![party(caller.0, Presence::Joined, Some(caller.1.device.clone()))];
        for (member, busy) in callees {
            let presence = if busy { Presence::Busy } else { Presence::Invited };
            parties.push(party(member, presence, None));
        }
        let mut call = Self { id, chat, parties, phase: CallPhase::Ringing, began: now, talking_since: None };
        let mut effects = Vec::new();
        for party in &call.parties {
            match party.presence {
                Presence::Busy => {
                    effects.push(call.tell_caller(Event::CallBusy { call: id, who: party.member.clone() }));
                }
                Presence::Invited => {
                    effects.push(Effect::Ring(party.member.id, Event::CallInvited { call: call.view() }));
                }
                _ => {}
            }
        }
        call.settle(EndReason::HungUp, now, &mut effects);
        (call, effects)
    }

    /// The call's number.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Whether it is over.
    pub fn over(&self) -> bool {
        self.phase == CallPhase::Ended
    }

    /// The accounts that are in it or may still come: they are busy for other calls.
    pub fn engaged(&self) -> impl Iterator<Item = AccountId> {
        let here = self.parties.iter().filter(|party| !self.over() && (party.pending() || party.joined()));
        here.map(|party| party.member.id)
    }

    /// The accounts that are in it.
    pub fn joined(&self) -> impl Iterator<Item = AccountId> {
        self.parties.iter().filter(|party| !self.over() && party.joined()).map(|party| party.member.id)
    }

    /// Whether this account was ever asked into it.
    pub fn concerns(&self, account: AccountId) -> bool {
        self.parties.iter().any(|party| party.member.id == account)
    }

    /// The call as its participants see it.
    pub fn view(&self) -> vocabulary::Call {
        let participant = |party: &Party| vocabulary::Participant {
            id: party.member.id,
            name: party.member.name.clone(),
            presence: party.presence,
            tracks: party.tracks,
        };
        vocabulary::Call {
            id: self.id,
            chat: self.chat,
            caller: self.caller(),
            participants: self.parties.iter().map(participant).collect(),
            phase: self.phase,
        }
    }

    /// At least one device of `account` rings.
    pub fn rings(&mut self, account: AccountId) -> Vec<Effect> {
        let id = self.id;
        let Some(party) = self.parties.iter_mut().find(|party| party.member.id == account) else { return Vec::new() };
        if party.presence != Presence::Invited {
            return Vec::new();
        }
        party.presence = Presence::Ringing;
        let who = party.member.clone();
        vec![self.tell_caller(Event::CallRinging { call: id, who })]
    }

    /// A device takes the call. `allot` gives tracks to everyone in it who has none yet. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn accept(&mut self, owner: &Owner, now: Duration, allot: Allot<'_>) -> Result<Vec<Effect>, Refusal> {
        if self.over() {
            return Err(Refusal::NotRinging);
        }
        let readers: Vec<AccountId> = self.parties.iter().map(|party| party.member.id).collect();
        let party = self.parties.iter_mut().find(|party| party.member.id == owner.account).ok_or(Refusal::Unknown)?;
        if party.is(owner) && party.joined() {
            return Ok(Vec::new());
        }
        if party.joined() {
            return Err(Refusal::AnsweredElsewhere);
        }
        if !party.pending() {
            return Err(Refusal::NotRinging);
        }
        party.presence = Presence::Joined;
        party.device = Some(owner.device.clone());
        party.absent_since = None;
        for party in self.parties.iter_mut().filter(|party| party.joined() && party.tracks.is_none()) {
            if let Some(owner) = party.owner() {
                party.tracks = Some(allot(&owner, &readers));
            }
        }
        self.phase = CallPhase::Talking;
        self.talking_since.get_or_insert(now);
        let elsewhere = Event::CallAnsweredElsewhere { call: self.id, device: owner.device.clone() };
        let mut effects = vec![Effect::Tell(Scope::Others(owner.clone()), elsewhere)];
        self.tell_joined(&mut effects);
        Ok(effects)
    }

    /// Someone who is rung says no.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decline(&mut self, owner: &Owner, now: Duration) -> Result<Vec<Effect>, Refusal> {
        let account = owner.account;
        let party = self.parties.iter_mut().find(|party| party.member.id == account).ok_or(Refusal::Unknown)?;
        match party.presence {
            // Repeated, or everything is over anyhow.
            Presence::Declined => return Ok(Vec::new()),
            Presence::Invited | Presence::Ringing => {}
            Presence::Joined => return Err(Refusal::AnsweredElsewhere),
            _ => return Err(Refusal::NotRinging),
        }
        party.presence = Presence::Declined;
        let event = Event::CallDeclined { call: self.id, who: party.member.clone() };
        let mut effects = vec![Effect::Tell(Scope::Account(account), event.clone()), self.tell_caller(event)];
        self.settle(EndReason::HungUp, now, &mut effects);
        Ok(effects)
    }

    /// Someone leaves: the caller before anyone came cancels, one who is rung declines, one in the call hangs up.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn hang_up(&mut self, owner: &Owner, now: Duration) -> Result<Vec<Effect>, Refusal> {
        let party = self.parties.iter().find(|party| party.member.id == owner.account).ok_or(Refusal::Unknown)?;
        if party.pending() {
            return self.decline(owner, now);
        }
        if self.over() || !party.joined() {
            return Ok(Vec::new());
        }
        if !party.is(owner) {
            return Err(Refusal::AnsweredElsewhere);
        }
        let mut effects = Vec::new();
        self.leave(owner.account, EndReason::HungUp, now, &mut effects);
        Ok(effects)
    }

    /// A device has lost its last link, or has one again.
    pub fn reachable(&mut self, owner: &Owner, reachable: bool, now: Duration) {
        if let Some(party) = self.parties.iter_mut().find(|party| party.joined() && party.is(owner)) {
            party.absent_since = if reachable { None } else { Some(party.absent_since.unwrap_or(now)) };
        }
    }

    /// What a link that has just come must be told to be where the call is.
    pub fn greeting(&self, owner: &Owner) -> Option<Event> {
        let party = self.parties.iter().find(|party| party.member.id == owner.account)?;
        if self.over() {
            return None;
        }
        if party.pending() {
            return Some(Event::CallInvited { call: self.view() });
        }
        let talking = self.phase == CallPhase::Talking && party.is(owner) && party.joined();
        talking.then(|| Event::CallAccepted { call: self.view() })
    }

    /// When [`Call::tick`] has something to do next.
    pub fn deadline(&self) -> Option<Duration> {
        if self.over() {
            return None;
        }
        let ring = self.parties.iter().any(Party::pending).then(|| self.began + PATIENCE_RING);
        let absent = self.parties.iter().filter_map(|party| party.absent_since).min();
        ring.into_iter().chain(absent.map(|since| since + PATIENCE_ABSENT)).min()
    }

    /// Lets go of whoever did not answer or could not be reached in time.
    pub fn tick(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.over() {
            return effects;
        }
        if now >= self.began + PATIENCE_RING {
            for at in 0..self.parties.len() {
                if self.parties[at].pending() {
                    self.parties[at].presence = Presence::NoAnswer;
                    let who = self.parties[at].member.clone();
                    let event = Event::CallNoAnswer { call: self.id, who: who.clone() };
                    effects.push(Effect::Tell(Scope::Account(who.id), event.clone()));
                    effects.push(self.tell_caller(event));
                }
            }
            self.settle(EndReason::HungUp, now, &mut effects);
        }
        let gone = |party: &&Party| party.absent_since.is_some_and(|since| now >= since + PATIENCE_ABSENT);
        let gone: Vec<AccountId> = self.parties.iter().filter(gone).map(|party| party.member.id).collect();
        for account in gone {
            self.leave(account, EndReason::Unreachable, now, &mut effects);
        }
        effects
    }

    /// Ends the call for everyone.
    pub fn close(&mut self, reason: EndReason, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.over() {
            self.end(reason, now, &mut effects);
        }
        effects
    }

    fn caller(&self) -> Member {
        self.parties[0].member.clone()
    }

    fn tell_caller(&self, event: Event) -> Effect {
        let caller = &self.parties[0];
        let scope = caller.owner().map_or(Scope::Account(caller.member.id), Scope::Device);
        Effect::Tell(scope, event)
    }

    /// Tells everyone in the call who is in it now.
    fn tell_joined(&self, effects: &mut Vec<Effect>) {
        let event = Event::CallAccepted { call: self.view() };
        let devices = self.parties.iter().filter(|party| party.joined()).filter_map(Party::owner);
        effects.extend(devices.map(|owner| Effect::Tell(Scope::Device(owner), event.clone())));
    }

    fn leave(&mut self, account: AccountId, reason: EndReason, now: Duration, effects: &mut Vec<Effect>) {
        if self.over() {
            return;
        }
        let ringing = self.phase == CallPhase::Ringing;
        let Some(at) = self.parties.iter().position(|party| party.member.id == account && party.joined()) else {
            return;
        };
        // Before anyone came only the caller is joined: that is the end for all.
        if ringing || self.parties.iter().filter(|party| party.joined() || party.pending()).count() <= 2 {
            self.end(reason, now, effects);
            return;
        }
        let duration_ms = self.talked(now);
        if let Some(owner) = self.parties[at].owner() {
            effects.push(Effect::Tell(Scope::Device(owner), Event::CallEnded { call: self.id, reason, duration_ms }));
        }
        self.release(at, effects);
        self.tell_joined(effects);
        self.settle(reason, now, effects);
    }

    /// Ends the call if fewer than two are left.
    fn settle(&mut self, reason: EndReason, now: Duration, effects: &mut Vec<Effect>) {
        let pending = self.parties.iter().filter(|party| party.pending()).count();
        let joined = self.parties.iter().filter(|party| party.joined()).count();
        if !self.over() && (pending + joined < 2 || joined == 0) {
            self.end(reason, now, effects);
        }
    }

    fn end(&mut self, reason: EndReason, now: Duration, effects: &mut Vec<Effect>) {
        let (call, duration_ms) = (self.id, self.talked(now));
        let talked = self.talking_since.is_some();
        // Two people know from declined, busy or no answer that it is over; those who talked, and groups, are told.
        let alone = self.parties.iter().all(|party| !party.pending()) && !talked && self.parties.len() == 2;
        for at in 0..self.parties.len() {
            let party = &self.parties[at];
            if party.pending() {
                effects.push(Effect::Tell(Scope::Account(party.member.id), Event::CallCancelled { call }));
                self.parties[at].presence = Presence::NoAnswer;
            } else if party.joined() {
                if let Some(owner) = party.owner().filter(|_| !alone) {
                    let event = if talked {
                        Event::CallEnded { call, reason, duration_ms }
                    } else {
                        Event::CallCancelled { call }
                    };
                    effects.push(Effect::Tell(Scope::Device(owner), event));
                }
                self.release(at, effects);
            }
        }
        self.phase = CallPhase::Ended;
        // Who said no has not missed anything.
        let missed = |party: &Party| matches!(party.presence, Presence::NoAnswer | Presence::Busy);
        let notice = if talked {
            Some(Notice::CallEnded { call, duration_ms })
        } else {
            self.parties.iter().any(missed).then_some(Notice::MissedCall { call })
        };
        effects.extend(notice.map(|notice| Effect::Note { chat: self.chat, from: self.caller().id, notice }));
    }

    fn release(&mut self, at: usize, effects: &mut Vec<Effect>) {
        let party = &mut self.parties[at];
        party.presence = Presence::Left;
        party.absent_since = None;
        if let (Some(owner), Some(tracks)) = (party.owner(), party.tracks.take()) {
            effects.push(Effect::CloseTracks(owner, tracks));
        }
    }

    fn talked(&self, now: Duration) -> u64 {
        let talked = self.talking_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        u64::try_from(talked.as_millis()).unwrap_or(u64::MAX)
    }
}
