//! Which way a long answer is asked for, learnt from what became of those before. Pure.

use std::time::Duration;

use relay::link::{ASK_EACH, HEARTBEAT};

/// How often the server is to send something while the link is at rest: seldom, until a proxy is found that cuts what
/// is idle for so long.
const BEATS: [Duration; 4] =
    [Duration::from_secs(28), Duration::from_secs(8), Duration::from_secs(4), Duration::from_secs(1)];

/// A long answer is replaced before proxies cut it by its time.
const LONGEST: Duration = Duration::from_secs(500);

/// Where there is no proxy it may last longer.
const LONGEST_DUPLEX: Duration = Duration::from_secs(3_600);

/// How often the server is to send something down such an answer by itself: seldom, for it is asked more often than that.
const DUPLEX_BEAT: Duration = Duration::from_secs(600);

/// So often something comes down at rest because it is asked for.
const ANSWERED: Duration = Duration::from_micros(ASK_EACH as u64 * HEARTBEAT);

/// After so many failures a path is not tried with it any more. That it was cut is one if it did not last for so long.
const DUPLEX_FAILURES: u32 = 3;
const CUT_EARLY: Duration = Duration::from_secs(60);

/// Why a long answer does not carry any more, or never did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The path does not pass a long answer as it comes.
    Held,
    Cut,
    /// Something stands between this client and the server.
    Indirect,
    Gone,
}

/// How a long answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By a GET, of which something is to come this often at rest.
    Get { beat: Duration },
    /// By a POST whose body has heartbeats while the link is at rest.
    Duplex,
}

impl Way {
    /// How often the server is asked to send something at rest.
    pub fn beat(self) -> Duration {
        match self {
            Self::Get { beat } => beat,
            Self::Duplex => DUPLEX_BEAT,
        }
    }

    /// How often something comes at rest.
    pub fn rhythm(self) -> Duration {
        match self {
            Self::Get { beat } => beat,
            Self::Duplex => ANSWERED,
        }
    }

    pub fn longest(self) -> Duration {
        match self {
            Self::Get { .. } => LONGEST,
            Self::Duplex => LONGEST_DUPLEX,
        }
    }
}

/// Which way is worth a trial.
#[derive(Debug)]
pub(super) struct Ways {
    beats: std::slice::Iter<'static, Duration>,
    beat: Duration,
    direct: bool,
    duplex_failures: u32,
    /// A GET is to carry first.
    get_first: bool,
}

impl Ways {
    pub fn new(direct: bool) -> Self {
        let mut beats = BEATS.iter();
        let beat = beats.next().copied().unwrap_or(LONGEST);
        Self { beats, beat, direct, duplex_failures: 0, get_first: false }
    }

    /// The way for the next long answer. `passes_long_uploads` says whether a long body up has come through as it was
    /// sent.
    pub fn next(&self, passes_long_uploads: bool) -> Way {
        let duplex = self.direct && !self.get_first && self.duplex_failures < DUPLEX_FAILURES && passes_long_uploads;
        if duplex { Way::Duplex } else { Way::Get { beat: self.beat } }
    }

    /// A trial failed.
    pub fn refused(&mut self, way: Way, outcome: Outcome) {
        if way == Way::Duplex {
            self.get_first = true;
            self.direct &= outcome != Outcome::Indirect;
            // A path that is cut altogether says nothing about it.
            self.duplex_failures += u32::from(outcome == Outcome::Held);
        }
    }

    /// What had carried for so long was cut while the link was at rest.
    pub fn cut_at_rest(&mut self, way: Way, lasted: Duration) {
        match way {
            Way::Duplex if lasted < CUT_EARLY => {
                self.get_first = true;
                self.duplex_failures += 1;
            }
            Way::Duplex => {}
            Way::Get { .. } => self.beat = self.beats.next().copied().unwrap_or(self.beat),
        }
    }

    /// A long answer has carried for as long as it may.
    pub fn spent(&mut self) {
        self.get_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Way = Way::Get { beat: BEATS[0] };

    #[test]
    fn both_ways_at_once_only_where_nothing_stands_between_and_long_bodies_pass() {
        assert_eq!((Ways::new(true).next(false), Ways::new(true).next(true)), (GET, Way::Duplex));
        assert_eq!(Ways::new(false).next(true), GET);
    }

    #[test]
    fn where_something_unnamed_stands_between_it_is_never_both_ways_again() {
        let mut ways = Ways::new(true);
        ways.refused(Way::Duplex, Outcome::Indirect);
        ways.spent();
        assert_eq!(ways.next(true), GET);
    }

    #[test]
    fn what_is_held_back_is_tried_again_after_a_get_has_carried_and_not_for_ever() {
        let mut ways = Ways::new(true);
        for _ in 0..DUPLEX_FAILURES {
            assert_eq!(ways.next(true), Way::Duplex);
            ways.refused(Way::Duplex, Outcome::Held);
            assert_eq!(ways.next(true), GET);
            ways.refused(GET, Outcome::Held);
            assert_eq!(ways.next(true), GET);
            ways.spent();
        }
        assert_eq!(ways.next(true), GET);
    }

    #[test]
    fn a_path_that_is_cut_altogether_says_nothing_about_a_way() {
        let mut ways = Ways::new(true);
        for _ in 0..10 {
            assert_eq!(ways.next(true), Way::Duplex);
            ways.refused(Way::Duplex, Outcome::Cut);
            assert_eq!(ways.next(true), GET);
            ways.spent();
            ways.cut_at_rest(Way::Duplex, CUT_EARLY);
        }
        assert_eq!(ways.next(true), Way::Duplex);
        ways.cut_at_rest(Way::Duplex, CUT_EARLY / 2);
        assert_eq!(ways.next(true), GET);
    }

    #[test]
    fn an_answer_that_is_cut_at_rest_is_to_bring_something_more_often() {
        let mut ways = Ways::new(false);
        let mut beats = Vec::new();
        for _ in 0..BEATS.len() + 2 {
            let Way::Get { beat } = ways.next(false) else { panic!("{ways:?}") };
            beats.push(beat);
            ways.cut_at_rest(ways.next(false), LONGEST / 2);
        }
        assert_eq!(beats[..BEATS.len()], BEATS);
        assert_eq!(beats[BEATS.len()..], [BEATS[BEATS.len() - 1]; 2]);
    }
}
