//! Contacts with their presence, requests and blocks, as the server has told of them. Pure: nothing here asks anything.
//!
//! A list and the changes on track 1 come by different ways, in any order. Numbers say what is newer: a list is as of
//! one, each change has its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use relay::vocabulary::{Account, Contact, ContactRequest, ContactRequests, Contacts, OwnPresence, PresenceInfo};

/// Presence of accounts that are no contacts yet is kept for so many: the word of a new contact may come after it.
const STRANGERS_MAX: usize = 64;

/// Everyone this account knows.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    /// By number of the account.
    pub contacts: BTreeMap<u64, Contact>,
    /// Requests that wait for this account's answer, by who asks.
    pub incoming: BTreeMap<u64, ContactRequest>,
    /// Requests of this account, by who is asked.
    pub outgoing: BTreeMap<u64, ContactRequest>,
    /// Whom this account has blocked.
    pub blocked: BTreeMap<u64, Account>,
    /// This account's own presence.
    pub own: OwnPresence,
    /// Number of the newest presence known of each account.
    numbers: HashMap<u64, u64>,
    strangers: BTreeMap<u64, PresenceInfo>,
    listing: Option<Listing>,
    /// What was told of requests since a list of them was asked for that has not come.
    meanwhile: Option<Vec<RequestChange>>,
}

/// What can be told of a request.
#[derive(Debug, Clone)]
enum RequestChange {
    Begun(Box<ContactRequest>),
    Ended { from: u64, to: u64 },
}

/// A list that is being read, page by page.
#[derive(Debug, Clone, Default)]
struct Listing {
    as_of: Option<u64>,
    listed: BTreeSet<u64>,
    removed: BTreeSet<u64>,
}

/// What a page of the list brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Those whose presence is another one than was known.
    pub changed: Vec<u64>,
    /// Where to go on.
    pub then: Then,
}

/// How the list goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// More contacts follow after this account.
    More { after: u64 },
    /// It is complete, with all changes of presence up to this number.
    Complete { as_of: u64 },
}

impl Roster {
    /// A link begins: what the server says from now on counts, and its numbers may have begun anew.
    pub fn begin(&mut self) {
        self.numbers.clear();
        self.strangers.clear();
        self.listing = Some(Listing::default());
    }

    /// A list begins on the same link.
    pub fn begin_list(&mut self) {
        self.listing.get_or_insert_default();
    }

    /// A page of the list.
    pub fn page(&mut self, page: Contacts) -> Listed {
        let mut listing = self.listing.take().unwrap_or_default();
        let as_of = *listing.as_of.get_or_insert(page.as_of);
        let after = page.contacts.last().map(|contact| contact.who.id);
        let mut changed = Vec::new();
        for contact in page.contacts {
            let id = contact.who.id;
            if listing.removed.contains(&id) {
                continue;
            }
            listing.listed.insert(id);
            if self.put(contact, page.as_of) {
                changed.push(id);
            }
        }
        let then = match after.filter(|_| page.more) {
            Some(after) => {
                self.listing = Some(listing);
                Then::More { after }
            }
            None => {
                self.contacts.retain(|id, _| listing.listed.contains(id));
                Then::Complete { as_of }
            }
        };
        Listed { changed, then }
    }

    /// Someone is a contact. Says whether the presence is another one than was known.
    pub fn add(&mut self, contact: Contact, as_of: u64) -> bool {
        let id = contact.who.id;
        self.blocked.remove(&id);
        if let Some(listing) = &mut self.listing {
            listing.removed.remove(&id);
            listing.listed.insert(id);
        }
        self.put(contact, as_of)
    }

    /// Someone is no contact any more.
    pub fn remove(&mut self, id: u64) {
        self.contacts.remove(&id);
        self.numbers.remove(&id);
        if let Some(listing) = &mut self.listing {
            listing.listed.remove(&id);
            listing.removed.insert(id);
        }
    }

    /// Someone's presence has changed. Gives whose, if it is a contact's and news.
    pub fn change(&mut self, id: u64, number: u64, presence: PresenceInfo) -> Option<&Contact> {
        let is_full = self.strangers.len() >= STRANGERS_MAX && !self.strangers.contains_key(&id);
        let known = self.numbers.get(&id).copied().unwrap_or_default();
        if number <= known || is_full && !self.contacts.contains_key(&id) {
            return None;
        }
        self.numbers.insert(id, number);
        let Some(contact) = self.contacts.get_mut(&id) else {
            self.strangers.insert(id, presence);
            return None;
        };
        if contact.presence == presence {
            return None;
        }
        contact.presence = presence;
        Some(contact)
    }

