//! Which of the samples that wait to be played are from packets, and which were made up.

use std::collections::VecDeque;

/// What a row of samples is made of: pieces from packets, and pieces made up where there were none.
#[derive(Default)]
pub(super) struct Pieces {
    /// Whether it is made up, and samples per channel.
    row: VecDeque<(bool, usize)>,
}

impl Pieces {
    /// Appends so many samples per channel.
    pub fn add(&mut self, made_up: bool, samples: usize) {
        match self.row.back_mut() {
            Some((last, count)) if *last == made_up => *count += samples,
            _ => self.row.push_back((made_up, samples)),
        }
    }

    /// Takes so many from the front and says how many of them are made up.
    pub fn take(&mut self, mut samples: usize) -> usize {
        let mut found = 0;
        while samples > 0 {
            let Some((made_up, count)) = self.row.front_mut() else { break };
            let taken = samples.min(*count);
            found += if *made_up { taken } else { 0 };
            samples -= taken;
            *count -= taken;
            if *count == 0 {
                self.row.pop_front();
            }
        }
        found
    }

    /// How many are from packets, if the first is.
    pub fn real_if_first(&self) -> Option<usize> {
        let first_is_real = self.row.front().is_some_and(|(made_up, _)| !made_up);
        first_is_real.then(|| self.row.iter().filter(|(made_up, _)| !made_up).map(|(_, count)| count).sum())
    }

    /// Whether nothing is made up.
    pub fn all_real(&self) -> bool {
        self.row.iter().all(|(made_up, _)| !made_up)
    }

    /// Takes out so many where sound was shortened.
    pub fn shorten(&mut self, samples: usize) {
        self.take(samples);
    }

    /// Puts in so many where sound was lengthened.
    pub fn lengthen(&mut self, samples: usize) {
        match self.row.front_mut() {
            Some((_, count)) => *count += samples,
            None => self.row.push_back((false, samples)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_real_and_what_is_made_up() {
        let mut pieces = Pieces::default();
        pieces.add(false, 100);
        pieces.add(true, 50);
        pieces.add(false, 200);
        assert_eq!(pieces.real_if_first(), Some(300));
        assert!(!pieces.all_real());
        pieces.shorten(40);
        pieces.lengthen(10);
        assert_eq!(pieces.take(100), 30);
        assert_eq!(pieces.real_if_first(), None);
        assert_eq!(pieces.take(1_000), 20);
        assert_eq!((pieces.real_if_first(), pieces.all_real()), (None, true));
    }
}
