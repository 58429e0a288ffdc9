//! Who watches whom: each watching account has one track with the newest presence of everyone it may see.
//!
//! A change is encoded once, and the one buffer appended to the track of every watcher: all these tracks have the same
//! number, because that stands in the frame. One cursor a link is enough then, however many contacts a person has. The
//! other way, a track for each person and a cursor on each contact's, would cost a link about 0.5 kB for every contact;
//! a contact in an inbox costs about 0.15 kB, for all the account's links together, and only once its presence has
//! changed.

use crate::identity::AccountId;
use relay::track::{Retention, Track};
use relay::vocabulary::{CONTACTS_MAX, Event, PresenceInfo};
use relay::{Frame, FrameHeader, Kind, Micros, TrackId};
use std::collections::HashMap;

/// Everyone's contacts, and the account itself: its devices tell each other what they are together.
const KEYS_MAX: usize = CONTACTS_MAX as usize + 1;

/// All inboxes.
#[derive(Debug)]
pub struct Inboxes {
    boxes: HashMap<AccountId, Inbox>,
    watchers: HashMap<AccountId, Vec<AccountId>>,
    /// Number of the newest change of anyone.
    newest: u64,
    opened: u64,
}

#[derive(Debug)]
struct Inbox {
    track: Track,
    watched: Vec<AccountId>,
    /// Whoever has read everything up to this number misses nothing in the track.
    since: u64,
    /// Whether the track has a value of everyone who is watched.
    whole: bool,
    loading: Option<Loading>,
}

/// The contacts are being read from the database; what happens to them meanwhile.
#[derive(Debug)]
struct Loading {
    ticket: u64,
    edits: Vec<(AccountId, bool)>,
}

/// How far an inbox is.
#[derive(Debug)]
pub enum Opening {
    /// It can be read.
    Ready,
    /// Read the account's contacts from the database, then come back with this ticket.
    Load(u64),
}

impl Inboxes {
    /// None yet; changes are numbered above `newest`. Give a time of day in microseconds, and numbers rise over restarts.
    pub fn new(newest: u64) -> Self {
        Self { boxes: HashMap::new(), watchers: HashMap::new(), newest, opened: 0 }
    }

    /// Number of the newest change of anyone.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Begins to open the inbox of an account, if it is not open.
    pub fn open(&mut self, account: AccountId) -> Opening {
        let ticket = self.opened + 1;
        let new = || Inbox {
            track: Track::new(TrackId::PRESENCE, Retention::Latest { max_keys: KEYS_MAX }),
            watched: Vec::new(),
            since: 0,
            whole: false,
            loading: Some(Loading { ticket, edits: Vec::new() }),
        };
        let inbox = self.boxes.entry(account).or_insert_with(new);
        match &inbox.loading {
            None => Opening::Ready,
            Some(loading) => {
                self.opened = self.opened.max(loading.ticket);
                Opening::Load(loading.ticket)
            }
        }
    }

    /// The contacts that were read for a ticket. A ticket whose inbox was closed meanwhile opens nothing.
    pub fn loaded(&mut self, account: AccountId, ticket: u64, contacts: Vec<AccountId>) {
        let Some(inbox) = self.boxes.get_mut(&account) else { return };
        let Some(loading) = inbox.loading.take_if(|loading| loading.ticket == ticket) else { return };
        inbox.since = self.newest;
        for one in contacts.into_iter().chain([account]) {
            self.watch(account, one);
        }
        for (one, watches) in loading.edits {
            if watches { self.watch(account, one) } else { self.unwatch(account, one) }
        }
    }

    /// The track of an open inbox, and whether it has all that a reader wants who has read up to `after`.
    pub fn track(&self, account: AccountId, after: Option<u64>) -> Option<(Track, bool)> {
        let inbox = self.boxes.get(&account).filter(|inbox| inbox.loading.is_none())?;
        Some((inbox.track.clone(), inbox.whole || after.is_some_and(|after| after >= inbox.since)))
    }

