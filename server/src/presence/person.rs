//! One person: devices merged by fixed rules, and how long one that was lost still counts. Pure: time is an argument.
//!
//! | what holds | state |
//! |---|---|
//! | no device is here | offline |
//! | the person does not want to be disturbed | do not disturb |
//! | a device is in a call | in a call |
//! | the person has chosen to be away, or no device is used | away |
//! | otherwise | available |
//!
//! A device is here while it has a link that is heard, and for [`GRACE`] after its last one was heard: whoever opens a
//! new link by then never was away. A device that says good-bye goes at once.

use relay::seal::LinkId;
use relay::vocabulary::{Availability, PresenceInfo, Wish};
use std::time::Duration;

/// How long a person counts as before without being heard: after a link was lost, and after the server's restart.
pub const GRACE: Duration = Duration::from_secs(10);

/// A moment on both clocks: the one for spans and the calendar's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since the server's start.
    pub elapsed: Duration,
    /// Unix milliseconds.
    pub unix_ms: u64,
}

/// What a person has chosen, on whatever device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What to be.
    pub wish: Wish,
    /// What to say about it.
    pub status: String,
}

/// What a person was when the server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What had been chosen.
    pub settings: Settings,
    /// The state.
    pub state: Availability,
    /// Since when, in Unix milliseconds.
    pub since: u64,
    /// Until when the person was seen, in Unix milliseconds.
    pub seen: u64,
}

/// The state of someone with these devices, each idle or not.
pub fn merge(wish: Wish, in_call: bool, idle: impl IntoIterator<Item = bool>) -> Availability {
    let mut idle = idle.into_iter();
    let Some(first) = idle.next() else { return Availability::Offline };
    let all_idle = first && idle.all(|idle| idle);
    match wish {
        Wish::DoNotDisturb => Availability::DoNotDisturb,
        _ if in_call => Availability::InACall,
        Wish::Away => Availability::Away,
        Wish::Available if all_idle => Availability::Away,
        Wish::Available => Availability::Available,
    }
}

#[derive(Debug, Default)]
struct Device {
    name: String,
    links: Vec<LinkId>,
    idle: bool,
    /// Without a link: until when it counts as here.
    until: Duration,
}

impl Device {
    fn is_here(&self, now: Duration) -> bool {
        !self.links.is_empty() || self.until > now
    }
}

/// One person, who has a device here or had one lately.
#[derive(Debug, Default)]
pub struct Person {
    /// `None` until it was read from the database.
    settings: Option<Settings>,
    /// Nearly everyone has one or two.
    devices: Vec<Device>,
    /// The state before the restart, and until when it stands.
    remembered: Option<(Availability, Duration)>,
    in_call: bool,
    state: Availability,
    since: u64,
    seen: u64,
}

impl Person {
    /// The person was here when the server ended, and counts as that until `until`.
    pub fn remember(&mut self, was: Remembered, until: Duration) {
        self.settings.get_or_insert(was.settings);
        self.remembered = Some((was.state, until));
        (self.state, self.since, self.seen) = (was.state, was.since, was.seen);
    }

    /// What others are told.
    pub fn info(&self) -> PresenceInfo {
        let offline = self.state == Availability::Offline;
        PresenceInfo {
            state: self.state,
            status: self.settings.as_ref().map(|settings| settings.status.clone()).unwrap_or_default(),
            since: (!offline).then_some(self.since),
            last_seen: (offline && self.seen > 0).then_some(self.seen),
        }
    }

    /// The state that others were told.
    pub fn state(&self) -> Availability {
        self.state
    }

    /// Whether what the person has chosen is known.
    pub fn is_known(&self) -> bool {
        self.settings.is_some()
    }

    /// Whether nothing of the person is here any more.
    pub fn is_gone(&self) -> bool {
        self.devices.is_empty() && self.remembered.is_none()
    }

    /// What the person has chosen. Says whether it is something new.
    pub fn settle(&mut self, settings: Settings) -> bool {
        let new = self.settings.as_ref() != Some(&settings);
        self.settings = Some(settings);
        new
    }

    /// Whether the person is in a call.
    pub fn talk(&mut self, in_call: bool) {
        self.in_call = in_call;
    }

    /// A link of a device is heard: a new one, or one that was silent.
    pub fn found(&mut self, device: &str, link: LinkId) {
        let was_idle = self.remembered.is_some_and(|(state, _)| state == Availability::Away)
            && self.settings.as_ref().is_some_and(|settings| settings.wish != Wish::Away);
        // Before the restart nobody used the devices: so it is still, until one says something else.
        if self.device(device).is_none() {
            self.devices.push(Device { name: device.to_owned(), idle: was_idle, ..Device::default() });
        }
        let Some(device) = self.device(device) else { return };
        if !device.links.contains(&link) {
            device.links.push(link);
        }
        // What was lost before is made good: a later silence counts from its own beginning.
        device.until = Duration::ZERO;
    }

    /// A link of a device has ended, or is not heard any more; it was heard `silence` ago.
    pub fn lost(&mut self, device: &str, link: LinkId, silence: Duration, now: Now) {
        let Some(device) = self.device(device) else { return };
        device.links.retain(|known| *known != link);
        device.until = device.until.max((now.elapsed + GRACE).saturating_sub(silence));
        let silence = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
        self.seen = self.seen.max(now.unix_ms.saturating_sub(silence));
    }

