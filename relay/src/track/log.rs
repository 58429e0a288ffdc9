//! The log behind a track: entries, bounds, the last keyframe, and who waits.

use std::{collections::VecDeque, task::Waker};

use super::{AppendError, Holding, Retention, keyed::Keyed};
use crate::{Frame, Micros};

/// One frame at its place. Places count appends and never come back.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub frame: Frame,
    pub appended_at: Micros,
}

#[derive(Debug)]
enum Entries {
    /// `base` is the place of the front.
    Queue {
        base: u64,
        entries: VecDeque<Entry>,
    },
    Keyed(Keyed),
}

#[derive(Debug)]
pub(super) struct Log {
    retention: Retention,
    entries: Entries,
    bytes: usize,
    last_keyframe: Option<u64>,
    newest: Option<u64>,
    next_sequence: u64,
    closed: bool,
    /// One slot a cursor; a slot holds the waker of a cursor that waits.
    slots: Vec<Slot>,
    free: Vec<usize>,
    waiting: Vec<usize>,
    spare: Vec<Waker>,
}

#[derive(Debug, Default)]
struct Slot {
    waker: Option<Waker>,
    waits: bool,
}

impl Log {
    pub fn new(retention: Retention) -> Self {
        let entries = match retention {
            Retention::Latest { .. } => Entries::Keyed(Keyed::default()),
            Retention::All { .. } | Retention::Group { .. } => Entries::Queue { base: 0, entries: VecDeque::new() },
        };
        Self {
            retention,
            entries,
            bytes: 0,
            last_keyframe: None,
            newest: None,
            next_sequence: 1,
            closed: false,
            slots: Vec::new(),
            free: Vec::new(),
            waiting: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Only for an empty log that keeps all.
    pub fn begin_at(&mut self, next: u64) {
        self.next_sequence = next;
        self.newest = next.checked_sub(1).filter(|newest| *newest > 0);
    }

    pub fn retention(&self) -> Retention {
        self.retention
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    pub fn close(&mut self) {
        self.closed = true;
    }

    pub fn holding(&self) -> Holding {
        let frames = match &self.entries {
            Entries::Queue { entries, .. } => entries.len(),
            Entries::Keyed(keyed) => keyed.len(),
        };
        Holding { frames, bytes: self.bytes, readers: self.slots.len() - self.free.len() }
    }

    pub fn append(&mut self, key: u64, frame: Frame, appended_at: Micros) -> Result<(), AppendError> {
        if self.closed {
            return Err(AppendError::Closed);
        }
        let sequence = frame.header().sequence;
        if matches!(self.retention, Retention::All { .. }) && sequence != self.next_sequence {
            return Err(AppendError::OutOfOrder { expected: self.next_sequence, found: sequence });
        }
        let keyframe = frame.header().keyframe;
        let length = frame.encoded().len();
        let entry = Entry { frame, appended_at };
        match &mut self.entries {
            Entries::Queue { base, entries } => {
                if keyframe {
                    self.last_keyframe = Some(*base + entries.len() as u64);
                }
                entries.push_back(entry);
            }
            Entries::Keyed(keyed) => {
                if keyed.get(key).is_some_and(|held| held.frame.header().sequence > sequence) {
                    return Ok(());
                }
                if let Some(old) = keyed.remove(key) {
                    self.bytes -= old.frame.encoded().len();
                } else if let Retention::Latest { max_keys: limit } = self.retention
                    && keyed.len() >= limit
                {
                    return Err(AppendError::TooManyKeys { limit });
                }
                keyed.push(key, entry);
            }
        }
        self.bytes += length;
        self.next_sequence = sequence + 1;
        self.newest = Some(sequence);
        self.trim();
        Ok(())
    }

    /// Takes a key and its value out of a log that keeps the latest.
    pub fn remove(&mut self, key: u64) {
        let Entries::Keyed(keyed) = &mut self.entries else { return };
        if let Some(old) = keyed.remove(key) {
            self.bytes -= old.frame.encoded().len();
        }
    }

    /// Whether a log that keeps the latest has a value of this key.
    pub fn has_key(&self, key: u64) -> bool {
        matches!(&self.entries, Entries::Keyed(keyed) if keyed.get(key).is_some())
    }

    pub fn replace(&mut self, frame: Frame) -> bool {
        let oldest = self.next_sequence;
        let Entries::Queue { entries, .. } = &mut self.entries else { return false };
        let held = entries.len() as u64;
        let at = frame.header().sequence.checked_sub(oldest - held).and_then(|at| usize::try_from(at).ok());
        let is_all = matches!(self.retention, Retention::All { .. });
        let Some(entry) = at.and_then(|at| entries.get_mut(at)).filter(|_| is_all) else { return false };
        self.bytes = self.bytes - entry.frame.encoded().len() + frame.encoded().len();
        entry.frame = frame;
        true
    }

    pub fn release(&mut self, sequence: u64) {
        let Entries::Queue { base, entries } = &mut self.entries else { return };
        while let Some(entry) = entries.pop_front_if(|entry| entry.frame.header().sequence <= sequence) {
            self.bytes -= entry.frame.encoded().len();
            *base += 1;
        }
        self.last_keyframe = self.last_keyframe.filter(|place| place >= base);
    }

    fn trim(&mut self) {
        let Entries::Queue { base, entries } = &mut self.entries else {
            return;
        };
        let (max_bytes, max_time) = match self.retention {
            Retention::All { max_bytes } => (max_bytes, Micros::MAX),
            Retention::Group { max_bytes, max_time } => (max_bytes, max_time),
            Retention::Latest { .. } => return,
        };
        let newest = entries.back().map_or(0, |entry| entry.frame.header().time);
        // The newest frame stays even when it alone is over a bound: a track is never empty for its readers' loss.
        while entries.len() > 1 {
            let Some(front) = entries.front() else { return };
            let span = newest.saturating_sub(front.frame.header().time);
            if self.bytes <= max_bytes && span <= max_time {
                break;
            }
            self.bytes -= front.frame.encoded().len();
            entries.pop_front();
            *base += 1;
        }
        self.last_keyframe = self.last_keyframe.filter(|place| place >= base);
    }

    /// The place of the newest keyframe still held.
    pub fn last_keyframe(&self) -> Option<u64> {
        self.last_keyframe
    }

    /// The oldest place still held, or the place of the next append when nothing is.
    pub fn oldest_place(&self) -> u64 {
        match &self.entries {
            Entries::Queue { base, .. } => *base,
            Entries::Keyed(keyed) => keyed.oldest_place(),
        }
    }

    /// The place the next frame will have.
    pub fn next_place(&self) -> u64 {
        match &self.entries {
            Entries::Queue { base, entries } => *base + entries.len() as u64,
            Entries::Keyed(keyed) => keyed.next_place(),
        }
    }

    /// The place of the frame after `sequence` in a log that keeps all; `Err` with the sequence number before the
    /// oldest held frame when the frame asked for is older.
    pub fn place_after(&self, sequence: u64) -> Result<u64, u64> {
        let held = match &self.entries {
            Entries::Queue { entries, .. } => entries.len() as u64,
            Entries::Keyed(_) => 0,
        };
        let oldest = self.next_sequence - held;
        match (sequence + 1).checked_sub(oldest) {
            Some(ahead) => Ok(self.oldest_place() + ahead.min(held)),
            None => Err(oldest - 1),
        }
    }

    /// The place of the first frame with a higher sequence number in a log that keeps the latest; the place of the next
    /// append when there is none.
    pub fn place_of_newer(&self, sequence: u64) -> u64 {
        match &self.entries {
            Entries::Keyed(keyed) => keyed.place_of_newer(sequence),
            Entries::Queue { .. } => self.next_place(),
        }
    }

    /// The place of the newest frame that is not newer than `sequence`. Frames of a group may stand a little out of
    /// order, so all are looked at.
    pub fn place_of_newest_until(&self, sequence: u64) -> Option<u64> {
        let Entries::Queue { base, entries } = &self.entries else {
            return None;
        };
        let at = entries.iter().rposition(|entry| entry.frame.header().sequence <= sequence)?;
        Some(*base + at as u64)
    }

    /// The first entry at or after `place`.
    pub fn entry(&self, place: u64) -> Option<(u64, &Entry)> {
        match &self.entries {
            Entries::Queue { base, entries } => {
                let at = usize::try_from(place.checked_sub(*base)?).ok()?;
                entries.get(at).map(|entry| (place, entry))
            }
            Entries::Keyed(keyed) => keyed.from(place),
        }
    }

    pub fn newest_time(&self) -> Option<Micros> {
        match &self.entries {
            Entries::Queue { entries, .. } => entries.back().map(|entry| entry.frame.header().time),
            Entries::Keyed(_) => None,
        }
    }

    pub fn add_reader(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        })
    }

    pub fn remove_reader(&mut self, slot: usize) {
        self.slots[slot].waker = None;
        self.free.push(slot);
    }

    /// Wakes `waker` at the next append or at the end.
    pub fn wait(&mut self, slot: usize, waker: &Waker) {
        let place = &mut self.slots[slot];
        match &mut place.waker {
            Some(known) if known.will_wake(waker) => {}
            known => *known = Some(waker.clone()),
        }
        if !place.waits {
            place.waits = true;
            self.waiting.push(slot);
        }
    }

    pub fn take_wakers(&mut self) -> Option<Vec<Waker>> {
        if self.waiting.is_empty() {
            return None;
        }
        let mut wakers = std::mem::take(&mut self.spare);
        for slot in self.waiting.drain(..) {
            let slot = &mut self.slots[slot];
            slot.waits = false;
            // Cloning a waker counts a reference; leaving it in its slot saves the reader from giving a new one.
            wakers.extend(slot.waker.clone());
        }
        Some(wakers)
    }

    pub fn give_back(&mut self, wakers: Vec<Waker>) {
        if wakers.capacity() > self.spare.capacity() {
            self.spare = wakers;
        }
    }
}
