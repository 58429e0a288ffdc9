//! How old media may become before it is dropped instead of sent.
//!
//! What is late is dropped while it is still here, in whole frames: the highest temporal layers first, then pictures up
//! to the next keyframe, sound last. Chat, commands and events are never dropped.

use crate::{MILLISECOND, Micros, SECOND};

/// Priority of a track on a link, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Requests, responses, events.
    Control,
    Audio,
    /// Chat lines.
    Message,
    Video,
    /// What may wait: history, files.
    Bulk,
}

/// Ages, counted from when a frame was appended to its track at this end, after which it is not sent any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Pictures of temporal layers above 0.
    pub upper_layers: Micros,
    /// Pictures of layer 0; a keyframe may take half this long to send before the pictures after it count as late.
    pub pictures: Micros,
    pub sound: Micros,
    /// A frame of which a part was sent is given up after this.
    pub begun: Micros,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            upper_layers: 150 * MILLISECOND,
            pictures: 350 * MILLISECOND,
            sound: 400 * MILLISECOND,
            begun: 2 * SECOND,
        }
    }
}

/// A slow path may stretch the limit for pictures up to this, or it would only ever show keyframes.
pub const MAX_PICTURE_AGE: Micros = 3 * SECOND;
