//! Tracks: ordered logs of frames with one writer and any number of readers.
//!
//! A [`Track`] is a cheap handle on a log; a [`Cursor`] is one reader's place in it. Appending wakes the readers that
//! wait; a reader costs its cursor and nothing else, and never holds a writer or another reader up.

mod cursor;
mod keyed;
mod log;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::{Mutex, MutexGuard};
use thiserror::Error;

pub use cursor::{Cursor, Next, Start};

use crate::{Frame, Micros, TrackId};
use log::Log;

/// What a track keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Everything, in order of sequence numbers without gaps. At most `max_bytes` of the newest are held in memory; a
    /// reader that begins earlier is told so and the owner brings the rest from where it is stored.
    All { max_bytes: usize },
    /// Frames since the last keyframe, and older ones within the bounds for readers that are a little behind.
    Group {
        max_bytes: usize,
        /// Media time between the oldest and the newest frame.
        max_time: Micros,
    },
    /// The newest frame of each key, by its sequence number, for at most `max_keys` keys.
    Latest { max_keys: usize },
}

/// Why a frame was not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AppendError {
    #[error("the track is closed")]
    Closed,
    #[error("the frame belongs to track {found}, not to {expected}")]
    OtherTrack { expected: TrackId, found: TrackId },
    #[error("a track that keeps everything takes frame {expected} next, not {found}")]
    OutOfOrder { expected: u64, found: u64 },
    #[error("the track holds its limit of {limit} keys; remove one first")]
    TooManyKeys { limit: usize },
}

/// How much a track holds at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holding {
    pub frames: usize,
    pub bytes: usize,
    /// Cursors that exist.
    pub readers: usize,
}

/// A handle on a track; clones are handles on the same one.
#[derive(Debug, Clone)]
pub struct Track {
    id: TrackId,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Mutex<Log>,
    /// Counts what has happened to the log, so that a reader that waits need not lock it to learn that nothing has.
    changes: AtomicU64,
}

impl Shared {
    fn new(log: Log) -> Arc<Self> {
        Arc::new(Self { log: Mutex::new(log), changes: AtomicU64::new(0) })
    }
}

impl Track {
    pub fn new(id: TrackId, retention: Retention) -> Self {
        Self { id, shared: Shared::new(Log::new(retention)) }
    }

    /// A track that keeps everything and whose next frame has the sequence number `next`, because all before it are
    /// stored elsewhere.
    pub fn resumed(id: TrackId, max_bytes: usize, next: u64) -> Self {
        let mut log = Log::new(Retention::All { max_bytes });
        log.begin_at(next);
        Self { id, shared: Shared::new(log) }
    }

    pub fn id(&self) -> TrackId {
        self.id
    }

    pub fn retention(&self) -> Retention {
        self.shared.log.lock().retention()
    }

    /// Appends one frame and wakes the readers that wait for it. `now` is the appender's clock; links judge freshness
    /// by it.
    pub fn append(&self, frame: Frame, now: Micros) -> Result<(), AppendError> {
        self.append_keyed(0, frame, now)
    }

    /// Appends the newest value of `key` to a track that keeps the latest; other tracks take no notice of the key. The
    /// newest is the one with the highest sequence number: an older one that comes late is passed over.
    pub fn append_keyed(&self, key: u64, frame: Frame, now: Micros) -> Result<(), AppendError> {
        let found = frame.header().track;
        if found != self.id {
            return Err(AppendError::OtherTrack { expected: self.id, found });
        }
        let mut log = self.shared.log.lock();
        log.append(key, frame, now)?;
        Self::wake(&self.shared, log);
        Ok(())
    }

    /// Takes a key out of a track that keeps the latest: readers that have not got its value yet do not get it.
    pub fn remove_key(&self, key: u64) {
        self.shared.log.lock().remove(key);
    }

    /// Whether a track that keeps the latest has a value of `key`.
    pub fn has_key(&self, key: u64) -> bool {
        self.shared.log.lock().has_key(key)
    }

    /// Puts a frame in the place of the one with its sequence number, in a track that keeps everything, if it is held in
    /// memory: readers who have not come so far get this one. Gives whether it was.
    pub fn replace(&self, frame: Frame) -> bool {
        frame.header().track == self.id && self.shared.log.lock().replace(frame)
    }

    /// Lets go of the frames up to `sequence` of a track that keeps everything, because every reader has them.
    pub fn release(&self, sequence: u64) {
        self.shared.log.lock().release(sequence);
    }

    /// Ends the track. Readers get what it still holds and then its end.
    pub fn close(&self) {
        let mut log = self.shared.log.lock();
        log.close();
        Self::wake(&self.shared, log);
    }

    pub fn is_closed(&self) -> bool {
        self.shared.log.lock().is_closed()
    }

    /// A new reader.
    pub fn cursor(&self, start: Start) -> Cursor {
        Cursor::new(self.clone(), start)
    }

    /// Whether there is another handle on it, such as a reader's.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.shared) > 1
    }

    pub fn holding(&self) -> Holding {
        self.shared.log.lock().holding()
    }

    /// The sequence number of the newest frame.
    pub fn newest(&self) -> Option<u64> {
        self.shared.log.lock().newest()
    }

    // Waking under the lock would make every woken reader wait for it; the list of wakers is lent out and given back
    // so that its memory is used again.
    fn wake(shared: &Shared, mut log: MutexGuard<'_, Log>) {
        shared.changes.fetch_add(1, Ordering::Release);
        let Some(mut wakers) = log.take_wakers() else {
            return;
        };
        drop(log);
        for waker in wakers.drain(..) {
            waker.wake();
        }
        shared.log.lock().give_back(wakers);
    }
}

#[cfg(test)]
mod tests;
