//! Back-off after wrong passwords, per account and per address, as pure state with `now` passed in.

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
    /// How long `name` from `address` must still wait; `None` if it may try now.
    pub fn wait(&self, name: &str, address: IpAddr, now: Duration) -> Option<Duration> {
        let tables = self.tables.lock();
        tables.accounts.wait(&key(name), now).max(tables.addresses.wait(&network(address), now))
    }

    /// Notes a wrong attempt.
    pub fn failed(&self, name: &str, address: IpAddr, now: Duration) {
        let mut tables = self.tables.lock();
        tables.accounts.failed(key(name), FREE_PER_ACCOUNT, now);
        tables.addresses.failed(network(address), FREE_PER_ADDRESS, now);
    }

    /// Forgets the account's wrong attempts. The address's stay: one good password must not pay for guessing others.
    pub fn succeeded(&self, name: &str) {
        self.tables.lock().accounts.failures.remove(&key(name));
    }
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
        if let Some(doublings) = failures.count.checked_sub(free) {
            failures.until = now + (FIRST_WAIT * 2_u32.saturating_pow(doublings.min(10))).min(LONGEST_WAIT);
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

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_ends() {
        let backoff = Backoff::default();
        for _ in 0..FREE_PER_ACCOUNT - 1 {
            backoff.failed("alice", OFFICE, at(0));
        }
        assert_eq!(backoff.wait("alice", OFFICE, at(0)), None);
        backoff.failed("Alice", OFFICE, at(0));
        assert_eq!(backoff.wait("alice", OFFICE, at(0)), Some(at(1)));
        backoff.failed("alice", OFFICE, at(1));
        assert_eq!(backoff.wait("alice", OFFICE, at(1)), Some(at(2)));
        assert_eq!(backoff.wait("alice", OFFICE, at(3)), None);
        assert_eq!(backoff.wait("bob", OFFICE, at(1)), None);
        for _ in 0..40 {
            backoff.failed("alice", OFFICE, at(3));
        }
        assert_eq!(backoff.wait("alice", OFFICE, at(3)), Some(LONGEST_WAIT));
    }

    #[test]
    fn success_forgives_the_account_and_not_the_address() {
        let backoff = Backoff::default();
        for n in 0..FREE_PER_ADDRESS {
            backoff.failed(&format!("guess{n}"), OFFICE, at(0));
        }
        backoff.succeeded("guess1");
        assert_eq!(backoff.wait("anyone", OFFICE, at(0)), Some(at(1)));
        let elsewhere = "198.51.100.7".parse().unwrap();
        assert_eq!(backoff.wait("guess1", elsewhere, at(0)), None);
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
            backoff.failed(&n.to_string(), OFFICE, at(0));
        }
        assert!(backoff.tables.lock().accounts.failures.len() <= REMEMBERED);
        for _ in 0..FREE_PER_ACCOUNT {
            backoff.failed("old", OFFICE, at(0));
        }
        backoff.failed("old", OFFICE, FORGET_AFTER + at(1));
        assert_eq!(backoff.wait("old", "198.51.100.7".parse().unwrap(), FORGET_AFTER + at(1)), None);
    }
}
