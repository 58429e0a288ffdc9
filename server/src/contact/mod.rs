//! Contacts: registered beforehand, by request and consent; groups of one's own; blocks; the directory.
//!
//! Both are told of everything that happens between them, on all their links, in the order of the database.

mod blocks;
mod directory;
mod store;

pub use blocks::may_reach_now;

use crate::clock::unix_ms;
use crate::database::{Connection, Database, DatabaseError};
use crate::delivery::Delivery;
use crate::identity::AccountId;
use crate::presence::Presences;
use relay::vocabulary::{
    self, CONTACTS_PAGE_MAX, Contact, ContactRequest, ContactRequests, Directory, Event, Member, RequestOutcome,
};
use std::sync::Arc;
use store::{Asked, Stored};

/// Removes from the database what stands there about the contacts of an account that is removed, in the caller's
/// transaction.
///
/// # Errors
/// [`DatabaseError`].
pub fn forget(c: &Connection, account: AccountId) -> Result<(), DatabaseError> {
    store::forget(c, account)
}

/// Why something about contacts was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Oneself.
    #[error("that is you: name another account")]
    Oneself,
    /// The other has blocked the one who asks.
    #[error("{0} cannot be reached by you: only {0} can change that")]
    NotReachable(String),
    /// The one who asks has blocked the other.
    #[error("you have blocked {0}: take that back first")]
    Blocked(String),
    /// No such account.
    #[error("there is no account {0} on this server")]
    NoAccount(AccountId),
    /// No such request.
    #[error("there is no such request any more: it was answered or taken back")]
    NoRequest,
    /// Not a contact.
    #[error("this account is not among your contacts")]
    NoContact,
    /// No such group.
    #[error("you have no group {0:?}")]
    NoGroup(String),
    /// Too many contacts.
    #[error("you have as many contacts as an account may have: remove one first")]
    TooManyContacts,
    /// The other has too many contacts.
    #[error("{0} has as many contacts as an account may have")]
    TheyHaveTooMany(String),
    /// Too many requests made.
    #[error("too many of your requests wait for an answer: take some back first")]
    TooManyAsked,
    /// Too many requests wait for the other's answer.
    #[error("too many requests wait for the answer of {0}: try again another day")]
    TooManyAsking(String),
    /// Too many blocks.
    #[error("you have blocked as many people as an account may block: take one back first")]
    TooManyBlocks,
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It waits for the other's answer; `fresh` if it did not before.
    Waits {
        /// The request.
        request: Box<ContactRequest>,
        /// Whether it was made just now.
        fresh: bool,
    },
    /// Both are contacts: the other had asked already, or they were before.
    Contacts,
}

/// Everyone's contacts.
#[derive(Debug)]
pub struct Contacts {
    database: Arc<Database>,
    delivery: Arc<Delivery>,
    presences: Arc<Presences>,
    blocks: blocks::Blocked,
}

/// How two people see each other from now on.
#[derive(Debug)]
struct Pair {
    me: Member,
    other: Member,
    /// The other, as my contact.
    mine: Option<Stored>,
    /// Me, as the other's contact.
    theirs: Option<Stored>,
}

impl Pair {
    fn read(c: &Connection, me: &Member, other: &Member) -> Result<Self, DatabaseError> {
        Ok(Self {
            mine: store::contact(c, me.id, other.id)?,
            theirs: store::contact(c, other.id, me.id)?,
            me: me.clone(),
            other: other.clone(),
        })
    }
}

impl Contacts {
    /// Contacts whose presence is in `presences`, told of what happens by `delivery`.
    pub fn new(database: Arc<Database>, delivery: Arc<Delivery>, presences: Arc<Presences>) -> Self {
        Self { database, delivery, presences, blocks: blocks::Blocked::default() }
    }

