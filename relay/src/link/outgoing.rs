//! One track on its way to the far end: what to send of it next, as late as possible, and what to send again.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use bytes::Bytes;

use super::{
    freshness::{Class, Freshness, MAX_PICTURE_AGE},
    ranges::Ranges,
};
use crate::{
    Frame, FrameHeader, Micros, SECOND, TrackId,
    track::{Cursor, Next, Retention, Start, Track},
};

/// Runs of sequence numbers of frames lately begun, to tell whether a reference went out.
const REMEMBERED: usize = 32;

/// A part of an encoded frame, or all of it.
#[derive(Debug, Clone)]
pub struct Piece {
    pub header: FrameHeader,
    /// Length of the whole encoded frame.
    pub total: usize,
    pub offset: usize,
    pub bytes: Bytes,
    /// When the frame began to be fresh at this end.
    pub since: Micros,
}

impl Piece {
    pub fn is_whole(&self) -> bool {
        self.bytes.len() == self.total
    }

    /// Cuts off everything after `length` bytes and gives it back.
    fn split_off(&mut self, length: usize) -> Option<Piece> {
        (self.bytes.len() > length).then(|| {
            let bytes = self.bytes.split_off(length);
            Piece { offset: self.offset + length, bytes, ..self.clone() }
        })
    }
}

/// What a track needs from its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Frames that are no longer in memory.
    Archive { after: u64, until: u64 },
    /// Nothing can be sent before the next keyframe.
    Keyframe,
    /// The log ran over while commands or events waited.
    Overflow,
}

/// Marks a track as worth looking at when its log grows, and wakes the link's driver.
#[derive(Debug)]
struct Signal {
    ready: AtomicBool,
    driver: Waker,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.store(true, Ordering::Release);
        self.driver.wake_by_ref();
    }
}

/// A keyframe that is later than other pictures may be, but is the newest there is, is still sent up to this age: what
/// follows it catches up. An older one is passed over and a new one asked for.
const MAX_LATE_KEYFRAME: Micros = SECOND;

#[derive(Debug)]
pub struct Outgoing {
    cursor: Cursor,
    class: Class,
    retention: Retention,
    freshness: Freshness,
    joined_at: Micros,
    signal: Arc<Signal>,
    waker: Waker,
    /// The frame of which only a part was sent so far.
    begun: Option<Piece>,
    /// What [`Outgoing::urgency`] found, for [`Outgoing::next_piece`] right after it.
    peeked: Option<(Frame, Micros)>,
    again: VecDeque<Piece>,
    archive: VecDeque<Frame>,
    archive_asked: Option<u64>,
    sent: Ranges,
    picture_age: Micros,
    need: Option<Need>,
    awaiting_keyframe: bool,
    /// Sequence number of the newest keyframe that was begun.
    last_keyframe: u64,
    dropped: u64,
}

impl Outgoing {
    pub fn new(track: &Track, start: Start, class: Class, freshness: Freshness, driver: Waker, now: Micros) -> Self {
        let signal = Arc::new(Signal { ready: AtomicBool::new(true), driver });
        Self {
            cursor: track.cursor(start),
            class,
            retention: track.retention(),
            freshness,
            joined_at: now,
            waker: Waker::from(signal.clone()),
            signal,
            begun: None,
            peeked: None,
            again: VecDeque::new(),
            archive: VecDeque::new(),
            archive_asked: None,
            sent: Ranges::default(),
            picture_age: freshness.pictures,
            need: None,
            awaiting_keyframe: false,
            last_keyframe: 0,
            dropped: 0,
        }
    }

    pub fn id(&self) -> TrackId {
        self.cursor.track().id()
    }

    pub fn class(&self) -> Class {
        self.class
    }

