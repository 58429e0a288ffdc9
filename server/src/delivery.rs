//! The seam between commands and links: which links an account has, how an event reaches them, what a link is told.
//!
//! Every channel is bounded. A link that does not drain its events is told to close ([`LinkHandle::closed`]) and gets
//! nothing more.

use crate::events::Feeds;
use crate::identity::authority::Owner;
use crate::identity::{AccountId, Identity, SessionId};
use crate::mailbox::{SendError, Sender};
use parking_lot::{Mutex, RwLock};
use relay::TrackId;
use relay::seal::LinkId;
use relay::track::Track;
use relay::vocabulary::Event;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// How many events may wait for one link's driver. Make the channel given to [`LinkHandle::new`] this deep.
pub const EVENTS_WAITING: usize = 64;
/// How many commands may wait for one link's driver.
pub const COMMANDS_WAITING: usize = 64;

/// What a link's driver is told.
#[derive(Debug)]
pub enum LinkCommand {
    /// Put a cursor on a track and send its frames down. Replaces a cursor that is there already.
    Read {
        /// The track.
        track: Track,
        /// The last sequence the reader has; `None` for the newest keyframe or the next message.
        after: Option<u64>,
    },
    /// Take the cursor off again.
    Stop {
        /// The track.
        track: TrackId,
    },
    /// The far end may write frames to this track from now on. May be repeated.
    Write {
        /// The track.
        track: Track,
    },
    /// It may no longer.
    Unwrite {
        /// The track.
        track: TrackId,
    },
}

/// Why a link is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The client said good-bye.
    #[error("the client has left")]
    Left,
    /// Its session was closed, has expired or was removed.
    #[error("the session has ended: log in again")]
    SessionEnded,
    /// The account has more links than it may have; the oldest goes.
    #[error("this account has too many links open: the oldest was closed")]
    TooManyLinks,
    /// It did not take its events or commands.
    #[error("the link did not take what was sent to it")]
    Overloaded,
    /// The server closes.
    #[error("the server closes: come back in a moment")]
    ServerClosing,
}

/// The link does not take commands: its driver is overloaded or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the link is overloaded or gone: try again")]
pub struct LinkBusy;

/// A handle on a link for those who command it; clones are handles on the same one.
#[derive(Debug, Clone)]
pub struct LinkHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: LinkId,
    commands: Sender<LinkCommand>,
    events: Sender<Event>,
    identity: RwLock<Option<Identity>>,
    closing: watch::Sender<Option<CloseReason>>,
}

impl LinkHandle {
    /// A handle whose commands and events arrive at the other ends of these channels.
    pub fn new(id: LinkId, commands: Sender<LinkCommand>, events: Sender<Event>) -> Self {
        let (closing, _) = watch::channel(None);
        Self { shared: Arc::new(Shared { id, commands, events, identity: RwLock::default(), closing }) }
    }

    /// The link's name.
    pub fn id(&self) -> LinkId {
        self.shared.id
    }

    /// Whether somebody has shown a session.
    pub fn is_known(&self) -> bool {
        self.shared.identity.read().is_some()
    }

    /// Who is at the far end, once it has shown a session.
    pub fn identity(&self) -> Option<Identity> {
        self.shared.identity.read().clone()
    }

    /// When its session expires, in Unix milliseconds; 0 before it has shown one.
    fn expires_at(&self) -> u64 {
        self.shared.identity.read().as_ref().map_or(0, |identity| identity.expires_at)
    }

    pub(crate) fn identify(&self, identity: Identity) {
        *self.shared.identity.write() = Some(identity);
    }

    /// Commands the link without waiting.
    ///
    /// # Errors
    /// [`LinkBusy`] if its queue is full or its driver has ended.
    pub fn command(&self, command: LinkCommand) -> Result<(), LinkBusy> {
        self.shared.commands.try_send(command).map_err(|_| LinkBusy)
    }

    /// Tells the driver to end the link after it has sent what waits. The first reason stands.
    pub fn close(&self, reason: CloseReason) {
        self.shared.closing.send_if_modified(|closing| {
            let first = closing.is_none();
            closing.get_or_insert(reason);
            first
        });
    }

