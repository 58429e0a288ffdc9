//! Public tracks and their publishers: a track whose publisher is gone for too long is ended. Pure, with `now` passed in.

use crate::identity::authority::Owner;
use crate::reachability::Reachability;
use relay::seal::LinkId;
use std::collections::HashMap;
use std::time::Duration;

/// How long a publisher may be unreachable before its public tracks end.
pub const PATIENCE_ABSENT: Duration = Duration::from_secs(10);

/// Which publishers are away, and since when.
#[derive(Debug, Default)]
pub struct Publications {
    reachable: Reachability,
    absent: HashMap<Owner, Duration>,
}

impl Publications {
    /// A link of a device is heard.
    pub fn found(&mut self, owner: &Owner, link: LinkId) {
        self.reachable.found(owner, link);
        self.absent.remove(owner);
    }

    /// A link of a device is not heard any more. `publishes` says whether the device has public tracks.
    pub fn lost(&mut self, owner: &Owner, link: LinkId, publishes: bool, now: Duration) {
        if self.reachable.lost(owner, link) && publishes {
            self.absent.insert(owner.clone(), now);
        }
    }

    /// The publishers that have been away for too long, each named once.
    pub fn given_up(&mut self, now: Duration) -> Vec<Owner> {
        let over = |since: &Duration| now.saturating_sub(*since) >= PATIENCE_ABSENT;
        self.absent.extract_if(|_, since| over(since)).map(|(owner, _)| owner).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_is_given_up_after_its_time_and_not_before() {
        let mut publications = Publications::default();
        let owner = Owner { account: 1, device: "desk".into() };
        let (first, second) = (LinkId([1; 16]), LinkId([2; 16]));
        let s = Duration::from_secs;
        publications.found(&owner, first);
        publications.found(&owner, second);
        publications.lost(&owner, first, true, s(0));
        assert!(publications.given_up(s(100)).is_empty());
        publications.lost(&owner, second, true, s(100));
        assert!(publications.given_up(s(109)).is_empty());
        publications.found(&owner, second);
        assert!(publications.given_up(s(200)).is_empty());
        publications.lost(&owner, second, true, s(200));
        assert_eq!(publications.given_up(s(210)), vec![owner.clone()]);
        assert!(publications.given_up(s(300)).is_empty());
        publications.lost(&owner, second, true, s(300));
        assert!(publications.given_up(s(400)).is_empty(), "a link that is lost twice counts once");
    }
}
