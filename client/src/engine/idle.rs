//! Whether somebody uses this client: a person who gives no command for a while is away. Pure: time is an argument.

use std::time::Duration;

/// What is known of the person in front.
#[derive(Debug, Default)]
pub struct Idle {
    /// After how long without a command; `None` never.
    after: Option<Duration>,
    acted_at: Duration,
    /// Said by whoever watches the person better than the engine: a window, a screen saver.
    told: bool,
}

impl Idle {
    /// From now on a person counts as away after so long.
    pub fn set_after(&mut self, after: Option<Duration>) {
        self.after = after;
    }

    /// The person has done something.
    pub fn act(&mut self, now: Duration) {
        self.acted_at = now;
        self.told = false;
    }

    /// Somebody has seen that the person is away, or back.
    pub fn tell(&mut self, idle: bool, now: Duration) {
        self.acted_at = now;
        self.told = idle;
    }

    /// Whether the person is away.
    pub fn is_idle(&self, now: Duration) -> bool {
        self.told || self.after.is_some_and(|after| now.saturating_sub(self.acted_at) >= after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_makes_away_and_any_act_ends_it() {
        let at = Duration::from_secs;
        let mut idle = Idle::default();
        assert!(!idle.is_idle(at(1_000_000)), "unless asked to, nobody is called away");
        idle.set_after(Some(at(600)));
        idle.act(at(100));
        assert!(!idle.is_idle(at(699)) && idle.is_idle(at(700)));
        idle.act(at(701));
        assert!(!idle.is_idle(at(702)));
        idle.tell(true, at(703));
        assert!(idle.is_idle(at(703)));
        idle.act(at(704));
        assert!(!idle.is_idle(at(704)));
    }
}
