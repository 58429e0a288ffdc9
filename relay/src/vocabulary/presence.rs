//! Words about presence: whether someone is there, what they say of themselves, when they were last seen.

use super::{Check, STATUS_TEXT_MAX, VocabularyError, line};
use serde::{Deserialize, Serialize};

/// How far someone can be reached at the moment, the least first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// No device is connected, or none is shown to whoever asks.
    #[default]
    Offline,
    /// Connected, but not at any of the devices, or said to be away.
    Away,
    /// Ready to take a chat.
    Available,
    /// In a call on one of the devices.
    InACall,
    /// Does not want to be disturbed.
    DoNotDisturb,
    /// A state that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// What a person has chosen to be. It holds on all devices and over restarts until something else is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// What the devices say: available while one of them is used.
    #[default]
    Available,
    /// Away, whatever the devices say.
    Away,
    /// Not to be disturbed.
    DoNotDisturb,
}

/// One person's presence as contacts see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PresenceInfo {
    /// How far the person can be reached.
    pub state: Availability,
    /// What the person says about it, if anything.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Since when the state is this one, in Unix milliseconds; absent for those who are offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// For those who are offline: when they were last seen, in Unix milliseconds; absent if they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<u64>,
}

/// Body of `PUT /v1/presence`: what is not there stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetPresence {
    /// What the person chooses to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Wish>,
    /// What the person says about it: the status text of the profile. Empty takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether nobody uses the device that this comes from. Only inside a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<bool>,
}

impl Check for SetPresence {
    fn check(&self) -> Result<(), VocabularyError> {
        line("status", STATUS_TEXT_MAX, self.status.as_deref().unwrap_or_default())
    }
}

/// Answer to `GET` and `PUT /v1/presence`: the caller's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnPresence {
    /// What the caller has chosen.
    pub chosen: Wish,
    /// What contacts see.
    pub presence: PresenceInfo,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_keeps_its_limit() {
        let status = |text: &str| SetPresence { status: Some(text.into()), ..SetPresence::default() }.check().is_ok();
        assert!(status("") && status(&"x".repeat(STATUS_TEXT_MAX)));
        assert!(!status(&"x".repeat(STATUS_TEXT_MAX + 1)) && !status("two\nlines"));
    }

    #[test]
    fn states_are_words_and_those_of_tomorrow_are_bearable() {
        let info: PresenceInfo = serde_json::from_str(r#"{"state":"do_not_disturb","since":5}"#).unwrap();
        assert_eq!((info.state, info.since), (Availability::DoNotDisturb, Some(5)));
        assert_eq!(serde_json::to_string(&info).unwrap(), r#"{"state":"do_not_disturb","since":5}"#);
        let newer: PresenceInfo = serde_json::from_str(r#"{"state":"asleep"}"#).unwrap();
        assert_eq!(newer.state, Availability::Unknown);
        assert!(serde_json::from_str::<SetPresence>(r#"{"state":"asleep"}"#).is_err());
    }
}
