//! One track as it comes in: parts become frames, frames come out once, in the order their track promises.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::{message::Part, ranges::Ranges};
use crate::{Decoded, Frame, FrameHeader, Micros, TrackId, WireError};

/// Bytes of one track that may wait for what comes before them. Far more than a link has in flight.
const MAX_WAITING: usize = 8 << 20;

/// Sequence numbers that are remembered as delivered; older ones count as delivered.
const REMEMBERED: u64 = 512;

/// What the reader of a track is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Every frame after `after`, in order, once.
    Complete { after: u64 },
    /// Every frame at most once, and none before the one it refers to. Late ones come out late.
    Referenced,
    /// Every frame at most once.
    Once,
    /// Every frame as it comes; one may come twice, or after a newer one. For tracks that keep the latest, whose reader
    /// knows the newer of two values by its sequence number.
    Latest,
}

/// Why the other end is not believed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IncomingError {
    #[error("track {track}: more than {MAX_WAITING} bytes wait for frame {next}")]
    TooMuch { track: TrackId, next: u64 },
    #[error("track {track}: parts of frame {sequence} contradict each other")]
    Parts { track: TrackId, sequence: u64 },
    #[error("track {track}: the parts of frame {sequence} do not make it: {error}")]
    Frame { track: TrackId, sequence: u64, error: WireError },
}

#[derive(Debug)]
pub struct Incoming {
    track: TrackId,
    promise: Promise,
    /// Next frame of a complete track.
    next: u64,
    delivered: Ranges,
    /// The newest keyframe that was delivered.
    keyframe: u64,
    waiting: BTreeMap<u64, Frame>,
    waiting_since: Option<Micros>,
    assemblies: BTreeMap<u64, Assembly>,
    held: usize,
    given_up: u64,
}

#[derive(Debug)]
struct Assembly {
    bytes: BytesMut,
    there: Ranges,
}

impl Incoming {
    pub fn new(track: TrackId, promise: Promise) -> Self {
        let next = match promise {
            Promise::Complete { after } => after + 1,
            Promise::Referenced | Promise::Once | Promise::Latest => 0,
        };
        Self {
            track,
            promise,
            next,
            delivered: Ranges::default(),
            keyframe: 0,
            waiting: BTreeMap::new(),
            waiting_since: None,
            assemblies: BTreeMap::new(),
            held: 0,
            given_up: 0,
        }
    }

    /// Since when frames wait for a reference that has not come.
    pub fn starving_since(&self) -> Option<Micros> {
        match self.promise {
            Promise::Referenced => self.waiting_since,
            Promise::Complete { .. } | Promise::Once | Promise::Latest => None,
        }
    }

    /// Frames that came but were of no use: what they refer to never came.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Bytes held for frames that cannot be delivered yet.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes a part; frames that become deliverable are pushed to `out`.
    pub fn part(&mut self, part: &Part, now: Micros, out: &mut Vec<Frame>) -> Result<(), IncomingError> {
        let sequence = part.sequence;
        if self.is_done(sequence) || self.waiting.contains_key(&sequence) {
            return Ok(());
        }
        if sequence < self.keyframe {
            return Ok(());
        }
        let held = &mut self.held;
        let assembly = self.assemblies.entry(sequence).or_insert_with(|| {
            *held += part.total;
            Assembly { bytes: BytesMut::zeroed(part.total), there: Ranges::default() }
        });
        if assembly.bytes.len() != part.total {
            return Err(IncomingError::Parts { track: self.track, sequence });
        }
        let end = part.offset + part.bytes.len();
        assembly.bytes[part.offset..end].copy_from_slice(&part.bytes);
        assembly.there.insert(part.offset as u64, end as u64 - 1);
        if !assembly.there.is_exactly(0, part.total as u64 - 1) {
            return self.check_bound();
        }
        let whole = self.assemblies.remove(&sequence).map(|assembly| assembly.bytes.freeze()).unwrap_or_default();
        self.held -= whole.len();
        let frame = self.decode(sequence, whole)?;
        self.frame(frame, now, out)
    }

    fn decode(&self, sequence: u64, mut whole: Bytes) -> Result<Frame, IncomingError> {
        let track = self.track;
        match Frame::decode_shared(&mut whole) {
            Ok(Decoded::Frame(frame))
                if whole.is_empty() && frame.header().track == track && frame.header().sequence == sequence =>
            {
                Ok(frame)
            }
            Ok(_) => Err(IncomingError::Parts { track, sequence }),
            Err(error) => Err(IncomingError::Frame { track, sequence, error }),
        }
    }

