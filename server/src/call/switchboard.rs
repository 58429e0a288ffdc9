//! All calls: who is in which, who can be reached, who is busy. Pure: the time is an argument, effects are a result.

use super::machine::{Allot, Call, Effect, Refusal};
use crate::identity::AccountId;
use crate::identity::authority::Owner;
use crate::reachability::Reachability;
use relay::seal::LinkId;
use relay::vocabulary::{self, CallId, ChatId, EndReason, Event, Member};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// How many calls that are over are remembered, to answer those who ask late.
const REMEMBERED: usize = 256;

/// Every call there is.
#[derive(Debug)]
pub struct Switchboard {
    calls: BTreeMap<CallId, Call>,
    past: VecDeque<Call>,
    engaged: HashMap<AccountId, CallId>,
    talking: HashMap<AccountId, CallId>,
    /// Who has joined a call or is in none any more, since it was asked last.
    talk_changes: Vec<(AccountId, bool)>,
    reachable: Reachability,
    next: CallId,
}

impl Switchboard {
    /// An empty one that numbers calls from `first`. Give the time of day, and numbers stay unique over restarts.
    pub fn new(first: CallId) -> Self {
        Self {
            calls: BTreeMap::new(),
            past: VecDeque::new(),
            engaged: HashMap::new(),
            talking: HashMap::new(),
            talk_changes: Vec::new(),
            reachable: Reachability::default(),
            next: first,
        }
    }

    /// Calls everyone else in a chat.
    ///
    /// # Errors
    /// [`Refusal::InACall`], [`Refusal::Nobody`].
    pub fn start(
        &mut self,
        caller: (Member, &Owner),
        chat: ChatId,
        members: &[Member],
        now: Duration,
    ) -> Result<(vocabulary::Call, Vec<Effect>), Refusal> {
        if self.engaged.contains_key(&caller.0.id) {
            return Err(Refusal::InACall);
        }
        let others = members.iter().filter(|member| member.id != caller.0.id);
        let callees: Vec<_> = others.map(|member| (member.clone(), self.engaged.contains_key(&member.id))).collect();
        if callees.is_empty() {
            return Err(Refusal::Nobody);
        }
        let id = self.next;
        self.next += 1;
        let owner = caller.1.clone();
        let (mut call, effects) = Call::start(id, chat, caller, callees, now);
        call.reachable(&owner, self.reachable.has(&owner), now);
        let view = call.view();
        self.calls.insert(id, call);
        self.tidy(id);
        Ok((view, effects))
    }

    /// At least one device of `account` rings for this call.
    pub fn rings(&mut self, id: CallId, account: AccountId) -> Vec<Effect> {
        self.calls.get_mut(&id).map(|call| call.rings(account)).unwrap_or_default()
    }