    /// A link of a device has ended as the person meant it to.
    pub fn left(&mut self, device: &str, link: LinkId, now: Now) {
        let Some(device) = self.device(device) else { return };
        device.links.retain(|known| *known != link);
        if device.links.is_empty() {
            device.until = Duration::ZERO;
        }
        self.seen = self.seen.max(now.unix_ms);
    }

    /// Whether nobody uses a device.
    pub fn set_idle(&mut self, device: &str, idle: bool) {
        if let Some(device) = self.device(device) {
            device.idle = idle;
        }
    }

    fn device(&mut self, name: &str) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.name == name)
    }

    /// When [`Person::reckon`] finds something that time alone has changed.
    pub fn deadline(&self) -> Option<Duration> {
        let lost = self.devices.iter().filter(|device| device.links.is_empty()).map(|device| device.until);
        lost.chain(self.remembered.map(|(_, until)| until)).min()
    }

    /// Brings the state up to date. Says whether it is another one.
    pub fn reckon(&mut self, now: Now) -> bool {
        self.devices.retain(|device| device.is_here(now.elapsed));
        if self.settings.is_some() && !self.devices.is_empty() {
            self.remembered = None;
        }
        self.remembered.take_if(|(_, until)| *until <= now.elapsed);
        let state = match (&self.settings, self.remembered) {
            (_, Some((state, _))) => state,
            (Some(settings), None) => merge(settings.wish, self.in_call, self.devices.iter().map(|device| device.idle)),
            (None, None) if self.devices.is_empty() => Availability::Offline,
            // Not known yet: what was told stands.
            (None, None) => self.state,
        };
        if state == self.state {
            return false;
        }
        self.state = state;
        self.since = now.unix_ms;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wishes() -> impl Strategy<Value = Wish> {
        prop_oneof![Just(Wish::Available), Just(Wish::Away), Just(Wish::DoNotDisturb)]
    }

    proptest! {
        #[test]
        fn merging_follows_its_table_in_whatever_order(
            wish in wishes(),
            in_call: bool,
            idle in proptest::collection::vec(any::<bool>(), 0..6),
            turn in 0..6usize,
        ) {
            let state = merge(wish, in_call, idle.iter().copied());
            let mut turned = idle.clone();
            turned.rotate_left(turn % idle.len().max(1));
            prop_assert_eq!(merge(wish, in_call, turned), state);
            prop_assert_eq!(state == Availability::Offline, idle.is_empty());
            if idle.is_empty() {
                return Ok(());
            }
            prop_assert_eq!(state == Availability::DoNotDisturb, wish == Wish::DoNotDisturb);
            prop_assert_eq!(state == Availability::InACall, in_call && wish != Wish::DoNotDisturb);
            // One more device that is used never makes the person less reachable, nor does one more of any kind make
            // the person offline.
            let mut more = idle.clone();
            more.push(false);
            prop_assert!(merge(wish, in_call, more) >= state);
        }
    }

    const LINK: LinkId = LinkId([1; 16]);

    fn at(ms: u64) -> Now {
        Now { elapsed: Duration::from_millis(ms), unix_ms: 1_000_000 + ms }
    }

    fn here() -> Person {
        let mut person = Person::default();
        person.settle(Settings::default());
        person.found("desk", LINK);
        assert!(person.reckon(at(0)));
        person
    }

    #[test]
    fn a_lost_link_counts_until_its_grace_is_over_and_not_longer() {
        let mut person = here();
        person.lost("desk", LINK, Duration::from_secs(4), at(20_000));
        assert_eq!(person.deadline(), Some(Duration::from_secs(26)));
        assert!(!person.reckon(at(25_999)));
        assert!(person.reckon(at(26_000)) && person.is_gone());
        let info = person.info();
        assert_eq!((info.state, info.since, info.last_seen), (Availability::Offline, None, Some(1_016_000)));
    }

    #[test]
    fn a_good_bye_and_a_long_silence_count_at_once() {
        let mut person = here();
        person.left("desk", LINK, at(5_000));
        assert!(person.reckon(at(5_000)) && person.is_gone());
        let mut person = here();
        person.lost("desk", LINK, Duration::from_millis(14_500), at(30_000));
        assert!(person.reckon(at(30_000)));
        // A client that was only cut off is heard again.
        person.found("desk", LINK);
        assert!(person.reckon(at(31_000)));
        assert_eq!(person.state(), Availability::Available);
    }

    #[test]
    fn nobody_who_comes_back_after_a_restart_was_away() {
        for (state, wish, idle) in [
            (Availability::Available, Wish::Available, false),
            (Availability::Away, Wish::Available, true),
            (Availability::Away, Wish::Away, false),
            (Availability::DoNotDisturb, Wish::DoNotDisturb, true),
        ] {
            let settings = Settings { wish, status: "in the lab".into() };
            let was = Remembered { settings, state, since: 7, seen: 9 };
            let mut person = Person::default();
            person.remember(was, GRACE);
            assert!(!person.reckon(at(9_999)));
            person.found("desk", LINK);
            assert!(!person.reckon(at(9_999)), "{state:?}");
            person.set_idle("desk", idle);
            assert!(!person.reckon(at(10_000)), "{state:?}");
            assert_eq!((person.info().since, person.info().status.as_str()), (Some(7), "in the lab"));
        }
        let was = Remembered { settings: Settings::default(), state: Availability::InACall, since: 7, seen: 9 };
        let mut person = Person::default();
        person.remember(was, GRACE);
        assert!(person.reckon(at(10_000)) && person.is_gone());
        assert_eq!(person.info().last_seen, Some(9));
    }
}
