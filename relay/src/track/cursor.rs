//! A reader's place in a track.

use std::{
    sync::atomic::Ordering,
    task::{Context, Poll, Waker},
};

use super::{Retention, Track, log::Log};
use crate::{Frame, Micros};

/// Where a new reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the last keyframe of a group, at every key's newest value, or at the oldest frame held.
    Oldest,
    /// With what is appended from now on.
    Live,
    /// After the frame with this sequence number: where a reader that comes back goes on.
    After(u64),
}

/// What a reader finds at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Frame {
        frame: Frame,
        /// When it was appended, on the appender's clock.
        appended_at: Micros,
    },
    /// Frames after `after`, up to and including `until`, are no longer in memory. Bring them from where they are
    /// stored, then call [`Cursor::resume_after`].
    Archived { after: u64, until: u64 },
    /// Nothing yet.
    Empty,
    /// Nothing more will come.
    Closed,
}

/// One reader's place. Dropping it frees everything it cost.
#[derive(Debug)]
pub struct Cursor {
    track: Track,
    slot: usize,
    reader: Reader,
    /// The state of the log since which this reader waits, and whom it wakes.
    waits: Option<(u64, Waker)>,
}

impl Cursor {
    pub(super) fn new(track: Track, start: Start) -> Self {
        let mut log = track.shared.log.lock();
        let reader = Reader::new(&log, start);
        let slot = log.add_reader();
        drop(log);
        Self { track, slot, reader, waits: None }
    }

    /// Lets the reader skip to the newest keyframe as soon as it is more than `lag` of media time behind, not only when
    /// the frames it would need are gone.
    pub fn with_max_lag(mut self, lag: Micros) -> Self {
        self.reader.max_lag = Some(lag);
        self
    }

    pub fn track(&self) -> &Track {
        &self.track
    }

    /// Frames passed over because the reader was too slow.
    pub fn skipped(&self) -> u64 {
        self.reader.skipped
    }

    /// How many frames stand at the reader's place and after it.
    pub fn waiting(&self) -> u64 {
        self.track.shared.log.lock().next_place().saturating_sub(self.reader.place)
    }

    /// What stands at the reader's place, which does not move.
    pub fn peek(&mut self) -> Next {
        self.reader.look(&self.track.shared.log.lock())
    }

    /// The same, and asks to be woken at the next append or at the end, unless there is more already. Says whether it
    /// will be: when nothing stands here, or the newest frame.
    pub fn peek_and_wait(&mut self, context: &mut Context<'_>) -> (Next, bool) {
        let mut log = self.track.shared.log.lock();
        let next = self.reader.look(&log);
        let waits = match next {
            Next::Empty => true,
            Next::Frame { .. } => self.reader.is_at_the_newest(&log),
            Next::Archived { .. } | Next::Closed => false,
        };
        if waits {
            log.wait(self.slot, context.waker());
            self.waits = None;
        }
        (next, waits)
    }

    /// Moves past what [`Cursor::peek`] showed.
    pub fn advance(&mut self) {
        self.reader.place += 1;
    }

    /// The next frame, past which the reader moves.
    pub fn next_frame(&mut self) -> Next {
        let next = self.peek();
        if matches!(next, Next::Frame { .. }) {
            self.advance();
        }
        next
    }

    /// The same, but a reader that finds nothing is woken when there is something. Never ready with [`Next::Empty`].
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        if self.is_waiting(context) {
            return Poll::Pending;
        }
        let mut log = self.track.shared.log.lock();
        let next = self.reader.look(&log);
        match next {
            Next::Empty => {
                log.wait(self.slot, context.waker());
                note_waiting(&mut self.waits, &self.track, context);
                Poll::Pending
            }
            Next::Frame { .. } => {
                // Whoever takes the newest frame asks again at once: it waits already, and need not lock for that.
                if self.reader.is_at_the_newest(&log) {
                    log.wait(self.slot, context.waker());
                    note_waiting(&mut self.waits, &self.track, context);
                }
                self.reader.place += 1;
                Poll::Ready(next)
            }
            Next::Archived { .. } | Next::Closed => Poll::Ready(next),
        }
    }

    /// Asks to be woken at the next append or at the end. False when there is something already.
    pub fn wait(&mut self, context: &mut Context<'_>) -> bool {
        if self.is_waiting(context) {
            return true;
        }
        let mut log = self.track.shared.log.lock();
        if self.reader.look(&log) != Next::Empty {
            return false;
        }
        log.wait(self.slot, context.waker());
        note_waiting(&mut self.waits, &self.track, context);
        true
    }

    fn is_waiting(&self, context: &Context<'_>) -> bool {
        let changes = self.track.shared.changes.load(Ordering::Acquire);
        self.waits.as_ref().is_some_and(|(since, waker)| *since == changes && waker.will_wake(context.waker()))
    }

    /// After [`Next::Archived`]: everything up to and including `sequence` was brought from elsewhere.
    pub fn resume_after(&mut self, sequence: u64) {
        let log = self.track.shared.log.lock();
        match log.place_after(sequence) {
            Ok(place) => {
                self.reader.place = place;
                self.reader.before = None;
            }
            Err(_) => self.reader.before = Some(sequence),
        }
    }

    /// Passes over everything that is not a keyframe, from this place on: to the newest keyframe held, or to the next
    /// one to come. For groups only.
    pub fn skip_to_keyframe(&mut self) {
        self.reader.needs_keyframe = true;
    }

    /// Whether this reader can go on only at a keyframe that has not come yet.
    pub fn awaits_keyframe(&self) -> bool {
        self.reader.needs_keyframe
    }

    /// When the newest keyframe further on than this place was appended.
    pub fn keyframe_ahead(&self) -> Option<Micros> {
        let log = self.track.shared.log.lock();
        let place = log.last_keyframe().filter(|place| *place > self.reader.place)?;
        log.entry(place).map(|(_, entry)| entry.appended_at)
    }
}

