//! The seam between commands and links: which links an account has, how an event reaches them, what a link is told.
//!
//! Every channel is bounded. A link that does not drain its events is dropped from here: its event channel closes, and
//! the driver that holds the other end must then close the link.

use crate::identity::authority::Owner;
use crate::identity::{AccountId, Identity, SessionId};
use parking_lot::Mutex;
use relay::TrackId;
use relay::track::Track;
use relay::vocabulary::Event;
use std::collections::HashMap;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// How many events may wait for one link's driver. Make the channel given to [`Delivery::register`] this deep.
pub const EVENTS_WAITING: usize = 64;
/// How many commands may wait for one link's driver.
pub const COMMANDS_WAITING: usize = 64;

/// Number of a link, unique as long as the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u64);

impl std::fmt::Display for LinkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a link's driver is told.
#[derive(Debug)]
pub enum LinkCommand {
    /// The link has shown a session: requests that follow come from this identity. Sent before the answer to the
    /// request that showed it. The driver then calls [`Delivery::register`] and `State::link_authenticated`.
    Authenticated {
        /// Who is at the far end.
        identity: Identity,
    },
    /// Put a cursor on a track and send its frames down.
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
    /// The far end may write frames to this track from now on.
    Write {
        /// The track.
        track: Track,
    },
    /// It may no longer.
    Unwrite {
        /// The track.
        track: TrackId,
    },
    /// End the link.
    Close {
        /// Why.
        reason: CloseReason,
    },
}

/// Why a link is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// Its session was closed, has expired or was removed.
    SessionEnded,
    /// The account has more links than it may have; the oldest goes.
    TooManyLinks,
    /// The server closes.
    ServerClosing,
}

/// The link does not take commands: its driver is overloaded or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the link is overloaded or gone: try again")]
pub struct LinkBusy;

/// A handle on a link for those who command it.
#[derive(Debug, Clone)]
pub struct LinkHandle {
    id: LinkId,
    commands: mpsc::Sender<LinkCommand>,
}

impl LinkHandle {
    /// A handle whose commands arrive at the other end of `commands` (make it [`COMMANDS_WAITING`] deep).
    pub fn new(id: LinkId, commands: mpsc::Sender<LinkCommand>) -> Self {
        Self { id, commands }
    }

    /// The link's number.
    pub fn id(&self) -> LinkId {
        self.id
    }

    /// Commands the link without waiting.
    ///
    /// # Errors
    /// [`LinkBusy`] if its queue is full or its driver has ended.
    pub fn command(&self, command: LinkCommand) -> Result<(), LinkBusy> {
        self.commands.try_send(command).map_err(|_| LinkBusy)
    }
}

#[derive(Debug)]
struct Registered {
    owner: Owner,
    session: SessionId,
    link: LinkHandle,
    events: mpsc::Sender<Event>,
}

/// All authenticated links.
#[derive(Debug)]
pub struct Delivery {
    links: Mutex<HashMap<AccountId, Vec<Registered>>>,
    per_account: usize,
}

impl Delivery {
    /// Allows `per_account` links for each account.
    pub fn new(per_account: usize) -> Self {
        Self { links: Mutex::default(), per_account: per_account.max(1) }
    }

    /// Adds a link that was authenticated; its events go into `events`. An account with too many links loses its
    /// oldest. Registering a link again replaces what was known of it.
    pub fn register(&self, identity: &Identity, link: LinkHandle, events: mpsc::Sender<Event>) {
        self.unregister(link.id());
        let mut links = self.links.lock();
        let mine = links.entry(identity.account).or_default();
        while mine.len() >= self.per_account {
            close(&mine.remove(0), CloseReason::TooManyLinks);
        }
        mine.push(Registered { owner: Owner::of(identity), session: identity.session, link, events });
    }

    /// Removes a link that ended. Says whose it was.
    pub fn unregister(&self, link: LinkId) -> Option<Owner> {
        let mut links = self.links.lock();
        let (account, place) = links.iter().find_map(|(account, mine)| {
            mine.iter().position(|registered| registered.link.id() == link).map(|place| (*account, place))
        })?;
        let mine = links.get_mut(&account)?;
        let removed = mine.remove(place);
        if mine.is_empty() {
            links.remove(&account);
        }
        Some(removed.owner)
    }

    /// Sends an event to every link of an account. Says how many took it.
    pub fn send(&self, account: AccountId, event: &Event) -> usize {
        self.send_where(account, event, |_| true)
    }

    /// Sends an event to every link of one device.
    pub fn send_device(&self, owner: &Owner, event: &Event) -> usize {
        self.send_where(owner.account, event, |registered| registered.owner == *owner)
    }

    /// Sends an event to every link of an account except those of one device.
    pub fn send_others(&self, owner: &Owner, event: &Event) -> usize {
        self.send_where(owner.account, event, |registered| registered.owner != *owner)
    }

    /// Sends an event to one link.
    pub fn send_link(&self, account: AccountId, link: LinkId, event: &Event) -> usize {
        self.send_where(account, event, |registered| registered.link.id() == link)
    }

