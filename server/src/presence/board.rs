//! Everyone who is here: what happens comes in with the time, who is to be told about and what is to be stored goes out.
//! Pure, like [`Person`](super::person).

use super::pace::Pace;
use super::person::{GRACE, Now, Person, Remembered, Settings};
use crate::identity::AccountId;
use crate::identity::authority::Owner;
use relay::seal::LinkId;
use relay::vocabulary::{Availability, PresenceInfo};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

/// Those who are here, or count as here, and what has happened to them.
#[derive(Debug, Default)]
pub struct Board {
    people: HashMap<AccountId, Person>,
    talking: HashSet<AccountId>,
    paces: HashMap<AccountId, Pace>,
    /// When to look at whom again. May name someone too early or too often.
    due: BTreeSet<(Duration, AccountId)>,
    unknown: BTreeSet<AccountId>,
    changed: BTreeSet<AccountId>,
    unsaved: HashMap<AccountId, PresenceInfo>,
}

impl Board {
    /// Someone was here when the server ended, and counts as that for [`GRACE`].
    pub fn remember(&mut self, account: AccountId, was: Remembered, now: Now) {
        self.people.entry(account).or_default().remember(was, now.elapsed + GRACE);
        self.unknown.remove(&account);
        self.reckon(account, now);
    }

    /// A link of a device is heard: a new one, or one that was silent.
    pub fn found(&mut self, owner: &Owner, link: LinkId, now: Now) {
        let account = owner.account;
        let in_call = self.talking.contains(&account);
        let person = self.people.entry(account).or_default();
        person.found(&owner.device, link);
        person.talk(in_call);
        if !person.is_known() {
            self.unknown.insert(account);
        }
        self.reckon(account, now);
    }

    /// A link has ended or is not heard any more; it was heard `silence` ago.
    pub fn lost(&mut self, owner: &Owner, link: LinkId, silence: Duration, now: Now) {
        self.change(owner.account, now, |person| person.lost(&owner.device, link, silence, now));
    }

    /// A link has ended as the person meant it to.
    pub fn left(&mut self, owner: &Owner, link: LinkId, now: Now) {
        self.change(owner.account, now, |person| person.left(&owner.device, link, now));
    }

    /// Whether nobody uses a device.
    pub fn set_idle(&mut self, owner: &Owner, idle: bool, now: Now) {
        self.change(owner.account, now, |person| person.set_idle(&owner.device, idle));
    }

    /// Whether someone is in a call.
    pub fn talk(&mut self, account: AccountId, in_call: bool, now: Now) {
        if in_call {
            self.talking.insert(account);
        } else {
            self.talking.remove(&account);
        }
        self.change(account, now, |person| person.talk(in_call));
    }

    /// What someone had chosen was read from the database. What was chosen since stands.
    pub fn know(&mut self, account: AccountId, settings: Settings, now: Now) {
        self.unknown.remove(&account);
        if self.people.get(&account).is_some_and(|person| !person.is_known()) {
            self.settle(account, settings, None, now);
        }
    }

    /// What someone has chosen just now; `last_seen` as it is stored, for those who are not here.
    pub fn settle(&mut self, account: AccountId, settings: Settings, last_seen: Option<u64>, now: Now) {
        self.unknown.remove(&account);
        let Some(person) = self.people.get_mut(&account) else {
            let kept = self.unsaved.get(&account).and_then(|info| info.last_seen);
            let last_seen = kept.max(last_seen);
            let info = PresenceInfo { status: settings.status, last_seen, ..PresenceInfo::default() };
            self.unsaved.insert(account, info);
            self.changed.insert(account);
            return;
        };
        let shown = person.state() != Availability::Offline;
        if person.settle(settings) && shown {
            self.changed.insert(account);
        }
        self.reckon(account, now);
    }

    /// Whether someone may change what is told of them once more, and if not, how long to wait.
    pub fn may_change(&mut self, account: AccountId, now: Now) -> Option<Duration> {
        self.paces.retain(|_, pace| !pace.is_rested(now.elapsed));
        self.paces.entry(account).or_default().take(now.elapsed)
    }

    /// What is told of someone, unless only the database knows.
    pub fn info(&self, account: AccountId) -> Option<PresenceInfo> {
        let here = self.people.get(&account).filter(|person| person.state() != Availability::Offline);
        here.map(Person::info).or_else(|| self.unsaved.get(&account).cloned())
    }

