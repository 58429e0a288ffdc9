//! How the main window is divided between its regions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A part of the main window, in the order in which they stand, from top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Region {
    /// Moving pictures: a call.
    Display,
    /// The buttons that choose what is done.
    Functions,
    Contacts,
    /// Text that comes by rules and by what was asked for.
    Information,
    /// A page with links.
    Page,
    /// What is to be known for a moment.
    Messages,
}

/// What was changed of the usual division by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Regions {
    /// Those of which only a bar is seen.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub fold: BTreeSet<Region>,
    /// How high they are, in points; one that is not here is as high as its contents want it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub heights: BTreeMap<Region, u16>,
}

impl Regions {
    pub fn is_folded(&self, region: Region) -> bool {
        self.fold.contains(&region)
    }

    /// The same with a region folded, or no more.
    pub fn with_fold(&self, region: Region, folded: bool) -> Self {
        let mut regions = self.clone();
        if folded {
            regions.fold.insert(region);
        } else {
            regions.fold.remove(&region);
        }
        regions
    }
}
