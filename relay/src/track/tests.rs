//! Retention, joining, skipping and waking of tracks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use proptest::prelude::*;

use super::*;
use crate::{FrameHeader, Kind, SECOND};

const ID: TrackId = TrackId(9);

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn frame(sequence: u64, keyframe: bool, size: usize) -> Frame {
    let depends = if keyframe { 0 } else { 1 };
    let time = sequence * 33_333;
    let header = FrameHeader { track: ID, sequence, time, kind: Kind::Video, keyframe, layer: 0, depends };
    Frame::new(header, &vec![0; size]).unwrap()
}

fn group(max_bytes: usize) -> Track {
    Track::new(ID, Retention::Group { max_bytes, max_time: 10 * SECOND })
}

fn sequences(cursor: &mut Cursor) -> Vec<u64> {
    std::iter::from_fn(|| match cursor.next_frame() {
        Next::Frame { frame, .. } => Some(frame.header().sequence),
        _ => None,
    })
    .collect()
}

#[test]
fn a_new_reader_of_a_group_begins_at_the_last_keyframe() {
    let track = group(1 << 20);
    for sequence in 1..=7 {
        track.append(frame(sequence, sequence % 3 == 1, 10), 0).unwrap();
    }
    assert_eq!(sequences(&mut track.cursor(Start::Oldest)), [7]);
    track.append(frame(8, false, 10), 0).unwrap();
    assert_eq!(sequences(&mut track.cursor(Start::Oldest)), [7, 8]);
    assert_eq!(sequences(&mut track.cursor(Start::Live)), [0u64; 0]);
    assert_eq!(sequences(&mut track.cursor(Start::After(5))), [6, 7, 8]);
}

#[test]
fn a_slow_reader_jumps_to_the_newest_keyframe_and_the_log_stays_bounded() {
    let track = group(1_000);
    let mut slow = track.cursor(Start::Live);
    for sequence in 1..=100 {
        track.append(frame(sequence, sequence % 10 == 1, 100), 0).unwrap();
        assert!(track.holding().bytes <= 1_000);
    }
    assert_eq!(sequences(&mut slow), [0u64; 0]);
    track.append(frame(101, true, 100), 0).unwrap();
    assert_eq!(sequences(&mut slow), [101]);
    assert!(slow.skipped() >= 90);
}

#[test]
fn a_reader_with_a_lag_skips_as_soon_as_a_newer_keyframe_stands() {
    let track = group(1 << 20);
    let mut reader = track.cursor(Start::Live).with_max_lag(SECOND / 2);
    for sequence in 1..=40 {
        track.append(frame(sequence, sequence % 20 == 1, 10), 0).unwrap();
    }
    assert_eq!(sequences(&mut reader), (21..=40).collect::<Vec<_>>());
    assert_eq!(reader.skipped(), 20);
}

#[test]
fn a_track_that_keeps_all_takes_no_gap_and_says_what_is_archived() {
    let track = Track::resumed(ID, 250, 4);
    assert_eq!(track.append(frame(5, true, 50), 0), Err(AppendError::OutOfOrder { expected: 4, found: 5 }));
    for sequence in 4..=9 {
        track.append(frame(sequence, true, 50), 0).unwrap();
    }
    let oldest = 10 - track.holding().frames as u64;
    let mut reader = track.cursor(Start::After(1));
    assert_eq!(reader.next_frame(), Next::Archived { after: 1, until: oldest - 1 });
    reader.resume_after(2);
    assert_eq!(reader.next_frame(), Next::Archived { after: 2, until: oldest - 1 });
    reader.resume_after(oldest - 1);
    assert_eq!(sequences(&mut reader), (oldest..=9).collect::<Vec<_>>());

    let mut behind = track.cursor(Start::After(9));
    for sequence in 10..=30 {
        track.append(frame(sequence, true, 50), 0).unwrap();
    }
    let oldest = 31 - track.holding().frames as u64;
    assert_eq!(behind.next_frame(), Next::Archived { after: 9, until: oldest - 1 });
}

#[test]
fn a_frame_that_is_held_can_be_replaced_for_those_who_come_later() {
    let track = Track::resumed(ID, 300, 10);
    for sequence in 10..=20 {
        track.append(frame(sequence, true, 40), 0).unwrap();
    }
    let mut cursor = track.cursor(Start::Oldest);
    let held = sequences(&mut track.cursor(Start::Oldest));
    let (oldest, bytes) = (held[0], track.holding().bytes);
    assert!(oldest > 10 && track.replace(frame(oldest, true, 1)) && track.replace(frame(20, true, 41)));
    assert_eq!(track.holding().bytes, bytes - 39 + 1);
    for absent in [1, oldest - 1, 21] {
        assert!(!track.replace(frame(absent, true, 1)), "{absent}");
    }
    let Next::Frame { frame: found, .. } = cursor.next_frame() else { panic!("nothing is held") };
    assert_eq!((found.header().sequence, found.payload().len()), (oldest, 1));
    assert_eq!(sequences(&mut cursor), held[1..]);
    assert!(!group(1 << 20).replace(frame(1, true, 1)));
}

