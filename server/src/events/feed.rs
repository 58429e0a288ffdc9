//! Feeds: for each account that bots listen to, a bounded log of what its links are told, so that whoever comes back soon
//! goes on where it was.
//!
//! A feed is a track like any other: an event is encoded once, and each listener is a cursor. One who is slower than the
//! log is long learns that something was passed over.

use crate::clock::unix_ms;
use crate::identity::AccountId;
use parking_lot::Mutex;
use relay::track::Track;
use relay::vocabulary::Event;
use relay::{Frame, FrameHeader, Kind, TrackId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the newest events held for each account that is listened to.
const HELD: usize = 256 << 10;
/// How long after its last listener a feed goes on.
const LINGERS: Duration = Duration::from_secs(600);

/// All feeds.
#[derive(Debug, Default)]
pub struct Feeds {
    all: Arc<Mutex<HashMap<AccountId, Feed>>>,
}

#[derive(Debug)]
struct Feed {
    track: Track,
    next: u64,
    listeners: usize,
    left_at: Instant,
}

/// A listener's hold on a feed.
#[derive(Debug)]
pub struct Listening {
    all: Arc<Mutex<HashMap<AccountId, Feed>>>,
    account: AccountId,
    /// What is listened to.
    pub track: Track,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(feed) = self.all.lock().get_mut(&self.account) {
            feed.listeners -= 1;
            feed.left_at = Instant::now();
        }
    }
}

impl Feeds {
    /// Listens to an account. From the first time on its events are kept, and until [`LINGERS`] after the last.
    pub fn listen(&self, account: AccountId) -> Listening {
        let mut all = self.all.lock();
        all.retain(|of, feed| *of == account || feed.listeners > 0 || feed.left_at.elapsed() < LINGERS);
        let fresh = || {
            // Numbers rise over restarts as long as there are less than a million events a second.
            let next = unix_ms() * 1_000;
            let track = Track::resumed(TrackId::CONTROL, HELD, next);
            Feed { track, next, listeners: 0, left_at: Instant::now() }
        };
        let feed = all.entry(account).or_insert_with(fresh);
        feed.listeners += 1;
        Listening { all: self.all.clone(), account, track: feed.track.clone() }
    }

    /// Adds an event to the feed of an account, if it has one.
    pub fn tell(&self, account: AccountId, event: &Event) {
        if let Some(feed) = self.all.lock().get_mut(&account) {
            feed.append(event);
        }
    }

    /// Adds an event to every feed.
    pub fn tell_all(&self, event: &Event) {
        self.all.lock().values_mut().for_each(|feed| feed.append(event));
    }
}

impl Feed {
    fn append(&mut self, event: &Event) {
        let header = FrameHeader::alone(TrackId::CONTROL, self.next, 0, Kind::Event);
        let appended = event.encode().map_err(|error| error.to_string()).and_then(|payload| {
            let frame = Frame::new(header, &payload).map_err(|error| error.to_string())?;
            self.track.append(frame, 0).map_err(|error| error.to_string())
        });
        match appended {
            Ok(()) => self.next += 1,
            Err(error) => tracing::error!(error, "an event did not reach a feed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay::track::{Next, Start};

    #[test]
    fn a_feed_is_kept_while_someone_listens_and_is_bounded() {
        let feeds = Feeds::default();
        let event = Event::KeyframeWanted { track: 7 };
        feeds.tell(1, &event);
        let listening = feeds.listen(1);
        let before = listening.track.newest().unwrap();
        feeds.tell(1, &event);
        feeds.tell(2, &event);
        drop(listening);
        feeds.tell_all(&event);
        let again = feeds.listen(1);
        let mut cursor = again.track.cursor(Start::After(before));
        let sequences = std::iter::from_fn(|| match cursor.next_frame() {
            Next::Frame { frame, .. } => Some(frame.header().sequence),
            _ => None,
        });
        assert_eq!(sequences.collect::<Vec<_>>(), [before + 1, before + 2]);
        for _ in 0..10_000 {
            feeds.tell(1, &event);
        }
        assert!(again.track.holding().bytes <= HELD);
        let mut late = again.track.cursor(Start::After(before));
        assert!(matches!(late.next_frame(), Next::Archived { .. }), "who is too slow is told so");
    }
}
