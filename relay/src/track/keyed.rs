//! The newest value of each key, in the order in which they came. Every person who is there has such a log of everyone they
//! watch: it is one row of values without room to spare, searched from its end, because a few hundred are a lot of keys.

use super::log::Entry;

/// Room is made for this many more at a time, and for an eighth of what is there.
const ROOM: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Keyed {
    /// The place of the next value.
    next: u64,
    /// By place.
    values: Vec<Value>,
}

#[derive(Debug)]
struct Value {
    place: u64,
    key: u64,
    entry: Entry,
}

impl Keyed {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of a key.
    pub fn get(&self, key: u64) -> Option<&Entry> {
        self.find(key).map(|at| &self.values[at].entry)
    }

    /// Puts a value in after all others. The key must have none.
    pub fn push(&mut self, key: u64, entry: Entry) {
        if self.values.len() == self.values.capacity() {
            self.values.reserve_exact(self.values.len() / 8 + ROOM);
        }
        self.values.push(Value { place: self.next, key, entry });
        self.next += 1;
    }

    /// Takes the value of a key out.
    pub fn remove(&mut self, key: u64) -> Option<Entry> {
        self.find(key).map(|at| self.values.remove(at).entry)
    }

    /// The place of the oldest value, or of the next one when there is none.
    pub fn oldest_place(&self) -> u64 {
        self.values.first().map_or(self.next, |value| value.place)
    }

    pub fn next_place(&self) -> u64 {
        self.next
    }

    /// The first value at or after `place`.
    pub fn from(&self, place: u64) -> Option<(u64, &Entry)> {
        let at = self.values.partition_point(|value| value.place < place);
        self.values.get(at).map(|value| (value.place, &value.entry))
    }

    /// The place of the first value with a higher sequence number, or of the next value when there is none.
    pub fn place_of_newer(&self, sequence: u64) -> u64 {
        let newer = self.values.iter().find(|value| value.entry.frame.header().sequence > sequence);
        newer.map_or(self.next, |value| value.place)
    }

    fn find(&self, key: u64) -> Option<usize> {
        self.values.iter().rposition(|value| value.key == key)
    }
}
