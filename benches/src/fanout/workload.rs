//! What the publisher sends: video at 30 frames a second and audio at 50, each frame stamped when it was made.

use relay::{Frame, FrameHeader, Kind, TrackId, WireError};

/// The frames in the order in which they are due.
#[derive(Debug, Clone)]
pub struct Workload {
    video_bytes: usize,
    video: u64,
    audio: u64,
}

/// A frame to be made at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Microseconds since the workload began.
    pub at: u64,
    pub kind: Kind,
    /// Bytes.
    pub payload: usize,
    pub keyframe: bool,
}

impl Workload {
    /// `rate` is the video's, in Mb/s.
    pub fn new(rate: f64) -> Self {
        let video_bytes = (rate * 1_000_000.0 / 8.0 / VIDEO_FRAMES as f64).round() as usize;
        Self { video_bytes: video_bytes.max(STAMP_BYTES), video: 0, audio: 0 }
    }

    /// Megabits a second of video and audio together, without framing.
    pub fn megabits(&self) -> f64 {
        let bytes = self.video_bytes as u64 * VIDEO_FRAMES + AUDIO_BYTES as u64 * AUDIO_FRAMES;
        bytes as f64 * 8.0 / 1_000_000.0
    }

    /// Frames a second, of both kinds.
    pub fn frames_a_second() -> u64 {
        VIDEO_FRAMES + AUDIO_FRAMES
    }
}

impl Iterator for Workload {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let (video_at, audio_at) = (self.video * 1_000_000 / VIDEO_FRAMES, self.audio * 1_000_000 / AUDIO_FRAMES);
        if video_at <= audio_at {
            let keyframe = self.video.is_multiple_of(GROUP);
            self.video += 1;
            Some(Due { at: video_at, kind: Kind::Video, payload: self.video_bytes, keyframe })
        } else {
            self.audio += 1;
            Some(Due { at: audio_at, kind: Kind::Audio, payload: AUDIO_BYTES, keyframe: false })
        }
    }
}

impl Due {
    /// The frame, made at `now` (the machine's clock). `buffer` is working space.
    pub fn frame(&self, track: TrackId, sequence: u64, now: u64, buffer: &mut Vec<u8>) -> Result<Frame, WireError> {
        buffer.clear();
        buffer.extend_from_slice(&now.to_be_bytes());
        // Bytes that no codec, proxy or kernel could shorten.
        let noise =
            std::iter::successors(Some(sequence | 1), |state| Some(state.wrapping_mul(0x5851_f42d_4c95_7f2d) + 1));
        buffer.extend(noise.flat_map(u64::to_be_bytes).take(self.payload.saturating_sub(STAMP_BYTES)));
        let header = FrameHeader {
            keyframe: self.keyframe,
            depends: u64::from(!self.keyframe && sequence > 1),
            ..FrameHeader::alone(track, sequence, self.at, self.kind)
        };
        Frame::new(header, buffer)
    }
}

/// When the frame with this payload was made, on the machine's clock.
pub fn stamp(payload: &[u8]) -> Option<u64> {
    let stamp = payload.first_chunk::<STAMP_BYTES>()?;
    Some(u64::from_be_bytes(*stamp))
}

const STAMP_BYTES: usize = 8;
const VIDEO_FRAMES: u64 = 30;
const AUDIO_FRAMES: u64 = 50;
const AUDIO_BYTES: usize = 175;
/// A keyframe each two seconds.
const GROUP: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_thirty_and_fifty_frames_and_the_rate() {
        let second: Vec<Due> = Workload::new(1.0).take_while(|due| due.at < 1_000_000).collect();
        let of = |kind| second.iter().filter(move |due| due.kind == kind);
        assert_eq!((of(Kind::Video).count(), of(Kind::Audio).count()), (30, 50));
        let bits: usize = second.iter().map(|due| due.payload * 8).sum();
        assert_eq!(bits, 1_070_080);
        assert!((Workload::new(1.0).megabits() - 1.07).abs() < 0.001);
        assert!(second.is_sorted_by_key(|due| due.at) && second[0].keyframe);
    }

    #[test]
    fn a_frame_carries_the_time_it_was_made() {
        let due = Workload::new(1.0).next().unwrap();
        let frame = due.frame(TrackId(2), 1, 123_456, &mut Vec::new()).unwrap();
        assert_eq!(stamp(&frame.payload()), Some(123_456));
        assert_eq!(frame.payload().len(), 4_167);
        assert_eq!(stamp(&[1, 2]), None);
    }
}