    /// Whether two have each other as contacts: then neither need ask before talking.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn know_each_other(&self, one: AccountId, other: AccountId) -> Result<bool, DatabaseError> {
        self.database.read(move |c| store::are_contacts(c, one, other)).await
    }

    /// Asks someone to become a contact. Asking again changes nothing; asking back is consent.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn ask(self: &Arc<Self>, me: Member, to: Member, text: String) -> Result<Answer, Refusal> {
        if me.id == to.id {
            return Err(Refusal::Oneself);
        }
        self.may_reach(me.id, &to).await?;
        let job = move |c: &Connection| {
            Ok::<_, Refusal>(match store::ask(c, &me, &to, &text, unix_ms())? {
                Asked::Waits { request, fresh } => (Answer::Waits { request, fresh }, None),
                Asked::Contacts => (Answer::Contacts, None),
                Asked::Consent => (Answer::Contacts, Some(Pair::read(c, &me, &to)?)),
            })
        };
        let this = self.clone();
        let after = move |(answer, pair): &(Answer, Option<Pair>)| {
            if let Answer::Waits { request, fresh: true } = answer {
                this.tell_both(request.from.id, request.to.id, &Event::ContactRequested { request: request.clone() });
            }
            if let Some(pair) = pair {
                this.consented(pair);
            }
        };
        Ok(self.database.write_then(job, after).await?.0)
    }

    /// Says yes to someone who asked.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn accept(self: &Arc<Self>, me: Member, asker: AccountId) -> Result<Contact, Refusal> {
        let job = move |c: &Connection| {
            let other = store::account(c, asker)?.ok_or(Refusal::NoRequest)?;
            let fresh = store::accept(c, &me, &other, unix_ms())?;
            Ok::<_, Refusal>((Pair::read(c, &me, &other)?, fresh))
        };
        let this = self.clone();
        let after = move |(pair, fresh): &(Pair, bool)| {
            if *fresh {
                this.consented(pair);
            }
        };
        let (pair, _) = self.database.write_then(job, after).await?;
        pair.mine.map(|stored| self.view(&stored)).ok_or(Refusal::NoContact)
    }

    /// Says no to someone who asked.
    ///
    /// # Errors
    /// [`Refusal::NoRequest`], [`Refusal::Database`].
    pub async fn decline(self: &Arc<Self>, me: Member, asker: AccountId) -> Result<(), Refusal> {
        self.end_request(me, asker, RequestOutcome::Declined).await
    }

    /// Takes one's own request back.
    ///
    /// # Errors
    /// [`Refusal::NoRequest`], [`Refusal::Database`].
    pub async fn withdraw(self: &Arc<Self>, me: Member, asked: AccountId) -> Result<(), Refusal> {
        self.end_request(me, asked, RequestOutcome::Withdrawn).await
    }

    /// The requests from and to someone that wait for an answer.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn requests(&self, me: Member) -> Result<ContactRequests, DatabaseError> {
        let job = move |c: &Connection| {
            let (incoming, outgoing) = (store::requests(c, &me, true)?, store::requests(c, &me, false)?);
            Ok(ContactRequests { incoming, outgoing })
        };
        self.database.read(job).await
    }

    /// A page of someone's contacts with their presence: those after the account `after`. With `watches`, what changes
    /// from then on is noted for the account's links.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn list(
        &self,
        account: AccountId,
        after: AccountId,
        limit: Option<u32>,
        watches: bool,
    ) -> Result<vocabulary::Contacts, DatabaseError> {
        self.presences.ready().await?;
        if watches {
            self.presences.watch(account).await?;
        }
        // Asked for first: what is read after it is at least as new.
        let as_of = self.presences.newest();
        let limit = limit.unwrap_or(CONTACTS_PAGE_MAX).clamp(1, CONTACTS_PAGE_MAX);
        let (stored, more) = self.database.read(move |c| store::page(c, account, after, limit)).await?;
        let contacts = stored.iter().map(|stored| self.view(stored)).collect();
        Ok(vocabulary::Contacts { contacts, more, as_of })
    }

    /// Takes a contact off both lists.
    ///
    /// # Errors
    /// [`Refusal::NoContact`], [`Refusal::Database`].
    pub async fn remove(self: &Arc<Self>, me: Member, other: AccountId) -> Result<(), Refusal> {
        let my_id = me.id;
        let job = move |c: &Connection| {
            let other = store::account(c, other)?.unwrap_or(Member { id: other, name: String::new() });
            if store::remove(c, my_id, other.id)? { Ok(other) } else { Err(Refusal::NoContact) }
        };
        let this = self.clone();
        let after = move |other: &Member| {
            this.presences.part(me.id, other.id);
            this.delivery.send(me.id, &Event::ContactRemoved { who: other.clone() });
            this.delivery.send(other.id, &Event::ContactRemoved { who: me });
        };
        self.database.write_then(job, after).await.map(drop)
    }

    /// Puts a contact into these of one's own groups, and no others.
    ///
    /// # Errors
    /// [`Refusal::NoContact`], [`Refusal::Database`].
    pub async fn set_groups(
        self: &Arc<Self>,
        account: AccountId,
        contact: AccountId,
        groups: Vec<String>,
    ) -> Result<Vec<String>, Refusal> {
        let this = self.clone();
        let after = move |groups: &Vec<String>| {
            let event = Event::ContactGrouped { account: contact, groups: groups.clone() };
            this.delivery.send(account, &event);
        };
        self.database.write_then(move |c| store::set_groups(c, account, contact, &groups), after).await
    }

    /// Gives one of one's own groups another name, joins it to another one, or dissolves it.
    ///
    /// # Errors
    /// [`Refusal::NoGroup`], [`Refusal::Database`].
    pub async fn rename_group(
        self: &Arc<Self>,
        account: AccountId,
        from: String,
        to: Option<String>,
    ) -> Result<(), Refusal> {
        let this = self.clone();
        let event = Event::ContactGroupRenamed { from: from.clone(), to: to.clone() };
        let after = move |(): &()| {
            this.delivery.send(account, &event);
        };
        self.database.write_then(move |c| store::rename_group(c, account, &from, to.as_deref()), after).await
    }

    /// The contacts of an account.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn of(&self, account: AccountId) -> Result<Vec<AccountId>, DatabaseError> {
        self.database.read(move |c| store::all_of(c, account)).await
    }

    /// An account was removed; these were its contacts.
    pub fn account_removed(&self, who: &Member, contacts: Vec<AccountId>) {
        for contact in contacts {
            self.presences.part(who.id, contact);
            self.delivery.send(contact, &Event::ContactRemoved { who: who.clone() });
        }
    }

    /// Accounts whose name or display name begins with `prefix`, by name, after the name `after`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn search(
        &self,
        asker: AccountId,
        prefix: String,
        after: String,
        limit: Option<u32>,
    ) -> Result<Directory, DatabaseError> {
        let limit = limit.unwrap_or(CONTACTS_PAGE_MAX);
        self.database.read(move |c| directory::search(c, asker, &prefix, &after, limit)).await
    }

    async fn end_request(
        self: &Arc<Self>,
        me: Member,
        other: AccountId,
        outcome: RequestOutcome,
    ) -> Result<(), Refusal> {
        let my_id = me.id;
        let job = move |c: &Connection| {
            let (asker, asked) = if outcome == RequestOutcome::Withdrawn { (my_id, other) } else { (other, my_id) };
            let ended = store::end_request(c, asker, asked)?;
            let other = store::account(c, other)?;
            if ended { Ok(other) } else { Err(Refusal::NoRequest) }
        };
        let this = self.clone();
        let after = move |other: &Option<Member>| {
            let Some(other) = other else { return };
            let (from, to) = if outcome == RequestOutcome::Withdrawn { (&me, other) } else { (other, &me) };
            this.request_ended(from, to, outcome);
        };
        self.database.write_then(job, after).await.map(drop)
    }

    /// `pair.me` has said yes.
    fn consented(&self, pair: &Pair) {
        self.presences.introduce(pair.me.id, pair.other.id);
        self.request_ended(&pair.other, &pair.me, RequestOutcome::Accepted);
        if let Some(stored) = &pair.mine {
            self.tell_added(pair.me.id, stored);
        }
        if let Some(stored) = &pair.theirs {
            self.tell_added(pair.other.id, stored);
        }
    }

    fn tell_added(&self, account: AccountId, stored: &Stored) {
        // Asked for first: the presence is at least as new.
        let as_of = self.presences.newest();
        self.delivery.send(account, &Event::ContactAdded { contact: Box::new(self.view(stored)), as_of });
    }

    fn request_ended(&self, from: &Member, to: &Member, outcome: RequestOutcome) {
        let event = Event::ContactRequestEnded { from: from.clone(), to: to.clone(), outcome };
        self.tell_both(from.id, to.id, &event);
    }

    fn tell_both(&self, one: AccountId, other: AccountId, event: &Event) {
        self.delivery.send(one, event);
        self.delivery.send(other, event);
    }

    fn view(&self, stored: &Stored) -> Contact {
        let presence = stored.hidden.clone().unwrap_or_else(|| self.presences.view(stored.who.id, stored.kept.clone()));
        Contact { who: stored.who.clone(), since: stored.since, groups: stored.groups.clone(), presence }
    }
}
