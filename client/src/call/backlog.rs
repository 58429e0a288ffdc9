//! Pictures that have come and are not decoded yet: none waits for long. A machine that decodes more slowly than they come
//! leaves out those that no other refers to, and if that is not enough begins anew with a keyframe.

use std::collections::VecDeque;

use relay::{Frame, MILLISECOND, Micros};

/// Once the oldest picture has waited so long, those of higher temporal layers are left out.
const THINS: Micros = 150 * MILLISECOND;

/// Once it has waited so long, all that is there is left out, up to a keyframe.
const GIVES_UP: Micros = 1_000 * MILLISECOND;

/// What waits, the oldest first.
#[derive(Debug, Default)]
pub struct Backlog {
    frames: VecDeque<(Frame, Micros)>,
    /// Nothing can be decoded before a keyframe.
    broken: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Next {
    /// This picture is to be decoded; when it came.
    Decode(Frame, Micros),
    /// A keyframe is needed, which has not come.
    NeedKeyframe,
    Nothing,
}

impl Backlog {
    pub fn push(&mut self, frame: Frame, arrived_at: Micros) {
        self.frames.push_back((frame, arrived_at));
    }

    /// Takes the next picture that is worth decoding, and says how many were left out before it.
    pub fn take(&mut self, now: Micros) -> (Next, u64) {
        let waited = |frames: &VecDeque<(Frame, Micros)>| {
            frames.front().map_or(0, |(_, arrived_at)| now.saturating_sub(*arrived_at))
        };
        let mut left_out = 0;
        if waited(&self.frames) > GIVES_UP {
            let newest = self.frames.iter().rposition(|(frame, _)| frame.header().keyframe);
            left_out = newest.unwrap_or(self.frames.len()) as u64;
            self.frames.drain(..left_out as usize);
            self.broken |= newest.is_none();
        }
        let thins = waited(&self.frames) > THINS;
        while let Some((frame, arrived_at)) = self.frames.pop_front() {
            let header = frame.header();
            self.broken &= !header.keyframe;
            if self.broken || thins && header.layer > 0 {
                left_out += 1;
                continue;
            }
            return (Next::Decode(frame, arrived_at), left_out);
        }
        // Asked for with each picture that is of no use without it: the question may have been lost.
        (if self.broken && left_out > 0 { Next::NeedKeyframe } else { Next::Nothing }, left_out)
    }
}

#[cfg(test)]
mod tests {
    use relay::{FrameHeader, Kind, TrackId};

    use super::*;

    /// Pictures of two layers that come every 33 ms, and what is done with them by a machine that takes `cost` for each.
    fn play(cost: Micros, keyframes: &[u64], count: u64) -> (Vec<(u64, Micros)>, u64, u64) {
        let mut backlog = Backlog::default();
        let (mut now, mut next) = (0, 0);
        let (mut decoded, mut left_out, mut asked) = (Vec::new(), 0, 0);
        while next < count || now < count * 33 * MILLISECOND + 1_000 * MILLISECOND {
            while next < count && next * 33 * MILLISECOND <= now {
                let mut header = FrameHeader::alone(TrackId(1), next, next * 33 * MILLISECOND, Kind::Video);
                header.keyframe = keyframes.contains(&next);
                header.layer = (next % 2) as u8;
                backlog.push(Frame::new(header, b"picture").unwrap(), next * 33 * MILLISECOND);
                next += 1;
            }
            let (step, skipped) = backlog.take(now);
            left_out += skipped;
            match step {
                Next::Decode(frame, arrived_at) => {
                    now += cost;
                    decoded.push((frame.header().sequence, now - arrived_at));
                }
                Next::NeedKeyframe => asked += 1,
                Next::Nothing => now += MILLISECOND,
            }
        }
        (decoded, left_out, asked)
    }

    #[test]
    fn a_machine_that_keeps_up_decodes_all() {
        let (decoded, left_out, asked) = play(20 * MILLISECOND, &[0], 300);
        assert_eq!((decoded.len(), left_out, asked), (300, 0, 0));
    }

    #[test]
    fn a_machine_that_is_too_slow_for_all_shows_every_second_picture_in_time() {
        let (decoded, left_out, asked) = play(50 * MILLISECOND, &[0], 300);
        assert_eq!(asked, 0);
        assert!(decoded.len() as u64 + left_out == 300 && decoded.len() > 150, "{}", decoded.len());
        assert!(decoded.iter().all(|(_, late)| *late < 300 * MILLISECOND), "{decoded:?}");
    }

    #[test]
    fn a_machine_that_is_too_slow_even_for_that_begins_anew_with_a_keyframe() {
        let (decoded, _, asked) = play(200 * MILLISECOND, &[0, 60, 120, 180, 240], 300);
        assert!(asked > 0);
        assert!(decoded.iter().all(|(_, late)| *late < GIVES_UP + 200 * MILLISECOND), "{decoded:?}");
        assert!(decoded.len() > 30);
    }

    #[test]
    fn nothing_is_decoded_between_a_gap_and_the_next_keyframe() {
        let mut backlog = Backlog::default();
        let frame = |sequence, keyframe| {
            let mut header = FrameHeader::alone(TrackId(1), sequence, 0, Kind::Video);
            header.keyframe = keyframe;
            Frame::new(header, b"picture").unwrap()
        };
        backlog.push(frame(1, false), 0);
        assert!(matches!(backlog.take(GIVES_UP + 1), (Next::NeedKeyframe, 1)));
        backlog.push(frame(2, false), GIVES_UP + 2);
        assert!(matches!(backlog.take(GIVES_UP + 3), (Next::NeedKeyframe, 1)), "it has not come");
        assert!(matches!(backlog.take(GIVES_UP + 3), (Next::Nothing, 0)));
        backlog.push(frame(3, true), GIVES_UP + 4);
        backlog.push(frame(4, false), GIVES_UP + 4);
        assert!(matches!(backlog.take(GIVES_UP + 5), (Next::Decode(..), 0)));
        assert!(matches!(backlog.take(GIVES_UP + 5), (Next::Decode(..), 0)));
    }
}
