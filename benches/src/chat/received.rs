//! What one member got of the chat: which sequences, in which order.

use std::collections::BTreeSet;

/// Counts what is out of order. The chat's sequences count up by one, from 1.
#[derive(Debug, Default)]
pub struct Received {
    newest: u64,
    /// Passed over so far.
    missing: BTreeSet<u64>,
    doubled: u64,
    reordered: u64,
}

/// What went wrong on the way to one member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wrongs {
    pub lost: u64,
    pub doubled: u64,
    pub reordered: u64,
}

impl Received {
    pub fn take(&mut self, sequence: u64) {
        if sequence > self.newest {
            self.missing.extend(self.newest + 1..sequence);
            self.newest = sequence;
        } else if self.missing.remove(&sequence) {
            self.reordered += 1;
        } else {
            self.doubled += 1;
        }
    }

    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether everything up to `newest` has come.
    pub fn has_all(&self, newest: u64) -> bool {
        self.newest >= newest && self.missing.is_empty()
    }

    /// What went wrong if the chat's newest entry is `newest`.
    pub fn wrongs(&self, newest: u64) -> Wrongs {
        let lost = self.missing.len() as u64 + newest.saturating_sub(self.newest);
        Wrongs { lost, doubled: self.doubled, reordered: self.reordered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sequences: &[u64], newest: u64) -> (bool, [u64; 3]) {
        let mut received = Received::default();
        sequences.iter().for_each(|sequence| received.take(*sequence));
        let Wrongs { lost, doubled, reordered } = received.wrongs(newest);
        (received.has_all(newest), [lost, doubled, reordered])
    }

    #[test]
    fn every_kind_of_wrong_is_counted() {
        assert_eq!(after(&[1, 2, 3], 3), (true, [0, 0, 0]));
        assert_eq!(after(&[], 2), (false, [2, 0, 0]));
        assert_eq!(after(&[1, 4], 5), (false, [3, 0, 0]));
        assert_eq!(after(&[1, 3, 2], 3), (true, [0, 0, 1]));
        assert_eq!(after(&[1, 2, 2, 1], 2), (true, [0, 2, 0]));
        assert_eq!(after(&[2, 1, 1], 2), (true, [0, 1, 1]));
    }
}
