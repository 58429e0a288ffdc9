//! When a link counts as silent, dead or forgotten. Pure: how long nothing came is an argument.

use relay::{MILLISECOND, Micros, SECOND};
use std::time::Duration;

/// A link that is silent for this long counts as unreachable; its calls' patience begins to run.
const SILENT: Micros = 3 * SECOND;
/// A link that is silent for this long is over.
const FORGOTTEN: Micros = 60 * SECOND;
/// Contacts are to know of a dead client in time: that much before, it counts as dead.
const TO_TELL: Micros = 500 * MILLISECOND;

/// What is thought of a link of which nothing has come for a while, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    Heard,
    Silent,
    /// The client is taken for dead, or cut off; should it be heard again, all is well.
    Dead,
    /// The link ends.
    Forgotten,
}

/// How long to be patient with a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    dead: Micros,
    forgotten: Micros,
}

impl Patience {
    /// A client is shown as dead within `dead_after`.
    pub fn new(dead_after: Duration) -> Self {
        let dead_after = Micros::try_from(dead_after.as_micros()).unwrap_or(Micros::MAX);
        let dead = dead_after.saturating_sub(TO_TELL).max(SILENT + TO_TELL);
        Self { dead, forgotten: FORGOTTEN.max(dead.saturating_mul(2)) }
    }

    /// What a silence means.
    pub fn judge(&self, silence: Micros) -> Life {
        match silence {
            _ if silence >= self.forgotten => Life::Forgotten,
            _ if silence >= self.dead => Life::Dead,
            _ if silence >= SILENT => Life::Silent,
            _ => Life::Heard,
        }
    }

    /// After how much more silence it will mean something worse.
    pub fn until_worse(&self, silence: Micros) -> Option<Micros> {
        [SILENT, self.dead, self.forgotten]
            .into_iter()
            .find_map(|limit| limit.checked_sub(silence).filter(|left| *left > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_dead_client_is_known_within_its_time_and_not_much_earlier() {
        let patience = Patience::new(Duration::from_secs(15));
        assert_eq!(patience.judge(0), Life::Heard);
        assert_eq!((patience.judge(SILENT - 1), patience.judge(SILENT)), (Life::Heard, Life::Silent));
        assert_eq!((patience.judge(14_499_999), patience.judge(14_500_000)), (Life::Silent, Life::Dead));
        assert_eq!((patience.judge(60 * SECOND - 1), patience.judge(60 * SECOND)), (Life::Dead, Life::Forgotten));
    }

    proptest! {
        /// Whoever wakes when told to misses no change of judgement.
        #[test]
        fn every_change_has_its_moment(dead_after in 1..200u64, silence in 0..500 * SECOND) {
            let patience = Patience::new(Duration::from_secs(dead_after));
            let now = patience.judge(silence);
            match patience.until_worse(silence) {
                Some(left) => {
                    prop_assert_eq!(patience.judge(silence + left - 1), now);
                    prop_assert!(patience.judge(silence + left) > now);
                }
                None => prop_assert_eq!(now, Life::Forgotten),
            }
        }
    }
}
