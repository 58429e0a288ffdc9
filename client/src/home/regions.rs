//! How the main window is divided between its regions.

use serde::{Deserialize, Serialize};

/// A region that can be folded: the other one has its place then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Region {
    Display,
    Contacts,
}

/// The division.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Regions {
    /// How high the display is, in points; without it, as its picture wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_height: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folded: Option<Region>,
}