    /// A device takes a call.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn accept(
        &mut self,
        id: CallId,
        owner: &Owner,
        now: Duration,
        allot: Allot<'_>,
    ) -> Result<(vocabulary::Call, Vec<Effect>), Refusal> {
        let reachable = self.reachable.has(owner);
        self.step(id, owner, |call| {
            let effects = call.accept(owner, now, allot)?;
            call.reachable(owner, reachable, now);
            Ok(effects)
        })
    }

    /// Someone says no.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decline(
        &mut self,
        id: CallId,
        owner: &Owner,
        now: Duration,
    ) -> Result<(vocabulary::Call, Vec<Effect>), Refusal> {
        self.step(id, owner, |call| call.decline(owner, now))
    }

    /// Someone leaves.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn hang_up(
        &mut self,
        id: CallId,
        owner: &Owner,
        now: Duration,
    ) -> Result<(vocabulary::Call, Vec<Effect>), Refusal> {
        self.step(id, owner, |call| call.hang_up(owner, now))
    }

    /// A call as this account may see it, even if it is over.
    pub fn view(&self, id: CallId, account: AccountId) -> Option<vocabulary::Call> {
        let past = self.past.iter().find(|call| call.id() == id);
        self.calls.get(&id).or(past).filter(|call| call.concerns(account)).map(Call::view)
    }

    /// The call that this account is in or is rung for.
    pub fn current(&self, account: AccountId) -> Option<vocabulary::Call> {
        self.engaged.get(&account).and_then(|id| self.calls.get(id)).map(Call::view)
    }

    /// Who is in a call since this was asked last, or in none any more.
    pub fn take_talk_changes(&mut self) -> Vec<(AccountId, bool)> {
        std::mem::take(&mut self.talk_changes)
    }

    /// A link of a device can be reached. Says what it must be told to be where its call is, and for which call it
    /// rings now.
    pub fn link_reachable(&mut self, owner: &Owner, link: LinkId, now: Duration) -> Option<(CallId, Event)> {
        self.reachable.found(owner, link);
        let id = *self.engaged.get(&owner.account)?;
        let call = self.calls.get_mut(&id)?;
        call.reachable(owner, true, now);
        Some((id, call.greeting(owner)?))
    }

    /// A link of a device cannot be reached any more.
    pub fn link_unreachable(&mut self, owner: &Owner, link: LinkId, now: Duration) {
        if !self.reachable.lost(owner, link) {
            return;
        }
        if let Some(call) = self.engaged.get(&owner.account).and_then(|id| self.calls.get_mut(id)) {
            call.reachable(owner, false, now);
        }
    }

    /// When [`Switchboard::tick`] has something to do next.
    pub fn deadline(&self) -> Option<Duration> {
        self.calls.values().filter_map(Call::deadline).min()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Duration) -> Vec<Effect> {
        let due = |call: &&mut Call| call.deadline().is_some_and(|deadline| deadline <= now);
        let mut effects = Vec::new();
        let mut ticked = Vec::new();
        for call in self.calls.values_mut().filter(due) {
            effects.extend(call.tick(now));
            ticked.push(call.id());
        }
        for id in ticked {
            self.tidy(id);
        }
        effects
    }

    /// Ends every call.
    pub fn close(&mut self, reason: EndReason, now: Duration) -> Vec<Effect> {
        let ids: Vec<CallId> = self.calls.keys().copied().collect();
        let effects = self.calls.values_mut().flat_map(|call| call.close(reason, now)).collect();
        for id in ids {
            self.tidy(id);
        }
        effects
    }

    fn step(
        &mut self,
        id: CallId,
        owner: &Owner,
        step: impl FnOnce(&mut Call) -> Result<Vec<Effect>, Refusal>,
    ) -> Result<(vocabulary::Call, Vec<Effect>), Refusal> {
        let past = self.past.iter_mut().find(|call| call.id() == id);
        let call = self.calls.get_mut(&id).or(past).filter(|call| call.concerns(owner.account));
        let call = call.ok_or(Refusal::Unknown)?;
        let effects = step(call)?;
        let view = call.view();
        self.tidy(id);
        Ok((view, effects))
    }

    /// Brings the lists of who is engaged and who talks up to date after a step of this call.
    fn tidy(&mut self, id: CallId) {
        self.engaged.retain(|_, call| *call != id);
        let Some(call) = self.calls.get(&id) else { return };
        self.engaged.extend(call.engaged().map(|account| (account, id)));
        let joined: Vec<AccountId> = call.joined().collect();
        let left = self.talking.extract_if(|account, call| *call == id && !joined.contains(account));
        self.talk_changes.extend(left.map(|(account, _)| (account, false)));
        let come = joined.into_iter().filter(|account| self.talking.insert(*account, id).is_none());
        self.talk_changes.extend(come.map(|account| (account, true)));
        if call.over()
            && let Some(call) = self.calls.remove(&id)
        {
            self.past.push_back(call);
            if self.past.len() > REMEMBERED {
                self.past.pop_front();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn active(&self) -> impl Iterator<Item = &Call> {
        self.calls.values()
    }
}
