//! Words of what is written into a chat: lines, what changes a line later, the server's notices, pages of history.
//!
//! A chat has one log. Everything that is written into it is an entry of its own, with the next sequence: a line, and
//! likewise an edit, a deletion, a reaction, a pin, a notice. So all of them are stored once, and reach everyone in one
//! order. A page of history shows lines and notices as later entries have left them.
//!
//! A line's text is plain text with the marks that [`markup`](super::markup) knows; no HTML means anything.

use super::{Attachment, ChatRole, Check, Member, VocabularyError, label, within};
use serde::{Deserialize, Serialize};

/// Longest text of one message, in bytes.
pub const TEXT_MAX: usize = 16 * 1024;
/// Longest idempotency key, in bytes.
pub const KEY_MAX: usize = 64;
/// Most lines that one page of history holds.
pub const HISTORY_MAX: u32 = 200;
/// Longest emoji of a reaction, in bytes: the longest sequences of Unicode have 35.
pub const EMOJI_MAX: usize = 48;
/// Most different emoji under one line.
pub const REACTIONS_MAX: usize = 20;
/// Most people that one line mentions.
pub const MENTIONS_MAX: usize = 50;
/// Most files of one line.
pub const FILES_MAX: usize = 10;
/// How far ahead a line can be sent later, in milliseconds: 366 days.
pub const SEND_LATER_MAX: u64 = 366 * 24 * 3_600_000;

/// Body of `POST /v1/chats/{id}/messages`: a line, or a change of an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SendMessage {
    /// What is said, at most [`TEXT_MAX`]; empty only with files or a change.
    #[serde(default)]
    pub text: String,
    /// The sender's own name for this entry, unique per chat and sender: a repeated send is answered like the first.
    pub key: String,
    /// The line that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// Accounts of members who should notice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<u64>,
    /// Files that the sender has sent to `/v1/files` before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Whether nobody's attention is called to it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub silent: bool,
    /// When to send it, in Unix milliseconds; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<u64>,
    /// Instead of a line: what to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

impl SendMessage {
    /// A line of text.
    pub fn line(text: impl Into<String>, key: impl Into<String>) -> Self {
        Self { text: text.into(), key: key.into(), ..Self::default() }
    }

    /// A change.
    pub fn change(change: Change, key: impl Into<String>) -> Self {
        Self { key: key.into(), change: Some(change), ..Self::default() }
    }
}

impl Check for SendMessage {
    fn check(&self) -> Result<(), VocabularyError> {
        let invalid = |what, reason| Err(VocabularyError::Invalid { what, reason });
        within("text", TEXT_MAX, self.text.len())?;
        label("key", KEY_MAX, &self.key)?;
        if self.mentions.len() > MENTIONS_MAX {
            return invalid("mentions", "at most 50 people");
        }
        if self.files.len() > FILES_MAX {
            return invalid("files", "at most 10 files");
        }
        self.files.iter().try_for_each(|file| label("files", super::FILE_ID_MAX, file))?;
        match &self.change {
            Some(change) => {
                let alone = self.text.is_empty() && self.files.is_empty() && self.mentions.is_empty();
                if !alone || self.reply_to.is_some() || self.send_at.is_some() {
                    return invalid("change", "a change has no text, files, mentions, reply_to or send_at beside it");
                }
                change.check()
            }
            None if self.files.is_empty() => text(&self.text),
            None => Ok(()),
        }
    }
}

/// An entry that changes an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// Another text for an own line. In an entry read back it is empty if the line was erased since.
    Edit {
        /// Sequence of the line.
        of: u64,
        /// The new text.
        text: String,
    },
    /// Erases an own line, or as moderator anyone's: text and files are gone from the server, its place stays.
    Delete {
        /// Sequence of the line.
        of: u64,
    },
    /// Puts a reaction under a line, or takes it away.
    React {
        /// Sequence of the line.
        of: u64,
        /// One emoji.
        emoji: String,
        /// False takes it away.
        #[serde(default = "yes")]
        on: bool,
    },
    /// Pins a line, or takes the pin away.
    Pin {
        /// Sequence of the line.
        of: u64,
        /// False takes it away.
        #[serde(default = "yes")]
        on: bool,
    },
    /// A change that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

