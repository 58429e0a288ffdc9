//! Merge windows: all frames of a window in one write, for readers to whom a few milliseconds are nothing.
//!
//! A window is merged once for all its readers: a task gathers the frames of a public track and appends them, as one
//! buffer each window, to a track of its own, which any number of readers follow as they would the first. It begins with
//! the first reader of a window's length and ends with the last.

use crate::clock::Clock;
use parking_lot::Mutex;
use relay::track::{Cursor, Next, Start, Track};
use relay::{Frame, TrackId};
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

/// The longest merge window, in milliseconds.
pub(super) const LONGEST_MS: u64 = 1_000;
/// Windows are multiples of this, so that few different ones are at work.
const STEP_MS: u64 = 10;
/// A buffer is not made longer than this, so that what a slow reader skips to is never far.
const BYTES_MAX: usize = 64 << 10;

/// The windows at work, by the track and the window's length in milliseconds.
#[derive(Debug, Default)]
pub struct Merging {
    running: Arc<Mutex<HashMap<(TrackId, u64), Track>>>,
}

impl Merging {
    /// A reader of `source` whose frames come merged in windows of `window_ms`, rounded up to the next 10.
    pub(super) fn reader(&self, source: &Track, window_ms: u64, clock: Clock) -> Cursor {
        let window_ms = window_ms.next_multiple_of(STEP_MS);
        let key = (source.id(), window_ms);
        let mut running = self.running.lock();
        if let Some(merged) = running.get(&key) {
            return merged.cursor(Start::Oldest);
        }
        let merged = Track::new(source.id(), source.retention());
        running.insert(key, merged.clone());
        let cursor = merged.cursor(Start::Oldest);
        let window =
            Window { source: source.cursor(Start::Oldest), merged, length: Duration::from_millis(window_ms), clock };
        let table = self.running.clone();
        tokio::spawn(async move {
            window
                .gather(|merged| {
                    let mut running = table.lock();
                    // Readers come under the same lock: none can come in between.
                    let ends = merged.is_closed() || merged.holding().readers == 0;
                    if ends {
                        running.remove(&key);
                    }
                    ends
                })
                .await;
        });
        cursor
    }
}

struct Window {
    source: Cursor,
    merged: Track,
    length: Duration,
    clock: Clock,
}

impl Window {
    /// Gathers until the source ends, or `is_over` says after a window that nobody reads any more.
    async fn gather(mut self, is_over: impl Fn(&Track) -> bool) {
        let mut begins = true;
        loop {
            let Next::Frame { frame, .. } = poll_fn(|context| self.source.poll_next(context)).await else {
                // A public track is a group: nothing of it is archived, and its end is the merged one's.
                self.merged.close();
                is_over(&self.merged);
                return;
            };
            // What is there already when the first reader comes need not wait. Afterwards a window begins with its first
            // frame: one that is due just when it ends is still in it, so that fewer windows are needed.
            if !std::mem::take(&mut begins) {
                tokio::time::sleep(self.length).await;
            }
            let rest = std::iter::from_fn(|| match self.source.next_frame() {
                Next::Frame { frame, .. } => Some(frame),
                Next::Archived { .. } | Next::Empty | Next::Closed => None,
            });
            for joined in joined(std::iter::once(frame).chain(rest)) {
                // Refused only when it was closed, which nobody else does.
                if self.merged.append(joined, self.clock.micros()).is_err() {
                    return;
                }
            }
            if is_over(&self.merged) {
                return;
            }
        }
    }
}

/// The frames in as few buffers as may be; a keyframe always begins one, because readers begin there.
fn joined(frames: impl Iterator<Item = Frame>) -> Vec<Frame> {
    let mut runs: Vec<Vec<Frame>> = Vec::new();
    let mut bytes = 0;
    for frame in frames {
        let length = frame.encoded().len();
        match runs.last_mut().filter(|_| !frame.header().keyframe && bytes + length <= BYTES_MAX) {
            Some(run) => run.push(frame),
            None => {
                runs.push(vec![frame]);
                bytes = 0;
            }
        }
        bytes += length;
    }
    runs.iter().filter_map(|run| Frame::joined(run)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay::{FrameHeader, Kind};

    fn frame(sequence: u64, keyframe: bool, length: usize) -> Frame {
        let header = FrameHeader::alone(TrackId(2), sequence, sequence, Kind::Video);
        Frame::new(FrameHeader { keyframe, ..header }, &vec![1; length]).unwrap()
    }

    #[test]
    fn a_keyframe_begins_a_buffer_and_long_ones_are_parted() {
        let frames = [
            frame(1, false, 10),
            frame(2, false, 10),
            frame(3, true, 10),
            frame(4, false, BYTES_MAX / 2),
            frame(5, false, BYTES_MAX / 2),
        ];
        let joined = joined(frames.iter().cloned());
        let heads: Vec<_> = joined.iter().map(|run| (run.header().sequence, run.header().keyframe)).collect();
        assert_eq!(heads, [(1, false), (3, true), (5, false)]);
        let bytes: Vec<u8> = joined.iter().flat_map(|run| run.encoded().to_vec()).collect();
        let each: Vec<u8> = frames.iter().flat_map(|frame| frame.encoded().to_vec()).collect();
        assert_eq!(bytes, each);
    }

    #[tokio::test]
    async fn a_window_is_shared_and_ends_with_its_last_reader() {
        let retention = relay::track::Retention::Group { max_bytes: 1 << 20, max_time: relay::SECOND };
        let source = Track::new(TrackId(2), retention);
        let merging = Merging::default();
        source.append(frame(1, true, 10), 0).unwrap();
        let mut first = merging.reader(&source, 15, Clock::start());
        let second = merging.reader(&source, 20, Clock::start());
        assert_eq!(merging.running.lock().len(), 1);
        let Next::Frame { .. } = poll_fn(|context| first.poll_next(context)).await else { panic!("no frame") };
        drop((first, second));
        let source_readers = || source.holding().readers;
        assert_eq!(source_readers(), 1);
        source.append(frame(2, false, 10), 0).unwrap();
        while source_readers() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(merging.running.lock().is_empty());
    }
}
