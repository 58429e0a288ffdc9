//! One watch over the links at rest: each is looked at a few times a second, and only the driver of one of which too little is
//! heard is woken. A timer for each would cost more than its signs of life.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use relay::{Micros, seal::LinkId};

use super::session::Session;
use crate::clock::Clock;

/// How often the links are looked at.
const STROKE: Duration = Duration::from_millis(250);

/// When a link was heard of last, and what is to be done about its silence.
#[derive(Debug)]
pub(super) struct Pulse {
    heard_at: AtomicU64,
    /// The silence, in microseconds, of which the driver is to be told.
    tell_from: AtomicU64,
    /// Whether the driver is to be told of the next sign of life.
    missed: AtomicBool,
}

impl Pulse {
    pub fn new(now: Micros) -> Self {
        Self { heard_at: now.into(), tell_from: Micros::MAX.into(), missed: false.into() }
    }

    /// Something came. Says whether the driver waits for that.
    pub fn beat(&self, now: Micros) -> bool {
        self.heard_at.store(now, Ordering::Relaxed);
        self.missed.load(Ordering::Relaxed) && self.missed.swap(false, Ordering::AcqRel)
    }

    /// How long nothing has come.
    pub fn silence(&self, now: Micros) -> Micros {
        now.saturating_sub(self.heard_at.load(Ordering::Relaxed))
    }

    /// The driver is to be told once, as soon as nothing has come for `silence`; with `None` it looks by itself.
    pub fn tell_from(&self, silence: Option<Micros>) {
        self.tell_from.store(silence.unwrap_or(Micros::MAX), Ordering::Relaxed);
    }

    /// The driver is to be told when something comes again.
    pub fn miss(&self) {
        self.missed.store(true, Ordering::Release);
    }

    /// Whether the driver is to be told now.
    fn tells(&self, now: Micros) -> bool {
        let tells = self.silence(now) >= self.tell_from.load(Ordering::Relaxed);
        if tells {
            self.tell_from(None);
        }
        tells
    }
}

/// The links that are open.
#[derive(Debug, Default)]
pub(super) struct OpenLinks {
    pub links: HashMap<LinkId, Arc<Session>>,
    /// Whether somebody looks at them.
    watched: bool,
}

/// Adds a link unless there are `most`, and says whether it did. The first one brings the watch along, which ends with
/// the last.
pub(super) fn add(open: &Arc<Mutex<OpenLinks>>, session: Arc<Session>, most: usize) -> bool {
    let mut watched = open.lock();
    if watched.links.len() >= most {
        return false;
    }
    let clock = session.clock;
    watched.links.insert(session.id, session);
    if !std::mem::replace(&mut watched.watched, true) {
        tokio::spawn(watch(open.clone(), clock));
    }
    true
}

async fn watch(open: Arc<Mutex<OpenLinks>>, clock: Clock) {
    loop {
        tokio::time::sleep(STROKE).await;
        let now = clock.micros();
        let mut open = open.lock();
        if open.links.is_empty() {
            open.links.shrink_to_fit();
            open.watched = false;
            return;
        }
        open.links.values().filter(|link| link.pulse.tells(now)).for_each(|link| link.doorbell.ring_driver());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_is_told_of_a_silence_once_and_of_its_end_if_it_wants_to_know() {
        let pulse = Pulse::new(1_000);
        pulse.tell_from(Some(500));
        assert!(!pulse.tells(1_499) && pulse.tells(1_500) && !pulse.tells(9_000));
        assert!(!pulse.beat(9_000), "nobody waits for it");
        pulse.tell_from(Some(500));
        assert!(!pulse.tells(9_499) && pulse.silence(9_499) == 499);
        pulse.miss();
        assert!(pulse.beat(9_500) && !pulse.beat(9_501));
        pulse.tell_from(None);
        assert!(!pulse.tells(Micros::MAX - 1));
    }
}