    /// Takes a whole frame; frames that become deliverable are pushed to `out`.
    pub fn frame(&mut self, frame: Frame, now: Micros, out: &mut Vec<Frame>) -> Result<(), IncomingError> {
        let sequence = frame.header().sequence;
        if self.is_done(sequence) || self.waiting.contains_key(&sequence) {
            return Ok(());
        }
        let deliverable = match self.promise {
            Promise::Complete { .. } => sequence == self.next,
            Promise::Referenced => frame.header().reference().is_none_or(|reference| self.has(reference)),
            Promise::Once | Promise::Latest => true,
        };
        if !deliverable && sequence < self.keyframe {
            // The reference was given up with all that came before that keyframe.
            self.given_up += 1;
            return Ok(());
        }
        if !deliverable {
            self.held += frame.encoded().len();
            self.waiting.insert(sequence, frame);
            self.waiting_since.get_or_insert(now);
            return self.check_bound();
        }
        self.deliver(frame, out);
        self.release(out);
        if self.waiting.is_empty() {
            self.waiting_since = None;
        }
        Ok(())
    }

    /// Whether the frame was delivered; with a bounded memory only the lately delivered are told apart from others.
    fn has(&self, sequence: u64) -> bool {
        self.delivered.contains(sequence)
    }

    fn is_done(&self, sequence: u64) -> bool {
        match self.promise {
            Promise::Complete { .. } => sequence < self.next,
            Promise::Latest => false,
            Promise::Referenced | Promise::Once => {
                let oldest = self.delivered.largest().map_or(0, |largest| largest.saturating_sub(REMEMBERED));
                sequence < oldest || self.delivered.contains(sequence)
            }
        }
    }

    fn deliver(&mut self, frame: Frame, out: &mut Vec<Frame>) {
        let header = *frame.header();
        match self.promise {
            Promise::Complete { .. } => self.next = header.sequence + 1,
            Promise::Referenced => {
                self.delivered.insert(header.sequence, header.sequence);
                self.delivered.merge_lowest(REMEMBERED as usize);
                if header.keyframe {
                    self.forget_before(&header);
                }
            }
            Promise::Once => {
                self.delivered.insert(header.sequence, header.sequence);
                self.delivered.merge_lowest(REMEMBERED as usize);
            }
            Promise::Latest => {}
        }
        out.push(frame);
    }

    /// What came before a keyframe and still waits will never be of use, but its memory would be held.
    fn forget_before(&mut self, keyframe: &FrameHeader) {
        self.keyframe = self.keyframe.max(keyframe.sequence);
        let later = self.waiting.split_off(&keyframe.sequence);
        for (_, frame) in std::mem::replace(&mut self.waiting, later) {
            self.held -= frame.encoded().len();
            self.given_up += 1;
        }
        let later = self.assemblies.split_off(&keyframe.sequence);
        for (_, assembly) in std::mem::replace(&mut self.assemblies, later) {
            self.held -= assembly.bytes.len();
            self.given_up += 1;
        }
    }

    fn release(&mut self, out: &mut Vec<Frame>) {
        loop {
            let ready = match self.promise {
                Promise::Complete { .. } => {
                    self.waiting.first_key_value().map(|(first, _)| *first).filter(|first| *first == self.next)
                }
                Promise::Referenced | Promise::Once | Promise::Latest => self
                    .waiting
                    .iter()
                    .find(|(_, frame)| frame.header().reference().is_none_or(|reference| self.has(reference)))
                    .map(|(sequence, _)| *sequence),
            };
            let Some(frame) = ready.and_then(|sequence| self.waiting.remove(&sequence)) else {
                return;
            };
            self.held -= frame.encoded().len();
            self.deliver(frame, out);
        }
    }

    fn check_bound(&mut self) -> Result<(), IncomingError> {
        if self.held <= MAX_WAITING {
            return Ok(());
        }
        if matches!(self.promise, Promise::Complete { .. }) {
            return Err(IncomingError::TooMuch { track: self.track, next: self.next });
        }
        // Media that waits this long is stale: the oldest goes.
        while self.held > MAX_WAITING {
            if let Some((_, frame)) = self.waiting.pop_first() {
                self.held -= frame.encoded().len();
            } else if let Some((_, assembly)) = self.assemblies.pop_first() {
                self.held -= assembly.bytes.len();
            }
            self.given_up += 1;
        }
        Ok(())
    }
}
