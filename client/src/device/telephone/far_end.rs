//! What the speaker was given, on its way to the echo canceller: one block for each of the microphone's.
//!
//! Both devices have clocks of their own and hand sound over in bursts. The queue between them settles at what the bursts
//! need; a surplus that lasts means that the speaker's clock is the faster one, and one block goes beside the queue.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::device::BLOCK;

type Block = [f32; BLOCK];

/// Samples that wait while nobody listens.
const MOST: usize = 32 * BLOCK;

/// So many of the microphone's blocks are watched before a surplus counts: a second.
const WATCHED: u32 = 100;

/// What never leaves the queue is a surplus, but for so much. The echo must not come before what it is of.
const KEPT: usize = 3 * BLOCK / 2;

#[derive(Default)]
pub struct FarEnd(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    samples: VecDeque<f32>,
    watched: u32,
    /// The fewest samples that waited meanwhile.
    fewest: usize,
}

impl FarEnd {
    pub fn played(&self, sound: &[f32]) {
        let mut queue = self.0.lock();
        queue.samples.extend(sound);
        let over = queue.samples.len().saturating_sub(MOST);
        queue.samples.drain(..over);
    }

    /// The block that goes with the microphone's next one, before which the microphone lost `lost` samples; `None` if it
    /// is late. A surplus is handed to `skip` before.
    pub fn next(&self, lost: usize, mut skip: impl FnMut(&Block)) -> Option<Block> {
        let mut queue = self.0.lock();
        let lost = lost.min(queue.samples.len());
        queue.samples.drain(..lost);
        let waiting = queue.samples.len();
        queue.fewest = if queue.watched == 0 { waiting } else { queue.fewest.min(waiting) };
        queue.watched += 1;
        if queue.watched >= WATCHED {
            queue.watched = 0;
            for _ in 0..(queue.fewest.saturating_sub(KEPT) / BLOCK) {
                queue.block().iter().for_each(&mut skip);
            }
        }
        queue.block()
    }

    pub fn clear(&self) {
        *self.0.lock() = Queue::default();
    }
}

impl Queue {
    fn block(&mut self) -> Option<Block> {
        let mut block = [0.0; BLOCK];
        (self.samples.len() >= BLOCK).then(|| {
            block.iter_mut().zip(self.samples.drain(..BLOCK)).for_each(|(out, sample)| *out = sample);
            block
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: usize) -> Block {
        [number as f32; BLOCK]
    }

    #[test]
    fn bursts_are_evened_out_and_a_faster_speaker_loses_nothing() {
        let far = FarEnd::default();
        let (mut pushed, mut heard, mut late, mut skipped) = (0, Vec::new(), 0, 0);
        for number in 0..6_000 {
            // Two at a time, and one more each 10 s.
            for _ in 0..usize::from(number % 2 == 0) * 2 + usize::from(number % 1_000 == 999) {
                far.played(&numbered(pushed));
                pushed += 1;
            }
            let mut surplus = None;
            let block = far.next(0, |block| surplus = Some(block[0] as usize));
            skipped += usize::from(surplus.is_some());
            late += usize::from(block.is_none());
            heard.extend(surplus.into_iter().chain(block.map(|block| block[0] as usize)));
        }
        assert!(heard.iter().copied().eq(0..heard.len()), "every block once, in order");
        assert_eq!(late, 0);
        assert!((3..=6).contains(&skipped), "{skipped}");
        assert!(pushed - heard.len() <= 6);
    }

    #[test]
    fn a_slower_speaker_is_late_now_and_then_and_nobody_listening_costs_little() {
        let far = FarEnd::default();
        let mut late = 0;
        for number in 0..1_000 {
            if number % 100 != 99 {
                far.played(&numbered(number));
            }
            late += usize::from(far.next(0, |_| panic!("no surplus")).is_none());
        }
        assert_eq!(late, 10);
        for number in 0..1_000 {
            far.played(&numbered(number));
        }
        assert_eq!(far.0.lock().samples.len(), MOST);
    }
}