    /// When [`Board::tick`] has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Now) {
        while let Some((_, account)) = self.due.first().copied().filter(|(at, _)| *at <= now.elapsed) {
            self.due.pop_first();
            self.reckon(account, now);
        }
    }

    /// Those about whom contacts are to be told, each once.
    pub fn take_changed(&mut self) -> BTreeSet<AccountId> {
        std::mem::take(&mut self.changed)
    }

    /// Those of whom the database is to be asked what they have chosen.
    pub fn unknown(&self, limit: usize) -> Vec<AccountId> {
        self.unknown.iter().take(limit).copied().collect()
    }

    /// What is to be stored.
    pub fn unsaved(&self, limit: usize) -> Vec<(AccountId, PresenceInfo)> {
        self.unsaved.iter().take(limit).map(|(account, info)| (*account, info.clone())).collect()
    }

    /// Whether something is to be stored.
    pub fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// That was stored; what has changed since is stored another time.
    pub fn saved(&mut self, stored: &[(AccountId, PresenceInfo)]) {
        for (account, info) in stored {
            if self.unsaved.get(account) == Some(info) {
                self.unsaved.remove(account);
            }
        }
    }

    /// Whether anyone is here.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    fn change(&mut self, account: AccountId, now: Now, change: impl FnOnce(&mut Person)) {
        if let Some(person) = self.people.get_mut(&account) {
            change(person);
            self.reckon(account, now);
        }
    }

    fn reckon(&mut self, account: AccountId, now: Now) {
        let Some(person) = self.people.get_mut(&account) else { return };
        if person.reckon(now) {
            self.changed.insert(account);
            self.unsaved.insert(account, person.info());
        }
        if let Some(at) = person.deadline() {
            self.due.insert((at, account));
        }
        if person.is_gone() {
            self.people.remove(&account);
            self.unknown.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use relay::vocabulary::Wish;

    fn owner(device: u8) -> Owner {
        Owner { account: 1, device: format!("device{device}") }
    }

    fn link(device: u8, number: u8) -> LinkId {
        let mut id = [0; 16];
        (id[0], id[1]) = (device, number);
        LinkId(id)
    }

    fn at(ms: u64) -> Now {
        Now { elapsed: Duration::from_millis(ms), unix_ms: 1_000_000 + ms }
    }

    fn state(board: &Board) -> Availability {
        board.info(1).map(|info| info.state).unwrap_or_default()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Found {
            device: u8,
            number: u8,
        },
        /// Lost after a silence of so many milliseconds.
        Lost {
            device: u8,
            number: u8,
            silence: u64,
        },
        Left {
            device: u8,
            number: u8,
        },
        Idle {
            device: u8,
            idle: bool,
        },
        Choose(Wish),
        Talk(bool),
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Step> {
        let wishes = prop_oneof![Just(Wish::Available), Just(Wish::Away), Just(Wish::DoNotDisturb)];
        let (device, number) = (0..3u8, 0..2u8);
        prop_oneof![
            4 => (device.clone(), number.clone()).prop_map(|(device, number)| Step::Found { device, number }),
            3 => (device.clone(), number.clone(), 0..20_000u64)
                .prop_map(|(device, number, silence)| Step::Lost { device, number, silence }),
            1 => (device.clone(), number).prop_map(|(device, number)| Step::Left { device, number }),
            2 => (device, any::<bool>()).prop_map(|(device, idle)| Step::Idle { device, idle }),
            1 => wishes.prop_map(Step::Choose),
            1 => any::<bool>().prop_map(Step::Talk),
            5 => (0..8_000u64).prop_map(Step::Wait),
        ]
    }

    /// A device as a bystander would note it down: its links, whether it is idle, until when it counts.
    #[derive(Debug, Clone, Default)]
    struct Noted {
        links: BTreeSet<u8>,
        idle: bool,
        until: u64,
    }

    proptest! {
        /// Whatever happens in whatever order, the state is what its rules say at every moment, changes are told when
        /// there are some and not otherwise, and nothing is left behind of those who are gone.
        #[test]
        fn the_board_shows_what_happened(steps in proptest::collection::vec(steps(), 1..80)) {
            let mut board = Board::default();
            let mut noted: [Option<Noted>; 3] = Default::default();
            let (mut wish, mut talking, mut ms) = (Wish::default(), false, 20_000);
            let mut told = Availability::Offline;
            for step in steps {
                match step.clone() {
                    Step::Found { device, number } => {
                        board.found(&owner(device), link(device, number), at(ms));
                        board.know(1, Settings { wish, ..Settings::default() }, at(ms));
                        let noted = noted[usize::from(device)].get_or_insert_default();
                        noted.links.insert(number);
                        noted.until = 0;
                    }
                    Step::Lost { device, number, silence } => {
                        board.lost(&owner(device), link(device, number), Duration::from_millis(silence), at(ms));
                        if let Some(noted) = &mut noted[usize::from(device)] {
                            noted.links.remove(&number);
                            noted.until = noted.until.max((ms + 10_000).saturating_sub(silence));
                        }
                    }
                    Step::Left { device, number } => {
                        board.left(&owner(device), link(device, number), at(ms));
                        let place = &mut noted[usize::from(device)];
                        if let Some(known) = place {
                            known.links.remove(&number);
                            place.take_if(|known| known.links.is_empty());
                        }
                    }
                    Step::Idle { device, idle } => {
                        board.set_idle(&owner(device), idle, at(ms));
                        noted[usize::from(device)].iter_mut().for_each(|noted| noted.idle = idle);
                    }
                    Step::Choose(chosen) => {
                        wish = chosen;
                        board.settle(1, Settings { wish, ..Settings::default() }, None, at(ms));
                    }
                    Step::Talk(in_call) => {
                        talking = in_call;
                        board.talk(1, in_call, at(ms));
                    }
                    Step::Wait(span) => {
                        // As the shell does: it wakes at each deadline.
                        let end = ms + span;
                        while let Some(due) = board.deadline().filter(|due| due.as_millis() as u64 <= end) {
                            ms = ms.max(due.as_millis() as u64);
                            board.tick(at(ms));
                        }
                        ms = end;
                    }
                }
                for place in &mut noted {
                    place.take_if(|noted| noted.links.is_empty() && noted.until <= ms);
                }
                let idle = noted.iter().flatten().map(|noted| noted.idle);
                let expected = super::super::person::merge(wish, talking, idle);
                prop_assert_eq!(state(&board), expected, "after {:?} at {}", step, ms);
                let changed = board.take_changed();
                if expected != told {
                    prop_assert!(changed.contains(&1), "nobody was told of {:?}", expected);
                    told = expected;
                }
                let last = board.unsaved(10);
                prop_assert!(last.iter().all(|(_, info)| info.state == expected));
                prop_assert_eq!(board.is_empty(), expected == Availability::Offline);
            }
        }
    }

    #[test]
    fn nothing_is_told_before_it_is_known_what_was_chosen() {
        let mut board = Board::default();
        board.found(&owner(0), link(0, 0), at(0));
        assert_eq!((board.unknown(10), board.take_changed().len()), (vec![1], 0));
        board.know(1, Settings { wish: Wish::DoNotDisturb, status: "busy".into() }, at(5));
        assert_eq!(state(&board), Availability::DoNotDisturb);
        assert!(board.unknown(10).is_empty() && board.take_changed().contains(&1));
        // What was read before is older than what is chosen now.
        board.settle(1, Settings::default(), None, at(6));
        board.know(1, Settings { wish: Wish::DoNotDisturb, status: "busy".into() }, at(7));
        assert_eq!(state(&board), Availability::Available);
    }

    #[test]
    fn what_was_stored_is_not_stored_again_and_later_changes_are() {
        let mut board = Board::default();
        board.found(&owner(0), link(0, 0), at(0));
        board.know(1, Settings::default(), at(0));
        let stored = board.unsaved(10);
        board.set_idle(&owner(0), true, at(10));
        board.saved(&stored);
        let rest = board.unsaved(10);
        assert_eq!(rest[0].1.state, Availability::Away);
        board.saved(&rest);
        assert!(!board.has_unsaved());
    }

    #[test]
    fn someone_who_is_not_here_may_say_something_all_the_same() {
        let mut board = Board::default();
        board.settle(1, Settings { wish: Wish::Available, status: "on holiday".into() }, Some(77), at(0));
        let info = board.info(1).unwrap();
        assert_eq!((info.state, info.status.as_str(), info.last_seen), (Availability::Offline, "on holiday", Some(77)));
        assert!(board.take_changed().contains(&1));
    }
}
