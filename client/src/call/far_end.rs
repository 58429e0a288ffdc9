//! What the far end tells of itself once a second: its media clock, and whether it hears this end.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

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
    /// Whether the publisher has played sound of the other side since it told its facts before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hears: Option<bool>,
}

/// Not told yet, or by a publisher that does not tell it.
const UNTOLD: u8 = u8::MAX;

#[derive(Debug)]
pub struct FarEnd {
    /// `i64::MIN` while it is not known.
    offset: AtomicI64,
    /// 0, 1 or [`UNTOLD`].
    hears: AtomicU8,
}

impl Default for FarEnd {
    fn default() -> Self {
        Self { offset: AtomicI64::new(i64::MIN), hears: AtomicU8::new(UNTOLD) }
    }
}

impl FarEnd {
    /// Takes in a frame of kind Info.
    pub fn take(&self, frame: &Frame) {
        match serde_json::from_slice::<TrackFacts>(&frame.payload()) {
            Ok(facts) => {
                if let Some(offset) = facts.clock_offset_us {
                    self.offset.store(offset, Ordering::Relaxed);
                }
                if let Some(hears) = facts.hears {
                    self.hears.store(hears.into(), Ordering::Relaxed);
                }
            }
            Err(error) => tracing::debug!(%error, "facts about a track cannot be understood"),
        }
    }

    /// The server's time at one of the far end's media times.
    pub fn at_server(&self, media_time: Micros) -> Option<i64> {
        let offset = self.offset.load(Ordering::Relaxed);
        (offset != i64::MIN).then(|| media_time as i64 + offset)
    }

    /// Whether the far end hears this one, as it said last.
    pub fn hears(&self) -> Option<bool> {
        match self.hears.load(Ordering::Relaxed) {
            UNTOLD => None,
            hears => Some(hears != 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay::{FrameHeader, Kind, TrackId};

    #[test]
    fn what_an_older_publisher_does_not_tell_stays_unknown() {
        let far = FarEnd::default();
        let take = |json: &str| {
            let header = FrameHeader::alone(TrackId(2), 1, 0, Kind::Info);
            far.take(&Frame::new(header, json.as_bytes()).unwrap());
            (far.at_server(5), far.hears())
        };
        assert_eq!(take("no JSON"), (None, None));
        assert_eq!(take(r#"{"v":1,"codec":"h264","clock_offset_us":-3}"#), (Some(2), None));
        assert_eq!(take(r#"{"v":1,"codec":"h264","hears":false}"#), (Some(2), Some(false)));
        assert_eq!(take(r#"{"v":1,"codec":"h264","hears":true,"more":1}"#), (Some(2), Some(true)));
    }
}