impl Change {
    /// The line that is changed; 0 for an unknown change.
    pub fn of(&self) -> u64 {
        match self {
            Self::Edit { of, .. } | Self::Delete { of } | Self::React { of, .. } | Self::Pin { of, .. } => *of,
            Self::Unknown => 0,
        }
    }

    fn check(&self) -> Result<(), VocabularyError> {
        match self {
            Self::Edit { text: new, .. } => text(new),
            Self::React { emoji, .. } => {
                label("emoji", EMOJI_MAX, emoji)?;
                if emoji.chars().any(char::is_whitespace) {
                    return Err(VocabularyError::Invalid { what: "emoji", reason: "one emoji, without spaces" });
                }
                Ok(())
            }
            Self::Delete { .. } | Self::Pin { .. } => Ok(()),
            Self::Unknown => Err(VocabularyError::Invalid { what: "change", reason: "use edit, delete, react or pin" }),
        }
    }
}

/// Answer to a sent message. It is given after the message has reached the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageAccepted {
    /// Its place in the chat, from 1, without gaps.
    pub sequence: u64,
    /// When the server took it, in Unix milliseconds.
    pub at: u64,
}

/// Answer to a message with `send_at`: kept on the disk until then. Also one line of `GET /v1/chats/{id}/scheduled`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Scheduled {
    /// Its number, for `DELETE /v1/chats/{id}/scheduled/{scheduled}`.
    pub id: u64,
    /// When it will be sent, in Unix milliseconds.
    pub send_at: u64,
    /// What will be sent.
    pub message: SendMessage,
}

/// Answer to `GET /v1/chats/{id}/scheduled`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AllScheduled {
    /// The caller's own, the next one first.
    pub scheduled: Vec<Scheduled>,
}

/// One entry of a chat: in history as it is now, in a frame of kind `Message` as it was written (but for what was
/// erased since).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Message {
    /// Its place in the chat, from 1, without gaps.
    pub sequence: u64,
    /// Who wrote it; for a notice, who caused it.
    pub from: Member,
    /// What was said; for a notice, the same in English for those who do not know its kind; empty for a change.
    pub text: String,
    /// When the server took it, in Unix milliseconds.
    pub at: u64,
    /// The sender's idempotency key; empty for a notice.
    #[serde(default)]
    pub key: String,
    /// Set if the server wrote this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
    /// Set if this entry changes an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The line that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// Accounts that should notice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<u64>,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// Whether nobody's attention is called to it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub silent: bool,
    /// When it was edited last, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<u64>,
    /// Set if nothing is left of it but its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
    /// Whether it is pinned.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pinned: bool,
    /// The reactions under it; in history only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

impl Message {
    /// A line of text and nothing else.
    pub fn line(sequence: u64, from: Member, text: impl Into<String>, at: u64, key: impl Into<String>) -> Self {
        Self {
            sequence,
            from,
            text: text.into(),
            at,
            key: key.into(),
            notice: None,
            change: None,
            reply_to: None,
            mentions: Vec::new(),
            files: Vec::new(),
            silent: false,
            edited_at: None,
            erased: None,
            pinned: false,
            reactions: Vec::new(),
        }
    }

    /// Whether it is shown as an entry of its own: a line or a notice, not a change.
    pub fn is_shown(&self) -> bool {
        self.change.is_none() && self.erased != Some(Erased::Expired)
    }

    /// Lets a later entry change this line. Doing so twice is like doing it once.
    pub fn apply(&mut self, later: &Message) {
        match &later.change {
            Some(change) if change.of() == self.sequence => match change {
                Change::Edit { text, .. } if self.erased.is_none() => {
                    self.text.clone_from(text);
                    self.edited_at = Some(later.at);
                }
                Change::Delete { .. } => self.erase(Erased::Deleted),
                Change::React { emoji, on, .. } => self.react(emoji, later.from.id, *on),
                Change::Pin { on, .. } => self.pinned = *on,
                Change::Edit { .. } | Change::Unknown => {}
            },
            _ => {}
        }
    }

