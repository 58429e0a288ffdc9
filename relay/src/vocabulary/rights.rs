//! Words about rights: the role of an account, and what it may do with one thing beyond that.

use super::{Check, VocabularyError, label};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Longest name or number of a thing that a grant is about, in bytes.
pub const THING_ID_MAX: usize = 64;

/// What an account may do anywhere. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Chats and calls.
    #[default]
    Member,
    /// Publishes: public tracks, channels, feeds.
    Provider,
    /// Keeps order: sees accounts, locks and unlocks those of members and providers.
    Moderator,
    /// Everything.
    Administrator,
}

/// A kind of thing that a grant is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Thing {
    /// A chat, by its number.
    Chat,
    /// A channel or a public track, by its name.
    Channel,
    /// A feed, by its name.
    Feed,
    /// A page, by its name.
    Page,
}

/// What a grant allows. Each right includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// See it.
    Read,
    /// Write or publish into it.
    Write,
    /// Change and remove it.
    Manage,
}

/// A word that is none of those known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {known}")]
pub struct UnknownWord {
    found: String,
    known: String,
}

macro_rules! words {
    ($kind:ident: $($variant:ident = $word:literal),*) => {
        impl $kind {
            /// All of them, the least first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As it is written.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl FromStr for $kind {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let known = [$($word),*].join(", ");
                let found = Self::ALL.iter().copied().find(|one| one.word() == text);
                found.ok_or_else(|| UnknownWord { found: text.to_owned(), known })
            }
        }
    };
}
words!(Role: Member = "member", Provider = "provider", Moderator = "moderator", Administrator = "administrator");
words!(Thing: Chat = "chat", Channel = "channel", Feed = "feed", Page = "page");
words!(Right: Read = "read", Write = "write", Manage = "manage");

/// What an account may do with one thing, whatever its role. Body of `PUT /v1/admin/grants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Grant {
    /// Number of the account.
    pub account: u64,
    /// What kind of thing.
    pub thing: Thing,
    /// Which one: its number or name.
    pub id: String,
    /// What it may do.
    pub right: Right,
}

impl Check for Grant {
    fn check(&self) -> Result<(), VocabularyError> {
        label("id", THING_ID_MAX, &self.id)
    }
}

/// Body of `DELETE /v1/admin/grants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ungrant {
    /// Number of the account.
    pub account: u64,
    /// What kind of thing.
    pub thing: Thing,
    /// Which one.
    pub id: String,
}

impl Check for Ungrant {
    fn check(&self) -> Result<(), VocabularyError> {
        label("id", THING_ID_MAX, &self.id)
    }
}

/// Answer to `GET /v1/admin/accounts/{id}/grants`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Grants {
    /// By thing.
    pub grants: Vec<Grant>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_json_and_on_the_command_line() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.word());
            assert_eq!(role.word().parse(), Ok(*role));
        }
        assert!(Role::Member < Role::Provider && Role::Moderator < Role::Administrator);
        assert_eq!(Right::ALL.iter().max(), Some(&Right::Manage));
        let unknown = "king".parse::<Role>().unwrap_err().to_string();
        assert!(unknown.contains("member, provider, moderator, administrator"), "{unknown}");
        let grant: Grant =
            serde_json::from_str(r#"{"account":2,"thing":"channel","id":"lobby","right":"write"}"#).unwrap();
        assert!(grant.check().is_ok() && grant.right >= Right::Read);
    }
}