    /// Whom an account watches whose presence is not in its track yet.
    pub fn missing(&self, account: AccountId) -> Vec<AccountId> {
        let Some(inbox) = self.boxes.get(&account) else { return Vec::new() };
        inbox.watched.iter().copied().filter(|one| !inbox.track.has_key(*one)).collect()
    }

    /// The track of an account has a value of everyone from now on.
    pub fn is_whole(&mut self, account: AccountId) {
        if let Some(inbox) = self.boxes.get_mut(&account) {
            inbox.whole = true;
        }
    }

    /// Nobody reads the inbox of an account any more.
    pub fn close(&mut self, account: AccountId) {
        for one in self.boxes.remove(&account).map(|inbox| inbox.watched).unwrap_or_default() {
            self.forget_watcher(one, account);
        }
    }

    /// From now on an account sees the presence of another one.
    pub fn watch(&mut self, account: AccountId, one: AccountId) {
        let Some(inbox) = self.boxes.get_mut(&account) else { return };
        if let Some(loading) = &mut inbox.loading {
            loading.edits.push((one, true));
        } else if !inbox.watched.contains(&one) {
            inbox.watched.push(one);
            inbox.whole = false;
            self.watchers.entry(one).or_default().push(account);
        }
    }

    /// It sees it no more, and what it saw last is taken away.
    pub fn unwatch(&mut self, account: AccountId, one: AccountId) {
        let Some(inbox) = self.boxes.get_mut(&account) else { return };
        if let Some(loading) = &mut inbox.loading {
            return loading.edits.push((one, false));
        }
        inbox.watched.retain(|known| *known != one);
        inbox.track.remove_key(one);
        self.forget_watcher(one, account);
    }

    /// Tells everyone who watches someone.
    pub fn tell(&mut self, about: AccountId, info: &PresenceInfo, now: Micros) {
        // Numbers count changes, whether or not anyone sees them: a list that was read before one is older than it.
        self.newest += 1;
        let watchers = self.watchers.get(&about).map(Vec::as_slice).unwrap_or_default();
        if watchers.is_empty() {
            return;
        }
        let Some(frame) = frame(about, info, self.newest, now) else { return };
        for inbox in watchers.iter().filter_map(|watcher| self.boxes.get(watcher)) {
            append(inbox, about, frame.clone(), now);
        }
    }

    /// Tells one account of someone.
    pub fn whisper(&mut self, to: AccountId, about: AccountId, info: &PresenceInfo, now: Micros) {
        self.newest += 1;
        let Some(inbox) = self.boxes.get(&to) else { return };
        if let Some(frame) = frame(about, info, self.newest, now) {
            append(inbox, about, frame, now);
        }
    }

    fn forget_watcher(&mut self, one: AccountId, watcher: AccountId) {
        if let Some(watchers) = self.watchers.get_mut(&one) {
            watchers.retain(|known| *known != watcher);
            if watchers.is_empty() {
                self.watchers.remove(&one);
            }
        }
    }
}

fn append(inbox: &Inbox, about: AccountId, frame: Frame, now: Micros) {
    if let Err(error) = inbox.track.append_keyed(about, frame, now) {
        tracing::error!(account = about, %error, "a change of presence did not reach a watcher");
    }
}

