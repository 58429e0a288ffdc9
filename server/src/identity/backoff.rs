//! Back-off after wrong passwords and codes, per account and per address, as pure state with `now` passed in.
//!
//! Every route on which something secret can be guessed goes through it: logging in, changing a password, using a reset
//! code, joining. An attempt that is no longer free counts as wrong until it is known to be right: guessing many at a
//! time gains nothing.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

/// Wrong attempts that are free for an account; afterwards each doubles the wait.
const FREE_PER_ACCOUNT: u32 = 5;
/// The same for an address: a whole office may stand behind one.
const FREE_PER_ADDRESS: u32 = 20;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// After this long without a wrong attempt all is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);
/// How many accounts and how many addresses are remembered at most.
const REMEMBERED: usize = 10_000;

/// Who must wait before the next attempt.
#[derive(Debug, Default)]
pub struct Backoff {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    accounts: Table<String>,
    addresses: Table<IpAddr>,
}

impl Backoff {
    /// Begins an attempt on an account, or on none in particular, from `address`.
    ///
    /// # Errors
    /// How long to wait, if it may not be made now.
    pub fn begin(&self, name: Option<&str>, address: IpAddr, now: Duration) -> Result<Attempt, Duration> {
        let mut attempt = Attempt { name: name.map(key), address: network(address), holds: false };
        let mut tables = self.tables.lock();
        let account = attempt.name.as_ref().and_then(|name| tables.accounts.wait(name, now));
        if let Some(wait) = account.max(tables.addresses.wait(&attempt.address, now)) {
            return Err(wait);
        }
        if let Some(name) = &attempt.name {
            tables.accounts.hold(name, FREE_PER_ACCOUNT, now);
        }
        attempt.holds = tables.addresses.hold(&attempt.address, FREE_PER_ADDRESS, now);
        Ok(attempt)
    }

    /// The attempt was wrong.
    pub fn failed(&self, attempt: Attempt, now: Duration) {
        let mut tables = self.tables.lock();
        if let Some(name) = attempt.name {
            tables.accounts.failed(name, FREE_PER_ACCOUNT, now);
        }
        tables.addresses.failed(attempt.address, FREE_PER_ADDRESS, now);
    }

    /// The attempt was right: the account's wrong ones are forgotten. The address's stay, or one good password would pay
    /// for guessing others.
    pub fn succeeded(&self, attempt: Attempt, now: Duration) {
        let mut tables = self.tables.lock();
        if let Some(name) = attempt.name {
            tables.accounts.failures.remove(&name);
        }
        if attempt.holds {
            tables.addresses.release(&attempt.address, now);
        }
    }
}

/// An attempt that is being made. Its outcome is told to [`Backoff::failed`] or [`Backoff::succeeded`].
#[derive(Debug)]
#[must_use = "its outcome must be told"]
pub struct Attempt {
    name: Option<String>,
    address: IpAddr,
    /// Whether it keeps others of its address waiting.
    holds: bool,
}

fn key(name: &str) -> String {
    name.to_lowercase()
}

/// One person may own a whole IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
    }
}

#[derive(Debug)]
struct Table<K> {
    failures: HashMap<K, Failures>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { failures: HashMap::new() }
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Duration,
    until: Duration,
}

impl Failures {
    /// The wait after `count` wrong attempts.
    fn hold_back(&mut self, count: u32, free: u32, now: Duration) {
        if let Some(doublings) = count.checked_sub(free) {
            self.until = now + (FIRST_WAIT * 2_u32.saturating_pow(doublings.min(10))).min(LONGEST_WAIT);
        }
    }
}

impl<K: Hash + Eq> Table<K> {
    fn wait(&self, key: &K, now: Duration) -> Option<Duration> {
        let wait = self.failures.get(key)?.until.checked_sub(now)?;
        (!wait.is_zero()).then_some(wait)
    }