    /// A contact is in these groups now.
    pub fn group(&mut self, id: u64, groups: Vec<String>) {
        if let Some(contact) = self.contacts.get_mut(&id) {
            contact.groups = groups;
        }
    }

    /// A group has another name, or none any more.
    pub fn rename_group(&mut self, from: &str, to: Option<&str>) {
        for contact in self.contacts.values_mut().filter(|contact| contact.groups.iter().any(|name| name == from)) {
            contact.groups.retain(|name| name != from);
            contact.groups.extend(to.map(str::to_owned));
            contact.groups.sort_unstable();
            contact.groups.dedup();
        }
    }

    /// All requests that wait.
    pub fn set_requests(&mut self, me: u64, requests: ContactRequests) {
        self.incoming = requests.incoming.into_iter().map(|request| (request.from.id, request)).collect();
        self.outgoing = requests.outgoing.into_iter().map(|request| (request.to.id, request)).collect();
        for change in self.meanwhile.take().unwrap_or_default() {
            match change {
                RequestChange::Begun(request) => self.request(me, *request),
                RequestChange::Ended { from, to } => self.end_request(me, from, to),
            }
        }
    }

    /// A list of requests was asked for: what is told before it comes is newer than what stands in it, or the same.
    pub fn expect_requests(&mut self) {
        self.meanwhile = Some(Vec::new());
    }