    /// Why the link is to end, if it is.
    pub fn closing(&self) -> Option<CloseReason> {
        *self.shared.closing.borrow()
    }

    /// Waits until the link is to end. Cancelling it loses nothing.
    pub async fn closed(&self) -> CloseReason {
        let mut closing = self.shared.closing.subscribe();
        match closing.wait_for(Option::is_some).await {
            Ok(reason) => reason.unwrap_or(CloseReason::Overloaded),
            // The sender lives in this handle.
            Err(_) => CloseReason::Overloaded,
        }
    }

    /// Whether the event was taken; a link that does not is closed.
    fn tell(&self, event: &Event) -> bool {
        match self.shared.events.try_send(event.clone()) {
            Ok(()) => true,
            Err(SendError::Full) => {
                tracing::warn!(link = %self.id(), "a link does not take its events; it is closed");
                self.close(CloseReason::Overloaded);
                false
            }
            Err(SendError::Closed) => false,
        }
    }
}

#[derive(Debug)]
struct Registered {
    owner: Owner,
    session: SessionId,
    link: LinkHandle,
    /// Whether it is a stream of events: that only reads, and has events from the account's feed.
    stream: bool,
}

/// All authenticated links.
#[derive(Debug)]
pub struct Delivery {
    links: Mutex<HashMap<AccountId, Vec<Registered>>>,
    /// Under which account each link stands, or stood when it was told to end.
    accounts: Mutex<HashMap<LinkId, AccountId>>,
    per_account: usize,
    /// No session of a link expires before this, in Unix milliseconds.
    first_expiry: AtomicU64,
    feeds: Feeds,
}

impl Delivery {
    /// Allows `per_account` links for each account, and as many streams of events.
    pub fn new(per_account: usize) -> Self {
        Self {
            links: Mutex::default(),
            accounts: Mutex::default(),
            per_account: per_account.max(1),
            first_expiry: u64::MAX.into(),
            feeds: Feeds::default(),
        }
    }

    /// Adds a link that was authenticated. An account with too many links loses its oldest. Registering a link again
    /// replaces what was known of it.
    pub fn register(&self, identity: &Identity, link: LinkHandle) {
        self.add(identity, link, false);
    }

    /// Adds a stream of events, likewise. It is told to stop and to end as links are; its events come from
    /// [`Delivery::feeds`].
    pub fn register_stream(&self, identity: &Identity, link: LinkHandle) {
        self.add(identity, link, true);
    }

    fn add(&self, identity: &Identity, link: LinkHandle, stream: bool) {
        self.unregister(link.id());
        self.accounts.lock().insert(link.id(), identity.account);
        let mut links = self.links.lock();
        let mine = links.entry(identity.account).or_default();
        while mine.iter().filter(|one| one.stream == stream).count() >= self.per_account
            && let Some(oldest) = mine.iter().position(|one| one.stream == stream)
        {
            mine.remove(oldest).link.close(CloseReason::TooManyLinks);
        }
        self.first_expiry.fetch_min(identity.expires_at, Ordering::Relaxed);
        mine.push(Registered { owner: Owner::of(identity), session: identity.session, link, stream });
    }

    /// What streams of events have been told.
    pub fn feeds(&self) -> &Feeds {
        &self.feeds
    }

    /// Removes a link that ended. Says whose it was.
    pub fn unregister(&self, link: LinkId) -> Option<Owner> {
        let account = self.accounts.lock().remove(&link)?;
        let mut links = self.links.lock();
        let mine = links.get_mut(&account)?;
        let place = mine.iter().position(|registered| registered.link.id() == link)?;
        let removed = mine.remove(place);
        if mine.is_empty() {
            links.remove(&account);
        }
        Some(removed.owner)
    }

    /// Sends an event to every link of an account. Says how many took it.
    pub fn send(&self, account: AccountId, event: &Event) -> usize {
        self.feeds.tell(account, event);
        self.send_where(account, event, |_| true)
    }

    /// Sends an event to every link of one device.
    pub fn send_device(&self, owner: &Owner, event: &Event) -> usize {
        self.send_where(owner.account, event, |registered| registered.owner == *owner)
    }

