//! When to play what has arrived: the jitter buffer of sound, the playout of pictures, and both in step.
//!
//! All of it is arithmetic on times that are passed in: `now` in µs of one local clock that does not go back, media times
//! in µs of the publisher's clock. Nothing here reads a clock, sleeps or blocks.

mod audio;
mod jitter;
mod pieces;
mod stretch;
mod video;

pub use audio::{AudioPlayout, AudioStats, Heard, SoundPacket, Source};
pub use video::{Shown, VideoPlayout, VideoStats};

/// Samples per channel that one call of [`AudioPlayout::pull`] gives: 10 ms.
pub const BLOCK: usize = 480;

/// [`BLOCK`] in µs.
pub const BLOCK_US: u64 = 10_000;

/// When something is played on the local clock, less its media time on the publisher's clock, µs.
///
/// The clocks have different origins, so such a value means something only beside another of the same publisher: sound
/// and pictures are in step where their offsets are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offset(i64);

impl Offset {
    /// The offset of what is played at `now_us`.
    pub fn of(media_time_us: u64, now_us: u64) -> Offset {
        Offset(now_us as i64 - media_time_us as i64)
    }

    /// The same, played so much later: what an output device adds.
    pub fn later(self, us: u64) -> Offset {
        Offset(self.0.saturating_add_unsigned(us))
    }

    /// By how many µs this is played later than `other` (negative: earlier).
    pub fn behind(self, other: Offset) -> i64 {
        self.0 - other.0
    }

    /// When something of this media time is played, on the local clock.
    fn plays_at(self, media_time_us: u64) -> u64 {
        u64::try_from(media_time_us as i64 + self.0).unwrap_or(0)
    }
}

/// Sound may come this much before its picture at most, µs (ATSC IS-191).
const SOUND_EARLY_US: i64 = 15_000;

/// Sound may come this much after its picture at most, µs (ATSC IS-191).
const SOUND_LATE_US: i64 = 45_000;