    fn failed(&mut self, key: K, free: u32, now: Duration) {
        if self.failures.len() >= REMEMBERED && !self.failures.contains_key(&key) {
            self.make_room(now);
        }
        let failures = self.failures.entry(key).or_insert(Failures { count: 0, last: now, until: now });
        if now.saturating_sub(failures.last) > FORGET_AFTER {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        failures.hold_back(failures.count, free, now);
    }

    /// Lets no other attempt begin while one that is not free is made. Says whether it is such a one.
    fn hold(&mut self, key: &K, free: u32, now: Duration) -> bool {
        let held = self.failures.get_mut(key).filter(|failures| failures.count >= free);
        let holds = held.is_some();
        if let Some(failures) = held {
            failures.hold_back(failures.count + 1, free, now);
        }
        holds
    }

    fn release(&mut self, key: &K, now: Duration) {
        if let Some(failures) = self.failures.get_mut(key) {
            failures.until = failures.until.min(now);
        }
    }

    fn make_room(&mut self, now: Duration) {
        self.failures.retain(|_, failures| now.saturating_sub(failures.last) <= FORGET_AFTER);
        if self.failures.len() >= REMEMBERED {
            // Under attack from everywhere: keep those that wait, forget the rest.
            self.failures.retain(|_, failures| failures.until > now);
        }
        if self.failures.len() >= REMEMBERED {
            self.failures.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// How long an attempt must wait, without making it.
    fn wait(backoff: &Backoff, name: &str, address: IpAddr, now: Duration) -> Option<Duration> {
        let tables = backoff.tables.lock();
        tables.accounts.wait(&key(name), now).max(tables.addresses.wait(&network(address), now))
    }

    fn fail(backoff: &Backoff, name: &str, address: IpAddr, now: Duration) {
        backoff.failed(Attempt { name: Some(key(name)), address: network(address), holds: false }, now);
    }

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_ends() {
        let backoff = Backoff::default();
        for _ in 0..FREE_PER_ACCOUNT - 1 {
            fail(&backoff, "alice", OFFICE, at(0));
        }
        assert_eq!(wait(&backoff, "alice", OFFICE, at(0)), None);
        fail(&backoff, "Alice", OFFICE, at(0));
        assert_eq!(wait(&backoff, "alice", OFFICE, at(0)), Some(at(1)));
        fail(&backoff, "alice", OFFICE, at(1));
        assert_eq!(wait(&backoff, "alice", OFFICE, at(1)), Some(at(2)));
        assert_eq!(wait(&backoff, "alice", OFFICE, at(3)), None);
        assert_eq!(wait(&backoff, "bob", OFFICE, at(1)), None);
        for _ in 0..40 {
            fail(&backoff, "alice", OFFICE, at(3));
        }
        assert_eq!(wait(&backoff, "alice", OFFICE, at(3)), Some(LONGEST_WAIT));
    }

    #[test]
    fn success_forgives_the_account_and_not_the_address() {
        let backoff = Backoff::default();
        for n in 0..FREE_PER_ADDRESS {
            fail(&backoff, &format!("guess{n}"), OFFICE, at(0));
        }
        assert_eq!(backoff.begin(Some("guess1"), OFFICE, at(0)).unwrap_err(), at(1));
        let right = backoff.begin(Some("guess1"), OFFICE, at(1)).unwrap();
        assert_eq!(wait(&backoff, "anyone", OFFICE, at(1)), Some(at(2)), "while it is not known to be right");
        backoff.succeeded(right, at(1));
        // Others may go on, but the next wrong one costs as much as it would have.
        assert_eq!(wait(&backoff, "anyone", OFFICE, at(1)), None);
        fail(&backoff, "anyone", OFFICE, at(1));
        assert_eq!(wait(&backoff, "anyone", OFFICE, at(1)), Some(at(2)));
        let elsewhere = "198.51.100.7".parse().unwrap();
        assert_eq!(wait(&backoff, "guess1", elsewhere, at(0)), None);
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let a: IpAddr = "2001:db8::1".parse().unwrap();
        let b: IpAddr = "2001:db8::2".parse().unwrap();
        assert_eq!(network(a), network(b));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), OFFICE);
    }

    #[test]
    fn memory_is_bounded_and_time_forgets() {
        let backoff = Backoff::default();
        for n in 0..REMEMBERED + 10 {
            fail(&backoff, &n.to_string(), OFFICE, at(0));
        }
        assert!(backoff.tables.lock().accounts.failures.len() <= REMEMBERED);
        for _ in 0..FREE_PER_ACCOUNT {
            fail(&backoff, "old", OFFICE, at(0));
        }
        fail(&backoff, "old", OFFICE, FORGET_AFTER + at(1));
        assert_eq!(wait(&backoff, "old", "198.51.100.7".parse().unwrap(), FORGET_AFTER + at(1)), None);
    }

    #[test]
    fn guessing_many_at_a_time_gains_nothing() {
        let backoff = Backoff::default();
        for _ in 0..FREE_PER_ACCOUNT {
            backoff.failed(backoff.begin(Some("alice"), OFFICE, at(0)).unwrap(), at(0));
        }
        assert_eq!(backoff.begin(Some("alice"), OFFICE, at(0)).unwrap_err(), at(1));
        // The wait is over for one, and it is not known yet whether that one is right.
        let one = backoff.begin(Some("alice"), OFFICE, at(1)).unwrap();
        assert_eq!(backoff.begin(Some("Alice"), OFFICE, at(1)).unwrap_err(), at(2));
        backoff.succeeded(one, at(1));
        assert!(backoff.begin(Some("alice"), OFFICE, at(1)).is_ok());
    }

    #[test]
    fn codes_that_name_no_account_count_for_the_address() {
        let backoff = Backoff::default();
        for _ in 0..FREE_PER_ADDRESS {
            backoff.failed(backoff.begin(None, OFFICE, at(0)).unwrap(), at(0));
        }
        assert_eq!(backoff.begin(None, OFFICE, at(0)).unwrap_err(), at(1));
        assert_eq!(backoff.begin(Some("alice"), OFFICE, at(0)).unwrap_err(), at(1));
        assert!(backoff.begin(None, "198.51.100.7".parse().unwrap(), at(0)).is_ok());
    }
}