    /// Frames dropped here because they were late or because they needed one that was dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped + self.cursor.skipped()
    }

    pub fn take_need(&mut self) -> Option<Need> {
        self.need.take()
    }

    /// Whether the far end can show nothing before a keyframe comes.
    pub fn awaits_keyframe(&self) -> bool {
        self.awaiting_keyframe
    }

    /// Frames of the log of which nothing was sent yet.
    pub fn frames_waiting(&self) -> u64 {
        self.cursor.waiting()
    }

    /// Whether anything is to be sent, or to be sent again.
    pub fn is_busy(&self) -> bool {
        self.begun.is_some() || !self.again.is_empty() || !self.archive.is_empty() || self.frames_waiting() > 0
    }

    /// Frames that [`Need::Archive`] asked for, in order.
    pub fn feed_archive(&mut self, frames: Vec<Frame>) {
        let asked = self.archive_asked.take();
        // An archive that has nothing more is passed over, or it would be asked for ever.
        if let Some(reached) = frames.last().map(|last| last.header().sequence).or(asked) {
            self.cursor.resume_after(reached);
        }
        self.archive.extend(frames);
        self.signal.ready.store(true, Ordering::Release);
    }

    /// A piece did not arrive.
    pub fn send_again(&mut self, piece: Piece) {
        self.again.push_back(piece);
        self.signal.ready.store(true, Ordering::Release);
    }

    /// How urgent the next piece is, without taking it: the temporal layer, then the time it became fresh. `None` when
    /// there is nothing to send; the link's driver is woken when there is.
    pub fn urgency(&mut self, now: Micros) -> Option<(u8, Micros)> {
        let holds = self.peeked.is_some() || self.begun.is_some() || !self.again.is_empty() || !self.archive.is_empty();
        if !holds && !self.signal.ready.load(Ordering::Acquire) {
            return None;
        }
        if self.peeked.take().is_some() {
            self.signal.ready.store(true, Ordering::Release);
        }
        self.drop_late_pieces(now);
        if let Some(piece) = self.again.front().or(self.begun.as_ref()) {
            return Some((piece.header.layer, piece.since));
        }
        if let Some(frame) = self.archive.front() {
            return Some((frame.header().layer, now));
        }
        match self.next_in_time(now) {
            Next::Frame { frame, appended_at } => {
                let (layer, since) = (frame.header().layer, self.since(appended_at));
                self.peeked = Some((frame, since));
                Some((layer, since))
            }
            Next::Archived { after, until } => {
                if self.archive_asked.is_none() {
                    self.archive_asked = Some(until);
                    self.need = Some(match self.class {
                        Class::Control => Need::Overflow,
                        _ => Need::Archive { after, until },
                    });
                }
                None
            }
            Next::Empty => {
                self.note_starvation();
                None
            }
            Next::Closed => None,
        }
    }

    /// What stands next in the log. The driver is woken when more comes, unless there is more already.
    fn look(&mut self) -> Next {
        // The order matters: whatever is appended after the flag was cleared sets it again.
        self.signal.ready.store(false, Ordering::Release);
        let (next, waits) = self.cursor.peek_and_wait(&mut Context::from_waker(&self.waker));
        if !waits {
            self.signal.ready.store(true, Ordering::Release);
        }
        next
    }

    /// The next piece, of at most `room` bytes. Only after [`Outgoing::urgency`] said that there is one.
    pub fn next_piece(&mut self, room: usize, now: Micros) -> Option<Piece> {
        if let Some(mut piece) = self.again.pop_front() {
            if let Some(rest) = piece.split_off(room) {
                self.again.push_front(rest);
            }
            return Some(piece);
        }
        let mut piece = match self.begun.take() {
            Some(piece) => piece,
            None => self.next_frame()?,
        };
        self.begun = piece.split_off(room);
        if self.begun.is_none() && piece.header.keyframe && self.class == Class::Video {
            // What follows a keyframe has waited for it: how long that took says how patient to be.
            let took = now.saturating_sub(piece.since);
            self.picture_age = (2 * took).clamp(self.freshness.pictures, MAX_PICTURE_AGE);
        }
        Some(piece)
    }

    fn next_frame(&mut self) -> Option<Piece> {
        let (frame, since) = match self.archive.pop_front() {
            Some(frame) => (frame, Micros::MAX),
            None => {
                let found = self.peeked.take()?;
                self.cursor.advance();
                if self.class == Class::Control {
                    // Nobody else reads this log, and what must go out again is kept with the packets in flight.
                    self.cursor.track().release(found.0.header().sequence);
                }
                found
            }
        };
        let header = *frame.header();
        if matches!(self.retention, Retention::Group { .. }) {
            self.sent.insert(header.sequence, header.sequence);
            self.sent.drop_lowest(REMEMBERED);
            if header.keyframe {
                self.awaiting_keyframe = false;
                self.last_keyframe = header.sequence;
            }
        }
        Some(Piece { header, total: frame.encoded().len(), offset: 0, bytes: frame.encoded().clone(), since })
    }

    fn since(&self, appended_at: Micros) -> Micros {
        appended_at.max(self.joined_at)
    }

    /// Gives up pieces that are not worth sending any more.
    fn drop_late_pieces(&mut self, now: Micros) {
        if !matches!(self.retention, Retention::Group { .. }) {
            return;
        }
        let limits = self.limits();
        let late = |piece: &Piece| now.saturating_sub(piece.since) > resend_limit(limits, &piece.header);
        while let Some(piece) = self.again.pop_front_if(|piece| late(piece)) {
            self.give_up(&piece.header);
        }
        let begun_limit = self.freshness.begun.max(self.picture_age);
        if let Some(piece) = self.begun.take_if(|piece| now.saturating_sub(piece.since) > begun_limit) {
            self.give_up(&piece.header);
        }
    }

    /// What stands next in the log, past what is not worth sending any more.
    fn next_in_time(&mut self, now: Micros) -> Next {
        if !matches!(self.retention, Retention::Group { .. }) {
            return self.look();
        }
        let limits = self.limits();
        loop {
            let next = self.look();
            let Next::Frame { frame, appended_at } = &next else { return next };
            let header = frame.header();
            let age = now.saturating_sub(self.since(*appended_at));
            let orphan = header.reference().is_some_and(|reference| !self.sent.contains(reference));
            if orphan {
                self.dropped += 1;
                self.cursor.advance();
                self.break_chain(header);
            } else if age <= limit(limits, header) {
                return next;
            } else if header.layer > 0 || self.class != Class::Video {
                self.dropped += 1;
                self.cursor.advance();
            } else if header.keyframe && self.cursor.keyframe_ahead().is_none() && age <= MAX_LATE_KEYFRAME {
                return next;
            } else {
                self.dropped += 1;
                self.cursor.advance();
                self.cursor.skip_to_keyframe();
            }
        }
    }

    fn limits(&self) -> (Freshness, Micros, Class) {
        (self.freshness, self.picture_age, self.class)
    }

    fn give_up(&mut self, header: &FrameHeader) {
        self.dropped += 1;
        self.sent.remove(header.sequence);
        self.begun.take_if(|piece| piece.header.sequence == header.sequence);
        self.again.retain(|piece| piece.header.sequence != header.sequence);
        self.break_chain(header);
    }

    fn break_chain(&mut self, header: &FrameHeader) {
        if self.class == Class::Video && header.layer == 0 && header.sequence >= self.last_keyframe {
            self.cursor.skip_to_keyframe();
        }
    }

    fn note_starvation(&mut self) {
        let starved = self.class == Class::Video && self.cursor.awaits_keyframe();
        if starved && !self.awaiting_keyframe && self.cursor.track().newest().is_some() {
            self.awaiting_keyframe = true;
            self.need = Some(Need::Keyframe);
        }
    }
}

fn limit((freshness, picture_age, class): (Freshness, Micros, Class), header: &FrameHeader) -> Micros {
    match class {
        Class::Video if header.layer > 0 => freshness.upper_layers,
        Class::Video => picture_age,
        Class::Audio => freshness.sound,
        Class::Control | Class::Message | Class::Bulk => Micros::MAX,
    }
}

// A keyframe on its second way is worth more patience: all that follows needs it.
fn resend_limit(limits: (Freshness, Micros, Class), header: &FrameHeader) -> Micros {
    let normal = limit(limits, header);
    if header.keyframe && limits.2 == Class::Video { normal.max(limits.0.begun) } else { normal }
}