    /// Sends an event to every link of an account except those of one device.
    pub fn send_others(&self, owner: &Owner, event: &Event) -> usize {
        self.feeds.tell(owner.account, event);
        self.send_where(owner.account, event, |registered| registered.owner != *owner)
    }

    /// Sends an event to one link.
    pub fn send_link(&self, account: AccountId, link: LinkId, event: &Event) -> usize {
        self.send_where(account, event, |registered| registered.link.id() == link)
    }

    /// Sends an event to every link there is.
    pub fn send_all(&self, event: &Event) {
        self.feeds.tell_all(event);
        let accounts: Vec<AccountId> = self.links.lock().keys().copied().collect();
        for account in accounts {
            self.send_where(account, event, |_| true);
        }
    }

    /// Commands every link of a device. Says how many took it.
    pub fn command_device(&self, owner: &Owner, command: impl Fn() -> LinkCommand) -> usize {
        let links = self.links.lock();
        let mine = links.get(&owner.account).into_iter().flatten();
        let mine = mine.filter(|registered| registered.owner == *owner && !registered.stream);
        mine.filter(|registered| registered.link.command(command()).is_ok()).count()
    }

    /// Commands every link of an account. One that does not take it is closed: what it was told must not be left undone.
    pub fn command_account(&self, account: AccountId, command: impl Fn() -> LinkCommand) {
        for registered in self.links.lock().get(&account).into_iter().flatten() {
            if registered.link.command(command()).is_err() {
                registered.link.close(CloseReason::Overloaded);
            }
        }
    }

    /// How many links a device has; streams of events are none.
    pub fn links_of(&self, owner: &Owner) -> usize {
        let links = self.links.lock();
        let mine = links.get(&owner.account).into_iter().flatten();
        mine.filter(|registered| registered.owner == *owner && !registered.stream).count()
    }

    /// Ends every link of a session.
    pub fn close_session(&self, session: SessionId) {
        self.links.lock().retain(|_, mine| {
            mine.retain(|registered| {
                let ends = registered.session == session;
                if ends {
                    registered.link.close(CloseReason::SessionEnded);
                }
                !ends
            });
            !mine.is_empty()
        });
    }

    /// Makes the links of an account know what has changed: `standing` are its sessions that go on, as they are now. The
    /// links of all others end.
    pub fn refresh(&self, account: AccountId, standing: &[Identity]) {
        let mut links = self.links.lock();
        let Some(mine) = links.get_mut(&account) else { return };
        mine.retain(|registered| {
            let identity = standing.iter().find(|identity| identity.session == registered.session);
            match identity {
                Some(identity) => {
                    self.first_expiry.fetch_min(identity.expires_at, Ordering::Relaxed);
                    registered.link.identify(identity.clone());
                }
                None => registered.link.close(CloseReason::SessionEnded),
            }
            identity.is_some()
        });
        if mine.is_empty() {
            links.remove(&account);
        }
    }

    /// Whether an account has any link or stream.
    pub fn has_links(&self, account: AccountId) -> bool {
        self.links.lock().contains_key(&account)
    }

    /// Ends the links whose sessions have expired; `now` in Unix milliseconds.
    pub fn close_expired(&self, now: u64) {
        let mut links = self.links.lock();
        if self.first_expiry.load(Ordering::Relaxed) > now {
            return;
        }
        let mut first = u64::MAX;
        links.retain(|_, mine| {
            mine.retain(|registered| {
                let expires_at = registered.link.expires_at();
                let lasts = expires_at > now;
                if lasts {
                    first = first.min(expires_at);
                } else {
                    registered.link.close(CloseReason::SessionEnded);
                }
                lasts
            });
            !mine.is_empty()
        });
        self.first_expiry.store(first, Ordering::Relaxed);
    }

    /// Ends every link.
    pub fn close_all(&self, reason: CloseReason) {
        for registered in std::mem::take(&mut *self.links.lock()).into_values().flatten() {
            registered.link.close(reason);
        }
    }

