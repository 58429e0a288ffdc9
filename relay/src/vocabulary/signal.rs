//! Words of what passes in a chat without being kept for ever: who types, who has received and read how far.

use super::{Check, VocabularyError};
use serde::{Deserialize, Serialize};

/// Someone who types says so again at least this often, in milliseconds; whoever hears nothing for twice as long stops
/// showing it.
pub const TYPING_AGAIN_MS: u64 = 4_000;

/// The newest of its kind about one member: payload of a frame of kind `Event` on a chat's track of signals, which keeps
/// the latest of each. On the wire: `{"v":1,"signal":"marks","account":2,"delivered":14,"read":12}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// How far a member has come.
    Marks(Marks),
    /// Whether a member types.
    Typing {
        /// Who.
        account: u64,
        /// False when they have stopped.
        on: bool,
        /// When, in Unix milliseconds.
        at: u64,
    },
    /// A signal that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// How far a member has come in a chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Marks {
    /// Who.
    pub account: u64,
    /// A device of theirs has every entry up to this sequence.
    pub delivered: u64,
    /// They have seen every entry up to this sequence.
    pub read: u64,
}

/// Answer to `GET /v1/chats/{id}/marks`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AllMarks {
    /// Of everyone who has joined.
    pub marks: Vec<Marks>,
}

/// Body of `PUT /v1/chats/{id}/marks`: how far the caller has come. Marks only ever go forward; what is read is
/// delivered as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetMarks {
    /// A device has every entry up to this sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<u64>,
    /// The person has seen every entry up to this sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
}

impl Check for SetMarks {
    fn check(&self) -> Result<(), VocabularyError> {
        Ok(())
    }
}

/// Body of `POST /v1/chats/{id}/typing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetTyping {
    /// Whether the caller types.
    pub on: bool,
}

impl Check for SetTyping {
    fn check(&self) -> Result<(), VocabularyError> {
        Ok(())
    }
}

impl Signal {
    /// Who it is about; 0 for an unknown one.
    pub fn account(&self) -> u64 {
        match self {
            Self::Marks(marks) => marks.account,
            Self::Typing { account, .. } => *account,
            Self::Unknown => 0,
        }
    }

    /// The signal as payload of its frame.
    ///
    /// # Errors
    /// [`VocabularyError::TooLong`] beyond [`super::EVENT_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, VocabularyError> {
        super::encode("signal", super::EVENT_MAX, self)
    }

    /// Reads a frame's payload.
    ///
    /// # Errors
    /// [`VocabularyError`] as [`super::Request::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, VocabularyError> {
        super::parse("signal", super::EVENT_MAX, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_the_documented_json() {
        let marks = Signal::Marks(Marks { account: 2, delivered: 14, read: 12 });
        let bytes = marks.encode().unwrap();
        let json = r#"{"v":1,"signal":"marks","account":2,"delivered":14,"read":12}"#;
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), json);
        assert_eq!(Signal::parse(&bytes).unwrap(), marks);
        let newer = Signal::parse(br#"{"v":1,"signal":"dreams","account":2}"#).unwrap();
        assert_eq!((newer, newer.account()), (Signal::Unknown, 0));
    }
}
