//! The far end's media clock: from the facts it tells about its tracks once a second.

use std::sync::atomic::{AtomicI64, Ordering};

use relay::{Frame, Micros};
use serde::{Deserialize, Serialize};

/// What a publisher says about its track, as JSON in frames of kind Info.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackFacts {
    pub v: u32,
    /// `h264` or `opus`.
    pub codec: String,
    /// What to add to the track's media times to get the server's clock, in microseconds.
    #[serde(default)]
    pub clock_offset_us: Option<i64>,
}

#[derive(Debug)]
pub struct FarClock {
    /// `i64::MIN` while it is not known.
    offset: AtomicI64,
}

impl Default for FarClock {
    fn default() -> Self {
        Self { offset: AtomicI64::new(i64::MIN) }
    }
}

impl FarClock {
    /// Takes in a frame of kind Info.
    pub fn take(&self, frame: &Frame) {
        match serde_json::from_slice::<TrackFacts>(&frame.payload()) {
            Ok(TrackFacts { clock_offset_us: Some(offset), .. }) => self.offset.store(offset, Ordering::Relaxed),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "facts about a track cannot be understood"),
        }
    }

    /// The server's time at one of the far end's media times.
    pub fn at_server(&self, media_time: Micros) -> Option<i64> {
        let offset = self.offset.load(Ordering::Relaxed);
        (offset != i64::MIN).then(|| media_time as i64 + offset)
    }
}
