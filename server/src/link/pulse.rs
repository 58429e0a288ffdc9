//! The pulses of all links: when each was heard of last. They lie side by side, and one watch looks at them a few times a
//! second: only the driver of a link of which too little is heard is woken. A timer for each link would cost more than its
//! signs of life. Where the system knows when something came that nobody has looked at, it is asked before.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use relay::Micros;

use super::doorbell::Doorbell;
use crate::{clock::Clock, http::socket::Line};

/// How often the pulses are looked at.
const STROKE: Duration = Duration::from_millis(250);

/// Pulses that lie together.
const TOGETHER: usize = 256;

/// Every link's pulse.
#[derive(Debug)]
pub(super) struct Pulses {
    clock: Clock,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    beats: Vec<Arc<[Beat]>>,
    /// The link in each place; `None` where there is none.
    links: Vec<Option<Ward>>,
    free: Vec<usize>,
    /// Whether somebody looks at them.
    watched: bool,
}

/// A link that is looked after.
#[derive(Debug)]
struct Ward {
    /// Whom to wake for it.
    driver: Arc<Doorbell>,
    /// The connection that may have brought something.
    line: Line,
}

/// What is looked at.
#[derive(Debug)]
struct Beat {
    heard_at: AtomicU64,
    /// The silence, in microseconds, of which the driver is to be told.
    tell_from: AtomicU64,
}

impl Beat {
    fn silence(&self, now: Micros) -> Micros {
        now.saturating_sub(self.heard_at.load(Ordering::Relaxed))
    }

    /// What a connection has brought counts, looked at or not.
    fn look_at(&self, line: &Line, now: Micros) {
        let ago = line.heard_ago().and_then(|ago| Micros::try_from(ago.as_micros()).ok());
        if let Some(ago) = ago {
            self.heard_at.fetch_max(now.saturating_sub(ago), Ordering::Relaxed);
        }
    }

    fn is_due(&self, now: Micros) -> bool {
        self.silence(now) >= self.tell_from.load(Ordering::Relaxed)
    }

    /// Whether the driver is to be told now; only once.
    fn tells(&self, now: Micros) -> bool {
        let tells = self.is_due(now);
        if tells {
            self.tell_from.store(Micros::MAX, Ordering::Relaxed);
        }
        tells
    }
}

impl Pulses {
    pub fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, places: Mutex::default() })
    }

    /// A link begins, of which something was heard just now. The first one brings the watch along, which ends with the
    /// last.
    pub fn begin(self: &Arc<Self>, driver: Arc<Doorbell>) -> Pulse {
        let mut places = self.places.lock();
        let place = places.take();
        places.links[place] = Some(Ward { driver, line: Line::default() });
        let beats = places.beats[place / TOGETHER].clone();
        beats[place % TOGETHER].heard_at.store(self.clock.micros(), Ordering::Relaxed);
        if !std::mem::replace(&mut places.watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
        drop(places);
        Pulse { pulses: self.clone(), beats, place, missed: AtomicBool::new(false) }
    }

    /// Wakes the drivers that are to be told something. False when there is no link any more.
    fn look(&self) -> bool {
        let now = self.clock.micros();
        let mut places = self.places.lock();
        if places.free.len() == places.links.len() {
            *places = Places::default();
            return false;
        }
        let Places { beats, links, .. } = &*places;
        for (beats, links) in beats.iter().zip(links.chunks(TOGETHER)) {
            for (beat, link) in beats.iter().zip(links).filter(|(beat, _)| beat.is_due(now)) {
                let Some(Ward { driver, line }) = link else { continue };
                beat.look_at(line, now);
                if beat.tells(now) {
                    driver.ring_driver();
                }
            }
        }
        true
    }
}

impl Places {
    /// A place that is free, the lowest of all but for what was freed since.
    fn take(&mut self) -> usize {
        if self.free.is_empty() {
            let first = self.links.len();
            let empty = || Beat { heard_at: 0.into(), tell_from: Micros::MAX.into() };
            self.beats.push(std::iter::repeat_with(empty).take(TOGETHER).collect());
            self.links.resize_with(first + TOGETHER, || None);
            self.free.extend((first..first + TOGETHER).rev());
        }
        self.free.pop().unwrap_or_default()
    }
}

