//! The list of connections: every open link and stream of events, who is at its far end, by which way it came, and how it goes.

use crate::clock::unix_ms;
use crate::delivery::LinkHandle;
use parking_lot::Mutex;
use relay::link::Statistics;
use relay::vocabulary::{self, Account, Carriage, Connection, ProxyHint};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Longest claim of a proxy that is kept, in bytes.
const HINT_MAX: usize = 128;

/// How a link goes at the moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// How the way up travels.
    pub up: Carriage,
    /// The same for the way down.
    pub down: Carriage,
    /// How long nothing has come.
    pub silence: Duration,
    /// What came and waits for the driver.
    pub waiting: usize,
    /// The link's own figures.
    pub statistics: Statistics,
}

/// What knows how a link goes.
pub trait Gauge: std::fmt::Debug + Send + Sync {
    /// Looks.
    fn read(&self) -> Reading;
}

/// How a link was opened.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The far end of the TCP connection.
    pub address: IpAddr,
    /// Whether records are sealed.
    pub sealed: bool,
    /// What proxies said of themselves.
    pub proxy: Option<Box<ProxyHint>>,
}

impl Origin {
    /// From the request that opened the link.
    pub fn new(address: IpAddr, sealed: bool, headers: &http::HeaderMap) -> Self {
        let claim = |name: &str| {
            let text = headers.get(name)?.to_str().ok()?;
            Some(text.chars().take(HINT_MAX).collect())
        };
        let hint = ProxyHint { via: claim("via"), forwarded_for: claim("x-forwarded-for") };
        let proxy = (hint != ProxyHint::default()).then(|| Box::new(hint));
        Self { address, sealed, proxy }
    }
}

#[derive(Debug)]
struct Entry {
    since: u64,
    origin: Origin,
    link: LinkHandle,
    gauge: Weak<dyn Gauge>,
}

/// All open links, by the order of their opening.
#[derive(Debug, Default)]
pub struct Connections {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    last: u64,
    open: BTreeMap<u64, Entry>,
}

/// A place on the list; dropping it gives it up.
#[derive(Debug)]
pub struct Listed {
    connections: Arc<Connections>,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.connections.entries.lock().open.remove(&self.number);
    }
}

impl Connections {
    /// Puts a link on the list.
    pub fn list(self: &Arc<Self>, origin: Origin, link: LinkHandle, gauge: Weak<dyn Gauge>) -> Listed {
        let mut entries = self.entries.lock();
        entries.last += 1;
        let number = entries.last;
        entries.open.insert(number, Entry { since: unix_ms(), origin, link, gauge });
        Listed { connections: self.clone(), number }
    }

    /// At most `limit` links with numbers above `after`.
    pub fn page(&self, after: u64, limit: usize) -> vocabulary::Connections {
        let entries = self.entries.lock();
        let mut following = entries.open.range((Bound::Excluded(after), Bound::Unbounded));
        let page = following.by_ref().take(limit);
        let page: Vec<_> = page
            .map(|(number, entry)| {
                (*number, entry.since, entry.origin.clone(), entry.link.clone(), entry.gauge.clone())
            })
            .collect();
        let (more, total) = (following.next().is_some(), entries.open.len() as u64);
        // The links themselves are looked at without holding the list up.
        drop(entries);
        let connections = page.into_iter().filter_map(|(number, since, origin, link, gauge)| {
            let reading = gauge.upgrade()?.read();
            Some(connection(number, since, origin, &link, reading))
        });
        vocabulary::Connections { connections: connections.collect(), total, more }
    }
}

fn connection(number: u64, since: u64, origin: Origin, link: &LinkHandle, reading: Reading) -> Connection {
    let identity = link.identity();
    let statistics = reading.statistics;
    Connection {
        number,
        device: identity.as_ref().map(|identity| identity.device.clone()),
        account: identity.map(|identity| Account { id: identity.account, name: identity.name }),
        since,
        address: origin.address.to_string(),
        sealed: origin.sealed,
        proxy: origin.proxy.map(|hint| *hint),
        up: reading.up,
        down: reading.down,
        silent_ms: u64::try_from(reading.silence.as_millis()).unwrap_or(u64::MAX),
        round_trip_ms: statistics.round_trip.map(|micros| micros / relay::MILLISECOND),
        queue_ms: statistics.queue / relay::MILLISECOND,
        waiting: reading.waiting as u64,
        bytes_in_flight: statistics.bytes_in_flight as u64,
        bytes_sent: statistics.bytes_sent,
        bytes_received: statistics.bytes_received,
        dropped: statistics.dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::mailbox;
    use relay::seal::LinkId;

    #[derive(Debug)]
    struct Still;

    impl Gauge for Still {
        fn read(&self) -> Reading {
            let statistics = Statistics { round_trip: Some(41_900), ..Statistics::default() };
            let silence = Duration::from_secs(1);
            Reading { up: Carriage::Short, down: Carriage::Streaming, silence, waiting: 2, statistics }
        }
    }

    #[test]
    fn the_list_comes_in_pages_and_forgets_what_has_ended() {
        let connections = Arc::new(Connections::default());
        let gauge: Arc<dyn Gauge> = Arc::new(Still);
        let open = |n: u8| {
            let handle = LinkHandle::new(LinkId([n; 16]), mailbox(1).0, mailbox(1).0);
            let mut headers = http::HeaderMap::new();
            headers.insert("via", "1.1 squid".parse().unwrap());
            let origin = Origin::new(IpAddr::from([10, 0, 0, n]), n == 1, &headers);
            connections.list(origin, handle, Arc::downgrade(&gauge))
        };
        let (_first, second, _third) = (open(1), open(2), open(3));
        let page = connections.page(0, 2);
        assert_eq!((page.connections.len(), page.total, page.more), (2, 3, true));
        let first = &page.connections[0];
        assert_eq!((first.address.as_str(), first.sealed, first.down), ("10.0.0.1", true, Carriage::Streaming));
        assert_eq!(first.proxy.as_ref().unwrap().via.as_deref(), Some("1.1 squid"));
        assert_eq!((first.round_trip_ms, first.account.clone(), first.silent_ms), (Some(41), None, 1_000));
        drop(second);
        let page = connections.page(1, 10);
        assert_eq!((page.connections.len(), page.connections[0].number, page.more), (1, 3, false));
    }
}