    fn send_where(&self, account: AccountId, event: &Event, wanted: impl Fn(&Registered) -> bool) -> usize {
        let mut links = self.links.lock();
        let Some(mine) = links.get_mut(&account) else { return 0 };
        let mut reached = 0;
        mine.retain(|registered| {
            if registered.stream || !wanted(registered) {
                return true;
            }
            let told = registered.link.tell(event);
            reached += usize::from(told);
            told
        });
        if mine.is_empty() {
            links.remove(&account);
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox;
    use relay::vocabulary::Role;

    const EVENT: Event = Event::KeyframeWanted { track: 1 };

    fn identity(account: AccountId, device: &str) -> Identity {
        Identity {
            account,
            name: String::new(),
            role: Role::Member,
            session: account * 10,
            expires_at: u64::MAX,
            device: device.into(),
        }
    }

    fn name(id: u8) -> LinkId {
        LinkId([id; 16])
    }

    fn link(delivery: &Delivery, id: u8, identity: &Identity) -> (LinkHandle, mailbox::Receiver<Event>) {
        let (commands, _) = mailbox::mailbox(COMMANDS_WAITING);
        let (events, received) = mailbox::mailbox(EVENTS_WAITING);
        let handle = LinkHandle::new(name(id), commands, events);
        delivery.register(identity, handle.clone());
        (handle, received)
    }

    #[test]
    fn events_reach_the_links_they_are_for() {
        let delivery = Delivery::new(8);
        let (desk, laptop) = (identity(1, "desk"), identity(1, "laptop"));
        let (_c1, mut on_desk) = link(&delivery, 1, &desk);
        let (_c2, mut on_laptop) = link(&delivery, 2, &laptop);
        let (_c3, mut on_other) = link(&delivery, 3, &identity(2, "desk"));
        assert_eq!(delivery.send(1, &EVENT), 2);
        assert_eq!(delivery.send_device(&Owner::of(&desk), &EVENT), 1);
        assert_eq!(delivery.send_others(&Owner::of(&desk), &EVENT), 1);
        assert_eq!(delivery.send_link(1, name(2), &EVENT), 1);
        assert_eq!(delivery.send(9, &EVENT), 0);
        let count = |events: &mut mailbox::Receiver<Event>| std::iter::from_fn(|| events.try_recv()).count();
        assert_eq!((count(&mut on_desk), count(&mut on_laptop), count(&mut on_other)), (2, 3, 0));
        assert_eq!(delivery.unregister(name(1)), Some(Owner::of(&desk)));
        assert_eq!(delivery.unregister(name(1)), None);
        assert_eq!(delivery.send(1, &EVENT), 1);
    }

    #[tokio::test]
    async fn a_link_that_does_not_drain_is_closed_and_gets_no_more() {
        let delivery = Delivery::new(8);
        let (handle, _events) = link(&delivery, 1, &identity(1, "desk"));
        for _ in 0..EVENTS_WAITING {
            assert_eq!(delivery.send(1, &EVENT), 1);
        }
        assert_eq!(handle.closing(), None);
        assert_eq!(delivery.send(1, &EVENT), 0);
        assert_eq!(delivery.links_of(&Owner::of(&identity(1, "desk"))), 0);
        assert_eq!(handle.closed().await, CloseReason::Overloaded);
    }

    #[test]
    fn an_account_has_no_more_links_than_allowed_and_an_ended_session_none() {
        let delivery = Delivery::new(2);
        let desk = identity(1, "desk");
        let (first, _e1) = link(&delivery, 1, &desk);
        let (second, _e2) = link(&delivery, 2, &desk);
        let (_third, _e3) = link(&delivery, 3, &desk);
        assert_eq!((first.closing(), second.closing()), (Some(CloseReason::TooManyLinks), None));
        assert_eq!(delivery.links_of(&Owner::of(&desk)), 2);
        delivery.close_session(desk.session);
        assert_eq!(second.closing(), Some(CloseReason::SessionEnded));
        delivery.close_all(CloseReason::ServerClosing);
        assert_eq!(second.closing(), Some(CloseReason::SessionEnded), "the first reason stands");
        assert!(!delivery.has_links(1));
    }
}
