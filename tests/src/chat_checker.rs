//! The checker of chats, in the style of Jepsen: from what every device saw and what every writer was promised, what was
//! lost, doubled or reordered.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// An entry as a device saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub chat: u64,
    pub sequence: u64,
    /// Who wrote it.
    pub from: u64,
    /// The writer's own name for it; empty for the server's notices.
    pub key: String,
}

/// A promise: the server said that it has this entry, at this place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    pub chat: u64,
    pub from: u64,
    pub key: String,
    pub sequence: u64,
}

/// What one run of one device saw, in the order in which it saw it.
#[derive(Debug, Clone)]
pub struct Observation {
    pub device: String,
    pub seen: Vec<Seen>,
    /// Whether it saw the end: then nothing of what it began to read may be missing.
    pub complete: bool,
}

/// What is wrong; all zero is what was promised to people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Entries that all devices together saw.
    pub entries: usize,
    /// How often one of them was seen by some device.
    pub deliveries: usize,
    /// Promised entries that are not there, or entries that a device should have seen and did not.
    pub lost: usize,
    /// Entries that a device saw twice, or that stand in a chat twice.
    pub doubled: usize,
    /// Entries that a device saw out of order.
    pub reordered: usize,
    /// Places at which two devices saw different entries.
    pub disputed: usize,
    /// The first few findings, in words.
    pub findings: Vec<String>,
}

/// Findings that are put into words.
const FINDINGS: usize = 20;

impl Verdict {
    pub fn is_clean(&self) -> bool {
        (self.lost, self.doubled, self.reordered, self.disputed) == (0, 0, 0, 0)
    }

    fn find(&mut self, finding: String) {
        if self.findings.len() < FINDINGS {
            self.findings.push(finding);
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} entries, {} deliveries: lost {}, doubled {}, reordered {}, disputed {}",
            self.entries, self.deliveries, self.lost, self.doubled, self.reordered, self.disputed
        )?;
        self.findings.iter().try_for_each(|finding| write!(out, "\n  {finding}"))
    }
}

/// Judges a run.
pub fn judge(observations: &[Observation], promises: &[Promise]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut chats: BTreeMap<u64, BTreeMap<u64, (u64, String)>> = BTreeMap::new();
    for observation in observations {
        for seen in &observation.seen {
            verdict.deliveries += 1;
            let entry = (seen.from, seen.key.clone());
            let place = chats.entry(seen.chat).or_default().entry(seen.sequence).or_insert_with(|| entry.clone());
            if *place != entry {
                verdict.disputed += 1;
                let Seen { chat, sequence, .. } = seen;
                let device = &observation.device;
                verdict.find(format!("{device} saw {entry:?} at {chat}/{sequence}, another device {place:?}"));
            }
        }
    }
    verdict.entries = chats.values().map(BTreeMap::len).sum();
    for observation in observations {
        judge_order(observation, &chats, &mut verdict);
    }
    judge_places(&chats, promises, &mut verdict);
    verdict
}

/// Each device sees a chat's entries one after the other, from wherever it begins to the end.
fn judge_order(observation: &Observation, chats: &BTreeMap<u64, BTreeMap<u64, (u64, String)>>, verdict: &mut Verdict) {
    let device = &observation.device;
    let mut reached: HashMap<u64, (u64, u64)> = HashMap::new();
    for seen in &observation.seen {
        let Seen { chat, sequence, .. } = *seen;
        let (first, last) = reached.get(&chat).copied().unwrap_or((sequence, sequence - 1));
        if sequence > last + 1 {
            let missing = sequence - last - 1;
            verdict.lost += missing as usize;
            verdict.find(format!("{device} missed {missing} entries after {chat}/{last}"));
        } else if sequence <= last {
            // An entry that was passed over before and comes late is out of order; one that came already is doubled.
            let before = observation.seen.iter().take_while(|one| !std::ptr::eq(*one, seen));
            if before.filter(|one| (one.chat, one.sequence) == (chat, sequence)).count() > 0 {
                verdict.doubled += 1;
                verdict.find(format!("{device} saw {chat}/{sequence} twice"));
            } else {
                verdict.reordered += 1;
                verdict.find(format!("{device} saw {chat}/{sequence} after {chat}/{last}"));
            }
        }
        reached.insert(chat, (first, last.max(sequence)));
    }
    for (chat, (_, last)) in reached.iter().filter(|_| observation.complete) {
        let end = chats.get(chat).and_then(|entries| entries.keys().next_back()).copied().unwrap_or(*last);
        if end > *last {
            verdict.lost += (end - last) as usize;
            verdict.find(format!("{device} saw nothing of {chat} after {last}, which goes on to {end}"));
        }
    }
}

