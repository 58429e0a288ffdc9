//! Blocks: who may reach whom, asked before anyone asks, chats with or calls someone.

use super::{Contacts, Pair, Refusal, store};
use crate::clock::unix_ms;
use crate::database::{Connection, DatabaseError};
use crate::identity::AccountId;
use parking_lot::RwLock;
use relay::vocabulary::{Blocks, Event, Member, PresenceInfo, RequestOutcome};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Who has blocked whom; read at the first use.
pub(super) type Blocked = OnceCell<RwLock<HashSet<(AccountId, AccountId)>>>;

/// As [`Contacts::may_reach`], asked of the database in the caller's transaction: somebody may have blocked somebody
/// since, and what was written down to be sent later is sent only if it still may be.
///
/// # Errors
/// [`Refusal::NotReachable`], [`Refusal::Blocked`], [`Refusal::Database`].
pub fn may_reach_now(c: &Connection, from: AccountId, to: &Member) -> Result<(), Refusal> {
    if store::is_blocked(c, to.id, from)? {
        return Err(Refusal::NotReachable(to.name.clone()));
    }
    if store::is_blocked(c, from, to.id)? {
        return Err(Refusal::Blocked(to.name.clone()));
    }
    Ok(())
}

impl Contacts {
    /// Whether someone may ask, chat with or call someone else: the one question before each of these.
    ///
    /// # Errors
    /// [`Refusal::NotReachable`], [`Refusal::Blocked`], [`Refusal::Database`].
    pub async fn may_reach(&self, from: AccountId, to: &Member) -> Result<(), Refusal> {
        let blocks = self.blocks().await?.read();
        if blocks.contains(&(to.id, from)) {
            return Err(Refusal::NotReachable(to.name.clone()));
        }
        if blocks.contains(&(from, to.id)) {
            return Err(Refusal::Blocked(to.name.clone()));
        }
        Ok(())
    }

    /// Those of `people` whom someone may reach: nobody else hears a call from a chat of many.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn reachable(&self, from: AccountId, people: Vec<Member>) -> Result<Vec<Member>, DatabaseError> {
        let blocks = self.blocks().await?.read();
        let apart = |to: AccountId| blocks.contains(&(to, from)) || blocks.contains(&(from, to));
        Ok(people.into_iter().filter(|person| !apart(person.id)).collect())
    }

    /// Lets someone hear nothing more of someone else, who is told that the one is offline, and who cannot ask, chat or
    /// call any more.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn block(self: &Arc<Self>, me: Member, other: AccountId) -> Result<Member, Refusal> {
        if me.id == other {
            return Err(Refusal::Oneself);
        }
        // Read before anything is written, or what is written could be overlooked.
        self.blocks().await?;
        let own = self.presences.own(me.id).await?.presence;
        let (my_id, now) = (me.id, unix_ms());
        let last_seen = own.since.map(|_| now).or(own.last_seen);
        let job = move |c: &Connection| {
            let other = store::account(c, other)?.ok_or(Refusal::NoAccount(other))?;
            let fresh = store::block(c, my_id, other.id, last_seen, now)?;
            let mine = store::end_request(c, my_id, other.id)?;
            let theirs = store::end_request(c, other.id, my_id)?;
            Ok::<_, Refusal>((store::are_contacts(c, my_id, other.id)?, other, fresh, mine, theirs))
        };
        let this = self.clone();
        let after = move |(contacts, other, fresh, mine, theirs): &(bool, Member, bool, bool, bool)| {
            if !*fresh {
                return;
            }
            if let Some(blocks) = this.blocks.get() {
                blocks.write().insert((me.id, other.id));
            }
            this.presences.part(me.id, other.id);
            if *contacts {
                this.presences.whisper(other.id, me.id, &PresenceInfo { last_seen, ..PresenceInfo::default() });
            }
            if *mine {
                this.request_ended(&me, other, RequestOutcome::Withdrawn);
            }
            if *theirs {
                this.request_ended(other, &me, RequestOutcome::Declined);
            }
            this.delivery.send(me.id, &Event::ContactBlocked { who: other.clone() });
        };
        Ok(self.database.write_then(job, after).await?.1)
    }

    /// Takes a block back.
    ///
    /// # Errors
    /// [`Refusal::NoAccount`], [`Refusal::Database`].
    pub async fn unblock(self: &Arc<Self>, me: Member, other: AccountId) -> Result<(), Refusal> {
        self.blocks().await?;
        let (my_id, member) = (me.id, me);
        let job = move |c: &Connection| {
            let other = store::account(c, other)?.ok_or(Refusal::NoAccount(other))?;
            let fresh = store::unblock(c, my_id, other.id)?;
            Ok::<_, Refusal>((Pair::read(c, &member, &other)?, fresh))
        };
        let this = self.clone();
        let after = move |(pair, fresh): &(Pair, bool)| {
            if !*fresh {
                return;
            }
            if let Some(blocks) = this.blocks.get() {
                blocks.write().remove(&(pair.me.id, pair.other.id));
            }
            this.delivery.send(pair.me.id, &Event::ContactUnblocked { who: pair.other.clone() });
            let Some((mine, theirs)) = pair.mine.as_ref().zip(pair.theirs.as_ref()) else { return };
            if mine.hidden.is_none() {
                this.presences.introduce(pair.me.id, pair.other.id);
                this.presences.whisper(pair.other.id, pair.me.id, &this.view(theirs).presence);
            }
            this.tell_added(pair.me.id, mine);
        };
        self.database.write_then(job, after).await.map(drop)
    }

    /// Whom someone has blocked.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn blocked(&self, account: AccountId) -> Result<Blocks, DatabaseError> {
        Ok(Blocks { blocked: self.database.read(move |c| store::blocked(c, account)).await? })
    }

    async fn blocks(&self) -> Result<&RwLock<HashSet<(AccountId, AccountId)>>, DatabaseError> {
        let read = || async {
            let blocks = self.database.read(store::all_blocks).await?;
            Ok(RwLock::new(blocks.into_iter().collect()))
        };
        self.blocks.get_or_try_init(read).await
    }
}
