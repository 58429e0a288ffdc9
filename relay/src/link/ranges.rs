//! A bounded set of numbers kept as ranges: which packets arrived, which bytes of a frame are there.

/// Numbers as sorted, disjoint, inclusive ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    ranges: Vec<(u64, u64)>,
}

impl Ranges {
    /// Adds `first..=last`; false when all of it was there already.
    pub fn insert(&mut self, first: u64, last: u64) -> bool {
        // Ranges that touch or overlap the new one stand side by side.
        let from = self.ranges.partition_point(|(_, end)| end.saturating_add(1) < first);
        let to = self.ranges.partition_point(|(start, _)| *start <= last.saturating_add(1));
        if from == to {
            self.ranges.insert(from, (first, last));
            return true;
        }
        let merged = (self.ranges[from].0.min(first), self.ranges[to - 1].1.max(last));
        if to - from == 1 && merged == self.ranges[from] {
            return false;
        }
        self.ranges[from] = merged;
        self.ranges.drain(from + 1..to);
        true
    }

    /// Takes `number` out.
    pub fn remove(&mut self, number: u64) {
        let at = self.ranges.partition_point(|(_, end)| *end < number);
        let Some((start, end)) = self.ranges.get(at).copied().filter(|(start, _)| *start <= number) else { return };
        let below = (start < number).then(|| (start, number - 1));
        let above = (number < end).then(|| (number + 1, end));
        self.ranges.splice(at..=at, below.into_iter().chain(above));
    }

    /// Forgets the lowest ranges until at most `limit` are left.
    pub fn drop_lowest(&mut self, limit: usize) {
        self.ranges.drain(..self.ranges.len().saturating_sub(limit));
    }

    pub fn contains(&self, number: u64) -> bool {
        let at = self.ranges.partition_point(|(_, end)| *end < number);
        self.ranges.get(at).is_some_and(|(start, _)| *start <= number)
    }

    /// Fills the lowest gaps until at most `limit` ranges are left.
    pub fn merge_lowest(&mut self, limit: usize) {
        while self.ranges.len() > limit.max(1) {
            self.ranges[1].0 = self.ranges[0].0;
            self.ranges.remove(0);
        }
    }

    /// The ranges, lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().copied()
    }

    pub fn largest(&self) -> Option<u64> {
        self.ranges.last().map(|(_, end)| *end)
    }

    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether the set is exactly `first..=last`.
    pub fn is_exactly(&self, first: u64, last: u64) -> bool {
        self.ranges == [(first, last)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn holds_what_a_set_holds(inserts in proptest::collection::vec((0..60u64, 0..8u64), 0..60)) {
            let mut ranges = Ranges::default();
            let mut set = BTreeSet::new();
            for (first, more) in inserts {
                let added = (first..=first + more).filter(|n| set.insert(*n)).count() > 0;
                prop_assert_eq!(ranges.insert(first, first + more), added);
                let listed: Vec<u64> = ranges.iter().flat_map(|(a, b)| a..=b).collect();
                prop_assert_eq!(&listed, &set.iter().copied().collect::<Vec<_>>());
                let neighbours: Vec<_> = ranges.iter().collect();
                prop_assert!(neighbours.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            }
            for number in 0..70 {
                prop_assert_eq!(ranges.contains(number), set.contains(&number));
            }
            for number in (0..70).step_by(3) {
                ranges.remove(number);
                set.remove(&number);
                let listed: Vec<u64> = ranges.iter().flat_map(|(a, b)| a..=b).collect();
                prop_assert_eq!(&listed, &set.iter().copied().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_lowest_gaps_are_given_up_first() {
        let mut ranges = Ranges::default();
        for number in [0, 10, 20, 30] {
            ranges.insert(number, number);
        }
        ranges.merge_lowest(2);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(0, 20), (30, 30)]);
        ranges.drop_lowest(1);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(30, 30)]);
    }
}
