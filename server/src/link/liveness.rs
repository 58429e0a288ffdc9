//! When a link counts as silent, dead or forgotten. Pure: how long nothing came is an argument.

use relay::{MILLISECOND, Micros, SECOND, link::HEARTBEAT};
use std::time::Duration;

/// A link that is not at rest and silent for this long counts as unreachable; its calls' patience begins to run.
const SILENT: Micros = 3 * SECOND;
/// A link that is silent for this long is over.
const FORGOTTEN: Micros = 60 * SECOND;
/// Contacts are to know of a dead client in time: that much before, it counts as dead.
const TO_TELL: Micros = 500 * MILLISECOND;
/// A client that is to have spoken so long before it would count as dead is asked, over a path that loses what is sent
/// perhaps more than once.
const TO_ANSWER: Micros = 4_500 * MILLISECOND;
/// A sign of life that is so late has been lost on its way.
const LATE: Micros = 1_500 * MILLISECOND;

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

/// How long nothing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Silence {
    pub unheard: Micros,
    /// For how long the link has not been at rest: before that nothing had to come soon. `None` while it is at rest.
    pub stirred: Option<Micros>,
}

impl Silence {
    /// How long signs of life have been due that must come each second.
    fn overdue(&self) -> Micros {
        self.stirred.map_or(0, |stirred| stirred.min(self.unheard))
    }
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
    pub fn judge(&self, silence: Silence) -> Life {
        match silence.unheard {
            unheard if unheard >= self.forgotten => Life::Forgotten,
            unheard if unheard >= self.dead => Life::Dead,
            _ if silence.overdue() >= SILENT => Life::Silent,
            _ => Life::Heard,
        }
    }

    /// After how much more silence it will mean something worse, if the link stays at rest or not at rest.
    pub fn until_worse(&self, silence: Silence) -> Option<Micros> {
        let left = |limit: Micros, silence: Micros| limit.checked_sub(silence).filter(|left| *left > 0);
        let silent = silence.stirred.and_then(|_| left(SILENT, silence.overdue()));
        let worse = [self.dead, self.forgotten].into_iter().filter_map(|limit| left(limit, silence.unheard));
        worse.chain(silent).min()
    }

    /// How often a client of a link at rest must be asked whether it is there, when it would like to be asked each
    /// `wish` and is heard of each [`HEARTBEAT`] by itself: a client is not taken for dead that could not have spoken
    /// twice.
    pub fn ask_at_rest(&self, wish: Micros) -> Micros {
        if self.dead >= 2 * HEARTBEAT + LATE { wish } else { wish.min(self.dead / 2) }
    }

    /// After how much more silence a client that should have spoken by itself is to be asked; 0 when it is to be now.
    pub fn until_asked(&self, silence: Silence) -> Micros {
        self.dead.saturating_sub(TO_ANSWER).max(HEARTBEAT + LATE).saturating_sub(silence.unheard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at_rest(unheard: Micros) -> Silence {
        Silence { unheard, stirred: None }
    }

    #[test]
    fn a_dead_client_is_known_within_its_time_and_not_much_earlier() {
        let patience = Patience::new(Duration::from_secs(15));
        for stirred in [None, Some(60 * SECOND)] {
            let judge = |unheard| patience.judge(Silence { stirred, ..at_rest(unheard) });
            assert_eq!(judge(0), Life::Heard);
            assert!(judge(14_499_999) < Life::Dead);
            assert_eq!(judge(14_500_000), Life::Dead);
            assert_eq!((judge(60 * SECOND - 1), judge(60 * SECOND)), (Life::Dead, Life::Forgotten));
        }
    }

    #[test]
    fn only_a_link_that_is_not_at_rest_must_be_heard_each_second() {
        let patience = Patience::new(Duration::from_secs(15));
        let judge = |unheard, stirred| patience.judge(Silence { stirred, ..at_rest(unheard) });
        assert_eq!((judge(SILENT - 1, Some(SECOND * 9)), judge(SILENT, Some(SECOND * 9))), (Life::Heard, Life::Silent));
        assert_eq!(judge(7 * SECOND, None), Life::Heard);
        // It was at rest until a moment ago.
        assert_eq!((judge(7 * SECOND, Some(SILENT - 1)), judge(7 * SECOND, Some(SILENT))), (Life::Heard, Life::Silent));
    }

    #[test]
    fn two_heartbeats_fit_into_the_time_after_which_a_client_is_dead() {
        let ask = |seconds, wish| Patience::new(Duration::from_secs(seconds)).ask_at_rest(wish);
        assert_eq!((ask(15, 28 * SECOND), ask(8, 28 * SECOND)), (28 * SECOND, 28 * SECOND));
        assert_eq!((ask(6, 28 * SECOND), ask(6, SECOND)), (2_750_000, SECOND));
    }

    #[test]
    fn a_path_that_is_cut_for_ten_seconds_after_a_heartbeat_leaves_time_for_the_next() {
        let patience = Patience::new(Duration::from_secs(15));
        assert!(patience.judge(at_rest(HEARTBEAT + 11 * SECOND)) < Life::Dead);
    }

    #[test]
    fn a_client_whose_signs_of_life_were_lost_has_time_to_answer_before_it_is_dead() {
        let patience = Patience::new(Duration::from_secs(15));
        assert_eq!((patience.until_asked(at_rest(0)), patience.until_asked(at_rest(60 * SECOND))), (10 * SECOND, 0));
        assert_eq!(patience.judge(at_rest(10 * SECOND + TO_ANSWER - 1)), Life::Heard);
        // The shortest that can be chosen: only once a heartbeat is missing.
        assert_eq!(Patience::new(Duration::from_secs(5)).until_asked(at_rest(0)), HEARTBEAT + LATE);
    }

    proptest! {
        /// Whoever wakes when told to misses no change of judgement.
        #[test]
        fn every_change_has_its_moment(
            dead_after in 1..200u64,
            unheard in 0..500 * SECOND,
            stirred in proptest::option::of(0..500 * SECOND),
        ) {
            let patience = Patience::new(Duration::from_secs(dead_after));
            let later = |more: Micros| {
                patience.judge(Silence { unheard: unheard + more, stirred: stirred.map(|stirred| stirred + more) })
            };
            match patience.until_worse(Silence { unheard, stirred }) {
                Some(left) => {
                    prop_assert_eq!(later(left - 1), later(0));
                    prop_assert!(later(left) >= later(0));
                }
                None => prop_assert_eq!(later(0), Life::Forgotten),
            }
        }

        /// Resting or not, a silence that lasts never means something better.
        #[test]
        fn a_silence_never_means_something_better_later(dead_after in 1..200u64, unheard in 0..500 * SECOND) {
            let patience = Patience::new(Duration::from_secs(dead_after));
            prop_assert!(patience.judge(at_rest(unheard)) <= patience.judge(at_rest(unheard + SECOND)));
        }
    }
}