    /// Someone has asked someone; `me` is one of them.
    pub fn request(&mut self, me: u64, request: ContactRequest) {
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.push(RequestChange::Begun(Box::new(request.clone())));
        }
        if request.to.id == me {
            self.incoming.insert(request.from.id, request);
        } else {
            self.outgoing.insert(request.to.id, request);
        }
    }

    /// A request does not wait any more.
    pub fn end_request(&mut self, me: u64, from: u64, to: u64) {
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.push(RequestChange::Ended { from, to });
        }
        if to == me {
            self.incoming.remove(&from);
        } else {
            self.outgoing.remove(&to);
        }
    }

    /// This account has blocked someone, who is not shown among its contacts any more.
    pub fn block(&mut self, who: Account) {
        self.remove(who.id);
        self.blocked.insert(who.id, who);
    }

    /// Number of the account with this name, in whatever way it is known to this one.
    pub fn find(&self, name: &str) -> Option<u64> {
        let contacts = self.contacts.values().map(|contact| &contact.who);
        let asking = self.incoming.values().map(|request| &request.from);
        let asked = self.outgoing.values().map(|request| &request.to);
        let profiles = contacts.chain(asking).chain(asked).map(|profile| (profile.id, &profile.name));
        let mut known = profiles.chain(self.blocked.values().map(|account| (account.id, &account.name)));
        known.find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(id, _)| id)
    }

    fn put(&mut self, mut contact: Contact, as_of: u64) -> bool {
        let id = contact.who.id;
        let number = self.numbers.entry(id).or_default();
        let stranger = self.strangers.remove(&id);
        let before = self.contacts.get(&id).map(|known| known.presence.clone());
        if *number > as_of {
            // What came on the track is newer than this.
            if let Some(newer) = before.clone().or(stranger) {
                contact.presence = newer;
            }
        } else {
            *number = as_of;
        }
        let changed = before.is_some_and(|before| before != contact.presence);
        self.contacts.insert(id, contact);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use relay::vocabulary::{Availability, Profile};

    fn info(status: u64) -> PresenceInfo {
        PresenceInfo { state: Availability::Available, status: status.to_string(), ..PresenceInfo::default() }
    }

    fn contact(id: u64, status: u64) -> Contact {
        let who = Profile { id, name: format!("person{id}"), ..Profile::default() };
        Contact { who, since: 0, groups: Vec::new(), presence: info(status) }
    }

    fn list(as_of: u64, contacts: &[(u64, u64)], more: bool) -> Contacts {
        Contacts { contacts: contacts.iter().map(|(id, status)| contact(*id, *status)).collect(), more, as_of }
    }

    #[test]
    fn a_list_replaces_what_was_known_and_tells_what_is_news() {
        let mut roster = Roster::default();
        roster.begin();
        assert_eq!(roster.page(list(5, &[(1, 1), (2, 2)], true)).then, Then::More { after: 2 });
        assert_eq!(roster.page(list(7, &[(3, 3)], false)).then, Then::Complete { as_of: 5 });
        assert_eq!(roster.contacts.len(), 3);
        // Another link: 2 is no contact any more, 3 has changed, and the server has begun to count anew.
        roster.begin();
        let listed = roster.page(list(1, &[(1, 1), (3, 4)], false));
        assert_eq!((listed.changed, roster.contacts.len()), (vec![3], 2));
        assert!(roster.change(1, 2, info(9)).is_some());
    }

    #[test]
    fn what_happens_while_a_list_is_read_counts() {
        let mut roster = Roster::default();
        roster.begin();
        roster.page(list(5, &[(1, 1)], true));
        roster.add(contact(8, 8), 6);
        roster.remove(9);
        roster.page(list(6, &[(9, 9)], false));
        assert_eq!(roster.contacts.keys().copied().collect::<Vec<_>>(), [1, 8]);
    }

    #[test]
    fn people_are_found_by_name_however_they_are_known() {
        let mut roster = Roster::default();
        roster.add(contact(2, 0), 0);
        let who = |id| Profile { id, name: format!("person{id}"), ..Profile::default() };
        let request = |from, to| ContactRequest { from: who(from), to: who(to), text: String::new(), at: 0 };
        roster.request(1, request(3, 1));
        roster.request(1, request(1, 4));
        roster.block(Account { id: 5, name: "person5".into() });
        let found: Vec<_> = (2..7).map(|id| roster.find(&format!("Person{id}"))).collect();
        assert_eq!(found, [Some(2), Some(3), Some(4), Some(5), None]);
        roster.end_request(1, 3, 1);
        roster.end_request(1, 1, 4);
        assert!(roster.incoming.is_empty() && roster.outgoing.is_empty());
    }

    #[test]
    fn what_is_told_while_a_list_of_requests_is_on_its_way_is_newer() {
        let mut roster = Roster::default();
        let who = |id| Profile { id, name: format!("person{id}"), ..Profile::default() };
        let request = |from, to| ContactRequest { from: who(from), to: who(to), text: String::new(), at: 0 };
        roster.request(1, request(9, 1));
        roster.expect_requests();
        roster.request(1, request(3, 1));
        roster.end_request(1, 4, 1);
        roster.request(1, request(1, 5));
        let incoming = vec![request(4, 1), request(6, 1)];
        roster.set_requests(1, ContactRequests { incoming, outgoing: Vec::new() });
        let ids = |requests: &BTreeMap<u64, ContactRequest>| requests.keys().copied().collect::<Vec<_>>();
        assert_eq!((ids(&roster.incoming), ids(&roster.outgoing)), (vec![3, 6], vec![5]));
        // A list that was not asked for while anything was told stands as it is.
        roster.expect_requests();
        roster.set_requests(1, ContactRequests { incoming: vec![request(7, 1)], outgoing: Vec::new() });
        assert_eq!((ids(&roster.incoming), ids(&roster.outgoing)), (vec![7], vec![]));
    }

    #[test]
    fn groups_are_renamed_joined_and_dissolved() {
        let mut roster = Roster::default();
        roster.add(contact(1, 0), 0);
        roster.group(1, vec!["Office".into(), "Work".into()]);
        roster.rename_group("Work", Some("Office"));
        assert_eq!(roster.contacts[&1].groups, ["Office"]);
        roster.rename_group("Office", None);
        assert!(roster.contacts[&1].groups.is_empty());
    }

    proptest! {
        /// Changes and the word of a new contact come in any order, some twice: in the end the newest stands. The status
        /// is the number of the change.
        #[test]
        fn the_newest_presence_stands(
            numbers in proptest::collection::vec(1..50u64, 1..12),
            as_of in 1..50u64,
            at in any::<prop::sample::Index>(),
        ) {
            let mut roster = Roster::default();
            roster.begin();
            roster.page(list(0, &[], false));
            let at = at.index(numbers.len() + 1);
            for (place, number) in numbers.iter().enumerate() {
                if place == at {
                    roster.add(contact(7, as_of), as_of);
                }
                roster.change(7, *number, info(*number));
            }
            if at == numbers.len() {
                roster.add(contact(7, as_of), as_of);
            }
            let newest = numbers.iter().copied().chain([as_of]).max().unwrap();
            prop_assert_eq!(&roster.contacts[&7].presence, &info(newest));
        }
    }
}
