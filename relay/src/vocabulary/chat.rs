//! Words of a chat: opening one, who is in it and in what part, and what changes about it.

use super::{Check, NAME_MAX, VocabularyError, label, within};
use serde::{Deserialize, Serialize};

/// Longest name of a group chat, in bytes.
pub const CHAT_NAME_MAX: usize = 128;
/// Most people in one chat, those who were asked and have not answered included.
pub const GROUP_MAX: usize = 500;
/// Most members that stand in a [`Chat`] itself; `GET /v1/chats/{id}/members` gives all.
pub const MEMBERS_SHOWN: usize = 16;
/// Most chats that one page of the list holds.
pub const CHATS_MAX: u32 = 100;
/// Shortest and longest retention of a chat, in milliseconds: a minute and ten years.
pub const RETENTION_MS: std::ops::RangeInclusive<u64> = 60_000..=10 * 366 * 24 * 3_600_000;

/// Number of a chat, given by the server, stable over its restarts.
pub type ChatId = u64;

/// Someone who belongs to a chat or a call.
pub type Member = super::Account;

/// Who a chat is opened with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum With {
    /// Name of one account: the direct chat with it, of which there is one.
    One(String),
    /// Names of those who are asked into a new group chat.
    Group(Vec<String>),
}

/// Body of `POST /v1/chats`: opens the direct chat with someone, or finds the one that exists; or makes a group chat.
///
/// Whoever is asked gets a request, and is in the chat after accepting it. A direct chat exists at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenChat {
    /// `"bob"`, or `["bob", "carol"]`.
    pub with: With,
    /// The group's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The first line, which stands in the requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The asker's own name for this: a repeated command is answered like the first. Needed for a group, and for a first
    /// line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl OpenChat {
    /// The direct chat with someone.
    pub fn direct(with: impl Into<String>) -> Self {
        Self { with: With::One(with.into()), name: String::new(), text: None, key: None }
    }
}

impl Check for OpenChat {
    fn check(&self) -> Result<(), VocabularyError> {
        match &self.with {
            With::One(name) => label("with", NAME_MAX, name)?,
            With::Group(names) => {
                names_of_people("with", names)?;
                if self.key.is_none() {
                    return Err(VocabularyError::Invalid { what: "key", reason: "a group chat needs one" });
                }
            }
        }
        name_of_chat(&self.name)?;
        if let Some(text) = &self.text {
            super::message::text(text)?;
            if self.key.is_none() {
                return Err(VocabularyError::Invalid { what: "key", reason: "a first line needs one" });
            }
        }
        self.key.as_deref().map_or(Ok(()), |key| label("key", super::KEY_MAX, key))
    }
}

/// What kind of chat it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// Of two, one for each pair.
    #[default]
    Direct,
    /// Of any number.
    Group,
    /// A kind that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// What someone may do in a group chat. Each may do what those before it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChatRole {
    /// Writes, asks others in, leaves.
    #[default]
    Member,
    /// Keeps order: removes members and what they wrote, names the chat, pins, sets how long lines are kept.
    Moderator,
    /// Makes moderators, and hands the chat over.
    Owner,
}

impl ChatRole {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Member, Self::Moderator, Self::Owner];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }
}

/// How someone stands to a chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In it.
    #[default]
    Joined,
    /// Asked, and has not answered.
    Requested,
    /// Asked, and does not want to hear of it. To others this looks like [`Standing::Requested`].
    Ignored,
    /// Said no.
    Declined,
    /// A standing that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// Someone who belongs to a chat, with the part that they have in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChatMember {
    /// The account's number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What they may do; a role that this version does not know counts as [`ChatRole::Member`].
    #[serde(default, deserialize_with = "bearable_role")]
    pub role: ChatRole,
    /// Whether they are in it.
    #[serde(default)]
    pub standing: Standing,
}

/// Why a chat stands in someone's list who has not joined it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChatRequest {
    /// Who asks.
    pub from: Member,
    /// The first line, or what was said when asking; may be empty.
    pub text: String,
    /// When, in Unix milliseconds.
    pub at: u64,
}

/// A chat as one of its members sees it. Its log is `track`: frames of kind `Message`, each payload one
/// [`Message`](super::Message).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chat {
    /// Its number.
    pub id: ChatId,
    /// The track to put a cursor on for what is written.
    pub track: u64,
    /// The track of [`Signal`](super::Signal)s: who types, who has read how far.
    #[serde(default)]
    pub signals: u64,
    /// Of two or of many.
    #[serde(default)]
    pub kind: ChatKind,
    /// The group's name; empty if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The file that is the group's picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// At most [`MEMBERS_SHOWN`] of those who belong to it, the owner first, the caller among them.
    pub members: Vec<ChatMember>,
    /// How many have joined.
    #[serde(default)]
    pub joined: u32,
    /// How the caller stands to it.
    #[serde(default)]
    pub standing: Standing,
    /// What the caller may do.
    #[serde(default, deserialize_with = "bearable_role")]
    pub role: ChatRole,
    /// While the caller has not joined: who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ChatRequest>,
    /// The caller may read what comes after this sequence.
    #[serde(default)]
    pub since: u64,
    /// Sequence of the newest entry, 0 while there is none.
    #[serde(default)]
    pub latest: u64,
    /// How far the caller has read.
    #[serde(default)]
    pub read: u64,
    /// Lines of others after that, counted up to [`UNREAD_MAX`]. Events do not count: they say 0.
    #[serde(default)]
    pub unread: u32,
    /// For how long lines are kept, in milliseconds; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_ms: Option<u64>,
}

/// Unread lines are counted up to this number.
pub const UNREAD_MAX: u32 = 1_000;

