//! Words of a chat: opening one, sending into it, reading it back, and the notices the server writes there.

use super::{Check, NAME_MAX, VocabularyError, label, within};
use serde::{Deserialize, Serialize};

/// Longest text of one message, in bytes.
pub const TEXT_MAX: usize = 16 * 1024;
/// Longest idempotency key, in bytes.
pub const KEY_MAX: usize = 64;
/// Most messages that one page of history holds.
pub const HISTORY_MAX: u32 = 200;

/// Number of a chat, given by the server, stable over its restarts.
pub type ChatId = u64;

/// Someone who belongs to a chat or a call.
pub type Member = super::Account;

/// Body of `POST /v1/chats`: opens the direct chat with someone, or finds the one that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenChat {
    /// Name of the other account.
    pub with: String,
}

impl Check for OpenChat {
    fn check(&self) -> Result<(), VocabularyError> {
        label("with", NAME_MAX, &self.with)
    }
}

/// A chat. Its messages are the frames of `track`, kind `Message`, each payload one [`Message`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// Its number.
    pub id: ChatId,
    /// The track to put a cursor on.
    pub track: u64,
    /// Everyone in it, the caller too.
    pub members: Vec<Member>,
    /// Sequence of the newest message, 0 while there is none.
    #[serde(default)]
    pub latest: u64,
}

/// Answer to `GET /v1/chats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chats {
    /// The chats of the caller, the one with the newest message first.
    pub chats: Vec<Chat>,
}

/// Body of `POST /v1/chats/{id}/messages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessage {
    /// What is said, 1 byte to [`TEXT_MAX`].
    pub text: String,
    /// The sender's own name for this message, unique per chat and sender: a repeated send is answered like the first.
    pub key: String,
}

impl Check for SendMessage {
    fn check(&self) -> Result<(), VocabularyError> {
        within("text", TEXT_MAX, self.text.len())?;
        if self.text.is_empty() {
            return Err(VocabularyError::Invalid { what: "text", reason: "it must not be empty" });
        }
        label("key", KEY_MAX, &self.key)
    }
}

/// Answer to a sent message. It is given after the message has reached the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAccepted {
    /// Its place in the chat, from 1, without gaps.
    pub sequence: u64,
    /// When the server took it, in Unix milliseconds.
    pub at: u64,
}

/// One line of a chat, in history and as payload of a frame of kind `Message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its place in the chat, from 1, without gaps.
    pub sequence: u64,
    /// Who said it; for a notice, who caused it.
    pub from: Member,
    /// What was said; for a notice, the same in English for those who do not know its kind.
    pub text: String,
    /// When the server took it, in Unix milliseconds.
    pub at: u64,
    /// The sender's idempotency key; empty for a notice.
    #[serde(default)]
    pub key: String,
    /// Set if the server wrote this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

impl Message {
    /// The message as payload of its frame.
    ///
    /// # Errors
    /// [`VocabularyError::TooLong`] beyond [`super::RESPONSE_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, VocabularyError> {
        super::encode("message", super::RESPONSE_MAX, self)
    }

    /// Reads a frame's payload.
    ///
    /// # Errors
    /// [`VocabularyError`] as [`super::Request::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, VocabularyError> {
        super::parse("message", super::RESPONSE_MAX, bytes)
    }
}

/// What the server itself writes into a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// A call that nobody took.
    MissedCall {
        /// Its number.
        call: u64,
    },
    /// A call that was taken and is over.
    CallEnded {
        /// Its number.
        call: u64,
        /// From accept to end, in milliseconds.
        duration_ms: u64,
    },
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Answer to `GET /v1/chats/{id}/messages?after=&limit=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// In order of sequence, all after `after`.
    pub messages: Vec<Message>,
    /// Whether more follow: ask again after the last one.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_limit() {
        let send = |n: usize, key: &str| SendMessage { text: "x".repeat(n), key: key.into() };
        assert!(send(TEXT_MAX, "k").check().is_ok());
        assert_eq!(
            send(TEXT_MAX + 1, "k").check(),
            Err(VocabularyError::TooLong { what: "text", limit: TEXT_MAX, actual: TEXT_MAX + 1 })
        );
        assert!(send(0, "k").check().is_err());
        assert!(send(1, "").check().is_err());
        assert!(send(1, &"k".repeat(KEY_MAX)).check().is_ok());
        assert!(send(1, &"k".repeat(KEY_MAX + 1)).check().is_err());
    }

    #[test]
    fn message_travels_and_unknown_notices_are_bearable() {
        let message = Message {
            sequence: 7,
            from: Member { id: 1, name: "alice".into() },
            text: "Missed call".into(),
            at: 1,
            key: String::new(),
            notice: Some(Notice::MissedCall { call: 3 }),
        };
        assert_eq!(Message::parse(&message.encode().unwrap()).unwrap(), message);
        let newer = br#"{"v":1,"sequence":1,"from":{"id":1,"name":"a","x":0},"text":"t","at":2,"notice":{"kind":"poll","q":1}}"#;
        assert_eq!(Message::parse(newer).unwrap().notice, Some(Notice::Unknown));
    }
}
