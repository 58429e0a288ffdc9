//! Which devices can be reached: each by any number of links.

use crate::identity::authority::Owner;
use relay::seal::LinkId;
use std::collections::{HashMap, HashSet};

/// The devices that have at least one link over which they can be reached.
#[derive(Debug, Default)]
pub struct Reachability {
    links: HashMap<Owner, HashSet<LinkId>>,
}

impl Reachability {
    /// A link of a device is heard.
    pub fn found(&mut self, owner: &Owner, link: LinkId) {
        self.links.entry(owner.clone()).or_default().insert(link);
    }

    /// A link of a device is not heard any more. Says whether it was the device's last.
    pub fn lost(&mut self, owner: &Owner, link: LinkId) -> bool {
        let Some(links) = self.links.get_mut(owner) else { return false };
        let known = links.remove(&link);
        if links.is_empty() {
            self.links.remove(owner);
        }
        known && !self.has(owner)
    }

    /// Whether the device can be reached.
    pub fn has(&self, owner: &Owner) -> bool {
        self.links.contains_key(owner)
    }
}