async fn watch(pulses: Weak<Pulses>) {
    loop {
        tokio::time::sleep(STROKE).await;
        let Some(pulses) = pulses.upgrade() else { return };
        if !pulses.look() {
            return;
        }
    }
}

/// When one link was heard of last, and what is to be done about its silence.
#[derive(Debug)]
pub(super) struct Pulse {
    pulses: Arc<Pulses>,
    beats: Arc<[Beat]>,
    place: usize,
    /// Whether the driver is to be told of the next sign of life.
    missed: AtomicBool,
}

impl Pulse {
    fn own(&self) -> &Beat {
        &self.beats[self.place % TOGETHER]
    }

    /// Something came at that moment. Says whether the driver waits for that.
    pub fn beat(&self, at: Micros) -> bool {
        self.own().heard_at.fetch_max(at, Ordering::Relaxed);
        self.missed.load(Ordering::Relaxed) && self.missed.swap(false, Ordering::AcqRel)
    }

    /// How long nothing has come.
    pub fn silence(&self, now: Micros) -> Micros {
        self.own().silence(now)
    }

    /// What this connection brings counts from now on, looked at or not.
    pub fn lie_at(&self, line: Line) {
        if let Some(ward) = &mut self.pulses.places.lock().links[self.place] {
            ward.line = line;
        }
    }

    /// Asks the system when this connection brought something last.
    pub fn look_at(&self, line: &Line, now: Micros) {
        self.own().look_at(line, now);
    }

    /// The driver is to be told once, as soon as nothing has come for `silence`; with `None` it looks by itself.
    pub fn tell_from(&self, silence: Option<Micros>) {
        self.own().tell_from.store(silence.unwrap_or(Micros::MAX), Ordering::Relaxed);
    }

    /// The driver is to be told when something comes again.
    pub fn miss(&self) {
        self.missed.store(true, Ordering::Release);
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.tell_from(None);
        let mut places = self.pulses.places.lock();
        places.links[self.place] = None;
        places.free.push(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: u64 = Micros::MAX;

    fn beat(heard_at: Micros, tell_from: Micros) -> Beat {
        Beat { heard_at: heard_at.into(), tell_from: tell_from.into() }
    }

    #[test]
    fn the_driver_is_told_of_a_silence_once() {
        let watched = beat(1_000, 500);
        assert!(!watched.tells(1_499) && watched.tells(1_500) && !watched.tells(9_000));
        watched.heard_at.store(9_000, Ordering::Relaxed);
        watched.tell_from.store(500, Ordering::Relaxed);
        assert!(!watched.tells(9_499) && watched.silence(9_499) == 499 && watched.tells(9_501));
        assert!(!beat(0, NEVER).tells(NEVER - 1));
    }

    #[tokio::test]
    async fn whoever_is_missed_is_told_of_once_and_only_the_silent_are() {
        let pulses = Pulses::new(Clock::start());
        let doorbells: Vec<_> = (0..3 * TOGETHER).map(|_| Arc::new(Doorbell::default())).collect();
        let links: Vec<Pulse> = doorbells.iter().map(|doorbell| pulses.begin(doorbell.clone())).collect();
        let now = pulses.clock.micros();
        assert!(!links[7].beat(now), "nobody waits for it");
        links[7].miss();
        assert!(links[7].beat(now) && !links[7].beat(now));
        for (place, link) in links.iter().enumerate() {
            link.tell_from(Some(if place == TOGETHER + 3 { 0 } else { NEVER }));
        }
        tokio::time::timeout(Duration::from_secs(20), doorbells[TOGETHER + 3].driver_rung()).await.unwrap();
        let another = tokio::time::timeout(STROKE * 3, doorbells[5].driver_rung()).await;
        assert!(another.is_err());
    }

    #[tokio::test]
    async fn places_are_used_again_and_given_back_with_the_last_link() {
        let pulses = Pulses::new(Clock::start());
        let begin = || pulses.begin(Arc::default());
        let links: Vec<Pulse> = std::iter::repeat_with(begin).take(TOGETHER + 1).collect();
        assert_eq!(pulses.places.lock().beats.len(), 2);
        drop(links);
        let kept = begin();
        assert!(pulses.look() && pulses.places.lock().beats.len() == 2);
        drop(kept);
        assert!(!pulses.look() && pulses.places.lock().beats.is_empty());
        let _again = begin();
        assert!(pulses.look());
    }
}