/// Only while the log is locked, so that nothing happens to it meanwhile.
fn note_waiting(waits: &mut Option<(u64, Waker)>, track: &Track, context: &Context<'_>) {
    let changes = track.shared.changes.load(Ordering::Acquire);
    match waits {
        Some((since, waker)) => {
            *since = changes;
            waker.clone_from(context.waker());
        }
        none => *none = Some((changes, context.waker().clone())),
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.track.shared.log.lock().remove_reader(self.slot);
    }
}

#[derive(Debug)]
struct Reader {
    place: u64,
    /// In a track that keeps all: the sequence number before the next frame, when that is older than memory holds.
    before: Option<u64>,
    /// In a group: what stands before the next keyframe is of no use to this reader.
    needs_keyframe: bool,
    skipped: u64,
    max_lag: Option<Micros>,
}

impl Reader {
    fn new(log: &Log, start: Start) -> Self {
        let mut reader = Self { place: 0, before: None, needs_keyframe: false, skipped: 0, max_lag: None };
        reader.place = match (start, log.retention()) {
            (Start::Live, Retention::Group { .. }) => {
                reader.needs_keyframe = true;
                log.next_place()
            }
            (Start::Live, _) => log.next_place(),
            (Start::Oldest, Retention::Group { .. }) => {
                reader.needs_keyframe = true;
                log.oldest_place()
            }
            (Start::Oldest, _) => log.oldest_place(),
            (Start::After(sequence), Retention::All { .. }) => log.place_after(sequence).unwrap_or_else(|_| {
                reader.before = Some(sequence);
                log.oldest_place()
            }),
            (Start::After(sequence), Retention::Group { .. }) => log.place_of_newest_until(sequence).map_or_else(
                || {
                    reader.needs_keyframe = true;
                    log.oldest_place()
                },
                |place| place + 1,
            ),
            (Start::After(sequence), Retention::Latest { .. }) => log.place_of_newer(sequence),
        };
        reader
    }

    fn look(&mut self, log: &Log) -> Next {
        match log.retention() {
            Retention::All { .. } => {
                if let Some(archived) = self.archived(log) {
                    return archived;
                }
            }
            Retention::Group { .. } => self.catch_up(log),
            Retention::Latest { .. } => {}
        }
        match log.entry(self.place) {
            Some((found, entry)) => {
                self.place = found;
                Next::Frame { frame: entry.frame.clone(), appended_at: entry.appended_at }
            }
            None if log.is_closed() => Next::Closed,
            None => Next::Empty,
        }
    }

    /// Whether nothing follows what stands at this place, but something may.
    fn is_at_the_newest(&self, log: &Log) -> bool {
        log.entry(self.place + 1).is_none() && !log.is_closed()
    }

    fn archived(&self, log: &Log) -> Option<Next> {
        if let Some(after) = self.before {
            let until = log.place_after(after).map_or_else(|until| until, |_| after);
            return Some(Next::Archived { after, until });
        }
        let missing = log.oldest_place().checked_sub(self.place).filter(|missing| *missing > 0)?;
        let (_, entry) = log.entry(log.oldest_place())?;
        let until = entry.frame.header().sequence - 1;
        Some(Next::Archived { after: until - missing, until })
    }

    fn catch_up(&mut self, log: &Log) {
        let lags = || {
            let (entry, newest) = (log.entry(self.place)?.1, log.newest_time()?);
            Some(newest.saturating_sub(entry.frame.header().time) > self.max_lag?)
        };
        let keyframe = log.last_keyframe().filter(|keyframe| *keyframe >= self.place);
        if self.place < log.oldest_place() || keyframe.is_some() && lags() == Some(true) {
            self.needs_keyframe = true;
        }
        if !self.needs_keyframe {
            return;
        }
        let target = keyframe.unwrap_or_else(|| log.next_place());
        self.skipped += target.saturating_sub(self.place);
        self.place = self.place.max(target);
        self.needs_keyframe = keyframe.is_none();
    }
}
