//! Words of a call: who is in it, how far it has come, why it ended.

use super::{ChatId, Check, MediaTracks, Member, VocabularyError};
use serde::{Deserialize, Serialize};

/// Number of a call, given by the server.
pub type CallId = u64;

/// Body of `POST /v1/calls`: rings everyone else in the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StartCall {
    /// The chat that the call belongs to.
    pub chat: ChatId,
}

impl Check for StartCall {
    fn check(&self) -> Result<(), VocabularyError> {
        Ok(())
    }
}

/// A call as both ends see it; answer to start, accept, decline and hang up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// The chat it was started from.
    pub chat: ChatId,
    /// Who started it.
    pub caller: Member,
    /// Everyone in it, the caller first.
    pub participants: Vec<Participant>,
    /// How far it has come.
    pub phase: CallPhase,
}

/// One person's part in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Participant {
    /// The person's account.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What the person does at the moment.
    pub presence: Presence,
    /// The tracks that this person writes, once joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracks: Option<MediaTracks>,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    /// Nobody but the caller is in it yet.
    Ringing,
    /// At least two are in it.
    Talking,
    /// Over.
    Ended,
    /// A phase that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// What one person does in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Asked, no device has answered yet.
    Invited,
    /// At least one device rings.
    Ringing,
    /// In the call.
    Joined,
    /// Said no.
    Declined,
    /// Was in another call.
    Busy,
    /// Did not answer in time.
    NoAnswer,
    /// Was in it and left.
    Left,
    /// A presence that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Someone hung up.
    HungUp,
    /// Someone could not be reached for too long.
    Unreachable,
    /// The server closes.
    ServerClosing,
    /// A reason that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}