    /// Leaves nothing but its place.
    pub fn erase(&mut self, erased: Erased) {
        self.text.clear();
        self.mentions.clear();
        self.files.clear();
        self.reactions.clear();
        self.pinned = false;
        self.erased = Some(erased);
    }

    fn react(&mut self, emoji: &str, account: u64, on: bool) {
        if self.erased.is_some() {
            return;
        }
        match (self.reactions.iter_mut().find(|reaction| reaction.emoji == emoji), on) {
            (Some(reaction), true) if reaction.by.contains(&account) => {}
            (Some(reaction), true) => reaction.by.push(account),
            (Some(reaction), false) => reaction.by.retain(|by| *by != account),
            (None, true) => self.reactions.push(Reaction { emoji: emoji.to_owned(), by: vec![account] }),
            (None, false) => {}
        }
        self.reactions.retain(|reaction| !reaction.by.is_empty());
    }

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

/// Why nothing is left of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Erased {
    /// Its author or a moderator deleted it.
    Deleted,
    /// It was older than the chat keeps lines.
    Expired,
    /// A reason that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// A reaction under a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reaction {
    /// One emoji.
    pub emoji: String,
    /// The accounts that gave it.
    pub by: Vec<u64>,
}

/// What the server itself writes into a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// A group chat begins.
    Opened,
    /// Others were asked in.
    Invited {
        /// Who was.
        who: Vec<Member>,
    },
    /// The one who causes this notice has joined.
    Joined,
    /// The one who causes this notice has left.
    Left,
    /// Someone was removed, or a request was taken back.
    Removed {
        /// Who was.
        who: Member,
    },
    /// Someone has another role.
    Role {
        /// Who has.
        who: Member,
        /// Which one.
        role: ChatRole,
    },
    /// The chat has another name.
    Named {
        /// The new one; empty for none.
        name: String,
    },
    /// The chat has another picture.
    Picture {
        /// The file; absent for none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// Lines are kept for another time.
    Retention {
        /// In milliseconds; for ever if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ms: Option<u64>,
    },
    /// A kind that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// Answer to `GET /v1/chats/{id}/messages`.
///
/// `?after=N` gives what follows entry N, `?before=N` what stands before it, `?around=N` both; without any of them, the
/// newest. `&limit=` says how many lines at most ([`HISTORY_MAX`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct History {
    /// Lines and notices in order of sequence, as they are now; changes are in them and do not stand by themselves.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction that was asked for: with `after`, ask again after the last one; with
    /// `before`, before the first one.
    pub more: bool,
    /// The newest entry whose change is in these lines.
    #[serde(default)]
    pub latest: u64,
}

/// Answer to `GET /v1/search?q=&chat=&before=&limit=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Found {
    /// The newest first.
    pub hits: Vec<Hit>,
    /// What to give as `before` for older ones; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A line that was searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hit {
    /// Number of its chat.
    pub chat: u64,
    /// The line.
    pub message: Message,
}

/// Longest search, in bytes.
pub const SEARCH_MAX: usize = 256;
/// Most lines that one answer to a search holds.
pub const HITS_MAX: u32 = 50;

/// A text that must not be empty.
pub(super) fn text(text: &str) -> Result<(), VocabularyError> {
    within("text", TEXT_MAX, text.len())?;
    if text.is_empty() {
        return Err(VocabularyError::Invalid { what: "text", reason: "it must not be empty" });
    }
    Ok(())
}