    /// Sends an event to every link there is.
    pub fn send_all(&self, event: &Event) {
        let accounts: Vec<AccountId> = self.links.lock().keys().copied().collect();
        for account in accounts {
            self.send(account, event);
        }
    }

    /// Commands every link of a device. Says how many took it.
    pub fn command_device(&self, owner: &Owner, command: impl Fn() -> LinkCommand) -> usize {
        let links = self.links.lock();
        let mine = links.get(&owner.account).into_iter().flatten().filter(|registered| registered.owner == *owner);
        mine.filter(|registered| registered.link.command(command()).is_ok()).count()
    }

    /// How many links a device has.
    pub fn links_of(&self, owner: &Owner) -> usize {
        self.links.lock().get(&owner.account).into_iter().flatten().filter(|r| r.owner == *owner).count()
    }

    /// The sessions by which links are here.
    pub fn sessions(&self) -> Vec<SessionId> {
        self.links.lock().values().flatten().map(|registered| registered.session).collect()
    }

    /// Ends every link of a session.
    pub fn close_session(&self, session: SessionId) {
        self.links.lock().retain(|_, mine| {
            mine.retain(|registered| {
                let ends = registered.session == session;
                if ends {
                    close(registered, CloseReason::SessionEnded);
                }
                !ends
            });
            !mine.is_empty()
        });
    }

    fn send_where(&self, account: AccountId, event: &Event, wanted: impl Fn(&Registered) -> bool) -> usize {
        let mut links = self.links.lock();
        let Some(mine) = links.get_mut(&account) else { return 0 };
        let mut reached = 0;
        mine.retain(|registered| {
            if !wanted(registered) {
                return true;
            }
            match registered.events.try_send(event.clone()) {
                Ok(()) => reached += 1,
                Err(TrySendError::Full(_)) => {
                    tracing::warn!(link = %registered.link.id(), account, "a link does not take its events; it is closed");
                    return false;
                }
                Err(TrySendError::Closed(_)) => return false,
            }
            true
        });
        if mine.is_empty() {
            links.remove(&account);
        }
        reached
    }
}

/// The driver also sees its event channel close, should it not take the command.
fn close(registered: &Registered, reason: CloseReason) {
    if registered.link.command(LinkCommand::Close { reason }).is_err() {
        tracing::debug!(link = %registered.link.id(), "a link was too busy to be told why it ends");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Event = Event::KeyframeWanted { track: 1 };

    fn identity(account: AccountId, device: &str) -> Identity {
        Identity {
            account,
            name: String::new(),
            publisher: false,
            session: account * 10,
            expires_at: u64::MAX,
            device: device.into(),
        }
    }

    fn link(delivery: &Delivery, id: u64, identity: &Identity) -> (mpsc::Receiver<LinkCommand>, mpsc::Receiver<Event>) {
        let (commands, commanded) = mpsc::channel(COMMANDS_WAITING);
        let (events, received) = mpsc::channel(EVENTS_WAITING);
        delivery.register(identity, LinkHandle::new(LinkId(id), commands), events);
        (commanded, received)
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
        assert_eq!(delivery.send_link(1, LinkId(2), &EVENT), 1);
        assert_eq!(delivery.send(9, &EVENT), 0);
        let count = |events: &mut mpsc::Receiver<Event>| std::iter::from_fn(|| events.try_recv().ok()).count();
        assert_eq!((count(&mut on_desk), count(&mut on_laptop), count(&mut on_other)), (2, 3, 0));
        assert_eq!(delivery.unregister(LinkId(1)), Some(Owner::of(&desk)));
        assert_eq!(delivery.unregister(LinkId(1)), None);
        assert_eq!(delivery.send(1, &EVENT), 1);
    }

    #[test]
    fn a_link_that_does_not_drain_is_dropped_and_sees_it() {
        let delivery = Delivery::new(8);
        let (_commands, mut events) = link(&delivery, 1, &identity(1, "desk"));
        for _ in 0..EVENTS_WAITING {
            assert_eq!(delivery.send(1, &EVENT), 1);
        }
        assert_eq!(delivery.send(1, &EVENT), 0);
        assert_eq!(delivery.links_of(&Owner::of(&identity(1, "desk"))), 0);
        for _ in 0..EVENTS_WAITING {
            assert!(events.try_recv().is_ok());
        }
        assert_eq!(events.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }

    #[test]
    fn an_account_has_no_more_links_than_allowed_and_an_ended_session_none() {
        let delivery = Delivery::new(2);
        let desk = identity(1, "desk");
        let (mut first, _e1) = link(&delivery, 1, &desk);
        let (mut second, _e2) = link(&delivery, 2, &desk);
        let (_c3, _e3) = link(&delivery, 3, &desk);
        assert!(matches!(first.try_recv(), Ok(LinkCommand::Close { reason: CloseReason::TooManyLinks })));
        assert_eq!(delivery.links_of(&Owner::of(&desk)), 2);
        delivery.close_session(desk.session);
        assert!(matches!(second.try_recv(), Ok(LinkCommand::Close { reason: CloseReason::SessionEnded })));
        assert!(delivery.sessions().is_empty());
    }
}