#[test]
fn the_latest_value_of_each_key_is_kept() {
    let track = Track::new(ID, Retention::Latest { max_keys: 2 });
    track.append_keyed(1, frame(1, true, 1), 0).unwrap();
    track.append_keyed(2, frame(2, true, 1), 0).unwrap();
    track.append_keyed(1, frame(3, true, 1), 0).unwrap();
    assert_eq!(track.append_keyed(3, frame(4, true, 1), 0), Err(AppendError::TooManyKeys { limit: 2 }));
    let mut reader = track.cursor(Start::Oldest);
    assert_eq!(sequences(&mut reader), [2, 3]);
    track.append_keyed(2, frame(5, true, 1), 0).unwrap();
    assert_eq!(sequences(&mut reader), [5]);
}

#[test]
fn the_latest_is_told_by_its_number_and_can_be_read_on_from_one() {
    let track = Track::new(ID, Retention::Latest { max_keys: 3 });
    track.append_keyed(1, frame(10, true, 1), 0).unwrap();
    track.append_keyed(2, frame(20, true, 1), 0).unwrap();
    // Two writers that change the same value may come in the wrong order.
    track.append_keyed(2, frame(15, true, 1), 0).unwrap();
    assert_eq!(sequences(&mut track.cursor(Start::Oldest)), [10, 20]);
    assert_eq!(sequences(&mut track.cursor(Start::After(10))), [20]);
    let mut reader = track.cursor(Start::After(20));
    assert_eq!(sequences(&mut reader), [0u64; 0]);
    track.append_keyed(1, frame(21, true, 1), 0).unwrap();
    track.append_keyed(3, frame(22, true, 1), 0).unwrap();
    track.remove_key(3);
    assert!(track.has_key(1) && !track.has_key(3));
    assert_eq!(sequences(&mut reader), [21]);
    let holding = track.holding();
    assert_eq!((holding.frames, holding.bytes), (2, 2 * frame(20, true, 1).encoded().len()));
}

#[test]
fn a_waiting_reader_is_woken_once_an_append_and_at_the_end() {
    let track = group(1 << 20);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let mut context = Context::from_waker(&waker);
    let mut reader = track.cursor(Start::Live);
    assert_eq!(reader.poll_next(&mut context), Poll::Pending);
    assert_eq!(reader.poll_next(&mut context), Poll::Pending);
    track.append(frame(1, true, 1), 0).unwrap();
    track.append(frame(2, false, 1), 0).unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert_eq!(sequences(&mut reader), [1, 2]);
    assert_eq!(reader.poll_next(&mut context), Poll::Pending);
    track.close();
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
    assert_eq!(reader.poll_next(&mut context), Poll::Ready(Next::Closed));
    assert_eq!(track.append(frame(3, true, 1), 0), Err(AppendError::Closed));
    drop(reader);
    assert_eq!(track.holding().readers, 0);
}

proptest! {
    /// However fast or slowly it reads, a reader of a group never gets a frame whose reference it did not get.
    #[test]
    fn no_frame_without_its_reference(
        steps in proptest::collection::vec((any::<bool>(), 0..6usize, 1..120usize), 1..200),
        max_bytes in 200..3_000usize,
        lag in proptest::option::of(0..2 * SECOND),
    ) {
        let track = group(max_bytes);
        let mut reader = track.cursor(Start::Oldest);
        if let Some(lag) = lag { reader = reader.with_max_lag(lag); }
        let mut got: Vec<u64> = Vec::new();
        for (index, (keyframe, reads, size)) in steps.into_iter().enumerate() {
            track.append(frame(index as u64 + 1, keyframe || index == 0, size), 0).unwrap();
            let holding = track.holding();
            prop_assert!(holding.bytes <= max_bytes || holding.frames == 1);
            for _ in 0..reads {
                let Next::Frame { frame, .. } = reader.next_frame() else { break };
                if let Some(reference) = frame.header().reference() {
                    prop_assert!(got.contains(&reference), "{} needs {reference}", frame.header().sequence);
                }
                prop_assert!(got.last().is_none_or(|last| *last < frame.header().sequence));
                got.push(frame.header().sequence);
            }
        }
    }
}