fn is_false(value: &bool) -> bool {
    !*value
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Member {
        Member { id: 1, name: "alice".into() }
    }

    fn changing(sequence: u64, by: u64, change: Change) -> Message {
        let mut message = Message::line(sequence, Member { id: by, name: "x".into() }, "", sequence * 10, "k");
        message.change = Some(change);
        message
    }

    #[test]
    fn text_keeps_its_limit() {
        let send = |n: usize, key: &str| SendMessage::line("x".repeat(n), key);
        assert!(send(TEXT_MAX, "k").check().is_ok());
        assert_eq!(
            send(TEXT_MAX + 1, "k").check(),
            Err(VocabularyError::TooLong { what: "text", limit: TEXT_MAX, actual: TEXT_MAX + 1 })
        );
        assert!(send(0, "k").check().is_err());
        assert!(send(1, "").check().is_err());
        assert!(send(1, &"k".repeat(KEY_MAX)).check().is_ok());
        assert!(send(1, &"k".repeat(KEY_MAX + 1)).check().is_err());
        assert!(SendMessage { files: vec!["f".into()], ..send(0, "k") }.check().is_ok());
        assert!(SendMessage { files: vec!["f".into(); FILES_MAX + 1], ..send(1, "k") }.check().is_err());
        assert!(SendMessage { mentions: vec![1; MENTIONS_MAX + 1], ..send(1, "k") }.check().is_err());
    }

    #[test]
    fn a_change_stands_alone_and_keeps_its_limits() {
        let change = |json: &str| {
            let change: Change = serde_json::from_str(json).unwrap();
            SendMessage::change(change, "k").check()
        };
        assert!(change(r#"{"kind":"edit","of":1,"text":"better"}"#).is_ok());
        assert!(change(r#"{"kind":"react","of":1,"emoji":"👍🏽"}"#).is_ok());
        for bad in [
            r#"{"kind":"edit","of":1,"text":""}"#,
            r#"{"kind":"react","of":1,"emoji":""}"#,
            r#"{"kind":"react","of":1,"emoji":"a b"}"#,
            r#"{"kind":"paint","of":1}"#,
        ] {
            assert!(change(bad).is_err(), "{bad}");
        }
        let both = SendMessage { text: "x".into(), ..SendMessage::change(Change::Delete { of: 1 }, "k") };
        assert!(both.check().is_err());
    }

    #[test]
    fn message_travels_and_unknown_notices_are_bearable() {
        let mut message = Message::line(7, alice(), "Missed call", 1, "");
        message.notice = Some(Notice::MissedCall { call: 3 });
        assert_eq!(Message::parse(&message.encode().unwrap()).unwrap(), message);
        let newer = br#"{"v":1,"sequence":1,"from":{"id":1,"name":"a","x":0},"text":"t","at":2,"notice":{"kind":"poll","q":1},"change":{"kind":"paint","of":9}}"#;
        let newer = Message::parse(newer).unwrap();
        assert_eq!((newer.notice, newer.change), (Some(Notice::Unknown), Some(Change::Unknown)));
        let plain = Message::line(1, alice(), "hi", 2, "k").encode().unwrap();
        let shape = r#"{"v":1,"sequence":1,"from":{"id":1,"name":"alice"},"text":"hi","at":2,"key":"k"}"#;
        assert_eq!(std::str::from_utf8(&plain).unwrap(), shape, "what is not there takes no room");
    }

    #[test]
    fn changes_fold_into_their_line_however_often_they_come() {
        let mut line = Message::line(3, alice(), "helo", 30, "k");
        let changes = [
            changing(4, 1, Change::Edit { of: 3, text: "hello".into() }),
            changing(5, 2, Change::React { of: 3, emoji: "👍".into(), on: true }),
            changing(6, 3, Change::React { of: 3, emoji: "👍".into(), on: true }),
            changing(7, 2, Change::React { of: 3, emoji: "👍".into(), on: false }),
            changing(8, 2, Change::Pin { of: 3, on: true }),
            changing(9, 2, Change::Edit { of: 2, text: "another line".into() }),
        ];
        for change in changes.iter().chain(&changes) {
            line.apply(change);
        }
        assert_eq!((line.text.as_str(), line.edited_at, line.pinned), ("hello", Some(40), true));
        assert_eq!(line.reactions, [Reaction { emoji: "👍".into(), by: vec![3] }]);
        line.apply(&changing(10, 1, Change::Delete { of: 3 }));
        line.apply(&changes[0]);
        line.apply(&changes[2]);
        assert_eq!((line.text.as_str(), line.erased, line.reactions.len()), ("", Some(Erased::Deleted), 0));
        assert!(line.is_shown() && !changes[0].is_shown());
    }
}
