//! Freezes as WebRTC counts them: a frame that stayed on the screen far longer than its predecessors did.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// What the viewer had to look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freezes {
    pub count: u64,
    /// Their total length in microseconds.
    pub micros: u64,
}

/// Counts freezes in the times (microseconds, ascending) at which frames were shown.
///
/// A freeze is an interval longer than the greater of three times the average and the average plus 150 ms, where the
/// average is that of the last 30 intervals (W3C webrtc-stats, `freezeCount`).
pub fn freezes(shown_at: impl IntoIterator<Item = u64>) -> Freezes {
    let mut freezes = Freezes::default();
    let mut recent: VecDeque<u64> = VecDeque::with_capacity(RECENT);
    let mut last = None;
    for at in shown_at {
        let Some(before) = last.replace(at) else { continue };
        let interval = at.saturating_sub(before);
        if !recent.is_empty() {
            let average = recent.iter().sum::<u64>() / recent.len() as u64;
            if interval > (3 * average).max(average + 150_000) {
                freezes.count += 1;
                freezes.micros += interval;
            }
        }
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(interval);
    }
    freezes
}

const RECENT: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn with_gap(frame: u64, gap: u64) -> Freezes {
        freezes((0..100).map(|n| n * frame + if n >= 60 { gap - frame } else { 0 }))
    }

    #[test]
    fn steady_frames_do_not_freeze() {
        assert_eq!(with_gap(33_333, 33_333), Freezes::default());
    }

    #[test]
    fn at_30_frames_a_second_the_limit_is_the_average_plus_150_ms() {
        assert_eq!(with_gap(33_333, 183_333).count, 0);
        assert_eq!(with_gap(33_333, 183_334), Freezes { count: 1, micros: 183_334 });
    }

    #[test]
    fn at_5_frames_a_second_the_limit_is_three_times_the_average() {
        assert_eq!(with_gap(200_000, 600_000).count, 0);
        assert_eq!(with_gap(200_000, 600_001).count, 1);
    }

    #[test]
    fn one_frame_or_none_cannot_freeze() {
        assert_eq!(freezes([]), Freezes::default());
        assert_eq!(freezes([5]), Freezes::default());
    }
}