fn frame(about: AccountId, info: &PresenceInfo, number: u64, now: Micros) -> Option<Frame> {
    let event = Event::PresenceChanged { account: about, presence: info.clone() };
    let payload = event.encode().inspect_err(|error| tracing::error!(%error, "a presence cannot be written")).ok()?;
    let header = FrameHeader::alone(TrackId::PRESENCE, number, now, Kind::Event);
    Frame::new(header, &payload).inspect_err(|error| tracing::error!(%error, "a presence does not fit a frame")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay::track::{Cursor, Next, Start};
    use relay::vocabulary::Availability;

    fn open(inboxes: &mut Inboxes, account: AccountId, contacts: &[AccountId]) -> Track {
        let Opening::Load(ticket) = inboxes.open(account) else { panic!("open already") };
        inboxes.loaded(account, ticket, contacts.to_vec());
        inboxes.track(account, None).unwrap().0
    }

    fn info(state: Availability) -> PresenceInfo {
        PresenceInfo { state, ..PresenceInfo::default() }
    }

    fn read(cursor: &mut Cursor) -> Vec<(AccountId, Availability)> {
        let next = std::iter::from_fn(|| match cursor.next_frame() {
            Next::Frame { frame, .. } => Some(Event::parse(&frame.payload()).unwrap()),
            _ => None,
        });
        next.map(|event| match event {
            Event::PresenceChanged { account, presence } => (account, presence.state),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn one_encoded_change_reaches_all_who_watch_and_nobody_else() {
        let mut inboxes = Inboxes::new(100);
        let (of_1, of_2, of_3) =
            (open(&mut inboxes, 1, &[9]), open(&mut inboxes, 2, &[9, 1]), open(&mut inboxes, 3, &[1]));
        inboxes.tell(9, &info(Availability::Away), 0);
        let first = |track: &Track| match track.cursor(Start::Oldest).next_frame() {
            Next::Frame { frame, .. } => Some(frame.encoded().clone()),
            _ => None,
        };
        assert_eq!(first(&of_1).unwrap().as_ptr(), first(&of_2).unwrap().as_ptr(), "one buffer for all");
        assert_eq!(first(&of_3), None);
        assert_eq!(inboxes.newest(), 101);
        // An account sees itself as others do.
        inboxes.tell(1, &info(Availability::Available), 0);
        assert_eq!(read(&mut of_1.cursor(Start::After(101))), [(1, Availability::Available)]);
    }

    #[test]
    fn who_is_no_contact_any_more_is_not_seen_and_leaves_nothing() {
        let mut inboxes = Inboxes::new(0);
        let track = open(&mut inboxes, 1, &[9]);
        inboxes.tell(9, &info(Availability::Away), 0);
        inboxes.unwatch(1, 9);
        inboxes.tell(9, &info(Availability::Available), 0);
        assert_eq!(read(&mut track.cursor(Start::Oldest)), []);
        inboxes.watch(1, 9);
        inboxes.tell(9, &info(Availability::Available), 0);
        assert_eq!(read(&mut track.cursor(Start::Oldest)), [(9, Availability::Available)]);
        inboxes.close(1);
        assert!(inboxes.watchers.is_empty() && inboxes.track(1, None).is_none());
    }

    #[test]
    fn what_happens_while_contacts_are_read_counts() {
        let mut inboxes = Inboxes::new(0);
        let Opening::Load(first) = inboxes.open(1) else { panic!() };
        let Opening::Load(again) = inboxes.open(1) else { panic!() };
        assert_eq!(first, again, "two devices that come at once read the same");
        inboxes.watch(1, 8);
        inboxes.unwatch(1, 9);
        inboxes.loaded(1, first, vec![7, 9]);
        inboxes.loaded(1, again, vec![9]);
        assert!(matches!(inboxes.open(1), Opening::Ready));
        let mut missing = inboxes.missing(1);
        missing.sort_unstable();
        assert_eq!(missing, [1, 7, 8]);
        // An inbox that was closed and opened anew does not take what was read for the old one.
        inboxes.close(1);
        let Opening::Load(new) = inboxes.open(1) else { panic!() };
        inboxes.loaded(1, first, vec![7]);
        assert!(new != first && inboxes.track(1, None).is_none());
    }

    #[test]
    fn a_reader_is_told_whether_it_misses_something() {
        let mut inboxes = Inboxes::new(0);
        inboxes.tell(9, &info(Availability::Away), 0);
        open(&mut inboxes, 1, &[9]);
        let has_all = |inboxes: &Inboxes, after| inboxes.track(1, after).unwrap().1;
        assert!(has_all(&inboxes, Some(1)) && !has_all(&inboxes, Some(0)) && !has_all(&inboxes, None));
        inboxes.whisper(1, 9, &info(Availability::Away), 0);
        inboxes.is_whole(1);
        assert!(has_all(&inboxes, None));
        inboxes.watch(1, 10);
        assert!(!has_all(&inboxes, None));
    }
}