/// Answer to `GET /v1/chats?after=&limit=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chats {
    /// The chats of the caller, the one with the newest entry first, requests among them.
    pub chats: Vec<Chat>,
    /// What to give as `after` for those that follow; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Answer to `GET /v1/chats/{id}/members`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChatMembers {
    /// Everyone who belongs to it, in the order of their numbers.
    pub members: Vec<ChatMember>,
}

/// Body of `POST /v1/chats/{id}/members`: asks others into a group chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AskIn {
    /// Names of accounts. Who belongs to the chat already is passed over.
    pub names: Vec<String>,
    /// What to say when asking.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Check for AskIn {
    fn check(&self) -> Result<(), VocabularyError> {
        names_of_people("names", &self.names)?;
        within("text", super::TEXT_MAX, self.text.len())
    }
}

/// Body of `PUT /v1/chats/{id}/members/{account}`: what a member may do from now on. The owner who makes another one
/// owner is a moderator afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetRole {
    /// The new role.
    pub role: ChatRole,
}

impl Check for SetRole {
    fn check(&self) -> Result<(), VocabularyError> {
        Ok(())
    }
}

/// Body of `PATCH /v1/chats/{id}`. What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeChat {
    /// The group's new name; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A picture that the caller has sent to `/v1/files`; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// How long lines are kept from now on, in milliseconds; 0 for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_ms: Option<u64>,
}

impl Check for ChangeChat {
    fn check(&self) -> Result<(), VocabularyError> {
        self.name.as_deref().map_or(Ok(()), name_of_chat)?;
        within("picture", super::FILE_ID_MAX, self.picture.as_deref().unwrap_or_default().len())?;
        match self.retention_ms {
            Some(retention) if retention > 0 && !RETENTION_MS.contains(&retention) => Err(VocabularyError::Invalid {
                what: "retention_ms",
                reason: "use 60000 (a minute) to 316224000000 (ten years), or 0 to keep lines for ever",
            }),
            _ => Ok(()),
        }
    }
}

/// Why a chat is no longer in someone's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClosedReason {
    /// They left it.
    Left,
    /// They were removed from it, or the request was taken back.
    Removed,
    /// They declined the request.
    Declined,
    /// They ignore the request.
    Ignored,
    /// A reason that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

fn bearable_role<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ChatRole, D::Error> {
    let word = String::deserialize(deserializer)?;
    Ok(ChatRole::ALL.into_iter().find(|role| role.word() == word).unwrap_or_default())
}

fn names_of_people(what: &'static str, names: &[String]) -> Result<(), VocabularyError> {
    if names.is_empty() || names.len() >= GROUP_MAX {
        return Err(VocabularyError::Invalid { what, reason: "name 1 to 499 accounts" });
    }
    names.iter().try_for_each(|name| label(what, NAME_MAX, name))
}

fn name_of_chat(name: &str) -> Result<(), VocabularyError> {
    if name.is_empty() { Ok(()) } else { label("name", CHAT_NAME_MAX, name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(json: &str) -> Result<OpenChat, VocabularyError> {
        super::super::body(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn one_name_is_a_direct_chat_and_several_are_a_group() {
        assert_eq!(open(r#"{"with":"bob"}"#).unwrap(), OpenChat::direct("bob"));
        assert_eq!(serde_json::to_string(&OpenChat::direct("bob")).unwrap(), r#"{"with":"bob"}"#);
        let group = open(r#"{"with":["bob","carol"],"name":"lunch","key":"k","text":"Hungry?"}"#).unwrap();
        assert_eq!(group.with, With::Group(vec!["bob".into(), "carol".into()]));
        for bad in [
            r#"{"with":""}"#,
            r#"{"with":[],"key":"k"}"#,
            r#"{"with":["bob"]}"#,
            r#"{"with":["bob",""],"key":"k"}"#,
            r#"{"with":"bob","text":"hello"}"#,
            r#"{"with":"bob","text":"","key":"k"}"#,
            r#"{"with":["bob"],"key":"k","name":"a\nb"}"#,
        ] {
            assert!(matches!(open(bad), Err(VocabularyError::Invalid { .. })), "{bad}");
        }
        let crowd = |n: usize| OpenChat {
            with: With::Group(vec!["x".into(); n]),
            key: Some("k".into()),
            ..OpenChat::direct("")
        };
        assert!(crowd(GROUP_MAX - 1).check().is_ok());
        assert!(crowd(GROUP_MAX).check().is_err());
    }

    #[test]
    fn a_chat_of_a_newer_server_is_bearable() {
        let chat: Chat = serde_json::from_str(
            r#"{"id":1,"track":5,"kind":"salon","members":[{"id":1,"name":"a","role":"chair","standing":"asleep"}]}"#,
        )
        .unwrap();
        assert_eq!((chat.kind, chat.members[0].standing), (ChatKind::Unknown, Standing::Unknown));
        assert_eq!(chat.members[0].role, ChatRole::Member);
        assert!(ChatRole::Owner > ChatRole::Moderator && ChatRole::Moderator > ChatRole::Member);
        for role in ChatRole::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.word());
        }
        assert!(serde_json::from_str::<SetRole>(r#"{"role":"chair"}"#).is_err(), "nobody is given an unknown role");
    }

    #[test]
    fn retention_keeps_its_limits() {
        let kept = |retention_ms| ChangeChat { retention_ms: Some(retention_ms), ..ChangeChat::default() }.check();
        assert!(kept(0).is_ok() && kept(60_000).is_ok() && kept(*RETENTION_MS.end()).is_ok());
        assert!(kept(59_999).is_err() && kept(RETENTION_MS.end() + 1).is_err());
    }
}