/// Every entry stands at one place, and every promised one where it was promised.
fn judge_places(chats: &BTreeMap<u64, BTreeMap<u64, (u64, String)>>, promises: &[Promise], verdict: &mut Verdict) {
    for (chat, entries) in chats {
        let mut places: HashMap<(u64, &str), u64> = HashMap::new();
        for (sequence, (from, key)) in entries.iter().filter(|(_, (_, key))| !key.is_empty()) {
            if let Some(other) = places.insert((*from, key), *sequence) {
                verdict.doubled += 1;
                verdict.find(format!("{key} of {from} stands at {chat}/{other} and at {chat}/{sequence}"));
            }
        }
    }
    for Promise { chat, from, key, sequence } in promises {
        let there = chats.get(chat).and_then(|entries| entries.get(sequence));
        if there.is_none_or(|(by, found)| (by, found) != (from, key)) {
            verdict.lost += 1;
            verdict.find(format!("{key} of {from} was promised at {chat}/{sequence}, where {there:?} stands"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sequence: u64) -> Seen {
        Seen { chat: 1, sequence, from: 7, key: format!("k{sequence}") }
    }

    fn observation(sequences: &[u64]) -> Observation {
        Observation { device: "d".into(), seen: sequences.iter().copied().map(seen).collect(), complete: true }
    }

    fn promise(sequence: u64, key: &str) -> Promise {
        Promise { chat: 1, from: 7, key: key.into(), sequence }
    }

    fn counts(observations: &[Observation], promises: &[Promise]) -> (usize, usize, usize, usize) {
        let verdict = judge(observations, promises);
        assert_eq!(verdict.is_clean(), verdict.findings.is_empty(), "{verdict}");
        (verdict.lost, verdict.doubled, verdict.reordered, verdict.disputed)
    }

    #[test]
    fn what_is_right_is_clean() {
        let all = [observation(&[1, 2, 3, 4]), observation(&[3, 4])];
        let promises = [promise(1, "k1"), promise(4, "k4")];
        assert_eq!(counts(&all, &promises), (0, 0, 0, 0));
        let verdict = judge(&all, &promises);
        assert_eq!((verdict.entries, verdict.deliveries), (4, 6));
    }

    #[test]
    fn every_kind_of_fault_is_found() {
        let whole = || observation(&[1, 2, 3, 4]);
        assert_eq!(counts(&[whole(), observation(&[1, 2, 4])], &[]), (1, 0, 0, 0), "a gap");
        assert_eq!(counts(&[whole(), observation(&[1, 2])], &[]), (2, 0, 0, 0), "an end too early");
        assert_eq!(counts(&[whole(), observation(&[1, 2, 2, 3, 4])], &[]), (0, 1, 0, 0), "twice");
        assert_eq!(counts(&[whole(), observation(&[1, 3, 2, 4])], &[]), (1, 0, 1, 0), "out of order");
        assert_eq!(counts(&[whole()], &[promise(5, "k5")]), (1, 0, 0, 0), "promised and not there");
        assert_eq!(counts(&[whole()], &[promise(3, "k2")]), (1, 0, 0, 0), "promised elsewhere");
        let mut other = whole();
        other.seen[1].key = "another".into();
        assert_eq!(counts(&[whole(), other], &[]), (0, 0, 0, 1), "two orders");
        let mut twice = whole();
        twice.seen[3].key = "k1".into();
        assert_eq!(counts(&[twice], &[]), (0, 1, 0, 0), "stored twice");
    }

    #[test]
    fn a_device_that_was_killed_may_miss_the_end_and_nothing_else() {
        let mut killed = observation(&[2, 3]);
        killed.complete = false;
        assert_eq!(counts(&[observation(&[1, 2, 3, 4]), killed.clone()], &[]), (0, 0, 0, 0));
        killed.seen.remove(0);
        killed.seen.push(seen(5));
        assert_eq!(counts(&[observation(&[1, 2, 3, 4, 5]), killed], &[]), (1, 0, 0, 0));
    }
}
